//! What the tables say.

use super::{Model, place_of, read_places};
use crate::base::{Key16, RedemptionId, Wall};
use crate::host::StoreError;
use crate::host::journal::{Held, Place, RowState};
use crate::host::sqlite::fault::Fault;
use crate::host::sqlite::sightings::{self, Seat};
use crate::host::sqlite::{accounts, claims, commit, read, values};
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::ClaimKind;
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeMap;
use std::format;
use std::sync::Arc;
use std::vec::Vec;

/// One redemption as the tables hold it.
#[derive(Debug, Default)]
pub(in crate::host) struct Kept {
    /// Where the records of its units lie.
    pub(in crate::host) logs: Vec<Place>,
    pub(in crate::host) sides: BTreeMap<u8, Place>,
}

impl Model {
    pub(in crate::host) fn row(&self, id: RedemptionId) -> Result<Option<RowState>, StoreError> {
        Ok(row(&self.connection, id)?)
    }

    pub(in crate::host) fn claim(&self, key: Key16) -> Result<Option<Held>, StoreError> {
        Ok(claim(&self.connection, key)?)
    }

    pub(in crate::host) fn last_seat(&self, subject: Key16) -> Result<Option<Seat>, StoreError> {
        Ok(sightings::last(&self.connection, subject)?)
    }

    pub(in crate::host) fn own_seat(
        &self,
        subject: Key16,
        redemption: RedemptionId,
    ) -> Result<Option<Seat>, StoreError> {
        Ok(own_seat(&self.connection, subject, redemption)?)
    }

    /// Shows the seats before a place, from it backwards, as long as more are wanted.
    pub(in crate::host) fn seats_before(
        &self,
        subject: Key16,
        place: i64,
        visit: &mut dyn FnMut(&Seat) -> bool,
    ) -> Result<(), StoreError> {
        Ok(sightings::backwards(&self.connection, subject, place - 1, visit)?)
    }

    /// Reads several things as of one batch, whose number it hands over.
    pub(in crate::host) fn as_of<T>(
        &self,
        look: impl FnOnce(&Self, u64) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let tx = self.connection.unchecked_transaction().map_err(Fault::from)?;
        let applied = commit::last(&tx)?.0.sequence;
        let seen = look(self, applied)?;
        tx.finish().map_err(Fault::from)?;
        Ok(seen)
    }

    pub(in crate::host) fn kept(&self, id: RedemptionId) -> Result<Option<Kept>, StoreError> {
        Ok(kept(&self.connection, id)?)
    }

    /// The subjects with a sighting that is not found by its redemption.
    pub(in crate::host) fn lost_seats(&self) -> Result<Vec<Key16>, StoreError> {
        Ok(lost_seats(&self.connection)?)
    }

    /// Where all side rows lie.
    pub(in crate::host) fn side_places(&self) -> Result<Vec<(RedemptionId, u8, Place)>, StoreError> {
        Ok(side_places(&self.connection)?)
    }

    /// Shows what waits, the longest due first, as long as more is wanted.
    pub(in crate::host) fn waiting(
        &self,
        visit: &mut dyn FnMut(Wall, RedemptionId) -> bool,
    ) -> Result<(), StoreError> {
        Ok(waiting(&self.connection, visit)?)
    }

    pub(in crate::host) fn balances(
        &self,
        visit: &mut dyn FnMut(&Account, Currency, i128),
    ) -> Result<(), StoreError> {
        Ok(accounts::visit(&self.connection, visit)?)
    }
}

fn row(connection: &Connection, id: RedemptionId) -> Result<Option<RowState>, Fault> {
    let sql = "SELECT epoch, records, due_ms, waiting, fingerprint, summary FROM redemptions WHERE id = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let bytes = |row: &Row<'_>, column| Ok::<_, rusqlite::Error>(Arc::from(row.get_ref(column)?.as_blob()?));
    let found = select.query_row([id.0], |row| {
        Ok(RowState {
            epoch: row.get::<_, values::Count>(0)?.0,
            records: row.get(1)?,
            due: row.get::<_, Option<i64>>(2)?.map(Wall),
            waiting: row.get::<_, Option<bool>>(3)?.unwrap_or(false),
            fingerprint: bytes(row, 4)?,
            summary: bytes(row, 5)?,
        })
    });
    Ok(found.optional()?)
}

