//! What other threads bring in, and the clocks of the machine.

use super::Arrival;
use crate::base::{Mono, Now, Wall};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Default)]
struct Queue {
    arrivals: VecDeque<Arrival>,
    woken: bool,
}

/// A queue that one thread waits at and any may fill or wake.
pub(super) struct Inbox {
    queue: Mutex<Queue>,
    changed: Condvar,
    opened: Instant,
}

impl Inbox {
    /// An empty one, whose monotonic clock begins now.
    pub(super) fn new() -> Self {
        Self { queue: Mutex::default(), changed: Condvar::new(), opened: Instant::now() }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Now {
        let whole_ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: Mono(whole_ms(self.opened.elapsed())), wall: Wall(whole_ms(wall)) }
    }

    /// The moment of a monotonic time; one too far away is a day hence.
    #[cfg(feature = "wire")]
    pub(super) fn instant(&self, mono: Mono) -> Instant {
        let since = Duration::from_millis(u64::try_from(mono.0).unwrap_or_default());
        let far = || Instant::now() + Duration::from_secs(86_400);
        self.opened.checked_add(since).unwrap_or_else(far)
    }

    pub(super) fn bring(&self, arrival: Arrival) {
        self.lock().arrivals.push_back(arrival);
        self.changed.notify_one();
    }

    /// As [`Transport::next`](super::Transport::next); a wake ends it too.
    pub(super) fn next(&self, until: Option<Mono>) -> Option<Arrival> {
        let mut queue = self.lock();
        loop {
            if let Some(arrival) = queue.arrivals.pop_front() {
                return Some(arrival);
            }
            if std::mem::take(&mut queue.woken) {
                return None;
            }
            queue = match until {
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.0.saturating_sub(self.now().mono.0);
                    let left = u64::try_from(left).ok().filter(|left| *left > 0)?;
                    let waited = self.changed.wait_timeout(queue, Duration::from_millis(left));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Wake for Inbox {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.lock().woken = true;
        self.changed.notify_one();
    }
}
