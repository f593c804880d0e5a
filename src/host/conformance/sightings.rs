//! Sightings and recalls.

use super::trial::{Trial, claim, unit};
use crate::base::{Key16, RedemptionId, Wall};
use crate::host::Store;
use crate::record::Unit;
use crate::risk::{Moments, Recall, RecallKind, Seen, Sighting};
use std::vec;
use std::vec::Vec;

pub(super) fn check<S: Store>(trial: &mut Trial<'_, S>) {
    a_recall_is_answered_as_of_the_own_sighting(trial);
    the_sighting_of_a_refused_unit_counts(trial);
    who_was_not_seen_is_told_of_all(trial);
    at_most_so_many_come_back_and_the_latest(trial);
    sums_beyond_64_bits_are_exact(trial);
    trial.reopen();
}

fn seen(subject: Key16, redemption: RedemptionId, at: i64, value: i64) -> Unit {
    let sightings = vec![Sighting { subject, at: Wall(at), value }];
    Unit { redemption, sightings, recalls: both(subject, 10), ..Unit::default() }
}

fn both(subject: Key16, within_ms: i64) -> Vec<Recall> {
    let recent = Recall { subject, kind: RecallKind::Recent { within_ms } };
    vec![recent, Recall { subject, kind: RecallKind::Moments }]
}

fn moments(count: u64, sum: i128, squares: i128) -> Seen {
    Seen::Moments(Moments { count, sum, squares })
}

fn a_recall_is_answered_as_of_the_own_sighting<S: Store>(trial: &mut Trial<'_, S>) {
    let (subject, a, b, c) = (trial.key(), trial.id(), trial.id(), trial.id());
    trial.commit(vec![seen(subject, a, 100, 3), seen(subject, b, 104, -4)]);
    let of_b = [Seen::Recent(vec![(a, Wall(100)), (b, Wall(104))]), moments(1, 3, 9)];
    // The own one is within any window, and one written earlier may have been received later.
    let late = trial.commit(vec![seen(subject, c, 95, 5)]);
    let of_c = [Seen::Recent(vec![(a, Wall(100)), (b, Wall(104)), (c, Wall(95))]), moments(2, -1, 25)];
    assert_eq!(late[0].seen, of_c, "a window reaches to both sides of the own time");
    let again = trial.commit(vec![seen(subject, b, 999, 999), seen(subject, c, 95, 5)]);
    assert_eq!(again[0].seen, of_b, "a redemption counts once per subject, as it was seen first");
    assert_eq!(again[1].seen, of_c, "asking later gives the same answer");
    trial.reopen();
    let after = trial.commit(vec![seen(subject, b, 104, -4)]);
    assert_eq!(after[0].seen, of_b, "and so it does after a restart");
    assert_eq!(trial.store().load(b), Ok(None), "a mere sighting leaves no row");
}

fn the_sighting_of_a_refused_unit_counts<S: Store>(trial: &mut Trial<'_, S>) {
    let (subject, key) = (trial.key(), trial.key());
    let (holder, loser, third) = (trial.id(), trial.id(), trial.id());
    let claims = vec![claim(key, 0)];
    let with = |id, at| Unit {
        sightings: vec![Sighting { subject, at: Wall(at), value: at }],
        recalls: both(subject, 10),
        claims: claims.clone(),
        ..unit(id, 0)
    };
    let verdicts = trial.commit(vec![with(holder, 1), with(loser, 2), seen(subject, third, 3, 3)]);
    assert!(verdicts[1].refusal.is_some(), "the key is taken");
    let two = vec![(holder, Wall(1)), (loser, Wall(2))];
    assert_eq!(verdicts[1].seen, [Seen::Recent(two), moments(1, 1, 1)], "a refused unit is answered too");
    let three = vec![(holder, Wall(1)), (loser, Wall(2)), (third, Wall(3))];
    assert_eq!(verdicts[2].seen, [Seen::Recent(three), moments(2, 3, 5)], "its sighting counts");
}

fn who_was_not_seen_is_told_of_all<S: Store>(trial: &mut Trial<'_, S>) {
    let (subject, unseen, a, b, asks) = (trial.key(), trial.key(), trial.id(), trial.id(), trial.id());
    trial.commit(vec![seen(subject, a, 50, 2), seen(subject, b, 70, 3)]);
    let recalls = [both(subject, 10), both(unseen, 10)].concat();
    let verdicts = trial.commit(vec![Unit { redemption: asks, recalls, ..Unit::default() }]);
    let all = [Seen::Recent(vec![(b, Wall(70))]), moments(2, 5, 13), Seen::Recent(vec![]), moments(0, 0, 0)];
    assert_eq!(verdicts[0].seen, all, "without a sighting of one's own all of them count");
}

fn at_most_so_many_come_back_and_the_latest<S: Store>(trial: &mut Trial<'_, S>) {
    let subject = trial.key();
    let ids: Vec<RedemptionId> = (0..Recall::MOST + 9).map(|_| trial.id()).collect();
    let verdicts = trial.commit(ids.iter().map(|id| seen(subject, *id, 7, 1)).collect());
    for (number, verdict) in verdicts.iter().enumerate() {
        let start = (number + 1).saturating_sub(Recall::MOST);
        let wanted = ids[start..=number].iter().map(|id| (*id, Wall(7))).collect();
        assert_eq!(verdict.seen[0], Seen::Recent(wanted), "the latest {} up to the own one", Recall::MOST);
    }
}

fn sums_beyond_64_bits_are_exact<S: Store>(trial: &mut Trial<'_, S>) {
    let (subject, big) = (trial.key(), i128::from(i64::MAX));
    let ids: Vec<RedemptionId> = (0..3).map(|_| trial.id()).collect();
    trial.commit(ids.iter().map(|id| seen(subject, *id, 7, i64::MAX)).collect());
    trial.reopen();
    let verdicts = trial.commit(vec![seen(subject, ids[1], 0, 0), seen(subject, ids[2], 0, 0)]);
    assert_eq!(verdicts[0].seen[1], moments(1, big, big * big), "the sums before the second value");
    assert_eq!(verdicts[1].seen[1], moments(2, 2 * big, 2 * big * big), "and before the third");
}
