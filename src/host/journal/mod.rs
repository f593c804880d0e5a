//! The journal: batches in append-only segments are the truth, SQLite behind them is claim index
//! and readable tables.
//!
//! A commit judges its units in memory, writes one entry at the end of a segment that was zeroed
//! ahead, and syncs that: nothing else is waited for. A thread behind takes the durable batches
//! into the tables, many at a time; until then they are in memory, and if the process dies before,
//! they are applied when the journal is opened again.
//!
//! In the folder: `segment-00000001` and so on, `tables.db` (with `-wal` and `-shm`), which
//! `sqlite3` opens at any time and which may be deleted while the journal is closed, for it is made
//! anew; `names`, likewise; and `lock`. `docs/format.md` describes the segments.

mod applier;
mod backup;
mod check;
mod convert;
mod disk;
mod entry;
mod filter;
mod hash;
pub(super) mod lock;
mod log;
mod names;
mod open;
mod overlay;
mod pace;
mod read;
mod subjects;
mod taken;

pub use disk::Disk;
pub(super) use disk::sync_folder;
pub(super) use entry::Place;
pub(super) use hash::ByName;
pub(super) use log::Position;
pub(super) use taken::{Held, RowState, Taken, Work};

use super::store::refused;
use super::{Describe, Described, Store, StoreError};
use crate::base::{BatchId, RedemptionId, Wall};
use crate::engine::Recovery;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{Batch, Handed, Verdict};
use applier::Applier;
use entry::{Draft, Kind, SideRow};
use log::Log;
use overlay::Overlay;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::vec::Vec;

/// How a journal is laid out, and what its tables show. Segments of all lengths can be read,
/// whatever is set here.
#[derive(Clone, Copy, Debug)]
pub struct JournalOptions {
    /// The length of the first segment in bytes; each next one is twice as long. 4 MiB if not
    /// said.
    pub first_segment: u64,
    /// The length of the largest segments in bytes; 64 MiB if not said.
    pub largest_segment: u64,
    /// Fills the readable columns of redemptions.
    pub describe: Describe,
}

impl Default for JournalOptions {
    fn default() -> Self {
        let describe: Describe = |summary| Described::of_summary(summary);
        Self { first_segment: 4 << 20, largest_segment: 64 << 20, describe }
    }
}

/// The journal store: the default where there is a file system.
///
/// One process has it open at a time. A failed write or sync makes it useless until it is opened
/// again, for nothing is known of what such a disk holds.
pub struct Journal {
    // The order of the fields is that of their end: the tables are brought up to date first.
    core: Core,
    log: Log,
    path: PathBuf,
    _lock: lock::Lock,
}

/// For each unit of a batch so many are let go of that the tables hold: more go than come.
const LET_GO: usize = 4;

/// A batch as it stands in the log.
struct Written {
    at: Position,
    /// Where its frame begins in the segment.
    frame: u64,
    refused: usize,
    sides: Vec<SideRow>,
}

/// What judges and keeps, without the log.
struct Core {
    applier: Applier,
    overlay: Overlay,
    model: super::sqlite::Model,
    /// What the units of the last batch were told, once it is known here.
    verdicts: Option<Arc<[Verdict]>>,
    /// As it was found last.
    first_due: Option<FirstDue>,
}

/// What waits first in the tables: asked for after each commit, and they change seldom.
struct FirstDue {
    /// As far as the tables were known to be when they were asked.
    known: u64,
    /// The batch that they were at.
    applied: u64,
    first: Option<(Wall, RedemptionId)>,
}

impl Core {
    /// A writer takes over: what earlier ones had in memory is to be handed back.
    fn take_over(&mut self, at: Position) -> Result<(), StoreError> {
        self.applier.push(Work::Takeover(at));
        self.applier.settle()?;
        self.overlay.forget();
        self.first_due = None;
        Ok(())
    }

    /// Keeps a batch that is durable, and hands it on to the tables.
    fn keep(&mut self, taken: Taken) {
        let taken = Arc::new(taken);
        self.verdicts = Some(Arc::clone(&taken.verdicts));
        self.overlay.keep(Arc::clone(&taken));
        self.applier.push(Work::Batch(taken));
    }

    /// Lets go of what the tables hold by now, but of no more than about `most` units.
    fn settle(&mut self, most: usize) -> Result<(), StoreError> {
        self.overlay.settle(self.applier.applied()?, most);
        Ok(())
    }

    /// What the units of the last batch were told.
    fn verdicts(&mut self, units: usize) -> Result<Vec<Verdict>, StoreError> {
        match &self.verdicts {
            Some(verdicts) => Ok(verdicts.to_vec()),
            None => self.model.verdicts(units),
        }
    }
}

impl Journal {
    /// Waits until the tables hold every batch, and what is erased is gone from the segments.
    ///
    /// # Errors
    /// [`StoreError`], if the tables cannot be written.
    pub fn settle(&mut self) -> Result<(), StoreError> {
        self.core.applier.settle_and_erase()?;
        self.core.settle(usize::MAX)
    }

