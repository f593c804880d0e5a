//! Odd answers of issuers and rails, for whole lives: what no network does, but a far end may.

use super::fault::{Fault, draw};
use crate::adapters::served::Asked;
use crate::base::Text;
use crate::issuer::{Accepted, CardTag, OpKind, Outcome};
use crate::money::Amount;

/// From this attempt on no answer is odd, but for a rail that never speaks.
const ODD_UP_TO: u32 = 3;

/// How often, in thousandths, a far end does something odd.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Odd {
    /// An approval of another card or amount.
    pub(super) foreign: u64,
    /// "Duplicate" to a repeat, and nothing else.
    pub(super) duplicate: u64,
    /// Half of what was asked is debited.
    pub(super) partial: u64,
    /// An undo is refused.
    pub(super) refuses: u64,
    /// A question is answered "pending".
    pub(super) later: u64,
    /// What was answered "pending" is never done.
    pub(super) forgets: u64,
    /// What was answered "pending" is done, and undone before anybody hears of it.
    pub(super) undoes: u64,
    /// Nothing is ever said of a pay-out, or days later.
    pub(super) silent: u64,
    /// Whether some pay-outs come back at once, and not the next day.
    pub(super) hasty: bool,
}

/// What is odd about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    Foreign,
    Duplicate,
    Partial,
    RefusesUndo,
    Later,
    Forgets,
    Undoes,
    Silent,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Online,
    ByFile,
    Rail,
}

impl Odd {
    /// What is odd about the answer to this sending. As with faults, less with every attempt.
    pub(super) fn of(self, seed: u64, who: Who, asked: &Asked, fault: Option<Fault>) -> Option<Oddity> {
        if who == Who::Rail {
            let drawn = draw(seed, "silent", asked.reference, OpKind::Pay, 0) % 1_000;
            return (drawn < self.silent).then_some(Oddity::Silent);
        }
        let pending = fault == Some(Fault::Pending);
        let choices: &[(u64, Oddity)] = match asked.kind {
            _ if asked.attempt > ODD_UP_TO => &[],
            OpKind::Redeem if who == Who::ByFile => {
                &[(self.foreign, Oddity::Foreign), (self.duplicate, Oddity::Duplicate)]
            }
            OpKind::Redeem if pending => &[(self.forgets, Oddity::Forgets), (self.undoes, Oddity::Undoes)],
            OpKind::Redeem => &[
                (self.foreign, Oddity::Foreign),
                (self.duplicate, Oddity::Duplicate),
                (self.partial, Oddity::Partial),
            ],
            OpKind::Query if who == Who::Online => {
                &[(self.foreign, Oddity::Foreign), (self.later, Oddity::Later)]
            }
            OpKind::Reverse => &[(self.refuses, Oddity::RefusesUndo)],
            _ => &[],
        };
        let mut drawn = draw(seed, "odd", asked.reference, asked.kind, asked.attempt) % 1_000;
        for (often, oddity) in choices {
            if drawn < *often {
                return Some(*oddity);
            }
            drawn -= often;
        }
        None
    }
}

/// An approval that is not of what was asked: another card, where the issuer names cards, or another
/// amount.
pub(super) fn foreign(asked: &Asked, outcome: Outcome) -> Outcome {
    let reference = Text::new("another").expect("it is short");
    match outcome {
        Outcome::Accepted(Accepted { card: Some(CardTag(mut card)), amount, generation, .. }) => {
            card[0] ^= 1;
            Outcome::Accepted(Accepted { reference, amount, card: Some(CardTag(card)), generation })
        }
        _ => {
            let amount = Amount::new(asked.amount.minor() + 100, asked.amount.currency());
            Outcome::Accepted(Accepted { reference, amount, card: None, generation: None })
        }
    }
}
