//! The loop as C sees it: the engine, the claim index that a host without a database gets, and
//! what is lent to the host at the moment.

use super::output::{
    SCRIP_ACK, SCRIP_CALL, SCRIP_COMMIT, SCRIP_ERASE, SCRIP_EVENT, SCRIP_EVENT_CARD_BUSY,
    SCRIP_EVENT_IN_PROGRESS, SCRIP_EVENT_MISMATCH, SCRIP_EVENT_MOVED, SCRIP_EVENT_REFUSED,
    SCRIP_EVENT_REPLAYED, SCRIP_EVENT_TAKEN_OVER, ScripOutput,
};
use super::shelf::{Shelf, rows};
use super::status::{Failure, FfiError};
use crate::base::{Mono, Now, RedemptionId, Wall};
use crate::engine::{Call, CallId, ChannelId, Engine, Event, InboundId, Output, Reply, Sent};
use crate::flow::Summary;
use crate::record::{Batch, ClaimStatus, Index, Refusal, Unit};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A token: what it is for (2 bits), the channel of a call (16), a number (46).
const NUMBER_BITS: u32 = 46;
const COMMIT: u64 = 1;
const CALL: u64 = 2;
const INBOUND: u64 = 3;

fn token(class: u64, channel: u16, number: u64) -> u64 {
    class << 62 | u64::from(channel) << NUMBER_BITS | number
}

fn inbound_token(id: InboundId) -> u64 {
    token(INBOUND, 0, id.0)
}

/// The batch that the host is making durable.
struct Lent {
    token: u64,
    batch: Batch,
    rows: Vec<u8>,
    refused: BTreeMap<usize, Refusal>,
}

/// An engine that has started.
pub(super) struct Running {
    pub(super) engine: Engine,
    index: Index,
    shelf: Shelf,
    lent: Option<Lent>,
    /// Calls that wait for their answer: their bytes are lent until then.
    calls: BTreeMap<u64, Call>,
    last_call: u64,
    /// Lent until the next poll: of an event, an acknowledgement or an erasure.
    head: String,
    bytes: Vec<u8>,
    /// What is due and was handed to the engine; it is still waiting in the index until its next
    /// unit stands.
    handed: BTreeSet<RedemptionId>,
    next_due: Option<Wall>,
    /// Whether `next_due` must be found anew.
    recheck: bool,
    now: Now,
}

/// The refusal of a unit by a claim store that the host shares with others.
pub(super) fn refusal(
    units: &[Unit],
    unit: usize,
    status: ClaimStatus,
    holder: RedemptionId,
) -> Result<Refusal, Failure> {
    match units.get(unit).and_then(|unit| unit.claims.first()) {
        Some(claim) => Ok(Refusal::Held { key: claim.key, status, holder, summary: Vec::new() }),
        None => Err(FfiError::BadValue { what: "unit", expected: "a unit with a claim" }.into()),
    }
}

