//! The stage: an engine over a store in memory, issuers and a rail whose lines the test writes,
//! and clocks that the test moves. After every step the invariants are checked.

mod checks;
pub(crate) mod codec;
mod plan;
pub(crate) mod token;

use codec::{Order, Script};
pub(crate) use plan::Plan;
use scrip::base::{Mono, Now, RedemptionId, Text, Wall};
use scrip::engine::{
    Call, CallId, ChannelId, Engine, Event, InboundId, Output, Recovery, Reply, Request, Sent,
};
use scrip::flow::{FlowError, Redemption, State, Verdict};
use scrip::host::{Memory, Store};
use scrip::issuer::{Accepted, Answer, CardTag, OpKind, Outcome, Reference};
use scrip::ledger::AccountKind;
use scrip::money::{Amount, Currency};
use scrip::record::{Batch, ClaimStatus, Record, Records};
use std::collections::VecDeque;

/// Channels: issuers by name, then the rail.
pub(crate) const BANK: ChannelId = ChannelId(0);
pub(crate) const RAIL: ChannelId = ChannelId(2);
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A call that has left the engine.
#[derive(Clone, Debug)]
pub(crate) struct Out {
    pub(crate) id: CallId,
    pub(crate) endpoint: u32,
    pub(crate) kind: OpKind,
    pub(crate) attempt: u32,
    pub(crate) send_by: Mono,
    pub(crate) orders: Vec<Order>,
}

impl Out {
    pub(crate) fn reference(&self) -> Reference {
        self.orders[0].reference
    }
}

pub(crate) struct Stage {
    pub(crate) plan: Plan,
    pub(crate) script: Script,
    pub(crate) engine: Engine,
    pub(crate) store: Memory,
    pub(crate) now: Now,
    /// Calls that left and were neither answered nor lost yet.
    pub(crate) out: VecDeque<Out>,
    pub(crate) events: Vec<Event>,
    pub(crate) acks: Vec<InboundId>,
}

pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

pub(crate) fn cny(minor: i64) -> Amount {
    Amount::new(minor, Currency::CNY)
}

/// With these all card numbers and secrets begin.
const BEGINNINGS: [&str; 2] = ["2326100000", "7301"];

/// A card number of 16 digits.
pub(crate) fn number(card: u32) -> String {
    format!("{}{card:06}", BEGINNINGS[0])
}

/// A request for a gift card of 100.00: request `R-{n}` by seller `S-{n}` for card `n`.
pub(crate) fn gift(n: u32) -> Request {
    request("gift", n, n)
}

/// Request `R-{n}` by seller `S-{n}` for `card` of `product`.
pub(crate) fn request(product: &str, n: u32, card: u32) -> Request {
    let request = Request::new(&format!("R-{n}"), &format!("S-{n}"), product).face(cny(10_000));
    request.number(&number(card)).secret(&secret(card))
}

fn secret(card: u32) -> String {
    format!("{}{:02}", BEGINNINGS[1], card % 100)
}

