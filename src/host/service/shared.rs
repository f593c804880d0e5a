//! What callers and threads share: the inbox, and what is counted.

use super::events::Listeners;
use super::health::{Health, Readiness};
use super::promise::Teller;
use super::{Ask, Limits, ServiceError};
use crate::base::{BatchId, Mono, RedemptionId, Wall};
use crate::engine::Request;
use crate::flow::Summary;
use crate::host::{Outcome, StoreError};
use crate::record::{Batch, Handed};
use std::boxed::Box;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};
use std::vec::Vec;

/// What the engine's thread is told by others.
pub(super) enum Input {
    Redeem(Box<Request>, Teller<Outcome>),
    Ask(RedemptionId, Ask, Teller<Summary>),
    /// The store's thread has done a job.
    Done(Done),
    /// The store's thread panicked.
    StorePanicked,
    /// Take nothing more, and end within so many ms.
    Drain(i64),
}

/// What came of a job.
pub(super) enum Done {
    Committed(Result<Committed, StoreError>),
    Loaded(RedemptionId, Result<Option<Handed>, StoreError>),
    Due(Result<(Vec<Handed>, Option<Wall>), StoreError>),
    Checkpointed(BatchId, Result<(), StoreError>),
    /// The lease that was asked for at this time: for how many ms, if there are leases.
    Renewed(Mono, Result<Option<i64>, StoreError>),
}

/// A batch that is durable.
pub(super) struct Committed {
    pub(super) batch: Batch,
    pub(super) took: Duration,
    pub(super) next_due: Option<Wall>,
}

#[derive(Default)]
struct Inbox {
    inputs: VecDeque<Input>,
    /// Why nothing is taken any more: for ever, or while the service shuts down.
    closed: Option<ServiceError>,
}

/// What callers and threads share.
pub(super) struct Shared {
    inbox: Mutex<Inbox>,
    /// Wakes the engine's thread.
    waker: Waker,
    pub(super) limits: Limits,
    pub(super) listeners: Listeners,
    opened: Instant,
    /// Requests not taken by the engine yet, and decisions not heard yet.
    queued: AtomicUsize,
    in_flight: AtomicUsize,
    /// How many requests were taken in 1,000 s, lately.
    rate: AtomicI64,
    engine_lives: AtomicBool,
    store_lives: AtomicBool,
    store_takes: AtomicBool,
    /// Since when, in ms from `opened`, a batch is on its way; negative if none is.
    committing: AtomicI64,
    /// The engine's thread has not heard yet that the batch is durable.
    durable: AtomicBool,
}

/// How long the first who find the queue full are told to wait, before any rate is known.
const FIRST_WAIT_MS: i64 = 1_000;
/// Nobody is told to wait longer, for rates change.
const LONGEST_WAIT_MS: i64 = 60_000;

