//! An amount of money in minor units.

use super::{Currency, MoneyError};
use core::fmt;

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Nothing was there.
    #[error("an amount is missing")]
    Empty,
    /// Something else than digits with at most one point among them.
    #[error("an amount is digits with at most one decimal point, found another character at byte {at}")]
    Shape {
        /// Byte offset of the first character that does not belong.
        at: usize,
    },
    /// More decimals than the currency's minor unit has.
    #[error("{currency} has {digits} decimals")]
    Precision {
        /// The currency.
        currency: Currency,
        /// Its minor-unit digits.
        digits: u32,
    },
    /// Beyond 64 bits of minor units.
    #[error("an amount is below 92,233,720,368,547,758 minor units")]
    TooLarge,
}

/// An amount in minor units of a currency. Negative amounts occur in postings only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    minor: i64,
    currency: Currency,
}

impl Amount {
    /// `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing of `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Reads decimal units such as `100`, `99.50` or `0.5`: digits, at most one point with
    /// digits on both sides, no sign, exponent or separators, no more decimals than the
    /// currency has.
    ///
    /// # Errors
    /// [`DecimalError`], with the byte where the text goes wrong.
    ///
    /// ```
    /// use scrip::money::{Amount, Currency};
    /// assert_eq!(Amount::parse("99.50", Currency::CNY)?.minor(), 9_950);
    /// assert!(Amount::parse("1e3", Currency::CNY).is_err());
    /// # Ok::<(), scrip::money::DecimalError>(())
    /// ```
    pub fn parse(text: &str, currency: Currency) -> Result<Self, DecimalError> {
        if text.is_empty() {
            return Err(DecimalError::Empty);
        }
        if let Some(at) = text.bytes().position(|b| b != b'.' && !b.is_ascii_digit()) {
            return Err(DecimalError::Shape { at });
        }
        let (whole, part) = match text.split_once('.') {
            None => (text, ""),
            Some(("", _)) => return Err(DecimalError::Shape { at: 0 }),
            Some((whole, "")) => return Err(DecimalError::Shape { at: whole.len() }),
            Some((whole, part)) => (whole, part),
        };
        if let Some((at, _)) = text.match_indices('.').nth(1) {
            return Err(DecimalError::Shape { at });
        }
        let digits = currency.exponent();
        let Some(padding) = (digits as usize).checked_sub(part.len()) else {
            return Err(DecimalError::Precision { currency, digits });
        };
        let all = whole.bytes().chain(part.bytes()).chain(core::iter::repeat_n(b'0', padding));
        let minor = all
            .into_iter()
            .try_fold(0_i64, |minor, digit| minor.checked_mul(10)?.checked_add(i64::from(digit & 15)));
        minor.map(|minor| Self::new(minor, currency)).ok_or(DecimalError::TooLarge)
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] or [`MoneyError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] or [`MoneyError::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::Mixed(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        match self.currency.exponent() {
            0 => write!(f, "{sign}{minor} {}", self.currency),
            digits => {
                let unit = 10_u64.pow(digits);
                #[expect(clippy::arithmetic_side_effects, reason = "unit is a power of ten, never 0")]
                let (whole, part) = (minor / unit, minor % unit);
                write!(f, "{sign}{whole}.{part:0width$} {}", self.currency, width = digits as usize)
            }
        }
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn decimal_units_become_minor_units() {
        for (text, minor) in [("100", 10_000), ("99.50", 9_950), ("0.5", 50), ("0", 0), ("007", 700)] {
            assert_eq!(Amount::parse(text, Currency::CNY).map(Amount::minor), Ok(minor), "{text}");
        }
        let yen: Currency = "JPY".parse().unwrap();
        assert_eq!(Amount::parse("100", yen).map(Amount::minor), Ok(100));
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_place() {
        use DecimalError::{Empty, Precision, Shape, TooLarge};
        let cny = Currency::CNY;
        let cases = [
            ("", Empty),
            ("1e3", Shape { at: 1 }),
            ("-5", Shape { at: 0 }),
            ("+5", Shape { at: 0 }),
            ("1,000", Shape { at: 1 }),
            (".5", Shape { at: 0 }),
            ("5.", Shape { at: 1 }),
            ("1.2.3", Shape { at: 3 }),
            ("0.001", Precision { currency: cny, digits: 2 }),
            ("99999999999999999999", TooLarge),
        ];
        for (text, error) in cases {
            assert_eq!(Amount::parse(text, cny), Err(error), "{text}");
        }
    }

    #[test]
    fn amounts_print_in_units() {
        assert_eq!(Amount::new(-5, Currency::CNY).to_string(), "-0.05 CNY");
        assert_eq!(Amount::new(9_950, Currency::CNY).to_string(), "99.50 CNY");
    }
}
