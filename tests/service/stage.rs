//! One product, one simulated issuer and a rail in real time, and stores that fail when told.

use scrip::base::{BatchId, RedemptionId, Secret, Text, Wall};
use scrip::card::Catalogue;
use scrip::engine::{Bounds, Policy, Recovery, Request, Setup};
use scrip::host::service::{Limits, Polled, Service};
use scrip::host::{Memory, Store, StoreError};
use scrip::issuer::{Issuer, Profiles, Rail};
use scrip::ledger::Account;
use scrip::money::{Amount, Currency};
use scrip::record::{Batch, Handed};
use scrip::sim::{CardStatus, Oracle, SimCard, SimConfig, SimIssuer, SimRail, SimTransport};
use scrip::vault::{KeyId, KeyRing, PepperVersion};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CATALOGUE: &str = r#"
[product.gift]
issuer = "shop"
family = "ecommerce"
currencies = ["CNY"]
face = { min = "1.00", max = "1000.00" }
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "letters-and-digits", lengths = [16] }
on_mismatch = "review"
"#;

const PROFILES: &str = r#"
[issuer.shop]
adapter = "signed_json"
verify = "balance"
evidence = "online"
idempotency = "issuer"
recipe = "repeat"
late_debit = "owe"
echoes_card = true
endpoints = ["shop-a"]
timing = { send_within_ms = 1000, answer_within_ms = 3000, absent_after_ms = 8000, age_limit_ms = 86400000, attempts = 20 }

[rail.pay]
adapter = "signed_json"
endpoints = ["pay-a"]
timing = { send_within_ms = 1000, answer_within_ms = 3000, ladder_ms = [500, 2000], absent_after_ms = 8000, age_limit_ms = 86400000, attempts = 20 }
"#;

pub(crate) type World = Polled<SimTransport>;

pub(crate) fn config(dir: Option<&Path>) -> SimConfig {
    let profiles = Profiles::parse(PROFILES).unwrap();
    let issuers = profiles.issuers.into_values().map(SimIssuer::new).collect();
    let rails = profiles.rails.into_values().map(SimRail::new).collect();
    SimConfig { dir: dir.map(Into::into), ..SimConfig::new(issuers, rails).in_real_time() }
}

pub(crate) fn world(config: &SimConfig) -> World {
    Polled::new(SimTransport::open(config).unwrap(), Duration::from_millis(2))
}

pub(crate) fn setup() -> Setup {
    let SimConfig { issuers, rails, .. } = config(None);
    let issuers = issuers.iter().map(|i| Box::new(i.adapter().unwrap()) as Box<dyn Issuer>);
    let rails = rails.iter().map(|r| Box::new(r.adapter().unwrap()) as Box<dyn Rail>);
    let key = |byte| Secret::new(vec![byte; 32]);
    let keys = KeyRing::new(vec![(KeyId(1), key(1))], vec![(PepperVersion(1), key(2))]).unwrap();
    let catalogue = Catalogue::parse(CATALOGUE).unwrap();
    Setup::new(catalogue, Policy::default(), issuers.collect(), rails.collect(), keys).unwrap()
}

/// With room for so many redemptions in memory.
pub(crate) fn tight(in_flight: usize) -> Setup {
    setup().bounds(Bounds { in_flight, ..Bounds::default() })
}

pub(crate) fn face() -> Amount {
    Amount::new(10_000, Currency::CNY)
}

pub(crate) fn number(n: usize) -> String {
    format!("2326{n:012}")
}

pub(crate) fn secret(n: usize) -> String {
    format!("QXZJKVWB{n:08}")
}

pub(crate) fn request(n: usize) -> Request {
    Request::new(&format!("R-{n}"), &format!("seller-{}", n % 50), "gift")
        .number(&number(n))
        .secret(&secret(n))
        .face(face())
}

/// What the issuer knows of card `n`, with so much on it in minor units.
pub(crate) fn card(n: usize, balance: i64) -> SimCard {
    SimCard {
        product: Text::new("gift").unwrap(),
        number: Some(Secret::from(number(n).as_str())),
        secret: Secret::from(secret(n).as_str()),
        balance: Amount::new(balance, Currency::CNY),
        status: CardStatus::Active,
    }
}

pub(crate) fn open<S: Store + Send + 'static>(store: S, world: World, limits: Limits) -> Service<S, World> {
    Service::open(setup(), store, world, limits).unwrap()
}

