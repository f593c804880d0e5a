//! Paying before final evidence, inside recorded limits, and what becomes of it.

use super::{Turn, code};
use crate::base::Text;
use crate::flow::{Event, Exposure, FlowError, State};
use crate::issuer::{Answer, Cause, OpKind, Outcome};
use crate::money::Amount;

impl Turn<'_, '_> {
    /// Pays now; the evidence comes later.
    pub(super) fn advance_now(&mut self) -> Result<(), FlowError> {
        let once = self.r.payout.is_none() && self.r.advance.is_none() && self.s.hits.is_empty();
        let Some(amount) = self.r.quote.as_ref().map(|quote| quote.payout).filter(|_| once) else {
            return Ok(());
        };
        self.take(Event::ExposureOpened(Exposure {
            issuer: self.r.facts.issuer.clone(),
            product: self.r.facts.product.clone(),
            seller: self.r.facts.seller.clone(),
            amount,
        }))?;
        self.take(Event::AdvanceSent { payee: self.r.facts.seller.clone(), number: 1, amount })?;
        self.ask(OpKind::Pay, 0, 1);
        Ok(())
    }

    pub(super) fn advanced(&mut self, reference: Text) -> Result<(), FlowError> {
        self.take(Event::Advanced { reference })?;
        if self.r.state == State::Advanced { self.await_evidence() } else { Ok(()) }
    }

    pub(super) fn advance_failed(&mut self, reason: &str) -> Result<(), FlowError> {
        self.close_exposure()?;
        self.take(Event::AdvanceFailed { reason: code(reason) })?;
        if self.r.state == State::Pending { self.await_evidence() } else { Ok(()) }
    }

    pub(super) fn close_exposure(&mut self) -> Result<(), FlowError> {
        let Some(payout) = self.r.payout.as_ref().filter(|_| self.r.exposed) else { return Ok(()) };
        let amount = payout.amount;
        self.take(Event::ExposureClosed(Exposure {
            issuer: self.r.facts.issuer.clone(),
            product: self.r.facts.product.clone(),
            seller: self.r.facts.seller.clone(),
            amount,
        }))
    }

    fn await_evidence(&mut self) -> Result<(), FlowError> {
        self.wait(self.s.issuer.timing.answer_within_ms);
        Ok(())
    }

    /// No evidence yet: waits on, until age hands it to people.
    pub(super) fn inquire_advanced(&mut self) -> Result<(), FlowError> {
        let first = self.r.redeem.as_ref().map_or(self.r.since, |redeem| redeem.first_at);
        if self.left(first, self.s.issuer.timing.age_limit_ms) <= 0 {
            return self.suspend("evidence_missing");
        }
        self.await_evidence()
    }

    /// Whether people decide on an advance of which the rail never spoke.
    pub(super) fn advance_suspended(&self) -> bool {
        matches!(self.r.suspended_from, Some(State::Advancing | State::AdvanceVoid))
    }

    /// Something is heard of it after all: it stands where it stood.
    pub(super) fn reopen_advance(&mut self) -> Result<(), FlowError> {
        let void = self.r.suspended_from == Some(State::AdvanceVoid);
        self.take(Event::PayUnknown { cause: Cause::IssuerUnsure })?;
        if void { self.take(Event::AdvanceRejected { reason: code("not_debited") }) } else { Ok(()) }
    }

    /// The card was debited, whatever became of the advance: where its rail has not
    /// spoken, that goes on as before.
    pub(super) fn confirm_advance(&mut self, reference: Text, amount: Amount) -> Result<(), FlowError> {
        let unpaid = self.advance_suspended();
        if unpaid {
            self.reopen_advance()?;
        }
        self.close_exposure()?;
        self.take(Event::Confirmed { reference, amount })?;
        if unpaid { self.wake() } else { self.proceed() }
    }

    /// The evidence for an advance: it stands, or the seller owes the money.
    pub(super) fn advance_answer(&mut self, answer: &Answer) -> Result<(), FlowError> {
        match &answer.outcome {
            Outcome::Accepted(_) if !answer.by_file => Ok(()),
            Outcome::Accepted(accepted) if self.believable(accepted) => {
                let void = self.r.suspended_from == Some(State::AdvanceVoid);
                if void || self.r.state == State::AdvanceVoid {
                    return self.note("integrity");
                }
                let (reference, amount) = (accepted.reference.clone(), accepted.amount);
                self.confirm_advance(reference, amount)
            }
            Outcome::Accepted(_) | Outcome::Partial(_) => self.note("integrity"),
            Outcome::Declined(decline) if answer.by_file => self.advance_rejected(decline.reason()),
            Outcome::NotFound if answer.by_file => self.advance_rejected("not_debited"),
            _ => Ok(()),
        }
    }

    pub(super) fn advance_rejected(&mut self, reason: &str) -> Result<(), FlowError> {
        if !matches!(self.r.state, State::Advancing | State::Advanced | State::Suspended) {
            return Ok(());
        }
        let unpaid = match self.r.suspended_from {
            Some(State::AdvanceVoid) => return Ok(()),
            from => from == Some(State::Advancing),
        };
        if unpaid {
            self.reopen_advance()?;
        }
        self.take(Event::AdvanceRejected { reason: code(reason) })?;
        if unpaid { self.wake() } else { Ok(()) }
    }
}
