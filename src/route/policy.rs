//! The figures of the router, all of them policy (`[policy.route]`).

use crate::issuer::Routing;
use alloc::collections::BTreeMap;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// What a channel costs and how much of the load it should get: `[policy.route.price.NAME]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Price {
    /// Cost of one question, in any unit that all channels share; 0 to 1,000,000. Default 0.
    pub cost: u32,
    /// How much it is preferred, 1 to 1,000. Default 100.
    pub weight: u32,
}

impl Default for Price {
    fn default() -> Self {
        Self { cost: 0, weight: 100 }
    }
}

/// The figures of the router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoutePolicy {
    /// How much of the past the next outcome replaces, as a power of two: 3 is one eighth. 1 to 10.
    pub ewma_shift: u32,
    /// So many failures in a row eject a site, 1 to 100. Default 1: the next attempt is elsewhere.
    pub eject_after: u32,
    /// The first ejection lasts so long, in ms, at least 1; each further one twice as long.
    pub eject_ms: i64,
    /// No ejection lasts longer, in ms.
    pub eject_max_ms: i64,
    /// At most this share of a channel's sites is ejected, in percent, 0 to 100; one always stays.
    pub ejected_max_percent: u32,
    /// A site from which nothing is heard for so long although it was asked is taken for dead,
    /// in ms, at least 1; a probe that is not answered so long makes room for the next one.
    pub probe_ms: i64,
    /// How often a read is tried, the first included, 1 to 3.
    pub tries: u32,
    /// The wait before the first retry of a read, in ms, at least 1; doubled each time.
    pub backoff_ms: i64,
    /// No wait is longer, in ms.
    pub backoff_max_ms: i64,
    /// Retries per read, in thousandths, 0 to 1,000.
    pub retry_per_mille: u32,
    /// Retries that may be saved up, 1 to 10,000.
    pub retry_burst: u32,
    /// Hedges per read, in thousandths, 0 (never) to 50 (SPEC: at most 5 %).
    pub hedge_per_mille: u32,
    /// Nothing is hedged before so many answers of the site are known, at least 1.
    pub hedge_samples: u32,
    /// Whether sites share the load by their scores; otherwise the best is taken, of equals the
    /// first of the profile.
    pub spread: bool,
    /// Prices of channels by name.
    pub price: BTreeMap<String, Price>,
}

impl Default for RoutePolicy {
    fn default() -> Self {
        Self {
            ewma_shift: 3,
            eject_after: 1,
            eject_ms: 1_000,
            eject_max_ms: 60_000,
            ejected_max_percent: 50,
            probe_ms: 2_000,
            tries: 3,
            backoff_ms: 50,
            backoff_max_ms: 2_000,
            retry_per_mille: 200,
            retry_burst: 100,
            hedge_per_mille: 50,
            hedge_samples: 50,
            spread: false,
            price: BTreeMap::new(),
        }
    }
}

impl RoutePolicy {
    /// The figures for one issuer: what its profile says, and the policy of everything else.
    #[must_use]
    pub fn of(&self, routing: &Routing) -> Self {
        let eject_ms = routing.eject_ms.unwrap_or(self.eject_ms);
        Self {
            probe_ms: routing.probe_ms.unwrap_or(self.probe_ms),
            eject_ms,
            eject_max_ms: self.eject_max_ms.max(eject_ms),
            tries: routing.tries.unwrap_or(self.tries),
            hedge_per_mille: routing.hedge_per_mille.unwrap_or(self.hedge_per_mille),
            spread: routing.spread.unwrap_or(self.spread),
            price: BTreeMap::new(),
            ..*self
        }
    }

    /// What is wrong with the values, if anything; it begins with the name of the table.
    pub fn problem(&self) -> Option<&'static str> {
        let price = |p: &Price| p.cost > 1_000_000 || !(1..=1_000).contains(&p.weight);
        let checks = [
            (!(1..=10).contains(&self.ewma_shift), "route: ewma_shift is 1 to 10"),
            (!(1..=100).contains(&self.eject_after), "route: eject_after is 1 to 100"),
            (self.eject_ms < 1 || self.eject_max_ms < self.eject_ms, "route: 1 <= eject_ms <= eject_max_ms"),
            (self.ejected_max_percent > 100, "route: ejected_max_percent is 0 to 100"),
            (self.probe_ms < 1, "route: probe_ms is at least 1"),
            (!(1..=3).contains(&self.tries), "route: tries is 1 to 3"),
            (
                self.backoff_ms < 1 || self.backoff_max_ms < self.backoff_ms,
                "route: 1 <= backoff_ms <= backoff_max_ms",
            ),
            (self.retry_per_mille > 1_000, "route: retry_per_mille is 0 to 1,000"),
            (!(1..=10_000).contains(&self.retry_burst), "route: retry_burst is 1 to 10,000"),
            (self.hedge_per_mille > 50, "route: hedge_per_mille is 0 to 50"),
            (self.hedge_samples == 0, "route: hedge_samples is at least 1"),
            (self.price.values().any(price), "route: cost is 0 to 1,000,000 and weight 1 to 1,000"),
        ];
        checks.into_iter().find(|(wrong, _)| *wrong).map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_hedges_than_the_promise_are_refused() {
        assert_eq!(RoutePolicy::default().problem(), None);
        let eager = RoutePolicy { hedge_per_mille: 51, ..RoutePolicy::default() };
        assert!(eager.problem().unwrap().contains("hedge_per_mille"));
        let stubborn = RoutePolicy { tries: 4, ..RoutePolicy::default() };
        assert!(stubborn.problem().unwrap().contains("tries"));
    }

    #[test]
    fn what_a_profile_says_goes_before_the_policy() {
        let policy = RoutePolicy { eject_max_ms: 5_000, ..RoutePolicy::default() };
        let said = Routing { probe_ms: Some(700), eject_ms: Some(9_000), ..Routing::default() };
        let own = policy.of(&said);
        assert_eq!((own.probe_ms, own.eject_ms, own.eject_max_ms), (700, 9_000, 9_000));
        assert_eq!((own.tries, own.problem()), (policy.tries, None));
        assert_eq!(policy.of(&Routing::default()), policy);
    }
}
