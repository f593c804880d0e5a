//! One redemption as an index keeps it.

use super::{Unit, Verdict};
use crate::base::{RedemptionId, Wall};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// One redemption as an index keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The epoch that wrote last.
    pub epoch: u64,
    /// How many records there are.
    pub records: u32,
    /// When it is handed back; `None` at the end.
    pub due: Option<Wall>,
    /// Whether it left memory.
    pub dormant: bool,
    /// The request's fingerprint.
    pub fingerprint: Vec<u8>,
    /// How it stands.
    pub summary: Vec<u8>,
    /// Its records, one after the other.
    pub log: Vec<u8>,
    /// Its side rows by slot.
    pub sides: BTreeMap<u8, Vec<u8>>,
}

/// A redemption as a store hands it back to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// Which redemption.
    pub redemption: RedemptionId,
    /// Its records, one after the other.
    pub log: Vec<u8>,
    /// Its side rows by slot.
    pub sides: BTreeMap<u8, Vec<u8>>,
}

impl Row {
    /// Takes an accepted unit in; its side rows are put by the caller.
    pub(super) fn take(&mut self, unit: &Unit, epoch: u64) {
        self.epoch = epoch;
        self.records += u32::try_from(unit.records.len()).expect("a unit holds few records");
        self.due = unit.due;
        self.dormant = unit.dormant;
        if !unit.fingerprint.is_empty() {
            self.fingerprint.clone_from(&unit.fingerprint);
        }
        self.summary.clone_from(&unit.summary);
        self.log.extend_from_slice(unit.records.as_bytes());
    }

    /// The row as it is handed back.
    pub fn hand(&self, redemption: RedemptionId) -> Handed {
        Handed { redemption, log: self.log.clone(), sides: self.sides.clone() }
    }
}

impl Verdict {
    /// Whether the unit stands.
    pub fn is_accepted(&self) -> bool {
        self.refusal.is_none()
    }
}
