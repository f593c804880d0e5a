//! What a commit costs on each store, and the engine on the journal with full durability.
//!
//! The same batches, written in a rehearsal, are committed to each store: the store alone. Then
//! whole redemptions with the engine in front. Beside them the bare disk: as many bytes appended
//! to a zeroed file and synced as often.

mod common;

use common::{Ran, Trade, Worked, per_second};
use scrip::engine::{Bounds, Recovery};
use scrip::host::{Journal, Memory, Sqlite, Store};
use scrip::record::Batch;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How many are in flight, and how many redemptions a run takes.
const RUNS: [(usize, usize); 4] = [(1, 64), (64, 2_048), (1_024, 8_192), (8_192, 16_384)];
const BEST_OF: usize = 3;
/// A batch goes out at so many units where the engine goes on meanwhile.
const EARLY: usize = 64;

fn main() {
    let full = std::env::args().any(|arg| arg == "--bench");
    let (runs, best_of) = if full { (&RUNS[..], BEST_OF) } else { (&RUNS[..1], 1) };
    println!("\n| in flight | store | units/s | ns per unit, by the clock | at work |");
    println!("|---:|---|---:|---:|---:|");
    for &(in_flight, count) in runs {
        let (_, seen) = Trade::rehearse(count, in_flight, &mut Memory::new());
        let batches = seen.batches;
        let best = |commit: &dyn Fn(&[Batch]) -> Timed| {
            (0..best_of).map(|_| commit(&batches)).min_by_key(|timed| timed.took).expect("there are runs")
        };
        let show = |store: &str, timed: Timed| {
            let units: usize = batches.iter().map(|batch| batch.units().len()).sum();
            let ns = |time: Duration| time.as_nanos() / units as u128;
            let rate = per_second(units as u64, timed.took);
            println!("| {in_flight} | {store} | {rate} | {} | {} |", ns(timed.took), ns(timed.worked));
        };
        show("bare disk", best(&bare));
        show("memory", best(&|batches| commit(batches, &mut Memory::new())));
        show("journal", best(&on_journal));
        show("SQLite", best(&on_sqlite));
    }
    println!("\n| in flight | store | redemptions/s | ns per redemption, by the clock | at work | commits |");
    println!("|---:|---|---:|---:|---:|---:|");
    for &(in_flight, count) in runs {
        let (trade, _) = Trade::rehearse(count, in_flight.min(1_024), &mut Memory::new());
        let show = |store: &str, run: &dyn Fn() -> Ran| {
            let best = (0..best_of).map(|_| run()).min_by_key(|ran| ran.took).expect("there are runs");
            let ns = |time: Duration| time.as_nanos() / count as u128;
            let rate = per_second(count as u64, best.took);
            let (took, worked, commits) = (ns(best.took), ns(best.worked), best.commits);
            println!("| {in_flight} | {store} | {rate} | {took} | {worked} | {commits} |");
        };
        show("memory", &|| trade.run(count, in_flight, &mut Memory::new()));
        show("journal", &|| {
            let folder = folder();
            trade.run(count, in_flight, &mut Journal::open(folder.path().join("j")).expect("a new journal"))
        });
        // Each commit takes a sync: the fewer the better where the engine waits for it, and not
        // where it goes on meanwhile.
        for early_units in [Bounds::default().early_units, EARLY] {
            show(&format!("journal on its own thread, batches go out at {early_units}"), &|| {
                let folder = folder();
                let store = Journal::open(folder.path().join("j")).expect("a new journal");
                trade.run_apart(early_units, count, in_flight, store)
            });
        }
        show("SQLite", &|| {
            let folder = folder();
            trade.run(count, in_flight, &mut Sqlite::open(folder.path().join("s")).expect("a new database"))
        });
    }
}

struct Timed {
    took: Duration,
    worked: Duration,
}

/// Commits copies of the batches, and tells how long that took without the copying.
fn commit(batches: &[Batch], store: &mut impl Store) -> Timed {
    store.recover(&mut Recovery::new()).expect("an empty store");
    let mut copies = batches.to_vec();
    copies.iter_mut().for_each(Batch::clear);
    let (worked, start) = (Worked::start(), Instant::now());
    for batch in &mut copies {
        store.commit(batch).expect("the store takes it");
    }
    Timed { took: start.elapsed(), worked: worked.so_far() }
}

fn on_journal(batches: &[Batch]) -> Timed {
    let folder = folder();
    commit(batches, &mut Journal::open(folder.path().join("j")).expect("a new journal"))
}

fn on_sqlite(batches: &[Batch]) -> Timed {
    let folder = folder();
    commit(batches, &mut Sqlite::open(folder.path().join("s")).expect("a new database"))
}

/// As many bytes, appended to a zeroed file and synced as often.
fn bare(batches: &[Batch]) -> Timed {
    let folder = folder();
    let mut file = File::create(folder.path().join("bare")).expect("a new file");
    let total: usize = batches.iter().map(|batch| batch.bytes().len()).sum();
    file.write_all(&vec![0; total]).expect("there is room");
    file.sync_all().expect("the disk takes it");
    file.seek(SeekFrom::Start(0)).expect("a file");
    let (worked, start) = (Worked::start(), Instant::now());
    for batch in batches {
        file.write_all(batch.bytes()).expect("there is room");
        file.sync_data().expect("the disk takes it");
    }
    Timed { took: start.elapsed(), worked: worked.so_far() }
}

/// On the disk that the build is on: a folder for temporary files may lie in memory.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written to")
}
