//! Our references: derived from the redemption, so that a repeat is a repeat even after a
//! restored backup, and read back from an answer without a look-up.

use crate::base::RedemptionId;
use core::fmt;

/// Which movement of money a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leg {
    /// The debit at the issuer, its query, its reversal and its receipt.
    Debit,
    /// The pay-out with this number: 1 for the first payee, one more for each new payee.
    Payout(u16),
}

/// Names one movement of money towards an issuer or rail: at most 40 characters of lower-case
/// hexadecimal digits and `p`. Text form: 32 digits for the debit; for a pay-out these, `p` and
/// its number (end-to-end id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The redemption.
    pub redemption: RedemptionId,
    /// The movement.
    pub leg: Leg,
}

impl Reference {
    /// The debit of `redemption`.
    pub const fn debit(redemption: RedemptionId) -> Self {
        Self { redemption, leg: Leg::Debit }
    }

    /// The pay-out `number` of `redemption`.
    pub const fn payout(redemption: RedemptionId, number: u16) -> Self {
        Self { redemption, leg: Leg::Payout(number) }
    }

    /// Reads the text form; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('p') {
            None => Some(Self::debit(text.parse().ok()?)),
            Some((id, number)) => {
                let canonical = !number.starts_with(['0', '+']);
                Some(Self::payout(id.parse().ok()?, number.parse().ok().filter(|_| canonical)?))
            }
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.leg {
            Leg::Debit => write!(f, "{}", self.redemption),
            Leg::Payout(number) => write!(f, "{}p{number}", self.redemption),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_reference_reads_back_from_an_answer() {
        let id = RedemptionId([0xab; 16]);
        for reference in [Reference::debit(id), Reference::payout(id, 1), Reference::payout(id, 65_535)] {
            assert_eq!(Reference::parse(&reference.to_string()), Some(reference));
        }
        for text in ["", "p1", "abp1", &"ab".repeat(17), &("ab".repeat(16) + "p01"), &("ab".repeat(16) + "p")]
        {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }
}
