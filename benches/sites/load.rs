//! Redemptions at a rate, and whoever kills the site that they go to.

use crate::issuer::{Books, Said};
use crate::relay;
use scrip::base::{Mono, Now, RedemptionId, Secret};
use scrip::card::Catalogue;
use scrip::engine::{Call, CallId, Policy, Request, Setup, SubmitError};
use scrip::host::transport::{ChannelTerms, Wire, WireOptions};
use scrip::host::{Arrival, Driver, InboundToken, Memory, Outcome, Source, Transport};
use scrip::issuer::Profiles;
use scrip::money::{Amount, Currency};
use scrip::sim::{SimConfig, SimIssuer, SimRail};
use scrip::vault::{KeyId, KeyRing, PepperVersion};
use std::collections::HashMap;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

const FACE: i64 = 10_000;
const A_SECOND: u32 = 100;

const CATALOGUE: &str = r#"
[product.gift]
issuer = "gate"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1.00", max = "1000.00" }
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6] }
"#;

const PROFILES: &str = r#"
[issuer.gate]
adapter = "signed_json"
verify = "balance"
evidence = "online"
idempotency = "issuer"
recipe = "query"
late_debit = "owe"
endpoints = ["a", "b"]
timing = { send_within_ms = 1000, answer_within_ms = 2000, absent_after_ms = 4000, age_limit_ms = 60000 }
[issuer.gate.routing]
probe_ms = 200
eject_ms = 200
[rail.wallet]
adapter = "signed_json"
idempotent = true
endpoints = ["c"]
"#;

/// One kill.
pub(crate) struct Killed {
    /// Until an answer came from the other site to a request that left after the death.
    pub(crate) until_success: Duration,
    /// Until that request left.
    pub(crate) until_leaving: Duration,
    /// From its leaving to its answer.
    issuer: Duration,
}

impl Killed {
    pub(crate) fn beyond_the_issuer(&self) -> Duration {
        self.until_success.saturating_sub(self.issuer)
    }
}

/// What was seen of the calls.
#[derive(Default)]
struct Seen {
    /// Where the latest request to the issuer went.
    latest: Option<u32>,
    left: HashMap<CallId, (u32, Instant)>,
    /// The site that was killed last and when, until a success elsewhere.
    death: Option<(u32, Instant)>,
    killed: Vec<Killed>,
}

type Shared = Arc<Mutex<Seen>>;

fn of(seen: &Shared) -> MutexGuard<'_, Seen> {
    seen.lock().expect("nobody panicked with it")
}

/// A wire that is looked at.
struct Spy {
    wire: Wire,
    seen: Shared,
}

impl Transport for Spy {
    fn now(&mut self) -> Now {
        self.wire.now()
    }

    fn start(&mut self, call: Call) {
        // Channel 0 is the issuer, channel 1 the rail.
        if call.id.channel.0 == 0 {
            let mut seen = of(&self.seen);
            seen.latest = Some(call.endpoint);
            seen.left.insert(call.id, (call.endpoint, Instant::now()));
        }
        self.wire.start(call);
    }

    fn next(&mut self, until: Option<Mono>) -> Option<Arrival> {
        let arrival = self.wire.next(until);
        let (id, replied) = match &arrival {
            Some(Arrival::Reply(id, _)) => (id, true),
            Some(Arrival::Lost(id, _)) => (id, false),
            _ => return arrival,
        };
        let mut seen = of(&self.seen);
        let left = seen.left.remove(id).filter(|_| replied);
        if let (Some((endpoint, left)), Some((dead, died))) = (left, seen.death) {
            if endpoint != dead && left >= died {
                let now = Instant::now();
                let (until_success, until_leaving) = (now - died, left - died);
                seen.killed.push(Killed { until_success, until_leaving, issuer: now - left });
                seen.death = None;
            }
        }
        drop(seen);
        arrival
    }

    fn acknowledge(&mut self, token: InboundToken, bytes: &[u8]) {
        self.wire.acknowledge(token, bytes);
    }
}

/// Requests at a rate until enough was killed.
struct Cards {
    began: Instant,
    come: u32,
    retired: u64,
    enough: Arc<AtomicBool>,
}

impl Source for Cards {
    fn due_in_ms(&mut self) -> i64 {
        let due = Duration::from_secs(1) * self.come / A_SECOND;
        i64::try_from(due.saturating_sub(self.began.elapsed()).as_millis()).unwrap_or(0)
    }

