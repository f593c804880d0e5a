//! SHA-256 over parts, each with its length, so that no two lists of parts collide.

use core::fmt;
use sha2::block_api::compress256;
use sha2::digest::array::Array;
use sha2::digest::consts::U64;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The first 16 bytes: enough to name a thing, half as long to store.
    pub fn head16(&self) -> [u8; 16] {
        let mut head = [0; 16];
        head.copy_from_slice(&self.0[..16]);
        head
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// SHA-256 over raw bytes fed piece by piece, for formats that say exactly what is hashed.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// An empty hasher.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes as they are, without a length.
    #[must_use]
    pub fn with(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    /// The digest of all that was added.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// The SHA-256 digest of bytes that lie in one piece, without the moves of a [`Hasher`].
///
/// It leaves the last bytes on the stack: not for secrets.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    // FIPS 180-4, 5.3.3.
    let mut state = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    let (blocks, rest) = Array::<u8, U64>::slice_as_chunks(bytes);
    compress256(&mut state, Array::cast_slice_to_core(blocks));
    // 5.1.1: a one bit, zeros, and how many bits there were, at the end of a block.
    let mut end = [[0; 64]; 2];
    let last = usize::from(rest.len() + 1 + 8 > 64);
    end.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
    end.as_flattened_mut()[rest.len()] = 0x80;
    end[last][56..].copy_from_slice(&(8 * bytes.len() as u64).to_be_bytes());
    compress256(&mut state, &end[..=last]);
    let mut digest = Digest::default();
    for (four, word) in digest.0.chunks_exact_mut(4).zip(state) {
        four.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

/// The digest of `domain` and `parts`, each preceded by its length as 8 bytes little-endian.
///
/// `domain` keeps digests of one purpose apart from those of another.
pub fn digest(domain: &str, parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in core::iter::once(&domain.as_bytes()).chain(parts) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    Digest(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart_by_their_lengths() {
        assert_ne!(digest("d", &[b"ab", b"c"]), digest("d", &[b"a", b"bc"]));
        assert_ne!(digest("d", &[b""]), digest("d", &[]));
        assert_ne!(digest("da", &[b"b"]), digest("d", &[b"ab"]));
    }

    #[test]
    fn one_piece_has_the_digest_of_its_parts() {
        let bytes: [u8; 300] = core::array::from_fn(|i| i as u8);
        for len in 0..bytes.len() {
            let (a, b) = bytes[..len].split_at(len / 3);
            assert_eq!(sha256(&bytes[..len]), Hasher::new().with(a).with(b).finish(), "{len}");
        }
    }

    #[test]
    fn plain_hashing_agrees_with_the_standard() {
        // FIPS 180-4 example: SHA-256("abc").
        let text = alloc::format!("{}", Hasher::new().with(b"a").with(b"bc").finish());
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
