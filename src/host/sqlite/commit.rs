//! One batch, one transaction: each unit is judged on its own, as [`crate::record::Index`] does.

use super::fault::Fault;
use super::rows::Rows;
use super::values::{signed, unsigned};
use super::{Describe, StoreError};
use super::{accounts, claims, recover, sides, sightings};
use crate::base::{BatchId, Digest, Reader, ShortInput, Writer};
use crate::host::store::refused;
use crate::record::{Batch, Refusal, Unit, Verdict};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::format;
use std::vec::Vec;

pub(super) fn commit(
    connection: &mut Connection,
    batch: &mut Batch,
    describe: Describe,
) -> Result<(), Fault> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (last, digest) = last(&tx)?;
    if last == batch.id() && digest == batch.digest() {
        batch.judge(verdicts(&tx, batch.units().len())?);
        return Ok(());
    }
    follows(&tx, batch, last, digest)?;
    let taken = take(&tx, batch, describe)?;
    batch.judge(taken);
    accounts::post(&tx, accounts::sums(batch))?;
    sides::put(&tx, batch)?;
    write_frame(&tx, batch)?;
    tx.commit().map_err(Fault::uncertain)
}

/// Whether this batch is the next one, and its writer the present one.
fn follows(tx: &Connection, batch: &Batch, last: BatchId, digest: Digest) -> Result<(), Fault> {
    let BatchId { epoch, sequence } = batch.id();
    let current = recover::epoch(tx)?;
    if epoch < current {
        return Err(StoreError::Fenced { own: epoch, current }.into());
    }
    if Some(sequence) != last.sequence.checked_add(1) {
        let text = format!("batch {sequence} does not follow batch {}", last.sequence);
        return Err(Fault::corrupt(text));
    }
    if batch.frame().previous != digest {
        return Err(StoreError::off_chain(batch.id()).into());
    }
    if epoch > current { recover::set_epoch(tx, epoch) } else { Ok(()) }
}

fn take(tx: &Connection, batch: &Batch, describe: Describe) -> Result<Vec<Verdict>, Fault> {
    let mut rows = Rows::new(tx, signed(batch.id().epoch)?, describe)?;
    let mut verdicts = Vec::with_capacity(batch.units().len());
    for unit in batch.units() {
        let seats = sightings::see(tx, unit.redemption, &unit.sightings)?;
        let refusal = if unit.records.is_empty() { None } else { refusal(tx, &mut rows, unit)? };
        let recalled = unit.recalls.iter().map(|r| sightings::recall(tx, unit.redemption, r, &seats));
        verdicts.push(Verdict { refusal, seen: recalled.collect::<Result<_, _>>()? });
    }
    Ok(verdicts)
}

/// Takes the unit, or says why not and leaves everything as it was.
fn refusal(tx: &Connection, rows: &mut Rows<'_>, unit: &Unit) -> Result<Option<Refusal>, Fault> {
    let row = rows.find(unit.redemption)?;
    if let Some(refusal) = rows.refusal(row.as_ref(), unit)? {
        return Ok(Some(refusal));
    }
    let own = row.as_ref().map(|row| row.number);
    if let Some(refusal) = claims::refusal(tx, own, &unit.claims)? {
        return Ok(Some(refusal));
    }
    let number = rows.take(row.as_ref(), unit)?;
    claims::take(tx, number, unit)?;
    Ok(None)
}

fn write_frame(tx: &Connection, batch: &Batch) -> Result<(), Fault> {
    let BatchId { epoch, sequence } = batch.id();
    let refused: Vec<u8> = refused(batch).iter().flat_map(|number| number.to_le_bytes()).collect();
    tx.prepare_cached("INSERT INTO frames VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        signed(sequence)?,
        signed(epoch)?,
        batch.frame().wall.0,
        refused,
        batch.bytes()
    ])?;
    let mut last = Vec::with_capacity(48);
    Writer::new(&mut last).u64(epoch).u64(sequence).raw(&batch.digest().0);
    set_meta(tx, "last", &last)?;
    let mut verdicts = Vec::new();
    batch.verdicts().iter().for_each(|verdict| verdict.encode(&mut verdicts));
    set_meta(tx, "verdicts", &verdicts)
}

/// The last batch taken, and its digest.
pub(super) fn last(tx: &Connection) -> Result<(BatchId, Digest), Fault> {
    let Some(bytes) = meta(tx, "last")? else { return Ok(Default::default()) };
    let r = &mut Reader::new(&bytes);
    let mut read = || {
        let id = BatchId { epoch: r.u64()?, sequence: r.u64()? };
        Ok((id, Digest(r.array()?)))
    };
    read().map_err(|ShortInput { at }| Fault::corrupt(format!("`last` in meta ends at byte {at}")))
}

pub(super) fn verdicts(tx: &Connection, units: usize) -> Result<Vec<Verdict>, Fault> {
    let bytes = meta(tx, "verdicts")?.unwrap_or_default();
    let mut r = Reader::new(&bytes);
    let verdicts: Result<Vec<_>, _> = (0..units).map(|_| Verdict::decode(&mut r)).collect();
    match verdicts {
        Ok(verdicts) if r.is_empty() => Ok(verdicts),
        _ => Err(Fault::corrupt(format!("`verdicts` in meta cannot be read at byte {}", r.position()))),
    }
}

pub(super) fn meta(tx: &Connection, key: &str) -> Result<Option<Vec<u8>>, Fault> {
    let mut select = tx.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(select.query_row([key], |row| row.get(0)).optional()?)
}

pub(super) fn set_meta(tx: &Connection, key: &str, value: &[u8]) -> Result<(), Fault> {
    tx.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?.execute(params![key, value])?;
    Ok(())
}

/// A count in meta; 0 where there is none.
pub(super) fn count(tx: &Connection, key: &str) -> Result<u64, Fault> {
    let mut select = tx.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    unsigned(select.query_row([key], |row| row.get(0)).optional()?.unwrap_or(0))
}

pub(super) fn set_count(tx: &Connection, key: &str, value: u64) -> Result<(), Fault> {
    tx.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?
        .execute(params![key, signed(value)?])?;
    Ok(())
}
