//! The trade's own marks (SPEC row C8), and the library's own part of each redemption, measured
//! while a [`super::Driver`] runs ([`super::Driver::measure`]).
//!
//! Times of issuers that do not answer are kept apart: an outage is counted, and never hidden in an
//! average nor mixed into it. An issuer that is slow by itself breaks a mark whatever the library
//! does, so beside each absolute figure stands the one beyond the issuer's own time (SPEC row C3):
//! all that was waited before the question left and after its answer had come, commits included.
//! What the question spends on the line counts as the issuer's.

mod spread;

pub use spread::Spread;

use super::Arrival;
use super::driver::at_rest;
use crate::base::{Mono, RedemptionId};
use crate::engine::{Call, CallId, Event};
use crate::flow::Summary;
use crate::issuer::OpKind;
use std::collections::HashMap;
use std::fmt;
use std::format;
use std::string::String;
use std::time::Duration;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// A check of the secret (密码校验), from its release to the issuer's answer: 0.1 s.
    SecretCheck,
    /// A balance inquiry (余额查询), from its release to the issuer's answer: 0.3 s.
    Balance,
    /// Comparing device, place and history (设备比对), from the request to the first question
    /// that leaves; the claim is durable by then: 0.2 s.
    DeviceComparison,
    /// The whole validation, from the request until the card is known to be good: 0.15 s.
    Validation,
}

impl Mark {
    /// Every mark.
    pub const ALL: [Self; 4] = [Self::SecretCheck, Self::Balance, Self::DeviceComparison, Self::Validation];

    /// The time that is to be kept.
    pub const fn limit(self) -> Duration {
        Duration::from_millis(match self {
            Self::SecretCheck => 100,
            Self::Balance => 300,
            Self::DeviceComparison => 200,
            Self::Validation => 150,
        })
    }

    /// How often it is to be kept, in 100,000; `None` where the mean is to keep it.
    pub const fn wanted(self) -> Option<u64> {
        match self {
            Self::SecretCheck => Some(99_970),
            Self::Balance => Some(99_850),
            Self::DeviceComparison => Some(99_920),
            Self::Validation => None,
        }
    }

    /// The name, as reports show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecretCheck => "secret check",
            Self::Balance => "balance",
            Self::DeviceComparison => "device comparison",
            Self::Validation => "validation",
        }
    }

    fn of(kind: OpKind) -> Option<Self> {
        match kind {
            OpKind::PinCheck => Some(Self::SecretCheck),
            OpKind::Balance => Some(Self::Balance),
            _ => None,
        }
    }
}

/// How one mark was kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The times of all that was answered.
    pub times: Spread,
    /// How many of them were within the mark's time.
    pub within: u64,
    /// The same without what issuers took: the time in which no question was under way.
    pub beyond: Spread,
    /// How many of those were within the mark's time.
    pub within_beyond: u64,
    /// Questions that no usable answer came to: lost, or later than they were waited for.
    pub outages: u64,
}

impl Kept {
    fn add(&mut self, mark: Mark, time: Duration) {
        self.times.add(time);
        self.within += u64::from(time <= mark.limit());
    }

    fn add_beyond(&mut self, mark: Mark, time: Duration) {
        self.beyond.add(time);
        self.within_beyond += u64::from(time <= mark.limit());
    }

    /// How often the time was kept, in 100,000 of what was answered; `None` of none.
    pub fn share(&self) -> Option<u64> {
        (self.within * 100_000).checked_div(self.times.count())
    }

    /// The same of what was beyond the issuer's own time.
    pub fn share_beyond(&self) -> Option<u64> {
        (self.within_beyond * 100_000).checked_div(self.beyond.count())
    }

    /// Whether the mark is kept, by its share or its mean; `None` if nothing was measured.
    pub fn holds(&self, mark: Mark) -> Option<bool> {
        Some(holds(mark, self.share()?, &self.times))
    }

    /// Whether the mark is kept beyond the issuer's own time; `None` if nothing was measured.
    pub fn holds_beyond(&self, mark: Mark) -> Option<bool> {
        Some(holds(mark, self.share_beyond()?, &self.beyond))
    }
}

