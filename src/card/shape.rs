//! The shape of a card number or secret: alphabet, lengths, beginnings, check digit.

use super::check;
use super::normalize::{fold, normalize_digits, normalize_letters_and_digits};
use crate::base::{Secret, Text, Writer};
use alloc::vec::Vec;
use core::fmt;

/// Which characters a number or secret is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// 0 to 9.
    Digits,
    /// 0 to 9 and A to Z; small letters are read as capitals.
    LettersAndDigits,
}

impl Alphabet {
    fn holds(self, c: char) -> bool {
        match self {
            Self::Digits => c.is_ascii_digit(),
            Self::LettersAndDigits => c.is_ascii_alphanumeric(),
        }
    }

    fn normalize(self, text: &str) -> Secret {
        match self {
            Self::Digits => normalize_digits(text),
            Self::LettersAndDigits => normalize_letters_and_digits(text),
        }
    }
}

/// How the last digit is computed from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckDigit {
    /// Luhn, see [`check::luhn`].
    Luhn,
    /// GS1 modulo 10, see [`check::gs1_mod10`].
    Gs1,
}

impl CheckDigit {
    fn passes(self, digits: &[u8]) -> bool {
        match self {
            Self::Luhn => check::luhn(digits),
            Self::Gs1 => check::gs1_mod10(digits),
        }
    }
}

impl fmt::Display for CheckDigit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Luhn => "Luhn",
            Self::Gs1 => "GS1 modulo 10",
        })
    }
}

/// A set of lengths from 1 to [`Lengths::MAX`] characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths(u64);

impl Lengths {
    /// The greatest length that a number or secret may have.
    pub const MAX: usize = 64;

    /// Every length.
    pub const ANY: Self = Self(u64::MAX);

    /// This set and `length`; none if that is 0 or above [`Lengths::MAX`].
    pub fn with(self, length: usize) -> Option<Self> {
        Self::bit(length).map(|bit| Self(self.0 | bit))
    }

    /// Whether `length` is in the set.
    pub fn holds(self, length: usize) -> bool {
        Self::bit(length).is_some_and(|bit| self.0 & bit != 0)
    }

    /// The lengths, from the least.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (1..=Self::MAX).filter(move |length| self.holds(*length))
    }

    fn bit(length: usize) -> Option<u64> {
        let place = length.checked_sub(1).filter(|_| length <= Self::MAX)?;
        Some(1 << place)
    }
}

impl fmt::Display for Lengths {
    /// Such as `16 or 19`, `13 to 18`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let starts = self.iter().filter(|length| !self.holds(length - 1));
        for (i, start) in starts.enumerate() {
            let end = (start..=Self::MAX).find(|length| !self.holds(length + 1)).unwrap_or(Self::MAX);
            f.write_str(if i > 0 { " or " } else { "" })?;
            if end > start { write!(f, "{start} to {end}")? } else { write!(f, "{start}")? }
        }
        Ok(())
    }
}

/// What a card number or secret must look like. Its `Display` says it to a person:
/// `16 to 19 digits starting with 62`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub(super) alphabet: Alphabet,
    pub(super) lengths: Lengths,
    /// Sorted, none twice; empty: any beginning.
    pub(super) prefixes: Vec<Text>,
    pub(super) check: Option<CheckDigit>,
    pub(super) group: Option<u8>,
}

/// Why a text has not the shape asked for. It never holds a part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Nothing but white space and separators was there.
    Missing,
    /// A character outside the alphabet.
    Character {
        /// Its place, counted in characters from 1, after white space at the start.
        at: usize,
    },
    /// A length that is not among the lengths.
    Length {
        /// The length found in characters, without separators.
        found: usize,
    },
    /// A beginning that is not among the prefixes.
    Prefix,
    /// The last digit does not follow from the others.
    CheckDigit(CheckDigit),
}

impl Shape {
    /// Up to [`Lengths::MAX`] letters and digits: what a product that does not use the field
    /// still keeps of it.
    pub(super) const ANY: Self = Self {
        alphabet: Alphabet::LettersAndDigits,
        lengths: Lengths::ANY,
        prefixes: Vec::new(),
        check: None,
        group: None,
    };

    /// The characters.
    pub fn alphabet(&self) -> Alphabet {
        self.alphabet
    }

    /// The lengths, without separators.
    pub fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// The beginnings, sorted; none means any.
    pub fn prefixes(&self) -> &[Text] {
        &self.prefixes
    }

    /// The check digit, if there is one.
    pub fn check(&self) -> Option<CheckDigit> {
        self.check
    }

