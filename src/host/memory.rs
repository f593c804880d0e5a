//! The store in memory: for tests, simulations and measurements. Nothing of it is durable.

use super::store::refused;
use super::{Store, StoreError};
use crate::base::{BatchId, RedemptionId, Wall};
use crate::engine::Recovery;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{Batch, CommitError, Handed, Index};
use std::string::ToString;
use std::vec::Vec;

/// A store that forgets everything when it is dropped. A clone is a store of its own, with what
/// the first one held: a backup.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    index: Index,
    /// What [`Index`] fences by; a chain is judged only for a writer that is not fenced off.
    epoch: u64,
    frames: Vec<Kept>,
    checkpoint: Option<(u64, Vec<u8>)>,
}

#[derive(Clone, Debug)]
struct Kept {
    epoch: u64,
    bytes: Vec<u8>,
    refused: Vec<u32>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The index, to look at.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The writer epoch that was opened last.
    #[cfg(feature = "sim")]
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    fn follows(&self, batch: &Batch) -> bool {
        let (last, digest) = self.index.last().unwrap_or_default();
        let next = last.sequence.checked_add(1) == Some(batch.id().sequence);
        !next || batch.id().epoch < self.epoch || batch.frame().previous == digest
    }

    /// The frame of a batch, by its place in the log from 1.
    fn kept(&self, sequence: u64) -> Option<&Kept> {
        self.frames.get(usize::try_from(sequence.checked_sub(1)?).ok()?)
    }
}

impl Store for Memory {
    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        let mut start = 0;
        if let Some((upto, state)) = &self.checkpoint {
            into.checkpoint(state)?;
            start = usize::try_from(*upto).expect("a checkpoint is within the frames in memory");
        }
        for kept in &self.frames[start..] {
            into.batch(&kept.bytes, &kept.refused)?;
        }
        self.epoch = self.index.open();
        Ok(self.epoch)
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        if !self.follows(batch) {
            return Err(StoreError::off_chain(batch.id()));
        }
        let before = self.index.last().map(|(last, _)| last);
        self.index.commit(batch).map_err(|error| match error {
            CommitError::Fenced { epoch, current } => StoreError::Fenced { own: epoch, current },
            CommitError::Gap { .. } => StoreError::Corrupt(error.to_string()),
        })?;
        if before != Some(batch.id()) {
            self.epoch = batch.id().epoch;
            let (epoch, bytes) = (batch.id().epoch, batch.bytes().to_vec());
            self.frames.push(Kept { epoch, bytes, refused: refused(batch) });
        }
        Ok(())
    }

    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError> {
        if self.kept(upto.sequence).is_none_or(|kept| kept.epoch != upto.epoch) {
            return Err(StoreError::not_in_log(upto));
        }
        if self.checkpoint.as_ref().is_none_or(|(last, _)| *last <= upto.sequence) {
            self.checkpoint = Some((upto.sequence, state.to_vec()));
        }
        Ok(())
    }

    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError> {
        Ok(self.index.row(redemption).map(|row| row.hand(redemption)))
    }

    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError> {
        Ok(self.index.due(now, limit))
    }

    fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        Ok(self.index.next_due())
    }

    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError> {
        self.index.balances().for_each(|(account, currency, minor)| visit(account, currency, minor));
        Ok(())
    }

    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
        self.frames.iter().for_each(|kept| visit(&kept.bytes, &kept.refused));
        Ok(())
    }
}
