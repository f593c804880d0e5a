//! Cards from pictures: bar and QR codes by a reader in Rust, printed numbers by Tesseract.
//!
//! | file | one job |
//! |---|---|
//! | `grey` | a picture as shades of grey, from PNG or JPEG, within bounds |
//! | `tone` | light and dark made even, noise smoothed |
//! | `turn` | turned pictures, and where their points were before |
//! | `bars` | bar codes: many lines across the picture that must agree |
//! | `squares` | QR codes and Data Matrix |
//! | `symbol` | what a symbol says, with its symbology identifier |
//! | `text` | the seam for readers of printed text |
//! | `tesseract` | Debian's `tesseract` as a child process |
//! | `seen` | all that a picture shows, and what it may be |
//!
//! Pictures come from strangers. Their size is bounded before they are decoded, the time is
//! bounded while they are read, and nothing is guessed: a bar code counts when several lines
//! across it agree, printed text when it is read twice alike. A picture that is too poor gives
//! nothing.

mod bars;
mod grey;
mod seen;
mod squares;
mod symbol;
mod tesseract;
mod text;
mod tone;
mod turn;

pub use grey::{Bounds, Picture, PictureError, Place};
pub use seen::{Camera, Found, Origin, Seen};
pub use symbol::{Kind as SymbolKind, Symbol};
pub use tesseract::Tesseract;
pub use text::{Line, TextError, TextReader};
