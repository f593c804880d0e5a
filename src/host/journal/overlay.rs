//! What the tables do not hold yet, and what is asked for again and again: every batch is judged
//! here, and only what memory cannot tell is read from the tables.

use super::entry::{Place, SideRow};
use super::filter::{Filter, Layers};
use super::hash::ByName;
use super::subjects::Subjects;
use super::taken::{Changes, Held, Log, RowChange, RowState, Taken};
use crate::base::{Key16, RedemptionId, Wall};
use crate::host::StoreError;
use crate::host::sqlite::{Model, sums};
use crate::record::{Batch, Claim, ClaimStatus, Refusal, Unit, Verdict};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::vec::Vec;

/// So many redemptions, and so many claims, may stay in memory after the tables hold them.
const MOST_KEPT: usize = 131_072;

/// One that there is, or `None` that there is none; and the last batch that changed it.
struct Known<T> {
    value: Option<T>,
    sequence: u64,
}

/// A redemption.
struct Row {
    state: Option<RowState>,
    /// The last batch that changed the state.
    sequence: u64,
    /// The first batch with anything of it that the tables do not hold, and the last one with
    /// anything of it, side rows included. The tables hold all if they hold the last.
    since: u64,
    upto: u64,
}

pub(super) struct Overlay {
    rows: ByName<RedemptionId, Row>,
    claims: ByName<Key16, Known<Held>>,
    subjects: Subjects,
    /// What is to be handed back, of the rows that the tables do not hold as they are.
    waiting: BTreeSet<(Wall, RedemptionId)>,
    pending: VecDeque<Arc<Taken>>,
    /// The batches up to this one are in the tables and were let go of.
    settled: u64,
    /// Up to this one also what is kept for no more than to be asked for again, if there was much.
    swept: u64,
    filter: Filter,
}

impl Overlay {
    pub(super) fn new(filter: Filter) -> Self {
        Self {
            rows: ByName::default(),
            claims: ByName::default(),
            subjects: Subjects::default(),
            waiting: BTreeSet::new(),
            pending: VecDeque::new(),
            settled: 0,
            swept: 0,
            filter,
        }
    }

    /// All names that there are, or more, if they are known by now.
    pub(super) fn names(&mut self) -> Option<&Layers> {
        self.filter.names()
    }

    /// Judges a batch, and puts the verdicts into it. On an error nothing of it is left.
    pub(super) fn judge(&mut self, model: &Model, batch: &mut Batch) -> Result<Changes, StoreError> {
        let mut changes = Changes { rows: Vec::with_capacity(batch.units().len()), ..Changes::default() };
        let judged = self.judge_units(model, batch, &mut changes);
        match judged {
            Ok(verdicts) => batch.judge(verdicts),
            Err(error) => {
                self.undo();
                return Err(error);
            }
        }
        let sums = sums(batch).into_iter();
        changes.postings = sums.map(|((account, currency), sum)| (account.clone(), currency, sum)).collect();
        Ok(changes)
    }

    fn judge_units(
        &mut self,
        model: &Model,
        batch: &Batch,
        changes: &mut Changes,
    ) -> Result<Vec<Verdict>, StoreError> {
        self.fetch(model, batch.units())?;
        let (epoch, sequence) = (batch.id().epoch, batch.id().sequence);
        let mut verdicts = Vec::with_capacity(batch.units().len());
        for (unit, log) in batch.units().iter().zip(Log::of_units(batch)) {
            let (id, filter) = (unit.redemption, &mut self.filter);
            self.subjects.see(model, filter, (id, sequence), &unit.sightings, &mut changes.seats)?;
            let refusal = if unit.records.is_empty() { None } else { self.refusal(model, unit, epoch)? };
            if refusal.is_none() && !unit.records.is_empty() {
                self.take(model, (unit, log), (epoch, sequence), changes)?;
            }
            let mut seen = Vec::with_capacity(unit.recalls.len());
            for recall in &unit.recalls {
                seen.push(self.subjects.recall(model, &mut self.filter, id, recall)?);
            }
            verdicts.push(Verdict { refusal, seen });
        }
        Ok(verdicts)
    }

