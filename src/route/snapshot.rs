//! What slow issuers said lately (快照缓存): balances with their age, for sellers who cannot wait
//! for a file (SPEC B3). A snapshot is no evidence for a debit.

use crate::base::{Key16, Wall};
use crate::money::Amount;
use alloc::collections::{BTreeMap, BTreeSet};

/// A balance, and how old the word of the issuer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What was on the card.
    pub balance: Amount,
    /// How long ago the issuer said so, in ms.
    pub age_ms: i64,
}

/// The latest balances by card key; at most `capacity` of them, the oldest leave first.
#[derive(Clone, Debug)]
pub struct Snapshots {
    capacity: usize,
    max_age_ms: i64,
    by_card: BTreeMap<Key16, (Wall, Amount)>,
    by_age: BTreeSet<(Wall, Key16)>,
}

impl Snapshots {
    /// Holds at most `capacity` balances, none of them older than `max_age_ms`.
    pub fn new(capacity: usize, max_age_ms: i64) -> Self {
        Self { capacity, max_age_ms, by_card: BTreeMap::new(), by_age: BTreeSet::new() }
    }

    /// The issuer said so at `at`; whether that is kept. An older word than the one that is known
    /// changes nothing, and leaves first where there are too many.
    pub fn keep(&mut self, card: Key16, at: Wall, balance: Amount) -> bool {
        if self.by_card.get(&card).is_some_and(|(known, _)| *known > at) {
            return false;
        }
        self.forget(card);
        self.by_card.insert(card, (at, balance));
        self.by_age.insert((at, card));
        while self.by_card.len() > self.capacity {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.by_card.remove(&oldest);
        }
        self.by_card.contains_key(&card)
    }

    /// The balance of a card with its age, unless it is too old or its time lies ahead.
    pub fn of(&self, card: Key16, now: Wall) -> Option<Snapshot> {
        let &(at, balance) = self.by_card.get(&card)?;
        let age_ms = now.0.saturating_sub(at.0);
        (0..=self.max_age_ms).contains(&age_ms).then_some(Snapshot { balance, age_ms })
    }

    /// The card was debited, or may have been: what was known of it holds no more.
    pub fn forget(&mut self, card: Key16) {
        if let Some((at, _)) = self.by_card.remove(&card) {
            self.by_age.remove(&(at, card));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    #[test]
    fn a_snapshot_shows_its_age_and_ends_at_its_limit() {
        let (a, b, c) = (Key16([1; 16]), Key16([2; 16]), Key16([3; 16]));
        let cny = |minor| Amount::new(minor, Currency::CNY);
        let mut known = Snapshots::new(2, 100);
        assert!(known.keep(a, Wall(10), cny(5)) && !known.keep(a, Wall(9), cny(6)));
        assert_eq!(known.of(a, Wall(110)), Some(Snapshot { balance: cny(5), age_ms: 100 }));
        assert_eq!((known.of(a, Wall(111)), known.of(a, Wall(9))), (None, None));
        known.keep(b, Wall(11), cny(7));
        known.keep(c, Wall(12), cny(8));
        assert!(!known.keep(a, Wall(10), cny(5)), "older than all that there is room for");
        assert_eq!(known.of(a, Wall(12)), None, "the oldest leaves first");
        known.forget(b);
        assert_eq!(known.of(b, Wall(12)), None);
    }
}
