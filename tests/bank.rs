//! A bank over ISO 8583 behind the engine: signed in before anything else is sent, debited once,
//! reversed where the outcome stays unknown, and believed only about what was asked.

#![allow(clippy::unwrap_used)]

use scrip::adapters::bank::{
    Bank, BankTerms, Network, Original, PinFormat, Sm4Cbc, SoftCrypto, UnionpayEcb, X919,
};
use scrip::adapters::plain::PlainRail;
use scrip::base::{Mono, Now, RedemptionId, Secret, Text, Wall};
use scrip::card::Catalogue;
use scrip::codec::iso8583::{Frame, Mti, Spec};
use scrip::engine::{Call, Engine, Event, Output, Policy, Recovery, Request, Sent, Setup};
use scrip::host::{Memory, Store};
use scrip::issuer::{
    Accepted, Answer, Asked, CardData, Cause, Context, Issuer, Message, OpKind, Operation, Outcome, Profiles,
    Reference,
};
use scrip::money::{Amount, Currency};
use scrip::sim::SimBank;
use scrip::vault::{KeyId, KeyRing, PepperVersion};

const CATALOGUE: &str = r#"
[product.card]
issuer = "bank"
family = "bank"
scheme = "card"
currencies = ["CNY"]
face = { min = "1.00", max = "5000.00" }
rate = "0.90"
number = { kind = "digits", lengths = [16, 19] }
secret = { kind = "digits", lengths = [6] }
identity = "number"
"#;

const PROFILES: &str = r#"
[issuer.bank]
adapter = "bank"
verify = "pin_check"
evidence = "online"
idempotency = "none"
recipe = "reverse"
on_absent = "decline"
can_reverse = true
endpoints = ["a"]

[rail.pay]
adapter = "plain"
idempotent = true
endpoints = ["a"]
"#;

const NUMBER: &str = "6222021234567894";
const OTHER: &str = "6222021234567894123";
const THIRD: &str = "6222021234560017";
const PIN: &str = "739164";

fn terms() -> BankTerms {
    BankTerms {
        terminal: "TERM0001".into(),
        merchant: "MERCHANT0000001".into(),
        acquirer: Some("48021000".into()),
        query_code: Some("380000".into()),
        ..BankTerms::default()
    }
}

fn spec() -> Spec {
    Spec::bcd().framed(Frame::UNIONPAY_POS)
}

/// The shipped profile, with the frame that it brings.
fn unionpay() -> Spec {
    Spec::bcd().with_profile(include_str!("../examples/data/unionpay-pos.toml")).unwrap()
}

fn soft() -> SoftCrypto {
    SoftCrypto::new(&Secret::new(vec![0x5A; 16]), Box::new(X919), PinFormat::Iso0).unwrap()
}

fn bank(terms: BankTerms, spec: Spec) -> Bank {
    let profile = Profiles::parse(PROFILES).unwrap().issuers["bank"].clone();
    Bank::new(profile, terms, spec, Box::new(soft()), Secret::new(vec![4; 32])).unwrap()
}

/// What becomes of a message and of its answer.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Through,
    /// The request does not arrive.
    Lost,
    /// The request arrives, the answer does not.
    AnswerLost,
    /// The answer's last byte is another: the MAC does not fit.
    Bent,
    /// The process ends before the answer comes.
    Crash,
}

struct World {
    engine: Engine,
    store: Memory,
    bank: SimBank,
    terms: BankTerms,
    spec: Spec,
    now: Now,
    /// For the next message of this kind.
    ways: Vec<(OpKind, Way)>,
    /// What was sent to the bank.
    sent: Vec<OpKind>,
    states: Vec<&'static str>,
}

fn open(store: &mut Memory, terms: &BankTerms, spec: &Spec) -> Engine {
    let profiles = Profiles::parse(PROFILES).unwrap();
    let rail = Box::new(PlainRail::new(profiles.rails["pay"].clone()));
    let keys = vec![(KeyId(1), Secret::new(vec![1; 32]))];
    let ring = KeyRing::new(keys, vec![(PepperVersion(1), Secret::new(vec![2; 32]))]).unwrap();
    let issuer = Box::new(bank(terms.clone(), spec.clone()));
    let catalogue = Catalogue::parse(CATALOGUE).unwrap();
    let setup = Setup::new(catalogue, Policy::default(), vec![issuer], vec![rail], ring).unwrap();
    let mut recovery = Recovery::new();
    let epoch = store.recover(&mut recovery).unwrap();
    recovery.finish(setup, epoch, [u8::try_from(epoch).unwrap(); 32]).unwrap()
}

