//! Durable redemptions: the bare disk, plain databases that do the same rows, the stores alone, and
//! whole redemptions on each store, in one run, so that they can be compared.
//!
//! `cargo bench --bench durable --features postgres`; without `--bench` a mere check that it runs.
//! `SCRIP_PART` of 4 makes a quarter as many redemptions for each figure, where the disk is slow;
//! `SCRIP_ONLY` and `SCRIP_STORES` name the tables and the stores that are wanted, as
//! `SCRIP_ONLY=redemptions,offered SCRIP_STORES=journal`.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "shared with other benches")]
mod common;
mod device;
mod floor;
#[path = "../memory/mod.rs"]
#[allow(dead_code, reason = "shared with another bench")]
mod memory;
mod plain;
mod stores;

use common::{Load, Trade, again, per_second};
use floor::{Floor, floor};
use plain::{Timed, bare};
use scrip::host::Memory;
use std::time::Duration;
use stores::{Ground, Kind, Redeemed, folder};

/// How many are in flight, and how many redemptions a run takes.
const RUNS: [(usize, usize); 4] = [(1, 1_024), (64, 8_192), (1_024, 24_576), (8_192, 32_768)];
/// For so long that what the journal puts off for a second counts as well.
const LASTING: (usize, usize) = (1_024, 196_608);
/// Set in the process that does so.
const LASTING_ONLY: &str = "SCRIP_LASTING";
const QUICK: [(usize, usize); 1] = [(16, 64)];
/// Records in a batch of the plain runs.
const BATCHES: [u64; 3] = [1, 32, 256];
/// So many commits the bare disk and plain databases make for a figure.
const COMMITS: u64 = 400;
const OFFERED: [u32; 3] = [2_500, 5_000, 10_000];
const OFFERED_SECONDS: u32 = 3;
/// At so many units a batch goes out, as the service has it.
const EARLY_UNITS: usize = 64;
/// In hundredths: so much of what is offered must be done for it to count as reached.
const REACHED: u128 = 98;

struct Bench {
    ground: Ground,
    full: bool,
    part: usize,
    trade: Trade,
}

/// Prints one table.
type Show = fn(&Bench);

fn main() {
    if Trade::rehearses_for_another() {
        return;
    }
    let full = std::env::args().any(|arg| arg == "--bench");
    let part = std::env::var("SCRIP_PART").map_or(1, |text| text.parse().expect("SCRIP_PART is a number"));
    let lasting = std::env::var_os(LASTING_ONLY).is_some();
    let most = match full {
        true if lasting => LASTING.1 / part,
        true => RUNS[3].1 / part,
        false => QUICK[0].1,
    };
    let mut trade = Trade::rehearsed(most);
    trade.early_units = EARLY_UNITS;
    let bench = Bench { ground: Ground::new(), full, part, trade };
    if lasting {
        return bench.lasting();
    }
    let chosen = |name: &str| stores::wanted("SCRIP_ONLY", name);
    let tables: [(&str, Show); 5] = [
        ("disk", Bench::disk),
        ("databases", Bench::databases),
        ("redemptions", Bench::redemptions),
        ("offered", Bench::offered),
        // With a rehearsal of its own, which leaves its traces in the heap.
        ("stores", Bench::stores),
    ];
    tables.iter().filter(|(name, _)| chosen(name)).for_each(|(_, show)| show(&bench));
    drop(bench);
    // In processes of their own, as each allocator needs one.
    if full && chosen("lasting") && stores::wanted("SCRIP_STORES", "journal") {
        println!(
            "\n| allocator | in flight | redemptions | redemptions/s | until the tables hold all \
             | engine µs | store µs | behind µs | p50 | p99 | p99.9 |"
        );
        println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        let variable = memory::VARIABLE.to_str().expect("it is ASCII");
        for allocator in ["", memory::OTHER] {
            again(&[(LASTING_ONLY, "1".as_ref()), (variable, allocator.as_ref())]);
        }
    }
}