    /// Reads what the units ask for and memory does not hold, in the order of the trees.
    fn fetch(&mut self, model: &Model, units: &[Unit]) -> Result<(), StoreError> {
        let (mut rows, mut keys, mut subjects) = (Vec::new(), Vec::new(), Vec::new());
        for unit in units {
            if !unit.records.is_empty() && !self.rows.contains_key(&unit.redemption) {
                rows.push(unit.redemption);
            }
            let claimed = unit.claims.iter().map(|claim| claim.key);
            let named = claimed.chain(unit.changes.iter().map(|change| change.key));
            keys.extend(named.filter(|key| !self.claims.contains_key(key)));
            let seen = unit.sightings.iter().map(|sighting| sighting.subject);
            let named = seen.chain(unit.recalls.iter().map(|recall| recall.subject));
            subjects.extend(named.filter(|subject| !self.subjects.holds(subject)));
        }
        rows.sort_unstable();
        keys.sort_unstable();
        subjects.sort_unstable();
        for id in rows {
            self.row(model, id)?;
        }
        for key in keys {
            self.claim(model, key)?;
        }
        for subject in subjects {
            self.subjects.fetch(model, &mut self.filter, subject)?;
        }
        Ok(())
    }

    fn row(&mut self, model: &Model, id: RedemptionId) -> Result<Option<&RowState>, StoreError> {
        Ok(match self.rows.entry(id) {
            Entry::Occupied(row) => row.into_mut().state.as_ref(),
            Entry::Vacant(row) => {
                let state = if self.filter.may_hold(&id.0) { model.row(id)? } else { None };
                row.insert(Row { state, sequence: 0, since: 0, upto: 0 }).state.as_ref()
            }
        })
    }

    fn claim(&mut self, model: &Model, key: Key16) -> Result<Option<Held>, StoreError> {
        Ok(match self.claims.entry(key) {
            Entry::Occupied(claim) => claim.get().value,
            Entry::Vacant(claim) => {
                let value = if self.filter.may_hold(&key.0) { model.claim(key)? } else { None };
                claim.insert(Known { value, sequence: 0 }).value
            }
        })
    }

    /// Why a unit does not stand, as [`crate::record::Index`] says it.
    fn refusal(&mut self, model: &Model, unit: &Unit, epoch: u64) -> Result<Option<Refusal>, StoreError> {
        match self.row(model, unit.redemption)? {
            Some(row) if unit.expected == 0 => {
                let (fingerprint, summary) = (row.fingerprint.to_vec(), row.summary.to_vec());
                return Ok(Some(Refusal::Known { fingerprint, summary }));
            }
            Some(row) if row.records != unit.expected || row.epoch > epoch => {
                return Ok(Some(Refusal::Stale { records: row.records, epoch: row.epoch }));
            }
            None if unit.expected != 0 => return Ok(Some(Refusal::Stale { records: 0, epoch: 0 })),
            _ => {}
        }
        for claim in &unit.claims {
            let Some(held) = self.claim(model, claim.key)? else { continue };
            let reloaded = held.status == ClaimStatus::Consumed && held.generation < claim.generation;
            if held.holder != unit.redemption && !reloaded {
                let (status, holder) = (held.status, held.holder);
                let summary = self.row(model, holder)?.map(|row| row.summary.to_vec()).unwrap_or_default();
                return Ok(Some(Refusal::Held { key: claim.key, status, holder, summary }));
            }
        }
        Ok(None)
    }

