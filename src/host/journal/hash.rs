//! Maps by names. Names are digests, so a multiplication for every eight bytes spreads them; the
//! seed is the process's own, so that nobody can choose names which meet.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A map whose keys are names.
pub(in crate::host) type ByName<K, V> = HashMap<K, V, Seed>;

#[derive(Clone)]
pub(in crate::host) struct Seed(u64);

impl Default for Seed {
    fn default() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }
}

impl BuildHasher for Seed {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding(self.0)
    }
}

pub(in crate::host) struct Folding(u64);

/// An odd number without a pattern in its bits: 2^64 divided by the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Folding {
    fn fold(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(FACTOR);
        let bytes = wide.to_le_bytes();
        let (low, high) = bytes.split_at(8);
        let word = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("half of 16 bytes"));
        self.0 = word(low) ^ word(high);
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.fold(number.into());
    }

    /// The length before a name says nothing: all are of one length.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest;
    use std::collections::HashSet;

    #[test]
    fn names_are_spread_over_the_low_and_the_high_bits() {
        let seed = Seed::default();
        let hash = |n: u64| seed.hash_one(digest("name", &[&n.to_le_bytes()]).head16());
        let low: HashSet<u64> = (0..4_096).map(|n| hash(n) & 0xfff).collect();
        let high: HashSet<u64> = (0..4_096).map(|n| hash(n) >> 57).collect();
        // As many as of random numbers: 1 - 1/e of 4,096, and all of 128.
        assert!(low.len() > 2_400 && high.len() == 128, "{} {}", low.len(), high.len());
    }
}
