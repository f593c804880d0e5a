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
    pub(super) number: i64,
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
    Ok(Handed { redemption: place.id, log: log(connection, &place)?, sides })
}

/// The records of all parts, from the last back to the first, put into their order.
pub(super) fn log(connection: &Connection, place: &Place) -> Result<Vec<u8>, Fault> {
    let sql = "SELECT previous, bytes FROM records WHERE part = ?1 AND redemption = ?2";
    let mut select = connection.prepare_cached(sql)?;
    let mut parts = Vec::<Vec<u8>>::new();
    let mut next = Some(place.last_part);
    while let Some(part) = next {
        let found =
            select.query_row([part, place.number], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let missing = || Fault::corrupt(format!("records of redemption {} are missing", place.id));
        let (previous, bytes) = found.ok_or_else(missing)?;
        // Parts count up, so that damage cannot make a circle of them.
        next = match previous {
            Some(previous) if previous >= part => return Err(missing()),
            previous => previous,
        };
        parts.push(bytes);
    }
    parts.reverse();
    Ok(parts.concat())
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
