//! The blocking driver: turns the loop over a store and a transport, on one thread.
//!
//! While a batch is synced the next one fills with whatever arrived meanwhile: group commit is
//! not a feature, it is what the loop does.

use super::marks::Marks;
use super::{Arrival, InboundToken, Store, StoreError, Transport};
use crate::base::{Advice, Code, Mono, Now, RedemptionId, Text, Wall, block};
use crate::engine::{
    Engine, Event, InboundId, Misuse, Output, RecoverError, Recovery, Reply, Request, Setup, SubmitError,
};
use crate::flow::Summary;
use crate::record::Batch;
use std::collections::{BTreeMap, BTreeSet};
use std::string::{String, ToString};
use std::time::{Duration, Instant};
use std::vec::Vec;

/// A batch that the store does not take is offered so often before the driver gives up.
const COMMIT_TRIES: u32 = 5;
/// So many redemptions are taken back from the store at a time.
const HANDED_AT_ONCE: usize = 256;
/// The lease is extended so often within its length.
const RENEWALS: i64 = 3;
/// A checkpoint is made after so many batches.
const CHECKPOINT_EVERY: u64 = 1_024;

/// Why the driver stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be taken up.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The request is not taken.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Entropy(String),
    /// The driver misused the engine: a fault of this library.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// Nothing is left to wait for, and the redemption has not ended.
    #[error("nothing is left to wait for, and redemption {0} has not ended")]
    Stalled(RedemptionId),
}

impl RunError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Recover(error) => error.code(),
            Self::Submit(error) => error.code(),
            Self::Entropy(_) => Code::new(block::HOST, 20),
            Self::Misuse(error) => error.code(),
            Self::Stalled(_) => Code::new(block::HOST, 21),
        }
    }

    /// What to do about it.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Store(error) => error.advice(),
            Self::Recover(error) => error.advice(),
            Self::Submit(error) => error.advice(),
            Self::Misuse(error) => error.advice(),
            Self::Entropy(_) => Advice::Retry,
            Self::Stalled(_) => Advice::Inquire,
        }
    }
}

/// How a request came out, as far as it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As the redemption stands: ended, or waiting for people.
    Stands(Summary),
    /// The same request came before: as it stands.
    Replayed(Summary),
    /// The request id came before with other content.
    Mismatch,
    /// Another request is at this card.
    CardBusy,
}

impl Outcome {
    /// How the redemption stands, if the request has one.
    pub const fn summary(&self) -> Option<&Summary> {
        match self {
            Self::Stands(summary) | Self::Replayed(summary) => Some(summary),
            Self::Mismatch | Self::CardBusy => None,
        }
    }

    /// What the seller has been paid, if anything.
    pub fn payout(&self) -> Option<crate::money::Amount> {
        self.summary().and_then(|summary| summary.payout)
    }

    /// How old the issuer's word was that the card was verified by, in ms, where that came from a
    /// snapshot.
    pub fn snapshot_age_ms(&self) -> Option<i64> {
        self.summary().and_then(|summary| summary.verified_age_ms)
    }

    /// The state as outcomes name it.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Stands(summary) | Self::Replayed(summary) => summary.public_state(),
            Self::Mismatch => "mismatch",
            Self::CardBusy => "card_busy",
        }
    }
}

/// The loop over one store and one transport.
pub struct Driver<S, T> {
    engine: Engine,
    store: S,
    transport: T,
    inbound: BTreeMap<InboundId, InboundToken>,
    /// Redemptions that the store hands back and the engine cannot take.
    stuck: BTreeSet<RedemptionId>,
    batches: u64,
    group_ms: i64,
    /// When the lease is to be extended, where several nodes share the store.
    renew_at: Option<Mono>,
    measured: Option<Measured>,
}

/// The marks, and since when they are measured.
struct Measured {
    marks: Marks,
    since: Instant,
}

impl Measured {
    fn at(&self) -> Duration {
        self.since.elapsed()
    }
}

