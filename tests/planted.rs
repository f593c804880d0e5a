//! The simulator bites: every fault that is planted on purpose is found within a thousand lives, and
//! a thousand lives without one are clean.

use scrip::base::{Bug, plant};
use scrip::sim::life;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// So many lives at the most, for each fault.
const SEEDS: u64 = 1_000;

/// Fewer, where `SCRIP_SEEDS` says so.
fn seeds() -> u64 {
    std::env::var("SCRIP_SEEDS").map_or(SEEDS, |text| text.parse().expect("SCRIP_SEEDS is a number"))
}
/// The first seed, of those that were lived, that finds something wrong.
fn first_broken() -> Option<life::Broken> {
    let (next, found) = (AtomicU64::new(0), AtomicU64::new(seeds()));
    thread::scope(|scope| {
        let work = || {
            let mut broken: Option<life::Broken> = None;
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= found.load(Ordering::Relaxed) {
                    return broken;
                }
                if let Err(wrong) = life::live(seed) {
                    found.fetch_min(seed, Ordering::Relaxed);
                    broken = Some(wrong);
                }
            }
        };
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        let broken = workers.into_iter().filter_map(|worker| worker.join().expect("a life ends or breaks"));
        broken.min_by_key(|broken| broken.seed)
    })
}

/// One test: what is planted is planted for the whole process.
#[test]
fn every_planted_fault_is_found_and_nothing_else_is() {
    plant(None);
    let clean = first_broken().map(|broken| format!("{broken}\n  {}", broken.story.join("\n  ")));
    let mut unfound = Vec::new();
    for bug in Bug::ALL {
        plant(Some(*bug));
        match first_broken() {
            Some(broken) => println!("{bug:?}: {}", broken.to_string().chars().take(200).collect::<String>()),
            None => unfound.push(bug),
        }
    }
    plant(None);
    assert!(unfound.is_empty(), "not found within {SEEDS} lives: {unfound:?}");
    assert!(clean.is_none(), "a life without a planted fault: {}", clean.unwrap_or_default());
}
