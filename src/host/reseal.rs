//! Rotation: what an old key sealed is sealed again with the current one.

use super::{Driver, RunError, Store, StoreError, Transport};
use crate::base::RedemptionId;
use crate::record::Frame;
use crate::vault::{KeyRing, sealed_with};
use std::collections::BTreeSet;
use std::string::ToString;
use std::vec::Vec;

/// The redemptions with a side row that another key than the ring's current one sealed, in the
/// order of their ids. Reads the whole log and every redemption that has side rows.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Corrupt`] if a frame cannot be read.
pub fn sealed_before<S: Store>(store: &mut S, ring: &KeyRing) -> Result<Vec<RedemptionId>, StoreError> {
    let mut kept = BTreeSet::new();
    let mut fault = None;
    store.frames(&mut |bytes, refused| match Frame::decode(bytes) {
        Ok(frame) => {
            for (number, unit) in (0_u32..).zip(&frame.units) {
                for mark in unit.sides.iter().filter(|_| !refused.contains(&number)) {
                    match mark.content {
                        Some(_) => kept.insert((unit.redemption, mark.slot)),
                        None => kept.remove(&(unit.redemption, mark.slot)),
                    };
                }
            }
        }
        Err(error) => fault = Some(StoreError::Corrupt(error.to_string())),
    })?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    let mut old = Vec::new();
    for id in kept.into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>() {
        let handed = store.load(id)?;
        let current = |sealed: &Vec<u8>| sealed_with(sealed) == Ok(ring.current_key());
        if handed.is_some_and(|handed| !handed.sides.values().all(current)) {
            old.push(id);
        }
    }
    Ok(old)
}

impl<S: Store, T: Transport> Driver<S, T> {
    /// Seals everything that is kept with the ring's current key, and tells how many redemptions
    /// are left that another key sealed: those that do not open, such as where that key is not in
    /// the ring. At 0 all older keys can be left out of the ring.
    ///
    /// What is in the writer's memory at the time is resealed with its next step.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn reseal(&mut self) -> Result<usize, RunError> {
        for id in self.sealed_before()? {
            self.engine().reseal(id);
            self.turn(&mut |_| {})?;
        }
        Ok(self.sealed_before()?.len())
    }

    fn sealed_before(&mut self) -> Result<Vec<RedemptionId>, StoreError> {
        let (engine, store) = self.parts();
        sealed_before(store, engine.setup().keys())
    }
}
