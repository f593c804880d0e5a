//! Sightings in the order of their writing, and what is recalled of them.

use super::fault::Fault;
use super::values::Wide;
use crate::base::{Key16, RedemptionId, Wall};
use crate::risk::{Moments, Recall, RecallKind, Seen, Sighting};
use rusqlite::{Connection, OptionalExtension, Params, Row, Statement, params};
use std::vec::Vec;

/// One redemption's place among a subject's sightings.
#[derive(Clone, Copy, Debug)]
pub(in crate::host) struct Seat {
    pub(in crate::host) subject: Key16,
    /// From 0.
    pub(in crate::host) place: i64,
    pub(in crate::host) redemption: RedemptionId,
    pub(in crate::host) at: Wall,
    /// The latest time up to this place: where it falls out of a window, all before it does.
    pub(in crate::host) latest: Wall,
    pub(in crate::host) value: i64,
    pub(in crate::host) before: Moments,
}

/// The sightings near one seat in time, from it backwards.
pub(in crate::host) struct Window {
    at: Wall,
    within_ms: i64,
    list: Vec<(RedemptionId, Wall)>,
}

impl Window {
    fn is_near(&self, at: Wall) -> bool {
        at.0.saturating_sub(self.at.0).saturating_abs() <= self.within_ms
    }

    /// Takes the seat before the one taken last; `false` if no more are wanted.
    pub(in crate::host) fn take(&mut self, seat: &Seat) -> bool {
        let all_earlier_are_far = seat.latest < self.at && !self.is_near(seat.latest);
        if all_earlier_are_far || self.list.len() == Recall::MOST {
            return false;
        }
        if self.is_near(seat.at) {
            self.list.push((seat.redemption, seat.at));
        }
        true
    }

    /// At most [`Recall::MOST`], in the order of their writing.
    pub(in crate::host) fn finish(mut self) -> Vec<(RedemptionId, Wall)> {
        self.list.reverse();
        self.list
    }
}

const INSERT: &str = "INSERT INTO sightings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (redemption, subject) DO NOTHING";
const OWN: &str = "SELECT * FROM sightings WHERE redemption = ?2 AND subject = ?1";
const LAST: &str = "SELECT * FROM sightings WHERE subject = ?1 ORDER BY place DESC LIMIT 1";
/// The seat at a place of a subject.
const AT: &str = "SELECT * FROM sightings WHERE subject = ?1 AND place = ?2";
const BACKWARDS: &str = "SELECT * FROM sightings WHERE subject = ?1 AND place <= ?2 ORDER BY place DESC";

impl Seat {
    /// The first one of its subject.
    pub(in crate::host) fn first(subject: Key16, redemption: RedemptionId, at: Wall, value: i64) -> Self {
        Self { subject, place: 0, redemption, at, latest: at, value, before: Moments::default() }
    }

    /// The one after this.
    pub(in crate::host) fn next(&self, redemption: RedemptionId, at: Wall, value: i64) -> Self {
        let (latest, before) = (at.max(self.latest), self.before.with(self.value));
        Self { place: self.place + 1, redemption, at, latest, value, before, ..*self }
    }

    /// A window that reaches so far to both sides of it.
    pub(in crate::host) fn window(&self, within_ms: i64) -> Window {
        let most = usize::try_from(self.place).map_or(0, |before| Recall::MOST.min(before + 1));
        Window { at: self.at, within_ms, list: Vec::with_capacity(most) }
    }

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
        self.put(&mut *tx.prepare_cached(INSERT)?)
    }

    /// Puts the seat with a statement that takes the eight columns; whether it did.
    pub(super) fn put(&self, statement: &mut Statement<'_>) -> Result<bool, Fault> {
        let added = statement.execute(params![
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
        let seat = match last(tx, subject)? {
            Some(last) => last.next(redemption, at, value),
            None => Seat::first(subject, redemption, at, value),
        };
        if seat.insert(tx)? {
            new.push(seat);
        }
    }
    Ok(new)
}

/// The last seat of a subject.
pub(super) fn last(connection: &Connection, subject: Key16) -> Result<Option<Seat>, Fault> {
    Seat::find(connection, LAST, [subject.0])
}

/// The redemption's own seat.
fn own(connection: &Connection, subject: Key16, redemption: RedemptionId) -> Result<Option<Seat>, Fault> {
    Seat::find(connection, OWN, params![subject.0, redemption.0])
}

/// The seat at a place.
pub(super) fn at(connection: &Connection, subject: Key16, place: i64) -> Result<Option<Seat>, Fault> {
    Seat::find(connection, AT, params![subject.0, place])
}

/// Shows the seats up to a place, from it backwards, as long as more are wanted.
pub(super) fn backwards(
    connection: &Connection,
    subject: Key16,
    place: i64,
    visit: &mut dyn FnMut(&Seat) -> bool,
) -> Result<(), Fault> {
    let mut select = connection.prepare_cached(BACKWARDS)?;
    let mut rows = select.query(params![subject.0, place])?;
    while let Some(row) = rows.next()? {
        if !visit(&Seat::read(row)?) {
            break;
        }
    }
    Ok(())
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
        None => own(tx, subject, redemption)?,
    };
    let last = match own {
        Some(own) => Some(own),
        None => last(tx, subject)?,
    };
    match recall.kind {
        RecallKind::Moments => {
            let last = last.map(|last| (last.before, last.value));
            Ok(Seen::Moments(Moments::recalled(last, own.is_some())))
        }
        RecallKind::Recent { within_ms } => {
            last.map_or(Ok(Vec::new()), |last| recent(tx, &last, within_ms)).map(Seen::Recent)
        }
    }
}

/// The sightings near `last` in time.
fn recent(tx: &Connection, last: &Seat, within_ms: i64) -> Result<Vec<(RedemptionId, Wall)>, Fault> {
    let mut window = last.window(within_ms);
    backwards(tx, last.subject, last.place, &mut |seat| window.take(seat))?;
    Ok(window.finish())
}
