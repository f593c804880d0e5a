//! Whole lives from seeds. `SCRIP_SEEDS` sets how many (2,000 if not said); a seed that once
//! went wrong is kept in [`KEPT`] with what it showed.

use scrip::sim::life;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Seeds that went wrong once, and why.
const KEPT: &[(u64, &str)] = &[
    (7, "what was due waited for room, and time stood still"),
    (1_102, "a batch message waited, within one poll, for units that only the next commit brings"),
    (605, "a redeem delayed on its way overtook its undo, and its answer went to a dead process"),
];

fn seeds() -> u64 {
    std::env::var("SCRIP_SEEDS").map_or(2_000, |text| text.parse().expect("SCRIP_SEEDS is a number"))
}

fn lives(seed: u64) {
    if let Err(broken) = life::live(seed) {
        panic!("{broken}\n  {}", broken.story.join("\n  "));
    }
}

#[test]
fn seeds_that_went_wrong_once_live_well() {
    KEPT.iter().for_each(|(seed, _)| lives(*seed));
}

#[test]
fn whatever_crashes_no_cent_is_lost_and_none_paid_twice() {
    let (next, end) = (AtomicU64::new(0), seeds());
    thread::scope(|scope| {
        let work = || {
            loop {
                match next.fetch_add(1, Ordering::Relaxed) {
                    seed if seed < end => lives(seed),
                    _ => return,
                }
            }
        };
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| worker.join().expect("a life went wrong, see above"));
    });
}

#[test]
fn a_seed_lives_the_same_life_again() {
    assert_eq!(life::live(3), life::live(3));
}
