//! Taking durable batches into the tables: folded, so that each row is written once however many
//! batches changed it, and in the order of the trees.

use super::read::{Found, found};
use super::trickle::Trickle;
use super::{Model, place_of, put_places, set_checkpoint, set_position};
use crate::base::{Key16, RedemptionId, Writer};
use crate::host::journal::{ByName, Held, Place, RowState, Taken, Work};
use crate::host::sqlite::commit::{set_count, set_meta};
use crate::host::sqlite::fault::Fault;
use crate::host::sqlite::rows::{Columns, next_number};
use crate::host::sqlite::values::signed;
use crate::host::sqlite::{Describe, StoreError, accounts, recover};
use crate::ledger::Account;
use crate::money::Currency;
use rusqlite::{CachedStatement, Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::vec::Vec;

/// More bytes of places than these do not stay in a redemption's row when some are added.
const MOST_PLACES: usize = 64 * 20;
/// The bytes of four sightings in a redemption's row: seller, device, address and faces.
const USUAL_SEATS: usize = 4 * 24;

impl Model {
    /// Takes work in, in one transaction. `rest` is called after each row.
    pub(in crate::host) fn apply(&mut self, works: &[Work], rest: Rest<'_>) -> Result<(), StoreError> {
        let mut trickle = Trickle::of(&self.connection)?;
        let each = &mut || {
            rest();
            trickle.row();
        };
        Ok(self.take(works, each)?)
    }

    fn take(&mut self, works: &[Work], rest: Rest<'_>) -> Result<(), Fault> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut fold = Fold::default();
        for work in works {
            match work {
                Work::Batch(taken) => fold.add(taken),
                Work::Checkpoint(upto, state) => set_checkpoint(&tx, upto.sequence, state)?,
                Work::Takeover(at) => {
                    std::mem::take(&mut fold).write(&tx, self.describe, rest)?;
                    recover::set_epoch(&tx, at.epoch)?;
                    set_position(&tx, at)?;
                }
            }
        }
        fold.write(&tx, self.describe, rest)?;
        Ok(tx.commit()?)
    }
}

/// What the thread does after each row.
pub(in crate::host) type Rest<'a> = &'a mut dyn FnMut();

/// What several batches come to.
#[derive(Default)]
struct Fold<'a> {
    batches: Vec<&'a Taken>,
    rows: ByName<RedemptionId, Folded<'a>>,
    claims: ByName<Key16, Option<Held>>,
    sides: ByName<(RedemptionId, u8), Option<Place>>,
    /// Content that was put and is not there at the end.
    gone: Vec<Place>,
    sums: BTreeMap<(&'a Account, Currency), i128>,
}

struct Folded<'a> {
    /// The place of its first unit among all, so that new redemptions are numbered in order.
    order: usize,
    new: bool,
    state: &'a RowState,
    /// Where the records of its units lie.
    logs: Vec<Place>,
    /// Its sightings, as its row holds them.
    seats: Vec<u8>,
    number: i64,
}

impl<'a> Fold<'a> {
    fn add(&mut self, taken: &'a Taken) {
        self.batches.push(taken);
        for change in &taken.changes.rows {
            let order = self.rows.len();
            let row = self.rows.entry(change.redemption).or_insert_with(|| Folded {
                order,
                new: change.new,
                state: &change.state,
                logs: Vec::with_capacity(6),
                seats: Vec::new(),
                number: 0,
            });
            row.state = &change.state;
            row.logs.push(taken.log(change));
        }
        self.claims.extend(taken.changes.claims.iter().copied());
        for side in &taken.sides {
            let before = self.sides.insert((side.redemption, side.slot), side.place);
            self.gone.extend(before.flatten());
        }
        for (account, currency, sum) in &taken.changes.postings {
            *self.sums.entry((account, *currency)).or_default() += sum;
        }
    }

    fn write(mut self, tx: &Connection, describe: Describe, rest: Rest<'_>) -> Result<(), Fault> {
        let Some(last) = self.batches.last().copied() else { return Ok(()) };
        self.write_seats(tx, rest)?;
        self.write_rows(tx, describe, rest)?;
        self.write_claims(tx, rest)?;
        self.write_sides(tx, rest)?;
        self.write_erasures(tx, rest)?;
        accounts::post(tx, std::mem::take(&mut self.sums))?;
        self.write_frames(tx, rest)?;
        set_count(tx, "epoch", last.end.epoch)?;
        set_position(tx, &last.end)?;
        let mut verdicts = Vec::new();
        last.verdicts.iter().for_each(|verdict| verdict.encode(&mut verdicts));
        set_meta(tx, "verdicts", &verdicts)
    }