impl World {
    fn new() -> Self {
        Self::with(terms(), spec())
    }

    fn with(terms: BankTerms, spec: Spec) -> Self {
        let mut store = Memory::new();
        let bank = SimBank::new(spec.clone(), terms.clone(), soft());
        let bank = bank.card(NUMBER, PIN, 10_000).card(OTHER, PIN, 10_000).card(THIRD, PIN, 10_000);
        Self {
            engine: open(&mut store, &terms, &spec),
            store,
            bank,
            terms,
            spec,
            now: Now { mono: Mono(0), wall: Wall(1_795_390_215_000) },
            ways: Vec::new(),
            sent: Vec::new(),
            states: Vec::new(),
        }
    }

    fn way(mut self, kind: OpKind, way: Way) -> Self {
        self.ways.push((kind, way));
        self
    }

    fn request(number: &str) -> Request {
        let request = Request::new(&format!("R-{number}"), "seller", "card");
        request.number(number).secret(PIN).face(Amount::new(10_000, Currency::CNY))
    }

    /// Submits a card and lets at most two days pass; tells how it stands then.
    fn sell(&mut self, number: &str) -> &'static str {
        self.sell_as(&Self::request(number))
    }

    fn sell_as(&mut self, request: &Request) -> &'static str {
        self.states.clear();
        self.engine.submit(request).unwrap();
        self.settle(2 * 86_400_000);
        self.states.last().unwrap()
    }

    fn settle(&mut self, ms: i64) {
        let end = self.now.mono.plus(ms);
        for _ in 0..10_000 {
            if let Some(output) = self.engine.poll(self.now) {
                self.take(output);
                continue;
            }
            let due = self.store.due(self.engine.wall(), 100).unwrap();
            if !due.is_empty() {
                due.into_iter().for_each(|handed| self.engine.loaded(handed.redemption, Some(handed)));
                continue;
            }
            let wall = self.engine.wall();
            let later = self.store.next_due().unwrap().map(|due| self.now.mono.plus((due.0 - wall.0).max(1)));
            let next = [self.engine.wake_at(), later].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next < end) else { return };
            let step = (next.0 - self.now.mono.0).max(0);
            self.now = Now { mono: next, wall: self.now.wall.plus(step) };
        }
        panic!("it does not come to rest: {:?} {:?}", self.sent, self.states);
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::Commit(mut batch) => {
                self.store.commit(&mut batch).unwrap();
                self.engine.committed(batch).unwrap();
            }
            Output::Call(call) if matches!(call.kind, OpKind::Pay | OpKind::PayQuery) => self.pay(&call),
            Output::Call(call) => self.carry(&call),
            Output::Load(id) => {
                let handed = self.store.load(id).unwrap();
                self.engine.loaded(id, handed);
            }
            Output::Event(Event::Moved { summary, .. }) => self.states.push(summary.state.name()),
            _ => {}
        }
    }

    fn pay(&mut self, call: &Call) {
        let text = String::from_utf8(call.bytes.to_vec()).unwrap();
        let words: Vec<&str> = text.split(' ').collect();
        let answer = format!("{} {} accepted P1 {} {}\n", words[0], words[1], words[3], words[4]);
        self.engine.reply(call.id, answer.as_bytes()).unwrap();
    }

    fn carry(&mut self, call: &Call) {
        self.sent.push(call.kind);
        assert!(!call.bytes.windows(6).any(|part| part == PIN.as_bytes()), "a PIN in the clear");
        let place = self.ways.iter().position(|(kind, _)| *kind == call.kind);
        let way = place.map_or(Way::Through, |place| self.ways.remove(place).1);
        if way == Way::Lost {
            return self.engine.lost(call.id, Sent::MaybeSent).unwrap();
        }
        let mut answer = self.bank.serve(&call.bytes).expect("the bank reads what is sent");
        match way {
            Way::AnswerLost => self.engine.lost(call.id, Sent::MaybeSent).unwrap(),
            Way::Crash => {
                self.engine = open(&mut self.store, &self.terms, &self.spec);
                self.now.mono = Mono(0);
            }
            Way::Bent => {
                *answer.last_mut().unwrap() ^= 1;
                self.engine.reply(call.id, &answer).unwrap();
            }
            _ => self.engine.reply(call.id, &answer).unwrap(),
        }
    }

    fn count(&self, kind: OpKind) -> usize {
        self.sent.iter().filter(|sent| **sent == kind).count()
    }
}

