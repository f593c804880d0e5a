//! Undoing a debit (冲正), and debits that show up after the end.

use super::{LATE_APPROVAL, Turn, unheard};
use crate::base::planted;
use crate::flow::{Event, FlowError, Sending, State};
use crate::issuer::{Answer, Cause, LateDebit, OpKind, Outcome};

impl Turn<'_, '_> {
    /// Orders the undo. It goes to the site that got the debit; repeats count as one.
    pub(super) fn undo(&mut self) -> Result<(), FlowError> {
        // A refused undo counts, too: who refuses and then cannot tell what stands is asked so often only.
        let sent = self.r.undo.map_or(0, |(sent, _)| sent);
        let endpoint = self.r.redeem.as_ref().map_or(0, |redeem| redeem.endpoint);
        self.take(Event::ReverseSent(Sending { endpoint, attempt: sent + 1 }))?;
        self.ask(OpKind::Reverse, endpoint, sent + 1);
        Ok(())
    }

    pub(super) fn undo_again(&mut self) -> Result<(), FlowError> {
        let first = self.r.undo.map_or(self.r.since, |(_, first)| first);
        if self.left(first, self.s.issuer.timing.age_limit_ms) <= 0 {
            return self.suspend("reversal_unconfirmed");
        }
        self.undo()
    }

    pub(super) fn undone(&mut self, answer: &Answer) -> Result<(), FlowError> {
        if self.r.state == State::Suspended && answer.outcome == Outcome::Reversed {
            let undoing = self.r.suspended_from == Some(State::Reversing);
            return if undoing {
                self.take(Event::Reversed).and_then(|()| self.quarantine())
            } else {
                Ok(())
            };
        }
        if self.r.state != State::Reversing {
            return Ok(());
        }
        match &answer.outcome {
            Outcome::Reversed | Outcome::NotFound => {
                let late = self.r.late.then(|| self.r.quote.as_ref().map(|quote| quote.value)).flatten();
                self.take(Event::Reversed)?;
                match late {
                    // An approval crossed the undo. Which came last cannot be told: undo once
                    // more, which changes nothing where there is nothing left to undo.
                    Some(amount) => {
                        let reference = super::code(LATE_APPROVAL);
                        self.take(Event::LateDebit { reference, amount })?;
                        self.proceed()
                    }
                    None => self.quarantine(),
                }
            }
            Outcome::ReversalRefused | Outcome::Declined(_) => {
                self.take(Event::ReverseRefused)?;
                self.refused_undo()
            }
            outcome => {
                let cause = unheard(outcome).unwrap_or(Cause::IssuerUnsure);
                self.take(Event::ReverseUnknown { cause })?;
                self.wait_rung(&self.s.issuer.timing.ladder_ms);
                Ok(())
            }
        }
    }

    /// The debit stands, or the issuer cannot tell: it is asked; in the end people are.
    fn refused_undo(&mut self) -> Result<(), FlowError> {
        let first = self.r.undo.map_or(self.s.now, |(_, first)| first);
        let sent = self.r.undo.map_or(0, |(sent, _)| sent);
        let timing = &self.s.issuer.timing;
        if sent >= timing.attempts || self.left(first, timing.age_limit_ms) <= 0 {
            return self.suspend("reversal_refused");
        }
        let endpoint = self.r.redeem.as_ref().map_or(0, |redeem| redeem.endpoint);
        self.ask(OpKind::Query, endpoint, 1);
        Ok(())
    }

    /// The undo is on its way and still wins; an approval that comes in is kept in mind.
    pub(super) fn while_undoing(&mut self, answer: &Answer) -> Result<(), FlowError> {
        match &answer.outcome {
            Outcome::Accepted(accepted) if self.believable(accepted) && !self.r.late => {
                self.note(LATE_APPROVAL)
            }
            Outcome::Partial(accepted) if self.is_part(accepted) && !self.r.late => self.note(LATE_APPROVAL),
            _ => Ok(()),
        }
    }

    /// Ended, and yet an approval: the card was debited for nothing we kept.
    pub(super) fn after_the_end(&mut self, answer: &Answer) -> Result<(), FlowError> {
        match &answer.outcome {
            _ if planted!(LateDebitIgnored) => {
                self.note("late_debit")?;
                if self.r.quarantined { self.take(Event::QuarantineOver) } else { Ok(()) }
            }
            Outcome::Accepted(accepted) | Outcome::Partial(accepted) if self.r.redeem.is_some() => {
                let part = matches!(answer.outcome, Outcome::Partial(_)) && self.is_part(accepted);
                if !part && !self.believable(accepted) {
                    self.note("integrity")?;
                    return if self.r.quarantined { self.cleared_of_debit(answer) } else { Ok(()) };
                }
                let (reference, amount) = (accepted.reference.clone(), accepted.amount);
                self.take(Event::LateDebit { reference, amount })?;
                self.proceed()
            }
            Outcome::Accepted(_) | Outcome::Partial(_) => self.note("foreign_approval"),
            _ if self.r.quarantined => self.cleared_of_debit(answer),
            _ => Ok(()),
        }
    }

    pub(super) fn late_debit(&mut self) -> Result<(), FlowError> {
        match self.s.issuer.late_debit {
            LateDebit::Reverse => self.undo(),
            LateDebit::Owe => {
                self.take(Event::LateKept)?;
                // Less than was asked may have been debited.
                let debited = self.r.debit.as_ref().map(|debit| debit.amount);
                match debited.filter(|amount| self.is_less(*amount)) {
                    Some(amount) => self.requote(amount),
                    None => Ok(()),
                }
            }
        }
    }

    /// Nothing can overtake the undo any more. Before the card is free the issuer is asked once:
    /// a debit that was delayed on its way may have come after the undo, and its answer may have
    /// gone to a process that is no more.
    pub(super) fn quarantine_over(&mut self) -> Result<(), FlowError> {
        let last = self.r.redeem.as_ref().map_or(self.r.since, |redeem| redeem.last_at);
        if self.left(last.max(self.r.since), self.s.issuer.timing.absent_after_ms) > 0 {
            return self.quarantine();
        }
        let endpoint = self.r.redeem.as_ref().map_or(0, |redeem| redeem.endpoint);
        self.ask(OpKind::Query, endpoint, self.tries.saturating_add(1));
        Ok(())
    }

    /// The answer to that question.
    fn cleared_of_debit(&mut self, answer: &Answer) -> Result<(), FlowError> {
        let timing = &self.s.issuer.timing;
        let last = self.r.redeem.as_ref().map_or(self.r.since, |redeem| redeem.last_at);
        if answer.kind != OpKind::Query || self.left(last.max(self.r.since), timing.absent_after_ms) > 0 {
            return Ok(());
        }
        match &answer.outcome {
            Outcome::NotFound | Outcome::Reversed | Outcome::Declined(_) => self.take(Event::QuarantineOver),
            _ if self.left(self.r.since, timing.age_limit_ms) <= 0 => {
                self.note("never_confirmed")?;
                self.take(Event::QuarantineOver)
            }
            _ => {
                self.wait_rung(&timing.ladder_ms);
                Ok(())
            }
        }
    }
}
