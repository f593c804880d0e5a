//! The engine alone: memory store, answers at once. How many redemptions per second with the
//! system's allocator and with another, how much memory is asked for, and where the time goes.

#[allow(dead_code, reason = "shared with other benches")]
mod common;
mod memory;
mod parts;

use common::{Ran, Trade, again, per_second};
use criterion::{BenchmarkId, Criterion, Throughput};
use scrip::engine::Bounds;
use scrip::host::Memory;
use std::time::Duration;

/// How many are in flight, and how many redemptions a run takes.
const RUNS: [(usize, usize); 4] = [(1, 1_024), (64, 4_096), (1_024, 8_192), (4_096, 8_192)];
/// A batch goes out at so many units: what is worked on then lies in the processor's cache.
const EARLY: usize = 64;
const BEST_OF: usize = 7;
const MANY: usize = 40;
/// Set in the process that measures the other allocator: the rates only.
const RATES_ONLY: &str = "SCRIP_RATES_ONLY";
/// Chooses one row by how many are in flight, and makes many runs of it: for a profiler.
const IN_FLIGHT: &str = "SCRIP_IN_FLIGHT";

fn main() {
    if Trade::rehearses_for_another() {
        return;
    }
    let rates_only = std::env::var_os(RATES_ONLY).is_some();
    let only = std::env::var(IN_FLIGHT).ok().map(|text| text.parse().expect("how many are in flight"));
    let mut trade = Trade::rehearsed(8_192);
    trade.early_units = EARLY;
    if rates_only {
        rates(&mut trade, only);
        return;
    }
    criterion(&trade);
    // Without it this is a mere check that the benches run.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    println!(
        "\n| allocator | in flight | a batch goes out at | redemptions/s | by the clock | ns per redemption | without the store, ns | and redemptions/s | commits per 1,000 | allocations each | bytes each |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let whole = rates(&mut trade, None);
    let variable = memory::VARIABLE.to_str().expect("it is ASCII");
    again(&[(variable, memory::OTHER.as_ref()), (RATES_ONLY, "1".as_ref())]);
    // Batches of as many units as those of the runs.
    let (trade, seen) = Trade::rehearse(8_192, EARLY, &mut Memory::new());
    parts::table(&trade, &seen, whole);
}

fn criterion(trade: &Trade) {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut group = criterion.benchmark_group("engine");
    for (in_flight, count) in RUNS {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(in_flight), |bencher| {
            bencher.iter_custom(|times| {
                (0..times).map(|_| trade.run(count, in_flight, &mut Memory::new()).worked).sum()
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Prints the rows of this process's allocator, and tells what one redemption of 1,024 in flight
/// costs, in ns.
fn rates(trade: &mut Trade, only: Option<usize>) -> u128 {
    let mut whole = 0;
    let ways = [Bounds::default().early_units, EARLY];
    let best_of = if only.is_some() { MANY } else { BEST_OF };
    for ((in_flight, count), early) in RUNS.into_iter().flat_map(|run| ways.map(|early| (run, early))) {
        if only.is_some_and(|only| only != in_flight) {
            continue;
        }
        trade.early_units = early;
        let run = || trade.run(count, in_flight, &mut Memory::new());
        let runs: Vec<Ran> = (0..best_of).map(|_| run()).collect();
        let best = runs.iter().min_by_key(|ran| ran.worked).expect("there are runs");
        // By the clock, so the shortest of all runs: other work on the machine must not be taken for the
        // store's.
        let store = runs.iter().map(|ran| ran.kept).min().expect("there are runs");
        let alone = best.worked.saturating_sub(store);
        let asked = memory::asked(|| drop(run()));
        let ns = best.worked.as_nanos() / count as u128;
        let rate = per_second(count as u64, best.worked);
        let clock = per_second(count as u64, best.took);
        let (times, bytes) = (asked.times / count as u64, asked.bytes / count as u64);
        println!(
            "| {} | {in_flight} | {early} | {rate} | {clock} | {ns} | {} | {} | {} | {times} | {bytes} |",
            memory::name(),
            alone.as_nanos() / count as u128,
            per_second(count as u64, alone),
            best.commits * 1_000 / count as u64
        );
        if in_flight == 1_024 {
            whole = ns;
        }
    }
    whole
}
