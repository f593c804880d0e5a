//! What an issuer's tokens are like, and the keys they are made with.

use super::TokenError;
use crate::base::{Secret, Wall};

/// The hash of one-time codes (RFC 6238, section 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpHash {
    /// HMAC-SHA-1, the standard's default.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// How tokens are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Texts with an HMAC-SHA-256 under a shared key of 32 bytes or more.
    HmacSha256,
    /// Texts with an Ed25519 signature (RFC 8032); the key is the public key, 32 bytes.
    Ed25519,
    /// Codes of some digits (RFC 6238) under a shared key of 16 bytes or more. The key belongs
    /// to one card or device.
    Totp {
        /// The hash.
        hash: TotpHash,
        /// How many digits a code has, 6 to 8.
        digits: u8,
    },
}

/// What an issuer's tokens are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    algorithm: Algorithm,
    step_ms: u32,
    back: u8,
    ahead: u8,
}

impl Profile {
    /// The most steps that may be accepted each way.
    pub const MAX_SKEW: u8 = 10;

    /// How long a step may last, in milliseconds: a second to a day.
    pub const STEP_MS: core::ops::RangeInclusive<u32> = 1_000..=86_400_000;

    /// A profile whose tokens change every `step_ms` milliseconds (1 second to a day) from
    /// 1970 on and are accepted `back` steps after theirs and `ahead` steps before it.
    ///
    /// # Errors
    /// [`TokenError::Profile`] with what is out of range.
    pub const fn new(algorithm: Algorithm, step_ms: u32, back: u8, ahead: u8) -> Result<Self, TokenError> {
        if step_ms < *Self::STEP_MS.start() || step_ms > *Self::STEP_MS.end() {
            return Err(TokenError::Profile("a step lasts a second to a day"));
        }
        if back > Self::MAX_SKEW || ahead > Self::MAX_SKEW {
            return Err(TokenError::Profile("at most 10 steps are accepted each way"));
        }
        match algorithm {
            Algorithm::Totp { digits: 6..=8, .. } | Algorithm::HmacSha256 | Algorithm::Ed25519 => {
                Ok(Self { algorithm, step_ms, back, ahead })
            }
            Algorithm::Totp { .. } => Err(TokenError::Profile("codes have 6 to 8 digits")),
        }
    }

    /// How tokens are made.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How long a step lasts, in milliseconds.
    pub const fn step_ms(&self) -> u32 {
        self.step_ms
    }

    /// How many steps after its own a token is accepted.
    pub const fn back(&self) -> u8 {
        self.back
    }

    /// How many steps before its own a token is accepted.
    pub const fn ahead(&self) -> u8 {
        self.ahead
    }

    /// The step at this time, counted from 1970.
    ///
    /// # Errors
    /// [`TokenError::Clock`] before 1970.
    pub fn step_at(&self, now: Wall) -> Result<u64, TokenError> {
        let now = u64::try_from(now.0).map_err(|_| TokenError::Clock)?;
        Ok(now / u64::from(self.step_ms))
    }

    /// When a token of `step` becomes too old.
    pub(super) fn too_old_at(&self, step: u64) -> Wall {
        let over = step.saturating_add(u64::from(self.back)).saturating_add(1);
        i64::try_from(over.saturating_mul(u64::from(self.step_ms))).map_or(Wall(i64::MAX), Wall)
    }

    /// Whether a token of `step` is accepted at `now`.
    pub(super) fn check_fresh(&self, step: u64, now: Wall) -> Result<(), TokenError> {
        let present = self.step_at(now)?;
        let oldest = present.saturating_sub(u64::from(self.back));
        let newest = present.saturating_add(u64::from(self.ahead));
        if step < oldest {
            Err(TokenError::TooOld { steps: oldest - step })
        } else if step > newest {
            Err(TokenError::TooEarly { steps: step - newest })
        } else {
            Ok(())
        }
    }

    /// Whether the key's period has a moment in common with `step`.
    pub(super) fn check_period(&self, step: u64, key: &TokenKey) -> Result<(), TokenError> {
        let at = |step: u64| {
            i64::try_from(step.saturating_mul(u64::from(self.step_ms))).map_or(Wall(i64::MAX), Wall)
        };
        if at(step.saturating_add(1)) <= key.from {
            Err(TokenError::KeyNotYet(key.id))
        } else if at(step) >= key.until {
            Err(TokenError::KeyRetired(key.id))
        } else {
            Ok(())
        }
    }
}

/// Names a key of an issuer's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenKeyId(pub u32);

/// A key and the time in which tokens are made with it. Periods of several keys may overlap:
/// while one key takes over from another, tokens of both are genuine.
#[derive(Clone, Debug)]
pub struct TokenKey {
    /// Its name, which signed tokens carry.
    pub id: TokenKeyId,
    /// The shared key, or the public key of a signature.
    pub material: Secret,
    /// From when on tokens are made with it.
    pub from: Wall,
    /// When that ends; this moment does not belong to the period.
    pub until: Wall,
}
