//! The debit: ordered once, believed only with evidence, resolved by the issuer's recipe.

use super::{LATE_APPROVAL, LONG_MS, Turn, unheard};
use crate::base::planted;
use crate::card::{OnMismatch, Product};
use crate::flow::{Effect, Event, FlowError, Redeem, Sending, State};
use crate::issuer::{
    Accepted, Answer, Cause, Decline, Evidence, Idempotency, OnAbsent, OpKind, Outcome, Recipe,
};
use crate::money::Amount;
use crate::pricing;

impl Turn<'_, '_> {
    /// Orders the debit, or puts it into the issuer's next batch message.
    pub(super) fn redeem(&mut self) -> Result<(), FlowError> {
        let not_sent = self.r.redeem.as_ref().map_or(0, |redeem| redeem.not_sent);
        if not_sent >= self.s.issuer.timing.attempts {
            return self.decline("issuer_unreachable");
        }
        if self.s.issuer.batch_window_ms > 0 {
            self.step.effects.push(Effect::Gather);
            return Ok(());
        }
        self.send_redeem()
    }

    /// The batch message is being made: the debit goes into it.
    pub(super) fn dispatch(&mut self) -> Result<(), FlowError> {
        match self.r.state {
            State::Approved | State::Unknown | State::Absent | State::Pending => self.send_redeem(),
            state => Err(FlowError::NotNow(state)),
        }
    }

    /// Repeats carry the same reference, and stick to the site unless the issuer recognises
    /// them everywhere or the last sending never left.
    fn send_redeem(&mut self) -> Result<(), FlowError> {
        let sites = u32::try_from(self.s.issuer.endpoints.len()).unwrap_or(1).max(1);
        let (endpoint, attempt) = match &self.r.redeem {
            None => (self.s.site, 1),
            Some(last) if self.r.state == State::Approved && last.attempt == last.not_sent => {
                (self.other_site(last.endpoint), last.attempt + 1)
            }
            Some(last) if planted!(RepeatAtOtherSite) => ((last.endpoint + 1) % sites, last.attempt + 1),
            Some(last) => (last.endpoint, last.attempt + 1),
        };
        let sending = Sending { endpoint, attempt };
        self.take(Event::RedeemSent { sending, tag: self.s.tag })?;
        self.ask(OpKind::Redeem, endpoint, attempt);
        if self.s.issuer.evidence == Evidence::File && self.s.advance_room {
            self.advance_now()?;
        }
        Ok(())
    }

    /// An answer about the debit: to the order itself, or to a query.
    pub(super) fn debited(&mut self, answer: &Answer) -> Result<(), FlowError> {
        use State as S;
        match self.r.state {
            S::Redeeming | S::Unknown | S::Pending | S::Absent => self.debit_answer(answer),
            S::Advancing | S::Advanced | S::AdvanceVoid | S::ClawbackDue => self.advance_answer(answer),
            S::Suspended if self.r.debit.is_none() => self.late_resolution(answer),
            S::Reversing => self.while_undoing(answer),
            S::Reversed | S::Declined => self.after_the_end(answer),
            S::LateDebit if self.r.undo.is_some() => self.late_debit_stands(answer),
            _ => self.already_known(answer),
        }
    }

    fn debit_answer(&mut self, answer: &Answer) -> Result<(), FlowError> {
        match &answer.outcome {
            // Perhaps it stood. An undo of which no answer came may have taken it back, or will.
            Outcome::Accepted(_) | Outcome::Partial(_)
                if self.is_before_the_undo(answer) && !answer.by_file =>
            {
                self.wait(self.undo_under_way());
                Ok(())
            }
            Outcome::Accepted(accepted) => match self.believable(accepted) {
                true if self.s.issuer.evidence == Evidence::File && !answer.by_file => self.pending(),
                true => self.redeemed(accepted, answer.by_file),
                false => self.unknown(Cause::Integrity),
            },
            Outcome::Partial(accepted) => self.partial(accepted, answer.by_file),
            Outcome::Pending => self.pending(),
            Outcome::Declined(decline) => self.refused(answer, *decline),
            Outcome::NotFound if answer.kind == OpKind::Query || answer.by_file => {
                self.absent(answer.by_file)
            }
            Outcome::Reversed => self.take(Event::Reversed).and_then(|()| self.quarantine()),
            Outcome::NotSent if answer.kind == OpKind::Redeem => self.not_sent(),
            // The redeem has been sent anew meanwhile, and its own answer is awaited.
            Outcome::NotSent if self.r.state == State::Redeeming => Ok(()),
            Outcome::NotSent => self.query_later(),
            Outcome::Duplicate(reference) if planted!(DuplicateIsApproval) => {
                let amount = self.r.quote.as_ref().map_or(self.r.facts.face, |quote| quote.value);
                self.take(Event::Redeemed { reference: reference.clone(), amount, by_file: false })?;
                self.proceed()
            }
            Outcome::Duplicate(_) => {
                self.unknown(Cause::IssuerUnsure)?;
                self.step.effects.clear();
                self.query();
                Ok(())
            }
            outcome => self.unknown(unheard(outcome).unwrap_or(Cause::Unmapped)),
        }
    }

