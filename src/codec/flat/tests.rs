use super::*;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;

fn column(width: usize) -> Column {
    Column { width, align: Align::Left, pad: b' ', number: false }
}

fn number(width: usize) -> Column {
    Column { width, align: Align::Right, pad: b'0', number: true }
}

fn charsets() -> Vec<Charset> {
    ["utf-8", "gb18030"].into_iter().filter_map(Charset::from_name).collect()
}

fn delimited(charset: Charset, quote: Option<char>) -> Format {
    Format { charset, layout: Layout::Delimited { delimiter: '|', quote } }
}

fn fixed(charset: Charset, gap: Option<u8>) -> Format {
    Format { charset, layout: Layout::Fixed { gap } }
}

fn write(format: &Format, values: &[String], columns: &[Column]) -> Result<Vec<u8>, FlatError> {
    let mut line = Vec::new();
    for (place, (value, column)) in values.iter().zip(columns).enumerate() {
        format.write(place, value, column, &mut line)?;
    }
    Ok(line)
}

fn read(format: &Format, line: &[u8], columns: &[Column]) -> Result<Vec<String>, FlatError> {
    let mut row = Row::default();
    format.read(line, columns, &mut row)?;
    Ok((0..columns.len()).map(|at| row.get(at).unwrap().to_string()).collect())
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

#[cfg(feature = "gb18030")]
#[test]
fn delimiters_are_looked_for_after_decoding() {
    // The last byte of 皘 is `|`.
    let format = delimited(Charset::Gb18030, None);
    let values = texts(&["皘", "b"]);
    let line = write(&format, &values, &[column(0); 2]).unwrap();
    assert_eq!(line.iter().filter(|&&byte| byte == b'|').count(), 2);
    assert_eq!(read(&format, &line, &[column(0); 2]), Ok(values));
}

#[cfg(feature = "gb18030")]
#[test]
fn fixed_columns_are_cut_by_bytes() {
    let format = fixed(Charset::Gb18030, None);
    let values = texts(&["超市", "7"]);
    let line = write(&format, &values, &[column(6), number(3)]).unwrap();
    assert_eq!(line, b"\xb3\xac\xca\xd0  007");
    assert_eq!(read(&format, &line, &[column(6), number(3)]), Ok(values));
    let error = read(&format, &line, &[column(3), column(6)]).unwrap_err();
    assert_eq!(error, FlatError { column: 1, what: "text in the file's encoding" });
}

#[test]
fn what_does_not_fit_is_not_written() {
    let utf8 = Charset::Utf8;
    let refused = |format: &Format, value: &str, column: Column| {
        write(format, &texts(&["x", value]), &[column, column]).unwrap_err()
    };
    for (format, value, column) in [
        (delimited(utf8, None), "a|b", column(0)),
        (delimited(utf8, Some('"')), "a\nb", column(0)),
        (fixed(utf8, None), "abcde", column(4)),
        (fixed(utf8, None), "ab ", column(4)),
        (fixed(utf8, None), "000x", Column { number: false, ..number(4) }),
    ] {
        assert_eq!(refused(&format, value, column).column, 2, "{value}");
    }
}

#[test]
fn lines_of_another_form_are_refused_with_the_column() {
    let utf8 = Charset::Utf8;
    let quoted = delimited(utf8, Some('"'));
    for (format, line, at) in [
        (quoted, &b"a|b|c"[..], 0),
        (quoted, b"a", 0),
        (quoted, b"a|\"b", 2),
        (quoted, b"\"a\"x|b", 1),
        (quoted, b"a|b\"", 2),
        (quoted, b"a\t|b", 1),
        (quoted, b"\xff|b", 0),
        (fixed(utf8, None), b"aaab", 2),
        (fixed(utf8, None), b"aaabbbb", 0),
        (fixed(utf8, Some(b' ')), b"aaa-bbb", 2),
    ] {
        let error = read(&format, line, &[column(3); 2]).unwrap_err();
        assert_eq!(error.column, at, "{}", line.escape_ascii());
    }
    assert_eq!(read(&quoted, b"\"a\"\"|\"|", &[column(3); 2]), Ok(texts(&["a\"|", ""])));
    assert_eq!(read(&fixed(utf8, Some(b' ')), b"a   bb ", &[column(3); 2]), Ok(texts(&["a", "bb"])));
}

/// Texts with delimiters, quotes, filling, and characters whose bytes look like those.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("|".to_string()),
        Just("\"".to_string()),
        Just(" ".to_string()),
        Just("0".to_string()),
        Just("皘".to_string()),
        Just("亅".to_string()),
        Just("€".to_string()),
        Just("𠀀".to_string()),
        "\\PC",
        "[0-9a-z]{1,4}",
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(values in proptest::collection::vec(hostile(), 1..5)) {
        for charset in charsets() {
            let formats = [
                delimited(charset, None),
                delimited(charset, Some('"')),
                fixed(charset, None),
                fixed(charset, Some(b'|')),
            ];
            let columns: Vec<_> = (0..values.len()).map(|at| if at % 2 == 0 { column(40) } else { Column { number: false, ..number(40) } }).collect();
            for format in formats {
                // What cannot be told apart when it is read is refused when it is written.
                if let Ok(line) = write(&format, &values, &columns) {
                    prop_assert!(!line.contains(&b'\n'));
                    prop_assert_eq!(read(&format, &line, &columns), Ok(values.clone()));
                }
            }
            let quoted = write(&delimited(charset, Some('"')), &values, &columns);
            prop_assert!(quoted.is_ok() || charset != Charset::Utf8, "quotes take any printable text");
        }
    }

    #[test]
    fn no_line_makes_it_panic(line in proptest::collection::vec(any::<u8>(), 0..60)) {
        for charset in charsets() {
            for format in [delimited(charset, Some('"')), fixed(charset, None)] {
                let _ = read(&format, &line, &[column(9), number(4)]);
            }
        }
    }
}
