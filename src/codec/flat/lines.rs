//! A file cut into lines.

use super::FlatError;

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A line feed.
    Lf,
    /// A carriage return and a line feed.
    CrLf,
}

impl Ending {
    /// `lf` or `crlf`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "lf" => Some(Self::Lf),
            "crlf" => Some(Self::CrLf),
            _ => None,
        }
    }

    /// Its bytes.
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// From 1.
    pub number: usize,
    /// Byte offset of its first byte in the file.
    pub at: usize,
    /// Without what ends it.
    pub bytes: &'a [u8],
    /// Whether nothing comes after it.
    pub last: bool,
    /// Whether it was ended; only the last one may lack that.
    pub ended: bool,
}

/// The lines of a file, in order, without a copy.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
    at: usize,
    number: usize,
    ending: Ending,
}

impl<'a> Lines<'a> {
    /// The lines of `bytes`. A byte order mark of UTF-8 at the beginning is passed over.
    pub fn new(bytes: &'a [u8], ending: Ending) -> Self {
        let rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        Self { rest, at: bytes.len().saturating_sub(rest.len()), number: 0, ending }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (Line<'a>, Result<(), FlatError>);

    /// The next line, and whether it is ended as agreed.
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let found = self.rest.iter().position(|&byte| byte == b'\n');
        let end = found.unwrap_or(self.rest.len());
        let (bytes, rest) = self.rest.split_at(end);
        let rest = rest.get(1..).unwrap_or_default();
        self.number = self.number.saturating_add(1);
        let mut line =
            Line { number: self.number, at: self.at, bytes, last: rest.is_empty(), ended: found.is_some() };
        self.at = self.at.saturating_add(self.rest.len().saturating_sub(rest.len()));
        self.rest = rest;
        let mut sound = Ok(());
        if self.ending == Ending::CrLf && line.ended {
            match bytes.strip_suffix(b"\r") {
                Some(bytes) => line.bytes = bytes,
                None => sound = Err(FlatError { column: 0, what: "a carriage return before the line feed" }),
            }
        }
        Some((line, sound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Number, offset and bytes of a line; whether it is the last, ended, and ended as agreed.
    type Seen<'a> = (usize, usize, &'a [u8], bool, bool, bool);

    fn lines(bytes: &[u8], ending: Ending) -> Vec<Seen<'_>> {
        let lines = Lines::new(bytes, ending);
        lines.map(|(l, sound)| (l.number, l.at, l.bytes, l.last, l.ended, sound.is_ok())).collect()
    }

    #[test]
    fn lines_know_their_place_and_whether_they_are_whole() {
        assert_eq!(
            lines(b"ab\n\ncd", Ending::Lf),
            [
                (1, 0, &b"ab"[..], false, true, true),
                (2, 3, b"", false, true, true),
                (3, 4, b"cd", true, false, true)
            ]
        );
        assert_eq!(
            lines(b"\xef\xbb\xbfa\r\nb\n", Ending::CrLf),
            [(1, 3, &b"a"[..], false, true, true), (2, 6, b"b", true, true, false)]
        );
        assert_eq!(lines(b"", Ending::Lf), []);
    }
}
