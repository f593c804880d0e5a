//! Entries of a journal's segments: one batch each, or the takeover by a writer.
//!
//! `docs/format.md` describes every byte.

use crate::base::{BatchId, Digest, Hasher, Reader, RedemptionId, ShortInput, Writer};
use crate::record::{Frame, crc32c};
use std::vec::Vec;

/// The format version of segments that is written. Newer ones are refused.
pub(super) const SEGMENT_VERSION: u16 = 1;
/// The length of a segment's head, in bytes.
pub(super) const SEGMENT_HEAD: usize = 64;
/// Entries begin at multiples of this.
pub(super) const ALIGN: usize = 8;

const SEGMENT_MAGIC: [u8; 8] = *b"SCRIPSEG";
const ENTRY_MAGIC: [u8; 4] = *b"SCRE";
const ENTRY_HEAD: usize = 72;
const CHAIN_AT: usize = 40;
const SIDE_ROW: usize = 28;

/// The head of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHead {
    pub(super) number: u32,
    /// The last batch before the segment.
    pub(super) after: u64,
    /// The chain before its first entry.
    pub(super) chain: Digest,
}

/// Why a segment's head cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadError {
    /// It is torn or damaged, or there is none.
    Bad,
    /// Written by a newer scrip.
    Newer(u16),
}

impl SegmentHead {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let w = &mut Writer::new(out);
        w.raw(&SEGMENT_MAGIC).u16(SEGMENT_VERSION).u16(0).u32(self.number);
        w.u64(self.after).raw(&self.chain.0).u32(0);
        let sum = crc32c(&out[start..]);
        Writer::new(out).u32(sum);
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeadError> {
        let head = bytes.get(..SEGMENT_HEAD).ok_or(HeadError::Bad)?;
        let (content, sum) = head.split_at(SEGMENT_HEAD - 4);
        let mut r = Reader::new(content);
        let mut read = || {
            let (magic, version, _) = (r.array::<8>()?, r.u16()?, r.u16()?);
            let head = Self { number: r.u32()?, after: r.u64()?, chain: Digest(r.array()?) };
            Ok::<_, ShortInput>((magic, version, head))
        };
        match read() {
            Ok((SEGMENT_MAGIC, ..)) if crc32c(content).to_le_bytes() != sum => Err(HeadError::Bad),
            Ok((SEGMENT_MAGIC, SEGMENT_VERSION, head)) => Ok(head),
            Ok((SEGMENT_MAGIC, version, _)) => Err(HeadError::Newer(version)),
            _ => Err(HeadError::Bad),
        }
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One batch.
    Batch,
    /// A writer has opened its epoch.
    Takeover,
}

/// A side row that a batch puts or erases, as an entry tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) struct SideRow {
    pub(in crate::host) redemption: RedemptionId,
    pub(in crate::host) slot: u8,
    /// `None` erases the row.
    pub(in crate::host) place: Option<Place>,
}

/// Where bytes lie in the segments: the content of a side row, or the records of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) struct Place {
    pub(in crate::host) segment: u32,
    pub(in crate::host) offset: u64,
    pub(in crate::host) length: u32,
    /// Their CRC-32C.
    pub(in crate::host) checksum: u32,
}

/// An entry that is about to be written.
pub(super) struct Draft<'a> {
    pub(super) kind: Kind,
    pub(super) id: BatchId,
    pub(super) refused: &'a [u32],
    pub(super) sides: &'a [(RedemptionId, u8, Option<&'a [u8]>)],
    /// With its digest; empty in a takeover.
    pub(super) frame: (&'a [u8], Digest),
}

