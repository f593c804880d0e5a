//! The network between scrip and the world, in virtual or real time.

use super::SimError;
use super::clock::Clock;
use super::config::{SimConfig, TimeMode};
use super::entry::Notice;
use super::fault::Fault;
use super::odd::{Odd, Oddity};
use super::outage::Outage;
use super::world::SimWorld;
use crate::adapters::AdapterError;
use crate::adapters::served::Asked;
use crate::base::{Mono, Now, RedemptionId, Wall, planted};
use crate::codec::envelope;
use crate::engine::{Call, CallId, ChannelId, Sent};
use crate::host::{Arrival, InboundToken, Transport};
use crate::issuer::{OpKind, Reference};
use std::boxed::Box;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::string::String;
use std::vec::Vec;
use zeroize::Zeroizing;

/// How long after it was brought in vain a message is brought again.
const AGAIN_MS: i64 = 60_000;

const GARBAGE: &[u8] = b"<html><head><title>502 Bad Gateway</title></head></html>";

/// A request on its way.
struct Parcel {
    call: CallId,
    life: u64,
    site: u32,
    asked: Vec<Asked>,
    answer_by: Wall,
    fault: Option<Fault>,
    /// Whether the asker hears that its line broke, where the answer is lost.
    breaks: bool,
    /// How long the answer will be under way. Milliseconds.
    back_ms: i64,
}

enum Event {
    /// A request reaches its addressee.
    Arrive(Box<Parcel>),
    /// Something reaches scrip.
    Deliver(Arrival),
    /// A channel has answers to bring.
    Due(ChannelId),
    /// What was brought is brought again, unless it was acknowledged.
    Again(InboundToken),
}

struct Timed {
    at: Wall,
    number: u64,
    event: Event,
}

impl Ord for Timed {
    /// The earliest is the greatest, as the heap wants it; of one time, the first made.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timed {}

/// A [`Transport`] to a [`SimWorld`], with its faults. In virtual time, `next` jumps to whatever
/// happens next; in real time it sleeps until then.
///
/// Callbacks, answer files and returned pay-outs are kept in the ledgers until they are
/// acknowledged, so they come again after a restart. Requests and replies under way do not.
pub struct SimTransport {
    world: SimWorld,
    clock: Clock,
    events: BinaryHeap<Timed>,
    made: u64,
    /// Which process is calling: a reply to an earlier one has nowhere to go.
    life: u64,
    tokens: BTreeMap<InboundToken, (ChannelId, Vec<Notice>)>,
    /// What the tokens stand for.
    brought: BTreeSet<(ChannelId, Notice)>,
    tokens_made: u64,
    odd: Odd,
    /// What was read of the call that is about to be started.
    read: Option<(CallId, Result<Vec<Asked>, AdapterError>)>,
    /// Files that take back what earlier ones said.
    corrections: BTreeMap<InboundToken, (ChannelId, Vec<u8>)>,
    trouble: Option<SimError>,
}

/// What awaits a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Omens {
    /// How its site is down.
    pub(super) outage: Option<Outage>,
    /// What the network has in mind for it, if its site is not down.
    pub(super) fault: Option<Fault>,
    /// What will be odd about its answer.
    pub(super) oddity: Option<Oddity>,
}

impl SimTransport {
    /// Opens the world and goes on where its time was.
    ///
    /// # Errors
    /// [`SimError`], as [`SimWorld::open`] gives it.
    pub fn open(config: &SimConfig) -> Result<Self, SimError> {
        let world = SimWorld::open(config)?;
        let mut clock = Clock::open(config.dir.as_deref(), config.start, config.time == TimeMode::Real)?;
        clock.begin(world.latest().unwrap_or(config.start));
        let mut transport = Self {
            world,
            clock,
            events: BinaryHeap::new(),
            made: 0,
            life: 0,
            tokens: BTreeMap::new(),
            brought: BTreeSet::new(),
            tokens_made: 0,
            odd: Odd::default(),
            read: None,
            corrections: BTreeMap::new(),
            trouble: None,
        };
        for (channel, due) in transport.world.owed() {
            transport.push(due, Event::Due(channel));
        }
        Ok(transport)
    }