impl Running {
    pub(super) fn new(engine: Engine, index: Index, shelf: Shelf) -> Self {
        let wall = engine.wall();
        Self {
            engine,
            index,
            shelf,
            lent: None,
            calls: BTreeMap::new(),
            last_call: 0,
            head: String::new(),
            bytes: Vec::new(),
            handed: BTreeSet::new(),
            next_due: None,
            recheck: true,
            now: Now { mono: Mono(i64::MIN), wall },
        }
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// The next thing to do. It cannot fail: what is handed out is handed out.
    pub(super) fn poll(&mut self, now: Now) -> ScripOutput {
        self.now = Now { mono: self.now.mono.max(now.mono), wall: self.now.wall.max(now.wall) };
        if self.shelf.has_erased() {
            self.head.clear();
            self.bytes = self.shelf.take_erased();
            return ScripOutput { kind: SCRIP_ERASE, ..ScripOutput::none() }.with(b"", &self.bytes);
        }
        self.hand_due();
        loop {
            match self.engine.poll(self.now) {
                None => return ScripOutput { due_ms: self.wake_at(), ..ScripOutput::none() },
                Some(Output::Load(id)) => {
                    let handed = self.index.row(id).map(|row| row.hand(id));
                    self.engine.loaded(id, handed);
                }
                Some(Output::Commit(batch)) => return self.lend(batch),
                Some(Output::Call(call)) => return self.call(call),
                Some(Output::Ack(id, bytes)) => {
                    self.bytes = bytes;
                    let output =
                        ScripOutput { kind: SCRIP_ACK, token: inbound_token(id), ..ScripOutput::none() };
                    return output.with(b"", &self.bytes);
                }
                Some(Output::Event(event)) => return self.event(event),
            }
        }
    }

    /// Takes back what is due and not in the engine's memory.
    fn hand_due(&mut self) {
        let (wall, room) = (self.now.wall.max(self.engine.wall()), self.engine.room());
        if room == 0 || !(self.recheck || self.next_due.is_some_and(|due| due <= wall)) {
            return;
        }
        (self.recheck, self.next_due) = (false, None);
        let mut due_now = Vec::new();
        for (due, id) in self.index.waiting().filter(|(_, id)| !self.handed.contains(id)) {
            if due > wall || due_now.len() >= room {
                self.next_due = Some(due);
                break;
            }
            due_now.push(id);
        }
        for id in due_now {
            self.handed.insert(id);
            self.engine.loaded(id, self.index.row(id).map(|row| row.hand(id)));
        }
    }

    /// When poll has something to do although nothing comes in, on the monotonic clock.
    pub(super) fn wake_at(&self) -> i64 {
        let wall = self.now.wall.max(self.engine.wall());
        // Without room nothing can be taken back, and a commit will make room.
        let due = self.next_due.filter(|_| self.engine.room() > 0);
        let due = due.map(|due| self.now.mono.plus(due.0.saturating_sub(wall.0).max(0)));
        [self.engine.wake_at(), due].into_iter().flatten().min().map_or(i64::MAX, |at| at.0)
    }

    fn lend(&mut self, batch: Batch) -> ScripOutput {
        let token = token(COMMIT, 0, batch.id().sequence);
        let lent = Lent { token, rows: rows(batch.sides()), batch, refused: BTreeMap::new() };
        let output = ScripOutput { kind: SCRIP_COMMIT, token, ..ScripOutput::none() };
        let lent = self.lent.insert(lent);
        output.with(&lent.rows, lent.batch.bytes())
    }

    fn call(&mut self, call: Call) -> ScripOutput {
        let number = call.id.number;
        self.last_call = number;
        let output = ScripOutput {
            kind: SCRIP_CALL,
            token: token(CALL, call.id.channel.0, number),
            due_ms: call.send_by.0,
            answer_by_ms: call.answer_by.0,
            redemption: call.redemption.0,
            channel: u32::from(call.id.channel.0),
            endpoint: call.endpoint,
            operation: u32::from(call.kind.number()),
            attempt: call.attempt,
            ..ScripOutput::none()
        };
        self.calls.insert(number, call);
        let call = self.calls.get(&number).expect("it was put there");
        output.with(&call.head, &call.bytes)
    }

    fn event(&mut self, event: Event) -> ScripOutput {
        let mut output = ScripOutput { kind: SCRIP_EVENT, ..ScripOutput::none() };
        let (kind, redemption, summary) = match event {
            Event::Moved { redemption, summary } => (SCRIP_EVENT_MOVED, redemption, Some(summary)),
            Event::Answered { redemption, reply } => match reply {
                Reply::Replayed(summary) => (SCRIP_EVENT_REPLAYED, redemption, Some(summary)),
                Reply::InProgress(summary) => (SCRIP_EVENT_IN_PROGRESS, redemption, Some(summary)),
                Reply::Mismatch => (SCRIP_EVENT_MISMATCH, redemption, None),
                Reply::CardBusy { retry_after_ms, .. } => {
                    output.due_ms = self.now.mono.plus(retry_after_ms).0;
                    (SCRIP_EVENT_CARD_BUSY, redemption, None)
                }
            },
            Event::Refused { redemption, error } => {
                let failure = error.map(|error| (error.code().number(), error.to_string()));
                let unknown = || (super::status::SCRIP_NO_SUCH_REDEMPTION, String::new());
                (output.code, self.head) = failure.unwrap_or_else(unknown);
                self.bytes.clear();
                let refused = ScripOutput { event: SCRIP_EVENT_REFUSED, redemption: redemption.0, ..output };
                return refused.with(self.head.as_bytes(), &self.bytes);
            }
            Event::TakenOver { redemption, .. } | Event::Elsewhere { redemption, .. } => {
                (SCRIP_EVENT_TAKEN_OVER, redemption, None)
            }
            Event::Heard { .. } => unreachable!("nothing is asked by name across the C ABI"),
        };
        (output.event, output.redemption) = (kind, redemption.0);
        self.head.clear();
        self.bytes.clear();
        if let Some(summary) = summary {
            self.tell(&mut output, &summary);
        }
        output.with(self.head.as_bytes(), &self.bytes)
    }

    fn tell(&mut self, output: &mut ScripOutput, summary: &Summary) {
        output.state = u32::from(summary.state.number());
        output.currency = u32::from(summary.face.currency().numeric());
        output.amount_minor = summary.payout.map_or(0, |amount| amount.minor());
        self.head.push_str(summary.reason.as_deref().unwrap_or_default());
        self.bytes.extend_from_slice(summary.request_id.as_bytes());
    }

    fn lent(&mut self, token: u64) -> Result<&mut Lent, Failure> {
        self.lent.as_mut().filter(|lent| lent.token == token).ok_or_else(|| FfiError::NoSuchToken.into())
    }

    /// The units of the batch that is out.
    pub(super) fn units(&self, token: u64) -> Result<&[Unit], Failure> {
        let lent = self.lent.as_ref().filter(|lent| lent.token == token);
        Ok(lent.ok_or(FfiError::NoSuchToken)?.batch.units())
    }

    pub(super) fn refuse(
        &mut self,
        token: u64,
        unit: u32,
        status: ClaimStatus,
        holder: RedemptionId,
    ) -> Result<(), Failure> {
        let lent = self.lent(token)?;
        let number = usize::try_from(unit).unwrap_or(usize::MAX);
        lent.refused.insert(number, refusal(lent.batch.units(), number, status, holder)?);
        Ok(())
    }

    /// The batch is durable: only now the index takes it.
    pub(super) fn committed(&mut self, token: u64) -> Result<(), Failure> {
        let (index, shelf) = (&mut self.index, &mut self.shelf);
        let lent = self.lent.as_mut().filter(|lent| lent.token == token).ok_or(FfiError::NoSuchToken)?;
        index.commit_refusing(&mut lent.batch, &lent.refused)?;
        shelf.settle(lent.batch.units(), lent.batch.verdicts());
        for unit in lent.batch.units() {
            self.handed.remove(&unit.redemption);
        }
        self.recheck = true;
        let lent = self.lent.take().expect("it was there a moment ago");
        Ok(self.engine.committed(lent.batch)?)
    }

    pub(super) fn commit_failed(&mut self, token: u64) -> Result<(), Failure> {
        self.lent(token)?;
        let lent = self.lent.take().expect("it was there a moment ago");
        Ok(self.engine.commit_failed(lent.batch)?)
    }

    /// A token of a call, answered or not: late and doubled answers are welcome.
    fn call_id(&self, token: u64) -> Result<CallId, Failure> {
        let number = token & ((1 << NUMBER_BITS) - 1);
        let channel = ChannelId((token >> NUMBER_BITS & 0xffff) as u16);
        let ours = token >> 62 == CALL && (1..=self.last_call).contains(&number);
        let other = self.calls.get(&number).is_some_and(|call| call.id.channel != channel);
        if ours && !other { Ok(CallId { channel, number }) } else { Err(FfiError::NoSuchToken.into()) }
    }

    pub(super) fn reply(&mut self, token: u64, bytes: &[u8]) -> Result<(), Failure> {
        let id = self.call_id(token)?;
        self.engine.reply(id, bytes)?;
        self.calls.remove(&id.number);
        Ok(())
    }

    pub(super) fn lost(&mut self, token: u64, sent: Sent) -> Result<(), Failure> {
        let id = self.call_id(token)?;
        self.engine.lost(id, sent)?;
        self.calls.remove(&id.number);
        Ok(())
    }

    pub(super) fn inbound(&mut self, channel: u32, bytes: &[u8]) -> Result<u64, Failure> {
        let channel = u16::try_from(channel).map_err(|_| crate::engine::Misuse::NoSuchChannel)?;
        let taken = self.engine.inbound(ChannelId(channel), bytes)?;
        Ok(inbound_token(taken.map_err(FfiError::NotAMessage)?))
    }
}
