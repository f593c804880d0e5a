//! How a product's cards show in bar codes: which trade item numbers name the product, and where
//! in a symbol that holds both the card's serial number stands.

use super::shape::Shape;
use crate::base::Writer;
use crate::codec::gs1::{Gtin, PrefixClass};
use alloc::vec::Vec;

/// What bar codes say of a product's cards. The trade item number (商品条码) names the product,
/// the serial number the card; they stand in one symbol or in two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolProfile {
    /// Sorted, none twice.
    pub(super) gtins: Vec<Gtin>,
    pub(super) serial: Option<Slice>,
}

/// A part of a symbol's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// How many characters stand before it.
    pub at: u8,
    /// Its length in characters, at least 1.
    pub len: u8,
}

impl SymbolProfile {
    /// The trade item numbers of the product, in order.
    pub fn gtins(&self) -> &[Gtin] {
        &self.gtins
    }

    /// Where the card's number stands in a symbol that begins with the trade item number; none
    /// if no such symbols are known.
    pub fn serial(&self) -> Option<Slice> {
        self.serial
    }

    /// The product's number at the beginning of a longer text and the card's number in it, if
    /// the text is such a symbol.
    pub(super) fn split<'a>(&self, text: &'a str) -> Option<(Gtin, &'a str)> {
        let slice = self.serial?;
        let at = usize::from(slice.at);
        let head = |len: &usize| text.get(..*len).and_then(|head| Gtin::parse(head).ok());
        let gtin = [14, 13, 12]
            .iter()
            .filter(|len| **len <= at)
            .filter_map(head)
            .find(|g| self.gtins.contains(g))?;
        let end = at + usize::from(slice.len);
        // What follows the serial number would be lost: such a symbol is of another layout.
        let serial = text.get(at..end).filter(|_| text.len() == end)?;
        Some((gtin, serial))
    }

    /// What is wrong with a number as a product's, if anything is.
    pub(super) fn refuses(gtin: Gtin) -> Option<&'static str> {
        match gtin.prefix_class() {
            PrefixClass::Coupon => Some("a coupon prefix names no product"),
            PrefixClass::Refund => Some("a refund receipt names no product"),
            _ => None,
        }
    }

    /// What is wrong with a slice, if anything is: the shortest number before it has 12 digits,
    /// and what it cuts out must be a card number.
    pub(super) fn misplaces(slice: Slice, number: Option<&Shape>) -> Option<&'static str> {
        match number {
            None => Some("expected the shape of the number, which the serial is"),
            Some(shape) if !shape.lengths().holds(usize::from(slice.len)) => {
                Some("len must be a length of the number")
            }
            Some(_) if slice.at < 12 => Some("at must leave room for a GTIN of 12 to 14 digits"),
            Some(_) => None,
        }
    }

    /// Writes the canonical form, for the catalogue's digest: a 0 in 2 bytes, which is the length
    /// of no product's name, then the numbers, then the slice.
    pub(super) fn write(&self, out: &mut Writer<'_>) {
        super::write_count(out.u16(0), self.gtins.len());
        for gtin in &self.gtins {
            out.raw(gtin.as_str().as_bytes());
        }
        out.bool(self.serial.is_some());
        if let Some(Slice { at, len }) = self.serial {
            out.u8(at).u8(len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(at: u8, len: u8) -> SymbolProfile {
        let gtins = ["042100005264", "6291041500213"].map(|text| Gtin::parse(text).unwrap());
        SymbolProfile { gtins: gtins.into(), serial: Some(Slice { at, len }) }
    }

    #[test]
    fn one_symbol_is_split_by_its_offsets() {
        let (gtin, serial) = profile(12, 4).split("0421000052641234").unwrap();
        assert_eq!((gtin.shortest(), serial), ("042100005264", "1234"));
        let (gtin, serial) = profile(15, 3).split("6291041500213xx789").unwrap();
        assert_eq!((gtin.shortest(), serial), ("6291041500213", "789"));
    }

    #[test]
    fn another_layout_is_not_split() {
        for text in ["", "042100005264", "042100005264123", "04210000526412345", "0421000052651234", "北京"]
        {
            assert_eq!(profile(12, 4).split(text), None, "{text}");
        }
        assert_eq!(profile(12, 4).split("6291041500213123"), None, "its number runs into the serial");
        let without = SymbolProfile { serial: None, ..profile(12, 4) };
        assert_eq!(without.split("0421000052641234"), None);
    }
}