impl Bench {
    fn runs(&self) -> &'static [(usize, usize)] {
        if self.full { &RUNS } else { &QUICK }
    }

    fn commits(&self) -> u64 {
        if self.full { COMMITS / self.part as u64 } else { 2 }
    }

    fn disk(&self) {
        println!("| bare disk: records of {} bytes a sync | records/s | syncs/s |", plain::RECORD_BYTES);
        println!("|---:|---:|---:|");
        for batch in BATCHES {
            let pieces =
                (0..self.commits()).map(|_| usize::try_from(batch).expect("few") * plain::RECORD_BYTES);
            let took = bare(folder().path(), pieces).took;
            let (records, syncs) =
                (per_second(batch * self.commits(), took), per_second(self.commits(), took));
            println!("| {batch} | {records} | {syncs} |");
        }
    }

    fn databases(&self) {
        println!("\n| plain database | records a commit | records/s | commits/s | thread at work |");
        println!("|---|---:|---:|---:|---:|");
        for kind in
            self.ground.kinds().into_iter().filter(|kind| ![Kind::Memory, Kind::Journal].contains(kind))
        {
            let (name, mut plain, _folder) = self.ground.plain(kind);
            let mut from = 0;
            for batch in BATCHES {
                let records = batch * self.commits();
                let Timed { took, worked } = plain::run(&mut *plain, records, batch, &mut from);
                let (rate, commits) = (per_second(records, took), per_second(self.commits(), took));
                println!("| {name} | {batch} | {rate} | {commits} | {} |", share(worked, took));
            }
        }
    }

    /// What a commit costs without the engine: batches of a rehearsal.
    fn stores(&self) {
        let (_, seen) = Trade::rehearse(self.trade.requests.len(), 1_024, &mut Memory::new());
        let batches = seen.batches;
        let units: usize = batches.iter().map(|batch| batch.units().len()).sum();
        let commits = batches.len();
        println!("\n| store alone: {units} units in {commits} commits | units/s | ns per unit | at work |");
        println!("|---|---:|---:|---:|");
        let show = |name: &str, Timed { took, worked }: Timed| {
            let ns = |time: Duration| time.as_nanos() / units as u128;
            println!("| {name} | {} | {} | {} |", per_second(units as u64, took), ns(took), ns(worked));
        };
        show("bare disk", bare(folder().path(), batches.iter().map(|batch| batch.bytes().len())));
        for kind in self.ground.kinds() {
            show(kind.name(), self.ground.commit(kind, &batches));
        }
    }

    fn redemptions(&self) {
        println!(
            "\n| in flight | store | redemptions/s | units/s | units a commit | engine µs | store µs | behind µs \
             | p50 | p99 | p99.9 | bytes each | of the bare disk | of the plain database |"
        );
        println!("|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        for &(in_flight, count) in self.runs() {
            let count = count / self.part;
            for kind in self.ground.kinds() {
                let Redeemed { ran, behind, written, .. } =
                    self.ground.redeem(kind, &self.trade, count, Load::of(in_flight));
                let rate = per_second(ran.units, ran.took);
                let batch = ran.units.div_ceil(ran.commits);
                let beside = if kind == Kind::Memory {
                    "| |".to_owned()
                } else {
                    let piece = usize::try_from(batch * ran.bytes / ran.units).expect("it was in memory");
                    let commits = ran.commits.min(self.commits());
                    let disk = bare(folder().path(), (0..commits).map(|_| piece)).took;
                    let (_, mut plain, _folder) = self.ground.plain(kind);
                    let records = (batch * commits).min(65_536).max(batch);
                    let took = plain::run(&mut *plain, records, batch, &mut 0).took;
                    let (disk, plain) = (per_second(batch * commits, disk), per_second(records, took));
                    format!("{} | {} |", ratio(rate, disk), ratio(rate, plain))
                };
                let written =
                    written.filter(|_| kind != Kind::Memory).map_or(String::new(), |n| n.to_string());
                println!(
                    "| {in_flight} | {} | {} | {rate} | {batch} | {} | {} | {} | {} | {written} | {beside}",
                    kind.name(),
                    per_second(count as u64, ran.took),
                    micros(ran.worked, count),
                    micros(ran.kept, count),
                    micros(behind, count),
                    quantiles(&ran.waits),
                );
            }
        }
    }

    /// The journal for some seconds. What its tables have not taken in by the last end is waited for and told
    /// as well.
    fn lasting(&self) {
        let (in_flight, count) = (LASTING.0, self.trade.requests.len());
        let Redeemed { ran, whole, behind, .. } =
            self.ground.redeem(Kind::Journal, &self.trade, count, Load::of(in_flight));
        println!(
            "| {} | {in_flight} | {count} | {} | {} | {} | {} | {} | {} |",
            memory::name(),
            per_second(count as u64, ran.took),
            per_second(count as u64, whole),
            micros(ran.worked, count),
            micros(ran.kept, count),
            micros(behind, count),
            quantiles(&ran.waits),
        );
    }

    /// Requests come when they come, whether or not earlier ones are done.
    fn offered(&self) {
        println!("\n| offered | store | done | units a commit | p50 | p99 | p99.9 | reached |");
        println!("|---:|---|---:|---:|---:|---:|---:|---|");
        let in_flight = if self.full { 8_192 } else { 64 };
        for rate in OFFERED {
            let count = self.trade.requests.len().min((rate * OFFERED_SECONDS) as usize);
            let row = |name: &str, took: Duration, units: u64, commits: u64, waits: &[Duration]| {
                let done = per_second(count as u64, took);
                let reached = if done * 100 >= u128::from(rate) * REACHED { "yes" } else { "no" };
                let batch = units.div_ceil(commits);
                println!("| {rate} | {name} | {done} | {batch} | {} | {reached} |", quantiles(waits));
            };
            let Floor { took, waits, commits } = floor(folder().path(), rate, count);
            row("bare disk", took, count as u64 * floor::STEPS as u64, commits, &waits);
            for kind in self.ground.kinds() {
                let load = Load { in_flight, offered: Some(rate) };
                let ran = self.ground.redeem(kind, &self.trade, count, load).ran;
                row(kind.name(), ran.took, ran.units, ran.commits, &ran.waits);
            }
        }
    }
}

/// p50, p99, p99.9 of submit to paid.
fn quantiles(waits: &[Duration]) -> String {
    let at = |share: usize| {
        let wait = waits[(waits.len() * share / 1_000).min(waits.len() - 1)];
        format!("{}.{:02} ms", wait.as_micros() / 1_000, wait.as_micros() % 1_000 / 10)
    };
    format!("{} | {} | {}", at(500), at(990), at(999))
}

fn share(part: Duration, whole: Duration) -> String {
    format!("{} %", part.as_nanos() * 100 / whole.as_nanos().max(1))
}

/// At work for each of `count` redemptions.
fn micros(worked: Duration, count: usize) -> String {
    let tenths = worked.as_nanos() / 100 / count as u128;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn ratio(one: u128, other: u128) -> String {
    let hundredths = one * 100 / other.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
