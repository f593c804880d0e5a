//! What a signed token is as text, and what of it is signed.
//!
//! ```text
//! SCT1. base64url without padding of:
//!   key id (4, little-endian) | step (8, little-endian) | nonce (8)
//!   | length of the subject (1) | subject (1 to 64) | proof (32 HMAC-SHA-256, 64 Ed25519)
//! ```
//! The proof is over `scrip token v1` and everything before the proof.

use super::{TokenError, TokenKeyId};
use crate::base::{Reader, Secret, ShortInput, Writer};
use crate::vault::tag;
use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use core::fmt;

/// Keeps proofs of tokens apart from those of anything else.
pub(super) const DOMAIN: &str = "scrip token v1";

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The key it is made with.
    pub key: TokenKeyId,
    /// The time step it is for.
    pub step: u64,
    /// Distinguishes tokens of one subject in one step.
    pub nonce: [u8; 8],
    /// What it stands for, such as a card number: 1 to [`Body::MAX_SUBJECT`] bytes.
    pub subject: Secret,
}

impl Body {
    /// The longest subject in bytes.
    pub const MAX_SUBJECT: usize = 64;

    /// The bytes that an Ed25519 signature is over: the domain, then the body.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] for a subject that is empty or too long.
    pub fn message(&self) -> Result<Secret, TokenError> {
        let body = self.encode()?;
        Ok(Secret::new([DOMAIN.as_bytes(), body.expose()].concat()))
    }

    /// The token with this signature or MAC.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] for a subject that is empty or too long, or a proof that has
    /// not 32 or 64 bytes.
    pub fn with_proof(self, proof: &[u8]) -> Result<Token, TokenError> {
        self.encode()?;
        if !matches!(proof.len(), Token::MAC | Token::SIGNATURE) {
            return Err(TokenError::Malformed { at: 0 });
        }
        Ok(Token { body: self, proof: proof.to_vec() })
    }

    /// The token with its MAC under a shared key.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] for a subject that is empty or too long.
    pub fn with_mac(self, key: &Secret) -> Result<Token, TokenError> {
        let mac = self.mac(key)?;
        self.with_proof(&mac)
    }

    pub(super) fn mac(&self, key: &Secret) -> Result<[u8; 32], TokenError> {
        Ok(tag(key, DOMAIN, &[self.encode()?.expose()]))
    }

    fn encode(&self) -> Result<Secret, TokenError> {
        let len = u8::try_from(self.subject.len())
            .ok()
            .filter(|len| (1..=Self::MAX_SUBJECT).contains(&usize::from(*len)));
        let len = len.ok_or(TokenError::Malformed { at: 0 })?;
        let mut out = Vec::with_capacity(21 + self.subject.len());
        Writer::new(&mut out)
            .u32(self.key.0)
            .u64(self.step)
            .raw(&self.nonce)
            .u8(len)
            .raw(self.subject.expose());
        Ok(Secret::new(out))
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, ShortInput> {
        let key = TokenKeyId(input.u32()?);
        let step = input.u64()?;
        let nonce = input.array()?;
        let at = input.position();
        let len = usize::from(input.u8()?);
        if !(1..=Self::MAX_SUBJECT).contains(&len) {
            return Err(ShortInput { at });
        }
        Ok(Self { key, step, nonce, subject: Secret::new(input.take(len)?.to_vec()) })
    }
}

/// A token as it stands in a QR code. Reading one says nothing of whether it is genuine: see
/// [`Verifier`](super::Verifier).
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    body: Body,
    proof: Vec<u8>,
}

impl Token {
    /// What the text of every token begins with.
    pub const PREFIX: &'static str = "SCT1.";

    pub(super) const MAC: usize = 32;
    pub(super) const SIGNATURE: usize = 64;

    /// The longest text in bytes.
    const MAX_TEXT: usize = 256;

    /// Reads a token's text.
    ///
    /// # Errors
    /// [`TokenError::Malformed`]: at the first character that is none of base64url's, at the
    /// start for another beginning or a wrong structure.
    pub fn decode(text: &str) -> Result<Self, TokenError> {
        let malformed = |at| TokenError::Malformed { at };
        let coded = text.strip_prefix(Self::PREFIX).ok_or(malformed(0))?;
        if text.len() > Self::MAX_TEXT {
            return Err(malformed(Self::MAX_TEXT));
        }
        let belongs = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if let Some(at) = coded.bytes().position(|byte| !belongs(byte)) {
            return Err(malformed(Self::PREFIX.len() + at));
        }
        let end = malformed(text.len());
        let bytes = Secret::new(Base64UrlUnpadded::decode_vec(coded).map_err(|_| end)?);
        let mut input = Reader::new(bytes.expose());
        // Three bytes stand in four characters.
        let body =
            Body::decode(&mut input).map_err(|short| malformed(Self::PREFIX.len() + short.at * 4 / 3))?;
        let proof = input.rest();
        if !matches!(proof.len(), Self::MAC | Self::SIGNATURE) {
            return Err(end);
        }
        Ok(Self { body, proof: proof.to_vec() })
    }

    /// The token as text.
    pub fn encode(&self) -> String {
        let body = self.body.encode().expect("a token's subject was checked when it was made");
        let bytes = Secret::new([body.expose(), &self.proof].concat());
        [Self::PREFIX, &Base64UrlUnpadded::encode_string(bytes.expose())].concat()
    }

    /// What it says.
    pub fn body(&self) -> &Body {
        &self.body
    }

    pub(super) fn proof(&self) -> &[u8] {
        &self.proof
    }
}

impl fmt::Debug for Token {
    /// Without the proof, which together with the rest is the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("key", &self.body.key)
            .field("step", &self.body.step)
            .finish_non_exhaustive()
    }
}
