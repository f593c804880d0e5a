//! The work that the benches share: cards of one online issuer, a far end that answers at once,
//! and the loop of a host, with the store on the same thread or on one beside it.

mod keeper;

use keeper::{Beside, Inline, Keeper};
use scrip::adapters::signed_json::{Asked, Server, SignedJson, SignedJsonRail};
use scrip::base::{Mono, Now, Reader, RedemptionId, Secret, ShortInput, Text, Wall, Writer};
use scrip::card::Catalogue;
use scrip::engine::{Bounds, Call, Engine, Event, Output, Policy, Recovery, Request, Setup};
use scrip::flow::State;
use scrip::host::{Memory, Store};
use scrip::issuer::{Accepted, Answer, Issuer, OpKind, Outcome, Profiles, Rail};
use scrip::money::{Amount, Currency};
use scrip::record::Batch;
use scrip::vault::{KeyId, KeyRing, PepperVersion};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::fs;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) const CATALOGUE: &str = include_str!("../../examples/data/catalogue.toml");
pub(crate) const POLICY: &str = include_str!("../../examples/data/policy.toml");
pub(crate) const PROFILES: &str = include_str!("../../examples/data/issuers.toml");
pub(crate) const PRODUCT: &str = "walmart-gift";
const START_MS: i64 = 1_795_305_600_000;
/// Set in a process that rehearses for another one: how many redemptions, and where the answers are left.
const REHEARSE: &str = "SCRIP_REHEARSE";
const REHEARSE_TO: &str = "SCRIP_REHEARSE_TO";
/// So many are in flight in a rehearsal for another process.
const IN_REHEARSAL: usize = 1_024;

/// The channel key of every issuer and rail here.
pub(crate) fn channel_key() -> Secret {
    Secret::new(vec![9; 32])
}

pub(crate) fn ring() -> KeyRing {
    let keys = vec![(KeyId(1), Secret::new(vec![1; 32]))];
    KeyRing::new(keys, vec![(PepperVersion(1), Secret::new(vec![2; 32]))]).expect("both have 32 bytes")
}

/// The shipped catalogue, policy and profiles.
pub(crate) fn setup(in_flight: usize) -> Setup {
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
        .bounds(Bounds { in_flight, ..Bounds::default() })
}

/// Card `n`: balance inquiry, debit, pay-out and receipt are four calls; device and address make
/// a second sealed side row.
pub(crate) fn request(n: usize) -> Request {
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
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// What a run did, and how long it took from the first submit to the last `Retired`.
pub(crate) struct Ran {
    /// By the clock.
    pub(crate) took: Duration,
    /// At work: the engine's thread.
    pub(crate) worked: Duration,
    /// At work: the store's thread, or the store on the engine's.
    pub(crate) kept: Duration,
    pub(crate) commits: u64,
    pub(crate) units: u64,
    /// Of all frames.
    pub(crate) bytes: u64,
    /// From submit to paid, in ascending order. With an offered rate from when the request was due,
    /// so that one which had to wait for its turn counts as waiting.
    pub(crate) waits: Vec<Duration>,
}

/// How requests come.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// At most so many redemptions at a time.
    pub(crate) in_flight: usize,
    /// How many requests a second there are; as many as there is room for if not said.
    pub(crate) offered: Option<u32>,
}

impl Load {
    pub(crate) const fn of(in_flight: usize) -> Self {
        Self { in_flight, offered: None }
    }

    /// When request `n` is due.
    fn due(self, start: Instant, n: usize) -> Instant {
        let after = |rate: u32| Duration::from_secs(1) * u32::try_from(n).expect("a run is short") / rate;
        start + self.offered.map_or(Duration::ZERO, after)
    }
}

/// Requests and, from a rehearsal, every answer to them: a timed run only looks answers up, so
/// that it measures no far end.
pub(crate) struct Trade {
    pub(crate) requests: Vec<Request>,
    /// At how many units a batch goes out ([`Bounds::early_units`]).
    pub(crate) early_units: usize,
    answers: Answers,
}

/// What the far end answers to each call: a host has its answers in its hands, so what the bench
/// itself looks up is found quickly. Those of one redemption lie in one piece.
#[derive(Default)]
struct Answers {
    told: Vec<Told>,
    of: ById<RedemptionId, usize>,
}

struct Told {
    redemption: RedemptionId,
    bytes: Vec<u8>,
    /// Where each begins and ends.
    of: Vec<(OpKind, Range<usize>)>,
}

impl Answers {
    fn put(&mut self, redemption: RedemptionId, kind: OpKind, reply: &[u8]) {
        let at = *self.of.entry(redemption).or_insert(self.told.len());
        if at == self.told.len() {
            self.told.push(Told { redemption, bytes: Vec::new(), of: Vec::new() });
        }
        let told = &mut self.told[at];
        let begin = told.bytes.len();
        told.bytes.extend(reply);
        told.of.push((kind, begin..told.bytes.len()));
    }

