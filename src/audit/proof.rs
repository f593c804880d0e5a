//! Proofs: making them (RFC 6962, sections 2.1.1 and 2.1.2) and checking them (RFC 9162,
//! sections 2.1.3.2 and 2.1.4.2).

use super::leaves::range_root;
use super::tree::{empty_root, node_hash, split};
use super::{AuditError, Leaves};
use crate::base::Digest;
use alloc::vec::Vec;

/// The audit path of the record at `index` (from 0) in the log's first `size` records: at most
/// 64 hashes, from the leaf up.
///
/// # Errors
/// [`AuditError::OutOfRange`] if `index` is not below `size`, [`AuditError::Missing`] if the
/// store does not hold a leaf.
pub fn inclusion_proof(leaves: &mut dyn Leaves, index: u64, size: u64) -> Result<Vec<Digest>, AuditError> {
    if index >= size {
        return Err(AuditError::OutOfRange { index, size });
    }
    let mut proof = Vec::new();
    let (mut start, mut size) = (0, size);
    while size > 1 {
        let left = split(size);
        if index - start < left {
            proof.push(range_root(leaves, start + left, size - left)?);
            size = left;
        } else {
            proof.push(range_root(leaves, start, left)?);
            start += left;
            size -= left;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that `leaf` is the record at `index` in the log of `size` records with this `root`.
///
/// `size` and `root` must come together from one [`Checkpoint`](super::Checkpoint) that the
/// caller trusts: the proof shows the record's place under the root, but does not by itself
/// show the size.
///
/// # Errors
/// [`AuditError::OutOfRange`] if `index` is not below `size`, [`AuditError::NotIncluded`] if
/// the proof does not show it.
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), AuditError> {
    if index >= size {
        return Err(AuditError::OutOfRange { index, size });
    }
    let mut climb = Climb { node: index, last: size - 1 };
    let mut hash = *leaf;
    for other in proof {
        hash = match climb.up() {
            Some(Side::Left) => node_hash(other, &hash),
            Some(Side::Right) => node_hash(&hash, other),
            None => return Err(AuditError::NotIncluded { index }),
        };
    }
    if climb.last == 0 && hash == *root { Ok(()) } else { Err(AuditError::NotIncluded { index }) }
}

/// The proof that the log's first `new` records continue its first `old` ones. Empty if `old`
/// is 0 or equal to `new`.
///
/// # Errors
/// [`AuditError::Shrunk`] if `new` is below `old`, [`AuditError::Missing`] if the store does
/// not hold a leaf.
pub fn consistency_proof(leaves: &mut dyn Leaves, old: u64, new: u64) -> Result<Vec<Digest>, AuditError> {
    if old > new {
        return Err(AuditError::Shrunk { old, new });
    }
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    let (mut start, mut size) = (0, new);
    while old - start < size {
        let left = split(size);
        if old - start <= left {
            proof.push(range_root(leaves, start + left, size - left)?);
            size = left;
        } else {
            proof.push(range_root(leaves, start, left)?);
            start += left;
            size -= left;
        }
    }
    // From here on the old log is a full subtree: the verifier knows its root only when it is
    // the whole old log.
    if start > 0 {
        proof.push(range_root(leaves, start, size)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that the log of `new` records with `new_root` continues the one of `old` records with
/// `old_root`: the first `old` records are the same.
///
/// # Errors
/// [`AuditError::Shrunk`] if `new` is below `old`, [`AuditError::NotConsistent`] if the proof
/// does not show it.
pub fn verify_consistency(
    old: u64,
    old_root: &Digest,
    new: u64,
    new_root: &Digest,
    proof: &[Digest],
) -> Result<(), AuditError> {
    if old > new {
        return Err(AuditError::Shrunk { old, new });
    }
    let shown = match (old, proof) {
        (0, []) => *old_root == empty_root() && (new > 0 || new_root == old_root),
        (_, []) => old == new && old_root == new_root,
        (0, _) => false,
        _ if old == new => false,
        _ if old.is_power_of_two() => climb_both(old, old_root, new, new_root, old_root, proof),
        (_, [seed, rest @ ..]) => climb_both(old, old_root, new, new_root, seed, rest),
    };
    if shown { Ok(()) } else { Err(AuditError::NotConsistent { old, new }) }
}

/// Climbs from the last full subtree of the old log, whose root is `seed`, and builds the root
/// of the old and of the new log on the way.
fn climb_both(
    old: u64,
    old_root: &Digest,
    new: u64,
    new_root: &Digest,
    seed: &Digest,
    proof: &[Digest],
) -> bool {
    let full = (old - 1).trailing_ones();
    let mut climb = Climb { node: (old - 1) >> full, last: (new - 1) >> full };
    let (mut old_hash, mut new_hash) = (*seed, *seed);
    for other in proof {
        match climb.up() {
            Some(Side::Left) => {
                old_hash = node_hash(other, &old_hash);
                new_hash = node_hash(other, &new_hash);
            }
            Some(Side::Right) => new_hash = node_hash(&new_hash, other),
            None => return false,
        }
    }
    climb.last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// The way from a node to the root: its place in its level, and the place of the level's last
/// node.
struct Climb {
    node: u64,
    last: u64,
}

/// On which side the next hash of a proof stands.
enum Side {
    Left,
    Right,
}

impl Climb {
    /// Goes to the next level where the node has a sibling; `None` at the root.
    fn up(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        // The last node of a level without a sibling moves up as it is.
        if self.node == self.last && self.node % 2 == 0 {
            let alone = self.node.trailing_zeros();
            self.node >>= alone;
            self.last >>= alone;
        }
        let side = if self.node % 2 == 1 { Side::Left } else { Side::Right };
        self.node >>= 1;
        self.last >>= 1;
        Some(side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::{numbered, reference_leaves};
    use crate::audit::{Log, leaf_hash};
    use alloc::collections::BTreeMap;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn root_of(leaves: &[Digest]) -> Digest {
        let mut log = Log::new();
        for leaf in leaves {
            log.append(*leaf);
        }
        log.root()
    }

    fn shown(proof: Result<Vec<Digest>, AuditError>) -> Vec<alloc::string::String> {
        proof.unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn agrees_with_the_reference_proofs() {
        // Certificate-transparency reference tests, eight leaves.
        let leaves = reference_leaves();
        let mut leaves = leaves.as_slice();
        assert_eq!(
            shown(inclusion_proof(&mut leaves, 0, 8)),
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ]
        );
        assert_eq!(
            shown(inclusion_proof(&mut leaves, 5, 8)),
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        assert_eq!(
            shown(consistency_proof(&mut leaves, 6, 8)),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
    }

    #[test]
    fn every_record_is_shown_in_its_own_place_only() {
        let all = numbered(40);
        for size in 1..=all.len() as u64 {
            let leaves = &all[..size as usize];
            let root = root_of(leaves);
            for index in 0..size {
                let proof = inclusion_proof(&mut &leaves[..], index, size).unwrap();
                for place in 0..size {
                    let verdict = verify_inclusion(&leaves[index as usize], place, size, &proof, &root);
                    assert_eq!(verdict.is_ok(), place == index, "{index} of {size} at {place}");
                }
            }
        }
    }

    #[test]
    fn every_log_continues_every_earlier_one() {
        let leaves = numbered(40);
        for new in 0..=40 {
            for old in 0..=new {
                let roots = (root_of(&leaves[..old as usize]), root_of(&leaves[..new as usize]));
                let proof = consistency_proof(&mut leaves.as_slice(), old, new).unwrap();
                assert_eq!(verify_consistency(old, &roots.0, new, &roots.1, &proof), Ok(()), "{old} {new}");
            }
        }
    }

    #[test]
    fn a_changed_past_has_no_proof() {
        let leaves = numbered(40);
        let mut forged = leaves.clone();
        forged[3] = leaf_hash(b"another card");
        for (old, new) in [(4, 40), (7, 8), (16, 33), (39, 40), (40, 40)] {
            let proof = consistency_proof(&mut forged.as_slice(), old, new).unwrap();
            let roots = (root_of(&leaves[..old as usize]), root_of(&forged[..new as usize]));
            let verdict = verify_consistency(old, &roots.0, new, &roots.1, &proof);
            assert_eq!(verdict, Err(AuditError::NotConsistent { old, new }));
        }
    }

    #[test]
    fn impossible_questions_are_errors() {
        let leaves = numbered(4);
        let (mut short, root) = (&leaves[..3], root_of(&leaves));
        let beyond = AuditError::OutOfRange { index: 4, size: 4 };
        assert_eq!(inclusion_proof(&mut short, 4, 4), Err(beyond));
        assert_eq!(verify_inclusion(&leaves[0], 4, 4, &[], &root), Err(beyond));
        assert_eq!(inclusion_proof(&mut short, 0, 4), Err(AuditError::Missing { index: 3 }));
        assert_eq!(consistency_proof(&mut short, 1, 4), Err(AuditError::Missing { index: 3 }));
        let shrunk = AuditError::Shrunk { old: 4, new: 3 };
        assert_eq!(consistency_proof(&mut short, 4, 3), Err(shrunk));
        assert_eq!(verify_consistency(4, &root, 3, &root, &[]), Err(shrunk));
    }

    #[test]
    fn the_empty_log_has_one_root_and_no_proof() {
        let (root, other) = (root_of(&numbered(2)), Digest::default());
        assert_eq!(verify_consistency(0, &empty_root(), 2, &root, &[]), Ok(()));
        assert_eq!(verify_consistency(0, &empty_root(), 0, &empty_root(), &[]), Ok(()));
        for (old_root, new, new_root, proof) in
            [(&other, 2, &root, &[][..]), (&empty_root(), 0, &root, &[]), (&empty_root(), 2, &root, &[other])]
        {
            let refused = Err(AuditError::NotConsistent { old: 0, new });
            assert_eq!(verify_consistency(0, old_root, new, new_root, proof), refused);
        }
    }

    #[test]
    fn a_proof_over_the_largest_log_ends() {
        let proof = [Digest::default(); 64];
        let root = Digest::default();
        for index in [0, 1, u64::MAX / 2, u64::MAX - 1] {
            assert!(verify_inclusion(&root, index, u64::MAX, &proof, &root).is_err());
            assert!(verify_consistency(index + 1, &root, u64::MAX, &root, &proof).is_err());
        }
    }

    /// A store that keeps nodes and counts what it is asked for.
    struct Kept {
        leaves: Vec<Digest>,
        nodes: BTreeMap<(u32, u64), Digest>,
        leaf_reads: usize,
    }

    impl Leaves for Kept {
        fn leaf(&mut self, index: u64) -> Option<Digest> {
            self.leaf_reads += 1;
            self.leaves.get(index as usize).copied()
        }

        fn node(&mut self, level: u32, index: u64) -> Option<Digest> {
            self.nodes.get(&(level, index)).copied()
        }
    }

    #[test]
    fn kept_nodes_give_the_same_proofs_with_few_reads() {
        let leaves = numbered(1_000);
        let mut kept = Kept { leaves: leaves.clone(), nodes: BTreeMap::new(), leaf_reads: 0 };
        let mut log = Log::new();
        for leaf in &leaves {
            log.append_noting(*leaf, &mut |level, index, node| {
                assert_eq!(kept.nodes.insert((level, index), *node), None);
            });
        }
        for index in [0, 1, 511, 512, 777, 999] {
            // 1,000 leaves end in a full subtree of 8, so that only the lowest level is read: the
            // sibling of a record, and at most two leaves where the old log ends.
            let plain = inclusion_proof(&mut leaves.as_slice(), index, 1_000);
            assert_eq!(inclusion_proof(&mut kept, index, 1_000), plain);
            assert_eq!(core::mem::take(&mut kept.leaf_reads), 1);
            let plain = consistency_proof(&mut leaves.as_slice(), index, 1_000);
            assert_eq!(consistency_proof(&mut kept, index, 1_000), plain);
            assert!(core::mem::take(&mut kept.leaf_reads) <= 2);
        }
    }

    proptest! {
        #[test]
        fn any_tampering_with_an_inclusion_proof_fails(
            size in 1..200_u64, index in any::<u64>(), at in any::<prop::sample::Index>(), bit in 0..256_usize,
        ) {
            let (leaves, index) = (numbered(size), index % size);
            let (leaf, root) = (leaves[index as usize], root_of(&leaves));
            let proof = inclusion_proof(&mut leaves.as_slice(), index, size).unwrap();
            let check = |leaf, proof: &[Digest], root| verify_inclusion(&leaf, index, size, proof, &root);
            prop_assert_eq!(check(leaf, &proof, root), Ok(()));
            let refused = Err(AuditError::NotIncluded { index });
            prop_assert_eq!(check(flipped(&leaf, bit), &proof, root), refused);
            prop_assert_eq!(check(leaf, &proof, flipped(&root, bit)), refused);
            for tampered in tamperings(&proof, at, bit) {
                prop_assert_eq!(check(leaf, &tampered, root), refused);
            }
        }

        #[test]
        fn any_tampering_with_a_consistency_proof_fails(
            new in 1..200_u64, old in any::<u64>(), at in any::<prop::sample::Index>(), bit in 0..256_usize,
        ) {
            let (leaves, old) = (numbered(new), 1 + old % new);
            let (old_root, new_root) = (root_of(&leaves[..old as usize]), root_of(&leaves));
            let proof = consistency_proof(&mut leaves.as_slice(), old, new).unwrap();
            let check = |old_root, proof: &[Digest], new_root| {
                verify_consistency(old, &old_root, new, &new_root, proof)
            };
            prop_assert_eq!(check(old_root, &proof, new_root), Ok(()));
            let refused = Err(AuditError::NotConsistent { old, new });
            prop_assert_eq!(check(flipped(&old_root, bit), &proof, new_root), refused);
            prop_assert_eq!(check(old_root, &proof, flipped(&new_root, bit)), refused);
            for tampered in tamperings(&proof, at, bit) {
                prop_assert_eq!(check(old_root, &tampered, new_root), refused);
            }
        }
    }

    fn flipped(digest: &Digest, bit: usize) -> Digest {
        let mut bytes = digest.0;
        bytes[bit / 8] ^= 1 << (bit % 8);
        Digest(bytes)
    }

    /// The proof with a hash more at either end, and, where it has any, with one changed, one
    /// left out and its ends swapped.
    fn tamperings(proof: &[Digest], at: prop::sample::Index, bit: usize) -> Vec<Vec<Digest>> {
        let more = Digest::default();
        let mut all = [[proof, &[more]].concat(), [&[more], proof].concat()].to_vec();
        if !proof.is_empty() {
            let at = at.index(proof.len());
            let (mut changed, mut shorter, mut swapped) = (proof.to_vec(), proof.to_vec(), proof.to_vec());
            changed[at] = flipped(&changed[at], bit);
            shorter.remove(at);
            all.extend([changed, shorter]);
            if proof.len() > 1 {
                swapped.swap(0, proof.len() - 1);
                all.push(swapped);
            }
        }
        all
    }
}
