//! Text with a length limit and without control characters.

use alloc::sync::Arc;
use compact_str::CompactString;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing was there.
    #[error("must not be empty")]
    Empty,
    /// Longer than the field allows.
    #[error("must be at most {max} bytes, is {len}")]
    TooLong {
        /// The field's limit in bytes.
        max: usize,
        /// The length found in bytes.
        len: usize,
    },
    /// A control character, at this byte.
    #[error("must not hold a control character (byte {at})")]
    Control {
        /// Byte offset of the character.
        at: usize,
    },
}

/// A name or reference from outside: 1 to [`Text::MAX`] bytes of UTF-8, no control characters.
#[derive(Clone)]
pub struct Text(Kept);

/// A short text lies where it is held. A long one, as references of issuers are, is shared: an
/// answer, what is made of it and the redemption hold the same.
#[derive(Clone)]
enum Kept {
    Short(CompactString),
    Long(Arc<str>),
}

impl Text {
    /// The longest text in bytes.
    pub const MAX: usize = 128;

    /// The longest that lies where it is held.
    const SHORT: usize = size_of::<CompactString>();

    /// Checks and keeps `text`.
    ///
    /// # Errors
    /// [`TextError`] if it is empty, longer than [`Text::MAX`] or holds a control character.
    pub fn new(text: &str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.len() > Self::MAX {
            return Err(TextError::TooLong { max: Self::MAX, len: text.len() });
        }
        // Of ASCII, which almost all texts are, bytes tell as much as characters do.
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Ok(Self::keep(text));
        }
        match text.char_indices().find(|(_, c)| c.is_control()) {
            Some((at, _)) => Err(TextError::Control { at }),
            None => Ok(Self::keep(text)),
        }
    }

    fn keep(text: &str) -> Self {
        Self(match text.len() {
            0..=Self::SHORT => Kept::Short(CompactString::new(text)),
            _ => Kept::Long(text.into()),
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Kept::Short(text) => text,
            Kept::Long(text) => text,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn a_text_is_bounded_and_printable() {
        assert!(Text::new("卡商-7").is_ok());
        assert_eq!(Text::new(""), Err(TextError::Empty));
        assert_eq!(Text::new("a\0b"), Err(TextError::Control { at: 1 }));
        assert!(Text::new(&"x".repeat(Text::MAX)).is_ok());
        assert!(Text::new(&"x".repeat(Text::MAX + 1)).is_err());
    }

    #[test]
    fn a_long_text_is_as_large_as_a_short_one_and_compares_like_it() {
        assert_eq!(size_of::<Option<Text>>(), size_of::<CompactString>());
        let texts: [String; 4] = [1, Text::SHORT, Text::SHORT + 1, Text::MAX].map(|len| "x".repeat(len));
        for (one, other) in texts.iter().flat_map(|one| texts.iter().map(move |other| (one, other))) {
            let (kept, compared) = (Text::new(one).unwrap(), Text::new(other).unwrap());
            assert_eq!(kept.as_str(), one);
            assert_eq!((kept == compared, kept.cmp(&compared)), (one == other, one.cmp(other)));
        }
    }
}