    /// The world at the other end.
    pub fn world(&mut self) -> &mut SimWorld {
        &mut self.world
    }

    /// Lets issuers give odd answers.
    pub(super) fn odd(&mut self, odd: Odd) {
        self.odd = odd;
    }

    /// The message of a channel whose messages are envelopes.
    fn enveloped(&self, call: &Call) -> Option<Zeroizing<Vec<u8>>> {
        let enveloped = self.world.enveloped(call.id.channel);
        enveloped.then(|| {
            let mut whole = Zeroizing::new(Vec::with_capacity(call.head.len() + 2 + call.bytes.len()));
            whole.extend_from_slice(&call.head);
            envelope::end(&call.bytes, &mut whole);
            whole
        })
    }

    /// What a call asks.
    fn asked_in(&mut self, call: &Call) -> Result<Vec<Asked>, AdapterError> {
        let at = self.clock.wall();
        let Some(whole) = self.enveloped(call) else {
            return self.world.read(call.id.channel, &call.bytes, at);
        };
        let mut asked = self.world.read(call.id.channel, &whole, at)?;
        // The protocol may not say which sending it is.
        if let [asked] = asked.as_mut_slice() {
            asked.attempt = call.attempt;
        }
        Ok(asked)
    }

    /// A page of some proxy, in place of an answer of this channel.
    fn garbage(&self, channel: ChannelId) -> Vec<u8> {
        let mut page = Vec::new();
        if self.world.enveloped(channel) {
            envelope::begin("502", &mut page);
            envelope::line("content-type", "text/html", &mut page);
            envelope::end(GARBAGE, &mut page);
            return page;
        }
        GARBAGE.to_vec()
    }

    /// What awaits a call that is about to be started. What was read for that is kept for then.
    pub(super) fn omens(&mut self, call: &Call) -> Omens {
        let now = self.clock.now().wall;
        let asked = self.asked_in(call);
        let first = asked.as_ref().ok().and_then(|asked| asked.first());
        let omens = first.map(|first| Omens {
            outage: self.world.outage(call.id.channel, call.endpoint, first, now),
            fault: self.world.fault(first),
            oddity: self.world.oddity(call.id.channel, first, self.odd),
        });
        self.read = Some((call.id, asked));
        omens.unwrap_or_default()
    }

    /// Whether a debit under this reference is still on its way to its issuer.
    pub(super) fn is_under_way(&self, reference: Reference) -> bool {
        let debits = |asked: &Asked| asked.reference == reference && asked.kind == OpKind::Redeem;
        self.events.iter().any(|timed| match &timed.event {
            Event::Arrive(parcel) => parcel.asked.iter().any(debits),
            _ => false,
        })
    }

    /// Whether an issuer has a debit of this redemption.
    pub(super) fn is_known(&self, redemption: RedemptionId) -> bool {
        self.world.oracle().debited(Reference::debit(redemption)) > 0
    }

    /// The name of a channel.
    pub(super) fn name_of(&self, channel: ChannelId) -> String {
        self.world.name_of(channel).unwrap_or_default()
    }

    /// A file takes back a debit that an earlier one told of; whether there is one. The issuer has
    /// undone it, and says so until it is acknowledged.
    pub(super) fn correct(&mut self, issuer: &str, reference: Reference) -> bool {
        let now = self.clock.wall();
        let corrected = self.world.correct(issuer, reference, now);
        let Some(Some((channel, bytes))) = self.done(corrected) else { return false };
        self.tokens_made += 1;
        let token = InboundToken(self.tokens_made);
        self.corrections.insert(token, (channel, bytes));
        self.tokens.insert(token, (channel, Vec::new()));
        self.push(now, Event::Again(token));
        true
    }

    /// What went wrong in keeping the ledgers, if anything did. From then on the issuer or rail
    /// concerned does nothing and gives no answer.
    pub fn trouble(&self) -> Option<&SimError> {
        self.trouble.as_ref()
    }