    /// Accepted only if card, amount and currency are those asked; the reference was matched
    /// when the answer was brought here.
    pub(super) fn believable(&self, accepted: &Accepted) -> bool {
        let asked = self.r.quote.as_ref().map(|quote| quote.value);
        let tag = self.r.redeem.as_ref().and_then(|redeem| redeem.tag);
        let card = match (self.s.issuer.echoes_card, accepted.card) {
            (true, card) => card.is_some() && card == tag,
            (false, Some(card)) => tag.is_none_or(|tag| tag == card),
            (false, None) => true,
        };
        (asked == Some(accepted.amount) && card) || planted!(ForeignApproval)
    }

    fn redeemed(&mut self, accepted: &Accepted, by_file: bool) -> Result<(), FlowError> {
        let (reference, amount) = (accepted.reference.clone(), accepted.amount);
        self.take(Event::Redeemed { reference, amount, by_file })?;
        self.proceed()
    }

    /// Less than asked: settled on where the product settles, else undone.
    fn partial(&mut self, accepted: &Accepted, by_file: bool) -> Result<(), FlowError> {
        if !self.is_part(accepted) {
            return self.unknown(Cause::Integrity);
        }
        if !self.settles() {
            return self.undo();
        }
        let (reference, amount) = (accepted.reference.clone(), accepted.amount);
        self.take(Event::Redeemed { reference, amount, by_file })?;
        self.requote(amount)?;
        self.proceed()
    }

    /// Whether an approval of less than was asked is of what was asked.
    pub(super) fn is_part(&self, accepted: &Accepted) -> bool {
        let asked = self.r.quote.as_ref().map_or(self.r.facts.face, |quote| quote.value);
        self.is_less(accepted.amount) && self.believable(&Accepted { amount: asked, ..accepted.clone() })
    }

    pub(super) fn is_less(&self, amount: Amount) -> bool {
        let asked = self.r.quote.as_ref().map_or(self.r.facts.face, |quote| quote.value);
        amount.currency() == asked.currency() && (1..asked.minor()).contains(&amount.minor())
    }

    /// Whether less than was asked is kept: where the product says so, or nothing else is left to do.
    pub(super) fn settles(&self) -> bool {
        let settle = |product: &Product| product.on_mismatch() == OnMismatch::Settle;
        self.s.product.is_some_and(|product| settle(product) || !self.s.issuer.can_reverse)
    }

    /// What was debited is less than what was quoted: the division follows it.
    pub(super) fn requote(&mut self, amount: Amount) -> Result<(), FlowError> {
        let Some(product) = self.s.product else { return Err(FlowError::NotNow(self.r.state)) };
        let quote = pricing::quote(amount, product.rate(), product.guard(), self.s.terms)?;
        self.take(Event::Requoted(quote))
    }

    fn pending(&mut self) -> Result<(), FlowError> {
        if self.r.state != State::Pending {
            self.take(Event::RedeemPending)?;
        }
        self.query_later()
    }

    /// A no to a repeat may speak of what the first sending did: then the original is queried.
    fn refused(&mut self, answer: &Answer, decline: Decline) -> Result<(), FlowError> {
        let repeat = self.r.redeem.as_ref().is_some_and(|redeem| redeem.attempt > redeem.not_sent + 1);
        let of_the_first = matches!(
            decline,
            Decline::AlreadyUsed | Decline::InsufficientBalance | Decline::Void | Decline::FrozenByIssuer
        );
        if answer.kind == OpKind::Redeem && repeat && of_the_first {
            self.unknown(Cause::IssuerUnsure)?;
            self.step.effects.clear();
            self.query();
            return Ok(());
        }
        self.decline(decline.reason())
    }

