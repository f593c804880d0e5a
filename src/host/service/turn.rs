//! The engine's thread: callers, arrivals and the store's answers in, commits and calls out.

use super::desk::{Asked, Desk};
use super::figures::Figures;
use super::keep::{Job, Place};
use super::shared::{Committed, Done, Input, Shared};
use super::wake::Wakeable;
use super::{Ask, EARLY_UNITS, ServiceError};
use crate::base::{BatchId, Mono, RedemptionId, Wall};
use crate::engine::{Engine, Event, InboundId, Output};
use crate::host::driver::leased;
use crate::host::{Arrival, InboundToken, RunError, Store, StoreError};
use crate::record::{Batch, Handed};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;
use std::vec::Vec;

/// So many redemptions are taken back from the store at a time.
const HANDED_AT_ONCE: usize = 256;
/// So many requests and arrivals are taken before the engine is polled: each batch is closed, and
/// one that has become durable is heard of, within a bounded time.
const TAKEN_AT_ONCE: usize = 64;
/// So many requests while arrivals have to wait: each makes some four of them.
const TAKEN_BESIDE: usize = 16;
/// The rate at which requests are taken is measured over this time at least.
const RATE_OVER_MS: i64 = 50;
/// A redemption that the engine cannot take is tried again after this time.
const STUCK_MS: i64 = 60_000;
/// Where nothing new is due although something is, the store is asked again after this time: soon
/// if it is only being taken up and not written yet, later if it is stuck.
const LOOK_SOON_MS: i64 = 50;
const LOOK_LATER_MS: i64 = 1_000;
/// A store whose last commit took no longer is waited for by the engine's thread, while batches are small:
/// to wake the store's thread, and to be woken by it, takes some 0.1 ms.
const QUICK: Duration = Duration::from_micros(500);

pub(super) struct Turner<S, T> {
    engine: Engine,
    pub(super) transport: T,
    shared: Arc<Shared>,
    store: Arc<Place<S>>,
    pub(super) jobs: Sender<Job<S>>,
    /// How many jobs the store's thread has not done yet, as far as it was heard.
    asked: usize,
    /// Whether the last commit was [`QUICK`].
    quick: bool,
    pub(super) desk: Desk,
    figures: Figures,
    /// Requests that were taken in and wait for room in the engine.
    waiting: VecDeque<Asked>,
    inbound: BTreeMap<InboundId, InboundToken>,
    due: Due,
    committing: bool,
    /// There may be more arrivals than were taken.
    behind: bool,
    /// When the lease is to be extended, where several nodes share the store.
    renew_at: Option<Mono>,
    batches: u64,
    /// When the engine was polled last.
    polled: Mono,
    /// Since when requests have been waiting without a break, and how many were taken since.
    pressed: Option<(Mono, usize)>,
    /// When to end at the latest, if that is wanted.
    ending: Option<Mono>,
}

/// What is known of the redemptions that the store will hand back.
#[derive(Default)]
struct Due {
    next: Option<Wall>,
    asked: bool,
    /// Not before this time, for nothing new was due.
    not_before: Option<Mono>,
    /// What the engine could not take, and until when it is left alone.
    stuck: BTreeMap<RedemptionId, Mono>,
    /// Whether something was handed in since the engine was polled.
    unpolled: bool,
}

impl<S: Store, T: Wakeable> Turner<S, T> {
    pub(super) fn new(
        engine: Engine,
        transport: T,
        renew_at: Option<Mono>,
        shared: Arc<Shared>,
        store: Arc<Place<S>>,
        jobs: Sender<Job<S>>,
    ) -> Self {
        Self {
            renew_at,
            figures: Figures::new(engine.setup()),
            engine,
            transport,
            shared,
            store,
            jobs,
            asked: 0,
            quick: false,
            desk: Desk::default(),
            waiting: VecDeque::new(),
            inbound: BTreeMap::new(),
            // Asked at once: what was due while nobody ran.
            due: Due { next: Some(Wall(i64::MIN)), ..Due::default() },
            committing: false,
            behind: false,
            batches: 0,
            polled: Mono(i64::MIN),
            pressed: None,
            ending: None,
        }
    }

    /// Turns until the end that [`Input::Drain`] asked for.
    pub(super) fn run(&mut self) -> Result<(), ServiceError> {
        loop {
            for input in self.shared.take() {
                self.take(input)?;
            }
            self.renew()?;
            self.submit();
            self.poll()?;
            self.ask_for_due()?;
            let in_flight = self.engine.in_flight();
            self.shared.set_in_flight(in_flight);
            self.figures.flush(&self.shared, in_flight, self.desk.waiters());
            if self.is_over() {
                return Ok(());
            }
            self.wait()?;
        }
    }

