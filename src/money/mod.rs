//! Currency, amounts in minor units, rates, and splitting without a lost or invented cent.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod amount;
mod currency;
mod rate;
mod split;

pub use amount::{Amount, DecimalError};
pub use currency::{Currency, UnknownCurrency};
pub use rate::{Rate, RateError};
pub use split::{SplitError, split};

use crate::base::{Advice, Code, block};

/// What can go wrong with money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// A text that is not an amount.
    #[error(transparent)]
    Decimal(#[from] DecimalError),
    /// A code that is no currency.
    #[error(transparent)]
    Currency(#[from] UnknownCurrency),
    /// A rate out of range.
    #[error(transparent)]
    Rate(#[from] RateError),
    /// A split that cannot be made.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// A sum or product beyond 64 bits.
    #[error("amount out of range")]
    Overflow,
    /// Two amounts of different currencies.
    #[error("currencies differ: {0} and {1}")]
    Mixed(Currency, Currency),
}

impl MoneyError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::MONEY,
            match self {
                Self::Decimal(_) => 1,
                Self::Currency(_) => 2,
                Self::Rate(_) => 3,
                Self::Split(_) => 4,
                Self::Overflow => 5,
                Self::Mixed(..) => 6,
            },
        )
    }

    /// All of these are errors of the input.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}
