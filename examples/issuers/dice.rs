//! What is drawn (SplitMix64).

use std::sync::{Mutex, PoisonError};

/// The same for the same seed and order of rolls.
pub(crate) struct Dice(Mutex<u64>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    pub(crate) fn roll(&self, below: u64) -> u64 {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}
