//! One site: how healthy it is, and whether it is asked.

use super::RoutePolicy;
use crate::base::Mono;

/// What was heard of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An answer, whatever it says, after so many ms.
    Answer {
        /// From release to reply.
        after_ms: i64,
    },
    /// No byte left: refused.
    Refused,
    /// The line broke after bytes had left.
    Reset,
    /// Nothing before the deadline.
    Silence,
    /// Bytes that are no answer.
    Garbage,
    /// It was not sent for a reason of our own; says nothing of the site.
    Withdrawn,
}

/// How a site stands, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is asked.
    Open,
    /// It is not asked before this time.
    Ejected(Mono),
    /// It may be asked again: one read is its probe.
    HalfOpen,
}

/// Upper bounds of the latency histogram, in ms; the last class is open.
const CLASSES: [u32; 15] = [5, 10, 20, 35, 50, 75, 100, 150, 250, 400, 700, 1_200, 2_500, 5_000, 60_000];
/// At so many samples all counts are halved, so that the past fades.
const FADE: u32 = 1_024;
const ONE: u32 = 1_000_000;

#[derive(Clone, Debug)]
pub(super) struct Site {
    /// The share of answers, in parts per million.
    pub(super) success: u32,
    counts: [u32; CLASSES.len()],
    samples: u32,
    failures: u32,
    /// Ejections without a good answer between them.
    ejections: u32,
    until: Option<Mono>,
    probe_since: Option<Mono>,
    waiting: u32,
    /// Since when it is asked without an answer.
    unheard_since: Option<Mono>,
}

impl Site {
    pub(super) fn new() -> Self {
        Self {
            success: ONE,
            counts: [0; CLASSES.len()],
            samples: 0,
            failures: 0,
            ejections: 0,
            until: None,
            probe_since: None,
            waiting: 0,
            unheard_since: None,
        }
    }

    pub(super) fn standing(&self, now: Mono) -> Standing {
        match self.until {
            None => Standing::Open,
            Some(until) if now < until => Standing::Ejected(until),
            Some(_) => Standing::HalfOpen,
        }
    }

    /// Whether it counts among the ejected: until a probe brought an answer.
    pub(super) fn is_out(&self) -> bool {
        self.until.is_some()
    }

    /// Whether a probe of it is due.
    pub(super) fn wants_probe(&self, now: Mono, policy: &RoutePolicy) -> bool {
        let idle = self.probe_since.is_none_or(|since| now >= since.plus(policy.probe_ms));
        idle && self.standing(now) == Standing::HalfOpen
    }

    /// The latency within which `percent` of the answers came, in ms; `None` before the first.
    pub(super) fn quantile(&self, percent: u32) -> Option<u32> {
        let enough = (self.samples * percent).div_ceil(100).max(1);
        let mut sum = 0;
        CLASSES.iter().zip(&self.counts).find_map(|(&class, &count)| {
            sum += count;
            (sum >= enough).then_some(class)
        })
    }

    pub(super) const fn samples(&self) -> u32 {
        self.samples
    }

    /// It will be asked: no other probe is due meanwhile.
    pub(super) fn probing(&mut self, now: Mono) {
        if self.standing(now) == Standing::HalfOpen {
            self.probe_since = Some(now);
        }
    }

    pub(super) fn asked(&mut self, now: Mono) {
        self.probing(now);
        self.waiting = self.waiting.saturating_add(1);
        self.unheard_since.get_or_insert(now);
    }

    /// When its silence will be too long.
    pub(super) fn silent_at(&self, policy: &RoutePolicy) -> Option<Mono> {
        self.unheard_since.filter(|_| self.until.is_none()).map(|since| since.plus(policy.probe_ms))
    }

    /// Its silence was noticed.
    pub(super) fn noticed(&mut self) {
        self.unheard_since = None;
    }

    /// When its ejection ends.
    pub(super) fn back_at(&self) -> Option<Mono> {
        self.until
    }

    /// Takes what was heard; whether it should be ejected.
    pub(super) fn heard(&mut self, now: Mono, heard: Heard, policy: &RoutePolicy) -> bool {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            self.unheard_since = None;
        }
        let good = match heard {
            Heard::Withdrawn => return false,
            Heard::Answer { .. } => true,
            Heard::Refused | Heard::Reset | Heard::Silence | Heard::Garbage => false,
        };
        let part = |whole: u32| whole >> policy.ewma_shift;
        self.success -= part(self.success);
        if let Heard::Answer { after_ms } = heard {
            self.success = (self.success + part(ONE)).min(ONE);
            self.count(after_ms);
            self.unheard_since = (self.waiting > 0).then_some(now);
        }
        if good {
            self.failures = 0;
            if self.standing(now) == Standing::HalfOpen {
                (self.until, self.probe_since, self.ejections) = (None, None, 0);
            }
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        match self.standing(now) {
            Standing::Open => self.failures >= policy.eject_after,
            // What was asked before the ejection fails as well: no news.
            Standing::Ejected(_) => false,
            Standing::HalfOpen => true,
        }
    }

    pub(super) fn eject(&mut self, now: Mono, policy: &RoutePolicy) {
        let doubled = policy.eject_ms.saturating_mul(1 << self.ejections.min(30));
        self.ejections = self.ejections.saturating_add(1);
        self.until = Some(now.plus(doubled.min(policy.eject_max_ms)));
        (self.probe_since, self.unheard_since, self.failures) = (None, None, 0);
    }

    fn count(&mut self, after_ms: i64) {
        let after = u32::try_from(after_ms.max(0)).unwrap_or(u32::MAX);
        let class = CLASSES.iter().position(|&most| after <= most).unwrap_or(CLASSES.len() - 1);
        self.counts[class] += 1;
        self.samples += 1;
        if self.samples >= FADE {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.samples = self.counts.iter().sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_is_the_class_that_holds_it() {
        let (mut site, policy) = (Site::new(), RoutePolicy::default());
        assert_eq!(site.quantile(95), None);
        for after_ms in (0..94).map(|_| 8).chain((0..6).map(|_| 300)) {
            site.heard(Mono(0), Heard::Answer { after_ms }, &policy);
        }
        assert_eq!(
            (site.quantile(50), site.quantile(94), site.quantile(95)),
            (Some(10), Some(10), Some(400))
        );
        for _ in 0..5_000 {
            site.heard(Mono(0), Heard::Answer { after_ms: i64::MAX }, &policy);
        }
        assert_eq!(site.quantile(5), Some(60_000), "the past fades");
    }

    #[test]
    fn ejections_grow_up_to_their_limit_and_a_good_probe_forgives() {
        let (mut site, policy) = (Site::new(), RoutePolicy::default());
        let mut now = Mono(0);
        for expected in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            assert!(site.heard(now, Heard::Refused, &policy));
            site.eject(now, &policy);
            assert_eq!(site.standing(now), Standing::Ejected(now.plus(expected)));
            now = now.plus(expected);
            assert!(site.wants_probe(now, &policy));
        }
        site.asked(now);
        assert!(!site.wants_probe(now, &policy), "one probe at a time");
        assert!(site.wants_probe(now.plus(policy.probe_ms), &policy));
        site.heard(now, Heard::Answer { after_ms: 1 }, &policy);
        assert_eq!(site.standing(now), Standing::Open);
        site.eject(now, &policy);
        assert_eq!(site.standing(now), Standing::Ejected(now.plus(1_000)));
    }
}
