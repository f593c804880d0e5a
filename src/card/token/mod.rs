//! Dynamic tokens (动态码): codes that change with time and work once.
//!
//! | file | one job |
//! |---|---|
//! | `profile` | algorithm, step, skew and the keys with their periods |
//! | `rule` | the same as the catalogue says it of a product |
//! | `form` | the text in a QR code and the bytes that are signed |
//! | `totp` | one-time codes of RFC 6238 |
//! | `verify` | is it genuine and fresh |
//! | `guard` | was it used before |
//!
//! Time is an argument: freshness is judged on the caller's clock. Nothing here tells what a
//! token would have had to be.
//!
//! The engine needs no guard: with it the use of a token is a claim in the store, bound to its
//! redemption, exact across restarts and nodes, and for ever. The guard is for hosts that check
//! tokens without an engine, and keep its uses or its state in records of their own.

mod form;
mod guard;
mod profile;
mod rule;
mod totp;
mod verify;

pub use form::{Body, Token};
pub use guard::{Guard, Spent, Use};
pub use profile::{Algorithm, Profile, TokenKey, TokenKeyId, TotpHash};
pub use rule::{KeyPeriod, TokenRule};
pub(super) use rule::{RawToken, rule};
pub use totp::{card_code_key, totp};
pub use verify::{Verified, Verifier};

use crate::base::{Advice, Code, block};

/// The reason for which a card must be scanned again: its token was fresh when it came and is not
/// any more.
pub const STALE: &str = "token_stale";

/// Why a token, a key or a guard's state is refused. Each reason is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a token's text.
    #[error("not a token (byte {at})")]
    Malformed {
        /// Byte offset of what does not belong.
        at: usize,
    },
    /// A profile that no token can meet.
    #[error("token profile: {0}")]
    Profile(&'static str),
    /// A key that the algorithm cannot use, or whose period is empty.
    #[error("{0:?} is no key for the algorithm, or its period is empty")]
    Key(TokenKeyId),
    /// Two keys carry the same id.
    #[error("{0:?} is given twice")]
    DuplicateKey(TokenKeyId),
    /// The pepper is not 32 bytes long.
    #[error("the pepper must be 32 bytes, is {len}")]
    Pepper {
        /// Its length in bytes.
        len: usize,
    },
    /// The profile's algorithm has tokens of the other kind: signed texts or one-time codes.
    #[error("the profile has tokens of another kind")]
    OtherKind,
    /// Made with a key that is not held.
    #[error("made with {0:?}, which is not held")]
    UnknownKey(TokenKeyId),
    /// Signature or MAC do not fit: forged, changed, or made with another key of the same id.
    #[error("the proof does not fit")]
    Proof,
    /// Not as many digits as the profile's codes have.
    #[error("a code has {expected} digits")]
    Digits {
        /// How many there must be.
        expected: u8,
    },
    /// No code of the steps that are accepted now.
    #[error("the code is wrong or no longer valid")]
    Code,
    /// The caller's clock stands before 1970.
    #[error("the clock stands before 1970")]
    Clock,
    /// Its step is over.
    #[error("too old by {steps} steps")]
    TooOld {
        /// Steps beyond those that are accepted.
        steps: u64,
    },
    /// Its step has not begun.
    #[error("too early by {steps} steps")]
    TooEarly {
        /// Steps beyond those that are accepted.
        steps: u64,
    },
    /// The key's period begins after the token's step.
    #[error("{0:?} is not yet in use")]
    KeyNotYet(TokenKeyId),
    /// The key's period ended before the token's step.
    #[error("{0:?} is no longer in use")]
    KeyRetired(TokenKeyId),
    /// Used before, by another redemption.
    #[error("was used before")]
    Replayed,
    /// What was used in its step is no longer remembered, so that it may have been used.
    #[error("its window is closed")]
    Closed,
    /// The guard remembers as many uses as it may; none of them may be forgotten yet.
    #[error("too many tokens are in use")]
    Full,
    /// Bytes that are not a guard's state.
    #[error("not a guard's state (byte {at})")]
    State {
        /// Byte offset of what does not belong.
        at: usize,
    },
    /// A guard's state or a token of a profile with other steps.
    #[error("of another token profile")]
    OtherProfile,
    /// A genuine token of another product.
    #[error("of another product")]
    OtherProduct,
    /// A genuine token that stands for another card.
    #[error("of another card")]
    OtherCard,
}

