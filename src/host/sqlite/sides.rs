//! Side rows: put and erased together with their batch.

use super::fault::Fault;
use crate::base::RedemptionId;
use crate::record::Batch;
use rusqlite::{Connection, params};

const PUT: &str = "INSERT OR REPLACE INTO sides SELECT number, ?2, ?3 FROM redemptions WHERE id = ?1";
const ERASE: &str = "DELETE FROM sides
    WHERE redemption = (SELECT number FROM redemptions WHERE id = ?1) AND slot = ?2";

/// Shows every side row.
pub(super) fn visit(
    connection: &Connection,
    visit: &mut dyn FnMut(RedemptionId, u8, &[u8]),
) -> Result<(), Fault> {
    let sql = "SELECT id, slot, content FROM sides JOIN redemptions ON number = redemption";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let content = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        visit(RedemptionId(row.get(0)?), row.get(1)?, content);
    }
    Ok(())
}

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
