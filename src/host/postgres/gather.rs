//! The first flight: locks what the units touch, in the one order, and reads it.

use super::commit::{Fence, place};
use super::fault::Fault;
use super::link::Open;
use super::values::{Id, Wide, small, unsigned};
use super::work::{Claimed, Head, Seat, Stored, Work};
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
    keys: BTreeSet<Key16>,
    /// By key, what is asked for first.
    claims: BTreeMap<Key16, (RedemptionId, &'a Claim)>,
    /// All that ask for a key.
    claimers: BTreeSet<(Key16, RedemptionId)>,
    /// Subjects as this batch leaves them if they are new.
    fresh: BTreeMap<Key16, Head>,
    /// Subjects that are only asked about.
    known: BTreeSet<Key16>,
    /// Subjects of whose last sightings somebody asks.
    recent: BTreeSet<Key16>,
    seats: BTreeSet<(RedemptionId, Key16)>,
}

impl<'a> Asked<'a> {
    pub(super) fn by(batch: &'a Batch) -> Self {
        let mut asked = Self {
            rows: BTreeMap::new(),
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
                    asked.fresh.entry(sighting.subject).or_default().add(sighting.at, sighting.value);
                }
            }
            if unit.records.is_empty() {
                if !unit.sides.is_empty() {
                    asked.rows.entry(id).or_default();
                }
                continue;
            }
            *asked.rows.entry(id).or_default() |= unit.expected == 0;
            asked.keys.extend(unit.changes.iter().map(|change| change.key));
            for claim in &unit.claims {
                asked.keys.insert(claim.key);
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
        asked
    }

    pub(super) fn fresh(&self) -> impl Iterator<Item = (&Key16, &Head)> {
        self.fresh.iter()
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
    let fresh = Heads::of(asked.fresh())?;
    let known: Vec<Id> = asked.known.iter().map(|key| Id(key.0)).collect();
    let seers: Vec<Id> = asked.seats.iter().map(|(id, _)| Id(id.0)).collect();
    let seen: Vec<Id> = asked.seats.iter().map(|(_, subject)| Id(subject.0)).collect();
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
    add(Part::Heads, !fresh.subjects.is_empty(), &sql.subjects, fresh.params_of(&log_number, &sequence));
    add(Part::Heads, !known.is_empty(), &sql.heads, vec![&known]);
    add(Part::Seats, !seen.is_empty(), &sql.seats, vec![&seers, &seen]);
    add(Part::Tails, !recent.is_empty(), &sql.tails, vec![&recent, &last]);
    let mut answers = flight.land().await?.into_iter();
    answers.next();
    let fence = Fence::read(&answers.next().unwrap_or_default(), log)?;
    let mut work = Work::new(batch.id().epoch);
    for (part, rows) in parts.into_iter().zip(answers) {
        for row in &rows {
            take(&mut work, part, row)?;
        }
    }
    summaries(open, asked, &mut work).await?;
    Ok((fence, work))
}

#[derive(Clone, Copy)]
enum Part {
    Rows,
    Claims,
    Heads,
    Seats,
    Tails,
}

fn take(work: &mut Work, part: Part, row: &Row) -> Result<(), Fault> {
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
            let Id(subject) = row.try_get(0)?;
            let fresh: bool = row.try_get(5)?;
            let head = if fresh { Head::default() } else { head(row)? };
            work.heads.insert(Key16(subject), (head, fresh).into());
        }
        Part::Seats => {
            let (Wide(sum), Wide(squares)) = (row.try_get(5)?, row.try_get(6)?);
            let seat = seat(row)?;
            let before = Moments { count: seat.place.unsigned_abs(), sum, squares };
            work.own.insert((seat.redemption, seat.subject), (seat, before));
            work.keep(seat);
        }
        Part::Tails => work.keep(seat(row)?),
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

fn head(row: &Row) -> Result<Head, Fault> {
    let (Wide(sum), Wide(squares)) = (row.try_get(3)?, row.try_get(4)?);
    let moments = Moments { count: unsigned(row.try_get(1)?)?, sum, squares };
    Ok(Head { latest: Wall(row.try_get(2)?), moments })
}

pub(super) fn seat(row: &Row) -> Result<Seat, Fault> {
    let (Id(subject), Id(redemption)) = (row.try_get(0)?, row.try_get(2)?);
    Ok(Seat {
        subject: Key16(subject),
        place: row.try_get(1)?,
        redemption: RedemptionId(redemption),
        at: Wall(row.try_get(3)?),
        latest: Wall(row.try_get(4)?),
    })
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

/// Heads of subjects as columns.
#[derive(Default)]
pub(super) struct Heads {
    pub(super) subjects: Vec<Id>,
    seen: Vec<i64>,
    latest: Vec<i64>,
    sums: Vec<Wide>,
    squares: Vec<Wide>,
}

impl Heads {
    pub(super) fn of<'a>(heads: impl Iterator<Item = (&'a Key16, &'a Head)>) -> Result<Self, Fault> {
        let mut columns = Self::default();
        for (subject, head) in heads {
            columns.subjects.push(Id(subject.0));
            columns.seen.push(super::values::signed(head.moments.count)?);
            columns.latest.push(head.latest.0);
            columns.sums.push(Wide(head.moments.sum));
            columns.squares.push(Wide(head.moments.squares));
        }
        Ok(columns)
    }

    fn params_of<'p>(&'p self, log: &'p i64, sequence: &'p i64) -> Vec<&'p (dyn ToSql + Sync)> {
        let mut params = self.params();
        params.push(log);
        params.push(sequence);
        params
    }

    pub(super) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![&self.subjects, &self.seen, &self.latest, &self.sums, &self.squares]
    }
}
