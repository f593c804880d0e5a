//! `summary.json`: the run in figures, and how they are counted.

use crate::atomic::AtomicFile;
use crate::report::{Outcome, State};
use scrip::money::Currency;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Counts and sums of outcomes, wide enough that no sum of 64-bit amounts overflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sums {
    pub(crate) count: u64,
    pub(crate) face_minor: i128,
    pub(crate) verified_minor: i128,
    pub(crate) payout_minor: i128,
    pub(crate) fee_minor: i128,
}

impl Sums {
    fn add(&mut self, outcome: &Outcome) {
        self.count += 1;
        self.face_minor += outcome.face_minor.map_or(0, i128::from);
        self.verified_minor += outcome.verified_minor.map_or(0, i128::from);
        self.payout_minor += outcome.payout_minor.map_or(0, i128::from);
        self.fee_minor += outcome.fee_minor.map_or(0, i128::from);
    }
}

/// One line of the table: the outcomes of an issuer, a state and a currency. Amounts of
/// different currencies are never added up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    /// `null` for lines that named no issuer's product.
    pub(crate) issuer: Option<String>,
    pub(crate) state: State,
    pub(crate) currency: Option<&'static str>,
    #[serde(flatten)]
    pub(crate) sums: Sums,
}

/// Counts outcomes as they come.
#[derive(Default)]
pub(crate) struct Tally {
    groups: BTreeMap<(Option<String>, State, Option<&'static str>), Sums>,
    totals: BTreeMap<&'static str, Sums>,
    reasons: BTreeMap<(State, String), u64>,
    lines: u64,
}

impl Tally {
    /// Counts one outcome.
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        let currency = outcome.currency.map(Currency::alpha);
        self.lines += 1;
        self.groups.entry((outcome.issuer.clone(), outcome.state, currency)).or_default().add(outcome);
        if let Some(currency) = currency {
            self.totals.entry(currency).or_default().add(outcome);
        }
        if let Some(reason) = &outcome.reason {
            *self.reasons.entry((outcome.state, reason.clone())).or_default() += 1;
        }
    }

    /// Counts one more line about a redemption that was counted before: its money is not added
    /// again.
    pub(crate) fn add_again(&mut self, outcome: &Outcome) {
        let none = Outcome {
            face_minor: None,
            verified_minor: None,
            payout_minor: None,
            fee_minor: None,
            ..outcome.clone()
        };
        self.add(&none);
    }

    /// The figures, with what only the end of the run knows.
    pub(crate) fn summary(&self, closing: Closing) -> Summary {
        let mut states: BTreeMap<_, u64> = State::ALL.into_iter().map(|state| (state, 0)).collect();
        let mut groups = Vec::new();
        for ((issuer, state, currency), sums) in &self.groups {
            *states.entry(*state).or_default() += sums.count;
            groups.push(Group { issuer: issuer.clone(), state: *state, currency: *currency, sums: *sums });
        }
        let reasons = self.reasons.iter();
        let reasons = reasons
            .map(|((state, reason), count)| Reasons { state: *state, reason: reason.clone(), count: *count })
            .collect();
        Summary { lines: self.lines, states, issuers: groups, reasons, totals: self.totals.clone(), closing }
    }
}

/// How often a state had a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reasons {
    pub(crate) state: State,
    pub(crate) reason: String,
    pub(crate) count: u64,
}

/// What the end of the run adds to the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Closing {
    /// Per currency the sum over all accounts of the ledger; 0 when the books balance.
    pub(crate) ledger_balance_minor: BTreeMap<&'static str, i128>,
    /// The root of the audit log (RFC 6962) in hexadecimal, and its number of leaves.
    pub(crate) audit_root: Option<String>,
    pub(crate) audit_leaves: u64,
    pub(crate) oracle: Option<Oracle>,
    pub(crate) stages: Vec<StageTime>,
}

/// What the issuers' own books say of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Oracle {
    pub(crate) verdict: Verdict,
    /// Cards that were debited, and what was debited per currency.
    pub(crate) debited_cards: u64,
    pub(crate) debited_minor: BTreeMap<&'static str, i128>,
    /// Cards debited more than once and not given back.
    pub(crate) debited_twice: u64,
    /// Debits that are neither paid for nor in suspense with a reason.
    pub(crate) unexplained: u64,
}

/// Whether books, outcomes and issuers agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Agrees,
    Disagrees,
}

/// How long a stage took, in whole milliseconds of the run's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct StageTime {
    pub(crate) stage: &'static str,
    pub(crate) count: u64,
    pub(crate) p50_ms: u64,
    pub(crate) p99_ms: u64,
}

/// Collects the times of one stage, exact to the millisecond; its memory grows with the number
/// of different times, not with that of the cards.
#[derive(Default)]
pub(crate) struct Times {
    counts: BTreeMap<u64, u64>,
    total: u64,
}

