//! BER-TLV (ISO/IEC 8825-1) as EMV uses it: tags of one to three bytes, definite lengths.

use super::consumer::ConsumerQrError;
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// A tag, by its bytes as one number: `9F26` is 0x9F26.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

impl Tag {
    /// Payload format indicator.
    pub const FORMAT: Self = Self(0x85);
    /// Application template.
    pub const APPLICATION: Self = Self(0x61);
    /// Common data template.
    pub const COMMON: Self = Self(0x62);
    /// Application-specific transparent template.
    pub const APPLICATION_TRANSPARENT: Self = Self(0x63);
    /// Common data transparent template.
    pub const COMMON_TRANSPARENT: Self = Self(0x64);
    /// Application identifier (AID, ADF name).
    pub const AID: Self = Self(0x4F);
    /// Application label.
    pub const LABEL: Self = Self(0x50);
    /// Track 2 equivalent data.
    pub const TRACK2: Self = Self(0x57);
    /// Card number (PAN).
    pub const PAN: Self = Self(0x5A);
    /// Cardholder name.
    pub const CARDHOLDER: Self = Self(0x5F20);
    /// Preferred languages.
    pub const LANGUAGE: Self = Self(0x5F2D);
    /// Issuer application data.
    pub const ISSUER_DATA: Self = Self(0x9F10);
    /// Application cryptogram.
    pub const CRYPTOGRAM: Self = Self(0x9F26);
    /// Application transaction counter (ATC).
    pub const COUNTER: Self = Self(0x9F36);
    /// Unpredictable number.
    pub const UNPREDICTABLE: Self = Self(0x9F37);

    /// The tag with these bytes; `None` unless they are one tag of one to three bytes.
    pub fn new(number: u32) -> Option<Self> {
        let bytes = number.to_be_bytes();
        let skip = bytes.iter().take_while(|&&byte| byte == 0).count();
        let bytes = bytes.get(skip..)?;
        read_tag(bytes).filter(|(_, len)| *len == bytes.len()).map(|(tag, _)| tag)
    }

    /// The bytes as one number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Whether the value is data objects again.
    pub fn is_constructed(self) -> bool {
        self.bytes().first().is_some_and(|byte| byte & 0x20 != 0)
    }

    fn bytes(self) -> Vec<u8> {
        self.0.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A data object: tag, value, place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag.
    pub tag: Tag,
    /// The value.
    pub value: &'a [u8],
    /// Byte offset of the tag in the decoded data.
    pub at: usize,
    /// Byte offset of the value in the decoded data.
    pub value_at: usize,
}

impl<'a> Tlv<'a> {
    /// The data objects of a template.
    pub fn objects(&self) -> Tlvs<'a> {
        Tlvs::new(self.value, self.value_at)
    }

    /// The value of an object in this template.
    pub fn get(&self, tag: Tag) -> Option<&'a [u8]> {
        self.objects().flatten().find(|object| object.tag == tag).map(|object| object.value)
    }
}

impl fmt::Debug for Tlv<'_> {
    /// Without the value, which may be a card number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.tag, self.value.len())
    }
}

/// Data objects one after the other; ends after the first error.
#[derive(Clone)]
pub struct Tlvs<'a> {
    bytes: &'a [u8],
    base: usize,
    at: usize,
}

impl<'a> Tlvs<'a> {
    pub(super) const fn new(bytes: &'a [u8], base: usize) -> Self {
        Self { bytes, base, at: 0 }
    }

    fn read(&self) -> Result<(Tlv<'a>, usize), ConsumerQrError> {
        let at = self.base + self.at;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (tag, tag_len) = read_tag(rest).ok_or(ConsumerQrError::Tag { at })?;
        let after = rest.get(tag_len..).unwrap_or_default();
        let (len, len_len) = read_length(after).ok_or(ConsumerQrError::Length { at: at + tag_len })?;
        let head = tag_len + len_len;
        let value = rest.get(head..).and_then(|rest| rest.get(..len));
        let value = value.ok_or(ConsumerQrError::Length { at: at + tag_len })?;
        Ok((Tlv { tag, value, at, value_at: at + head }, self.at + head + len))
    }
}

impl fmt::Debug for Tlvs<'_> {
    /// Without the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<Tlv<'a>, ConsumerQrError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        match self.read() {
            Ok((object, next)) => {
                self.at = next;
                Some(Ok(object))
            }
            Err(error) => {
                self.at = self.bytes.len();
                Some(Err(error))
            }
        }
    }
}

fn read_tag(bytes: &[u8]) -> Option<(Tag, usize)> {
    match *bytes {
        [first, ..] if first != 0 && first & 0x1F != 0x1F => Some((Tag(u32::from(first)), 1)),
        [first, second, ..] if first & 0x1F == 0x1F && second < 0x80 => {
            Some((Tag(u32::from_be_bytes([0, 0, first, second])), 2))
        }
        [first, second, third, ..] if first & 0x1F == 0x1F && third < 0x80 => {
            Some((Tag(u32::from_be_bytes([0, first, second, third])), 3))
        }
        _ => None,
    }
}

fn read_length(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes {
        [short, ..] if short < 0x80 => Some((usize::from(short), 1)),
        [0x81, len, ..] => Some((usize::from(len), 2)),
        [0x82, high, low, ..] => Some((usize::from(u16::from_be_bytes([high, low])), 3)),
        _ => None,
    }
}

/// Writes data objects; the bytes are zeroised when it is dropped.
#[derive(Clone)]
pub struct TlvWriter(Zeroizing<Vec<u8>>);

impl TlvWriter {
    /// An empty sequence.
    pub fn new() -> Self {
        // Room for the largest code, so that no copy stays behind when it grows.
        Self(Zeroizing::new(Vec::with_capacity(1_024)))
    }

    /// Adds an object.
    ///
    /// # Panics
    /// If the value is longer than 65,535 bytes, far beyond what a QR code holds.
    #[must_use]
    pub fn object(mut self, tag: Tag, value: &[u8]) -> Self {
        self.0.extend(tag.bytes());
        let len = u16::try_from(value.len()).expect("a data object fits into a QR code");
        match len.to_be_bytes() {
            [0, short] if short < 0x80 => self.0.push(short),
            [0, long] => self.0.extend([0x81, long]),
            [high, low] => self.0.extend([0x82, high, low]),
        }
        self.0.extend_from_slice(value);
        self
    }

    /// Adds a template.
    #[must_use]
    pub fn template(self, tag: Tag, template: &Self) -> Self {
        self.object(tag, &template.0)
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Default for TlvWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TlvWriter {
    /// Without the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Tlvs::new(&self.0, 0).fmt(f)
    }
}
