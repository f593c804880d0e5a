//! Random bytes from one seed: HMAC_DRBG with SHA-256 (NIST SP 800-90A rev. 1, section 10.1.2).

use super::mac::{MacKey, hmac_pieces};
use core::fmt;
use zeroize::{Zeroize, Zeroizing};

/// Bytes for nonces, salts and references, drawn from the seed that the host gave at opening.
///
/// The core never asks the system for randomness, so that a run with the same seed and the
/// same inputs is the same run. The host must give a new seed of 32 fresh random bytes at every
/// opening: with a repeated seed, nonces repeat, and sealed secrets can then be read and forged.
///
/// Bytes are made 512 at a time and handed out once; what was handed out is zeroised. After
/// every block the state is replaced by a one-way step: who sees the state later cannot compute
/// what was drawn before. It is not `Clone`, since two copies would draw the same bytes, and all of
/// it is zeroised when dropped.
///
/// # Examples
/// ```
/// use scrip::vault::Entropy;
///
/// let mut entropy = Entropy::new([7; 32]);
/// let nonce: [u8; 24] = entropy.bytes();
/// assert_ne!(nonce, entropy.bytes());
/// ```
pub struct Entropy {
    key: Zeroizing<[u8; 32]>,
    value: Zeroizing<[u8; 32]>,
    block: Zeroizing<[u8; BLOCK]>,
    /// How many bytes of the block were handed out.
    used: usize,
}

/// A request costs two turns beyond the bytes themselves: made for many draws at once, they are
/// shared. 16 turns of 32 bytes.
const BLOCK: usize = 512;

/// Separates this generator from any other use of the same seed.
const PERSONALIZATION: &[u8] = b"scrip entropy v1";

impl Entropy {
    /// A generator that starts from `seed`: 32 bytes with full entropy, never used before.
    pub fn new(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self::instantiate(&[seed.as_slice(), PERSONALIZATION])
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let mut rest = out.as_mut_slice();
        while !rest.is_empty() {
            if self.used == BLOCK {
                self.refill();
            }
            let many = rest.len().min(BLOCK - self.used);
            let (piece, later) = rest.split_at_mut(many);
            let made = &mut self.block[self.used..self.used + many];
            piece.copy_from_slice(made);
            made.zeroize();
            self.used += many;
            rest = later;
        }
        out
    }

    fn refill(&mut self) {
        let mut block = core::mem::replace(&mut self.block, Zeroizing::new([0; BLOCK]));
        self.generate(block.as_mut_slice());
        (self.block, self.used) = (block, 0);
    }

    /// Section 10.1.2.5, without additional input; the standard's limit of 2^16 bytes for one
    /// request is far above a block.
    fn generate(&mut self, out: &mut [u8]) {
        let key = MacKey::new(self.key.as_slice());
        for piece in out.chunks_mut(32) {
            self.turn(&key);
            piece.copy_from_slice(&self.value[..piece.len()]);
        }
        self.update(0, &[]);
    }

    /// Section 10.1.2.3, with the seed material in pieces.
    fn instantiate(material: &[&[u8]]) -> Self {
        let (key, value) = (Zeroizing::new([0; 32]), Zeroizing::new([1; 32]));
        let mut fresh = Self { key, value, block: Zeroizing::new([0; BLOCK]), used: BLOCK };
        fresh.update(0, material);
        fresh.update(1, material);
        fresh
    }

    /// One round of the update function, section 10.1.2.2: round 1 only follows when there is
    /// material.
    fn update(&mut self, round: u8, material: &[&[u8]]) {
        let head = [self.value.as_slice(), &[round]];
        *self.key = hmac_pieces(self.key.as_slice(), head.into_iter().chain(material.iter().copied()));
        self.turn(&MacKey::new(self.key.as_slice()));
    }

    fn turn(&mut self, key: &MacKey) {
        *self.value = key.pieces([self.value.as_slice()]);
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::testing::{hex, unhex};

    #[test]
    fn agrees_with_the_nist_vectors() {
        // CAVP drbgvectors_no_reseed, HMAC_DRBG.rsp, SHA-256, first case: two draws of 128
        // bytes, of which the second is given.
        let seed = unhex("ca851911349384bffe89de1cbdc46e6831e44d34a4fb935ee285dd14b71a7488");
        let nonce = unhex("659ba96c601dc69fc902940805ec0ca8");
        let mut entropy = Entropy::instantiate(&[&seed, &nonce]);
        let mut drawn = [0; 128];
        entropy.generate(&mut drawn);
        entropy.generate(&mut drawn);
        assert_eq!(
            hex(&drawn),
            "e528e9abf2dece54d47c7e75e5fe302149f817ea9fb4bee6f4199697d04d5b89\
             d54fbb978a15b5c443c9ec21036d2460b6f73ebad0dc2aba6e624abf07745bc1\
             07694bb7547bb0995f70de25d6b29e2d3011bb19d27676c07162c8b5ccde0668\
             961df86803482cb37ed6d5c0bb8d50cf1f50d476aa0458bdaba806f48be9dcb8"
        );
    }

    #[test]
    fn the_same_seed_draws_the_same_bytes_and_another_seed_others() {
        let draw = |seed| {
            let mut entropy = Entropy::new(seed);
            (entropy.bytes::<24>(), entropy.bytes::<33>())
        };
        assert_eq!(draw([1; 32]), draw([1; 32]));
        assert_ne!(draw([1; 32]).0, draw([2; 32]).0);
    }

    #[test]
    fn however_the_draws_are_cut_each_byte_comes_once_and_is_gone() {
        let mut whole = Entropy::new([1; 32]);
        let expected: [u8; 3 * BLOCK] = whole.bytes();
        let mut cut = Entropy::new([1; 32]);
        let mut drawn = alloc::vec::Vec::new();
        for _ in 0..20 {
            drawn.extend(cut.bytes::<24>());
            drawn.extend(cut.bytes::<0>());
            drawn.extend(cut.bytes::<33>());
        }
        assert_eq!(drawn, expected[..drawn.len()]);
        let (handed_out, kept) = cut.block.split_at(cut.used);
        assert!(handed_out.iter().all(|byte| *byte == 0));
        assert_eq!(kept, &expected[drawn.len()..][..kept.len()]);
    }

    #[test]
    fn the_state_does_not_show() {
        assert_eq!(alloc::format!("{:?}", Entropy::new([1; 32])), "Entropy(..)");
    }
}
