//! The claim index in memory: what the memory store is, what a host without a database gets,
//! and what every other store is compared with.

use super::{Batch, ClaimStatus, Handed, Refusal, Row, Unit, Verdict};
use crate::base::{Advice, BatchId, Code, Digest, Key16, Reader, RedemptionId, Wall, block, planted};
use crate::ledger::Account;
use crate::money::Currency;
use crate::risk::{Moments, Recall, RecallKind, Seen, Sighting};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// Why a whole batch is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A later writer has opened the store.
    #[error("writer epoch {epoch} is no longer the store's ({current})")]
    Fenced {
        /// The batch's epoch.
        epoch: u64,
        /// The store's.
        current: u64,
    },
    /// The batch does not follow the last one.
    #[error("batch {sequence} does not follow batch {last}")]
    Gap {
        /// The batch's sequence.
        sequence: u64,
        /// The last sequence taken.
        last: u64,
    },
}

impl CommitError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::RECORD,
            match self {
                Self::Fenced { .. } => 7,
                Self::Gap { .. } => 8,
            },
        )
    }

    /// Another writer is at it: this one must stop.
    pub const fn advice(&self) -> Advice {
        Advice::Stop
    }
}

#[derive(Clone, Copy, Debug)]
struct Held {
    holder: RedemptionId,
    status: ClaimStatus,
    generation: u32,
}

#[derive(Clone, Copy, Debug)]
struct Seal {
    id: BatchId,
    digest: Digest,
}

#[derive(Clone, Copy, Debug)]
struct Seat {
    redemption: RedemptionId,
    at: Wall,
    before: Moments,
    value: i64,
}

/// The end of one log.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    /// Where several write: the epoch that may go on with the log.
    pub(super) epoch: u64,
    last: Option<Seal>,
    /// What was said to its units, one after the other.
    verdicts: Vec<u8>,
}

impl Tail {
    /// What was said to the units of the last batch.
    fn said(&self) -> Vec<Verdict> {
        let (mut r, mut said) = (Reader::new(&self.verdicts), Vec::new());
        while !r.is_empty() {
            said.push(Verdict::decode(&mut r).expect("it was written here"));
        }
        said
    }
}

/// Claims, redemptions, sightings and account balances, as the batches taken so far leave them.
///
/// What is only looked for by its name lies in hash tables. Their order is another one in every
/// process: what walks through them sorts first (`sorted`).
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// The latest epoch given out.
    pub(super) epoch: u64,
    /// Whether several writers, each with a log of its own, are at it.
    pub(super) shared: bool,
    pub(super) tails: BTreeMap<u32, Tail>,
    claims: HashMap<Key16, Held>,
    /// Boxed: a table that grows moves what is in it.
    pub(super) rows: HashMap<RedemptionId, Box<Row>>,
    seats: HashMap<Key16, Vec<Seat>>,
    places: HashMap<(Key16, RedemptionId), usize>,
    /// What is to be handed back: dormant, or left behind by an earlier epoch.
    pub(super) waiting: BTreeSet<(Wall, RedemptionId)>,
    balances: BTreeMap<(Account, Currency), i128>,
}

impl Index {
    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a new writer epoch; batches of earlier ones are fenced off from now on.
    pub fn open(&mut self) -> u64 {
        self.set_epoch(self.epoch + 1);
        self.epoch
    }

