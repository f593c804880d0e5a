//! Sealed secrets: the bytes they are, and what they are bound to.
//!
//! ```text
//! version (1) | key id (2, little-endian) | nonce (24) | sealed bytes | tag (16)
//! ```
//! The version tells the cipher: 1 AES-256-GCM, 2 SM4-GCM (feature `sm`), each under a key derived
//! for the message from the first half of the nonce; the second half is the nonce under it.
//! Authenticated beside the sealed bytes: version, key id, purpose (1), redemption (16), and the
//! bound bytes after their length (4, little-endian). So a sealed secret opens in its own place
//! and direction only.

use super::gcm::{self, NONCE, TAG};
use super::holder::Cipher;
use super::{KeyId, KeyRing, VaultError};
use crate::base::{Reader, RedemptionId, Secret, ShortInput, Writer};
use alloc::vec::Vec;
use zeroize::Zeroize;

/// The most bytes that can be sealed at once, and the most that can be bound: 16 MiB.
pub const MAX_PLAIN: usize = 1 << 24;

/// By how many bytes a sealed secret is longer than its plain bytes.
pub const SEALED_OVERHEAD: usize = HEADER + NONCE + TAG;

const HEADER: usize = 3;

/// The ciphers that can be opened here.
#[cfg(not(feature = "sm"))]
const KNOWN: [Cipher; 1] = [Cipher::Aes256Gcm];
#[cfg(feature = "sm")]
const KNOWN: [Cipher; 2] = [Cipher::Aes256Gcm, Cipher::Sm4Gcm];

/// What a sealed secret is for. A number once given is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// A card's secret or PIN at rest, in the erasable side row of its redemption.
    Card = 1,
    /// Personal fields at rest: names, documents, accounts.
    Personal = 2,
    /// On the way from a terminal (终端) to the core.
    TerminalToCore = 3,
    /// On the way from the core to an issuer.
    CoreToIssuer = 4,
    /// On the way back from an issuer to the core.
    IssuerToCore = 5,
    /// On the way back from the core to a terminal.
    CoreToTerminal = 6,
}

/// The place a secret is sealed for: it opens only where all three are the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// What it is for and which way it goes.
    pub purpose: Purpose,
    /// Whose it is.
    pub redemption: RedemptionId,
    /// Anything else it must not be parted from, such as the card key or a field's name; at
    /// most [`MAX_PLAIN`] bytes. Not secret, and not stored in the sealed bytes.
    pub bound: &'a [u8],
}

impl Context<'_> {
    /// Appends what is authenticated beside the sealed bytes.
    fn associated(&self, version: u8, key: KeyId, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.u8(version).u16(key.0).u8(self.purpose as u8).raw(&self.redemption.0).bytes(self.bound);
    }

    fn associated_len(&self) -> usize {
        HEADER + 1 + 16 + 4 + self.bound.len()
    }
}

/// The key id that sealed bytes name, to see what is left to reseal. Nothing is verified.
///
/// # Errors
/// [`VaultError::Malformed`] if the bytes cannot be a sealed secret.
pub fn sealed_with(sealed: &[u8]) -> Result<KeyId, VaultError> {
    Parts::read(sealed).map(|parts| parts.key)
}

impl KeyRing {
    /// Seals `plain` for `context` with the current key.
    ///
    /// `nonce` is 24 bytes drawn for this message alone ([`Entropy::bytes`](super::Entropy::bytes)).
    /// The result is [`SEALED_OVERHEAD`] bytes longer than `plain` and shows its length.
    ///
    /// # Errors
    /// [`VaultError::TooLong`] beyond [`MAX_PLAIN`] bytes, [`VaultError::Exhausted`] when the key
    /// has sealed as many messages as it may, [`VaultError::Unavailable`] and
    /// [`VaultError::Refused`] as the key's holder says.
    pub fn seal(
        &self,
        context: &Context<'_>,
        plain: &[u8],
        nonce: [u8; NONCE],
    ) -> Result<Vec<u8>, VaultError> {
        if plain.len() > MAX_PLAIN || context.bound.len() > MAX_PLAIN {
            return Err(VaultError::TooLong);
        }
        let held = self.sealing_key()?;
        // Room for all at once, so that the plain bytes are encrypted where they are put and no
        // copy stays behind. What is authenticated lies behind them until the tag takes its place.
        let mut out = Vec::with_capacity(SEALED_OVERHEAD + plain.len() + context.associated_len());
        Writer::new(&mut out).u8(held.version()).u16(held.id.0).raw(&nonce).raw(plain);
        let end = out.len();
        context.associated(held.version(), held.id, &mut out);
        let (sealed, associated) = out.split_at_mut(end);
        let tag = gcm::seal(&*held.key, &nonce, associated, &mut sealed[HEADER + NONCE..]);
        match tag {
            Ok(tag) => {
                out.truncate(end);
                out.extend_from_slice(&tag);
            }
            Err(error) => {
                // Nothing was encrypted.
                out.zeroize();
                return Err(error.of(held.id));
            }
        }
        Ok(out)
    }

