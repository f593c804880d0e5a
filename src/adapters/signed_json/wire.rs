//! The JSON texts themselves, strict: no unknown field, no field twice, integers only.

use crate::adapters::hex;
use crate::base::Text;
use crate::issuer::{OpKind, Reference};
use crate::money::{Amount, Currency};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Deref;
use serde::{Deserialize, Serialize};

/// The only version there is.
pub(super) const VERSION: u32 = 1;

/// A text that is borrowed where nothing in it is escaped: inside an `Option` a `Cow` by itself
/// would always be copied.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Str<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Str<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl Deref for Str<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) payload: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) sig: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request<'a> {
    pub(super) v: u32,
    #[serde(borrow, rename = "nonce")]
    pub(super) _nonce: Cow<'a, str>,
    #[serde(rename = "ts")]
    pub(super) _ts: i64,
    #[serde(borrow)]
    pub(super) ops: Vec<Op<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Op<'a> {
    #[serde(rename = "ref", borrow)]
    pub(super) reference: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) op: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) product: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(super) payee: Option<Str<'a>>,
    pub(super) amount_minor: i64,
    #[serde(borrow)]
    pub(super) currency: Cow<'a, str>,
    pub(super) attempt: u32,
    #[serde(borrow, default)]
    pub(super) card: Option<Str<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers<'a> {
    pub(super) v: u32,
    #[serde(borrow)]
    pub(super) answers: Vec<Line<'a>>,
}

/// One answer. What a status does not need is left out or ignored.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Line<'a> {
    #[serde(rename = "ref", borrow)]
    pub(super) reference: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) op: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) issuer_ref: Option<Str<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) amount_minor: Option<i64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<Str<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) card_tag: Option<Str<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) generation: Option<u32>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Str<'a>>,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub(super) file: bool,
}

/// One operation on its way out.
pub(super) struct Question<'a> {
    pub(super) kind: OpKind,
    pub(super) reference: Reference,
    pub(super) product: Option<&'a Text>,
    pub(super) payee: Option<&'a Text>,
    pub(super) amount: Amount,
    pub(super) attempt: u32,
    /// The sealed card.
    pub(super) card: Option<Vec<u8>>,
}

/// Appends a JSON string that holds `text`, which is UTF-8.
pub(super) fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let plain = plain(rest);
        if !plain.is_empty() {
            out.extend_from_slice(plain);
            rest = rest.get(plain.len()..).unwrap_or_default();
            continue;
        }
        rest = after;
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0c => b'f',
            b'\r' => b'r',
            _ => {
                out.extend_from_slice(br"\u00");
                hex::append(&[byte], out);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
}

/// What stands in a JSON string as it is, at the start of `text`.
pub(super) fn plain(text: &[u8]) -> &[u8] {
    let mut len = 0_usize;
    // Eight bytes at a time. The lowest bit that is set is the top bit of the first mark.
    while let Some(eight) = text.get(len..).and_then(<[u8]>::first_chunk::<8>) {
        let marks = marks(u64::from_le_bytes(*eight));
        if marks != 0 {
            len = len.saturating_add(marks.trailing_zeros() as usize / 8);
            return text.get(..len).unwrap_or_default();
        }
        len = len.saturating_add(8);
    }
    let rest = text.get(len..).unwrap_or_default();
    let mark = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    let plain = rest.iter().position(mark).unwrap_or(rest.len());
    text.get(..len.saturating_add(plain)).unwrap_or_default()
}

/// The top bits of those of eight bytes that are a quote, a backslash or a control character, and
/// maybe of bytes behind the first of them.
const fn marks(eight: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let quote = eight ^ (ONES * b'"' as u64);
    let slash = eight ^ (ONES * b'\\' as u64);
    (quote.wrapping_sub(ONES) & !quote
        | slash.wrapping_sub(ONES) & !slash
        | eight.wrapping_sub(ONES * 0x20) & !eight)
        & TOPS
}

/// Payload and signature of an envelope in exactly the form in which both ends write it, for that
/// is nearly every one. `None` for any other, which may be an [`Envelope`] all the same.
pub(super) fn read_own(bytes: &[u8]) -> Option<(String, [u8; 32])> {
    let rest = bytes.strip_prefix(br#"{"payload":""#)?;
    let mut payload = Vec::with_capacity(rest.len());
    let mut left = rest;
    loop {
        let run = plain(left);
        payload.extend_from_slice(run);
        match left.get(run.len()..)? {
            [b'"', after @ ..] => {
                left = after;
                break;
            }
            [b'\\', byte @ (b'"' | b'\\'), after @ ..] => {
                payload.push(*byte);
                left = after;
            }
            _ => return None,
        }
    }
    let sig = left.strip_prefix(br#","sig":""#)?.strip_suffix(br#""}"#)?;
    let sig = hex::read_array(core::str::from_utf8(sig).ok()?)?;
    Some((String::from_utf8(payload).ok()?, sig))
}

/// An amount on the wire: not negative, of a currency of ISO 4217.
pub(super) fn read_amount(minor: i64, currency: &str) -> Option<Amount> {
    let currency: Currency = currency.parse().ok()?;
    (minor >= 0).then_some(Amount::new(minor, currency))
}

pub(super) fn read_text(text: &str) -> Option<Text> {
    Text::new(text).ok()
}

/// The byte at which `bytes` stop being what was expected.
pub(super) fn at_byte(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    before.saturating_add(error.column()).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_written_as_json_writes_it(text in any::<String>()) {
            let mut out = Vec::new();
            write_text(text.as_bytes(), &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn what_is_read_the_short_way_reads_the_same_the_long_way(
            payload in "[ -~é\u{0}-\u{1f}\"\\\\]{0,40}", sig in any::<[u8; 32]>(), at in 0..300_usize, byte: u8,
        ) {
            let payload = serde_json::to_string(&payload).unwrap();
            let mut bytes = format!("{{\"payload\":{payload},\"sig\":\"{}\"}}", hex::write(&sig)).into_bytes();
            for _ in 0..2 {
                if let Some((payload, sig)) = read_own(&bytes) {
                    let long: Envelope<'_> = serde_json::from_slice(&bytes).unwrap();
                    prop_assert_eq!((&*long.payload, hex::read_array(&long.sig)), (&*payload, Some(sig)));
                }
                bytes.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
        }
    }

    proptest! {
        #[test]
        fn what_needs_no_escape_is_found(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mark = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            let len = text.iter().position(mark).unwrap_or(text.len());
            prop_assert_eq!(plain(&text), &text[..len]);
        }
    }

    #[test]
    fn both_ends_write_what_is_read_the_short_way() {
        let bytes = format!(r#"{{"payload":"{{\"a\":\"\\\\\"}}","sig":"{}"}}"#, hex::write(&[7; 32]));
        assert_eq!(read_own(bytes.as_bytes()), Some((r#"{"a":"\\"}"#.to_string(), [7; 32])));
    }
}