    fn take(
        &mut self,
        model: &Model,
        (unit, log): (&Unit, Log),
        (epoch, sequence): (u64, u64),
        changes: &mut Changes,
    ) -> Result<(), StoreError> {
        let holder = unit.redemption;
        for &Claim { key, kind, generation } in &unit.claims {
            let held = Held { holder, kind, generation, status: ClaimStatus::Held };
            self.filter.insert(&key.0);
            self.put_claim(key, Some(held), sequence, changes);
        }
        for change in &unit.changes {
            let own = self.claim(model, change.key)?.filter(|held| held.holder == holder);
            if let Some(held) = own {
                let held = change.to.map(|status| Held { status, ..held });
                self.put_claim(change.key, held, sequence, changes);
            }
        }
        let before = self.row(model, holder)?;
        let new = before.is_none();
        let added = u32::try_from(unit.records.len()).expect("a unit holds few records");
        let fingerprint = before.map(|row| Arc::clone(&row.fingerprint));
        let state = RowState {
            epoch,
            records: before.map_or(0, |row| row.records) + added,
            due: unit.due,
            waiting: unit.dormant && unit.due.is_some(),
            fingerprint: fingerprint
                .filter(|_| unit.fingerprint.is_empty())
                .unwrap_or_else(|| Arc::from(unit.fingerprint.as_slice())),
            summary: Arc::from(unit.summary.as_slice()),
        };
        if new {
            self.filter.insert(&holder.0);
        }
        self.put_row(holder, state.clone(), sequence);
        changes.rows.push(RowChange { redemption: holder, state, new, log });
        Ok(())
    }

    fn put_claim(&mut self, key: Key16, held: Option<Held>, sequence: u64, changes: &mut Changes) {
        self.claims.insert(key, Known { value: held, sequence });
        changes.claims.push((key, held));
    }

    fn put_row(&mut self, id: RedemptionId, state: RowState, sequence: u64) {
        let (due, waiting) = (state.due, state.waiting);
        if let Some(due) = due.filter(|_| waiting) {
            self.waiting.insert((due, id));
        }
        let state = Some(state);
        let Some(row) = self.rows.get_mut(&id) else {
            self.rows.insert(id, Row { state, sequence, since: sequence, upto: sequence });
            return;
        };
        row.touch(sequence, self.settled);
        row.sequence = sequence;
        let before = std::mem::replace(&mut row.state, state);
        let was = before.filter(|before| before.waiting).and_then(|before| before.due);
        if let Some(was) = was.filter(|was| !waiting || due != Some(*was)) {
            self.waiting.remove(&(was, id));
        }
    }

    /// Keeps a batch that is durable until the tables hold it.
    pub(super) fn keep(&mut self, taken: Arc<Taken>) {
        for side in &taken.sides {
            if let Some(row) = self.rows.get_mut(&side.redemption) {
                row.touch(taken.id.sequence, self.settled);
            }
        }
        self.pending.push_back(taken);
    }

    /// Goes back to what is durable: what a batch left here that could not be written is dropped.
    pub(super) fn undo(&mut self) {
        self.clear();
        let pending = std::mem::take(&mut self.pending);
        for taken in pending {
            let sequence = taken.id.sequence;
            for row in &taken.changes.rows {
                self.put_row(row.redemption, row.state.clone(), sequence);
            }
            for (key, held) in &taken.changes.claims {
                self.claims.insert(*key, Known { value: *held, sequence });
            }
            taken.changes.seats.iter().for_each(|seat| self.subjects.put(*seat, sequence));
            self.keep(taken);
        }
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.claims.clear();
        self.subjects.clear();
        self.waiting.clear();
    }

    /// Forgets everything: the tables hold it, and have changed what they say of what waits.
    pub(super) fn forget(&mut self) {
        self.clear();
        self.pending.clear();
    }

