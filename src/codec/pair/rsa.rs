//! RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2), by `ring`.

use super::der::{self, Der, DerFault};
use super::{KeySide, PairError, key_text};
use crate::base::Secret;
use crate::codec::form::Signer;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};

/// rsaEncryption, 1.2.840.113549.1.1.1.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

const SIGNING_BITS: RangeInclusive<usize> = 2_048..=4_096;
const VERIFYING_BITS: RangeInclusive<usize> = 2_048..=8_192;

/// RSA with SHA-256 and the padding of PKCS #1 version 1.5 (RSA2, SHA256withRSA): signs with a
/// private key, verifies with the other end's public key, or does one of the two.
///
/// Signing takes the same time whatever the key is, draws no randomness, and proves each signature
/// with the public half before it is given out. What `ring` keeps of the private key is not
/// zeroised when this is dropped; all copies made here are.
///
/// ```no_run
/// use scrip::{base::Secret, codec::pair::RsaSigner};
/// let ours = Secret::new(std::fs::read("our-private-key.pem")?);
/// let signer = RsaSigner::signing(&ours)?.and_verifying(&std::fs::read("issuer-public-key.pem")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RsaSigner {
    ours: Option<RsaKeyPair>,
    theirs: Option<UnparsedPublicKey<Vec<u8>>>,
}

impl RsaSigner {
    /// Signs with this key: PKCS #8 or PKCS #1.
    ///
    /// # Errors
    /// [`PairError`] for what is no RSA key, is enciphered, has fewer than 2,048 or more than 4,096
    /// bits, an exponent below 65,537, or numbers that do not belong together.
    pub fn signing(private: &Secret) -> Result<Self, PairError> {
        let side = KeySide::Private;
        let der = key_text::read(private.expose(), side)?.bytes;
        let key = private_key(&der).map_err(|fault| fault.of(side))?;
        let unfit = "an RSA key whose numbers belong together, with an exponent from 65,537, is expected";
        let ours = RsaKeyPair::from_der(key.bytes());
        let ours = ours.map_err(|_| key.fault(unfit).of(side))?;
        Ok(Self { ours: Some(ours), theirs: None })
    }

    /// Verifies with the other end's key: SPKI, PKCS #1 or a certificate.
    ///
    /// # Errors
    /// [`PairError`] for what is no RSA key, or one with fewer than 2,048 or more than 8,192 bits.
    pub fn verifying(public: &[u8]) -> Result<Self, PairError> {
        Self { ours: None, theirs: None }.and_verifying(public)
    }

    /// And verifies with the other end's key.
    ///
    /// # Errors
    /// As [`RsaSigner::verifying`].
    pub fn and_verifying(self, public: &[u8]) -> Result<Self, PairError> {
        let side = KeySide::Public;
        let der = key_text::read(public, side)?.bytes;
        let key = public_key(&der).map_err(|fault| fault.of(side))?;
        let theirs = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.to_vec());
        Ok(Self { theirs: Some(theirs), ..self })
    }
}

impl Signer for RsaSigner {
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let key = self.ours.as_ref()?;
        let mut signature = vec![0; key.public().modulus_len()];
        // Asked for by the interface: this padding draws nothing.
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).ok()?;
        Some(signature)
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        self.theirs.as_ref().is_some_and(|key| key.verify(text, signature).is_ok())
    }

    fn signs(&self) -> bool {
        self.ours.is_some()
    }

    fn verifies(&self) -> bool {
        self.theirs.is_some()
    }
}

impl fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaSigner(..)")
    }
}

/// The RSAPrivateKey in it (RFC 8017, appendix A.1.2).
fn private_key(der: &[u8]) -> Result<Der<'_>, DerFault> {
    let key = match der::pkcs8(Der::new(der))? {
        Some((algorithm, key)) => {
            is_rsa(algorithm)?;
            key
        }
        None => Der::new(der),
    };
    let what = "an RSA private key is expected";
    let mut numbers = der::whole(key)?;
    numbers.integer(what)?;
    let modulus = numbers;
    if !SIGNING_BITS.contains(&bits(numbers.integer(what)?)) {
        return Err(modulus.fault("an RSA key of 2,048 to 4,096 bits is expected to sign with"));
    }
    Ok(key)
}

/// The RSAPublicKey in it (RFC 8017, appendix A.1.1).
fn public_key(der: &[u8]) -> Result<&[u8], DerFault> {
    let key = match der::spki(Der::new(der))? {
        Some((algorithm, key)) => {
            is_rsa(algorithm)?;
            key
        }
        None => Der::new(der),
    };
    let what = "an RSA public key is expected";
    let mut numbers = der::whole(key)?;
    let modulus = (numbers, numbers.integer(what)?);
    if modulus.1.len() < 2 {
        return Err(modulus.0.fault("this is a private key: the public one of the other end is expected"));
    }
    if !VERIFYING_BITS.contains(&bits(modulus.1)) || !is_odd(modulus.1) {
        return Err(modulus.0.fault("an RSA key of 2,048 to 8,192 bits is expected to verify with"));
    }
    let exponent = (numbers, numbers.integer(what)?);
    if !(2..=33).contains(&bits(exponent.1)) || !is_odd(exponent.1) {
        return Err(exponent.0.fault("an odd exponent from 3, of at most 33 bits, is expected"));
    }
    numbers.end()?;
    Ok(key.bytes())
}

fn is_rsa(mut algorithm: Der<'_>) -> Result<(), DerFault> {
    algorithm.oid(RSA, "an RSA key is expected, and this is one of another algorithm")
}

/// How many bits a number has; it has no zeros before it.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| 8 * number.len() - first.leading_zeros() as usize)
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last & 1 == 1)
}
