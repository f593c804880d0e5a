//! One node's process: an engine with its host. It stalls, crashes and comes back as another.

use super::plan::{Foreign, Plan, Season};
use super::stores::Handle;
use crate::base::{BatchId, Mono, Now, RedemptionId, Wall};
use crate::engine::{Call, Engine, InboundId, Recovery};
use crate::host::{Arrival, InboundToken, RunError, Store, StoreError, agree_on_keys};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::format;
use std::string::String;
use std::vec::Vec;

/// The lease is extended so often within its length.
const RENEWALS: i64 = 3;

pub(super) struct Node {
    pub(super) log: u32,
    pub(super) epoch: u64,
    pub(super) engine: Engine,
    pub(super) store: Handle,
    /// How far its wall clock is ahead.
    pub(super) skew_ms: i64,
    /// Until when it has stalled.
    pub(super) asleep: Option<Mono>,
    /// The call that it was about to send when it stalled.
    pub(super) held: Option<Call>,
    /// The batch that it could not use when it was handed out.
    pub(super) offered: Option<BatchId>,
    /// What arrived while it was asleep.
    pub(super) mail: VecDeque<Arrival>,
    pub(super) inbound: BTreeMap<InboundId, InboundToken>,
    pub(super) stuck: BTreeSet<RedemptionId>,
    /// Past this no call of its may leave.
    pub(super) lease: Option<Mono>,
    renew_at: Option<Mono>,
}

impl Node {
    /// Opens the store as a new process.
    pub(super) fn open(
        plan: &Plan,
        season: Season,
        mut store: Handle,
        seed: [u8; 32],
        now: Now,
    ) -> Result<Self, String> {
        let log = store.log();
        let mut recovery = Recovery::of_log(log);
        let epoch = store.recover(&mut recovery).map_err(|error| format!("{error}"))?;
        same_from_the_start(&mut store, &recovery)?;
        let engine = recovery.finish(plan.setup(season), epoch, seed).map_err(|error| format!("{error}"))?;
        let mut node = Self {
            log,
            epoch,
            engine,
            store,
            skew_ms: 0,
            asleep: None,
            held: None,
            offered: None,
            mail: VecDeque::new(),
            inbound: BTreeMap::new(),
            stuck: BTreeSet::new(),
            lease: None,
            renew_at: None,
        };
        node.renew(now.mono).map_err(|error| format!("{error}"))?;
        node.recount()?;
        Ok(node)
    }

    /// Sees to it that its keys are those of its store.
    pub(super) fn agree(&mut self, now: Now) -> Result<(), String> {
        agree_on_keys(&mut self.engine, &mut self.store, now).map_err(|error| format!("{error}"))
    }

    /// Tries to open the store with a ring that is not the store's; what came of it.
    pub(super) fn refused(
        plan: &Plan,
        season: Season,
        foreign: Foreign,
        mut store: Handle,
        now: Now,
    ) -> Result<(), RunError> {
        let mut recovery = Recovery::of_log(store.log());
        let epoch = store.recover(&mut recovery)?;
        let mut engine = recovery.finish(plan.setup_with(season, foreign), epoch, [3; 32])?;
        agree_on_keys(&mut engine, &mut store, now)
    }

    /// Both clocks as it sees them.
    pub(super) fn clocks(&self, now: Now) -> Now {
        Now { mono: now.mono, wall: Wall(now.wall.0.saturating_add(self.skew_ms)) }
    }

    pub(super) fn is_awake(&self, now: Mono) -> bool {
        self.asleep.is_none_or(|until| until <= now)
    }

    /// Extends its lease if it is time to.
    pub(super) fn renew_in_time(&mut self, now: Mono) -> Result<(), StoreError> {
        if self.renew_at.is_some_and(|at| at <= now) { self.renew(now) } else { Ok(()) }
    }

    fn renew(&mut self, now: Mono) -> Result<(), StoreError> {
        let lease_ms = self.store.renew()?;
        self.lease = lease_ms.map(|ms| now.plus(ms));
        if let Some(ms) = lease_ms {
            self.engine.lease_until(now.plus(ms));
        }
        self.renew_at = lease_ms.map(|ms| now.plus(ms / RENEWALS));
        Ok(())
    }

    /// Lets go of advances that count in another node's log by now.
    pub(super) fn recount(&mut self) -> Result<(), String> {
        if self.lease.is_none() {
            return Ok(());
        }
        for id in self.engine.advances() {
            match self.store.load(id) {
                Ok(handed) => self.engine.recount(id, handed.as_ref()),
                Err(StoreError::Elsewhere { .. }) => self.engine.recount(id, None),
                Err(error) => return Err(format!("{error}")),
            }
        }
        Ok(())
    }

    /// Hands the engine what is due; what there was.
    pub(super) fn hand_due(&mut self) -> Result<Vec<RedemptionId>, StoreError> {
        let now = self.engine.wall();
        let due = self.store.due(now, self.engine.room().min(4) + self.stuck.len())?;
        let mut handed_in = Vec::new();
        for handed in due.into_iter().filter(|handed| !self.stuck.contains(&handed.redemption)) {
            handed_in.push(handed.redemption);
            self.engine.loaded(handed.redemption, Some(handed));
        }
        Ok(handed_in)
    }

    /// When it has something to do, if nothing arrives.
    pub(super) fn wakes_at(&mut self, now: Mono) -> Result<Option<Mono>, StoreError> {
        let due = self.store.next_due()?.filter(|_| self.engine.room() > 0);
        let due = due.filter(|due| self.stuck.is_empty() || *due > self.engine.wall());
        let due = due.map(|due| now.plus(due.0.saturating_sub(self.engine.wall().0).max(0)));
        Ok([self.engine.wake_at(), due].into_iter().flatten().min())
    }
}

/// Recovery from the checkpoint ends as recovery from the first frame does.
fn same_from_the_start(store: &mut Handle, recovered: &Recovery) -> Result<(), String> {
    let log = store.log();
    let mut whole = Recovery::of_log(log);
    let mut fault = None;
    let shown = store.frames(&mut |bytes, refused| {
        let own = crate::record::Frame::decode(bytes).is_ok_and(|frame| frame.log == log);
        if own && fault.is_none() {
            fault = whole.batch(bytes, refused).err();
        }
    });
    shown.map_err(|error| format!("{error}"))?;
    match fault {
        Some(error) => Err(format!("log {log}: {error}")),
        None if whole.leads_where(recovered) => Ok(()),
        None => Err(format!("log {log}: a checkpoint leads elsewhere than the frames do")),
    }
}
