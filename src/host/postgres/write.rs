//! The second flight: what the units that stand change, and the commit behind it.

use super::commit::{Writer, end, place};
use super::fault::Fault;
use super::gather::Heads;
use super::link::{Open, Tried};
use super::parts;
use super::values::{Id, Wide};
use super::work::{Claimed, Line, Work};
use crate::base::{Key16, RedemptionId};
use crate::host::Described;
use crate::host::store::refused;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::Batch;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::string::String;
use std::vec;
use std::vec::Vec;
use tokio_postgres::types::ToSql;

type Params<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// Writes what has been judged, and commits it.
pub(super) async fn write(
    open: &Open<'_>,
    tried: &mut Tried<'_>,
    batch: &Batch,
    writer: Writer,
    work: &Work,
) -> Result<(), Fault> {
    let (log, sequence, epoch) = place(batch)?;
    let parts = parts::of(batch);
    let describe = |line: &Line| {
        let last = line.units.last().map(|&number| &batch.units()[number].summary);
        last.and_then(|summary| (writer.describe)(summary)).unwrap_or_default()
    };
    let lines = work.rows.iter().filter(|(_, line)| !line.units.is_empty());
    let (new, old): (Vec<_>, Vec<_>) = lines.partition(|(_, line)| line.stored.is_none());
    let columns = |lines: Vec<(&RedemptionId, &Line)>| {
        let mut rows = Rows::default();
        lines.iter().for_each(|(id, line)| rows.push(**id, line, batch, &parts, describe(line)));
        rows
    };
    let (new, old) = (columns(new), columns(old));
    let (kept, released) = claims(work);
    let seats = Seats::of(work);
    let changed = work.heads.iter().filter(|(_, known)| known.added && !known.fresh);
    let heads = Heads::of(changed.map(|(subject, known)| (subject, &known.head)))?;
    let posted = Posted::of(batch);
    let (put, erased) = sides(batch, work);
    let refused: Vec<u8> = refused(batch).iter().flat_map(|number| number.to_le_bytes()).collect();
    let (wall, bytes, digest) = (batch.frame().wall.0, batch.bytes(), batch.digest());
    let digest = digest.0.as_slice();
    let mut verdicts = Vec::new();
    batch.verdicts().iter().for_each(|verdict| verdict.encode(&mut verdicts));
    let sql = open.sql;
    let mut flight = open.flight();
    flight.add_if(!new.ids.is_empty(), &sql.insert_rows, new.params(&epoch));
    flight.add_if(!old.ids.is_empty(), &sql.update_rows, old.params(&epoch));
    flight.add_if(!kept.keys.is_empty(), &sql.update_claims, kept.params(&log, &sequence));
    flight.add_if(!released.is_empty(), &sql.delete_claims, vec![&released]);
    flight.add_if(!seats.subjects.is_empty(), &sql.insert_seats, seats.params());
    flight.add_if(!heads.subjects.is_empty(), &sql.update_subjects, heads.params());
    flight.add_if(
        !posted.accounts.is_empty(),
        &sql.post,
        vec![&posted.accounts, &posted.currencies, &posted.sums, &log],
    );
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
    wait: Vec<Option<i64>>,
    dormant: Vec<bool>,
    texts: [Vec<Option<Cow<'a, str>>>; 7],
    amounts: [Vec<Option<i64>>; 4],
    fingerprints: Vec<Option<&'a [u8]>>,
    summaries: Vec<&'a [u8]>,
    parts: Vec<Vec<u8>>,
}

impl<'a> Rows<'a> {
    fn push(
        &mut self,
        id: RedemptionId,
        line: &Line,
        batch: &'a Batch,
        parts: &[parts::Part],
        shown: Described<'a>,
    ) {
        let units = batch.units();
        let Some(last) = line.units.last().map(|&number| &units[number]) else { return };
        self.ids.push(Id(id.0));
        self.records.push(line.records().into());
        let due = last.due.map(|due| due.0);
        self.due.push(due);
        self.wait.push(due.filter(|_| last.dormant));
        self.dormant.push(last.dormant);
        let Described { state, reason, request_id, seller, product, issuer, currency, .. } = shown;
        let texts = [state, reason, request_id, seller, product, issuer, currency];
        self.texts.iter_mut().zip(texts).for_each(|(column, text)| column.push(text));
        let amounts = [shown.face_minor, shown.verified_minor, shown.payout_minor, shown.fee_minor];
        self.amounts.iter_mut().zip(amounts).for_each(|(column, amount)| column.push(amount));
        self.fingerprints.push(line.fingerprint(units));
        self.summaries.push(&last.summary);
        let mut places = Vec::with_capacity(line.units.len() * 20);
        line.units.iter().for_each(|&number| parts[number].write(&mut places));
        self.parts.push(places);
    }

    fn params<'p>(&'p self, epoch: &'p i64) -> Params<'p> {
        let mut params: Params<'p> = vec![&self.ids, &self.records, &self.due, &self.wait, &self.dormant];
        params.extend(self.texts.iter().map(|column| column as &(dyn ToSql + Sync)));
        params.extend(self.amounts.iter().map(|column| column as &(dyn ToSql + Sync)));
        let rest: [&(dyn ToSql + Sync); 4] = [&self.fingerprints, &self.summaries, &self.parts, epoch];
        params.extend(rest);
        params
    }
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

/// New sightings as columns.
#[derive(Default)]
struct Seats {
    subjects: Vec<Id>,
    places: Vec<i64>,
    redemptions: Vec<Id>,
    at: Vec<i64>,
    latest: Vec<i64>,
    values: Vec<i64>,
    sums: Vec<Wide>,
    squares: Vec<Wide>,
}

impl Seats {
    fn of(work: &Work) -> Self {
        let mut columns = Self::default();
        for added in &work.added {
            columns.subjects.push(Id(added.seat.subject.0));
            columns.places.push(added.seat.place);
            columns.redemptions.push(Id(added.seat.redemption.0));
            columns.at.push(added.seat.at.0);
            columns.latest.push(added.seat.latest.0);
            columns.values.push(added.value);
            columns.sums.push(Wide(added.before.sum));
            columns.squares.push(Wide(added.before.squares));
        }
        columns
    }

    fn params(&self) -> Params<'_> {
        vec![
            &self.subjects,
            &self.places,
            &self.redemptions,
            &self.at,
            &self.latest,
            &self.values,
            &self.sums,
            &self.squares,
        ]
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
fn sides<'a>(batch: &'a Batch, work: &Work) -> (Put<'a>, (Vec<Id>, Vec<i64>)) {
    let mut last = BTreeMap::new();
    for side in batch.standing_sides().filter(|side| work.rows.contains_key(&side.redemption)) {
        last.insert((side.redemption, side.slot), side.content.as_deref());
    }
    let (mut put, mut erased) = (Put::default(), (Vec::new(), Vec::new()));
    for ((redemption, slot), content) in last {
        if let Some(content) = content {
            put.0.push(Id(redemption.0));
            put.1.push(slot.into());
            put.2.push(content);
        } else {
            erased.0.push(Id(redemption.0));
            erased.1.push(slot.into());
        }
    }
    (put, erased)
}
