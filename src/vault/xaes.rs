//! The key derivation of XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM under a key derived for
//! each message from the first half of a 24-byte nonce. The other half is the nonce under it.
//!
//! A random nonce of that length needs no counter, so that a restored backup or a cloned
//! machine cannot repeat one. The mode does not commit to its key; that is not needed here,
//! where every key in a ring is random and secret.

use super::holder::{HolderError, MasterKey};
use aes_gcm::KeyInit;
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use zeroize::Zeroizing;

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
}

impl MasterKey for Xaes {
    /// CMAC in counter mode (NIST SP 800-108r1, section 4.1) with the label `X` and the nonce's
    /// first half as context. Each input is one block, so that CMAC is one encryption.
    fn derive(&self, context: &[u8; 12], key: &mut [u8; 32]) -> Result<(), HolderError> {
        for (counter, half) in (1..).zip(key.chunks_exact_mut(16)) {
            let mut block = Zeroizing::new([0; 16]);
            block[..4].copy_from_slice(&[0, counter, b'X', 0]);
            block[4..].copy_from_slice(context);
            for (byte, mask) in block.iter_mut().zip(self.k1.iter()) {
                *byte ^= mask;
            }
            self.cipher.encrypt_block((&mut *block).into());
            half.copy_from_slice(block.as_slice());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::gcm;
    use crate::vault::testing::{Shake128, hex};
    use alloc::vec::Vec;

    const LETTERS: &[u8; 24] = b"ABCDEFGHIJKLMNOPQRSTUVWX";

    fn sealed(key: &[u8; 32], nonce: &[u8; 24], associated: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut text = plain.to_vec();
        let tag = gcm::seal(&Xaes::new(key), nonce, associated, &mut text).unwrap();
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
}
