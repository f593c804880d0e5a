//! The audit log (审计日志): a Merkle tree over the hashes of records, so that anyone who holds
//! an old root can check that a record is in the log and that nothing before it was changed,
//! taken away or put between.
//!
//! The tree is that of RFC 6962 (and RFC 9162), section 2.1, with SHA-256. The log keeps only
//! its frontier, a few hundred bytes however long it is; proofs are made from leaf hashes that
//! a store holds. Records themselves may be erased: their leaf hashes stay, and proofs with
//! them.
//!
//! One writer keeps one log. A root of roots is a log whose records are the texts of the
//! writers' [`Checkpoint`]s.
//!
//! # Examples
//! ```
//! use scrip::audit::{Log, inclusion_proof, leaf_hash, verify_inclusion};
//!
//! # fn main() -> Result<(), scrip::audit::AuditError> {
//! let leaves: Vec<_> = [b"claimed", b"debited", b"retired"].map(|record| leaf_hash(record)).into();
//! let mut log = Log::new();
//! for leaf in &leaves {
//!     log.append(*leaf);
//! }
//! let proof = inclusion_proof(&mut leaves.as_slice(), 1, log.len())?;
//! verify_inclusion(&leaf_hash(b"debited"), 1, log.len(), &proof, &log.root())?;
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod leaves;
mod log;
mod proof;
#[cfg(test)]
mod testing;
mod tree;

pub use checkpoint::Checkpoint;
pub use leaves::Leaves;
pub use log::Log;
pub use proof::{consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub(crate) use tree::LEAF;
pub use tree::{empty_root, leaf_hash, node_hash};

use crate::base::{Advice, Code, ShortInput, block};

/// Why a log, a proof or a checkpoint was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The bytes are not an encoded log.
    #[error("not an audit log: {0}")]
    Malformed(#[from] ShortInput),
    /// The place asked for is beyond the log.
    #[error("record {index} is not in a log of {size}")]
    OutOfRange {
        /// The place asked for, from 0.
        index: u64,
        /// How many records the log has.
        size: u64,
    },
    /// The newer log is said to be shorter than the older one.
    #[error("a log of {new} records cannot continue one of {old}")]
    Shrunk {
        /// Size of the older log.
        old: u64,
        /// Size of the newer log.
        new: u64,
    },
    /// The store does not hold a leaf hash that the proof needs.
    #[error("the hash of record {index} is missing")]
    Missing {
        /// The record's place, from 0.
        index: u64,
    },
    /// The proof does not show the record under this root: record, place, proof or root is not
    /// the right one.
    #[error("the proof does not show record {index} in the log")]
    NotIncluded {
        /// The record's place, from 0.
        index: u64,
    },
    /// The proof does not show that the newer log continues the older one: the past was
    /// changed, or proof or roots are not the right ones.
    #[error("the proof does not show that the log of {new} records continues the one of {old}")]
    NotConsistent {
        /// Size of the older log.
        old: u64,
        /// Size of the newer log.
        new: u64,
    },
    /// Two checkpoints are of different logs.
    #[error("the checkpoints are of different logs")]
    OtherLog,
    /// The text is not a checkpoint.
    #[error("checkpoint, line {line}: {what}")]
    Checkpoint {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl AuditError {
    /// The stable error number.
    pub const fn code(self) -> Code {
        let case = match self {
            Self::Malformed(_) => 1,
            Self::OutOfRange { .. } => 2,
            Self::Shrunk { .. } => 3,
            Self::Missing { .. } => 4,
            Self::NotIncluded { .. } => 5,
            Self::NotConsistent { .. } => 6,
            Self::OtherLog => 7,
            Self::Checkpoint { .. } => 8,
        };
        Code::new(block::AUDIT, case)
    }

    /// What to do about it: stop where the store itself is in doubt, otherwise correct the
    /// input.
    pub const fn advice(self) -> Advice {
        match self {
            Self::Malformed(_)
            | Self::Missing { .. }
            | Self::NotIncluded { .. }
            | Self::NotConsistent { .. }
            | Self::Shrunk { .. } => Advice::Stop,
            Self::OutOfRange { .. } | Self::OtherLog | Self::Checkpoint { .. } => Advice::Fix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn errors_have_stable_numbers_and_name_the_place() {
        let error = AuditError::Checkpoint { line: 2, what: "not a size" };
        assert_eq!(error.code().number(), 13_008);
        assert_eq!(error.to_string(), "checkpoint, line 2: not a size");
        let error = AuditError::NotIncluded { index: 7 };
        assert_eq!((error.code().number(), error.advice()), (13_005, Advice::Stop));
    }
}
