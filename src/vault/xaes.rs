//! XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM under a key derived for each message from
//! the first half of a 24-byte nonce.
//!
//! A random nonce of that length needs no counter, so that a restored backup or a cloned
//! machine cannot repeat one. The mode does not commit to its key; that is not needed here,
//! where every key in a ring is random and secret.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes256Gcm, Key, Nonce, Tag};
use zeroize::Zeroizing;

/// Length of the nonce in bytes.
pub(super) const NONCE: usize = 24;

/// Length of the tag in bytes.
pub(super) const TAG: usize = 16;

/// A master key, expanded; zeroised when dropped.
pub(super) struct Xaes {
    cipher: Aes256,
    /// The CMAC subkey K1 (NIST SP 800-38B, section 6.1), the same for all messages.
    k1: Zeroizing<[u8; 16]>,
}

impl Xaes {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let cipher = Aes256::new(key.into());
        let mut l = Zeroizing::new([0; 16]);
        cipher.encrypt_block((&mut *l).into());
        let doubled = Zeroizing::new(u128::from_be_bytes(*l) << 1);
        // No branch on a secret bit: the reduction is taken or not by multiplication.
        let reduction = 0x87 * u128::from(l[0] >> 7);
        let k1 = Zeroizing::new((*doubled ^ reduction).to_be_bytes());
        Self { cipher, k1 }
    }

    /// Encrypts `text` in place and returns its tag; `text` is shorter than 64 GiB.
    pub(super) fn seal(&self, nonce: &[u8; NONCE], associated: &[u8], text: &mut [u8]) -> [u8; TAG] {
        let (cipher, nonce) = self.derive(nonce);
        let sealed = cipher.encrypt_inout_detached(&nonce, associated, text.into());
        sealed.expect("the vault's limits are far below those of the mode").into()
    }

    /// Decrypts `text` in place if the tag fits, and otherwise leaves it as it was.
    #[must_use]
    pub(super) fn open(
        &self,
        nonce: &[u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG],
    ) -> bool {
        let (cipher, nonce) = self.derive(nonce);
        cipher.decrypt_inout_detached(&nonce, associated, text.into(), &Tag::from(*tag)).is_ok()
    }

    /// The cipher and the nonce for one message: CMAC in counter mode (NIST SP 800-108r1,
    /// section 4.1) with the label `X` and the nonce's first half as context. Each input is one
    /// block, so that CMAC is one encryption.
    fn derive(&self, nonce: &[u8; NONCE]) -> (Aes256Gcm, Nonce<aes_gcm::aes::cipher::consts::U12>) {
        let mut key = Zeroizing::new([0; 32]);
        for (counter, half) in (1..).zip(key.chunks_exact_mut(16)) {
            let mut block = Zeroizing::new([0; 16]);
            block[..4].copy_from_slice(&[0, counter, b'X', 0]);
            block[4..].copy_from_slice(&nonce[..12]);
            for (byte, mask) in block.iter_mut().zip(self.k1.iter()) {
                *byte ^= mask;
            }
            self.cipher.encrypt_block((&mut *block).into());
            half.copy_from_slice(block.as_slice());
        }
        let mut rest = [0; 12];
        rest.copy_from_slice(&nonce[12..]);
        (Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&*key)), rest.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::testing::{Shake128, hex, unhex};
    use alloc::vec::Vec;

    const LETTERS: &[u8; 24] = b"ABCDEFGHIJKLMNOPQRSTUVWX";

    fn sealed(key: &[u8; 32], nonce: &[u8; 24], associated: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut text = plain.to_vec();
        let tag = Xaes::new(key).seal(nonce, associated, &mut text);
        text.extend_from_slice(&tag);
        text
    }

    #[test]
    fn agrees_with_the_published_vectors() {
        // The two vectors differ in the top bit of L, on which the subkey K1 depends.
        assert_eq!(hex(Xaes::new(&[1; 32]).k1.as_slice()), "e531954aca063d5b8d9c47a47d4cc6f0");
        assert_eq!(hex(Xaes::new(&[3; 32]).k1.as_slice()), "23810ec50edb99f374409466ed1f4b7b");
        assert_eq!(
            hex(&sealed(&[1; 32], LETTERS, b"", b"XAES-256-GCM")),
            "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"
        );
        assert_eq!(
            hex(&sealed(&[3; 32], LETTERS, b"c2sp.org/XAES-256-GCM", b"XAES-256-GCM")),
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"
        );
    }

    #[test]
    fn agrees_with_the_accumulated_vectors() {
        // "Accumulated randomized tests" of the specification, 10,000 iterations.
        let mut draw = Shake128::new().finish();
        let mut start = [0; 16];
        Shake128::new().finish().squeeze(&mut start);
        assert_eq!(hex(&start), "7f9c2ba4e88f827d616045507605853e");
        let mut hash = Shake128::new();
        for _ in 0..10_000 {
            let (mut key, mut nonce) = ([0; 32], [0; 24]);
            draw.squeeze(&mut key);
            draw.squeeze(&mut nonce);
            let [plain, associated] = core::array::from_fn(|_| {
                let mut len = [0];
                draw.squeeze(&mut len);
                let mut bytes = alloc::vec![0; usize::from(len[0])];
                draw.squeeze(&mut bytes);
                bytes
            });
            hash.absorb(&sealed(&key, &nonce, &associated, &plain));
        }
        let mut total = [0; 32];
        hash.finish().squeeze(&mut total);
        assert_eq!(hex(&total), "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
    }

    #[test]
    fn the_cipher_underneath_is_aes_256_gcm() {
        // Test case 16 of the GCM submission to NIST (McGrew and Viega, appendix B).
        let key = unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let mut text = unhex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let nonce: [u8; 12] = unhex("cafebabefacedbaddecaf888").try_into().unwrap();
        let associated = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let cipher = Aes256Gcm::new_from_slice(&key).unwrap();
        let tag = cipher.encrypt_inout_detached(&nonce.into(), &associated, text.as_mut_slice().into());
        assert_eq!(hex(&tag.unwrap()), "76fc6ece0f4e1768cddf8853bb2d551b");
        assert_eq!(
            hex(&text),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        );
    }

    #[test]
    fn a_refused_text_stays_sealed() {
        let xaes = Xaes::new(&[1; 32]);
        let mut text = *b"123456";
        let mut tag = xaes.seal(LETTERS, b"", &mut text);
        let before = text;
        tag[15] ^= 1;
        assert!(!xaes.open(LETTERS, b"", &mut text, &tag));
        assert_eq!(text, before);
        tag[15] ^= 1;
        assert!(xaes.open(LETTERS, b"", &mut text, &tag));
        assert_eq!(&text, b"123456");
    }
}