impl Draft<'_> {
    /// How long the entry is, padding included.
    pub(super) fn length(&self) -> usize {
        let content: usize = self.sides.iter().filter_map(|(.., content)| *content).map(<[u8]>::len).sum();
        let tables = 4 * self.refused.len() + SIDE_ROW * self.sides.len();
        (ENTRY_HEAD + tables + 4 + self.frame.0.len() + content).next_multiple_of(ALIGN)
    }

    /// Where the frame begins, counted from the entry's first byte.
    pub(super) fn frame_at(&self) -> u64 {
        frame_at(self.refused.len(), self.sides.len())
    }

    /// Appends the entry, which continues `chain`; tells the chain after it and where its side
    /// rows lie, counted from its first byte.
    pub(super) fn encode(&self, chain: &Digest, out: &mut Vec<u8>) -> (Digest, Vec<SideRow>) {
        let start = out.len();
        let count = |n: usize| u32::try_from(n).expect("an entry is far below 4 GiB");
        let w = &mut Writer::new(out);
        let kind = if self.kind == Kind::Batch { 1 } else { 2 };
        w.raw(&ENTRY_MAGIC).u8(kind).raw(&[0; 3]).u32(count(self.length()));
        w.u32(count(self.refused.len())).u32(count(self.sides.len())).u32(count(self.frame.0.len()));
        w.u64(self.id.epoch).u64(self.id.sequence).raw(&[0; 32]);
        self.refused.iter().for_each(|number| {
            w.u32(*number);
        });
        let mut at = self.frame_at() + self.frame.0.len() as u64;
        let mut rows = Vec::with_capacity(self.sides.len());
        for &(redemption, slot, content) in self.sides {
            let (bytes, put) = (content.unwrap_or_default(), content.is_some());
            let (length, checksum) = (count(bytes.len()), crc32c(bytes));
            w.raw(&redemption.0).u8(slot).bool(put).u16(0).u32(length).u32(checksum);
            let place = content.map(|_| Place { segment: 0, offset: at, length, checksum });
            rows.push(SideRow { redemption, slot, place });
            at += u64::from(length);
        }
        let digest = (self.kind == Kind::Batch).then_some(&self.frame.1);
        let chain = link(chain, &out[start..], digest);
        out[start + CHAIN_AT..start + ENTRY_HEAD].copy_from_slice(&chain.0);
        let sum = crc32c(&out[start..]);
        Writer::new(out).u32(sum).raw(self.frame.0);
        self.sides.iter().filter_map(|(.., content)| *content).for_each(|c| out.extend_from_slice(c));
        out.resize(start + self.length(), 0);
        (chain, rows)
    }
}

fn frame_at(refused: usize, sides: usize) -> u64 {
    (ENTRY_HEAD + 4 * refused + SIDE_ROW * sides + 4) as u64
}

/// The chain after an entry: over the one before it, what stands in its head before the chain,
/// its tables, and the digest of its frame.
fn link(chain: &Digest, head: &[u8], frame: Option<&Digest>) -> Digest {
    let hash = Hasher::new().with(&chain.0).with(&head[..CHAIN_AT]).with(&head[ENTRY_HEAD..]);
    frame.map_or(hash.clone(), |frame| hash.with(&frame.0)).finish()
}

/// An entry as it is read.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) kind: Kind,
    pub(super) id: BatchId,
    pub(super) refused: Vec<u32>,
    /// With places counted from the entry's first byte.
    pub(super) sides: Vec<SideRow>,
    pub(super) frame: &'a [u8],
    /// Of the frame.
    pub(super) digest: Digest,
    pub(super) chain: Digest,
    pub(super) length: usize,
    /// Whether the content of every side row is as it was written, and nothing erased.
    pub(super) whole: bool,
}

impl<'a> Entry<'a> {
    /// Where the frame begins, counted from the entry's first byte.
    pub(super) fn frame_at(&self) -> u64 {
        frame_at(self.refused.len(), self.sides.len())
    }

    /// Whether the head of an entry stands at the start of `bytes`, by its checksum.
    pub(super) fn starts(bytes: &'a [u8]) -> bool {
        bytes.starts_with(&ENTRY_MAGIC) && Self::head(bytes).is_ok()
    }

    /// The entry without its frame, the bytes before the checksum of its head, and the frame's length.
    fn head(bytes: &'a [u8]) -> Result<(Self, &'a [u8], usize), ShortInput> {
        let r = &mut Reader::new(bytes);
        let bad = ShortInput { at: 0 };
        if r.array::<4>()? != ENTRY_MAGIC {
            return Err(bad);
        }
        let kind = match r.u8()? {
            1 => Kind::Batch,
            2 => Kind::Takeover,
            _ => return Err(bad),
        };
        r.take(3)?;
        let (length, refused, sides, frame) = (r.u32()? as usize, r.u32()?, r.u32()?, r.u32()? as usize);
        let id = BatchId { epoch: r.u64()?, sequence: r.u64()? };
        let chain = Digest(r.array()?);
        // A count that the bytes cannot hold is refused before anything is reserved for it.
        let tables = 4 * u64::from(refused) + SIDE_ROW as u64 * u64::from(sides);
        r.clone().take(usize::try_from(tables).map_err(|_| bad)?)?;
        let refused: Vec<u32> = (0..refused).map(|_| r.u32()).collect::<Result<_, _>>()?;
        let mut at = (ENTRY_HEAD + 4) as u64 + tables + frame as u64;
        let mut rows = Vec::with_capacity(sides as usize);
        for _ in 0..sides {
            let (redemption, slot, put, _) = (RedemptionId(r.array()?), r.u8()?, r.bool()?, r.u16()?);
            let (length, checksum) = (r.u32()?, r.u32()?);
            let place = put.then_some(Place { segment: 0, offset: at, length, checksum });
            rows.push(SideRow { redemption, slot, place });
            at += u64::from(length);
        }
        let head = r.position();
        let end = usize::try_from(at).ok().map(|end| end.next_multiple_of(ALIGN));
        if crc32c(&bytes[..head]) != r.u32()? || end != Some(length) {
            return Err(bad);
        }
        let digest = Digest::default();
        let entry = Self { kind, id, refused, sides: rows, frame: &[], digest, chain, length, whole: true };
        Ok((entry, &bytes[..head], frame))
    }

