//! The work that the benches share: cards of one online issuer, a far end that answers at once,
//! and the loop of a host.

#![allow(dead_code, reason = "not every bench uses all of it")]

use scrip::adapters::signed_json::{Asked, Server, SignedJson, SignedJsonRail};
use scrip::base::{Mono, Now, RedemptionId, Secret, Text, Wall};
use scrip::card::Catalogue;
use scrip::engine::{Bounds, Call, Engine, Event, Output, Policy, Recovery, Request, Setup};
use scrip::flow::State;
use scrip::host::Store;
use scrip::issuer::{Accepted, Answer, Issuer, OpKind, Outcome, Profiles, Rail};
use scrip::money::{Amount, Currency};
use scrip::record::Batch;
use scrip::vault::{KeyId, KeyRing, PepperVersion};
use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

pub(crate) const CATALOGUE: &str = include_str!("../../examples/data/catalogue.toml");
pub(crate) const POLICY: &str = include_str!("../../examples/data/policy.toml");
pub(crate) const PROFILES: &str = include_str!("../../examples/data/issuers.toml");
pub(crate) const PRODUCT: &str = "walmart-gift";
const START_MS: i64 = 1_795_305_600_000;

/// The channel key of every issuer and rail here.
pub(crate) fn channel_key() -> Secret {
    Secret::new(vec![9; 32])
}

pub(crate) fn ring() -> KeyRing {
    let keys = vec![(KeyId(1), Secret::new(vec![1; 32]))];
    KeyRing::new(keys, vec![(PepperVersion(1), Secret::new(vec![2; 32]))]).expect("both have 32 bytes")
}

/// The shipped catalogue, policy and profiles.
fn setup(in_flight: usize, early_units: usize) -> Setup {
    let profiles = Profiles::parse(PROFILES).expect("shipped");
    let issuers = profiles.issuers.into_values().map(|profile| {
        Box::new(SignedJson::new(profile, channel_key()).expect("32 bytes")) as Box<dyn Issuer>
    });
    let rails = profiles.rails.into_values().map(|profile| {
        Box::new(SignedJsonRail::new(profile, channel_key()).expect("32 bytes")) as Box<dyn Rail>
    });
    let (catalogue, policy) = (Catalogue::parse(CATALOGUE), Policy::parse(POLICY));
    let (catalogue, policy) = (catalogue.expect("shipped"), policy.expect("shipped"));
    Setup::new(catalogue, policy, issuers.collect(), rails.collect(), ring())
        .expect("the shipped parts fit")
        .bounds(Bounds { in_flight, early_units, ..Bounds::default() })
}

/// Card `n`: balance inquiry, debit, pay-out and receipt are four calls; device and address make
/// a second sealed side row.
fn request(n: usize) -> Request {
    Request::new(&format!("R-{n}"), &format!("seller-{}", n % 50), PRODUCT)
        .number(&format!("88{n:014}"))
        .secret(&format!("{:06}", n % 1_000_000))
        .face(Amount::new(10_000, Currency::CNY))
        .channel("shop")
        .device(&format!("device-{}", n % 500))
        .ip("192.0.2.7")
}

/// Time that this thread was at work, where the system tells it (Linux): other work on the machine
/// then counts less. Elsewhere the time that went by.
pub(crate) struct Worked {
    start: Instant,
    before: Option<Duration>,
}

impl Worked {
    pub(crate) fn start() -> Self {
        let before = thread_time();
        Self { start: Instant::now(), before }
    }

    pub(crate) fn so_far(&self) -> Duration {
        match (self.before, thread_time()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.start.elapsed(),
        }
    }
}

fn thread_time() -> Option<Duration> {
    // The kernel brings the count up to date when the thread gives way.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// What a run did, and how long it took from the first submit to the last `Retired`.
pub(crate) struct Ran {
    /// By the clock.
    pub(crate) took: Duration,
    /// At work.
    pub(crate) worked: Duration,
    pub(crate) commits: u64,
}

/// Requests and, from a rehearsal, every answer to them: a timed run only looks answers up, so
/// that it measures no far end.
pub(crate) struct Trade {
    pub(crate) requests: Vec<Request>,
    /// At how many units a batch goes out already, see [`Bounds`].
    pub(crate) early_units: usize,
    answers: HashMap<(RedemptionId, OpKind), Vec<u8>>,
}

/// What a rehearsal saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) asked: Vec<Asked>,
    pub(crate) replies: Vec<Vec<u8>>,
    /// With their verdicts.
    pub(crate) batches: Vec<Batch>,
}

impl Trade {
    pub(crate) fn rehearse(count: usize, in_flight: usize, store: &mut impl Store) -> (Self, Seen) {
        let requests: Vec<Request> = (0..count).map(request).collect();
        let server = Server::new(channel_key()).expect("32 bytes");
        let (mut answers, mut seen) = (HashMap::new(), Seen::default());
        let mut batches = Vec::new();
        let answer = &mut |call: &Call| {
            let asked = server.read(&call.bytes).expect("a message of ours").remove(0);
            let reply = server.answer(&[(asked.reference, yes(&server, &asked))]);
            answers.insert((call.redemption, call.kind), reply.clone());
            seen.asked.push(asked);
            seen.replies.push(reply.clone());
            reply
        };
        let early_units = Bounds::default().early_units;
        let engine = open(store, in_flight, early_units);
        let committed = &mut |batch: &Batch| batches.push(batch.clone());
        run(engine, &requests, &mut Here { store, committed }, answer);
        seen.batches = batches;
        (Self { requests, early_units, answers }, seen)
    }

