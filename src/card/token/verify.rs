//! Whether a token is genuine and fresh. That it was not used before is the guard's to say.

use super::profile::{Algorithm, Profile, TokenKey, TokenKeyId};
use super::{Body, Token, TokenError, totp};
use crate::base::{Key16, Secret, Wall};
use crate::card::normalize_digits;
use crate::vault::{ct_eq, tag};
use alloc::vec::Vec;
use core::fmt;
use ed25519_dalek::{Signature, VerifyingKey};

/// Checks tokens of one profile.
///
/// ```
/// use scrip::base::{Secret, Wall};
/// use scrip::card::token::{Algorithm, Body, Profile, TokenError, TokenKey, TokenKeyId, Verifier};
/// # fn main() -> Result<(), TokenError> {
/// let profile = Profile::new(Algorithm::HmacSha256, 30_000, 1, 1)?;
/// let secret = Secret::new(vec![7; 32]);
/// let key = TokenKey { id: TokenKeyId(1), material: secret.clone(), from: Wall(0), until: Wall(i64::MAX) };
/// let verifier = Verifier::new(profile, vec![key], Secret::new(vec![9; 32]))?;
///
/// let now = Wall(1_700_000_000_000);
/// let body = Body { key: TokenKeyId(1), step: profile.step_at(now)?, nonce: [1; 8], subject: "6222".into() };
/// let text = body.with_mac(&secret)?.encode();
/// assert_eq!(verifier.verify(&text, now)?.subject().expose(), b"6222");
/// assert_eq!(verifier.verify(&text, now.plus(60_000)).unwrap_err(), TokenError::TooOld { steps: 1 });
/// # Ok(())
/// # }
/// ```
pub struct Verifier {
    profile: Profile,
    /// By id.
    keys: Vec<Held>,
    pepper: Secret,
}

/// A key, and for signatures the point that it is.
struct Held {
    key: TokenKey,
    point: Option<VerifyingKey>,
}

/// A token that is genuine and fresh, not yet used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    key: TokenKeyId,
    step: u64,
    step_ms: u32,
    subject: Secret,
    claim: Key16,
}

impl Verified {
    /// The key it was made with.
    pub fn key(&self) -> TokenKeyId {
        self.key
    }

    /// Its time step.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// What it stands for.
    pub fn subject(&self) -> &Secret {
        &self.subject
    }

    /// The key under which its use is claimed: the same for the same token, and telling nothing
    /// to who does not hold the pepper.
    pub fn claim(&self) -> Key16 {
        self.claim
    }

    pub(super) fn step_ms(&self) -> u32 {
        self.step_ms
    }
}

