//! The seam for stores.

use crate::base::{Advice, BatchId, Code, RedemptionId, Wall, block};
use crate::engine::{RecoverError, Recovery};
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{Batch, Handed};
use std::format;
use std::string::String;
use std::vec::Vec;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process is at it; nothing happened.
    #[error("the store is busy: {0}")]
    Busy(String),
    /// Whether the batch was taken is not known: commit the same batch again.
    #[error("whether the batch was taken is not known: {0}")]
    Uncertain(String),
    /// A later writer has opened the store: this one must stop.
    #[error("another writer has taken over (epoch {current}, this one is {own})")]
    Fenced {
        /// This writer's epoch.
        own: u64,
        /// The store's.
        current: u64,
    },
    /// No room is left; nothing happened.
    #[error("the store is full: {0}")]
    Full(String),
    /// What is stored is damaged or not a scrip store.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// The log cannot be taken up.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The store was written by a newer scrip.
    #[error("the store has format {found}; this library understands up to {known}")]
    Newer {
        /// The store's format.
        found: u32,
        /// The newest format understood.
        known: u32,
    },
    /// The operating system or the database refused.
    #[error("the store failed: {0}")]
    Failed(String),
    /// Another node has the redemption in memory: nothing is wrong, it is not to be had here now.
    #[error("another node has the redemption in memory (epoch {epoch})")]
    Elsewhere {
        /// That node's epoch.
        epoch: u64,
    },
}

impl StoreError {
    /// A checkpoint of a batch that the log does not hold.
    pub(super) fn not_in_log(upto: BatchId) -> Self {
        let BatchId { epoch, sequence } = upto;
        Self::Corrupt(format!("batch {sequence} of epoch {epoch}, up to which a checkpoint goes, is missing"))
    }

    /// A batch that names another predecessor than the last one taken.
    pub(super) fn off_chain(batch: BatchId) -> Self {
        Self::Corrupt(format!("batch {} does not continue the chain", batch.sequence))
    }

    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::HOST,
            match self {
                Self::Busy(_) => 1,
                Self::Uncertain(_) => 2,
                Self::Fenced { .. } => 3,
                Self::Full(_) => 4,
                Self::Corrupt(_) => 5,
                Self::Recover(_) => 6,
                Self::Newer { .. } => 7,
                Self::Failed(_) => 8,
                Self::Elsewhere { .. } => 15,
            },
        )
    }

    /// What to do about it.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Busy(_) | Self::Full(_) | Self::Elsewhere { .. } => Advice::Retry,
            Self::Uncertain(_) => Advice::Inquire,
            Self::Newer { .. } => Advice::Fix,
            _ => Advice::Stop,
        }
    }
}

/// Where batches are kept. `host::conformance` checks an implementation.
///
/// # Several nodes over one store
///
/// A *shared* store is opened by each node under a log number of its own (from 1), and says so in
/// [`Store::log`]. Everything but the claims is the node's: chain, sequence and checkpoints are per
/// log, and so is the writer epoch, though epochs are numbered store-wide. Then
/// `host::shared_conformance` checks it too, and these rules hold:
///
/// 1. `recover` opens an epoch of the own log and fences that log's earlier ones, no other.
/// 2. A redemption belongs to the epoch that wrote it last, or to which `due` handed it last. While
///    it is in that epoch's memory (its last unit was not dormant, or `due` has handed it out since)
///    a unit of any other epoch is refused as stale, whatever it expects.
/// 3. An epoch lives as long as its lease, by the store's clock, and a grace after that; the grace
///    covers clocks that run at different speeds. [`Store::renew`] extends it.
/// 4. `due` hands out the own redemptions, and those of epochs that live no more: these are fenced
///    first, also against their own log's writer, and what they had in memory is handed out with
///    what slept. Of several askers one gets each redemption; from then on it is in its memory.
/// 5. `load` hands out what sleeps, and what is in the own memory; for what is in that of another
///    epoch, living or not, it says [`StoreError::Elsewhere`].
/// 6. `commit`, `checkpoint`, `due`, `next_due` and `renew` say [`StoreError::Fenced`] to an epoch
///    that has been fenced off.
///
/// A store that has returned [`StoreError::Uncertain`] takes the same batch again, or nothing.
/// After any other error of `commit` except `Busy` and `Full` it must be opened anew.
pub trait Store {
    /// Which log this writer keeps: 0 where there is one writer.
    fn log(&self) -> u32 {
        0
    }

    /// Extends this epoch's lease, and tells how long from now it holds, in milliseconds: past that
    /// another node may take over what this one has in memory. `None` where there is one writer.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Fenced`] if another has taken over.
    fn renew(&mut self) -> Result<Option<i64>, StoreError> {
        Ok(None)
    }

    /// Takes the store over for a new writer: opens the next epoch, which fences earlier
    /// writers off, shows `into` the checkpoint and the frames after it, and tells the epoch.
    ///
    /// # Errors
    /// [`StoreError`].
    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError>;

    /// Makes a batch durable, all of it or nothing: its frame, its side rows, and what its
    /// units claim, release, see and post. Units are judged one by one, in order, as
    /// [`crate::record::Index`] does; refusals and answers to recalls are put into the batch.
    /// Idempotent by batch id.
    ///
    /// # Errors
    /// [`StoreError`].
    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError>;

    /// Keeps the engine's checkpoint: recovery may start after `upto`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError>;

    /// One redemption with its records and side rows.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Elsewhere`] if another node has it in memory.
    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError>;

    /// The redemptions that are due at `now` and not in the writer's memory, the longest due
    /// first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError>;

    /// When the next redemption is due that is not in the writer's memory.
    ///
    /// # Errors
    /// [`StoreError`].
    fn next_due(&mut self) -> Result<Option<Wall>, StoreError>;

    /// Shows every account's balance.
    ///
    /// # Errors
    /// [`StoreError`].
    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError>;

    /// Shows every frame from the first, log by log, with the numbers of its refused units.
    ///
    /// # Errors
    /// [`StoreError`].
    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError>;
}

/// The numbers of the refused units, in ascending order, as they are kept beside the frame.
pub(super) fn refused(batch: &Batch) -> Vec<u32> {
    let numbered = (0_u32..).zip(batch.verdicts());
    numbered.filter(|(_, verdict)| !verdict.is_accepted()).map(|(number, _)| number).collect()
}
