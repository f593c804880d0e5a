//! The redemptions in memory, by id: a hash table, for each is looked for some fifty times.

use crate::base::{RedemptionId, digest};
use alloc::vec::Vec;
use core::mem::{replace, take};

/// Things by redemption. Nothing walks through it, so that its order shows nowhere.
///
/// Open addressing with linear probing, at most half full. What lies behind a gap moves up into
/// it, so that nothing stays of what is gone.
pub(super) struct Lives<T> {
    /// A power of two of them, or none.
    slots: Vec<Option<(RedemptionId, T)>>,
    len: usize,
    /// Not to be guessed: ids come of what callers send, and must not be made to collide.
    keys: (u64, u64),
}

impl<T> Lives<T> {
    const FEWEST: usize = 16;

    pub(super) fn new(seed: &[u8; 32]) -> Self {
        let keys = halves(digest("scrip lives v1", &[seed]).head16());
        Self { slots: Vec::new(), len: 0, keys }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn contains_key(&self, id: &RedemptionId) -> bool {
        self.place(id).is_some()
    }

    pub(super) fn get(&self, id: &RedemptionId) -> Option<&T> {
        self.slots[self.place(id)?].as_ref().map(|(_, thing)| thing)
    }

    pub(super) fn get_mut(&mut self, id: &RedemptionId) -> Option<&mut T> {
        let place = self.place(id)?;
        self.slots[place].as_mut().map(|(_, thing)| thing)
    }

    /// Puts a thing there, in the place of the one that was.
    pub(super) fn insert(&mut self, id: RedemptionId, thing: T) {
        if let Some(held) = self.get_mut(&id) {
            *held = thing;
            return;
        }
        if 2 * (self.len + 1) > self.slots.len() {
            let more = (2 * self.slots.len()).max(Self::FEWEST);
            let old = replace(&mut self.slots, (0..more).map(|_| None).collect());
            old.into_iter().flatten().for_each(|(id, thing)| self.put(id, thing));
        }
        self.put(id, thing);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, id: &RedemptionId) -> Option<T> {
        let mut gap = self.place(id)?;
        let (_, taken) = take(&mut self.slots[gap])?;
        self.len -= 1;
        let mut at = gap;
        loop {
            at = self.after(at);
            let Some((held, _)) = &self.slots[at] else { return Some(taken) };
            // It may not move before the place where it is looked for first.
            if self.way(self.home(held), at) >= self.way(gap, at) {
                self.slots.swap(gap, at);
                gap = at;
            }
        }
    }

    fn put(&mut self, id: RedemptionId, thing: T) {
        let mut at = self.home(&id);
        while self.slots[at].is_some() {
            at = self.after(at);
        }
        self.slots[at] = Some((id, thing));
    }

    fn place(&self, id: &RedemptionId) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.home(id);
        loop {
            match &self.slots[at] {
                Some((held, _)) if held == id => return Some(at),
                Some(_) => at = self.after(at),
                None => return None,
            }
        }
    }

    /// Where `id` is looked for first.
    fn home(&self, id: &RedemptionId) -> usize {
        let (first, second) = halves(id.0);
        let mixed = u128::from(first ^ self.keys.0) * u128::from(second ^ self.keys.1);
        (mixed ^ (mixed >> 64)) as usize & (self.slots.len() - 1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    /// How many steps it is from one place on to another.
    fn way(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.slots.len() - 1)
    }
}

fn halves(bytes: [u8; 16]) -> (u64, u64) {
    let whole = u128::from_le_bytes(bytes);
    (whole as u64, (whole >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(steps in prop::collection::vec((any::<bool>(), 0_u8..40), 0..400)) {
            let (mut lives, mut map) = (Lives::new(&[3; 32]), BTreeMap::new());
            for (n, (put, id)) in steps.into_iter().enumerate() {
                let id = RedemptionId([id; 16]);
                if put {
                    lives.insert(id, n);
                    map.insert(id, n);
                } else {
                    prop_assert_eq!(lives.remove(&id), map.remove(&id));
                }
                prop_assert_eq!(lives.len(), map.len());
            }
            for id in (0..40).map(|id| RedemptionId([id; 16])) {
                prop_assert_eq!(lives.get(&id), map.get(&id));
                prop_assert_eq!(lives.get_mut(&id).is_some(), lives.contains_key(&id));
            }
        }
    }
}
