//! A card on its whole way: from a terminal to the core and from the core to its issuer, on each
//! leg sealed and with proofs both ways, and then redeemed at that issuer.
#![allow(clippy::unwrap_used)]

#[path = "vault/world.rs"]
mod world;

use scrip::adapters::AdapterError;
use scrip::adapters::leg::SecretLeg;
use scrip::base::{RedemptionId, Secret, Text, Wall};
use scrip::engine::Request;
use scrip::host::{Driver, Memory};
use scrip::issuer::Outcome;
use scrip::sim::{SimConfig, SimTransport};
use scrip::vault::{Challenge, Entropy, VaultError};

const NUMBER: &str = "000000000011111111112222222222333333333344444444445555555555";
const TYPED: &str = "ABCDE-FGHJK-LMNPQ-RSTUV-WXYZ2-34567-89ABC-DEFGH-JKLMN-PQRST-UVWXY-Z2345";
const CANONICAL: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789ABCDEFGHJKLMNPQRSTUVWXYZ2345";

/// One exchange; `judge` is the answerer's own look at the card.
fn exchange(
    (asker, answerer): (&SecretLeg, &SecretLeg),
    id: RedemptionId,
    (number, secret): (&str, &str),
    judge: impl FnOnce(&scrip::adapters::signed_json::OpenCard) -> bool,
    entropy: &mut Entropy,
) -> Result<(Secret, Secret), AdapterError> {
    let product = Text::new("long").unwrap();
    let (asking, hello) = asker.hello(id, &product, Challenge::draw(entropy));
    let (greeted, greeting) = answerer.greet(&hello, Challenge::draw(entropy))?;
    let (shown, card) = asking.show(&greeting, Some(number), secret, entropy.bytes())?;
    let (opened, confirm) = greeted.take_if(&card, judge)?;
    shown.confirmed(&confirm)?;
    Ok((opened.number.unwrap(), opened.secret))
}

fn world_of(secret: &str) -> SimConfig {
    world::world(vec![world::card(NUMBER.into(), secret.into())])
}

#[test]
fn a_card_is_proven_on_both_legs_and_then_redeemed() {
    let entropy = &mut Entropy::new([7; 32]);
    let request = Request::new("R-1", "seller-1", "long").face(world::face());
    let id = request.redemption();

    // From the terminal to the core.
    let terminal = SecretLeg::terminal(world::key(11)).unwrap();
    let core = SecretLeg::terminal(world::key(11)).unwrap();
    let typed = exchange((&terminal, &core), id, (NUMBER, TYPED), |_| true, entropy).unwrap();
    let text = |secret: &Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
    let request = request.number(&text(&typed.0)).secret(&text(&typed.1));

    // From the core to the issuer, which looks into its own book, under its channel's key.
    let config = world_of(CANONICAL);
    let mut transport = SimTransport::open(&config).unwrap();
    let channel = config.issuers[0].key.clone();
    let core = SecretLeg::issuer(channel.clone()).unwrap();
    let issuer = SecretLeg::issuer(channel).unwrap();
    let book = transport.world().issuer("till").unwrap();
    let product = Text::new("long").unwrap();
    let judge = |card: &scrip::adapters::signed_json::OpenCard| {
        let found = book.balance(&product, card.data(), world::face(), Wall(0)).unwrap();
        matches!(found, Outcome::Accepted(_))
    };
    let number_and_secret = exchange((&core, &issuer), id, (NUMBER, CANONICAL), judge, entropy).unwrap();
    assert_eq!(number_and_secret, (NUMBER.into(), CANONICAL.into()));

    let mut driver = Driver::open(world::setup(world::ring(&[1])), Memory::new(), transport).unwrap();
    assert_eq!(driver.redeem(&request).unwrap().state(), "retired");
}

#[test]
fn an_issuer_that_knows_another_secret_confirms_nothing() {
    let entropy = &mut Entropy::new([7; 32]);
    let id = RedemptionId([1; 16]);
    let config = world_of(&CANONICAL.replace('A', "B"));
    let mut transport = SimTransport::open(&config).unwrap();
    let channel = config.issuers[0].key.clone();
    let (core, issuer) = (SecretLeg::issuer(channel.clone()).unwrap(), SecretLeg::issuer(channel).unwrap());
    let book = transport.world().issuer("till").unwrap();
    let product = Text::new("long").unwrap();
    let judge = |card: &scrip::adapters::signed_json::OpenCard| {
        let found = book.balance(&product, card.data(), world::face(), Wall(0)).unwrap();
        matches!(found, Outcome::Accepted(_))
    };
    let refused = exchange((&core, &issuer), id, (NUMBER, CANONICAL), judge, entropy);
    assert_eq!(refused.unwrap_err(), AdapterError::Vault(VaultError::Unproven));
}

#[test]
fn an_end_with_another_key_learns_and_proves_nothing() {
    let entropy = &mut Entropy::new([7; 32]);
    let terminal = SecretLeg::terminal(world::key(11)).unwrap();
    let core = SecretLeg::terminal(world::key(12)).unwrap();
    let refused = exchange((&terminal, &core), RedemptionId([1; 16]), (NUMBER, TYPED), |_| true, entropy);
    assert_eq!(refused.unwrap_err(), AdapterError::Vault(VaultError::Unopened));
}
