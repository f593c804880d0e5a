//! The first flight: locks what the units touch, in the one order, and reads it.

use super::commit::{Fence, Live, place};
use super::fault::Fault;
use super::link::Open;
use super::recall::{fetch, piece};
use super::seats::{self, Subject};
use super::values::{Id, Wide, signed, small, unsigned};
use super::work::{Claimed, Stored, Work};
use crate::base::{Key16, RedemptionId, Wall};
use crate::record::{Batch, Claim, ClaimStatus};
use crate::risk::{Moments, RecallKind};
use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::vec;
use std::vec::Vec;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// What the units of a batch touch.
pub(super) struct Asked<'a> {
    /// Redemptions, and whether a first unit asks for what there is.
    rows: BTreeMap<RedemptionId, bool>,
    /// Those among them of which it is known how many records they have.
    live: BTreeMap<RedemptionId, u32>,
    keys: BTreeSet<Key16>,
    /// By key, what is asked for first.
    claims: BTreeMap<Key16, (RedemptionId, &'a Claim)>,
    /// All that ask for a key.
    claimers: BTreeSet<(Key16, RedemptionId)>,
    /// Subjects as this batch leaves them if they are new.
    fresh: BTreeMap<Key16, Subject>,
    /// Subjects that are only asked about.
    known: BTreeSet<Key16>,
    /// Subjects of whose last sightings somebody asks.
    recent: BTreeSet<Key16>,
    seats: BTreeSet<(RedemptionId, Key16)>,
}

impl<'a> Asked<'a> {
    pub(super) fn by(batch: &'a Batch, live: &Live) -> Self {
        // Only one writer changes keys that it has not read: no other can be at them.
        let reads_changes = batch.frame().log != 0;
        let mut asked = Self {
            rows: BTreeMap::new(),
            live: BTreeMap::new(),
            keys: BTreeSet::new(),
            claims: BTreeMap::new(),
            claimers: BTreeSet::new(),
            fresh: BTreeMap::new(),
            known: BTreeSet::new(),
            recent: BTreeSet::new(),
            seats: BTreeSet::new(),
        };
        for unit in batch.units() {
            let id = unit.redemption;
            for sighting in &unit.sightings {
                if asked.seats.insert((id, sighting.subject)) {
                    asked.fresh.entry(sighting.subject).or_default().add(id, sighting);
                }
            }
            if unit.records.is_empty() {
                if !unit.sides.is_empty() {
                    asked.rows.entry(id).or_default();
                }
                continue;
            }
            *asked.rows.entry(id).or_default() |= unit.expected == 0;
            if reads_changes {
                asked.keys.extend(unit.changes.iter().map(|change| change.key));
                asked.keys.extend(unit.claims.iter().map(|claim| claim.key));
            }
            for claim in &unit.claims {
                asked.claimers.insert((claim.key, id));
                asked.claims.entry(claim.key).or_insert((id, claim));
            }
        }
        for (id, recall) in
            batch.units().iter().flat_map(|u| u.recalls.iter().map(move |r| (u.redemption, r)))
        {
            asked.seats.insert((id, recall.subject));
            if !asked.fresh.contains_key(&recall.subject) {
                asked.known.insert(recall.subject);
            }
            if matches!(recall.kind, RecallKind::Recent { .. }) {
                asked.recent.insert(recall.subject);
            }
        }
        let Self { rows, live: known, .. } = &mut asked;
        rows.retain(|id, told| {
            let records = live.get(id).filter(|_| !*told);
            known.extend(records.map(|records| (*id, *records)));
            records.is_none()
        });
        asked
    }
}

impl Asked<'_> {
    /// What the units touch, if all of it is known: redemptions go on that are in the own memory.
    pub(super) fn at_once(&self, batch: &Batch) -> Option<Work> {
        let nothing = self.rows.is_empty()
            && self.keys.is_empty()
            && self.claims.is_empty()
            && self.fresh.is_empty()
            && self.known.is_empty()
            && self.seats.is_empty();
        nothing.then(|| self.work(batch))
    }

    fn work(&self, batch: &Batch) -> Work {
        let epoch = batch.id().epoch;
        let mut work = Work::new(batch.frame().log, epoch);
        for (&id, &records) in &self.live {
            work.rows.insert(id, Stored { epoch, records, ..Stored::default() }.into());
        }
        work
    }
}

