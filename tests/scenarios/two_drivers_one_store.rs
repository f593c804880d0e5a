//! Two drivers over one shared store: a card is bought once whichever node it comes to, what a dead
//! node left is taken over and ends once, and a node with other keys is turned away.

use scrip::base::{Mono, Now, RedemptionId, Secret};
use scrip::card::Catalogue;
use scrip::engine::{Call, CallId, Policy, RecoverError, Request, Setup};
use scrip::host::{Arrival, Driver, InboundToken, RunError, Shared, SharedNode, StoreError, Transport};
use scrip::issuer::{Profiles, Rail};
use scrip::money::{Amount, Currency};
use scrip::sim::{SimConfig, SimIssuer, SimRail, SimTransport};
use scrip::vault::{KeyId, KeyRing, PepperVersion};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

const CHANNELS: &str = r#"
[issuer.gift]
adapter = "signed_json"
verify = "balance"
evidence = "online"
idempotency = "issuer"
recipe = "query"
can_reverse = true
endpoints = ["a"]
[rail.pay]
adapter = "signed_json"
idempotent = true
endpoints = ["r"]
"#;

const CATALOGUE: &str = r#"
[product.gift]
issuer = "gift"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1", max = "500" }
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6] }
"#;

const LEASE_MS: i64 = 60_000;

fn world() -> SimConfig {
    let profiles = Profiles::parse(CHANNELS).unwrap();
    let issuers = profiles.issuers.into_values().map(SimIssuer::new).collect();
    SimConfig::new(issuers, profiles.rails.into_values().map(SimRail::new).collect())
}

fn setup(pepper: u8) -> Setup {
    let world = world();
    let ring = KeyRing::new(
        vec![(KeyId(1), Secret::new(vec![7; 32]))],
        vec![(PepperVersion(1), Secret::new(vec![pepper; 32]))],
    );
    let issuers = world.issuers.iter().map(|issuer| issuer.issuer().unwrap()).collect();
    let rail = |rail: &SimRail| Box::new(rail.adapter().unwrap()) as Box<dyn Rail>;
    let rails = world.rails.iter().map(rail).collect();
    let catalogue = Catalogue::parse(CATALOGUE).unwrap();
    Setup::new(catalogue, Policy::default(), issuers, rails, ring.unwrap()).unwrap()
}

/// The one world and its clock; replies go to the driver that asked.
struct Net {
    world: SimTransport,
    asked_by: BTreeMap<CallId, usize>,
    mail: [VecDeque<Arrival>; 2],
}

/// One driver's end of it.
#[derive(Clone)]
struct Line(Rc<RefCell<Net>>, usize, Shared);

impl Transport for Line {
    fn now(&mut self) -> Now {
        let now = self.0.borrow_mut().world.now();
        self.2.set_clock(now.mono.0);
        now
    }

    fn start(&mut self, call: Call) {
        let net = &mut *self.0.borrow_mut();
        net.asked_by.insert(call.id, self.1);
        net.world.start(call);
    }

    fn next(&mut self, until: Option<Mono>) -> Option<Arrival> {
        let net = &mut *self.0.borrow_mut();
        loop {
            if let Some(arrival) = net.mail[self.1].pop_front() {
                return Some(arrival);
            }
            let arrival = net.world.next(until)?;
            let to = match &arrival {
                Arrival::Reply(id, _) | Arrival::Lost(id, _) => net.asked_by[id],
                Arrival::Inbound(..) => self.1,
            };
            net.mail[to].push_back(arrival);
        }
    }

    fn acknowledge(&mut self, token: InboundToken, bytes: &[u8]) {
        self.0.borrow_mut().world.acknowledge(token, bytes);
    }
}

struct Town {
    store: Shared,
    net: Rc<RefCell<Net>>,
}

type Node = Driver<SharedNode, Line>;

impl Town {
    fn new() -> Self {
        let world = SimTransport::open(&world()).unwrap();
        let net = Net { world, asked_by: BTreeMap::new(), mail: Default::default() };
        Self { store: Shared::new(LEASE_MS, LEASE_MS / 4), net: Rc::new(RefCell::new(net)) }
    }

    fn try_open(&self, log: u32, pepper: u8) -> Result<Node, RunError> {
        let line = Line(self.net.clone(), log as usize - 1, self.store.clone());
        Driver::open(setup(pepper), self.store.node(log), line)
    }

