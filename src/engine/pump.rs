//! The engine and its doors: inputs queue, `poll` advances.

use super::live::{Alarm, Group, InFlight, Live, Open, Pending, Queued, Spare, Told};
use super::lives::Lives;
use super::prepare::{self, Prepared};
use super::rescan::Scan;
use super::{
    CallId, ChannelId, Event, Heard, InboundId, Misuse, Output, Recovery, Request, Sent, Setup, SubmitError,
};
use crate::base::{BatchId, Digest, Few, Key16, Mono, Now, RedemptionId, Secret, Wall, planted, scrub_stack};
use crate::flow::{Finding, Input, Summary, Verdict};
use crate::issuer::{Answer, Context, DecodeError, OpKind, Reference};
use crate::record::{Batch, Handed, Records};
use crate::vault::Entropy;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use hashbrown::HashMap;

/// A wall clock that gains more than this on the monotonic one between two polls was put forward.
const JUMP_MS: i64 = 1_000;
/// So many of these are kept in mind.
const MOST_JUMPS: usize = 64;

/// The engine. One per store, on one thread.
pub struct Engine {
    pub(super) setup: Setup,
    pub(super) epoch: u64,
    /// The log as of the last durable batch.
    pub(super) durable: Recovery,
    /// Advances as staged, ahead of `durable`.
    pub(super) exposures: super::exposure::Exposures,
    /// Sessions as staged, ahead of `durable`.
    pub(super) sessions: BTreeMap<crate::base::Text, super::recovery::Session>,
    pub(super) entropy: Entropy,
    pub(super) now: Now,
    /// Where the wall clock was put forward, and by how much.
    pub(super) jumps: Vec<(Wall, i64)>,
    /// Boxed: a redemption is taken out and put back at every step, and its neighbours move.
    pub(super) live: Lives<Box<Live>>,
    pub(super) idle: super::live::Idle,
    pub(super) loading: BTreeMap<RedemptionId, Vec<Told>>,
    pub(super) queue: VecDeque<Queued>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) alarms: BTreeSet<(Mono, Alarm)>,
    pub(super) calls: HashMap<u64, Pending>,
    pub(super) next_call: u64,
    /// Which site is asked; what it knows begins afresh with every opening.
    pub(super) router: crate::route::Router,
    /// What decides the next choice where sites share the load by luck.
    pub(super) lot: u64,
    /// What slow issuers said lately.
    pub(super) known: super::snapshots::Known,
    pub(super) groups: BTreeMap<u64, Group>,
    pub(super) gathering: BTreeMap<u16, Vec<RedemptionId>>,
    /// What waits for the sessions of its channels.
    pub(super) doors: BTreeMap<ChannelId, super::session::Door>,
    pub(super) inbound: BTreeMap<InboundId, (ChannelId, usize)>,
    pub(super) next_inbound: u64,
    pub(super) open: Open,
    pub(super) spare: Spare,
    pub(super) in_flight: Option<InFlight>,
    pub(super) again: Option<Box<Batch>>,
    pub(super) queued_submits: usize,
    /// The name of what is asked next.
    pub(super) ask: Option<u64>,
    /// How many messages keys have sealed, as staged.
    pub(super) tallies: super::keeping::Tallies,
    /// Past this time no call leaves; `None` where there is one writer.
    pub(super) lease: Option<Mono>,
    /// Whether this engine has seen to it that the log names its key ring.
    pub(super) ring_pinned: bool,
}

impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine")
            .field("epoch", &self.epoch)
            .field("live", &self.live.len())
            .finish_non_exhaustive()
    }
}

