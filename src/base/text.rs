//! Text with a length limit and without control characters.

use compact_str::CompactString;
use core::fmt;
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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(CompactString);

impl Text {
    /// The longest text in bytes.
    pub const MAX: usize = 128;

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
            return Ok(Self(CompactString::new(text)));
        }
        match text.char_indices().find(|(_, c)| c.is_control()) {
            Some((at, _)) => Err(TextError::Control { at }),
            None => Ok(Self(CompactString::new(text))),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_and_printable() {
        assert!(Text::new("卡商-7").is_ok());
        assert_eq!(Text::new(""), Err(TextError::Empty));
        assert_eq!(Text::new("a\0b"), Err(TextError::Control { at: 1 }));
        assert!(Text::new(&"x".repeat(Text::MAX)).is_ok());
        assert!(Text::new(&"x".repeat(Text::MAX + 1)).is_err());
    }
}
