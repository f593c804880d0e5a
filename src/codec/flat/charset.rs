//! The two encodings of flat files.

use alloc::string::String;
use alloc::vec::Vec;

/// How characters are written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// GB18030 (国标), which GBK and GB 2312 are parts of. Feature `gb18030`. As the Encoding
    /// Standard has it: what is written is the table of 2005 with the assignments to Unicode of
    /// 2022, and the single byte 0x80 reads as the euro sign.
    #[cfg(feature = "gb18030")]
    Gb18030,
}

impl Charset {
    /// `utf-8`, and `gb18030` with the feature of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "utf-8" => Some(Self::Utf8),
            #[cfg(feature = "gb18030")]
            "gb18030" => Some(Self::Gb18030),
            _ => None,
        }
    }

    /// Appends the text that `bytes` are. `None` for bytes that are none in this encoding; `out`
    /// may have grown then.
    pub fn read(self, bytes: &[u8], out: &mut String) -> Option<()> {
        match self {
            Self::Utf8 => out.push_str(core::str::from_utf8(bytes).ok()?),
            #[cfg(feature = "gb18030")]
            Self::Gb18030 => match bytes.is_ascii() {
                true => out.push_str(core::str::from_utf8(bytes).ok()?),
                false => gb18030::read(bytes, out)?,
            },
        }
        Some(())
    }

    /// Appends the bytes of `text`. `None` for a character that this encoding does not have; `out`
    /// may have grown then.
    pub fn write(self, text: &str, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Utf8 => out.extend_from_slice(text.as_bytes()),
            #[cfg(feature = "gb18030")]
            Self::Gb18030 => match text.is_ascii() {
                true => out.extend_from_slice(text.as_bytes()),
                false => gb18030::write(text, out)?,
            },
        }
        Some(())
    }

    /// The most bytes that a text of so many bytes of UTF-8 takes.
    pub const fn most(self, utf8_len: usize) -> usize {
        match self {
            Self::Utf8 => utf8_len,
            // Two bytes of UTF-8 may become four.
            #[cfg(feature = "gb18030")]
            Self::Gb18030 => utf8_len.saturating_mul(2),
        }
    }
}

#[cfg(feature = "gb18030")]
mod gb18030 {
    use alloc::string::String;
    use alloc::vec::Vec;
    use encoding_rs::{DecoderResult, EncoderResult, GB18030};

    pub(super) fn read(bytes: &[u8], out: &mut String) -> Option<()> {
        let mut decoder = GB18030.new_decoder_without_bom_handling();
        out.reserve(decoder.max_utf8_buffer_length_without_replacement(bytes.len())?);
        let (result, _) = decoder.decode_to_string_without_replacement(bytes, out, true);
        (result == DecoderResult::InputEmpty).then_some(())
    }

    pub(super) fn write(text: &str, out: &mut Vec<u8>) -> Option<()> {
        let mut encoder = GB18030.new_encoder();
        out.reserve(encoder.max_buffer_length_from_utf8_without_replacement(text.len())?);
        let (result, _) = encoder.encode_from_utf8_to_vec_without_replacement(text, out, true);
        (result == EncoderResult::InputEmpty).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(charset: Charset, bytes: &[u8]) -> Option<String> {
        let mut out = String::new();
        charset.read(bytes, &mut out).map(|()| out)
    }

    fn written(charset: Charset, text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        charset.write(text, &mut out).map(|()| out)
    }

    #[test]
    fn names_are_known_and_broken_utf8_is_refused() {
        assert_eq!(Charset::from_name("utf-8"), Some(Charset::Utf8));
        assert_eq!(Charset::from_name("gbk"), None);
        assert_eq!(read(Charset::Utf8, b"\xe5\x8d"), None);
    }

    #[cfg(feature = "gb18030")]
    #[test]
    fn a_trail_byte_that_looks_like_a_delimiter_is_part_of_its_character() {
        // 0x7C is `|`, 0x5C a backslash; the bytes of a character of four hold digits.
        for bytes in [&b"\x81\x7c"[..], b"\xb0\x7c", b"\xd5\x7c", b"\x81\x5c", b"\x81\x30\x84\x36"] {
            let text = read(Charset::Gb18030, bytes).unwrap();
            assert_eq!(text.chars().count(), 1, "{bytes:x?}");
            assert_eq!(written(Charset::Gb18030, &text).as_deref(), Some(bytes));
        }
        for bytes in [&b"\x81"[..], b"\x81\x0a", b"\xff\x41", b"\x81\x30\x81"] {
            assert_eq!(read(Charset::Gb18030, bytes), None, "{bytes:x?}");
        }
        assert_eq!(written(Charset::Gb18030, "a\u{e5e5}"), None, "no character of the standard");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(text in "\\PC{0,40}") {
            for charset in ["utf-8", "gb18030"].into_iter().filter_map(Charset::from_name) {
                if let Some(bytes) = written(charset, &text) {
                    prop_assert!(bytes.len() <= charset.most(text.len()));
                    prop_assert_eq!(read(charset, &bytes), Some(text.clone()));
                }
            }
        }
    }
}
