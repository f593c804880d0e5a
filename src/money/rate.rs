//! Rates in millionths.

use super::{Amount, MoneyError};
use core::fmt;

/// A rate outside 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not digits with at most one point, or more than six decimals.
    #[error("a rate is a decimal between 0 and 1 with at most six decimals, such as 0.95")]
    Shape,
    /// Above one.
    #[error("a rate is at most 1")]
    TooLarge,
}

/// A rate from 0 to 1, in millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(u32);

impl Rate {
    const ONE: u32 = 1_000_000;

    /// `ppm` millionths (0 to 1,000,000).
    ///
    /// # Errors
    /// [`RateError::TooLarge`] above 1,000,000.
    pub const fn from_ppm(ppm: u32) -> Result<Self, RateError> {
        if ppm > Self::ONE { Err(RateError::TooLarge) } else { Ok(Self(ppm)) }
    }

    /// The rate in millionths.
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// Reads a decimal such as `0.95`.
    ///
    /// # Errors
    /// [`RateError`].
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 6 || whole.len() > 3 {
            return Err(RateError::Shape);
        }
        let number =
            |s: &str| s.bytes().fold(0_u32, |n, d| n.saturating_mul(10).saturating_add(u32::from(d & 15)));
        let scale = 10_u32.pow(6_u32.saturating_sub(part.len() as u32));
        let ppm = number(whole).saturating_mul(Self::ONE).saturating_add(number(part).saturating_mul(scale));
        Self::from_ppm(ppm)
    }

    /// This share of `amount`, rounded down to the minor unit.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] for a negative amount.
    pub fn of(self, amount: Amount) -> Result<Amount, MoneyError> {
        let minor = u64::try_from(amount.minor()).map_err(|_| MoneyError::Overflow)?;
        #[expect(clippy::arithmetic_side_effects, reason = "at most 2^63 * 10^6, within 128 bits")]
        let share = u128::from(minor) * u128::from(self.0) / u128::from(Self::ONE);
        let share = i64::try_from(share).map_err(|_| MoneyError::Overflow)?;
        Ok(Amount::new(share, amount.currency()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / Self::ONE, self.0 % Self::ONE)
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    #[test]
    fn rates_read_from_decimals() {
        assert_eq!(Rate::parse("0.95").map(Rate::ppm), Ok(950_000));
        assert_eq!(Rate::parse("1").map(Rate::ppm), Ok(1_000_000));
        assert_eq!(Rate::parse("0.000001").map(Rate::ppm), Ok(1));
        assert_eq!(Rate::parse("1.000001"), Err(RateError::TooLarge));
        for text in ["", ".", "0.", ".9", "-0.9", "95%", "0.0000001", "1e0"] {
            assert_eq!(Rate::parse(text), Err(RateError::Shape), "{text}");
        }
    }

    #[test]
    fn a_share_is_rounded_down() {
        let amount = Amount::new(9_999, Currency::CNY);
        assert_eq!(Rate::parse("0.95").unwrap().of(amount).map(Amount::minor), Ok(9_499));
        assert!(Rate::parse("1").unwrap().of(Amount::new(i64::MAX, Currency::CNY)).is_ok());
    }
}