    fn to(&self, call: &Call) -> &[u8] {
        let told = &self.told[self.of[&call.redemption]];
        let (_, range) = told.of.iter().find(|(kind, _)| *kind == call.kind).expect("it was rehearsed");
        &told.bytes[range.clone()]
    }

    /// For another process: redemption, number of the kind, length and reply of each.
    fn save(&self, path: &Path) -> io::Result<()> {
        let mut out = Vec::new();
        let w = &mut Writer::new(&mut out);
        for (told, (kind, range)) in
            self.told.iter().flat_map(|told| told.of.iter().map(move |of| (told, of)))
        {
            let length = u32::try_from(range.len()).expect("it is short");
            w.raw(&told.redemption.0).u8(kind.number()).u32(length).raw(&told.bytes[range.clone()]);
        }
        fs::write(path, out)
    }

    fn load(path: &Path) -> Self {
        let (all, mut answers) = (fs::read(path).expect("it was written"), Self::default());
        let r = &mut Reader::new(&all);
        let mut next = || {
            let (id, kind, length) = (r.array()?, r.u8()?, r.u32()?);
            Ok::<_, ShortInput>((RedemptionId(id), kind, r.take(length as usize)?, r.is_empty()))
        };
        loop {
            let (id, kind, reply, last) = next().expect("it is whole");
            answers.put(id, OpKind::from_number(kind).expect("a kind of ours"), reply);
            if last {
                return answers;
            }
        }
    }
}

type ById<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Ids are digests: hardly anything is left to mix.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for some in bytes.chunks_exact(8) {
            let word = u64::from_le_bytes(some.try_into().expect("it is 8 bytes"));
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
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
        let (mut answers, mut seen) = (Answers::default(), Seen::default());
        let mut batches = Vec::new();
        let answer = &mut |call: &Call| {
            let asked = server.read(&call.bytes).expect("a message of ours").remove(0);
            let reply = server.answer(&[(asked.reference, yes(&server, &asked))]);
            answers.put(call.redemption, call.kind, &reply);
            seen.asked.push(asked);
            seen.replies.push(reply.clone());
            Cow::Owned(reply)
        };
        let early_units = Bounds::default().early_units;
        let engine = open(in_flight, early_units, store);
        let mut keeper = Inline::new(store);
        run(engine, &requests, Load::of(in_flight), &mut keeper, answer, &mut |batch| {
            batches.push(batch.clone());
        });
        seen.batches = batches;
        (Self { requests, early_units, answers }, seen)
    }

    /// As [`Trade::rehearse`], but in a process of its own, so that this one's heap is as a program's is that
    /// begins to redeem.
    pub(crate) fn rehearsed(count: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the answers");
        let to = folder.path().join("answers");
        again(&[(REHEARSE, count.to_string().as_ref()), (REHEARSE_TO, to.as_ref())]);
        let (requests, answers) = ((0..count).map(request).collect(), Answers::load(&to));
        Self { requests, early_units: Bounds::default().early_units, answers }
    }

    /// Rehearses for another process, if this one was started for that: then there is nothing else to do.
    pub(crate) fn rehearses_for_another() -> bool {
        let Some(to) = std::env::var_os(REHEARSE_TO) else { return false };
        let count = std::env::var(REHEARSE).expect("set as well").parse().expect("how many");
        let (trade, _) = Self::rehearse(count, IN_REHEARSAL, &mut Memory::new());
        trade.answers.save(Path::new(&to)).expect("there is room for the answers");
        true
    }

    /// Redeems the first `count` cards on one thread.
    pub(crate) fn run(&self, count: usize, in_flight: usize, store: &mut impl Store) -> Ran {
        let engine = open(in_flight, self.early_units, store);
        self.work(engine, count, Load::of(in_flight), &mut Inline::new(store))
    }

    /// Redeems the first `count` cards with the store on a thread of its own, as the service has it.
    pub(crate) fn run_beside(&self, count: usize, load: Load, store: &mut (impl Store + Send)) -> Ran {
        let engine = open(load.in_flight, self.early_units, store);
        std::thread::scope(|scope| self.work(engine, count, load, &mut Beside::start(scope, store)))
    }

    fn work(&self, engine: Engine, count: usize, load: Load, keeper: &mut dyn Keeper) -> Ran {
        let answer = &mut |call: &Call| Cow::Borrowed(self.answers.to(call));
        run(engine, &self.requests[..count], load, keeper, answer, &mut |_| {})
    }
}

