//! Undoing a debit (冲正), and debits that show up after the end.

use super::{LATE_APPROVAL, Turn, unheard};
use crate::base::{Wall, planted};
use crate::flow::{Event, FlowError, Sending, State};
use crate::issuer::{Answer, Cause, LateDebit, OpKind, Outcome};

impl Turn<'_, '_> {
    /// Orders the undo, unless the debit may have been paid for before the store was put back.
    pub(super) fn undo(&mut self) -> Result<(), FlowError> {
        if !self.may_be_paid_for() {
            return self.order_undo();
        }
        if self.r.state == State::Redeeming {
            self.take(Event::RedeemUnknown { cause: Cause::IssuerUnsure })?;
        }
        // What was under way to the rail when the store was put back must have arrived.
        let left = self.left(Wall(self.s.policy.put_back_at), self.s.rail.timing.absent_after_ms);
        match left {
            1.. => self.wait(left),
            _ => self.ask(OpKind::PayQuery, 0, self.tries.saturating_add(1)),
        }
        Ok(())
    }

    /// A store that was put back has forgotten what it paid since.
    fn may_be_paid_for(&self) -> bool {
        let asked = self.r.undo.is_some() && self.r.state == State::Reversing;
        self.s.policy.put_back_at > 0 && self.r.payout.is_none() && !asked
    }

    /// What the rail knows of a pay-out that this store has forgotten.
    pub(super) fn paid_before(&mut self, answer: &Answer) -> Result<(), FlowError> {
        if answer.kind != OpKind::PayQuery || !self.may_be_paid_for() {
            return Ok(());
        }
        let first = self.r.redeem.as_ref().map_or(self.r.since, |redeem| redeem.first_at);
        let aged = self.left(first, self.s.issuer.timing.age_limit_ms) <= 0;
        let late = self.r.state == State::LateDebit;
        match &answer.outcome {
            Outcome::NotFound => self.order_undo(),
            Outcome::Accepted(_) | Outcome::Declined(_) | Outcome::Reversed if !late => {
                self.suspend("paid_before_put_back")
            }
            // Kept, it is paid under the same end-to-end id, which the rail recognises.
            Outcome::Accepted(_) | Outcome::Declined(_) | Outcome::Reversed => {
                self.keep_late_debit().and_then(|()| self.proceed())
            }
            _ if aged && late => self.keep_late_debit().and_then(|()| self.proceed()),
            _ if aged => self.suspend("unknown_outcome"),
            _ => {
                self.wait_rung(&self.s.rail.timing.ladder_ms);
                Ok(())
            }
        }
    }

    /// So long an undo that stayed without an answer may still be on its way, in ms; 0 or less if
    /// none is.
    pub(super) fn undo_under_way(&self) -> i64 {
        // The quarantine that its last question ended has seen to that.
        let over = self.r.suspended_from == Some(State::Reversed) || !self.undo_unheard();
        if over { 0 } else { self.left(self.r.since, self.s.issuer.timing.absent_after_ms) }
    }

    /// Whether an undo may have been done of which no answer came. The last one was refused, unless
    /// people were asked before: alone, it is over.
    fn undo_unheard(&self) -> bool {
        let open = matches!(self.r.suspended_from, Some(State::Reversing | State::Reversed));
        self.r.undo.is_some_and(|(sent, _)| sent > 1 || open)
    }

    /// Whether an approval may be of before the undo, or the undo still arrive: what was asked since
    /// counts, once nothing is on its way.
    pub(super) fn is_before_the_undo(&self, answer: &Answer) -> bool {
        self.undo_unheard() && !(self.is_asked(answer) && self.undo_under_way() <= 0)
    }

    /// Whether it answers a question about the debit, and so speaks of a time after that.
    pub(super) fn is_asked(&self, answer: &Answer) -> bool {
        self.asked && answer.kind == OpKind::Query
    }

    /// It goes to the site that got the debit; repeats count as one.
    fn order_undo(&mut self) -> Result<(), FlowError> {
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
            return if undoing { self.undone_in_suspense(Event::Reversed, true) } else { Ok(()) };
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

    /// It was suspended, and `event` says that the debit was undone: as was asked for or looked up
    /// since, or as a message says that may be an old one.
    pub(super) fn undone_in_suspense(&mut self, event: Event, since: bool) -> Result<(), FlowError> {
        let cleared = since && self.is_last_question();
        self.take(event)?;
        if cleared { self.take(Event::QuarantineOver) } else { self.quarantine() }
    }

    /// Whether people have it because the last question of its quarantine stayed without an answer:
    /// no debit can be on its way any more.
    pub(super) fn is_last_question(&self) -> bool {
        self.r.suspended_from == Some(State::Reversed) && self.absence_in() <= 0
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
                // It was undone twice by now. The last question of its quarantine tells what stands,
                // and after some of them people look.
                if self.r.quarantined && self.r.late_debits > 0 {
                    if !self.is_asked(answer) {
                        return Ok(());
                    }
                    if self.r.late_debits >= self.s.issuer.timing.attempts {
                        return self.suspend("reversal_unconfirmed");
                    }
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
            LateDebit::Owe if self.r.undo.is_none() => self.keep_late_debit(),
            // An approval of before the undo looks the same, and another undo may still arrive.
            LateDebit::Owe => {
                match self.left(self.r.since, self.s.issuer.timing.absent_after_ms) {
                    left @ 1.. => self.wait(left),
                    _ => {
                        let endpoint = self.r.redeem.as_ref().map_or(0, |redeem| redeem.endpoint);
                        self.ask(OpKind::Query, endpoint, self.tries.saturating_add(1));
                    }
                }
                Ok(())
            }
        }
    }

    /// Whether a debit after its undo stands, and is owed, or not.
    pub(super) fn late_debit_stands(&mut self, answer: &Answer) -> Result<(), FlowError> {
        let timing = &self.s.issuer.timing;
        if !self.is_asked(answer) || self.left(self.r.since, timing.absent_after_ms) > 0 {
            return Ok(());
        }
        match &answer.outcome {
            Outcome::Accepted(accepted) if self.believable(accepted) => {
                self.keep_late_debit().and_then(|()| self.proceed())
            }
            Outcome::Partial(accepted) if self.is_part(accepted) => {
                self.keep_late_debit().and_then(|()| self.proceed())
            }
            Outcome::Reversed | Outcome::NotFound | Outcome::Declined(_) => self.undo(),
            _ if self.left(self.r.since, timing.age_limit_ms) <= 0 => self.undo(),
            _ => {
                self.wait_rung(&timing.ladder_ms);
                Ok(())
            }
        }
    }

    fn keep_late_debit(&mut self) -> Result<(), FlowError> {
        self.take(Event::LateKept)?;
        // Less than was asked may have been debited.
        let debited = self.r.debit.as_ref().map(|debit| debit.amount);
        match debited.filter(|amount| self.is_less(*amount)) {
            Some(amount) => self.requote(amount),
            None => Ok(()),
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
        let said = answer.by_file || self.is_asked(answer);
        if !said || self.left(last.max(self.r.since), timing.absent_after_ms) > 0 {
            return Ok(());
        }
        match &answer.outcome {
            Outcome::NotFound | Outcome::Reversed | Outcome::Declined(_) => self.take(Event::QuarantineOver),
            // Nobody knows whether the debit came after its undo: the card is not free on that.
            _ if self.left(self.r.since, timing.age_limit_ms) <= 0 => self.suspend("never_confirmed"),
            _ => {
                self.wait_rung(&timing.ladder_ms);
                Ok(())
            }
        }
    }
}
