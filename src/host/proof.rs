//! Proofs that a record stands in the audit log, for anyone who has a root.

use super::{Store, StoreError};
use crate::audit::{self, AuditError, Checkpoint};
use crate::base::{Digest, RedemptionId, Text};
use crate::record::Frame;
use std::collections::BTreeMap;
use std::format;
use std::string::ToString;
use std::vec::Vec;

/// That a record stands in the log: whoever trusts `root` for `size` records can check it with
/// [`Proof::verify`] and the record's bytes, and needs nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Which log of the store: 0 where there is one writer.
    pub log: u32,
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

/// Proofs for all records of one redemption, in their order, each from the log that it stands in;
/// empty if there is none. Reads the whole store: its cost grows with the number of records.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Corrupt`] if a frame cannot be read.
pub fn prove<S: Store>(store: &mut S, redemption: RedemptionId) -> Result<Vec<Proof>, StoreError> {
    let mut leaves: BTreeMap<u32, Vec<Digest>> = BTreeMap::new();
    let mut wanted = Vec::new();
    each_record(store, &mut |log, of, place, record| {
        let leaves = leaves.entry(log).or_default();
        leaves.push(audit::leaf_hash(record));
        if of == redemption {
            wanted.push((place, log, leaves.len() as u64 - 1, record.to_vec()));
        }
    })?;
    // A node that took it over goes on in another log.
    wanted.sort_unstable();
    let prove = |(_, log, index, record)| {
        let leaves = leaves.get(&log).map(Vec::as_slice).unwrap_or_default();
        let (size, root) = (leaves.len() as u64, root(leaves));
        let path = audit::inclusion_proof(&mut &*leaves, index, size);
        let path = path.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(Proof { log, index, size, record, path, root })
    };
    wanted.into_iter().map(prove).collect()
}

/// Where every log of a store stands, in ascending order, and the root over them: that of a log
/// whose records are the texts of these checkpoints. Log `n` is named `origin/n`.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Corrupt`] if a frame cannot be read, or `origin` is too long.
pub fn checkpoints<S: Store>(store: &mut S, origin: &Text) -> Result<(Vec<Checkpoint>, Digest), StoreError> {
    let mut logs: BTreeMap<u32, audit::Log> = BTreeMap::new();
    each_record(store, &mut |log, _, _, record| {
        logs.entry(log).or_default().append(audit::leaf_hash(record));
    })?;
    let mut all = Vec::with_capacity(logs.len());
    for (number, log) in logs {
        let origin = Text::new(&format!("{origin}/{number}"));
        let origin = origin.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        all.push(Checkpoint { origin, size: log.len(), root: log.root() });
    }
    let leaves: Vec<_> = all.iter().map(|one| audit::leaf_hash(one.to_text().as_bytes())).collect();
    let root = root(&leaves);
    Ok((all, root))
}

fn root(leaves: &[Digest]) -> Digest {
    let mut log = audit::Log::new();
    leaves.iter().for_each(|leaf| {
        log.append(*leaf);
    });
    log.root()
}

type Visit<'a> = dyn FnMut(u32, RedemptionId, u32, &[u8]) + 'a;

/// Shows the log, the redemption, the place among its records, and the bytes of the leaf of every
/// record that stands.
fn each_record<S: Store>(store: &mut S, visit: &mut Visit<'_>) -> Result<(), StoreError> {
    let mut fault = None;
    store.frames(&mut |bytes, refused| match Frame::decode(bytes) {
        Ok(frame) => {
            let stands = |i: usize| u32::try_from(i).is_ok_and(|i| !refused.contains(&i));
            for (unit, place, record) in frame.records(stands) {
                visit(frame.log, unit.redemption, place, &record.leaf_bytes(unit.redemption, place));
            }
        }
        Err(error) => fault = Some(StoreError::Corrupt(error.to_string())),
    })?;
    fault.map_or(Ok(()), Err)
}
