//! A frame: one batch as bytes, self-contained, checksummed and chained.
//!
//! All integers are little-endian. `docs/format.md` describes every byte.

use super::{Record, Unit};
use crate::base::{Advice, BatchId, Code, Digest, Reader, Wall, Writer, block, sha256};
use alloc::vec::Vec;
#[cfg(any(test, not(feature = "std")))]
use crc::{CRC_32_ISCSI, Crc, Table};

/// The format version that is written. Frames of a newer version are refused.
pub const FORMAT_VERSION: u16 = 1;
/// The length of the fixed part before the first unit, in bytes.
pub const HEADER_LEN: usize = 80;

const MAGIC: [u8; 8] = *b"SCRIPFRM";
const CRC_LEN: usize = 4;
/// Where the frame's length stands: a reader needs 16 bytes to know how many to read.
const LENGTH_AT: usize = 12;
/// Where nobody tells what instructions the processor has.
#[cfg(any(test, not(feature = "std")))]
static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes end before the frame does: a torn tail.
    #[error("frame ends after {have} of {want} bytes")]
    Torn {
        /// Bytes there are.
        have: usize,
        /// Bytes there must be.
        want: usize,
    },
    /// No frame starts here.
    #[error("no frame starts here")]
    Magic,
    /// Written by a newer scrip.
    #[error("frame format {0} is newer than this library understands ({FORMAT_VERSION})")]
    Newer(u16),
    /// The checksum does not fit.
    #[error("frame checksum does not fit")]
    Checksum,
    /// The checksum fits and the content does not: a fault of the writer.
    #[error("frame content is malformed at byte {at}")]
    Malformed {
        /// Byte offset within the frame.
        at: usize,
    },
    /// The frame does not follow the one before it.
    #[error("frame does not continue the chain")]
    Chain,
}

impl FrameError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::RECORD,
            match self {
                Self::Torn { .. } => 1,
                Self::Magic => 2,
                Self::Newer(_) => 3,
                Self::Checksum => 4,
                Self::Malformed { .. } => 5,
                Self::Chain => 6,
            },
        )
    }

    /// A store that holds such a frame must not be written to before a person has looked.
    pub const fn advice(&self) -> Advice {
        Advice::Stop
    }
}

/// A batch as it is written and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which batch.
    pub id: BatchId,
    /// Which log it belongs to: 0 where there is one writer, else the writer's node number.
    pub log: u32,
    /// The recorded wall clock.
    pub wall: Wall,
    /// SHA-256 of the whole frame before this one in the same log; zeros before the first.
    pub previous: Digest,
    /// The units.
    pub units: Vec<Unit>,
}

impl Frame {
    /// The frame as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        out
    }

    /// As [`encode`](Self::encode), into a buffer that is empty.
    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        out.reserve(HEADER_LEN + 640 * self.units.len() + CRC_LEN);
        let w = &mut Writer::new(out);
        w.raw(&MAGIC).u16(FORMAT_VERSION).u16(0).u32(0);
        w.u64(self.id.epoch).u64(self.id.sequence).u32(self.log).wall(self.wall).raw(&self.previous.0);
        w.u32(u32::try_from(self.units.len()).expect("a batch holds few units"));
        for unit in &self.units {
            w.sized(|w| unit.write(w));
        }
        patch_u32(out, LENGTH_AT, |len| len + CRC_LEN);
        let sum = crc32c(out);
        Writer::new(out).u32(sum);
    }

    /// How long the frame is that starts with `head`, given its first 16 bytes.
    ///
    /// # Errors
    /// [`FrameError::Torn`], [`FrameError::Magic`] or [`FrameError::Newer`].
    pub fn length(head: &[u8]) -> Result<usize, FrameError> {
        let mut r = Reader::new(head);
        let torn = |_| FrameError::Torn { have: head.len(), want: LENGTH_AT + 4 };
        if r.array::<8>().map_err(torn)? != MAGIC {
            return Err(FrameError::Magic);
        }
        let version = r.u16().map_err(torn)?;
        r.u16().map_err(torn)?;
        let length = r.u32().map_err(torn)? as usize;
        match version {
            FORMAT_VERSION if length >= HEADER_LEN + CRC_LEN => Ok(length),
            FORMAT_VERSION => Err(FrameError::Malformed { at: LENGTH_AT }),
            _ => Err(FrameError::Newer(version)),
        }
    }

    /// Reads the frame at the start of `bytes`; what follows it is left alone.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let length = Self::length(bytes)?;
        let whole = bytes.get(..length).ok_or(FrameError::Torn { have: bytes.len(), want: length })?;
        let (content, sum) = whole.split_at(length - CRC_LEN);
        if crc32c(content).to_le_bytes() != sum {
            return Err(FrameError::Checksum);
        }
        let mut r = Reader::new(content);
        Self::read(&mut r).map_err(|error| FrameError::Malformed { at: error.at })
    }

    /// The records of the units that stand, in order, each with its unit and its place among the
    /// records of its redemption.
    pub fn records<'a>(
        &'a self,
        stands: impl Fn(usize) -> bool + 'a,
    ) -> impl Iterator<Item = (&'a Unit, u32, Record<'a>)> {
        let units = self.units.iter().enumerate().filter(move |(i, _)| stands(*i));
        units.flat_map(|(_, unit)| {
            (unit.expected..).zip(unit.records.iter()).map(move |(place, record)| (unit, place, record))
        })
    }

    /// The digest that the next frame of the log names as its predecessor.
    pub fn digest(bytes: &[u8]) -> Digest {
        sha256(bytes)
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, crate::base::ShortInput> {
        r.take(LENGTH_AT + 4)?;
        let id = BatchId { epoch: r.u64()?, sequence: r.u64()? };
        let (log, wall, previous) = (r.u32()?, r.wall()?, Digest(r.array()?));
        let count = r.u32()?;
        let mut units = Vec::new();
        for _ in 0..count {
            let start = r.position() + 4;
            let mut inner = Reader::new(r.bytes()?);
            let placed = |e: crate::base::ShortInput| crate::base::ShortInput { at: start + e.at };
            units.push(Unit::decode(&mut inner).map_err(placed)?);
            if !inner.is_empty() {
                return inner.fail().map_err(placed);
            }
        }
        if r.is_empty() { Ok(Self { id, log, wall, previous, units }) } else { r.fail() }
    }
}

