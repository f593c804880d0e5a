//! The thread that takes durable batches into the tables, and erases in the segments what is not
//! needed any more. A commit waits for it only when too much is not applied yet.

use super::disk::Disk;
use super::log::{failed, segment_name};
use super::pace::Pace;
use super::taken::Work;
use crate::host::StoreError;
use crate::host::sqlite::Model;
use std::collections::VecDeque;
use std::string::{String, ToString};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::vec;
use std::vec::Vec;

/// Work waits so long for more to be folded with it, unless this many units have gathered. What a
/// redemption goes through within that time is written once.
const LAG: Duration = Duration::from_secs(1);
const ENOUGH: usize = 65_536;
/// So many are too many to rest.
const BEHIND: usize = 2 * ENOUGH;
/// More units than this are not kept in memory, some 400 bytes each: commits wait.
const MOST: usize = 196_608;
/// So long a commit waits before it says that the store is busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// And so long where the tables find no room on the disk: that seldom passes by itself.
const PATIENCE_IF_FULL: Duration = Duration::from_secs(1);
/// After trouble that may pass, the next try.
const PAUSE: Duration = Duration::from_millis(50);
/// While work is taken in, the thread rests half of the time, unless it is behind.
const REST: u32 = 1;
/// Erased content stands in the segments for so long at most.
const ERASE_AFTER: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    queue: VecDeque<Work>,
    /// How many units are queued or at work.
    units: usize,
    at_work: bool,
    /// Somebody waits, so nothing is put off.
    urgent: bool,
    /// Nor is erasing.
    erase: bool,
    stop: bool,
    applied: u64,
    /// Why the thread has ended.
    fault: Option<StoreError>,
    /// What it tries again.
    trouble: Option<StoreError>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // What is under the lock is changed in single steps, so a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Applier {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Applier {
    pub(super) fn start(model: Model, disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let applied = model.applied()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State { applied, ..State::default() }),
            ..Shared::default()
        });
        let hand =
            Hand { shared: Arc::clone(&shared), model, disk, erase_at: Some(Instant::now() + ERASE_AFTER) };
        let thread = std::thread::Builder::new().name("scrip-tables".into()).spawn(move || hand.run());
        let thread = thread.map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The last batch in the tables.
    pub(super) fn applied(&self) -> Result<u64, StoreError> {
        let state = self.shared.lock();
        state.fault.clone().map_or(Ok(state.applied), Err)
    }

    /// Waits until there is room for more work.
    ///
    /// # Errors
    /// Why the tables cannot be written: [`StoreError::Full`] and [`StoreError::Busy`] may pass.
    pub(super) fn wait_for_room(&self) -> Result<(), StoreError> {
        self.wait(|state| state.units <= MOST)
    }

    pub(super) fn push(&self, work: Work) {
        let mut state = self.shared.lock();
        state.units += units(&work);
        state.queue.push_back(work);
        if state.queue.len() == 1 || state.units >= ENOUGH {
            self.shared.work.notify_one();
        }
    }

    /// Waits until everything is applied.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        self.wait(|state| state.queue.is_empty() && !state.at_work && !state.erase)
    }

    /// Waits until everything is applied and erased.
    pub(super) fn settle_and_erase(&self) -> Result<(), StoreError> {
        self.shared.lock().erase = true;
        self.settle()
    }

    fn wait(&self, enough: impl Fn(&State) -> bool) -> Result<(), StoreError> {
        let (begun, mut state) = (Instant::now(), self.shared.lock());
        while !enough(&state) {
            if let Some(fault) = &state.fault {
                return Err(fault.clone());
            }
            let full = matches!(state.trouble, Some(StoreError::Full(_)));
            if begun.elapsed() > if full { PATIENCE_IF_FULL } else { PATIENCE } {
                let slow = || StoreError::Busy("the tables do not keep up".into());
                return Err(state.trouble.clone().unwrap_or_else(slow));
            }
            state.urgent = true;
            self.shared.work.notify_one();
            state = self.shared.done.wait_timeout(state, PAUSE).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.fault.clone().map_or(Ok(()), Err)
    }
}

impl Drop for Applier {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.work.notify_one();
        self.thread.take().into_iter().for_each(|thread| drop(thread.join()));
    }
}

fn units(work: &Work) -> usize {
    match work {
        Work::Batch(taken) => 1 + taken.changes.rows.len() + taken.changes.seats.len(),
        Work::Takeover(_) | Work::Checkpoint(..) => 1,
    }
}