impl Times {
    /// Adds one time.
    pub(crate) fn add(&mut self, ms: u64) {
        *self.counts.entry(ms).or_default() += 1;
        self.total += 1;
    }

    /// The time that `percent` of a hundred do not exceed (nearest rank); 0 if there is none.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let rank = (u128::from(self.total) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0_u128;
        let reached = self.counts.iter().find(|(_, count)| {
            seen += u128::from(**count);
            seen >= rank
        });
        reached.map_or(0, |(ms, _)| *ms)
    }

    /// The figures of the stage of this name.
    pub(crate) fn stage(&self, stage: &'static str) -> StageTime {
        StageTime { stage, count: self.total, p50_ms: self.percentile(50), p99_ms: self.percentile(99) }
    }
}

/// The object in `summary.json`; its fields are the keys, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    pub(crate) lines: u64,
    /// All ten states, those that did not occur with 0.
    pub(crate) states: BTreeMap<State, u64>,
    pub(crate) issuers: Vec<Group>,
    pub(crate) reasons: Vec<Reasons>,
    pub(crate) totals: BTreeMap<&'static str, Sums>,
    #[serde(flatten)]
    pub(crate) closing: Closing,
}

impl Summary {
    /// Writes `summary.json` into `dir`, whole or not at all.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        let mut file = AtomicFile::create(dir, "summary.json")?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.finish()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small run of every kind of line, used by the test of the table too.
    pub(crate) fn sample() -> Summary {
        let mut tally = Tally::default();
        let card = |line, issuer: &str, state, payout: i64| Outcome {
            issuer: Some(issuer.into()),
            face_minor: Some(10_000),
            payout_minor: Some(payout),
            fee_minor: Some(payout / 92),
            currency: Some(Currency::CNY),
            ..Outcome::new(line, state)
        };
        tally.add(&card(2, "walmart", State::Retired, 9_200));
        tally.add(&card(3, "walmart", State::Retired, 9_200));
        let expired = Outcome { reason: Some("expired".into()), ..card(4, "jd", State::Declined, 0) };
        tally.add(&expired);
        tally.add(&Outcome { reason: Some("line_too_long".into()), ..Outcome::new(5, State::Invalid) });
        let mut times = Times::default();
        (1..=200).for_each(|ms| times.add(ms));
        tally.summary(Closing {
            ledger_balance_minor: BTreeMap::from([("CNY", 0)]),
            audit_root: Some("ab12".into()),
            audit_leaves: 7,
            oracle: Some(Oracle {
                verdict: Verdict::Agrees,
                debited_cards: 2,
                debited_minor: BTreeMap::from([("CNY", 20_000)]),
                debited_twice: 0,
                unexplained: 0,
            }),
            stages: vec![times.stage("verify"), Times::default().stage("redeem")],
        })
    }

    #[test]
    fn every_outcome_is_counted_once() {
        let summary = sample();
        assert_eq!(summary.lines, 4);
        assert_eq!(summary.states.len(), 10);
        assert_eq!(summary.states.values().sum::<u64>(), 4);
        assert_eq!(summary.issuers.iter().map(|group| group.sums.count).sum::<u64>(), 4);
        assert_eq!(summary.totals["CNY"].payout_minor, 18_400);
        assert_eq!(summary.totals["CNY"].face_minor, 30_000);
    }

    #[test]
    fn the_file_keeps_its_order_and_holds_sums_beyond_64_bits() {
        let mut tally = Tally::default();
        for line in 0..2 {
            let vast = Outcome {
                face_minor: Some(i64::MAX),
                currency: Some(Currency::CNY),
                ..Outcome::new(line, State::InReview)
            };
            tally.add(&vast);
        }
        let dir = tempfile::tempdir().unwrap();
        tally.summary(Closing::default()).write(dir.path()).unwrap();
        let text = std::fs::read_to_string(dir.path().join("summary.json")).unwrap();
        assert!(text.contains("\"face_minor\": 18446744073709551614"), "{text}");
        let keys = [
            "lines",
            "states",
            "issuers",
            "reasons",
            "totals",
            "ledger_balance_minor",
            "audit_root",
            "oracle",
        ];
        let places: Vec<_> =
            keys.iter().map(|key| text.find(&format!("\n  \"{key}\"")).expect(key)).collect();
        assert!(places.is_sorted(), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut times = Times::default();
        assert_eq!((times.percentile(50), times.percentile(99)), (0, 0));
        times.add(7);
        assert_eq!((times.percentile(50), times.percentile(99)), (7, 7));
        for ms in [1, 2, 3] {
            times.add(ms);
        }
        assert_eq!((times.percentile(50), times.percentile(75), times.percentile(99)), (2, 3, 7));
    }
}
