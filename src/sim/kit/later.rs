//! Debits that are only taken in at once, and messages that nobody waits for.

use super::far::{Said, Says};
use super::says::{STRANGE, may_be, says_nothing};
use super::trial::{FACE, Sent, Told, Trial};
use super::{Breach, Rule};
use crate::issuer::{Answer, Decline, Leg, OpKind, Outcome, Reference};
use crate::money::Amount;
use crate::vault::Entropy;
use std::format;
use std::vec::Vec;

impl Trial<'_> {
    /// Taken in is not approved, and a question or a callback ends the wait.
    pub(super) fn taken_in(&mut self) -> Result<(), Breach> {
        if !self.far.later() {
            return Ok(());
        }
        let reference = self.next();
        let sent = self.redeem(reference)?;
        let reply = self.serve(&sent)?;
        for answers in [self.hear(&reply, &sent.asked).0, self.overhear(&reply).0] {
            let wrong = answers.iter().find(|(_, answer)| !says_nothing(&answer.outcome));
            let what = || format!("a debit that is only taken in: {wrong:?}");
            self.check(Rule::Later, wrong.is_none(), what)?;
        }
        let called = self.far.call_back(&self.said(&sent, Says::Yes)).is_some();
        let query = self.ask(OpKind::Query, reference, 1, sent.asked.trace.as_ref())?;
        let heard_of = called || query.is_some();
        self.check(Rule::Later, heard_of, || "what became of a debit can be neither heard nor asked".into())?;
        let Some(query) = query else { return Ok(()) };
        let reply = self.serve(&query)?;
        let outcome = self.answer(&reply, &query.asked).map(|answer| answer.outcome);
        let found = matches!(&outcome, Some(Outcome::Accepted(yes)) if yes.amount == FACE);
        self.check(Rule::Later, found, || format!("the query of a debit that was taken in: {outcome:?}"))
    }

    /// Messages that nobody waits for.
    pub(super) fn callbacks(&mut self) -> Result<(), Breach> {
        let reference = self.next();
        let sent = self.redeem(reference)?;
        self.serve(&sent)?;
        if self.far.call_back(&self.said(&sent, Says::Yes)).is_none() {
            return Ok(());
        }
        let mut entropy = Entropy::new([0xc5; 32]);
        let mut all = [Says::Yes, Says::Partial, Says::Pending, Says::Unsure].to_vec();
        all.extend(Decline::ALL.iter().map(|decline| Says::No(*decline)));
        for says in all {
            let said = self.said(&sent, says);
            let Some(bytes) = self.far.call_back(&said) else { continue };
            self.called(&sent, says, &bytes)?;
            self.forged(&said, &bytes)?;
            self.breaks(&sent, &bytes, &mut entropy, true)?;
        }
        self.called_strangely(&sent)?;
        self.called_of_another(&sent)
    }

    /// It says what it says: again, and after a restart, in whatever state it comes.
    fn called(&mut self, sent: &Sent, says: Says, bytes: &[u8]) -> Result<(), Breach> {
        let (first, again) = (self.overhear(bytes), self.overhear(bytes));
        self.says_so(sent, says, &first)?;
        self.check(Rule::Callback, first == again, || "a callback reads otherwise the second time".into())?;
        if let Some(session) = self.learn(bytes) {
            self.adopt(session);
            let same = self.learn(bytes).is_none_or(|again| again == self.session());
            self.check(Rule::Callback, same, || "a callback changes the session once more".into())?;
        }
        let fresh = self.another();
        let after = self.overheard_by(&*fresh, bytes);
        self.check(Rule::Callback, first == after, || {
            "a callback reads otherwise after a restart: what is kept belongs into the session".into()
        })
    }

    fn says_so(&mut self, sent: &Sent, says: Says, (answers, read): &Told) -> Result<(), Breach> {
        let fits = match answers.as_slice() {
            [(about, answer)] => *about == sent.asked.reference && may_be(answer.kind, says, &answer.outcome),
            _ => false,
        };
        let what = || format!("a callback that says {says:?} is {answers:?}, {read:?}");
        self.check(Rule::Callback, fits && read.is_ok(), what)
    }

    /// Whoever has no key says nothing, and it is told that he is not believed.
    fn forged(&mut self, said: &Said, honest: &[u8]) -> Result<(), Breach> {
        let Some(forged) = self.far.forge(said).filter(|forged| forged != honest) else {
            self.leave_out("forged callbacks, which the far end does not write");
            return Ok(());
        };
        let (answers, read) = self.overhear(&forged);
        let what = || format!("a forged callback is taken for {answers:?}, {read:?}");
        self.check(Rule::Callback, answers.is_empty() && read.is_err(), what)
    }

    fn called_strangely(&mut self, sent: &Sent) -> Result<(), Breach> {
        for number in 0..STRANGE {
            let Some(bytes) = self.far.call_back(&self.said(sent, Says::Strange(number))) else {
                if number == 0 {
                    self.leave_out("strange codes in callbacks");
                }
                break;
            };
            let (answers, _) = self.overhear(&bytes);
            let wrong = answers.iter().find(|(_, answer)| !matches!(answer.outcome, Outcome::Unknown(_)));
            let what = || format!("strange code {number} in a callback: {wrong:?}");
            self.check(Rule::Unknown, wrong.is_none(), what)?;
        }
        Ok(())
    }

    /// A callback is about the debit, and the amount, that it names.
    fn called_of_another(&mut self, sent: &Sent) -> Result<(), Breach> {
        let id = self.next().redemption;
        let ours = sent.asked.reference;
        for reference in [Reference::debit(id), Reference::payout(ours.redemption, 1)] {
            let Some(bytes) = self.far.call_back(&Said { reference, ..self.said(sent, Says::Yes) }) else {
                continue;
            };
            // It may even come to whoever waits for an answer.
            let answers = [self.overhear(&bytes).0, self.hear(&bytes, &sent.asked).0].concat();
            let wrong = |(about, answer): &&(Reference, Answer)| {
                (*about == ours || about.leg != Leg::Debit) && !says_nothing(&answer.outcome)
            };
            let wrong = answers.iter().find(wrong);
            let what = || format!("a callback about another debit is taken for ours: {wrong:?}");
            self.check(Rule::Foreign, wrong.is_none(), what)?;
        }
        let amount = Amount::new(FACE.minor() * 10, FACE.currency());
        let bytes = self.far.call_back(&Said { amount, ..self.said(sent, Says::Yes) });
        let answers: Vec<_> = bytes.map(|bytes| self.overhear(&bytes).0).unwrap_or_default();
        let told = answers.iter().all(|(_, answer)| match &answer.outcome {
            Outcome::Accepted(yes) => yes.amount == amount,
            outcome => says_nothing(outcome),
        });
        self.check(Rule::Foreign, told, || format!("a callback about {amount}: {answers:?}"))
    }
}
