//! Consumer-presented QR codes (EMVCo QR Code Specification for Payment Systems,
//! Consumer-Presented Mode): BER-TLV in base64.

use super::tlv::{Tag, Tlv, TlvWriter, Tlvs};
use crate::base::{Advice, Code, block};
use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding as _};
use core::fmt;
use zeroize::Zeroizing;

/// The value of the payload format indicator.
const FORMAT: &[u8] = b"CPV01";

/// What is wrong with a consumer-presented code, and where. Places are byte offsets in the
/// decoded data, except that of [`ConsumerQrError::Base64`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerQrError {
    /// Longer than [`ConsumerQr::MAX_BYTES`].
    #[error("longer than {} bytes", ConsumerQr::MAX_BYTES)]
    TooLong,
    /// No base64 with padding.
    #[error("expected base64 (byte {at})")]
    Base64 {
        /// Byte offset in the text of the first character that does not belong, or its length.
        at: usize,
    },
    /// No tag.
    #[error("expected a tag (byte {at})")]
    Tag {
        /// Byte offset.
        at: usize,
    },
    /// No definite length, or one beyond the data.
    #[error("expected a length within the data (byte {at})")]
    Length {
        /// Byte offset.
        at: usize,
    },
    /// Does not begin with tag 85 of value `CPV01`.
    #[error("expected the payload format CPV01 at the start")]
    Format,
    /// A data object is missing from its template.
    #[error("data object {tag} is missing (byte {at})")]
    Missing {
        /// Its tag.
        tag: Tag,
        /// Byte offset where its template ends.
        at: usize,
    },
    /// A data object is there twice in its template.
    #[error("data object {tag} is there twice (byte {at})")]
    Twice {
        /// Its tag.
        tag: Tag,
        /// Byte offset of the second.
        at: usize,
    },
    /// A data object's value has another length or form than the specification asks for.
    #[error("data object {tag} has a value of another form (byte {at})")]
    Value {
        /// Its tag.
        tag: Tag,
        /// Byte offset of the value.
        at: usize,
    },
}

impl ConsumerQrError {
    /// The stable number, 3,220 to 3,239.
    pub const fn code(&self) -> Code {
        let case = match self {
            Self::TooLong => 220,
            Self::Base64 { .. } => 221,
            Self::Tag { .. } => 222,
            Self::Length { .. } => 223,
            Self::Format => 224,
            Self::Missing { .. } => 225,
            Self::Twice { .. } => 226,
            Self::Value { .. } => 227,
        };
        Code::new(block::CODEC, case)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }

    /// Where it went wrong.
    pub const fn at(&self) -> usize {
        match self {
            Self::TooLong => ConsumerQr::MAX_BYTES,
            Self::Format => 0,
            Self::Base64 { at }
            | Self::Tag { at }
            | Self::Length { at }
            | Self::Missing { at, .. }
            | Self::Twice { at, .. }
            | Self::Value { at, .. } => *at,
        }
    }

    /// The same at another place: for data that are part of something longer.
    #[must_use]
    pub const fn moved_to(self, at: usize) -> Self {
        match self {
            Self::TooLong | Self::Format => self,
            Self::Base64 { .. } => Self::Base64 { at },
            Self::Tag { .. } => Self::Tag { at },
            Self::Length { .. } => Self::Length { at },
            Self::Missing { tag, .. } => Self::Missing { tag, at },
            Self::Twice { tag, .. } => Self::Twice { tag, at },
            Self::Value { tag, .. } => Self::Value { tag, at },
        }
    }
}

/// A consumer-presented code that was read and checked. The decoded bytes, a card number among
/// them, are zeroised when it is dropped.
///
/// ```
/// use scrip::codec::emv::{ConsumerQr, Tag};
/// let code = ConsumerQr::parse("hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWgg\
///     SNFZ4kBI0WF8gDkNBUkRIT0xERVIvRU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw==")?;
/// let labels: Vec<_> = code.applications().filter_map(|application| application.get(Tag::LABEL)).collect();
/// assert_eq!(labels, [b"Product1", b"Product2"]);
/// # Ok::<(), scrip::codec::emv::ConsumerQrError>(())
/// ```
#[derive(Clone)]
pub struct ConsumerQr(Zeroizing<Vec<u8>>);

impl ConsumerQr {
    /// The longest code in bytes of base64; the specification asks for at most 512.
    pub const MAX_BYTES: usize = 1_024;

    /// Reads a code and checks it: format first, at least one application template with an AID
    /// of 5 to 16 bytes, at most one common data template, every object whole and there once in
    /// its template.
    ///
    /// # Errors
    /// [`ConsumerQrError`] with the place.
    pub fn parse(text: &str) -> Result<Self, ConsumerQrError> {
        if text.len() > Self::MAX_BYTES {
            return Err(ConsumerQrError::TooLong);
        }
        let bytes = Base64::decode_vec(text).map_err(|_| ConsumerQrError::Base64 { at: not_base64(text) })?;
        let code = Self(Zeroizing::new(bytes));
        code.check()?;
        Ok(code)
    }

