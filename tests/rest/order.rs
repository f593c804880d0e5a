//! Callbacks and polls for the same redemption, in any order, end in the same state.

use crate::ends::{terms_of, wrapped};
use scrip::adapters::config;
use scrip::adapters::rest::{RestKeys, Server, profile};
use scrip::adapters::served::Asked;
use scrip::base::{Mono, Now, RedemptionId, Secret, Text, Wall};
use scrip::engine::{Call, ChannelId, Engine, Event, Output, Recovery, Request, Sent};
use scrip::host::{Memory, Store};
use scrip::issuer::{Accepted, Decline, OpKind, Outcome};
use scrip::money::{Amount, Currency};

pub(crate) const SETUP: &str = r#"
[product.gift]
issuer = "gate"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1.00", max = "1000.00" }
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6] }

[issuer.gate]
adapter = "rest"
verify = "pin_check"
evidence = "online"
idempotency = "issuer"
recipe = "query"
can_reverse = true
echoes_card = true
endpoints = ["https://gate.example"]

[issuer.gate.terms]
profile = "silkroute"
params = { access_key = "P-77", callback_url = "P-77" }

[rail.wallet]
adapter = "plain"
endpoints = ["b"]

[keys]
key.1 = "0101010101010101010101010101010101010101010101010101010101010101"
pepper.1 = "0202020202020202020202020202020202020202020202020202020202020202"
channel.gate = "0303030303030303030303030303030303030303030303030303030303030303"
secret.gate.sign = "the platform's secret"
secret.gate.seal = { hex = "04040404040404040404040404040404" }
"#;

const GATE: ChannelId = ChannelId(0);

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) store: Memory,
    pub(crate) server: Server,
    pub(crate) now: Now,
    pub(crate) out: Vec<Call>,
    pub(crate) states: Vec<&'static str>,
    /// The redeem, as the issuer read it.
    order: Option<Asked>,
}

impl World {
    fn new() -> Self {
        let keys = RestKeys::new(Secret::new(vec![3; 32]))
            .with("sign", Secret::from("the platform's secret"))
            .with("seal", Secret::new(vec![4; 16]));
        let server = Server::new(terms_of(profile("silkroute").unwrap()), keys).unwrap();
        Self::of(SETUP, server, Memory::new())
    }

    /// The world of a set-up with one issuer and what its store holds.
    pub(crate) fn of(setup: &str, server: Server, mut store: Memory) -> Self {
        let mut recovery = Recovery::new();
        let epoch = store.recover(&mut recovery).unwrap();
        let engine = recovery.finish(config::setup(setup).unwrap(), epoch, [3; 32]).unwrap();
        let now = Now { mono: Mono(0), wall: Wall(1_795_390_215_000) };
        Self { engine, store, server, now, out: Vec::new(), states: Vec::new(), order: None }
    }

