//! Element strings written in both forms.

use super::element::{ElementString, GS};
use super::symbology::SymbologyId;
use alloc::string::String;
use core::fmt::Write as _;

impl ElementString<'_> {
    /// The form for people; `(` within data becomes `\(`.
    pub fn to_bracketed(&self) -> String {
        let mut out = String::new();
        self.write_bracketed(&mut out);
        out
    }

    /// Appends the form for people.
    pub fn write_bracketed(&self, out: &mut String) {
        for element in self.iter() {
            write!(out, "({})", element.ai).expect("a string takes every write");
            for c in element.value.chars() {
                if c == '(' {
                    out.push('\\');
                }
                out.push(c);
            }
        }
    }

    /// What a reader of such a symbol transmits; without a symbology, the bare elements.
    pub fn to_scanned(&self, symbology: Option<SymbologyId>) -> String {
        let mut out = String::new();
        self.write_scanned(symbology, &mut out);
        out
    }

    /// Appends what a reader transmits: GS (0x1D) after each element without predefined length,
    /// unless it is the last.
    pub fn write_scanned(&self, symbology: Option<SymbologyId>, out: &mut String) {
        if let Some(id) = symbology {
            write!(out, "{id}").expect("a string takes every write");
        }
        self.write_separated(char::from(GS), out);
    }

    /// Appends the notation of barcode software, with `^` for FNC1.
    pub fn write_caret(&self, out: &mut String) {
        out.push('^');
        self.write_separated('^', out);
    }

    fn write_separated(&self, separator: char, out: &mut String) {
        let last = self.len().saturating_sub(1);
        for (i, (element, entry)) in self.entries().enumerate() {
            write!(out, "{}{}", element.ai, element.value).expect("a string takes every write");
            if i < last && !entry.is_predefined() {
                out.push(separator);
            }
        }
    }
}