    /// Whether this batch is the next one, and its writer the present one.
    fn follows(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let (BatchId { epoch, sequence }, at) = (batch.id(), *self.log.at());
        if epoch < at.epoch {
            return Err(StoreError::Fenced { own: epoch, current: at.epoch });
        }
        if Some(sequence) != at.last.sequence.checked_add(1) {
            let text = std::format!("batch {sequence} does not follow batch {}", at.last.sequence);
            return Err(StoreError::Corrupt(text));
        }
        if batch.frame().previous != at.digest {
            return Err(StoreError::off_chain(batch.id()));
        }
        if epoch > at.epoch {
            self.core.take_over(Position { epoch, ..at })?;
        }
        Ok(())
    }

    fn take(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let bound: usize = batch.sides().iter().filter_map(|side| side.content.as_ref()).map(Vec::len).sum();
        let tables = 4 * batch.units().len() + 32 * batch.sides().len();
        self.log.reserve(batch.bytes().len() + bound + tables + 128)?;
        let changes = self.core.overlay.judge(&self.core.model, batch)?;
        let written = self.write(batch);
        let Written { at, frame, refused, sides } = match written {
            Ok(written) => written,
            Err(error) => {
                self.core.overlay.undo();
                return Err(error);
            }
        };
        let (id, wall, end) = (batch.id(), batch.frame().wall, *self.log.at());
        let verdicts = Arc::from(batch.verdicts());
        self.core.keep(Taken { id, wall, at, end, frame, refused, changes, sides, verdicts });
        Ok(())
    }

    /// Writes a judged batch, with the side rows as its units leave them.
    fn write(&mut self, batch: &Batch) -> Result<Written, StoreError> {
        // Content that the batch itself replaces is not written: nothing would ever erase it while
        // the batch is the last one.
        let standing: Vec<_> = batch.standing_sides().collect();
        let places = standing.iter().enumerate().map(|(n, side)| ((side.redemption, side.slot), n));
        let last: ByName<_, usize> = places.collect();
        let mut sides = Vec::with_capacity(last.len());
        for (place, side) in standing.into_iter().enumerate() {
            let is_last = last.get(&(side.redemption, side.slot)) == Some(&place);
            if is_last && self.core.overlay.exists(&self.core.model, side.redemption)? {
                sides.push((side.redemption, side.slot, side.content.as_deref()));
            }
        }
        // Cards are gone soon, what else is told of a seller stays longer: what goes together lies side by side,
        // and is erased at once.
        sides.sort_by_key(|(_, slot, _)| *slot);
        let (refused, at) = (refused(batch), self.log.next());
        let frame = (batch.bytes(), batch.digest());
        let draft = Draft { kind: Kind::Batch, id: batch.id(), refused: &refused, sides: &sides, frame };
        let sides = self.log.append(&draft)?;
        Ok(Written { at, frame: at.offset + draft.frame_at(), refused: refused.len(), sides })
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Only what the tables hold to the last batch is worth writing down. If it cannot be, the
        // next opening reads the tables.
        let end = *self.log.at();
        if self.log.poison().is_err() || self.core.applier.settle().is_err() {
            return;
        }
        let there = self.core.model.position().is_ok_and(|at| (at.last, at.digest) == (end.last, end.digest));
        if let Some(names) = self.core.overlay.names().filter(|_| there) {
            let _ = names::write(&self.path, &end, names);
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store for Journal {
    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        self.take_up(into)
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        self.log.poison()?;
        self.core.settle(LET_GO * batch.units().len())?;
        if self.log.at().last == batch.id() && self.log.at().digest == batch.digest() {
            batch.judge(self.core.verdicts(batch.units().len())?);
            return Ok(());
        }
        self.follows(batch)?;
        self.core.applier.wait_for_room()?;
        let taken = self.take(batch);
        if taken.is_err() {
            batch.clear();
        }
        taken
    }

    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError> {
        let (model, overlay) = (&self.core.model, &self.core.overlay);
        let pending = overlay.pending(0).find(|taken| taken.id.sequence == upto.sequence);
        let epoch = match pending {
            Some(taken) => Some(taken.id.epoch),
            None => model.frame(upto.sequence)?.map(|(.., epoch)| epoch),
        };
        if epoch != Some(upto.epoch) {
            return Err(StoreError::not_in_log(upto));
        }
        self.core.applier.push(Work::Checkpoint(upto, state.to_vec()));
        Ok(())
    }

    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError> {
        self.hand(redemption)
    }

    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError> {
        let due = self.core.due(now, limit)?;
        let handed = due.into_iter().map(|(_, id)| self.hand(id));
        handed.filter_map(Result::transpose).collect()
    }

    fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        self.core.next_due()
    }

    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError> {
        self.core.balances(visit)
    }

    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
        self.show_frames(0, &mut |frame, refused| {
            visit(frame, refused);
            Ok(())
        })
    }
}
