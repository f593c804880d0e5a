//! One redemption as an index keeps it.

use super::{Side, Unit, Verdict};
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
    /// Its side rows: one or two, by slot.
    sides: Vec<(u8, Vec<u8>)>,
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
    /// A redemption that goes all the way writes about so many times the bytes of its first unit.
    const TIMES_THE_FIRST: usize = 3;

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
        let records = unit.records.as_bytes();
        if self.log.is_empty() && unit.due.is_some() {
            self.log.reserve_exact(Self::TIMES_THE_FIRST * records.len());
        }
        self.log.extend_from_slice(records);
    }

    /// Puts or erases a side row.
    pub(super) fn put_side(&mut self, side: &Side) {
        self.sides.retain(|(slot, _)| *slot != side.slot);
        self.sides.extend(side.content.clone().map(|content| (side.slot, content)));
        self.sides.sort_unstable_by_key(|(slot, _)| *slot);
    }

    /// The sealed content of a side row, by slot.
    pub fn side(&self, slot: u8) -> Option<&[u8]> {
        self.sides.iter().find(|(own, _)| *own == slot).map(|(_, content)| content.as_slice())
    }

    /// The row as it is handed back.
    pub fn hand(&self, redemption: RedemptionId) -> Handed {
        Handed { redemption, log: self.log.clone(), sides: self.sides.iter().cloned().collect() }
    }
}

impl Verdict {
    /// Whether the unit stands.
    pub fn is_accepted(&self) -> bool {
        self.refusal.is_none()
    }
}