impl Engine {
    pub(super) fn open(
        setup: Setup,
        durable: Recovery,
        tallies: super::keeping::Tallies,
        epoch: u64,
        seed: [u8; 32],
    ) -> Self {
        let router = super::routing::router(&setup);
        let mut entropy = Entropy::new(seed);
        let lot = if router.draws() { u64::from_le_bytes(entropy.bytes()) } else { 0 };
        let engine = Self {
            router,
            lot,
            known: super::snapshots::none(&setup),
            setup,
            epoch,
            exposures: durable.exposures.clone(),
            sessions: durable.sessions.clone(),
            now: Now { mono: Mono(i64::MIN), wall: durable.wall },
            jumps: Vec::new(),
            durable,
            entropy,
            live: Lives::new(&seed),
            idle: super::live::Idle::default(),
            loading: BTreeMap::new(),
            queue: VecDeque::new(),
            outputs: VecDeque::new(),
            alarms: BTreeSet::new(),
            calls: HashMap::new(),
            // A reply to a call of an earlier epoch must not be taken for one of this.
            next_call: (epoch << 32) + 1,
            groups: BTreeMap::new(),
            gathering: BTreeMap::new(),
            doors: BTreeMap::new(),
            inbound: BTreeMap::new(),
            next_inbound: 1,
            open: Open::default(),
            spare: Spare::default(),
            in_flight: None,
            again: None,
            queued_submits: 0,
            lease: None,
            ask: None,
            ring_pinned: false,
            tallies,
        };
        engine.tell_rings();
        engine
    }

    /// Takes a request. What becomes of it is told by [`Event`]s; nothing is promised before.
    ///
    /// # Errors
    /// [`SubmitError`]: nothing was written.
    pub fn submit(&mut self, request: &Request) -> Result<RedemptionId, SubmitError> {
        if self.live.len() + self.queued_submits >= self.setup.bounds.in_flight {
            return Err(SubmitError::Busy);
        }
        let prepared = self.prepare(request)?;
        let id = prepared.live.r.id;
        self.queued_submits += 1;
        self.queue.push_back(Queued::Submit(prepared));
        Ok(id)
    }

    /// Lets a request be seen by risk in its turn, before it is submitted. For a host that keeps
    /// requests for one card in order: the second waits until the first has ended, yet both
    /// count from when they came.
    ///
    /// # Errors
    /// [`SubmitError`], as `submit` would give.
    pub fn sight(&mut self, request: &Request) -> Result<RedemptionId, SubmitError> {
        let prepared = self.prepare(request)?;
        let id = prepared.live.r.id;
        self.queue.push_back(Queued::Sight(prepared));
        Ok(id)
    }

    /// The keys under which a request's card is claimed: two requests that share one are for
    /// the same card.
    ///
    /// # Errors
    /// [`SubmitError`], as `submit` would give for the card.
    pub fn lanes(&self, request: &Request) -> Result<Vec<Key16>, SubmitError> {
        let keys = prepare::read(&self.setup, request).map(|read| read.keys().to_vec());
        scrub_stack();
        keys
    }

    fn prepare(&mut self, request: &Request) -> Result<Prepared, SubmitError> {
        let prepared = prepare::prepare(&self.setup, &mut self.entropy, &mut self.idle, request);
        scrub_stack();
        prepared
    }

    /// The reply to a call, in time or late.
    ///
    /// # Errors
    /// [`Misuse::NoSuchChannel`].
    pub fn reply(&mut self, id: CallId, bytes: &[u8]) -> Result<(), Misuse> {
        let mut answers = Few::None;
        let decoded =
            self.decode(id.channel, bytes, Some(id), &mut |to, answer| answers.push((to, answer)))?;
        self.learn(id.channel, bytes);
        let answered = answers.iter().map(|(to, answer)| (to.redemption, answer.kind)).collect();
        self.queue.push_back(Queued::Reply { id, answered, undecodable: decoded.is_err() });
        for (to, answer) in answers {
            let told = Told { leg: Some(to.leg), ..Told::of(Input::Answer(answer)) };
            self.queue.push_back(Queued::Answers { to: to.redemption, told });
        }
        Ok(())
    }

    /// A call that brings no reply.
    ///
    /// # Errors
    /// [`Misuse::NoSuchChannel`].
    pub fn lost(&mut self, id: CallId, sent: Sent) -> Result<(), Misuse> {
        self.check_channel(id.channel)?;
        self.queue.push_back(Queued::Lost { number: id.number, not_sent: sent == Sent::NotSent });
        Ok(())
    }

