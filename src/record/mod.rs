//! What is written down: records in units, units in batches, batches as frames; and the index
//! that says which claims are taken.
//!
//! The byte format is described in `docs/format.md` and frozen by frames kept in
//! `tests/frames/`. Bodies of records are owned by the machines that write them.

mod batch;
mod frame;
mod index;
mod records;
mod row;
mod unit;
mod verdict;
mod writers;

pub use batch::Batch;
pub(crate) use batch::Scrap;
#[cfg(feature = "sqlite")]
pub(crate) use frame::crc32c;
pub use frame::{FORMAT_VERSION, Frame, FrameError, HEADER_LEN};
pub use index::{CommitError, Index};
pub use records::{Record, Records};
pub use row::{Handed, Row};
pub use unit::{Change, Claim, ClaimKind, ClaimStatus, Side, SideMark, Unit};
pub use verdict::{Refusal, Verdict};
