//! Which names the tables surely do not hold: most cards are fresh, and that they are is told
//! without a look into a B-tree.
//!
//! Bloom filters over 16-byte names, each in blocks of one cache line. A name that was put in is
//! always found; one that was not is found falsely about once in a hundred times, and then looked
//! up in vain.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::vec;
use std::vec::Vec;

const WORDS: usize = 8;
const BITS_PER_NAME: u64 = 10;
const PROBES: u32 = 6;
const FIRST_LAYER: u64 = 1 << 14;

/// Names of a fixed number at most.
pub(super) struct Layer {
    blocks: Vec<[u64; WORDS]>,
    room: u64,
}

impl Layer {
    pub(super) fn for_names(count: u64) -> Self {
        let blocks = (count.max(1) * BITS_PER_NAME).div_ceil(64 * WORDS as u64);
        let blocks = vec![[0; WORDS]; usize::try_from(blocks).expect("a filter fits into memory")];
        Self { blocks, room: count.max(1) }
    }

    /// The block of a name and the bits in it. Names are digests, so their bytes are spread.
    fn probe(&self, name: &[u8; 16]) -> (usize, [u64; WORDS]) {
        let (head, tail) = name.split_at(8);
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("half of 16 bytes"));
        let wide = u128::from(word(head)) * self.blocks.len() as u128;
        let block = usize::try_from(wide >> 64).expect("below the number of blocks");
        let mut bits = [0; WORDS];
        let mut rest = word(tail);
        for _ in 0..PROBES {
            let at = usize::try_from(rest & 511).expect("nine bits");
            bits[at / 64] |= 1 << (at % 64);
            rest >>= 9;
        }
        (block, bits)
    }

    pub(super) fn insert(&mut self, name: &[u8; 16]) {
        let (block, bits) = self.probe(name);
        self.room = self.room.saturating_sub(1);
        self.blocks[block].iter_mut().zip(bits).for_each(|(word, bit)| *word |= bit);
    }

    fn holds(&self, name: &[u8; 16]) -> bool {
        let (block, bits) = self.probe(name);
        self.blocks[block].iter().zip(bits).all(|(word, bit)| word & bit == bit)
    }
}

/// All names that there ever were, or more.
pub(super) struct Filter {
    layers: Vec<Layer>,
    /// What the tables held when the journal was opened, as soon as it is read.
    before: Option<Receiver<Layer>>,
}

impl Filter {
    /// With what `before` sends; until then any name may be there.
    pub(super) fn new(before: Receiver<Layer>) -> Self {
        Self { layers: vec![Layer::for_names(FIRST_LAYER)], before: Some(before) }
    }

    pub(super) fn insert(&mut self, name: &[u8; 16]) {
        if self.layers.last().is_none_or(|layer| layer.room == 0) {
            // Each layer twice as large as the one before: there are never many.
            let size = FIRST_LAYER << self.layers.len().min(20);
            self.layers.push(Layer::for_names(size));
        }
        self.layers.last_mut().into_iter().for_each(|layer| layer.insert(name));
    }

    /// Whether the name may be known.
    pub(super) fn may_hold(&mut self, name: &[u8; 16]) -> bool {
        if let Some(before) = &self.before {
            match before.try_recv() {
                Ok(layer) => {
                    self.layers.insert(0, layer);
                    self.before = None;
                }
                // The tables could not be read: whoever needs them will say why.
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return true,
            }
        }
        self.layers.iter().any(|layer| layer.holds(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest;

    fn name(n: u64) -> [u8; 16] {
        digest("filter", &[&n.to_le_bytes()]).head16()
    }

    #[test]
    fn what_was_put_in_is_found_and_few_others_are() {
        let (send, receive) = std::sync::mpsc::channel();
        let mut filter = Filter::new(receive);
        assert!(filter.may_hold(&name(0)), "as long as the tables are not read");
        let mut before = Layer::for_names(1_000);
        (0..1_000).for_each(|n| before.insert(&name(n)));
        send.send(before).unwrap();
        (1_000..100_000).for_each(|n| filter.insert(&name(n)));
        assert!((0..100_000).all(|n| filter.may_hold(&name(n))));
        let falsely = (100_000..200_000).filter(|n| filter.may_hold(&name(*n))).count();
        assert!(falsely < 6_000, "{falsely} of 100,000");
    }
}