/// Begins the transaction.
pub(super) async fn gather(
    open: &Open<'_>,
    asked: &Asked<'_>,
    batch: &Batch,
    log: u32,
) -> Result<(Fence, Work), Fault> {
    let (_, sequence, _) = place(batch)?;
    let log_number = i64::from(log);
    let ids: Vec<Id> = asked.rows.keys().map(|id| Id(id.0)).collect();
    let told: Vec<bool> = asked.rows.values().copied().collect();
    let keys: Vec<Id> = asked.keys.iter().map(|key| Id(key.0)).collect();
    let wanted: Vec<Id> = asked.claims.keys().map(|key| Id(key.0)).collect();
    let kinds: Vec<i64> = asked.claims.values().map(|(_, claim)| claim.kind.number().into()).collect();
    let generations: Vec<i64> = asked.claims.values().map(|(_, claim)| claim.generation.into()).collect();
    let claimers: Vec<Id> = asked.claims.values().map(|(id, _)| Id(id.0)).collect();
    let fresh = Heads::of(asked.fresh.iter())?;
    let known: BTreeSet<Id> = asked.fresh.keys().chain(&asked.known).map(|key| Id(key.0)).collect();
    let known: Vec<Id> = known.into_iter().collect();
    let seers: BTreeSet<Id> = asked.seats.iter().map(|(id, _)| Id(id.0)).collect();
    let seers: Vec<Id> = seers.into_iter().collect();
    let recent: Vec<Id> = asked.recent.iter().map(|key| Id(key.0)).collect();
    let last = vec![i64::MAX; recent.len()];
    let sql = open.sql;
    let mut flight = open.flight();
    let mut parts = Vec::new();
    flight.run("BEGIN");
    flight.add(&sql.fence, vec![&log_number]);
    let mut add = |part, needed: bool, statement, params| {
        if needed {
            flight.add(statement, params);
            parts.push(part);
        }
    };
    add(Part::Rows, !ids.is_empty(), &sql.rows, vec![&ids, &told]);
    add(Part::Claims, !keys.is_empty(), &sql.claims, vec![&keys]);
    add(
        Part::Claims,
        !wanted.is_empty(),
        &sql.claim,
        vec![&wanted, &kinds, &generations, &claimers, &log_number, &sequence],
    );
    add(Part::Heads, !known.is_empty(), &sql.heads, vec![&known]);
    add(Part::Fresh, !fresh.subjects.is_empty(), &sql.subjects, fresh.params());
    add(Part::Seats, !seers.is_empty(), &sql.seats, vec![&seers]);
    add(Part::Pieces, !recent.is_empty(), &sql.pieces, vec![&recent, &last]);
    let mut answers = flight.land().await?.into_iter();
    answers.next();
    let fence = Fence::read(&answers.next().unwrap_or_default(), log)?;
    let mut work = asked.work(batch);
    let mut named = Vec::new();
    for (part, rows) in parts.into_iter().zip(answers) {
        for row in &rows {
            take(&mut work, part, row, &mut named)?;
        }
    }
    if asked.fresh.keys().any(|subject| !work.heads.contains_key(subject)) {
        return Err(Fault::Again("another made the same subject at the same time".into()));
    }
    named.retain(|(id, subject, _)| asked.seats.contains(&(*id, *subject)));
    own(open, &mut work, &named).await?;
    summaries(open, asked, &mut work).await?;
    Ok((fence, work))
}

#[derive(Clone, Copy)]
enum Part {
    Rows,
    Claims,
    Heads,
    Fresh,
    Seats,
    Pieces,
}

/// A redemption, a subject, and the place of the one among the other's sightings.
type Named = (RedemptionId, Key16, i64);

fn take(work: &mut Work, part: Part, row: &Row, named: &mut Vec<Named>) -> Result<(), Fault> {
    match part {
        Part::Rows => {
            let (id, stored) = stored(row)?;
            work.rows.insert(id, stored.into());
        }
        Part::Claims => {
            let (key, claimed, fresh) = claimed(row)?;
            work.claims.insert(key, (claimed, fresh).into());
        }
        Part::Heads => {
            let (subject, head) = head(row)?;
            head.last.iter().for_each(|seat| work.keep(*seat));
            work.heads.insert(subject, head);
        }
        Part::Fresh => {
            let Id(subject) = row.try_get(0)?;
            work.heads.insert(Key16(subject), Subject { fresh: true, ..Subject::default() });
        }
        Part::Seats => {
            let Id(id) = row.try_get(0)?;
            for column in 1..=2 {
                let bytes: Option<&[u8]> = row.try_get(column)?;
                let places = seats::named(bytes.unwrap_or_default())?;
                named.extend(places.into_iter().map(|(subject, place)| (RedemptionId(id), subject, place)));
            }
        }
        Part::Pieces => piece(row)?.into_iter().for_each(|seat| work.keep(seat)),
    }
    Ok(())
}

