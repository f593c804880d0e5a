//! The ways in which money is lost by a plain implementation, as they happen in lives: each has a
//! detector of what happened, not of what was planned. `tests/scenarios` shows each by itself.

use super::coverage::Coverage;
use super::trouble::Trouble;
use crate::flow::{EventKind, State};
use crate::issuer::OpKind;
use crate::record::{Batch, ClaimKind, ClaimStatus, Refusal};

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
    /// A node wakes with a call in its hand whose time has passed, and tries to send it.
    ZombieSend = "zombie send";
    /// A debit turns up that was undone or told of as absent.
    UndoOvertakes = "the undo overtakes";
    /// A second request is at the same card, or a repeat comes with other content.
    DuplicatesMixedUp = "duplicates mixed up";
    /// A card is brought whose claim was consumed.
    EndOfAClaim = "the end of a claim";
    /// A card is recognised that is claimed under several keys.
    TwoKeysOneCard = "two keys, one card";
    /// A pay-out is refused, comes back, is held, or nothing is heard of it.
    PayoutHalfway = "the pay-out fails halfway";
    /// Something was paid in advance, or a file takes back what was paid for.
    EvidenceAgainstSpeed = "evidence against speed";
    /// A counted check of a secret goes wrong on its way.
    WeLockTheCard = "we lock the card ourselves";
    /// An approval speaks of another card or amount, or says "duplicate" and nothing else.
    ForeignApproval = "foreign approval";
    /// A debit is repeated where there is more than one site.
    RepeatAtTheOtherSite = "repeat at the other site";
    /// A reviewer approves, and the card is asked for again.
    StaleApproval = "stale approval";
    /// A redemption is taken up between its claim and its debit, and its secret is sent then.
    LostSecret = "the lost secret";
    /// A wall clock jumps.
    ClockJumps = "the clock jumps";
    /// The store is put back, and a redemption of before is there once more.
    RestoredBackup = "the restored backup";
    /// Of the units of one batch some are refused and some stand.
    OneBadUnit = "one bad unit";
    /// A batch that the host could not use is handed out once more.
    FullBuffer = "full buffer";
}

impl Coverage {
    /// What a call that is about to be sent tells. `late`: past its time. `fault`: one befalls it.
    /// `sites`: how many its issuer has.
    pub(super) fn of_call(&mut self, (kind, attempt): (OpKind, u32), late: bool, fault: bool, sites: usize) {
        if late {
            self.trace(Trace::ZombieSend);
        }
        if kind == OpKind::PinCheck && fault {
            self.trace(Trace::WeLockTheCard);
        }
        if kind == OpKind::Redeem && attempt > 1 && sites > 1 {
            self.trace(Trace::RepeatAtTheOtherSite);
        }
    }

    /// What a judged batch tells.
    pub(super) fn of_batch(&mut self, batch: &Batch) {
        let refused = batch.verdicts().iter().filter(|verdict| !verdict.is_accepted()).count();
        if refused > 0 && refused < batch.units().len() {
            self.trace(Trace::OneBadUnit);
        }
        for (unit, verdict) in batch.units().iter().zip(batch.verdicts()) {
            let Some(Refusal::Held { status, .. }) = &verdict.refusal else { continue };
            if *status == ClaimStatus::Consumed {
                self.trace(Trace::EndOfAClaim);
            }
            if unit.claims.iter().filter(|claim| claim.kind == ClaimKind::Card).count() > 1 {
                self.trace(Trace::TwoKeysOneCard);
            }
        }
    }

    /// What the steps of one redemption tell, each with the state before it, in their order.
    pub(super) fn of_steps(&mut self, steps: &[(State, EventKind)]) {
        use EventKind as K;
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
    }

    /// What a trouble tells.
    pub(super) fn of_trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::ClockJump => self.trace(Trace::ClockJumps),
            Trouble::Restore => self.trace(Trace::RestoredBackup),
            Trouble::ForeignApproval | Trouble::SaysDuplicate => self.trace(Trace::ForeignApproval),
            _ => {}
        }
    }
}
