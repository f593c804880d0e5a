//! Who keeps batches: the thread that has the engine, or one beside it.

use super::Worked;
use scrip::host::{Store, StoreError};
use scrip::record::Batch;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Makes batches durable.
pub(crate) trait Keeper {
    fn hand(&mut self, batch: Batch);

    /// The batch that was handed over, when it is durable; waits for it for so long at most.
    fn back(&mut self, wait: Duration) -> Option<Batch>;

    /// So many requests and replies are taken before the engine is polled.
    fn at_once(&self) -> usize;

    /// How long the store was at work: a thread of its own, or by the clock on the caller's; at the end.
    fn worked(&mut self) -> Duration;
}

fn commit(store: &mut impl Store, batch: &mut Batch) {
    // As the driver does: the same batch again.
    while let Err(error) = store.commit(batch) {
        assert!(matches!(error, StoreError::Busy(_) | StoreError::Uncertain(_)), "{error}");
    }
}

/// On the caller's thread.
pub(crate) struct Inline<'a, S> {
    store: &'a mut S,
    done: Option<Batch>,
    took: Duration,
}

impl<'a, S: Store> Inline<'a, S> {
    pub(crate) fn new(store: &'a mut S) -> Self {
        Self { store, done: None, took: Duration::ZERO }
    }
}

impl<S: Store> Keeper for Inline<'_, S> {
    fn hand(&mut self, mut batch: Batch) {
        let start = Instant::now();
        commit(self.store, &mut batch);
        self.took += start.elapsed();
        self.done = Some(batch);
    }

    fn back(&mut self, _: Duration) -> Option<Batch> {
        self.done.take()
    }

    fn at_once(&self) -> usize {
        usize::MAX
    }

    fn worked(&mut self) -> Duration {
        self.took
    }
}

/// As the service has it: on a thread of its own, but for small batches while the store is quick, which the
/// engine's thread commits.
pub(crate) struct Beside<'scope, S> {
    store: Arc<Mutex<&'scope mut S>>,
    to: Option<Sender<Batch>>,
    from: Receiver<(Batch, Duration)>,
    on_its_way: bool,
    done: Option<Batch>,
    quick: bool,
    thread: Option<ScopedJoinHandle<'scope, Duration>>,
}

/// As long may the last commit have taken, and so many units are too many.
const QUICK: Duration = Duration::from_micros(500);
const MANY: usize = 64;

/// How long the commit took.
fn commit_at<S: Store>(store: &Mutex<&mut S>, batch: &mut Batch) -> Duration {
    let begun = Instant::now();
    commit(&mut **store.lock().unwrap_or_else(PoisonError::into_inner), batch);
    begun.elapsed()
}

impl<'scope, S: Store + Send> Beside<'scope, S> {
    pub(crate) fn start(scope: &'scope Scope<'scope, '_>, store: &'scope mut S) -> Self {
        let store = Arc::new(Mutex::new(store));
        let (to, batches) = channel::<Batch>();
        let (done, from) = channel();
        let named = std::thread::Builder::new().name("scrip-store".to_owned());
        let own = Arc::clone(&store);
        let work = move || {
            let worked = Worked::start();
            for mut batch in batches {
                let took = commit_at(&own, &mut batch);
                if done.send((batch, took)).is_err() {
                    break;
                }
            }
            worked.so_far()
        };
        let thread = named.spawn_scoped(scope, work).expect("there is room for a thread");
        let thread = Some(thread);
        Self { store, to: Some(to), from, on_its_way: false, done: None, quick: false, thread }
    }
}

impl<S: Store + Send> Keeper for Beside<'_, S> {
    fn hand(&mut self, mut batch: Batch) {
        if self.quick && batch.units().len() < MANY {
            self.quick = commit_at(&self.store, &mut batch) <= QUICK;
            self.done = Some(batch);
            return;
        }
        self.on_its_way = true;
        let to = self.to.as_ref().expect("the run is not over");
        to.send(batch).expect("the store's thread lives as long as the run");
    }

    fn back(&mut self, wait: Duration) -> Option<Batch> {
        if self.done.is_some() {
            return self.done.take();
        }
        if !self.on_its_way {
            std::thread::sleep(if wait == LONG { Duration::ZERO } else { wait });
            return None;
        }
        let (batch, took) =
            if wait.is_zero() { self.from.try_recv().ok() } else { self.from.recv_timeout(wait).ok() }?;
        (self.on_its_way, self.quick) = (false, took <= QUICK);
        Some(batch)
    }

    /// As the service has it.
    fn at_once(&self) -> usize {
        64
    }

    fn worked(&mut self) -> Duration {
        self.to = None;
        self.thread.take().map_or(Duration::ZERO, |thread| thread.join().expect("it has not panicked"))
    }
}
