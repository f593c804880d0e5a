//! Side rows: put and erased together with their batch.

use super::fault::Fault;
use crate::record::Batch;
use rusqlite::{Connection, params};

const PUT: &str = "INSERT OR REPLACE INTO sides SELECT number, ?2, ?3 FROM redemptions WHERE id = ?1";
const ERASE: &str = "DELETE FROM sides
    WHERE redemption = (SELECT number FROM redemptions WHERE id = ?1) AND slot = ?2";

/// Puts and erases the side rows of the units that stand.
pub(super) fn put(tx: &Connection, batch: &Batch) -> Result<(), Fault> {
    for side in batch.standing_sides() {
        match &side.content {
            Some(content) => {
                tx.prepare_cached(PUT)?.execute(params![side.redemption.0, side.slot, content])?
            }
            None => tx.prepare_cached(ERASE)?.execute(params![side.redemption.0, side.slot])?,
        };
    }
    Ok(())
}
