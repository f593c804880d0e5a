//! Reviewers and clerks: they decide what waits for them, in their own time, at any node.

use super::checks::redemption;
use super::town::Town;
use crate::base::{RedemptionId, Text};
use crate::flow::{Finding, Redemption, State, Verdict};
use crate::issuer::Reference;
use std::format;
use std::string::String;
use std::vec::Vec;

fn text(value: &str) -> Text {
    Text::new(value).expect("names are short")
}

/// Somebody decides something, sometimes; whether anybody did.
pub(super) fn act(town: &mut Town) -> bool {
    let now = town.mono();
    let awake: Vec<usize> = (0..town.nodes.len()).filter(|n| town.nodes[*n].is_awake(now)).collect();
    let waiting: Vec<RedemptionId> = town.queue.iter().copied().collect();
    if awake.is_empty() {
        return false;
    }
    if town.dice.in_thousand(15) {
        return call_off(town, &awake);
    }
    if waiting.is_empty() || !town.dice.in_thousand(400) {
        return false;
    }
    let (id, n) = (*town.dice.one(&waiting), *town.dice.one(&awake));
    let Some(r) = redemption(town, id) else { return false };
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

/// A seller calls off what may still be called off, or what may not.
fn call_off(town: &mut Town, awake: &[usize]) -> bool {
    let ids = super::checks::redemptions(town);
    if ids.is_empty() {
        return false;
    }
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
        State::PayoutUnknown => {
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
