//! Repair of texts that were read from pictures: characters that look alike, guided by what the
//! number or secret must look like. Repairs are offered, never applied.

use super::normalize::fold;
use super::shape::{Alphabet, Shape};
use crate::base::Secret;
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// At most this many combinations of lookalikes are tried for one text.
pub const MAX_COMBINATIONS: usize = 4_096;

/// At most this many readings are offered for one text, those with fewest changes first.
pub const MAX_READINGS: usize = 16;

/// At most this many characters are changed that could stay as they are: a reader of pictures
/// that errs more often has read nothing.
const MAX_FREE_CHANGES: usize = 3;

/// How much speaks for a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// The only reading that fits, and its check digit is right: one in ten wrong readings
    /// would pass.
    High,
    /// The only reading that fits; each changed character cannot be what it was read as.
    Medium,
    /// One of several that fit, or the search was cut short.
    Low,
}

impl Confidence {
    /// `high`, `medium` or `low`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// One character that was taken for another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Its place, counted in characters from 1, without separators.
    pub at: usize,
    /// What was read.
    pub found: char,
    /// What it is taken for.
    pub taken: char,
}

impl fmt::Debug for Change {
    /// The place alone: the characters are of a number or a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Change at {}", self.at)
    }
}

/// A reading that fits the shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The normalised number or secret.
    pub value: Secret,
    /// What was changed, by place; empty for the text as it was read.
    pub changes: Vec<Change>,
    /// How much speaks for it.
    pub confidence: Confidence,
}

/// Every reading of `text` that fits `shape`: as it was read if that fits, then with lookalikes
/// exchanged (O and 0, I, l and 1, B and 8, S and 5, Z and 2 and a few more), fewest changes
/// first, at most [`MAX_READINGS`] after at most [`MAX_COMBINATIONS`] tries.
///
/// A text of digits that has letters in it is changed only where the letters are. Where letters
/// and digits may both stand, up to three characters are exchanged; if a text fits as it was
/// read and has no check digit, the others are no better than it.
///
/// ```
/// use scrip::card::{Catalogue, ocr};
/// # let catalogue = Catalogue::parse(include_str!("../../examples/data/catalogue.toml"))?;
/// let bank = catalogue.product("bank-prepaid").and_then(|product| product.number()).ok_or("no shape")?;
/// let readings = ocr::readings("6222 O2l2 3456 7B94", bank);
/// assert_eq!(readings.len(), 1);
/// assert_eq!(readings[0].value.expose(), b"6222021234567894");
/// assert_eq!(readings[0].changes.iter().map(|change| change.at).collect::<Vec<_>>(), [5, 7, 14]);
/// assert_eq!(readings[0].confidence, ocr::Confidence::High);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn readings(text: &str, shape: &Shape) -> Vec<Reading> {
    let read = Zeroizing::new(text.trim().chars().filter_map(fold).collect::<Vec<char>>());
    if !shape.lengths().holds(read.len()) {
        return Vec::new();
    }
    let mut search = Search::new(shape, &read);
    for changes in 0..=MAX_FREE_CHANGES {
        search.place(0, changes);
    }
    search.finish()
}

/// What a character that was read may stand for in an alphabet, itself first if it belongs
/// there; capitals stand for small letters.
fn meanings(read: char, alphabet: Alphabet) -> Meanings {
    let capital = read.to_ascii_uppercase();
    let digit = match read {
        'O' | 'o' | 'Q' | 'D' => Some('0'),
        'I' | 'i' | 'l' | 'L' | '|' | '!' => Some('1'),
        'Z' | 'z' => Some('2'),
        'S' | 's' => Some('5'),
        'b' | 'G' => Some('6'),
        'B' => Some('8'),
        'g' | 'q' => Some('9'),
        _ => None,
    };
    match alphabet {
        Alphabet::Digits if read.is_ascii_digit() => [Some(read), None, None],
        Alphabet::Digits => [digit, None, None],
        Alphabet::LettersAndDigits => match capital {
            '0' => [Some('0'), Some('O'), None],
            'O' => [Some('O'), Some('0'), None],
            '1' => [Some('1'), Some('I'), Some('L')],
            // Only the small l looks like I and 1, only the small i is sure.
            'L' if read == 'l' => [Some('L'), Some('1'), Some('I')],
            'I' if read == 'I' => [Some('I'), Some('1'), Some('L')],
            '8' => [Some('8'), Some('B'), None],
            'B' if read == 'B' => [Some('B'), Some('8'), None],
            '5' => [Some('5'), Some('S'), None],
            'S' => [Some('S'), Some('5'), None],
            '2' => [Some('2'), Some('Z'), None],
            'Z' => [Some('Z'), Some('2'), None],
            _ if capital.is_ascii_alphanumeric() => [Some(capital), None, None],
            _ => [digit, None, None],
        },
    }
}

