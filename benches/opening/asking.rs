//! A journal with a long past is opened and asked for what it knows.

use crate::common::{PRODUCT, Worked, now, request, setup};
use crate::past::LIVES;
use scrip::base::RedemptionId;
use scrip::engine::{Engine, Event, Output, Recovery, Reply, Request};
use scrip::flow::State;
use scrip::host::{Journal, Store};
use scrip::money::{Amount, Currency};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) const COLD: &str = "SCRIP_PAST_CACHE";
pub(crate) const HEAD: &str =
    "| page cache | opened | taken up | memory before | after | names read | memory then |
|---|---:|---:|---:|---:|---:|---:|";
pub(crate) const ASKED: &str = "SCRIP_PAST_ASKED";

/// Opens the journal in `folder`, prints a line of what that took, and a table of questions.
pub(crate) fn measure(folder: &Path) {
    let cache = std::env::var(COLD).unwrap_or_default();
    let asked = std::env::var(ASKED).ok().and_then(|text| text.parse().ok()).unwrap_or(64);
    let before = resident();
    let start = Instant::now();
    let mut journal = Journal::open(folder).expect("a journal");
    let opened = start.elapsed();
    let mut recovery = Recovery::new();
    let epoch = journal.recover(&mut recovery).expect("it is whole");
    let engine = recovery.finish(setup(4 * asked), epoch, [8; 32]).expect("the log is ours");
    let taken_up = start.elapsed();
    let after = resident();
    let mut desk = Desk { engine, journal, asked };
    // At once: names may still be read, and then every one of them is looked up.
    let early = desk.ask("at once", &Kind::Fresh(0));
    desk.wait_for_names();
    let (names, then) = (start.elapsed(), resident());
    let mib = |bytes: u64| format!("{}.{} MiB", bytes >> 20, (bytes >> 10) % 1_024 * 10 / 1_024);
    println!(
        "| {cache} | {opened:.1?} | {taken_up:.1?} | {} | {} | {names:.1?} | {} |\n",
        mib(before),
        mib(after),
        mib(then)
    );
    println!("| {cache}: what is asked | asked | p50 | p99 | longest | thread at work, each |");
    println!("|---|---:|---:|---:|---:|---:|");
    println!("{early}");
    println!("{}", desk.ask("a known request", &Kind::Known));
    println!("{}", desk.ask("a known card", &Kind::Sold));
    println!("{}\n", desk.ask("a fresh card", &Kind::Fresh(1)));
}

enum Kind {
    /// A request that was worked off.
    Known,
    /// A card that was redeemed, under another request.
    Sold,
    /// A card that nobody knows, from this number on.
    Fresh(usize),
}

impl Kind {
    fn request(&self, n: usize) -> Request {
        // Not what an earlier process has asked of the same journal.
        let own = std::process::id() as usize;
        match self {
            Self::Known => request(n),
            Self::Sold => card(&format!("again-{own}-{n}"), n),
            Self::Fresh(from) => card(&format!("fresh-{own}-{}", from + n), own * 1_000_000 + from + n),
        }
    }
}

fn card(request_id: &str, n: usize) -> Request {
    let request = Request::new(request_id, &format!("late-{}", n % 50), PRODUCT);
    let request = request.number(&format!("88{n:014}")).secret("123456").channel("shop");
    request.face(Amount::new(10_000, Currency::CNY))
}

struct Desk {
    engine: Engine,
    journal: Journal,
    /// So many of each kind are asked, spread over all lives.
    asked: usize,
}

impl Desk {
    /// Asks one after the other, each until the answer, and what it commits, is durable.
    fn ask(&mut self, what: &str, kind: &Kind) -> String {
        let worked = Worked::start();
        let mut times: Vec<Duration> = Vec::new();
        for n in 0..self.asked {
            // Far apart, so that no two lie on a page of the tables.
            let request = kind.request(n * (LIVES / self.asked));
            let begun = Instant::now();
            let id = self.engine.submit(&request).expect("a good request");
            self.answered(id, kind);
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let at = |share: usize| times[(times.len() * share / 1_000).min(times.len() - 1)];
        let each = worked.so_far() / u32::try_from(self.asked).expect("few are asked");
        let asked = self.asked;
        format!("| {what} | {asked} | {:.1?} | {:.1?} | {:.1?} | {each:.1?} |", at(500), at(990), at(1_000))
    }

    fn answered(&mut self, id: RedemptionId, kind: &Kind) {
        let mut answered = false;
        while !answered {
            // Its time stands still: nobody answers the calls, and where a run is slow they would be
            // overdue, and the issuer be asked for nothing any more.
            let output = self.engine.poll(now(Instant::now())).expect("an answer is on its way");
            match (output, kind) {
                (Output::Commit(mut batch), _) => {
                    self.journal.commit(&mut batch).expect("the journal takes it");
                    self.engine.committed(batch).expect("it is the engine's own");
                }
                (Output::Event(Event::Answered { redemption, reply }), Kind::Known) if redemption == id => {
                    assert!(matches!(reply, Reply::Replayed(summary) if summary.state == State::Retired));
                    answered = true;
                }
                (Output::Event(Event::Moved { redemption, summary }), Kind::Sold) if redemption == id => {
                    // A card that is asked for too often is frozen, or for people to look at.
                    answered = summary.state.is_end() || summary.state.waits_for_people();
                }
                // The first call: its claim is durable. Nobody answers it.
                (Output::Call(call), Kind::Fresh(_)) => answered = call.redemption == id,
                (Output::Event(Event::Moved { .. }) | Output::Call(_), _) => {}
                (other, _) => panic!("not expected: {other:?}"),
            }
        }
    }

    /// Waits until the names that the tables hold are in memory: memory then grows no more.
    fn wait_for_names(&self) {
        let mut last = 0;
        loop {
            let busy = thread_named("scrip-names");
            let now = resident();
            if !busy && now == last {
                return;
            }
            last = now;
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Whether this process has a thread of that name (Linux; nowhere else is this known).
fn thread_named(name: &str) -> bool {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("comm")).ok());
    names.into_iter().any(|found| found.trim() == name)
}

/// What of the process lies in memory, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
    number.unwrap_or_default() << 10
}
