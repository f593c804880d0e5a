//! What must hold after every step, whatever happened.

use super::codec::Order;
use super::{BEGINNINGS, Stage};
use scrip::audit;
use scrip::flow::{EventKind, Redemption, SIDE_CARD, State};
use scrip::host::{Memory, Store};
use scrip::issuer::OpKind;
use scrip::ledger::trial_balance;
use scrip::record::{Batch, ClaimStatus, Frame, Record};

/// The postings of each unit balance, and no card stands in what is written.
pub(super) fn batch(batch: &Batch) {
    for unit in batch.units() {
        trial_balance(&unit.postings).unwrap();
    }
    let sides = batch.sides().iter().filter_map(|side| side.content.as_deref());
    for bytes in sides.chain([batch.bytes()]) {
        for beginning in BEGINNINGS.map(str::as_bytes) {
            let found = bytes.windows(beginning.len()).any(|part| part == beginning);
            assert!(!found, "a card stands in what is written");
        }
    }
}

/// What leaves is written down already.
pub(super) fn intents(store: &Memory, orders: &[Order]) {
    for order in orders {
        let id = order.reference.redemption;
        let row = store.index().row(id).expect("nothing leaves before it is written");
        let r = Redemption::replay(id, &Record::decode_all(&row.log).unwrap()).unwrap();
        let attempt = match order.kind {
            OpKind::Redeem => r.redeem.map(|redeem| redeem.attempt),
            OpKind::Pay => r.payout.map(|payout| payout.attempt),
            OpKind::Reverse => r.undo.map(|(sent, _)| sent),
            OpKind::PinCheck => r.check.map(|(_, sent)| sent),
            _ => continue,
        };
        assert!(attempt >= Some(order.attempt), "{order:?} leaves before it is written");
    }
}

/// Everything, once the engine has come to rest.
pub(super) fn all(stage: &mut Stage) {
    let mut sums = std::collections::BTreeMap::new();
    for (_, currency, minor) in stage.store.index().balances() {
        *sums.entry(currency).or_insert(0) += minor;
    }
    assert!(sums.values().all(|sum| *sum == 0), "the books do not balance: {sums:?}");
    audited(stage);
    for (&id, row) in stage.store.index().rows() {
        let records = Record::decode_all(&row.log).unwrap();
        let Ok(r) = Redemption::replay(id, &records) else { continue };
        if let Some((live, more)) = stage.engine.redemption(id).zip(stage.engine.unwritten(id)) {
            let all: Vec<_> = records.iter().copied().chain(more.iter()).collect();
            assert_eq!(*live, Redemption::replay(id, &all).unwrap(), "memory and records differ");
        }
        claimed(stage, &r, &records);
        let needed = !r.state.is_end() || r.quarantined;
        let kept = row.side(SIDE_CARD).is_some();
        assert!(needed || !kept, "the sealed card outlives its redemption");
        assert!(kept || r.state.is_end() || records_end(&records), "the sealed card is gone too early");
        let waits = r.state.waits_for_people() || stage.engine.redemption(id).is_some() || row.due.is_some();
        assert!(waits || r.state.is_end(), "{} stands nowhere in a queue", r.state.name());
    }
}

/// Whether the redemption had ended before: its card was erased then.
fn records_end(records: &[Record<'_>]) -> bool {
    let ends = [EventKind::LateDebit, EventKind::PayReturned, EventKind::Corrected].map(EventKind::number);
    records.iter().any(|record| ends.contains(&record.kind))
}

/// The root is that of all records in the log.
fn audited(stage: &mut Stage) {
    let mut log = audit::Log::new();
    let frames = stage.store.frames(&mut |bytes, refused| {
        let frame = Frame::decode(bytes).unwrap();
        for (_, unit) in (0_u32..).zip(&frame.units).filter(|(number, _)| !refused.contains(number)) {
            for (place, record) in (unit.expected..).zip(unit.records.iter()) {
                log.append(audit::leaf_hash(&record.leaf_bytes(unit.redemption, place)));
            }
        }
    });
    frames.unwrap();
    assert_eq!(stage.engine.audit(), (log.len(), log.root()));
}

/// The claims on a card stand as its redemption does.
fn claimed(stage: &Stage, r: &Redemption, records: &[Record<'_>]) {
    use ClaimStatus::{Consumed, Held, Quarantined};
    let allowed: &[Option<ClaimStatus>] = match r.state {
        State::Declined | State::Cancelled | State::Frozen | State::Blocked => &[None],
        State::Reversed if r.quarantined => &[Some(Quarantined)],
        State::Reversed => &[None],
        State::Unknown | State::Absent => &[Some(Quarantined)],
        State::Pending | State::Reversing | State::Suspended | State::Redeeming => {
            &[Some(Held), Some(Quarantined), Some(Consumed)]
        }
        state if state < State::Redeeming => &[Some(Held)],
        _ => &[Some(Consumed)],
    };
    // A card that was set free, or loaded again, may be another's by now.
    let freed = records.iter().any(|record| record.kind == EventKind::LateDebit.number());
    for key in &r.facts.keys {
        let claim = stage.store.index().claim(*key).filter(|(holder, _)| *holder == r.id);
        let claim = claim.map(|(_, status)| status);
        let lost = claim.is_none() && (freed || (r.facts.generation > 0 && r.state.is_end()));
        assert!(lost || allowed.contains(&claim), "{} with claim {claim:?}", r.state.name());
    }
}
