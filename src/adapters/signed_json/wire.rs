//! The JSON texts themselves, strict: no unknown field, no field twice, integers only.

use crate::adapters::hex;
use crate::base::Text;
use crate::issuer::{OpKind, Reference};
use crate::money::{Amount, Currency};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
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

/// Begins the text of a request for so many operations; [`write_question`] and [`end_request`]
/// follow.
pub(super) fn begin_request(operations: usize, nonce: &[u8; 16], ts: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(operations.saturating_mul(416).saturating_add(96));
    put(&mut out, format_args!(r#"{{"v":{VERSION},"nonce":""#));
    hex::append(nonce, &mut out);
    put(&mut out, format_args!(r#"","ts":{ts},"ops":["#));
    out
}

/// Appends an operation, with its fields in their order.
pub(super) fn write_question(question: &Question<'_>, out: &mut Vec<u8>) {
    let Question { kind, reference, product, payee, amount, attempt, card } = question;
    if out.last() == Some(&b'}') {
        out.push(b',');
    }
    // References, names of operations and currencies hold nothing that is escaped.
    put(out, format_args!(r#"{{"ref":"{reference}","op":""#));
    out.extend_from_slice(kind.name().as_bytes());
    out.push(b'"');
    let mut named = |name: &[u8], text: &Text| {
        out.extend_from_slice(name);
        write_text(text.as_bytes(), out);
    };
    product.iter().for_each(|text| named(br#","product":"#, text));
    payee.iter().for_each(|text| named(br#","payee":"#, text));
    let (minor, currency) = (amount.minor(), amount.currency().alpha());
    put(out, format_args!(r#","amount_minor":{minor},"currency":"{currency}","attempt":{attempt}"#));
    if let Some(sealed) = card {
        out.extend_from_slice(br#","card":""#);
        hex::append(sealed, out);
        out.push(b'"');
    }
    out.push(b'}');
}

/// Ends the text of a request.
pub(super) fn end_request(out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}");
}

fn put(out: &mut Vec<u8>, args: fmt::Arguments<'_>) {
    struct Bytes<'a>(&'a mut Vec<u8>);
    impl fmt::Write for Bytes<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    Bytes(out).write_fmt(args).expect("a buffer takes every text");
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
fn plain(text: &[u8]) -> &[u8] {
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

/// The answers of a message that holds one, in exactly the form in which the issuer's end writes
/// it, for that is nearly every one. `None` for any other, which may be [`Answers`] all the same.
pub(super) fn read_answer(payload: &str) -> Option<Line<'_>> {
    let mut rest = payload.strip_prefix(r#"{"v":1,"answers":[{"ref":"#)?;
    let mut line = Line { reference: text(&mut rest)?.0, ..Line::default() };
    line.op = field(&mut rest, r#","op":"#, text)??.0;
    line.status = field(&mut rest, r#","status":"#, text)??.0;
    line.issuer_ref = field(&mut rest, r#","issuer_ref":"#, text)?;
    line.amount_minor = field(&mut rest, r#","amount_minor":"#, number)?;
    line.currency = field(&mut rest, r#","currency":"#, text)?;
    line.card_tag = field(&mut rest, r#","card_tag":"#, text)?;
    let generation = field(&mut rest, r#","generation":"#, number)?;
    line.generation = generation.map(u32::try_from).transpose().ok()?;
    line.reason = field(&mut rest, r#","reason":"#, text)?;
    (rest == "}]}").then_some(line)
}

/// The field that begins with `name`, if the next one does; the outer `None` for a value that must
/// be read the long way.
fn field<'a, T>(
    rest: &mut &'a str,
    name: &str,
    value: impl FnOnce(&mut &'a str) -> Option<T>,
) -> Option<Option<T>> {
    let Some(after) = rest.strip_prefix(name) else { return Some(None) };
    *rest = after;
    value(rest).map(Some)
}

/// A text without escapes, with its quotes.
fn text<'a>(rest: &mut &'a str) -> Option<Str<'a>> {
    let inside = rest.strip_prefix('"')?;
    let text = inside.get(..plain(inside.as_bytes()).len())?;
    *rest = inside.get(text.len()..)?.strip_prefix('"')?;
    Some(Str::from(text))
}

/// A whole number that is not negative and far below the end of 64 bits.
fn number(rest: &mut &str) -> Option<i64> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (text, after) = rest.split_at_checked(digits)?;
    if digits > 18 || (digits > 1 && text.starts_with('0')) {
        return None;
    }
    *rest = after;
    text.parse().ok()
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

    /// All that a line says.
    fn said(line: &Line<'_>) -> String {
        serde_json::to_string(line).unwrap()
    }

    proptest! {
        #[test]
        fn an_answer_that_is_read_the_short_way_reads_the_same_the_long_way(
            texts in proptest::collection::vec(proptest::option::of("[ -~é\u{0}]{0,12}"), 5),
            numbers in any::<(Option<i64>, Option<u32>)>(), at in 0..300_usize, byte in 0_u8..128,
        ) {
            let text = |at: usize| texts[at].clone().map(Str::from);
            let line = Line {
                reference: "ab".into(), op: text(0).unwrap_or("pay".into()).0, status: "pending".into(),
                issuer_ref: text(1), currency: text(2), card_tag: text(3), reason: text(4),
                amount_minor: numbers.0, generation: numbers.1, file: false,
            };
            let answers = Answers { v: VERSION, answers: [line].into() };
            let mut payload = serde_json::to_string(&answers).unwrap();
            let plain = texts.iter().flatten().all(|text| !text.contains(['"', '\\', '\0']));
            let small = numbers.0.is_none_or(|minor| (0..=999_999_999_999_999_999).contains(&minor));
            prop_assert_eq!(read_answer(&payload).is_some(), plain && small);
            for _ in 0..2 {
                if let Some(line) = read_answer(&payload) {
                    let long: Answers<'_> = serde_json::from_str(&payload).unwrap();
                    prop_assert_eq!((long.v, long.answers.len()), (VERSION, 1));
                    prop_assert_eq!(said(&long.answers[0]), said(&line));
                }
                if payload.is_char_boundary(at) && payload.is_char_boundary(at + 1) && at < payload.len() {
                    payload.replace_range(at..=at, char::from(byte).encode_utf8(&mut [0; 4]));
                }
            }
        }

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