    fn now(&mut self) -> Mono {
        self.transport.now().mono
    }

    fn take(&mut self, input: Input) -> Result<(), ServiceError> {
        match input {
            Input::Redeem(request, teller) => self.waiting.push_back((request, teller)),
            Input::Ask(id, ask, teller) => {
                let name = self.desk.name(id, teller);
                let engine = self.engine.named(name);
                match ask {
                    Ask::Decide(verdict) => engine.decide(id, verdict),
                    Ask::Rescan(token, at) => engine.rescan(id, super::text(&token), at),
                    Ask::Erase => engine.erase(id),
                    Ask::Reseal => engine.reseal(id),
                }
            }
            Input::Done(done) => {
                self.asked -= 1;
                self.done(done)?;
            }
            Input::StorePanicked => return Err(ServiceError::Panicked("store")),
            Input::Drain(within_ms) => {
                let until = self.now().plus(within_ms.max(0));
                self.ending = Some(self.ending.map_or(until, |ending| ending.min(until)));
            }
        }
        Ok(())
    }

    fn done(&mut self, done: Done) -> Result<(), ServiceError> {
        match done {
            Done::Committed(done) => {
                let done = done.map_err(ServiceError::Store)?;
                if self.due.unpolled {
                    // What was handed in is as of before this batch: it is taken up first.
                    self.poll()?;
                }
                self.shared.set_durable(false);
                self.committed(done)?;
            }
            Done::Loaded(id, Err(StoreError::Elsewhere { .. })) => self.engine.elsewhere(id),
            Done::Loaded(id, handed) => self.hand(id, handed.map_err(ServiceError::Store)?),
            Done::Renewed(asked, lease) => {
                let lease_ms = lease.map_err(ServiceError::Store)?;
                self.renew_at = leased(&mut self.engine, asked, lease_ms);
            }
            Done::Due(due) => {
                let (due, next) = due.map_err(ServiceError::Store)?;
                self.take_due(due, next);
            }
            Done::Checkpointed(upto, done) => {
                done.map_err(ServiceError::Store)?;
                tracing::debug!(batch = upto.sequence, "checkpoint");
            }
        }
        Ok(())
    }

    fn committed(&mut self, done: Committed) -> Result<(), ServiceError> {
        self.figures.committed(&done);
        self.due.next = done.next_due;
        self.quick = done.took <= QUICK;
        (self.committing, self.batches) = (false, self.batches + 1);
        self.shared.set_committing(false);
        self.engine.committed(done.batch).map_err(RunError::from)?;
        if self.batches % self.shared.limits.checkpoint_every.max(1) == 0 {
            if let Some((upto, state)) = self.checkpoint() {
                self.job(Job::Checkpoint(upto, state))?;
            }
        }
        Ok(())
    }

    /// Has a batch made durable: here where that is soon done and there is nothing else to do, for the engine
    /// closes a batch early only if it has nothing to put into it; and if the store's thread has nothing to
    /// tell, for what it tells is as of before this batch.
    fn commit(&mut self, batch: Batch) -> Result<(), ServiceError> {
        self.committing = true;
        self.shared.set_committing(true);
        let here = self.quick && self.asked == 0 && batch.units().len() < EARLY_UNITS;
        if !here {
            return self.job(Job::Commit(batch));
        }
        match self.store.commit_at_once(batch, &self.shared)? {
            Ok(done) => self.committed(done),
            // It is offered again there, with patience.
            Err(batch) => self.job(Job::Commit(*batch)),
        }
    }

    fn hand(&mut self, id: RedemptionId, handed: Option<Handed>) {
        if handed.is_some() {
            self.desk.handed(id);
        }
        self.due.unpolled = true;
        self.engine.loaded(id, handed);
    }

    fn take_due(&mut self, due: Vec<Handed>, next: Option<Wall>) {
        let now = self.now();
        (self.due.asked, self.due.next) = (false, next);
        self.due.stuck.retain(|_, until| *until > now);
        let (mut any, mut here) = (false, false);
        for handed in due {
            let id = handed.redemption;
            if self.engine.redemption(id).is_some() {
                // What is in memory by now is ahead of what was read.
                here = true;
            } else if !self.due.stuck.contains_key(&id) {
                any = true;
                self.hand(id, Some(handed));
            }
        }
        let again = !any && next.is_some_and(|next| next <= self.engine.wall());
        let pause_ms = if here { LOOK_SOON_MS } else { LOOK_LATER_MS };
        self.due.not_before = again.then(|| now.plus(pause_ms));
    }

