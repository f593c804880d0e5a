//! A small world for the machine: one product, one issuer, one rail, and everything they and
//! people may say.

use scrip::base::{Digest, Key16, RedemptionId, Text, Wall};
use scrip::card::Catalogue;
use scrip::flow::{Facts, Finding, FlowPolicy, Input, Setting, TokenUse, Verdict};
use scrip::issuer::{
    Accepted, Answer, CardTag, Cause, Decline, IssuerProfile, OpKind, Outcome, Profiles, RailProfile,
};
use scrip::money::{Amount, Currency};
use scrip::pricing::Terms;
use scrip::risk::{Action, Moments, Reason, RiskPolicy, Seen};
use scrip::route::Snapshot;

/// What the card is worth.
pub(crate) const FACE: i64 = 10_000;
/// What it turns out to be worth when the issuer debits less.
pub(crate) const LESS: i64 = 6_000;
/// The tag under which the issuer echoes the card.
const TAG: CardTag = CardTag([7; 16]);

const CHANNELS: &str = r#"
[issuer.bank]
adapter = "none"
verify = "balance"
evidence = "online"
idempotency = "issuer"
recipe = "query"
can_reverse = true
echoes_card = true
endpoints = ["a", "b"]
[rail.pay]
adapter = "none"
idempotent = true
endpoints = ["r"]
"#;

const CATALOGUE: &str = r#"
[product.gift]
issuer = "bank"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1", max = "500" }
limit = "400"
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6] }
on_mismatch = "review"
[product.gift.token]
algorithm = "hmac-sha256"
step_ms = 30_000
optional = true
keys = [{ id = 1 }]
"#;

/// A set-up around one redemption.
pub(crate) struct World {
    pub(crate) issuer: IssuerProfile,
    rail: RailProfile,
    catalogue: Catalogue,
    risk: RiskPolicy,
    policy: FlowPolicy,
    terms: Terms,
    /// What the issuer has said of the card before.
    pub(crate) snapshot: Option<Snapshot>,
}

pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

pub(crate) fn cny(minor: i64) -> Amount {
    Amount::new(minor, Currency::CNY)
}

impl World {
    pub(crate) fn new(change: impl FnOnce(&mut IssuerProfile)) -> Self {
        let mut profiles = Profiles::parse(CHANNELS).unwrap();
        let mut issuer = profiles.issuers.remove("bank").unwrap();
        change(&mut issuer);
        // The same account is settled on where less was debited and it cannot be undone.
        let settle = if issuer.can_reverse { "review" } else { "settle" };
        let catalogue = Catalogue::parse(&CATALOGUE.replace("review", settle)).unwrap();
        let rail = profiles.rails.remove("pay").unwrap();
        let (policy, terms) = (FlowPolicy::default(), Terms::default());
        Self { issuer, rail, catalogue, risk: RiskPolicy::default(), policy, terms, snapshot: None }
    }

    /// The same world in which odd faces are challenged rather than reviewed.
    pub(crate) fn risk(&self, action: Action) -> RiskPolicy {
        let mut risk = self.risk.clone();
        risk.deviation.action = action;
        risk
    }

    pub(crate) fn setting<'a>(&'a self, now: Wall, risk: &'a RiskPolicy, mood: Mood) -> Setting<'a> {
        let listed: &[Reason] = &[Reason::BlockedSeller];
        Setting {
            now,
            jumps: &[],
            policy_digest: Digest([1; 32]),
            policy: &self.policy,
            risk,
            terms: &self.terms,
            product: self.catalogue.product("gift"),
            issuer: &self.issuer,
            rail: &self.rail,
            hits: if mood == Mood::Listed { listed } else { &[] },
            over: if mood == Mood::Over { &[Reason::CallerBudget] } else { &[] },
            tag: Some(TAG),
            snapshot: self.snapshot,
            advance_room: mood == Mood::Room,
            site: 0,
        }
    }

    pub(crate) fn id() -> RedemptionId {
        RedemptionId([1; 16])
    }

    pub(crate) fn facts() -> Facts {
        Facts {
            caller: text("local"),
            request_id: text("R-1"),
            seller: text("seller"),
            product: text("gift"),
            issuer: text("bank"),
            channel: None,
            face: cny(FACE),
            received_at: Wall(0),
            keys: vec![Key16([1; 16]), Key16([2; 16])],
            generation: 0,
            commitment: Digest([2; 32]),
            catalogue: Digest([3; 32]),
            policy: Digest([1; 32]),
            profile: Digest([4; 32]),
        }
    }

    /// A token that goes stale a second after `at`.
    pub(crate) fn token(at: Wall) -> TokenUse {
        TokenUse { key: 1, step: 2, received_at: at, until: at.plus(1_000), claims: vec![Key16([3; 16])] }
    }