    fn write_rows(&mut self, tx: &Connection, describe: Describe, rest: Rest<'_>) -> Result<(), Fault> {
        let mut rows: Vec<_> = self.rows.iter_mut().collect();
        rows.sort_unstable_by_key(|(_, row)| row.order);
        let new = rows.iter_mut().filter(|(_, row)| row.new);
        new.zip(next_number(tx)?..).for_each(|((_, row), number)| row.number = number);
        rows.sort_unstable_by_key(|(id, _)| **id);
        let mut put = (tx.prepare_cached(INSERT)?, tx.prepare_cached(UPDATE)?);
        for (id, row) in rows {
            row.write(tx, &mut put, *id, describe)?;
            rest();
        }
        Ok(())
    }

    fn write_claims(&self, tx: &Connection, rest: Rest<'_>) -> Result<(), Fault> {
        let mut put = tx.prepare_cached("INSERT OR REPLACE INTO claims VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut release = tx.prepare_cached("DELETE FROM claims WHERE key = ?1")?;
        let mut claims: Vec<_> = self.claims.iter().collect();
        claims.sort_unstable_by_key(|(key, _)| **key);
        for (key, held) in claims {
            match held {
                Some(held) => {
                    let holder = self.number(tx, held.holder)?;
                    let (kind, status) = (held.kind.number(), held.status.number());
                    put.execute(params![key.0, kind, held.generation, status, holder])?
                }
                None => release.execute([key.0])?,
            };
            rest();
        }
        Ok(())
    }

    fn number(&self, tx: &Connection, id: RedemptionId) -> Result<Option<i64>, Fault> {
        match self.rows.get(&id) {
            Some(row) => Ok(Some(row.number)),
            None => Ok(found(tx, id)?.map(|found| found.number)),
        }
    }

    /// A sighting's place is found again by its redemption: in the row, if that is made now.
    fn write_seats(&mut self, tx: &Connection, rest: Rest<'_>) -> Result<(), Fault> {
        let mut put = tx.prepare_cached("INSERT INTO sightings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
        let mut apart = tx.prepare_cached("INSERT INTO seats VALUES (?1, ?2, ?3)")?;
        let mut seats: Vec<_> = self.batches.iter().flat_map(|taken| &taken.changes.seats).collect();
        seats.sort_unstable_by_key(|seat| (seat.subject, seat.place));
        for seat in seats {
            seat.put(&mut put)?;
            match self.rows.get_mut(&seat.redemption).filter(|row| row.new) {
                Some(row) => {
                    if row.seats.is_empty() {
                        row.seats.reserve(USUAL_SEATS);
                    }
                    Writer::new(&mut row.seats).raw(&seat.subject.0).i64(seat.place);
                }
                None => drop(apart.execute(params![seat.redemption.0, seat.subject.0, seat.place])?),
            }
            rest();
        }
        Ok(())
    }

    fn write_sides(&mut self, tx: &Connection, rest: Rest<'_>) -> Result<(), Fault> {
        let sql = "SELECT segment, at, length, checksum FROM sides WHERE redemption = ?1 AND slot = ?2";
        let mut select = tx.prepare_cached(sql)?;
        let mut put = tx.prepare_cached("INSERT OR REPLACE INTO sides VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        let mut erase = tx.prepare_cached("DELETE FROM sides WHERE redemption = ?1 AND slot = ?2")?;
        let is_new = |id: &RedemptionId| self.rows.get(id).is_some_and(|row| row.new);
        let sides = std::mem::take(&mut self.sides).into_iter();
        // Most are put and erased again before they are written.
        let sides = sides.map(|((id, slot), place)| (id, slot, is_new(&id), place));
        let mut sides: Vec<_> = sides.filter(|(_, _, new, place)| !new || place.is_some()).collect();
        sides.sort_unstable_by_key(|(id, slot, ..)| (*id, *slot));
        for (id, slot, new, place) in sides {
            let Some(number) = self.number(tx, id)? else { continue };
            if !new {
                let before = select.query_row(params![number, slot], |row| place_of(row, 0)).optional()?;
                self.gone.extend(before);
            }
            match place {
                Some(Place { segment, offset, length, checksum }) => {
                    put.execute(params![number, slot, segment, signed(offset)?, length, checksum])?
                }
                None => erase.execute(params![number, slot])?,
            };
            rest();
        }
        Ok(())
    }

    /// What lies side by side is erased at once: the contents of one batch mostly do.
    fn write_erasures(&mut self, tx: &Connection, rest: Rest<'_>) -> Result<(), Fault> {
        self.gone.retain(|place| place.length > 0);
        self.gone.sort_unstable_by_key(|place| (place.segment, place.offset));
        let mut put = tx.prepare_cached("INSERT OR REPLACE INTO erasures VALUES (?1, ?2, ?3)")?;
        let mut left = self.gone.iter().peekable();
        while let Some(Place { segment, offset, length, .. }) = left.next() {
            let mut length = *length;
            let follows = |next: &&Place, length: u32| {
                next.segment == *segment && next.offset == offset + u64::from(length)
            };
            while let Some(next) = left.next_if(|next| follows(next, length)) {
                length += next.length;
            }
            put.execute(params![segment, signed(*offset)?, length])?;
            rest();
        }
        Ok(())
    }

    fn write_frames(&self, tx: &Connection, rest: Rest<'_>) -> Result<(), Fault> {
        let mut put = tx.prepare_cached("INSERT INTO frames VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        for taken in &self.batches {
            put.execute(params![
                signed(taken.id.sequence)?,
                signed(taken.id.epoch)?,
                taken.wall.0,
                taken.at.segment,
                signed(taken.at.offset)?,
                signed(taken.end.offset - taken.at.offset)?,
                i64::try_from(taken.refused).unwrap_or(i64::MAX),
            ])?;
            rest();
        }
        Ok(())
    }
}

type Put<'a> = (CachedStatement<'a>, CachedStatement<'a>);

impl Folded<'_> {
    fn write(
        &mut self,
        tx: &Connection,
        (insert, update): &mut Put<'_>,
        id: RedemptionId,
        describe: Describe,
    ) -> Result<(), Fault> {
        let mut before = Found::default();
        if !self.new {
            let missing = || Fault::corrupt(std::format!("redemption {id} is missing"));
            before = found(tx, id)?.ok_or_else(missing)?;
            self.number = before.number;
        }
        let (mut places, mut last_part) = (before.places, before.last_part);
        if places.len() >= MOST_PLACES {
            let sql = "INSERT INTO parts (previous, redemption, places) VALUES (?1, ?2, ?3)";
            tx.prepare_cached(sql)?.execute(params![last_part, self.number, places])?;
            (places, last_part) = (Vec::new(), Some(tx.last_insert_rowid()));
        }
        put_places(&mut places, &self.logs);
        let columns = Columns {
            number: self.number,
            id,
            epoch: signed(self.state.epoch)?,
            records: self.state.records,
            due_ms: self.state.due.map(|due| due.0),
            waiting: self.state.waiting,
            last_part,
            fingerprint: Some(&self.state.fingerprint),
            summary: &self.state.summary,
        };
        let statement = if self.new { insert } else { update };
        columns.bind(statement, describe)?;
        statement.raw_bind_parameter(21, &places)?;
        if self.new {
            statement.raw_bind_parameter(22, &self.seats)?;
        }
        statement.raw_execute()?;
        Ok(())
    }
}

/// As those of the store in one file, and two columns more.
const INSERT: &str = "INSERT INTO redemptions (number, id, epoch, records, due_ms, waiting,
    last_part, state, reason, request_id, seller, product, issuer, currency, face_minor,
    verified_minor, payout_minor, fee_minor, fingerprint, summary, places, seats) VALUES (?1, ?2, ?3,
    ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";
const UPDATE: &str = "UPDATE redemptions SET epoch = ?3, records = ?4, due_ms = ?5, waiting = ?6,
    last_part = ?7, state = ?8, reason = ?9, request_id = ?10, seller = ?11, product = ?12,
    issuer = ?13, currency = ?14, face_minor = ?15, verified_minor = ?16, payout_minor = ?17,
    fee_minor = ?18, fingerprint = ?19, summary = ?20, places = ?21
    WHERE number = ?1 AND id = ?2";