    /// Has the lease extended in good time. Its time runs from before the store is asked.
    fn renew(&mut self) -> Result<(), ServiceError> {
        let now = self.now();
        if self.renew_at.is_none_or(|at| at > now) {
            return Ok(());
        }
        self.renew_at = None;
        self.job(Job::Renew(now))
    }

    /// Submits what waits, as far as there is room.
    fn submit(&mut self) {
        if self.ending.is_some() {
            let waiting = std::mem::take(&mut self.waiting);
            self.shared.taken(waiting.len());
            return waiting.into_iter().for_each(|(_, teller)| teller.tell(Err(ServiceError::Draining)));
        }
        let most = if self.behind { TAKEN_BESIDE } else { TAKEN_AT_ONCE };
        let mut taken = 0;
        while taken < most && self.engine.room() > 0 {
            let Some((request, teller)) = self.waiting.pop_front() else { break };
            let id = request.redemption();
            // Behind another one it still counts as waiting.
            let Err((request, teller)) = self.desk.behind(id, (request, teller)) else { continue };
            taken += 1;
            let known = self.engine.redemption(id).is_some();
            match self.engine.submit(&request) {
                Ok(id) => {
                    self.figures.request("taken");
                    self.desk.submitted(id, known, teller);
                }
                Err(error) => {
                    self.figures.request("refused");
                    teller.tell(Err(error.into()));
                }
            }
        }
        self.shared.taken(taken);
        self.measure(taken);
    }

    /// Measures how fast requests are taken, while there are some.
    fn measure(&mut self, taken: usize) {
        if taken == 0 && self.waiting.is_empty() {
            self.pressed = None;
            return;
        }
        let now = self.now();
        let (since, before) = self.pressed.unwrap_or((now, 0));
        let (taken, passed_ms) = (before + taken, now.0.saturating_sub(since.0));
        let measured = passed_ms >= RATE_OVER_MS;
        if measured {
            self.shared.took(taken, passed_ms);
        }
        self.pressed = Some(if measured { (now, 0) } else { (since, taken) });
    }

    fn poll(&mut self) -> Result<(), ServiceError> {
        self.due.unpolled = false;
        loop {
            let now = self.transport.now();
            self.polled = now.mono;
            // What has become durable goes on before anything else.
            if self.committing && self.shared.is_durable() {
                return Ok(());
            }
            let Some(output) = self.engine.poll(now) else { return Ok(()) };
            let late = self.is_late(now.mono);
            match output {
                // Too late to begin anything: it was never written. The calls of the batch that was
                // on its way do go out, for a question finds what arrived, and has to wait for
                // what may still arrive.
                Output::Commit(_) if late => return Ok(()),
                Output::Load(_) if late => {}
                Output::Commit(batch) => self.commit(batch)?,
                Output::Call(call) => {
                    self.figures.call(call.id.channel);
                    tracing::debug!(
                        redemption = %call.redemption,
                        channel = call.id.channel.0,
                        call = call.id.number,
                        kind = call.kind.number(),
                        attempt = call.attempt,
                        "call"
                    );
                    self.transport.start(call);
                }
                Output::Load(id) => self.job(Job::Load(id))?,
                Output::Ack(id, bytes) => {
                    if let Some(token) = self.inbound.remove(&id) {
                        self.transport.acknowledge(token, &bytes);
                    }
                }
                Output::Event(event) => self.happened(&event),
            }
        }
    }

    fn happened(&mut self, event: &Event) {
        match event {
            Event::Moved { redemption, summary } => {
                tracing::debug!(%redemption, state = summary.state.name(), "moved");
            }
            Event::Refused { redemption, error: Some(error) } => {
                tracing::debug!(%redemption, code = error.code().number(), "refused");
                // It could not be taken up from its records.
                if self.engine.redemption(*redemption).is_none() {
                    let until = self.now().plus(STUCK_MS);
                    self.due.stuck.insert(*redemption, until);
                }
            }
            Event::TakenOver { redemption, unacknowledged }
            | Event::Elsewhere { redemption, unacknowledged } => {
                self.inbound.retain(|id, _| !unacknowledged.contains(id));
                tracing::warn!(%redemption, "at another node");
            }
            _ => {}
        }
        let asks = self.desk.asks();
        let behind = self.desk.hear(event);
        self.shared.taken(asks - self.desk.asks());
        // They were first.
        for asked in behind.into_iter().rev() {
            self.waiting.push_front(asked);
        }
        if !matches!(event, Event::Heard { .. }) {
            let missed = self.shared.listeners.tell(event);
            self.figures.event(event, missed);
        }
    }

