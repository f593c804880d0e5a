//! Cuts the text at its table headers, so that each part is read by the room it belongs to, with
//! its places unchanged: what is not of the part becomes blanks.

use super::Wrong;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

const NAMES: [&str; 6] = ["product", "issuer", "rail", "policy", "bounds", "keys"];

/// The name of the parts that hold terms: `[issuer.NAME.terms]` and tables below it.
pub(super) const TERMS: &str = "terms";

/// One table: from its header to the next one.
struct Part<'a> {
    name: &'a str,
    all: Range<usize>,
    /// The first key of the header with the dot after it.
    prefix: Range<usize>,
}

/// The text, cut at its table headers.
pub(super) struct Sections<'a> {
    text: &'a str,
    parts: Vec<Part<'a>>,
}

impl<'a> Sections<'a> {
    pub(super) fn split(text: &'a str) -> Result<Self, Wrong> {
        let mut parts: Vec<Part<'a>> = Vec::new();
        for start in Scan::new(text).starts() {
            let line = text.get(start..).unwrap_or_default();
            if !line.starts_with('[') {
                match parts.is_empty() {
                    true => return Err(Wrong::new(start, "everything stands in a table")),
                    false => continue,
                }
            }
            let part = header(text, start)?;
            if let Some(last) = parts.last_mut() {
                last.all.end = start;
            }
            parts.push(part);
        }
        Ok(Self { text, parts })
    }

    /// The tables of these names, and blanks for everything else. What the text held is zeroised
    /// when this is dropped, for it may hold keys.
    pub(super) fn only(&self, names: &[&str]) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::with_capacity(self.text.len()));
        let parts = self.parts.iter().filter(|part| names.contains(&part.name));
        for part in parts {
            self.blank(&mut out, part.all.start);
            if part.name == "policy" {
                self.copy(&mut out, part.prefix.start);
                self.blank(&mut out, part.prefix.end);
            }
            self.copy(&mut out, part.all.end);
        }
        self.blank(&mut out, self.text.len());
        out
    }

    /// Where the table `[kind.name]` starts.
    pub(super) fn place_of(&self, kind: &str, name: &str) -> usize {
        let here = |part: &&Part<'_>| {
            let rest = self.text.get(part.prefix.end..part.all.end).unwrap_or_default();
            part.name == kind && rest.trim_start().trim_start_matches(['"', '\'']).starts_with(name)
        };
        self.parts.iter().find(here).map_or(0, |part| part.all.start)
    }

    fn blank(&self, out: &mut String, end: usize) {
        let part = self.text.as_bytes().get(out.len()..end).unwrap_or_default();
        out.extend(part.iter().map(|&byte| if byte == b'\n' { '\n' } else { ' ' }));
    }

    fn copy(&self, out: &mut String, end: usize) {
        out.push_str(self.text.get(out.len()..end).unwrap_or_default());
    }
}

/// Whether a header is that of `issuer.NAME.terms` or of a table below it.
fn is_terms(line: &str) -> bool {
    let Ok(table) = DeTable::parse(line) else { return false };
    let Some(DeValue::Table(issuers)) = table.get_ref().get("issuer").map(Spanned::get_ref) else {
        return false;
    };
    let has = |issuer: &Spanned<DeValue<'_>>| matches!(issuer.get_ref(), DeValue::Table(issuer) if issuer.contains_key(TERMS));
    issuers.values().any(has)
}

/// Reads the first key of the header that starts at `start`.
fn header(text: &str, start: usize) -> Result<Part<'_>, Wrong> {
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let key = line.trim_start_matches(['[', ' ', '\t']);
    let name = key.split(['.', ']', ' ', '\t']).next().unwrap_or_default();
    let name_at = start.saturating_add(line.len().saturating_sub(key.len()));
    if !NAMES.contains(&name) {
        let what = format!("a table of {} is expected", NAMES.join(", "));
        return Err(Wrong::new(name_at, what));
    }
    let after = key.get(name.len()..).unwrap_or_default();
    let dot = after.trim_start().starts_with('.');
    // What was agreed with an issuer is its adapter's to read.
    let name = if name == "issuer" && is_terms(line) { TERMS } else { name };
    if name == "policy" && !dot {
        return Err(Wrong::new(name_at, "policy.risk, policy.terms or policy.flow is expected"));
    }
    let to_dot = after.find('.').filter(|_| dot).map_or(0, |at| at.saturating_add(1));
    let first = key.len().saturating_sub(after.len());
    let end = name_at.saturating_add(first).saturating_add(to_dot);
    Ok(Part { name, all: start..text.len(), prefix: name_at..end })
}

/// Finds where statements start: the first byte of each line that is not inside of a string or a
/// bracket and holds more than a comment.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    starts: Vec<usize>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), at: 0, starts: Vec::new() }
    }

    fn starts(mut self) -> Vec<usize> {
        let (mut fresh, mut depth) = (true, 0_usize);
        while let Some(&byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'#') {
                if fresh && depth == 0 {
                    self.starts.push(self.at);
                }
                fresh = false;
            }
            match byte {
                b'\n' => fresh = true,
                b'#' => self.skip_to(b"\n"),
                b'"' | b'\'' => self.string(byte),
                b'[' | b'{' => depth = depth.saturating_add(1),
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at = self.at.saturating_add(1);
        }
        self.starts
    }

    /// Leaves `at` at the last byte of the string.
    fn string(&mut self, quote: u8) {
        let three = [quote; 3];
        let long = self.rest().starts_with(&three);
        let close: &[u8] = if long { &three } else { &[quote] };
        self.at = self.at.saturating_add(close.len());
        while let Some(&byte) = self.bytes.get(self.at) {
            if self.rest().starts_with(close) {
                self.at = self.at.saturating_add(close.len() - 1);
                return;
            }
            match byte {
                b'\\' if quote == b'"' => self.at = self.at.saturating_add(2),
                // A string that is not closed ends with its line; its reader will say so.
                b'\n' if !long => {
                    self.at = self.at.saturating_sub(1);
                    return;
                }
                _ => self.at = self.at.saturating_add(1),
            }
        }
    }

    /// Leaves `at` before the next `end`.
    fn skip_to(&mut self, end: &[u8]) {
        while self.bytes.get(self.at).is_some() && !self.rest().starts_with(end) {
            self.at = self.at.saturating_add(1);
        }
        self.at = self.at.saturating_sub(1);
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}
