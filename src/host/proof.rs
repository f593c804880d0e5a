//! Proofs that a record stands in the audit log, for anyone who has a root.

use super::{Store, StoreError};
use crate::audit::{self, AuditError};
use crate::base::{Digest, RedemptionId};
use crate::record::Frame;
use std::string::ToString;
use std::vec::Vec;

/// That a record stands in the log: whoever trusts `root` for `size` records can check it with
/// [`Proof::verify`] and the record's bytes, and needs nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The record's place in the log, from 0.
    pub index: u64,
    /// How many records the log has.
    pub size: u64,
    /// The bytes whose hash is the leaf; see [`crate::record::Record::leaf_bytes`].
    pub record: Vec<u8>,
    /// The hashes beside the path from the leaf to the root (RFC 6962, 2.1.1).
    pub path: Vec<Digest>,
    /// The root.
    pub root: Digest,
}

impl Proof {
    /// Whether the record stands in the log with this root.
    ///
    /// # Errors
    /// [`AuditError`] if it does not.
    pub fn verify(&self) -> Result<(), AuditError> {
        let leaf = audit::leaf_hash(&self.record);
        audit::verify_inclusion(&leaf, self.index, self.size, &self.path, &self.root)
    }
}

/// Proofs for all records of one redemption, in their order; empty if there is none. Reads the
/// whole log: its cost grows with the number of records.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Corrupt`] if a frame cannot be read.
pub fn prove<S: Store>(store: &mut S, redemption: RedemptionId) -> Result<Vec<Proof>, StoreError> {
    let mut leaves: Vec<Digest> = Vec::new();
    let mut wanted: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut fault = None;
    store.frames(&mut |bytes, refused| match Frame::decode(bytes) {
        Ok(frame) => {
            let stands = |i: usize| u32::try_from(i).is_ok_and(|i| !refused.contains(&i));
            for (unit, place, record) in frame.records(stands) {
                let bytes = record.leaf_bytes(unit.redemption, place);
                leaves.push(audit::leaf_hash(&bytes));
                if unit.redemption == redemption {
                    wanted.push((leaves.len() as u64 - 1, bytes));
                }
            }
        }
        Err(error) => fault = Some(StoreError::Corrupt(error.to_string())),
    })?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    let mut log = audit::Log::new();
    leaves.iter().for_each(|leaf| {
        log.append(*leaf);
    });
    let (size, root) = (log.len(), log.root());
    let prove = |(index, record)| {
        let path = audit::inclusion_proof(&mut &leaves[..], index, size);
        let path = path.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(Proof { index, size, record, path, root })
    };
    wanted.into_iter().map(prove).collect()
}
