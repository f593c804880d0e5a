//! Reviewers and clerks: they decide what waits for them, in their own time.

use super::node::Node;
use crate::base::{RedemptionId, Text};
use crate::flow::{Finding, Redemption, State, Verdict};
use crate::host::Store;
use crate::issuer::Reference;
use crate::record::Record;
use std::format;
use std::string::String;

fn text(value: &str) -> Text {
    Text::new(value).expect("names are short")
}

/// Somebody decides something, sometimes; whether anybody did.
pub(super) fn act(node: &mut Node) -> bool {
    let waiting: std::vec::Vec<RedemptionId> = node.waiting.iter().copied().collect();
    if waiting.is_empty() || !node.dice.in_thousand(400) {
        return false;
    }
    let id = *node.dice.one(&waiting);
    let Some(r) = redemption(node, id) else { return false };
    let by = text("reviewer");
    let yes = node.dice.in_thousand(600);
    let verdict = match r.state {
        State::InReview if yes => Verdict::Approve { by },
        State::InReview => Verdict::Reject { by, reason: text("odd") },
        State::Challenged => Verdict::Challenge { passed: yes },
        State::Owed => Verdict::Payee { payee: text("other-account") },
        State::Held => Verdict::Unhold { by },
        State::ClawbackDue if yes => Verdict::Recovered { by },
        State::ClawbackDue => Verdict::WriteOff { by, second: text("second") },
        State::Suspended => match finding(node, &r) {
            Some(finding) => Verdict::Resolve { by, second: text("second"), finding },
            None => return false,
        },
        _ => {
            node.waiting.remove(&id);
            return false;
        }
    };
    node.tell(format!("people decide on {id}: {verdict:?}"));
    node.engine.decide(id, verdict);
    node.waiting.remove(&id);
    true
}

pub(super) fn redemption(node: &mut Node, id: RedemptionId) -> Option<Redemption> {
    let handed = node.store.load(id).ok()??;
    Redemption::replay(id, &Record::decode_all(&handed.log).ok()?).ok()
}

/// What people find out is what really happened.
fn finding(node: &mut Node, r: &Redemption) -> Option<Finding> {
    let oracle = node.transport.world().oracle();
    let debit = oracle.debits().find(|debit| debit.reference == Reference::debit(r.id));
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
pub(super) fn queue(node: &Node) -> String {
    format!("{:?}", node.waiting)
}
