//! What is recalled of the last sightings, read back as far as it takes.

use super::fault::Fault;
use super::link::Open;
use super::seats::{Seat, read};
use super::values::{Id, Wide, unsigned};
use super::work::{Said, Work};
use crate::base::{Key16, RedemptionId, Wall};
use crate::risk::{Moments, Recall, Seen};
use std::collections::BTreeSet;
use std::format;
use std::vec::Vec;
use tokio_postgres::Row;

/// Gives the answers that are still open.
pub(super) async fn complete(open: &Open<'_>, work: &mut Work, said: &mut [Said]) -> Result<(), Fault> {
    loop {
        let mut missing = BTreeSet::new();
        for said in said.iter_mut() {
            let Said { verdict, open } = said;
            open.retain(|&(number, subject, last, within_ms)| match recent(work, subject, last, within_ms) {
                Ok(list) => {
                    verdict.seen[number] = Seen::Recent(list);
                    false
                }
                Err(place) => {
                    missing.insert((subject, place));
                    true
                }
            });
        }
        if missing.is_empty() {
            return Ok(());
        }
        fetch(open, work, &missing).await?;
    }
}

/// The sightings near the last one in time, from it backwards, at most [`Recall::MOST`], in the
/// order of their writing; or the place of one that has to be read first.
fn recent(work: &Work, subject: Key16, last: i64, within_ms: i64) -> Result<Vec<(RedemptionId, Wall)>, i64> {
    let at = |place: i64| -> Result<&Seat, i64> { work.seats.get(&(subject, place)).ok_or(place) };
    let of = at(last)?.at;
    let near = |at: Wall| at.0.saturating_sub(of.0).saturating_abs() <= within_ms;
    let mut list = Vec::new();
    for place in (0..=last).rev() {
        let seat = at(place)?;
        let all_earlier_are_far = seat.latest < of && !near(seat.latest);
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

/// Reads older sightings.
pub(super) async fn fetch(
    open: &Open<'_>,
    work: &mut Work,
    missing: &BTreeSet<(Key16, i64)>,
) -> Result<(), Fault> {
    let subjects: Vec<Id> = missing.iter().map(|(subject, _)| Id(subject.0)).collect();
    let places: Vec<i64> = missing.iter().map(|(_, place)| *place).collect();
    for row in open.client.query(&open.sql.pieces, &[&subjects, &places]).await? {
        piece(&row)?.into_iter().for_each(|seat| work.keep(seat));
    }
    match missing.iter().find(|missing| !work.seats.contains_key(*missing)) {
        None => Ok(()),
        Some((_, place)) => {
            Err(Fault::corrupt(format!("the sighting in place {place} of a subject is gone")))
        }
    }
}

/// A piece of a subject's older sightings.
pub(super) fn piece(row: &Row) -> Result<Vec<Seat>, Fault> {
    let (Id(subject), Wide(sum), Wide(squares)) = (row.try_get(0)?, row.try_get(2)?, row.try_get(3)?);
    let before = Moments { count: unsigned(row.try_get(1)?)?, sum, squares };
    read(Key16(subject), before, row.try_get(4)?)
}
