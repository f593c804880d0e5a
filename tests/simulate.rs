//! Whole lives from seeds. `SCRIP_SEEDS` sets how many (2,000 if not said); a seed that once
//! went wrong is kept in [`KEPT`] with what it showed.

use scrip::sim::Outage;
use scrip::sim::life::{self, BEYOND, Coverage, Trace, Trouble};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Seeds that went wrong once, and why. A life is made of its seed and of the plan: where the plan
/// changed, the seed stands here that shows the same under the new one.
const KEPT: &[(u64, &str)] = &[
    (
        308,
        "an issuer whose part of a debit is asked for again after a backup, and a rail that says nothing for days",
    ),
    (512, "a log that was put back wrote what it had lost once more, before anybody looked at it"),
    (4_118, "an undo that was refused was ordered anew for ever, and never counted"),
    (6_907, "restarts made a silent rail be asked at the shortest intervals again"),
    (
        47_864,
        "people freed a card whose debit was still on its way: its issuer had refused to undo what it did not know",
    ),
    (51_842, "a store that was put back undid a debit whose pay-out it had forgotten"),
    (52_073, "a second undo was refused, the debit paid for, and then the first undo arrived"),
    (
        63_096,
        "a debit came after its undo, its issuer said nothing for as long as it was asked, and the card was free",
    ),
    (87_796, "an approval of before the undo was delivered once more, when people had been asked"),
    (
        128_045,
        "an advance whose rail answered garbage lay still after its file, until the file's own time was over",
    ),
    (137_565, "people found no pay-out, which was still on its way"),
    (303_097, "a debit left long after its order was written, and came when it was taken for absent"),
    (75_284, "an issuer said now this, now that, and was asked at the shortest intervals for a day"),
    (
        71_779,
        "an issuer of files answered the last question of a quarantine by its file only, and people for ever",
    ),
];

fn seeds() -> u64 {
    std::env::var("SCRIP_SEEDS").map_or(2_000, |text| text.parse().expect("SCRIP_SEEDS is a number"))
}

fn lives(seed: u64) -> Coverage {
    let broken = match life::live(seed) {
        Ok(life) => return life.coverage,
        Err(broken) => broken,
    };
    let (cut, small) = life::shrink(&broken);
    panic!("{broken}\n{}\n  {}\nand so: {small}", cut.told(), small.story.join("\n  "));
}

#[test]
fn seeds_that_went_wrong_once_live_well() {
    KEPT.iter().for_each(|(seed, _)| drop(lives(*seed)));
}

#[test]
fn whatever_goes_wrong_no_cent_is_lost_and_none_paid_twice() {
    let (next, end) = (AtomicU64::new(0), seeds());
    thread::scope(|scope| {
        let work = || {
            let mut seen = Coverage::default();
            loop {
                match next.fetch_add(1, Ordering::Relaxed) {
                    seed if seed < end => seen.add(&lives(seed)),
                    _ => return seen,
                }
            }
        };
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        let mut seen = Coverage::default();
        for worker in workers {
            seen.add(&worker.join().expect("a life went wrong, see above"));
        }
        // Fewer lives than these may miss the rarest.
        let unseen: Vec<_> = Trace::ALL.iter().filter(|trace| seen.traced(**trace) == 0).collect();
        assert!(end < 1_000 || unseen.is_empty(), "in {end} lives these never happened: {unseen:?}");
        let never: Vec<_> = Trouble::ALL.iter().filter(|trouble| seen.troubled(**trouble) == 0).collect();
        assert!(end < 1_000 || never.is_empty(), "in {end} lives these never struck: {never:?}");
        let reasons = ["token_too_old", "token_too_early", "token_replayed", "token_other_card"];
        let never: Vec<_> = reasons.iter().filter(|reason| seen.shown(reason) == 0).collect();
        assert!(end < 1_000 || never.is_empty(), "in {end} lives no token was refused for {never:?}");
    });
}

#[test]
fn sites_are_down_in_every_way_and_debits_that_never_left_go_to_the_other_one() {
    let mut seen = Coverage::default();
    (0..60).filter_map(|seed| life::live(seed).ok()).for_each(|life| seen.add(&life.coverage));
    for outage in Outage::ALL {
        assert!(seen.met(outage) > 0, "{outage:?}");
    }
    assert!(seen.switched() > 0);
}

#[test]
fn what_is_said_to_be_beyond_these_lives_stands_in_the_table_once() {
    let mut steps: Vec<_> = BEYOND.iter().map(|(from, kind, _)| (*from, *kind)).collect();
    assert!(steps.iter().all(|(from, kind)| scrip::flow::next(*from, *kind).is_some()));
    let mut seen = Coverage::default();
    (0..60).filter_map(|seed| life::live(seed).ok()).for_each(|life| seen.add(&life.coverage));
    assert!(steps.iter().all(|step| !seen.unseen().contains(step)), "they are not told as unseen");
    steps.sort_unstable();
    steps.dedup();
    assert_eq!(steps.len(), BEYOND.len());
}

#[test]
fn a_seed_lives_the_same_life_again() {
    assert_eq!(life::live(3), life::live(3));
}
