//! Records: the steps of redemptions as they are kept.

use crate::base::{Reader, RedemptionId, ShortInput, Writer};
use alloc::vec::Vec;
use core::fmt;

/// One step of a redemption as it is kept: its body belongs to the machine that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Which step; numbers are never reused.
    pub kind: u16,
    /// Version of the body's form.
    pub version: u8,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Record<'a> {
    /// The bytes whose hash is the record's leaf in the audit log: redemption (16), place among
    /// its records from 0 (4), then the record as frames hold it.
    pub fn leaf_bytes(&self, redemption: RedemptionId, place: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + self.body.len());
        self.append_leaf(redemption, place, &mut out);
        out
    }

    /// Appends [`Record::leaf_bytes`].
    pub fn append_leaf(&self, redemption: RedemptionId, place: u32, out: &mut Vec<u8>) {
        Writer::new(out).raw(&redemption.0).u32(place);
        self.encode(out);
    }

    /// Appends the record as frames hold it: kind (2), version (1), body with length (4 + n).
    pub fn encode(&self, out: &mut Vec<u8>) {
        Writer::new(out).u16(self.kind).u8(self.version).bytes(self.body);
    }

    /// Reads what [`Record::encode`] wrote.
    ///
    /// # Errors
    /// [`ShortInput`] where the bytes end.
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, ShortInput> {
        Ok(Self { kind: r.u16()?, version: r.u8()?, body: r.bytes()? })
    }

    /// Reads records up to the end of the input.
    ///
    /// # Errors
    /// [`ShortInput`] where the bytes end inside a record.
    pub fn decode_all(bytes: &'a [u8]) -> Result<Vec<Self>, ShortInput> {
        let mut r = Reader::new(bytes);
        let mut records = Vec::new();
        while !r.is_empty() {
            records.push(Self::decode(&mut r)?);
        }
        Ok(records)
    }
}

/// Records one after the other, in one buffer.
///
/// ```
/// use scrip::record::{Record, Records};
///
/// let record = Record { kind: 1, version: 1, body: b"claimed" };
/// let records = Records::from([record, Record { kind: 2, ..record }]);
/// assert_eq!(records.len(), 2);
/// assert_eq!(records.iter().next(), Some(record));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// As [`Record::encode`] writes them.
    bytes: Vec<u8>,
    count: u16,
}

impl Records {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet, and room for so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), count: 0 }
    }

    /// How many there are, at most 65,535.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The records as frames hold them, one after the other.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The records, in order.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        let mut r = Reader::new(&self.bytes);
        (0..self.count).map(move |_| Record::decode(&mut r).expect("it was written here"))
    }

    /// Puts a record behind the others.
    ///
    /// # Panics
    /// If there are 65,535 already, which no caller builds.
    pub fn push(&mut self, record: Record<'_>) {
        record.encode(&mut self.bytes);
        self.counted();
    }

    /// Puts a record behind the others whose body `write` writes.
    pub(crate) fn write(&mut self, kind: u16, version: u8, write: impl FnOnce(&mut Writer<'_>)) {
        let w = &mut Writer::new(&mut self.bytes);
        w.u16(kind).u8(version).sized(write);
        self.counted();
    }

    fn counted(&mut self) {
        self.count = self.count.checked_add(1).expect("a unit holds few records");
    }

    /// Puts these behind the others.
    pub(crate) fn append(&mut self, more: &Self) {
        self.bytes.extend_from_slice(&more.bytes);
        self.count = self.count.checked_add(more.count).expect("a unit holds few records");
    }

    /// Forgets the records and keeps the buffer.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// How many bytes the buffer holds without growing.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends how many there are (2), then the records.
    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        w.u16(self.count).raw(&self.bytes);
    }

    /// Reads what [`Records::encode`] wrote.
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        let count = r.u16()?;
        let (start, from) = (r.rest(), r.position());
        for _ in 0..count {
            Record::decode(r)?;
        }
        Ok(Self { bytes: start[..r.position() - from].to_vec(), count })
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Extend<Record<'a>> for Records {
    fn extend<I: IntoIterator<Item = Record<'a>>>(&mut self, records: I) {
        records.into_iter().for_each(|record| self.push(record));
    }
}

impl<'a> FromIterator<Record<'a>> for Records {
    fn from_iter<I: IntoIterator<Item = Record<'a>>>(records: I) -> Self {
        let mut all = Self::new();
        all.extend(records);
        all
    }
}

impl<'a, const N: usize> From<[Record<'a>; N]> for Records {
    fn from(records: [Record<'a>; N]) -> Self {
        records.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_their_order_however_they_were_put_in() {
        let record = |kind, body| Record { kind, version: 1, body };
        let all = [record(1, &b"first"[..]), record(2, b""), record(3, b"third")];
        let mut written = Records::new();
        for one in all {
            written.write(one.kind, one.version, |w| {
                w.raw(one.body);
            });
        }
        assert_eq!(written, Records::from(all));
        assert!(written.iter().eq(all) && written.len() == 3);
        assert_eq!(Record::decode_all(written.as_bytes()).unwrap(), all);
        written.clear();
        assert_eq!(written, Records::new());
    }

    #[test]
    fn more_records_than_there_are_bytes_are_an_error() {
        let mut bytes = Vec::new();
        Records::from([Record { kind: 1, version: 1, body: b"body" }]).encode(&mut Writer::new(&mut bytes));
        let mut r = Reader::new(&bytes);
        assert!(Records::decode(&mut r).is_ok() && r.is_empty());
        bytes[0] = 2;
        assert_eq!(Records::decode(&mut Reader::new(&bytes)), Err(ShortInput { at: bytes.len() }));
    }
}
