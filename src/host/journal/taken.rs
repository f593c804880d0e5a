//! What a durable batch changes: judged once, kept in memory until the tables hold it.

use super::entry::{Place, SideRow};
use super::log::Position;
use crate::base::{BatchId, Key16, RedemptionId, Wall};
use crate::host::sqlite::Seat;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{Batch, ClaimKind, ClaimStatus, HEADER_LEN, Verdict, crc32c};
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
    /// Where in the frame its records lie, and their checksum.
    pub(super) log: Log,
}

/// The records of a unit, as they stand one after the other in their batch's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Log {
    at: u32,
    length: u32,
    checksum: u32,
}

impl Log {
    /// The records of every unit: they are the last thing that a frame holds of it.
    pub(super) fn of_units(batch: &Batch) -> impl Iterator<Item = Self> {
        let (frame, mut end) = (batch.bytes(), HEADER_LEN);
        batch.units().iter().map(move |unit| {
            let head = frame[end..end + 4].try_into().expect("four bytes");
            end += 4 + u32::from_le_bytes(head) as usize;
            let length = unit.records.as_bytes().len();
            let at = end - length;
            let number = |n: usize| u32::try_from(n).expect("a frame is far below 4 GiB");
            Self { at: number(at), length: number(length), checksum: crc32c(&frame[at..end]) }
        })
    }
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
    /// Where its frame begins in the segment.
    pub(super) frame: u64,
    pub(in crate::host) refused: usize,
    pub(in crate::host) changes: Changes,
    pub(in crate::host) sides: Vec<SideRow>,
    pub(in crate::host) verdicts: Arc<[Verdict]>,
}

impl Taken {
    /// Where the records of one of its units lie.
    pub(in crate::host) fn log(&self, change: &RowChange) -> Place {
        let Log { at, length, checksum } = change.log;
        Place { segment: self.at.segment, offset: self.frame + u64::from(at), length, checksum }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;
    use crate::record::{Frame, Record, Unit};
    use std::vec;

    #[test]
    fn the_records_of_each_unit_are_found_in_the_frame() {
        let record = |n: u8| Record { kind: n.into(), version: 1, body: &[7; 9][..n.into()] };
        let unit = |id, records: &[Record<'_>]| Unit {
            redemption: RedemptionId([id; 16]),
            summary: vec![id; 40],
            records: records.iter().copied().collect(),
            ..Unit::default()
        };
        let units = vec![unit(1, &[record(3), record(9)]), unit(2, &[]), unit(3, &[record(0)])];
        let id = BatchId { epoch: 1, sequence: 1 };
        let frame = Frame { id, log: 0, wall: Wall(0), previous: Digest::default(), units };
        let batch = Batch::new(frame, vec![]);
        for (unit, log) in batch.units().iter().zip(Log::of_units(&batch)) {
            let (at, wanted) = (log.at as usize, unit.records.as_bytes());
            assert_eq!(&batch.bytes()[at..at + log.length as usize], wanted);
            assert_eq!(log.checksum, crc32c(wanted));
        }
    }
}
