//! SHA-256 over parts, each with its length, so that no two lists of parts collide.

use core::fmt;
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
    fn plain_hashing_agrees_with_the_standard() {
        // FIPS 180-4 example: SHA-256("abc").
        let text = alloc::format!("{}", Hasher::new().with(b"a").with(b"bc").finish());
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
