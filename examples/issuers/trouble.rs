//! What goes wrong between a request and its answer.

use crate::dice::Dice;
use scrip::sim::{Fault, Faults, Visit};

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// Takes two seconds more.
    Slow,
    /// The connection is reset before anything is done.
    ResetBefore,
    /// It is done, and the connection is reset.
    ResetAfter,
    /// Nothing is done or said.
    LostRequest,
    /// It is done long after the asker has stopped waiting, and nothing is said.
    LateRequest,
    /// It is done, and nothing is said.
    LostAnswer,
    /// The answer is said twice.
    DoubleAnswer,
    /// The answer is said after the asker has stopped waiting.
    LateAnswer,
    /// The answer's signature or MAC does not fit.
    WrongSignature,
    /// It is done, and the answer is nonsense.
    Garbage,
    /// It is done, and a proxy says 502.
    Page5xx,
    /// Nothing is done, and a page says so with 503.
    Maintenance,
    /// It is done, and half of the answer is said.
    HalfClosed,
    /// It is done, and the answer drips.
    SlowLoris,
    /// Nothing is done: the token of the session does not stand any more.
    TokenRefused,
}

/// Each with its name and its share in a million, light and heavy. Those without a share come with
/// the faults of the simulated world.
const TABLE: [(Trouble, &str, u64, u64); 15] = [
    (Trouble::Slow, "slow", 2_000, 20_000),
    (Trouble::ResetBefore, "reset_before", 0, 0),
    (Trouble::ResetAfter, "reset_after", 2_000, 20_000),
    (Trouble::LostRequest, "lost_request", 0, 0),
    (Trouble::LateRequest, "late_request", 0, 0),
    (Trouble::LostAnswer, "lost_answer", 0, 0),
    (Trouble::DoubleAnswer, "double_answer", 0, 0),
    (Trouble::LateAnswer, "late_answer", 0, 0),
    (Trouble::WrongSignature, "wrong_signature", 2_000, 20_000),
    (Trouble::Garbage, "garbage", 0, 0),
    (Trouble::Page5xx, "page_5xx", 2_000, 20_000),
    (Trouble::Maintenance, "maintenance", 2_000, 20_000),
    (Trouble::HalfClosed, "half_closed", 2_000, 20_000),
    (Trouble::SlowLoris, "slow_loris", 1_000, 10_000),
    (Trouble::TokenRefused, "token_refused", 2_000, 20_000),
];

/// What may go wrong, each with its share in a million: what was asked for, then the level's own.
fn shares(level: Faults, asked: &[(Trouble, u64)]) -> impl Iterator<Item = (Trouble, u64)> + '_ {
    let own = TABLE.iter().map(move |(trouble, _, light, heavy)| match level {
        Faults::None | Faults::First(..) => (*trouble, 0),
        Faults::Light => (*trouble, *light),
        Faults::Heavy => (*trouble, *heavy),
    });
    asked.iter().copied().chain(own)
}

impl Trouble {
    pub(crate) fn name(self) -> &'static str {
        TABLE.iter().find(|(trouble, ..)| *trouble == self).map_or("", |(_, name, ..)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|(_, known, ..)| *known == name).map(|(trouble, ..)| *trouble)
    }

    /// What goes wrong with a request, if anything does: what the simulated world says, else what is
    /// drawn by `asked` and by the level's own shares.
    pub(crate) fn of(visit: &Visit, level: Faults, asked: &[(Self, u64)]) -> Option<Self> {
        if let Some(fault) = visit.fault {
            return Self::of_fault(fault, visit.meets("coin", 500_000));
        }
        let mut all = shares(level, asked);
        all.find(|(trouble, share)| visit.meets(trouble.name(), *share)).map(|(trouble, _)| trouble)
    }

    /// What goes wrong with a request that is about no redemption.
    pub(crate) fn drawn(dice: &Dice, level: Faults, asked: &[(Self, u64)]) -> Option<Self> {
        let mut all = shares(level, asked).filter(|(trouble, _)| *trouble != Self::TokenRefused);
        all.find(|(_, share)| dice.roll(1_000_000) < *share).map(|(trouble, _)| trouble)
    }

    const fn of_fault(fault: Fault, coin: bool) -> Option<Self> {
        Some(match fault {
            // A server cannot refuse a connection for one request.
            Fault::NotSent => Self::ResetBefore,
            Fault::RequestLost => Self::LostRequest,
            Fault::RequestDelayed => Self::LateRequest,
            Fault::AnswerLost if coin => Self::ResetAfter,
            Fault::AnswerLost => Self::LostAnswer,
            Fault::AnswerLate => Self::LateAnswer,
            Fault::AnswerDoubled => Self::DoubleAnswer,
            Fault::Garbage => Self::Garbage,
            _ => return None,
        })
    }

    /// Whether what is asked is done at all.
    pub(crate) const fn does(self) -> bool {
        !matches!(self, Self::ResetBefore | Self::LostRequest | Self::Maintenance | Self::TokenRefused)
    }
}