#[test]
fn a_terminal_signs_in_before_anything_else_and_once() {
    let mut world = World::new();
    assert_eq!(world.sell(NUMBER), "retired");
    assert_eq!(world.sent, [OpKind::SignIn, OpKind::PinCheck, OpKind::Redeem, OpKind::Receipt]);
    assert_eq!(world.bank.balance_minor(NUMBER), Some(0));
    world.engine = open(&mut world.store, &world.terms, &world.spec);
    assert_eq!(world.sell(OTHER), "retired");
    assert_eq!((world.bank.sign_ins(), world.bank.debits().len()), (1, 2));
    let stans: Vec<u64> = world.bank.debits().iter().map(|debit| debit.stan).collect();
    assert_eq!(stans, [3, 6], "numbers go on after a restart");
}

#[test]
fn unionpays_own_ways_lead_to_the_same_end() {
    let own = BankTerms {
        sign_in: Some(Network::Field60),
        original: Original::Field61,
        reference_field: 63,
        advice: true,
        ..terms()
    };
    let mut world = World::with(own, unionpay()).way(OpKind::Redeem, Way::AnswerLost);
    assert_eq!(world.sell(NUMBER), "reversed");
    assert_eq!(world.bank.balance_minor(NUMBER), Some(10_000));
    assert_eq!(world.sell(OTHER), "retired");
}

#[test]
fn a_debit_without_an_answer_is_reversed_by_its_own_numbers() {
    for way in [Way::AnswerLost, Way::Bent, Way::Crash] {
        let mut world = World::new().way(OpKind::Redeem, way);
        assert_eq!(world.sell(NUMBER), "reversed");
        assert_eq!(world.count(OpKind::Redeem), 1, "a debit is sent once");
        assert!(world.bank.debits()[0].reversed && world.bank.debits().len() == 1);
        assert_eq!(world.bank.balance_minor(NUMBER), Some(10_000));
        assert!(!world.states.contains(&"paid"));
    }
}

#[test]
fn a_debit_that_never_arrived_counts_as_reversed() {
    let mut world = World::new().way(OpKind::Redeem, Way::Lost);
    assert_eq!(world.sell(NUMBER), "reversed");
    assert!(world.bank.debits().is_empty());
}

#[test]
fn a_reversal_is_repeated_until_it_is_answered() {
    let world = World::new().way(OpKind::Redeem, Way::AnswerLost);
    let mut world = world.way(OpKind::Reverse, Way::AnswerLost).way(OpKind::Reverse, Way::Bent);
    assert_eq!(world.sell(NUMBER), "reversed");
    assert_eq!(world.count(OpKind::Reverse), 3);
    assert_eq!(world.bank.balance_minor(NUMBER), Some(10_000), "given back once");
}

#[test]
fn some_refusals_of_a_reversal_mean_that_it_is_undone() {
    for code in ["25", "12"] {
        let mut world = World::new().way(OpKind::Redeem, Way::Lost);
        world.bank.answer_next(400, code);
        assert_eq!(world.sell(NUMBER), "reversed", "{code}");
        assert_eq!(world.count(OpKind::Reverse), 1);
    }
}

#[test]
fn no_response_from_the_issuer_is_not_a_no() {
    let mut world = World::new();
    world.bank.answer_next(200, "00"); // the PIN check, without an amount: not believed
    world.bank.answer_next(200, "98");
    assert_ne!(world.sell(NUMBER), "retired");
    let mut world = World::new();
    let request = World::request(NUMBER);
    world.engine.submit(&request).unwrap();
    world.bank.answer_next(201, "96");
    world.settle(2 * 86_400_000);
    assert_eq!(world.states.last(), Some(&"retired"), "only the repeat would have been answered so");
}

