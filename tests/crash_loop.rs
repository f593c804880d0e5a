//! A writer that dies again and again at the same point of a card's life costs the seller
//! nothing: what a crash cut off is not counted as an issuer that does not answer.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use scrip::base::{Secret, Wall};
use scrip::card::Catalogue;
use scrip::engine::{Event, Policy, Request, Setup};
use scrip::flow::State;
use scrip::host::{Driver, Memory};
use scrip::issuer::{Issuer, Profiles, Rail};
use scrip::money::{Amount, Currency};
use scrip::sim::{SimConfig, SimIssuer, SimRail, SimTransport};
use scrip::vault::{KeyId, KeyRing, PepperVersion};

/// More than any profile allows attempts.
const DEATHS: u32 = 10;

fn config() -> SimConfig {
    let profiles = Profiles::parse(include_str!("../examples/data/issuers.toml")).unwrap();
    let issuers = profiles.issuers.into_values().map(SimIssuer::new).collect();
    SimConfig::new(issuers, profiles.rails.into_values().map(SimRail::new).collect())
}

fn setup(config: &SimConfig) -> Setup {
    let catalogue = Catalogue::parse(include_str!("../examples/data/catalogue.toml")).unwrap();
    let issuers = config.issuers.iter().map(|i| Box::new(i.adapter().unwrap()) as Box<dyn Issuer>);
    let rails = config.rails.iter().map(|r| Box::new(r.adapter().unwrap()) as Box<dyn Rail>);
    let keys = vec![(KeyId(1), Secret::new(vec![1; 32]))];
    let peppers = vec![(PepperVersion(1), Secret::new(vec![2; 32]))];
    let ring = KeyRing::new(keys, peppers).unwrap();
    Setup::new(catalogue, Policy::default(), issuers.collect(), rails.collect(), ring).unwrap()
}

/// Lets the writer die [`DEATHS`] times whenever the redemption comes to stand in one of `states`, and
/// every call that is out with it; then lets it live, and tells how the redemption ends.
fn end_after_deaths_in(states: &[State], request: &Request) -> State {
    let dir = tempfile::tempdir().unwrap();
    let config = SimConfig { dir: Some(dir.path().into()), ..config() };
    let mut store = Memory::new();
    for life in 0..=DEATHS {
        let transport = SimTransport::open(&config).unwrap();
        let mut driver = Driver::open(setup(&config), store, transport).unwrap();
        if life == 0 {
            driver.engine().submit(request).unwrap();
        }
        let mut stands = State::Received;
        loop {
            let mut died = false;
            let mut look = |event| {
                if let Event::Moved { summary, .. } = event {
                    stands = summary.state;
                    died |= states.contains(&stands);
                }
            };
            driver.turn(&mut look).unwrap();
            if (died && life < DEATHS) || stands.is_end() || !driver.wait(None).unwrap() {
                break;
            }
        }
        if stands.is_end() {
            assert_eq!(life, DEATHS, "it should have died more often in {states:?}");
            assert!(driver.transport().world().oracle().twice().is_empty());
            return stands;
        }
        store = driver.close().unwrap().0;
    }
    panic!("it came to no end");
}

fn request(product: &str, number: Option<&str>, secret: &str) -> Request {
    let request =
        Request::new("R-1", "seller-1", product).secret(secret).face(Amount::new(10_000, Currency::CNY));
    let request = request.received_at(Wall(1_772_409_600_000));
    number.into_iter().fold(request, Request::number)
}

#[test]
fn a_check_of_the_pin_that_is_cut_off_is_made_again() {
    let card = request("bank-prepaid", Some("6200000000000005"), "123456");
    assert_eq!(end_after_deaths_in(&[State::Screened], &card), State::Retired);
}

#[test]
fn a_debit_that_is_cut_off_is_resolved_however_often_by_asking() {
    let card = request("bank-prepaid", Some("6200000000000005"), "123456");
    assert_eq!(end_after_deaths_in(&[State::Redeeming], &card), State::Retired);
}

#[test]
fn a_debit_that_is_cut_off_is_resolved_however_often_by_repeating() {
    let card = request("jd-ecard", None, "ABCD1234EFGH5678");
    assert_eq!(end_after_deaths_in(&[State::Redeeming], &card), State::Retired);
}

#[test]
fn a_pay_out_that_is_cut_off_is_paid_once() {
    let card = request("walmart-gift", Some("2326000000000000"), "123456");
    assert_eq!(end_after_deaths_in(&[State::Paying, State::PayoutUnknown], &card), State::Retired);
}
