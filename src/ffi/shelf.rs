//! Side rows as a C host keeps them: opaque rows under 16-byte names, put before their frame and
//! erased after the frame that lets go of them.
//!
//! A row's name is the head of the SHA-256 digest of its content, which the frame holds too. So
//! the host needs to know nothing about a row, a row of a unit that was refused can never take
//! the place of one that stands, and what a crash left over is found when the log is restored.

use super::status::FfiError;
use crate::base::{Digest, Hasher, Key16, Reader, RedemptionId, ShortInput, Writer};
use crate::record::{Frame, Side, Unit, Verdict};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Which row stands at which place.
#[derive(Default)]
pub(super) struct Shelf {
    /// What the host brought back, before the engine starts.
    given: BTreeMap<Key16, Vec<u8>>,
    names: BTreeMap<(RedemptionId, u8), Key16>,
    /// What the host is to erase.
    erase: Vec<Key16>,
}

fn name_of(content: &Digest) -> Key16 {
    Key16(content.head16())
}

/// Rows to put, in the form in which they are handed out and taken back: their count (4 bytes,
/// little-endian); of each the name (16), the length (4, little-endian) and the content. Empty
/// if there are none.
pub(super) fn rows(sides: &[Side]) -> Vec<u8> {
    let contents: Vec<&Vec<u8>> = sides.iter().filter_map(|side| side.content.as_ref()).collect();
    let mut out = Vec::new();
    if !contents.is_empty() {
        let w = &mut Writer::new(&mut out);
        w.u32(u32::try_from(contents.len()).expect("a batch has few side rows"));
        for content in contents {
            w.raw(&name_of(&Hasher::new().with(content).finish()).0).bytes(content);
        }
    }
    out
}

fn read_rows(bytes: &[u8]) -> Result<Vec<(Key16, &[u8])>, ShortInput> {
    let r = &mut Reader::new(bytes);
    let mut rows = Vec::new();
    while !r.is_empty() {
        for _ in 0..r.u32()? {
            rows.push((Key16(r.array()?), r.bytes()?));
        }
    }
    Ok(rows)
}

impl Shelf {
    /// Takes rows back: one list as it was handed out, or several one after the other.
    pub(super) fn give(&mut self, bytes: &[u8]) -> Result<(), FfiError> {
        let rows = read_rows(bytes).map_err(|_| FfiError::BadRow(0))?;
        for (place, (name, content)) in (1_u32..).zip(&rows) {
            if *name != name_of(&Hasher::new().with(content).finish()) {
                return Err(FfiError::BadRow(place));
            }
        }
        self.given.extend(rows.into_iter().map(|(name, content)| (name, content.to_vec())));
        Ok(())
    }

    /// The side rows of a frame, as far as they were given.
    pub(super) fn sides_of(&self, frame: &Frame) -> Vec<Side> {
        let mut sides = Vec::new();
        for unit in &frame.units {
            for mark in &unit.sides {
                let content = mark.content.map(|digest| self.given.get(&name_of(&digest)).cloned());
                let content = match content {
                    Some(None) => continue,
                    known => known.flatten(),
                };
                sides.push(Side { redemption: unit.redemption, slot: mark.slot, content });
            }
        }
        sides
    }

    /// Notes what a judged batch did: which rows stand, and which the host is to erase.
    pub(super) fn settle(&mut self, units: &[Unit], verdicts: &[Verdict]) {
        for (unit, verdict) in units.iter().zip(verdicts) {
            for mark in &unit.sides {
                let place = (unit.redemption, mark.slot);
                let name = mark.content.as_ref().map(name_of);
                let gone = match (verdict.is_accepted(), name) {
                    (false, name) => name,
                    (true, Some(name)) => self.names.insert(place, name).filter(|old| *old != name),
                    (true, None) => self.names.remove(&place),
                };
                self.erase.extend(gone);
            }
        }
    }

    /// Ends the restoring: what the host still has and nobody needs is to be erased.
    pub(super) fn start(&mut self) {
        let given = core::mem::take(&mut self.given);
        let needed: BTreeSet<Key16> = self.names.values().copied().collect();
        // What was let go of in the log may be erased long since; what was given is not.
        self.erase = given.into_keys().filter(|name| !needed.contains(name)).collect();
    }

    /// The names of the rows to be erased, one after the other; they are forgotten here.
    pub(super) fn take_erased(&mut self) -> Vec<u8> {
        let names = core::mem::take(&mut self.erase);
        names.iter().flat_map(|name| name.0).collect()
    }

    pub(super) fn has_erased(&self) -> bool {
        !self.erase.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{BatchId, Wall};
    use crate::record::{Refusal, SideMark};
    use alloc::vec;

    fn side(n: u8, content: Option<&[u8]>) -> Side {
        Side { redemption: RedemptionId([n; 16]), slot: 1, content: content.map(<[u8]>::to_vec) }
    }

    fn unit(side: &Side) -> Unit {
        let content = side.content.as_ref().map(|content| Hasher::new().with(content).finish());
        let sides = vec![SideMark { slot: side.slot, content }];
        Unit { redemption: side.redemption, sides, ..Unit::default() }
    }

    fn name(content: &[u8]) -> [u8; 16] {
        Hasher::new().with(content).finish().head16()
    }

    #[test]
    fn rows_read_back_and_a_changed_row_takes_none_with_it() {
        let sides = [side(1, Some(b"one")), side(2, None), side(3, Some(b"three"))];
        let mut bytes = rows(&sides);
        assert_eq!(bytes[..4], [2, 0, 0, 0]);
        let mut shelf = Shelf::default();
        shelf.give(&[bytes.clone(), bytes.clone()].concat()).unwrap();
        let units = sides.iter().map(unit).collect();
        let frame =
            Frame { id: BatchId::default(), log: 0, wall: Wall(0), previous: Digest::default(), units };
        assert_eq!(shelf.sides_of(&frame), sides);
        assert_eq!(Shelf::default().sides_of(&frame), [side(2, None)]);
        *bytes.last_mut().unwrap() ^= 1;
        let mut empty = Shelf::default();
        assert_eq!(empty.give(&bytes), Err(FfiError::BadRow(2)));
        assert_eq!(empty.give(&bytes[..9]), Err(FfiError::BadRow(0)));
        assert!(empty.given.is_empty());
        assert!(rows(&[side(2, None)]).is_empty());
    }

    #[test]
    fn a_refused_row_is_erased_and_the_one_that_stands_is_not() {
        let mut shelf = Shelf::default();
        let (stands, refused) = (side(1, Some(b"first")), side(1, Some(b"again")));
        let known = Refusal::Known { fingerprint: vec![], summary: vec![] };
        let verdicts = [Verdict::default(), Verdict { refusal: Some(known), seen: vec![] }];
        shelf.settle(&[unit(&stands), unit(&refused)], &verdicts);
        assert_eq!(shelf.take_erased(), name(b"again"));
        shelf.settle(&[unit(&side(1, None))], &[Verdict::default()]);
        assert_eq!(shelf.take_erased(), name(b"first"));
        assert!(!shelf.has_erased());
    }

    #[test]
    fn what_a_crash_left_over_is_found_at_the_start() {
        let mut shelf = Shelf::default();
        let sides = [side(1, Some(b"needed")), side(2, Some(b"orphan"))];
        shelf.give(&rows(&sides)).unwrap();
        shelf.settle(&[unit(&sides[0])], &[Verdict::default()]);
        shelf.start();
        assert_eq!(shelf.take_erased(), name(b"orphan"));
    }
}
