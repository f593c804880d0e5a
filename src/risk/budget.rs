//! Budgets for questions: whoever asks about many cards to find some that are good (enumeration)
//! is answered no more, and the issuer is asked no more.
//!
//! Every request is one question, whatever becomes of it; a resend is the same question. It is
//! counted, in the store, under its caller, its device and the beginning of its card's number,
//! each as a keyed digest together with the window that it was received in. So the count is exact,
//! whatever crashes and whichever node asks, and an answer is looked up without counting.
//!
//! Windows lie one after the other from 1970 on. In each at most `limit` questions are let
//! through, and in any stretch of time as long as a window at most twice as many.

use super::Reason;
use crate::base::Wall;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How many questions may be asked in a window (SPEC D3). A limit of 0 is none: nothing is
/// counted then, which saves writing a sighting per request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// How long a window is, in ms.
    pub window_ms: i64,
    /// By one caller. None unless it is set, for a caller may be a platform with all its sellers.
    pub caller: u32,
    /// From one device, where requests tell it.
    pub device: u32,
    /// About cards of one scheme whose numbers agree but for the last `prefix_drops` characters.
    pub prefix: u32,
    /// How many characters at the end of a number do not belong to its prefix.
    pub prefix_drops: u8,
}

impl Default for Budget {
    /// Generous: more than a till asks from one device in an hour, and every number of a prefix
    /// once.
    fn default() -> Self {
        Self { window_ms: 3_600_000, caller: 0, device: 100_000, prefix: 10_000, prefix_drops: 4 }
    }
}

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BudgetKind {
    /// Who submits.
    Caller,
    /// The device that it comes from.
    Device,
    /// The beginning of the card's number.
    Prefix,
}

impl BudgetKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Caller, Self::Device, Self::Prefix];

    /// The name under which it is counted: part of a durable key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "budget caller",
            Self::Device => "budget device",
            Self::Prefix => "budget prefix",
        }
    }

    /// Why a request is refused that finds it used up.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Caller => Reason::CallerBudget,
            Self::Device => Reason::DeviceBudget,
            Self::Prefix => Reason::PrefixBudget,
        }
    }
}

impl Budget {
    /// How many questions are let through in a window; 0 if they are not counted.
    pub const fn limit(&self, kind: BudgetKind) -> u32 {
        match kind {
            BudgetKind::Caller => self.caller,
            BudgetKind::Device => self.device,
            BudgetKind::Prefix => self.prefix,
        }
    }

    /// The number of the window that `at` lies in, from 0 at 1970.
    pub const fn window_of(&self, at: Wall) -> i64 {
        at.0.div_euclid(if self.window_ms > 0 { self.window_ms } else { 1 })
    }

    /// The beginning of a number, as far as it counts; `None` for a number that has none.
    pub fn prefix_of<'a>(&self, number: &'a [u8]) -> Option<&'a [u8]> {
        let len = number.len().checked_sub(usize::from(self.prefix_drops)).filter(|len| *len > 0)?;
        number.get(..len)
    }

    /// Which budgets a request finds used up, in the order of [`BudgetKind`]; `asked` tells how
    /// many questions came before it in its window.
    pub fn used_up(&self, asked: &[(BudgetKind, u64)]) -> Vec<Reason> {
        let over = |(kind, count): &&(BudgetKind, u64)| {
            let limit = u64::from(self.limit(*kind));
            limit > 0 && *count >= limit
        };
        asked.iter().filter(over).map(|(kind, _)| kind.reason()).collect()
    }

    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.window_ms < 1_000 {
            Some("budget: window_ms is at least 1000")
        } else if self.prefix_drops > 32 {
            Some("budget: prefix_drops is at most 32")
        } else {
            None
        }
    }

    /// So that the digest of a policy that says nothing of budgets stays what it was.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    #[test]
    fn the_last_question_of_a_budget_is_let_through_and_the_next_is_not() {
        let budget = Budget { caller: 3, device: 0, ..Budget::default() };
        let used_up =
            |caller, device| budget.used_up(&[(BudgetKind::Caller, caller), (BudgetKind::Device, device)]);
        assert_eq!(used_up(2, 0), []);
        assert_eq!(used_up(3, 0), [Reason::CallerBudget]);
        assert_eq!(used_up(0, u64::MAX), [], "no limit, no refusal");
    }

    #[test]
    fn a_number_counts_without_its_end() {
        let budget = Budget::default();
        assert_eq!(budget.prefix_of(b"2326715803449733"), Some(&b"232671580344"[..]));
        assert_eq!(budget.prefix_of(b"12345"), Some(&b"1"[..]));
        assert_eq!((budget.prefix_of(b"1234"), budget.prefix_of(b"")), (None, None));
    }

    #[test]
    fn a_policy_without_budgets_has_the_digest_that_it_always_had() {
        let text = |budget| {
            let policy = crate::risk::RiskPolicy { budget, ..Default::default() };
            serde_json::to_string(&policy).unwrap()
        };
        assert!(!text(Budget::default()).contains("budget"));
        assert!(text(Budget { caller: 1, ..Budget::default() }).contains("budget"));
    }

    proptest! {
        #[test]
        fn a_window_lets_through_its_limit_and_any_stretch_as_long_twice_that(
            window_ms in 1_000_i64..5_000,
            limit in 1_u32..6,
            times in prop::collection::vec(-20_000_i64..20_000, 1..120),
        ) {
            let budget = Budget { window_ms, caller: limit, ..Budget::default() };
            let mut counts = BTreeMap::<i64, u64>::new();
            let mut passed = Vec::new();
            for at in &times {
                let count = counts.entry(budget.window_of(Wall(*at))).or_default();
                if budget.used_up(&[(BudgetKind::Caller, *count)]).is_empty() {
                    passed.push(*at);
                }
                *count += 1;
            }
            for (window, count) in &counts {
                let through = passed.iter().filter(|at| budget.window_of(Wall(**at)) == *window).count();
                prop_assert_eq!(through as u64, u64::from(limit).min(*count));
            }
            for start in &times {
                let stretch = passed.iter().filter(|at| (*start..*start + window_ms).contains(at)).count();
                prop_assert!(stretch <= 2 * limit as usize);
            }
        }

        #[test]
        fn windows_lie_one_after_the_other_without_a_gap(window_ms in 1_i64..1 << 40, at in any::<i64>()) {
            let budget = Budget { window_ms, ..Budget::default() };
            let window = budget.window_of(Wall(at));
            let start = i128::from(window) * i128::from(window_ms);
            prop_assert!(start <= i128::from(at) && i128::from(at) < start + i128::from(window_ms));
        }
    }
}
