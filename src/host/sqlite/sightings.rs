//! Sightings in the order of their writing, and what is recalled of them.

use super::fault::Fault;
use super::values::Wide;
use crate::base::{Key16, RedemptionId, Wall};
use crate::risk::{Moments, Recall, RecallKind, Seen, Sighting};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use std::vec::Vec;

/// One redemption's place among a subject's sightings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    subject: Key16,
    place: i64,
    redemption: RedemptionId,
    at: Wall,
    /// The latest time up to this place: where it falls out of a window, all before it does.
    latest: Wall,
    value: i64,
    before: Moments,
}

const INSERT: &str = "INSERT INTO sightings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (redemption, subject) DO NOTHING";
const OWN: &str = "SELECT * FROM sightings WHERE redemption = ?2 AND subject = ?1";
const LAST: &str = "SELECT * FROM sightings WHERE subject = ?1 ORDER BY place DESC LIMIT 1";
const BACKWARDS: &str = "SELECT * FROM sightings WHERE subject = ?1 AND place <= ?2 ORDER BY place DESC";

impl Seat {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let place: i64 = row.get(1)?;
        let (Wide(sum), Wide(squares)) = (row.get(6)?, row.get(7)?);
        Ok(Self {
            subject: Key16(row.get(0)?),
            place,
            redemption: RedemptionId(row.get(2)?),
            at: Wall(row.get(3)?),
            latest: Wall(row.get(4)?),
            value: row.get(5)?,
            // Places count up from 0: as many came before.
            before: Moments { count: place.unsigned_abs(), sum, squares },
        })
    }

    fn find(tx: &Connection, sql: &str, params: impl Params) -> Result<Option<Self>, Fault> {
        Ok(tx.prepare_cached(sql)?.query_row(params, Self::read).optional()?)
    }

    /// Puts the seat at the end of its subject's, unless the redemption has one there.
    fn insert(&self, tx: &Connection) -> Result<bool, Fault> {
        let added = tx.prepare_cached(INSERT)?.execute(params![
            self.subject.0,
            self.place,
            self.redemption.0,
            self.at.0,
            self.latest.0,
            self.value,
            Wide(self.before.sum),
            Wide(self.before.squares),
        ])?;
        Ok(added == 1)
    }
}

/// Writes the sightings of a unit and tells the new seats: a redemption has one per subject.
pub(super) fn see(
    tx: &Connection,
    redemption: RedemptionId,
    sightings: &[Sighting],
) -> Result<Vec<Seat>, Fault> {
    let mut new = Vec::with_capacity(sightings.len());
    for &Sighting { subject, at, value } in sightings {
        let (place, latest, before) = match Seat::find(tx, LAST, [subject.0])? {
            Some(last) => (last.place + 1, at.max(last.latest), last.before.with(last.value)),
            None => (0, at, Moments::default()),
        };
        let seat = Seat { subject, place, redemption, at, latest, value, before };
        if seat.insert(tx)? {
            new.push(seat);
        }
    }
    Ok(new)
}

/// Answers a recall as of the redemption's own seat, or as of now if it has none. `new` are the
/// seats that its unit has just taken.
pub(super) fn recall(
    tx: &Connection,
    redemption: RedemptionId,
    recall: &Recall,
    new: &[Seat],
) -> Result<Seen, Fault> {
    let subject = recall.subject;
    let own = match new.iter().find(|seat| seat.subject == subject) {
        Some(seat) => Some(*seat),
        None => Seat::find(tx, OWN, params![subject.0, redemption.0])?,
    };
    let last = match own {
        Some(own) => Some(own),
        None => Seat::find(tx, LAST, [subject.0])?,
    };
    match recall.kind {
        RecallKind::Moments => Ok(Seen::Moments(match (own, last) {
            (Some(own), _) => own.before,
            (None, Some(last)) => last.before.with(last.value),
            (None, None) => Moments::default(),
        })),
        RecallKind::Recent { within_ms } => {
            last.map_or(Ok(Vec::new()), |last| recent(tx, &last, within_ms)).map(Seen::Recent)
        }
    }
}

/// The sightings near `last` in time, from it backwards, at most [`Recall::MOST`], in the order
/// of their writing.
fn recent(tx: &Connection, last: &Seat, within_ms: i64) -> Result<Vec<(RedemptionId, Wall)>, Fault> {
    let near = |at: Wall| at.0.saturating_sub(last.at.0).saturating_abs() <= within_ms;
    let mut list = Vec::new();
    let mut select = tx.prepare_cached(BACKWARDS)?;
    let mut rows = select.query(params![last.subject.0, last.place])?;
    while let Some(row) = rows.next()? {
        let seat = Seat::read(row)?;
        let all_earlier_are_far = seat.latest < last.at && !near(seat.latest);
        if all_earlier_are_far || list.len() == Recall::MOST {
            break;
        }
        if near(seat.at) {
            list.push((seat.redemption, seat.at));
        }
    }
    list.reverse();
    Ok(list)
}
