//! Card numbers and secrets as people type and paste them, brought to one form.
//!
//! Only what cannot change the meaning is changed: white space at the ends, full-width forms,
//! spaces and hyphens between groups, and the case of letters. No letter ever becomes a digit or
//! a digit a letter: O and 0, I and 1 stay what they are.

use crate::base::Secret;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// `text` without white space at its ends, without spaces and hyphens, full-width forms
/// (全角) as ASCII. What is no digit stays, for the caller to find.
///
/// ```
/// let number = scrip::card::normalize_digits(" ６２22-0212 3456 ");
/// assert_eq!(number.expose(), b"622202123456");
/// ```
pub fn normalize_digits(text: &str) -> Secret {
    normalize(text, |c| c)
}

/// As [`normalize_digits`], with the letters a to z in capitals.
pub fn normalize_letters_and_digits(text: &str) -> Secret {
    normalize(text, |c| c.to_ascii_uppercase())
}

fn normalize(text: &str, case: fn(char) -> char) -> Secret {
    // A kept character is never longer than it was, so the buffer never moves and leaves a copy.
    let mut kept = Zeroizing::new(Vec::with_capacity(text.len()));
    for c in text.trim().chars().filter_map(fold) {
        kept.extend_from_slice(case(c).encode_utf8(&mut [0; 4]).as_bytes());
    }
    Secret::new(core::mem::take(&mut *kept))
}

/// The character that `c` stands for, none for a separator.
pub(super) fn fold(c: char) -> Option<char> {
    match c {
        ' ' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => None,
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => None,
        // The full-width block repeats ASCII in its order.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xff01 + 0x21),
        _ => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn separators_and_full_width_forms_disappear() {
        for text in ["ABCD-EFGH-JKLM-NP12", " abcd efgh jklm np12\r\n", "ＡｂCD－EFGH　jklm—ＮＰ１２"]
        {
            assert_eq!(normalize_letters_and_digits(text).expose(), b"ABCDEFGHJKLMNP12", "{text}");
        }
        assert_eq!(normalize_digits("---").expose(), b"");
    }

    #[test]
    fn lookalikes_stay_what_they_are() {
        assert_eq!(normalize_letters_and_digits("oO0 iIl1 ＯＩ").expose(), b"OO0IIL1OI");
        assert_eq!(normalize_digits("1O\n2").expose(), b"1O\n2");
    }

    proptest! {
        #[test]
        fn normal_text_is_left_alone(text in "\\PC{0,20}[ \t\n-]{0,3}\\PC{0,5}") {
            let once = normalize_letters_and_digits(&text);
            prop_assert!(once.len() <= text.len(), "the buffer would have moved");
            let text = core::str::from_utf8(once.expose()).unwrap();
            // White space that was inside may come to stand at an end, once.
            let twice = normalize_letters_and_digits(text);
            prop_assert_eq!(twice.expose(), text.trim().as_bytes());
        }
    }
}
