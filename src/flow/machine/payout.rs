//! The pay-out, fee and shares, and the delivery.

use super::{Turn, code, unheard};
use crate::base::{Text, planted};
use crate::flow::{Event, FlowError, Sending, State};
use crate::issuer::{Accepted, Answer, Cause, OpKind, Outcome};

impl Turn<'_, '_> {
    /// Pays the seller, unless the seller may not be paid now.
    pub(super) fn pay(&mut self) -> Result<(), FlowError> {
        if !self.s.hits.is_empty() {
            return self.take(Event::Held { reason: code("payee_listed") });
        }
        self.pay_to(self.r.facts.seller.clone())
    }

    /// Orders a pay-out under a new end-to-end id.
    pub(super) fn pay_to(&mut self, payee: Text) -> Result<(), FlowError> {
        let Some(amount) = self.r.quote.as_ref().map(|quote| quote.payout) else {
            return Err(FlowError::NotNow(self.r.state));
        };
        let number = self.r.payout.as_ref().map_or(1, |last| last.number.saturating_add(1));
        self.take(Event::PaySent { payee, number, amount })?;
        self.ask(OpKind::Pay, 0, 1);
        Ok(())
    }

    /// An answer of the rail.
    pub(super) fn paid(&mut self, answer: &Answer) -> Result<(), FlowError> {
        match self.r.state {
            State::Paying | State::PayoutUnknown | State::Advancing | State::AdvanceVoid => {}
            State::Suspended if self.payout_suspended() => {}
            State::Suspended if self.advance_suspended() && self.tells(answer) => self.reopen_advance()?,
            State::Unknown | State::Pending | State::Absent | State::LateDebit => {
                return self.paid_before(answer);
            }
            _ => return self.paid_already(answer),
        }
        let advance = matches!(self.r.state, State::Advancing | State::AdvanceVoid);
        match &answer.outcome {
            Outcome::Accepted(accepted) if self.is_paid(accepted) => {
                let reference = accepted.reference.clone();
                if advance {
                    return self.advanced(reference);
                }
                self.take(Event::Paid { reference })?;
                self.proceed()
            }
            // It was paid, and came back before anybody heard so.
            Outcome::Reversed if advance => self.advance_failed("payout_returned"),
            Outcome::Reversed => {
                self.take(Event::PayFailed { reason: code("payout_returned") })?;
                self.proceed()
            }
            Outcome::Declined(decline) if advance => self.advance_failed(decline.reason()),
            Outcome::Declined(decline) => {
                self.take(Event::PayFailed { reason: code(decline.reason()) })?;
                self.proceed()
            }
            Outcome::NotSent if answer.kind == OpKind::Pay => self.pay_again_soon(),
            Outcome::NotFound => self.pay_absent(),
            outcome => self.pay_unknown(unheard(outcome).unwrap_or(Cause::IssuerUnsure)),
        }
    }

    fn payout_suspended(&self) -> bool {
        self.r.suspended_from == Some(State::PayoutUnknown)
    }

    /// Whether an answer says what became of a pay-out.
    fn tells(&self, answer: &Answer) -> bool {
        match &answer.outcome {
            Outcome::Accepted(accepted) => self.is_paid(accepted),
            outcome => matches!(outcome, Outcome::Reversed | Outcome::Declined(_)),
        }
    }

    fn is_paid(&self, accepted: &Accepted) -> bool {
        self.r.payout.as_ref().is_some_and(|payout| payout.amount == accepted.amount)
    }

