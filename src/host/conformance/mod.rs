//! What every store must do, checked from outside against [`crate::record::Index`].

mod claims;
mod random;
mod shared;
mod sides;
mod sightings;
mod trial;
mod waiting;
mod writers;

pub use shared::shared_conformance;

use super::Store;
use trial::Trial;

/// Checks that a store keeps the contract of [`Store`].
///
/// `reopen` opens the same underlying store each time it is called, at first an empty one; the
/// store of the call before has been dropped. Every answer of the store is compared with that of
/// [`crate::record::Index`], in set pieces and over several thousand units of a fixed random
/// sequence. Takes seconds on a store that syncs.
///
/// # Panics
/// Where the store breaks the contract, with a text that says how.
pub fn conformance<S: Store>(reopen: &mut dyn FnMut() -> S) {
    let mut trial = Trial::new(reopen);
    claims::check(&mut trial);
    sightings::check(&mut trial);
    sides::check(&mut trial);
    waiting::check(&mut trial);
    writers::check(&mut trial);
    random::check(&mut trial);
    claims::one_bad_unit_harms_no_other(&mut trial);
    trial.reopen();
}