    /// How many characters stand together where the issuer prints it in groups. Separators are
    /// dropped wherever they stand, whether or not this is known.
    pub fn group(&self) -> Option<u8> {
        self.group
    }

    /// Normalises `text` and checks it.
    ///
    /// # Errors
    /// [`Problem`]: the first of missing, character, length, prefix, check digit.
    pub fn read(&self, text: &str) -> Result<Secret, Problem> {
        let value = self.alphabet.normalize(text);
        if value.is_empty() {
            return Err(Problem::Missing);
        }
        let stray = |c: char| fold(c).is_some_and(|c| !self.alphabet.holds(c));
        if let Some(before) = text.trim().chars().position(stray) {
            return Err(Problem::Character { at: before + 1 });
        }
        if !self.lengths.holds(value.len()) {
            return Err(Problem::Length { found: value.len() });
        }
        let begins = |prefix: &Text| value.expose().starts_with(prefix.as_bytes());
        if !self.prefixes.is_empty() && !self.prefixes.iter().any(begins) {
            return Err(Problem::Prefix);
        }
        match self.check {
            Some(check) if !check.passes(value.expose()) => Err(Problem::CheckDigit(check)),
            _ => Ok(value),
        }
    }

    /// Writes the canonical form, for the catalogue's digest.
    pub(super) fn write(&self, out: &mut Writer<'_>) {
        out.u8(match self.alphabet {
            Alphabet::Digits => 1,
            Alphabet::LettersAndDigits => 2,
        });
        out.u64(self.lengths.0);
        super::write_count(out, self.prefixes.len());
        self.prefixes.iter().for_each(|prefix| {
            out.text(prefix);
        });
        out.u8(match self.check {
            None => 0,
            Some(CheckDigit::Luhn) => 1,
            Some(CheckDigit::Gs1) => 2,
        });
        out.u8(self.group.unwrap_or(0));
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alphabet = match self.alphabet {
            Alphabet::Digits => "digits",
            Alphabet::LettersAndDigits => "letters and digits",
        };
        write!(f, "{} {alphabet}", self.lengths)?;
        for (i, prefix) in self.prefixes.iter().enumerate() {
            write!(f, " {} {prefix}", if i == 0 { "starting with" } else { "or" })?;
        }
        match self.group {
            Some(group) => write!(f, ", in groups of {group} or not"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn lengths(of: impl IntoIterator<Item = usize>) -> Lengths {
        of.into_iter().fold(Lengths::default(), |set, length| set.with(length).unwrap())
    }

    fn bank() -> Shape {
        Shape {
            alphabet: Alphabet::Digits,
            lengths: lengths(16..=19),
            prefixes: vec![Text::new("62").unwrap()],
            check: Some(CheckDigit::Luhn),
            group: None,
        }
    }

    #[test]
    fn a_set_of_lengths_prints_as_people_say_it() {
        assert_eq!(lengths([16, 19]).to_string(), "16 or 19");
        assert_eq!(lengths(13..=18).to_string(), "13 to 18");
        assert_eq!(lengths([1, 63, 64]).to_string(), "1 or 63 to 64");
        assert_eq!(Lengths::ANY.to_string(), "1 to 64");
        assert_eq!((Lengths::ANY.with(0), Lengths::ANY.with(65)), (None, None));
        assert!(!Lengths::ANY.holds(0) && !Lengths::ANY.holds(65) && !Lengths::ANY.holds(usize::MAX));
    }

    #[test]
    fn each_rule_gives_its_own_problem() {
        let cases = [
            ("", Problem::Missing),
            (" - ", Problem::Missing),
            ("  6222x021234567894", Problem::Character { at: 5 }),
            ("6222\n0212\n3456\n7894", Problem::Character { at: 5 }),
            ("６２２２　021", Problem::Length { found: 7 }),
            ("4111111111111111", Problem::Prefix),
            ("6222021234567890", Problem::CheckDigit(CheckDigit::Luhn)),
        ];
        for (text, problem) in cases {
            assert_eq!(bank().read(text), Err(problem), "{text:?}");
        }
        let number = bank().read(" 6222 0212 3456 7894 ").unwrap();
        assert_eq!(number.expose(), b"6222021234567894");
    }

    #[test]
    fn a_shape_says_what_it_expects() {
        assert_eq!(bank().to_string(), "16 to 19 digits starting with 62");
        let secret = Shape { lengths: lengths([16]), group: Some(4), ..Shape::ANY };
        assert_eq!(secret.to_string(), "16 letters and digits, in groups of 4 or not");
    }
}