impl Verifier {
    /// Takes over the keys, in any order. `pepper` is 32 bytes that stay the same as long as
    /// uses are remembered.
    ///
    /// # Errors
    /// [`TokenError::Key`] for a key that the algorithm cannot use or whose period is empty,
    /// [`TokenError::DuplicateKey`], [`TokenError::Pepper`].
    pub fn new(profile: Profile, mut keys: Vec<TokenKey>, pepper: Secret) -> Result<Self, TokenError> {
        if pepper.len() != 32 {
            return Err(TokenError::Pepper { len: pepper.len() });
        }
        keys.sort_unstable_by_key(|key| key.id);
        if let Some(id) = keys.iter().zip(keys.iter().skip(1)).find(|(a, b)| a.id == b.id).map(|(a, _)| a.id)
        {
            return Err(TokenError::DuplicateKey(id));
        }
        let mut held = Vec::with_capacity(keys.len());
        for key in keys {
            if key.from >= key.until {
                return Err(TokenError::Key(key.id));
            }
            let point = match profile.algorithm() {
                Algorithm::HmacSha256 if key.material.len() >= 32 => None,
                Algorithm::Totp { .. } if key.material.len() >= 16 => None,
                Algorithm::Ed25519 => Some(point(&key.material).ok_or(TokenError::Key(key.id))?),
                _ => return Err(TokenError::Key(key.id)),
            };
            held.push(Held { key, point });
        }
        Ok(Self { profile, keys: held, pepper })
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Checks a signed token: key, proof (in constant time), freshness, the key's period.
    ///
    /// # Errors
    /// [`TokenError`]: the first that is wrong, in this order. Who cannot make the proof learns
    /// nothing of freshness.
    pub fn verify(&self, text: &str, now: Wall) -> Result<Verified, TokenError> {
        let token = Token::decode(text)?;
        let body = token.body();
        let held = self.held(body.key)?;
        let genuine = match (self.profile.algorithm(), &held.point) {
            (Algorithm::HmacSha256, _) => ct_eq(&body.mac(&held.key.material)?, token.proof()),
            (Algorithm::Ed25519, Some(point)) => match Signature::from_slice(token.proof()) {
                Ok(signature) => point.verify_strict(body.message()?.expose(), &signature).is_ok(),
                Err(_) => false,
            },
            _ => return Err(TokenError::OtherKind),
        };
        if !genuine {
            return Err(TokenError::Proof);
        }
        self.profile.check_fresh(body.step, now)?;
        self.profile.check_period(body.step, &held.key)?;
        Ok(self.verified(body))
    }

    /// Checks a one-time code that was typed or scanned for `subject`, whose key is `key`. Every
    /// step that is accepted is computed and compared, in constant time; the newest that fits
    /// counts.
    ///
    /// # Errors
    /// [`TokenError`]: key, digits, clock, code, the key's period, in this order.
    pub fn verify_code(
        &self,
        key: TokenKeyId,
        subject: &Secret,
        code: &str,
        now: Wall,
    ) -> Result<Verified, TokenError> {
        let Algorithm::Totp { hash, digits } = self.profile.algorithm() else {
            return Err(TokenError::OtherKind);
        };
        let held = self.held(key)?;
        let code = normalize_digits(code);
        if code.len() != usize::from(digits) || !code.expose().iter().all(u8::is_ascii_digit) {
            return Err(TokenError::Digits { expected: digits });
        }
        let present = self.profile.step_at(now)?;
        let oldest = present.saturating_sub(u64::from(self.profile.back()));
        let mut fits = None;
        for step in oldest..=present.saturating_add(u64::from(self.profile.ahead())) {
            if ct_eq(totp(hash, held.key.material.expose(), step, digits).expose(), code.expose()) {
                fits = Some(step);
            }
        }
        let step = fits.ok_or(TokenError::Code)?;
        self.profile.check_period(step, &held.key)?;
        Ok(self.verified(&Body { key, step, nonce: [0; 8], subject: subject.clone() }))
    }

    fn held(&self, id: TokenKeyId) -> Result<&Held, TokenError> {
        let at = self.keys.binary_search_by_key(&id, |held| held.key.id);
        at.ok().and_then(|at| self.keys.get(at)).ok_or(TokenError::UnknownKey(id))
    }

    fn verified(&self, body: &Body) -> Verified {
        // Not over the proof: whoever could make a second proof for a token would use it twice.
        let parts: [&[u8]; 4] =
            [&body.key.0.to_le_bytes(), &body.step.to_le_bytes(), &body.nonce, body.subject.expose()];
        let mac = tag(&self.pepper, "scrip token claim v1", &parts);
        let mut claim = [0; 16];
        claim.copy_from_slice(&mac[..16]);
        Verified {
            key: body.key,
            step: body.step,
            step_ms: self.profile.step_ms(),
            subject: body.subject.clone(),
            claim: Key16(claim),
        }
    }
}

impl fmt::Debug for Verifier {
    /// The profile and the keys' ids.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<u32> = self.keys.iter().map(|held| held.key.id.0).collect();
        f.debug_struct("Verifier").field("profile", &self.profile).field("keys", &ids).finish()
    }
}

/// The point that a public key is, unless signatures under it can be made without its secret.
fn point(material: &Secret) -> Option<VerifyingKey> {
    let bytes = material.expose().try_into().ok()?;
    VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak())
}