#[test]
fn a_refused_terminal_declines_no_card_for_its_own_sake() {
    let mut world = World::new();
    world.bank.answer_next(200, "58");
    assert_eq!(world.sell(NUMBER), "declined");
    let id = world.engine.submit(&World::request(NUMBER));
    assert!(id.is_ok());
    assert!(world.bank.debits().is_empty());
}

#[test]
fn a_wrong_pin_is_tried_once() {
    let mut world = World::new();
    let wrong = Request::new("R-1", "seller", "card").number(NUMBER).secret("000000");
    assert_eq!(world.sell_as(&wrong.face(Amount::new(10_000, Currency::CNY))), "declined");
    assert_eq!(world.sent, [OpKind::SignIn, OpKind::PinCheck]);
}

#[test]
fn a_pin_check_without_an_answer_is_not_repeated() {
    let mut world = World::new().way(OpKind::PinCheck, Way::AnswerLost);
    world.engine.submit(&World::request(NUMBER)).unwrap();
    world.settle(3_600_000);
    assert_eq!((world.count(OpKind::PinCheck), world.states.last()), (1, Some(&"in_review")));
}

#[test]
fn keys_that_the_bank_forgot_are_asked_for_again() {
    let mut world = World::new();
    assert_eq!(world.sell(NUMBER), "retired");
    world.bank.forget_keys();
    // Its MAC cannot fit, so it is no answer; yet its code asks for another sign-in.
    assert_eq!(world.sell(OTHER), "in_review");
    assert_eq!(world.sell(THIRD), "retired");
    assert_eq!((world.bank.sign_ins(), world.bank.debits().len()), (2, 2));
}

#[test]
fn what_waits_for_a_sign_in_is_not_sent_without_it() {
    let ways = [Way::Lost, Way::AnswerLost, Way::Lost];
    let mut world = ways.into_iter().fold(World::new(), |world, way| world.way(OpKind::SignIn, way));
    assert_eq!(world.sell(NUMBER), "declined", "nothing of it has left, so nothing is in doubt");
    assert_eq!(world.sent, [OpKind::SignIn; 3]);
    assert!(world.bank.debits().is_empty());
    let mut world = World::new().way(OpKind::SignIn, Way::Lost);
    assert_eq!(world.sell(NUMBER), "retired", "the next sign-in is answered");
    assert_eq!(world.count(OpKind::PinCheck), 1);
}

#[test]
fn a_sign_in_that_is_over_is_renewed() {
    let mut world = World::new();
    assert_eq!(world.sell(NUMBER), "retired");
    world.settle(0);
    let later = 2 * 86_400_000;
    world.now = Now { mono: world.now.mono.plus(later), wall: world.now.wall.plus(later) };
    assert_eq!(world.sell(OTHER), "retired");
    assert_eq!(world.bank.sign_ins(), 2);
}

const CONTEXT: Context<'static> = Context { session: &[], now: Wall(1_795_390_215_000), nonce: [7; 16] };

fn operation<'a>(product: &'a Text, id: u8, kind: OpKind, minor: i64) -> Operation<'a> {
    let card = CardData { number: Some(NUMBER.as_bytes()), secret: PIN.as_bytes() };
    Operation {
        kind,
        reference: Reference::debit(RedemptionId([id; 16])),
        product,
        card: matches!(kind, OpKind::PinCheck | OpKind::Redeem).then_some(card),
        amount: Amount::new(minor, Currency::CNY),
        attempt: 1,
    }
}

fn hear(bank: &Bank, bytes: &[u8], asked: Option<&Asked>, session: &[u8]) -> Vec<(Reference, Outcome)> {
    let mut heard = Vec::new();
    let context = Context { session, ..CONTEXT };
    let mut told = |reference, answer: Answer| heard.push((reference, answer.outcome));
    match asked {
        Some(asked) => bank.decode_reply(bytes, asked, &context, &mut told),
        None => bank.decode(bytes, &context, &mut told),
    }
    .unwrap();
    heard
}

/// A bank without MAC and PIN, for answers made by hand.
fn bare() -> BankTerms {
    BankTerms { mac: false, pin: false, sign_in: None, ..terms() }
}

