//! The ways in which money is lost by a plain implementation, as they happen in lives: each has a
//! detector of what happened, not of what was planned. `tests/scenarios` shows each by itself.

use super::coverage::Coverage;
use super::town::Town;
use crate::base::Key16;
use crate::flow::{Event, EventKind, State};
use crate::issuer::{Cause, OpKind};
use crate::record::{Batch, ClaimKind, ClaimStatus, Refusal};
use std::collections::BTreeSet;
use std::vec::Vec;

macro_rules! traces {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A way in which a plain implementation loses money.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Trace {
            $($(#[$doc])* $name,)*
        }

        impl Trace {
            /// Every trace, in the order of their numbers from 1.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it is, in words.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

traces! {
    /// A node wakes with a call in its hand whose time has passed, and tries to send it when another
    /// process has the redemption.
    ZombieSend = "zombie send";
    /// A debit turns up that was undone or told of as absent.
    UndoOvertakes = "the undo overtakes";
    /// A second request is at the same card, or a repeat comes with other content.
    DuplicatesMixedUp = "duplicates mixed up";
    /// A card is brought whose claim was consumed.
    EndOfAClaim = "the end of a claim";
    /// A card is recognised that is held under other names than it is brought with.
    TwoKeysOneCard = "two keys, one card";
    /// A pay-out is refused, comes back, is held, or nothing is heard of it.
    PayoutHalfway = "the pay-out fails halfway";
    /// Something was paid in advance, or a file takes back what was paid for.
    EvidenceAgainstSpeed = "evidence against speed";
    /// A counted check of a secret goes wrong on its way.
    WeLockTheCard = "we lock the card ourselves";
    /// An approval that speaks of another card or amount arrives, and is not believed.
    ForeignApproval = "foreign approval";
    /// A debit that may have arrived is sent again, where there is more than one site.
    RepeatAtTheOtherSite = "repeat at the other site";
    /// A reviewer approves, and the card is asked for again.
    StaleApproval = "stale approval";
    /// A redemption is taken up between its claim and its debit, and its secret is sent then.
    LostSecret = "the lost secret";
    /// A wall clock jumps while something is under way.
    ClockJumps = "the clock jumps";
    /// A store that was put back sends a debit for the first time, and its issuer has it already.
    RestoredBackup = "the restored backup";
    /// Of the units of one batch some are refused and some stand.
    OneBadUnit = "one bad unit";
    /// A batch that the host could not use is handed out once more.
    FullBuffer = "full buffer";
}

/// A call that a host is about to send.
pub(super) struct Sending {
    pub(super) kind: OpKind,
    /// Whether an earlier sending of the debit may have arrived.
    pub(super) again: bool,
    /// Whether another process has its redemption by now.
    pub(super) taken: bool,
    /// Whether it is in time.
    pub(super) leaves: bool,
    /// Whether a fault or an outage befalls it.
    pub(super) troubled: bool,
    /// How many sites its issuer has.
    pub(super) sites: usize,
    /// Whether the store has forgotten that it was sent before, and its issuer has not.
    pub(super) forgotten: bool,
}

impl Coverage {
    /// What a call that is about to be sent tells.
    pub(super) fn of_call(&mut self, sending: &Sending) {
        let Sending { kind, again, taken, leaves, troubled, sites, forgotten } = *sending;
        if taken && !leaves {
            self.trace(Trace::ZombieSend);
        }
        if kind == OpKind::PinCheck && troubled {
            self.trace(Trace::WeLockTheCard);
        }
        if kind == OpKind::Redeem && again && sites > 1 {
            self.trace(Trace::RepeatAtTheOtherSite);
        }
        if kind == OpKind::Redeem && forgotten {
            self.trace(Trace::RestoredBackup);
        }
    }

    /// What the steps of one redemption tell, each with the state before it, in their order.
    pub(super) fn of_steps(&mut self, events: &[(State, Event)]) {
        use EventKind as K;
        let steps: Vec<(State, K)> = events.iter().map(|(state, event)| (*state, event.kind())).collect();
        let any = |kinds: &[K]| steps.iter().any(|(_, kind)| kinds.contains(kind));
        let then = |first: &dyn Fn(State, K) -> bool, second: K| {
            let mut rest = steps.iter().skip_while(|(state, kind)| !first(*state, *kind));
            rest.any(|(_, kind)| *kind == second)
        };
        if any(&[K::LateDebit]) || then(&|_, kind| kind == K::RedeemAbsent, K::Redeemed) {
            self.trace(Trace::UndoOvertakes);
        }
        if any(&[K::PayUnknown, K::PayFailed, K::PayReturned, K::Held]) {
            self.trace(Trace::PayoutHalfway);
        }
        if any(&[K::Advanced, K::Corrected]) {
            self.trace(Trace::EvidenceAgainstSpeed);
        }
        if then(&|_, kind| kind == K::ReviewApproved, K::Verified) {
            self.trace(Trace::StaleApproval);
        }
        let before =
            |state| matches!(state, State::Claimed | State::Screened | State::Verified | State::Approved);
        if then(&|state, kind| kind == K::Resumed && before(state), K::RedeemSent) {
            self.trace(Trace::LostSecret);
        }
        let disbelieved = |event: &Event| match event {
            Event::RedeemUnknown { cause } => *cause == Cause::Integrity,
            Event::Noted { what } => matches!(what.as_str(), "integrity" | "foreign_approval"),
            _ => false,
        };
        if events.iter().any(|(_, event)| disbelieved(event)) {
            self.trace(Trace::ForeignApproval);
        }
    }
}

impl Town {
    /// What a judged batch tells.
    pub(super) fn of_batch(&mut self, batch: &Batch) {
        let refused = batch.verdicts().iter().filter(|verdict| !verdict.is_accepted()).count();
        if refused > 0 && refused < batch.units().len() {
            self.coverage.trace(Trace::OneBadUnit);
        }
        for (unit, verdict) in batch.units().iter().zip(batch.verdicts()) {
            let Some(Refusal::Held { status, holder, .. }) = &verdict.refusal else { continue };
            if *status == ClaimStatus::Consumed {
                self.coverage.trace(Trace::EndOfAClaim);
            }
            let cards = unit.claims.iter().filter(|claim| claim.kind == ClaimKind::Card);
            let cards: BTreeSet<Key16> = cards.map(|claim| claim.key).collect();
            let held = super::checks::redemption(self, *holder).map(|r| r.facts.keys).unwrap_or_default();
            let held: BTreeSet<Key16> = held.into_iter().collect();
            // The same card, and not by the same set of names.
            if held != cards && !held.is_disjoint(&cards) {
                self.coverage.trace(Trace::TwoKeysOneCard);
            }
        }
    }
}
