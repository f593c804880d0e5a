//! What someone who is not trusted is told of a card: the same no, whatever the reason.
//!
//! | | alike for every no | why not, where it is not |
//! |---|---|---|
//! | shape | yes: [`PublicAnswer::NotAccepted`] carries nothing | |
//! | cost | every request that is written costs its budgets, whatever becomes of it | a number of the wrong length or check digit is refused before anything is written: everyone can tell that without asking |
//! | work | from the card's keys to the commit of the first unit, for each card that is read | after it the issuer is asked, or not |
//! | time | if the host tells a no at [`release_at`] | the time that the issuer takes is beyond the library |

use super::{Reply, SubmitError};
use crate::base::Mono;
use crate::flow::Summary;
use crate::money::Amount;

/// The answer to "is this card valid?", for callers who might be trying numbers.
///
/// A card that does not exist, is used up, frozen, blocked, sold before, being sold by someone else
/// or mistyped, one whose token is refused, and a question beyond a budget: all are
/// `NotAccepted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicAnswer {
    /// The card was taken, and so much is paid for it.
    Paid(Amount),
    /// It is being looked at. This is said of every card at first.
    InProgress,
    /// No.
    NotAccepted,
    /// Too much is in flight here; it says nothing of the card.
    TryLater,
}

impl PublicAnswer {
    /// Of how a redemption stands.
    pub fn of(summary: &Summary) -> Self {
        match (summary.public_state(), summary.payout) {
            ("retired", Some(payout)) => Self::Paid(payout),
            ("declined" | "frozen" | "blocked" | "already_sold", _) => Self::NotAccepted,
            _ => Self::InProgress,
        }
    }

    /// Of the answer to a request that starts nothing new.
    pub fn of_reply(reply: &Reply) -> Self {
        match reply {
            Reply::Replayed(summary) | Reply::InProgress(summary) => Self::of(summary),
            Reply::Mismatch | Reply::CardBusy { .. } => Self::NotAccepted,
        }
    }

    /// Of a request that is not taken.
    pub const fn of_refusal(error: &SubmitError) -> Self {
        match error {
            SubmitError::Busy | SubmitError::Vault(_) => Self::TryLater,
            SubmitError::Invalid { .. } | SubmitError::Refused { .. } => Self::NotAccepted,
        }
    }

    /// The name, as interfaces show it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Paid(_) => "paid",
            Self::InProgress => "in_progress",
            Self::NotAccepted => "not_accepted",
            Self::TryLater => "try_later",
        }
    }
}

/// When a no that was decided at `decided` is told to whoever asked at `asked`: after a whole
/// number of grains of `grain_ms`, so that it does not show where it was decided. With a grain
/// above the time that the issuer usually takes, nearly every no comes after one. A `grain_ms` of
/// 0 or less holds nothing back.
pub const fn release_at(asked: Mono, decided: Mono, grain_ms: i64) -> Mono {
    let taken = decided.0.saturating_sub(asked.0);
    if grain_ms <= 0 {
        return decided;
    }
    let begun = if taken > 0 { (taken - 1) / grain_ms } else { 0 };
    asked.plus(begun.saturating_add(1).saturating_mul(grain_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_decided_within_a_grain_is_told_at_its_end() {
        for (decided, told) in [(0, 1_500), (1, 1_500), (1_500, 1_500), (1_501, 3_000), (-5, 1_500)] {
            assert_eq!(release_at(Mono(100), Mono(100 + decided), 1_500), Mono(100 + told), "{decided}");
        }
        assert_eq!(release_at(Mono(1), Mono(7), 0), Mono(7));
    }

    proptest! {
        #[test]
        fn an_answer_is_never_told_before_it_is_decided_nor_much_later(
            asked in any::<i32>(), taken in 0_i64..1 << 40, grain in 1_i64..1 << 20,
        ) {
            let (asked, decided) = (Mono(asked.into()), Mono(asked.into()).plus(taken));
            let told = release_at(asked, decided, grain);
            prop_assert!(told >= decided && told.0 - decided.0 <= grain);
            prop_assert_eq!((told.0 - asked.0) % grain, 0);
        }
    }
}
