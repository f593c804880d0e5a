//! JSON texts (RFC 8259) whose numbers stay the digits that were written, and JSON pointers
//! (RFC 6901) into them. An amount never passes through a binary fraction here.

use crate::base::{Advice, Code, block};
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// How deep objects and lists may lie in one another.
pub const MAX_DEPTH: usize = 32;

/// Bytes that are no JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("JSON, byte {at}: {what}")]
pub struct JsonError {
    /// Byte offset.
    pub at: usize,
    /// What was expected.
    pub what: &'static str,
}

impl JsonError {
    /// The stable number, 3,500.
    pub const fn code(&self) -> Code {
        Code::new(block::CODEC, 500)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// A JSON value. Texts are borrowed where nothing in them is escaped.
#[derive(Clone, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(&'a str),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Self>),
    /// An object; a name that comes twice is an error.
    Object(BTreeMap<Cow<'a, str>, Self>),
}

impl<'a> Json<'a> {
    /// Reads one JSON text, and nothing after it but white space.
    ///
    /// # Errors
    /// [`JsonError`] at the byte: no UTF-8, another grammar, a name twice in one object, deeper
    /// than [`MAX_DEPTH`].
    ///
    /// ```
    /// use scrip::codec::json::Json;
    /// let json = Json::read(br#"{"data": {"amount": 100.10, "list": [1, 2]}}"#)?;
    /// assert_eq!(json.at("/data/amount").and_then(Json::as_text), Some("100.10"));
    /// assert_eq!(json.at("/data/list/1").and_then(Json::as_text), Some("2"));
    /// # Ok::<(), scrip::codec::json::JsonError>(())
    /// ```
    pub fn read(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let text = core::str::from_utf8(bytes)
            .map_err(|error| JsonError { at: error.valid_up_to(), what: "UTF-8 is expected" })?;
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        parser.blanks();
        if parser.at < text.len() {
            return parser.fail("the end of the text is expected");
        }
        Ok(value)
    }

    /// The value that an RFC 6901 pointer names; the empty pointer names the whole.
    pub fn at(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |value, token| match value {
            Self::Object(members) => members.get(&*unescape(token)),
            Self::List(items) => items.get(index(token)?),
            _ => None,
        })
    }

    /// A string's text, or the digits of a number; `None` for anything else.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(digits) => Some(digits),
            _ => None,
        }
    }
}

impl core::fmt::Debug for Json<'_> {
    /// The kind only: an answer may echo a card.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool(..)",
            Self::Number(_) => "Number(..)",
            Self::Text(_) => "Text(..)",
            Self::List(_) => "List(..)",
            Self::Object(_) => "Object(..)",
        })
    }
}

/// Whether a text is a pointer of RFC 6901 to something inside: begins with `/`, and each `~` is
/// followed by 0 or 1.
pub fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    text.starts_with('/') && escapes
}

/// The name that one part of a pointer stands for.
pub fn unescape(token: &str) -> Cow<'_, str> {
    match token.contains('~') {
        true => Cow::Owned(token.replace("~1", "/").replace("~0", "~")),
        false => Cow::Borrowed(token),
    }
}

/// An index as RFC 6901 writes it: no leading zero, no sign.
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || token.starts_with(|c: char| matches!(c, '1'..='9'));
    token.parse().ok().filter(|_| plain)
}

/// Writes `text` as a JSON string. At most 6 bytes for each byte of it, and 2.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1f => {
                let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, what: &'static str) -> Result<T, JsonError> {
        Err(JsonError { at: self.at, what })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Skips `byte` if it is next.
    fn has(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        if depth > MAX_DEPTH {
            return self.fail("less depth is expected");
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Json<'a>, JsonError> {
        let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        let found = words.into_iter().find(|(word, _)| self.rest().starts_with(word));
        match found {
            Some((word, value)) => {
                self.at += word.len();
                Ok(value)
            }
            None => self.fail("a value is expected"),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        self.at += 1;
        self.blanks();
        let mut items = Vec::new();
        if self.has(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.has(b']') {
                return Ok(Json::List(items));
            }
            if !self.has(b',') {
                return self.fail("`,` or `]` is expected");
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        self.at += 1;
        self.blanks();
        let mut members = BTreeMap::new();
        if self.has(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            let at = self.at;
            if self.peek() != Some(b'"') {
                return self.fail("a name is expected");
            }
            let name = self.string()?;
            self.blanks();
            if !self.has(b':') {
                return self.fail("`:` is expected");
            }
            let value = self.value(depth + 1)?;
            if members.insert(name, value).is_some() {
                return Err(JsonError { at, what: "a name that was not there before is expected" });
            }
            self.blanks();
            if self.has(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.has(b',') {
                return self.fail("`,` or `}` is expected");
            }
        }
    }

    fn digits(&mut self) -> bool {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > from
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let from = self.at;
        self.has(b'-');
        let zero = self.has(b'0');
        if !zero && !self.digits() {
            return self.fail("a digit is expected");
        }
        if self.has(b'.') && !self.digits() {
            return self.fail("a digit is expected");
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            let _signed = self.has(b'+') || self.has(b'-');
            if !self.digits() {
                return self.fail("a digit is expected");
            }
        }
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    /// A string, with `at` on its quote.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let mut whole = Cow::Borrowed("");
        loop {
            let part = self.plain();
            match &mut whole {
                Cow::Borrowed("") => whole = Cow::Borrowed(part),
                whole => whole.to_mut().push_str(part),
            }
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(whole);
                }
                Some(b'\\') => {
                    let escaped = self.escape()?;
                    whole.to_mut().push(escaped);
                }
                _ => return self.fail("a character or `\"` is expected"),
            }
        }
    }

    /// The characters up to a quote, an escape or a control character.
    fn plain(&mut self) -> &'a str {
        let rest = self.rest();
        let len = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let plain = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return self.fail("an escape is expected"),
        };
        self.at += 1;
        Ok(plain)
    }

    /// `uXXXX`, or a surrogate pair of two.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let at = self.at;
        let wrong = JsonError { at, what: "a character's four digits are expected" };
        let high = self.four().ok_or(wrong)?;
        let code = match high {
            0xd800..=0xdbff => {
                let next = self.has(b'\\') && self.peek() == Some(b'u');
                let low = if next { self.four() } else { None };
                let low = low.filter(|low| matches!(low, 0xdc00..=0xdfff)).ok_or(wrong)?;
                0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)
            }
            code => code,
        };
        char::from_u32(code).ok_or(wrong)
    }

    fn four(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at + 1..self.at + 5)?;
        self.at += 5;
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| plain)
    }
}