/// Exactly `many` cards were debited and paid, each once.
pub(crate) fn check(oracle: &Oracle, many: usize) {
    assert_eq!(oracle.twice(), []);
    let standing = oracle.debits().filter(|debit| !debit.reversed).count();
    assert_eq!((standing, oracle.payouts().len()), (many, many));
    assert!(oracle.unbacked().is_empty() && oracle.unpaid().is_empty());
}

/// What a [`Shaky`] store does with its commits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Fails for good.
    Fails,
    /// Is full this many times, and then takes the batch.
    Full(usize),
    Panics,
}

/// What the service calls its threads.
pub(crate) const ENGINE: &str = "scrip-engine";
pub(crate) const STORE: &str = "scrip-store";

/// A store that outlives its service, tells which threads have committed, and gets into trouble after a
/// number of commits.
pub(crate) struct Shaky<S = Memory> {
    pub(crate) inner: Arc<Mutex<S>>,
    commits: Arc<AtomicUsize>,
    good: usize,
    trouble: Option<Trouble>,
    /// The thread that meets it: commits of others go well. Any if not said.
    met_by: Option<&'static str>,
    /// How long a commit takes at least, in microseconds.
    pause_us: Arc<AtomicU64>,
    /// The threads that have committed.
    by: Arc<Mutex<BTreeSet<String>>>,
}

// Whether or not the store within can be cloned: a clone is the same store.
impl<S> Clone for Shaky<S> {
    fn clone(&self) -> Self {
        let (inner, commits) = (Arc::clone(&self.inner), Arc::clone(&self.commits));
        let (pause_us, by) = (Arc::clone(&self.pause_us), Arc::clone(&self.by));
        Self { inner, commits, pause_us, by, ..*self }
    }
}

impl Shaky {
    pub(crate) fn new(good: usize, trouble: Trouble) -> Self {
        Self { good, trouble: Some(trouble), ..Self::over(Memory::new()) }
    }
}

impl<S> Shaky<S> {
    /// Never in trouble of its own.
    pub(crate) fn over(store: S) -> Self {
        let (commits, pause_us, by) = Default::default();
        let inner = Arc::new(Mutex::new(store));
        Self { inner, commits, good: 0, trouble: None, met_by: None, pause_us, by }
    }

    /// The same, so slow that its own thread does everything.
    pub(crate) fn slow(self) -> Self {
        self.pause(Duration::from_millis(2));
        self
    }

    /// From now on a commit takes so long at least.
    pub(crate) fn pause(&self, pause: Duration) {
        self.pause_us.store(u64::try_from(pause.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// The same with trouble for this thread only.
    pub(crate) fn met_by(self, thread: &'static str) -> Self {
        Self { met_by: Some(thread), ..self }
    }

    /// The same store, in good order again.
    pub(crate) fn mended(&self) -> Self {
        Self { trouble: None, ..self.clone() }
    }

    /// Whether it has got into trouble.
    pub(crate) fn met(&self) -> bool {
        self.commits.load(Ordering::SeqCst) > self.good
    }

    /// Which threads have committed since this was asked last.
    pub(crate) fn committed_by(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.by.lock().unwrap())
    }

    fn trouble(&self, thread: &str) -> Result<(), StoreError> {
        let Some(trouble) = self.trouble.filter(|_| self.met_by.is_none_or(|met| met == thread)) else {
            return Ok(());
        };
        let commits = self.commits.fetch_add(1, Ordering::SeqCst);
        match trouble {
            _ if commits < self.good => Ok(()),
            Trouble::Fails => Err(StoreError::Failed("the disk is gone".into())),
            Trouble::Full(times) if commits - self.good < times => Err(StoreError::Full("no room".into())),
            Trouble::Full(_) => Ok(()),
            Trouble::Panics => panic!("a fault of this store, planted by the test"),
        }
    }
}

impl<S: Store> Store for Shaky<S> {
    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        self.inner.lock().unwrap().recover(into)
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let thread = std::thread::current().name().unwrap_or_default().to_string();
        self.by.lock().unwrap().insert(thread.clone());
        std::thread::sleep(Duration::from_micros(self.pause_us.load(Ordering::SeqCst)));
        self.trouble(&thread)?;
        self.inner.lock().unwrap().commit(batch)
    }

    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError> {
        self.inner.lock().unwrap().checkpoint(upto, state)
    }

    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError> {
        self.inner.lock().unwrap().load(redemption)
    }

    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError> {
        self.inner.lock().unwrap().due(now, limit)
    }

    fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        self.inner.lock().unwrap().next_due()
    }

    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError> {
        self.inner.lock().unwrap().balances(visit)
    }

    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
        self.inner.lock().unwrap().frames(visit)
    }
}
