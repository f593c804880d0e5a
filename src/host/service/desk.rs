//! Who waits for what: requests, redemptions and decisions.
//!
//! An event names the redemption and not the request, so one request per redemption is asked at
//! a time; others with the same id wait behind it until it has been answered.

use super::ServiceError;
use super::promise::Teller;
use crate::base::RedemptionId;
use crate::engine::{Event, Heard, Request};
use crate::flow::Summary;
use crate::host::Outcome;
use crate::host::driver::{at_rest, settled};
use std::boxed::Box;
use std::collections::{BTreeMap, VecDeque};
use std::vec::Vec;

/// A request, and who asked.
pub(super) type Asked = (Box<Request>, Teller<Outcome>);

#[derive(Default)]
pub(super) struct Desk {
    asking: BTreeMap<RedemptionId, Asking>,
    /// Who waits for a redemption to come to rest.
    waiting: BTreeMap<RedemptionId, Vec<Teller<Outcome>>>,
    waiters: usize,
    /// With so many waiters those that nobody hears are let go of.
    sweep_at: usize,
    asks: BTreeMap<u64, (RedemptionId, Teller<Summary>)>,
    last_ask: u64,
}

/// A request that the engine has not answered.
struct Asking {
    /// Whether the redemption was there before: then only an answer to a repeat is meant.
    known: bool,
    teller: Teller<Outcome>,
    behind: VecDeque<Asked>,
}

/// The least number of waiters that are looked through.
const LEAST_SWEPT: usize = 1_024;

impl Desk {
    /// Puts a request behind one with the same id that is being asked; gives it back if there is
    /// none.
    pub(super) fn behind(&mut self, id: RedemptionId, asked: Asked) -> Result<(), Asked> {
        match self.asking.get_mut(&id) {
            None => Err(asked),
            Some(asking) => {
                asking.behind.push_back(asked);
                Ok(())
            }
        }
    }

    /// A request was submitted. `known`: its redemption is in memory.
    pub(super) fn submitted(&mut self, id: RedemptionId, known: bool, teller: Teller<Outcome>) {
        self.asking.insert(id, Asking { known, teller, behind: VecDeque::new() });
    }

    /// A redemption was handed in from the store: it is there.
    pub(super) fn handed(&mut self, id: RedemptionId) {
        if let Some(asking) = self.asking.get_mut(&id) {
            asking.known = true;
        }
    }

    /// A name for what is asked of a redemption.
    pub(super) fn name(&mut self, id: RedemptionId, teller: Teller<Summary>) -> u64 {
        self.last_ask += 1;
        self.asks.insert(self.last_ask, (id, teller));
        self.last_ask
    }

    pub(super) fn asks(&self) -> usize {
        self.asks.len()
    }

    /// How many requests wait for their redemption to come to rest.
    pub(super) fn waiters(&self) -> usize {
        self.waiters + self.asking.len()
    }

    /// Tells an event to those whom it concerns. Gives back the requests that waited behind one
    /// that is answered now.
    pub(super) fn hear(&mut self, event: &Event) -> VecDeque<Asked> {
        match event {
            Event::Answered { redemption: id, .. } => self.answered(*id, event),
            Event::Moved { redemption: id, summary } => {
                let born = self.asking.get(id).is_some_and(|asking| !asking.known);
                let asking = if born { self.asking.remove(id) } else { None };
                let behind = asking.map(|asking| {
                    self.wait(*id, asking.teller);
                    asking.behind
                });
                if at_rest(summary) {
                    self.rested(*id, &Ok(Outcome::Stands(summary.clone())));
                }
                behind.unwrap_or_default()
            }
            Event::Heard { ask, heard, .. } => {
                if let Some((id, teller)) = self.asks.remove(ask) {
                    teller.tell(match heard {
                        Heard::Done(summary) => Ok(Summary::clone(summary)),
                        Heard::Refused(error) => Err((*error).into()),
                        Heard::NotKnown => Err(ServiceError::NotKnown(id)),
                    });
                }
                VecDeque::new()
            }
            Event::TakenOver { redemption: id, .. } | Event::Elsewhere { redemption: id, .. } => {
                let gone = ServiceError::TakenOver(*id);
                self.rested(*id, &Err(gone.clone()));
                let asked: Vec<u64> =
                    self.asks.iter().filter(|(_, (of, _))| of == id).map(|(ask, _)| *ask).collect();
                for (_, teller) in asked.iter().filter_map(|ask| self.asks.remove(ask)) {
                    teller.tell(Err(gone.clone()));
                }
                let asking = self.asking.remove(id);
                asking
                    .map(|asking| {
                        asking.teller.tell(Err(gone));
                        asking.behind
                    })
                    .unwrap_or_default()
            }
            _ => VecDeque::new(),
        }
    }

    fn answered(&mut self, id: RedemptionId, event: &Event) -> VecDeque<Asked> {
        let Some(asking) = self.asking.remove(&id) else { return VecDeque::new() };
        match settled(event) {
            Some((_, Outcome::Replayed(summary))) if !at_rest(&summary) => self.wait(id, asking.teller),
            Some((_, outcome)) => asking.teller.tell(Ok(outcome)),
            None => {}
        }
        asking.behind
    }

    fn wait(&mut self, id: RedemptionId, teller: Teller<Outcome>) {
        self.waiting.entry(id).or_default().push(teller);
        self.waiters += 1;
        if self.waiters >= self.sweep_at.max(LEAST_SWEPT) {
            self.sweep();
        }
    }

    /// Lets go of those whom nobody hears: their promises were dropped.
    fn sweep(&mut self) {
        self.waiting.retain(|_, tellers| {
            tellers.retain(|teller| !teller.is_unheard());
            !tellers.is_empty()
        });
        self.waiters = self.waiting.values().map(Vec::len).sum();
        self.sweep_at = self.waiters.saturating_mul(2);
    }

    fn rested(&mut self, id: RedemptionId, outcome: &Result<Outcome, ServiceError>) {
        let tellers = self.waiting.remove(&id).unwrap_or_default();
        self.waiters -= tellers.len();
        tellers.into_iter().for_each(|teller| teller.tell(outcome.clone()));
    }

    /// Tells everyone that there will be no answer, and why; `None` for a shutdown in peace. Tells
    /// how many redemptions were waited for.
    pub(super) fn end(&mut self, why: Option<&ServiceError>) -> usize {
        let why = |id| why.cloned().unwrap_or(ServiceError::Parked(id));
        let desk = std::mem::take(self);
        let many = desk.asking.len() + desk.waiting.len();
        for (id, asking) in desk.asking {
            asking.teller.tell(Err(why(id)));
            asking.behind.into_iter().for_each(|(_, teller)| teller.tell(Err(why(id))));
        }
        for (id, tellers) in desk.waiting {
            tellers.into_iter().for_each(|teller| teller.tell(Err(why(id))));
        }
        for (id, teller) in desk.asks.into_values() {
            teller.tell(Err(why(id)));
        }
        many
    }
}
