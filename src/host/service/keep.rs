//! The store's thread: it owns the store and does one job after the other, so that a batch is
//! synced while the engine's thread fills the next.
//!
//! The lease of a store that several nodes share is extended here: another [`Job`], sent by the
//! engine's thread with the time on its clock, before which the lease must be asked for, and
//! answered to its inbox. The engine then bounds `send_by` by it, so that a store that hangs stops
//! calls and nothing else.

use super::shared::{Committed, Input, Shared};
use crate::base::{BatchId, Mono, RedemptionId, Wall};
use crate::host::{Store, StoreError};
use crate::record::Batch;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender};
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

struct Keeper<'a, S> {
    store: S,
    shared: &'a Shared,
}

/// Works until the store is closed, or nobody can send a job any more.
pub(super) fn keep<S: Store>(store: S, jobs: &Receiver<Job<S>>, shared: &Shared) {
    let keeper = Keeper { store, shared };
    // The store is dropped with the panic, so that nobody sees it half changed.
    let worked = catch_unwind(AssertUnwindSafe(|| keeper.work(jobs)));
    shared.store_ended();
    if worked.is_err() {
        tracing::error!("the store's thread panicked");
        shared.tell(Input::StorePanicked);
    }
}

impl<S: Store> Keeper<'_, S> {
    fn work(mut self, jobs: &Receiver<Job<S>>) {
        while let Ok(job) = jobs.recv() {
            let done = match job {
                Job::Commit(batch) => Input::Committed(self.commit(batch)),
                Job::Load(id) => Input::Loaded(id, self.patiently(|store| store.load(id))),
                Job::Due(now, most) => Input::Due(self.patiently(|store| {
                    let due = store.due(now, most)?;
                    Ok((due, store.next_due()?))
                })),
                Job::Checkpoint(upto, state) => {
                    Input::Checkpointed(upto, self.patiently(|store| store.checkpoint(upto, &state)))
                }
                Job::Renew(asked) => Input::Renewed(asked, self.patiently(Store::renew)),
                Job::Close(last, back) => {
                    let last = last.map(|(upto, state)| self.store.checkpoint(upto, &state));
                    let closed = Closed { store: self.store, checkpoint: last.unwrap_or(Ok(())) };
                    // Nobody waits for it if the engine's thread has panicked.
                    return drop(back.send(closed));
                }
            };
            // Before it is told: the engine's thread, which takes this back, then does so after it.
            if matches!(done, Input::Committed(_)) {
                self.shared.set_durable(true);
            }
            self.shared.tell(done);
        }
    }

    fn commit(&mut self, mut batch: Batch) -> Result<Committed, StoreError> {
        let _span = tracing::debug_span!("commit", batch = batch.id().sequence, units = batch.units().len());
        let _span = _span.entered();
        let begun = Instant::now();
        self.patiently(|store| store.commit(&mut batch))?;
        let took = begun.elapsed();
        let next_due = self.patiently(Store::next_due)?;
        Ok(Committed { batch, took, next_due })
    }

    /// Asks a store that is busy, full or uncertain again, until its patience is at an end.
    fn patiently<T>(
        &mut self,
        mut ask: impl FnMut(&mut S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let patience =
            Duration::from_millis(u64::try_from(self.shared.limits.patience_ms).unwrap_or_default());
        let (begun, mut pause) = (Instant::now(), PAUSE);
        loop {
            match ask(&mut self.store) {
                Err(error @ (StoreError::Busy(_) | StoreError::Full(_) | StoreError::Uncertain(_)))
                    if begun.elapsed() < patience =>
                {
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
