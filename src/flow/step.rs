//! What the machine answers: what to write, and what to do once it is written.

use super::{Event, FlowError, Redemption, SIDE_CARD, SIDE_PERSONAL, State, books};
use crate::base::{Text, Wall, planted};
use crate::issuer::OpKind;
use crate::ledger::{Posting, Transfer};
use crate::record::{Change, Claim, ClaimKind, ClaimStatus, Records};
use alloc::vec::Vec;

/// What to do once the step is durable; at once if it writes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the issuer or the rail.
    Ask {
        /// What.
        kind: OpKind,
        /// At which site.
        endpoint: u32,
        /// For the how manieth time.
        attempt: u32,
    },
    /// Put the debit into the issuer's next batch message.
    Gather,
    /// Ask the store again what was seen before: the decision was lost in a crash.
    Recall,
    /// Wake up after this many ms.
    Wait(i64),
}

/// One answer of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Records to write, in order; with none of them nothing is written.
    pub records: Records,
    /// Keys to claim besides the card's: the use of a token.
    pub claims: Vec<Claim>,
    /// What becomes of claims.
    pub changes: Vec<Change>,
    /// Lines in the books.
    pub postings: Vec<Posting>,
    /// Side rows to erase, by slot.
    pub erase: Vec<u8>,
    /// What to do.
    pub effects: Vec<Effect>,
    /// Whether the records may be written with the next step's, and the effects come before: a
    /// crash takes nothing away but a decision that is made again, and a question that costs nothing.
    pub with_next: bool,
}

impl Step {
    /// Makes it an empty step again, and keeps the memory of its lists.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.claims.clear();
        self.changes.clear();
        self.postings.clear();
        self.erase.clear();
        self.effects.clear();
        self.with_next = false;
    }

    /// Takes `event`: folds it into `r`, and writes down its record, postings and claims.
    ///
    /// # Errors
    /// [`FlowError`]; nothing is changed.
    pub(crate) fn take(&mut self, r: &mut Redemption, at: Wall, event: &Event) -> Result<(), FlowError> {
        let before = self.postings.len();
        let mut books = Transfer::from(core::mem::take(&mut self.postings));
        let posted = books::postings(r, event, &mut books).map_err(FlowError::from);
        let taken = posted.and_then(|()| r.apply(at, event));
        self.postings = books.into_postings();
        if taken.is_err() {
            self.postings.truncate(before);
            return taken;
        }
        if let Some(to) = claims_after(r, event) {
            self.changes.retain(|change| !r.facts.keys.contains(&change.key));
            self.changes.extend(r.facts.keys.iter().map(|&key| Change { key, to }));
        }
        if let (Event::TokenUsed(used), false) = (event, planted!(TokenSpentTwice)) {
            // Whatever becomes of the card, what was used once stays used.
            for &key in &used.claims {
                self.claims.push(Claim { key, kind: ClaimKind::Token, generation: 0 });
                self.changes.push(Change { key, to: Some(ClaimStatus::Consumed) });
            }
        }
        if r.state.is_end() && !r.quarantined && !self.erase.contains(&SIDE_CARD) {
            self.erase.push(SIDE_CARD);
        }
        if matches!(event, Event::Erased) {
            self.erase.push(SIDE_PERSONAL);
        }
        event.record(at, &mut self.records);
        Ok(())
    }

    /// Takes [`Event::Received`] with the facts that `r` has.
    pub(super) fn receive(&mut self, r: &mut Redemption, at: Wall) -> Result<(), FlowError> {
        r.receive(at)?;
        Event::received(&r.facts, at, &mut self.records);
        Ok(())
    }

    /// Keeps what the issuer's adapter must know again of the debit that this step sends.
    ///
    /// # Errors
    /// [`FlowError`] before the first step of a redemption.
    pub fn trace(&mut self, r: &mut Redemption, at: Wall, trace: Text) -> Result<(), FlowError> {
        self.take(r, at, &Event::Traced { trace })
    }

    /// How long to wait, if it says so.
    pub fn wait_ms(&self) -> Option<i64> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Wait(ms) => Some(*ms),
            _ => None,
        })
    }
}

/// What becomes of the card's claims after `event`, which `r` has taken; `None` if they stay as
/// they are. Only a definite no before any effect, or an undo that nothing can overtake any
/// more, releases them.
fn claims_after(r: &Redemption, event: &Event) -> Option<Option<ClaimStatus>> {
    match event {
        Event::RedeemUnknown { .. } if planted!(ClaimDroppedOnUnknown) => Some(None),
        Event::PayReturned { .. } if planted!(ReversalFreesPaidCard) => Some(None),
        Event::Frozen(_) if planted!(FreezeHoldsClaim) => None,
        Event::Reversed if planted!(NoQuarantine) => Some(None),
        Event::RedeemSent { .. } => Some(Some(ClaimStatus::Held)),
        Event::Redeemed { .. }
        | Event::LateDebit { .. }
        | Event::AdvanceSent { .. }
        | Event::Confirmed { .. }
        | Event::ResolvedDebited { .. } => Some(Some(ClaimStatus::Consumed)),
        Event::RedeemUnknown { .. }
        | Event::RedeemAbsent
        | Event::ReverseRefused
        | Event::PayReturned { .. }
            if matches!(r.state, State::Unknown | State::Absent | State::Pending) =>
        {
            Some(Some(ClaimStatus::Quarantined))
        }
        Event::AdvanceFailed { .. } if r.state == State::Pending => Some(Some(ClaimStatus::Quarantined)),
        Event::Reversed | Event::ResolvedReversed { .. } => Some(Some(ClaimStatus::Quarantined)),
        Event::QuarantineOver => Some(None),
        _ => {
            let refused =
                matches!(r.state, State::Declined | State::Cancelled | State::Frozen | State::Blocked);
            (refused && !event.kind().is_everywhere()).then_some(None)
        }
    }
}
