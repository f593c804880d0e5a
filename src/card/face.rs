//! Which declared face values (面值) a product takes.

use crate::base::Writer;
use crate::money::{Amount, Currency};
use alloc::vec::Vec;

/// The face values that a product takes, per currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaceRule {
    /// These and no others, sorted by currency and value, none twice.
    Values(Vec<Amount>),
    /// From the first to the second, both included; one range per currency.
    Range(Vec<(Amount, Amount)>),
}

/// Why a face value is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaceError {
    /// The product does not come in this currency.
    #[error("the product is not accepted in {0}")]
    Currency(Currency),
    /// Not one of the values, or outside the range.
    #[error("a face value of {0} is not accepted")]
    Value(Amount),
    /// Above the limit per card.
    #[error("a face value of {face} is above the limit of {limit} per card")]
    Limit {
        /// The declared face.
        face: Amount,
        /// The product's limit.
        limit: Amount,
    },
}

impl FaceError {
    /// The stable code: `currency_not_accepted`, `face_value_not_accepted`, `limit_exceeded`.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Currency(_) => "currency_not_accepted",
            Self::Value(_) => "face_value_not_accepted",
            Self::Limit { .. } => "limit_exceeded",
        }
    }
}

impl FaceRule {
    /// Whether `face` is taken.
    pub fn takes(&self, face: Amount) -> bool {
        match self {
            Self::Values(values) => values.contains(&face),
            Self::Range(ranges) => ranges.iter().any(|(least, greatest)| {
                face.currency() == least.currency()
                    && (least.minor()..=greatest.minor()).contains(&face.minor())
            }),
        }
    }

    /// The greatest that is taken in `currency`; none if nothing is.
    pub fn greatest(&self, currency: Currency) -> Option<Amount> {
        let of = |amount: &Amount| amount.currency() == currency;
        match self {
            Self::Values(values) => values.iter().copied().filter(of).max_by_key(|amount| amount.minor()),
            Self::Range(ranges) => ranges.iter().map(|(_, greatest)| *greatest).find(of),
        }
    }

    pub(super) fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::Values(values) => {
                super::write_count(out.u8(1), values.len());
                values.iter().for_each(|value| write_amount(out, *value));
            }
            Self::Range(ranges) => {
                super::write_count(out.u8(2), ranges.len());
                for (least, greatest) in ranges {
                    write_amount(out, *least);
                    write_amount(out, *greatest);
                }
            }
        }
    }
}

pub(super) fn write_amount(out: &mut Writer<'_>, amount: Amount) {
    out.u16(amount.currency().numeric()).i64(amount.minor());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_ends_and_its_currency() {
        let cny = |minor| Amount::new(minor, Currency::CNY);
        let rule = FaceRule::Range(alloc::vec![(cny(100), cny(5_000))]);
        assert!(rule.takes(cny(100)) && rule.takes(cny(5_000)));
        assert!(!rule.takes(cny(99)) && !rule.takes(cny(5_001)) && !rule.takes(cny(-200)));
        assert!(!rule.takes(Amount::new(100, Currency::USD)));
    }
}
