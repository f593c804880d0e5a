//! What goes wrong, and how long things take: pure functions of seed, reference, operation and
//! attempt. The same run has the same faults whatever the order of events or the number of
//! restarts.

use crate::base::digest;
use crate::issuer::{OpKind, Reference};
use std::ops::RangeInclusive;
use std::string::ToString;

/// How much goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Faults {
    /// Nothing.
    #[default]
    None,
    /// About one operation in thirty.
    Light,
    /// About one operation in three.
    Heavy,
    /// This, to the first sending of each operation of this kind, and nothing else: for tests.
    First(OpKind, Fault),
}

/// What goes wrong with one sending of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is refused: not a byte leaves.
    NotSent,
    /// The request never arrives.
    RequestLost,
    /// The request arrives after the asker has stopped waiting, but before an absence is final:
    /// a query overtakes it and finds nothing.
    RequestDelayed,
    /// The effect happens, the answer does not come.
    AnswerLost,
    /// The effect happens, the answer comes after its deadline.
    AnswerLate,
    /// The answer comes twice.
    AnswerDoubled,
    /// A page of some proxy comes in place of the answer.
    Garbage,
    /// The answer is "pending"; the true one is brought later.
    Pending,
    /// The rail refuses the payee.
    PayeeRefused,
    /// The rail pays, and brings the money back a day later.
    PayoutReturned,
}

/// Each fault with its probability in thousandths, light and heavy.
const TABLE: [(Fault, u64, u64); 10] = [
    (Fault::NotSent, 5, 50),
    (Fault::RequestLost, 5, 50),
    (Fault::RequestDelayed, 3, 40),
    (Fault::AnswerLost, 5, 50),
    (Fault::AnswerLate, 4, 40),
    (Fault::AnswerDoubled, 4, 40),
    (Fault::Garbage, 3, 30),
    (Fault::Pending, 4, 40),
    (Fault::PayeeRefused, 2, 20),
    (Fault::PayoutReturned, 1, 10),
];

/// From this attempt on nothing goes wrong any more, so that every redemption can end.
pub(super) const CALM_FROM: u32 = 6;

impl Faults {
    /// The profile with this name: `none`, `light` or `heavy`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "light" => Some(Self::Light),
            "heavy" => Some(Self::Heavy),
            _ => None,
        }
    }

    /// What goes wrong with this sending. Probabilities fall with every attempt, and from the
    /// sixth on nothing does.
    pub fn fault(self, seed: u64, reference: Reference, kind: OpKind, attempt: u32) -> Option<Fault> {
        match self {
            Self::None => return None,
            Self::First(of, fault) => return (of == kind && attempt <= 1).then_some(fault),
            Self::Light | Self::Heavy => {}
        }
        let calm = u64::from(CALM_FROM.saturating_sub(attempt.max(1)));
        // In thousandths of a thousandth, so that the thinning out loses nothing to rounding.
        let mut drawn = draw(seed, "fault", reference, kind, attempt) % 1_000_000;
        for (fault, light, heavy) in TABLE {
            let per_mille = if self == Self::Light { light } else { heavy };
            let band = per_mille * 1_000 * calm / u64::from(CALM_FROM - 1);
            if drawn < band {
                return fault.can_befall(kind).then_some(fault);
            }
            drawn -= band;
        }
        None
    }
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 10] = {
        let mut all = [Self::NotSent; 10];
        let mut n = 0;
        while n < all.len() {
            all[n] = TABLE[n].0;
            n += 1;
        }
        all
    };

    const fn can_befall(self, kind: OpKind) -> bool {
        match self {
            Self::Pending => matches!(kind, OpKind::Redeem | OpKind::Reverse | OpKind::Pay),
            Self::PayeeRefused | Self::PayoutReturned => matches!(kind, OpKind::Pay),
            _ => true,
        }
    }
}

/// A number from 64 bits that depends on nothing but the arguments.
pub(super) fn draw(seed: u64, what: &str, reference: Reference, kind: OpKind, attempt: u32) -> u64 {
    let parts: [&[u8]; 5] = [
        &seed.to_le_bytes(),
        what.as_bytes(),
        &reference.to_string().into_bytes(),
        &[kind.number()],
        &attempt.to_le_bytes(),
    ];
    let drawn = digest("scrip sim draw v1", &parts).0;
    u64::from_le_bytes(*drawn.first_chunk().expect("a digest has 32 bytes"))
}

/// `drawn`, brought into `range`.
pub(super) fn within(drawn: u64, range: &RangeInclusive<i64>) -> i64 {
    let width = range.end().abs_diff(*range.start()).saturating_add(1);
    range.start().saturating_add_unsigned(drawn % width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RedemptionId;
    use std::collections::BTreeMap;

    fn reference(n: u64) -> Reference {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_le_bytes());
        Reference::debit(RedemptionId(id))
    }

    #[test]
    fn faults_depend_on_nothing_but_their_arguments() {
        let roll = |seed| -> std::vec::Vec<_> {
            (0..500).map(|n| Faults::Heavy.fault(seed, reference(n), OpKind::Redeem, 1)).collect()
        };
        assert_eq!(roll(1), roll(1));
        assert_ne!(roll(1), roll(2));
        let mut backwards: std::vec::Vec<_> =
            (0..500).rev().map(|n| Faults::Heavy.fault(1, reference(n), OpKind::Redeem, 1)).collect();
        backwards.reverse();
        assert_eq!(roll(1), backwards);
    }

    #[test]
    fn every_fault_occurs_about_as_often_as_the_table_says() {
        let mut counts = BTreeMap::new();
        for n in 0..20_000 {
            if let Some(fault) = Faults::Heavy.fault(7, reference(n), OpKind::Pay, 1) {
                *counts.entry(std::format!("{fault:?}")).or_insert(0_u64) += 1;
            }
        }
        for (fault, _, heavy) in TABLE {
            let count = counts[&std::format!("{fault:?}")];
            let expected = heavy * 20;
            assert!(count.abs_diff(expected) < expected / 4 + 40, "{fault:?}: {count}, expected {expected}");
        }
    }

    #[test]
    fn faults_thin_out_and_none_makes_none() {
        let count = |faults: Faults, attempt| {
            (0..2_000).filter(|&n| faults.fault(7, reference(n), OpKind::Query, attempt).is_some()).count()
        };
        assert!(count(Faults::Heavy, 1) > count(Faults::Heavy, 4));
        assert!(count(Faults::Heavy, 5) > 0);
        assert_eq!((count(Faults::Heavy, 6), count(Faults::None, 1)), (0, 0));
        assert!(count(Faults::Light, 1) > 0);
        let befallen = |n| Faults::Heavy.fault(7, reference(n), OpKind::Balance, 1);
        assert!(!(0..2_000).any(|n| befallen(n) == Some(Fault::PayeeRefused)));
    }

    #[test]
    fn draws_stay_in_their_range() {
        for drawn in [0, 1, 699, 700, 701, u64::MAX] {
            assert!((500..=1_200).contains(&within(drawn, &(500..=1_200))));
        }
        assert_eq!(within(u64::MAX, &(5..=5)), 5);
    }
}