    /// The data objects at the top, in order.
    pub fn objects(&self) -> Tlvs<'_> {
        Tlvs::new(&self.0, 0)
    }

    /// The application templates (61), in the consumer's order of preference.
    pub fn applications(&self) -> impl Iterator<Item = Tlv<'_>> {
        self.objects().flatten().filter(|object| object.tag == Tag::APPLICATION)
    }

    /// The common data template (62).
    pub fn common(&self) -> Option<Tlv<'_>> {
        self.objects().flatten().find(|object| object.tag == Tag::COMMON)
    }

    fn check(&self) -> Result<(), ConsumerQrError> {
        let mut objects = self.objects();
        match objects.next() {
            Some(Ok(Tlv { tag: Tag::FORMAT, value: FORMAT, .. })) => {}
            Some(Err(error)) => return Err(error),
            _ => return Err(ConsumerQrError::Format),
        }
        let mut seen: Vec<Tag> = alloc::vec![Tag::FORMAT];
        for object in objects {
            let object = object?;
            if object.tag != Tag::APPLICATION {
                once(&mut seen, &object)?;
            }
            check_template(&object, 0)?;
            if object.tag == Tag::APPLICATION {
                check_application(&object)?;
            }
        }
        match self.applications().next() {
            Some(_) => Ok(()),
            None => Err(ConsumerQrError::Missing { tag: Tag::APPLICATION, at: self.0.len() }),
        }
    }
}

impl fmt::Debug for ConsumerQr {
    /// Tags and lengths, without the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.objects().fmt(f)
    }
}

/// Templates hold templates at most this deep.
const MAX_DEPTH: usize = 4;

fn check_template(template: &Tlv<'_>, depth: usize) -> Result<(), ConsumerQrError> {
    if !template.tag.is_constructed() {
        return Ok(());
    }
    if depth >= MAX_DEPTH {
        return Err(ConsumerQrError::Value { tag: template.tag, at: template.value_at });
    }
    let mut seen = Vec::new();
    for object in template.objects() {
        let object = object?;
        once(&mut seen, &object)?;
        check_template(&object, depth + 1)?;
    }
    Ok(())
}

fn once(seen: &mut Vec<Tag>, object: &Tlv<'_>) -> Result<(), ConsumerQrError> {
    if seen.contains(&object.tag) {
        return Err(ConsumerQrError::Twice { tag: object.tag, at: object.at });
    }
    seen.push(object.tag);
    Ok(())
}

fn check_application(application: &Tlv<'_>) -> Result<(), ConsumerQrError> {
    let end = application.value_at + application.value.len();
    let aid = application.objects().flatten().find(|object| object.tag == Tag::AID);
    let aid = aid.ok_or(ConsumerQrError::Missing { tag: Tag::AID, at: end })?;
    if (5..=16).contains(&aid.value.len()) {
        Ok(())
    } else {
        Err(ConsumerQrError::Value { tag: Tag::AID, at: aid.value_at })
    }
}

/// The first character that does not belong into base64, or the length.
fn not_base64(text: &str) -> usize {
    let body = text.trim_end_matches('=').len();
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.bytes().take(body).position(|byte| !belongs(byte)).unwrap_or(text.len())
}

/// Writes a consumer-presented code.
///
/// ```
/// use scrip::codec::emv::{ConsumerQr, ConsumerQrWriter, Tag, TlvWriter};
/// let application = TlvWriter::new().object(Tag::AID, b"\xA0\0\0\0\x55\x55\x55").object(Tag::LABEL, b"Product1");
/// let text = ConsumerQrWriter::new().application(&application).finish()?;
/// assert_eq!(ConsumerQr::parse(&text)?.applications().count(), 1);
/// # Ok::<(), scrip::codec::emv::ConsumerQrError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConsumerQrWriter(TlvWriter);

impl ConsumerQrWriter {
    /// A code with its format indicator.
    pub fn new() -> Self {
        Self(TlvWriter::new().object(Tag::FORMAT, FORMAT))
    }

    /// Adds an application template; the first is preferred.
    #[must_use]
    pub fn application(self, objects: &TlvWriter) -> Self {
        Self(self.0.template(Tag::APPLICATION, objects))
    }

    /// Adds the common data template.
    #[must_use]
    pub fn common(self, objects: &TlvWriter) -> Self {
        Self(self.0.template(Tag::COMMON, objects))
    }

    /// Checks the whole as [`ConsumerQr::parse`] does and writes it in base64.
    ///
    /// # Errors
    /// [`ConsumerQrError`] with the place in what was written.
    pub fn finish(self) -> Result<String, ConsumerQrError> {
        let text = Base64::encode_string(self.0.as_bytes());
        ConsumerQr::parse(&text)?;
        Ok(text)
    }
}

