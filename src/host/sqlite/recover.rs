//! Taking over: the writer epoch, the checkpoint, and the frames after it.

use super::commit::{count, last, meta, set_count, set_meta};
use super::fault::Fault;
use super::read::frames_after;
use super::values::signed;
use super::{StoreError, schema};
use crate::base::BatchId;
use crate::engine::Recovery;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::format;
use std::time::Duration;

pub(super) const LEFT_BEHIND: &str = "UPDATE redemptions SET waiting = 1 WHERE waiting = 0";

/// The store's writer epoch; 0 before the first.
pub(super) fn epoch(tx: &Connection) -> Result<u64, Fault> {
    count(tx, "epoch")
}

/// Opens a writer epoch: what earlier ones had in memory is to be handed back.
pub(super) fn set_epoch(tx: &Connection, epoch: u64) -> Result<(), Fault> {
    set_count(tx, "epoch", epoch)?;
    tx.execute(LEFT_BEHIND, [])?;
    Ok(())
}

/// The new epoch stands only if the log could be read: otherwise the earlier writer goes on.
pub(super) fn recover(connection: &mut Connection, into: &mut Recovery) -> Result<u64, Fault> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut after = 0;
    if let Some(state) = meta(&tx, "checkpoint")? {
        into.checkpoint(&state)?;
        after = count(&tx, "checkpoint_sequence")?;
    }
    let mut read = Ok(());
    frames_after(&tx, after, &mut |bytes, refused| {
        if read.is_ok() {
            read = into.batch(bytes, refused);
        }
    })?;
    read?;
    let (last, _) = last(&tx)?;
    let end = into.last().unwrap_or_default();
    if end != last {
        let text = format!("the log ends at batch {}, and batch {} was taken", end.sequence, last.sequence);
        return Err(Fault::corrupt(text));
    }
    let epoch = epoch(&tx)? + 1;
    set_epoch(&tx, epoch)?;
    tx.commit()?;
    Ok(epoch)
}

/// Opens an epoch whose writer is no one here: this store's go on no more.
pub(super) fn fence(connection: &mut Connection) -> Result<u64, Fault> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let epoch = epoch(&tx)? + 1;
    set_epoch(&tx, epoch)?;
    tx.commit()?;
    Ok(epoch)
}

pub(super) fn checkpoint(connection: &mut Connection, upto: BatchId, state: &[u8]) -> Result<(), Fault> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "SELECT epoch FROM frames WHERE sequence = ?1";
    let epoch: Option<i64> = tx.query_row(sql, [signed(upto.sequence)?], |row| row.get(0)).optional()?;
    if epoch != Some(signed(upto.epoch)?) {
        return Err(StoreError::not_in_log(upto).into());
    }
    if count(&tx, "checkpoint_sequence")? <= upto.sequence {
        set_count(&tx, "checkpoint_sequence", upto.sequence)?;
        set_meta(&tx, "checkpoint", state)?;
    }
    tx.commit()?;
    empty_log(connection)
}

/// Carries the write-ahead log over into the database and empties it, so that nothing erased is
/// left in it. While somebody reads, that waits for the next time.
pub(super) fn empty_log(connection: &Connection) -> Result<(), Fault> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection.busy_timeout(schema::BUSY)?;
    match done.map_err(|error| StoreError::from(Fault::from(error))) {
        Ok(()) | Err(StoreError::Busy(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
