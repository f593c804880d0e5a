//! The store of a life: of one writer, or shared by several nodes.

use super::dice::Dice;
use crate::base::{BatchId, Mono, RedemptionId, Wall};
use crate::engine::{Engine, Recovery};
use crate::host::{Memory, Shared, SharedNode, Store, StoreError};
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{Batch, Handed, Index, Record};
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::Vec;

/// How long a takeover waits after the end of a lease, in parts of the lease.
const GRACE: i64 = 4;

/// The name of the row in which a log pins its keys.
const KEYS: &[u8] = b"scrip.keys";

#[derive(Clone)]
enum Kind {
    One(Arc<Mutex<Memory>>),
    Many(Shared),
}

/// What all nodes of a life open.
#[derive(Clone)]
pub(super) struct Depot {
    kind: Kind,
    /// 0 where there is one writer.
    pub(super) lease_ms: i64,
}

/// One process's handle.
pub(super) enum Handle {
    /// With the epoch that this process has opened, if it has.
    One(Arc<Mutex<Memory>>, Option<u64>),
    Many(SharedNode),
}

fn locked<T>(memory: &Mutex<Memory>, with: impl FnOnce(&mut Memory) -> T) -> T {
    with(&mut memory.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Depot {
    /// A store of one writer now and then, where there is one node.
    pub(super) fn new(nodes: u32, dice: &mut Dice) -> Self {
        let lease_ms = *dice.one(&[20_000, 120_000, 600_000]);
        if dice.in_thousand(500) && nodes == 1 {
            return Self { kind: Kind::One(Arc::default()), lease_ms: 0 };
        }
        Self { kind: Kind::Many(Shared::new(lease_ms, lease_ms / GRACE)), lease_ms }
    }

    /// Which log the `n`th node keeps, from 0.
    pub(super) fn log_of(&self, n: u32) -> u32 {
        match self.kind {
            Kind::One(_) => 0,
            Kind::Many(_) => n + 1,
        }
    }

    pub(super) fn open(&self, log: u32) -> Handle {
        match &self.kind {
            Kind::One(memory) => Handle::One(memory.clone(), None),
            Kind::Many(shared) => Handle::Many(shared.node(log)),
        }
    }

    /// After so long, what a node left is another's to take.
    pub(super) fn takeover_ms(&self) -> i64 {
        self.lease_ms + self.lease_ms / GRACE + 1
    }

    /// Whether the store says by now with how many keys it is written, as the log of one writer or the
    /// row of all.
    pub(super) fn names_its_keys(&self, seasons: u8) -> bool {
        let named = |log: &Vec<u8>| {
            let records = Record::decode_all(log).unwrap_or_default();
            let of_keys = records.iter().filter(|record| record.kind >= 1_000);
            u8::try_from(of_keys.count()).is_ok_and(|times| times > seasons)
        };
        let keys = |log: &Vec<u8>| log.windows(KEYS.len()).any(|part| part == KEYS);
        self.look(|index| match &self.kind {
            Kind::One(_) => index.rows().any(|(_, row)| keys(&row.log) && named(&row.log)),
            Kind::Many(_) => index.row(Engine::ring_row()).is_some_and(|row| named(&row.log)),
        })
    }

    /// Whether an epoch that was opened since has a redemption that this one has sent something for.
    pub(super) fn is_taken(&self, redemption: RedemptionId, epoch: u64) -> bool {
        match &self.kind {
            Kind::One(memory) => locked(memory, |memory| memory.epoch()) != epoch,
            Kind::Many(shared) => {
                shared.look(|index| index.row(redemption).is_some_and(|row| row.epoch != epoch))
            }
        }
    }

    pub(super) fn set_clock(&self, now: Mono) {
        if let Kind::Many(shared) = &self.kind {
            shared.set_clock(now.0);
        }
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        match &self.kind {
            Kind::One(memory) => locked(memory, |memory| look(memory.index())),
            Kind::Many(shared) => shared.look(look),
        }
    }

    pub(super) fn backup(&self) -> Self {
        let kind = match &self.kind {
            Kind::One(memory) => Kind::One(Arc::new(Mutex::new(locked(memory, |memory| memory.clone())))),
            Kind::Many(shared) => Kind::Many(shared.backup()),
        };
        Self { kind, lease_ms: self.lease_ms }
    }

    pub(super) fn restore(&self, backup: &Self) {
        match (&self.kind, &backup.kind) {
            (Kind::One(memory), Kind::One(kept)) => {
                let kept = locked(kept, |kept| kept.clone());
                locked(memory, |memory| *memory = kept);
            }
            (Kind::Many(shared), Kind::Many(kept)) => shared.restore(kept),
            _ => {}
        }
    }
}

impl Handle {
    /// A process that was overtaken asks for no work, as its next commit would tell it.
    fn check(&self) -> Result<(), StoreError> {
        let Self::One(memory, Some(own)) = self else { return Ok(()) };
        match locked(memory, |memory| memory.epoch()) {
            current if current == *own => Ok(()),
            current => Err(StoreError::Fenced { own: *own, current }),
        }
    }
}

macro_rules! forward {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Handle::One(memory, _) => locked(memory, |$store| $call),
            Handle::Many($store) => $call,
        }
    };
}

impl Store for Handle {
    fn log(&self) -> u32 {
        match self {
            Self::One(..) => 0,
            Self::Many(node) => node.log(),
        }
    }
    fn renew(&mut self) -> Result<Option<i64>, StoreError> {
        forward!(self, store => store.renew())
    }
    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        let opened = forward!(self, store => store.recover(into))?;
        if let Self::One(_, epoch) = self {
            *epoch = Some(opened);
        }
        Ok(opened)
    }
    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        forward!(self, store => store.commit(batch))
    }
    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError> {
        forward!(self, store => store.checkpoint(upto, state))
    }
    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError> {
        forward!(self, store => store.load(redemption))
    }
    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError> {
        self.check()?;
        forward!(self, store => store.due(now, limit))
    }
    fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        self.check()?;
        forward!(self, store => store.next_due())
    }
    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError> {
        forward!(self, store => store.balances(visit))
    }
    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
        forward!(self, store => store.frames(visit))
    }
}
