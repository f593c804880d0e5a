//! What a durable batch changes: judged once, kept in memory until the tables hold it.

use super::entry::SideRow;
use super::log::Position;
use crate::base::{BatchId, Key16, RedemptionId, Wall};
use crate::host::sqlite::Seat;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{ClaimKind, ClaimStatus, Verdict};
use std::sync::Arc;
use std::vec::Vec;

/// A redemption, as far as later units are judged by it.
#[derive(Clone, Debug)]
pub(in crate::host) struct RowState {
    /// The epoch that wrote last.
    pub(in crate::host) epoch: u64,
    pub(in crate::host) records: u32,
    pub(in crate::host) due: Option<Wall>,
    /// Whether it is handed back when it is due.
    pub(in crate::host) waiting: bool,
    pub(in crate::host) fingerprint: Arc<[u8]>,
    pub(in crate::host) summary: Arc<[u8]>,
}

impl RowState {
    /// Whether the writer has it in memory and will write it again.
    pub(super) fn is_live(&self) -> bool {
        self.due.is_some() && !self.waiting
    }
}

/// A unit that stands.
#[derive(Debug)]
pub(in crate::host) struct RowChange {
    pub(in crate::host) redemption: RedemptionId,
    /// How its redemption stands after it.
    pub(in crate::host) state: RowState,
    /// Whether the redemption is new.
    pub(in crate::host) new: bool,
    /// Its records, one after the other.
    pub(in crate::host) log: Vec<u8>,
}

/// A claim as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) struct Held {
    pub(in crate::host) holder: RedemptionId,
    pub(in crate::host) kind: ClaimKind,
    pub(in crate::host) generation: u32,
    pub(in crate::host) status: ClaimStatus,
}

/// What the units of one batch change, in their order.
#[derive(Debug, Default)]
pub(in crate::host) struct Changes {
    pub(in crate::host) rows: Vec<RowChange>,
    /// `None`: released.
    pub(in crate::host) claims: Vec<(Key16, Option<Held>)>,
    pub(in crate::host) seats: Vec<Seat>,
    pub(in crate::host) postings: Vec<(Account, Currency, i128)>,
}

/// A batch that is durable.
#[derive(Debug)]
pub(in crate::host) struct Taken {
    pub(in crate::host) id: BatchId,
    pub(in crate::host) wall: Wall,
    /// Where its entry lies, and where the next one will.
    pub(in crate::host) at: Position,
    pub(in crate::host) end: Position,
    pub(in crate::host) refused: usize,
    pub(in crate::host) changes: Changes,
    pub(in crate::host) sides: Vec<SideRow>,
    pub(in crate::host) verdicts: Arc<[Verdict]>,
}

/// What the tables take in, in order.
#[derive(Clone, Debug)]
pub(in crate::host) enum Work {
    /// A batch.
    Batch(Arc<Taken>),
    /// A writer has opened its epoch.
    Takeover(Position),
    /// The engine's state after a batch.
    Checkpoint(BatchId, Vec<u8>),
}