fn claim(connection: &Connection, key: Key16) -> Result<Option<Held>, Fault> {
    let sql = "SELECT id, claims.kind, generation, status FROM claims JOIN redemptions ON number = holder
        WHERE key = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let found =
        select.query_row([key.0], |row| Ok((row.get(0)?, row.get::<_, u8>(1)?, row.get(2)?, row.get(3)?)));
    let Some((holder, kind, generation, status)) = found.optional()? else { return Ok(None) };
    let kind = ClaimKind::from_number(kind)
        .ok_or_else(|| Fault::corrupt(format!("a claim has the unknown kind {kind}")))?;
    Ok(Some(Held { holder: RedemptionId(holder), kind, generation, status: claims::status(status)? }))
}

fn kept(connection: &Connection, id: RedemptionId) -> Result<Option<Kept>, Fault> {
    let Some(Found { number, last_part, places }) = found(connection, id)? else { return Ok(None) };
    let missing = || Fault::corrupt(format!("records of redemption {id} are missing"));
    let sql = "SELECT previous, places FROM parts WHERE part = ?1 AND redemption = ?2";
    let parts = read::chain(connection, sql, number, last_part)?.ok_or_else(missing)?;
    let mut logs = Vec::new();
    for part in parts.iter().rev().chain([&places]) {
        logs.extend(read_places(part).map_err(|_| missing())?);
    }
    let sql = "SELECT slot, segment, at, length, checksum FROM sides WHERE redemption = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let sides = select.query_map([number], |row| Ok((row.get(0)?, place_of(row, 1)?)))?;
    Ok(Some(Kept { logs, sides: sides.collect::<Result<_, _>>()? }))
}

/// Where a subject's sighting of this redemption stands, by the redemption.
fn own_place(
    connection: &Connection,
    subject: Key16,
    redemption: RedemptionId,
) -> Result<Option<i64>, Fault> {
    let mut select = connection.prepare_cached("SELECT seats FROM redemptions WHERE id = ?1")?;
    let seats: Option<Vec<u8>> = select.query_row([redemption.0], |row| row.get(0)).optional()?;
    let own = |seat: &[u8]| {
        let place = seat.strip_prefix(&subject.0)?;
        place.try_into().map(i64::from_le_bytes).ok()
    };
    if let Some(place) = seats.iter().flat_map(|seats| seats.chunks(24)).find_map(own) {
        return Ok(Some(place));
    }
    let sql = "SELECT place FROM seats WHERE redemption = ?1 AND subject = ?2";
    let mut select = connection.prepare_cached(sql)?;
    Ok(select.query_row([redemption.0, subject.0], |row| row.get(0)).optional()?)
}

fn own_seat(
    connection: &Connection,
    subject: Key16,
    redemption: RedemptionId,
) -> Result<Option<Seat>, Fault> {
    match own_place(connection, subject, redemption)? {
        Some(place) => sightings::at(connection, subject, place),
        None => Ok(None),
    }
}

fn lost_seats(connection: &Connection) -> Result<Vec<Key16>, Fault> {
    let mut select = connection.prepare("SELECT subject, place, redemption FROM sightings")?;
    let mut rows = select.query([])?;
    let mut lost = Vec::new();
    while let Some(row) = rows.next()? {
        let (subject, place, redemption) = (Key16(row.get(0)?), row.get(1)?, RedemptionId(row.get(2)?));
        if own_place(connection, subject, redemption)? != Some(place) {
            lost.push(subject);
        }
    }
    lost.dedup();
    Ok(lost)
}

fn side_places(connection: &Connection) -> Result<Vec<(RedemptionId, u8, Place)>, Fault> {
    let sql = "SELECT id, slot, segment, at, length, checksum FROM sides JOIN redemptions
        ON number = redemption";
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map([], |row| Ok((RedemptionId(row.get(0)?), row.get(1)?, place_of(row, 2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn waiting(connection: &Connection, visit: &mut dyn FnMut(Wall, RedemptionId) -> bool) -> Result<(), Fault> {
    let sql = "SELECT due_ms, id FROM redemptions WHERE waiting = 1 ORDER BY due_ms, id";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if !visit(Wall(row.get(0)?), RedemptionId(row.get(1)?)) {
            break;
        }
    }
    Ok(())
}

/// A redemption's row, as far as more is added to it.
#[derive(Default)]
pub(super) struct Found {
    pub(super) number: i64,
    pub(super) last_part: Option<i64>,
    pub(super) places: Vec<u8>,
}

pub(super) fn found(connection: &Connection, id: RedemptionId) -> Result<Option<Found>, Fault> {
    let sql = "SELECT number, last_part, places FROM redemptions WHERE id = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let found = select.query_row([id.0], |row| {
        Ok(Found { number: row.get(0)?, last_part: row.get(1)?, places: row.get(2)? })
    });
    Ok(found.optional()?)
}
