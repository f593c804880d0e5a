//! What is on the card, and what we offer for it.

use super::{Turn, code};
use crate::card::OnMismatch;
use crate::flow::{Event, FlowError, Sending, State};
use crate::issuer::{Answer, Idempotency, OpKind, Outcome, Verify};
use crate::money::Amount;
use crate::pricing;
use crate::route::Snapshot;

impl Turn<'_, '_> {
    /// Asks the issuer, in the way its profile says, unless it has spoken of the card lately.
    pub(super) fn verify(&mut self) -> Result<(), FlowError> {
        if let Some(Snapshot { balance, age_ms }) = self.s.snapshot.filter(|known| self.serves(known)) {
            return self.take(Event::Remembered { balance, age_ms });
        }
        match self.s.issuer.verify {
            Verify::None => self.quote(self.r.facts.face),
            Verify::Balance => {
                self.ask(OpKind::Balance, 0, self.tries.saturating_add(1));
                Ok(())
            }
            Verify::PinCheck => self.check(),
        }
    }

    /// Whether a snapshot is answer enough. No is never said from one where the issuer can be asked;
    /// nor is a check that is under way given up for one.
    fn serves(&self, known: &Snapshot) -> bool {
        let (balance, face) = (known.balance, self.r.facts.face);
        let settles = self.s.product.is_some_and(|product| product.on_mismatch() == OnMismatch::Settle);
        let good = balance == face || (balance.minor() > 0 && settles);
        let unasked = self.s.issuer.verify == Verify::None;
        balance.currency() == face.currency() && self.r.check.is_none() && (good || unasked)
    }

    /// A check that the issuer counts goes out once. It is repeated, under the same reference
    /// and at the same site, only where the issuer recognises repeats and counts them once. Then
    /// only checks that stay without an answer end it: one that a crash cut off costs nothing.
    fn check(&mut self) -> Result<(), FlowError> {
        let (endpoint, sent) = self.r.check.unwrap_or((self.s.site, 0));
        let counted_once = self.s.issuer.idempotency != Idempotency::None;
        if sent == 0 || (counted_once && *self.tries < self.s.issuer.timing.attempts) {
            self.take(Event::CheckSent(Sending { endpoint, attempt: sent + 1 }))?;
            self.ask(OpKind::PinCheck, endpoint, sent + 1);
            Ok(())
        } else if counted_once {
            self.decline("issuer_unavailable")
        } else {
            self.take(Event::Doubted { reason: code("check_unanswered") })
        }
    }

    /// A check that never left was not counted, and may be sent again: at another site, unless an
    /// earlier one may have arrived and its issuer tells the sites apart. Where it recognises
    /// nothing, none but what never left is sent again.
    fn check_again(&mut self) -> Result<(), FlowError> {
        let (endpoint, sent) = self.r.check.unwrap_or((self.s.site, 0));
        if sent >= self.s.issuer.timing.attempts {
            return self.decline("issuer_unreachable");
        }
        let sticks = self.s.issuer.idempotency == Idempotency::Site && sent > 1;
        let endpoint = if sticks { endpoint } else { self.other_site(endpoint) };
        self.take(Event::CheckSent(Sending { endpoint, attempt: sent + 1 }))?;
        self.ask(OpKind::PinCheck, endpoint, sent + 1);
        Ok(())
    }

    /// The site for what did not leave for `last`.
    pub(super) fn other_site(&self, last: u32) -> u32 {
        let sites = u32::try_from(self.s.issuer.endpoints.len()).unwrap_or(1).max(1);
        if self.s.site == last { (last + 1) % sites } else { self.s.site }
    }

    pub(super) fn verified(&mut self, answer: &Answer) -> Result<(), FlowError> {
        if self.r.state != State::Screened {
            return Ok(());
        }
        match &answer.outcome {
            Outcome::Accepted(accepted) | Outcome::Partial(accepted) => {
                let right_card =
                    !self.s.issuer.echoes_card || (accepted.card.is_some() && accepted.card == self.s.tag);
                if accepted.amount.currency() != self.r.facts.face.currency() || !right_card {
                    return self.unverified();
                }
                let generation = accepted.generation.unwrap_or(self.r.facts.generation);
                self.take(Event::Verified { balance: accepted.amount, generation })?;
                if generation != self.r.facts.generation {
                    return self.decline("generation_mismatch");
                }
                self.proceed()
            }
            Outcome::Declined(decline) => self.decline(decline.reason()),
            Outcome::NotFound => self.decline("unknown_card"),
            Outcome::NotSent if answer.kind == OpKind::PinCheck => self.check_again(),
            _ => self.unverified(),
        }
    }

    fn unverified(&mut self) -> Result<(), FlowError> {
        let timing = &self.s.issuer.timing;
        match self.s.issuer.verify {
            Verify::Balance if self.tries.saturating_add(1) >= timing.attempts => {
                self.decline("issuer_unavailable")
            }
            _ => {
                self.wait_rung(&timing.ladder_ms);
                Ok(())
            }
        }
    }

    /// Compares the issuer's balance with the declared face, and quotes.
    pub(super) fn offer(&mut self) -> Result<(), FlowError> {
        let balance = self.r.verified.unwrap_or(self.r.facts.face);
        let Some(product) = self.s.product else { return self.decline("product_withdrawn") };
        if balance.minor() <= 0 {
            return self.decline("no_balance");
        }
        if balance != self.r.facts.face && !self.r.reviewed {
            match product.on_mismatch() {
                OnMismatch::Settle => {}
                OnMismatch::Review => return self.take(Event::Doubted { reason: code("face_mismatch") }),
                OnMismatch::Decline => return self.decline("face_mismatch"),
            }
        }
        let over = product.limit(balance.currency()).is_some_and(|limit| balance.minor() > limit.minor());
        if over && !self.r.reviewed {
            return self.take(Event::Doubted { reason: code("limit_exceeded") });
        }
        // Less may be left on a card than it was sold with; more than it is ever sold with is odd.
        let greatest = product.face().greatest(balance.currency());
        if greatest.is_some_and(|greatest| balance.minor() > greatest.minor()) && !self.r.reviewed {
            return self.take(Event::Doubted { reason: code("face_value_not_accepted") });
        }
        self.quote(balance)
    }

    fn quote(&mut self, value: Amount) -> Result<(), FlowError> {
        let Some(product) = self.s.product else { return self.decline("product_withdrawn") };
        let quote = pricing::quote(value, product.rate(), product.guard(), self.s.terms)?;
        self.take(Event::Quoted(quote))
    }

    /// Ends it: a definite no before any effect.
    pub(super) fn decline(&mut self, reason: &str) -> Result<(), FlowError> {
        self.take(Event::Declined { reason: code(reason) })
    }
}
