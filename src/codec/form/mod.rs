//! Form fields (`application/x-www-form-urlencoded`), percent-encoding (RFC 3986), and signatures
//! over fields as recovery platforms make them (签名).

mod sign;

pub use sign::{Canonical, Digits, Keyed, Order, Signer};

use crate::base::{Advice, Code, block};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes that are no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("form, byte {at}: {what}")]
pub struct FormError {
    /// Byte offset.
    pub at: usize,
    /// What was expected.
    pub what: &'static str,
}

impl FormError {
    /// The stable number, 3,520.
    pub const fn code(&self) -> Code {
        Code::new(block::CODEC, 520)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// Reads the fields of a form. `+` is a space; a field without `=` is empty.
///
/// # Errors
/// [`FormError`] at the byte: a `%` without two hexadecimal digits, text that is not UTF-8, a
/// field without a name or one that comes twice.
///
/// ```
/// let form = scrip::codec::form::read(b"orderNo=7&note=a%26b+c")?;
/// assert_eq!(form["note"], "a&b c");
/// # Ok::<(), scrip::codec::form::FormError>(())
/// ```
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, String>, FormError> {
    let mut fields = BTreeMap::new();
    let mut at = 0;
    if bytes.is_empty() {
        return Ok(fields);
    }
    for field in bytes.split(|&byte| byte == b'&') {
        let len = field.iter().position(|&byte| byte == b'=').unwrap_or(field.len());
        let (name, rest) = field.split_at(len);
        let value = rest.get(1..).unwrap_or_default();
        let name = unescape(name, at)?;
        if name.is_empty() {
            return Err(FormError { at, what: "a field's name is expected" });
        }
        let value = unescape(value, at + len + 1)?;
        if fields.insert(name, value).is_some() {
            return Err(FormError { at, what: "a field that was not there before is expected" });
        }
        at += field.len() + 1;
    }
    Ok(fields)
}

/// Writes one field after those that `out` holds already.
pub fn write(name: &str, value: &str, out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b'&');
    }
    escape(name, out);
    out.push(b'=');
    escape(value, out);
}

/// Percent-encodes all but the unreserved characters of RFC 3986, section 2.3: letters, digits and
/// `-._~`. At most 3 bytes for each byte.
pub fn escape(text: &str, out: &mut Vec<u8>) {
    for &byte in text.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte),
            _ => {
                let digit = |value: u8| if value < 10 { b'0' + value } else { b'A' + value - 10 };
                out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

fn unescape(bytes: &[u8], start: usize) -> Result<String, FormError> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let at = start + (bytes.len() - rest.len());
        rest = after;
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let what = "two hexadecimal digits after `%` are expected";
                let ([high, low], after) = rest.split_first_chunk().ok_or(FormError { at, what })?;
                rest = after;
                let value = |digit: u8| char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok());
                let pair = value(*high).zip(value(*low)).ok_or(FormError { at, what })?;
                pair.0 << 4 | pair.1
            }
            byte => byte,
        });
    }
    String::from_utf8(out).map_err(|_| FormError { at: start, what: "UTF-8 is expected" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_form_is_refused_at_its_byte() {
        let cases: [(&[u8], usize); 7] = [
            (b"a=%", 2),
            (b"a=1&b=%4", 6),
            (b"a=%g1", 2),
            (b"a=%+1", 2),
            (b"a=%ff", 2),
            (b"a=1&=2", 4),
            (b"a=1&a=2", 4),
        ];
        for (text, at) in cases {
            assert_eq!(read(text).unwrap_err().at, at, "{}", text.escape_ascii());
        }
        assert_eq!(read(b"").unwrap().len(), 0);
        assert_eq!(read(b"a").unwrap()["a"], "");
        assert_eq!(read(b"a=b=c").unwrap()["a"], "b=c");
    }

    proptest! {
        #[test]
        fn a_form_reads_back(fields in proptest::collection::btree_map(".{1,6}", ".{0,9}", 0..6)) {
            let mut out = Vec::new();
            for (name, value) in &fields {
                write(name, value, &mut out);
            }
            prop_assert!(out.is_ascii());
            prop_assert_eq!(read(&out), Ok(fields));
        }
    }
}
