//! SM2 signatures with SM3 (GB/T 32918.2-2016), by RustCrypto's `sm2`.

use super::der::{self, Der, DerFault, INTEGER, OCTET_STRING, SEQUENCE, context};
use super::key_text::{self, KeyBytes};
use super::{KeyPlace, KeySide, PairError};
use crate::base::{Secret, scrub_stack};
use crate::codec::form::Signer;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use sm2::dsa::signature::{Signer as _, Verifier as _};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};

/// id-ecPublicKey, 1.2.840.10045.2.1.
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// sm2p256v1, 1.2.156.10197.1.301 (GM/T 0006).
const CURVE: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];

const ANOTHER_CURVE: &str = "an SM2 key is expected, and this is one of another algorithm or curve";

/// The identity of a signer where none was agreed (GM/T 0009-2012, section 10).
const USUAL_ID: &str = "1234567812345678";

/// The longest identity: its length in bits is written in two bytes.
const ID_MAX: usize = 8_191;

/// How the two numbers of a signature are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Sm2Encoding {
    /// ASN.1 DER, a sequence of two integers (GM/T 0009-2012, section 7.3): some 70 bytes.
    #[default]
    Der,
    /// r and s one after the other (r‖s), 32 bytes each.
    Raw,
}

/// What both ends must do alike for signatures of one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sm2Terms {
    /// The identity of who signs (用户标识), which is signed with each text: at most 8,191 bytes.
    /// `1234567812345678` if nothing was agreed.
    pub id: String,
    /// How a signature is written.
    pub encoding: Sm2Encoding,
}

impl Default for Sm2Terms {
    fn default() -> Self {
        Self { id: USUAL_ID.into(), encoding: Sm2Encoding::default() }
    }
}

/// SM2 with SM3 (SM3withSM2): signs with a private key, verifies with the other end's public key,
/// or does one of the two.
///
/// The private key is overwritten when this is dropped, and each signature takes the same time. `k`
/// follows from key and text (RFC 6979), so nothing is drawn. A signature that is written otherwise
/// than agreed does not verify.
///
/// ```no_run
/// use scrip::{base::Secret, codec::pair::{Sm2Signer, Sm2Terms}};
/// let ours = Secret::new(std::fs::read("our-private-key.pem")?);
/// let theirs = std::fs::read("issuer-public-key.pem")?;
/// let signer = Sm2Signer::signing(&ours, Sm2Terms::default())?.and_verifying(&theirs, Sm2Terms::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sm2Signer {
    ours: Option<(Box<SigningKey>, Sm2Encoding)>,
    theirs: Option<(Box<VerifyingKey>, Sm2Encoding)>,
}

impl Sm2Signer {
    /// Signs with this key: PKCS #8, SEC 1, or its 32 bytes in 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`PairError`] for what is no SM2 key or is enciphered, and for an identity that is too long.
    pub fn signing(private: &Secret, terms: Sm2Terms) -> Result<Self, PairError> {
        let side = KeySide::Private;
        let KeyBytes { bytes, digits } = key_text::read(private.expose(), side)?;
        let number = match bytes.len() {
            32 if digits => Der::new(&bytes),
            _ => private_key(&bytes).map_err(|fault| fault.of(side))?,
        };
        check_id(&terms.id, side)?;
        let ours = SigningKey::from_slice(&terms.id, number.bytes());
        let range = "a number from 1 to two below the order of the curve is expected";
        let ours = ours.map_err(|_| number.fault(range).of(side))?;
        let made = Self { ours: Some((Box::new(ours), terms.encoding)), theirs: None };
        scrub_stack();
        Ok(made)
    }

    /// Verifies with the other end's key: SPKI, a certificate, or a point in hexadecimal digits,
    /// of 65 bytes, 64 without the `04` before it, or 33 compressed ones.
    ///
    /// # Errors
    /// [`PairError`] for what is no SM2 key or no point of the curve, and for an identity that is
    /// too long.
    pub fn verifying(public: &[u8], terms: Sm2Terms) -> Result<Self, PairError> {
        Self { ours: None, theirs: None }.and_verifying(public, terms)
    }

    /// And verifies with the other end's key.
    ///
    /// # Errors
    /// As [`Sm2Signer::verifying`].
    pub fn and_verifying(mut self, public: &[u8], terms: Sm2Terms) -> Result<Self, PairError> {
        let side = KeySide::Public;
        let KeyBytes { bytes, digits } = key_text::read(public, side)?;
        let whole;
        let point = match (bytes.len(), bytes.first()) {
            (33, Some(2 | 3)) | (65, Some(4)) if digits => Der::new(&bytes),
            (64, _) if digits => {
                whole = [&[4], &bytes[..]].concat();
                Der::new(&whole)
            }
            _ => public_key(&bytes).map_err(|fault| fault.of(side))?,
        };
        check_id(&terms.id, side)?;
        let theirs = VerifyingKey::from_sec1_bytes(&terms.id, point.bytes());
        let theirs = theirs.map_err(|_| point.fault("a point of the curve is expected").of(side))?;
        self.theirs = Some((Box::new(theirs), terms.encoding));
        Ok(self)
    }
}

