//! Sightings that are not in the tables yet, and the latest ones before them.

use super::filter::Filter;
use super::hash::ByName;
use crate::base::{Key16, RedemptionId, Wall};
use crate::host::StoreError;
use crate::host::sqlite::{Model, Seat};
use crate::risk::{Moments, Recall, RecallKind, Seen, Sighting};
use std::collections::VecDeque;
use std::vec::Vec;

/// So many of a subject's latest seats stay in memory after they are in the tables.
const KEPT: usize = 2 * Recall::MOST;
/// So many subjects may stay in memory after all of them is in the tables.
const MOST_SUBJECTS: usize = 65_536;

/// The end of a subject's seats; those before `first` are in the tables.
#[derive(Default)]
struct Subject {
    first: i64,
    seats: VecDeque<Seat>,
    /// The last batch with a sighting of it.
    sequence: u64,
}

#[derive(Default)]
pub(super) struct Subjects {
    ends: ByName<Key16, Subject>,
    /// The places of the seats in `ends`.
    places: ByName<(Key16, RedemptionId), i64>,
}

impl Subjects {
    pub(super) fn clear(&mut self) {
        self.ends.clear();
        self.places.clear();
    }

    pub(super) fn holds(&self, subject: &Key16) -> bool {
        self.ends.contains_key(subject)
    }

    /// Brings a subject's end into memory.
    pub(super) fn fetch(
        &mut self,
        model: &Model,
        filter: &mut Filter,
        subject: Key16,
    ) -> Result<(), StoreError> {
        if self.holds(&subject) {
            return Ok(());
        }
        let last = if filter.may_hold(&subject.0) { model.last_seat(subject)? } else { None };
        let mut end = Subject { first: last.map_or(0, |seat| seat.place), ..Subject::default() };
        if let Some(seat) = last {
            self.places.insert((subject, seat.redemption), seat.place);
            end.seats.push_back(seat);
        }
        self.ends.insert(subject, end);
        Ok(())
    }

    /// Puts a seat, judged before, at the end of its subject's.
    pub(super) fn put(&mut self, seat: Seat, sequence: u64) {
        let end = self.ends.entry(seat.subject);
        let end = end.or_insert_with(|| Subject { first: seat.place, ..Subject::default() });
        end.sequence = sequence;
        end.seats.push_back(seat);
        self.places.insert((seat.subject, seat.redemption), seat.place);
    }

    /// Gives a redemption its seats; it has one per subject.
    pub(super) fn see(
        &mut self,
        model: &Model,
        filter: &mut Filter,
        (redemption, sequence): (RedemptionId, u64),
        sightings: &[Sighting],
        new: &mut Vec<Seat>,
    ) -> Result<(), StoreError> {
        // Before its own name is there: the tables are not asked for what cannot be in them.
        let known = filter.may_hold(&redemption.0);
        for &Sighting { subject, at, value } in sightings {
            self.fetch(model, filter, subject)?;
            if self.own(model, known, subject, redemption)?.is_some() {
                continue;
            }
            let seat = match self.ends[&subject].seats.back() {
                Some(last) => last.next(redemption, at, value),
                None => Seat::first(subject, redemption, at, value),
            };
            filter.insert(&subject.0);
            filter.insert(&redemption.0);
            self.put(seat, sequence);
            new.push(seat);
        }
        Ok(())
    }

    /// The redemption's own seat with a subject whose end is in memory; `known`: the tables may hold one.
    fn own(
        &self,
        model: &Model,
        known: bool,
        subject: Key16,
        redemption: RedemptionId,
    ) -> Result<Option<Seat>, StoreError> {
        let end = &self.ends[&subject];
        if let Some(place) = self.places.get(&(subject, redemption)) {
            return Ok(usize::try_from(place - end.first).ok().and_then(|at| end.seats.get(at)).copied());
        }
        if end.first == 0 || !known {
            return Ok(None);
        }
        model.own_seat(subject, redemption)
    }

    /// Answers a recall as of the redemption's own seat, or as of now if it has none.
    pub(super) fn recall(
        &mut self,
        model: &Model,
        filter: &mut Filter,
        redemption: RedemptionId,
        recall: &Recall,
    ) -> Result<Seen, StoreError> {
        self.fetch(model, filter, recall.subject)?;
        let known = filter.may_hold(&redemption.0);
        let own = self.own(model, known, recall.subject, redemption)?;
        let last = own.or_else(|| self.ends[&recall.subject].seats.back().copied());
        match recall.kind {
            RecallKind::Moments => {
                let last = last.map(|last| (last.before, last.value));
                Ok(Seen::Moments(Moments::recalled(last, own.is_some())))
            }
            RecallKind::Recent { within_ms } => {
                last.map_or(Ok(Vec::new()), |last| self.recent(model, &last, within_ms)).map(Seen::Recent)
            }
        }
    }

    /// The sightings near `last` in time, from it backwards through memory and tables.
    fn recent(
        &self,
        model: &Model,
        last: &Seat,
        within_ms: i64,
    ) -> Result<Vec<(RedemptionId, Wall)>, StoreError> {
        let mut window = last.window(within_ms);
        let end = &self.ends[&last.subject];
        let held = usize::try_from(last.place - end.first + 1).unwrap_or(0);
        let mut more = end.seats.iter().take(held).rev().all(|seat| window.take(seat));
        let before = end.first.min(last.place + 1);
        if more && before > 0 {
            model.seats_before(last.subject, before, &mut |seat| {
                more = more && window.take(seat);
                more
            })?;
        }
        Ok(window.finish())
    }

    /// Lets go of what the tables hold.
    pub(super) fn settle(&mut self, seats: &[Seat], applied: u64) {
        for seat in seats {
            let Some(end) = self.ends.get_mut(&seat.subject) else { continue };
            // A card is seen once for the most part, a seller again and again.
            let once = end.sequence <= applied && end.seats.len() == 1;
            let keep = if once { 0 } else { KEPT };
            while end.seats.len() > keep && end.seats.front().is_some_and(|first| first.place <= seat.place) {
                let gone = end.seats.pop_front().expect("there is a first one");
                end.first = gone.place + 1;
                self.places.remove(&(gone.subject, gone.redemption));
            }
            if end.seats.is_empty() {
                self.ends.remove(&seat.subject);
            }
        }
        if self.ends.len() > MOST_SUBJECTS {
            self.ends.retain(|_, end| end.sequence > applied);
            self.places.retain(|(subject, _), _| self.ends.contains_key(subject));
        }
    }
}