    /// A message that nobody asked for: a callback, a file, or a list of balances, which is kept in memory
    /// as [`Engine::balance_told`] keeps one. [`Output::Ack`] says when all it
    /// caused is durable; until then it must be kept.
    ///
    /// # Errors
    /// [`Misuse::NoSuchChannel`]; or [`DecodeError`] inside if the bytes are no message of the
    /// channel's protocol: nothing was taken from it, and it must not be acknowledged.
    pub fn inbound(
        &mut self,
        from: ChannelId,
        bytes: &[u8],
    ) -> Result<Result<InboundId, DecodeError>, Misuse> {
        let mut answers = Vec::new();
        match self.take_list(from, bytes) {
            Ok(true) => {}
            Ok(false) => {
                let mut told = |to, answer| answers.push((to, answer));
                if let Err(error) = self.decode(from, bytes, None, &mut told)? {
                    return Ok(Err(error));
                }
                self.learn(from, bytes);
            }
            Err(error) => return Ok(Err(error)),
        }
        let id = InboundId(self.next_inbound);
        self.next_inbound += 1;
        self.inbound.insert(id, (from, answers.len() + 1));
        for (to, answer) in answers {
            let told = Told { leg: Some(to.leg), inbound: Some(id), ..Told::of(Input::Told(answer)) };
            self.queue.push_back(Queued::Answers { to: to.redemption, told });
        }
        self.queue.push_back(Queued::Settled(id));
        Ok(Ok(id))
    }

    /// Gives a name to what is asked with the next call of `decide`, `answer`, `rescan`, `cancel`,
    /// `resolve`, `erase` or `reseal`, so that [`Event::Heard`] tells what became of it.
    pub fn named(&mut self, ask: u64) -> &mut Self {
        self.ask = Some(ask);
        self
    }

    /// Queues what people ask of a redemption.
    pub(super) fn asked_of(&mut self, id: RedemptionId, told: Told) {
        let told = Told { ask: self.ask.take(), ..told };
        self.queue.push_back(Queued::Answers { to: id, told });
    }

    /// A decision by people about a redemption. [`Event::Refused`] tells if it does not fit.
    pub fn decide(&mut self, id: RedemptionId, verdict: Verdict) {
        self.asked_of(id, Told::of(Input::Person(verdict)));
    }

    /// The seller's answer to a challenge.
    pub fn answer(&mut self, id: RedemptionId, passed: bool) {
        self.decide(id, Verdict::Challenge { passed });
    }

    /// The card of a redemption was scanned again: [`Summary::wants_scan`] says when that is asked
    /// for. The token is checked at `received_at`, or by the engine's clock if that is not said.
    /// [`Event::Refused`] tells if it is refused, with the reason; the seller may try again until
    /// the challenge expires.
    pub fn rescan(&mut self, id: RedemptionId, token: &str, received_at: Option<Wall>) {
        let scan = Some(Scan { token: Secret::from(token), received_at });
        self.asked_of(id, Told { scan, ..Told::of(Input::Note("token_scanned")) });
    }

    /// Calls a redemption off; possible before redeeming only.
    pub fn cancel(&mut self, id: RedemptionId, by: crate::base::Text) {
        self.decide(id, Verdict::Cancel { by });
    }

    /// Ends a suspense on evidence; two people sign.
    pub fn resolve(
        &mut self,
        id: RedemptionId,
        by: crate::base::Text,
        second: crate::base::Text,
        finding: Finding,
    ) {
        self.decide(id, Verdict::Resolve { by, second, finding });
    }

    /// Erases the personal fields of a redemption; the records and their proofs stay.
    pub fn erase(&mut self, id: RedemptionId) {
        self.asked_of(id, Told::of(Input::Erase));
    }

    /// The redemption that [`Output::Load`] asked for, or one that the store says is due.
    pub fn loaded(&mut self, id: RedemptionId, handed: Option<Handed>) {
        self.queue.push_back(Queued::Loaded(id, handed.map(Box::new)));
    }

    /// Another node has the redemption in memory that [`Output::Load`] asked for.
    pub fn elsewhere(&mut self, id: RedemptionId) {
        self.queue.push_back(Queued::Elsewhere(id));
    }

    /// This node's lease on its redemptions, where several nodes share a store: no call leaves
    /// after `until`, for another node may have taken over by then. Tell the monotonic time from
    /// *before* the store was asked, plus the length that it granted.
    pub fn lease_until(&mut self, until: Mono) {
        self.lease = Some(until).filter(|_| !planted!(LeaseIgnored));
    }

    /// Which log of its store this engine writes: 0 where there is one writer.
    pub fn log(&self) -> u32 {
        self.durable.log
    }