impl<S: Store, T: Transport> Driver<S, T> {
    /// Opens the store for a new writer and takes up what was left unfinished.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn open(setup: Setup, mut store: S, transport: T) -> Result<Self, RunError> {
        let mut recovery = Recovery::of_log(store.log());
        let epoch = store.recover(&mut recovery)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| RunError::Entropy(error.to_string()))?;
        let engine = recovery.finish(setup, epoch, seed)?;
        let (inbound, stuck) = (BTreeMap::new(), BTreeSet::new());
        let (batches, group_ms, renew_at) = (0, 0, None);
        let mut driver =
            Self { engine, store, transport, inbound, stuck, batches, group_ms, renew_at, measured: None };
        driver.renew()?;
        let now = driver.transport.now();
        agree_on_keys(&mut driver.engine, &mut driver.store, now)?;
        if driver.renew_at.is_some() {
            recount(&mut driver.engine, &mut driver.store)?;
        }
        Ok(driver)
    }

    /// Extends the lease. Its time runs from before the store is asked.
    fn renew(&mut self) -> Result<(), RunError> {
        let asked = self.transport.now().mono;
        self.renew_at = leased(&mut self.engine, asked, self.store.renew()?);
        Ok(())
    }

    /// Waits so many ms after an arrival for more to share its batch. 0 if not said: a sync
    /// gathers enough by itself where time is real; where it is virtual, syncing takes none.
    pub const fn group_within(&mut self, ms: i64) {
        self.group_ms = ms;
    }

    /// Measures the trade's marks from now on, by the machine's own clock: [`Driver::marks`]. Of
    /// use where issuers answer in real time.
    pub fn measure(&mut self) {
        self.measured = Some(Measured { marks: Marks::default(), since: Instant::now() });
    }

    /// The marks since [`Driver::measure`].
    pub fn marks(&self) -> Option<&Marks> {
        self.measured.as_ref().map(|measured| &measured.marks)
    }

    /// Hands the request to the engine.
    pub(super) fn submit(&mut self, request: &Request) -> Result<RedemptionId, SubmitError> {
        let id = self.engine.submit(request)?;
        if let Some(measured) = &mut self.measured {
            let at = measured.at();
            measured.marks.submitted(id, at);
        }
        Ok(id)
    }

    /// How many batches were made durable.
    pub const fn batches(&self) -> u64 {
        self.batches
    }

    /// Buys one card back and waits until that has ended or waits for people.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn redeem(&mut self, request: &Request) -> Result<Outcome, RunError> {
        let id = self.submit(request)?;
        let mut outcome = None;
        loop {
            self.turn(&mut |event| {
                if let Some(settled) = settled(&event).filter(|(of, _)| *of == id) {
                    outcome = Some(settled.1);
                }
            })?;
            match outcome.take() {
                Some(Outcome::Replayed(summary)) if !at_rest(&summary) => {}
                Some(outcome) => return Ok(outcome),
                None => {}
            }
            if !self.wait(None)? {
                return Err(RunError::Stalled(id));
            }
        }
    }

    /// Works off everything that can be done without waiting.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn turn(&mut self, events: &mut dyn FnMut(Event)) -> Result<(), RunError> {
        loop {
            self.drain(events)?;
            if !self.hand_due()? {
                return Ok(());
            }
        }
    }

    fn drain(&mut self, events: &mut dyn FnMut(Event)) -> Result<(), RunError> {
        loop {
            let now = self.transport.now();
            if self.renew_at.is_some_and(|at| at <= now.mono) {
                self.renew()?;
            }
            let Some(output) = self.engine.poll(now) else { return Ok(()) };
            match output {
                Output::Commit(batch) => self.commit(batch)?,
                Output::Call(call) => {
                    if let Some(measured) = &mut self.measured {
                        let at = measured.at();
                        measured.marks.called(&call, now.mono, at);
                    }
                    self.transport.start(call);
                }
                Output::Load(id) => match self.store.load(id) {
                    Ok(handed) => self.engine.loaded(id, handed),
                    Err(StoreError::Elsewhere { .. }) => self.engine.elsewhere(id),
                    Err(error) => return Err(error.into()),
                },
                Output::Ack(id, bytes) => {
                    if let Some(token) = self.inbound.remove(&id) {
                        self.transport.acknowledge(token, &bytes);
                    }
                }
                Output::Event(event) => {
                    if let Some(measured) = &mut self.measured {
                        let at = measured.at();
                        measured.marks.event(&event, at);
                    }
                    match &event {
                        Event::Refused { redemption, .. } => {
                            self.stuck.insert(*redemption);
                        }
                        Event::TakenOver { unacknowledged, .. } | Event::Elsewhere { unacknowledged, .. } => {
                            self.inbound.retain(|id, _| !unacknowledged.contains(id));
                        }
                        _ => {}
                    }
                    events(event);
                }
            }
        }
    }

    fn commit(&mut self, mut batch: Batch) -> Result<(), RunError> {
        let began = self.measured.as_ref().map(Measured::at);
        commit(&mut self.store, &mut batch)?;
        if let (Some(measured), Some(began)) = (&mut self.measured, began) {
            let took = measured.at().saturating_sub(began);
            measured.marks.committed(took);
        }
        self.engine.committed(batch)?;
        self.batches += 1;
        if self.batches % CHECKPOINT_EVERY != 0 {
            return Ok(());
        }
        if self.renew_at.is_some() {
            recount(&mut self.engine, &mut self.store)?;
        }
        self.checkpoint()
    }

    /// Makes a checkpoint, so that the next opening has less to read.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn checkpoint(&mut self) -> Result<(), RunError> {
        let mut state = Vec::new();
        match self.engine.checkpoint(&mut state) {
            Some(upto) => Ok(self.store.checkpoint(upto, &state)?),
            None => Ok(()),
        }
    }

    /// Takes back what the store says is due; whether there was anything.
    fn hand_due(&mut self) -> Result<bool, RunError> {
        let room = self.engine.room().min(HANDED_AT_ONCE);
        let now = self.engine.wall();
        if room == 0 || self.store.next_due()?.is_none_or(|due| due > now) {
            return Ok(false);
        }
        let due = self.store.due(now, room + self.stuck.len())?;
        let mut any = false;
        for handed in due.into_iter().filter(|handed| !self.stuck.contains(&handed.redemption)) {
            any = true;
            self.engine.loaded(handed.redemption, Some(handed));
        }
        Ok(any)
    }

    /// Waits for the next arrival or timer, at most until `until`; whether there is anything to
    /// wait for. What has arrived is worked off by the next [`Driver::turn`].
    ///
    /// # Errors
    /// [`RunError`].
    pub fn wait(&mut self, until: Option<Mono>) -> Result<bool, RunError> {
        let now = self.transport.now();
        let wall = self.engine.wall();
        let due = self.next_due()?.map(|due| now.mono.plus((due.0 - wall.0).max(0)));
        let wake = [self.engine.wake_at(), due, until].into_iter().flatten().min();
        // The lease is no work: it only must not run out while there is some.
        let until = [wake, self.renew_at].into_iter().flatten().min();
        let Some(arrival) = self.transport.next(until) else { return Ok(wake.is_some()) };
        self.arrived(arrival)?;
        // What arrives by then goes into the same batch.
        let until = self.transport.now().mono.plus(self.group_ms);
        while let Some(arrival) = self.transport.next(Some(until)) {
            self.arrived(arrival)?;
        }
        Ok(true)
    }

    fn next_due(&mut self) -> Result<Option<Wall>, RunError> {
        // What is due has to wait for room: until then it is no reason to wake up.
        let due = self.store.next_due()?.filter(|_| self.engine.room() > 0);
        Ok(due.filter(|due| self.stuck.is_empty() || *due > self.engine.wall()))
    }

    pub(super) fn arrived(&mut self, arrival: Arrival) -> Result<(), RunError> {
        if let Some(measured) = &mut self.measured {
            let at = measured.at();
            measured.marks.arrived(&arrival, at);
        }
        match arrival {
            Arrival::Reply(id, bytes) => self.engine.reply(id, &bytes)?,
            Arrival::Lost(id, sent) => self.engine.lost(id, sent)?,
            Arrival::Inbound(channel, token, bytes) => {
                // What is no message of the channel's protocol is left with the transport.
                match self.engine.inbound(channel, &bytes)? {
                    Ok(id) => drop(self.inbound.insert(id, token)),
                    Err(_) => self.transport.refuse(token),
                }
            }
        }
        Ok(())
    }

    pub(super) fn parts(&mut self) -> (&Engine, &mut S) {
        (&self.engine, &mut self.store)
    }

    /// The engine, for what the driver does not wrap.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The store, for reports.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// The transport.
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Makes a checkpoint and gives store and transport back.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn close(mut self) -> Result<(S, T), RunError> {
        self.checkpoint()?;
        Ok((self.store, self.transport))
    }

    /// Lets a reviewer decide; see [`crate::flow::Verdict`].
    pub fn decide(&mut self, id: RedemptionId, verdict: crate::flow::Verdict) {
        self.engine.decide(id, verdict);
    }

    /// Calls a redemption off; possible before redeeming only.
    pub fn cancel(&mut self, id: RedemptionId, by: Text) {
        self.engine.cancel(id, by);
    }
}

