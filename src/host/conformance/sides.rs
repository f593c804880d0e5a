//! Side rows are put, replaced and erased with their unit, or not at all.

use super::trial::{Trial, unit};
use crate::base::{Digest, RedemptionId};
use crate::host::Store;
use crate::record::{Frame, Side, SideMark, Unit};
use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

pub(super) fn check<S: Store>(trial: &mut Trial<'_, S>) {
    let (id, nobody) = (trial.id(), trial.id());
    put(trial, unit(id, 0), &[(1, Some(b"one")), (2, Some(b"two"))]);
    holds(trial, id, &[(1, b"one"), (2, b"two")], "put with the first unit");
    put(trial, unit(id, 1), &[(1, Some(b"other")), (3, Some(b"")), (7, None)]);
    holds(trial, id, &[(1, b"other"), (2, b"two"), (3, b"")], "replaced, and one more");
    put(trial, unit(id, 9), &[(1, None), (2, Some(b"stale"))]);
    holds(trial, id, &[(1, b"other"), (2, b"two"), (3, b"")], "a refused unit changes none");
    put(trial, unit(nobody, 4), &[(1, Some(b"nobody"))]);
    assert_eq!(trial.store().load(nobody), Ok(None), "a refused unit leaves nothing");
    put(trial, unit(id, 2), &[(1, None), (3, None)]);
    holds(trial, id, &[(2, b"two")], "erased");
    trial.reopen();
    holds(trial, id, &[(2, b"two")], "still after a restart");
}

fn put<S: Store>(trial: &mut Trial<'_, S>, unit: Unit, rows: &[(u8, Option<&[u8]>)]) {
    let redemption = unit.redemption;
    let digest = |content: &[u8]| -> Digest { Frame::digest(content) };
    let marks = rows.iter().map(|&(slot, content)| SideMark { slot, content: content.map(digest) });
    let unit = Unit { sides: marks.collect(), ..unit };
    let side = |&(slot, content): &(u8, Option<&[u8]>)| Side {
        redemption,
        slot,
        content: content.map(<[u8]>::to_vec),
    };
    trial.commit_with(vec![unit], rows.iter().map(side).collect());
}

fn holds<S: Store>(trial: &mut Trial<'_, S>, id: RedemptionId, rows: &[(u8, &[u8])], what: &str) {
    let loaded = trial.store().load(id).expect("a redemption can be loaded");
    let sides = loaded.map(|handed| handed.sides).unwrap_or_default();
    let wanted: BTreeMap<u8, Vec<u8>> = rows.iter().map(|&(slot, row)| (slot, row.to_vec())).collect();
    assert_eq!(sides, wanted, "side rows: {what}");
}
