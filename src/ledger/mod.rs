//! Double entry: accounts, postings, and transfers that balance.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod account;
mod transfer;

pub use account::{Account, AccountError, AccountKind};
pub use transfer::{LedgerError, Posting, Transfer, trial_balance};
