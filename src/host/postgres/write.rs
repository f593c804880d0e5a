//! The second flight: what the units that stand change, and the commit behind it.

use super::commit::{Writer, end, place};
use super::fault::Fault;
use super::gather::Heads;
use super::link::{Open, Tried};
use super::parts;
use super::seats::{self, Subject};
use super::tables_2::BETWEEN;
use super::values::{Id, Wide};
use super::work::{Claimed, Line, Work};
use crate::base::{Key16, RedemptionId};
use crate::host::Described;
use crate::host::store::refused;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::Batch;
use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;
use tokio_postgres::types::ToSql;

type Params<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// Writes what has been judged, and commits it. `at_once`: nothing was read before, so the log must be
/// where the batch continues it; else it is [`Fault::Again`].
pub(super) async fn write(
    open: &Open<'_>,
    tried: &mut Tried<'_>,
    batch: &Batch,
    writer: Writer,
    work: &Work,
    at_once: bool,
) -> Result<(), Fault> {
    let (log, sequence, epoch) = place(batch)?;
    let (before, previous) = (sequence - 1, batch.frame().previous.0);
    let previous = previous.as_slice();
    let parts = parts::of(batch);
    let describe = |line: &Line| {
        let last = line.units.last().map(|&number| &batch.units()[number].summary);
        last.and_then(|summary| (writer.describe)(summary)).unwrap_or_default()
    };
    let lines = work.rows.iter().filter(|(_, line)| !line.units.is_empty());
    let (new, old): (Vec<_>, Vec<_>) = lines.partition(|(_, line)| line.stored.is_none());
    let mut named = work.named();
    let mut columns = |lines: Vec<(&RedemptionId, &Line)>, new: bool| {
        let mut rows = Rows::default();
        for (id, line) in lines {
            rows.push(*id, line, batch, &parts, &describe(line));
            rows.seats.extend(new.then(|| named.remove(id).unwrap_or_default()));
        }
        rows
    };
    let (new, old) = (columns(new, true), columns(old, false));
    let (passed, places): (Vec<Id>, Vec<Vec<u8>>) =
        named.into_iter().map(|(id, places)| (Id(id.0), places)).unzip();
    let (kept, released) = claims(work);
    let changes = Changes::of(work);
    let pieces = Pieces::of(work);
    let heads = Heads::of(work.heads.iter().filter(|(_, subject)| subject.added && !subject.fresh))?;
    let posted = Posted::of(batch);
    let Sides { new: first, put, erased } = Sides::of(batch, work);
    let refused: Vec<u8> = refused(batch).iter().flat_map(|number| number.to_le_bytes()).collect();
    let (wall, bytes, digest) = (batch.frame().wall.0, batch.bytes(), batch.digest());
    let digest = digest.0.as_slice();
    let mut verdicts = Vec::new();
    batch.verdicts().iter().for_each(|verdict| verdict.encode(&mut verdicts));
    let sql = open.sql;
    let mut flight = open.flight();
    if at_once {
        flight.run("BEGIN");
        flight.add(&sql.guard, vec![&log, &epoch, &before, &previous]);
    }
    flight.add_if(!new.ids.is_empty(), &sql.insert_rows, new.params(&epoch));
    flight.add_if(!old.ids.is_empty(), &sql.update_rows, old.params(&epoch));
    flight.add_if(!kept.keys.is_empty(), &sql.update_claims, kept.params(&log, &sequence));
    flight.add_if(!released.is_empty(), &sql.delete_claims, vec![&released]);
    flight.add_if(
        !changes.kept.is_empty(),
        &sql.change_claims,
        vec![&changes.kept, &changes.keepers, &changes.statuses],
    );
    flight.add_if(
        !changes.released.is_empty(),
        &sql.release_claims,
        vec![&changes.released, &changes.releasers],
    );
    flight.add_if(!pieces.subjects.is_empty(), &sql.insert_pieces, pieces.params());
    flight.add_if(!heads.subjects.is_empty(), &sql.update_subjects, heads.params());
    flight.add_if(!passed.is_empty(), &sql.pass, vec![&passed, &places]);
    flight.add_if(
        !posted.accounts.is_empty(),
        &sql.post,
        vec![&posted.accounts, &posted.currencies, &posted.sums, &log],
    );
    flight.add_if(!first.0.is_empty(), &sql.insert_sides, vec![&first.0, &first.1, &first.2]);
    flight.add_if(!put.0.is_empty(), &sql.put_sides, vec![&put.0, &put.1, &put.2]);
    flight.add_if(!erased.0.is_empty(), &sql.erase_sides, vec![&erased.0, &erased.1]);
    flight.add(&sql.frame, vec![&log, &sequence, &epoch, &wall, &refused, &bytes]);
    flight.add(&sql.seal, vec![&log, &epoch, &sequence, &digest, &verdicts]);
    end(open, tried, flight).await
}

