//! What a seed's life is made of.

use super::Cut;
use super::dice::Dice;
use super::tokens::{self, Show};
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
use std::collections::BTreeSet;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// Every class of issuer and every recipe.
const PROFILES: &str = include_str!("profiles.toml");
const CATALOGUE: &str = include_str!("catalogue.toml");
const PRODUCTS: [&str; 8] = ["ask", "again", "undo", "bare", "file", "gift", "show", "drop"];
/// The products whose issuers recognise repeats everywhere: only those bear a restored backup.
const REPEATABLE: [&str; 4] = ["again", "file", "gift", "show"];
/// The most requests that a life has.
pub(super) const MOST_REQUESTS: u64 = 16;
pub(super) const START: Wall = Wall(1_772_409_600_000);

/// In what a ring is another one than the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    Not,
    /// Another pepper under the latest version.
    Pepper,
    /// A new pepper, and not one of the old ones.
    NewPepperOnly,
    /// Another sealing key under the latest id.
    Key,
}

/// What may change when a node opens: each counts up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Season {
    pub(super) policy: u8,
    pub(super) catalogue: u8,
    pub(super) keys: u8,
    /// When the store was last put back, in ms since 1970.
    pub(super) put_back_at: i64,
}

/// What a seller asks.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) request: Request,
    /// The token that comes with it, where its product has any.
    pub(super) shown: Option<Shown>,
}

/// A token that comes with a request.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) show: Show,
    /// The number of its card.
    pub(super) card: String,
    /// None if it is made when the request is submitted, or is missing.
    pub(super) token: Option<String>,
    /// Whether it must be refused.
    pub(super) bad: bool,
    at: Wall,
}

/// A seed's life.
pub(super) struct Plan {
    pub(super) world: SimConfig,
    pub(super) requests: Vec<Asked>,
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
        self.setup_with(season, Foreign::Not)
    }

    /// The same, with a ring that may be another one than the store's.
    pub(super) fn setup_with(&self, season: Season, foreign: Foreign) -> Setup {
        let keys = (0..=season.keys).map(|n| (KeyId(u16::from(n) + 1), Secret::new([n + 1; 32].to_vec())));
        let peppers = 0..=season.keys;
        let peppers = peppers.map(|n| (PepperVersion(u16::from(n) + 1), Secret::new([n + 101; 32].to_vec())));
        let (mut keys, mut peppers) = (keys.collect::<Vec<_>>(), peppers.collect::<Vec<_>>());
        match foreign {
            Foreign::Not => {}
            Foreign::Pepper => peppers.last_mut().expect("there is one").1 = Secret::new([250; 32].to_vec()),
            Foreign::NewPepperOnly => peppers = [(PepperVersion(99), Secret::new([251; 32].to_vec()))].into(),
            Foreign::Key => keys.last_mut().expect("there is one").1 = Secret::new([252; 32].to_vec()),
        }
        let ring = KeyRing::new(keys, peppers).expect("all are 32 bytes");
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
        policy.flow.put_back_at = season.put_back_at;
        Setup::new(catalogue, policy, issuers.collect(), rails.collect(), ring)
            .and_then(|setup| setup.token_keys(tokens::secrets()))
            .expect("the parts of lives fit")
            .bounds(Bounds { in_flight: self.in_flight, batch_units: 8, ..Bounds::default() })
    }
}

pub(super) fn plan(seed: u64, cut: &Cut) -> Plan {
    let dice = &mut Dice::new(seed);
    let profiles = Profiles::parse(PROFILES).expect("the profiles of lives are sound");
    let hasty = dice.in_thousand(250);
    let patience_ms = *dice.one(&[0, 60_000]);
    let issuers: Vec<SimIssuer> = profiles
        .issuers
        .into_values()
        .map(|mut profile| {
            if hasty {
                // Soon a matter for people.
                profile.timing.age_limit_ms = profile.timing.absent_after_ms + patience_ms;
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
    let mut requests: Vec<Asked> = Vec::new();
    for n in 0..2 + dice.below(MOST_REQUESTS - 2) {
        let next = request(n, sellers, &cards, &requests, dice);
        requests.push(next);
    }
    let mut known = BTreeSet::new();
    // Which of two contents of one request it took, a store that was put back does not know.
    requests.retain(|asked| known.insert(asked.request.redemption()) || !restored);
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
        policy.risk.deviation.sigma = 1;
        policy.risk.deviation.action = *dice.one(&[Action::Review, Action::Challenge]);
    }
    if dice.in_thousand(150) {
        policy.risk.budget.device = 4;
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

fn request(n: u64, sellers: u64, cards: &[SimCard], before: &[Asked], dice: &mut Dice) -> Asked {
    let card = dice.one(cards);
    let number = card.number.as_ref().map(text_of).unwrap_or_default();
    let wrong = dice.in_thousand(120);
    let secret = if wrong { "000000000000".to_string() } else { text_of(&card.secret) };
    // Sometimes a resend, and sometimes one with other content.
    let name = if n > 0 && dice.in_thousand(150) { dice.below(n) } else { n };
    let face = *dice.one(&[10_000, 10_000, 10_000, 10_000, 29_999]);
    let seller = format!("seller-{}", dice.below(sellers));
    let apart = *dice.one(&[1_000, 400_000]);
    let at = START.plus(i64::try_from(n).unwrap_or(0) * apart);
    let request = Request::new(&format!("R-{name}"), &seller, &card.product)
        .number(&number)
        .secret(&secret)
        .face(Amount::new(face, Currency::CNY))
        .received_at(at)
        .device("device-1");
    if &*card.product != tokens::PRODUCT {
        return Asked { request, shown: None };
    }
    let shown = shown(number, at, before, cards, dice);
    let request = request.received_at(shown.at);
    let request = match &shown.token {
        Some(token) => request.token(token),
        None => request,
    };
    Asked { request, shown: Some(shown) }
}

/// What is shown for a card at `at`.
fn shown(number: String, at: Wall, before: &[Asked], cards: &[SimCard], dice: &mut Dice) -> Shown {
    let show = Show::draw(dice);
    let shown = before.iter().rev().filter_map(|asked| asked.shown.as_ref());
    let earlier = shown.into_iter().find(|shown| shown.card == number && shown.token.is_some());
    if let (Show::Again, Some(earlier)) = (show, earlier) {
        return Shown { show, at: earlier.at.plus(5_000), ..earlier.clone() };
    }
    let other = cards.iter().filter(|card| &*card.product == tokens::PRODUCT);
    let other = other.filter_map(|card| card.number.as_ref()).map(text_of).find(|other| *other != number);
    let show = match show {
        Show::Again => Show::Fresh,
        Show::OtherCard if other.is_none() => Show::Fresh,
        show => show,
    };
    // Some are made when they come to a node, and judged by its clock.
    let late = show == Show::Fresh && dice.in_thousand(300);
    let of = if show == Show::OtherCard { other.unwrap_or_default() } else { number.clone() };
    let (token, bad) = tokens::shown(&of, show, at, START);
    let token = (!late && show != Show::Missing).then_some(token);
    Shown { show, card: number, token, bad, at }
}

fn text_of(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}
