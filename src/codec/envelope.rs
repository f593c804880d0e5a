//! A body with lines above it, as HTTP has them: what adapters and transports hand each other
//! where the body alone does not say enough.
//!
//! ```text
//! POST /openapi/redeem          a request's head and a callback; of a reply: 200
//! x-signature: 1f0c...          named lines, names in lower case
//!                               an empty line
//! {"cardNo":...}                the body, any bytes
//! ```
//! Lines end with one line feed. A [`crate::issuer::Message`] carries the lines in `head` and the
//! body in `body`; a reply or a callback comes as one piece.

use crate::base::{Advice, Code, block};
use alloc::vec::Vec;

/// The most bytes that the lines may have together.
pub const MAX_LINES: usize = 16_384;

/// Bytes that are no envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("envelope, byte {at}: {what}")]
pub struct EnvelopeError {
    /// Byte offset.
    pub at: usize,
    /// What was expected.
    pub what: &'static str,
}

impl EnvelopeError {
    /// The stable number, 3,540.
    pub const fn code(&self) -> Code {
        Code::new(block::CODEC, 540)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// The lines and the body, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The first line: `POST /path` of a request, `200` of a reply. May be empty.
    pub first: &'a str,
    lines: &'a str,
    /// What follows the empty line.
    pub body: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads an envelope. Bytes without an empty line are lines with no body.
    ///
    /// # Errors
    /// [`EnvelopeError`] at the byte: more than [`MAX_LINES`] bytes of lines, a control character,
    /// text that is not UTF-8, a line without a name, or a name in upper case.
    ///
    /// ```
    /// # use scrip::codec::envelope::Envelope;
    /// let reply = Envelope::read(b"200\nx-sign: 9f\n\n{}")?;
    /// assert_eq!((reply.first, reply.get("x-sign"), reply.body), ("200", Some("9f"), &b"{}"[..]));
    /// # Ok::<(), scrip::codec::envelope::EnvelopeError>(())
    /// ```
    pub fn read(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let wrong = |at, what| EnvelopeError { at, what };
        let window = bytes.get(..bytes.len().min(MAX_LINES + 2)).unwrap_or_default();
        let end = match window.windows(2).position(|pair| pair == b"\n\n") {
            Some(end) => end,
            None if bytes.len() <= MAX_LINES => bytes.len(),
            None => return Err(wrong(MAX_LINES, "an empty line is expected before here")),
        };
        let head = bytes.get(..end).unwrap_or_default();
        let head = core::str::from_utf8(head)
            .map_err(|error| wrong(error.valid_up_to(), "UTF-8 text is expected"))?;
        if let Some(at) = head.bytes().position(|byte| byte != b'\n' && byte.is_ascii_control()) {
            return Err(wrong(at, "a printable character is expected"));
        }
        let (first, lines) = head.split_once('\n').unwrap_or((head, ""));
        let mut at = head.len() - lines.len();
        for line in lines.split('\n').filter(|_| !lines.is_empty()) {
            let name = line.split_once(": ").map_or("", |(name, _)| name);
            if name.is_empty() || name.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b' ') {
                return Err(wrong(at, "a line `name: value` with its name in lower case is expected"));
            }
            at += line.len() + 1;
        }
        let body = bytes.get(end + 2..).unwrap_or_default();
        Ok(Self { first, lines, body })
    }

    /// The value of the first line of this name, in lower case.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.lines().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// The named lines in their order.
    pub fn lines(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.lines.split('\n').filter_map(|line| line.split_once(": "))
    }
}

/// Starts the lines with `first`; what is no printable character becomes a space.
pub fn begin(first: &str, out: &mut Vec<u8>) {
    put(first, out);
}

/// Adds a named line. What is no printable character becomes a space, so that a value cannot add
/// a line; the name becomes lower case.
pub fn line(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b'\n');
    let start = out.len();
    put(name, out);
    out.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
    out.extend_from_slice(b": ");
    put(value, out);
}

/// Ends the lines and adds the body.
pub fn end(body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\n\n");
    out.extend_from_slice(body);
}

fn put(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().map(|byte| if byte.is_ascii_control() { b' ' } else { byte }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    #[test]
    fn a_value_cannot_add_a_line() {
        let mut out = Vec::new();
        begin("POST /a\nb", &mut out);
        line("X-Sign", "1\r\nhost: b", &mut out);
        end(b"\n\n", &mut out);
        let read = Envelope::read(&out).unwrap();
        assert_eq!(
            (read.first, read.get("x-sign"), read.body),
            ("POST /a b", Some("1  host: b"), &b"\n\n"[..])
        );
        assert_eq!(read.lines().count(), 1);
    }

    #[test]
    fn what_is_no_envelope_is_refused_at_its_byte() {
        let at = |bytes: &[u8]| Envelope::read(bytes).unwrap_err().at;
        assert_eq!(at(b"200\nx-sign 9\n\n"), 4);
        assert_eq!(at(b"200\na: 1\nB: 2\n\n"), 9);
        assert_eq!(at(b"200\na: \xff\n\n"), 7);
        assert_eq!(at(b"20\r0\n\n"), 2);
        assert_eq!(at(&[b'a'; MAX_LINES + 9]), MAX_LINES);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(
            first in "[ -~]{0,20}",
            lines in proptest::collection::vec(("[a-z-]{1,9}", "[ -~]{0,20}"), 0..5),
            body in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut out = Vec::new();
            begin(&first, &mut out);
            for (name, value) in &lines {
                line(name, value, &mut out);
            }
            end(&body, &mut out);
            let read = Envelope::read(&out).unwrap();
            let found: Vec<(String, String)> = read.lines().map(|(n, v)| (n.into(), v.into())).collect();
            prop_assert_eq!((read.first, found, read.body), (first.as_str(), lines, body.as_slice()));
        }
    }
}
