//! A CSV file with a header: columns by name, in any order.

use crate::fault::{InputError, LineError};
use crate::fields::{QuoteError, Splitter};
use crate::lines::{LONGEST, Lines, Physical};
use std::io::BufRead;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// A column that a reader asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// Whether a file without it is refused.
    pub(crate) required: bool,
}

/// An open file whose header has been read. Columns that nobody asked for are ignored.
pub(crate) struct Sheet<R> {
    label: String,
    lines: Lines<R>,
    splitter: Splitter,
    width: usize,
    /// For each column asked for, its place in the file.
    places: Vec<(&'static str, Option<usize>)>,
}

/// The fields of one line: as many as the header has, without NUL bytes, and UTF-8.
pub(crate) struct Cells<'a> {
    splitter: &'a Splitter,
    places: &'a [(&'static str, Option<usize>)],
}

impl<R: BufRead> Sheet<R> {
    /// Reads the header: the first line that is not blank.
    pub(crate) fn open(label: &str, reader: R, columns: &[Column]) -> Result<Self, InputError> {
        let mut lines = Lines::new(reader);
        let mut splitter = Splitter::new();
        let fatal = |what: &str| InputError::new(label, what);
        loop {
            let line = match lines.next().map_err(|error| fatal(&format!("cannot be read: {error}")))? {
                None => {
                    return Err(fatal("is empty, a header line with the names of the columns was expected"));
                }
                Some(Physical::TooLong) => {
                    return Err(fatal(&format!(
                        "has no header: its first line is longer than {LONGEST} bytes"
                    )));
                }
                Some(Physical::Bytes(line)) => line,
            };
            if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") {
                return Err(fatal("is in UTF-16 (or UTF-32), save it as UTF-8"));
            }
            let line = without_mark(line);
            if is_blank(line) {
                continue;
            }
            splitter
                .split(line)
                .map_err(|_| fatal("has a quote in its header that is misplaced or not closed"))?;
            break;
        }
        let names = header_names(&splitter).map_err(fatal)?;
        let number = lines.number();
        let places = columns
            .iter()
            .map(|column| Ok((column.name, place(&names, *column)?)))
            .collect::<Result<_, String>>()
            .map_err(|what| InputError::at(label, number, what))?;
        Ok(Self { label: label.into(), width: names.len(), lines, splitter, places })
    }

    /// The next line that is not blank, with its number; `None` at the end.
    #[expect(clippy::type_complexity, reason = "end, fatal error, line number, error of the line")]
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Result<Cells<'_>, LineError>)>, InputError> {
        let split = loop {
            let line = match self.lines.next() {
                Ok(line) => line,
                Err(error) => {
                    let number = self.lines.number() + 1;
                    return Err(InputError::at(&self.label, number, format!("cannot be read: {error}")));
                }
            };
            match line {
                None => return Ok(None),
                Some(Physical::TooLong) => {
                    let expected = format!("a line of at most {LONGEST} bytes");
                    break Err(LineError::new(None, "line_too_long", expected));
                }
                Some(Physical::Bytes(line)) => {
                    let line = without_mark(line);
                    if is_blank(line) {
                        continue;
                    }
                    break self.splitter.split(line).map_err(|error| quote_error(&self.places, &error));
                }
            }
        };
        let number = self.lines.number();
        let checked = split.and_then(|()| self.check());
        Ok(Some((number, checked.map(|()| Cells { splitter: &self.splitter, places: &self.places }))))
    }

    fn check(&self) -> Result<(), LineError> {
        let found = self.splitter.count();
        if found != self.width {
            // Two lines are one if a lone CR stands between them: the count alone would puzzle.
            if (0..found).any(|place| self.splitter.field(place).contains(&b'\r')) {
                let expected = format!(
                    "{} fields as in the header, found {found} and a lone CR, which ends no line",
                    self.width
                );
                return Err(LineError::new(None, "field_count", expected));
            }
            let expected = format!("{} fields as in the header, found {found}", self.width);
            return Err(LineError::new(None, "field_count", expected));
        }
        for place in 0..found {
            let field = self.splitter.field(place);
            let column = || column_at(&self.places, place);
            if let Some(at) = field.iter().position(|&byte| byte == 0) {
                let expected = format!("text, found a NUL byte at byte {at} of the field");
                return Err(LineError::new(Some(&column()), "nul_byte", expected));
            }
            if let Err(error) = std::str::from_utf8(field) {
                let at = error.valid_up_to();
                let expected = format!("UTF-8, found something else at byte {at} of the field");
                return Err(LineError::new(Some(&column()), "not_utf8", expected));
            }
        }
        Ok(())
    }
}

