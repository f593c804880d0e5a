//! Which names the tables surely do not hold: most cards are fresh, and that they are is told
//! without a look into a B-tree.
//!
//! Bloom filters over 16-byte names, each in blocks of one cache line. A name that was put in is
//! always found; one that was not is found falsely about once in a hundred times, and then looked
//! up in vain.

use crate::base::{Reader, ShortInput, Writer};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::vec;
use std::vec::Vec;

const WORDS: usize = 8;
const BITS_PER_NAME: u64 = 10;
const PROBES: u32 = 6;
const FIRST_LAYER: u64 = 1 << 14;

/// More layers than this are not taken up again: reading the tables makes one of them.
const MOST_LAYERS: u32 = 24;

/// Names of a fixed number at most.
struct Layer {
    blocks: Vec<[u64; WORDS]>,
    room: u64,
}

impl Layer {
    fn for_names(count: u64) -> Self {
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

    fn insert(&mut self, name: &[u8; 16]) {
        let (block, bits) = self.probe(name);
        self.room = self.room.saturating_sub(1);
        self.blocks[block].iter_mut().zip(bits).for_each(|(word, bit)| *word |= bit);
    }

    fn holds(&self, name: &[u8; 16]) -> bool {
        let (block, bits) = self.probe(name);
        self.blocks[block].iter().zip(bits).all(|(word, bit)| word & bit == bit)
    }
}

/// Names of any number: layer upon layer.
pub(super) struct Layers(Vec<Layer>);

impl Layers {
    /// With room for so many before a second layer is needed.
    pub(super) fn for_names(count: u64) -> Self {
        Self(vec![Layer::for_names(count.max(FIRST_LAYER))])
    }

    pub(super) fn insert(&mut self, name: &[u8; 16]) {
        if self.0.last().is_none_or(|layer| layer.room == 0) {
            // Each layer twice as large as the one before: there are never many.
            let size = FIRST_LAYER << self.0.len().min(20);
            self.0.push(Layer::for_names(size));
        }
        self.0.last_mut().into_iter().for_each(|layer| layer.insert(name));
    }

    pub(super) fn holds(&self, name: &[u8; 16]) -> bool {
        self.0.iter().any(|layer| layer.holds(name))
    }

    /// Appends the layers: how many, then each with its room, the number of its blocks, and these.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let words: usize = self.0.iter().map(|layer| layer.blocks.len() * WORDS).sum();
        out.reserve(words * 8 + self.0.len() * 16 + 4);
        let w = &mut Writer::new(out);
        w.u32(u32::try_from(self.0.len()).expect("layers double in size"));
        for layer in &self.0 {
            w.u64(layer.room).u64(layer.blocks.len() as u64);
            layer.blocks.iter().flatten().for_each(|word| {
                w.u64(*word);
            });
        }
    }

    /// Reads what [`Layers::encode`] wrote.
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        let count = r.u32()?;
        if count == 0 || count > MOST_LAYERS {
            return r.fail();
        }
        let layer = |_| {
            let (room, blocks) = (r.u64()?, r.u64()?);
            if blocks == 0 {
                return r.fail();
            }
            let mut read = Vec::new();
            for _ in 0..blocks {
                let mut block = [0; WORDS];
                for word in &mut block {
                    *word = r.u64()?;
                }
                read.push(block);
            }
            Ok(Layer { blocks: read, room })
        };
        Ok(Self((0..count).map(layer).collect::<Result<_, _>>()?))
    }
}

/// All names that there ever were, or more.
pub(super) struct Filter {
    layers: Layers,
    /// What the tables held when the journal was opened, as soon as it is read.
    before: Option<Receiver<Layers>>,
}

impl Filter {
    /// With what `before` sends; until then any name may be there.
    pub(super) fn new(before: Receiver<Layers>) -> Self {
        Self { layers: Layers::for_names(FIRST_LAYER), before: Some(before) }
    }

    pub(super) fn insert(&mut self, name: &[u8; 16]) {
        self.layers.insert(name);
    }

    /// Whether what the tables held is in it by now.
    fn is_complete(&mut self) -> bool {
        if let Some(before) = &self.before {
            match before.try_recv() {
                Ok(layers) => {
                    let mut own = std::mem::replace(&mut self.layers, layers);
                    self.layers.0.append(&mut own.0);
                    self.before = None;
                }
                // The tables could not be read: whoever needs them will say why.
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    /// All names, if they are all here.
    pub(super) fn names(&mut self) -> Option<&Layers> {
        if self.is_complete() { Some(&self.layers) } else { None }
    }

    /// Whether the name may be known.
    pub(super) fn may_hold(&mut self, name: &[u8; 16]) -> bool {
        !self.is_complete() || self.layers.holds(name)
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
        let mut before = Layers::for_names(1_000);
        (0..1_000).for_each(|n| before.insert(&name(n)));
        send.send(before).unwrap();
        (1_000..100_000).for_each(|n| filter.insert(&name(n)));
        assert!((0..100_000).all(|n| filter.may_hold(&name(n))));
        let falsely = (100_000..200_000).filter(|n| filter.may_hold(&name(*n))).count();
        assert!(falsely < 6_000, "{falsely} of 100,000");
    }

    #[test]
    fn what_is_written_down_reads_back_the_same() {
        let mut layers = Layers::for_names(1);
        (0..50_000).for_each(|n| layers.insert(&name(n)));
        let mut bytes = Vec::new();
        layers.encode(&mut bytes);
        let read = Layers::decode(&mut Reader::new(&bytes)).unwrap();
        assert!((0..100_000).all(|n| read.holds(&name(n)) == layers.holds(&name(n))));
        assert!(layers.0.len() > 1 && read.0.last().unwrap().room == layers.0.last().unwrap().room);
        assert!(Layers::decode(&mut Reader::new(&bytes[..bytes.len() - 1])).is_err());
        assert!(Layers::decode(&mut Reader::new(&[0; 4])).is_err(), "no layer");
    }
}
