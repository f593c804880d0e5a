//! The strings of `tests/gs1/verdicts.txt`, of which the GS1 reference engine's own tests say
//! whether every rule holds, are judged the same here: element strings and Digital Links.

#![allow(clippy::unwrap_used)]

use scrip::codec::gs1::{DigitalLink, ElementString, Gs1Error, SymbologyId};

const VERDICTS: &str = include_str!("gs1/verdicts.txt");

/// The elements as the engine writes them, with `^` only where a separator has to be.
fn judged(text: &str) -> Result<String, Gs1Error> {
    let mut caret = String::new();
    if text.contains("://") {
        DigitalLink::parse(text)?.elements().write_caret(&mut caret);
    } else {
        let (_, data) = SymbologyId::split(text);
        ElementString::parse(data)?.write_caret(&mut caret);
    }
    Ok(caret.trim_start_matches('^').into())
}

#[test]
fn the_reference_engines_own_strings_are_judged_as_it_judges_them() {
    let mut count = 0;
    for line in VERDICTS.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let (verdict, text) = (fields.next().unwrap(), fields.next().unwrap().replace("\\x1d", "\u{1d}"));
        let found = judged(&text);
        assert_eq!(found.is_ok(), verdict == "valid", "{text}: {found:?}");
        if let (Ok(found), Some(elements)) = (found, fields.next()) {
            assert_eq!(found, elements, "{text}");
        }
        count += 1;
    }
    assert_eq!(count, 275);
}