impl Cells<'_> {
    /// The field of a column, without ASCII blanks around it; empty if the file lacks the column.
    pub(crate) fn get(&self, name: &str) -> &str {
        let known = self.places.iter().find(|(column, _)| *column == name);
        let (_, place) = known.expect("only columns that were asked for are read");
        let field = place.map_or(&[][..], |place| self.splitter.field(place));
        std::str::from_utf8(field).expect("checked when the line was read").trim_matches([' ', '\t'])
    }
}

/// The name of a column asked for, else its number from 1: a header is foreign text.
fn column_at(places: &[(&'static str, Option<usize>)], place: usize) -> String {
    match places.iter().find(|(_, at)| *at == Some(place)) {
        Some((name, _)) => (*name).into(),
        None => (place + 1).to_string(),
    }
}

fn quote_error(places: &[(&'static str, Option<usize>)], error: &QuoteError) -> LineError {
    match error {
        QuoteError::Unclosed => {
            LineError::new(None, "quote_unclosed", "a closing quote before the end of the line")
        }
        QuoteError::Misplaced { place } => {
            let expected = "quotes only around a whole field, doubled inside it";
            LineError::new(Some(&column_at(places, *place)), "quote_misplaced", expected)
        }
    }
}

fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(UTF8_MARK).unwrap_or(line)
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// The trimmed names; those that are not UTF-8 count as unknown. A file without a header has a
/// card in its first line, so no message repeats what stands there.
fn header_names(splitter: &Splitter) -> Result<Vec<String>, &'static str> {
    let fields = (0..splitter.count()).map(|place| splitter.field(place));
    if fields.clone().any(|field| field.contains(&0)) {
        return Err("has a NUL byte in its header, UTF-8 text was expected");
    }
    if fields.clone().any(|field| field.contains(&b'\r')) {
        return Err("has line ends of a lone CR, LF or CR LF was expected");
    }
    Ok(fields.map(|field| String::from_utf8_lossy(field).trim().to_owned()).collect())
}

fn place(names: &[String], column: Column) -> Result<Option<usize>, String> {
    let mut found = names.iter().enumerate().filter(|(_, name)| *name == column.name);
    match (found.next(), found.next()) {
        (Some((first, _)), Some((second, _))) => Err(format!(
            "the header names column `{}` twice (fields {} and {})",
            column.name,
            first + 1,
            second + 1
        )),
        (None, _) if column.required => Err(format!(
            "the header lacks column `{}` (names are separated by commas and in lower case)",
            column.name
        )),
        (first, _) => Ok(first.map(|(place, _)| place)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { name: "id", required: true },
        Column { name: "secret", required: true },
        Column { name: "note", required: false },
    ];

    fn refusal(input: &[u8]) -> String {
        Sheet::open("f.csv", input, &COLUMNS).err().expect("a refusal").to_string()
    }

    type Read = (u64, Result<[String; 3], LineError>);

    fn read(input: &[u8]) -> Vec<Read> {
        let mut sheet = Sheet::open("f.csv", input, &COLUMNS).unwrap();
        let mut found = Vec::new();
        while let Some((number, cells)) = sheet.next().unwrap() {
            let texts = |cells: Cells<'_>| ["id", "secret", "note"].map(|name| cells.get(name).to_owned());
            found.push((number, cells.map(texts)));
        }
        found
    }

    fn good(number: u64, texts: [&str; 3]) -> Read {
        (number, Ok(texts.map(Into::into)))
    }

    fn bad(input: &[u8]) -> (Option<String>, &'static str, String) {
        let found = read(input);
        let [(2, Err(error)), rest @ ..] = &found[..] else { panic!("{found:?}") };
        assert!(rest.iter().all(|(_, cells)| cells.is_ok()), "the rest goes on: {found:?}");
        (error.column.clone(), error.reason, error.expected.clone())
    }

    #[test]
    fn columns_stand_in_any_order_and_others_are_ignored() {
        let found = read(b"colour, secret ,id,colour\nred, s , 1 ,\n");
        assert_eq!(found, [good(2, ["1", "s", ""])]);
    }

    #[test]
    fn blank_lines_count_and_are_skipped() {
        let found = read(b"\n id,secret,note\r\n\r\n1,s,n\r\n  \n2,t,\n");
        assert_eq!(found, [good(4, ["1", "s", "n"]), good(6, ["2", "t", ""])]);
        assert_eq!(read(b"id,secret"), []);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_name_or_value() {
        let found = read(b"\xef\xbb\xbfid,secret\n1,s\n\xef\xbb\xbf2,t\n");
        assert_eq!(found, [good(2, ["1", "s", ""]), good(3, ["2", "t", ""])]);
        assert!(read(b"\xef\xbb\xbf\"id\",secret\n").is_empty());
    }

    #[test]
    fn a_file_without_a_usable_header_is_refused() {
        let lacks_id =
            "f.csv: line 1: the header lacks column `id` (names are separated by commas and in lower case)";
        for (input, message) in [
            (&b""[..], "f.csv: is empty, a header line with the names of the columns was expected"),
            (b"\n\r\n \n", "f.csv: is empty, a header line with the names of the columns was expected"),
            (b"\xef\xbb\xbf", "f.csv: is empty, a header line with the names of the columns was expected"),
            (b"secret,note\n", lacks_id),
            (b"ID,secret\n", lacks_id),
            (b"id;secret\n", lacks_id),
            (b"6217,123456,x\n", lacks_id),
            (b"\x1f\x8b\x08,\xff\n", lacks_id),
            (b"id,note\n", &lacks_id.replace("`id`", "`secret`")),
            (b"id,secret,id\n", "f.csv: line 1: the header names column `id` twice (fields 1 and 3)"),
            (b"id,\"secret\n1,s\n", "f.csv: has a quote in its header that is misplaced or not closed"),
            (b"\xff\xfei\0d\0,\0", "f.csv: is in UTF-16 (or UTF-32), save it as UTF-8"),
            (b"\xfe\xff\0i\0d\0,", "f.csv: is in UTF-16 (or UTF-32), save it as UTF-8"),
            (b"i\0d\0,\0", "f.csv: has a NUL byte in its header, UTF-8 text was expected"),
            (b"id,secret\r1,s\r", "f.csv: has line ends of a lone CR, LF or CR LF was expected"),
        ] {
            assert_eq!(refusal(input), message);
        }
        let long = refusal(&vec![b'x'; LONGEST + 1]);
        assert_eq!(long, "f.csv: has no header: its first line is longer than 65536 bytes");
    }

    #[test]
    fn an_error_of_a_line_names_the_column_and_stays_on_that_line() {
        let column = |name: &str| Some(name.to_owned());
        let (at, reason, expected) = bad(b"id,secret\n1,s,n\n2,t\n");
        assert_eq!((at, reason, &expected[..]), (None, "field_count", "2 fields as in the header, found 3"));
        let (at, reason, _) = bad(b"id,secret\n1,\"s\n2,t\n");
        assert_eq!((at, reason), (None, "quote_unclosed"));
        let (at, reason, expected) = bad(b"id,secret\n1,s\0s\n2,t\n");
        assert_eq!((at, reason), (column("secret"), "nul_byte"));
        assert_eq!(expected, "text, found a NUL byte at byte 1 of the field");
        let (at, reason, _) = bad(b"id,secret\n\xd6\xd0,s\n2,t\n");
        assert_eq!((at, reason), (column("id"), "not_utf8"));
        let (at, reason, _) = bad(b"id,x,secret\n1,\xff,s\n2,t,u\n");
        assert_eq!((at, reason), (column("2"), "not_utf8"));
        let (at, reason, _) = bad(b"id,secret\n1, \"s\"\n2,t\n");
        assert_eq!((at, reason), (column("secret"), "quote_misplaced"));
        let long = [b"id,secret\n1,", &[b'x'; LONGEST][..], b"\n2,t\n"].concat();
        assert_eq!(bad(&long).1, "line_too_long");
    }
}