/// The thread's own side.
struct Hand {
    shared: Arc<Shared>,
    model: Model,
    disk: Arc<dyn Disk>,
    erase_at: Option<Instant>,
}

impl Hand {
    fn run(mut self) {
        loop {
            let (works, last, erase) = self.next();
            if !works.is_empty() && !self.persist(|hand| hand.apply(&works), last) {
                return;
            }
            let asked = erase || works.iter().any(|work| matches!(work, Work::Checkpoint(..)));
            if !works.is_empty() {
                self.erase_at = self.erase_at.or(Some(Instant::now() + ERASE_AFTER));
            }
            let due = self.erase_at.is_some_and(|at| at <= Instant::now());
            if (asked || due || last) && self.erase_at.is_some() {
                if !self.persist(|hand| hand.erase(), last) {
                    return;
                }
                self.erase_at = None;
            }
            self.finish(&works);
            if last {
                // Whether it worked or not: the next one to open finds what was applied.
                let _ = self.model.tidy();
                return;
            }
        }
    }

    /// What is to be done next, whether it is the last, and whether to erase after it.
    fn next(&mut self) -> (Vec<Work>, bool, bool) {
        let mut state = self.shared.lock();
        let mut since = None;
        loop {
            if state.stop || state.urgent || state.erase || state.units >= ENOUGH {
                break;
            }
            let wait = match (state.queue.is_empty(), self.erase_at) {
                (true, None) => None,
                (true, Some(at)) => Some(at),
                (false, _) => Some(*since.get_or_insert_with(|| Instant::now() + LAG)),
            };
            state = match wait.map(|at| at.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => break,
                Some(left) => {
                    self.shared.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.shared.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state.at_work = true;
        let (mut works, mut sum) = (Vec::new(), 0);
        while sum < BEHIND {
            let Some(work) = state.queue.pop_front() else { break };
            sum += units(&work);
            works.push(work);
        }
        let last = state.stop && state.queue.is_empty();
        (works, last, std::mem::take(&mut state.erase))
    }

    /// Tries until it works; `false` if it never will, or may not be waited for.
    fn persist(&mut self, mut act: impl FnMut(&mut Self) -> Result<(), StoreError>, last: bool) -> bool {
        loop {
            let error = match act(self) {
                Ok(()) => {
                    self.shared.lock().trouble = None;
                    return true;
                }
                Err(error) => error,
            };
            let mut state = self.shared.lock();
            if matches!(error, StoreError::Busy(_) | StoreError::Full(_)) && !last && !state.stop {
                state.trouble = Some(error);
                drop(state);
                std::thread::sleep(PAUSE);
            } else {
                state.fault = Some(error);
                self.shared.done.notify_all();
                return false;
            }
        }
    }

    fn apply(&mut self, works: &[Work]) -> Result<(), StoreError> {
        let shared = &self.shared;
        let hurry = || {
            let state = shared.lock();
            state.urgent || state.erase || state.stop || state.units >= BEHIND
        };
        let mut pace = Pace::new(REST, &hurry);
        self.model.apply(works, &mut || pace.rest())
    }

    fn finish(&self, works: &[Work]) {
        let mut state = self.shared.lock();
        state.at_work = false;
        state.units -= works.iter().map(units).sum::<usize>();
        for work in works {
            if let Work::Batch(taken) = work {
                state.applied = taken.id.sequence;
            }
        }
        state.urgent = state.urgent && !state.queue.is_empty();
        self.shared.done.notify_all();
    }

    /// Overwrites content that is not needed any more with zeros, and makes that durable.
    fn erase(&mut self) -> Result<(), StoreError> {
        let list = self.model.erasures()?;
        if list.is_empty() {
            return Ok(());
        }
        let mut runs = Vec::<(u32, u64, u64)>::new();
        for (segment, at, length) in list {
            match runs.last_mut() {
                Some((of, start, run)) if *of == segment && *start + *run == at => *run += u64::from(length),
                _ => runs.push((segment, at, length.into())),
            }
        }
        let wrap = |name: String| move |error| failed(&name, &error);
        for (segment, at, length) in &runs {
            let name = segment_name(*segment);
            let zeros = vec![0; usize::try_from(*length).expect("content was in memory once")];
            self.disk.write_at(&name, *at, &zeros).map_err(wrap(name))?;
        }
        runs.dedup_by_key(|(segment, ..)| *segment);
        for (segment, ..) in runs {
            let name = segment_name(segment);
            self.disk.sync(&name).map_err(wrap(name))?;
        }
        self.model.erased()
    }
}
