//! How issuers and rails behave, as data: read from TOML, pinned by digest in the records.

use super::{ProfileError, Routing};
use crate::base::{Digest, Text, digest, line_column};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How a card is verified before it is redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// By a balance inquiry that the issuer does not count.
    Balance,
    /// By a check of the secret that the issuer counts: sent once per redemption.
    PinCheck,
    /// Not at all: the issuer has no such interface (daily files).
    None,
}

/// What counts as final evidence of a debit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// An online yes.
    Online,
    /// Only the issuer's file.
    File,
}

/// Where the issuer recognises a repeated reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// At the same site only: repeats and queries stick to it.
    Site,
    /// Everywhere.
    Issuer,
    /// Nowhere: a repeat may debit again, and is never sent.
    None,
}

/// What is done when the outcome of a redeem is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    /// Ask what became of our reference, on the ladder.
    Query,
    /// Send the same redeem with the same reference to the same site.
    Repeat,
    /// Undo it.
    Reverse,
    /// Wait for the issuer's file.
    File,
}

/// What is done once an absence is final: nothing was and nothing will be debited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnAbsent {
    /// Send the redeem again, with the same reference.
    Resend,
    /// End the redemption; the claim is released.
    Decline,
}

/// What is done about a debit that shows up after the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateDebit {
    /// Reverse it again.
    Reverse,
    /// Keep it and pay the seller.
    Owe,
}

/// Times and limits of a channel, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// A call that has not left this long after its release is dropped as not sent.
    pub send_within_ms: i64,
    /// An answer is waited for this long after the release. A call whose order took longer than this to become
    /// durable, and longer than 5 s, is not sent: its order is made anew.
    pub answer_within_ms: i64,
    /// The waits between queries; the last one repeats.
    pub ladder_ms: Vec<i64>,
    /// Not found counts as final this long after the last sending.
    pub absent_after_ms: i64,
    /// What is still unknown this long after the first sending goes to suspense.
    pub age_limit_ms: i64,
    /// How often reads, repeats, resends and reversals are tried.
    pub attempts: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            send_within_ms: 1_000,
            answer_within_ms: 5_000,
            ladder_ms: [1_000, 3_000, 10_000, 30_000, 60_000].to_vec(),
            absent_after_ms: 600_000,
            age_limit_ms: 86_400_000,
            attempts: 3,
        }
    }
}

/// How one issuer behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerProfile {
    /// The issuer's name, as the catalogue uses it.
    #[serde(default)]
    pub name: String,
    /// Which adapter speaks its protocol.
    pub adapter: String,
    /// How a card is verified.
    pub verify: Verify,
    /// What counts as final evidence.
    pub evidence: Evidence,
    /// Where repeats are recognised.
    pub idempotency: Idempotency,
    /// What is done about an unknown outcome.
    pub recipe: Recipe,
    /// What is done about a final absence.
    #[serde(default = "resend")]
    pub on_absent: OnAbsent,
    /// What is done about a late debit.
    #[serde(default = "reverse_late")]
    pub late_debit: LateDebit,
    /// Whether the issuer can undo a debit at all.
    #[serde(default)]
    pub can_reverse: bool,
    /// Whether approvals echo the card: then one without the right echo is not believed.
    #[serde(default)]
    pub echoes_card: bool,
    /// For batch issuers: how long redeems are gathered for one message; 0 for online issuers.
    #[serde(default)]
    pub batch_window_ms: i64,
    /// How many operations one message takes.
    #[serde(default = "one")]
    pub batch_max: usize,
    /// The sites, in order of preference; calls name them by index.
    pub endpoints: Vec<String>,
    /// Times and limits.
    #[serde(default)]
    pub timing: Timing,
    /// How its sites are chosen among, where that is not as the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<Routing>,
}

/// How one pay-out rail behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RailProfile {
    /// The rail's name.
    #[serde(default)]
    pub name: String,
    /// Which adapter speaks its protocol.
    pub adapter: String,
    /// Whether the same end-to-end id may be sent again; otherwise it is only queried.
    #[serde(default)]
    pub idempotent: bool,
    /// The sites.
    pub endpoints: Vec<String>,
    /// Times and limits.
    #[serde(default)]
    pub timing: Timing,
}