    fn not_sent(&mut self) -> Result<(), FlowError> {
        match self.r.state {
            // An earlier sending may have arrived: only the recipe resolves that.
            State::Redeeming if self.r.redeem.as_ref().is_some_and(|r| r.attempt > r.not_sent + 1) => {
                self.unknown(Cause::Lost)
            }
            State::Redeeming => {
                self.take(Event::RedeemNotSent)?;
                self.proceed()
            }
            _ => Ok(()),
        }
    }

    fn unknown(&mut self, cause: Cause) -> Result<(), FlowError> {
        match self.r.state {
            State::Redeeming => {
                self.take(Event::RedeemUnknown { cause })?;
                *self.tries = 0;
                self.first_inquiry()
            }
            State::Pending | State::Absent if cause == Cause::Integrity => {
                self.take(Event::RedeemUnknown { cause })?;
                self.query_later()
            }
            _ => {
                if cause == Cause::Integrity {
                    self.note("integrity")?;
                }
                self.query_later()
            }
        }
    }

    /// No answer came while the issuer's file was awaited.
    pub(super) fn overdue(&mut self) -> Result<(), FlowError> {
        let last = self.r.redeem.as_ref().map_or(self.r.since, |redeem| redeem.last_at);
        match self.left(last, self.s.issuer.timing.answer_within_ms) {
            left if left > 0 => {
                self.wait(left);
                Ok(())
            }
            _ => self.unknown(Cause::Timeout),
        }
    }

    /// What the recipe does first.
    fn first_inquiry(&mut self) -> Result<(), FlowError> {
        match self.s.issuer.recipe {
            Recipe::Query => self.query(),
            Recipe::Repeat if self.s.issuer.batch_window_ms > 0 => return self.repeat(),
            Recipe::Repeat => {
                let sent = self.r.redeem.as_ref().map_or(1, |redeem| redeem.attempt) as usize;
                let ladder = &self.s.issuer.timing.ladder_ms;
                self.wait(ladder[(sent - 1).min(ladder.len() - 1)]);
            }
            Recipe::Reverse => return self.undo(),
            Recipe::File => self.wait(self.s.issuer.timing.answer_within_ms),
        }
        Ok(())
    }

    /// The wait is over, or a writer took it up again: asks, repeats, undoes or suspends.
    pub(super) fn inquire(&mut self) -> Result<(), FlowError> {
        let timing = &self.s.issuer.timing;
        let (first, last) =
            self.r.redeem.as_ref().map_or((self.r.since, self.r.since), |r| (r.first_at, r.last_at));
        if self.left(first, timing.age_limit_ms) <= 0 {
            let undoable = self.s.issuer.can_reverse && self.r.undo.is_none();
            return if undoable { self.undo() } else { self.suspend("unknown_outcome") };
        }
        if self.r.state == State::Absent && self.left(last, timing.absent_after_ms) > 0 {
            self.wait(self.left(last, timing.absent_after_ms));
            return Ok(());
        }
        // An undo was refused, or may still arrive: what stands is asked, and nothing is sent anew.
        let undone = self.r.undo.is_some();
        match self.s.issuer.recipe {
            Recipe::Repeat if self.r.state == State::Unknown && !undone => return self.repeat(),
            Recipe::Reverse if self.r.state == State::Unknown && !undone => return self.undo(),
            Recipe::File => self.wait(timing.answer_within_ms),
            _ if self.s.issuer.batch_window_ms > 0 => self.wait(timing.answer_within_ms),
            _ => self.query(),
        }
        Ok(())
    }

    fn repeat(&mut self) -> Result<(), FlowError> {
        let timing = &self.s.issuer.timing;
        let tried = self.r.redeem.as_ref().map_or(0, Redeem::tried);
        if self.s.issuer.batch_window_ms > 0 {
            self.step.effects.push(Effect::Gather);
        } else if tried < timing.attempts.saturating_mul(2) {
            return self.send_redeem();
        } else {
            self.query();
        }
        Ok(())
    }

    fn query(&mut self) {
        let endpoint = self.r.redeem.as_ref().map_or(0, |redeem| redeem.endpoint);
        self.ask(OpKind::Query, endpoint, self.tries.saturating_add(1));
    }

