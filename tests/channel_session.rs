//! A channel's session (a STAN, a token) is durable before the message that it was made for
//! leaves, and a restart goes on from it.

use scrip::base::{Mono, Now, Secret, Text, Wall};
use scrip::card::Catalogue;
use scrip::engine::{Engine, Event, Output, Policy, RecoverError, Recovery, Request, Setup};
use scrip::host::{Memory, Store};
use scrip::issuer::{
    Accepted, Answer, Context, DecodeError, EncodeError, Issuer, IssuerProfile, Message, OpKind, Operation,
    Outcome, Payment, Profiles, Rail, RailProfile, Reference,
};
use scrip::money::{Amount, Currency};
use scrip::vault::{KeyId, KeyRing, PepperVersion};

const CATALOGUE: &str = r#"
[product.card]
issuer = "stan"
family = "bank"
scheme = "card"
currencies = ["CNY"]
face = { min = "1.00", max = "1000.00" }
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6] }
identity = "number"
"#;

const PROFILES: &str = r#"
[issuer.stan]
adapter = "counting"
verify = "balance"
evidence = "online"
idempotency = "issuer"
recipe = "query"
late_debit = "owe"
endpoints = ["a"]

[rail.pay]
adapter = "counting"
endpoints = ["a"]
"#;

/// A protocol whose every message bears a number of its own, kept in the session.
struct Counting<P>(P);

fn number(session: &[u8]) -> u32 {
    session.try_into().map_or(0, u32::from_le_bytes)
}

fn message(kind: OpKind, reference: Reference, amount: Amount, context: &Context<'_>, out: &mut Message) {
    let stan = number(context.session) + 1;
    out.body = format!("{stan} {} {reference} {}", kind.name(), amount.minor()).into_bytes();
    out.session = Some(stan.to_le_bytes().to_vec());
}

fn answers(bytes: &[u8], heard: &mut dyn FnMut(Reference, Answer)) -> Result<(), DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError { at: 0, what: "text" })?;
    let words: Vec<&str> = text.split(' ').collect();
    let wrong = DecodeError { at: 0, what: "number, operation, reference, amount" };
    let [_, kind, reference, minor] = words[..] else { return Err(wrong) };
    let kind = OpKind::from_name(kind).ok_or(wrong)?;
    let amount = Amount::new(minor.parse().map_err(|_| wrong)?, Currency::CNY);
    let accepted =
        Accepted { reference: Text::new("yes").expect("short"), amount, card: None, generation: None };
    let answer = Answer { kind, outcome: Outcome::Accepted(accepted), by_file: false };
    heard(Reference::parse(reference).ok_or(wrong)?, answer);
    Ok(())
}

impl Issuer for Counting<IssuerProfile> {
    fn profile(&self) -> &IssuerProfile {
        &self.0
    }

    fn encode(
        &self,
        ops: &[Operation<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        message(ops[0].kind, ops[0].reference, ops[0].amount, context, out);
        Ok(())
    }

    fn decode(
        &self,
        bytes: &[u8],
        _: &Context<'_>,
        heard: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        answers(bytes, heard)
    }
}

impl Rail for Counting<RailProfile> {
    fn profile(&self) -> &RailProfile {
        &self.0
    }

