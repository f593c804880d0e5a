//! What an issuer (发卡方) or a pay-out rail is asked, what it may answer, and how it behaves:
//! operations, outcomes with evidence, profiles and recipes as data, and the codec traits.
//!
//! Adapters are codecs, not clients: they turn operations into bytes and bytes into answers,
//! and never open a socket. The engine decides when; the host carries the bytes.

mod answer;
mod balance;
mod decline;
mod operation;
mod profile;
mod reference;
mod routing;
mod traits;

pub use answer::{Accepted, Answer, CardTag, Cause, Outcome};
pub use balance::Balance;
pub use decline::Decline;
pub use operation::{CardData, Class, OpKind, Operation, Payment};
pub use profile::{
    Evidence, Idempotency, IssuerProfile, LateDebit, OnAbsent, Profiles, RailProfile, Recipe, Timing, Verify,
};
pub use reference::{Leg, Reference};
pub use routing::Routing;
pub use traits::{Asked, Context, DecodeError, EncodeError, Issuer, Message, Rail};

use crate::base::{Advice, Code, block};
use alloc::string::String;

/// A profile file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("profiles, line {line}, column {column}: {what}")]
pub struct ProfileError {
    /// Line from 1.
    pub line: usize,
    /// Column from 1.
    pub column: usize,
    /// What was expected.
    pub what: String,
}

impl ProfileError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(block::ISSUER, 1)
    }

    /// The file must be corrected.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}