pub(crate) fn approval(amount: Amount, card: Option<CardTag>) -> Accepted {
    Accepted { reference: text("theirs"), amount, card, generation: None }
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan::new();
        change(&mut plan);
        let (script, mut store) = (Script::default(), Memory::new());
        let engine = open(&plan, &script, &mut store);
        let now = Now { mono: Mono(0), wall: Wall(1_764_000_000_000) };
        let (events, acks, out) = (Vec::new(), Vec::new(), VecDeque::new());
        Self { plan, script, engine, store, now, out, events, acks }
    }

    /// Submits, and goes on until nothing more happens by itself.
    pub(crate) fn submit(&mut self, request: &Request) -> RedemptionId {
        let id = self.engine.submit(request).unwrap();
        self.settle();
        id
    }

    /// Submits and answers everything with yes.
    pub(crate) fn sell(&mut self, request: &Request) -> RedemptionId {
        let id = self.submit(request);
        self.yes_to_all();
        id
    }

    /// Goes on until nothing more happens by itself: commits, hands in, carries out.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            let Some(output) = self.engine.poll(self.now) else {
                if self.hand_due() {
                    continue;
                }
                return checks::all(self);
            };
            match output {
                Output::Commit(batch) => self.commit(batch),
                Output::Call(call) => self.leaves(&call),
                Output::Load(id) => {
                    let handed = self.store.load(id).unwrap();
                    self.engine.loaded(id, handed);
                }
                Output::Ack(id, _) => self.acks.push(id),
                Output::Event(event) => {
                    if let Event::Refused { error: Some(error), .. } = &event {
                        use FlowError::{NotNow, Token, TwoPeople, UnderWay};
                        let fits = matches!(error, NotNow(_) | TwoPeople | Token(_) | UnderWay { .. });
                        assert!(fits, "{error}");
                    }
                    self.events.push(event);
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("the engine does not come to rest");
    }

    fn commit(&mut self, mut batch: Batch) {
        checks::batch(&batch);
        self.store.commit(&mut batch).unwrap();
        self.engine.committed(batch).unwrap();
    }

    /// Submits, and the process ends as soon as the request is durable, before anything follows.
    pub(crate) fn submit_and_crash(&mut self, request: &Request) -> RedemptionId {
        let id = self.engine.submit(request).unwrap();
        match self.engine.poll(self.now) {
            Some(Output::Commit(mut batch)) => self.store.commit(&mut batch).unwrap(),
            other => panic!("{other:?}"),
        }
        self.crash();
        id
    }

    fn leaves(&mut self, call: &Call) {
        let orders = Order::read_all(&call.bytes);
        checks::intents(&self.store, &orders);
        let (id, kind, attempt) = (call.id, call.kind, call.attempt);
        let (endpoint, send_by) = (call.endpoint, call.send_by);
        self.out.push_back(Out { id, endpoint, kind, attempt, send_by, orders });
    }

    fn hand_due(&mut self) -> bool {
        let due = self.store.due(self.engine.wall(), 100).unwrap();
        let any = !due.is_empty();
        due.into_iter().for_each(|handed| self.engine.loaded(handed.redemption, Some(handed)));
        any
    }

    /// The oldest call that was not answered yet, which is of `kind`.
    pub(crate) fn sent(&mut self, kind: OpKind) -> Out {
        let out = self.out.pop_front().unwrap_or_else(|| panic!("no {kind:?} was sent"));
        assert_eq!(out.kind, kind, "something else was sent");
        out
    }

    /// Nothing was sent that was not answered or lost.
    pub(crate) fn nothing_sent(&self) {
        assert!(self.out.is_empty(), "{:?}", self.out);
    }

    /// Answers a call, in time or late.
    pub(crate) fn reply(&mut self, call: &Out, outcome: Outcome) {
        let order = &call.orders[0];
        self.reply_about(call, order.reference, outcome);
    }

    /// Answers a call with what speaks of `reference`.
    pub(crate) fn reply_about(&mut self, call: &Out, reference: Reference, outcome: Outcome) {
        self.answers(call, reference, outcome);
        self.settle();
    }

    /// The same, before the engine has done anything about it.
    pub(crate) fn answers(&mut self, call: &Out, reference: Reference, outcome: Outcome) {
        let answer = Answer { kind: call.kind, outcome, by_file: false };
        let bytes = self.script.message(vec![(reference, answer)]);
        self.engine.reply(call.id, &bytes).unwrap();
    }

    /// A yes, as the issuer or rail would say it of the first order of the call.
    pub(crate) fn yes(&self, call: &Out) -> Outcome {
        self.yes_of(call, call.orders[0].minor)
    }

    pub(crate) fn yes_of(&self, call: &Out, minor: i64) -> Outcome {
        match (call.kind, call.orders[0].tag()) {
            (OpKind::Reverse, _) => Outcome::Reversed,
            (_, Some(card)) => Outcome::Accepted(approval(cny(minor), Some(card))),
            (_, None) => Outcome::Accepted(self.approval(call.reference().redemption, minor)),
        }
    }

    /// An approval of `minor` that echoes the card for which the redeem of `id` was sent.
    pub(crate) fn approval(&self, id: RedemptionId, minor: i64) -> Accepted {
        approval(cny(minor), self.redemption(id).redeem.and_then(|redeem| redeem.tag))
    }

    /// The same as an outcome.
    pub(crate) fn approved(&self, id: RedemptionId, minor: i64) -> Outcome {
        Outcome::Accepted(self.approval(id, minor))
    }

    /// Answers the oldest call, which is of `kind`, with yes.
    pub(crate) fn accept(&mut self, kind: OpKind) -> Out {
        let call = self.sent(kind);
        self.reply(&call, self.yes(&call));
        call
    }

    /// Answers everything with yes until nothing is left to answer.
    pub(crate) fn yes_to_all(&mut self) {
        while let Some(call) = self.out.pop_front() {
            self.reply(&call, self.yes(&call));
        }
    }

    /// A batch message is taken in; its answers come later, by file.
    pub(crate) fn handed_over(&mut self) -> Out {
        let call = self.sent(OpKind::Redeem);
        let bytes = self.script.message(Vec::new());
        self.engine.reply(call.id, &bytes).unwrap();
        self.settle();
        call
    }

    pub(crate) fn lost(&mut self, call: &Out, sent: Sent) {
        self.engine.lost(call.id, sent).unwrap();
        self.settle();
    }

    /// The oldest call of `kind` is lost on its way: anything may have happened.
    pub(crate) fn lose(&mut self, kind: OpKind) -> Out {
        let call = self.sent(kind);
        self.lost(&call, Sent::MaybeSent);
        call
    }

    /// A message that nobody asked for says this of the debit of `id`.
    pub(crate) fn tells(&mut self, id: RedemptionId, outcome: Outcome) {
        self.inbound(BANK, Reference::debit(id), Answer { kind: OpKind::Query, outcome, by_file: false });
    }

    /// The issuer's file says this of the debit of `id`.
    pub(crate) fn files(&mut self, id: RedemptionId, outcome: Outcome) {
        self.inbound(BANK, Reference::debit(id), Answer { kind: OpKind::Redeem, outcome, by_file: true });
    }

    /// The rail notifies this of the pay-out `number` of `id`.
    pub(crate) fn notifies(&mut self, id: RedemptionId, number: u16, outcome: Outcome) {
        let answer = Answer { kind: OpKind::Pay, outcome, by_file: false };
        self.inbound(RAIL, Reference::payout(id, number), answer);
    }

    pub(crate) fn inbound(&mut self, from: ChannelId, reference: Reference, answer: Answer) {
        let bytes = self.script.message(vec![(reference, answer)]);
        let before = self.acks.len();
        self.engine.inbound(from, &bytes).unwrap().unwrap();
        self.settle();
        assert_eq!(self.acks.len(), before + 1, "what came in is acknowledged once it is durable");
    }

    /// Lets time pass; whatever falls due meanwhile is done when it is due.
    pub(crate) fn pass(&mut self, ms: i64) {
        let end = self.now.mono.plus(ms);
        self.settle();
        loop {
            let wall = self.engine.wall();
            let due = self.store.next_due().unwrap().map(|due| self.now.mono.plus((due.0 - wall.0).max(0)));
            let wake = [self.engine.wake_at(), due].into_iter().flatten().min().filter(|at| *at < end);
            let Some(at) = wake else { break };
            self.clocks(at.0 - self.now.mono.0);
        }
        self.clocks(end.0 - self.now.mono.0);
    }

    /// Lets time pass until a call is sent, which is of `kind`; tells how long that took.
    pub(crate) fn wait_for(&mut self, kind: OpKind) -> (i64, Out) {
        let start = self.now.wall;
        while self.out.is_empty() {
            let due = self.store.next_due().unwrap().map(|due| (due.0 - self.engine.wall().0).max(0));
            let wake = self.engine.wake_at().map(|at| at.0 - self.now.mono.0);
            self.clocks([wake, due].into_iter().flatten().min().expect("something is waited for"));
        }
        (self.now.wall.0 - start.0, self.sent(kind))
    }

    fn clocks(&mut self, ms: i64) {
        let ms = ms.max(0);
        self.now = Now { mono: self.now.mono.plus(ms), wall: self.now.wall.plus(ms) };
        self.settle();
    }

    /// The process ends and starts again on what was durable; calls that are out stay out.
    pub(crate) fn crash(&mut self) {
        self.engine = open(&self.plan, &self.script, &mut self.store);
        self.now.mono = Mono(0);
        self.settle();
    }

    /// The store is put back to what it was.
    pub(crate) fn restore(&mut self, backup: &Memory) {
        self.store = backup.clone();
        self.crash();
    }

    pub(crate) fn decide(&mut self, id: RedemptionId, verdict: Verdict) {
        self.engine.decide(id, verdict);
        self.settle();
    }

    /// The last decision did not fit; why.
    pub(crate) fn refusal(&self) -> FlowError {
        match self.events.last() {
            Some(Event::Refused { error: Some(error), .. }) => *error,
            other => panic!("nothing was refused: {other:?}"),
        }
    }

    /// The answer to the last request that started nothing new.
    pub(crate) fn answered(&self) -> &Reply {
        match self.events.last() {
            Some(Event::Answered { reply, .. }) => reply,
            other => panic!("nothing was answered: {other:?}"),
        }
    }

    /// A redemption as its records tell it, those included that are written with its next step's.
    pub(crate) fn redemption(&self, id: RedemptionId) -> Redemption {
        let row = self.store.index().row(id).expect("it was written");
        let mut records = Record::decode_all(&row.log).unwrap();
        records.extend(self.engine.unwritten(id).into_iter().flat_map(Records::iter));
        Redemption::replay(id, &records).unwrap()
    }

    /// As its durable records alone tell it.
    pub(crate) fn durable(&self, id: RedemptionId) -> Redemption {
        let row = self.store.index().row(id).expect("it was written");
        Redemption::replay(id, &Record::decode_all(&row.log).unwrap()).unwrap()
    }

    /// How many batches are durable.
    pub(crate) fn batches(&self) -> u64 {
        self.store.index().last().map_or(0, |(id, _)| id.sequence)
    }

    pub(crate) fn state(&self, id: RedemptionId) -> State {
        self.redemption(id).state
    }

    pub(crate) fn reason(&self, id: RedemptionId) -> String {
        self.redemption(id).reason.map(|reason| reason.to_string()).unwrap_or_default()
    }

    /// How the claims on the card of `id` stand, if `id` still holds them.
    pub(crate) fn claim(&self, id: RedemptionId) -> Option<ClaimStatus> {
        let key = self.redemption(id).facts.keys[0];
        self.store.index().claim(key).filter(|(holder, _)| *holder == id).map(|(_, status)| status)
    }

    /// The balance of all accounts of a kind.
    pub(crate) fn balance(&self, kind: AccountKind) -> i128 {
        let of_kind = self.store.index().balances().filter(|(account, ..)| account.kind() == kind);
        of_kind.map(|(_, _, minor)| minor).sum()
    }
}

fn open(plan: &Plan, script: &Script, store: &mut Memory) -> Engine {
    let mut recovery = Recovery::new();
    let epoch = store.recover(&mut recovery).unwrap();
    recovery.finish(plan.setup(script), epoch, [u8::try_from(epoch).unwrap(); 32]).unwrap()
}
