//! What both ends of a channel share: its key, and what is made with it.

use super::wire::{Envelope, at_byte, read_own, write_text};
use crate::adapters::served::OpenCard;
use crate::adapters::{AdapterError, hex};
use crate::base::{Reader, Secret, ShortInput, Writer, digest};
use crate::issuer::{CardData, CardTag, DecodeError, OpKind, Reference};
use crate::vault::{self, KeyId, KeyRing, MacKey, PepperVersion, Purpose, Tally};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use zeroize::Zeroizing;

/// Which way a message goes. Each way signs under its own domain, so that a message sent back
/// to its sender is refused.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Request,
    Answer,
}

impl Way {
    const fn domain(self) -> &'static str {
        match self {
            Self::Request => "scrip signed json request v1",
            Self::Answer => "scrip signed json answer v1",
        }
    }
}

/// A channel's ring has one key: its number says nothing.
const SEALING: KeyId = KeyId(1);
const SEAL_KEY: &str = "scrip signed json seal key v1";
const PEPPER: &str = "scrip signed json pepper v1";
const CARD: &str = "scrip signed json card v1";
const NONCE: &str = "scrip signed json nonce v1";

/// Both ends' keys, and cards sealed with them: for every adapter whose cards are sealed.
pub(in crate::adapters) struct Channel {
    key: MacKey,
    ring: KeyRing,
}

impl Channel {
    pub(in crate::adapters) fn new(key: Secret) -> Result<Self, AdapterError> {
        if key.len() != KeyRing::KEY_LEN {
            return Err(AdapterError::KeyLength { len: key.len() });
        }
        let key = MacKey::new(key.expose());
        // Sealing gets a key of its own: one key never serves two ciphers.
        let derived = |domain| Secret::new(key.tag(domain, &[]).to_vec());
        let keys = [(SEALING, derived(SEAL_KEY))].into();
        let ring = KeyRing::new(keys, [(PepperVersion(1), derived(PEPPER))].into());
        Ok(Self { ring: ring.expect("one derived key and one derived pepper of 32 bytes"), key })
    }

    pub(super) fn sign(&self, way: Way, payload: &[u8]) -> Vec<u8> {
        // The marks of a message of few words are a fifth of it.
        let mut out = Vec::with_capacity(payload.len().saturating_add(payload.len() / 4).saturating_add(96));
        out.extend_from_slice(br#"{"payload":"#);
        write_text(payload, &mut out);
        out.extend_from_slice(br#","sig":""#);
        hex::append(&self.signature(way, payload), &mut out);
        out.extend_from_slice(br#""}"#);
        out
    }

    pub(super) fn signature(&self, way: Way, payload: &[u8]) -> [u8; 32] {
        self.key.tag(way.domain(), &[payload])
    }

    /// # Errors
    /// [`DecodeError`] if there is no signature, or another one than this key's for this way.
    pub(super) fn check(&self, way: Way, payload: &[u8], sig: Option<[u8; 32]>) -> Result<(), DecodeError> {
        match sig.is_some_and(|sig| self.key.tag_matches(way.domain(), &[payload], &sig)) {
            true => Ok(()),
            false => Err(DecodeError { at: 0, what: "a signature by the channel's key" }),
        }
    }

    /// The payload of a message that was signed with this key for this way.
    pub(super) fn verify<'a>(&self, way: Way, bytes: &'a [u8]) -> Result<Cow<'a, str>, DecodeError> {
        let (payload, sig) = match read_own(bytes) {
            Some((payload, sig)) => (Cow::Owned(payload), Some(sig)),
            None => {
                let envelope: Envelope<'_> = serde_json::from_slice(bytes).map_err(|error| {
                    let at = at_byte(bytes, &error);
                    DecodeError { at, what: "a JSON object of `payload` and `sig`" }
                })?;
                (envelope.payload, hex::read_array(&envelope.sig))
            }
        };
        self.check(way, payload.as_bytes(), sig)?;
        Ok(payload)
    }

    /// How many cards were sealed for this channel.
    pub(in crate::adapters) fn tally(&self) -> Tally {
        self.ring.tally()
    }

    pub(in crate::adapters) fn sealed_before(&self, messages: u64) {
        self.ring.sealed_before(SEALING, messages);
    }

    pub(in crate::adapters) fn card_tag(&self, card: CardData<'_>) -> CardTag {
        let parts: [&[u8]; 2] = match card.number {
            Some(number) => [b"number", number],
            None => [b"secret", card.secret],
        };
        let mut head = [0; 16];
        for (to, from) in head.iter_mut().zip(self.key.tag(CARD, &parts)) {
            *to = from;
        }
        CardTag(head)
    }

    /// The sealed card as hexadecimal digits; as [`Self::sealed_card`].
    pub(in crate::adapters) fn seal_card(
        &self,
        reference: Reference,
        kind: OpKind,
        card: CardData<'_>,
        nonce: (&[u8; 16], usize),
    ) -> Option<String> {
        self.sealed_card(reference, kind, card, nonce).map(|sealed| hex::write(&sealed))
    }

    /// The sealed card. `message` is the message's own nonce and `place`
    /// the operation's place in it: together with what is sealed they make a nonce of its own.
    pub(super) fn sealed_card(
        &self,
        reference: Reference,
        kind: OpKind,
        card: CardData<'_>,
        (message, place): (&[u8; 16], usize),
    ) -> Option<Vec<u8>> {
        let bound = bound_to(reference, kind).into_bytes();
        let nonce = digest(NONCE, &[message, &(place as u64).to_le_bytes(), &bound]).0;
        let nonce = nonce.first_chunk::<24>().copied()?;
        let plain = write_card(card.number, card.secret);
        self.ring.seal(&place_of(reference, &bound), plain.expose(), nonce).ok()
    }

    /// The card that was sealed for this reference and operation; `None` for anything else.
    pub(in crate::adapters) fn open_card(
        &self,
        reference: Reference,
        kind: OpKind,
        sealed: &str,
    ) -> Option<OpenCard> {
        let bound = bound_to(reference, kind).into_bytes();
        let plain = self.ring.open(&place_of(reference, &bound), &hex::read(sealed)?).ok()?;
        read_card(&mut Reader::new(plain.expose())).ok()
    }
}

/// Whether there is a number (1 byte), the number and the secret, each after its length.
pub(in crate::adapters) fn write_card(number: Option<&[u8]>, secret: &[u8]) -> Secret {
    let len = number.map_or(0, <[u8]>::len).saturating_add(secret.len()).saturating_add(9);
    // Exactly as long as it will be, so that the buffer never moves and leaves a copy.
    let mut plain = Zeroizing::new(Vec::with_capacity(len));
    Writer::new(&mut plain).bool(number.is_some()).bytes(number.unwrap_or_default()).bytes(secret);
    Secret::new(core::mem::take(&mut *plain))
}

pub(in crate::adapters) fn read_card(r: &mut Reader<'_>) -> Result<OpenCard, ShortInput> {
    let has_number = r.bool()?;
    let number = Secret::new(r.bytes()?.to_vec());
    let secret = Secret::new(r.bytes()?.to_vec());
    if !r.is_empty() {
        return r.fail();
    }
    Ok(OpenCard { number: has_number.then_some(number), secret })
}

fn bound_to(reference: Reference, kind: OpKind) -> String {
    let mut bound = String::with_capacity(64);
    write!(bound, "{reference} {}", kind.name()).expect("a text takes every text");
    bound
}

fn place_of(reference: Reference, bound: &[u8]) -> vault::Context<'_> {
    vault::Context { purpose: Purpose::CoreToIssuer, redemption: reference.redemption, bound }
}
