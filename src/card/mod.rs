//! What a card is: the catalogue of products read from a file, the shapes of numbers and
//! secrets, check digits, and the canonical identity by which a card is claimed.
//!
//! Shapes are data. What the trade only believes of a number, such as that it carries a check
//! digit, is switched on in the catalogue, never here.

mod catalogue;
pub mod check;
mod face;
mod identity;
mod normalize;
pub mod ocr;
mod product;
pub mod scan;
mod shape;
mod source;
mod symbol;
pub mod token;

pub use catalogue::{Catalogue, CatalogueError};
pub use face::{FaceError, FaceRule};
pub use identity::{Alias, Card, End, Identity};
pub use normalize::{normalize_digits, normalize_letters_and_digits};
pub use product::{CardError, Family, Field, OnMismatch, Product};
pub use shape::{Alphabet, CheckDigit, Lengths, Problem, Shape};
pub use symbol::{Slice, SymbolProfile};

use crate::base::{Advice, Code, ShortInput, Writer, block};

/// What can go wrong with cards and their catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardFault {
    /// A catalogue that cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A number or secret that is none of its product's.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A face value that is not taken.
    #[error(transparent)]
    Face(#[from] FaceError),
    /// A scan that gives no candidates.
    #[error(transparent)]
    Scan(#[from] scan::ScanError),
    /// A dynamic token that is refused.
    #[error(transparent)]
    Token(#[from] token::TokenError),
    /// Canonical bytes that are no card.
    #[error("not a card in canonical form: {0}")]
    Bytes(#[from] ShortInput),
}

impl CardFault {
    /// The stable number.
    pub const fn code(&self) -> Code {
        let case = match self {
            Self::Catalogue(_) => 1,
            Self::Card(error) => match (error.field, error.problem) {
                (Field::CardNumber, Problem::Missing) => 2,
                (Field::CardNumber, Problem::CheckDigit(_)) => 3,
                (Field::CardNumber, _) => 4,
                (Field::CardSecret, Problem::Missing) => 5,
                (Field::CardSecret, Problem::CheckDigit(_)) => 6,
                (Field::CardSecret, _) => 7,
            },
            Self::Face(FaceError::Currency(_)) => 8,
            Self::Face(FaceError::Value(_)) => 9,
            Self::Face(FaceError::Limit { .. }) => 10,
            Self::Bytes(_) => 11,
            Self::Scan(error) => return error.code(),
            Self::Token(error) => return error.code(),
        };
        Code::new(block::CARD, case)
    }

    /// Wrong input is for the caller to correct; canonical bytes that do not read were not
    /// written here, and nothing should go on with them.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Catalogue(_) | Self::Card(_) | Self::Face(_) => Advice::Fix,
            Self::Bytes(_) => Advice::Stop,
            Self::Scan(error) => error.advice(),
            Self::Token(error) => error.advice(),
        }
    }
}

/// Writes how many things follow.
fn write_count(out: &mut Writer<'_>, count: usize) {
    out.u32(u32::try_from(count).expect("a catalogue has far below 2^32 entries"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Amount, Currency};

    #[test]
    fn every_reason_has_a_number_of_its_own() {
        let luhn = Problem::CheckDigit(CheckDigit::Luhn);
        let fields = [Field::CardNumber, Field::CardSecret];
        let cards = fields.into_iter().flat_map(|field| {
            [Problem::Missing, Problem::Prefix, luhn].map(|problem| CardError {
                field,
                problem,
                expected: "6 digits".into(),
            })
        });
        let face = Amount::new(1, Currency::CNY);
        let faces = [
            FaceError::Currency(Currency::CNY),
            FaceError::Value(face),
            FaceError::Limit { face, limit: face },
        ];
        let mut seen: alloc::vec::Vec<_> = cards
            .map(|error| (error.reason(), CardFault::from(error)))
            .chain(faces.map(|error| (error.reason(), CardFault::from(error))))
            .map(|(reason, fault)| (fault.code().number(), reason, fault.advice()))
            .collect();
        assert!(seen.iter().all(|(_, _, advice)| *advice == Advice::Fix));
        seen.sort_by_key(|(number, ..)| *number);
        let numbers: alloc::vec::Vec<_> = seen.iter().map(|(number, ..)| *number).collect();
        assert_eq!(numbers, (5_002..=5_010).collect::<alloc::vec::Vec<_>>());
        seen.sort_by_key(|(_, reason, _)| *reason);
        seen.dedup_by_key(|(_, reason, _)| *reason);
        assert_eq!(seen.len(), 9);
    }
}
