//! Symbology identifiers (ISO/IEC 15424): what a reader puts before the data of a symbol.

use core::fmt;

/// `]`, a code character and a modifier, such as `]d2`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SymbologyId {
    code: u8,
    modifier: u8,
}

impl SymbologyId {
    /// GS1-128.
    pub const GS1_128: Self = Self::new(b'C', b'1');
    /// GS1 DataBar and the composite component.
    pub const GS1_DATABAR: Self = Self::new(b'e', b'0');
    /// GS1 DataMatrix.
    pub const GS1_DATAMATRIX: Self = Self::new(b'd', b'2');
    /// GS1 QR.
    pub const GS1_QR: Self = Self::new(b'Q', b'3');
    /// GS1 DotCode.
    pub const GS1_DOTCODE: Self = Self::new(b'J', b'1');
    /// EAN-13, UPC-A and UPC-E, normalised to 13 digits.
    pub const EAN_13: Self = Self::new(b'E', b'0');
    /// EAN-8.
    pub const EAN_8: Self = Self::new(b'E', b'4');

    const fn new(code: u8, modifier: u8) -> Self {
        Self { code, modifier }
    }

    /// Splits an identifier off the front: `]`, a letter, and a digit or letter. Without one
    /// the whole text is data.
    ///
    /// ```
    /// use scrip::codec::gs1::SymbologyId;
    /// assert_eq!(SymbologyId::split("]d20109"), (Some(SymbologyId::GS1_DATAMATRIX), "0109"));
    /// ```
    pub fn split(text: &str) -> (Option<Self>, &str) {
        match *text.as_bytes() {
            [b']', code, modifier, ..] if code.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() => {
                (Some(Self::new(code, modifier)), text.get(3..).unwrap_or_default())
            }
            _ => (None, text),
        }
    }

    /// Whether the data are GS1 element strings (FNC1 in first position).
    pub fn carries_elements(self) -> bool {
        [Self::GS1_128, Self::GS1_DATABAR, Self::GS1_DATAMATRIX, Self::GS1_QR, Self::GS1_DOTCODE]
            .contains(&self)
    }

    /// The code character, such as `Q` for QR.
    pub const fn code(self) -> char {
        self.code as char
    }

    /// The modifier character.
    pub const fn modifier(self) -> char {
        self.modifier as char
    }
}

impl fmt::Display for SymbologyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "]{}{}", self.code(), self.modifier())
    }
}

impl fmt::Debug for SymbologyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_identifier_is_split_off_and_printed_back() {
        for id in ["]C1", "]e0", "]d2", "]Q3", "]J1", "]E0", "]Q1"] {
            let (found, rest) = SymbologyId::split(id);
            assert_eq!((found.unwrap().to_string().as_str(), rest), (id, ""));
        }
        for text in ["", "]", "]C", "C1", "]1C", "]C一"] {
            assert_eq!(SymbologyId::split(text), (None, text));
        }
        assert!(SymbologyId::GS1_QR.carries_elements() && !SymbologyId::EAN_13.carries_elements());
    }
}
