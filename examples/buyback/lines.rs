//! Physical lines of a file, in memory that does not grow with the length of a line.

use std::io::{self, BufRead, ErrorKind};

/// The longest line that is kept, in bytes without its line end.
pub(crate) const LONGEST: usize = 64 * 1024;

/// One line without its line end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Physical<'a> {
    Bytes(&'a [u8]),
    /// Longer than [`LONGEST`]. It was read to its end and not kept.
    TooLong,
}

/// Splits a reader at `\n`, taking one `\r` before it as part of the line end.
pub(crate) struct Lines<R> {
    reader: R,
    kept: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, kept: Vec::new(), number: 0 }
    }

    /// The number of the last line given out; the first line is 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next line, or `None` at the end of the input.
    pub(crate) fn next(&mut self) -> io::Result<Option<Physical<'_>>> {
        self.kept.clear();
        let mut length = 0_u64;
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() && length == 0 {
                return Ok(None);
            }
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            // One byte more than the longest line: it may be the `\r` of the line end.
            let room = LONGEST + 1 - self.kept.len();
            self.kept.extend_from_slice(&part[..part.len().min(room)]);
            let taken = part.len() + usize::from(end.is_some());
            let finished = end.is_some() || chunk.is_empty();
            self.reader.consume(taken);
            length += taken as u64;
            if finished {
                let content = length - u64::from(end.is_some());
                return Ok(Some(self.finish(content)));
            }
        }
    }

    fn finish(&mut self, content: u64) -> Physical<'_> {
        self.number += 1;
        if content > self.kept.len() as u64 {
            return Physical::TooLong;
        }
        let line = self.kept.strip_suffix(b"\r").unwrap_or(&self.kept);
        if line.len() > LONGEST { Physical::TooLong } else { Physical::Bytes(line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Read};

    fn all(input: &[u8], capacity: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::new(BufReader::with_capacity(capacity, input));
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push(match line {
                Physical::Bytes(bytes) => Some(bytes.to_vec()),
                Physical::TooLong => None,
            });
        }
        assert_eq!(lines.number(), found.len() as u64);
        found
    }

    fn kept(text: &str) -> Option<Vec<u8>> {
        Some(text.as_bytes().to_vec())
    }

    #[test]
    fn line_ends_of_both_kinds_are_taken_off() {
        for capacity in [1, 2, 3, 64] {
            assert_eq!(all(b"", capacity), []);
            assert_eq!(all(b"a\r\nb\n\nc", capacity), [kept("a"), kept("b"), kept(""), kept("c")]);
            assert_eq!(all(b"a\r\r\n\r", capacity), [kept("a\r"), kept("")]);
            assert_eq!(all(b"\n", capacity), [kept("")]);
        }
    }

    #[test]
    fn the_longest_line_is_kept_and_one_byte_more_is_not() {
        for end in ["\n", "\r\n", ""] {
            let fits = "x".repeat(LONGEST) + end;
            assert_eq!(all(fits.as_bytes(), 4096), [kept(&"x".repeat(LONGEST))], "{end:?}");
            let over = "x".repeat(LONGEST + 1) + end;
            assert_eq!(all(over.as_bytes(), 4096), [None], "{end:?}");
        }
    }

    #[test]
    fn a_long_line_does_not_grow_the_buffer_and_the_rest_goes_on() {
        let long = io::repeat(b'x').take(10_000_000);
        let mut lines = Lines::new(BufReader::new(long.chain(&b"\nafter\n"[..])));
        assert_eq!(lines.next().unwrap(), Some(Physical::TooLong));
        assert_eq!(lines.next().unwrap(), Some(Physical::Bytes(b"after")));
        assert!(lines.kept.capacity() < 4 * LONGEST, "{}", lines.kept.capacity());
    }

    #[test]
    fn a_failing_read_is_an_error_and_not_the_end() {
        struct Torn(bool);
        impl Read for Torn {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                if self.0 {
                    return Err(io::Error::other("gone"));
                }
                self.0 = true;
                into[..2].copy_from_slice(b"a\n");
                Ok(2)
            }
        }
        let mut lines = Lines::new(BufReader::new(Torn(false)));
        assert_eq!(lines.next().unwrap(), Some(Physical::Bytes(b"a")));
        assert_eq!(lines.next().unwrap_err().to_string(), "gone");
    }
}
