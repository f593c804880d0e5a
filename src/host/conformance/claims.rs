//! Claims, releases, and the three refusals.

use super::trial::{Trial, claim, unit};
use crate::base::{Key16, RedemptionId};
use crate::host::Store;
use crate::ledger::{Account, AccountKind, Posting};
use crate::money::{Amount, Currency};
use crate::record::{Change, ClaimStatus, Records, Refusal, Unit};
use std::vec;
use std::vec::Vec;

pub(super) fn check<S: Store>(trial: &mut Trial<'_, S>) {
    the_loser_keeps_none_of_its_claims(trial);
    a_consumed_key_is_free_for_a_later_generation_only(trial);
    only_the_holder_changes_and_releases(trial);
    the_known_and_the_stale_are_told_what_there_is(trial);
    a_holder_keeps_its_keys_when_it_claims_again(trial);
    trial.reopen();
}

/// Trace 15. Comes last: what it leaves would make all later comparisons slow.
pub(super) fn one_bad_unit_harms_no_other<S: Store>(trial: &mut Trial<'_, S>) {
    const UNITS: usize = 4_096;
    const BAD: usize = 2_048;
    let (taken, holder) = (trial.key(), trial.id());
    trial.stands(Unit { claims: vec![claim(taken, 0)], ..unit(holder, 0) });
    let mut units = Vec::with_capacity(UNITS);
    for _ in 0..UNITS {
        let (key, id) = (trial.key(), trial.id());
        units.push(Unit { claims: vec![claim(key, 0)], ..unit(id, 0) });
    }
    units[BAD].claims.push(claim(taken, 0));
    let (free, bad) = (units[BAD].claims[0].key, units[BAD].redemption);
    let verdicts = trial.commit(units);
    for (number, verdict) in verdicts.iter().enumerate() {
        let told = verdict.refusal.is_some();
        assert_eq!(told, number == BAD, "unit {number}: of {UNITS} units only {BAD} is to be refused");
    }
    assert_eq!(trial.store().load(bad), Ok(None), "nothing of a refused unit stands");
    let heir = trial.id();
    trial.stands(Unit { claims: vec![claim(free, 0)], ..unit(heir, 0) });
    trial.agree();
}

fn the_loser_keeps_none_of_its_claims<S: Store>(trial: &mut Trial<'_, S>) {
    let (a, b, c) = (trial.key(), trial.key(), trial.key());
    let (first, loser, third) = (trial.id(), trial.id(), trial.id());
    let money =
        |minor| Posting { account: Account::of(AccountKind::Fee), amount: Amount::new(minor, Currency::CNY) };
    let verdicts = trial.commit(vec![
        Unit { claims: vec![claim(a, 0)], summary: vec![7], ..unit(first, 0) },
        Unit {
            claims: vec![claim(b, 0), claim(a, 0), claim(c, 0)],
            postings: vec![money(5)],
            ..unit(loser, 0)
        },
        Unit { claims: vec![claim(b, 0), claim(c, 0)], postings: vec![money(-1)], ..unit(third, 0) },
    ]);
    let held = Refusal::Held { key: a, status: ClaimStatus::Held, holder: first, summary: vec![7] };
    let said: Vec<_> = verdicts.into_iter().map(|verdict| verdict.refusal).collect();
    assert_eq!(said, [None, Some(held), None], "the loser learns who holds which key, and keeps none");
    trial.agree();
}

fn a_consumed_key_is_free_for_a_later_generation_only<S: Store>(trial: &mut Trial<'_, S>) {
    let (key, holder) = (trial.key(), trial.id());
    trial.stands(Unit { claims: vec![claim(key, 2)], ..unit(holder, 0) });
    refused(trial, key, 3, ClaimStatus::Held, holder);
    for (records, status) in [(1, ClaimStatus::Quarantined), (2, ClaimStatus::Consumed)] {
        let changes = vec![Change { key, to: Some(status) }];
        trial.stands(Unit { changes, summary: vec![9], ..unit(holder, records) });
        refused(trial, key, 2, status, holder);
    }
    refused(trial, key, 0, ClaimStatus::Consumed, holder);
    let next = trial.id();
    trial.stands(Unit { claims: vec![claim(key, 3)], ..unit(next, 0) });
    refused(trial, key, 4, ClaimStatus::Held, next);
}

