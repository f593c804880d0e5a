//! Many requests in their order: those for one card one after the other, all others at once.
//!
//! Whether a card is free, and what risk counts, must not depend on how fast an issuer answers
//! or on where a crash fell: requests for one card are submitted when the ones before them have
//! come to rest, and are seen by risk in their turn all the same.

use super::driver::{at_rest, settled};
use super::{Driver, Outcome, RunError, Store, Transport};
use crate::base::{Key16, RedemptionId};
use crate::engine::{Event, Request, SubmitError};
use crate::flow::Summary;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::vec::Vec;

/// Where requests come from, and who is told how they came out.
pub trait Source {
    /// The next request in order; `None` when there are no more.
    fn next(&mut self) -> Option<Request>;

    /// In how many milliseconds the next request comes; 0 if it is there. For sources that are no
    /// files; asked again before each [`Source::next`].
    fn due_in_ms(&mut self) -> i64 {
        0
    }

    /// Request number `place` (from 0, in the order of [`Source::next`]) came out like this.
    /// Told once for each request.
    fn settled(
        &mut self,
        place: u64,
        redemption: Option<RedemptionId>,
        outcome: Result<Outcome, SubmitError>,
    );

    /// A redemption moved: before its request is settled, or after.
    fn moved(&mut self, redemption: RedemptionId, summary: &Summary) {
        let _ = (redemption, summary);
    }
}

struct Waiting {
    place: u64,
    request: Request,
    keys: Vec<Key16>,
}

#[derive(Default)]
struct Lanes {
    /// Whose turn it is, by card key and request id.
    taken: BTreeSet<Key16>,
    /// Who has to wait, by place.
    waiting: BTreeMap<u64, Waiting>,
    /// The places that wait for each key, in order.
    queued: BTreeMap<Key16, VecDeque<u64>>,
    /// Who may have come to the front of its lanes, and is to be looked at again.
    ready: BTreeSet<u64>,
    /// Who is under way, by redemption.
    active: BTreeMap<RedemptionId, (u64, Vec<Key16>)>,
}

impl<S: Store, T: Transport> Driver<S, T> {
    /// Works off all requests of `source`, thousands at a time, until each is settled and
    /// nothing more arrives for what is unfinished.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(&mut self, source: &mut dyn Source) -> Result<(), RunError> {
        let mut lanes = Lanes::default();
        let (mut place, mut drained) = (0, false);
        loop {
            self.submit_waiting(&mut lanes, source);
            let mut due = None;
            while !drained && self.engine().room() > 0 && lanes.waiting.len() < MOST_WAITING {
                let in_ms = source.due_in_ms();
                if in_ms > 0 {
                    due = Some(self.transport().now().mono.plus(in_ms));
                    break;
                }
                match source.next() {
                    None => drained = true,
                    Some(request) => {
                        self.enter(&mut lanes, source, place, request);
                        place += 1;
                    }
                }
            }
            let mut freed = false;
            self.turn(&mut |event| freed |= lanes.heard(source, &event))?;
            if freed {
                continue;
            }
            let done = drained && lanes.active.is_empty() && lanes.waiting.is_empty();
            if done && self.engine().in_flight() == 0 && !self.linger()? {
                return Ok(());
            }
            if !done && !self.wait(due)? {
                let stalled = lanes.active.keys().next().copied().unwrap_or_default();
                return Err(RunError::Stalled(stalled));
            }
            if done && self.engine().in_flight() > 0 && !self.wait(None)? {
                return Ok(());
            }
        }
    }

    /// A request comes to its lane: submitted at once if that is free, else seen and queued.
    fn enter(&mut self, lanes: &mut Lanes, source: &mut dyn Source, place: u64, request: Request) {
        let keys = match self.engine().lanes(&request) {
            Ok(mut keys) => {
                keys.push(Key16(request.redemption().0));
                keys
            }
            Err(error) => return source.settled(place, None, Err(error)),
        };
        let waiting = Waiting { place, request, keys };
        if lanes.is_free(&waiting.keys) {
            self.start(lanes, source, waiting);
        } else {
            match self.engine().sight(&waiting.request) {
                Ok(_) => lanes.queue(waiting),
                Err(error) => source.settled(place, None, Err(error)),
            }
        }
    }

    fn start(&mut self, lanes: &mut Lanes, source: &mut dyn Source, waiting: Waiting) {
        match self.submit(&waiting.request) {
            Ok(id) => {
                lanes.taken.extend(&waiting.keys);
                lanes.active.insert(id, (waiting.place, waiting.keys));
            }
            Err(SubmitError::Busy) => {
                lanes.ready.insert(waiting.place);
                lanes.queue(waiting);
            }
            Err(error) => source.settled(waiting.place, None, Err(error)),
        }
    }

    /// Starts those whose lanes have come free, in order: nobody passes one that waits before it.
    fn submit_waiting(&mut self, lanes: &mut Lanes, source: &mut dyn Source) {
        while self.engine().room() > 0 {
            let Some(place) = lanes.ready.pop_first() else { return };
            if let Some(waiting) = lanes.take_if_first(place) {
                self.start(lanes, source, waiting);
            }
        }
    }

    /// All requests are settled; something may still arrive for them, such as a pay-out that
    /// comes back. Waits for that, as long as the transport has something; whether it had.
    fn linger(&mut self) -> Result<bool, RunError> {
        if !self.transport().expects_more() {
            return Ok(false);
        }
        match self.transport().next(None) {
            Some(arrival) => self.arrived(arrival).map(|()| true),
            None => Ok(false),
        }
    }
}

