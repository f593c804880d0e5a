//! The invariants.

use super::node::Node;
use super::people::redemption;
use crate::audit;
use crate::base::{Digest, Key16, RedemptionId};
use crate::engine::Call;
use crate::flow::{Redemption, State};
use crate::host::Store;
use crate::issuer::{Class, OpKind};
use crate::money::Currency;
use crate::record::{ClaimStatus, Frame, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// All redemptions; rows without a summary are the engine's own (sessions, the key ring).
pub(super) fn redemptions(node: &Node) -> Vec<RedemptionId> {
    let rows = node.store.index().rows().filter(|(_, row)| !row.summary.is_empty());
    rows.map(|(id, _)| *id).collect()
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// 6: no call is seen outside before its record is durable. 3: and no pay-out without evidence.
pub(super) fn intent_is_durable(node: &mut Node, call: &Call) -> Result<(), String> {
    let id = call.redemption;
    let r = redemption(node, id).ok_or_else(|| format!("call for {id}, of which nothing is durable"))?;
    if call.kind.class() != Class::Effect {
        return Ok(());
    }
    let written = match call.kind {
        OpKind::Redeem => r.redeem.as_ref().map(|redeem| redeem.attempt),
        OpKind::Reverse => r.undo.map(|(sent, _)| sent),
        _ => r.payout.as_ref().map(|payout| payout.attempt),
    };
    ensure(written.is_some_and(|written| written >= call.attempt), || {
        format!("{} #{} of {id} leaves before it is written ({written:?})", call.kind.name(), call.attempt)
    })?;
    let evidence = r.debit.is_some() || r.advance.is_some();
    ensure(call.kind != OpKind::Pay || evidence, || format!("{id} is paid without evidence"))
}

/// After every commit: the books, and what is in memory.
pub(super) fn after_commit(node: &mut Node) -> Result<(), String> {
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for (_, currency, minor) in node.store.index().balances() {
        *sums.entry(currency).or_default() += minor;
    }
    ensure(sums.values().all(|sum| *sum == 0), || format!("the books do not balance: {sums:?}"))?;
    let ids = redemptions(node);
    for id in ids {
        let Some(live) = node.engine.redemption(id) else { continue };
        let row = node.store.index().row(id).ok_or("a row is gone")?;
        if live.records != row.records {
            continue;
        }
        let records = Record::decode_all(&row.log).map_err(|error| error.to_string())?;
        let replayed = Redemption::replay(id, &records).map_err(|error| format!("{id}: {error}"))?;
        ensure(replayed == *live, || format!("{id}: replayed {replayed:?}, in memory {live:?}"))?;
    }
    Ok(())
}

/// After a crash: what was recovered is what was written, and the world agrees so far.
pub(super) fn recovered(node: &mut Node) -> Result<(), String> {
    let mut log = audit::Log::new();
    leaves(node)?.into_iter().for_each(|leaf| {
        log.append(leaf);
    });
    let (len, root) = node.engine.audit();
    ensure((log.len(), log.root()) == (len, root), || "the audit root is not that of the records".into())?;
    money(node)
}

/// 2: a card is debited at most once per pay-out and paid at most once.
fn money(node: &mut Node) -> Result<(), String> {
    let oracle = node.transport.world().oracle();
    let unbacked = oracle.unbacked();
    for payout in unbacked {
        let r = redemption(node, payout.reference.redemption);
        let advanced = r
            .as_ref()
            .is_some_and(|r| r.advance.is_some() || matches!(r.state, State::Recovered | State::WrittenOff));
        ensure(advanced, || format!("paid without a debit: {payout:?}, {r:?}"))?;
    }
    let oracle = node.transport.world().oracle();
    let mut paid: BTreeMap<RedemptionId, u32> = BTreeMap::new();
    for payout in oracle.payouts().filter(|payout| !payout.returned) {
        *paid.entry(payout.reference.redemption).or_default() += 1;
    }
    ensure(paid.values().all(|times| *times == 1), || format!("paid more than once: {paid:?}"))?;
    let mut debits: BTreeMap<RedemptionId, u32> = BTreeMap::new();
    for debit in oracle.debits() {
        *debits.entry(debit.reference.redemption).or_default() += u32::from(!debit.reversed);
    }
    ensure(debits.values().all(|times| *times <= 1), || format!("debited more than once: {debits:?}"))?;
    let mut cards: BTreeMap<Key16, Vec<RedemptionId>> = BTreeMap::new();
    for id in paid.keys() {
        let r = redemption(node, *id).ok_or("a paid redemption is gone")?;
        for key in &r.facts.keys {
            cards.entry(*key).or_default().push(*id);
        }
    }
    for (card, sold) in cards.iter().filter(|(_, sold)| sold.len() > 1) {
        let debited = sold.iter().filter(|id| debits.get(id).copied().unwrap_or(0) > 0).count();
        ensure(debited == sold.len(), || {
            format!("card {card} is paid {} times for {debited} debits", sold.len())
        })?;
    }
    Ok(())
}

/// When nothing is left to do: 4, no money is stranded; 7, no secret is seen; 8, proofs verify.
pub(super) fn at_the_end(node: &mut Node) -> Result<(), String> {
    money(node)?;
    let oracle = node.transport.world().oracle();
    let ids = redemptions(node);
    for id in ids {
        let Some(r) = redemption(node, id) else { return Err(format!("{id} cannot be replayed")) };
        let rests = r.state.is_end() || r.state.waits_for_people();
        ensure(rests, || {
            format!("{id} is left in {}; people have {}", r.state.name(), super::people::queue(node))
        })?;
        let debited = oracle.debited(crate::issuer::Reference::debit(id)) > 0;
        let explained = match r.state {
            State::Retired | State::Owed | State::Held | State::Suspended | State::ClawbackDue => true,
            State::Recovered | State::WrittenOff => true,
            _ => !debited,
        };
        ensure(explained, || format!("{id} is {} and stands debited", r.state.name()))?;
        ensure(r.state != State::Retired || debited, || format!("{id} is retired and not debited"))?;
        claims(node, &r)?;
        if let (State::Retired, Some(quote), Some(debit)) = (r.state, &r.quote, &r.debit) {
            let shares: i64 = quote.shares.iter().map(|(_, amount)| amount.minor()).sum();
            let sum = quote.payout.minor() + quote.fee.minor() + shares;
            ensure(sum == debit.amount.minor(), || format!("{id}: {sum} of {} is explained", debit.amount))?;
        }
    }
    secrets(node)?;
    proofs(node)
}

/// An ended redemption holds its card for ever, or not at all.
fn claims(node: &Node, r: &Redemption) -> Result<(), String> {
    for key in &r.facts.keys {
        let held = node.store.index().claim(*key).filter(|(holder, _)| *holder == r.id).map(|(_, how)| how);
        let right = match r.state {
            State::Retired => held == Some(ClaimStatus::Consumed),
            State::Declined | State::Cancelled | State::Frozen | State::Blocked => held.is_none(),
            State::Reversed => held.is_none() || r.quarantined,
            _ => true,
        };
        ensure(right, || format!("{} is {} and its card is {held:?}", r.id, r.state.name()))?;
    }
    Ok(())
}

fn secrets(node: &mut Node) -> Result<(), String> {
    let mut found = None;
    let secrets = node.plan.secrets.clone();
    node.store
        .frames(&mut |bytes, _| {
            let seen = |secret: &&String| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            found = found.take().or_else(|| secrets.iter().find(seen).cloned());
        })
        .map_err(|error| error.to_string())?;
    ensure(found.is_none(), || format!("{found:?} stands in a frame"))?;
    for id in redemptions(node) {
        let row = node.store.index().row(id).ok_or("a row is gone")?;
        let ended = row.due.is_none() && !row.sides.contains_key(&crate::flow::SIDE_CARD);
        let summary = crate::flow::Summary::decode(&row.summary).map_err(|error| error.to_string())?;
        let must = summary.state.is_end() && summary.state != State::Reversed;
        ensure(!must || ended, || format!("{id} is {} and its card is not erased", summary.state.name()))?;
    }
    Ok(())
}

/// The leaf of every record that stands, in the order of the log.
fn leaves(node: &mut Node) -> Result<Vec<Digest>, String> {
    let mut leaves = Vec::new();
    node.store
        .frames(&mut |bytes, refused| {
            let frame = Frame::decode(bytes).expect("it was written by this life");
            let stands = |i: usize| u32::try_from(i).is_ok_and(|i| !refused.contains(&i));
            let records = frame.records(stands);
            leaves.extend(
                records.map(|(unit, place, record)| {
                    audit::leaf_hash(&record.leaf_bytes(unit.redemption, place))
                }),
            );
        })
        .map_err(|error| error.to_string())?;
    Ok(leaves)
}

fn proofs(node: &mut Node) -> Result<(), String> {
    let leaves = leaves(node)?;
    let (size, root) = node.engine.audit();
    for index in (0..size).step_by(7) {
        let mut all = &leaves[..];
        let proof = audit::inclusion_proof(&mut all, index, size).map_err(|error| error.to_string())?;
        let leaf = &leaves[usize::try_from(index).expect("there are few")];
        audit::verify_inclusion(leaf, index, size, &proof, &root).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The kinds of steps that were taken.
pub(super) fn kinds(node: &Node) -> Result<Vec<u16>, String> {
    let mut kinds = BTreeSet::new();
    for id in redemptions(node) {
        let row = node.store.index().row(id).ok_or("a row is gone")?;
        let records = Record::decode_all(&row.log).map_err(|error| error.to_string())?;
        kinds.extend(records.iter().map(|record| record.kind));
    }
    Ok(kinds.into_iter().collect())
}