/// Redemptions as columns.
#[derive(Default)]
struct Rows<'a> {
    ids: Vec<Id>,
    records: Vec<i64>,
    due: Vec<Option<i64>>,
    dormant: Vec<bool>,
    shown: Vec<String>,
    fingerprints: Vec<Option<&'a [u8]>>,
    summaries: Vec<&'a [u8]>,
    parts: Vec<Vec<u8>>,
    /// Only of new ones.
    seats: Vec<Vec<u8>>,
}

impl<'a> Rows<'a> {
    fn push(
        &mut self,
        id: RedemptionId,
        line: &Line,
        batch: &'a Batch,
        parts: &[parts::Part],
        shown: &Described<'_>,
    ) {
        let units = batch.units();
        let Some(last) = line.units.last().map(|&number| &units[number]) else { return };
        self.ids.push(Id(id.0));
        self.records.push(line.records().into());
        self.due.push(last.due.map(|due| due.0));
        self.dormant.push(last.dormant);
        self.shown.push(joined(shown));
        self.fingerprints.push(line.fingerprint(units));
        self.summaries.push(&last.summary);
        let mut places = Vec::with_capacity(line.units.len() * 20);
        line.units.iter().for_each(|&number| parts[number].write(&mut places));
        self.parts.push(places);
    }

    fn params<'p>(&'p self, epoch: &'p i64) -> Params<'p> {
        let mut params: Params<'p> = vec![
            &self.ids,
            &self.records,
            &self.due,
            &self.dormant,
            &self.shown,
            &self.fingerprints,
            &self.summaries,
            &self.parts,
        ];
        if !self.seats.is_empty() {
            params.push(&self.seats);
        }
        params.push(epoch);
        params
    }
}

/// What people see, as one text.
fn joined(shown: &Described<'_>) -> String {
    let Described { state, reason, request_id, seller, product, issuer, currency, .. } = shown;
    let mut text = String::with_capacity(128);
    for part in [state, reason, request_id, seller, product, issuer, currency] {
        text.extend(part.iter().flat_map(|part| part.chars()).filter(|c| *c != BETWEEN && *c != '\0'));
        text.push(BETWEEN);
    }
    for amount in [shown.face_minor, shown.verified_minor, shown.payout_minor, shown.fee_minor] {
        text.extend(amount.map(|amount| amount.to_string()));
        text.push(BETWEEN);
    }
    text.pop();
    text
}

/// Claims as columns.
#[derive(Default)]
struct Claims {
    keys: Vec<Id>,
    kinds: Vec<i64>,
    generations: Vec<i64>,
    statuses: Vec<i64>,
    holders: Vec<Id>,
    anew: Vec<bool>,
}

impl Claims {
    fn push(&mut self, key: &Key16, claimed: Claimed, anew: bool) {
        self.keys.push(Id(key.0));
        self.kinds.push(claimed.kind);
        self.generations.push(claimed.generation.into());
        self.statuses.push(claimed.status.number().into());
        self.holders.push(Id(claimed.holder.0));
        self.anew.push(anew);
    }

    fn params<'p>(&'p self, log: &'p i64, sequence: &'p i64) -> Params<'p> {
        vec![
            &self.keys,
            &self.kinds,
            &self.generations,
            &self.statuses,
            &self.holders,
            &self.anew,
            log,
            sequence,
        ]
    }
}