    pub(crate) fn settle(&mut self) {
        loop {
            match self.engine.poll(self.now) {
                Some(Output::Commit(mut batch)) => {
                    self.store.commit(&mut batch).unwrap();
                    self.engine.committed(batch).unwrap();
                }
                Some(Output::Call(call)) => self.out.push(call),
                Some(Output::Load(id)) => {
                    let handed = self.store.load(id).unwrap();
                    self.engine.loaded(id, handed);
                }
                Some(Output::Event(Event::Moved { summary, .. })) => self.states.push(summary.state.name()),
                Some(_) => {}
                None => break,
            }
        }
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now = Now { mono: self.now.mono.plus(1_000), wall: self.now.wall.plus(1_000) };
            let due = self.store.due(self.now.wall, 100).unwrap();
            due.into_iter().for_each(|handed| self.engine.loaded(handed.redemption, Some(handed)));
            self.settle();
        }
    }

    /// The oldest call to the issuer of this kind.
    pub(crate) fn call(&mut self, kind: OpKind) -> Call {
        let place = self.out.iter().position(|call| call.kind == kind && call.id.channel == GATE);
        self.out.remove(place.unwrap_or_else(|| panic!("no {kind:?} was sent")))
    }

    pub(crate) fn asked(&self, call: &Call) -> Asked {
        let asked = self.server.read(&wrapped(&call.head, &call.bytes), self.now.wall).unwrap();
        let card = asked.card.clone().or_else(|| self.order.as_ref().and_then(|order| order.card.clone()));
        Asked { card, ..asked }
    }

    pub(crate) fn reply(&mut self, call: &Call, outcome: &Outcome) {
        let asked = self.asked(call);
        let bytes = self.server.answer(&asked, outcome, self.now.wall, [6; 16]).unwrap();
        self.engine.reply(call.id, &bytes).unwrap();
        self.settle();
    }

    fn tell(&mut self, outcome: &Outcome) {
        let order = self.order.as_ref().unwrap();
        let bytes = self.server.callback(order, outcome, self.now.wall, [6; 16]).unwrap();
        self.engine.inbound(GATE, &bytes).unwrap().unwrap();
        self.settle();
    }

    pub(crate) fn yes(minor: i64) -> Outcome {
        let reference = Text::new("I-1").unwrap();
        let amount = Amount::new(minor, Currency::CNY);
        Outcome::Accepted(Accepted { reference, amount, card: None, generation: None })
    }

    /// Up to a redeem that the issuer took in, and a query that waits for its answer.
    fn until_queried() -> (Self, RedemptionId, Call) {
        let mut world = Self::new();
        let request = Request::new("R-1", "seller", "gift").number("2326880001234567").secret("739164");
        let id = world.engine.submit(&request.face(Amount::new(10_000, Currency::CNY))).unwrap();
        world.settle();
        let check = world.call(OpKind::PinCheck);
        world.reply(&check, &Self::yes(10_000));
        let redeem = world.call(OpKind::Redeem);
        world.order = Some(world.asked(&redeem));
        world.reply(&redeem, &Outcome::Pending);
        assert_eq!(world.states.last(), Some(&"pending"));
        for _ in 0..120 {
            world.pass(1);
            if world.out.iter().any(|call| call.kind == OpKind::Query) {
                break;
            }
        }
        let query = world.call(OpKind::Query);
        (world, id, query)
    }

    /// Where it ends: every later query is told the truth.
    fn end(mut self, truth: &Outcome) -> (Vec<&'static str>, i128) {
        for _ in 0..90 {
            self.pass(1);
            while let Some(place) = self.out.iter().position(|call| call.id.channel == GATE) {
                let call = self.out.remove(place);
                if call.kind == OpKind::Query {
                    self.reply(&call, truth);
                } else {
                    self.engine.lost(call.id, Sent::NotSent).unwrap();
                    self.settle();
                }
            }
        }
        let moved = self.store.index().balances().map(|(_, _, minor)| minor.abs()).sum();
        let last = self.states.pop().unwrap();
        (vec![last], moved)
    }
}

/// What reaches us about the debit while a query is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Callback,
    /// One that was on its way for long.
    StaleCallback,
    Poll,
    StalePoll,
    LostPoll,
}

#[test]
fn callbacks_and_polls_in_any_order_end_in_the_same_state() {
    use Step::{Callback, LostPoll, Poll, StaleCallback, StalePoll};
    let mut orders: Vec<Vec<Step>> = vec![vec![Callback], vec![Poll]];
    for poll in [Poll, StalePoll, LostPoll] {
        let three = [Callback, StaleCallback, poll];
        let permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        orders.extend(permutations.iter().map(|order| order.iter().map(|&at| three[at]).collect()));
        orders.push(vec![Callback, poll, Callback]);
    }
    let truths = [World::yes(10_000), Outcome::Declined(Decline::WrongSecret), Outcome::Reversed];
    let mut ends = Vec::new();
    for truth in truths {
        let mut first = None;
        for order in &orders {
            let (mut world, _, query) = World::until_queried();
            for step in order {
                match step {
                    Callback => world.tell(&truth),
                    StaleCallback => world.tell(&Outcome::Pending),
                    Poll => world.reply(&query, &truth),
                    StalePoll => world.reply(&query, &Outcome::Pending),
                    LostPoll => {
                        world.engine.lost(query.id, Sent::MaybeSent).unwrap();
                        world.settle();
                    }
                }
            }
            let end = world.end(&truth);
            let first = first.get_or_insert_with(|| end.clone());
            assert_eq!(*first, end, "{truth:?} {order:?}");
        }
        ends.push(first.unwrap());
    }
    assert!(ends[0].1 > 0 && ends[0].0 != ends[1].0, "{ends:?}");
}

#[test]
fn a_callback_with_another_card_or_amount_is_not_believed() {
    let (mut world, ..) = World::until_queried();
    world.order.as_mut().unwrap().card.as_mut().unwrap().number = Some("2326880001234568".into());
    world.tell(&World::yes(10_000));
    assert_eq!(world.states.last(), Some(&"unknown"));
    let (mut world, ..) = World::until_queried();
    world.tell(&World::yes(9_999));
    assert_eq!(world.states.last(), Some(&"unknown"));
    let before = world.states.len();
    world.tell(&World::yes(10_000));
    assert!(world.states.len() > before && world.states.last() != Some(&"unknown"));
}