    fn encode(
        &self,
        ops: &[Payment<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        message(ops[0].kind, ops[0].reference, ops[0].amount, context, out);
        Ok(())
    }

    fn decode(
        &self,
        bytes: &[u8],
        _: &Context<'_>,
        heard: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        answers(bytes, heard)
    }
}

fn open(store: &mut Memory) -> Engine {
    open_with(store, &[2]).expect("the same ring")
}

/// Opens with a ring whose peppers are made of these bytes, as versions from 1.
fn open_with(store: &mut Memory, peppers: &[u8]) -> Result<Engine, RecoverError> {
    let profiles = Profiles::parse(PROFILES).expect("sound");
    let issuer: Box<dyn Issuer> = Box::new(Counting(profiles.issuers["stan"].clone()));
    let rail: Box<dyn Rail> = Box::new(Counting(profiles.rails["pay"].clone()));
    let keys = vec![(KeyId(1), Secret::new(vec![1; 32]))];
    let pepper = |(version, byte): (u16, &u8)| (PepperVersion(version), Secret::new(vec![*byte; 32]));
    let ring = KeyRing::new(keys, (1..).zip(peppers).map(pepper).collect()).expect("32 bytes");
    let catalogue = Catalogue::parse(CATALOGUE).expect("sound");
    let setup = Setup::new(catalogue, Policy::default(), vec![issuer], vec![rail], ring).expect("fits");
    let mut recovery = Recovery::new();
    let epoch = store.recover(&mut recovery).expect("a store in memory");
    recovery.finish(setup, epoch, [3; 32])
}

/// Turns the loop and answers every call; tells the messages' numbers in order, and the states.
fn pump(engine: &mut Engine, store: &mut Memory) -> (Vec<u32>, Vec<&'static str>) {
    let (mut numbers, mut states) = (Vec::new(), Vec::new());
    let now = Now { mono: Mono(0), wall: Wall(1) };
    while let Some(output) = engine.poll(now) {
        match output {
            Output::Commit(mut batch) => {
                store.commit(&mut batch).expect("memory takes it");
                engine.committed(batch).expect("it was asked for");
            }
            Output::Call(call) => {
                let text = String::from_utf8(call.bytes.to_vec()).expect("text");
                numbers.push(text.split(' ').next().expect("a number").parse().expect("a number"));
                engine.reply(call.id, &call.bytes).expect("the channel exists");
            }
            Output::Event(Event::Moved { summary, .. }) => states.push(summary.state.name()),
            _ => {}
        }
    }
    (numbers, states)
}

fn request(n: u32) -> Request {
    Request::new(&format!("R-{n}"), "seller", "card")
        .number(&format!("{n:016}"))
        .secret("123456")
        .face(Amount::new(10_000, Currency::CNY))
}

#[test]
fn numbers_never_repeat_across_restarts_and_checkpoints() {
    let mut store = Memory::new();
    let mut engine = open(&mut store);
    engine.submit(&request(1)).expect("sound");
    let (mut numbers, states) = pump(&mut engine, &mut store);
    assert_eq!(states.last(), Some(&"retired"));
    // Balance, redeem and receipt at the issuer: 1 to 3; the rail counts for itself.
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 1, 2, 3]);

    let mut engine = open(&mut store);
    engine.submit(&request(2)).expect("sound");
    let (mut numbers, _) = pump(&mut engine, &mut store);
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 4, 5, 6]);

    let mut state = Vec::new();
    let upto = engine.checkpoint(&mut state).expect("there are batches");
    store.checkpoint(upto, &state).expect("memory takes it");
    let mut engine = open(&mut store);
    engine.submit(&request(3)).expect("sound");
    let (mut numbers, _) = pump(&mut engine, &mut store);
    numbers.sort_unstable();
    assert_eq!(numbers, [3, 7, 8, 9]);
}

#[test]
fn a_store_is_not_opened_with_another_ring() {
    let mut store = Memory::new();
    let mut engine = open_with(&mut store, &[2]).expect("a new store takes any ring");
    engine.submit(&request(1)).expect("sound");
    pump(&mut engine, &mut store);
    assert!(matches!(open_with(&mut store, &[5]), Err(RecoverError::Keys(_))), "another pepper");

    let mut engine = open_with(&mut store, &[2, 5]).expect("a new pepper beside the old one");
    engine.submit(&request(2)).expect("sound");
    pump(&mut engine, &mut store);
    assert!(matches!(open_with(&mut store, &[2]), Err(RecoverError::Keys(_))), "the new one left out");
    assert!(open_with(&mut store, &[2, 5]).is_ok());
}
