//! Repeats, restarts, and several operations in one message.

use super::far::Said;
use super::trial::{FACE, Sent, Trial, operation};
use super::{Breach, Rule};
use crate::base::Text;
use crate::issuer::{Asked, Idempotency, OpKind, Outcome, Reference};
use std::format;
use std::vec::Vec;

/// So many operations are tried where a profile allows more.
const BATCH: usize = 100;

impl Trial<'_> {
    pub(super) fn batch(&mut self) -> Result<(), Breach> {
        let product = Text::new(self.far.product()).expect("a short name");
        let (many, card) = (self.profile().batch_max.min(BATCH), self.card());
        let references: Vec<Reference> = (0..many).map(|_| self.next()).collect();
        let operations: Vec<_> =
            references.iter().map(|one| operation(OpKind::Redeem, *one, &product, card, 1)).collect();
        let (message, done) = self.try_encode(&operations, None, &*self.issuer);
        self.check(Rule::Batch, done.is_ok(), || format!("{many} operations in one message: {done:?}"))?;
        self.keep(&message);
        let heard = self.far.read(&message, card).expect("the far end reads what the adapter writes");
        let all = heard.len() == many;
        self.check(Rule::Batch, all, || format!("of {many} operations {} arrive", heard.len()))?;
        let trace = message.trace.clone();
        let mut sent = Sent {
            asked: Asked { kind: OpKind::Redeem, reference: references[0], amount: FACE, trace },
            message,
        };
        let mut said: Vec<Said> = Vec::new();
        for (heard, reference) in heard.iter().zip(&references) {
            sent.asked.reference = *reference;
            said.push(self.honest(&sent, heard));
        }
        let reply = self.far.write(&sent.message, &said).expect("the far end writes a plain yes to each");
        let later = self.far.later();
        for reference in references {
            sent.asked.reference = reference;
            let answer = self.answer(&reply, &sent.asked);
            let yes = match answer.as_ref().map(|answer| &answer.outcome) {
                Some(Outcome::Accepted(yes)) => !later && yes.amount == FACE,
                Some(Outcome::Pending) => later,
                _ => false,
            };
            self.check(Rule::Batch, yes, || format!("one of {many} answers is {answer:?}"))?;
        }
        Ok(())
    }

    pub(super) fn repeats(&mut self) -> Result<(), Breach> {
        for names_duplicates in [false, true] {
            self.book.names_duplicates = names_duplicates;
            let reference = self.next();
            let before = self.book.standing();
            let first = self.redeem(reference)?;
            let key = self.heard(&first)?.key;
            self.serve(&first)?;
            let again = self.ask(OpKind::Redeem, reference, 2, first.asked.trace.as_ref())?;
            let Some(again) = again else {
                return Err(self.breach(Rule::Repeat, "a debit cannot be repeated"));
            };
            if self.profile().idempotency == Idempotency::None {
                self.leave_out("repeats, which the profile says are never sent");
                continue;
            }
            let told = self.heard(&again)?.key;
            self.check(Rule::Repeat, told == key, || {
                "a repeat bears another key: the issuer cannot know that it is one".into()
            })?;
            let reply = self.far_answer(&again)?;
            let standing = self.book.standing() - before;
            self.check(Rule::Repeat, standing == 1, || format!("{standing} debits after a repeat"))?;
            let Some(reply) = reply else {
                self.leave_out("repeats that are named as such");
                continue;
            };
            let outcome = self.answer(&reply, &again.asked).map(|answer| answer.outcome);
            let known = match &outcome {
                Some(Outcome::Accepted(yes)) => !names_duplicates && yes.amount == FACE,
                Some(Outcome::Duplicate(_)) => true,
                Some(Outcome::Pending) => names_duplicates || self.far.later(),
                Some(outcome) => names_duplicates && super::says::says_nothing(outcome),
                None => false,
            };
            self.check(Rule::Repeat, known, || format!("the answer to a repeat is {outcome:?}"))?;
        }
        self.book.names_duplicates = false;
        Ok(())
    }

    /// What an honest issuer answers, if the protocol has words for it.
    fn far_answer(&mut self, sent: &Sent) -> Result<Option<Vec<u8>>, Breach> {
        let heard = self.heard(sent)?;
        let said = self.honest(sent, &heard);
        Ok(self.far.write(&sent.message, &[said]))
    }

    pub(super) fn restart(&mut self) -> Result<(), Breach> {
        let reference = self.next();
        let before = self.book.standing();
        let first = self.redeem(reference)?;
        let late = self.serve(&first)?;
        let trace = first.asked.trace.clone();
        let (told, later) = (self.answer(&late, &first.asked).map(|answer| answer.outcome), self.far.later());
        let own = match &told {
            Some(Outcome::Accepted(yes)) if !later => Some(yes.reference.clone()),
            Some(Outcome::Pending) if later => None,
            other => return Err(self.breach(Rule::Restart, format!("a plain yes is {other:?}"))),
        };
        self.restart_process();
        // The answer comes after the restart, to whoever waits for it.
        let heard = self.answer(&late, &first.asked).map(|answer| answer.outcome);
        let same = match (&heard, &own) {
            (Some(Outcome::Accepted(yes)), Some(own)) => yes.reference == *own,
            (heard, own) => own.is_none() && *heard == told,
        };
        self.check(Rule::Restart, same, || format!("a late answer is {heard:?} after a restart"))?;
        if self.profile().idempotency != Idempotency::None {
            let again = self.ask(OpKind::Redeem, reference, 2, trace.as_ref())?;
            let again = again.ok_or_else(|| self.breach(Rule::Restart, "a debit cannot be repeated"))?;
            self.serve(&again)?;
        }
        let standing = self.book.standing() - before;
        self.check(Rule::Restart, standing == 1, || format!("{standing} debits after a restart"))?;
        for kind in [OpKind::Query, OpKind::Receipt] {
            let Some(query) = self.ask(kind, reference, 1, trace.as_ref())? else { continue };
            let reply = self.serve(&query)?;
            let outcome = self.answer(&reply, &query.asked).map(|answer| answer.outcome);
            let ours = |told: &Text| own.as_ref().is_none_or(|own| own == told);
            let found = matches!(&outcome, Some(Outcome::Accepted(yes)) if yes.amount == FACE && ours(&yes.reference));
            self.check(Rule::Restart, found, || {
                format!("{} of a debit that was made: {outcome:?}", kind.name())
            })?;
        }
        self.never_sent()?;
        self.undone(reference, trace.as_ref())
    }

    /// A debit that never left is not found.
    fn never_sent(&mut self) -> Result<(), Breach> {
        let reference = self.next();
        let trace = self.redeem(reference)?.asked.trace;
        let Some(query) = self.ask(OpKind::Query, reference, 1, trace.as_ref())? else { return Ok(()) };
        let reply = self.serve(&query)?;
        let outcome = self.answer(&reply, &query.asked).map(|answer| answer.outcome);
        let absent = outcome.as_ref().is_none_or(|o| *o == Outcome::NotFound || super::says::says_nothing(o));
        self.check(Rule::Restart, absent, || format!("the query of a debit that never left: {outcome:?}"))
    }

    fn undone(&mut self, reference: Reference, trace: Option<&Text>) -> Result<(), Breach> {
        if !self.profile().can_reverse {
            return Ok(());
        }
        let before = self.book.standing();
        for attempt in [1, 2] {
            self.restart_process();
            let Some(undo) = self.ask(OpKind::Reverse, reference, attempt, trace)? else { return Ok(()) };
            let reply = self.serve(&undo)?;
            let outcome = self.answer(&reply, &undo.asked).map(|answer| answer.outcome);
            let done = outcome == Some(Outcome::Reversed);
            self.check(Rule::Restart, done, || format!("undoing, time {attempt}: {outcome:?}"))?;
            let standing = self.book.standing();
            self.check(Rule::Restart, standing + 1 == before, || "another debit is undone, or none".into())?;
        }
        Ok(())
    }
}