type Meanings = [Option<char>; 3];

struct Search<'a> {
    shape: &'a Shape,
    read: &'a [char],
    meanings: Zeroizing<Vec<char>>,
    /// Where the meanings of each character end.
    ends: Vec<usize>,
    current: Zeroizing<Vec<u8>>,
    tried: usize,
    cut: bool,
    found: Vec<(Secret, Vec<Change>)>,
}

impl<'a> Search<'a> {
    fn new(shape: &'a Shape, read: &'a [char]) -> Self {
        let mut meant = Zeroizing::new(Vec::with_capacity(3 * read.len()));
        let mut ends = Vec::with_capacity(read.len());
        for c in read {
            meant.extend(meanings(*c, shape.alphabet()).into_iter().flatten());
            ends.push(meant.len());
        }
        let current = Zeroizing::new(Vec::with_capacity(read.len()));
        Self { shape, read, meanings: meant, ends, current, tried: 0, cut: false, found: Vec::new() }
    }

    fn meanings_of(&self, place: usize) -> core::ops::Range<usize> {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        start..self.ends.get(place).copied().unwrap_or(start)
    }

    /// Sets this character and those after it, with exactly so many free changes.
    fn place(&mut self, place: usize, changes: usize) {
        if place == self.read.len() {
            if changes == 0 {
                self.judge();
            }
            return;
        }
        // No more changes than characters that are left, so that this ends at once.
        if self.cut || changes > self.read.len() - place {
            return;
        }
        for (nth, meaning) in self.meanings_of(place).enumerate() {
            let Some(left) = changes.checked_sub(usize::from(nth > 0)) else { return };
            let taken = self.meanings.get(meaning).copied().unwrap_or_default();
            self.current.push(u8::try_from(taken).expect("meanings are ASCII"));
            self.place(place + 1, left);
            self.current.pop();
        }
    }

    fn judge(&mut self) {
        if self.tried == MAX_COMBINATIONS || self.found.len() == MAX_READINGS {
            self.cut = true;
            return;
        }
        self.tried += 1;
        let text = core::str::from_utf8(&self.current).expect("meanings are ASCII");
        let Ok(value) = self.shape.read(text) else { return };
        let changes = self.read.iter().zip(self.current.iter()).enumerate();
        let changes = changes
            .filter(|(_, (found, taken))| found.to_ascii_uppercase() != char::from(**taken))
            .map(|(at, (found, taken))| Change { at: at + 1, found: *found, taken: char::from(*taken) });
        let changes = changes.collect();
        self.found.push((value, changes));
    }

