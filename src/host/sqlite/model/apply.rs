//! Taking durable batches into the tables: folded, so that each row is written once however many
//! batches changed it, and in the order of the trees.

use super::read::number;
use super::{Model, put_erasure, set_checkpoint, set_position, side_place};
use crate::base::{Key16, RedemptionId};
use crate::host::journal::{Held, RowState, SidePlace, Taken, Work};
use crate::host::sqlite::commit::{set_count, set_meta};
use crate::host::sqlite::fault::Fault;
use crate::host::sqlite::rows::{Columns, append, next_numbers};
use crate::host::sqlite::values::signed;
use crate::host::sqlite::{Describe, StoreError, accounts, recover};
use crate::ledger::Account;
use crate::money::Currency;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::{BTreeMap, HashMap};
use std::vec::Vec;

impl Model {
    /// Takes work in, in one transaction.
    pub(in crate::host) fn apply(&mut self, works: &[Work]) -> Result<(), StoreError> {
        Ok(self.take(works)?)
    }

    fn take(&mut self, works: &[Work]) -> Result<(), Fault> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut fold = Fold::default();
        for work in works {
            match work {
                Work::Batch(taken) => fold.add(taken),
                Work::Checkpoint(upto, state) => set_checkpoint(&tx, upto.sequence, state)?,
                Work::Takeover(at) => {
                    std::mem::take(&mut fold).write(&tx, self.describe)?;
                    recover::set_epoch(&tx, at.epoch)?;
                    set_position(&tx, at)?;
                }
            }
        }
        fold.write(&tx, self.describe)?;
        Ok(tx.commit()?)
    }
}

/// What several batches come to.
#[derive(Default)]
struct Fold<'a> {
    batches: Vec<&'a Taken>,
    rows: HashMap<RedemptionId, Folded<'a>>,
    claims: BTreeMap<Key16, Option<Held>>,
    sides: BTreeMap<(RedemptionId, u8), Option<SidePlace>>,
    /// Content that was put and is not there at the end.
    gone: Vec<SidePlace>,
    sums: BTreeMap<(&'a Account, Currency), i128>,
}

struct Folded<'a> {
    /// The place of its first unit among all, so that new redemptions are numbered in order.
    order: usize,
    new: bool,
    state: &'a RowState,
    logs: Vec<&'a [u8]>,
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
                number: 0,
            });
            row.state = &change.state;
            row.logs.push(&change.log);
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

    fn write(mut self, tx: &Connection, describe: Describe) -> Result<(), Fault> {
        let Some(last) = self.batches.last().copied() else { return Ok(()) };
        self.write_rows(tx, describe)?;
        self.write_claims(tx)?;
        self.write_seats(tx)?;
        self.write_sides(tx)?;
        accounts::post(tx, std::mem::take(&mut self.sums))?;
        for taken in &self.batches {
            write_frame(tx, taken)?;
        }
        set_count(tx, "epoch", last.end.epoch)?;
        set_position(tx, &last.end)?;
        let mut verdicts = Vec::new();
        last.verdicts.iter().for_each(|verdict| verdict.encode(&mut verdicts));
        set_meta(tx, "verdicts", &verdicts)
    }

    fn write_rows(&mut self, tx: &Connection, describe: Describe) -> Result<(), Fault> {
        let (mut next_number, mut next_part) = next_numbers(tx)?;
        let mut rows: Vec<_> = self.rows.iter_mut().collect();
        rows.sort_unstable_by_key(|(_, row)| row.order);
        for (_, row) in rows.iter_mut().filter(|(_, row)| row.new) {
            row.number = next_number;
            next_number += 1;
        }
        rows.sort_unstable_by_key(|(id, _)| **id);
        for (id, row) in rows {
            let before = if row.new { None } else { number(tx, *id)? };
            if let Some((number, _)) = before {
                row.number = number;
            } else if !row.new {
                return Err(Fault::corrupt(std::format!("redemption {id} is missing")));
            }
            let columns = Columns {
                number: row.number,
                id: *id,
                epoch: signed(row.state.epoch)?,
                records: row.state.records,
                due_ms: row.state.due.map(|due| due.0),
                waiting: row.state.waiting,
                last_part: next_part,
                fingerprint: Some(&row.state.fingerprint),
                summary: &row.state.summary,
            };
            columns.write(tx, describe, row.new)?;
            append(tx, next_part, before.map(|(_, part)| part), row.number, &row.logs.concat())?;
            next_part += 1;
        }
        Ok(())
    }

    fn write_claims(&self, tx: &Connection) -> Result<(), Fault> {
        let mut put = tx.prepare_cached("INSERT OR REPLACE INTO claims VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut release = tx.prepare_cached("DELETE FROM claims WHERE key = ?1")?;
        for (key, held) in &self.claims {
            match held {
                Some(held) => {
                    let holder = self.number(tx, held.holder)?;
                    let (kind, status) = (held.kind.number(), held.status.number());
                    put.execute(params![key.0, kind, held.generation, status, holder])?
                }
                None => release.execute([key.0])?,
            };
        }
        Ok(())
    }

    fn number(&self, tx: &Connection, id: RedemptionId) -> Result<Option<i64>, Fault> {
        match self.rows.get(&id) {
            Some(row) => Ok(Some(row.number)),
            None => Ok(number(tx, id)?.map(|(number, _)| number)),
        }
    }

    fn write_seats(&self, tx: &Connection) -> Result<(), Fault> {
        let mut seats: Vec<_> = self.batches.iter().flat_map(|taken| &taken.changes.seats).collect();
        seats.sort_unstable_by_key(|seat| (seat.subject, seat.place));
        for seat in seats {
            if !seat.insert(tx)? {
                return Err(Fault::corrupt(std::format!("redemption {} was seen twice", seat.redemption)));
            }
        }
        Ok(())
    }

    fn write_sides(&self, tx: &Connection) -> Result<(), Fault> {
        let sql = "SELECT segment, at, length, checksum FROM sides WHERE redemption = ?1 AND slot = ?2";
        let mut select = tx.prepare_cached(sql)?;
        let mut put = tx.prepare_cached("INSERT OR REPLACE INTO sides VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        let mut erase = tx.prepare_cached("DELETE FROM sides WHERE redemption = ?1 AND slot = ?2")?;
        for ((id, slot), place) in &self.sides {
            let Some(number) = self.number(tx, *id)? else { continue };
            if !self.rows.get(id).is_some_and(|row| row.new) {
                let before = select.query_row(params![number, slot], |row| side_place(row, 0)).optional()?;
                before.map_or(Ok(()), |place| put_erasure(tx, &place))?;
            }
            match place {
                Some(SidePlace { segment, offset, length, checksum }) => {
                    put.execute(params![number, slot, segment, signed(*offset)?, length, checksum])?
                }
                None => erase.execute(params![number, slot])?,
            };
        }
        self.gone.iter().try_for_each(|place| put_erasure(tx, place))
    }
}

fn write_frame(tx: &Connection, taken: &Taken) -> Result<(), Fault> {
    let refused = i64::try_from(taken.refused).unwrap_or(i64::MAX);
    tx.prepare_cached("INSERT INTO frames VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(params![
        signed(taken.id.sequence)?,
        signed(taken.id.epoch)?,
        taken.wall.0,
        taken.at.segment,
        signed(taken.at.offset)?,
        signed(taken.end.offset - taken.at.offset)?,
        refused,
    ])?;
    Ok(())
}
