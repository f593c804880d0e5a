//! The invariants.

mod end;
mod money;
mod tokens;
mod watch;

pub(super) use end::{at_the_end, cover};
pub(super) use watch::Watch;

use super::node::Node;
use super::town::Town;
use crate::audit;
use crate::base::{Digest, RedemptionId, Wall};
use crate::engine::Call;
use crate::flow::{Event, EventKind, Redemption, State};
use crate::host::Store;
use crate::issuer::{Class, OpKind, Recipe, Reference};
use crate::money::Currency;
use crate::record::{ClaimStatus, Frame, Record};
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// All redemptions; rows without a summary are the engine's own (sessions, the key ring).
pub(super) fn redemptions(town: &Town) -> Vec<RedemptionId> {
    let own = |index: &crate::record::Index| {
        index.rows().filter(|(_, row)| !row.summary.is_empty()).map(|(id, _)| *id).collect()
    };
    town.depot.look(own)
}

/// A redemption as its records tell.
pub(super) fn redemption(town: &Town, id: RedemptionId) -> Option<Redemption> {
    let log = town.depot.look(|index| index.row(id).map(|row| row.log.clone()))?;
    Redemption::replay(id, &Record::decode_all(&log).ok()?).ok()
}

/// The issuers that take and answer files.
const BY_FILE: [&str; 2] = ["file", "drop"];

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// 6: no call is seen outside before its record is durable. 3: and no pay-out without evidence.
pub(super) fn intent_is_durable(town: &mut Town, call: &Call) -> Result<(), String> {
    let (id, name) = (call.redemption, town.name(call.redemption));
    let r = redemption(town, id)
        .ok_or_else(|| format!("{} for {name}, of which nothing is durable", call.kind.name()))?;
    if call.kind.class() != Class::Effect {
        return Ok(());
    }
    let written = match call.kind {
        OpKind::Redeem => r.redeem.as_ref().map(|redeem| redeem.attempt),
        OpKind::Reverse => r.undo.map(|(sent, _)| sent),
        _ => r.payout.as_ref().map(|payout| payout.attempt),
    };
    // Another writer may have gone on, and an undo counts anew after a late debit. A batch message
    // counts as its most repeated debit does.
    let batch = call.kind == OpKind::Redeem && BY_FILE.contains(&&*r.facts.issuer);
    let asked = if batch { 1 } else { call.attempt };
    let anew = r.undo.is_none_or(|(sent, _)| sent == 0);
    let written_since = written.is_some_and(|written| written >= asked);
    ensure(written_since || call.kind == OpKind::Reverse && anew && r.debit.is_some(), || {
        format!("{} #{} of {name} leaves before it is written ({written:?})", call.kind.name(), call.attempt)
    })?;
    let evidence =
        r.debit.is_some() || r.advance.is_some() || r.payout.as_ref().is_some_and(|p| p.reference.is_some());
    ensure(call.kind != OpKind::Pay || evidence, || format!("{name} is paid without evidence"))
}

/// No call may leave after the lease of its node.
pub(super) fn within_the_lease(town: &Town, n: usize, call: &Call) -> Result<(), String> {
    let lease = town.nodes[n].lease;
    ensure(lease.is_none_or(|lease| call.send_by <= lease), || {
        format!(
            "{} of {} may leave after the lease of its node",
            call.kind.name(),
            town.name(call.redemption)
        )
    })
}

/// A call leaves now: nobody else may have the redemption, and repeats stick to their site.
pub(super) fn may_leave(town: &mut Town, n: usize, call: &Call) -> Result<(), String> {
    let (name, epoch) = (town.name(call.redemption), town.nodes[n].epoch);
    let owner = town.depot.look(|index| index.row(call.redemption).map(|row| (row.epoch, row.dormant)));
    let shared = town.depot.lease_ms > 0;
    let issuer = town.transport.name_of(call.id.channel);
    // What sleeps while its batch message is on its way is anybody's to hear of; and a file may already
    // speak of what a store that was put back sends anew.
    let foreign = matches!(owner, Some((owner, false)) if owner != epoch);
    let told = town.watch.forgot && BY_FILE.contains(&&*issuer);
    ensure(!(shared && foreign && call.kind.class() == Class::Effect) || told, || {
        let what = call.kind.name();
        format!("{what} of {name} leaves node of epoch {epoch} after epoch {owner:?} has taken over")
    })?;
    let switches = town.watch.leaves(call, &issuer).map_err(|what| format!("{name}: {what}"))?;
    if switches {
        town.coverage.switch();
    }
    Ok(())
}

