//! What an issuer's profile says of choosing among its sites: `[issuer.NAME.routing]`.

use serde::{Deserialize, Serialize};

/// Figures of the router for one issuer, in place of those in `[policy.route]`; what is left out
/// is as the policy says. Of a profile without the table the digest is what it always was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Routing {
    /// A site that was asked and has said nothing for so long is taken for dead, in ms; 1 to 600,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_ms: Option<i64>,
    /// The first ejection lasts so long, in ms; 1 to 3,600,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eject_ms: Option<i64>,
    /// How often a read is tried, the first included; 1 to 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// Hedges per read, in thousandths; 0 (never) to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hedge_per_mille: Option<u32>,
    /// Whether the sites share the load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<bool>,
    /// How old a balance may be that is told from memory in place of asking, in ms; 1 to
    /// 604,800,000 (a week). Without it none is kept (快照缓存, SPEC B3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_ms: Option<i64>,
}

impl Routing {
    /// The first key whose value is wrong, and what is expected of it.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        let long = |value: Option<i64>, most: i64| value.is_some_and(|value| !(1..=most).contains(&value));
        let checks = [
            (long(self.probe_ms, 600_000), ("probe_ms", "1 to 600,000")),
            (long(self.eject_ms, 3_600_000), ("eject_ms", "1 to 3,600,000")),
            (self.tries.is_some_and(|tries| !(1..=3).contains(&tries)), ("tries", "1 to 3")),
            (self.hedge_per_mille.is_some_and(|hedges| hedges > 50), ("hedge_per_mille", "0 to 50")),
            (long(self.snapshot_ms, 604_800_000), ("snapshot_ms", "1 to 604,800,000")),
        ];
        checks.into_iter().find(|(wrong, _)| *wrong).map(|(_, what)| what)
    }
}
