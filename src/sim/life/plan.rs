//! What a seed's life is made of.

use super::Cut;
use super::dice::Dice;
use super::trouble::{Chances, Trouble};
use crate::base::{Secret, Text, Wall};
use crate::card::Catalogue;
use crate::engine::{Bounds, Policy, Request, Setup};
use crate::issuer::{Profiles, Rail};
use crate::money::{Amount, Currency};
use crate::risk::Action;
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
/// The products whose issuers recognise repeats everywhere: only those bear a restored backup.
const REPEATABLE: [&str; 3] = ["again", "file", "gift"];
/// The most requests that a life has.
pub(super) const MOST_REQUESTS: u64 = 16;
const START: Wall = Wall(1_772_409_600_000);

/// What may change when a node opens: each counts up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Season {
    pub(super) policy: u8,
    pub(super) catalogue: u8,
    pub(super) keys: u8,
}

/// A seed's life.
pub(super) struct Plan {
    pub(super) world: SimConfig,
    pub(super) requests: Vec<Request>,
    pub(super) chances: Chances,
    pub(super) nodes: u32,
    /// Every card number and secret, as they must not be found anywhere.
    pub(super) secrets: Vec<String>,
    policy: Policy,
    in_flight: usize,
}

impl Plan {
    /// The set-up of one more engine.
    pub(super) fn setup(&self, season: Season) -> Setup {
        let keys = (0..=season.keys).map(|n| (KeyId(u16::from(n) + 1), Secret::new([n + 1; 32].to_vec())));
        let peppers = 0..=season.keys;
        let peppers = peppers.map(|n| (PepperVersion(u16::from(n) + 1), Secret::new([n + 101; 32].to_vec())));
        let ring = KeyRing::new(keys.collect(), peppers.collect()).expect("all are 32 bytes");
        let issuers = self.world.issuers.iter().map(|issuer| issuer.issuer().expect("its key is 32 bytes"));
        let rails = self.world.rails.iter();
        let rails = rails.map(|rail| Box::new(rail.adapter().expect("its key is 32 bytes")) as Box<dyn Rail>);
        let mut text = CATALOGUE.to_string();
        if season.catalogue % 2 == 1 {
            text = text
                .replace("\"0.90\"", "\"0.89\"")
                .replace("\"0.95\"", "\"0.94\"")
                .replace("\"decline\"", "\"settle\"");
        }
        let catalogue = Catalogue::parse(&text).expect("the catalogue of lives is sound");
        let mut policy = self.policy.clone();
        if season.policy % 2 == 1 {
            policy.terms.fee = "0.01".to_string();
            policy.flow.advance = Policy::default().flow.advance;
            policy.risk.velocity.limit += 1;
        }
        if season.policy % 4 == 3 {
            // Listed meanwhile: what is under way to this seller is held, not paid.
            policy.risk.block.sellers.push("seller-1".to_string());
        }
        Setup::new(catalogue, policy, issuers.collect(), rails.collect(), ring)
            .expect("the parts of lives fit")
            .bounds(Bounds { in_flight: self.in_flight, batch_units: 8, ..Bounds::default() })
    }
}

