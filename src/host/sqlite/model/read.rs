//! What the tables say.

use super::{Model, side_place};
use crate::base::{Key16, RedemptionId, Wall};
use crate::host::StoreError;
use crate::host::journal::{Held, RowState, SidePlace};
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
    /// Its records, one after the other.
    pub(in crate::host) log: Vec<u8>,
    pub(in crate::host) sides: BTreeMap<u8, SidePlace>,
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
        Ok(sightings::own(&self.connection, subject, redemption)?)
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

    /// Where all side rows lie.
    pub(in crate::host) fn side_places(&self) -> Result<Vec<(RedemptionId, u8, SidePlace)>, StoreError> {
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
    let Some(place) = read::find(connection, id)? else { return Ok(None) };
    let sql = "SELECT slot, segment, at, length, checksum FROM sides WHERE redemption = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let sides = select.query_map([place.number], |row| Ok((row.get(0)?, side_place(row, 1)?)))?;
    let sides = sides.collect::<Result<_, _>>()?;
    Ok(Some(Kept { log: read::log(connection, &place)?, sides }))
}

fn side_places(connection: &Connection) -> Result<Vec<(RedemptionId, u8, SidePlace)>, Fault> {
    let sql = "SELECT id, slot, segment, at, length, checksum FROM sides JOIN redemptions
        ON number = redemption";
    let mut select = connection.prepare_cached(sql)?;
    let rows =
        select.query_map([], |row| Ok((RedemptionId(row.get(0)?), row.get(1)?, side_place(row, 2)?)))?;
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

/// The number of a redemption's row.
pub(super) fn number(connection: &Connection, id: RedemptionId) -> Result<Option<(i64, i64)>, Fault> {
    let mut select = connection.prepare_cached("SELECT number, last_part FROM redemptions WHERE id = ?1")?;
    Ok(select.query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}
