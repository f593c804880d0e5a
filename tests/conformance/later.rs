//! Debits that are told of later, callbacks and strange codes: what the suite finds wrong, and one
//! redemption as the engine lives it.

use crate::rest::Protocol;
use crate::{files, key, profile};
use scrip::adapters::plain::Plain;
use scrip::card::Catalogue;
use scrip::engine::Request;
use scrip::issuer::{
    Accepted, Answer, Asked, CardData, CardTag, Cause, Context, Decline, DecodeError, EncodeError, Issuer,
    IssuerProfile, Message, OpKind, Operation, Outcome, Reference,
};
use scrip::money::{Amount, Currency};
use scrip::sim::kit::{CardText, FarEnd, Heard, PlainEnd, Rule, Said, Says, conformance, driver};
use std::sync::atomic::{AtomicU8, Ordering};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// What is pending in a message that nobody waits for is a yes.
    Hasty,
    /// There is no query.
    NoQuery,
    /// Keys that everybody knows are good too.
    Gullible,
    /// Each callback is taken once, by a count in memory.
    Counts,
    /// Each callback leaves another session.
    Learns,
    /// A callback with an unknown code is a no.
    CalledStrangely,
    /// A reply with an unknown code is a no.
    Strange,
    /// The status of the transport is not looked at.
    AnyStatus,
}

struct Wrong {
    inner: Box<dyn Issuer>,
    /// The same with keys that everybody knows.
    other: Option<Box<dyn Issuer>>,
    fault: Fault,
    heard: AtomicU8,
}

impl Wrong {
    fn of(inner: Box<dyn Issuer>, fault: Fault) -> Box<dyn Issuer> {
        Box::new(Self { inner, other: None, fault, heard: AtomicU8::new(0) })
    }

    fn bent(&self, answer: Answer, asked: Option<&Asked>) -> Answer {
        let no = Outcome::Declined(Decline::Refused);
        let outcome = match (self.fault, answer.outcome, asked) {
            (Fault::Hasty, Outcome::Pending, None) => {
                let reference = scrip::base::Text::new("I-1").unwrap();
                Outcome::Accepted(Accepted::new(reference, Amount::new(10_000, Currency::CNY)))
            }
            (Fault::CalledStrangely, Outcome::Unknown(Cause::Unmapped), None)
            | (Fault::Strange, Outcome::Unknown(Cause::Unmapped), Some(_)) => no,
            (Fault::Counts, Outcome::Accepted(_), None) if self.heard.fetch_add(1, Ordering::Relaxed) > 0 => {
                Outcome::NotFound
            }
            (_, outcome, _) => outcome,
        };
        Answer { outcome, ..answer }
    }
}

impl Issuer for Wrong {
    fn profile(&self) -> &IssuerProfile {
        self.inner.profile()
    }

