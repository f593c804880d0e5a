//! Reviewers and clerks: they decide what waits for them, in their own time, at any node.

use super::checks::redemption;
use super::plan::START;
use super::tokens::{self, Show};
use super::town::Town;
use crate::base::{RedemptionId, Text};
use crate::flow::{Finding, Redemption, State, Verdict};
use crate::host::Transport;
use crate::issuer::Reference;
use std::format;
use std::string::String;
use std::vec::Vec;

/// So often people let their work lie.
const MOST_LAY: u32 = 12;

fn text(value: &str) -> Text {
    Text::new(value).expect("names are short")
}

/// Somebody decides something, sometimes; whether anybody did.
pub(super) fn act(town: &mut Town) -> bool {
    let now = town.mono();
    let awake: Vec<usize> = (0..town.nodes.len()).filter(|n| town.nodes[*n].is_awake(now)).collect();
    town.put_back.retain(|_, again| *again > now);
    let free = |id: &&RedemptionId| !town.put_back.contains_key(*id);
    let waiting: Vec<RedemptionId> = town.queue.iter().filter(free).copied().collect();
    if awake.is_empty() {
        return false;
    }
    if town.dice.in_thousand(15) {
        return call_off(town, &awake);
    }
    if waiting.is_empty() || !town.dice.in_thousand(400) {
        if !waiting.is_empty() && town.lay < MOST_LAY && town.dice.in_thousand(300) {
            // It lies on a desk for a while.
            town.lay += 1;
            let for_ms = *town.dice.one(&[60_000, 3_600_000, 86_400_000]);
            town.wakes.insert(now.plus(for_ms));
        }
        return false;
    }
    let (id, n) = (*town.dice.one(&waiting), *town.dice.one(&awake));
    let Some(r) = redemption(town, id) else { return false };
    if r.wants_token && r.state == State::Challenged {
        return scan_again(town, id, n);
    }
    let by = text("reviewer");
    let yes = town.dice.in_thousand(600);
    let verdict = match r.state {
        State::InReview if yes => Verdict::Approve { by },
        State::InReview => Verdict::Reject { by, reason: text("odd") },
        State::Challenged => Verdict::Challenge { passed: yes },
        State::Owed => Verdict::Payee { payee: text("other-account") },
        State::Held => Verdict::Unhold { by },
        State::ClawbackDue if yes => Verdict::Recovered { by },
        State::ClawbackDue => Verdict::WriteOff { by, second: text("second") },
        State::Suspended => match finding(town, &r) {
            Some(finding) => Verdict::Resolve { by, second: text("second"), finding },
            None => return false,
        },
        _ => {
            town.queue.remove(&id);
            return false;
        }
    };
    let (name, log) = (town.name(id), town.nodes[n].log);
    town.say(&format!("people decide on {name} at node {log}: {verdict:?}"));
    town.nodes[n].engine.decide(id, verdict);
    town.queue.remove(&id);
    true
}

/// A seller shows the card again: with a fresh token, with an old one, or with another card's.
fn scan_again(town: &mut Town, id: RedemptionId, n: usize) -> bool {
    let asked = town.plan.requests.iter().filter(|asked| asked.request.redemption() == id);
    let Some(card) = asked.filter_map(|asked| asked.shown.as_ref()).map(|shown| shown.card.clone()).next()
    else {
        return false;
    };
    let show = *town.dice.one(&[Show::Fresh, Show::Fresh, Show::Stale, Show::OtherCard]);
    let at = town.transport.now().wall;
    let of = if show == Show::OtherCard { "7799999999990000" } else { card.as_str() };
    let (token, _) = tokens::shown(of, show, at, START);
    let (name, log) = (town.name(id), town.nodes[n].log);
    town.say(&format!("the card of {name} is scanned again at node {log}: {}", show.name()));
    town.coverage.token("scanned again");
    town.nodes[n].engine.rescan(id, &token, Some(at));
    // Whoever is refused may try again.
    true
}

/// A seller calls off what may still be called off, or what may not.
fn call_off(town: &mut Town, awake: &[usize]) -> bool {
    let ids = super::checks::redemptions(town);
    if ids.is_empty() {
        return false;
    }
    let early = |id: &&RedemptionId| redemption(town, **id).is_some_and(|r| r.state < State::Redeeming);
    let early: Vec<RedemptionId> = ids.iter().filter(early).copied().collect();
    let ids = if early.is_empty() { ids } else { early };
    let (id, n) = (*town.dice.one(&ids), *town.dice.one(awake));
    let name = town.name(id);
    town.say(&format!("the seller of {name} calls it off"));
    town.nodes[n].engine.cancel(id, text("seller"));
    true
}

/// What people find out is what really happened.
fn finding(town: &mut Town, r: &Redemption) -> Option<Finding> {
    let oracle = town.transport.world().oracle();
    let debits = oracle.debits().filter(|debit| debit.reference == Reference::debit(r.id));
    let debit = debits.min_by_key(|debit| debit.reversed);
    match r.suspended_from? {
        State::PayoutUnknown | State::Advancing | State::AdvanceVoid => {
            let number = r.payout.as_ref()?.number;
            let paid =
                oracle.payouts().any(|p| p.reference == Reference::payout(r.id, number) && !p.returned);
            Some(if paid { Finding::Paid { reference: text("statement") } } else { Finding::NotPaid })
        }
        State::Split => Some(Finding::Delivered { receipt: text("statement") }),
        _ => Some(match debit {
            Some(debit) if debit.reversed => Finding::Reversed,
            Some(debit) => Finding::Debited { reference: text("statement"), amount: debit.amount },
            None => Finding::NotDebited,
        }),
    }
}

/// What waits for people, in words.
pub(super) fn queue(town: &Town) -> String {
    let names: Vec<_> = town.queue.iter().map(|id| town.name(*id)).collect();
    names.join(", ")
}
