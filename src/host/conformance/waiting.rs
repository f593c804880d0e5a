//! What is dormant, or left behind by an earlier writer, is handed back when it is due.

use super::trial::{Trial, unit};
use crate::base::{RedemptionId, Wall};
use crate::host::Store;
use crate::record::{Record, Unit};
use std::vec;
use std::vec::Vec;

/// Before all times at which the other checks leave redemptions due.
const EARLY: i64 = -1_000;

pub(super) fn check<S: Store>(trial: &mut Trial<'_, S>) {
    let mut ids: Vec<RedemptionId> = (0..6).map(|_| trial.id()).collect();
    ids.sort();
    let at =
        |n: usize, after: i64, dormant| Unit { due: Some(Wall(EARLY + after)), dormant, ..unit(ids[n], 0) };
    // Those due at the same time come in the order of their ids, however they were written.
    trial.commit(vec![at(3, 5, true), at(1, 5, true), at(2, 5, true), at(0, 9, true)]);
    trial.commit(vec![at(4, 0, false), Unit { due: None, ..at(5, 0, true) }]);
    due(trial, 4, 9, &[], "before its time nothing is handed back, nor what is in memory");
    due(trial, 5, 9, &[ids[1], ids[2], ids[3]], "the dormant are handed back when they are due");
    due(trial, 9, 9, &[ids[1], ids[2], ids[3], ids[0]], "the longest due first");
    due(trial, 9, 2, &[ids[1], ids[2]], "at most as many as are asked for");
    assert_eq!(trial.store().next_due(), Ok(Some(Wall(EARLY + 5))), "when the next is due");
    trial.reopen();
    due(trial, 5, 9, &[ids[4], ids[1], ids[2], ids[3]], "what an earlier writer had in memory comes too");
    whole(trial, ids[1]);
    trial.commit(vec![
        Unit { due: Some(Wall(EARLY)), ..unit(ids[4], 1) },
        Unit { due: None, ..unit(ids[1], 1) },
    ]);
    due(trial, 5, 9, &[ids[2], ids[3]], "what this writer took up or ended is handed back no more");
    trial.commit(vec![Unit { due: Some(Wall(EARLY + 3)), dormant: true, ..unit(ids[4], 2) }]);
    due(trial, 5, 9, &[ids[4], ids[2], ids[3]], "what goes to sleep again is");
    trial.commit(vec![unit(ids[4], 9), Unit { redemption: ids[2], ..Unit::default() }]);
    due(trial, 5, 9, &[ids[4], ids[2], ids[3]], "a refused unit or a mere sighting changes nothing");
    let ends = [(ids[0], 1), (ids[2], 1), (ids[3], 1), (ids[4], 3)];
    trial.commit(ends.map(|(id, records)| Unit { due: None, dormant: true, ..unit(id, records) }).to_vec());
    due(trial, 9, 9, &[], "what has ended never comes back");
    trial.reopen();
    due(trial, 9, 9, &[], "not after a restart either");
}

fn due<S: Store>(trial: &mut Trial<'_, S>, after: i64, limit: usize, ids: &[RedemptionId], what: &str) {
    let handed: Vec<_> = trial.due(Wall(EARLY + after), limit).iter().map(|h| h.redemption).collect();
    assert_eq!(handed, ids, "{what}");
    trial.agree_on_due();
}

/// The records of a redemption come back in their order, one after the other.
fn whole<S: Store>(trial: &mut Trial<'_, S>, sleeper: RedemptionId) {
    let id = trial.id();
    let zeros = [0; 12 * 700];
    let record = |kind| Record { kind, version: 1, body: &zeros[..usize::from(kind) * 700] };
    for kind in 0..6_u16 {
        trial.stands(Unit {
            records: [record(2 * kind), record(2 * kind + 1)].into(),
            ..unit(id, u32::from(2 * kind))
        });
    }
    let loaded = trial.store().load(id).expect("a redemption can be loaded").expect("it was written");
    let wanted: Vec<Record<'_>> = (0..12).map(record).collect();
    assert_eq!(Record::decode_all(&loaded.log), Ok(wanted), "the records in the order of their writing");
    let handed = trial.due(Wall(EARLY + 5), 9).into_iter().find(|handed| handed.redemption == sleeper);
    let loaded = trial.store().load(sleeper).expect("a redemption can be loaded");
    assert_eq!(handed, loaded, "what is handed back is what is loaded");
}
