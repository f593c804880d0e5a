//! The tokens that cards of one product show, and what sellers bring of them: fresh ones, stale ones,
//! those of another card, and the same one twice.

use super::dice::Dice;
use crate::base::{Secret, Wall};
use crate::card::token::{Body, TokenKeyId};
use crate::engine::TokenSecret;
use std::string::{String, ToString};
use std::vec::Vec;

/// The product whose cards show tokens.
pub(super) const PRODUCT: &str = "show";
/// A token changes so often. Milliseconds, as the catalogue of lives says.
pub(super) const STEP_MS: i64 = 30_000;
/// From here on the issuer makes tokens with its second key: in the middle of the time in which both
/// are good. Milliseconds from the start of a life.
const ROTATED_MS: i64 = 25 * 60_000;
/// Too old or too early by so many steps.
const FAR: i64 = 10;

/// What a request shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Show {
    /// The token of its moment.
    Fresh,
    /// One that was shown long before.
    Stale,
    /// One of a clock that is ahead.
    Early,
    /// The same as an earlier request for the card.
    Again,
    /// That of another card.
    OtherCard,
    /// One made with the issuer's key that is not in use yet, or no longer.
    OldKey,
    /// None at all.
    Missing,
}

impl Show {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        match dice.below(100) {
            0..=54 => Self::Fresh,
            55..=63 => Self::Stale,
            64..=69 => Self::Early,
            70..=84 => Self::Again,
            85..=90 => Self::OtherCard,
            91..=96 => Self::OldKey,
            _ => Self::Missing,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Early => "too early",
            Self::Again => "shown before",
            Self::OtherCard => "another card's",
            Self::OldKey => "with another key",
            Self::Missing => "none",
        }
    }

    /// Whether it must be refused, if it is judged at the time at which it was received.
    const fn is_bad(self) -> bool {
        matches!(self, Self::Stale | Self::Early | Self::OtherCard | Self::OldKey)
    }
}

fn key(id: u32) -> Secret {
    Secret::new([u8::try_from(id).unwrap_or_default() + 60; 32].to_vec())
}

/// The keys that the engine's set-up is given.
pub(super) fn secrets() -> Vec<TokenSecret> {
    let secret = |id| TokenSecret { product: PRODUCT.to_string(), id: TokenKeyId(id), key: key(id) };
    (1..=2).map(secret).collect()
}

/// What the app of a card shows at `at`, in a life that began at `start`; and whether it must be
/// refused when it is received then.
pub(super) fn shown(card: &str, show: Show, at: Wall, start: Wall) -> (String, bool) {
    let at = match show {
        Show::Stale => at.plus(-FAR * STEP_MS),
        Show::Early => at.plus(FAR * STEP_MS),
        _ => at,
    };
    let rotated = at >= start.plus(ROTATED_MS);
    let id = if rotated { 2 } else { 1 };
    // Far enough from the change the other key is not good.
    let far = at < start.plus(ROTATED_MS - 6 * 60_000) || at > start.plus(ROTATED_MS + 6 * 60_000);
    let id = if show == Show::OldKey && far { 3 - id } else { id };
    let step = u64::try_from(at.0.div_euclid(STEP_MS)).unwrap_or_default();
    let body = Body { key: TokenKeyId(id), step, nonce: [9; 8], subject: Secret::from(card) };
    let token = body.with_mac(&key(id)).expect("the number of a card fits into a token").encode();
    (token, show.is_bad() && (show != Show::OldKey || far))
}