impl TokenError {
    /// The stable number, 5,200 to 5,249.
    pub const fn code(&self) -> Code {
        let case = match self {
            Self::Malformed { .. } => 200,
            Self::Profile(_) => 201,
            Self::Key(_) => 202,
            Self::DuplicateKey(_) => 203,
            Self::Pepper { .. } => 204,
            Self::OtherKind => 205,
            Self::UnknownKey(_) => 206,
            Self::Proof => 207,
            Self::Digits { .. } => 208,
            Self::Code => 209,
            Self::Clock => 210,
            Self::TooOld { .. } => 211,
            Self::TooEarly { .. } => 212,
            Self::KeyNotYet(_) => 213,
            Self::KeyRetired(_) => 214,
            Self::Replayed => 215,
            Self::Closed => 216,
            Self::Full => 217,
            Self::State { .. } => 218,
            Self::OtherProfile => 219,
            Self::OtherProduct => 220,
            Self::OtherCard => 221,
        };
        Code::new(block::CARD, case)
    }

    /// The stable name in snake case, as records hold it.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "token_malformed",
            Self::Profile(_) => "token_profile",
            Self::Key(_) => "token_key",
            Self::DuplicateKey(_) => "token_key_twice",
            Self::Pepper { .. } => "token_pepper",
            Self::OtherKind => "token_other_kind",
            Self::UnknownKey(_) => "token_unknown_key",
            Self::Proof => "token_forged",
            Self::Digits { .. } => "token_digits",
            Self::Code => "token_wrong_code",
            Self::Clock => "token_clock",
            Self::TooOld { .. } => "token_too_old",
            Self::TooEarly { .. } => "token_too_early",
            Self::KeyNotYet(_) => "token_key_not_yet",
            Self::KeyRetired(_) => "token_key_retired",
            Self::Replayed => "token_replayed",
            Self::Closed => "token_closed",
            Self::Full => "token_guard_full",
            Self::State { .. } => "token_state",
            Self::OtherProfile => "token_other_profile",
            Self::OtherProduct => "token_other_product",
            Self::OtherCard => "token_other_card",
        }
    }

    /// What a seller may be told in place of the exact [`reason`](Self::reason), for a reason
    /// that begins with `token_`: `token_scan_again` where a genuine token came at the wrong time
    /// or a second time, `token_refused` for all else. Who cannot make a genuine token learns from
    /// it neither how near it was nor whether the card exists.
    pub fn public_reason(reason: &str) -> Option<&'static str> {
        let again = [
            Self::TooOld { steps: 0 }.reason(),
            Self::TooEarly { steps: 0 }.reason(),
            Self::KeyNotYet(TokenKeyId(0)).reason(),
            Self::KeyRetired(TokenKeyId(0)).reason(),
            Self::Replayed.reason(),
            Self::Closed.reason(),
            STALE,
        ];
        match reason {
            _ if again.contains(&reason) => Some("token_scan_again"),
            _ if reason.starts_with("token_") => Some("token_refused"),
            _ => None,
        }
    }

    /// What is early or meets a full guard may come again later; a state that does not read was
    /// not written here; all else is for the caller to correct.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::TooEarly { .. } | Self::KeyNotYet(_) | Self::Full => Advice::Retry,
            Self::State { .. } => Advice::Stop,
            _ => Advice::Fix,
        }
    }
}

#[cfg(test)]
mod tests;