/// All channels of one set-up: `[issuer.NAME]` and `[rail.NAME]` tables of one TOML text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// The issuers by name.
    #[serde(rename = "issuer", default)]
    pub issuers: BTreeMap<String, IssuerProfile>,
    /// The rails by name.
    #[serde(rename = "rail", default)]
    pub rails: BTreeMap<String, RailProfile>,
}

fn resend() -> OnAbsent {
    OnAbsent::Resend
}

fn reverse_late() -> LateDebit {
    LateDebit::Reverse
}

fn one() -> usize {
    1
}

impl Profiles {
    /// Reads and checks the TOML text.
    ///
    /// # Errors
    /// [`ProfileError`] with line, column and what was expected: unknown keys, values out of
    /// range, a recipe that the issuer's own abilities forbid.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let mut profiles: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            place(text, at, error.message().to_string())
        })?;
        for (name, issuer) in &mut profiles.issuers {
            issuer.name.clone_from(name);
            let what = check_name(name).or_else(|| check_issuer(issuer));
            what.map_or(Ok(()), |what| Err(at_table(text, "issuer", name, &what)))?;
            if let Some((key, what)) = issuer.routing.as_ref().and_then(Routing::problem) {
                return Err(at_routing(text, name, key, what));
            }
        }
        for (name, rail) in &mut profiles.rails {
            rail.name.clone_from(name);
            let what =
                check_name(name).or_else(|| check_timing(&rail.timing)).or_else(|| sites(&rail.endpoints));
            what.map_or(Ok(()), |what| Err(at_table(text, "rail", name, &what)))?;
        }
        Ok(profiles)
    }
}

impl IssuerProfile {
    /// The digest that records pin: changes whenever any value changes.
    pub fn digest(&self) -> Digest {
        pinned("scrip issuer profile v1", self)
    }
}

impl RailProfile {
    /// The digest that records pin.
    pub fn digest(&self) -> Digest {
        pinned("scrip rail profile v1", self)
    }
}

fn pinned(domain: &str, profile: &impl Serialize) -> Digest {
    let bytes = serde_json::to_vec(profile).expect("a profile has only text keys and plain values");
    digest(domain, &[&bytes])
}

fn check_name(name: &str) -> Option<String> {
    Text::new(name).err().map(|error| error.to_string())
}

fn sites(endpoints: &[String]) -> Option<String> {
    (endpoints.is_empty() || endpoints.len() > 16).then(|| "endpoints: 1 to 16 are expected".to_string())
}

fn check_timing(timing: &Timing) -> Option<String> {
    let what = if timing.send_within_ms < 1 || timing.answer_within_ms < timing.send_within_ms {
        "timing: 1 <= send_within_ms <= answer_within_ms is expected"
    } else if timing.ladder_ms.is_empty() || timing.ladder_ms.iter().any(|&wait| wait < 1) {
        "timing: ladder_ms is a list of waits of at least 1 ms"
    } else if timing.absent_after_ms < timing.answer_within_ms || timing.age_limit_ms < timing.absent_after_ms
    {
        "timing: answer_within_ms <= absent_after_ms <= age_limit_ms is expected"
    } else if timing.attempts == 0 {
        "timing: attempts is at least 1"
    } else {
        return None;
    };
    Some(what.to_string())
}

fn check_issuer(issuer: &IssuerProfile) -> Option<String> {
    let batch = issuer.batch_window_ms > 0;
    let what = if issuer.recipe == Recipe::Repeat && issuer.idempotency == Idempotency::None {
        "recipe: `repeat` needs an issuer that recognises repeats (idempotency)"
    } else if issuer.recipe == Recipe::Reverse && !issuer.can_reverse {
        "recipe: `reverse` needs can_reverse = true"
    } else if issuer.late_debit == LateDebit::Reverse && !issuer.can_reverse {
        "late_debit: `reverse` needs can_reverse = true; use \"owe\""
    } else if issuer.on_absent == OnAbsent::Resend && issuer.idempotency == Idempotency::None {
        "on_absent: `resend` needs an issuer that recognises repeats; use \"decline\""
    } else if issuer.batch_window_ms < 0 || issuer.batch_max == 0 || (!batch && issuer.batch_max > 1) {
        "batch_window_ms > 0 goes with batch_max >= 1; an online issuer takes one operation"
    } else {
        return check_timing(&issuer.timing).or_else(|| sites(&issuer.endpoints));
    };
    Some(what.to_string())
}