/// CRC-32C (Castagnoli), as frames are closed with.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    #[cfg(feature = "std")]
    let sum = crc32c::crc32c(bytes);
    #[cfg(not(feature = "std"))]
    let sum = CRC32C.checksum(bytes);
    sum
}

fn patch_u32(out: &mut [u8], at: usize, value: impl FnOnce(usize) -> usize) {
    let value = u32::try_from(value(out.len())).expect("a frame is far below 4 GiB");
    out[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Key16, RedemptionId};
    use crate::ledger::{Account, AccountKind, Posting};
    use crate::money::{Amount, Currency};
    use crate::record::{Change, Claim, ClaimKind, ClaimStatus, Record, SideMark};
    use crate::risk::{Recall, RecallKind, Sighting};
    use alloc::vec;
    use proptest::prelude::*;

    fn full_unit() -> Unit {
        let amount = Amount::new(-5, Currency::CNY);
        Unit {
            redemption: RedemptionId([1; 16]),
            expected: 7,
            dormant: true,
            due: Some(Wall(99)),
            fingerprint: vec![1, 2],
            claims: vec![Claim { key: Key16([2; 16]), kind: ClaimKind::Card, generation: 3 }],
            changes: vec![
                Change { key: Key16([3; 16]), to: None },
                Change { key: Key16([4; 16]), to: Some(ClaimStatus::Consumed) },
            ],
            sightings: vec![Sighting { subject: Key16([5; 16]), at: Wall(-1), value: 10_000 }],
            recalls: vec![
                Recall { subject: Key16([5; 16]), kind: RecallKind::Recent { within_ms: 9 } },
                Recall { subject: Key16([6; 16]), kind: RecallKind::Moments },
            ],
            postings: vec![Posting { account: Account::of(AccountKind::Fee), amount }],
            sides: vec![
                SideMark { slot: 1, content: Some(Digest([7; 32])) },
                SideMark { slot: 2, content: None },
            ],
            summary: vec![9],
            records: [Record { kind: 1, version: 1, body: &[8; 5] }].into(),
        }
    }

    fn frame() -> Frame {
        let id = BatchId { epoch: 2, sequence: 3 };
        let units = vec![full_unit(), Unit::default()];
        Frame { id, log: 4, wall: Wall(5), previous: Digest([6; 32]), units }
    }

    #[test]
    fn a_frame_reads_back_and_tells_its_length() {
        let bytes = frame().encode();
        assert_eq!(Frame::length(&bytes), Ok(bytes.len()));
        let mut tail = bytes.clone();
        tail.extend_from_slice(b"more");
        assert_eq!(Frame::decode(&tail), Ok(frame()));
    }

    #[test]
    fn every_cut_is_torn_and_every_flipped_bit_is_found() {
        let bytes = frame().encode();
        for cut in 0..bytes.len() {
            assert!(matches!(Frame::decode(&bytes[..cut]), Err(FrameError::Torn { .. })), "{cut}");
        }
        for at in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[at / 8] ^= 1 << (at % 8);
            assert!(Frame::decode(&bad).is_err(), "bit {at}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_its_number() {
        let mut bytes = frame().encode();
        bytes[8] = 2;
        assert_eq!(Frame::decode(&bytes), Err(FrameError::Newer(2)));
    }

    proptest! {
        #[test]
        fn the_checksum_is_the_same_with_and_without_the_instruction(
            bytes in prop::collection::vec(any::<u8>(), 0..40_000),
            from in 0_usize..9,
        ) {
            let bytes = &bytes[from.min(bytes.len())..];
            prop_assert_eq!(crc32c(bytes), CRC32C.checksum(bytes));
        }

        #[test]
        fn foreign_bytes_never_panic(noise in prop::collection::vec(any::<u8>(), 0..300), at in 0..400_usize) {
            let mut bytes = frame().encode();
            let end = bytes.len();
            for (i, byte) in noise.iter().enumerate() {
                if let Some(slot) = bytes.get_mut((at + i) % end) { *slot = *byte; }
            }
            let _ = Frame::decode(&noise);
            let sum = CRC32C.checksum(&bytes[..end - 4]).to_le_bytes();
            bytes[end - 4..].copy_from_slice(&sum);
            let _ = Frame::decode(&bytes);
        }
    }
}
