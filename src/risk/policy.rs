//! The rules as data.

use super::Budget;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

/// How often one card may be tried (SPEC D3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Velocity {
    /// The window in ms.
    pub window_ms: i64,
    /// The request with this number within the window freezes the card.
    pub limit: u32,
    /// For how long, in ms.
    pub freeze_ms: i64,
}

impl Default for Velocity {
    fn default() -> Self {
        Self { window_ms: 300_000, limit: 3, freeze_ms: 86_400_000 }
    }
}

/// How far a declared face may lie from its kind (SPEC D4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deviation {
    /// So many standard deviations.
    pub sigma: u32,
    /// Judged only with at least so many earlier faces.
    pub minimum: u32,
    /// What is done with a face that stands out.
    pub action: Action,
}

/// What is done with a request that a rule doubts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A person looks at it.
    Review,
    /// The seller answers a challenge (a code by SMS).
    Challenge,
}

impl Default for Deviation {
    fn default() -> Self {
        Self { sigma: 3, minimum: 30, action: Action::Review }
    }
}

/// A card on the block list, as the list's author writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockedCard {
    /// The product.
    pub product: String,
    /// The card number; for products that have none, the secret.
    pub card: String,
}

/// What is blocked and reported (SPEC D5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlockList {
    /// Sellers.
    pub sellers: Vec<String>,
    /// Devices.
    pub devices: Vec<String>,
    /// Addresses of IPv4 or IPv6, one each and no networks. Every writing of an address is the same one.
    pub ips: Vec<String>,
    /// Cards.
    pub cards: Vec<BlockedCard>,
}

impl BlockList {
    /// The blocked addresses.
    ///
    /// # Errors
    /// The place, from 1, of an entry that is no address.
    pub(crate) fn addresses(&self) -> Result<BTreeSet<IpAddr>, usize> {
        let read = |(place, text): (usize, &String)| address(text).ok_or(place);
        (1..).zip(&self.ips).map(read).collect()
    }
}

/// The address that a text stands for: an IPv4 address written as one of IPv6 is that of IPv4.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// All risk rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskPolicy {
    /// The card velocity rule.
    pub velocity: Velocity,
    /// The odd-amount rule.
    pub deviation: Deviation,
    /// The block list.
    pub block: BlockList,
    /// How many questions may be asked.
    #[serde(skip_serializing_if = "Budget::is_default")]
    pub budget: Budget,
}

impl RiskPolicy {
    /// What is wrong with the values, if anything.
    pub fn problem(&self) -> Option<&'static str> {
        let Velocity { window_ms, limit, freeze_ms } = self.velocity;
        if window_ms < 1 || freeze_ms < window_ms {
            Some("velocity: 1 <= window_ms <= freeze_ms is expected")
        } else if !(2..=32).contains(&limit) {
            Some("velocity: limit is 2 to 32")
        } else if !(1..=100).contains(&self.deviation.sigma) {
            Some("deviation: sigma is 1 to 100")
        } else if self.deviation.minimum < 2 {
            Some("deviation: minimum is at least 2")
        } else if self.block.addresses().is_err() {
            Some("ips: single addresses are expected, such as 192.0.2.7 or 2001:db8::7, no networks")
        } else {
            self.budget.problem()
        }
    }

    /// How far back and forth the velocity rule looks, in ms: whatever lies further away can
    /// neither share a window nor a freeze with the request.
    pub fn velocity_reach_ms(&self) -> i64 {
        self.velocity.freeze_ms.saturating_add(self.velocity.window_ms)
    }
}
