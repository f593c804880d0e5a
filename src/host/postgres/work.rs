//! What a batch touches, in memory: the units are judged here, in order, as
//! [`crate::record::Index`] does.

use super::commit::Left;
use super::seats::{Seat, Subject};
use crate::base::{Key16, RedemptionId, Wall};
use crate::record::{Batch, Claim, ClaimStatus, Refusal, Unit, Verdict};
use crate::risk::{RecallKind, Seen, Sighting};
use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

/// A redemption as the database has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    pub(super) epoch: u64,
    pub(super) records: u32,
    pub(super) wait: Option<Wall>,
    pub(super) dormant: bool,
    /// With the summary: only where a first unit asks.
    pub(super) fingerprint: Vec<u8>,
    pub(super) summary: Vec<u8>,
}

/// A redemption as the units so far leave it.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// `None` if it is new.
    pub(super) stored: Option<Stored>,
    /// Its units that stand, by their numbers.
    pub(super) units: Vec<usize>,
    records: u32,
}

/// A claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    pub(super) kind: i64,
    pub(super) generation: u32,
    pub(super) status: ClaimStatus,
    pub(super) holder: RedemptionId,
}

/// A key: what the database has by now, and what it is to have.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) stored: Option<Claimed>,
    pub(super) now: Option<Claimed>,
    /// Whether this batch has taken it.
    pub(super) anew: bool,
}

/// What a unit is told, as far as it is known: recalls of the last sightings are answered when
/// those are read.
pub(super) struct Said {
    pub(super) verdict: Verdict,
    /// The answers still to be given: which, of whom, from which place back, how near.
    pub(super) open: Vec<(usize, Key16, i64, i64)>,
}

/// Everything that a batch touches.
pub(super) struct Work {
    log: u32,
    epoch: u64,
    pub(super) rows: BTreeMap<RedemptionId, Line>,
    pub(super) claims: BTreeMap<Key16, Key>,
    /// Where there is one writer: what becomes of keys that have not been read, if the redemption
    /// holds them.
    pub(super) changes: BTreeMap<(Key16, RedemptionId), Option<ClaimStatus>>,
    pub(super) heads: BTreeMap<Key16, Subject>,
    pub(super) own: BTreeMap<(RedemptionId, Key16), Seat>,
    pub(super) seats: BTreeMap<(Key16, i64), Seat>,
    pub(super) added: Vec<Seat>,
    pub(super) summaries: BTreeMap<RedemptionId, Vec<u8>>,
}

impl From<Stored> for Line {
    fn from(stored: Stored) -> Self {
        Self { records: stored.records, stored: Some(stored), units: Vec::new() }
    }
}

/// A claim that this batch made before it was judged does not stand yet.
impl From<(Claimed, bool)> for Key {
    fn from((claimed, fresh): (Claimed, bool)) -> Self {
        Self { stored: Some(claimed), now: (!fresh).then_some(claimed), anew: fresh }
    }
}

impl Work {
    pub(super) fn new(log: u32, epoch: u64) -> Self {
        Self {
            log,
            epoch,
            rows: BTreeMap::new(),
            claims: BTreeMap::new(),
            changes: BTreeMap::new(),
            heads: BTreeMap::new(),
            own: BTreeMap::new(),
            seats: BTreeMap::new(),
            added: Vec::new(),
            summaries: BTreeMap::new(),
        }
    }

    pub(super) fn keep(&mut self, seat: Seat) {
        self.seats.insert((seat.subject, seat.place), seat);
    }

    /// Judges the units one by one.
    pub(super) fn judge(&mut self, batch: &Batch) -> Vec<Said> {
        let units = batch.units();
        let mut said = Vec::with_capacity(units.len());
        for (number, unit) in units.iter().enumerate() {
            self.see(unit.redemption, &unit.sightings);
            let refusal = if unit.records.is_empty() { None } else { self.refusal(units, unit) };
            if refusal.is_none() && !unit.records.is_empty() {
                self.take(number, unit);
            }
            said.push(self.recall(unit, refusal));
        }
        said
    }

    fn see(&mut self, redemption: RedemptionId, sightings: &[Sighting]) {
        for sighting in sightings {
            let subject = sighting.subject;
            if self.own.contains_key(&(redemption, subject)) {
                continue;
            }
            let seat = self.heads.entry(subject).or_default().add(redemption, sighting);
            self.own.insert((redemption, subject), seat);
            self.keep(seat);
            self.added.push(seat);
        }
    }

    fn refusal(&self, units: &[Unit], unit: &Unit) -> Option<Refusal> {
        let line = self.rows.get(&unit.redemption);
        let epoch = |line: &Line| {
            if line.units.is_empty() { line.stored.as_ref().map_or(0, |s| s.epoch) } else { self.epoch }
        };
        match line {
            Some(line) if unit.expected == 0 => {
                let (fingerprint, summary) = line.known(units);
                return Some(Refusal::Known { fingerprint, summary });
            }
            Some(line) if line.records != unit.expected || self.is_anothers(line) => {
                return Some(Refusal::Stale { records: line.records, epoch: epoch(line) });
            }
            None if unit.expected != 0 => return Some(Refusal::Stale { records: 0, epoch: 0 }),
            _ => {}
        }
        unit.claims.iter().find_map(|claim| self.held(units, unit.redemption, claim))
    }

