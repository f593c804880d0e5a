//! Does an answer come out as what it says, and a code that nobody knows as nothing?

use super::far::Says;
use super::trial::{FACE, KINDS, Sent, Trial};
use super::{Breach, Rule};
use crate::issuer::{Decline, OpKind, Outcome};
use crate::money::Amount;
use std::format;
use std::vec::Vec;

/// How many codes outside of the closed set are tried at the most.
pub(super) const STRANGE: u32 = 512;

impl Trial<'_> {
    /// The questions that the protocol has, each about a redemption of its own; a query or undo is
    /// about a debit that was made.
    pub(super) fn questions(&mut self) -> Result<Vec<Sent>, Breach> {
        let mut all = Vec::new();
        for kind in KINDS {
            let reference = self.next();
            let mut trace = None;
            if matches!(kind, OpKind::Query | OpKind::Reverse | OpKind::Receipt) {
                let debit = self.redeem(reference)?;
                self.serve(&debit)?;
                trace = debit.asked.trace;
            }
            match self.ask(kind, reference, 1, trace.as_ref())? {
                Some(sent) => all.push(sent),
                None => self.leave_out(format!("{}, which the protocol does not have", kind.name())),
            }
        }
        Ok(all)
    }

    /// A debit that is on its way.
    pub(super) fn redeem(&mut self, reference: crate::issuer::Reference) -> Result<Sent, Breach> {
        let sent = self.ask(OpKind::Redeem, reference, 1, None)?;
        sent.ok_or_else(|| self.breach(Rule::Ability, "cards cannot be redeemed"))
    }

    pub(super) fn answers(&mut self) -> Result<(), Breach> {
        for sent in self.questions()? {
            let kind = sent.asked.kind;
            let mut plain = [Says::Yes, Says::Partial, Says::Pending, Says::Duplicate, Says::Unsure].to_vec();
            plain.extend(Decline::ALL.iter().map(|decline| Says::No(*decline)));
            if matches!(kind, OpKind::Query | OpKind::Reverse | OpKind::Receipt) {
                plain.push(Says::NotFound);
            }
            for says in plain {
                let Some(reply) = self.far.write(&sent.message, &[self.said(&sent, says)]) else {
                    let taken_in = self.far.later() && kind == OpKind::Redeem;
                    let plain = if taken_in { Says::Pending } else { Says::Yes };
                    assert!(says != plain, "the far end writes a plain yes to {}", kind.name());
                    continue;
                };
                let answer = self.answer(&reply, &sent.asked);
                let again = self.answer(&reply, &sent.asked);
                self.check(Rule::Same, answer == again, || "an answer reads otherwise again".into())?;
                let outcome = answer.map(|answer| answer.outcome);
                let fits = match &outcome {
                    Some(outcome) => may_be(kind, says, outcome),
                    None => !matches!(says, Says::Yes),
                };
                self.check(Rule::Answer, fits, || format!("{says:?} to {} is {outcome:?}", kind.name()))?;
            }
        }
        Ok(())
    }

    pub(super) fn strange(&mut self) -> Result<(), Breach> {
        for sent in self.questions()? {
            let mut said = 0;
            for number in 0..STRANGE {
                let says = Says::Strange(number);
                let Some(reply) = self.far.write(&sent.message, &[self.said(&sent, says)]) else { break };
                said += 1;
                let outcome = self.answer(&reply, &sent.asked).map(|answer| answer.outcome);
                let holds = outcome.as_ref().is_none_or(|outcome| matches!(outcome, Outcome::Unknown(_)));
                let kind = sent.asked.kind.name();
                self.check(Rule::Unknown, holds, || format!("strange code {number} to {kind}: {outcome:?}"))?;
            }
            if said == 0 {
                self.leave_out(format!("strange codes to {}", sent.asked.kind.name()));
            }
        }
        Ok(())
    }
}

/// Whether an outcome leaves everything open.
pub(super) fn says_nothing(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(_) | Outcome::Pending | Outcome::ReversalUnconfirmed)
}

/// Whether what is said may come out so.
pub(super) fn may_be(kind: OpKind, says: Says, outcome: &Outcome) -> bool {
    let undo = kind == OpKind::Reverse;
    let amount = |amount: Amount| matches!(outcome, Outcome::Accepted(yes) if yes.amount == amount);
    let open = says_nothing(outcome);
    match says {
        Says::Yes if undo => *outcome == Outcome::Reversed,
        Says::Yes => amount(FACE),
        Says::Partial => {
            let half = |part: Amount| part.currency() == FACE.currency() && part.minor() == FACE.minor() / 2;
            open || matches!(outcome, Outcome::Partial(part) if half(part.amount))
        }
        Says::No(_) if undo => open || *outcome == Outcome::ReversalRefused,
        Says::No(_) => open || matches!(outcome, Outcome::Declined(_)),
        Says::NotFound if undo => open || matches!(outcome, Outcome::Reversed | Outcome::NotFound),
        Says::NotFound => open || *outcome == Outcome::NotFound,
        Says::Duplicate => open || matches!(outcome, Outcome::Duplicate(_)),
        Says::Pending | Says::Unsure | Says::Strange(_) => open,
    }
}
