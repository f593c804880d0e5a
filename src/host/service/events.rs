//! Events for those who want to see everything: bounded, and who is too slow is told.

use crate::engine::Event;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::vec::Vec;

/// What a subscriber is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every notice is an event")]
pub enum Notice {
    /// An event, in the order in which they happened.
    Event(Event),
    /// So many events were dropped here, for the subscriber was too slow.
    Missed(u64),
}

#[derive(Default)]
struct Backlog {
    events: VecDeque<Event>,
    missed: u64,
    waker: Option<Waker>,
    ended: bool,
}

struct Queue {
    backlog: Mutex<Backlog>,
    changed: Condvar,
    most: usize,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the backlog and wakes whoever waits for it.
    fn change(&self, change: impl FnOnce(&mut Backlog)) {
        let mut backlog = self.lock();
        change(&mut backlog);
        let waker = backlog.waker.take();
        drop(backlog);
        self.changed.notify_all();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Backlog {
    /// The next notice; `Some(None)` when no more will come. The oldest events are dropped, so
    /// that what was missed comes before what is left.
    fn take(&mut self) -> Option<Option<Notice>> {
        if self.missed > 0 {
            return Some(Some(Notice::Missed(std::mem::take(&mut self.missed))));
        }
        match self.events.pop_front() {
            Some(event) => Some(Some(Notice::Event(event))),
            None => self.ended.then_some(None),
        }
    }
}

/// Every event from the subscription on, until it is dropped.
///
/// Keeps a bounded number of events; the oldest are dropped for one who is too slow, and
/// [`Notice::Missed`] says how many.
pub struct Events(Arc<Queue>);

impl Events {
    /// The next notice; `None` once the service has ended and everything was told.
    pub async fn next(&mut self) -> Option<Notice> {
        Next(self).await
    }

    /// The same, blocking the thread.
    pub fn wait(&mut self) -> Option<Notice> {
        let mut backlog = self.0.lock();
        loop {
            match backlog.take() {
                Some(notice) => return notice,
                None => backlog = self.0.changed.wait(backlog).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// What is there now, if anything is.
    pub fn look(&mut self) -> Option<Notice> {
        self.0.lock().take().flatten()
    }
}

struct Next<'a>(&'a mut Events);

impl Future for Next<'_> {
    type Output = Option<Notice>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Notice>> {
        let mut backlog = self.0.0.lock();
        match backlog.take() {
            Some(notice) => Poll::Ready(notice),
            None => {
                backlog.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Everyone who listens.
#[derive(Default)]
pub(super) struct Listeners(Mutex<Listening>);

#[derive(Default)]
struct Listening {
    queues: Vec<Weak<Queue>>,
    ended: bool,
}

impl Listeners {
    fn lock(&self) -> MutexGuard<'_, Listening> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self, most: usize) -> Events {
        let mut listening = self.lock();
        let backlog = Backlog { ended: listening.ended, ..Backlog::default() };
        let queue = Queue { backlog: Mutex::new(backlog), changed: Condvar::new(), most: most.max(1) };
        let queue = Arc::new(queue);
        listening.queues.push(Arc::downgrade(&queue));
        Events(queue)
    }

    /// Tells everyone; how many events were dropped for it.
    pub(super) fn tell(&self, event: &Event) -> u64 {
        let mut dropped = 0;
        self.each(|queue| {
            queue.change(|backlog| {
                if backlog.events.len() >= queue.most {
                    backlog.events.pop_front();
                    backlog.missed += 1;
                    dropped += 1;
                }
                backlog.events.push_back(event.clone());
            });
        });
        dropped
    }

    /// No more will come.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.each(|queue| queue.change(|backlog| backlog.ended = true));
    }

    fn each(&self, mut visit: impl FnMut(&Queue)) {
        let mut queues = Vec::new();
        self.lock().queues.retain(|queue| queue.upgrade().map(|queue| queues.push(queue)).is_some());
        queues.iter().for_each(|queue| visit(queue));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RedemptionId;

    fn event(n: u8) -> Event {
        Event::TakenOver { redemption: RedemptionId([n; 16]), unacknowledged: Vec::new() }
    }

    #[test]
    fn who_is_too_slow_is_told_how_much_was_missed() {
        let listeners = Listeners::default();
        let (mut slow, mut quick) = (listeners.subscribe(2), listeners.subscribe(9));
        let dropped: u64 = (0..5).map(|n| listeners.tell(&event(n))).sum();
        assert_eq!(dropped, 3);
        listeners.end();
        let told: Vec<_> = std::iter::from_fn(|| slow.wait()).collect();
        assert_eq!(told, [Notice::Missed(3), Notice::Event(event(3)), Notice::Event(event(4))]);
        let told = pollster::block_on(async {
            let mut told = Vec::new();
            while let Some(notice) = quick.next().await {
                told.push(notice);
            }
            told
        });
        assert_eq!(told, (0..5).map(|n| Notice::Event(event(n))).collect::<Vec<_>>());
        assert_eq!(listeners.subscribe(1).wait(), None, "nothing comes after the end");
    }
}