impl Shared {
    pub(super) fn new(waker: Waker, limits: Limits) -> Self {
        Self {
            inbox: Mutex::default(),
            waker,
            limits,
            listeners: Listeners::default(),
            opened: Instant::now(),
            queued: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            rate: AtomicI64::new(0),
            engine_lives: AtomicBool::new(true),
            store_lives: AtomicBool::new(true),
            store_takes: AtomicBool::new(true),
            committing: AtomicI64::new(-1),
            durable: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes something from a caller, unless too much is waiting or the service takes nothing.
    pub(super) fn ask(&self, input: impl FnOnce() -> Input) -> Result<(), ServiceError> {
        let mut inbox = self.lock();
        if let Some(error) = &inbox.closed {
            return Err(error.clone());
        }
        if self.queued.load(Relaxed) >= self.limits.queue {
            return Err(ServiceError::Busy { retry_after_ms: self.retry_after_ms() });
        }
        self.queued.fetch_add(1, Relaxed);
        inbox.inputs.push_back(input());
        drop(inbox);
        self.waker.wake_by_ref();
        Ok(())
    }

    /// Takes something from a thread of the service, always.
    pub(super) fn tell(&self, input: Input) {
        let mut inbox = self.lock();
        inbox.inputs.push_back(input);
        drop(inbox);
        self.waker.wake_by_ref();
    }

    /// Everything that came in.
    pub(super) fn take(&self) -> VecDeque<Input> {
        std::mem::take(&mut self.lock().inputs)
    }

    pub(super) fn has_input(&self) -> bool {
        !self.lock().inputs.is_empty()
    }

    /// From now on callers are told this; the first reason for an end stays.
    pub(super) fn close(&self, why: ServiceError) {
        let mut inbox = self.lock();
        if matches!(inbox.closed, None | Some(ServiceError::Draining)) {
            inbox.closed = Some(why);
        }
    }

    /// Why nothing is taken, if nothing is.
    pub(super) fn closed(&self) -> Option<ServiceError> {
        self.lock().closed.clone()
    }

    /// Requests that were taken, or decisions that were heard, wait no longer.
    pub(super) fn taken(&self, many: usize) {
        self.queued.fetch_sub(many, Relaxed);
    }

    pub(super) fn queued(&self) -> usize {
        self.queued.load(Relaxed)
    }

    pub(super) fn set_in_flight(&self, many: usize) {
        self.in_flight.store(many, Relaxed);
    }

    /// So many requests were taken in the last so many ms, and more were waiting all the while.
    pub(super) fn took(&self, many: usize, in_ms: i64) {
        let many = i64::try_from(many).unwrap_or(i64::MAX);
        let now = many.saturating_mul(1_000_000) / in_ms.max(1);
        let before = self.rate.load(Relaxed);
        // Three parts of the past to one of the present, so that one stall does not tell all.
        let rate = if before == 0 { now } else { before.saturating_mul(3).saturating_add(now) / 4 };
        self.rate.store(rate, Relaxed);
    }

    /// When as much as waits now will have gone, at the rate of late.
    fn retry_after_ms(&self) -> i64 {
        let queued = i64::try_from(self.queued.load(Relaxed)).unwrap_or(i64::MAX);
        match self.rate.load(Relaxed) {
            0 => FIRST_WAIT_MS,
            rate => (queued.saturating_mul(1_000_000) / rate).clamp(1, LONGEST_WAIT_MS),
        }
    }

    fn ms(&self) -> i64 {
        i64::try_from(self.opened.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    pub(super) fn set_committing(&self, committing: bool) {
        self.committing.store(if committing { self.ms() } else { -1 }, Relaxed);
    }

    /// Whether the inbox has the end of the commit that is on its way.
    pub(super) fn is_durable(&self) -> bool {
        self.durable.load(Relaxed)
    }

    pub(super) fn set_durable(&self, durable: bool) {
        self.durable.store(durable, Relaxed);
    }

    pub(super) fn set_store_takes(&self, takes: bool) {
        self.store_takes.store(takes, Relaxed);
    }

    pub(super) fn engine_ended(&self) {
        self.engine_lives.store(false, Relaxed);
        self.listeners.end();
    }

    pub(super) fn store_ended(&self) {
        self.store_lives.store(false, Relaxed);
    }

    pub(super) fn health(&self) -> Health {
        let since = self.committing.load(Relaxed);
        Health {
            engine: self.engine_lives.load(Relaxed),
            store: self.store_lives.load(Relaxed),
            committing_for_ms: (since >= 0).then(|| self.ms().saturating_sub(since)),
        }
    }

    pub(super) fn readiness(&self) -> Readiness {
        Readiness {
            live: self.health().is_live(),
            draining: self.closed().is_some(),
            store_takes: self.store_takes.load(Relaxed),
            queued: self.queued(),
            queue: self.limits.queue,
            in_flight: self.in_flight.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::service::promise::promise;

    fn full() -> Shared {
        let shared = Shared::new(Waker::noop().clone(), Limits { queue: 10, ..Limits::default() });
        for n in 0..10 {
            let request = Box::new(Request::new(&std::format!("R-{n}"), "seller", "product"));
            assert_eq!(shared.ask(|| Input::Redeem(request, promise().0)), Ok(()));
        }
        shared
    }

    fn refusal(shared: &Shared) -> ServiceError {
        shared.ask(|| Input::Drain(0)).unwrap_err()
    }

    #[test]
    fn the_wait_follows_from_what_waits_and_how_fast_it_goes() {
        let shared = full();
        assert_eq!(refusal(&shared), ServiceError::Busy { retry_after_ms: FIRST_WAIT_MS });
        shared.took(50, 100); // 500 a second
        assert_eq!(refusal(&shared), ServiceError::Busy { retry_after_ms: 20 });
        shared.took(0, 1_000); // a stall: 375 a second
        assert_eq!(refusal(&shared), ServiceError::Busy { retry_after_ms: 26 });
        for _ in 0..100 {
            shared.took(0, 1_000);
        }
        assert!(matches!(refusal(&shared), ServiceError::Busy { retry_after_ms } if retry_after_ms >= 1_000));
        shared.taken(1);
        assert!(shared.readiness().is_ready());
    }

    #[test]
    fn the_first_reason_for_the_end_is_the_one_that_is_told() {
        let shared = full();
        shared.close(ServiceError::Draining);
        assert_eq!(refusal(&shared), ServiceError::Draining);
        shared.close(ServiceError::Panicked("store"));
        shared.close(ServiceError::Ended);
        assert_eq!(refusal(&shared), ServiceError::Panicked("store"));
        assert!(!shared.readiness().is_ready());
    }
}
