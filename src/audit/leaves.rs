//! Where proofs get their hashes from.

use super::AuditError;
use super::tree::{node_hash, split};
use crate::base::Digest;

/// Random access to the leaf hashes of a log, as a store can give it.
///
/// A slice of all leaf hashes is the simplest. On a long log a store should also keep the nodes
/// that [`Log::append_noting`](super::Log::append_noting) hands out, all of them or from some
/// level up, and answer [`node`](Self::node): a proof then costs a few look-ups instead of a
/// pass over the log. What is answered is trusted; a wrong hash makes a proof that does not
/// verify.
pub trait Leaves {
    /// The leaf hash of the record at `index`, from 0.
    fn leaf(&mut self, index: u64) -> Option<Digest>;

    /// The root of the full subtree over the records from `index << level` to
    /// `(index + 1) << level`, if it is kept; `level` is at least 1.
    fn node(&mut self, level: u32, index: u64) -> Option<Digest> {
        let _ = (level, index);
        None
    }
}

impl Leaves for &[Digest] {
    fn leaf(&mut self, index: u64) -> Option<Digest> {
        usize::try_from(index).ok().and_then(|index| self.get(index)).copied()
    }
}

/// The root over `size` leaves (at least 1) from `start` on, where `start` is a multiple of the
/// smallest power of two that is not below `size`.
pub(super) fn range_root(leaves: &mut dyn Leaves, start: u64, size: u64) -> Result<Digest, AuditError> {
    if size.is_power_of_two() {
        return full_root(leaves, size.ilog2(), start >> size.ilog2());
    }
    let left = split(size);
    Ok(node_hash(&range_root(leaves, start, left)?, &range_root(leaves, start + left, size - left)?))
}

fn full_root(leaves: &mut dyn Leaves, level: u32, index: u64) -> Result<Digest, AuditError> {
    if level == 0 {
        return leaves.leaf(index).ok_or(AuditError::Missing { index });
    }
    if let Some(kept) = leaves.node(level, index) {
        return Ok(kept);
    }
    Ok(node_hash(&full_root(leaves, level - 1, 2 * index)?, &full_root(leaves, level - 1, 2 * index + 1)?))
}