    /// What was seen before, for each thing that risk can say.
    pub(crate) fn pasts() -> Vec<(Action, Seen, Moments)> {
        let often = (0..3).map(|n| (RedemptionId([9 - n; 16]), Wall(0)));
        let (quiet, often) = (Seen::Recent(Vec::new()), Seen::Recent(often.collect()));
        let usual = [100, 200].into_iter().cycle().take(40).fold(Moments::default(), Moments::with);
        vec![
            (Action::Review, quiet.clone(), Moments::default()),
            (Action::Review, often, Moments::default()),
            (Action::Review, quiet.clone(), usual),
            (Action::Challenge, quiet, usual),
        ]
    }
}

/// What differs from one moment to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Plain,
    /// The seller is on a block list.
    Listed,
    /// The limits leave room for an advance.
    Room,
    /// The caller has asked too much.
    Over,
    /// The card comes with a token.
    Token,
}

fn accepted(amount: Amount, card: Option<CardTag>) -> Accepted {
    Accepted { reference: text("theirs"), amount, card, generation: None }
}

/// Everything that an issuer or rail may say.
pub(crate) fn outcomes() -> Vec<Outcome> {
    let mut all = vec![
        Outcome::NotSent,
        Outcome::Accepted(accepted(cny(FACE), Some(TAG))),
        Outcome::Accepted(accepted(cny(9_000), Some(TAG))),
        Outcome::Accepted(accepted(cny(LESS), Some(TAG))),
        Outcome::Accepted(accepted(cny(5_400), Some(TAG))),
        Outcome::Accepted(accepted(cny(45_000), Some(TAG))),
        Outcome::Accepted(accepted(cny(0), Some(TAG))),
        Outcome::Accepted(accepted(cny(FACE), None)),
        Outcome::Accepted(accepted(cny(FACE), Some(CardTag([8; 16])))),
        Outcome::Accepted(accepted(Amount::new(FACE, Currency::USD), Some(TAG))),
        Outcome::Accepted(Accepted { generation: Some(2), ..accepted(cny(FACE), Some(TAG)) }),
        Outcome::Partial(accepted(cny(LESS), Some(TAG))),
        Outcome::Partial(accepted(cny(FACE), Some(TAG))),
        Outcome::Partial(accepted(cny(-1), Some(TAG))),
        Outcome::Pending,
        Outcome::NotFound,
        Outcome::Duplicate(text("theirs")),
        Outcome::Reversed,
        Outcome::ReversalUnconfirmed,
        Outcome::ReversalRefused,
    ];
    all.extend([Cause::Timeout, Cause::Integrity].map(Outcome::Unknown));
    all.extend([Decline::AlreadyUsed, Decline::WrongSecret].map(Outcome::Declined));
    all
}

/// Every answer to every operation, online and by file; what is asked of a debit is told unasked, too.
pub(crate) fn answers() -> Vec<Input> {
    let mut all = Vec::new();
    for (kind, by_file) in OpKind::ALL.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        // A rail and an inquiry have no file.
        if !by_file || matches!(kind, OpKind::Redeem | OpKind::Query) {
            let answers = || outcomes().into_iter().map(|outcome| Answer { kind, outcome, by_file });
            all.extend(answers().map(Input::Answer));
            let of_old = |answer: &Answer| {
                let says =
                    matches!(answer.outcome, Outcome::Accepted(_) | Outcome::Reversed | Outcome::NotFound);
                answer.kind == OpKind::Query && says
            };
            all.extend(answers().filter(of_old).map(Input::Told));
        }
    }
    all
}

/// Everything that people may decide.
pub(crate) fn verdicts() -> Vec<Verdict> {
    let (by, second) = (text("ann"), text("bob"));
    let findings = [
        Finding::Debited { reference: text("found"), amount: cny(FACE) },
        Finding::Debited { reference: text("found"), amount: cny(1) },
        Finding::NotDebited,
        Finding::Reversed,
        Finding::Paid { reference: text("found") },
        Finding::NotPaid,
        Finding::Delivered { receipt: text("found") },
    ];
    let mut all = vec![
        Verdict::Approve { by: by.clone() },
        Verdict::Reject { by: by.clone(), reason: text("odd") },
        Verdict::Challenge { passed: true },
        Verdict::Challenge { passed: false },
        Verdict::Cancel { by: by.clone() },
        Verdict::Payee { payee: text("other") },
        Verdict::Unhold { by: by.clone() },
        Verdict::Recovered { by: by.clone() },
        Verdict::WriteOff { by: by.clone(), second: by.clone() },
        Verdict::WriteOff { by: by.clone(), second: second.clone() },
    ];
    for finding in findings {
        all.push(Verdict::Resolve { by: by.clone(), second: by.clone(), finding: finding.clone() });
        all.push(Verdict::Resolve { by: by.clone(), second: second.clone(), finding });
    }
    all
}