    /// Sets the writer epoch, where the host counts it; it never goes back. What earlier epochs
    /// left unfinished is handed back to the new one.
    pub fn set_epoch(&mut self, epoch: u64) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.waiting = self.rows.iter().filter_map(|(id, row)| Some((row.due?, *id))).collect();
        }
    }

    /// The last batch of log 0 and its digest: where the next frame continues the chain.
    pub fn last(&self) -> Option<(BatchId, Digest)> {
        self.last_of(0)
    }

    /// The last batch of a log and its digest.
    pub fn last_of(&self, log: u32) -> Option<(BatchId, Digest)> {
        self.tails.get(&log)?.last.map(|seal| (seal.id, seal.digest))
    }

    /// Takes a batch: each unit stands or is refused on its own, in order, and every recall is
    /// answered. The last batch may be committed again and gets the same answers.
    ///
    /// # Errors
    /// [`CommitError`]: nothing was taken.
    pub fn commit(&mut self, batch: &mut Batch) -> Result<(), CommitError> {
        self.commit_refusing(batch, &BTreeMap::new())
    }

    /// As [`commit`](Self::commit), with units that someone else has refused, by their number:
    /// a claim store that several nodes share. What this index itself refuses comes first.
    ///
    /// # Errors
    /// [`CommitError`]: nothing was taken.
    pub fn commit_refusing(
        &mut self,
        batch: &mut Batch,
        refused: &BTreeMap<usize, Refusal>,
    ) -> Result<(), CommitError> {
        let (BatchId { epoch, sequence }, log) = (batch.id(), batch.frame().log);
        let tail = self.tails.entry(log).or_default();
        let last = tail.last.map_or(0, |seal| seal.id.sequence);
        if tail.last.is_some_and(|seal| seal.id == batch.id() && seal.digest == batch.digest()) {
            batch.judge(tail.said());
            return Ok(());
        }
        let current = if self.shared { tail.epoch } else { self.epoch };
        if epoch < current && !planted!(ZombieCommits) {
            return Err(CommitError::Fenced { epoch, current });
        }
        if sequence != last + 1 {
            return Err(CommitError::Gap { sequence, last });
        }
        if !self.shared {
            self.set_epoch(epoch);
        }
        batch.clear();
        for i in 0..batch.units().len() {
            let unit = &batch.units()[i];
            self.see(unit.redemption, &unit.sightings);
            let refusal = self.refusal(unit, epoch).or_else(|| refused.get(&i).cloned());
            if refusal.is_none() && !unit.records.is_empty() {
                self.take(unit, epoch);
            }
            let seen = unit.recalls.iter().map(|r| self.recall(unit.redemption, r)).collect();
            batch.see(i, seen);
            refusal.into_iter().for_each(|refusal| batch.refuse(i, refusal));
        }
        self.put_sides(batch);
        let tail = self.tails.entry(log).or_default();
        tail.verdicts.clear();
        batch.verdicts().iter().for_each(|verdict| verdict.encode(&mut tail.verdicts));
        tail.last = Some(Seal { id: batch.id(), digest: batch.digest() });
        Ok(())
    }

    fn refusal(&self, unit: &Unit, epoch: u64) -> Option<Refusal> {
        if unit.records.is_empty() {
            return None;
        }
        match self.rows.get(&unit.redemption) {
            Some(row) if unit.expected == 0 => {
                let (fingerprint, summary) = (row.fingerprint.clone(), row.summary.clone());
                return Some(Refusal::Known { fingerprint, summary });
            }
            Some(_) if planted!(StaleUnitAccepted) => {}
            Some(row) if row.records != unit.expected || self.is_anothers(row, epoch) => {
                return Some(Refusal::Stale { records: row.records, epoch: row.epoch });
            }
            None if unit.expected != 0 => return Some(Refusal::Stale { records: 0, epoch: 0 }),
            _ => {}
        }
        unit.claims.iter().find_map(|claim| {
            let held = self.claims.get(&claim.key)?;
            let reloaded = held.status == ClaimStatus::Consumed && held.generation < claim.generation;
            (held.holder != unit.redemption && !reloaded).then(|| Refusal::Held {
                key: claim.key,
                status: held.status,
                holder: held.holder,
                summary: self.rows.get(&held.holder).map(|row| row.summary.clone()).unwrap_or_default(),
            })
        })
    }

    fn is_anothers(&self, row: &Row, epoch: u64) -> bool {
        if self.shared { !row.dormant && row.epoch != epoch } else { row.epoch > epoch }
    }

    fn take(&mut self, unit: &Unit, epoch: u64) {
        let holder = unit.redemption;
        for claim in &unit.claims {
            let held = Held { holder, status: ClaimStatus::Held, generation: claim.generation };
            self.claims.insert(claim.key, held);
        }
        for change in &unit.changes {
            let own = self.claims.get_mut(&change.key).filter(|held| held.holder == holder);
            match (own, change.to) {
                (Some(held), Some(status)) => held.status = status,
                (Some(_), None) => {
                    self.claims.remove(&change.key);
                }
                (None, _) => {}
            }
        }
        for posting in &unit.postings {
            let key = (posting.account.clone(), posting.amount.currency());
            *self.balances.entry(key).or_default() += i128::from(posting.amount.minor());
        }
        let row = self.rows.entry(holder).or_default();
        if let Some(due) = row.due {
            self.waiting.remove(&(due, holder));
        }
        row.take(unit, epoch);
        if let Some(due) = row.due.filter(|_| row.dormant) {
            self.waiting.insert((due, holder));
        }
    }

    fn put_sides(&mut self, batch: &Batch) {
        for side in batch.standing_sides() {
            if let Some(row) = self.rows.get_mut(&side.redemption) {
                row.put_side(side);
            }
        }
    }

    fn see(&mut self, redemption: RedemptionId, sightings: &[Sighting]) {
        for sighting in sightings {
            // Most cards are seen once.
            let seats = self.seats.entry(sighting.subject).or_insert_with(|| Vec::with_capacity(1));
            match self.places.entry((sighting.subject, redemption)) {
                Entry::Occupied(_) => continue,
                Entry::Vacant(place) => place.insert(seats.len()),
            };
            let before = seats.last().map_or_else(Moments::default, |last| last.before.with(last.value));
            seats.push(Seat { redemption, at: sighting.at, before, value: sighting.value });
        }
    }

    fn recall(&self, redemption: RedemptionId, recall: &Recall) -> Seen {
        let seats = self.seats.get(&recall.subject).map_or(&[][..], Vec::as_slice);
        let own = self.places.get(&(recall.subject, redemption));
        let seats = own.map_or(seats, |&own| &seats[..=own]);
        match (recall.kind, seats.last()) {
            (RecallKind::Moments, last) => {
                Seen::Moments(Moments::recalled(last.map(|last| (last.before, last.value)), own.is_some()))
            }
            (RecallKind::Recent { .. }, None) => Seen::Recent(Vec::new()),
            (RecallKind::Recent { within_ms }, Some(last)) => {
                let near = |seat: &&Seat| seat.at.0.saturating_sub(last.at.0).saturating_abs() <= within_ms;
                let mut list: Vec<_> = seats
                    .iter()
                    .rev()
                    .filter(near)
                    .take(Recall::MOST)
                    .map(|s| (s.redemption, s.at))
                    .collect();
                list.reverse();
                Seen::Recent(list)
            }
        }
    }

    /// One redemption.
    pub fn row(&self, redemption: RedemptionId) -> Option<&Row> {
        self.rows.get(&redemption).map(Box::as_ref)
    }

    /// All redemptions, by id.
    pub fn rows(&self) -> impl Iterator<Item = (&RedemptionId, &Row)> {
        sorted(&self.rows).map(|(id, row)| (id, row.as_ref()))
    }

    /// Who holds a key, and how it stands.
    pub fn claim(&self, key: Key16) -> Option<(RedemptionId, ClaimStatus)> {
        self.claims.get(&key).map(|held| (held.holder, held.status))
    }

    /// All claims by key: who holds it, how it stands, and its generation.
    pub fn claims(&self) -> impl Iterator<Item = (Key16, RedemptionId, ClaimStatus, u32)> {
        sorted(&self.claims).map(|(key, held)| (*key, held.holder, held.status, held.generation))
    }

    /// All sightings, subject by subject in the order of their writing, with who was seen and the
    /// sums of the values before.
    pub fn sightings(&self) -> impl Iterator<Item = (RedemptionId, Sighting, Moments)> {
        sorted(&self.seats).flat_map(|(&subject, seats)| {
            seats.iter().map(move |seat| {
                let sighting = Sighting { subject, at: seat.at, value: seat.value };
                (seat.redemption, sighting, seat.before)
            })
        })
    }

    /// The redemptions that are due at `now` and not in the writer's memory, the longest due
    /// first, at most `limit`.
    pub fn due(&self, now: Wall, limit: usize) -> Vec<Handed> {
        let due = self.waiting.iter().take_while(|(due, _)| *due <= now).take(limit);
        due.filter_map(|(_, id)| Some(self.rows.get(id)?.hand(*id))).collect()
    }

    /// When the next redemption is due that the writer does not have in memory.
    pub fn next_due(&self) -> Option<Wall> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// What the writer does not have in memory, with the time at which it is due, the longest due
    /// first.
    pub fn waiting(&self) -> impl Iterator<Item = (Wall, RedemptionId)> {
        self.waiting.iter().copied()
    }

    /// Account balances; they add up to zero in each currency.
    pub fn balances(&self) -> impl Iterator<Item = (&Account, Currency, i128)> {
        self.balances.iter().map(|((account, currency), minor)| (account, *currency, *minor))
    }
}