    /// Asks the store for what is due, if there is room for it.
    fn ask_for_due(&mut self) -> Result<(), ServiceError> {
        let now = self.now();
        let room = self.engine.room().min(HANDED_AT_ONCE);
        let due = self.due.next.is_some_and(|due| due <= self.engine.wall());
        let early = self.due.not_before.is_some_and(|at| at > now);
        if !due || early || room == 0 || self.due.asked || self.ending.is_some() {
            return Ok(());
        }
        (self.due.asked, self.due.not_before) = (true, None);
        self.job(Job::Due(self.engine.wall(), room + self.due.stuck.len()))
    }

    /// Waits for an arrival, a timer, or anyone who wakes the transport.
    fn wait(&mut self) -> Result<(), ServiceError> {
        let now = self.transport.now().mono;
        let until = if self.shared.has_input() || self.can_submit() { Some(now) } else { self.wake_at(now) };
        let mut next = self.transport.next(until);
        let mut taken = 0;
        while let Some(arrival) = next {
            // What comes too late is heard after the next opening, or asked for.
            if !self.is_late(now) {
                self.arrived(arrival)?;
            }
            taken += 1;
            next = if taken < TAKEN_AT_ONCE { self.transport.next(Some(now)) } else { None };
        }
        self.behind = taken == TAKEN_AT_ONCE;
        Ok(())
    }

    fn can_submit(&self) -> bool {
        !self.waiting.is_empty() && self.engine.room() > 0
    }

    fn wake_at(&self, now: Mono) -> Option<Mono> {
        let room = self.engine.room() > 0 && self.ending.is_none() && !self.due.asked;
        let due = self.due.next.filter(|_| room).map(|due| {
            let at = now.plus(due.0.saturating_sub(self.engine.wall().0).max(0));
            self.due.not_before.map_or(at, |not_before| at.max(not_before))
        });
        // A timer that the last poll left alone waits for the batch that is on its way.
        let timer = self.engine.wake_at().filter(|at| *at > self.polled || !self.committing);
        let ending = self.ending.filter(|ending| *ending > now || !self.committing);
        [timer, due, ending, self.renew_at].into_iter().flatten().min()
    }

    fn arrived(&mut self, arrival: Arrival) -> Result<(), ServiceError> {
        self.figures.arrival(&arrival);
        match arrival {
            Arrival::Reply(id, bytes) => self.engine.reply(id, &bytes).map_err(RunError::from)?,
            Arrival::Lost(id, sent) => {
                tracing::debug!(channel = id.channel.0, call = id.number, sent = ?sent, "call lost");
                self.engine.lost(id, sent).map_err(RunError::from)?;
            }
            Arrival::Inbound(channel, token, bytes) => {
                // What is no message of the channel's protocol is left with the transport.
                match self.engine.inbound(channel, &bytes).map_err(RunError::from)? {
                    Ok(id) => drop(self.inbound.insert(id, token)),
                    Err(_) => self.transport.refuse(token),
                }
            }
        }
        Ok(())
    }

    /// Whether the time to end has passed.
    fn is_late(&self, now: Mono) -> bool {
        self.ending.is_some_and(|ending| ending <= now)
    }

    /// Whether the end that was asked for has come: nothing is being committed, and nothing moves
    /// any more or the time is up.
    fn is_over(&mut self) -> bool {
        let now = self.now();
        let still = self.engine.in_flight() == 0 && self.desk.asks() == 0;
        self.ending.is_some() && !self.committing && (still || self.is_late(now))
    }

    /// The state as of the last durable batch.
    pub(super) fn checkpoint(&self) -> Option<(BatchId, Vec<u8>)> {
        let mut state = Vec::new();
        self.engine.checkpoint(&mut state).map(|upto| (upto, state))
    }

    fn job(&mut self, job: Job<S>) -> Result<(), ServiceError> {
        self.asked += 1;
        // Its thread ends before this one only by a panic.
        self.jobs.send(job).map_err(|_| ServiceError::Panicked("store"))
    }

    /// Tells everyone who waits that there will be no answer; how many redemptions were waited for.
    pub(super) fn end(&mut self, why: Option<&ServiceError>) -> usize {
        for (_, teller) in std::mem::take(&mut self.waiting) {
            teller.tell(Err(why.cloned().unwrap_or(ServiceError::Draining)));
        }
        let parked = self.desk.end(why);
        self.figures.flush(&self.shared, self.engine.in_flight(), 0);
        parked
    }
}