/// The claims that the database must have otherwise, and the keys that it must have no more.
fn claims(work: &Work) -> (Claims, Vec<Id>) {
    let (mut kept, mut released) = (Claims::default(), Vec::new());
    for (key, claim) in work.claims.iter().filter(|(_, claim)| claim.stored != claim.now) {
        match claim.now {
            Some(now) => kept.push(key, now, claim.anew),
            None => released.push(Id(key.0)),
        }
    }
    (kept, released)
}

/// What becomes of claims that were not read, as columns.
#[derive(Default)]
struct Changes {
    kept: Vec<Id>,
    keepers: Vec<Id>,
    statuses: Vec<i64>,
    released: Vec<Id>,
    releasers: Vec<Id>,
}

impl Changes {
    fn of(work: &Work) -> Self {
        let mut columns = Self::default();
        for ((key, holder), to) in &work.changes {
            if let Some(status) = to {
                columns.kept.push(Id(key.0));
                columns.keepers.push(Id(holder.0));
                columns.statuses.push(status.number().into());
            } else {
                columns.released.push(Id(key.0));
                columns.releasers.push(Id(holder.0));
            }
        }
        columns
    }
}

/// Sightings that move out of their subjects' rows, as columns.
#[derive(Default)]
struct Pieces {
    subjects: Vec<Id>,
    places: Vec<i64>,
    sums: Vec<Wide>,
    squares: Vec<Wide>,
    seats: Vec<Vec<u8>>,
}

impl Pieces {
    fn of(work: &Work) -> Self {
        let mut columns = Self::default();
        for piece in work.heads.values().flat_map(Subject::pieces) {
            let Some(first) = piece.first() else { continue };
            columns.subjects.push(Id(first.subject.0));
            columns.places.push(first.place);
            columns.sums.push(Wide(first.before.sum));
            columns.squares.push(Wide(first.before.squares));
            columns.seats.push(seats::write(piece));
        }
        columns
    }

    fn params(&self) -> Params<'_> {
        vec![&self.subjects, &self.places, &self.sums, &self.squares, &self.seats]
    }
}

/// What the units that stand post, added up by account and currency.
#[derive(Default)]
struct Posted {
    accounts: Vec<String>,
    currencies: Vec<&'static str>,
    sums: Vec<Wide>,
}

impl Posted {
    fn of(batch: &Batch) -> Self {
        let mut sums = BTreeMap::<(&Account, Currency), i128>::new();
        let units = batch.units().iter().zip(batch.verdicts());
        let taken = units.filter(|(unit, verdict)| verdict.is_accepted() && !unit.records.is_empty());
        for posting in taken.flat_map(|(unit, _)| &unit.postings) {
            *sums.entry((&posting.account, posting.amount.currency())).or_default() +=
                i128::from(posting.amount.minor());
        }
        let mut columns = Self::default();
        for ((account, currency), sum) in sums {
            columns.accounts.push(account.to_text());
            columns.currencies.push(currency.alpha());
            columns.sums.push(Wide(sum));
        }
        columns
    }
}

type Put<'a> = (Vec<Id>, Vec<i64>, Vec<&'a [u8]>);

/// The side rows that are put, and those that are erased: as the last unit that stands leaves them.
#[derive(Default)]
struct Sides<'a> {
    /// Those of new redemptions: there are none yet.
    new: Put<'a>,
    put: Put<'a>,
    erased: (Vec<Id>, Vec<i64>),
}

impl<'a> Sides<'a> {
    fn of(batch: &'a Batch, work: &Work) -> Self {
        let mut last = BTreeMap::new();
        for side in batch.standing_sides().filter(|side| work.rows.contains_key(&side.redemption)) {
            last.insert((side.redemption, side.slot), side.content.as_deref());
        }
        let mut sides = Self::default();
        for ((redemption, slot), content) in last {
            let Some(content) = content else {
                sides.erased.0.push(Id(redemption.0));
                sides.erased.1.push(slot.into());
                continue;
            };
            let is_new = work.rows.get(&redemption).is_some_and(|line| line.stored.is_none());
            let put = if is_new { &mut sides.new } else { &mut sides.put };
            put.0.push(Id(redemption.0));
            put.1.push(slot.into());
            put.2.push(content);
        }
        sides
    }
}
