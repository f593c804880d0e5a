//! What the seller gets, what the service costs and who shares the rest.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod quote;
mod terms;

pub use quote::{Quote, QuoteError, quote};
pub use terms::{Share, Terms};
