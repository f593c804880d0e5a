//! Random element strings, valid and broken in every way, are judged as another implementation of
//! the GS1 Barcode Syntax Dictionary judges them: BWIPP, through `tests/peer/gs1.mjs`, which needs
//! Node.js and the npm package `bwip-js` in the folder that `SCRIP_GS1_PEER` names. Without that
//! the test says that it was skipped. `SCRIP_GS1_STRINGS` says how many (20,000).

#![allow(clippy::unwrap_used)]

use scrip::codec::gs1::{
    Ai, Charset, DigitalLink, ElementString, Entry, Gs1Error, Gs1Fault, Lint, Part, Pattern, check_digit,
    entries,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

/// Numbers from a seed (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % (limit.max(1) as u64)) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn text(&mut self, alphabet: &str, len: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..len).map(|_| *self.of(&letters)).collect()
    }
}

const DIGITS: &str = "0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SET82: &str = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const SET39: &str = "#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SET64: &str = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// A coupon that is right, of both kinds: pieces that stand alone, then pieces that may follow.
const COUPONS: [&str; 6] = [
    "0123456123456111101230",
    "01234561234561111012303125001",
    "112345671234563100211012312",
    "012345612345611110123311911013201231420110169000",
    "001234561234560123456",
    "061234567890121234569123456789012345",
];

/// A component that its checks like more often than not.
fn component(part: &Part, draw: &mut Draw) -> String {
    let alphabet = match part.charset() {
        Charset::Numeric => DIGITS,
        Charset::Set82 => SET82,
        Charset::Set39 => SET39,
        Charset::Set64 => SET64,
    };
    let edge = draw.below(4);
    let len = match edge {
        0 => part.min(),
        1 => part.max(),
        _ => part.min() + draw.below(part.max() - part.min() + 1),
    };
    let mut text = draw.text(alphabet, len.max(1));
    for lint in part.lints() {
        text = fitting(*lint, text, draw);
    }
    text
}

fn date(years: &str, draw: &mut Draw) -> String {
    if draw.one_in(3) {
        let days = ["00", "28", "29", "30", "31", "32"];
        return format!("{years}{:02}{}", draw.below(14), draw.of(&days));
    }
    format!("{years}{:02}{:02}", 1 + draw.below(12), 1 + draw.below(28))
}

/// A number below the limit, now and then just the limit.
fn below_or(limit: usize, draw: &mut Draw) -> usize {
    if draw.one_in(12) { limit } else { draw.below(limit) }
}

