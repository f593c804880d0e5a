//! GS1: trade item numbers, element strings with every application identifier, and Digital
//! Link URIs.
//!
//! The table of application identifiers and the checks follow the GS1 Barcode Syntax
//! Dictionary; what is valid here is what its reference implementation, the GS1 Barcode Syntax
//! Engine, finds valid. Two rules go by the dictionary's text rather than by the engine: groups
//! of three (`01+21+8040`) are satisfied by all three, and data in a Digital Link URI that are
//! too long are refused, not cut. A GS after a symbology identifier is tolerated.

mod ai;
mod associate;
mod codes;
mod coupon;
mod date;
mod element;
mod error;
mod gtin;
mod link;
mod link_write;
mod lint;
mod symbology;
mod table;
mod write;

pub use ai::{Ai, Charset, Entry, Lint, Part, Pattern, entries};
pub use date::Date;
pub use element::{Element, ElementString};
pub use error::{Gs1Error, Gs1Fault};
pub use gtin::{Gtin, GtinError, PrefixClass, check_digit};
pub use link::{DigitalLink, ShortGtin};
pub use symbology::SymbologyId;

#[cfg(test)]
mod tests;