    /// Redeems the first `count` cards.
    pub(crate) fn run(&self, count: usize, in_flight: usize, store: &mut impl Store) -> Ran {
        let answer = &mut |call: &Call| self.answers[&(call.redemption, call.kind)].clone();
        let engine = open(store, in_flight, self.early_units);
        run(engine, &self.requests[..count], &mut Here { store, committed: &mut |_| {} }, answer)
    }

    /// As [`Trade::run`], with the store on a thread of its own; only the engine's is "at work".
    pub(crate) fn run_apart(
        &self,
        early_units: usize,
        count: usize,
        in_flight: usize,
        mut store: impl Store + Send,
    ) -> Ran {
        let answer = &mut |call: &Call| self.answers[&(call.redemption, call.kind)].clone();
        let engine = open(&mut store, in_flight, early_units);
        let ((to, batches), (back, from)) = (channel::<Batch>(), channel());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for mut batch in batches {
                    store.commit(&mut batch).expect("the store takes it");
                    back.send(batch).expect("the engine waits for it");
                }
            });
            run(engine, &self.requests[..count], &mut Apart { to, from, out: false }, answer)
        })
    }
}

fn yes(server: &Server, asked: &Asked) -> Answer {
    let reference = Text::new(&format!("{}-{}", asked.kind.name(), asked.reference)).expect("it is short");
    let card = asked.card.as_ref().map(|card| server.card_tag(card.data()));
    let accepted = Accepted { reference, amount: asked.amount, card, generation: None };
    Answer { kind: asked.kind, outcome: Outcome::Accepted(accepted), by_file: false }
}

/// Who commits a batch, and hands it back.
trait Committer {
    /// Takes it; `None` if it comes back later.
    fn commit(&mut self, batch: Batch) -> Option<Batch>;

    /// What has come back; waits for it if there is nothing else to do.
    fn back(&mut self, _wait: bool) -> Option<Batch> {
        None
    }
}

/// The store on the engine's thread.
struct Here<'a, S> {
    store: &'a mut S,
    committed: &'a mut dyn FnMut(&Batch),
}

impl<S: Store> Committer for Here<'_, S> {
    fn commit(&mut self, mut batch: Batch) -> Option<Batch> {
        self.store.commit(&mut batch).expect("the store takes it");
        (self.committed)(&batch);
        Some(batch)
    }
}

/// The store on a thread of its own.
struct Apart {
    to: Sender<Batch>,
    from: Receiver<Batch>,
    out: bool,
}

impl Committer for Apart {
    fn commit(&mut self, batch: Batch) -> Option<Batch> {
        self.to.send(batch).expect("the store's thread lives as long");
        self.out = true;
        None
    }

    fn back(&mut self, wait: bool) -> Option<Batch> {
        let back = match (self.out, wait) {
            (false, _) => None,
            (true, false) => self.from.try_recv().ok(),
            (true, true) => Some(self.from.recv().expect("the store's thread lives as long")),
        };
        self.out &= back.is_none();
        back
    }
}

fn open(store: &mut impl Store, in_flight: usize, early_units: usize) -> Engine {
    let mut recovery = Recovery::new();
    let epoch = store.recover(&mut recovery).expect("an empty store");
    recovery.finish(setup(in_flight, early_units), epoch, [7; 32]).expect("an empty store")
}

/// The loop of a host.
fn run(
    mut engine: Engine,
    requests: &[Request],
    store: &mut dyn Committer,
    answer: &mut dyn FnMut(&Call) -> Vec<u8>,
) -> Ran {
    let (mut waiting, mut arrivals) = (requests.iter(), VecDeque::new());
    let (mut retired, mut commits) = (0, 0);
    let (worked, start) = (Worked::start(), Instant::now());
    while retired < requests.len() {
        while engine.room() > 0 {
            let Some(request) = waiting.next() else { break };
            engine.submit(request).expect("a good request");
        }
        while let Some(output) = engine.poll(now(start)) {
            match output {
                Output::Commit(batch) => {
                    commits += 1;
                    if let Some(batch) = store.commit(batch) {
                        engine.committed(batch).expect("it is the engine's own");
                    }
                }
                Output::Call(call) => arrivals.push_back((call.id, answer(&call))),
                Output::Event(Event::Moved { summary, .. }) => {
                    assert!(!summary.state.waits_for_people(), "{summary:?}");
                    retired += usize::from(summary.state == State::Retired);
                }
                other => panic!("not on the straight path: {other:?}"),
            }
        }
        let wait = arrivals.is_empty();
        for (id, reply) in arrivals.drain(..) {
            engine.reply(id, &reply).expect("the channel is known");
        }
        if let Some(batch) = store.back(wait) {
            engine.committed(batch).expect("it is the engine's own");
        }
    }
    Ran { took: start.elapsed(), worked: worked.so_far(), commits }
}

fn now(start: Instant) -> Now {
    let ms = i64::try_from(start.elapsed().as_millis()).expect("a run is short");
    Now { mono: Mono(ms), wall: Wall(START_MS + ms) }
}

/// Events per second.
pub(crate) fn per_second(count: u64, took: Duration) -> u128 {
    u128::from(count) * 1_000_000_000 / took.as_nanos().max(1)
}
