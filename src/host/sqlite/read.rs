//! Handing redemptions back, and walking the log.

use super::fault::Fault;
use super::values::signed;
use crate::base::{RedemptionId, Wall};
use crate::record::Handed;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use std::format;
use std::vec::Vec;

pub(super) const DUE: &str = "SELECT number, last_part, id FROM redemptions
    WHERE waiting = 1 AND due_ms <= ?1 ORDER BY due_ms, id LIMIT ?2";
pub(super) const NEXT_DUE: &str = "SELECT due_ms FROM redemptions WHERE waiting = 1 ORDER BY due_ms LIMIT 1";
const FRAMES: &str = "SELECT bytes, refused FROM frames WHERE sequence > ?1 ORDER BY sequence";

pub(super) fn load(connection: &Connection, redemption: RedemptionId) -> Result<Option<Handed>, Fault> {
    find(connection, redemption)?.map(|place| hand(connection, place)).transpose()
}

/// Where a redemption's content is found, if there is one.
pub(super) fn find(connection: &Connection, redemption: RedemptionId) -> Result<Option<Place>, Fault> {
    let mut select =
        connection.prepare_cached("SELECT number, last_part, id FROM redemptions WHERE id = ?1")?;
    Ok(select.query_row([redemption.0], place).optional()?)
}

pub(super) fn due(connection: &Connection, now: Wall, limit: usize) -> Result<Vec<Handed>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut select = connection.prepare_cached(DUE)?;
    let places: Vec<Place> = select.query_map(params![now.0, limit], place)?.collect::<Result<_, _>>()?;
    places.into_iter().map(|place| hand(connection, place)).collect()
}

pub(super) fn next_due(connection: &Connection) -> Result<Option<Wall>, Fault> {
    let mut select = connection.prepare_cached(NEXT_DUE)?;
    Ok(select.query_row([], |row| row.get(0).map(Wall)).optional()?)
}

/// Where a redemption's content is found.
pub(super) struct Place {
    number: i64,
    last_part: i64,
    id: RedemptionId,
}

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place { number: row.get(0)?, last_part: row.get(1)?, id: RedemptionId(row.get(2)?) })
}

fn hand(connection: &Connection, place: Place) -> Result<Handed, Fault> {
    let mut select = connection.prepare_cached("SELECT slot, content FROM sides WHERE redemption = ?1")?;
    let sides = select.query_map([place.number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sides: BTreeMap<u8, Vec<u8>> = sides.collect::<Result<_, _>>()?;
    Ok(Handed { redemption: place.id, log: place.log(connection)?, sides })
}

impl Place {
    /// The records of all parts, from the last back to the first, put into their order.
    pub(super) fn log(&self, connection: &Connection) -> Result<Vec<u8>, Fault> {
        let sql = "SELECT previous, bytes FROM records WHERE part = ?1 AND redemption = ?2";
        let mut parts = chain(connection, sql, self.number, Some(self.last_part))?
            .ok_or_else(|| Fault::corrupt(format!("records of redemption {} are missing", self.id)))?;
        parts.reverse();
        Ok(parts.concat())
    }
}

/// The parts of a redemption from the last back to the first; `None` if one is missing. The
/// statement asks for the part before and the bytes, by part and number.
pub(super) fn chain(
    connection: &Connection,
    sql: &str,
    number: i64,
    last: Option<i64>,
) -> Result<Option<Vec<Vec<u8>>>, Fault> {
    let mut select = connection.prepare_cached(sql)?;
    let (mut parts, mut next) = (Vec::<Vec<u8>>::new(), last);
    while let Some(part) = next {
        let found = select.query_row([part, number], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((previous, bytes)): Option<(Option<i64>, _)> = found else { return Ok(None) };
        // Parts count up, so that damage cannot make a circle of them.
        if previous.is_some_and(|previous| previous >= part) {
            return Ok(None);
        }
        (next, _) = (previous, parts.push(bytes));
    }
    Ok(Some(parts))
}

/// Shows every frame from the first.
pub(super) fn frames(connection: &Connection, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), Fault> {
    frames_after(connection, 0, visit)
}

/// Shows every frame after batch `sequence`.
pub(super) fn frames_after(
    connection: &Connection,
    sequence: u64,
    visit: &mut dyn FnMut(&[u8], &[u32]),
) -> Result<(), Fault> {
    let mut select = connection.prepare_cached(FRAMES)?;
    let mut rows = select.query([signed(sequence)?])?;
    while let Some(row) = rows.next()? {
        let refused: Vec<u8> = row.get(1)?;
        let cut = |_| Fault::corrupt("the numbers of a frame's refused units are cut");
        let number = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).map_err(cut);
        let numbers: Vec<u32> = refused.chunks(4).map(number).collect::<Result<_, _>>()?;
        let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        visit(bytes, &numbers);
    }
    Ok(())
}