#[test]
fn a_stan_that_comes_round_brings_no_other_cards_approval() {
    let product = Text::new("card").unwrap();
    let bank = bank(bare(), spec());
    let mut theirs = SimBank::new(spec(), bare(), soft()).card(NUMBER, PIN, 50_000);
    let asked = |message: &Message, id, minor| Asked {
        kind: OpKind::Redeem,
        reference: Reference::debit(RedemptionId([id; 16])),
        amount: Amount::new(minor, Currency::CNY),
        trace: message.trace.clone(),
    };
    let mut first = Message::default();
    bank.encode(&[operation(&product, 1, OpKind::Redeem, 10_000)], &CONTEXT, &mut first).unwrap();
    let yes = theirs.serve(&first.body).unwrap();
    let heard = hear(&bank, &yes, Some(&asked(&first, 1, 10_000)), &[]);
    assert!(
        matches!(&heard[..], [(_, Outcome::Accepted(Accepted { amount, .. }))] if amount.minor() == 10_000)
    );
    assert_eq!(hear(&bank, &yes, None, &[]), heard, "an answer that comes late names its debit itself");

    // The same STAN at the same second, for another redemption.
    let mut second = Message::default();
    bank.encode(&[operation(&product, 2, OpKind::Redeem, 10_000)], &CONTEXT, &mut second).unwrap();
    assert_eq!(first.trace, second.trace);
    let unbelieved = Outcome::Unknown(Cause::Integrity);
    let heard = hear(&bank, &yes, Some(&asked(&second, 2, 10_000)), &[]);
    assert_eq!(heard, [(Reference::debit(RedemptionId([2; 16])), unbelieved.clone())]);

    // The right redemption, but another message of it.
    let mut third = Message::default();
    let context = Context { session: first.session.as_deref().unwrap(), ..CONTEXT };
    bank.encode(&[operation(&product, 1, OpKind::Redeem, 10_000)], &context, &mut third).unwrap();
    assert_ne!(first.trace, third.trace);
    assert_eq!(hear(&bank, &yes, Some(&asked(&third, 1, 10_000)), &[])[0].1, unbelieved);
}

#[test]
fn what_the_bank_says_unasked_is_not_answered_for_a_line_knows_only_messages() {
    let mut said = Vec::new();
    bank(bare(), spec()).acknowledge(&mut said);
    assert_eq!(said, b"");
}

#[test]
fn the_simulated_bank_answers_in_a_frame_that_finds_its_way_back() {
    let mut theirs = SimBank::new(spec(), bare(), soft());
    let mut asked = Vec::new();
    let (tpdu, header) = ([0x60, 0, 1, 0, 2], [0x61, 0x31, 0, 0, 0, 0]);
    let spec = spec();
    let mut message = spec.write(Mti::new(800).unwrap(), &mut asked).framed(tpdu, &header);
    message.text(11, "000001").unwrap().text(70, "301").unwrap().finish().unwrap();
    let answer = theirs.serve(&asked).unwrap();
    let read = spec.read(&answer).unwrap();
    assert_eq!((read.tpdu(), read.header()), (Some([0x60, 0, 2, 0, 1]), &header[..]));
    assert_eq!(theirs.serve(&answer), None, "an answer is no request");
}

#[test]
fn the_simulated_bank_debits_nothing_that_it_cannot_read_or_does_not_hold() {
    let spec = spec();
    let mut theirs = SimBank::new(spec.clone(), bare(), soft()).card(NUMBER, PIN, 50_000);
    let whole = [(2, NUMBER), (3, "000000"), (4, "000000010000"), (11, "000007"), (49, "156")];
    let mut code = |changed: u8, value: Option<&str>| {
        let fields = whole.map(|(field, text)| (field, if field == changed { value } else { Some(text) }));
        let mut asked = Vec::new();
        let mut message = spec.write(Mti::new(200).unwrap(), &mut asked);
        for (field, text) in fields {
            if let Some(text) = text {
                message.text(field, text).unwrap();
            }
        }
        message.finish().unwrap();
        let answer = theirs.serve(&asked).unwrap();
        let code = spec.read(&answer).unwrap().field(39).unwrap().to_text();
        (code, theirs.debits().len())
    };
    for (field, value, refused) in [
        (4, None, "30"),
        (11, None, "30"),
        (4, Some("000000000000"), "13"),
        (49, Some("840"), "13"),
        (49, None, "13"),
    ] {
        assert_eq!(code(field, value), (refused.to_string(), 0), "field {field}: {value:?}");
    }
    assert_eq!(code(0, None), ("00".to_string(), 1));
}