    /// Reads the entry at the start of `bytes`, which continues `chain`.
    ///
    /// # Errors
    /// [`ShortInput`] if it is torn or damaged; erased side rows are no damage.
    pub(super) fn decode(bytes: &'a [u8], chain: &Digest) -> Result<Self, ShortInput> {
        let (mut entry, head, frame) = Self::head(bytes)?;
        let bad = ShortInput { at: head.len() };
        let content = bytes.get(head.len() + 4..entry.length).ok_or(bad)?;
        entry.frame = content.get(..frame).ok_or(bad)?;
        if entry.kind == Kind::Batch {
            entry.digest = Frame::digest(entry.frame);
        }
        let digest = (entry.kind == Kind::Batch).then_some(&entry.digest);
        if link(chain, head, digest) != entry.chain {
            return Err(bad);
        }
        let mut end = head.len() + 4 + frame;
        for place in entry.sides.iter().filter_map(|row| row.place) {
            let next = end + place.length as usize;
            let side = bytes.get(end..next).ok_or(bad)?;
            entry.whole &= place.offset == end as u64 && crc32c(side) == place.checksum;
            end = next;
        }
        let padding = bytes.get(end..entry.length).ok_or(bad)?;
        if padding.len() >= ALIGN || padding.iter().any(|byte| *byte != 0) {
            return Err(bad);
        }
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Wall;
    use proptest::prelude::*;
    use std::vec;

    fn frame(sequence: u64) -> (Vec<u8>, Digest) {
        let id = BatchId { epoch: 2, sequence };
        let bytes = Frame { id, log: 0, wall: Wall(0), previous: Digest::default(), units: vec![] }.encode();
        let digest = Frame::digest(&bytes);
        (bytes, digest)
    }

    fn entry(chain: &Digest) -> (Vec<u8>, Digest) {
        let (bytes, digest) = frame(7);
        let side = |slot, content| (RedemptionId([slot; 16]), slot, content);
        let sides = [side(1, Some(&b"sealed"[..])), side(2, None), side(3, Some(&b""[..]))];
        let id = BatchId { epoch: 2, sequence: 7 };
        let draft = Draft { kind: Kind::Batch, id, refused: &[1, 5], sides: &sides, frame: (&bytes, digest) };
        let mut out = Vec::new();
        let (chain, _) = draft.encode(chain, &mut out);
        assert_eq!(out.len(), draft.length());
        (out, chain)
    }

    #[test]
    fn an_entry_reads_back() {
        let (bytes, chain) = entry(&Digest([9; 32]));
        let read = Entry::decode(&bytes, &Digest([9; 32])).unwrap();
        assert_eq!((read.kind, read.id.sequence, read.chain), (Kind::Batch, 7, chain));
        assert_eq!((read.refused, read.frame, read.length), (vec![1, 5], &frame(7).0[..], bytes.len()));
        let place = read.sides[0].place.unwrap();
        let at = usize::try_from(place.offset).unwrap();
        assert_eq!(&bytes[at..at + place.length as usize], b"sealed");
        assert!(read.whole && read.sides[1].place.is_none() && read.sides[2].place.is_some());
        assert!(Entry::decode(&bytes, &Digest([8; 32])).is_err(), "it continues another chain");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_found() {
        let (bytes, _) = entry(&Digest::default());
        for cut in 0..bytes.len() {
            assert!(Entry::decode(&bytes[..cut], &Digest::default()).is_err(), "{cut}");
        }
        for at in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[at / 8] ^= 1 << (at % 8);
            let read = Entry::decode(&bad, &Digest::default());
            assert!(read.is_err() || !read.unwrap().whole, "bit {at}");
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(noise in prop::collection::vec(any::<u8>(), 0..300), at in 0..300_usize) {
            let (mut bytes, _) = entry(&Digest::default());
            let end = bytes.len();
            for (i, byte) in noise.iter().enumerate() {
                bytes[(at + i) % end] = *byte;
            }
            let _ = Entry::decode(&noise, &Digest::default());
            let _ = Entry::decode(&bytes, &Digest::default());
            let _ = SegmentHead::decode(&noise);
            // As damage that has the right checksum would look.
            let head = ENTRY_HEAD + 8 + 3 * SIDE_ROW;
            let sum = crc32c(&bytes[..head]).to_le_bytes();
            bytes[head..head + 4].copy_from_slice(&sum);
            let _ = Entry::decode(&bytes, &Digest::default());
        }
    }
}