    /// The batch is durable, with the store's verdicts in it.
    ///
    /// # Errors
    /// [`Misuse::NoSuchBatch`], [`Misuse::Unanswered`].
    pub fn committed(&mut self, batch: Batch) -> Result<(), Misuse> {
        self.expects(&batch)?;
        if batch.units().iter().zip(batch.verdicts()).any(|(u, v)| u.recalls.len() != v.seen.len()) {
            return Err(Misuse::Unanswered);
        }
        self.queue.push_front(Queued::Committed(Box::new(batch)));
        Ok(())
    }

    /// The batch was not made durable, or that is not known: the next `poll` hands the same
    /// batch out again. A host whose store has stopped for good drops the engine instead.
    ///
    /// # Errors
    /// [`Misuse::NoSuchBatch`].
    pub fn commit_failed(&mut self, batch: Batch) -> Result<(), Misuse> {
        self.expects(&batch)?;
        self.again = Some(Box::new(batch));
        Ok(())
    }

    fn expects(&self, batch: &Batch) -> Result<(), Misuse> {
        match &self.in_flight {
            Some(in_flight) if in_flight.id == batch.id() && self.again.is_none() => Ok(()),
            _ => Err(Misuse::NoSuchBatch),
        }
    }

    /// Moves time, works off what came in, and hands out the next thing to do; `None` when
    /// there is nothing until [`Engine::wake_at`] or the next input.
    pub fn poll(&mut self, now: Now) -> Option<Output> {
        // A clock that was put back stands still in no record: freezes and due times would
        // wait until it has caught up. The recorded one goes on with the monotonic clock.
        let elapsed_ms = match self.now.mono {
            Mono(i64::MIN) => 0,
            last => now.mono.0.saturating_sub(last.0).max(0),
        };
        let expected = self.now.wall.plus(elapsed_ms);
        let jump_ms = now.wall.0.saturating_sub(expected.0);
        if jump_ms > JUMP_MS && self.now.mono != Mono(i64::MIN) {
            self.jumps.push((expected, jump_ms));
            let old = self.jumps.len().saturating_sub(MOST_JUMPS);
            self.jumps.drain(..old);
        }
        self.now.mono = self.now.mono.max(now.mono);
        self.now.wall = expected.max(now.wall);
        if let Some(batch) = self.again.take() {
            return Some(Output::Commit(*batch));
        }
        loop {
            match self.outputs.pop_front() {
                // It has waited here for too long.
                Some(Output::Call(call)) if call.send_by < self.now.mono => {
                    self.call_lost(call.id.number, true);
                    continue;
                }
                Some(output) => return Some(output),
                None => {}
            }
            let early = self.setup.bounds.early_units.max(1);
            let early = self.in_flight.is_none() && self.open.units.len() >= early;
            if !early && self.work() {
                continue;
            }
            return self.seal().map(Output::Commit);
        }
    }

    /// One piece of work; whether there was any. Nothing new is taken while the open batch is
    /// full and another one is on its way.
    fn work(&mut self) -> bool {
        let full = self.open.units.len() >= self.setup.bounds.batch_units;
        let committed = matches!(self.queue.front(), Some(Queued::Committed(_)));
        if full && !committed {
            return false;
        }
        if self.ring() {
            return true;
        }
        // A site is silent only if nothing it has said lies here.
        let Some(queued) = self.queue.pop_front() else { return self.give_up_silent_sites() };
        match queued {
            Queued::Submit(prepared) => {
                self.queued_submits -= 1;
                self.admit(prepared);
            }
            Queued::Sight(prepared) => self.sighting(prepared),
            Queued::Committed(batch) => self.batch_done(*batch),
            Queued::Answers { to, told } => self.tell(to, told),
            Queued::Lost { number, not_sent } => self.call_lost(number, not_sent),
            Queued::Reply { id, answered, undecodable } => {
                self.call_replied(id, answered.as_slice(), undecodable)
            }
            Queued::Elsewhere(id) => self.is_elsewhere(id),
            Queued::Settled(id) => self.inbound_done(id),
            Queued::Loaded(id, handed) => self.take_up(id, handed.map(|handed| *handed)),
            Queued::Nudge(id) => self.drain(id),
            Queued::Event(event) => self.outputs.push_back(Output::Event(event)),
        }
        true
    }

