//! One product, one simulated issuer and a rail, with whatever keys a test brings.

use scrip::adapters::signed_json::SignedJson;
use scrip::base::{Secret, Text};
use scrip::card::Catalogue;
use scrip::engine::{Policy, Setup};
use scrip::issuer::{Issuer, Profiles};
use scrip::money::{Amount, Currency};
use scrip::sim::{CardStatus, SimCard, SimConfig, SimIssuer, SimRail};
use scrip::vault::{KeyId, KeyRing, PepperVersion};

const CATALOGUE: &str = r#"
[product.long]
issuer = "till"
family = "game"
currencies = ["CNY"]
face = { min = "1.00", max = "1000.00" }
rate = "0.90"
number = { kind = "digits", lengths = [60] }
secret = { kind = "letters-and-digits", lengths = [60] }
on_mismatch = "settle"
"#;

const PROFILES: &str = r#"
[issuer.till]
adapter = "signed_json"
verify = "balance"
evidence = "online"
idempotency = "issuer"
recipe = "query"
late_debit = "owe"
endpoints = ["a"]

[rail.pay]
adapter = "signed_json"
endpoints = ["a"]
"#;

pub(crate) fn key(byte: u8) -> Secret {
    Secret::new(vec![byte; 32])
}

/// Keys of these ids, each of its own bytes, and one pepper.
pub(crate) fn ring(ids: &[u16]) -> KeyRing {
    let keys = ids.iter().map(|id| (KeyId(*id), key(*id as u8))).collect();
    KeyRing::new(keys, vec![(PepperVersion(1), key(200))]).unwrap()
}

pub(crate) fn setup(ring: KeyRing) -> Setup {
    setup_of(ring, |adapter| Box::new(adapter))
}

/// With the issuer's adapter as `wrap` makes it.
pub(crate) fn setup_of(ring: KeyRing, wrap: impl Fn(SignedJson) -> Box<dyn Issuer>) -> Setup {
    let SimConfig { issuers, rails, .. } = world(Vec::new());
    let issuer = wrap(issuers[0].adapter().unwrap());
    let rail = Box::new(rails[0].adapter().unwrap());
    let catalogue = Catalogue::parse(CATALOGUE).unwrap();
    Setup::new(catalogue, Policy::default(), vec![issuer], vec![rail], ring).unwrap()
}

/// The issuer's side, with the cards that it knows.
pub(crate) fn world(cards: Vec<SimCard>) -> SimConfig {
    let profiles = Profiles::parse(PROFILES).unwrap();
    let issuers = profiles.issuers.into_values().map(SimIssuer::new).collect();
    let mut world = SimConfig::new(issuers, profiles.rails.into_values().map(SimRail::new).collect());
    world.cards = Some(cards);
    world
}

pub(crate) fn face() -> Amount {
    Amount::new(10_000, Currency::CNY)
}

pub(crate) fn card(number: Secret, secret: Secret) -> SimCard {
    let product = Text::new("long").unwrap();
    SimCard { product, number: Some(number), secret, balance: face(), status: CardStatus::Active }
}
