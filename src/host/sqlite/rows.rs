//! One row per redemption, and its records beside it.

use super::Describe;
use super::fault::Fault;
use super::values::unsigned;
use crate::base::RedemptionId;
use crate::record::{Refusal, Unit};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::vec::Vec;

/// The rows as one batch changes them.
pub(super) struct Rows<'a> {
    tx: &'a Connection,
    epoch: i64,
    describe: Describe,
    next_number: i64,
    next_part: i64,
}

/// A redemption's row, as far as a unit is judged by it.
pub(super) struct Found {
    pub(super) number: i64,
    epoch: i64,
    records: u32,
    last_part: i64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(tx: &'a Connection, epoch: i64, describe: Describe) -> Result<Self, Fault> {
        let next = |sql| tx.prepare_cached(sql)?.query_row([], |row| row.get(0));
        let next_number = next("SELECT coalesce(max(number), 0) + 1 FROM redemptions")?;
        let next_part = next("SELECT coalesce(max(part), 0) + 1 FROM records")?;
        Ok(Self { tx, epoch, describe, next_number, next_part })
    }

    pub(super) fn find(&self, redemption: RedemptionId) -> Result<Option<Found>, Fault> {
        let sql = "SELECT number, epoch, records, last_part FROM redemptions WHERE id = ?1";
        let found = |row: &Row<'_>| {
            let (number, epoch) = (row.get(0)?, row.get(1)?);
            Ok(Found { number, epoch, records: row.get(2)?, last_part: row.get(3)? })
        };
        Ok(self.tx.prepare_cached(sql)?.query_row([redemption.0], found).optional()?)
    }

    /// Why a unit does not continue the row, if it does not.
    pub(super) fn refusal(&self, row: Option<&Found>, unit: &Unit) -> Result<Option<Refusal>, Fault> {
        Ok(match row {
            Some(row) if unit.expected == 0 => Some(self.known(row)?),
            Some(row) if row.records != unit.expected || row.epoch > self.epoch => {
                Some(Refusal::Stale { records: row.records, epoch: unsigned(row.epoch)? })
            }
            None if unit.expected != 0 => Some(Refusal::Stale { records: 0, epoch: 0 }),
            _ => None,
        })
    }

    fn known(&self, row: &Found) -> Result<Refusal, Fault> {
        let sql = "SELECT fingerprint, summary FROM redemptions WHERE number = ?1";
        let known = |row: &Row<'_>| Ok(Refusal::Known { fingerprint: row.get(0)?, summary: row.get(1)? });
        Ok(self.tx.prepare_cached(sql)?.query_row([row.number], known)?)
    }

    /// Writes a unit that stands into its redemption's row, or a new one, and tells its number.
    pub(super) fn take(&mut self, row: Option<&Found>, unit: &Unit) -> Result<i64, Fault> {
        let number = row.map_or(self.next_number, |row| row.number);
        let added = u32::try_from(unit.records.len()).expect("a unit holds few records");
        let records = row.map_or(0, |row| row.records) + added;
        let fingerprint = (row.is_none() || !unit.fingerprint.is_empty()).then_some(&unit.fingerprint);
        let shown = (self.describe)(&unit.summary).unwrap_or_default();
        let mut write = self.tx.prepare_cached(if row.is_some() { UPDATE } else { INSERT })?;
        write.execute(params![
            number,
            unit.redemption.0,
            self.epoch,
            records,
            unit.due.map(|due| due.0),
            unit.due.map(|_| unit.dormant),
            self.next_part,
            shown.state,
            shown.reason,
            shown.request_id,
            shown.seller,
            shown.product,
            shown.issuer,
            shown.currency,
            shown.face_minor,
            shown.verified_minor,
            shown.payout_minor,
            shown.fee_minor,
            fingerprint,
            unit.summary,
        ])?;
        self.append(row.map(|row| row.last_part), number, unit)?;
        self.next_number += i64::from(row.is_none());
        Ok(number)
    }

    fn append(&mut self, previous: Option<i64>, number: i64, unit: &Unit) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        unit.records.iter().for_each(|record| record.encode(&mut bytes));
        let sql = "INSERT INTO records VALUES (?1, ?2, ?3, ?4)";
        self.tx.prepare_cached(sql)?.execute(params![self.next_part, previous, number, bytes])?;
        self.next_part += 1;
        Ok(())
    }
}

/// Both statements take the same twenty values.
const INSERT: &str = "INSERT INTO redemptions (number, id, epoch, records, due_ms, waiting,
    last_part, state, reason, request_id, seller, product, issuer, currency, face_minor,
    verified_minor, payout_minor, fee_minor, fingerprint, summary) VALUES (?1, ?2, ?3, ?4, ?5, ?6,
    ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";
const UPDATE: &str = "UPDATE redemptions SET epoch = ?3, records = ?4, due_ms = ?5, waiting = ?6,
    last_part = ?7, state = ?8, reason = ?9, request_id = ?10, seller = ?11, product = ?12,
    issuer = ?13, currency = ?14, face_minor = ?15, verified_minor = ?16, payout_minor = ?17,
    fee_minor = ?18, fingerprint = coalesce(?19, fingerprint), summary = ?20
    WHERE number = ?1 AND id = ?2";