impl Signer for Sm2Signer {
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let (key, encoding) = self.ours.as_ref()?;
        let signature: Signature = key.try_sign(text).ok()?;
        let signature = signature.to_bytes();
        Some(match encoding {
            Sm2Encoding::Raw => signature.to_vec(),
            Sm2Encoding::Der => written(&signature),
        })
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Some((key, encoding)) = &self.theirs else { return false };
        let signature = match encoding {
            Sm2Encoding::Raw => Signature::from_slice(signature).ok(),
            Sm2Encoding::Der => numbers(signature).and_then(|raw| Signature::from_slice(&raw).ok()),
        };
        signature.is_some_and(|signature| key.verify(text, &signature).is_ok())
    }

    fn signs(&self) -> bool {
        self.ours.is_some()
    }

    fn verifies(&self) -> bool {
        self.theirs.is_some()
    }
}

impl Drop for Sm2Signer {
    fn drop(&mut self) {
        let Some((ours, _)) = &mut self.ours else { return };
        // The crate does not wipe it: another key, which everybody knows, is put in its place.
        let one = core::array::from_fn::<u8, 32, _>(|place| u8::from(place == 31));
        if let Ok(known) = SigningKey::from_slice(USUAL_ID, &one) {
            **ours = known;
        }
        core::hint::black_box(ours);
    }
}

impl fmt::Debug for Sm2Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sm2Signer(..)")
    }
}

fn check_id(id: &str, side: KeySide) -> Result<(), PairError> {
    let what = "its identity has at most 8,191 bytes";
    if id.len() > ID_MAX { Err(PairError { side, place: KeyPlace::Line(1), what }) } else { Ok(()) }
}

/// The number in it (RFC 5915, section 3).
fn private_key(der: &[u8]) -> Result<Der<'_>, DerFault> {
    let key = match der::pkcs8(Der::new(der))? {
        Some((algorithm, key)) => {
            is_sm2(algorithm)?;
            key
        }
        None => Der::new(der),
    };
    let what = "an SM2 private key is expected";
    let mut parts = der::whole(key)?;
    if parts.integer(what)? != [1] {
        return Err(key.fault(what));
    }
    let number = parts.take(OCTET_STRING, what)?;
    if number.bytes().len() != 32 {
        return Err(number.fault("a number of 32 bytes is expected"));
    }
    if parts.is(context(0)) {
        parts.next(what)?.oid(CURVE, ANOTHER_CURVE)?;
    }
    Ok(number)
}

/// The point in it (RFC 5480, section 2).
fn public_key(der: &[u8]) -> Result<Der<'_>, DerFault> {
    let whole = Der::new(der);
    let (algorithm, point) = der::spki(whole)?.ok_or(whole.fault("an SM2 public key is expected"))?;
    is_sm2(algorithm)?;
    Ok(point)
}

fn is_sm2(mut algorithm: Der<'_>) -> Result<(), DerFault> {
    algorithm.oid(ELLIPTIC, ANOTHER_CURVE)?;
    algorithm.oid(CURVE, ANOTHER_CURVE)
}

/// A signature's two numbers as a sequence.
fn written(raw: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(72);
    for number in raw.chunks(32) {
        let zeros = number.iter().take_while(|&&byte| byte == 0).count();
        let digits = number.get(zeros..).unwrap_or_default();
        let sign = digits.first().is_none_or(|&first| first >= 0x80);
        // 33 bytes at most.
        content.extend([INTEGER, (digits.len() + usize::from(sign)) as u8]);
        content.extend(sign.then_some(0));
        content.extend_from_slice(digits);
    }
    [&[SEQUENCE, content.len() as u8], &content[..]].concat()
}

/// A sequence of two numbers as 64 bytes.
fn numbers(signature: &[u8]) -> Option<[u8; 64]> {
    let mut parts = der::whole(Der::new(signature)).ok()?;
    let mut raw = [0; 64];
    for place in raw.chunks_exact_mut(32) {
        let number = parts.integer("a number").ok()?;
        let start = place.len().checked_sub(number.len())?;
        place.get_mut(start..)?.copy_from_slice(number);
    }
    parts.end().ok()?;
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_signature_has_one_form() {
        let raw = [[0; 32], [0x80; 32]].concat();
        assert_eq!(written(&raw).get(..8), Some(&[0x30, 38, 2, 1, 0, 2, 33, 0][..]));
        for wrong in [
            &[][..],
            &[0x30, 6, 2, 1, 1, 2, 1, 1, 0],
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 1],
            &[0x30, 6, 2, 1, 0x81, 2, 1, 1],
            &[0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1],
            &[0x30, 3, 2, 1, 1],
        ] {
            assert_eq!(numbers(wrong), None, "{wrong:?}");
        }
        let long = [&[0x30, 38, 2, 33][..], &[1; 33], &[2, 1, 1]].concat();
        assert_eq!(numbers(&long), None);
    }

    proptest! {
        #[test]
        fn a_signature_reads_back(mut raw in proptest::collection::vec(any::<u8>(), 64), zeros in 0..33_usize) {
            raw[..zeros].fill(0);
            let der = written(&raw);
            prop_assert!(der.len() <= 72);
            prop_assert_eq!(numbers(&der).map(|numbers| numbers.to_vec()), Some(raw));
        }
    }
}
