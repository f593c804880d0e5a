//! Where a redemption's records lie: they are written once, in the frames, and found there again.

use super::fault::Fault;
use crate::base::Reader;
use crate::record::{Batch, HEADER_LEN, Unit};
use std::vec::Vec;

/// A piece of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) log: u32,
    pub(super) sequence: u64,
    pub(super) offset: u32,
    pub(super) length: u32,
}

impl Part {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let Self { log, sequence, offset, length } = self;
        crate::base::Writer::new(out).u32(log).u64(sequence).u32(offset).u32(length);
    }

    pub(super) fn read_all(bytes: &[u8]) -> Result<Vec<Self>, Fault> {
        let mut r = Reader::new(bytes);
        let mut parts = Vec::with_capacity(bytes.len() / 20);
        while !r.is_empty() {
            let part = (|| {
                let (log, sequence) = (r.u32()?, r.u64()?);
                Ok(Self { log, sequence, offset: r.u32()?, length: r.u32()? })
            })();
            parts
                .push(part.map_err(|_: crate::base::ShortInput| Fault::corrupt("where records lie is cut"))?);
        }
        Ok(parts)
    }
}

/// Where the records of each unit lie in the batch's frame: at the end of the unit, which follows
/// its length (4 bytes); the units follow the frame's header.
pub(super) fn of(batch: &Batch) -> Vec<Part> {
    let (log, sequence) = (batch.frame().log, batch.id().sequence);
    let mut end = HEADER_LEN;
    let place = |unit: &Unit| {
        let length = batch.bytes().get(end..end + 4).and_then(|bytes| bytes.try_into().ok());
        end += 4 + u32::from_le_bytes(length.expect("a frame holds its units")) as usize;
        let length = unit.records.as_bytes().len();
        let number = |n: usize| u32::try_from(n).expect("a frame is far below 4 GiB");
        Part { log, sequence, offset: number(end - length), length: number(length) }
    };
    batch.units().iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{BatchId, Digest, Wall};
    use crate::record::{Frame, Record};
    use std::vec;

    #[test]
    fn a_units_records_are_found_in_its_frame() {
        let record = |kind: u16| Record { kind, version: 1, body: &[7; 27][..usize::from(kind) * 9] };
        let unit = |kinds: &[u16]| Unit {
            summary: vec![1; kinds.len() * 5],
            records: kinds.iter().map(|kind| record(*kind)).collect(),
            ..Unit::default()
        };
        let units = vec![unit(&[1, 2]), unit(&[]), unit(&[3])];
        let id = BatchId { epoch: 1, sequence: 9 };
        let frame = Frame { id, log: 4, wall: Wall(0), previous: Digest::default(), units };
        let batch = Batch::new(frame, vec![]);
        for (unit, part) in batch.units().iter().zip(of(&batch)) {
            let (start, length) = (part.offset as usize, part.length as usize);
            let found = Record::decode_all(&batch.bytes()[start..start + length]).unwrap();
            assert!(unit.records.iter().eq(found));
            let mut bytes = Vec::new();
            part.write(&mut bytes);
            assert_eq!(Part::read_all(&bytes).unwrap(), [part]);
        }
    }
}
