//! Payment codes that a payer shows as a bar or QR code (付款码): which schemes a number fits.

use crate::base::{Advice, Code, block};

/// A scheme whose payment codes have a known shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PaymentScheme {
    /// WeChat Pay (微信支付): 18 digits beginning with 10 to 15 (its micropay documents).
    WeChat,
    /// Alipay (支付宝): 16 to 24 digits beginning with 25 to 30 (its open platform documents).
    Alipay,
    /// UnionPay (云闪付): 19 digits beginning with 62 (secondary sources that agree).
    UnionPay,
    /// JD (京东): 19 digits beginning with 62 (one weak source), the same as UnionPay.
    Jd,
}

/// Why a text is no payment code of any known scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaymentCodeError {
    /// Something else than a digit.
    #[error("a payment code is digits, found another character at byte {at}")]
    NotDigit {
        /// Byte offset of the character.
        at: usize,
    },
    /// No scheme has codes with this prefix and length.
    #[error("no scheme has payment codes of {len} digits with this prefix")]
    NoScheme {
        /// The number of digits.
        len: usize,
    },
}

impl PaymentCodeError {
    /// The stable number, 3,300 to 3,309.
    pub const fn code(&self) -> Code {
        let case = match self {
            Self::NotDigit { .. } => 300,
            Self::NoScheme { .. } => 301,
        };
        Code::new(block::CODEC, case)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// Every scheme that the code fits. More than one means that digits cannot tell and that the
/// caller must say: UnionPay and JD share prefix and length.
///
/// # Errors
/// [`PaymentCodeError`] if it fits none.
///
/// ```
/// use scrip::codec::payment::{PaymentScheme, schemes};
/// assert_eq!(schemes("134567890123456789")?, [PaymentScheme::WeChat]);
/// assert_eq!(schemes("6212345678901234567")?, [PaymentScheme::UnionPay, PaymentScheme::Jd]);
/// # Ok::<(), scrip::codec::payment::PaymentCodeError>(())
/// ```
pub fn schemes(code: &str) -> Result<&'static [PaymentScheme], PaymentCodeError> {
    if let Some(at) = code.bytes().position(|byte| !byte.is_ascii_digit()) {
        return Err(PaymentCodeError::NotDigit { at });
    }
    let len = code.len();
    let prefix = code.get(..2).and_then(|two| two.parse::<u8>().ok());
    match (prefix, len) {
        (Some(10..=15), 18) => Ok(&[PaymentScheme::WeChat]),
        (Some(25..=30), 16..=24) => Ok(&[PaymentScheme::Alipay]),
        (Some(62), 19) => Ok(&[PaymentScheme::UnionPay, PaymentScheme::Jd]),
        _ => Err(PaymentCodeError::NoScheme { len }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_and_length_tell_the_scheme() {
        use PaymentScheme::{Alipay, Jd, UnionPay, WeChat};
        let code =
            |prefix: &str, len: usize| prefix.chars().chain("0123456789".chars().cycle()).take(len).collect();
        let none = |len| Err(PaymentCodeError::NoScheme { len });
        for (prefix, len, expected) in [
            ("10", 18, Ok(&[WeChat][..])),
            ("15", 18, Ok(&[WeChat])),
            ("16", 18, none(18)),
            ("10", 17, none(17)),
            ("25", 16, Ok(&[Alipay])),
            ("30", 24, Ok(&[Alipay])),
            ("28", 18, Ok(&[Alipay])),
            ("24", 16, none(16)),
            ("25", 25, none(25)),
            ("62", 19, Ok(&[UnionPay, Jd])),
            ("62", 18, none(18)),
        ] {
            let code: alloc::string::String = code(prefix, len);
            assert_eq!(schemes(&code), expected, "{code}");
        }
        assert_eq!(schemes("13456789012345678a"), Err(PaymentCodeError::NotDigit { at: 17 }));
        assert_eq!(schemes(""), none(0));
        assert_eq!(schemes("1"), none(1));
    }
}