/// Writes the object with these members: where each stands (the names on the way down), its text,
/// and whether it is written as it is instead of as a string. They are sorted by where they stand,
/// and none stands inside another.
pub fn write_object(members: &[(&[String], &str, bool)], out: &mut Vec<u8>) {
    out.push(b'{');
    let mut open: &[String] = &[];
    let mut first = true;
    for (path, value, number) in members {
        let Some((name, parents)) = path.split_last() else { continue };
        let same = open.iter().zip(parents).take_while(|(a, b)| a == b).count();
        out.extend(core::iter::repeat_n(b'}', open.len() - same));
        if !first {
            out.push(b',');
        }
        for parent in parents.iter().skip(same) {
            write_text(parent, out);
            out.extend_from_slice(b":{");
        }
        write_text(name, out);
        out.push(b':');
        match number {
            true => out.extend_from_slice(value.as_bytes()),
            false => write_text(value, out),
        }
        (open, first) = (parents, false);
    }
    out.extend(core::iter::repeat_n(b'}', open.len() + 1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn pointers_of_the_standard_find_their_values() {
        // RFC 6901, section 5.
        let text =
            br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        let json = Json::read(text).unwrap();
        let cases = [
            ("/foo/0", "bar"),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/m~0n", "8"),
        ];
        for (pointer, value) in cases {
            assert_eq!(json.at(pointer).and_then(Json::as_text), Some(value), "{pointer}");
        }
        assert_eq!(json.at(""), Some(&json));
        for pointer in ["/foo/01", "/foo/2", "/foo/+1", "foo", "/bar", "/foo/0/x"] {
            assert_eq!(json.at(pointer), None, "{pointer}");
        }
        assert!(is_pointer("/a~1b") && !is_pointer("/a~2") && !is_pointer("a") && !is_pointer("/a~"));
    }

    #[test]
    fn what_is_no_json_is_refused_at_its_byte() {
        let cases: [(&[u8], usize); 15] = [
            (b"", 0),
            (b"{", 1),
            (b"{\"a\":1,}", 7),
            (b"[1,]", 3),
            (b"[1 2]", 3),
            (b"01", 1),
            (b"1.", 2),
            (b"-", 1),
            (b"1e", 2),
            (b"\"\\x\"", 2),
            (b"\"a\nb\"", 2),
            (b"\"\\ud800\"", 2),
            (b"{\"a\":1,\"a\":2}", 7),
            (b"nul", 0),
            (b"\"\xff\"", 1),
        ];
        for (text, at) in cases {
            assert_eq!(Json::read(text).unwrap_err().at, at, "{}", text.escape_ascii());
        }
        assert!(Json::read("[".repeat(MAX_DEPTH + 2).as_bytes()).unwrap_err().what.contains("depth"));
        assert_eq!(Json::read(br#""\ud83d\ude00\u00e9""#), Ok(Json::Text("😀é".into())));
    }

    #[test]
    fn members_are_written_below_their_parents() {
        let path = |parts: &[&str]| -> Vec<String> { parts.iter().map(ToString::to_string).collect() };
        let (a, b, c) = (path(&["a", "x"]), path(&["a", "y", "z"]), path(&["b"]));
        let mut out = Vec::new();
        write_object(&[(&a, "1.50", true), (&b, "q\"", false), (&c, "", false)], &mut out);
        assert_eq!(out, br#"{"a":{"x":1.50,"y":{"z":"q\""}},"b":""}"#);
        let mut out = vec![];
        write_object(&[], &mut out);
        assert_eq!(out, b"{}");
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text in ".*") {
            let mut out = Vec::new();
            write_text(&text, &mut out);
            prop_assert!(out.len() <= 6 * text.len() + 2);
            let json = Json::read(&out);
            prop_assert_eq!(json.as_ref().ok().and_then(Json::as_text), Some(text.as_str()));
        }

        #[test]
        fn agrees_with_serde_json(text in r#"[\[\]{}",:0-9eE.+\\ a-u-]{0,24}"#) {
            let ours = Json::read(text.as_bytes());
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            // Names twice and numbers beyond a double are what only one of the two minds.
            if let Err(error) = &ours {
                prop_assert!(theirs.is_err() || error.what.contains("before"), "{}", text);
            } else if let Err(error) = theirs {
                prop_assert!(error.to_string().contains("out of range"), "{}", text);
            }
        }
    }
}