    /// Opens what was sealed for the same context, with whichever key of the ring it names.
    ///
    /// # Errors
    /// [`VaultError::Malformed`] if the bytes cannot be a sealed secret,
    /// [`VaultError::UnknownKey`] if the ring does not hold the key, [`VaultError::Unopened`]
    /// if a byte was changed or the context is another, [`VaultError::TooLong`] if the bound
    /// bytes are, [`VaultError::Unavailable`] and [`VaultError::Refused`] as the key's holder
    /// says.
    pub fn open(&self, context: &Context<'_>, sealed: &[u8]) -> Result<Secret, VaultError> {
        let parts = Parts::read(sealed)?;
        let held = self.key(parts.key).ok_or(VaultError::UnknownKey(parts.key))?;
        if context.bound.len() > MAX_PLAIN {
            return Err(VaultError::TooLong);
        }
        let mut associated = Vec::with_capacity(context.associated_len());
        context.associated(parts.version, parts.key, &mut associated);
        if held.version() != parts.version {
            return Err(VaultError::Unopened);
        }
        let mut text = parts.text.to_vec();
        match gcm::open(&*held.key, &parts.nonce, &associated, &mut text, &parts.tag) {
            Ok(true) => Ok(Secret::new(text)),
            Ok(false) => Err(VaultError::Unopened),
            Err(error) => Err(error.of(parts.key)),
        }
    }

    /// Opens, and seals again for the same context with the current key and a new nonce.
    ///
    /// # Errors
    /// Those of [`open`](Self::open) and [`seal`](Self::seal).
    pub fn reseal(
        &self,
        context: &Context<'_>,
        sealed: &[u8],
        nonce: [u8; NONCE],
    ) -> Result<Vec<u8>, VaultError> {
        self.seal(context, self.open(context, sealed)?.expose(), nonce)
    }
}

struct Parts<'a> {
    version: u8,
    key: KeyId,
    nonce: [u8; NONCE],
    text: &'a [u8],
    tag: [u8; TAG],
}

impl<'a> Parts<'a> {
    fn read(sealed: &'a [u8]) -> Result<Self, VaultError> {
        Self::read_fields(sealed).map_err(|ShortInput { .. }| VaultError::Malformed)
    }

