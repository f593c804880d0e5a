//! The decision: a verdict with its reasons.

use super::{Action, Moments, RiskPolicy, beyond, frozen_until};
use crate::base::{RedemptionId, Wall};
use alloc::vec::Vec;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Why a decision was made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable number, as records hold it.
            pub const fn number(self) -> u8 {
                match self { $(Self::$name => $number,)* }
            }

            /// The stable name in snake case, as outcomes show it.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// The card is on the block list.
    BlockedCard = 1, "blocked_card";
    /// The seller is on the block list.
    BlockedSeller = 2, "blocked_seller";
    /// The device is on the block list.
    BlockedDevice = 3, "blocked_device";
    /// The address is on the block list.
    BlockedIp = 4, "blocked_ip";
    /// The card was tried too often in too short a time.
    CardVelocity = 5, "card_velocity";
    /// The declared face stands out among its kind.
    FaceDeviation = 6, "face_deviation";
    /// The caller has asked too much.
    CallerBudget = 40, "caller_budget";
    /// Too much was asked from the device.
    DeviceBudget = 41, "device_budget";
    /// Too much was asked about numbers with this beginning.
    PrefixBudget = 42, "prefix_budget";
}

impl Reason {
    /// The reason with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.number() == number)
    }
}

/// What is done with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// A person looks at it.
    Review,
    /// The seller answers a challenge first.
    Challenge,
    /// The card is frozen.
    Freeze {
        /// Until when.
        until: Wall,
    },
    /// It ends: a budget for questions is used up.
    Refuse,
    /// It ends, and is reported.
    Block,
}

/// A verdict and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is done.
    pub verdict: Verdict,
    /// Why, the gravest first; empty for [`Verdict::Pass`].
    pub reasons: Vec<Reason>,
}

/// Decides, from the block-list hits found at intake, the budgets found used up, and what was seen
/// before.
///
/// Blocking outweighs a budget, so that it is reported; a budget outweighs freezing, for who has
/// asked too much is told nothing of the card; and freezing outweighs review.
pub fn decide(
    policy: &RiskPolicy,
    hits: &[Reason],
    over: &[Reason],
    card: &[(RedemptionId, Wall)],
    faces: &Moments,
    face_minor: i64,
) -> Decision {
    let mut reasons = hits.to_vec();
    reasons.sort_unstable();
    reasons.extend_from_slice(over);
    let freeze = frozen_until(&policy.velocity, card);
    reasons.extend(freeze.map(|_| Reason::CardVelocity));
    let odd = beyond(&policy.deviation, faces, face_minor);
    reasons.extend(odd.then_some(Reason::FaceDeviation));
    let verdict = match freeze {
        _ if !hits.is_empty() => Verdict::Block,
        _ if !over.is_empty() => Verdict::Refuse,
        Some(until) => Verdict::Freeze { until },
        None if odd && policy.deviation.action == Action::Challenge => Verdict::Challenge,
        None if odd => Verdict::Review,
        None => Verdict::Pass,
    };
    Decision { verdict, reasons }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocking_outweighs_a_budget_outweighs_freezing_outweighs_review() {
        let policy = RiskPolicy::default();
        let faces = [1, 2].into_iter().cycle().take(40).fold(Moments::default(), Moments::with);
        let card: Vec<_> = (0..3).map(|i| (RedemptionId([i; 16]), Wall(0))).collect();
        let verdict = |hits: &[Reason], card: &[_], face| decide(&policy, hits, &[], card, &faces, face);
        let over = |hits: &[Reason]| decide(&policy, hits, &[Reason::DeviceBudget], &card, &faces, 2);
        assert_eq!(over(&[]).verdict, Verdict::Refuse);
        assert_eq!(over(&[]).reasons, [Reason::DeviceBudget, Reason::CardVelocity]);
        assert_eq!(over(&[Reason::BlockedIp]).verdict, Verdict::Block);
        assert_eq!(verdict(&[], &card[..2], 2).verdict, Verdict::Pass);
        assert_eq!(verdict(&[], &card[..2], 99).verdict, Verdict::Review);
        assert_eq!(verdict(&[], &card, 99).verdict, Verdict::Freeze { until: Wall(86_400_000) });
        let all = verdict(&[Reason::BlockedSeller], &card, 99);
        assert_eq!(all.verdict, Verdict::Block);
        assert_eq!(all.reasons, [Reason::BlockedSeller, Reason::CardVelocity, Reason::FaceDeviation]);
    }
}