    /// The process that called has ended and another takes its place: replies under way are
    /// lost, requests under way still arrive, and what was not acknowledged is brought again.
    pub fn sever(&mut self) {
        self.life += 1;
        self.events.retain(|timed| !matches!(timed.event, Event::Deliver(_) | Event::Again(_)));
        self.tokens.clear();
        self.brought.clear();
        let now = self.clock.wall();
        for (channel, due) in self.world.owed() {
            if due <= now {
                self.push(now, Event::Due(channel));
            }
        }
    }

    fn push(&mut self, at: Wall, event: Event) {
        self.made += 1;
        self.events.push(Timed { at, number: self.made, event });
    }

    fn lose(&mut self, at: Wall, call: CallId, sent: Sent) {
        self.push(at, Event::Deliver(Arrival::Lost(call, sent)));
    }

    /// What was done is returned, or what hinders is kept.
    fn done<T>(&mut self, result: Result<T, SimError>) -> Option<T> {
        result.map_err(|error| self.trouble = Some(error)).ok()
    }

    fn set_out(&mut self, call: &Call, asked: Vec<Asked>, now: Wall) {
        let channel = call.id.channel;
        let (Some(first), Some(timing)) = (asked.first(), self.world.timing(channel)) else {
            return self.lose(now, call.id, Sent::NotSent);
        };
        let latency = self.world.latency_ms(channel, first);
        let outage = self.world.outage(channel, call.endpoint, first, now);
        let fault = outage.map(Outage::fault).or_else(|| self.world.fault(first));
        let coin = outage.map_or_else(|| self.world.draw("coin", first, &(0..=1)), |o| o.is_heard().into());
        // Later than the asker waits, earlier than an absence is final.
        let spare = timing.absent_after_ms.saturating_sub(timing.answer_within_ms) / 2;
        let delay =
            self.world.draw("delay", first, &(0..=spare.max(1))).saturating_add(timing.answer_within_ms);
        let there = match fault {
            Some(Fault::NotSent) => return self.lose(now.plus(latency / 10), call.id, Sent::NotSent),
            Some(Fault::RequestLost) if coin == 0 => return,
            Some(Fault::RequestLost) => return self.lose(now.plus(latency), call.id, Sent::MaybeSent),
            Some(Fault::RequestDelayed) => delay,
            _ => latency / 2,
        };
        let parcel = Parcel {
            call: call.id,
            life: self.life,
            site: call.endpoint,
            asked,
            answer_by: self.clock.at(call.answer_by),
            fault,
            breaks: outage.is_some(),
            back_ms: latency - latency / 2,
        };
        self.push(now.plus(there), Event::Arrive(Box::new(parcel)));
    }

    fn arrive(&mut self, parcel: &Parcel, now: Wall) {
        let channel = parcel.call.channel;
        let served = self.world.serve(channel, parcel.site, &parcel.asked, now, self.odd);
        let Some(served) = self.done(served) else { return };
        for due in served.due {
            self.push(due, Event::Due(channel));
        }
        let (Some(bytes), Some(first)) = (served.reply, parcel.asked.first()) else { return };
        if parcel.life != self.life {
            return;
        }
        let back = now.plus(parcel.back_ms);
        let late = self.world.draw("late", first, &(50..=10_000));
        let reply = |bytes| Event::Deliver(Arrival::Reply(parcel.call, bytes));
        match parcel.fault {
            Some(Fault::AnswerLost) if !parcel.breaks && late % 2 == 0 => {}
            Some(Fault::AnswerLost) => self.lose(back, parcel.call, Sent::MaybeSent),
            Some(Fault::AnswerLate) => self.push(back.max(parcel.answer_by).plus(late), reply(bytes)),
            Some(Fault::AnswerDoubled) => {
                self.push(back, reply(bytes.clone()));
                self.push(back.plus(late), reply(bytes));
            }
            Some(Fault::Garbage) => {
                let page = self.garbage(channel);
                self.push(back, reply(page));
            }
            _ => self.push(back, reply(bytes)),
        }
    }