    /// Whether another epoch is the one to go on with it.
    fn is_anothers(&self, line: &Line) -> bool {
        let stored = line.stored.as_ref().filter(|_| line.units.is_empty());
        stored.is_some_and(|stored| {
            if self.log == 0 {
                stored.epoch > self.epoch
            } else {
                !stored.dormant && stored.epoch != self.epoch
            }
        })
    }

    fn held(&self, units: &[Unit], own: RedemptionId, claim: &Claim) -> Option<Refusal> {
        let held = self.claims.get(&claim.key)?.now?;
        let reloaded = held.status == ClaimStatus::Consumed && held.generation < claim.generation;
        if held.holder == own || reloaded {
            return None;
        }
        let line = self.rows.get(&held.holder).and_then(|line| line.units.last());
        let summary = match line {
            Some(&number) => units[number].summary.clone(),
            None => self.summaries.get(&held.holder).cloned().unwrap_or_default(),
        };
        Some(Refusal::Held { key: claim.key, status: held.status, holder: held.holder, summary })
    }

    fn take(&mut self, number: usize, unit: &Unit) {
        let holder = unit.redemption;
        for claim in &unit.claims {
            let key = self.claims.entry(claim.key).or_default();
            let (kind, status) = (claim.kind.number().into(), ClaimStatus::Held);
            key.anew |= key.now.is_none_or(|now| now.holder != holder);
            key.now = Some(Claimed { kind, generation: claim.generation, status, holder });
        }
        for change in &unit.changes {
            let Some(key) = self.claims.get_mut(&change.key) else {
                if self.log == 0 {
                    let to = self.changes.entry((change.key, holder)).or_insert(change.to);
                    // What is released is not held any more.
                    *to = to.and(change.to);
                }
                continue;
            };
            let Some(now) = key.now.as_mut().filter(|now| now.holder == holder) else { continue };
            match change.to {
                Some(status) => now.status = status,
                None => key.now = None,
            }
        }
        let line = self.rows.entry(holder).or_default();
        line.records += u32::try_from(unit.records.len()).expect("a unit holds few records");
        line.units.push(number);
    }

    fn recall(&self, unit: &Unit, refusal: Option<Refusal>) -> Said {
        let mut said = Said { verdict: Verdict { refusal, seen: Vec::new() }, open: Vec::new() };
        for (number, recall) in unit.recalls.iter().enumerate() {
            let own = self.own.get(&(unit.redemption, recall.subject));
            let moments = self.heads.get(&recall.subject).map(|known| known.moments).unwrap_or_default();
            let last = match own {
                Some(seat) => Some(seat.place),
                None => i64::try_from(moments.count)
                    .ok()
                    .and_then(|count| count.checked_sub(1))
                    .filter(|p| *p >= 0),
            };
            said.verdict.seen.push(match (recall.kind, last) {
                (RecallKind::Moments, _) => Seen::Moments(own.map_or(moments, |seat| seat.before)),
                (RecallKind::Recent { .. }, None) => Seen::Recent(Vec::new()),
                (RecallKind::Recent { within_ms }, Some(last)) => {
                    said.open.push((number, recall.subject, last, within_ms));
                    Seen::Recent(Vec::new())
                }
            });
        }
        said
    }

    /// How the batch leaves its redemptions.
    pub(super) fn left(&self, batch: &Batch) -> Left {
        let mut left = Left::default();
        for (id, line) in &self.rows {
            let Some(unit) = line.units.last().map(|&number| &batch.units()[number]) else { continue };
            left.gone.extend(line.stored.as_ref().and_then(|stored| stored.wait));
            left.new.extend(unit.due.filter(|_| unit.dormant));
            let live = unit.due.is_some() && !unit.dormant;
            left.live.push((*id, live.then_some(line.records)));
        }
        left
    }

    /// Where the new sightings lie, by redemption.
    pub(super) fn named(&self) -> BTreeMap<RedemptionId, Vec<u8>> {
        let mut named = BTreeMap::<_, Vec<u8>>::new();
        for seat in &self.added {
            super::seats::name(seat, named.entry(seat.redemption).or_default());
        }
        named
    }

    /// The places of these redemptions' sightings that have not been read.
    pub(super) fn unread(&self, places: &[(RedemptionId, Key16, i64)]) -> BTreeSet<(Key16, i64)> {
        let places = places.iter().map(|(_, subject, place)| (*subject, *place));
        places.filter(|place| !self.seats.contains_key(place)).collect()
    }
}

impl Line {
    /// How many records there are, those of this batch included.
    pub(super) fn records(&self) -> u32 {
        self.records
    }

    /// The fingerprint that this batch writes, if it writes one.
    pub(super) fn fingerprint<'a>(&self, units: &'a [Unit]) -> Option<&'a [u8]> {
        let written = self.units.iter().rev().map(|&number| units[number].fingerprint.as_slice());
        written.into_iter().find(|fingerprint| !fingerprint.is_empty())
    }

    fn known(&self, units: &[Unit]) -> (Vec<u8>, Vec<u8>) {
        let stored = self.stored.as_ref();
        let fingerprint = self.fingerprint(units).or(stored.map(|s| s.fingerprint.as_slice()));
        let summary = self.units.last().map(|&number| units[number].summary.as_slice());
        let summary = summary.or(stored.map(|s| s.summary.as_slice()));
        (fingerprint.unwrap_or_default().to_vec(), summary.unwrap_or_default().to_vec())
    }
}