    /// After the pay-out is known: the money may come back; everything else is nothing new.
    fn paid_already(&mut self, answer: &Answer) -> Result<(), FlowError> {
        let back = answer.outcome == Outcome::Reversed;
        match self.r.state {
            State::Paid | State::Split | State::Cleared | State::Retired if back => {
                self.take(Event::PayReturned { reason: code("payout_returned") })?;
                self.proceed()
            }
            State::Advanced | State::ClawbackDue if back => {
                self.close_exposure()?;
                self.take(Event::PayReturned { reason: code("payout_returned") })?;
                if self.r.state == State::Pending { self.inquire() } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn pay_unknown(&mut self, cause: Cause) -> Result<(), FlowError> {
        match self.r.state {
            State::Suspended => return Ok(()),
            State::Paying => {
                self.take(Event::PayUnknown { cause })?;
                *self.tries = 0;
            }
            _ => {}
        }
        self.wait_for_rail();
        Ok(())
    }

    /// Not one byte left: the same order again, after a pause.
    fn pay_again_soon(&mut self) -> Result<(), FlowError> {
        if self.r.state == State::Suspended {
            return Ok(());
        }
        if self.r.state == State::Paying {
            self.take(Event::PayUnknown { cause: Cause::Lost })?;
        }
        self.wait_for_rail();
        Ok(())
    }

    /// Asks what became of the pay-out, or sends the same order again where the rail
    /// recognises it; never another one.
    pub(super) fn chase_payout(&mut self) -> Result<(), FlowError> {
        let Some(payout) = &self.r.payout else { return Err(FlowError::NotNow(self.r.state)) };
        let (first, attempt) = (payout.first_at, payout.attempt);
        let timing = &self.s.rail.timing;
        let advance = matches!(self.r.state, State::Advancing | State::AdvanceVoid);
        let for_ever = advance && planted!(SilentRailForEver);
        if self.left(first, timing.age_limit_ms) <= 0 && !for_ever {
            return self.suspend("payout_unknown");
        }
        if self.s.rail.idempotent && attempt < timing.attempts.saturating_mul(4) && *self.tries % 2 == 1 {
            return self.pay_again();
        }
        self.ask(OpKind::PayQuery, 0, self.tries.saturating_add(1));
        Ok(())
    }

    fn pay_again(&mut self) -> Result<(), FlowError> {
        if planted!(PaysAgainUnderNewId) {
            self.take(Event::PayFailed { reason: code("no_answer") })?;
            self.take(Event::Owed)?;
            return self.pay_to(self.r.facts.seller.clone());
        }
        let attempt = self.r.payout.as_ref().map_or(1, |payout| payout.attempt + 1);
        self.take(Event::PayAgain(Sending { endpoint: 0, attempt }))?;
        self.ask(OpKind::Pay, 0, attempt);
        Ok(())
    }

    /// The rail knows nothing of it. Final only after `absent_after`: then the same order, under
    /// the same end-to-end id, is safe again.
    fn pay_absent(&mut self) -> Result<(), FlowError> {
        let Some(payout) = &self.r.payout else { return Ok(()) };
        let timing = &self.s.rail.timing;
        if self.r.state == State::Suspended {
            return Ok(());
        }
        if self.r.state == State::Paying {
            self.take(Event::PayUnknown { cause: Cause::IssuerUnsure })?;
        } else if self.left(payout.last_at, timing.absent_after_ms) <= 0 {
            return self.pay_again();
        }
        self.wait_for_rail();
        Ok(())
    }

    /// Fetches the issuer's electronic receipt; a batch issuer's file is its receipt.
    pub(super) fn receipt(&mut self) -> Result<(), FlowError> {
        if let Some(receipt) = &self.r.receipt {
            let receipt = receipt.clone();
            return self.take(Event::Cleared { receipt });
        }
        if let Some(debit) = self.r.debit.as_ref().filter(|_| self.s.issuer.batch_window_ms > 0) {
            let receipt = debit.reference.clone();
            return self.take(Event::Cleared { receipt });
        }
        let endpoint = self.r.redeem.as_ref().map_or(0, |redeem| redeem.endpoint);
        self.ask(OpKind::Receipt, endpoint, self.tries.saturating_add(1));
        Ok(())
    }

    pub(super) fn receipted(&mut self, answer: &Answer) -> Result<(), FlowError> {
        let waiting = self.r.state == State::Split
            || (self.r.state == State::Suspended && self.r.suspended_from == Some(State::Split));
        if !waiting {
            return Ok(());
        }
        match &answer.outcome {
            Outcome::Accepted(accepted) | Outcome::Partial(accepted)
                if self.r.debit.as_ref().is_some_and(|debit| debit.amount == accepted.amount) =>
            {
                self.take(Event::Cleared { receipt: accepted.reference.clone() })?;
                self.proceed()
            }
            _ if self.r.state == State::Suspended => Ok(()),
            _ => {
                let paid_at = self.r.paid_at.unwrap_or(self.r.since);
                if self.left(paid_at, self.s.issuer.timing.age_limit_ms) <= 0 {
                    return self.suspend("receipt_missing");
                }
                self.wait_rung(&self.s.issuer.timing.ladder_ms);
                Ok(())
            }
        }
    }
}