/// Tells the engine of a lease that was asked for at `asked`; when it is to be extended.
pub(super) fn leased(engine: &mut Engine, asked: Mono, lease_ms: Option<i64>) -> Option<Mono> {
    let ms = lease_ms?;
    engine.lease_until(asked.plus(ms));
    Some(asked.plus((ms / RENEWALS).max(1)))
}

/// Sees to it that all nodes of a shared store have one key ring: the first one says which.
pub(crate) fn agree_on_keys<S: Store>(engine: &mut Engine, store: &mut S, now: Now) -> Result<(), RunError> {
    if engine.log() == 0 {
        return Ok(());
    }
    loop {
        let row = store.load(Engine::ring_row())?;
        if engine.agrees_on_keys(row.as_ref())? {
            return Ok(());
        }
        while let Some(output) = engine.poll(now) {
            let Output::Commit(mut batch) = output else { continue };
            commit(store, &mut batch)?;
            engine.committed(batch)?;
        }
    }
}

/// Commits, and tries again where that may help.
fn commit<S: Store>(store: &mut S, batch: &mut Batch) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        match store.commit(batch) {
            Err(StoreError::Busy(_) | StoreError::Uncertain(_)) if tries < COMMIT_TRIES => tries += 1,
            told => return told,
        }
    }
}

/// Lets go of advances that count in another node's log by now.
pub(super) fn recount<S: Store>(engine: &mut Engine, store: &mut S) -> Result<(), StoreError> {
    for id in engine.advances() {
        match store.load(id) {
            Ok(handed) => engine.recount(id, handed.as_ref()),
            Err(StoreError::Elsewhere { .. }) => engine.recount(id, None),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether nothing more will happen by itself.
pub(super) fn at_rest(summary: &Summary) -> bool {
    summary.state.is_end() || summary.state.waits_for_people()
}

/// The outcome that an event tells, if it tells one.
pub(super) fn settled(event: &Event) -> Option<(RedemptionId, Outcome)> {
    match event {
        Event::Moved { redemption, summary } if at_rest(summary) => {
            Some((*redemption, Outcome::Stands(summary.clone())))
        }
        Event::Answered { redemption, reply } => {
            let outcome = match reply {
                Reply::Replayed(summary) | Reply::InProgress(summary) => Outcome::Replayed(summary.clone()),
                Reply::Mismatch => Outcome::Mismatch,
                Reply::CardBusy { .. } => Outcome::CardBusy,
            };
            Some((*redemption, outcome))
        }
        _ => None,
    }
}