    fn finish(self) -> Vec<Reading> {
        let confidence = match (self.found.len(), self.shape.check()) {
            (1, Some(_)) if !self.cut => Confidence::High,
            (1, None) if !self.cut => Confidence::Medium,
            _ => Confidence::Low,
        };
        self.found.into_iter().map(|(value, changes)| Reading { value, changes, confidence }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{Catalogue, check};
    use alloc::string::String;
    use proptest::prelude::*;

    const SHIPPED: &str = include_str!("../../examples/data/catalogue.toml");

    fn number(product: &str) -> Shape {
        Catalogue::parse(SHIPPED).unwrap().product(product).unwrap().number().unwrap().clone()
    }

    fn secret(product: &str) -> Shape {
        Catalogue::parse(SHIPPED).unwrap().product(product).unwrap().secret().unwrap().clone()
    }

    fn values(readings: &[Reading]) -> Vec<&str> {
        readings.iter().map(|reading| core::str::from_utf8(reading.value.expose()).unwrap()).collect()
    }

    #[test]
    fn letters_among_digits_are_taken_for_the_digits_they_look_like() {
        let found = readings("２３２６ l2Z4 S6GB 9Oq4", &number("walmart-gift"));
        assert_eq!(values(&found), ["2326122456689094"]);
        assert_eq!(found[0].confidence, Confidence::Medium);
        assert_eq!(found[0].changes.iter().map(|c| c.at).collect::<Vec<_>>(), [5, 7, 9, 11, 12, 14, 15]);
        assert!(readings("2326 1234 1234 123X", &number("walmart-gift")).is_empty(), "X is no digit's like");
        assert!(readings("2326 1234 1234 12", &number("walmart-gift")).is_empty());
    }

    #[test]
    fn a_check_digit_confirms_a_repair_or_refuses_it() {
        let shape = number("bank-prepaid");
        let found = readings("622202I234567894", &shape);
        assert_eq!((values(&found), found[0].confidence), (["6222021234567894"].into(), Confidence::High));
        assert!(readings("622202Z234567894", &shape).is_empty());
    }

    #[test]
    fn several_readings_are_offered_with_the_text_as_it_was_read_first() {
        let found = readings("ACDE-FGHO-KMNP-QRT8", &secret("jd-ecard"));
        assert_eq!(
            values(&found),
            ["ACDEFGHOKMNPQRT8", "ACDEFGHOKMNPQRTB", "ACDEFGH0KMNPQRT8", "ACDEFGH0KMNPQRTB"]
        );
        assert!(found.iter().all(|reading| reading.confidence == Confidence::Low));
        assert!(found[0].changes.is_empty());
        let sure = readings("ACDE-FGHK-KMNP-QRT3", &secret("jd-ecard"));
        assert_eq!((values(&sure), sure[0].confidence), (["ACDEFGHKKMNPQRT3"].into(), Confidence::Medium));
        let small = readings("acde-fghk-kmnp-qrt3", &secret("jd-ecard"));
        assert!(small[0].changes.is_empty(), "small letters are capitals, not changes");
    }

    #[test]
    fn the_search_is_bounded() {
        let found = readings("O0O0O0O0O0O0O0O0", &secret("jd-ecard"));
        assert_eq!(found.len(), MAX_READINGS);
        assert_eq!(found[0].value.expose(), b"O0O0O0O0O0O0O0O0");
        assert!(found.iter().all(|reading| reading.changes.len() <= MAX_FREE_CHANGES));
    }

    #[test]
    fn nothing_shows_in_debug() {
        let found = readings("622202I234567894", &number("bank-prepaid"));
        let shown = alloc::format!("{found:?}");
        assert!(!shown.contains("6222") && !shown.contains('I'), "{shown}");
    }

    proptest! {
        #[test]
        fn a_number_with_lookalikes_is_read_back(body in "62[0-9]{13}", wrong in prop::collection::vec(0_usize..16, 1..6)) {
            let check = char::from(check::luhn_digit(body.as_bytes()).unwrap());
            let whole = alloc::format!("{body}{check}");
            let misread: String = whole.char_indices().map(|(i, c)| match c {
                '0' if wrong.contains(&i) => 'O',
                '1' if wrong.contains(&i) => 'l',
                '2' if wrong.contains(&i) => 'Z',
                '5' if wrong.contains(&i) => 'S',
                '8' if wrong.contains(&i) => 'B',
                other => other,
            }).collect();
            let found = readings(&misread, &number("bank-prepaid"));
            prop_assert_eq!(values(&found), [whole.as_str()]);
            prop_assert_eq!(found[0].changes.len(), misread.chars().filter(|c| c.is_alphabetic()).count());
        }

        #[test]
        fn no_text_panics_and_what_is_offered_fits(text in r"(\PC|[0-9OlIBSZ]){0,24}") {
            for shape in [number("bank-prepaid"), number("walmart-gift"), secret("jd-ecard")] {
                let found = readings(&text, &shape);
                prop_assert!(found.len() <= MAX_READINGS);
                for reading in found {
                    let value = core::str::from_utf8(reading.value.expose()).unwrap();
                    let again = shape.read(value);
                    prop_assert_eq!(again.as_ref(), Ok(&reading.value));
                }
            }
        }
    }
}
