//! GCM (NIST SP 800-38D) under the key of one message.

use super::holder::{Cipher, HolderError, MasterKey};
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, BlockSizeUser};
use aes_gcm::{AesGcm, Tag};
use zeroize::Zeroizing;

/// Length of the nonce in bytes: half for the derivation, half under the derived key.
pub(super) const NONCE: usize = 24;

/// Length of the tag in bytes.
pub(super) const TAG: usize = 16;

/// Encrypts `text` in place and returns its tag; `text` is shorter than 64 GiB.
pub(super) fn seal(
    key: &dyn MasterKey,
    nonce: &[u8; NONCE],
    associated: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG], HolderError> {
    let (derived, rest) = derive(key, nonce)?;
    match key.cipher() {
        Cipher::Aes256Gcm => Ok(encrypt::<Aes256>(derived.as_slice(), rest, associated, text)),
        #[cfg(feature = "sm")]
        Cipher::Sm4Gcm => Ok(encrypt::<sm4::Sm4>(&derived[..16], rest, associated, text)),
        #[cfg(not(feature = "sm"))]
        Cipher::Sm4Gcm => Err(HolderError::Refused),
    }
}

/// Decrypts `text` in place if the tag fits, and otherwise leaves it as it was.
pub(super) fn open(
    key: &dyn MasterKey,
    nonce: &[u8; NONCE],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG],
) -> Result<bool, HolderError> {
    let (derived, rest) = derive(key, nonce)?;
    match key.cipher() {
        Cipher::Aes256Gcm => Ok(decrypt::<Aes256>(derived.as_slice(), rest, associated, text, tag)),
        #[cfg(feature = "sm")]
        Cipher::Sm4Gcm => Ok(decrypt::<sm4::Sm4>(&derived[..16], rest, associated, text, tag)),
        #[cfg(not(feature = "sm"))]
        Cipher::Sm4Gcm => Err(HolderError::Refused),
    }
}

/// The key of one message, and the nonce under it.
fn derive(key: &dyn MasterKey, nonce: &[u8; NONCE]) -> Result<(Zeroizing<[u8; 32]>, [u8; 12]), HolderError> {
    let mut derived = Zeroizing::new([0; 32]);
    let (mut context, mut rest) = ([0; 12], [0; 12]);
    context.copy_from_slice(&nonce[..12]);
    rest.copy_from_slice(&nonce[12..]);
    key.derive(&context, &mut derived)?;
    Ok((derived, rest))
}

/// GCM with any block cipher of 128-bit blocks; `key` has the cipher's length.
pub(crate) fn encrypt<C>(key: &[u8], nonce: [u8; 12], associated: &[u8], text: &mut [u8]) -> [u8; TAG]
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    let cipher = AesGcm::<C, U12>::new_from_slice(key).expect("the caller gives the cipher's length");
    let sealed = cipher.encrypt_inout_detached(&nonce.into(), associated, text.into());
    sealed.expect("the vault's limits are far below those of the mode").into()
}

/// Undoes [`encrypt`], if the tag fits.
pub(crate) fn decrypt<C>(
    key: &[u8],
    nonce: [u8; 12],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG],
) -> bool
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    let cipher = AesGcm::<C, U12>::new_from_slice(key).expect("the caller gives the cipher's length");
    cipher.decrypt_inout_detached(&nonce.into(), associated, text.into(), &Tag::from(*tag)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::testing::{hex, unhex};
    use crate::vault::xaes::Xaes;
    use alloc::borrow::ToOwned;

    fn sealed<C>(key: &str, nonce: &str, plain: &str, associated: &str) -> alloc::string::String
    where
        C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
    {
        let (key, mut text) = (unhex(key), unhex(plain));
        let nonce: [u8; 12] = unhex(nonce).try_into().unwrap();
        let tag = encrypt::<C>(&key, nonce, &unhex(associated), &mut text);
        let sealed = hex(&text) + &hex(&tag);
        assert!(decrypt::<C>(&key, nonce, &unhex(associated), &mut text, &tag));
        assert_eq!(hex(&text), plain);
        sealed
    }

    const KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
    const NONCE_12: &str = "cafebabefacedbaddecaf888";
    const LONG: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
        1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";

    #[test]
    fn agrees_with_the_cases_of_the_submission_to_nist() {
        // McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, cases 13 to 16.
        let zeros = "00".repeat(32);
        let short = &LONG[..120];
        let text = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
            8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
        let associated = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
        for (key, nonce, plain, associated, expected) in [
            (&*zeros, &zeros[..24], "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
            (
                &zeros,
                &zeros[..24],
                &zeros[..32],
                "",
                "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
            ),
            (KEY, NONCE_12, LONG, "", &(text.to_owned() + "898015adb094dac5d93471bdec1a502270e3cc6c")),
            (KEY, NONCE_12, short, associated, &(text.to_owned() + "76fc6ece0f4e1768cddf8853bb2d551b")),
        ] {
            assert_eq!(sealed::<Aes256>(key, nonce, plain, associated), expected);
        }
    }

    #[test]
    fn agrees_with_the_nist_cavp_vectors() {
        // CAVP gcmtestvectors, gcmEncryptExtIV256.rsp: the first case of [IVlen = 96, Taglen =
        // 128] with PTlen and AADlen 0 and 0, 128 and 0, 0 and 128, 128 and 128.
        for (key, nonce, plain, associated, expected) in [
            (
                "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
                "516c33929df5a3284ff463d7",
                "",
                "",
                "bdc1ac884d332457a1d2664f168c76f0",
            ),
            (
                "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
                "0d18e06c7c725ac9e362e1ce",
                "2db5168e932556f8089a0622981d017d",
                "",
                "fa4362189661d163fcd6a56d8bf0405ad636ac1bbedd5cc3ee727dc2ab4a9489",
            ),
            (
                "78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223",
                "d79cf22d504cc793c3fb6c8a",
                "",
                "b96baa8c1c75a671bfb2d08d06be5f36",
                "3e5d486aa2e30b22e040b85723a06e76",
            ),
            (
                "92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b",
                "ac93a1a6145299bde902f21a",
                "2d71bcfa914e4ac045b2aa60955fad24",
                "1e0889016f67601c8ebea4943bc23ad6",
                "8995ae2e6df3dbf96fac7b7137bae67feca5aa77d51d4a0a14d9c51e1da474ab",
            ),
        ] {
            assert_eq!(sealed::<Aes256>(key, nonce, plain, associated), expected);
        }
    }

    #[cfg(feature = "sm")]
    #[test]
    fn sm4_agrees_with_rfc_8998() {
        // RFC 8998, appendix A.1.
        let plain = "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd\
            eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa";
        let key = "0123456789abcdeffedcba9876543210";
        let associated = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
        assert_eq!(
            sealed::<sm4::Sm4>(key, "00001234567800000000abcd", plain, associated),
            "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735\
             d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d\
             83de3541e4c2b58177e065a9bf7b62ec"
        );
    }

    #[test]
    fn a_refused_text_stays_sealed() {
        let (xaes, nonce) = (Xaes::new(&[1; 32]), [7; NONCE]);
        let mut text = *b"123456";
        let mut tag = seal(&xaes, &nonce, b"", &mut text).unwrap();
        let before = text;
        tag[15] ^= 1;
        assert_eq!(open(&xaes, &nonce, b"", &mut text, &tag), Ok(false));
        assert_eq!(text, before);
        tag[15] ^= 1;
        assert_eq!(open(&xaes, &nonce, b"", &mut text, &tag), Ok(true));
        assert_eq!(&text, b"123456");
    }
}
