//! The ring: which keys seal and open, which peppers name cards, and which are current.

use super::VaultError;
use super::xaes::{NONCE, Xaes};
use crate::base::{Key16, Secret};
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// Names a sealing key of the ring. Ids grow with time and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u16);

/// Names a pepper of the ring. Versions grow with time and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PepperVersion(pub u16);

/// What tells the keys and peppers of a ring from others under the same ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingChecks {
    /// A value per sealing key, oldest first.
    pub keys: Vec<(KeyId, Key16)>,
    /// A value per pepper, oldest first.
    pub peppers: Vec<(PepperVersion, Key16)>,
}

/// The keys that seal secrets and the peppers that name cards, as the host supplied them.
///
/// The highest key id and the highest pepper version are current: with them is sealed and
/// named. All others open and check what was made before. To rotate (密钥轮换), open with a ring
/// that has a key more, [`reseal`](Self::reseal) what is still kept, then leave the old key
/// out. A pepper can be left out only when no claim under it is left to check.
///
/// `Debug` shows ids only; the keys are zeroised when the ring is dropped. There is no `Clone`:
/// share the ring by reference.
///
/// # Examples
/// ```
/// use scrip::base::{RedemptionId, Secret};
/// use scrip::vault::{Context, Entropy, KeyId, KeyRing, PepperVersion, Purpose};
///
/// # fn main() -> Result<(), scrip::vault::VaultError> {
/// let mut entropy = Entropy::new([7; 32]); // the host's seed
/// let key = Secret::new(entropy.bytes::<32>().to_vec()); // the host's keys, from its KMS
/// let pepper = Secret::new(entropy.bytes::<32>().to_vec());
/// let ring = KeyRing::new(vec![(KeyId(1), key)], vec![(PepperVersion(1), pepper)])?;
///
/// let context = Context { purpose: Purpose::Card, redemption: RedemptionId([1; 16]), bound: b"card key" };
/// let sealed = ring.seal(&context, b"ABCD-EFGH", entropy.bytes())?;
/// assert_eq!(ring.open(&context, &sealed)?.expose(), b"ABCD-EFGH");
/// # Ok(())
/// # }
/// ```
pub struct KeyRing {
    /// By id, ascending; never empty.
    keys: Vec<(KeyId, Xaes)>,
    /// By version, ascending; never empty.
    peppers: Vec<(PepperVersion, Secret)>,
}

impl KeyRing {
    /// How many messages may be sealed under one key id, over all rings, processes and machines
    /// that ever hold it: 2^48.
    ///
    /// The construction allows 2^80 messages before random nonces collide with a chance of
    /// 2^-32, and at 10,000 seals a second this limit is nine centuries away. It is therefore a
    /// bound on plans, not counted here: one ring cannot know what others sealed.
    pub const MESSAGES_PER_KEY: u64 = 1 << 48;

    /// Length of a key and of a pepper in bytes.
    pub const KEY_LEN: usize = 32;

    /// Takes over the keys and peppers, in any order. Each must be 32 bytes of full entropy.
    ///
    /// # Errors
    /// [`VaultError::KeyLength`] and [`VaultError::PepperLength`] for another length,
    /// [`VaultError::DuplicateKey`] and [`VaultError::DuplicatePepper`] for an id given twice,
    /// [`VaultError::NoKey`] and [`VaultError::NoPepper`] if one of the lists is empty.
    pub fn new(
        mut keys: Vec<(KeyId, Secret)>,
        mut peppers: Vec<(PepperVersion, Secret)>,
    ) -> Result<Self, VaultError> {
        keys.sort_unstable_by_key(|(id, _)| *id);
        peppers.sort_unstable_by_key(|(version, _)| *version);
        if let Some(id) = first_double(&keys) {
            return Err(VaultError::DuplicateKey(id));
        }
        if let Some(version) = first_double(&peppers) {
            return Err(VaultError::DuplicatePepper(version));
        }
        if keys.is_empty() {
            return Err(VaultError::NoKey);
        }
        if peppers.is_empty() {
            return Err(VaultError::NoPepper);
        }
        for (version, pepper) in &peppers {
            if pepper.len() != Self::KEY_LEN {
                return Err(VaultError::PepperLength { version: *version, len: pepper.len() });
            }
        }
        // Room for all at once: a growing list would leave copies of keys behind in freed memory.
        let mut expanded = Vec::with_capacity(keys.len());
        for (id, key) in &keys {
            let mut bytes = Zeroizing::new([0; Self::KEY_LEN]);
            if key.len() != bytes.len() {
                return Err(VaultError::KeyLength { id: *id, len: key.len() });
            }
            bytes.copy_from_slice(key.expose());
            expanded.push((*id, Xaes::new(&bytes)));
        }
        Ok(Self { keys: expanded, peppers })
    }