fn holds(mark: Mark, share: u64, times: &Spread) -> bool {
    match mark.wanted() {
        Some(wanted) => share >= wanted,
        None => times.mean() <= mark.limit(),
    }
}

/// One redemption on its way to its pay-out.
#[derive(Clone, Copy, Debug)]
struct Course {
    submitted: Duration,
    /// Since when no question is under way, and how long the store had been busy by then.
    idle: (Duration, Duration),
    under_way: u32,
    asked: bool,
    verified: bool,
    /// Some question was not answered: its time is no measure of the library's.
    outage: bool,
    own: Duration,
    store: Duration,
    /// An answer that nothing has come of yet: its mark, what was waited before its question left,
    /// and when it came.
    fresh: Option<(Mark, Duration, Duration)>,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    redemption: RedemptionId,
    kind: OpKind,
    left: Duration,
    /// What its redemption had waited since nothing was under way.
    waited: Duration,
    patience: Duration,
}

/// The marks of one run. All times are since its beginning.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    kept: [Kept; 4],
    courses: HashMap<RedemptionId, Course>,
    questions: HashMap<CallId, Question>,
    busy: Duration,
    own: Spread,
    store: Spread,
    whole: Spread,
}

impl Marks {
    /// How a mark was kept so far.
    pub const fn kept(&self, mark: Mark) -> &Kept {
        &self.kept[mark as usize]
    }

    /// The library's own part of each redemption from its request to the pay-out: the time in
    /// which neither a question was under way nor the store was busy. Waiting for other
    /// redemptions' turns counts. Redemptions with an outage are left out.
    pub const fn own_part(&self) -> &Spread {
        &self.own
    }

    /// What of each redemption was spent in commits of the store while no question of it was
    /// under way.
    pub const fn in_store(&self) -> &Spread {
        &self.store
    }

    /// From the request to the pay-out, issuers included.
    pub const fn whole(&self) -> &Spread {
        &self.whole
    }

    pub(super) fn submitted(&mut self, id: RedemptionId, at: Duration) {
        let course = Course {
            submitted: at,
            idle: (at, self.busy),
            under_way: 0,
            asked: false,
            verified: false,
            outage: false,
            own: Duration::ZERO,
            store: Duration::ZERO,
            fresh: None,
        };
        self.courses.entry(id).or_insert(course);
    }

    pub(super) fn called(&mut self, call: &Call, now: Mono, at: Duration) {
        let Some(course) = self.courses.get_mut(&call.redemption) else { return };
        let mut waited = Duration::ZERO;
        if course.under_way == 0 {
            waited = at.saturating_sub(course.idle.0);
            course.count(at, self.busy);
        }
        course.under_way += 1;
        if !std::mem::replace(&mut course.asked, true) {
            let mark = Mark::DeviceComparison;
            let time = at.saturating_sub(course.submitted);
            // No issuer has a part in it.
            self.kept[mark as usize].add(mark, time);
            self.kept[mark as usize].add_beyond(mark, time);
        }
        if let Some((mark, time)) = course.came_of_it(at) {
            self.kept[mark as usize].add_beyond(mark, time);
        }
        let patience = call.answer_by.0.saturating_sub(now.0).max(0);
        let question = Question {
            redemption: call.redemption,
            kind: call.kind,
            left: at,
            waited,
            patience: Duration::from_millis(u64::try_from(patience).unwrap_or(0)),
        };
        self.questions.insert(call.id, question);
    }

    pub(super) fn arrived(&mut self, arrival: &Arrival, at: Duration) {
        let (id, replied) = match arrival {
            Arrival::Reply(id, _) => (id, true),
            Arrival::Lost(id, _) => (id, false),
            Arrival::Inbound(..) => return,
        };
        let Some(question) = self.questions.remove(id) else { return };
        let took = at.saturating_sub(question.left);
        let answered = replied && took <= question.patience;
        if let Some(mark) = Mark::of(question.kind) {
            let kept = &mut self.kept[mark as usize];
            if answered { kept.add(mark, took) } else { kept.outages += 1 }
        }
        if let Some(course) = self.courses.get_mut(&question.redemption) {
            course.outage |= !answered;
            course.under_way = course.under_way.saturating_sub(1);
            course.idle = (at, self.busy);
            course.fresh =
                Mark::of(question.kind).filter(|_| answered).map(|mark| (mark, question.waited, at));
        }
    }

