//! Names of files: a pattern with a date, a time and a number in it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// When a file was made, and its number among the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    /// `YYYYMMDD`.
    pub(super) date: u32,
    /// `hhmmss`.
    pub(super) time: u32,
    pub(super) sequence: u32,
}

/// What of a stamp a file or its name tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) date: Option<u32>,
    pub(super) sequence: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Date,
    Time,
    Sequence(usize),
}

/// A pattern such as `DEBIT_{date}_{sequence:4}.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const PARTS: &str = "{date}, {time} and {sequence:N} with N of 1 to 9 are expected in braces";
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after.split_once('}').ok_or(PARTS)?;
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            parts.push(match inside {
                "date" => Part::Date,
                "time" => Part::Time,
                _ => {
                    let width = inside.strip_prefix("sequence:").and_then(|width| width.parse().ok());
                    Part::Sequence(width.filter(|width| (1..=9).contains(width)).ok_or(PARTS)?)
                }
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let texts =
            parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
        if !texts.flat_map(|text| text.chars()).all(plain) || text.starts_with('.') {
            return Err("a file name of letters, digits, `.`, `_` and `-` that does not begin with a dot");
        }
        let pattern = Self(parts);
        match pattern.numbers() {
            true => Ok(pattern),
            false => Err("{sequence:N} is expected: no two files have one name"),
        }
    }

    fn numbers(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Sequence(_)))
    }

    /// The name of a file; `None` if its number has more digits than the pattern has room for.
    pub(super) fn write(&self, stamp: &Stamp) -> Option<String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Date => write!(out, "{:08}", stamp.date).ok()?,
                Part::Time => write!(out, "{:06}", stamp.time).ok()?,
                Part::Sequence(width) => {
                    let start = out.len();
                    write!(out, "{:0width$}", stamp.sequence).ok()?;
                    if out.len().saturating_sub(start) > *width {
                        return None;
                    }
                }
            }
        }
        Some(out)
    }

    /// What a name tells, if it is one of this pattern.
    pub(super) fn read(&self, name: &str) -> Option<Told> {
        let (mut told, mut rest) = (Told::default(), name);
        for part in &self.0 {
            let width = match part {
                Part::Text(text) => {
                    rest = rest.strip_prefix(text.as_str())?;
                    continue;
                }
                Part::Date => 8,
                Part::Time => 6,
                Part::Sequence(width) => *width,
            };
            let digits =
                rest.get(..width).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            rest = rest.get(width..)?;
            match part {
                Part::Date => told.date = Some(digits.parse().ok()?),
                Part::Sequence(_) => told.sequence = Some(digits.parse().ok()?),
                _ => {}
            }
        }
        rest.is_empty().then_some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_it_was_made_of() {
        let pattern = Pattern::parse("DEBIT_{date}{time}_{sequence:4}.txt").unwrap();
        let stamp = Stamp { date: 20_261_123, time: 73_015, sequence: 7 };
        let name = pattern.write(&stamp).unwrap();
        assert_eq!(name, "DEBIT_20261123073015_0007.txt");
        assert_eq!(pattern.read(&name), Some(Told { date: Some(20_261_123), sequence: Some(7) }));
        assert_eq!(pattern.write(&Stamp { sequence: 10_000, ..stamp }), None);
        for other in ["DEBIT_20261123073015_0007.txt.ok", "DEBIT_2026112307301x_0007.txt", ""] {
            assert_eq!(pattern.read(other), None, "{other}");
        }
    }

    #[test]
    fn patterns_that_could_not_be_names_are_refused() {
        for text in ["../{sequence:4}", ".{sequence:4}", "a", "{sequence}", "{sequence:0}", "{day}", "{date"]
        {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
