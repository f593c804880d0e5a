//! The store's thread: it does one job after the other, so that a batch is synced while the engine's
//! thread fills the next. A small batch for a quick store is committed by the engine's thread itself
//! ([`Place::commit_at_once`]), for waking another one takes as long as the sync.
//!
//! The lease of a store that several nodes share is extended here: another [`Job`], sent by the
//! engine's thread with the time on its clock, before which the lease must be asked for, and
//! answered to its inbox. The engine then bounds `send_by` by it, so that a store that hangs stops
//! calls and nothing else.

use super::ServiceError;
use super::shared::{Committed, Done, Input, Shared};
use crate::base::{BatchId, Mono, RedemptionId, Wall};
use crate::host::{Store, StoreError};
use crate::record::Batch;
use std::boxed::Box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::ToString;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::vec::Vec;

/// What the store is to do.
pub(super) enum Job<S> {
    Commit(Batch),
    Load(RedemptionId),
    /// The redemptions that are due by then, so many at most.
    Due(Wall, usize),
    Checkpoint(BatchId, Vec<u8>),
    /// Extend the lease, which is asked for at this time.
    Renew(Mono),
    /// The last one: the store goes back, after a last checkpoint.
    Close(Option<(BatchId, Vec<u8>)>, Sender<Closed<S>>),
}

/// The store, and how its last checkpoint went.
pub(super) struct Closed<S> {
    pub(super) store: S,
    pub(super) checkpoint: Result<(), StoreError>,
}

/// The first and the longest pause before a store that is busy is asked again.
const PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Where both threads find the store.
pub(super) struct Place<S>(Mutex<Option<S>>);

impl<S: Store> Place<S> {
    pub(super) const fn new(store: S) -> Self {
        Self(Mutex::new(Some(store)))
    }

    fn ask<T>(&self, ask: impl FnOnce(&mut S) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // After a panic or its end nobody has anything to ask.
        let gone = || Err(StoreError::Failed("the store is not there any more".to_string()));
        place.as_mut().map_or_else(gone, ask)
    }

    fn take(&self) -> Option<S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Commits a batch on the thread that asks; gives it back if the store does not take it now.
    pub(super) fn commit_at_once(
        &self,
        batch: Batch,
        shared: &Shared,
    ) -> Result<Result<Committed, Box<Batch>>, ServiceError> {
        let tried = catch_unwind(AssertUnwindSafe(|| {
            Keeper { store: self, shared, patience: Duration::ZERO }.commit(batch)
        }));
        match tried {
            Ok(Ok(done)) => Ok(Ok(done)),
            Ok(Err((error, batch))) if passes(&error) => Ok(Err(batch)),
            Ok(Err((error, _))) => Err(ServiceError::Store(error)),
            Err(_) => {
                self.end(true, shared);
                Err(ServiceError::Panicked("store"))
            }
        }
    }

    /// The store is dropped, after a panic so that nobody sees it half changed.
    fn end(&self, panicked: bool, shared: &Shared) {
        drop(self.take());
        shared.store_ended();
        if panicked {
            tracing::error!("the store panicked");
        }
    }
}

/// A batch that is durable, or why it is not.
type Tried = Result<Committed, (StoreError, Box<Batch>)>;

/// Whether the store may take the same later.
fn passes(error: &StoreError) -> bool {
    matches!(error, StoreError::Busy(_) | StoreError::Full(_) | StoreError::Uncertain(_))
}

struct Keeper<'a, S> {
    store: &'a Place<S>,
    shared: &'a Shared,
    /// For so long what the store does not take is asked again.
    patience: Duration,
}

/// Works until the store is closed, or nobody can send a job any more.
pub(super) fn keep<S: Store>(store: &Place<S>, jobs: &Receiver<Job<S>>, shared: &Shared) {
    let patience = Duration::from_millis(u64::try_from(shared.limits.patience_ms).unwrap_or_default());
    let keeper = Keeper { store, shared, patience };
    let worked = catch_unwind(AssertUnwindSafe(|| keeper.work(jobs)));
    store.end(worked.is_err(), shared);
    if worked.is_err() {
        shared.tell(Input::StorePanicked);
    }
}

impl<S: Store> Keeper<'_, S> {
    fn work(&self, jobs: &Receiver<Job<S>>) {
        while let Ok(job) = jobs.recv() {
            let done = match job {
                Job::Commit(batch) => Done::Committed(self.commit(batch).map_err(|(error, _)| error)),
                Job::Load(id) => Done::Loaded(id, self.patiently(|store| store.load(id))),
                Job::Due(now, most) => Done::Due(self.patiently(|store| {
                    let due = store.due(now, most)?;
                    Ok((due, store.next_due()?))
                })),
                Job::Checkpoint(upto, state) => {
                    Done::Checkpointed(upto, self.patiently(|store| store.checkpoint(upto, &state)))
                }
                Job::Renew(asked) => Done::Renewed(asked, self.patiently(Store::renew)),
                Job::Close(last, back) => {
                    let last =
                        last.map(|(upto, state)| self.store.ask(|store| store.checkpoint(upto, &state)));
                    let checkpoint = last.unwrap_or(Ok(()));
                    if let Some(store) = self.store.take() {
                        // Nobody waits for it if the engine's thread has panicked.
                        drop(back.send(Closed { store, checkpoint }));
                    }
                    return;
                }
            };
            // Before it is told: the engine's thread, which takes this back, then does so after it.
            if matches!(done, Done::Committed(_)) {
                self.shared.set_durable(true);
            }
            self.shared.tell(Input::Done(done));
        }
    }

    fn commit(&self, mut batch: Batch) -> Tried {
        let span = tracing::debug_span!("commit", batch = batch.id().sequence, units = batch.units().len());
        let _span = span.entered();
        let begun = Instant::now();
        let committed = self.patiently(|store| store.commit(&mut batch));
        let took = begun.elapsed();
        match committed.and_then(|()| self.patiently(Store::next_due)) {
            Ok(next_due) => Ok(Committed { batch, took, next_due }),
            Err(error) => Err((error, Box::new(batch))),
        }
    }

    /// Asks a store that is busy, full or uncertain again, until its patience is at an end.
    fn patiently<T>(&self, mut ask: impl FnMut(&mut S) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let (begun, mut pause) = (Instant::now(), PAUSE);
        loop {
            match self.store.ask(&mut ask) {
                Err(error) if passes(&error) && begun.elapsed() < self.patience => {
                    self.shared.set_store_takes(false);
                    tracing::warn!(code = error.code().number(), "the store takes nothing; asked again");
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                done => {
                    self.shared.set_store_takes(done.is_ok());
                    return done;
                }
            }
        }
    }
}
