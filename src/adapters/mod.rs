//! Adapters: the codecs between operations and an issuer's or rail's own bytes. They stand below
//! the engine, which knows them by their traits only.
//!
//! | adapter | speaks |
//! |---|---|
//! | [`bank`] | ISO 8583 as banks and UnionPay's terminals speak it |
//! | [`rest`] | signed forms or JSON over HTTP, as a profile file describes; 京东 and 沃尔玛 among them |
//! | [`batch`] | daily files, delimited or fixed, as their terms say |
//! | [`signed_json`] | one signed JSON object per message; cards are sealed inside it |
//! | [`leg`] | sealed cards from terminals, or to issuers, with proofs both ways |
//! | [`plain`] | lines of plain text; for scripted issuers and trials only |
//!
//! [`shadow`] lets only questions through, [`transcript`] records replies and gives them to an adapter
//! again. [`config`] makes a whole set-up from one text, with the adapters that its profiles name.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod bank;
pub mod batch;
mod calendar;
pub mod config;
mod far_end;
mod hex;
pub mod leg;
pub mod plain;
pub mod rest;
pub mod served;
pub mod shadow;
pub mod signed_json;
pub mod transcript;

pub use far_end::{FarEnd, Told};

use crate::base::{Advice, Code, block};
use crate::codec::pair::PairError;
use crate::issuer::DecodeError;
use crate::vault::VaultError;

/// Why an adapter could not be set up, or, on the issuer's side, why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// A channel key is not 32 bytes long.
    #[error("a channel key must be 32 bytes, is {len}")]
    KeyLength {
        /// Its length in bytes.
        len: usize,
    },
    /// Terms agreed with a bank that do not fit together or into its message format.
    #[error("bank: {what}")]
    Terms {
        /// What was expected.
        what: &'static str,
    },
    /// A profile of the REST adapter, its keys and what the issuer's profile says do not fit
    /// together.
    #[error("rest: {what}")]
    Rest {
        /// What was expected.
        what: &'static str,
    },
    /// A file channel's profile and terms that do not fit together.
    #[error("files: {what}")]
    Files {
        /// What was expected.
        what: &'static str,
    },
    /// A message that is not of this protocol, not of this version, or not signed with the
    /// channel's key.
    #[error(transparent)]
    Message(#[from] DecodeError),
    /// A message that is signed as it should be, with an operation that cannot be taken.
    #[error("operation {index}: {what}")]
    Operation {
        /// Its place in the message, from 0.
        index: usize,
        /// What was expected.
        what: &'static str,
    },
    /// A key of a pair that cannot be used.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// A card that does not open, or a proof that fails.
    #[error(transparent)]
    Vault(VaultError),
}

impl AdapterError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::ADAPTERS,
            match self {
                Self::KeyLength { .. } => 1,
                Self::Message(_) => 2,
                Self::Operation { .. } => 3,
                Self::Vault(error) => return error.code(),
                Self::Pair(error) => return error.code(),
                Self::Terms { .. } => 25,
                Self::Rest { .. } => 24,
                Self::Files { .. } => 23,
            },
        )
    }

    /// The set-up or the message must be corrected; of the vault, as it says.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Vault(error) => error.advice(),
            _ => Advice::Fix,
        }
    }
}