/// After every commit: the books, what is in memory, and the claims of what was written.
pub(super) fn after_commit(town: &mut Town, n: usize, ids: &[RedemptionId]) -> Result<(), String> {
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    town.depot.look(|index| {
        for (_, currency, minor) in index.balances() {
            *sums.entry(currency).or_default() += minor;
        }
    });
    ensure(sums.values().all(|sum| *sum == 0), || format!("the books do not balance: {sums:?}"))?;
    for id in ids {
        let name = town.name(*id);
        let Some((log, epoch)) =
            town.depot.look(|index| index.row(*id).map(|row| (row.log.clone(), row.epoch)))
        else {
            continue;
        };
        if town.depot.look(|index| index.row(*id).is_some_and(|row| row.summary.is_empty())) {
            continue;
        }
        let records = Record::decode_all(&log).map_err(|error| error.to_string())?;
        let replayed = Redemption::replay(*id, &records).map_err(|error| format!("{name}: {error}"))?;
        let engine = &town.nodes[n].engine;
        if let Some((live, more)) = engine.redemption(*id).zip(engine.unwritten(*id)) {
            let all: Vec<_> = records.iter().copied().chain(more.iter()).collect();
            let comparable = epoch == town.nodes[n].epoch && live.records as usize == all.len();
            let told = Redemption::replay(*id, &all).map_err(|error| format!("{name}: {error}"))?;
            ensure(!comparable || told == *live, || {
                format!("{name}: replayed {told:?}, in memory {live:?}")
            })?;
        }
        claims(town, &replayed, &records)?;
        tokens::claimed(town, &replayed)?;
        nothing_on_its_way(town, &replayed)?;
        absent_long_enough(town, &replayed, &records)?;
        divided(&replayed).map_err(|what| format!("{name}: {what}"))?;
    }
    town.watch.hold(&town.nodes[n]);
    if town.life.batches % 8 == 0 { money::check(town) } else { Ok(()) }
}

/// A card is not given free while its debit may still arrive; unless it was at nodes whose clocks
/// disagree by more than the issuer's patience.
fn nothing_on_its_way(town: &Town, r: &Redemption) -> Result<(), String> {
    let issuer = &*r.facts.issuer;
    let free = r.state == State::Declined || (r.state == State::Reversed && !r.quarantined);
    if !free || !watch::DEBITS_AGAIN.contains(&issuer) || town.wrong_clocks() {
        return Ok(());
    }
    let under_way = town.transport.is_under_way(Reference::debit(r.id));
    let name = town.name(r.id);
    ensure(!under_way, || format!("{name} is {} while its debit is on its way", r.state.name()))
}