#[test]
fn an_echoed_card_is_told_by_its_tag_only() {
    let bank = bank(bare(), spec());
    let card = |number: &'static str| CardData { number: Some(number.as_bytes()), secret: b"" };
    let tag = bank.card_tag(card(NUMBER)).unwrap();
    assert_ne!(bank.card_tag(card(OTHER)).unwrap(), tag);
    assert_eq!(bank.card_tag(CardData { number: None, secret: b"1" }), None);
}

#[test]
fn every_mac_and_format_signs_in_and_checks_a_pin() {
    let product = Text::new("card").unwrap();
    let macs: [fn() -> Box<dyn scrip::adapters::bank::Mac>; 3] =
        [|| Box::new(X919), || Box::new(UnionpayEcb), || Box::new(Sm4Cbc)];
    for mac in macs {
        for (spec, format) in [
            (Spec::ascii(), PinFormat::Iso0),
            (spec(), PinFormat::Iso0),
            (spec().with_profile("[field.52]\nmax = 16").unwrap(), PinFormat::Iso4),
        ] {
            let crypto = || SoftCrypto::new(&Secret::new(vec![0x5A; 16]), mac(), format).unwrap();
            let profile = Profiles::parse(PROFILES).unwrap().issuers["bank"].clone();
            let key = Secret::new(vec![4; 32]);
            let bank = Bank::new(profile, terms(), spec.clone(), Box::new(crypto()), key).unwrap();
            let mut theirs = SimBank::new(spec, terms(), crypto()).card(NUMBER, PIN, 10_000);
            let mut hello = Message::default();
            // The other end makes blocks with zeros for random bytes.
            let context = Context { nonce: [0; 16], ..CONTEXT };
            assert_eq!(bank.sign_in(&context, &mut hello), Ok(true));
            let session = hello.session.take().unwrap();
            let answer = theirs.serve(&hello.body).unwrap();
            let session = bank.learn(&answer, &Context { session: &session, ..context }).unwrap();
            let context = Context { session: &session, ..context };
            assert_eq!(bank.sign_in(&context, &mut hello), Ok(false));
            let mut check = Message::default();
            bank.encode(&[operation(&product, 1, OpKind::PinCheck, 10_000)], &context, &mut check).unwrap();
            let answer = theirs.serve(&check.body).unwrap();
            let asked = Asked {
                kind: OpKind::PinCheck,
                reference: Reference::debit(RedemptionId([1; 16])),
                amount: Amount::new(10_000, Currency::CNY),
                trace: check.trace.clone(),
            };
            let heard = hear(&bank, &answer, Some(&asked), &session);
            assert!(matches!(&heard[..], [(_, Outcome::Accepted(_))]), "{heard:?}");
            let mut echo = Message::default();
            bank.echo(&context, &mut echo).unwrap();
            assert!(hear(&bank, &theirs.serve(&echo.body).unwrap(), None, &session).is_empty());
        }
    }
}

#[test]
fn terms_that_cannot_be_kept_are_refused() {
    let profile = |change: &str, to: &str| {
        assert!(PROFILES.contains(change));
        Profiles::parse(&PROFILES.replace(change, to)).unwrap().issuers["bank"].clone()
    };
    let new = |profile, terms: BankTerms| {
        Bank::new(profile, terms, spec(), Box::new(soft()), Secret::new(vec![4; 32])).map(drop)
    };
    let sound = || profile("recipe", "recipe");
    assert!(new(sound(), terms()).is_ok());
    assert!(new(profile("\"pin_check\"", "\"balance\""), terms()).is_err(), "a counted PIN is no free read");
    assert!(new(profile("\"none\"", "\"site\""), terms()).is_err());
    for wrong in [
        BankTerms { terminal: "SHORT".into(), ..terms() },
        BankTerms { reference_field: 41, ..terms() },
        BankTerms { redeem_code: "310000".into(), ..terms() },
        BankTerms { acquirer: Some("x".into()), ..terms() },
        BankTerms { utc_offset_min: 900, ..terms() },
        BankTerms { batch: "1".into(), ..terms() },
    ] {
        assert!(new(sound(), wrong).is_err());
    }
}
