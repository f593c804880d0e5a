//! The canonical binary form: little-endian fixed-width integers and byte strings with their
//! length, written by [`Writer`] and read, bounds-checked, by [`Reader`].

use super::{Text, Wall};
use alloc::vec::Vec;

/// The input ended, or a length or value in it was out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("input ends or is out of range at byte {at}")]
pub struct ShortInput {
    /// Byte offset, from the start of the reader's input, of the field that could not be read.
    pub at: usize,
}

/// Reads the canonical form; never panics, whatever the bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Whether all was read.
    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// The error for the present position.
    pub fn fail<T>(&self) -> Result<T, ShortInput> {
        Err(ShortInput { at: self.at })
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], ShortInput> {
        let end = self.at.checked_add(len).ok_or(ShortInput { at: self.at })?;
        let taken = self.bytes.get(self.at..end).ok_or(ShortInput { at: self.at })?;
        self.at = end;
        Ok(taken)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ShortInput> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, ShortInput> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> Result<u16, ShortInput> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> Result<u32, ShortInput> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> Result<u64, ShortInput> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Eight bytes, little-endian, two's complement.
    pub fn i64(&mut self) -> Result<i64, ShortInput> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// One byte that is 0 or 1.
    pub fn bool(&mut self) -> Result<bool, ShortInput> {
        let at = self.at;
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ShortInput { at }),
        }
    }

    /// A byte string after its length (4 bytes, little-endian).
    pub fn bytes(&mut self) -> Result<&'a [u8], ShortInput> {
        let at = self.at;
        let len = self.u32()? as usize;
        self.take(len).map_err(|_| ShortInput { at })
    }

    /// A [`Text`] after its length (2 bytes, little-endian).
    pub fn text(&mut self) -> Result<Text, ShortInput> {
        let at = self.at;
        let len = usize::from(self.u16()?);
        let bytes = self.take(len)?;
        let text = core::str::from_utf8(bytes).map_err(|_| ShortInput { at })?;
        Text::new(text).map_err(|_| ShortInput { at })
    }

    /// A [`Text`] that may be absent: length 0 means none.
    pub fn text_opt(&mut self) -> Result<Option<Text>, ShortInput> {
        if self.rest().starts_with(&[0, 0]) {
            self.u16()?;
            return Ok(None);
        }
        self.text().map(Some)
    }

    /// A wall-clock time.
    pub fn wall(&mut self) -> Result<Wall, ShortInput> {
        self.i64().map(Wall)
    }
}

/// Writes the canonical form at the end of a buffer.
#[derive(Debug)]
pub struct Writer<'a>(&'a mut Vec<u8>);

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self(out)
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.raw(&[value])
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// Eight bytes, little-endian, two's complement.
    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// One byte, 0 or 1.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(u8::from(value))
    }

    /// A byte string after its length (4 bytes).
    ///
    /// # Panics
    /// If it is longer than 4 GiB, which no caller builds.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let len = u32::try_from(bytes.len()).expect("a field is far below 4 GiB");
        self.u32(len).raw(bytes)
    }

    /// What `write` writes, after its length (4 bytes).
    pub(crate) fn sized(&mut self, write: impl FnOnce(&mut Writer<'_>)) -> &mut Self {
        let start = self.u32(0).0.len();
        write(&mut Writer(self.0));
        let len = u32::try_from(self.0.len() - start).expect("a field is far below 4 GiB");
        self.0[start - 4..start].copy_from_slice(&len.to_le_bytes());
        self
    }

    /// A [`Text`] after its length (2 bytes).
    pub fn text(&mut self, text: &Text) -> &mut Self {
        let len = u16::try_from(text.len()).expect("a text is at most 128 bytes");
        self.u16(len).raw(text.as_bytes())
    }

    /// A [`Text`] or nothing.
    pub fn text_opt(&mut self, text: Option<&Text>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.u16(0),
        }
    }

    /// A wall-clock time.
    pub fn wall(&mut self, time: Wall) -> &mut Self {
        self.i64(time.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut out = Vec::new();
        let name = Text::new("till").unwrap();
        Writer::new(&mut out).u8(1).u16(2).u32(3).u64(4).i64(-5).bool(true).bytes(b"six");
        Writer::new(&mut out).text(&name).text_opt(None).text_opt(Some(&name));
        let mut r = Reader::new(&out);
        assert_eq!((r.u8(), r.u16(), r.u32(), r.u64()), (Ok(1), Ok(2), Ok(3), Ok(4)));
        assert_eq!((r.i64(), r.bool(), r.bytes()), (Ok(-5), Ok(true), Ok(&b"six"[..])));
        assert_eq!(r.text(), Ok(name.clone()));
        assert_eq!((r.text_opt(), r.text_opt()), (Ok(None), Ok(Some(name))));
        assert!(r.is_empty());
        assert_eq!(r.u8(), Err(ShortInput { at: out.len() }));
    }

    #[test]
    fn a_length_beyond_the_input_is_an_error_at_its_field() {
        assert_eq!(Reader::new(&[255, 255, 255, 255, 0]).bytes(), Err(ShortInput { at: 0 }));
    }
}
