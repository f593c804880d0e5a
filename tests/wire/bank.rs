//! The bank over TCP behind the engine, with many redemptions at once on one line.

use crate::servers::Servers;
use scrip::adapters::bank::{Bank, BankTerms, PinFormat, SoftCrypto, X919};
use scrip::base::{RedemptionId, Secret};
use scrip::card::Catalogue;
use scrip::codec::iso8583::{Frame, Spec};
use scrip::engine::{Policy, Request, Setup, SubmitError};
use scrip::host::transport::{ChannelTerms, Framing, Wire, WireOptions};
use scrip::host::{Driver, Memory, Outcome, Source, Transport};
use scrip::issuer::Profiles;
use scrip::money::{Amount, Currency};
use scrip::sim::SimRail;
use scrip::vault::{KeyId, KeyRing, PepperVersion};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

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
timing = { send_within_ms = 1000, answer_within_ms = 2500, ladder_ms = [500, 1000], absent_after_ms = 5000, age_limit_ms = 20000 }

[rail.payout]
adapter = "signed_json"
idempotent = true
endpoints = ["a"]
"#;

fn driver(servers: &Servers) -> Driver<Memory, Wire> {
    let profiles = Profiles::parse(PROFILES).unwrap();
    let spec = Spec::bcd().framed(Frame::UNIONPAY_POS);
    let terms = BankTerms {
        terminal: "TERM0001".into(),
        merchant: "MERCHANT0000001".into(),
        acquirer: Some("48021000".into()),
        query_code: Some("380000".into()),
        ..BankTerms::default()
    };
    let crypto = SoftCrypto::new(&Secret::new(vec![0x5A; 16]), Box::new(X919), PinFormat::Iso0).unwrap();
    let profile = profiles.issuers["bank"].clone();
    let bank = Bank::new(profile, terms, spec.clone(), Box::new(crypto), Secret::new(vec![4; 32])).unwrap();
    let rail = SimRail::new(profiles.rails["payout"].clone()).adapter().unwrap();
    let keys = KeyRing::new(
        [(KeyId(1), Secret::new(vec![1; 32]))].into(),
        [(PepperVersion(1), Secret::new(vec![2; 32]))].into(),
    );
    let (catalogue, policy) = (Catalogue::parse(CATALOGUE).unwrap(), Policy::default());
    let setup = Setup::new(catalogue, policy, vec![Box::new(bank)], vec![Box::new(rail)], keys.unwrap());
    let line = ChannelTerms {
        framing: Some(Framing::iso8583(spec)),
        ..ChannelTerms::new(vec![servers.bank.clone()])
    };
    let rail = ChannelTerms::new(vec![format!("{}/payout/0", servers.doors[0])]);
    let wire = Wire::open(WireOptions { channels: vec![line, rail], ..WireOptions::default() }).unwrap();
    Driver::open(setup.unwrap(), Memory::new(), wire).unwrap()
}

/// So many cards, and how each came out.
struct Cards(u64, u64, BTreeMap<String, u64>);

impl Source for Cards {
    fn next(&mut self) -> Option<Request> {
        let card = self.0;
        self.0 += 1;
        (card < self.1).then(|| {
            let number = (6_222_021_234_567_894 + card * 10).to_string();
            Request::new(&format!("R-{card}"), &format!("seller-{card}"), "card")
                .number(&number)
                .secret("739164")
                .face(Amount::new(10_000, Currency::CNY))
        })
    }

    fn settled(&mut self, _: u64, _: Option<RedemptionId>, outcome: Result<Outcome, SubmitError>) {
        let state = outcome.unwrap().state().to_string();
        *self.2.entry(state).or_default() += 1;
    }
}

#[test]
fn ninety_cards_at_once_over_one_line_are_debited_once_each() {
    let servers = Servers::start(&[]);
    let mut driver = driver(&servers);
    let mut cards = Cards(0, 90, BTreeMap::new());
    driver.run(&mut cards).unwrap();
    assert_eq!(cards.2, BTreeMap::from([("retired".to_string(), 90)]));
    let report = servers.report();
    assert_eq!(report["bank"]["debits"], 90, "{report}");
    assert_eq!(report["bank"]["debited_minor"], 90 * 500_000, "{report}");
    assert_eq!(report["bank"]["reversed"], 0, "{report}");
    assert_eq!(report["bank"]["sign_ins"], 1, "{report}");
}

#[test]
fn the_bank_knows_its_debits_when_it_is_killed_and_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    let books = ["--ledger", dir.path().to_str().unwrap()];
    let servers = Servers::start(&books);
    let mut cards = Cards(0, 20, BTreeMap::new());
    driver(&servers).run(&mut cards).unwrap();
    let before = servers.report()["bank"].clone();
    assert_eq!(before["debits"], 20);
    // Killed.
    drop(servers);
    // No card stands in the book, as it is or packed.
    let book = std::fs::read_to_string(dir.path().join("bank-iso8583.ledger")).unwrap();
    assert!(book.lines().count() > 40, "{} lines", book.lines().count());
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for number in (0..20).map(|card| (6_222_021_234_567_894_u64 + card * 10).to_string()) {
        assert!(!book.contains(&number) && !book.contains(&hex(&number)), "{number}");
    }
    let servers = Servers::start(&books);
    assert_eq!(servers.report()["bank"], before);
    // The same cards have nothing left.
    let mut cards = Cards(0, 20, BTreeMap::new());
    driver(&servers).run(&mut cards).unwrap();
    assert_eq!(cards.2, BTreeMap::from([("declined".to_string(), 20)]));
    let after = servers.report()["bank"].clone();
    assert_eq!((&after["debits"], &after["debited_minor"]), (&before["debits"], &before["debited_minor"]));
}

fn with(trouble: &str) {
    let servers = Servers::start(&["--fault", trouble]);
    let mut driver = driver(&servers);
    let mut cards = Cards(0, 30, BTreeMap::new());
    driver.run(&mut cards).unwrap();
    let sold = cards.2.get("retired").copied().unwrap_or(0);
    // A reversal may overtake its debit, and is told then that there is none. The debit shows up
    // when the quarantine ends, and is undone.
    let begun = Instant::now();
    let debits = loop {
        let until = driver.transport().now().mono.plus(200);
        driver.turn(&mut |_| ()).unwrap();
        driver.wait(Some(until)).unwrap();
        let debits = servers.report()["bank"]["debits"].as_u64().unwrap();
        if debits == sold || begun.elapsed() > Duration::from_secs(90) {
            break debits;
        }
    };
    eprintln!("{trouble}: {:?}, {:?} more, {}", cards.2, begun.elapsed(), servers.report()["bank"]);
    assert_eq!(debits, sold, "{trouble}: {:?}", cards.2);
}

#[test]
fn whatever_goes_wrong_on_the_line_no_debit_stands_without_a_sale() {
    let troubles = ["reset_after=0.1", "lost_answer=0.1", "wrong_signature=0.1", "double_answer=0.5"];
    // Most of their time is waiting.
    std::thread::scope(|scope| {
        troubles.map(|trouble| scope.spawn(move || with(trouble))).map(|one| one.join().unwrap())
    });
}
