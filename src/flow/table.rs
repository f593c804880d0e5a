//! The transition table: which step is allowed where, and where it leads.

use super::{EventKind as K, State as S};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// Every allowed step: from, step, to. Steps that are allowed everywhere and move nothing stand
/// in [`next`].
#[rustfmt::skip]
pub const TRANSITIONS: &[(S, K, S)] = &[
    // In at the door.
    (S::Received, K::Received, S::Claimed),
    (S::Claimed, K::TurnedAway, S::Declined),
    (S::Claimed, K::Passed, S::Screened),
    (S::Claimed, K::Challenged, S::Challenged),
    (S::Claimed, K::Referred, S::InReview),
    (S::Claimed, K::Frozen, S::Frozen),
    (S::Claimed, K::Blocked, S::Blocked),
    (S::Claimed, K::OverBudget, S::Declined),
    (S::Claimed, K::TokenUsed, S::Claimed),
    // People look, or the seller answers.
    (S::Challenged, K::ChallengePassed, S::Screened),
    (S::Challenged, K::Rejected, S::Declined),
    (S::Challenged, K::Expired, S::Declined),
    (S::Screened, K::ScanWanted, S::Challenged),
    (S::Challenged, K::TokenUsed, S::Screened),
    (S::InReview, K::ReviewApproved, S::Screened),
    (S::InReview, K::Rejected, S::Declined),
    (S::InReview, K::Expired, S::Declined),
    // Called off: only before redeeming.
    (S::Claimed, K::Cancelled, S::Cancelled),
    (S::Screened, K::Cancelled, S::Cancelled),
    (S::Challenged, K::Cancelled, S::Cancelled),
    (S::InReview, K::Cancelled, S::Cancelled),
    (S::Verified, K::Cancelled, S::Cancelled),
    (S::Approved, K::Cancelled, S::Cancelled),
    // What is on the card, and what it is worth to us.
    (S::Screened, K::CheckSent, S::Screened),
    (S::Screened, K::Verified, S::Verified),
    (S::Screened, K::Remembered, S::Verified),
    (S::Screened, K::Quoted, S::Approved),
    (S::Screened, K::Declined, S::Declined),
    (S::Screened, K::Doubted, S::InReview),
    (S::Verified, K::Quoted, S::Approved),
    (S::Verified, K::Doubted, S::InReview),
    (S::Verified, K::Declined, S::Declined),
    (S::Approved, K::Declined, S::Declined),
    // The debit.
    (S::Approved, K::RedeemSent, S::Redeeming),
    (S::Redeeming, K::RedeemNotSent, S::Approved),
    (S::Redeeming, K::RedeemUnknown, S::Unknown),
    (S::Redeeming, K::RedeemPending, S::Pending),
    (S::Redeeming, K::RedeemAbsent, S::Absent),
    (S::Redeeming, K::Redeemed, S::Redeemed),
    (S::Redeeming, K::Declined, S::Declined),
    (S::Redeeming, K::ReverseSent, S::Reversing),
    (S::Redeeming, K::Reversed, S::Reversed),
    (S::Unknown, K::RedeemSent, S::Redeeming),
    (S::Unknown, K::RedeemPending, S::Pending),
    (S::Unknown, K::RedeemAbsent, S::Absent),
    (S::Unknown, K::Redeemed, S::Redeemed),
    (S::Unknown, K::Declined, S::Declined),
    (S::Unknown, K::ReverseSent, S::Reversing),
    (S::Unknown, K::Reversed, S::Reversed),
    (S::Unknown, K::Suspended, S::Suspended),
    (S::Pending, K::RedeemSent, S::Redeeming),
    (S::Pending, K::RedeemUnknown, S::Unknown),
    (S::Pending, K::RedeemAbsent, S::Absent),
    (S::Pending, K::Redeemed, S::Redeemed),
    (S::Pending, K::Declined, S::Declined),
    (S::Pending, K::ReverseSent, S::Reversing),
    (S::Pending, K::Reversed, S::Reversed),
    (S::Pending, K::Suspended, S::Suspended),
    (S::Absent, K::RedeemSent, S::Redeeming),
    (S::Absent, K::RedeemUnknown, S::Unknown),
    (S::Absent, K::RedeemPending, S::Pending),
    (S::Absent, K::Redeemed, S::Redeemed),
    (S::Absent, K::Declined, S::Declined),
    (S::Absent, K::ReverseSent, S::Reversing),
    (S::Absent, K::Reversed, S::Reversed),
    (S::Absent, K::Suspended, S::Suspended),
    // The undo.
    (S::Reversing, K::ReverseSent, S::Reversing),
    (S::Reversing, K::ReverseUnknown, S::Reversing),
    (S::Reversing, K::ReverseRefused, S::Unknown),
    (S::Reversing, K::Reversed, S::Reversed),
    (S::Reversing, K::Suspended, S::Suspended),
    (S::Reversed, K::QuarantineOver, S::Reversed),
    (S::Reversed, K::Suspended, S::Suspended),
    // A debit that shows up after the end.
    (S::Reversed, K::LateDebit, S::LateDebit),
    (S::Declined, K::LateDebit, S::LateDebit),
    (S::LateDebit, K::ReverseSent, S::Reversing),
    (S::LateDebit, K::LateKept, S::Redeemed),
    // The pay-out.
    (S::Redeemed, K::Requoted, S::Redeemed),
    (S::Redeemed, K::Held, S::Held),
    (S::Redeemed, K::PaySent, S::Paying),
    (S::Held, K::Unheld, S::Redeemed),
    (S::Paying, K::PayUnknown, S::PayoutUnknown),
    (S::Paying, K::Paid, S::Paid),
    (S::Paying, K::PayFailed, S::PayoutFailed),
    (S::PayoutUnknown, K::PayAgain, S::Paying),
    (S::PayoutUnknown, K::Paid, S::Paid),
    (S::PayoutUnknown, K::PayFailed, S::PayoutFailed),
    (S::PayoutUnknown, K::Suspended, S::Suspended),
    (S::PayoutFailed, K::Owed, S::Owed),
    (S::Paid, K::PayReturned, S::Returned),
    (S::Split, K::PayReturned, S::Returned),
    (S::Cleared, K::PayReturned, S::Returned),
    (S::Retired, K::PayReturned, S::Returned),
    (S::Returned, K::Owed, S::Owed),
    (S::Owed, K::PaySent, S::Paying),
    // Fee, shares, delivery.
    (S::Paid, K::Split, S::Split),
    (S::Split, K::Cleared, S::Cleared),
    (S::Split, K::Suspended, S::Suspended),
    (S::Cleared, K::Retired, S::Retired),
    // Paid before evidence.
    (S::Redeeming, K::AdvanceSent, S::Advancing),
    (S::Advancing, K::PayAgain, S::Advancing),
    (S::Advancing, K::Advanced, S::Advanced),
    (S::Advancing, K::AdvanceFailed, S::Pending),
    (S::Advancing, K::Confirmed, S::Paying),
    (S::Advancing, K::AdvanceRejected, S::AdvanceVoid),
    (S::Advancing, K::Suspended, S::Suspended),
    (S::AdvanceVoid, K::PayAgain, S::AdvanceVoid),
    (S::AdvanceVoid, K::Advanced, S::ClawbackDue),
    (S::AdvanceVoid, K::AdvanceFailed, S::Declined),
    (S::AdvanceVoid, K::Suspended, S::Suspended),
    (S::Advanced, K::Confirmed, S::Paid),
    (S::Advanced, K::AdvanceRejected, S::ClawbackDue),
    (S::Advanced, K::PayReturned, S::Pending),
    (S::Advanced, K::Suspended, S::Suspended),
    (S::ClawbackDue, K::Confirmed, S::Paid),
    (S::ClawbackDue, K::PayReturned, S::Recovered),
    (S::ClawbackDue, K::Recovered, S::Recovered),
    (S::ClawbackDue, K::WrittenOff, S::WrittenOff),
    // A corrected file takes a debit back that was paid for.
    (S::Paid, K::Corrected, S::ClawbackDue),
    (S::Split, K::Corrected, S::ClawbackDue),
    (S::Cleared, K::Corrected, S::ClawbackDue),
    (S::Retired, K::Corrected, S::ClawbackDue),
    // People end what age has suspended; late answers do too.
    (S::Suspended, K::Redeemed, S::Redeemed),
    (S::Suspended, K::Declined, S::Declined),
    (S::Suspended, K::Reversed, S::Reversed),
    (S::Suspended, K::Paid, S::Paid),
    (S::Suspended, K::PayFailed, S::PayoutFailed),
    (S::Suspended, K::Cleared, S::Cleared),
    (S::Suspended, K::PayUnknown, S::Advancing),
    (S::Suspended, K::Confirmed, S::Paid),
    (S::Suspended, K::AdvanceRejected, S::ClawbackDue),
    (S::Suspended, K::ResolvedDebited, S::Redeemed),
    (S::Suspended, K::ResolvedAbsent, S::Declined),
    (S::Suspended, K::ResolvedReversed, S::Reversed),
    (S::Suspended, K::ResolvedPaid, S::Paid),
    (S::Suspended, K::ResolvedUnpaid, S::Owed),
    (S::Suspended, K::ResolvedCleared, S::Cleared),
];

