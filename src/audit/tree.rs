//! The hashes of the tree and how it divides: RFC 6962, section 2.1.

use crate::base::{Digest, Hasher, sha256};

/// What is hashed before a record, so that no record can pass for a node.
pub(crate) const LEAF: u8 = 0;

/// The leaf of a record: SHA-256 over a zero byte and the record.
pub fn leaf_hash(record: &[u8]) -> Digest {
    Hasher::new().with(&[LEAF]).with(record).finish()
}

/// The node above two others: SHA-256 over a byte 1 and both.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    sha256(&bytes)
}

/// The root of a log without records: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    Hasher::new().finish()
}

/// Where a tree of `size` leaves divides: the largest power of two below `size`, which is at
/// least 2.
pub(super) fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
