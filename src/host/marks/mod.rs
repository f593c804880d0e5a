//! The trade's own marks (SPEC row C8), and the library's own part of each redemption, measured
//! while a [`super::Driver`] runs ([`super::Driver::measure`]).
//!
//! Times of issuers that do not answer are kept apart: an outage is counted, and never hidden in an
//! average nor mixed into it.

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
    /// Questions that no usable answer came to: lost, or later than they were waited for.
    pub outages: u64,
}

impl Kept {
    fn add(&mut self, mark: Mark, time: Duration) {
        self.times.add(time);
        self.within += u64::from(time <= mark.limit());
    }

    /// How often the time was kept, in 100,000 of what was answered; `None` of none.
    pub fn share(&self) -> Option<u64> {
        (self.within * 100_000).checked_div(self.times.count())
    }

    /// Whether the mark is kept, by its share or its mean; `None` if nothing was measured.
    pub fn holds(&self, mark: Mark) -> Option<bool> {
        let share = self.share()?;
        Some(match mark.wanted() {
            Some(wanted) => share >= wanted,
            None => self.times.mean() <= mark.limit(),
        })
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
}

#[derive(Clone, Copy, Debug)]
struct Question {
    redemption: RedemptionId,
    kind: OpKind,
    left: Duration,
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
        };
        self.courses.entry(id).or_insert(course);
    }

    pub(super) fn called(&mut self, call: &Call, now: Mono, at: Duration) {
        let Some(course) = self.courses.get_mut(&call.redemption) else { return };
        if course.under_way == 0 {
            course.count(at, self.busy);
        }
        course.under_way += 1;
        if !std::mem::replace(&mut course.asked, true) {
            let mark = Mark::DeviceComparison;
            self.kept[mark as usize].add(mark, at.saturating_sub(course.submitted));
        }
        let patience = call.answer_by.0.saturating_sub(now.0).max(0);
        let question = Question {
            redemption: call.redemption,
            kind: call.kind,
            left: at,
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
        if summary.verified.is_some() && !std::mem::replace(&mut course.verified, true) && !course.outage {
            let mark = Mark::Validation;
            self.kept[mark as usize].add(mark, at.saturating_sub(course.submitted));
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
        writeln!(f, "| mark | within | wanted | kept | answered | mean ms | p50 | p99 | max | outages |")?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")?;
        for mark in Mark::ALL {
            let kept = self.kept(mark);
            let wanted = mark.wanted().map_or_else(|| "mean".into(), percent);
            let share = kept.share().map_or_else(|| "-".into(), percent);
            write!(f, "| {} | {} | {wanted} | {share} |", mark.name(), ms(mark.limit()))?;
            writeln!(f, " {} |{} {} |", kept.times.count(), Times(&kept.times), kept.outages)?;
        }
        for (name, times) in [("own part", &self.own), ("in the store", &self.store), ("whole", &self.whole)]
        {
            writeln!(f, "| {name} | | | | {} |{} |", times.count(), Times(times))?;
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
