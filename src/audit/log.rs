//! The log itself: its size and the roots of its full subtrees.

use super::tree::{empty_root, node_hash};
use super::{AuditError, Checkpoint};
use crate::base::{Digest, Reader, Text, Writer};
use alloc::vec::Vec;

/// An append-only log of record hashes that remembers only its frontier: at most 62 hashes.
///
/// It is part of a checkpoint of the engine ([`encode`](Self::encode)), so that a restart goes
/// on with the same log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    size: u64,
    /// Roots of the full subtrees, one per set bit of `size`, the largest and oldest first.
    peaks: Vec<Digest>,
}

impl Log {
    /// The largest log that is read back: 2^62 records.
    pub const MAX_LEN: u64 = 1 << 62;

    /// A log without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the leaf of the next record ([`leaf_hash`](super::leaf_hash)) and gives its place,
    /// from 0.
    pub fn append(&mut self, leaf: Digest) -> u64 {
        self.append_noting(leaf, &mut |_, _, _| ())
    }

    /// As [`append`](Self::append), and hands out every node that this leaf completes, with its
    /// level (from 1) and its place in that level (from 0), for a store that answers
    /// [`Leaves::node`](super::Leaves::node).
    pub fn append_noting(&mut self, leaf: Digest, note: &mut dyn FnMut(u32, u64, &Digest)) -> u64 {
        let index = self.size;
        let mut root = leaf;
        // Adding 1 to the size carries through its low ones; each carry joins two equal trees.
        for level in 1..=index.trailing_ones() {
            let left = self.peaks.pop().expect("there is a peak for every set bit of the size");
            root = node_hash(&left, &root);
            note(level, index >> level, &root);
        }
        self.peaks.push(root);
        self.size = index.checked_add(1).expect("no log lives for 2^62 appends");
        index
    }

    /// How many records the log has.
    pub fn len(&self) -> u64 {
        self.size
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The root over all records: the Merkle tree hash of RFC 6962, section 2.1.
    pub fn root(&self) -> Digest {
        let joined = self.peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        joined.unwrap_or_else(empty_root)
    }

    /// Size and root under the log's name, to be kept where the log's writer cannot reach.
    pub fn checkpoint(&self, origin: Text) -> Checkpoint {
        Checkpoint { origin, size: self.size, root: self.root() }
    }

    /// Appends the canonical form: the size (8 bytes, little-endian), then the peaks, the
    /// largest first, as many as the size has set bits.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.u64(self.size);
        for peak in &self.peaks {
            writer.raw(&peak.0);
        }
    }

    /// Reads what [`encode`](Self::encode) wrote; what follows it stays unread.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the input ends early or the size is above
    /// [`MAX_LEN`](Self::MAX_LEN).
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, AuditError> {
        let start = reader.clone();
        let size = reader.u64()?;
        if size > Self::MAX_LEN {
            start.fail()?;
        }
        let mut peaks = Vec::with_capacity(size.count_ones() as usize);
        for _ in 0..size.count_ones() {
            peaks.push(Digest(reader.array()?));
        }
        Ok(Self { size, peaks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::leaves::range_root;
    use crate::audit::testing::{REFERENCE_ROOTS, numbered, reference_leaves};
    use crate::base::ShortInput;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn log_of(leaves: &[Digest]) -> Log {
        let mut log = Log::new();
        for leaf in leaves {
            log.append(*leaf);
        }
        log
    }

    #[test]
    fn agrees_with_the_reference_roots() {
        let mut log = Log::new();
        // FIPS 180-4: SHA-256 of the empty string.
        assert_eq!(
            log.root().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (leaf, root) in reference_leaves().into_iter().zip(REFERENCE_ROOTS) {
            log.append(leaf);
            assert_eq!(log.root().to_string(), root, "{} records", log.len());
        }
    }

    #[test]
    fn the_frontier_gives_the_root_of_the_whole_tree() {
        let leaves = numbered(300);
        let mut log = Log::new();
        for (index, leaf) in leaves.iter().enumerate() {
            assert_eq!(log.append(*leaf), index as u64);
            assert_eq!(Ok(log.root()), range_root(&mut leaves.as_slice(), 0, log.len()));
        }
    }

    #[test]
    fn a_log_reads_back_and_goes_on() {
        let leaves = numbered(70);
        for size in 0..leaves.len() {
            let mut log = log_of(&leaves[..size]);
            let mut bytes = Vec::new();
            log.encode(&mut bytes);
            bytes.push(0xee);
            let mut reader = Reader::new(&bytes);
            let mut again = Log::decode(&mut reader).unwrap();
            assert_eq!((&again, reader.rest()), (&log, &[0xee][..]));
            log.append(leaves[size]);
            again.append(leaves[size]);
            assert_eq!(again.root(), log.root());
        }
    }

    #[test]
    fn an_impossible_size_is_refused() {
        let mut bytes = (Log::MAX_LEN + 1).to_le_bytes().to_vec();
        bytes.resize(8 + 64 * 32, 0);
        let refused = Log::decode(&mut Reader::new(&bytes));
        assert_eq!(refused, Err(AuditError::Malformed(ShortInput { at: 0 })));
    }

    proptest! {
        #[test]
        fn a_log_has_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..100), size in 0..8_u64) {
            let bytes = [&size.to_le_bytes()[..], &bytes].concat();
            let mut reader = Reader::new(&bytes);
            if let Ok(log) = Log::decode(&mut reader) {
                let mut out = Vec::new();
                log.encode(&mut out);
                prop_assert_eq!(&out[..], &bytes[..reader.position()]);
            } else {
                prop_assert!(bytes.len() < 8 + 32 * size.count_ones() as usize);
            }
        }
    }
}