fn at_table(text: &str, table: &str, name: &str, what: &str) -> ProfileError {
    let header = alloc::format!("[{table}.{name}");
    let at = text.find(&header).unwrap_or(0);
    place(text, at, alloc::format!("{table} `{name}`: {what}"))
}

fn at_routing(text: &str, name: &str, key: &str, what: &str) -> ProfileError {
    let own = text.find(&alloc::format!("[issuer.{name}.routing]"));
    let table = own.or_else(|| text.find(&alloc::format!("[issuer.{name}]"))).unwrap_or(0);
    let at = text.get(table..).and_then(|rest| rest.find(key)).map_or(table, |at| table + at);
    place(text, at, alloc::format!("issuer `{name}`: routing: {key} is {what}"))
}

fn place(text: &str, at: usize, what: String) -> ProfileError {
    let (line, column) = line_column(text, at);
    ProfileError { line, column, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BANK: &str = r#"
[issuer.bank]
adapter = "signed_json"
verify = "pin_check"
evidence = "online"
idempotency = "site"
recipe = "query"
can_reverse = true
endpoints = ["a", "b"]
timing = { answer_within_ms = 3000 }
"#;

    #[test]
    fn a_profile_reads_with_its_defaults() {
        let profiles = Profiles::parse(BANK).unwrap();
        let bank = &profiles.issuers["bank"];
        assert_eq!((bank.name.as_str(), bank.recipe, bank.batch_max), ("bank", Recipe::Query, 1));
        assert_eq!(bank.timing.answer_within_ms, 3_000);
        assert_eq!(bank.timing.attempts, 3);
    }

    #[test]
    fn a_changed_value_changes_the_digest_and_a_comment_does_not() {
        let of = |text: &str| Profiles::parse(text).unwrap().issuers["bank"].digest();
        assert_eq!(of(BANK), of(&BANK.replace("recipe =", "# how\nrecipe =")));
        assert_ne!(of(BANK), of(&BANK.replace("3000", "3001")));
        assert_ne!(of(BANK), of(&(BANK.to_string() + "[issuer.bank.routing]\nprobe_ms = 500\n")));
    }

    #[test]
    fn a_profile_without_routing_has_the_digest_that_old_logs_pin() {
        let bank = Profiles::parse(BANK).unwrap().issuers["bank"].clone();
        let written = String::from_utf8(serde_json::to_vec(&bank).unwrap()).unwrap();
        assert!(written.ends_with(r#""attempts":3}}"#), "{written}");
    }

    #[test]
    fn a_wrong_profile_is_refused_with_its_place() {
        let error = Profiles::parse(&BANK.replace("recipe =", "recipes =")).unwrap_err();
        assert!(error.what.contains("recipes"), "{error}");
        assert_eq!(error.line, 7, "{error}");
        let error = Profiles::parse(&BANK.replace("\"query\"", "\"repeat\"").replace("\"site\"", "\"none\""));
        assert_eq!(error.unwrap_err().line, 2);
        let table = "[issuer.bank.routing]\nspread = true\nprobe_ms = 0\n";
        let error = Profiles::parse(&(BANK.to_string() + table)).unwrap_err();
        assert_eq!((error.line, error.column), (13, 1), "{error}");
        assert!(error.what.contains("probe_ms is 1 to"), "{error}");
        let inline = BANK.replace("recipe =", "routing = { tries = 4 }\nrecipe =");
        assert_eq!(Profiles::parse(&inline).unwrap_err().line, 7);
        let unknown = Profiles::parse(&(BANK.to_string() + "[issuer.bank.routing]\nprobe = 1\n"));
        assert_eq!(unknown.unwrap_err().line, 12);
        let error = Profiles::parse(&BANK.replace("3000", "0")).unwrap_err();
        assert!(error.what.contains("answer_within_ms"), "{error}");
    }
}
