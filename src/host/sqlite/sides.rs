//! Side rows: put and erased together with their batch.

use super::fault::Fault;
use crate::base::RedemptionId;
use crate::record::Batch;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

const PUT: &str = "INSERT OR REPLACE INTO sides SELECT number, ?2, ?3 FROM redemptions WHERE id = ?1";
const ERASE: &str = "DELETE FROM sides
    WHERE redemption = (SELECT number FROM redemptions WHERE id = ?1) AND slot = ?2";

/// Puts and erases the side rows of the redemptions of which no unit was refused.
pub(super) fn put(tx: &Connection, batch: &Batch) -> Result<(), Fault> {
    let units = batch.units().iter().zip(batch.verdicts());
    let refused: BTreeSet<RedemptionId> =
        units.filter(|(_, verdict)| !verdict.is_accepted()).map(|(unit, _)| unit.redemption).collect();
    for side in batch.sides().iter().filter(|side| !refused.contains(&side.redemption)) {
        match &side.content {
            Some(content) => {
                tx.prepare_cached(PUT)?.execute(params![side.redemption.0, side.slot, content])?
            }
            None => tx.prepare_cached(ERASE)?.execute(params![side.redemption.0, side.slot])?,
        };
    }
    Ok(())
}