/// The sightings that redemptions of this batch have already.
async fn own(open: &Open<'_>, work: &mut Work, named: &[Named]) -> Result<(), Fault> {
    let unread = work.unread(named);
    if !unread.is_empty() {
        fetch(open, work, &unread).await?;
    }
    for (id, subject, place) in named {
        let seat = work.seats.get(&(*subject, *place)).filter(|seat| seat.redemption == *id);
        let gone = || Fault::corrupt(format!("the sighting of redemption {id} in place {place} is gone"));
        let seat = *seat.ok_or_else(gone)?;
        work.own.insert((*id, *subject), seat);
    }
    Ok(())
}

fn stored(row: &Row) -> Result<(RedemptionId, Stored), Fault> {
    let Id(id) = row.try_get(0)?;
    let wait: Option<i64> = row.try_get(3)?;
    let stored = Stored {
        epoch: unsigned(row.try_get(1)?)?,
        records: small(row.try_get(2)?)?,
        wait: wait.map(Wall),
        dormant: row.try_get(4)?,
        fingerprint: row.try_get::<_, Option<Vec<u8>>>(5)?.unwrap_or_default(),
        summary: row.try_get::<_, Option<Vec<u8>>>(6)?.unwrap_or_default(),
    };
    Ok((RedemptionId(id), stored))
}

fn claimed(row: &Row) -> Result<(Key16, Claimed, bool), Fault> {
    let (Id(key), Id(holder)) = (row.try_get(0)?, row.try_get(4)?);
    let (kind, status): (i64, i64) = (row.try_get(1)?, row.try_get(3)?);
    let number = u8::try_from(status).ok().and_then(ClaimStatus::from_number);
    let status = number.ok_or_else(|| Fault::corrupt(format!("a claim has the unknown status {status}")))?;
    let claimed = Claimed { kind, generation: small(row.try_get(2)?)?, status, holder: RedemptionId(holder) };
    Ok((Key16(key), claimed, row.try_get(5)?))
}

fn head(row: &Row) -> Result<(Key16, Subject), Fault> {
    let Id(subject) = row.try_get(0)?;
    let (Wide(sum), Wide(squares)) = (row.try_get(3)?, row.try_get(4)?);
    let moments = Moments { count: unsigned(row.try_get(1)?)?, sum, squares };
    let (Wide(sum), Wide(squares), bytes) = (row.try_get(5)?, row.try_get(6)?, row.try_get(7)?);
    let count = moments.count.checked_sub(seats::count(bytes));
    let count = count.ok_or_else(|| Fault::corrupt("a subject has more sightings than it counts"))?;
    let last = seats::read(Key16(subject), Moments { count, sum, squares }, bytes)?;
    let latest = Wall(row.try_get(2)?);
    Ok((Key16(subject), Subject { latest, moments, last, ..Subject::default() }))
}

/// How those stand that hold what is asked for, where a refusal may have to tell it.
async fn summaries(open: &Open<'_>, asked: &Asked<'_>, work: &mut Work) -> Result<(), Fault> {
    let holders = asked.claimers.iter().filter_map(|(key, id)| {
        let holder = work.claims.get(key)?.now?.holder;
        (holder != *id).then_some(holder)
    });
    let holders: BTreeSet<RedemptionId> = holders.collect();
    if holders.is_empty() {
        return Ok(());
    }
    let ids: Vec<Id> = holders.iter().map(|id| Id(id.0)).collect();
    for row in open.client.query(&open.sql.summaries, &[&ids]).await? {
        let Id(id) = row.try_get(0)?;
        work.summaries.insert(RedemptionId(id), row.try_get(1)?);
    }
    Ok(())
}

/// Subjects as columns.
#[derive(Default)]
pub(super) struct Heads {
    pub(super) subjects: Vec<Id>,
    seen: Vec<i64>,
    latest: Vec<i64>,
    sums: Vec<Wide>,
    squares: Vec<Wide>,
    tail_sums: Vec<Wide>,
    tail_squares: Vec<Wide>,
    tails: Vec<Vec<u8>>,
}

impl Heads {
    pub(super) fn of<'a>(heads: impl Iterator<Item = (&'a Key16, &'a Subject)>) -> Result<Self, Fault> {
        let mut columns = Self::default();
        for (key, subject) in heads {
            let (tail, before) = subject.kept();
            columns.subjects.push(Id(key.0));
            columns.seen.push(signed(subject.moments.count)?);
            columns.latest.push(subject.latest.0);
            columns.sums.push(Wide(subject.moments.sum));
            columns.squares.push(Wide(subject.moments.squares));
            columns.tail_sums.push(Wide(before.sum));
            columns.tail_squares.push(Wide(before.squares));
            columns.tails.push(seats::write(tail));
        }
        Ok(columns)
    }

    pub(super) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![
            &self.subjects,
            &self.seen,
            &self.latest,
            &self.sums,
            &self.squares,
            &self.tail_sums,
            &self.tail_squares,
            &self.tails,
        ]
    }
}
