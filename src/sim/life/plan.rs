//! What a seed's life is made of.

use super::dice::Dice;
use crate::base::{Secret, Text, Wall};
use crate::card::Catalogue;
use crate::engine::{Bounds, Policy, Request, Setup};
use crate::issuer::{Issuer, Profiles, Rail};
use crate::money::{Amount, Currency};
use crate::sim::{CardStatus, Faults, SimCard, SimConfig, SimIssuer, SimRail};
use crate::vault::{KeyId, KeyRing, PepperVersion};
use std::boxed::Box;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// Every class of issuer and every recipe.
const PROFILES: &str = include_str!("profiles.toml");
const CATALOGUE: &str = include_str!("catalogue.toml");
const PRODUCTS: [&str; 6] = ["ask", "again", "undo", "bare", "file", "gift"];
const START: Wall = Wall(1_772_409_600_000);

/// How often the node crashes, in thousandths of the chances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crashes {
    pub(super) at_poll: u64,
    pub(super) before_commit: u64,
    pub(super) after_commit: u64,
    pub(super) at_reply: u64,
}

/// A seed's life.
pub(super) struct Plan {
    pub(super) world: SimConfig,
    pub(super) requests: Vec<Request>,
    pub(super) crashes: Crashes,
    /// Every card number and secret, as they must not be found anywhere.
    pub(super) secrets: Vec<String>,
    policy: Policy,
    in_flight: usize,
}

impl Plan {
    /// The set-up of one more engine.
    pub(super) fn setup(&self) -> Setup {
        let keys = [(KeyId(1), Secret::new([1; 32].to_vec()))].to_vec();
        let peppers = [(PepperVersion(1), Secret::new([2; 32].to_vec()))].to_vec();
        let ring = KeyRing::new(keys, peppers).expect("both are 32 bytes");
        let issuers = self
            .world
            .issuers
            .iter()
            .map(|issuer| Box::new(issuer.adapter().expect("its key is 32 bytes")) as Box<dyn Issuer>);
        let rails = self.world.rails.iter();
        let rails = rails.map(|rail| Box::new(rail.adapter().expect("its key is 32 bytes")) as Box<dyn Rail>);
        let catalogue = Catalogue::parse(CATALOGUE).expect("the catalogue of lives is sound");
        Setup::new(catalogue, self.policy.clone(), issuers.collect(), rails.collect(), ring)
            .expect("the parts of lives fit")
            .bounds(Bounds { in_flight: self.in_flight, batch_units: 8 })
    }
}

pub(super) fn plan(seed: u64, dice: &mut Dice) -> Plan {
    let profiles = Profiles::parse(PROFILES).expect("the profiles of lives are sound");
    let issuers: Vec<SimIssuer> = profiles
        .issuers
        .into_values()
        .map(|profile| SimIssuer {
            products: [Text::new(&profile.name).expect("names are short")].to_vec(),
            ..SimIssuer::new(profile)
        })
        .collect();
    let rails = profiles.rails.into_values().map(SimRail::new).collect();
    let cards: Vec<SimCard> = (0..2 + dice.below(6)).map(|n| card(n, dice)).collect();
    let requests = (0..2 + dice.below(10)).map(|n| request(n, &cards, dice)).collect();
    let faults = *dice.one(&[Faults::None, Faults::Light, Faults::Heavy, Faults::Heavy]);
    let often = *dice.one(&[0, 2, 10, 30]);
    let mut policy = Policy::default();
    if dice.in_thousand(500) {
        let limit = *dice.one(&[10_000, 1_000_000]);
        policy.flow.advance.issuer_minor = limit;
        policy.flow.advance.product_minor = limit;
        policy.flow.advance.seller_minor = limit;
    }
    let secrets = cards.iter().flat_map(|card| [card.number.as_ref(), Some(&card.secret)]).flatten();
    let secrets = secrets.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned()).collect();
    let world =
        SimConfig { cards: Some(cards), faults, seed, start: START, ..SimConfig::new(issuers, rails) };
    let crashes =
        Crashes { at_poll: often, before_commit: often * 3, after_commit: often * 3, at_reply: often * 2 };
    let in_flight = *dice.one(&[2, 4, 64]);
    Plan { world, requests, crashes, secrets, policy, in_flight }
}

fn card(n: u64, dice: &mut Dice) -> SimCard {
    let statuses = [CardStatus::Active, CardStatus::Active, CardStatus::Active, CardStatus::Expired];
    let product = *dice.one(&PRODUCTS);
    // Room for a second debit: an issuer that would debit twice must be able to.
    let balance = *dice.one(&[10_000, 10_000, 10_000, 30_000, 5_000]);
    SimCard {
        product: Text::new(product).expect("it is short"),
        number: Some(Secret::from(format!("77{n:010}{:04}", dice.below(10_000)).as_str())),
        secret: Secret::from(format!("{:012}", dice.below(1_000_000_000_000)).as_str()),
        balance: Amount::new(balance, Currency::CNY),
        status: *dice.one(&statuses),
    }
}

fn request(n: u64, cards: &[SimCard], dice: &mut Dice) -> Request {
    let card = dice.one(cards);
    let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    let number = card.number.as_ref().map(text).unwrap_or_default();
    let wrong = dice.in_thousand(120);
    let secret = if wrong { "000000000000".to_string() } else { text(&card.secret) };
    // Sometimes a resend, and sometimes one with other content.
    let name = if n > 0 && dice.in_thousand(150) { dice.below(n) } else { n };
    let seller = format!("seller-{}", dice.below(3));
    let apart = *dice.one(&[1_000, 400_000]);
    Request::new(&format!("R-{name}"), &seller, &card.product)
        .number(&number)
        .secret(&secret)
        .face(Amount::new(10_000, Currency::CNY))
        .received_at(START.plus(i64::try_from(n).unwrap_or(0) * apart))
        .device("device-1")
}
