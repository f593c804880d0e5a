//! One row per redemption, and its records beside it.

use super::Describe;
use super::fault::Fault;
use super::values::unsigned;
use crate::base::RedemptionId;
use crate::record::{Refusal, Unit};
use rusqlite::{Connection, OptionalExtension, Row, Statement, ToSql, params};

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
    pub(super) last_part: i64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(tx: &'a Connection, epoch: i64, describe: Describe) -> Result<Self, Fault> {
        let (next_number, next_part) = (next_number(tx)?, next_part(tx)?);
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
        let fingerprint = (row.is_none() || !unit.fingerprint.is_empty()).then_some(&*unit.fingerprint);
        let columns = Columns {
            number,
            id: unit.redemption,
            epoch: self.epoch,
            records: row.map_or(0, |row| row.records) + added,
            due_ms: unit.due.map(|due| due.0),
            waiting: unit.dormant,
            last_part: Some(self.next_part),
            fingerprint,
            summary: &unit.summary,
        };
        columns.write(self.tx, self.describe, row.is_none())?;
        let last = row.map(|row| row.last_part);
        append(self.tx, self.next_part, last, number, unit.records.as_bytes())?;
        self.next_part += 1;
        self.next_number += i64::from(row.is_none());
        Ok(number)
    }
}

/// A redemption's row as it is written.
pub(super) struct Columns<'a> {
    pub(super) number: i64,
    pub(super) id: RedemptionId,
    pub(super) epoch: i64,
    pub(super) records: u32,
    pub(super) due_ms: Option<i64>,
    /// Whether it is handed back when it is due.
    pub(super) waiting: bool,
    pub(super) last_part: Option<i64>,
    /// `None` leaves it as it is.
    pub(super) fingerprint: Option<&'a [u8]>,
    pub(super) summary: &'a [u8],
}

impl Columns<'_> {
    fn write(&self, tx: &Connection, describe: Describe, new: bool) -> Result<(), Fault> {
        let mut statement = tx.prepare_cached(if new { INSERT } else { UPDATE })?;
        self.bind(&mut statement, describe)?;
        statement.raw_execute()?;
        Ok(())
    }

    /// Binds the first twenty values of a statement that writes a redemption's row.
    pub(super) fn bind(&self, statement: &mut Statement<'_>, describe: Describe) -> Result<(), Fault> {
        let shown = describe(self.summary).unwrap_or_default();
        let values: [&dyn ToSql; 20] = [
            &self.number,
            &self.id.0,
            &self.epoch,
            &self.records,
            &self.due_ms,
            &self.due_ms.map(|_| self.waiting),
            &self.last_part,
            &shown.state,
            &shown.reason,
            &shown.request_id,
            &shown.seller,
            &shown.product,
            &shown.issuer,
            &shown.currency,
            &shown.face_minor,
            &shown.verified_minor,
            &shown.payout_minor,
            &shown.fee_minor,
            &self.fingerprint,
            &self.summary,
        ];
        for (at, value) in (1..).zip(values) {
            statement.raw_bind_parameter(at, value)?;
        }
        Ok(())
    }
}

/// Appends records to a redemption's.
fn append(tx: &Connection, part: i64, previous: Option<i64>, number: i64, bytes: &[u8]) -> Result<(), Fault> {
    let sql = "INSERT INTO records VALUES (?1, ?2, ?3, ?4)";
    tx.prepare_cached(sql)?.execute(params![part, previous, number, bytes])?;
    Ok(())
}

/// The next number of a redemption.
pub(super) fn next_number(tx: &Connection) -> Result<i64, Fault> {
    let sql = "SELECT coalesce(max(number), 0) + 1 FROM redemptions";
    Ok(tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

fn next_part(tx: &Connection) -> Result<i64, Fault> {
    let sql = "SELECT coalesce(max(part), 0) + 1 FROM records";
    Ok(tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
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
