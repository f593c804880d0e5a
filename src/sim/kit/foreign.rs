//! What was said of something else is not taken for what was asked.

use super::far::{Said, Says};
use super::trial::{FACE, Sent, Trial};
use super::{Breach, Rule};
use crate::issuer::{Decline, Leg, OpKind, Outcome, Reference};
use crate::money::{Amount, Currency};
use std::format;
use std::vec::Vec;

impl Trial<'_> {
    pub(super) fn foreign(&mut self) -> Result<(), Breach> {
        for sent in self.questions()? {
            self.of_another_reference(&sent)?;
            self.of_another_amount(&sent)?;
            self.of_another_card(&sent)?;
        }
        self.of_another_question()
    }

    /// The bytes that say it, `None` if they cannot be said, or are those of the plain answer: then
    /// the protocol does not carry `what` is different, which is left out.
    fn otherwise(&mut self, sent: &Sent, said: Said, what: &str) -> Option<Vec<u8>> {
        let plain = self.far.write(&sent.message, &[self.said(sent, said.says)])?;
        let written = self.far.write(&sent.message, &[said])?;
        if written == plain {
            self.leave_out(format!("answers of another {what}, for answers carry none"));
            return None;
        }
        Some(written)
    }

    fn of_another_reference(&mut self, sent: &Sent) -> Result<(), Breach> {
        let id = self.next().redemption;
        let others = [Reference::debit(id), Reference::payout(sent.asked.reference.redemption, 1)];
        for reference in others {
            for says in [Says::Yes, Says::Partial, Says::No(Decline::Refused), Says::NotFound] {
                let said = Said { reference, ..self.said(sent, says) };
                let Some(reply) = self.otherwise(sent, said, "reference") else { continue };
                let (answers, _) = self.hear(&reply, &sent.asked);
                let (answers_late, _) = self.overhear(&reply);
                let wrong = answers.iter().chain(&answers_late).find(|(about, answer)| {
                    let ours = *about == sent.asked.reference || about.leg != Leg::Debit;
                    ours && !super::says::says_nothing(&answer.outcome)
                });
                let what = || format!("{says:?} to another reference is taken for ours: {wrong:?}");
                self.check(Rule::Foreign, wrong.is_none(), what)?;
            }
        }
        Ok(())
    }

    fn of_another_amount(&mut self, sent: &Sent) -> Result<(), Breach> {
        let (more, less) = (FACE.minor() * 10, FACE.minor() / 10);
        let others = [(more, Currency::CNY), (less, Currency::CNY), (FACE.minor(), Currency::USD)];
        for (minor, currency) in others {
            if sent.asked.kind == OpKind::Reverse {
                continue;
            }
            let amount = Amount::new(minor, currency);
            let said = Said { amount, ..self.said(sent, Says::Yes) };
            let Some(reply) = self.otherwise(sent, said, "amount") else { continue };
            let outcome = self.answer(&reply, &sent.asked).map(|answer| answer.outcome);
            // The engine compares what is told with what was asked, so it must be told.
            let told = match &outcome {
                Some(Outcome::Accepted(yes) | Outcome::Partial(yes)) => yes.amount == amount,
                Some(outcome) => super::says::says_nothing(outcome),
                None => true,
            };
            let what = || format!("a yes to {minor} {currency} is {outcome:?}, asked was {FACE}");
            self.check(Rule::Foreign, told, what)?;
        }
        Ok(())
    }

    fn of_another_card(&mut self, sent: &Sent) -> Result<(), Breach> {
        if sent.asked.kind == OpKind::Reverse {
            return Ok(());
        }
        let other = self.far.cards()[1];
        let said = Said { card: other, ..self.said(sent, Says::Yes) };
        let Some(reply) = self.otherwise(sent, said, "card") else { return Ok(()) };
        let own = self.issuer.card_tag(self.card().data());
        let outcome = self.answer(&reply, &sent.asked).map(|answer| answer.outcome);
        let holds = match &outcome {
            Some(Outcome::Accepted(yes)) => yes.card.is_some() && yes.card != own,
            Some(outcome) => super::says::says_nothing(outcome) || *outcome == Outcome::Reversed,
            None => true,
        };
        self.check(Rule::Foreign, holds, || format!("a yes to another card is {outcome:?}"))
    }

    /// The true answer to one question comes in the place of another's.
    fn of_another_question(&mut self) -> Result<(), Breach> {
        let (first, second) = (self.next(), self.next());
        let (first, second) = (self.redeem(first)?, self.redeem(second)?);
        let reply = self.serve(&first)?;
        self.serve(&second)?;
        for (reply, says) in [(Some(reply), Says::Yes), (None, Says::No(Decline::Expired))] {
            let written = || self.far.write(&first.message, &[self.said(&first, says)]);
            let Some(reply) = reply.or_else(written) else { continue };
            let (answers, _) = self.hear(&reply, &second.asked);
            let wrong = answers.iter().find(|(about, answer)| {
                *about == second.asked.reference && !super::says::says_nothing(&answer.outcome)
            });
            let what = || format!("the answer to one redemption is taken for another's: {wrong:?}");
            self.check(Rule::Foreign, wrong.is_none(), what)?;
        }
        Ok(())
    }
}
