//! The engine on SQLite with full durability: every batch is synced before anything leaves.

mod common;

use common::{Ran, Trade, per_second};
use criterion::{BenchmarkId, Criterion, Throughput};
use scrip::host::{Memory, Sqlite};
use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How many are in flight, and how many redemptions a run takes.
const RUNS: [(usize, usize); 3] = [(1, 48), (64, 1_024), (4_096, 8_192)];
const BEST_OF: usize = 5;
const SYNCS: u32 = 200;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    let (trade, _) = Trade::rehearse(8_192, 1_024, &mut Memory::new());
    let mut group = criterion.benchmark_group("sqlite");
    for (in_flight, count) in RUNS {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(in_flight), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| run(&trade, count, in_flight).took).sum());
        });
    }
    group.finish();
    criterion.final_summary();
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    println!("\n| in flight | redemptions/s | at work | commits/s | commits | syncs/s of the bare disk |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for (in_flight, count) in RUNS {
        // Beside each other: the disk's rate changes with what else runs on the machine.
        let bare = syncs_per_second();
        let best = (0..BEST_OF).map(|_| run(&trade, count, in_flight)).min_by_key(|ran| ran.took);
        let Ran { took, worked, commits } = best.expect("there are runs");
        let (rate, commit_rate) = (per_second(count as u64, took), per_second(commits, took));
        let busy = worked.as_nanos() * 100 / took.as_nanos().max(1);
        println!("| {in_flight} | {rate} | {busy} % | {commit_rate} | {commits} | {bare} |");
    }
}

/// On the disk that the build is on: a folder for temporary files may lie in memory.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written to")
}

fn run(trade: &Trade, count: usize, in_flight: usize) -> Ran {
    let folder = folder();
    let mut store = Sqlite::open(folder.path().join("scrip.db")).expect("a new database");
    trade.run(count, in_flight, &mut store)
}

/// How often 4 KiB can be appended and synced.
fn syncs_per_second() -> u128 {
    let folder = folder();
    let mut file = File::create(folder.path().join("syncs")).expect("a new file");
    let start = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[0x5a; 4_096]).expect("there is room");
        file.sync_data().expect("the disk takes it");
    }
    per_second(u64::from(SYNCS), start.elapsed())
}
