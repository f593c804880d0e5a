//! GB18030 as Python's own codec has it, both ways. Says so where there is no Python.

use scrip::codec::flat::Charset;
use std::collections::BTreeMap;
use std::process::Command;

/// Every character up to U+FFFF that is one, and some beyond, with its bytes.
const SCRIPT: &str = "
for c in list(range(0x80, 0xd800)) + list(range(0xe000, 0x10000)) + list(range(0x10000, 0x110000, 977)):
    print('%x %s' % (c, chr(c).encode('gb18030').hex()))
";

/// Python has the edition of 2005, the Encoding Standard that of 2022, which gave 18 pairs of bytes
/// to characters of Unicode that were private before. Where the two differ: the private
/// characters and their successors, U+1E3F with the private character that stood for it, and U+E5E5,
/// which the Encoding Standard does not write.
fn differs_by_edition(c: char) -> bool {
    matches!(u32::from(c),
        0xe5e5 | 0xe7c7 | 0x1e3f
        | 0xe78d..=0xe796 | 0xe81e | 0xe826 | 0xe82b | 0xe82c | 0xe832 | 0xe843 | 0xe854 | 0xe864
        | 0xfe10..=0xfe19 | 0x9fb4..=0x9fbb)
}

#[test]
fn bytes_and_characters_are_those_of_pythons_codec() {
    let charset = Charset::from_name("gb18030").unwrap();
    let Ok(output) = Command::new("python3").args(["-c", SCRIPT]).output() else {
        eprintln!("python3 is not installed: GB18030 was not compared with its codec");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table: BTreeMap<char, Vec<u8>> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let (c, bytes) = line.split_once(' ').unwrap();
            let c = char::from_u32(u32::from_str_radix(c, 16).unwrap()).unwrap();
            let pairs = (0..bytes.len() / 2).map(|at| &bytes[2 * at..2 * at + 2]);
            (c, pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect())
        })
        .collect();
    assert!(table.len() > 60_000, "{}", table.len());
    let (mut other_bytes, mut other_text) = (Vec::new(), Vec::new());
    for (&c, bytes) in &table {
        let mut written = Vec::new();
        if charset.write(&c.to_string(), &mut written).is_none() || written != *bytes {
            other_bytes.push(c);
        }
        let mut read = String::new();
        if charset.read(bytes, &mut read).is_none() || read != c.to_string() {
            other_text.push(c);
        }
    }
    println!("{} characters; differing: {other_bytes:?} written, {other_text:?} read", table.len());
    assert!(other_bytes.iter().chain(&other_text).all(|c| differs_by_edition(*c)));
}