    /// Wraps up what a channel has to bring and what is not under way already.
    fn gather(&mut self, channel: ChannelId, now: Wall) {
        let mut due = self.world.due(channel, now);
        due.retain(|notice| !self.brought.contains(&(channel, *notice)));
        for notices in due.chunks(self.world.at_once(channel)) {
            self.tokens_made += 1;
            let token = InboundToken(self.tokens_made);
            self.brought.extend(notices.iter().map(|notice| (channel, *notice)));
            self.tokens.insert(token, (channel, notices.to_vec()));
            self.push(now, Event::Again(token));
        }
    }

    fn bring(&mut self, token: InboundToken, now: Wall) -> Option<Arrival> {
        let (channel, notices) = self.tokens.get(&token)?;
        let channel = *channel;
        let bytes = match self.corrections.get(&token) {
            Some((_, bytes)) => Ok(Some(bytes.clone())),
            None => self.world.bring(channel, notices, now, self.odd),
        };
        let Some(bytes) = self.done(bytes)? else {
            // There is no such message: whoever wants to know has to ask.
            self.acknowledge(token, &[]);
            return None;
        };
        self.push(now.plus(AGAIN_MS), Event::Again(token));
        Some(Arrival::Inbound(channel, token, bytes))
    }

    /// Drops what need not be brought again, so that no time passes for it.
    fn forget_acknowledged(&mut self) {
        while let Some(Timed { event: Event::Again(token), .. }) = self.events.peek() {
            if self.tokens.contains_key(token) {
                return;
            }
            self.events.pop();
        }
    }

    fn happen(&mut self, event: Event, now: Wall) -> Option<Arrival> {
        match event {
            Event::Deliver(arrival) => return Some(arrival),
            Event::Again(token) => return self.bring(token, now),
            Event::Arrive(parcel) => self.arrive(&parcel, now),
            Event::Due(channel) => self.gather(channel, now),
        }
        None
    }
}

impl Transport for SimTransport {
    fn now(&mut self) -> Now {
        self.clock.now()
    }

    fn start(&mut self, call: Call) {
        let now = self.clock.now();
        if now.mono > call.send_by && !planted!(SendByIgnored) {
            return self.lose(now.wall, call.id, Sent::NotSent);
        }
        let session = self.enveloped(&call);
        if let Some(reply) = session.and_then(|whole| self.world.session(call.id.channel, &whole, now.wall)) {
            return self.push(now.wall.plus(50), Event::Deliver(Arrival::Reply(call.id, reply)));
        }
        let read = self.read.take().filter(|(id, _)| *id == call.id).map(|(_, asked)| asked);
        match read.unwrap_or_else(|| self.asked_in(&call)) {
            Ok(asked) => self.set_out(&call, asked, now.wall),
            // Whoever cannot read the request cannot name what it answers.
            Err(_) => {
                let page = self.garbage(call.id.channel);
                self.push(now.wall.plus(50), Event::Deliver(Arrival::Reply(call.id, page)));
            }
        }
    }

    fn expects_more(&mut self) -> bool {
        !self.clock.is_real() && self.events.iter().any(|timed| !matches!(timed.event, Event::Again(_)))
    }

    fn next(&mut self, until: Option<Mono>) -> Option<Arrival> {
        let until = until.map(|until| self.clock.at(until));
        loop {
            self.forget_acknowledged();
            let at = self.events.peek().map(|timed| timed.at);
            match (at, until) {
                (None, None) => return None,
                (None, Some(until)) => {
                    self.clock.go_to(until);
                    return None;
                }
                (Some(at), Some(until)) if at > until => {
                    self.clock.go_to(until);
                    return None;
                }
                (Some(at), _) => self.clock.go_to(at),
            }
            let timed = self.events.pop().expect("it was seen above");
            let now = self.clock.wall();
            if let Some(arrival) = self.happen(timed.event, now) {
                return Some(arrival);
            }
        }
    }

    fn acknowledge(&mut self, token: InboundToken, _bytes: &[u8]) {
        let Some((channel, notices)) = self.tokens.remove(&token) else { return };
        self.corrections.remove(&token);
        let now = self.clock.wall();
        let kept = self.world.acknowledge(channel, &notices, now);
        self.done(kept);
        for notice in notices {
            self.brought.remove(&(channel, notice));
        }
    }
}