pub(super) fn plan(seed: u64, cut: &Cut) -> Plan {
    let dice = &mut Dice::new(seed);
    let profiles = Profiles::parse(PROFILES).expect("the profiles of lives are sound");
    let hasty = dice.in_thousand(250);
    let issuers: Vec<SimIssuer> = profiles
        .issuers
        .into_values()
        .map(|mut profile| {
            if hasty {
                // Soon a matter for people.
                profile.timing.age_limit_ms = profile.timing.absent_after_ms + 60_000;
            }
            SimIssuer {
                products: [Text::new(&profile.name).expect("names are short")].to_vec(),
                ..SimIssuer::new(profile)
            }
        })
        .collect();
    let rails = profiles.rails.into_values().map(SimRail::new).collect();
    let chances = Chances::draw(dice);
    let restored = chances.of(Trouble::Restore) > 0;
    // Asked anew at another price, a rail that has paid before names another amount than asked.
    let chances = if restored { chances.without(&[Trouble::NewCatalogue].into()) } else { chances };
    let products: &[&str] = if restored { &REPEATABLE } else { &PRODUCTS };
    // Few products and sellers in some lives, so that risk has something to compare.
    let first = dice.below(products.len() as u64) as usize;
    let last = products.len().min(first + *dice.one(&[1, 2, 6]));
    let products = &products[first..last];
    let sellers = *dice.one(&[1, 3]);
    let cards: Vec<SimCard> = (0..2 + dice.below(6)).map(|n| card(n, products, dice)).collect();
    let requests: Vec<_> =
        (0..2 + dice.below(MOST_REQUESTS - 2)).map(|n| request(n, sellers, &cards, dice)).collect();
    let faults = *dice.one(&[Faults::None, Faults::Light, Faults::Heavy, Faults::Heavy]);
    let mut policy = Policy::default();
    if dice.in_thousand(500) {
        let limit = *dice.one(&[10_000, 1_000_000]);
        policy.flow.advance.issuer_minor = limit;
        policy.flow.advance.product_minor = limit;
        policy.flow.advance.seller_minor = limit;
    }
    if dice.in_thousand(600) {
        policy.risk.deviation.minimum = 2;
        policy.risk.deviation.action = *dice.one(&[Action::Review, Action::Challenge]);
    }
    policy.risk.velocity.freeze_ms = *dice.one(&[86_400_000, 600_000]);
    policy.terms.fee = (*dice.one(&["0", "0.005", "0.0123"])).to_string();
    let outages = route(&mut policy, &mut Dice::new(seed ^ 0x517e_0000_0000_0000));
    let secrets = cards.iter().flat_map(|card| [card.number.as_ref(), Some(&card.secret)]).flatten();
    let secrets = secrets.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned()).collect();
    let faults = if cut.calm { Faults::None } else { faults };
    let outages = if cut.calm { 0 } else { outages };
    let world = SimConfig {
        cards: Some(cards),
        faults,
        outages,
        seed,
        start: START,
        ..SimConfig::new(issuers, rails)
    };
    let in_flight = *dice.one(&[2, 4, 64]);
    let nodes = u32::try_from(1 + dice.below(3)).expect("few").min(cut.nodes.unwrap_or(u32::MAX));
    let kept = requests.into_iter().enumerate().filter(|(n, _)| !cut.requests.contains(n));
    let requests = kept.map(|(_, request)| request).collect();
    Plan { world, requests, chances: chances.without(&cut.off), nodes, secrets, policy, in_flight }
}

/// How eagerly sites are left, hedged and shared; and how often they are down. Dice of its own.
fn route(policy: &mut Policy, dice: &mut Dice) -> u64 {
    policy.route.spread = dice.in_thousand(300);
    policy.route.hedge_samples = *dice.one(&[1, 2, 50]);
    policy.route.probe_ms = *dice.one(&[300, 2_000]);
    policy.route.eject_ms = *dice.one(&[100, 1_000, 30_000]);
    policy.route.eject_after = *dice.one(&[1, 1, 2]);
    *dice.one(&[0, 100, 400])
}

fn card(n: u64, products: &[&str], dice: &mut Dice) -> SimCard {
    let product = dice.one(products);
    let statuses = [CardStatus::Active, CardStatus::Active, CardStatus::Active, CardStatus::Expired];
    // More than the face, or less: a debit twice must be able to.
    let balance = *dice.one(&[10_000, 10_000, 10_000, 30_000, 5_001]);
    SimCard {
        product: Text::new(product).expect("it is short"),
        number: Some(Secret::from(format!("77{n:010}{:04}", dice.below(10_000)).as_str())),
        secret: Secret::from(format!("{:012}", dice.below(1_000_000_000_000)).as_str()),
        balance: Amount::new(balance, Currency::CNY),
        status: *dice.one(&statuses),
    }
}

fn request(n: u64, sellers: u64, cards: &[SimCard], dice: &mut Dice) -> Request {
    let card = dice.one(cards);
    let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    let number = card.number.as_ref().map(text).unwrap_or_default();
    let wrong = dice.in_thousand(120);
    let secret = if wrong { "000000000000".to_string() } else { text(&card.secret) };
    // Sometimes a resend, and sometimes one with other content.
    let name = if n > 0 && dice.in_thousand(150) { dice.below(n) } else { n };
    let face = *dice.one(&[10_000, 10_000, 10_000, 10_000, 10_000, 29_999]);
    let seller = format!("seller-{}", dice.below(sellers));
    let apart = *dice.one(&[1_000, 400_000]);
    Request::new(&format!("R-{name}"), &seller, &card.product)
        .number(&number)
        .secret(&secret)
        .face(Amount::new(face, Currency::CNY))
        .received_at(START.plus(i64::try_from(n).unwrap_or(0) * apart))
        .device("device-1")
}
