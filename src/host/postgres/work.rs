//! What a batch touches, in memory: the units are judged here, in order, as
//! [`crate::record::Index`] does.

use super::commit::Waits;
use crate::base::{Key16, RedemptionId, Wall};
use crate::record::{Batch, Claim, ClaimStatus, Refusal, Unit, Verdict};
use crate::risk::{Moments, RecallKind, Seen, Sighting};
use std::collections::BTreeMap;
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

/// All of a subject's sightings, added up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) latest: Wall,
    pub(super) moments: Moments,
}

/// A subject: how it stands, and whether the database had it before.
#[derive(Debug, Default)]
pub(super) struct Subject {
    pub(super) head: Head,
    pub(super) fresh: bool,
    pub(super) added: bool,
}

/// One redemption's place among a subject's sightings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) subject: Key16,
    pub(super) place: i64,
    pub(super) redemption: RedemptionId,
    pub(super) at: Wall,
    /// The latest time up to this place: where it falls out of a window, all before it does.
    pub(super) latest: Wall,
}

/// A seat that this batch adds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added {
    pub(super) seat: Seat,
    pub(super) value: i64,
    pub(super) before: Moments,
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
    epoch: u64,
    pub(super) rows: BTreeMap<RedemptionId, Line>,
    pub(super) claims: BTreeMap<Key16, Key>,
    pub(super) heads: BTreeMap<Key16, Subject>,
    pub(super) own: BTreeMap<(RedemptionId, Key16), (Seat, Moments)>,
    pub(super) seats: BTreeMap<(Key16, i64), Seat>,
    pub(super) added: Vec<Added>,
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

impl From<(Head, bool)> for Subject {
    fn from((head, fresh): (Head, bool)) -> Self {
        Self { head, fresh, added: false }
    }
}

impl Default for Head {
    fn default() -> Self {
        Self { latest: Wall(i64::MIN), moments: Moments::default() }
    }
}

impl Head {
    pub(super) fn add(&mut self, at: Wall, value: i64) {
        self.latest = self.latest.max(at);
        self.moments = self.moments.with(value);
    }
}

impl Work {
    pub(super) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            rows: BTreeMap::new(),
            claims: BTreeMap::new(),
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
    pub(super) fn judge(&mut self, batch: &Batch, log: u32) -> Vec<Said> {
        let units = batch.units();
        let mut said = Vec::with_capacity(units.len());
        for (number, unit) in units.iter().enumerate() {
            self.see(unit.redemption, &unit.sightings);
            let refusal = if unit.records.is_empty() { None } else { self.refusal(units, unit, log) };
            if refusal.is_none() && !unit.records.is_empty() {
                self.take(number, unit);
            }
            said.push(self.recall(unit, refusal));
        }
        said
    }

    fn see(&mut self, redemption: RedemptionId, sightings: &[Sighting]) {
        for &Sighting { subject, at, value } in sightings {
            if self.own.contains_key(&(redemption, subject)) {
                continue;
            }
            let known = self.heads.entry(subject).or_default();
            let before = known.head.moments;
            known.head.add(at, value);
            known.added = true;
            let place = i64::try_from(before.count).expect("sightings are counted in 63 bits");
            let seat = Seat { subject, place, redemption, at, latest: known.head.latest };
            self.own.insert((redemption, subject), (seat, before));
            self.seats.insert((subject, place), seat);
            self.added.push(Added { seat, value, before });
        }
    }

    fn refusal(&self, units: &[Unit], unit: &Unit, log: u32) -> Option<Refusal> {
        let line = self.rows.get(&unit.redemption);
        let epoch = |line: &Line| {
            if line.units.is_empty() { line.stored.as_ref().map_or(0, |s| s.epoch) } else { self.epoch }
        };
        match line {
            Some(line) if unit.expected == 0 => {
                let (fingerprint, summary) = line.known(units);
                return Some(Refusal::Known { fingerprint, summary });
            }
            Some(line) if line.records != unit.expected || self.is_anothers(line, log) => {
                return Some(Refusal::Stale { records: line.records, epoch: epoch(line) });
            }
            None if unit.expected != 0 => return Some(Refusal::Stale { records: 0, epoch: 0 }),
            _ => {}
        }
        unit.claims.iter().find_map(|claim| self.held(units, unit.redemption, claim))
    }

    /// Whether another epoch is the one to go on with it.
    fn is_anothers(&self, line: &Line, log: u32) -> bool {
        let stored = line.stored.as_ref().filter(|_| line.units.is_empty());
        stored.is_some_and(|stored| {
            if log == 0 { stored.epoch > self.epoch } else { !stored.dormant && stored.epoch != self.epoch }
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
            let Some(key) = self.claims.get_mut(&change.key) else { continue };
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
            let head = self.heads.get(&recall.subject).map(|known| known.head).unwrap_or_default();
            let last = match own {
                Some((seat, _)) => Some(seat.place),
                None => i64::try_from(head.moments.count)
                    .ok()
                    .and_then(|count| count.checked_sub(1))
                    .filter(|p| *p >= 0),
            };
            said.verdict.seen.push(match (recall.kind, last) {
                (RecallKind::Moments, _) => Seen::Moments(own.map_or(head.moments, |(_, before)| *before)),
                (RecallKind::Recent { .. }, None) => Seen::Recent(Vec::new()),
                (RecallKind::Recent { within_ms }, Some(last)) => {
                    said.open.push((number, recall.subject, last, within_ms));
                    Seen::Recent(Vec::new())
                }
            });
        }
        said
    }

    /// When the redemptions of this batch were to be handed back, and when they are now.
    pub(super) fn waits(&self, batch: &Batch) -> Waits {
        let lines = self.rows.values().filter_map(|line| Some((line, line.units.last()?)));
        let mut waits = Waits::default();
        for (line, &last) in lines {
            let unit = &batch.units()[last];
            waits.gone.extend(line.stored.as_ref().and_then(|stored| stored.wait));
            waits.new.extend(unit.due.filter(|_| unit.dormant));
        }
        waits
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