fn fitting(lint: Lint, text: String, draw: &mut Draw) -> String {
    let rest = |from: usize| text.get(from..).unwrap_or_default().to_string();
    match lint {
        Lint::Csum => {
            let body = &text[..text.len() - 1];
            check_digit(body.as_bytes()).map_or(text.clone(), |check| format!("{body}{}", char::from(check)))
        }
        Lint::CsumAlpha => paired(&text, draw),
        Lint::GcpPos1 | Lint::GcpPos2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text,
        Lint::GcpPos1 => draw.text(DIGITS, 4) + &rest(4),
        Lint::GcpPos2 => format!("{}{}{}", &text[..1], draw.text(DIGITS, 4), rest(5)),
        Lint::Yymmdd | Lint::Yymmd0 => {
            let years = draw.text(DIGITS, 2);
            date(&years, draw)
        }
        Lint::Yyyymmdd => {
            let years = draw.of(&["1900", "2000", "2023", "2024", "2100", "2400"]);
            date(years, draw)
        }
        Lint::Hhmi => format!("{:02}{:02}", below_or(24, draw), below_or(60, draw)),
        Lint::Hh => format!("{:02}", below_or(24, draw)),
        Lint::Mi | Lint::Ss => format!("{:02}", below_or(60, draw)),
        Lint::Iso3166 | Lint::Iso3166Or999 => {
            let list = ["004", "156", "276", "528", "840", "894", "999", "000"];
            if draw.one_in(6) { text } else { draw.of(&list).to_string() }
        }
        Lint::Iso3166Alpha2 if draw.one_in(2) => draw.of(&["CN", "DE", "US", "ZW"]).to_string(),
        Lint::Iso3166Alpha2 => draw.text(UPPER, 2),
        Lint::Iso4217 => draw.of(&["156", "840", "978", "036", "999", "001", "925"]).to_string(),
        Lint::Iso5218 | Lint::Winding => draw.text("0129", 1),
        Lint::Iban => iban(draw),
        Lint::PercentEncoding => {
            if draw.one_in(2) {
                text.replace('%', "") + "%2F"
            } else {
                text.replace('%', "x")
            }
        }
        Lint::CouponCode | Lint::CouponPositiveOffer => {
            let coupon = draw.of(&COUPONS).to_string();
            if draw.one_in(6) { coupon + &text[..draw.below(text.len())] } else { coupon }
        }
        Lint::Hyphen => "-".repeat(text.len()),
        Lint::Latitude => draw.of(&["0000000000", "1800000000", "1800000001", "0912345678"]).to_string(),
        Lint::Longitude => draw.of(&["0000000000", "3600000000", "3600000001", "1912345678"]).to_string(),
        Lint::MediaType => format!("{:02}", draw.below(100)),
        Lint::Zero => "0".repeat(text.len()),
        Lint::PackageType => {
            draw.of(&["1A", "ZZ", "200", "8", "X20", "PAE", "AA", "9", "43", "7B"]).to_string()
        }
        Lint::PieceOfTotal => format!("{:02}{:02}", draw.below(9), 7 + draw.below(9)),
        Lint::PositionInSequence => format!("{}/{}", draw.below(9), 7 + draw.below(9)),
        Lint::YesNo => draw.text("01", 1),
        _ => text,
    }
}

/// A key with the check pair that belongs to it: one of all there can be.
fn paired(text: &str, draw: &mut Draw) -> String {
    const SET32: &str = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let body = draw.text(DIGITS, 4) + text.get(4..text.len().saturating_sub(2)).unwrap_or_default();
    let pairs = SET32.chars().flat_map(|a| SET32.chars().map(move |b| [a, b]));
    let mut whole = pairs.map(|[a, b]| format!("{body}{a}{b}"));
    whole.find(|all| ElementString::read(&format!("(8013){}", escaped(all))).is_ok()).unwrap_or(body)
}

fn iban(draw: &mut Draw) -> String {
    let country = draw.of(&["DE", "FR", "GB", "XX", "MT"]);
    let len = draw.below(32);
    let body = draw.text("0123456789ABCXYZ", len);
    let mut whole = (0..100).map(|check| format!("{country}{check:02}{body}"));
    whole.find(|all| ElementString::parse(&format!("(8007){all}(8020)1")).is_ok()).unwrap_or(body + "1")
}

fn value(entry: &Entry, draw: &mut Draw) -> String {
    let mut all = String::new();
    for part in entry.parts() {
        if part.is_optional() && draw.one_in(2) {
            break;
        }
        all += &component(part, draw);
    }
    all
}