    pub(super) fn committed(&mut self, took: Duration) {
        self.busy += took;
    }

    pub(super) fn event(&mut self, event: &Event, at: Duration) {
        match event {
            Event::Moved { redemption, summary } => self.moved(*redemption, summary, at),
            Event::Answered { redemption, .. } => drop(self.courses.remove(redemption)),
            _ => {}
        }
    }

    fn moved(&mut self, id: RedemptionId, summary: &Summary, at: Duration) {
        let Some(course) = self.courses.get_mut(&id) else { return };
        if let Some((mark, time)) = course.came_of_it(at) {
            self.kept[mark as usize].add_beyond(mark, time);
        }
        if summary.verified.is_some() && !std::mem::replace(&mut course.verified, true) && !course.outage {
            let mark = Mark::Validation;
            self.kept[mark as usize].add(mark, at.saturating_sub(course.submitted));
            self.kept[mark as usize].add_beyond(mark, course.beyond(at));
        }
        let paid = summary.payout.is_some();
        if !paid && !at_rest(summary) {
            return;
        }
        let Some(mut course) = self.courses.remove(&id).filter(|course| paid && !course.outage) else {
            return;
        };
        if course.under_way == 0 {
            course.count(at, self.busy);
        }
        self.own.add(course.own);
        self.store.add(course.store);
        self.whole.add(at.saturating_sub(course.submitted));
    }
}

impl Course {
    /// What the library and the store took by `at`.
    fn beyond(&self, at: Duration) -> Duration {
        let idle = if self.under_way == 0 { at.saturating_sub(self.idle.0) } else { Duration::ZERO };
        self.own + self.store + idle
    }

    /// Something came of the latest answer: the time around its question.
    fn came_of_it(&mut self, at: Duration) -> Option<(Mark, Duration)> {
        let (mark, waited, came) = self.fresh.take()?;
        Some((mark, waited + at.saturating_sub(came)))
    }

    /// Counts the time in which no question was under way.
    fn count(&mut self, at: Duration, busy: Duration) {
        let (since, busy_then) = self.idle;
        let all = at.saturating_sub(since);
        let store = busy.saturating_sub(busy_then).min(all);
        self.store += store;
        self.own += all - store;
    }
}

impl fmt::Display for Marks {
    /// A table in Markdown, times in milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| mark | within | wanted | kept | answered | mean ms | p50 | p99 | max | outages |")?;
        writeln!(f, " kept beyond the issuer | mean ms | p50 | p99 | max |")?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")?;
        for mark in Mark::ALL {
            let kept = self.kept(mark);
            let wanted = mark.wanted().map_or_else(|| "mean".into(), percent);
            let share = |share: Option<u64>| share.map_or_else(|| "-".into(), percent);
            write!(f, "| {} | {} | {wanted} | {} |", mark.name(), ms(mark.limit()), share(kept.share()))?;
            write!(f, " {} |{} {} |", kept.times.count(), Times(&kept.times), kept.outages)?;
            writeln!(f, " {} |{}", share(kept.share_beyond()), Times(&kept.beyond))?;
        }
        for (name, times) in [("own part", &self.own), ("in the store", &self.store), ("whole", &self.whole)]
        {
            writeln!(f, "| {name} | | | | {} |{} | | | | | |", times.count(), Times(times))?;
        }
        Ok(())
    }
}

struct Times<'a>(&'a Spread);

impl fmt::Display for Times<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = [self.0.mean(), self.0.quantile(500), self.0.quantile(990), self.0.max()];
        times.into_iter().try_for_each(|time| write!(f, " {} |", ms(time)))
    }
}

fn ms(time: Duration) -> String {
    format!("{}.{:03}", time.as_millis(), time.subsec_micros() % 1_000)
}

fn percent(of_100_000: u64) -> String {
    format!("{}.{:03} %", of_100_000 / 1_000, of_100_000 % 1_000)
}

#[cfg(test)]
mod tests;
