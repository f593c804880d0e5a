//! SM3 (GB/T 32905-2016), HMAC with it, and sealing keys for SM4-GCM (RFC 8998), for bank profiles
//! that ask for commercial cryptography (商用密码).

use super::holder::{Cipher, HolderError, MasterKey};
use hmac::{Hmac, KeyInit, Mac};
use sm3::{Digest, Sm3};
use zeroize::Zeroizing;

/// The SM3 digest of `bytes` (GB/T 32905-2016).
pub fn sm3(bytes: &[u8]) -> [u8; 32] {
    Sm3::digest(bytes).into()
}

/// HMAC-SM3 (RFC 2104 with SM3) of `bytes` as they are, for formats that say exactly what is
/// authenticated.
///
/// A key may have any length; one shorter than 32 bytes weakens the result accordingly.
pub fn hmac_sm3(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    hmac(key, &[bytes])
}

fn hmac(key: &[u8], pieces: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sm3>::new_from_slice(key).expect("HMAC takes a key of any length");
    for piece in pieces {
        mac.update(piece);
    }
    mac.finalize().into_bytes().into()
}

const MESSAGE_KEY: &[u8] = b"scrip sm4 message key v1";

/// A master key for SM4-GCM. Zeroised when dropped.
///
/// SM4 has keys and blocks of 128 bits, too short for XAES's own derivation: the key of a message
/// is the first half of HMAC-SM3 over a label and the nonce's first half.
pub(super) struct SmKey(Zeroizing<[u8; 32]>);

impl SmKey {
    pub(super) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }
}

impl MasterKey for SmKey {
    fn derive(&self, context: &[u8; 12], key: &mut [u8; 32]) -> Result<(), HolderError> {
        *key = hmac(self.0.as_slice(), &[MESSAGE_KEY, context]);
        Ok(())
    }

    fn cipher(&self) -> Cipher {
        Cipher::Sm4Gcm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{RedemptionId, Secret};
    use crate::vault::testing::{hex, unhex};
    use crate::vault::{Context, KeyId, KeyRing, KeySource, PepperVersion, Purpose, VaultError, sealed_with};

    #[test]
    fn sm3_agrees_with_the_standard() {
        // GB/T 32905-2016, appendix A: examples 1 and 2.
        assert_eq!(hex(&sm3(b"abc")), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
        let long = b"abcd".repeat(16);
        assert_eq!(hex(&sm3(&long)), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
    }

    #[test]
    fn hmac_sm3_agrees_with_openssl() {
        // `openssl dgst -sm3 -mac HMAC -macopt hexkey:...` of OpenSSL 3.0, over the keys and data of
        // RFC 4231, cases 1, 2 and 6.
        let long = unhex(&"aa".repeat(131));
        for (key, data, expected) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "51b00d1fb49832bfb01c3ce27848e59f871d9ba938dc563b338ca964755cce70",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882",
            ),
            (
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "b4fd844e13342002f0b2e0690ea7741f1497d993a70494cea601e657bedf67a0",
            ),
        ] {
            assert_eq!(hex(&hmac_sm3(key, data)), expected);
        }
    }

    fn ring(keys: &[u16]) -> KeyRing {
        // Odd ids are SM4 keys.
        let source = |id: u16| match (id % 2, Secret::new([id as u8; 32].to_vec())) {
            (1, key) => KeySource::Sm4(key),
            (_, key) => KeySource::Bytes(key),
        };
        let pepper = (PepperVersion(1), Secret::new([9; 32].to_vec()));
        KeyRing::of(keys.iter().map(|id| (KeyId(*id), source(*id))).collect(), [pepper].into()).unwrap()
    }

    fn context(purpose: Purpose) -> Context<'static> {
        Context { purpose, redemption: RedemptionId([5; 16]), bound: b"card key" }
    }

    #[test]
    fn an_sm4_key_seals_in_the_form_of_version_2() {
        let (ring, here) = (ring(&[1]), context(Purpose::CoreToIssuer));
        let mut sealed = ring.seal(&here, b"123456", [3; 24]).unwrap();
        assert_eq!((sealed[0], sealed_with(&sealed)), (2, Ok(KeyId(1))));
        assert_eq!(ring.open(&here, &sealed).unwrap().expose(), b"123456");
        assert_eq!(ring.open(&context(Purpose::IssuerToCore), &sealed), Err(VaultError::Unopened));
        // The documented derivation, step by step.
        let derived = hmac_sm3(&[1; 32], &[MESSAGE_KEY, &[3; 12]].concat());
        let associated = [&[2, 1, 0, Purpose::CoreToIssuer as u8][..], &[5; 16], &[8, 0, 0, 0], b"card key"];
        let mut text = *b"123456";
        let tag =
            crate::vault::gcm::encrypt::<sm4::Sm4>(&derived[..16], [3; 12], &associated.concat(), &mut text);
        assert_eq!(sealed[27..], [&text[..], &tag].concat());
        // Told to be of the other cipher it does not open.
        sealed[0] = 1;
        assert_eq!(ring.open(&here, &sealed), Err(VaultError::Unopened));
    }

    #[test]
    fn a_ring_moves_from_one_cipher_to_the_other_and_back() {
        let here = context(Purpose::Card);
        let aes = ring(&[2]).seal(&here, b"123456", [3; 24]).unwrap();
        let sm4 = ring(&[2, 3]).reseal(&here, &aes, [4; 24]).unwrap();
        assert_eq!((aes[0], sm4[0]), (1, 2));
        let back = ring(&[3, 4]).reseal(&here, &sm4, [5; 24]).unwrap();
        assert_eq!(ring(&[4]).open(&here, &back).unwrap().expose(), b"123456");
    }
}