    /// Lets go of what the tables hold, up to batch `applied`, but of no more than about `most` units: a
    /// commit is not to wait until all that one transaction has taken is let go of.
    pub(super) fn settle(&mut self, applied: u64, most: usize) {
        let mut done = 0;
        while done < most && self.pending.front().is_some_and(|taken| taken.id.sequence <= applied) {
            let taken = self.pending.pop_front().expect("there is a first one");
            self.settled = taken.id.sequence;
            done += 1 + taken.changes.rows.len() + taken.changes.seats.len();
            for row in &taken.changes.rows {
                self.settle_row(row.redemption, applied);
            }
            taken.sides.iter().for_each(|side| self.settle_row(side.redemption, applied));
            for (key, _) in &taken.changes.claims {
                let done = |claim: &Known<Held>| {
                    claim.sequence <= applied
                        && claim.value.is_none_or(|held| held.status != ClaimStatus::Held)
                };
                if self.claims.get(key).is_some_and(done) {
                    self.claims.remove(key);
                }
            }
            self.subjects.settle(&taken.changes.seats, applied);
        }
        let behind = self.pending.front().is_some_and(|taken| taken.id.sequence <= applied);
        let many = self.rows.len().max(self.claims.len()) > MOST_KEPT;
        if many && !behind && self.settled > self.swept {
            self.swept = self.settled;
            self.rows.retain(|_, row| row.upto > applied);
            self.claims.retain(|_, claim| claim.sequence > applied);
        }
    }

    /// A redemption that the writer will write again stays.
    fn settle_row(&mut self, id: RedemptionId, applied: u64) {
        let Some(row) = self.rows.get(&id).filter(|row| row.sequence <= applied) else { return };
        let Some(state) = &row.state else { return };
        if let Some(due) = state.due.filter(|_| state.waiting) {
            self.waiting.remove(&(due, id));
        }
        if !state.is_live() && row.upto <= applied {
            self.rows.remove(&id);
        }
    }

    /// Whether there is a redemption.
    pub(super) fn exists(&mut self, model: &Model, id: RedemptionId) -> Result<bool, StoreError> {
        Ok(self.row(model, id)?.is_some())
    }

    /// Whether the redemption has been changed since the tables were at batch `applied`.
    pub(super) fn is_ahead(&self, id: RedemptionId, applied: u64) -> bool {
        self.rows.get(&id).is_some_and(|row| row.sequence > applied)
    }

    /// What waits, of the rows that the tables do not hold as they are at batch `applied`, the longest
    /// due first.
    pub(super) fn waiting(&self, applied: u64) -> impl Iterator<Item = (Wall, RedemptionId)> {
        self.waiting.iter().copied().filter(move |(_, id)| self.is_ahead(*id, applied))
    }

    /// The batches that the tables did not hold at batch `applied`.
    pub(super) fn pending(&self, applied: u64) -> impl Iterator<Item = &Taken> {
        self.pending.iter().map(Arc::as_ref).filter(move |taken| taken.id.sequence > applied)
    }

    fn taken(&self, sequence: u64) -> Option<&Taken> {
        let first = self.pending.front()?.id.sequence;
        self.pending.get(usize::try_from(sequence.checked_sub(first)?).ok()?).map(Arc::as_ref)
    }

    /// What batches after `applied` changed of a redemption, in order: where the records lie that they
    /// added, and its side rows.
    pub(super) fn changes_of(
        &self,
        id: RedemptionId,
        applied: u64,
    ) -> (impl Iterator<Item = Place>, impl Iterator<Item = &SideRow>) {
        let span = self.rows.get(&id).map_or((1, 0), |row| (row.since.max(applied + 1), row.upto));
        let batches = (span.0..=span.1).filter_map(|sequence| self.taken(sequence));
        let rows = batches.clone().flat_map(move |taken| {
            let own = taken.changes.rows.iter().filter(move |row| row.redemption == id);
            own.map(|row| taken.log(row))
        });
        (rows, batches.flat_map(move |taken| taken.sides.iter().filter(move |side| side.redemption == id)))
    }
}

impl Row {
    fn touch(&mut self, sequence: u64, settled: u64) {
        if self.upto <= settled {
            self.since = sequence;
        }
        self.upto = sequence;
    }
}
