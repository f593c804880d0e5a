//! The fields of one line of CSV (RFC 4180 with one line per record).

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

/// What is wrong with the quotes of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum QuoteError {
    /// One was opened and not closed before the end of the line.
    Unclosed,
    /// One stands inside an unquoted field, or text follows the closing one. The field is
    /// counted from 0.
    Misplaced { place: usize },
}

/// Splits lines into fields and keeps the fields of the last one.
pub(crate) struct Splitter {
    core: Reader,
    output: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Splitter {
    pub(crate) fn new() -> Self {
        // Only `\n` ends a record: a `\r` in the middle of a line is data, to be refused as such.
        let core = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        Self { core, output: Vec::new(), ends: Vec::new(), count: 0 }
    }

    /// Splits `line`, which holds no `\n` and is not empty.
    pub(crate) fn split(&mut self, line: &[u8]) -> Result<(), QuoteError> {
        self.count = 0;
        if let Some(place) = misplaced_quote(line) {
            return Err(QuoteError::Misplaced { place });
        }
        // Unquoting only shortens, and a line of n bytes has at most n + 1 fields.
        grow(&mut self.output, line.len() + 2);
        grow(&mut self.ends, line.len() + 2);
        let mut written = 0;
        for input in [line, b"\n"] {
            let (result, read, out, fields) =
                self.core.read_record(input, &mut self.output[written..], &mut self.ends[self.count..]);
            debug_assert_eq!(read, input.len(), "both buffers have room for the whole line");
            written += out;
            self.count += fields;
            if result == ReadRecordResult::Record {
                return Ok(());
            }
        }
        // Inside quotes the line end is data, so the record has not ended.
        self.core.reset();
        self.count = 0;
        Err(QuoteError::Unclosed)
    }

    /// How many fields the line has.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// A field by its place from 0; empty beyond the last.
    pub(crate) fn field(&self, place: usize) -> &[u8] {
        if place >= self.count {
            return &[];
        }
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.output[start..self.ends[place]]
    }
}

/// The first field with a quote where RFC 4180 has none. csv-core reads on over it and joins the
/// parts, which would make a number of two.
fn misplaced_quote(line: &[u8]) -> Option<usize> {
    enum At {
        Start,
        Plain,
        Quoted,
        /// Behind the closing quote, unless it is the first of two.
        Closed,
        Blank,
    }
    let mut place = 0;
    let mut at = At::Start;
    for byte in line {
        at = match (at, byte) {
            (At::Start, b'"') => At::Quoted,
            (At::Quoted, b'"') => At::Closed,
            (At::Closed, b'"') | (At::Quoted, _) => At::Quoted,
            (_, b',') => {
                place += 1;
                At::Start
            }
            (_, b'"') => return Some(place),
            (At::Closed | At::Blank, b' ' | b'\t') => At::Blank,
            (At::Closed | At::Blank, _) => return Some(place),
            (At::Start | At::Plain, _) => At::Plain,
        };
    }
    None
}

fn grow<T: Clone + Default>(buffer: &mut Vec<T>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(splitter: &mut Splitter, line: &str) -> Option<Vec<String>> {
        splitter.split(line.as_bytes()).ok()?;
        let text = |place| String::from_utf8(splitter.field(place).to_vec()).unwrap();
        Some((0..splitter.count()).map(text).collect())
    }

    #[test]
    fn quotes_hold_commas_and_doubled_quotes() {
        let mut splitter = Splitter::new();
        for (line, fields) in [
            ("a,b,c", &["a", "b", "c"][..]),
            (",", &["", ""]),
            (r#""a,b",c"#, &["a,b", "c"]),
            (r#""say ""hi""",c"#, &[r#"say "hi""#, "c"]),
            (r#""""#, &[""]),
            ("a\rb,c", &["a\rb", "c"]),
            ("x", &["x"]),
            (r#""a" ,b"#, &["a ", "b"]),
        ] {
            assert_eq!(split(&mut splitter, line).unwrap(), fields, "{line}");
        }
    }

    #[test]
    fn an_unclosed_quote_harms_no_other_line() {
        let mut splitter = Splitter::new();
        assert_eq!(split(&mut splitter, r#"a,"b,c"#), None);
        assert_eq!(splitter.count(), 0);
        assert_eq!(split(&mut splitter, "d,e").unwrap(), ["d", "e"]);
        assert_eq!(split(&mut splitter, r#"""#), None);
        assert_eq!(split(&mut splitter, r#""d"",e"#), None);
        assert_eq!(split(&mut splitter, "d,e").unwrap(), ["d", "e"]);
    }

    #[test]
    fn a_quote_out_of_place_is_refused_with_its_field() {
        let mut splitter = Splitter::new();
        for (line, place) in [(r#"a,b"c"#, 1), (r#"a, "b""#, 1), (r#""23"26,b"#, 0), (r#"a,"b" "c""#, 1)] {
            assert_eq!(splitter.split(line.as_bytes()), Err(QuoteError::Misplaced { place }), "{line}");
        }
    }

    #[test]
    fn as_many_fields_as_bytes_fit() {
        let mut splitter = Splitter::new();
        splitter.split(",".repeat(65_536).as_bytes()).unwrap();
        assert_eq!(splitter.count(), 65_537);
        assert_eq!(splitter.field(65_536), b"");
        assert_eq!(splitter.field(70_000), b"");
    }
}