/// "Not found" is believed only after the issuer's patience, by its file, or where people say so:
/// neither does the redemption end by it before, nor is a debit that was asked after sent again.
fn absent_long_enough(town: &Town, r: &Redemption, records: &[Record<'_>]) -> Result<(), String> {
    let issuers = &town.plan.world.issuers;
    let issuer = issuers.iter().find(|issuer| issuer.profile.name == r.facts.issuer.as_str());
    let judged = !BY_FILE.contains(&r.facts.issuer.as_str()) && !town.wrong_clocks();
    let (Some(issuer), Some(redeem), true) = (issuer, &r.redeem, judged) else { return Ok(()) };
    let patience_ms = issuer.profile.timing.absent_after_ms;
    let people = records.iter().any(|record| record.kind == EventKind::Suspended.number());
    let ended = r.state == State::Declined && r.reason.as_deref() == Some("not_debited") && !people;
    let mut waited_ms = ended.then(|| r.since.0.saturating_sub(redeem.last_at.0));
    if issuer.profile.recipe == Recipe::Query {
        let debit = [EventKind::RedeemSent.number(), EventKind::RedeemNotSent.number()];
        let mut last: Option<Wall> = None;
        for record in records.iter().filter(|record| debit.contains(&record.kind)) {
            let (at, event) = Event::from_record(record).map_err(|error| error.to_string())?;
            let sent = matches!(event, Event::RedeemSent { .. });
            let since_ms = last.filter(|_| sent).map(|last| at.0.saturating_sub(last.0));
            waited_ms = waited_ms.into_iter().chain(since_ms).min();
            last = sent.then_some(at);
        }
    }
    ensure(waited_ms.is_none_or(|waited_ms| waited_ms >= patience_ms), || {
        format!("{} is taken for absent after {waited_ms:?} ms", town.name(r.id))
    })
}

/// 1: pay-out, fee and shares are the value, to the cent.
fn divided(r: &Redemption) -> Result<(), String> {
    let Some(quote) = &r.quote else { return Ok(()) };
    let shares: i64 = quote.shares.iter().map(|(_, amount)| amount.minor()).sum();
    let sum = quote.payout.minor() + quote.fee.minor() + shares;
    ensure(sum == quote.value.minor(), || format!("{sum} of {} is explained", quote.value))
}

/// How a redemption must hold its card, by where it stands.
fn claims(town: &Town, r: &Redemption, records: &[Record<'_>]) -> Result<(), String> {
    use State as S;
    // A debit that shows up after the card was given away cannot bring it back.
    let late = [EventKind::LateDebit.number(), EventKind::TurnedAway.number()];
    if records.iter().any(|record| late.contains(&record.kind)) {
        return Ok(());
    }
    for key in &r.facts.keys {
        let held = town.depot.look(|index| index.claim(*key)).filter(|(holder, _)| *holder == r.id);
        let held = held.map(|(_, how)| how);
        let right = match r.state {
            S::Declined | S::Cancelled | S::Frozen | S::Blocked => held.is_none(),
            S::Reversed => held.is_none() != r.quarantined,
            S::Paying | S::PayoutUnknown | S::PayoutFailed | S::Owed | S::Returned | S::Held => {
                held == Some(ClaimStatus::Consumed)
            }
            S::Redeemed | S::Paid | S::Split | S::Cleared | S::Retired | S::Advancing | S::Advanced => {
                held == Some(ClaimStatus::Consumed)
            }
            S::Recovered | S::WrittenOff | S::ClawbackDue | S::AdvanceVoid => true,
            _ => held.is_some(),
        };
        let name = town.name(r.id);
        ensure(right, || format!("{name} is {} and its card is {held:?}", r.state.name()))?;
    }
    Ok(())
}

/// After an opening: what was recovered is what was written, the world agrees so far, and what was
/// held outside shows whether anything is missing.
pub(super) fn recovered(town: &mut Town, node: &Node) -> Result<(), String> {
    let leaves = leaves(town, node.log)?;
    let (len, root) = node.engine.audit();
    let own = root_of(&leaves);
    ensure((leaves.len() as u64, own) == (len, root), || "the audit root is not that of the records".into())?;
    town.watch.recovered(node.log, &leaves)?;
    money::check(town)
}

/// The store was put back.
pub(super) fn restored(town: &mut Town) -> Result<(), String> {
    let mut lens = BTreeMap::new();
    for n in 0..town.plan.nodes {
        let log = town.depot.log_of(n);
        lens.insert(log, leaves(town, log)?.len() as u64);
    }
    town.watch.restored(&|log| lens.get(&log).copied().unwrap_or(0));
    Ok(())
}

fn root_of(leaves: &[Digest]) -> Digest {
    let mut log = audit::Log::new();
    leaves.iter().for_each(|leaf| {
        log.append(*leaf);
    });
    log.root()
}

/// The leaf of every record that stands in a log, in order.
fn leaves(town: &mut Town, log: u32) -> Result<Vec<Digest>, String> {
    let mut leaves = Vec::new();
    let shown = town.depot.open(log).frames(&mut |bytes, refused| {
        let frame = Frame::decode(bytes).expect("it was written by this life");
        if frame.log == log {
            let stands = |i: usize| u32::try_from(i).is_ok_and(|i| !refused.contains(&i));
            let of = |(unit, place, record): (&crate::record::Unit, u32, Record<'_>)| {
                audit::leaf_hash(&record.leaf_bytes(unit.redemption, place))
            };
            leaves.extend(frame.records(stands).map(of));
        }
    });
    shown.map_err(|error| error.to_string())?;
    Ok(leaves)
}
