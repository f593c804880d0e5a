//! How a lost session was got over, and what took how long: kept for the host's own figures.

use core::cell::Cell;
use core::time::Duration;
use std::time::Instant;

/// How the last loss of the session with the database was got over: what had happened how long after
/// the loss was noticed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Resumed {
    /// When it was noticed.
    pub lost: Instant,
    /// The session that goes on had its statements planned anew: a server that becomes the one that
    /// writes may drop all plans just before. `None` where they were not dropped, or where they are
    /// made as they are used.
    pub planned: Option<Duration>,
    /// There was a session with a server that writes.
    pub found: Duration,
    /// The first batch after that was begun; the lease and what is due may have come before it.
    pub begun: Duration,
    /// It was known whether a commit was taken whose answer was lost. `None` where none was on its way.
    pub looked: Option<Duration>,
    /// What the batch touches was read: its first flight. `None` where that was not needed.
    pub gathered: Option<Duration>,
    /// The batch was durable, here and on a synchronous standby.
    pub done: Duration,
    /// Whether it had been taken before the loss, and was only confirmed.
    pub taken: bool,
}

/// Notes what happens between a loss and the first batch after it. At all other times it does nothing.
#[derive(Default)]
pub(super) struct Trace {
    under_way: Cell<Option<Resumed>>,
    last: Cell<Option<Resumed>>,
}

impl Trace {
    pub(super) fn lost(&self) {
        if self.under_way.get().is_some() {
            return;
        }
        let (zero, none) = (Duration::ZERO, None);
        self.under_way.set(Some(Resumed {
            lost: Instant::now(),
            planned: none,
            found: zero,
            begun: zero,
            looked: none,
            gathered: none,
            done: zero,
            taken: false,
        }));
    }

    /// `planned`: when the session's plans were made anew.
    pub(super) fn found(&self, planned: Option<Instant>) {
        self.note(|resumed, now| {
            (resumed.found, resumed.looked, resumed.gathered) = (now, None, None);
            resumed.planned = planned.and_then(|planned| planned.checked_duration_since(resumed.lost));
        });
    }

    pub(super) fn begun(&self) {
        self.note(|resumed, now| resumed.begun = now);
    }

    pub(super) fn looked(&self, taken: bool) {
        self.note(|resumed, now| (resumed.looked, resumed.taken) = (Some(now), taken));
    }

    pub(super) fn gathered(&self) {
        self.note(|resumed, now| resumed.gathered = Some(now));
    }

    pub(super) fn done(&self) {
        self.note(|resumed, now| resumed.done = now);
        if let Some(resumed) = self.under_way.take() {
            self.last.set(Some(resumed));
        }
    }

    /// The last one that was got over.
    pub(super) fn last(&self) -> Option<Resumed> {
        self.last.get()
    }

    fn note(&self, note: impl FnOnce(&mut Resumed, Duration)) {
        if let Some(mut resumed) = self.under_way.get() {
            let now = resumed.lost.elapsed();
            note(&mut resumed, now);
            self.under_way.set(Some(resumed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_taken_from_a_loss_to_the_next_batch_only() {
        let trace = Trace::default();
        trace.begun();
        trace.done();
        assert!(trace.last().is_none());
        trace.lost();
        let lost = trace.under_way.get().map(|resumed| resumed.lost);
        trace.found(None);
        trace.lost();
        trace.found(Some(Instant::now()));
        trace.begun();
        trace.looked(true);
        assert!(trace.last().is_none());
        trace.done();
        let resumed = trace.last().unwrap();
        // A second loss before anything was written belongs to the first one.
        assert_eq!(Some(resumed.lost), lost);
        assert!(resumed.taken && resumed.gathered.is_none());
        assert!(resumed.planned.unwrap() <= resumed.found && resumed.found <= resumed.begun);
        assert!(resumed.begun <= resumed.looked.unwrap() && resumed.looked.unwrap() <= resumed.done);
        trace.gathered();
        assert!(trace.last().unwrap().gathered.is_none());
    }
}
