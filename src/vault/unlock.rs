//! Keys that come wrapped from a KMS: the host has them unwrapped, one step at a time, and then
//! there is a ring.

use super::{KeyId, KeyRing, PepperVersion, VaultError};
use crate::base::Secret;
use alloc::vec::Vec;

/// A place in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Of a sealing key.
    Key(KeyId),
    /// Of a pepper.
    Pepper(PepperVersion),
}

/// A key as the KMS gave it out, encrypted under a key that never leaves the KMS. Not secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// Where it goes.
    pub slot: Slot,
    /// What the KMS is shown, in its own form: it names its key or the host knows which.
    pub bytes: Vec<u8>,
}

/// A ring whose keys are still wrapped (信封加密).
///
/// The core does no I/O and waits for nobody, so a KMS across a network is a step that the host
/// answers: it takes [`next`](Self::next) to the KMS, in its own time and with its own client, and
/// brings the 32 bytes back to [`unwrapped`](Self::unwrapped). That happens once per opening; the
/// ring then seals and opens without anybody. The master key of the KMS is never here, and the
/// wrapped keys can lie in the host's configuration.
///
/// # Examples
/// ```
/// use scrip::base::Secret;
/// use scrip::vault::{KeyId, PepperVersion, Slot, Unlock, Wrapped};
///
/// # fn kms_decrypt(bytes: &[u8]) -> Secret { Secret::new(bytes.iter().map(|b| b ^ 0xff).collect()) }
/// # fn main() -> Result<(), scrip::vault::VaultError> {
/// let mut unlock = Unlock::new(vec![
///     Wrapped { slot: Slot::Key(KeyId(1)), bytes: vec![0x11; 32] },
///     Wrapped { slot: Slot::Pepper(PepperVersion(1)), bytes: vec![0x22; 32] },
/// ]);
/// while let Some(wrapped) = unlock.next() {
///     let (slot, key) = (wrapped.slot, kms_decrypt(&wrapped.bytes)); // the host's call
///     unlock.unwrapped(slot, key)?;
/// }
/// assert_eq!(unlock.ring()?.current_key(), KeyId(1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Unlock {
    /// Not yet unwrapped.
    wrapped: Vec<Wrapped>,
    keys: Vec<(KeyId, Secret)>,
    peppers: Vec<(PepperVersion, Secret)>,
}

impl Unlock {
    /// A ring of these keys, all of them still wrapped, in any order.
    pub fn new(wrapped: Vec<Wrapped>) -> Self {
        Self { wrapped, keys: Vec::new(), peppers: Vec::new() }
    }

    /// The next one to have unwrapped; none if all are. The same until it is answered.
    pub fn next(&self) -> Option<&Wrapped> {
        self.wrapped.first()
    }

    /// Takes the unwrapped bytes of a slot. They may come in any order, and for a host that does
    /// several steps at once from all of [`waiting`](Self::waiting).
    ///
    /// # Errors
    /// [`VaultError::NotAsked`] for a slot that is not waiting; nothing is changed.
    pub fn unwrapped(&mut self, slot: Slot, key: Secret) -> Result<(), VaultError> {
        let place = self.wrapped.iter().position(|wrapped| wrapped.slot == slot);
        self.wrapped.remove(place.ok_or(VaultError::NotAsked(slot))?);
        match slot {
            Slot::Key(id) => self.keys.push((id, key)),
            Slot::Pepper(version) => self.peppers.push((version, key)),
        }
        Ok(())
    }

    /// All that are still wrapped.
    pub fn waiting(&self) -> &[Wrapped] {
        &self.wrapped
    }

    /// The ring, once nothing is wrapped any more.
    ///
    /// # Errors
    /// [`VaultError::StillWrapped`]; those of [`KeyRing::new`].
    pub fn ring(self) -> Result<KeyRing, VaultError> {
        match self.wrapped.first() {
            Some(wrapped) => Err(VaultError::StillWrapped(wrapped.slot)),
            None => KeyRing::new(self.keys, self.peppers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Slot = Slot::Key(KeyId(2));
    const PEPPER: Slot = Slot::Pepper(PepperVersion(1));

    fn unlock() -> Unlock {
        let wrapped = |slot| Wrapped { slot, bytes: [0xee; 40].to_vec() };
        Unlock::new([wrapped(KEY), wrapped(PEPPER)].into())
    }

    fn key() -> Secret {
        Secret::new([1; 32].to_vec())
    }

    #[test]
    fn a_ring_stands_once_every_key_is_unwrapped() {
        let mut unlock = unlock();
        assert_eq!(unlock.next().map(|wrapped| wrapped.slot), Some(KEY));
        unlock.unwrapped(PEPPER, key()).unwrap();
        assert_eq!(unlock.waiting().len(), 1);
        assert!(alloc::format!("{unlock:?}").ends_with("[(PepperVersion(1), Secret(..))] }"));
        unlock.unwrapped(KEY, key()).unwrap();
        assert_eq!(unlock.next(), None);
        assert_eq!(unlock.ring().unwrap().current_key(), KeyId(2));
    }

    #[test]
    fn what_is_missing_or_not_asked_for_is_named() {
        let mut unlock = unlock();
        let other = Slot::Key(KeyId(3));
        assert_eq!(unlock.unwrapped(other, key()), Err(VaultError::NotAsked(other)));
        unlock.unwrapped(KEY, key()).unwrap();
        assert_eq!(unlock.unwrapped(KEY, key()), Err(VaultError::NotAsked(KEY)));
        assert_eq!(unlock.ring().unwrap_err(), VaultError::StillWrapped(PEPPER));
    }

    #[test]
    fn a_key_of_the_wrong_length_is_refused_with_its_id() {
        let mut unlock = unlock();
        unlock.unwrapped(KEY, Secret::new([1; 16].to_vec())).unwrap();
        unlock.unwrapped(PEPPER, key()).unwrap();
        assert_eq!(unlock.ring().unwrap_err(), VaultError::KeyLength { id: KeyId(2), len: 16 });
    }
}