    fn encode(
        &self,
        operations: &[Operation<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        if self.fault == Fault::NoQuery && matches!(operations[0].kind, OpKind::Query | OpKind::Receipt) {
            return Err(EncodeError::Unsupported("query"));
        }
        self.inner.encode(operations, context, out)
    }

    fn decode(
        &self,
        bytes: &[u8],
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        let mut take = |reference, answer| answers(reference, self.bent(answer, None));
        let read = self.inner.decode(bytes, context, &mut take);
        match &self.other {
            Some(other) if read.is_err() => other.decode(bytes, context, &mut take),
            _ => read,
        }
    }

    fn decode_reply(
        &self,
        bytes: &[u8],
        asked: &Asked,
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        let mut bytes = bytes.to_vec();
        if self.fault == Fault::AnyStatus && bytes.get(3) == Some(&b'\n') {
            bytes[..3].copy_from_slice(b"200");
        }
        self.inner.decode_reply(&bytes, asked, context, &mut |reference, answer| {
            answers(reference, self.bent(answer, Some(asked)));
        })
    }

    fn learn(&self, bytes: &[u8], context: &Context<'_>) -> Option<Vec<u8>> {
        let called = self.fault == Fault::Learns && bytes.starts_with(b"POST ");
        match called {
            true => Some([context.session, b"+"].concat()),
            false => self.inner.learn(bytes, context),
        }
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        self.inner.card_tag(card)
    }
}

fn later(name: &str) -> Protocol {
    Protocol { later: true, ..Protocol::of(name, "none") }
}

fn found(make: &dyn Fn() -> Box<dyn Issuer>, far: &mut dyn FarEnd, fault: Fault) -> Rule {
    conformance(make, far).expect_err(&format!("{fault:?} is found")).rule
}

#[test]
fn a_wrong_callback_and_a_strange_code_are_found() {
    for (name, fault, rule) in [
        ("cardharbor", Fault::Counts, Rule::Callback),
        ("beehive", Fault::Learns, Rule::Callback),
        ("cardharbor", Fault::CalledStrangely, Rule::Unknown),
        ("beehive", Fault::CalledStrangely, Rule::Unknown),
        ("cardharbor", Fault::Strange, Rule::Unknown),
        ("beehive", Fault::AnyStatus, Rule::Unknown),
    ] {
        let protocol = later(name);
        let made = || Wrong::of(protocol.issuer(), fault);
        assert_eq!(found(&made, &mut protocol.end(), fault), rule, "{name} {fault:?}");
    }
    let protocol = later("cardharbor");
    let gullible = || -> Box<dyn Issuer> {
        let other = Some(protocol.issuer_with_the_keys_of("nobody"));
        let (inner, fault) = (protocol.issuer(), Fault::Gullible);
        Box::new(Wrong { inner, other, fault, heard: AtomicU8::new(0) })
    };
    assert_eq!(found(&gullible, &mut protocol.end(), Fault::Gullible), Rule::Callback);
    let strange = || Wrong::of(files::issuer(), Fault::Strange);
    assert_eq!(found(&strange, &mut files::End::new(), Fault::Strange), Rule::Unknown);
}

#[test]
fn a_profile_with_a_rule_for_all_the_rest_is_found() {
    let sound = later("cardharbor");
    let rest = "\n[[answer.rule]]\nwhen = { \"/code\" = [\"0\"] }\nops = [\"query\"]\n\
        outcome = \"declined\"\nreason = \"issuer_declined\"\n\n[callback]";
    let text: &str = sound.text.replace("\n[callback]", rest).leak();
    let protocol = Protocol { text, ..sound };
    let breach = conformance(&|| protocol.issuer(), &mut protocol.end()).unwrap_err();
    assert_eq!(breach.rule, Rule::Unknown, "{breach}");
    // Whatever failed is a no, whatever its code: of a callback.
    let rest = "\n[[callback.rule]]\nwhen = { state = [\"FAIL\"] }\n\
        outcome = \"declined\"\nreason = \"issuer_declined\"\n";
    let protocol = Protocol { text: (sound.text.to_string() + rest).leak(), ..sound };
    let breach = conformance(&|| protocol.issuer(), &mut protocol.end()).unwrap_err();
    assert_eq!(breach.rule, Rule::Unknown, "{breach}");
}

/// Plain lines of an issuer that only takes debits in.
struct TakesIn(PlainEnd);

impl FarEnd for TakesIn {
    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>> {
        self.0.read(request, card)
    }

    fn write(&mut self, request: &Message, said: &[Said]) -> Option<Vec<u8>> {
        let yes = |said: &Said| said.kind == OpKind::Redeem && said.says == Says::Yes;
        if said.iter().any(yes) { None } else { self.0.write(request, said) }
    }

    fn later(&self) -> bool {
        true
    }
}

#[test]
fn taken_in_is_not_approved_and_must_end() {
    let repeats = "verify = \"balance\"\nidempotency = \"issuer\"\nrecipe = \"repeat\"";
    let plain = || Box::new(Plain::new(profile("plain", repeats), key()).unwrap()) as Box<dyn Issuer>;
    let mut far = TakesIn(PlainEnd::new(key()));
    let checked = conformance(&plain, &mut far).unwrap();
    assert!(checked.checks > 5_000, "{checked}");
    for fault in [Fault::Hasty, Fault::NoQuery] {
        assert_eq!(found(&|| Wrong::of(plain(), fault), &mut far, fault), Rule::Later, "{fault:?}");
    }
}

const CATALOGUE: &str = r#"
[product.gift]
issuer = "shop"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1.00", max = "1000.00" }
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6] }
"#;

/// A far end that never calls back.
struct Silent(crate::rest::End);

impl FarEnd for Silent {
    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>> {
        self.0.read(request, card)
    }

    fn write(&mut self, request: &Message, said: &[Said]) -> Option<Vec<u8>> {
        self.0.write(request, said)
    }

    fn later(&self) -> bool {
        true
    }

    fn at(&mut self, now: scrip::base::Wall) {
        self.0.at(now);
    }

    fn cards(&self) -> [CardText; 2] {
        self.0.cards()
    }
}

#[test]
fn a_debit_that_is_told_of_later_is_paid_once() {
    for name in ["beehive", "cardharbor"] {
        let protocol = later(name);
        let ends: [Box<dyn FarEnd>; 2] = [Box::new(protocol.end()), Box::new(Silent(protocol.end()))];
        for far in ends {
            let catalogue = Catalogue::parse(CATALOGUE).unwrap();
            let mut driver = driver(protocol.issuer(), far, catalogue).unwrap();
            let request = Request::new("R-1", "seller", "gift").number("6222021234567894").secret("739164");
            let request = request.face(Amount::new(10_000, Currency::CNY));
            let outcome = driver.redeem(&request).unwrap();
            assert_eq!((outcome.state(), driver.transport().debits()), ("retired", 1), "{name}");
            assert_eq!(outcome.payout().map(|paid| paid.minor()), Some(9_000), "{name}");
        }
    }
}