/// What is in a table, by its names.
fn sorted<K: Ord, V>(table: &HashMap<K, V>) -> impl Iterator<Item = (&K, &V)> {
    let mut all: Vec<_> = table.iter().collect();
    all.sort_unstable_by_key(|(name, _)| *name);
    all.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Change, Claim, ClaimKind, Frame, Record, Side, SideMark};
    use alloc::vec;

    struct Log(Index, u64);

    impl Log {
        fn new() -> Self {
            let mut index = Index::new();
            index.open();
            Self(index, 0)
        }

        fn commit(&mut self, units: Vec<Unit>) -> Batch {
            self.1 += 1;
            let id = BatchId { epoch: self.0.epoch, sequence: self.1 };
            let previous = self.0.last().map(|last| last.1).unwrap_or_default();
            let sides =
                units.iter().flat_map(|u| u.sides.iter().map(|mark| row(u.redemption, mark))).collect();
            let mut batch = Batch::new(Frame { id, log: 0, wall: Wall(0), previous, units }, sides);
            self.0.commit(&mut batch).unwrap();
            batch
        }
    }

    fn id(n: u8) -> RedemptionId {
        RedemptionId([n; 16])
    }

    /// The rows of the tests hold one byte each.
    fn row(redemption: RedemptionId, mark: &SideMark) -> Side {
        let byte = (0..=255).find(|byte| mark.content == Some(Frame::digest(&[*byte])));
        Side { redemption, slot: mark.slot, content: byte.map(|byte| vec![byte]) }
    }

    fn mark(byte: Option<u8>) -> SideMark {
        SideMark { slot: 1, content: byte.map(|byte| Frame::digest(&[byte])) }
    }

    fn key(n: u8) -> Key16 {
        Key16([n; 16])
    }

    fn claim(n: u8, generation: u32) -> Claim {
        Claim { key: key(n), kind: ClaimKind::Card, generation }
    }

    fn unit(n: u8, expected: u32) -> Unit {
        let records = [Record { kind: 1, version: 1, body: &[] }].into();
        Unit { redemption: id(n), expected, due: Some(Wall(5)), summary: vec![n], records, ..Unit::default() }
    }

    fn seen(n: u8, at: i64) -> Unit {
        let sightings = vec![Sighting { subject: key(9), at: Wall(at), value: at }];
        let recalls = vec![
            Recall { subject: key(9), kind: RecallKind::Recent { within_ms: 10 } },
            Recall { subject: key(9), kind: RecallKind::Moments },
        ];
        Unit { redemption: id(n), sightings, recalls, ..Unit::default() }
    }

    #[test]
    fn the_loser_of_a_claim_keeps_none_of_its_claims_and_harms_nobody() {
        let mut log = Log::new();
        let first = Unit { claims: vec![claim(1, 0)], ..unit(1, 0) };
        let loser = Unit { claims: vec![claim(2, 0), claim(1, 0)], ..unit(2, 0) };
        let third = Unit { claims: vec![claim(2, 0)], ..unit(3, 0) };
        let batch = log.commit(vec![first, loser, third]);
        let held = Refusal::Held { key: key(1), status: ClaimStatus::Held, holder: id(1), summary: vec![1] };
        let refusals: Vec<_> = batch.verdicts().iter().map(|v| v.refusal.clone()).collect();
        assert_eq!(refusals, [None, Some(held), None]);
        assert!(log.0.row(id(2)).is_none());
        assert_eq!(log.0.claim(key(2)), Some((id(3), ClaimStatus::Held)));
    }

    #[test]
    fn what_another_store_refuses_is_refused_here_too() {
        let mut log = Log::new();
        log.commit(vec![Unit { dormant: true, ..unit(9, 0) }]);
        let taken =
            Refusal::Held { key: key(1), status: ClaimStatus::Consumed, holder: id(8), summary: vec![] };
        let units = vec![
            Unit { claims: vec![claim(1, 0)], ..unit(1, 0) },
            Unit { claims: vec![claim(2, 0)], ..unit(2, 0) },
        ];
        let (last, previous) = log.0.last().unwrap();
        let id_next = BatchId { sequence: last.sequence + 1, ..last };
        let mut batch = Batch::new(Frame { id: id_next, log: 0, wall: Wall(0), previous, units }, vec![]);
        log.0.commit_refusing(&mut batch, &[(0, taken.clone())].into()).unwrap();
        let refusals: Vec<_> = batch.verdicts().iter().map(|v| v.refusal.clone()).collect();
        assert_eq!(refusals, [Some(taken), None]);
        assert_eq!((log.0.claim(key(1)), log.0.claim(key(2)).is_some()), (None, true));
        assert_eq!(log.0.waiting().collect::<Vec<_>>(), [(Wall(5), id(9))]);
    }

    #[test]
    fn a_released_key_is_free_and_a_consumed_one_only_for_a_later_generation() {
        let mut log = Log::new();
        let change = |n, to| Change { key: key(n), to };
        log.commit(vec![Unit { claims: vec![claim(1, 1), claim(2, 0)], ..unit(1, 0) }]);
        let changes = vec![change(1, Some(ClaimStatus::Consumed)), change(2, None)];
        log.commit(vec![Unit { changes, ..unit(1, 1) }]);
        let refused = |batch: &Batch| batch.verdicts()[0].refusal.is_some();
        assert!(refused(&log.commit(vec![Unit { claims: vec![claim(1, 1)], ..unit(2, 0) }])));
        assert!(refused(&log.commit(vec![Unit { claims: vec![claim(1, 0)], ..unit(2, 0) }])));
        assert!(!refused(&log.commit(vec![Unit { claims: vec![claim(1, 2), claim(2, 0)], ..unit(2, 0) }])));
        log.commit(vec![Unit { changes: vec![change(1, None)], ..unit(1, 2) }]);
        assert_eq!(log.0.claim(key(1)), Some((id(2), ClaimStatus::Held)), "not the old holder's to release");
    }

    #[test]
    fn a_known_request_and_a_stale_writer_are_told_apart() {
        let mut log = Log::new();
        log.commit(vec![Unit { fingerprint: vec![7], ..unit(1, 0) }]);
        let refusal = |batch: Batch| batch.verdicts()[0].refusal.clone();
        let known = Refusal::Known { fingerprint: vec![7], summary: vec![1] };
        assert_eq!(refusal(log.commit(vec![unit(1, 0)])), Some(known));
        assert_eq!(refusal(log.commit(vec![unit(1, 3)])), Some(Refusal::Stale { records: 1, epoch: 1 }));
        assert_eq!(refusal(log.commit(vec![unit(2, 1)])), Some(Refusal::Stale { records: 0, epoch: 0 }));
        assert_eq!(refusal(log.commit(vec![unit(1, 1)])), None);
    }

    #[test]
    fn the_same_batch_again_gets_the_same_answers_and_an_old_writer_none() {
        let mut log = Log::new();
        log.commit(vec![Unit { claims: vec![claim(1, 0)], ..unit(1, 0) }]);
        let mut batch = log.commit(vec![Unit { claims: vec![claim(1, 0)], ..unit(2, 0) }, seen(3, 1)]);
        let verdicts = batch.verdicts().to_vec();
        batch.clear();
        log.0.commit(&mut batch).unwrap();
        assert_eq!(batch.verdicts(), verdicts);
        log.0.open();
        let id = BatchId { epoch: 1, sequence: 3 };
        let mut old = Batch::new(
            Frame { id, log: 0, wall: Wall(0), previous: batch.digest(), units: vec![unit(4, 0)] },
            vec![],
        );
        assert_eq!(log.0.commit(&mut old), Err(CommitError::Fenced { epoch: 1, current: 2 }));
    }

    #[test]
    fn a_recall_is_answered_as_of_the_own_sighting() {
        let mut log = Log::new();
        log.commit(vec![seen(1, 0), seen(2, 4)]);
        log.commit(vec![seen(3, 100)]);
        let batch = log.commit(vec![seen(2, 4), seen(3, 100)]);
        let moments = |count, sum, squares| Seen::Moments(Moments { count, sum, squares });
        let two = [Seen::Recent(vec![(id(1), Wall(0)), (id(2), Wall(4))]), moments(1, 0, 0)];
        assert_eq!(batch.verdicts()[0].seen, two);
        assert_eq!(batch.verdicts()[1].seen, [Seen::Recent(vec![(id(3), Wall(100))]), moments(2, 4, 16)]);
        assert!(log.0.row(id(1)).is_none(), "a mere sighting leaves no row");
    }

    #[test]
    fn what_is_dormant_or_left_behind_is_handed_back_when_due() {
        let mut log = Log::new();
        log.commit(vec![unit(1, 0), Unit { dormant: true, ..unit(2, 0) }, Unit { due: None, ..unit(3, 0) }]);
        let due = |log: &Log, now| log.0.due(Wall(now), 9).iter().map(|h| h.redemption).collect::<Vec<_>>();
        assert_eq!((due(&log, 4), due(&log, 5)), (vec![], vec![id(2)]));
        log.0.open();
        assert_eq!(due(&log, 5), [id(1), id(2)]);
        log.commit(vec![unit(1, 1), unit(2, 1)]);
        assert_eq!((due(&log, 5), log.0.next_due()), (vec![], None));
    }

    #[test]
    fn a_refused_unit_leaves_no_side_row() {
        let mut log = Log::new();
        let unit = |expected, byte| Unit { sides: vec![mark(byte)], ..unit(1, expected) };
        let rows = |log: &Log| log.0.row(id(1)).unwrap().hand(id(1)).sides;
        log.commit(vec![unit(0, Some(1)), unit(0, Some(2))]);
        assert_eq!(rows(&log), [(1, vec![1])].into(), "the repeat takes nothing from the first");
        log.commit(vec![unit(9, Some(3))]);
        assert_eq!(rows(&log), [(1, vec![1])].into());
        log.commit(vec![unit(9, None), unit(1, Some(4))]);
        assert_eq!(rows(&log), [(1, vec![4])].into());
        log.commit(vec![unit(2, None)]);
        assert!(rows(&log).is_empty());
    }
}
