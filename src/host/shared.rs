//! A store in memory that several nodes share: what a database is to them in production, for tests
//! and simulations. Nothing of it is durable.

use super::store::refused;
use super::{Store, StoreError};
use crate::base::{BatchId, RedemptionId, Wall, planted};
use crate::engine::Recovery;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{Batch, CommitError, Handed, Index};
use std::collections::BTreeMap;
use std::string::ToString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

/// A store that lives as long as one of its handles. Its clock stands still until it is told the
/// time.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Inner>>);

/// One node's handle on a [`Shared`] store.
#[derive(Debug)]
pub struct SharedNode {
    shared: Shared,
    log: u32,
    epoch: u64,
}

#[derive(Clone, Debug)]
struct Inner {
    index: Index,
    logs: BTreeMap<u32, Log>,
    /// Until when each epoch's lease holds. An epoch that is not here lives no more.
    leases: BTreeMap<u64, Lease>,
    now_ms: i64,
    lease_ms: i64,
    grace_ms: i64,
}

#[derive(Clone, Debug, Default)]
struct Log {
    frames: Vec<Kept>,
    checkpoint: Option<(u64, Vec<u8>)>,
}

#[derive(Clone, Debug)]
struct Kept {
    epoch: u64,
    bytes: Vec<u8>,
    refused: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    log: u32,
    until_ms: i64,
}

