//! The key ring that all logs of a store have in common.
//!
//! Each log pins its own ring with its first claim. Where several nodes write, that is not enough: a
//! node with other peppers gives the same card another key, and sells it once more. So the store has
//! one row that says which ring it is written with, and whoever opens a log compares its own.

use super::live::Entry;
use super::recovery::{check_ring, ring_checks};
use super::{Engine, RecoverError};
use crate::base::{RedemptionId, digest};
use crate::record::{Handed, Record, Unit};

/// The kind of a record that says which ring a store is written with.
const RING_KIND: u16 = 1_001;

impl Engine {
    /// The row in which the logs of one store agree on their key ring. No redemption has it.
    pub fn ring_row() -> RedemptionId {
        RedemptionId(digest("scrip ring of store v1", &[]).head16())
    }

    /// Compares this engine's key ring with what the store's [`ring_row`](Self::ring_row) says.
    /// `true` if the row names just this ring, or the log is the only one of its store. Otherwise the
    /// ring is put into the next batch: commit that, and ask again with the row as it stands then, for
    /// another node may have been first. Call it after opening, before anything else.
    ///
    /// # Errors
    /// [`RecoverError::Keys`] if the store is written with another ring: drop the engine.
    pub fn agrees_on_keys(&mut self, row: Option<&Handed>) -> Result<bool, RecoverError> {
        if self.log() == 0 {
            return Ok(true);
        }
        let unread = RecoverError::Keys("what the store says of its keys cannot be read");
        let log = row.map_or(&[][..], |row| &row.log);
        let records = Record::decode_all(log).map_err(|_| unread)?;
        let own = ring_checks(&self.setup.keys);
        if let Some(latest) = records.last() {
            check_ring(&self.setup.keys, latest.body)?;
            if latest.body == own {
                return Ok(true);
            }
        }
        let expected = u32::try_from(records.len()).map_err(|_| unread)?;
        let records = [Record { kind: RING_KIND, version: 1, body: &own }].into();
        let redemption = Self::ring_row();
        self.open.units.push(Unit { redemption, expected, dormant: true, records, ..Unit::default() });
        self.open.entries.push(Entry::Ring);
        Ok(false)
    }
}