fn broken(value: &mut Vec<char>, draw: &mut Draw) {
    let at = draw.below(value.len() + 1);
    match draw.below(8) {
        0 if at < value.len() => {
            value[at] = *draw.of(&['0', '9', 'A', 'z', '%', '=', '-', '/', '^', ' ', '~', '#'])
        }
        1 if at < value.len() && value.len() > 1 => drop(value.remove(at)),
        2 => value.insert(at, *draw.of(&['0', 'A', '7', '_', '('])),
        3 if at + 1 < value.len() => value.swap(at, at + 1),
        4 if value.len() > 1 => value.truncate(at.max(1)),
        5 => value.extend(['1', '2', '3']),
        6 => value.push('='),
        _ => {
            if let Some(last) = value.last_mut().filter(|last| last.is_ascii_digit()) {
                *last = char::from(b'0' + (*last as u8 - b'0' + 1) % 10);
            }
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('(', "\\(")
}

/// Identifiers that meet what one requires, if it requires something.
fn required(entry: &Entry, draw: &mut Draw) -> Vec<Ai> {
    if entry.requires().is_empty() {
        return Vec::new();
    }
    let group = draw.of(entry.requires());
    let all = |pattern: &Pattern| -> Vec<Ai> {
        entries().iter().flat_map(Entry::ais).filter(|ai| pattern.covers(*ai)).collect()
    };
    group.iter().map(|pattern| *draw.of(&all(pattern))).collect()
}

fn meets(entry: &Entry, ais: &[Ai]) -> bool {
    let there = |pattern: &Pattern| ais.iter().any(|ai| pattern.covers(*ai));
    entry.requires().is_empty() || entry.requires().iter().any(|group| group.iter().all(there))
}

fn excluded(ai: Ai, ais: &[Ai]) -> bool {
    let excludes = |a: Ai, b: Ai| a.entry().unwrap().excludes().iter().any(|pattern| pattern.covers(b));
    ais.iter().any(|other| excludes(ai, *other) || excludes(*other, ai))
}

/// Differences in which the reference engine, by its published tests and the dictionary's present
/// text, is with us.
fn is_explained(string: &str, ours: Result<(), Gs1Error>, theirs: &str) -> bool {
    match (ours.map_err(|error| error.fault()), theirs.split('#').next()) {
        // A company prefix has four digits, there three; a number without leading zeros may be 0 there.
        (Err(Gs1Fault::Check(Lint::GcpPos1 | Lint::GcpPos2 | Lint::NoZeroPrefix)), Some("ok")) => true,
        // (03) came later to the table, and is not yet in all of its rows there.
        (Ok(()), Some("bwipp.GS1missingAIs")) => string.contains("(03)"),
        (Err(Gs1Fault::Excludes(_)), Some("ok")) => string.contains("(03)"),
        // That a signed key needs its serial component is the engine's rule and no row's.
        (Err(Gs1Fault::NoSerial), Some("ok")) => true,
        // GTINs without their zeros were allowed in links once; the engine asks for leave.
        (Err(Gs1Fault::TooShort), Some("ok")) => string.starts_with("http"),
        // What is no percent-encoding stands for itself in the engine.
        (Ok(()), Some("bwipp.GS1dlBadHexCharacter")) => true,
        _ => false,
    }
}

fn string(draw: &mut Draw) -> String {
    let mut ais: Vec<Ai> = Vec::new();
    for _ in 0..=draw.below(3) {
        let all: Vec<Ai> = draw.of(entries()).ais().collect();
        let ai = *draw.of(&all);
        if !ais.is_empty() && !draw.one_in(3) && excluded(ai, &ais) {
            continue;
        }
        ais.push(ai);
        // What is required may require something itself.
        let mut next = ai;
        for _ in 0..3 {
            let met = meets(next.entry().unwrap(), &ais);
            let more = if met || draw.one_in(8) { Vec::new() } else { required(next.entry().unwrap(), draw) };
            let Some(last) = more.last() else { break };
            next = *last;
            ais.extend(more);
        }
    }
    let mut elements: Vec<(Ai, String)> = Vec::new();
    for ai in ais {
        let known = elements.iter().find(|(held, _)| *held == ai).map(|(_, value)| value.clone());
        match known {
            Some(same) if draw.one_in(3) => elements.push((ai, same)),
            Some(_) if !draw.one_in(8) => {}
            _ => elements.push((ai, value(ai.entry().unwrap(), draw))),
        }
    }
    if draw.one_in(2) {
        let (_, value) = &mut elements[0];
        let mut chars: Vec<char> = value.chars().collect();
        broken(&mut chars, draw);
        *value = chars.into_iter().collect();
    }
    // The order does not matter.
    let at = draw.below(elements.len());
    elements.rotate_left(at);
    elements.iter().map(|(ai, value)| format!("({ai}){}", escaped(value))).collect()
}

fn judged(folder: &str, strings: &[String]) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peer/gs1.mjs");
    let mut peer = Command::new("node")
        .arg(script)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = peer.stdin.take().unwrap();
    let text: String = strings.iter().map(|string| format!("{string}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = peer.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
}

#[test]
fn random_element_strings_are_judged_as_a_peer_judges_them() {
    let Ok(folder) = std::env::var("SCRIP_GS1_PEER") else {
        eprintln!("SKIPPED: SCRIP_GS1_PEER names no folder with bwip-js");
        return;
    };
    let count = std::env::var("SCRIP_GS1_STRINGS").map_or(20_000, |text| text.parse().unwrap());
    let mut draw = Draw(1);
    let strings: Vec<String> = (0..count).map(|_| string(&mut draw)).collect();
    let theirs = judged(&folder, &strings);
    assert_eq!(theirs.len(), strings.len());
    let (mut valid, mut explained) = (0, 0);
    let mut differ = BTreeMap::<String, (usize, String)>::new();
    for (string, theirs) in strings.iter().zip(&theirs) {
        let ours = ElementString::parse(string).map(|_| ());
        valid += usize::from(ours.is_ok());
        if ours.is_ok() != (theirs == "ok") {
            if is_explained(string, ours, theirs) {
                explained += 1;
                continue;
            }
            let why = ours.map_or_else(|error| error.to_string(), |()| "ok".into());
            let kind = theirs.split(": ").next().unwrap_or_default();
            differ.entry(format!("{kind} / {why}")).or_insert((0, string.clone())).0 += 1;
        }
    }
    eprintln!("{count} strings, {valid} of them valid; {explained} explained differences");
    for (kind, (times, example)) in &differ {
        eprintln!("{times:6} times {kind}: {example}");
    }
    assert!(differ.is_empty());
    assert!(valid * 5 > count && valid * 5 < count * 4, "strings of both kinds");
}

/// Links of valid strings, and what a change of one character makes of them.
#[test]
fn links_are_judged_as_a_peer_judges_them() {
    let Ok(folder) = std::env::var("SCRIP_GS1_PEER") else {
        eprintln!("SKIPPED: SCRIP_GS1_PEER names no folder with bwip-js");
        return;
    };
    let mut draw = Draw(2);
    let mut uris = Vec::new();
    while uris.len() < 10_000 {
        let string = string(&mut draw);
        let Ok(elements) = ElementString::parse(&string) else { continue };
        let Ok(uri) = elements.to_digital_link("https://id.gs1.org") else { continue };
        let mut chars: Vec<char> = uri.chars().collect();
        let at = 19 + draw.below(chars.len() - 19);
        match draw.below(3) {
            0 => chars[at] = *draw.of(&['0', '1', '9', 'A', '/', '?', '=', '&', '%', '~']),
            1 => drop(chars.remove(at)),
            _ => chars.insert(at, *draw.of(&['0', '5', 'x', '/', '%', '2'])),
        }
        uris.push(uri);
        uris.push(chars.into_iter().collect());
    }
    let theirs = judged(&folder, &uris);
    let mut differ = BTreeMap::<String, (usize, String)>::new();
    for (uri, theirs) in uris.iter().zip(&theirs) {
        let ours = DigitalLink::parse(uri).map(|_| ());
        if ours.is_ok() != (theirs == "ok") && !is_explained(uri, ours, theirs) {
            let why = ours.map_or_else(|error| error.to_string(), |()| "ok".into());
            let why = why.split(" (byte").next().unwrap_or_default().to_string();
            let kind = theirs.split(": ").next().unwrap_or_default();
            differ.entry(format!("{kind} / {why}")).or_insert((0, uri.clone())).0 += 1;
        }
    }
    for (kind, (times, example)) in &differ {
        eprintln!("{times:6} times {kind}: {example}");
    }
    assert!(differ.is_empty());
}