impl Shared {
    /// An empty store, with the length of a lease and of the grace after it, in milliseconds.
    pub fn new(lease_ms: i64, grace_ms: i64) -> Self {
        let (index, logs, leases) = (Index::shared(), BTreeMap::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(Inner { index, logs, leases, now_ms: 0, lease_ms, grace_ms })))
    }

    /// The handle of the node that keeps this log, from 1.
    pub fn node(&self, log: u32) -> SharedNode {
        SharedNode { shared: self.clone(), log, epoch: 0 }
    }

    /// Sets the store's clock, in milliseconds from any origin; it never goes back.
    pub fn set_clock(&self, now_ms: i64) {
        let inner = &mut *self.lock();
        inner.now_ms = inner.now_ms.max(now_ms);
    }

    /// Looks at the index.
    pub fn look<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.lock().index)
    }

    /// A store of its own with what this one holds now.
    #[must_use]
    pub fn backup(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// Puts the store back to what `backup` holds. Its clock goes on.
    pub fn restore(&self, backup: &Self) {
        let kept = backup.lock().clone();
        let inner = &mut *self.lock();
        *inner = Inner { now_ms: inner.now_ms, ..kept };
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves nothing half done that a test would not see.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn check(&self, log: u32, own: u64) -> Result<(), StoreError> {
        match self.index.epoch_of(log) {
            current if current == own || planted!(ZombieCommits) => Ok(()),
            current => Err(StoreError::Fenced { own, current }),
        }
    }

    /// Ends the epochs whose lease and grace have run out, except the asker's own.
    fn reap(&mut self, asker: u64) {
        let (now_ms, grace_ms) = (self.now_ms, self.grace_ms);
        let over = |lease: &Lease| {
            let early =
                planted!(TakeoverBeforeSendBy) && lease.until_ms.saturating_sub(self.lease_ms) < now_ms;
            early || lease.until_ms.saturating_add(grace_ms) <= now_ms
        };
        let ended: Vec<_> =
            self.leases.iter().filter(|(epoch, lease)| **epoch != asker && over(lease)).collect();
        let ended: Vec<(u64, u32)> = ended.into_iter().map(|(epoch, lease)| (*epoch, lease.log)).collect();
        for (epoch, log) in ended {
            self.leases.remove(&epoch);
            self.index.end_epoch(log, epoch);
        }
    }

    fn follows(&self, batch: &Batch) -> bool {
        let (last, digest) = self.index.last_of(batch.frame().log).unwrap_or_default();
        let next = last.sequence.checked_add(1) == Some(batch.id().sequence);
        !next || batch.frame().previous == digest
    }
}

impl SharedNode {
    fn checked(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let inner = self.shared.lock();
        inner.check(self.log, self.epoch)?;
        Ok(inner)
    }
}

impl Store for SharedNode {
    fn log(&self) -> u32 {
        self.log
    }

    fn renew(&mut self) -> Result<Option<i64>, StoreError> {
        let inner = &mut *self.checked()?;
        let lease = Lease { log: self.log, until_ms: inner.now_ms.saturating_add(inner.lease_ms) };
        inner.leases.insert(self.epoch, lease);
        Ok(Some(inner.lease_ms))
    }

    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        let inner = &mut *self.shared.lock();
        let log = inner.logs.entry(self.log).or_default();
        let mut start = 0;
        if let Some((upto, state)) = &log.checkpoint {
            into.checkpoint(state)?;
            start = usize::try_from(*upto).expect("a checkpoint is within the frames in memory");
        }
        for kept in &log.frames[start..] {
            into.batch(&kept.bytes, &kept.refused)?;
        }
        self.epoch = inner.index.open_log(self.log);
        let lease = Lease { log: self.log, until_ms: inner.now_ms.saturating_add(inner.lease_ms) };
        inner.leases.insert(self.epoch, lease);
        Ok(self.epoch)
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let inner = &mut *self.shared.lock();
        let (id, log) = (batch.id(), batch.frame().log);
        let before = inner.index.last_of(log).map(|(last, _)| last);
        if before != Some(id) {
            inner.check(log, id.epoch)?;
        }
        if log != self.log || !inner.follows(batch) {
            return Err(StoreError::off_chain(id));
        }
        inner.index.commit(batch).map_err(|error| match error {
            CommitError::Fenced { epoch, current } => StoreError::Fenced { own: epoch, current },
            CommitError::Gap { .. } => StoreError::Corrupt(error.to_string()),
        })?;
        if before != Some(id) {
            let (epoch, bytes) = (id.epoch, batch.bytes().to_vec());
            let log = inner.logs.entry(log).or_default();
            log.frames.push(Kept { epoch, bytes, refused: refused(batch) });
        }
        Ok(())
    }

    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError> {
        let inner = &mut *self.checked()?;
        let log = inner.logs.entry(self.log).or_default();
        let place = upto.sequence.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        if place.and_then(|place| log.frames.get(place)).is_none_or(|kept| kept.epoch != upto.epoch) {
            return Err(StoreError::not_in_log(upto));
        }
        if log.checkpoint.as_ref().is_none_or(|(last, _)| *last <= upto.sequence) {
            log.checkpoint = Some((upto.sequence, state.to_vec()));
        }
        Ok(())
    }

    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError> {
        let inner = self.shared.lock();
        match inner.index.row(redemption) {
            Some(row) if !row.dormant && row.epoch != self.epoch => {
                Err(StoreError::Elsewhere { epoch: row.epoch })
            }
            row => Ok(row.map(|row| row.hand(redemption))),
        }
    }

    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError> {
        let inner = &mut *self.checked()?;
        inner.reap(self.epoch);
        let leases = &inner.leases;
        Ok(inner.index.take_due(self.epoch, now, limit, &|epoch| leases.contains_key(&epoch)))
    }

    fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        let inner = &mut *self.checked()?;
        inner.reap(self.epoch);
        let leases = &inner.leases;
        Ok(inner.index.next_due_of(self.epoch, &|epoch| leases.contains_key(&epoch)))
    }

    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError> {
        let inner = self.shared.lock();
        inner.index.balances().for_each(|(account, currency, minor)| visit(account, currency, minor));
        Ok(())
    }

    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
        let inner = self.shared.lock();
        inner.logs.values().flat_map(|log| &log.frames).for_each(|kept| visit(&kept.bytes, &kept.refused));
        Ok(())
    }
}