    fn next(&mut self) -> Option<Request> {
        if self.enough.load(Ordering::Relaxed) {
            return None;
        }
        self.come += 1;
        let request = Request::new(&format!("R-{}", self.come), &format!("seller-{}", self.come), "gift")
            .number(&format!("88{:014}", self.come))
            .secret("246810")
            .face(Amount::new(FACE, Currency::CNY));
        Some(request)
    }

    fn settled(
        &mut self,
        place: u64,
        _redemption: Option<RedemptionId>,
        outcome: Result<Outcome, SubmitError>,
    ) {
        let outcome = outcome.expect("a good request");
        assert_eq!(outcome.state(), "retired", "card {place}");
        self.retired += 1;
    }
}

/// What came of it all.
pub(crate) struct Run {
    pub(crate) killed: Vec<Killed>,
    pub(crate) retired: u64,
    pub(crate) books: Said,
}

pub(crate) struct Load {
    books: Arc<Books>,
    driver: Driver<Memory, Spy>,
    seen: Shared,
    sites: Sites,
}

struct Sites {
    ports: [u16; 2],
    target: u16,
    processes: [Child; 2],
}

impl Drop for Sites {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill().and_then(|()| process.wait());
        }
    }
}

impl Load {
    pub(crate) fn start() -> Self {
        let profiles = Profiles::parse(PROFILES).expect("sound");
        let issuers: Vec<_> = profiles.issuers.into_values().map(SimIssuer::new).collect();
        let rails: Vec<_> = profiles.rails.into_values().map(SimRail::new).collect();
        let adapters = issuers.iter().map(|issuer| issuer.issuer().expect("a sound key")).collect();
        let payouts = rails.iter().map(|rail| Box::new(rail.adapter().expect("a sound key")) as _).collect();
        let keys = KeyRing::new(
            vec![(KeyId(1), Secret::new(vec![7; 32]))],
            vec![(PepperVersion(1), Secret::new(vec![9; 32]))],
        );
        let catalogue = Catalogue::parse(CATALOGUE).expect("sound");
        let ring = keys.expect("both have 32 bytes");
        let setup = Setup::new(catalogue, Policy::default(), adapters, payouts, ring).expect("it fits");
        let (books, target) = Books::serve(&SimConfig::new(issuers, rails));
        let ports = [relay::free_port(), relay::free_port()];
        let processes = ports.map(|port| relay::start(port, target));
        let sites = (0..).zip(ports).map(|(site, port)| format!("http://127.0.0.1:{port}/gate/{site}"));
        let rail = ChannelTerms::new(vec![format!("http://127.0.0.1:{target}/wallet/0")]);
        let channels = vec![ChannelTerms::new(sites.collect()), rail];
        let wire = Wire::open(WireOptions { channels, ..WireOptions::default() }).expect("sound addresses");
        let seen = Shared::default();
        let spy = Spy { wire, seen: Arc::clone(&seen) };
        let driver = Driver::open(setup, Memory::new(), spy).expect("an empty store");
        Self { books, driver, seen, sites: Sites { ports, target, processes } }
    }

    pub(crate) fn run(mut self, kills: usize) -> Run {
        let enough = Arc::new(AtomicBool::new(false));
        let mut cards = Cards { began: Instant::now(), come: 0, retired: 0, enough: Arc::clone(&enough) };
        let seen = Arc::clone(&self.seen);
        let sites = &mut self.sites;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for kill in 0..kills {
                    // Both are back in use by then, at another moment of their work each time.
                    std::thread::sleep(Duration::from_millis(900 + (kill as u64 * 37) % 211));
                    sites.kill(&seen);
                }
                enough.store(true, Ordering::Relaxed);
            });
            self.driver.run(&mut cards).expect("it ends");
        });
        let killed = std::mem::take(&mut of(&self.seen).killed);
        assert_eq!(killed.len(), kills, "a success elsewhere after each kill");
        Run { killed, retired: cards.retired, books: self.books.say(FACE.into()) }
    }
}

impl Sites {
    /// Kills the site to which the latest request went, waits for a success elsewhere, and starts
    /// it again.
    fn kill(&mut self, seen: &Shared) {
        let dead = of(seen).latest.unwrap_or(0);
        let process = &mut self.processes[dead as usize];
        let died = Instant::now();
        process.kill().expect("it runs");
        of(seen).death = Some((dead, died));
        process.wait().expect("it was killed");
        let began = Instant::now();
        while of(seen).death.is_some() {
            assert!(began.elapsed() < Duration::from_secs(20), "no success elsewhere");
            std::thread::sleep(Duration::from_millis(1));
        }
        self.processes[dead as usize] = relay::start(self.ports[dead as usize], self.target);
    }
}
