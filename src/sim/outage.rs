//! Sites that are down for a while: a pure function of seed, issuer, site and time, so that the
//! same run has the same outages whatever the order of events.

use super::fault::{CALM_FROM, Fault};
use crate::base::{Wall, digest};

/// How long an outage lasts, in milliseconds; two may follow each other.
const WINDOW_MS: i64 = 20_000;

/// How a site is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outage {
    /// Connections are refused: not a byte leaves.
    Refuses,
    /// Connections are reset before a request takes effect.
    ResetsBefore,
    /// Connections are reset after a request has taken effect, before its answer.
    ResetsAfter,
    /// Requests are swallowed, and nothing is heard.
    Silent,
}

impl Outage {
    /// Every way to be down.
    pub const ALL: [Self; 4] = [Self::Refuses, Self::ResetsBefore, Self::ResetsAfter, Self::Silent];

    /// How `site` of `issuer` is down at `at`, if it is: so many times in a thousand windows. What
    /// was sent often enough gets through, so that every redemption can end.
    pub(super) fn at(
        seed: u64,
        per_mille: u64,
        issuer: &str,
        site: u32,
        at: Wall,
        attempt: u32,
    ) -> Option<Self> {
        if per_mille == 0 || attempt >= CALM_FROM {
            return None;
        }
        let window = at.0.div_euclid(WINDOW_MS);
        let parts: [&[u8]; 4] =
            [&seed.to_le_bytes(), issuer.as_bytes(), &site.to_le_bytes(), &window.to_le_bytes()];
        let [high, low, how, ..] = digest("scrip sim outage v1", &parts).0;
        let drawn = u64::from(u16::from_be_bytes([high, low]));
        let down = drawn * 1_000 / 65_536 < per_mille;
        down.then(|| Self::ALL[usize::from(how) % Self::ALL.len()])
    }

    /// The fault of one message that looks the same.
    pub(super) const fn fault(self) -> Fault {
        match self {
            Self::Refuses => Fault::NotSent,
            Self::ResetsBefore | Self::Silent => Fault::RequestLost,
            Self::ResetsAfter => Fault::AnswerLost,
        }
    }

    /// Whether the asker hears that the line broke.
    pub(super) const fn is_heard(self) -> bool {
        !matches!(self, Self::Silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_down_by_themselves_for_a_while_in_every_way_and_about_as_often_as_said() {
        let at = |site, ms, attempt| Outage::at(9, 200, "bank", site, Wall(ms), attempt);
        let seen: std::vec::Vec<_> = (0..4_000).map(|n| at(0, n * WINDOW_MS, 1)).collect();
        for outage in Outage::ALL {
            assert!(seen.iter().filter(|one| **one == Some(outage)).count() > 100, "{outage:?}");
        }
        let down = seen.iter().flatten().count();
        assert!((650..950).contains(&down), "{down} of 4,000");
        assert!((0..4_000).any(|n| at(0, n * WINDOW_MS, 1).is_some() && at(1, n * WINDOW_MS, 1).is_none()));
        for ms in [1, WINDOW_MS - 1] {
            assert_eq!(at(0, 40 * WINDOW_MS, 1), at(0, 40 * WINDOW_MS + ms, 1));
        }
        assert!((0..4_000).all(|n| at(0, n * WINDOW_MS, CALM_FROM).is_none()));
        assert!((0..4_000).all(|n| Outage::at(9, 0, "bank", 0, Wall(n * WINDOW_MS), 1).is_none()));
    }
}