/// Where `event` leads from `state`; `None` if it is not allowed there.
pub fn next(state: S, event: K) -> Option<S> {
    if event.is_everywhere() {
        return (state != S::Received).then_some(state);
    }
    LEADS[state as usize][event as usize]
}

/// The same table, by state and step: it is asked for every step of every redemption.
static LEADS: [[Option<S>; K::ALL.len()]; S::ALL.len()] = {
    let mut leads = [[None; K::ALL.len()]; S::ALL.len()];
    let mut i = 0;
    while i < TRANSITIONS.len() {
        let (from, kind, to) = TRANSITIONS[i];
        leads[from as usize][kind as usize] = Some(to);
        i += 1;
    }
    leads
};

/// The table as a Mermaid state diagram: the one in `ARCHITECTURE.md`. Steps between the same
/// two states share an arrow; steps that move nothing are left out.
pub fn diagram() -> String {
    let mut arrows: BTreeMap<(S, S), Vec<K>> = BTreeMap::new();
    for (from, kind, to) in TRANSITIONS.iter().filter(|(from, _, to)| from != to) {
        arrows.entry((*from, *to)).or_default().push(*kind);
    }
    let mut out = String::from("stateDiagram-v2\n    [*] --> received\n");
    for ((from, to), kinds) in arrows {
        let kinds: Vec<String> = kinds.iter().map(|kind| alloc::format!("{kind:?}")).collect();
        writeln!(out, "    {} --> {}: {}", from.name(), to.name(), kinds.join(", "))
            .expect("a string takes all");
    }
    for end in S::ALL.iter().filter(|state| state.is_end()) {
        writeln!(out, "    {} --> [*]", end.name()).expect("a string takes all");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn a_step_leads_to_one_state_only() {
        let keys: BTreeSet<_> = TRANSITIONS.iter().map(|(from, kind, _)| (*from, *kind)).collect();
        assert_eq!(keys.len(), TRANSITIONS.len());
    }

    #[test]
    fn only_what_stands_in_the_table_is_allowed() {
        for &from in S::ALL {
            for &kind in K::ALL.iter().filter(|kind| !kind.is_everywhere()) {
                let row = TRANSITIONS.iter().find(|row| (row.0, row.1) == (from, kind));
                assert_eq!(next(from, kind), row.map(|row| row.2), "{from:?} {kind:?}");
            }
        }
    }

    #[test]
    fn every_state_is_reached_and_left_unless_it_is_an_end() {
        let mut reached = BTreeSet::from([S::Received]);
        while let Some((_, _, to)) =
            TRANSITIONS.iter().find(|(from, _, to)| reached.contains(from) && !reached.contains(to))
        {
            reached.insert(*to);
        }
        for state in S::ALL {
            assert!(reached.contains(state), "{state:?} is never reached");
            let left = TRANSITIONS.iter().any(|(from, _, to)| from == state && to != state);
            assert!(left || state.is_end(), "{state:?} is a dead end");
        }
    }

    #[test]
    fn every_state_can_come_to_an_end() {
        let mut ends: BTreeSet<S> = S::ALL.iter().copied().filter(|state| state.is_end()).collect();
        while let Some((from, _, _)) =
            TRANSITIONS.iter().find(|(from, _, to)| ends.contains(to) && !ends.contains(from))
        {
            ends.insert(*from);
        }
        assert_eq!(ends.len(), S::ALL.len());
    }

    #[test]
    fn nothing_is_called_off_once_redeeming_has_begun() {
        for (from, _, _) in TRANSITIONS.iter().filter(|(_, kind, _)| *kind == K::Cancelled) {
            assert!(*from < S::Redeeming, "{from:?}");
        }
    }
}
