//! Whether a token is genuine and fresh. That it was not used before is the guard's to say.

use super::profile::{Algorithm, Profile, TokenKey, TokenKeyId, TotpHash};
use super::{Body, Token, TokenError, card_code_key, totp};
use crate::base::{Digest, Key16, Secret, Wall};
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
    /// Never empty.
    peppers: Vec<Secret>,
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
    until: Wall,
    subject: Secret,
    /// Never empty.
    claims: Vec<Key16>,
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
        self.claims.first().copied().expect("a verifier has a pepper")
    }

    /// The same key under each of the verifier's peppers, in their order. Where uses are kept in
    /// a store, all are claimed, so that a new pepper forgets no use.
    pub fn claims(&self) -> &[Key16] {
        &self.claims
    }

    /// When it becomes too old; at this time it is.
    pub fn until(&self) -> Wall {
        self.until
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
    pub fn new(profile: Profile, keys: Vec<TokenKey>, pepper: Secret) -> Result<Self, TokenError> {
        Self::with_peppers(profile, keys, [pepper].into())
    }

    /// The same with several peppers, the oldest first: a use has a key under each.
    ///
    /// # Errors
    /// As [`Verifier::new`]; [`TokenError::Pepper`] with length 0 if there is none.
    pub fn with_peppers(
        profile: Profile,
        mut keys: Vec<TokenKey>,
        peppers: Vec<Secret>,
    ) -> Result<Self, TokenError> {
        let wrong = peppers.iter().map(Secret::len).find(|len| *len != 32);
        if let Some(len) = wrong.or(peppers.is_empty().then_some(0)) {
            return Err(TokenError::Pepper { len });
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
        Ok(Self { profile, keys: held, peppers })
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether a text looks like a token of the profile, before anything is judged of it.
    ///
    /// # Errors
    /// [`TokenError::Malformed`], or [`TokenError::Digits`] for one-time codes.
    pub fn check_shape(&self, text: &str) -> Result<(), TokenError> {
        match self.profile.algorithm() {
            Algorithm::Totp { digits, .. } => read_code(text, digits).map(drop),
            _ => Token::decode(text).map(drop),
        }
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
        let code = read_code(code, digits)?;
        let step = self.step_of(&held.key.material, hash, &code, now)?.ok_or(TokenError::Code)?;
        self.profile.check_period(step, &held.key)?;
        Ok(self.verified(&Body { key, step, nonce: [0; 8], subject: subject.clone() }))
    }

    /// Checks a one-time code that was typed or scanned for a card, where each card has a key of
    /// its own that is derived from the issuer's: [`card_code_key`]. All keys are tried, so that
    /// cards follow from one to the next in their own time.
    ///
    /// # Errors
    /// [`TokenError`]: digits, clock, code, the key's period, in this order.
    pub fn verify_card_code(&self, card: &Secret, code: &str, now: Wall) -> Result<Verified, TokenError> {
        let Algorithm::Totp { hash, digits } = self.profile.algorithm() else {
            return Err(TokenError::OtherKind);
        };
        let code = read_code(code, digits)?;
        let mut refused = TokenError::Code;
        let mut fits = None;
        for held in &self.keys {
            let material = card_code_key(&held.key.material, card);
            let Some(step) = self.step_of(&material, hash, &code, now)? else { continue };
            match self.profile.check_period(step, &held.key) {
                Ok(()) => fits = Some(Body { key: held.key.id, step, nonce: [0; 8], subject: card.clone() }),
                Err(error) => refused = error,
            }
        }
        fits.map(|body| self.verified(&body)).ok_or(refused)
    }

    /// The newest of the accepted steps whose code it is; all are computed and compared.
    fn step_of(
        &self,
        key: &Secret,
        hash: TotpHash,
        code: &Secret,
        now: Wall,
    ) -> Result<Option<u64>, TokenError> {
        let present = self.profile.step_at(now)?;
        let oldest = present.saturating_sub(u64::from(self.profile.back()));
        let digits = u8::try_from(code.len()).unwrap_or(u8::MAX);
        let mut fits = None;
        for step in oldest..=present.saturating_add(u64::from(self.profile.ahead())) {
            if ct_eq(totp(hash, key.expose(), step, digits).expose(), code.expose()) {
                fits = Some(step);
            }
        }
        Ok(fits)
    }

    fn held(&self, id: TokenKeyId) -> Result<&Held, TokenError> {
        let at = self.keys.binary_search_by_key(&id, |held| held.key.id);
        at.ok().and_then(|at| self.keys.get(at)).ok_or(TokenError::UnknownKey(id))
    }

    fn verified(&self, body: &Body) -> Verified {
        // Not over the proof: whoever could make a second proof for a token would use it twice.
        let parts: [&[u8]; 4] =
            [&body.key.0.to_le_bytes(), &body.step.to_le_bytes(), &body.nonce, body.subject.expose()];
        let claim = |pepper| Key16(Digest(tag(pepper, "scrip token claim v1", &parts)).head16());
        Verified {
            key: body.key,
            step: body.step,
            step_ms: self.profile.step_ms(),
            until: self.profile.too_old_at(body.step),
            subject: body.subject.clone(),
            claims: self.peppers.iter().map(claim).collect(),
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

/// The digits of a code.
fn read_code(code: &str, digits: u8) -> Result<Secret, TokenError> {
    let code = normalize_digits(code);
    if code.len() != usize::from(digits) || !code.expose().iter().all(u8::is_ascii_digit) {
        return Err(TokenError::Digits { expected: digits });
    }
    Ok(code)
}

/// The point that a public key is, unless signatures under it can be made without its secret.
pub(super) fn point(material: &Secret) -> Option<VerifyingKey> {
    let bytes = material.expose().try_into().ok()?;
    VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak())
}