impl Default for ConsumerQrWriter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The sample of the specification.
    const SAMPLE: &str = "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUk\
        RIT0xERVIvRU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw==";

    fn coded(bytes: &[u8]) -> Result<ConsumerQr, ConsumerQrError> {
        ConsumerQr::parse(&Base64::encode_string(bytes))
    }

    fn failed(bytes: &[u8]) -> ConsumerQrError {
        coded(bytes).map(|_| ()).expect_err("is broken")
    }

    #[test]
    fn the_sample_of_the_specification_is_read() {
        let code = ConsumerQr::parse(SAMPLE).unwrap();
        assert_eq!(code.0.len(), 124);
        assert_eq!(code.0[..10], [0x85, 5, b'C', b'P', b'V', b'0', b'1', 0x61, 0x13, 0x4F]);
        assert_eq!(code.applications().count(), 2);
        let common = code.common().unwrap();
        assert_eq!(common.get(Tag::PAN), Some(&[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x58][..]));
        assert_eq!(common.get(Tag::COUNTER), None);
        assert!(!alloc::format!("{code:?}").contains("18, 52"));
    }

    #[test]
    fn what_is_read_is_written_the_same() {
        let code = ConsumerQr::parse(SAMPLE).unwrap();
        let copy = |template: &Tlv<'_>| {
            template
                .objects()
                .flatten()
                .fold(TlvWriter::new(), |w, object| w.object(object.tag, object.value))
        };
        let mut writer = ConsumerQrWriter::new();
        for application in code.applications() {
            writer = writer.application(&copy(&application));
        }
        assert_eq!(writer.common(&copy(&code.common().unwrap())).finish().as_deref(), Ok(SAMPLE));
    }

    #[test]
    fn what_is_broken_is_told_with_its_place() {
        use ConsumerQrError::{Base64, Format, Length, Missing, Tag as NoTag, TooLong, Twice, Value};
        let format = b"\x85\x05CPV01";
        let with = |more: &[u8]| failed(&[&format[..], more].concat());
        assert_eq!(ConsumerQr::parse("hQVD*FYw").map(|_| ()), Err(Base64 { at: 4 }));
        assert_eq!(ConsumerQr::parse("hQVDU").map(|_| ()), Err(Base64 { at: 5 }));
        assert_eq!(ConsumerQr::parse(&"A".repeat(1_028)).map(|_| ()), Err(TooLong));
        assert_eq!(failed(b""), Format);
        assert_eq!(failed(b"\x85\x05CPV02"), Format);
        assert_eq!(failed(b"\x61\x00"), Format);
        assert_eq!(failed(b"\x85\x06CPV01"), Length { at: 1 });
        assert_eq!(with(b""), Missing { tag: Tag::APPLICATION, at: 7 });
        assert_eq!(with(b"\x00"), NoTag { at: 7 });
        assert_eq!(with(b"\x61\x80"), Length { at: 8 });
        assert_eq!(with(b"\x61\x00"), Missing { tag: Tag::AID, at: 9 });
        assert_eq!(with(b"\x61\x06\x4F\x041234"), Value { tag: Tag::AID, at: 11 });
        assert_eq!(with(b"\x61\x09\x4F\x0512345\x50\x05"), Length { at: 17 });
        assert_eq!(with(b"\x61\x0E\x4F\x0512345\x4F\x0512345"), Twice { tag: Tag::AID, at: 16 });
        assert_eq!(with(b"\x61\x07\x4F\x0512345\x62\x00\x62\x00"), Twice { tag: Tag::COMMON, at: 18 });
        assert_eq!(with(b"\x61\x0B\x4F\x0512345\x63\x02\x9F\x01"), Length { at: 20 });
        assert_eq!(with(b"\x85\x05CPV01"), Twice { tag: Tag::FORMAT, at: 7 });
    }

    #[test]
    fn tags_are_whole() {
        for number in [0x85, 0x9F26, 0x5F20, 0xDF_8101] {
            assert_eq!(Tag::new(number).map(Tag::number), Some(number));
        }
        for number in [0, 0x9F, 0x8526, 0xDF81, 0x0100_0085] {
            assert_eq!(Tag::new(number), None, "{number:X}");
        }
        assert!(Tag::APPLICATION.is_constructed() && !Tag::CRYPTOGRAM.is_constructed());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..3)) {
            let tags = [Tag::LABEL, Tag::TRACK2, Tag::CRYPTOGRAM];
            let mut template = TlvWriter::new().object(Tag::AID, b"12345");
            for (tag, value) in tags.into_iter().zip(&values) {
                template = template.object(tag, value);
            }
            let text = ConsumerQrWriter::new().application(&template).finish().unwrap();
            let code = ConsumerQr::parse(&text).unwrap();
            let application = code.applications().next().unwrap();
            for (tag, value) in tags.into_iter().zip(&values) {
                prop_assert_eq!(application.get(tag), Some(value.as_slice()));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = coded(&bytes);
            let _ = coded(&[b"\x85\x05CPV01\x61", &bytes[..]].concat());
        }

        #[test]
        fn no_text_panics(text in r"\PC{0,60}") {
            let _ = ConsumerQr::parse(&text);
        }
    }
}