/// So many requests wait for their lanes at the most before no more are read.
const MOST_WAITING: usize = 65_536;

impl Lanes {
    fn taken_by_any(&self, keys: &[Key16]) -> bool {
        keys.iter().any(|key| self.taken.contains(key))
    }

    fn is_free(&self, keys: &[Key16]) -> bool {
        !keys.iter().any(|key| self.queued.contains_key(key)) && !self.taken_by_any(keys)
    }

    fn queue(&mut self, waiting: Waiting) {
        for key in &waiting.keys {
            let places = self.queued.entry(*key).or_default();
            // One that the engine was too busy for comes back to the front.
            let at = places.partition_point(|place| *place < waiting.place);
            places.insert(at, waiting.place);
        }
        self.waiting.insert(waiting.place, waiting);
    }

    /// Takes one out of the queue if it is the first in each of its lanes and none is taken;
    /// those behind it are to be looked at then.
    fn take_if_first(&mut self, place: u64) -> Option<Waiting> {
        let keys = &self.waiting.get(&place)?.keys;
        let first = |key| self.queued.get(key).and_then(VecDeque::front) == Some(&place);
        if !keys.iter().all(first) || self.taken_by_any(keys) {
            return None;
        }
        let waiting = self.waiting.remove(&place)?;
        for key in &waiting.keys {
            let Some(places) = self.queued.get_mut(key) else { continue };
            places.pop_front();
            match places.front() {
                Some(next) => drop(self.ready.insert(*next)),
                None => drop(self.queued.remove(key)),
            }
        }
        Some(waiting)
    }

    /// Takes an event in; whether a lane came free.
    fn heard(&mut self, source: &mut dyn Source, event: &Event) -> bool {
        if let Event::Moved { redemption, summary } = event {
            source.moved(*redemption, summary);
        }
        let Some((id, outcome)) = settled(event) else { return false };
        if matches!(&outcome, Outcome::Replayed(summary) if !at_rest(summary)) {
            return false;
        }
        let Some((place, keys)) = self.active.remove(&id) else { return false };
        for key in &keys {
            self.taken.remove(key);
            self.ready.extend(self.queued.get(key).and_then(VecDeque::front));
        }
        source.settled(place, Some(id), Ok(outcome));
        true
    }
}