fn refused<S: Store>(
    trial: &mut Trial<'_, S>,
    key: Key16,
    generation: u32,
    status: ClaimStatus,
    by: RedemptionId,
) {
    let summary = trial.reference.row(by).map(|row| row.summary.clone()).unwrap_or_default();
    let id = trial.id();
    let verdicts = trial.commit(vec![Unit { claims: vec![claim(key, generation)], ..unit(id, 0) }]);
    let held = Refusal::Held { key, status, holder: by, summary };
    assert_eq!(verdicts[0].refusal, Some(held), "generation {generation} of a key that is {}", status.name());
}

fn only_the_holder_changes_and_releases<S: Store>(trial: &mut Trial<'_, S>) {
    let (key, holder, other) = (trial.key(), trial.id(), trial.id());
    trial.stands(Unit { claims: vec![claim(key, 0)], ..unit(holder, 0) });
    for (records, to) in [(0, None), (1, Some(ClaimStatus::Consumed))] {
        trial.stands(Unit { changes: vec![Change { key, to }], ..unit(other, records) });
        refused(trial, key, 0, ClaimStatus::Held, holder);
    }
    trial.stands(Unit { changes: vec![Change { key, to: None }], ..unit(holder, 1) });
    trial.stands(Unit { claims: vec![claim(key, 0)], ..unit(other, 2) });
    trial.stands(Unit { changes: vec![Change { key, to: None }], ..unit(holder, 2) });
    refused(trial, key, 0, ClaimStatus::Held, other);
}

fn the_known_and_the_stale_are_told_what_there_is<S: Store>(trial: &mut Trial<'_, S>) {
    let (id, nobody, key) = (trial.id(), trial.id(), trial.key());
    trial.stands(Unit { fingerprint: vec![1, 7], claims: vec![claim(key, 0)], ..unit(id, 0) });
    trial.stands(Unit { summary: vec![8], ..unit(id, 1) });
    let epoch = trial.epoch;
    let known = Refusal::Known { fingerprint: vec![1, 7], summary: vec![8] };
    let cases = [
        (unit(id, 0), Some(known), "a first unit of a redemption that there is"),
        (unit(id, 1), Some(Refusal::Stale { records: 2, epoch }), "a unit that misses a record"),
        (unit(id, 3), Some(Refusal::Stale { records: 2, epoch }), "a unit that is ahead"),
        (unit(nobody, 1), Some(Refusal::Stale { records: 0, epoch: 0 }), "a later unit of no redemption"),
        (unit(id, 2), None, "a unit that continues its redemption"),
    ];
    for (unit, wanted, what) in cases {
        assert_eq!(trial.commit(vec![unit])[0].refusal, wanted, "{what}");
    }
    let both = Unit { claims: vec![claim(key, 0)], ..unit(id, 0) };
    let told = trial.commit(vec![both])[0].refusal.clone();
    assert!(
        matches!(told, Some(Refusal::Known { .. })),
        "that it is known comes before its claims: {told:?}"
    );
    let last = Unit { due: None, summary: vec![], records: Records::new(), expected: 9, ..unit(id, 0) };
    assert_eq!(trial.commit(vec![last])[0].refusal, None, "a unit without records is never refused");
    trial.agree();
}

fn a_holder_keeps_its_keys_when_it_claims_again<S: Store>(trial: &mut Trial<'_, S>) {
    let (old, new, id) = (trial.key(), trial.key(), trial.id());
    trial.stands(Unit { claims: vec![claim(old, 1)], ..unit(id, 0) });
    trial.stands(Unit { claims: vec![claim(old, 1), claim(new, 1)], ..unit(id, 1) });
    let changes = vec![
        Change { key: old, to: Some(ClaimStatus::Consumed) },
        Change { key: new, to: Some(ClaimStatus::Consumed) },
    ];
    trial.stands(Unit { changes, ..unit(id, 2) });
    refused(trial, old, 1, ClaimStatus::Consumed, id);
    refused(trial, new, 1, ClaimStatus::Consumed, id);
}