    /// Fires one timer that is due.
    fn ring(&mut self) -> bool {
        match self.alarms.first().copied() {
            Some((at, alarm)) if at <= self.now.mono => {
                self.alarms.pop_first();
                match alarm {
                    Alarm::Redemption(id) => self.timer(id, at),
                    Alarm::Call(number) => self.call_overdue(number),
                    Alarm::Gather(channel) => self.dispatch(channel),
                    Alarm::Hedge(number) => self.hedge(number),
                    Alarm::Again(id) => self.again(id, at),
                }
                true
            }
            _ => false,
        }
    }

    /// When `poll` has something to do although nothing comes in.
    pub fn wake_at(&self) -> Option<Mono> {
        let alarm = self.alarms.first().map(|(at, _)| *at);
        [alarm, self.router.wake_at()].into_iter().flatten().min()
    }

    /// The recorded wall clock: it never goes back.
    pub fn wall(&self) -> Wall {
        self.now.wall
    }

    /// How a redemption that is in memory stands, whether or not that is durable yet.
    pub fn view(&self, id: RedemptionId) -> Option<Summary> {
        self.live.get(&id).map(|live| Summary::of(&live.r))
    }

    /// A redemption that is in memory, for inspection.
    pub fn redemption(&self, id: RedemptionId) -> Option<&crate::flow::Redemption> {
        self.live.get(&id).map(|live| &live.r)
    }

    /// Those of its records that are written with its next step's: the decision to go on, while the issuer
    /// is asked for the balance.
    pub fn unwritten(&self, id: RedemptionId) -> Option<&Records> {
        self.live.get(&id).map(|live| &live.unwritten)
    }

    /// How many redemptions are in memory.
    pub fn in_flight(&self) -> usize {
        self.live.len() + self.queued_submits
    }

    /// How many more may be submitted before `submit` says Busy.
    pub fn room(&self) -> usize {
        self.setup.bounds.in_flight.saturating_sub(self.in_flight())
    }

    /// The audit log as of the last durable batch: how many records, and the root.
    pub fn audit(&self) -> (u64, Digest) {
        self.durable.audit()
    }

    /// Appends a checkpoint as of the last durable batch, and names that batch; `None` before
    /// the first. Recovery may start from it.
    pub fn checkpoint(&self, out: &mut Vec<u8>) -> Option<BatchId> {
        let last = self.durable.last()?;
        self.durable.write(out);
        Some(last)
    }

    /// What it was made of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    fn check_channel(&self, channel: ChannelId) -> Result<(), Misuse> {
        if channel.0 < self.setup.channels() { Ok(()) } else { Err(Misuse::NoSuchChannel) }
    }

    fn decode(
        &self,
        from: ChannelId,
        bytes: &[u8],
        call: Option<CallId>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<Result<(), DecodeError>, Misuse> {
        self.check_channel(from)?;
        let name = self.setup.channel_name(from).unwrap_or_default();
        let session = self.session_of(name);
        // Reading needs no randomness.
        let context = Context { session, now: self.now.wall, nonce: [0; 16] };
        let place = usize::from(from.0);
        let (issuers, rails) = (&self.setup.issuers, &self.setup.rails);
        Ok(match issuers.get(place) {
            Some(issuer) => {
                let mut told = |reference, answer: Answer| {
                    if !matches!(answer.kind, OpKind::Pay | OpKind::PayQuery | OpKind::SignIn) {
                        answers(reference, answer);
                    }
                };
                match call.and_then(|call| self.asked(call)) {
                    Some(asked) => issuer.decode_reply(bytes, &asked, &context, &mut told),
                    None => issuer.decode(bytes, &context, &mut told),
                }
            }
            None => rails[place - issuers.len()].decode(bytes, &context, &mut |reference, answer| {
                if matches!(answer.kind, OpKind::Pay | OpKind::PayQuery) {
                    answers(reference, answer);
                }
            }),
        })
    }

    /// A channel's session as its last message left it; empty before the first.
    pub(super) fn session_of(&self, channel: &str) -> &[u8] {
        let session = self.sessions.iter().find(|(name, _)| name.as_str() == channel);
        session.map(|(_, session)| session.state.as_slice()).unwrap_or_default()
    }

    /// Tells what became of something that was asked under a name.
    pub(super) fn heard(&mut self, redemption: RedemptionId, ask: Option<u64>, heard: Heard) {
        if let Some(ask) = ask {
            self.event(Event::Heard { redemption, ask, heard });
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.queue.push_back(Queued::Event(event));
    }
}