pub(crate) fn yes(server: &Server, asked: &Asked) -> Answer {
    let reference = Text::new(&format!("{}-{}", asked.kind.name(), asked.reference)).expect("it is short");
    let card = asked.card.as_ref().map(|card| server.card_tag(card.data()));
    let accepted = Accepted { reference, amount: asked.amount, card, generation: None };
    Answer { kind: asked.kind, outcome: Outcome::Accepted(accepted), by_file: false }
}

fn open(in_flight: usize, early_units: usize, store: &mut impl Store) -> Engine {
    let setup = setup(in_flight).bounds(Bounds { in_flight, early_units, ..Bounds::default() });
    let mut recovery = Recovery::of_log(store.log());
    let epoch = store.recover(&mut recovery).expect("an empty store");
    recovery.finish(setup, epoch, [7; 32]).expect("an empty store")
}

/// Whether the seller has the money.
fn is_paid(state: State) -> bool {
    matches!(state, State::Paid | State::Split | State::Cleared | State::Retired)
}

/// The loop of a host.
fn run<'a>(
    mut engine: Engine,
    requests: &[Request],
    load: Load,
    keeper: &mut dyn Keeper,
    answer: &mut dyn FnMut(&Call) -> Cow<'a, [u8]>,
    committed: &mut dyn FnMut(&Batch),
) -> Ran {
    let (mut taken, mut arrivals) = (0_usize, VecDeque::new());
    let mut begun = ById::with_capacity_and_hasher(load.in_flight, BuildHasherDefault::default());
    let (mut retired, mut commits, mut units, mut bytes) = (0, 0, 0, 0);
    let mut waits = Vec::with_capacity(requests.len());
    let (worked, start) = (Worked::start(), Instant::now());
    while retired < requests.len() {
        let mut idle = true;
        // A redemption is in flight until its end is durable; the engine has let go of it before.
        let room = |taken: usize, retired: usize, engine: &Engine| {
            taken < requests.len() && taken - retired < load.in_flight && engine.room() > 0
        };
        // As the service has it: each request makes some four replies.
        let most = if arrivals.is_empty() { keeper.at_once() } else { keeper.at_once() / 4 };
        let upto = taken.saturating_add(most);
        while taken < upto && room(taken, retired, &engine) && load.due(start, taken) <= Instant::now() {
            let id = engine.submit(&requests[taken]).expect("a good request");
            begun.insert(id, if load.offered.is_some() { load.due(start, taken) } else { Instant::now() });
            (taken, idle) = (taken + 1, false);
        }
        while let Some(output) = engine.poll(now(start)) {
            idle = false;
            match output {
                Output::Commit(batch) => {
                    (commits, units) = (commits + 1, units + batch.units().len() as u64);
                    bytes += batch.bytes().len() as u64;
                    keeper.hand(batch);
                }
                Output::Call(call) => arrivals.push_back((call.id, answer(&call))),
                Output::Event(Event::Moved { redemption, summary }) => {
                    assert!(!summary.state.waits_for_people(), "{summary:?}");
                    if is_paid(summary.state) {
                        waits.extend(begun.remove(&redemption).map(|begun| begun.elapsed()));
                    }
                    retired += usize::from(summary.state == State::Retired);
                }
                other => panic!("not on the straight path: {other:?}"),
            }
            if let Some(batch) = keeper.back(Duration::ZERO) {
                committed(&batch);
                engine.committed(batch).expect("it is the engine's own");
            }
        }
        for (id, reply) in arrivals.drain(..arrivals.len().min(keeper.at_once())) {
            idle = false;
            engine.reply(id, &reply).expect("the channel is known");
        }
        let due = room(taken, retired, &engine).then(|| load.due(start, taken));
        let wait = due.map_or(keeper::LONG, |due| due.saturating_duration_since(Instant::now()));
        if let Some(batch) = keeper.back(if idle { wait } else { Duration::ZERO }) {
            committed(&batch);
            engine.committed(batch).expect("it is the engine's own");
        }
    }
    let (took, worked) = (start.elapsed(), worked.so_far());
    waits.sort_unstable();
    Ran { took, worked, kept: keeper.worked(), commits, units, bytes, waits }
}

pub(crate) fn now(start: Instant) -> Now {
    let ms = i64::try_from(start.elapsed().as_millis()).expect("a run is short");
    Now { mono: Mono(ms), wall: Wall(START_MS + ms) }
}

/// Runs this bench once more, in a process of its own, with these variables.
pub(crate) fn again(variables: &[(&str, &OsStr)]) {
    let own = std::env::current_exe().expect("a process knows its program");
    let status = Command::new(own).arg("--bench").envs(variables.iter().copied()).status();
    assert!(status.expect("it can be started again").success());
}

/// Events per second.
pub(crate) fn per_second(count: u64, took: Duration) -> u128 {
    u128::from(count) * 1_000_000_000 / took.as_nanos().max(1)
}
