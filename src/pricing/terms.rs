//! The terms of settlement, as data.

use crate::base::Text;
use crate::money::Rate;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A party to the profit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Who.
    pub party: String,
    /// Its part, in proportion to the other weights.
    pub weight: u32,
}

/// Service fee and profit shares (SPEC F2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// The service fee as a decimal rate of the redeemed value, such as `"0.01"`. It comes out
    /// of what the seller's rate leaves, never out of the pay-out.
    pub fee: String,
    /// Who shares what the pay-out and the fee leave.
    pub shares: Vec<Share>,
}

impl Default for Terms {
    fn default() -> Self {
        let share = |party: &str, weight| Share { party: party.to_string(), weight };
        Self { fee: "0.01".to_string(), shares: [share("platform", 70), share("channel", 30)].to_vec() }
    }
}

impl Terms {
    /// What is wrong with the values, if anything.
    pub fn problem(&self) -> Option<String> {
        if let Err(error) = Rate::parse(&self.fee) {
            return Some(alloc::format!("fee: {error}"));
        }
        for (i, share) in self.shares.iter().enumerate() {
            if let Err(error) = Text::new(&share.party) {
                return Some(alloc::format!("shares: party {error}"));
            }
            if self.shares.iter().take(i).any(|other| other.party == share.party) {
                return Some(alloc::format!("shares: `{}` stands twice", share.party));
            }
        }
        let none = self.shares.iter().all(|share| share.weight == 0);
        (none || self.shares.len() > 16).then(|| "shares: 1 to 16 parties, one weight above 0".to_string())
    }
}