    fn read_fields(sealed: &'a [u8]) -> Result<Self, ShortInput> {
        let mut reader = Reader::new(sealed);
        let version = reader.u8()?;
        if !KNOWN.iter().any(|cipher| *cipher as u8 == version) {
            return reader.fail();
        }
        let key = KeyId(reader.u16()?);
        let nonce = reader.array()?;
        let len = reader.rest().len().checked_sub(TAG).filter(|len| *len <= MAX_PLAIN);
        let Some(len) = len else { return reader.fail() };
        Ok(Self { version, key, nonce, text: reader.take(len)?, tag: reader.array()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::PepperVersion;
    use proptest::prelude::*;

    const NONCE_A: [u8; 24] = [0xa1; 24];
    const NONCE_B: [u8; 24] = [0xb2; 24];

    fn ring(ids: &[u16]) -> KeyRing {
        let key = |id: &u16| (KeyId(*id), Secret::new([*id as u8; 32].to_vec()));
        let pepper = (PepperVersion(1), Secret::new([9; 32].to_vec()));
        KeyRing::new(ids.iter().map(key).collect(), [pepper].into()).unwrap()
    }

    fn context(purpose: Purpose) -> Context<'static> {
        Context { purpose, redemption: RedemptionId([5; 16]), bound: b"card key" }
    }

    #[test]
    fn the_layout_is_as_documented() {
        let sealed = ring(&[0x0102]).seal(&context(Purpose::Card), b"123456", NONCE_A).unwrap();
        assert_eq!(sealed[..3], [1, 0x02, 0x01]);
        assert_eq!(sealed[3..27], NONCE_A);
        assert_eq!(sealed.len(), 6 + SEALED_OVERHEAD);
        assert_eq!(sealed_with(&sealed), Ok(KeyId(0x0102)));
        let mut associated = Vec::new();
        context(Purpose::Card).associated(1, KeyId(0x0102), &mut associated);
        let written = [&[1, 2, 1, 1][..], &[5; 16], &[8, 0, 0, 0], b"card key"].concat();
        assert_eq!(associated, written);
    }

    #[test]
    fn a_secret_opens_in_its_own_place_and_direction_only() {
        let ring = ring(&[1]);
        let here = context(Purpose::TerminalToCore);
        let sealed = ring.seal(&here, b"123456", NONCE_A).unwrap();
        assert_eq!(ring.open(&here, &sealed).unwrap().expose(), b"123456");
        let elsewhere = [
            Context { purpose: Purpose::CoreToTerminal, ..here },
            Context { purpose: Purpose::CoreToIssuer, ..here },
            Context { purpose: Purpose::IssuerToCore, ..here },
            Context { purpose: Purpose::Card, ..here },
            Context { purpose: Purpose::Personal, ..here },
            Context { redemption: RedemptionId([6; 16]), ..here },
            Context { bound: b"card kez", ..here },
            Context { bound: b"card ke", ..here },
            Context { bound: b"", ..here },
        ];
        for other in elsewhere {
            assert_eq!(ring.open(&other, &sealed), Err(VaultError::Unopened), "{other:?}");
        }
    }

    #[test]
    fn a_ring_opens_with_old_keys_and_seals_with_the_new_one() {
        let here = context(Purpose::Card);
        let old = ring(&[1]).seal(&here, b"123456", NONCE_A).unwrap();
        let both = ring(&[2, 1]);
        assert_eq!(both.open(&here, &old).unwrap().expose(), b"123456");
        let new = both.reseal(&here, &old, NONCE_B).unwrap();
        assert_eq!(sealed_with(&new), Ok(KeyId(2)));
        let only_new = ring(&[2]);
        assert_eq!(only_new.open(&here, &new).unwrap().expose(), b"123456");
        assert_eq!(only_new.open(&here, &old), Err(VaultError::UnknownKey(KeyId(1))));
        assert_eq!(only_new.reseal(&here, &old, NONCE_B), Err(VaultError::UnknownKey(KeyId(1))));
    }

    #[test]
    fn the_key_id_cannot_be_rewritten() {
        // Ids 1 and 257 hold the same key bytes: the id alone must make the difference.
        let here = context(Purpose::Card);
        let mut sealed = ring(&[1]).seal(&here, b"123456", NONCE_A).unwrap();
        sealed[2] = 1;
        assert_eq!(ring(&[1, 257]).open(&here, &sealed), Err(VaultError::Unopened));
    }

    #[test]
    fn a_key_of_the_same_id_but_other_bytes_does_not_open() {
        let here = context(Purpose::Card);
        let sealed = ring(&[1]).seal(&here, b"123456", NONCE_A).unwrap();
        let other = KeyRing::new(
            [(KeyId(1), Secret::new([7; 32].to_vec()))].into(),
            [(PepperVersion(1), Secret::new([9; 32].to_vec()))].into(),
        );
        assert_eq!(other.unwrap().open(&here, &sealed), Err(VaultError::Unopened));
    }

    #[test]
    fn truncated_and_extended_bytes_are_refused() {
        let (ring, here) = (ring(&[1]), context(Purpose::Card));
        let sealed = ring.seal(&here, b"123456", NONCE_A).unwrap();
        for len in 0..sealed.len() {
            let expected = if len < SEALED_OVERHEAD { VaultError::Malformed } else { VaultError::Unopened };
            assert_eq!(ring.open(&here, &sealed[..len]), Err(expected), "{len} bytes");
        }
        let extended = [&sealed[..], &[0]].concat();
        assert_eq!(ring.open(&here, &extended), Err(VaultError::Unopened));
    }

    #[test]
    fn what_is_too_long_is_refused_before_any_work() {
        let (ring, here) = (ring(&[1]), context(Purpose::Card));
        let long = alloc::vec![0; MAX_PLAIN + 1];
        assert_eq!(ring.seal(&here, &long, NONCE_A), Err(VaultError::TooLong));
        let bound = Context { bound: &long, ..here };
        assert_eq!(ring.seal(&bound, b"1", NONCE_A), Err(VaultError::TooLong));
        let mut sealed = alloc::vec![0; MAX_PLAIN + 1 + SEALED_OVERHEAD];
        sealed[0] = 1;
        assert_eq!(ring.open(&here, &sealed), Err(VaultError::Malformed));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(
            plain in prop::collection::vec(any::<u8>(), 0..300),
            bound in prop::collection::vec(any::<u8>(), 0..80),
            nonce in any::<[u8; 24]>(),
            redemption in any::<[u8; 16]>(),
        ) {
            let ring = ring(&[3]);
            let here =
                Context { purpose: Purpose::Personal, redemption: RedemptionId(redemption), bound: &bound };
            let sealed = ring.seal(&here, &plain, nonce).unwrap();
            let opened = ring.open(&here, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &plain[..]);
        }

        #[test]
        fn any_flipped_bit_is_refused(
            plain in prop::collection::vec(any::<u8>(), 0..40),
            nonce in any::<[u8; 24]>(),
        ) {
            let (ring, here) = (ring(&[3]), context(Purpose::Card));
            let mut sealed = ring.seal(&here, &plain, nonce).unwrap();
            for bit in 0..sealed.len() * 8 {
                sealed[bit / 8] ^= 1 << (bit % 8);
                let expected = match bit / 8 {
                    0 => VaultError::Malformed,
                    1 | 2 => VaultError::UnknownKey(sealed_with(&sealed).unwrap()),
                    _ => VaultError::Unopened,
                };
                prop_assert_eq!(ring.open(&here, &sealed), Err(expected));
                sealed[bit / 8] ^= 1 << (bit % 8);
            }
        }

        #[test]
        fn no_bytes_make_it_panic_or_open(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(ring(&[1]).open(&context(Purpose::Card), &bytes).is_err());
        }
    }
}
