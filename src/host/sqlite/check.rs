//! Comparing the tables with what the frames lead to.

use super::fault::Fault;
use super::values::{Count, Wide};
use super::{Sqlite, Store, StoreError, accounts, read};
use crate::base::{Key16, RedemptionId, Wall};
use crate::host::check::{Finding, Fold, Report};
use crate::record::{ClaimStatus, Frame, Index};
use crate::risk::{Moments, Sighting};
use rusqlite::{Connection, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::string::String;
use std::vec::Vec;

impl Sqlite {
    /// Reads all frames and compares every table with what they lead to; the database checks its
    /// own trees. Takes as much memory as all redemptions do.
    ///
    /// # Errors
    /// [`StoreError`], if the database cannot be read at all. What is not as it must be is in the
    /// report.
    pub fn check(&mut self) -> Result<Report, StoreError> {
        let mut fold = Fold::default();
        self.frames(&mut |bytes, refused| fold.take(bytes, refused))?;
        let connection = &self.connection;
        let log = |id| read::find(connection, id).ok()??.log(connection).ok();
        compare(connection, &fold.index, &log, &mut fold.report)?;
        fold.compare_sides(|visit| {
            self.side_rows(&mut |id, slot, content| visit(id, slot, Some(Frame::digest(content))))
        })?;
        Ok(fold.finish())
    }
}

/// All records of a redemption; `None` where they cannot be read, which is a finding and not the
/// end of the check.
type LogOf<'a> = dyn Fn(RedemptionId) -> Option<Vec<u8>> + 'a;

/// Compares the tables that both stores have, and lets the database check its trees.
pub(in crate::host) fn compare(
    connection: &Connection,
    index: &Index,
    log: &LogOf<'_>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut found = Vec::new();
    database(connection, &mut found)?;
    rows(connection, index, log, &mut found)?;
    claims(connection, index, &mut found)?;
    sightings(connection, index, &mut found)?;
    balances(connection, index, &mut found)?;
    report.findings.append(&mut found);
    Ok(())
}

fn database(connection: &Connection, found: &mut Vec<Finding>) -> Result<(), Fault> {
    let mut select = connection.prepare("PRAGMA integrity_check")?;
    let texts: Vec<String> = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    found.extend(texts.into_iter().filter(|text| text != "ok").map(Finding::Database));
    Ok(())
}

fn rows(
    connection: &Connection,
    index: &Index,
    log: &LogOf<'_>,
    found: &mut Vec<Finding>,
) -> Result<(), Fault> {
    let mut wanted: BTreeSet<RedemptionId> = index.rows().map(|(id, _)| *id).collect();
    let sql = "SELECT id, epoch, records, due_ms, fingerprint, summary FROM redemptions";
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let id = RedemptionId(row.get(0)?);
        let (epoch, records): (Count, u32) = (row.get(1)?, row.get(2)?);
        let due = row.get::<_, Option<i64>>(3)?.map(Wall);
        let (fingerprint, summary): (Vec<u8>, Vec<u8>) = (row.get(4)?, row.get(5)?);
        let log = log(id);
        let same = index.row(id).is_some_and(|kept| {
            (kept.epoch, kept.records, kept.due) == (epoch.0, records, due)
                && (&kept.fingerprint, &kept.summary) == (&fingerprint, &summary)
                && log.as_ref() == Some(&kept.log)
        });
        wanted.remove(&id);
        if !same {
            found.push(Finding::Redemption(id));
        }
    }
    found.extend(wanted.into_iter().map(Finding::Redemption));
    Ok(())
}

fn claims(connection: &Connection, index: &Index, found: &mut Vec<Finding>) -> Result<(), Fault> {
    let of = |(key, holder, status, generation): (Key16, RedemptionId, ClaimStatus, u32)| {
        (key, (holder, status.number(), generation))
    };
    let mut wanted: BTreeMap<Key16, _> = index.claims().map(of).collect();
    let sql = "SELECT key, id, status, generation FROM claims LEFT JOIN redemptions ON number = holder";
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (key, holder) = (Key16(row.get(0)?), row.get::<_, Option<_>>(1)?.map(RedemptionId));
        let kept = match holder {
            Some(holder) => Some((holder, row.get(2)?, row.get(3)?)),
            None => None,
        };
        if wanted.remove(&key) != kept || kept.is_none() {
            found.push(Finding::Claim(key));
        }
    }
    found.extend(wanted.into_keys().map(Finding::Claim));
    Ok(())
}

fn sightings(connection: &Connection, index: &Index, found: &mut Vec<Finding>) -> Result<(), Fault> {
    let sql = "SELECT redemption, subject, at_ms, value, place, value_sum, square_sum FROM sightings
        ORDER BY subject, place";
    let read = |row: &Row<'_>| {
        let (Wide(sum), Wide(squares)) = (row.get(5)?, row.get(6)?);
        let sighting = Sighting { subject: Key16(row.get(1)?), at: Wall(row.get(2)?), value: row.get(3)? };
        let before = Moments { count: row.get::<_, Count>(4)?.0, sum, squares };
        Ok((RedemptionId(row.get(0)?), sighting, before))
    };
    let mut bad = BTreeSet::new();
    let mut select = connection.prepare(sql)?;
    let mut kept = select.query_map([], read)?;
    let mut wanted = index.sightings();
    loop {
        match (kept.next().transpose()?, wanted.next()) {
            (None, None) => break,
            (kept, wanted) if kept == wanted => {}
            (kept, wanted) => {
                // Where one is missing all behind it are moved: the first difference is the place.
                let subjects = [kept, wanted].into_iter().flatten().map(|(_, sighting, _)| sighting.subject);
                bad.extend(subjects.min());
                break;
            }
        }
    }
    found.extend(bad.into_iter().map(Finding::Sightings));
    Ok(())
}

fn balances(connection: &Connection, index: &Index, found: &mut Vec<Finding>) -> Result<(), Fault> {
    let mut wanted: BTreeMap<_, _> =
        index.balances().map(|(account, currency, minor)| ((account.clone(), currency), minor)).collect();
    let mut bad = Vec::new();
    accounts::visit(connection, &mut |account, currency, minor| {
        if wanted.remove(&(account.clone(), currency)) != Some(minor) {
            bad.push((account.clone(), currency));
        }
    })?;
    bad.extend(wanted.into_keys());
    found.extend(bad.into_iter().map(|(account, currency)| Finding::Balance {
        account: account.to_text(),
        currency: currency.alpha(),
    }));
    Ok(())
}