    fn query_later(&mut self) -> Result<(), FlowError> {
        let timing = &self.s.issuer.timing;
        let spent = *self.tries as usize > timing.ladder_ms.len();
        let first = self.r.redeem.as_ref().map_or(self.r.since, |redeem| redeem.first_at);
        if self.r.state == State::Unknown && spent && self.s.issuer.can_reverse {
            return self.undo();
        }
        if self.left(first, timing.age_limit_ms) <= 0 {
            return self.inquire();
        }
        if self.s.issuer.batch_window_ms > 0 {
            self.wait(timing.answer_within_ms);
        } else {
            let last = self.r.redeem.as_ref().map_or(self.r.since, |redeem| redeem.last_at);
            self.wait_rung_since(&timing.ladder_ms, last);
        }
        Ok(())
    }

    /// Nothing is known under our reference. The request may still be on its way: the card
    /// stays in quarantine until the absence is final.
    fn absent(&mut self, by_file: bool) -> Result<(), FlowError> {
        let timing = &self.s.issuer.timing;
        let left = if planted!(NotFoundIsFinal) { 0 } else { self.absence_in() };
        if left > 0 && !by_file {
            if self.r.state != State::Absent {
                self.take(Event::RedeemAbsent)?;
            }
            self.wait(left);
            return Ok(());
        }
        let tried = self.r.redeem.as_ref().map_or(0, Redeem::tried);
        let repeatable = self.s.issuer.idempotency != Idempotency::None && self.r.undo.is_none();
        let again = self.s.issuer.on_absent == OnAbsent::Resend && repeatable;
        if !again || tried >= timing.attempts.saturating_mul(2) {
            return self.decline("not_debited");
        }
        if self.r.state == State::Redeeming {
            self.take(Event::RedeemAbsent)?;
        }
        if self.s.issuer.batch_window_ms > 0 {
            self.step.effects.push(Effect::Gather);
            return Ok(());
        }
        self.send_redeem()
    }

    /// So long until an absence is final, counted from the last sending; 0 or less if it is.
    pub(super) fn absence_in(&self) -> i64 {
        let last = self.r.redeem.as_ref().map_or(self.r.since, |redeem| redeem.last_at);
        self.left(last, self.s.issuer.timing.absent_after_ms)
    }

    /// A late answer ends what age has suspended.
    fn late_resolution(&mut self, answer: &Answer) -> Result<(), FlowError> {
        if self.r.advance.is_some() {
            return self.advance_answer(answer);
        }
        match &answer.outcome {
            Outcome::Accepted(_) | Outcome::Partial(_) if self.is_before_the_undo(answer) => {
                self.note(LATE_APPROVAL)
            }
            Outcome::Accepted(accepted) if self.believable(accepted) => {
                self.redeemed(accepted, answer.by_file)
            }
            Outcome::Declined(decline) if answer.kind == OpKind::Query || answer.by_file => {
                self.decline(decline.reason())
            }
            Outcome::Reversed => {
                self.undone_in_suspense(Event::Reversed, answer.by_file || self.is_asked(answer))
            }
            Outcome::NotFound if self.is_last_question() && self.is_asked(answer) => {
                self.undone_in_suspense(Event::Reversed, true)
            }
            Outcome::Partial(accepted) if self.is_part(accepted) && self.settles() => {
                self.partial(accepted, answer.by_file)
            }
            Outcome::Accepted(_) | Outcome::Partial(_) => self.note("integrity"),
            _ => Ok(()),
        }
    }

    /// The debit is known already: the same answer again is nothing new, another one is noted,
    /// and a corrected file takes a debit back.
    fn already_known(&mut self, answer: &Answer) -> Result<(), FlowError> {
        let debit: Option<Amount> = self.r.debit.as_ref().map(|debit| debit.amount);
        match &answer.outcome {
            Outcome::Accepted(accepted) | Outcome::Partial(accepted) if debit == Some(accepted.amount) => {
                Ok(())
            }
            Outcome::Accepted(_) | Outcome::Partial(_) => self.note("integrity"),
            Outcome::Declined(decline) if answer.by_file => {
                let paid =
                    matches!(self.r.state, State::Paid | State::Split | State::Cleared | State::Retired);
                let reason = super::code(decline.reason());
                if paid { self.take(Event::Corrected { reason }) } else { self.note("corrected_before_paid") }
            }
            _ => Ok(()),
        }
    }

    pub(super) fn quarantine(&mut self) -> Result<(), FlowError> {
        let last = self.r.redeem.as_ref().map_or(self.r.since, |redeem| redeem.last_at);
        let left = self.left(last.max(self.r.since), self.s.issuer.timing.absent_after_ms);
        self.wait(left.max(LONG_MS + 1));
        Ok(())
    }
}
