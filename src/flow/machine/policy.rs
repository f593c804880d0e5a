//! What the machine may know besides the redemption.

use crate::base::{Digest, Wall};
use crate::card::Product;
use crate::issuer::{CardTag, IssuerProfile, RailProfile};
use crate::pricing::Terms;
use crate::risk::{Reason, RiskPolicy};
use crate::route::Snapshot;
use serde::{Deserialize, Serialize};

/// Limits for paying before final evidence, in minor units of the redemption's currency; 0
/// allows none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open at one issuer.
    pub issuer_minor: i64,
    /// Open for one product.
    pub product_minor: i64,
    /// Open towards one seller.
    pub seller_minor: i64,
}

/// Times and limits of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowPolicy {
    /// A challenge that is not answered for so long expires, in ms.
    pub challenge_ms: i64,
    /// A review that is not decided for so long expires, in ms.
    pub review_ms: i64,
    /// How much may be paid before final evidence.
    pub advance: Limits,
    /// When the store was last put back to an earlier state (a backup was restored), in ms since 1970;
    /// 0 for never. What such a store has forgotten may have been paid: from then on the rail is asked
    /// before a debit is undone, once what was under way to it at that time has arrived. Set it with a
    /// margin of a minute or so where clocks differ, and leave it set.
    pub put_back_at: i64,
}

impl Default for FlowPolicy {
    fn default() -> Self {
        let advance = Limits::default();
        Self { challenge_ms: 300_000, review_ms: 3 * 86_400_000, advance, put_back_at: 0 }
    }
}

impl FlowPolicy {
    /// What is wrong with the values, if anything.
    pub fn problem(&self) -> Option<&'static str> {
        let Limits { issuer_minor, product_minor, seller_minor } = self.advance;
        if self.challenge_ms < 1 || self.review_ms < 1 {
            Some("flow: challenge_ms and review_ms are at least 1")
        } else if issuer_minor < 0 || product_minor < 0 || seller_minor < 0 {
            Some("flow: advance limits are 0 or more")
        } else if self.put_back_at < 0 {
            Some("flow: put_back_at is a time in ms since 1970, or 0")
        } else {
            None
        }
    }
}

/// What the machine may know besides the redemption.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The recorded wall clock.
    pub now: Wall,
    /// Where that clock was put forward and by how many ms, as far as this process has seen it:
    /// time that did not pass ends no wait.
    pub jumps: &'a [(Wall, i64)],
    /// The digest of the policy in force.
    pub policy_digest: Digest,
    /// Times and limits.
    pub policy: &'a FlowPolicy,
    /// The risk rules.
    pub risk: &'a RiskPolicy,
    /// Fee and shares.
    pub terms: &'a Terms,
    /// The product, if the catalogue still has it.
    pub product: Option<&'a Product>,
    /// The issuer's profile.
    pub issuer: &'a IssuerProfile,
    /// The rail's profile.
    pub rail: &'a RailProfile,
    /// What of the request stands on a block list now.
    pub hits: &'a [Reason],
    /// Which budgets for questions it finds used up.
    pub over: &'a [Reason],
    /// The tag under which the issuer would echo the card, if the card is at hand.
    pub tag: Option<CardTag>,
    /// Whether the limits leave room for an advance on this redemption.
    pub advance_room: bool,
    /// What the issuer last said of the card, while that is young enough for its profile.
    pub snapshot: Option<Snapshot>,
    /// The issuer's site for a counted check or a debit that was not sent anywhere yet.
    pub site: u32,
}