    /// The key that seals: the one with the highest id.
    pub fn current_key(&self) -> KeyId {
        self.sealing_key().0
    }

    /// The pepper under which new names are made: the one with the highest version.
    pub fn current_pepper(&self) -> PepperVersion {
        self.peppers.last().expect("a ring holds at least one pepper").0
    }

    /// The ids of all keys, oldest first.
    pub fn key_ids(&self) -> impl ExactSizeIterator<Item = KeyId> {
        self.keys.iter().map(|(id, _)| *id)
    }

    /// The versions of all peppers, oldest first.
    pub fn pepper_versions(&self) -> impl ExactSizeIterator<Item = PepperVersion> {
        self.peppers.iter().map(|(version, _)| *version)
    }

    /// A value that tells each key and pepper from any other under the same id, and nothing
    /// more: 16 bytes of an HMAC, or of the tag of nothing sealed. A store that pins them finds
    /// out that it is opened with another ring.
    pub fn checks(&self) -> RingChecks {
        let nothing = |key: &Xaes| Key16(key.seal(&[0; NONCE], b"scrip ring check v1", &mut []));
        let keys = self.keys.iter().map(|(id, key)| (*id, nothing(key))).collect();
        let check = |version| self.subject_key(version, "ring check", b"").map(|key| (version, key));
        RingChecks { keys, peppers: self.pepper_versions().filter_map(check).collect() }
    }

    pub(super) fn sealing_key(&self) -> (KeyId, &Xaes) {
        let (id, key) = self.keys.last().expect("a ring holds at least one key");
        (*id, key)
    }

    pub(super) fn key(&self, id: KeyId) -> Option<&Xaes> {
        self.keys.iter().find(|(held, _)| *held == id).map(|(_, key)| key)
    }

    pub(super) fn pepper(&self, version: PepperVersion) -> Option<&Secret> {
        self.peppers.iter().find(|(held, _)| *held == version).map(|(_, pepper)| pepper)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<u16> = self.key_ids().map(|id| id.0).collect();
        let peppers: Vec<u16> = self.pepper_versions().map(|version| version.0).collect();
        f.debug_struct("KeyRing").field("keys", &keys).field("peppers", &peppers).finish()
    }
}

/// The first name that a sorted list gives twice.
fn first_double<N: Copy + PartialEq>(sorted: &[(N, Secret)]) -> Option<N> {
    sorted.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(len: usize) -> Secret {
        Secret::new(alloc::vec![0xab; len])
    }

    #[test]
    fn the_highest_id_is_current_whatever_the_order() {
        let keys = [(KeyId(2), secret(32)), (KeyId(9), secret(32)), (KeyId(4), secret(32))];
        let peppers = [(PepperVersion(5), secret(32)), (PepperVersion(1), secret(32))];
        let ring = KeyRing::new(keys.into(), peppers.into()).unwrap();
        assert_eq!(ring.current_key(), KeyId(9));
        assert_eq!(ring.current_pepper(), PepperVersion(5));
        assert!(ring.key_ids().eq([KeyId(2), KeyId(4), KeyId(9)]));
        assert!(ring.pepper_versions().eq([PepperVersion(1), PepperVersion(5)]));
    }

    #[test]
    fn a_ring_shows_ids_only() {
        let ring =
            KeyRing::new([(KeyId(3), secret(32))].into(), [(PepperVersion(4), secret(32))].into()).unwrap();
        assert_eq!(alloc::format!("{ring:?}"), "KeyRing { keys: [3], peppers: [4] }");
    }

    #[test]
    fn a_bad_set_of_keys_is_refused_with_its_id() {
        let key = || alloc::vec![(KeyId(1), secret(32))];
        let pepper = || alloc::vec![(PepperVersion(1), secret(32))];
        let refused = |keys, peppers| KeyRing::new(keys, peppers).unwrap_err();
        assert_eq!(refused(Vec::new(), pepper()), VaultError::NoKey);
        assert_eq!(refused(key(), Vec::new()), VaultError::NoPepper);
        let twice = [key(), key()].concat();
        assert_eq!(refused(twice, pepper()), VaultError::DuplicateKey(KeyId(1)));
        let twice = [pepper(), pepper()].concat();
        assert_eq!(refused(key(), twice), VaultError::DuplicatePepper(PepperVersion(1)));
        let short = [(KeyId(8), secret(31))].into();
        assert_eq!(refused(short, pepper()), VaultError::KeyLength { id: KeyId(8), len: 31 });
        let long = [(PepperVersion(8), secret(33))].into();
        let expected = VaultError::PepperLength { version: PepperVersion(8), len: 33 };
        assert_eq!(refused(key(), long), expected);
    }
}
