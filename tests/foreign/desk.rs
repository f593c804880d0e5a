//! A dealer's desk whose set-up is one text, with the Python peer as its only issuer and rail.

use crate::peer::Peer;
use scrip::adapters::config;
use scrip::base::RedemptionId;
use scrip::engine::{Request, SubmitError};
use scrip::host::transport::{ChannelTerms, Form, Wire, WireOptions};
use scrip::host::{Driver, Memory, Outcome, Source, Transport};
use scrip::money::{Amount, Currency};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const SETUP: &str = r#"
[product.gift]
issuer = "hive"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1.00", max = "1000.00" }
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6] }

[issuer.hive]
adapter = "rest"
verify = "none"
evidence = "online"
idempotency = "issuer"
recipe = "query"
late_debit = "owe"
endpoints = ["hive"]
timing = { send_within_ms = 2000, answer_within_ms = 2500, ladder_ms = [400, 800, 1600], absent_after_ms = 6000, age_limit_ms = 60000 }

[issuer.hive.terms]
profile = "beehive"
params = { app_key = "hive-app" }

[rail.pay]
adapter = "plain"
idempotent = true
endpoints = ["pay"]
timing = { send_within_ms = 2000, answer_within_ms = 2500, ladder_ms = [400, 800, 1600], absent_after_ms = 6000, age_limit_ms = 60000 }

[keys]
key.1 = "1111111111111111111111111111111111111111111111111111111111111111"
pepper.1 = "2222222222222222222222222222222222222222222222222222222222222222"
channel.hive = "3333333333333333333333333333333333333333333333333333333333333333"
secret.hive.sign = "hive-key-4711"
"#;

/// So many cards; every tenth has a wrong secret, and every twentieth comes twice.
struct Cards {
    next: u64,
    most: u64,
    states: BTreeMap<String, u64>,
}

impl Source for Cards {
    fn next(&mut self) -> Option<Request> {
        let card = self.next;
        self.next += 1;
        (card < self.most).then(|| {
            let number = if card % 20 == 19 { card - 1 } else { card };
            let secret = if number % 10 == 5 { "000000" } else { "739164" };
            Request::new(&format!("R-{card}"), &format!("seller-{card}"), "gift")
                .number(&(8_812_000_000_000_000 + number).to_string())
                .secret(secret)
                .face(Amount::new(10_000, Currency::CNY))
        })
    }

    fn settled(&mut self, _: u64, _: Option<RedemptionId>, outcome: Result<Outcome, SubmitError>) {
        *self.states.entry(outcome.unwrap().state().to_string()).or_default() += 1;
    }
}

/// Channels whose calls go to `url`, and which `terms` changes.
pub(crate) fn wire(url: &str, terms: impl Fn(ChannelTerms) -> ChannelTerms) -> Wire {
    wire_at(url, "127.0.0.1:0", terms)
}

/// The same, and callbacks are taken at `listen`.
pub(crate) fn wire_at(url: &str, listen: &str, terms: impl Fn(ChannelTerms) -> ChannelTerms) -> Wire {
    let hive = ChannelTerms {
        form: Form::Envelope,
        callback_path: Some("/callback/beehive".into()),
        ..ChannelTerms::new(vec![url.to_string()])
    };
    let pay = ChannelTerms::new(vec![format!("{url}/pay")]);
    let options = WireOptions {
        channels: [hive, pay].map(terms).into(),
        listen: Some(listen.parse().unwrap()),
        ..WireOptions::default()
    };
    Wire::open(options).unwrap()
}

/// What the way to the peer is like.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Way<'a> {
    /// Every order is taken in, sooner or later.
    Good,
    /// The same, and each is called back about, twice, at this URL.
    BothWays(&'a str),
    /// An order may never get through.
    Bad,
}

/// Redeems `most` cards and asks the peer's books: every card that was sold is debited and paid once,
/// and no other.
pub(crate) fn redeem(what: &str, peer: &Peer, wire: Wire, most: u64, way: Way<'_>) -> Value {
    let calls_back = matches!(way, Way::BothWays(_));
    if let Way::BothWays(url) = way {
        peer.call_back_to(url);
    }
    let setup = config::setup(SETUP).unwrap();
    let mut driver = Driver::open(setup, Memory::new(), wire).unwrap();
    let mut cards = Cards { next: 0, most, states: BTreeMap::new() };
    let begun = Instant::now();
    driver.run(&mut cards).unwrap();
    let took = begun.elapsed();
    let orders = |books: &Value| books["counts"]["acknowledged again"].as_u64().unwrap_or(0);
    let tried = most - most / 20;
    while calls_back && orders(&peer.books()) < tried && begun.elapsed() < Duration::from_secs(60) {
        let until = driver.transport().now().mono.plus(100);
        driver.turn(&mut |_| ()).unwrap();
        driver.wait(Some(until)).unwrap();
    }
    let books = peer.books();
    eprintln!("{what}: {:?} in {took:?}, {}", cards.states, books["counts"]);
    let good = (0..most).filter(|card| card % 20 != 19 && card % 10 != 5).count();
    let all = |map: &Value| map.as_object().unwrap().clone();
    let count = |state: &str| usize::try_from(cards.states.get(state).copied().unwrap_or(0)).unwrap();
    // What nobody could say anything of for too long is with people, debited or not.
    let (sold, open) = (count("retired"), count("suspended"));
    assert!(way == Way::Bad || open == 0, "{what}: {:?}", cards.states);
    assert!(if way == Way::Bad { sold > good / 2 } else { sold == good }, "{what}: {:?}", cards.states);
    let debited = all(&books["debited"]).len();
    assert!(
        (sold..=sold + open).contains(&debited),
        "{what}: {debited} debits, one is lost or was made twice"
    );
    assert!(all(&books["cards"]).values().all(|times| *times == 1), "{what}: {}", books["cards"]);
    let paid = all(&books["paid"]);
    assert!((sold..=debited).contains(&paid.len()), "{what}: a pay-out is lost, or was made twice");
    assert!(paid.values().all(|minor| *minor == paid.values().next().unwrap().clone()), "{what}: {paid:?}");
    assert_eq!(books["counts"]["unsigned"], Value::Null, "{what}: {}", books["counts"]);
    if calls_back {
        assert_eq!(orders(&books), tried, "{what}: {}", books["counts"]);
        assert_eq!(books["counts"]["refused"], 2 * tried, "{what}: {}", books["counts"]);
        assert_eq!(books["counts"]["believed"], Value::Null, "{what}: {}", books["counts"]);
    }
    books
}
