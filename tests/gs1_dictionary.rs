//! The compiled table of application identifiers says what the GS1 Barcode Syntax Dictionary
//! says, line by line. Where the dictionary is not at hand, the test says that it was skipped.

use scrip::codec::gs1::{Ai, Entry, entries};
use std::collections::BTreeSet;
use std::path::Path;

/// Beside the package, or beside a folder that holds it.
const DICTIONARY: &str = "shared/data/gs1-syntax-dictionary.txt";

/// A line of the dictionary, taken apart.
#[derive(Debug, Default, PartialEq)]
struct Line {
    flags: BTreeSet<char>,
    /// Letter, shortest, longest, optional, names of checks.
    components: Vec<(char, usize, usize, bool, Vec<String>)>,
    requires: Vec<Vec<String>>,
    excludes: Vec<String>,
    key: Option<Vec<Vec<String>>>,
    title: String,
}

fn split(list: &str, by: char) -> Vec<String> {
    list.split(by).map(String::from).collect()
}

fn component(word: &str) -> (char, usize, usize, bool, Vec<String>) {
    let (format, checks) = word.split_once(',').unwrap_or((word, ""));
    let bare = format.trim_start_matches('[').trim_end_matches(']');
    let mut chars = bare.chars();
    let letter = chars.next().expect("a component has a letter");
    let length = chars.as_str();
    let (min, max) = match length.strip_prefix("..") {
        Some(max) => (1, max.parse().expect("a length")),
        None => (length.parse().expect("a length"), length.parse().expect("a length")),
    };
    let checks = if checks.is_empty() { Vec::new() } else { split(checks, ',') };
    (letter, min, max, format.starts_with('['), checks)
}

fn parse(text: &str) -> (Vec<Ai>, Line) {
    let (body, title) = text.split_once('#').unwrap_or((text, ""));
    let mut words = body.split_whitespace();
    let range = words.next().expect("a line begins with identifiers");
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let numbers = first.parse::<u16>().expect("a number")..=last.parse().expect("a number");
    let mut line = Line { title: title.trim().into(), ..Line::default() };
    for word in words {
        match word.split_once('=') {
            Some(("req", groups)) => {
                line.requires = split(groups, ',').iter().map(|g| split(g, '+')).collect()
            }
            Some(("ex", list)) => line.excludes = split(list, ','),
            Some(("dlpkey", all)) => line.key = Some(split(all, '|').iter().map(|q| split(q, ',')).collect()),
            Some(_) => panic!("unknown attribute {word}"),
            None if word == "dlpkey" => line.key = Some(Vec::new()),
            None if word.starts_with(['N', 'X', 'Y', 'Z', '[']) => line.components.push(component(word)),
            None => line.flags.extend(word.chars()),
        }
    }
    (numbers.map(Ai::new).collect(), line)
}

fn compiled(entry: &Entry) -> Line {
    let mut flags = BTreeSet::new();
    flags.extend(entry.is_predefined().then_some('*'));
    flags.extend(entry.is_attribute().then_some('?'));
    let texts = |list: &[Ai]| list.iter().map(Ai::to_string).collect::<Vec<_>>();
    let components = entry.parts().iter().map(|part| {
        let checks = part.lints().iter().map(|lint| lint.name().into()).collect();
        (part.charset().letter(), part.min(), part.max(), part.is_optional(), checks)
    });
    let group = |group: &&[scrip::codec::gs1::Pattern]| group.iter().map(ToString::to_string).collect();
    Line {
        flags,
        components: components.collect(),
        requires: entry.requires().iter().map(group).collect(),
        excludes: entry.excludes().iter().map(ToString::to_string).collect(),
        key: entry.key_qualifiers().map(|all| all.iter().map(|list| texts(list)).collect()),
        title: entry.title().into(),
    }
}

#[test]
fn the_table_says_what_the_dictionary_says() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    let Some(text) = folders.map(|f| f.join(DICTIONARY)).find_map(|file| std::fs::read_to_string(file).ok())
    else {
        println!("skipped: no GS1 Barcode Syntax Dictionary at ../{DICTIONARY}");
        return;
    };
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())) {
        let (ais, expected) = parse(line);
        for ai in ais {
            let entry = ai.entry().unwrap_or_else(|| panic!("{ai:?} is missing"));
            assert_eq!(compiled(entry), expected, "{line}");
            assert!(seen.insert(ai), "{ai:?} is there twice");
        }
    }
    let known: BTreeSet<Ai> = entries().iter().flat_map(Entry::ais).collect();
    assert_eq!(known, seen);
    assert!(seen.len() > 500, "only {} identifiers", seen.len());
    println!("compared {} identifiers", seen.len());
}