    fn open(&self, log: u32) -> Node {
        self.try_open(log, 9).unwrap()
    }

    /// How often a redemption is debited and paid, as issuer and rail have it.
    fn moved(&self, id: RedemptionId) -> (usize, usize) {
        let oracle = self.net.borrow_mut().world.world().oracle();
        assert!(oracle.twice().is_empty());
        let debits = oracle.debits().filter(|debit| debit.reference.redemption == id && !debit.reversed);
        let payouts = oracle.payouts().filter(|payout| payout.reference.redemption == id);
        (debits.count(), payouts.count())
    }
}

fn request(n: u32, card: u32) -> Request {
    let request = Request::new(&format!("R-{n}"), &format!("S-{n}"), "gift");
    let face = Amount::new(10_000, Currency::CNY);
    request.number(&format!("232610{card:010}")).secret("730101").face(face)
}

#[test]
fn a_card_is_bought_once_whichever_node_it_comes_to() {
    let town = Town::new();
    let (mut first, mut second) = (town.open(1), town.open(2));
    assert_eq!(first.redeem(&request(1, 1)).unwrap().state(), "retired");
    let again = second.redeem(&request(2, 1)).unwrap();
    assert_eq!(again.state(), "already_sold");
    assert_eq!(second.redeem(&request(3, 2)).unwrap().state(), "retired");
    let resent = second.redeem(&request(1, 1)).unwrap();
    assert!(matches!(resent, scrip::host::Outcome::Replayed(_)), "{resent:?}");
    let moved = [1, 2, 3].map(|n| town.moved(request(n, 0).redemption()));
    assert_eq!(moved, [(1, 1), (0, 0), (1, 1)]);
}

#[test]
fn what_one_node_has_under_way_is_busy_at_the_other() {
    let town = Town::new();
    let (mut first, mut second) = (town.open(1), town.open(2));
    first.engine().submit(&request(1, 1)).unwrap();
    first.turn(&mut |_| {}).unwrap();
    assert_eq!(second.redeem(&request(2, 1)).unwrap().state(), "card_busy");
    let id = request(1, 1).redemption();
    while first.engine().redemption(id).is_some() {
        first.wait(None).unwrap();
        first.turn(&mut |_| {}).unwrap();
    }
    assert_eq!(town.moved(id), (1, 1));
}

#[test]
fn a_dead_node_s_redemption_ends_once_at_the_other_wherever_it_was_cut_off() {
    for turns in 0..9 {
        let town = Town::new();
        let (mut first, mut second) = (town.open(1), town.open(2));
        let id = first.engine().submit(&request(1, 1)).unwrap();
        first.turn(&mut |_| {}).unwrap();
        for _ in 0..turns {
            first.wait(None).unwrap();
            first.turn(&mut |_| {}).unwrap();
            second.turn(&mut |_| {}).unwrap();
        }
        // It stands still from here on; its replies are never read.
        let end = Line(town.net.clone(), 1, town.store.clone()).now().mono.plus(20 * LEASE_MS);
        let mut ended = false;
        while second.transport().now().mono < end {
            second.wait(Some(end)).unwrap();
            second.turn(&mut |_| {}).unwrap();
            ended |= second.engine().redemption(id).is_none();
        }
        assert!(ended, "cut off after {turns} turns");
        assert_eq!(town.moved(id), (1, 1), "cut off after {turns} turns");
        let told = second.redeem(&request(1, 1)).unwrap();
        assert_eq!(told.state(), "retired", "cut off after {turns} turns");
        // It wakes and has been overtaken, if it had anything left.
        let woken = first.turn(&mut |_| {});
        assert!(matches!(woken, Ok(()) | Err(RunError::Store(StoreError::Fenced { .. }))), "{woken:?}");
        assert_eq!(town.moved(id), (1, 1), "cut off after {turns} turns, and woken");
    }
}

#[test]
fn a_node_with_other_keys_than_its_store_is_turned_away_at_opening() {
    let town = Town::new();
    drop(town.open(1));
    let refused = town.try_open(2, 10).err();
    assert!(matches!(refused, Some(RunError::Recover(RecoverError::Keys(_)))), "{refused:?}");
    let mut second = town.open(2);
    assert_eq!(second.redeem(&request(1, 1)).unwrap().state(), "retired");
}
