//! The ring: which keys seal and open, which peppers name cards, and which are current.

use super::VaultError;
use super::count::Count;
use super::gcm::{self, NONCE};
use super::holder::{KeySource, MasterKey};
use super::mac::MacKey;
use super::xaes::Xaes;
use crate::base::{Key16, Secret};
use alloc::boxed::Box;
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

/// How many messages a key has sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The key, by the value that tells it from others ([`KeyRing::checks`]).
    pub key: Key16,
    /// How many, in this process and as far as it was told of others.
    pub messages: u64,
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
    keys: Vec<RingKey>,
    /// By version, ascending; never empty.
    peppers: Vec<(PepperVersion, MacKey)>,
    /// How many messages one key may seal.
    limit: u64,
}

/// One sealing key of a ring.
pub(super) struct RingKey {
    pub(super) id: KeyId,
    pub(super) key: Box<dyn MasterKey>,
    check: Key16,
    sealed: Count,
}

impl RingKey {
    fn new(id: KeyId, source: KeySource) -> Result<Self, VaultError> {
        let key: Box<dyn MasterKey> = match source {
            KeySource::Bytes(bytes) => Box::new(Xaes::new(&*own(id, &bytes)?)),
            #[cfg(feature = "sm")]
            KeySource::Sm4(bytes) => Box::new(super::sm::SmKey::new(own(id, &bytes)?)),
            KeySource::Holder(holder) => holder,
        };
        // Of no secret, and only to tell keys apart: the nonce is one that is never drawn.
        let check = gcm::seal(&*key, &[0; NONCE], b"scrip ring check v1", &mut []);
        Ok(Self { id, check: Key16(check.map_err(|error| error.of(id))?), key, sealed: Count::default() })
    }

    /// The first byte of what this key seals.
    pub(super) fn version(&self) -> u8 {
        self.key.cipher() as u8
    }
}

fn own(id: KeyId, key: &Secret) -> Result<Zeroizing<[u8; KeyRing::KEY_LEN]>, VaultError> {
    let mut bytes = Zeroizing::new([0; KeyRing::KEY_LEN]);
    if key.len() != bytes.len() {
        return Err(VaultError::KeyLength { id, len: key.len() });
    }
    bytes.copy_from_slice(key.expose());
    Ok(bytes)
}

impl KeyRing {
    /// How many messages may be sealed under one key id, over all rings, processes and machines
    /// that ever hold it, unless [`limit`](Self::limit) sets fewer: 2^48.
    ///
    /// Random nonces of 24 bytes under derived keys collide with a chance of 2^-32 only after
    /// 2^80 messages (c2sp.org/XAES-256-GCM), and at 10,000 seals a second 2^48 is nine
    /// centuries away. The limit is there so that the bound of the mode is never a matter of
    /// hope: a key that reaches it seals nothing more, and a new one must come into the ring.
    pub const MESSAGES_PER_KEY: u64 = 1 << 48;

    /// Length of a key and of a pepper in bytes.
    pub const KEY_LEN: usize = 32;

    /// Takes over the keys and peppers, in any order. Each must be 32 bytes of full entropy.
    ///
    /// # Errors
    /// Those of [`of`](Self::of), but for those of holders.
    pub fn new(
        keys: Vec<(KeyId, Secret)>,
        peppers: Vec<(PepperVersion, Secret)>,
    ) -> Result<Self, VaultError> {
        Self::of(keys.into_iter().map(|(id, key)| (id, KeySource::Bytes(key))).collect(), peppers)
    }

    /// As [`new`](Self::new), with keys from any source, such as an HSM. Each is used once here,
    /// so that a holder that cannot be reached shows at once.
    ///
    /// # Errors
    /// [`VaultError::KeyLength`] and [`VaultError::PepperLength`] for another length,
    /// [`VaultError::DuplicateKey`] and [`VaultError::DuplicatePepper`] for an id given twice,
    /// [`VaultError::NoKey`] and [`VaultError::NoPepper`] if one of the lists is empty,
    /// [`VaultError::Unavailable`] and [`VaultError::Refused`] as holders say.
    pub fn of(
        mut keys: Vec<(KeyId, KeySource)>,
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
        let keys = keys.into_iter().map(|(id, source)| RingKey::new(id, source));
        let keys = keys.collect::<Result<_, _>>()?;
        let ready = |(version, pepper): (_, Secret)| (version, MacKey::new(pepper.expose()));
        let peppers = peppers.into_iter().map(ready).collect();
        Ok(Self { keys, peppers, limit: Self::MESSAGES_PER_KEY })
    }

    /// Lets each key seal at most `messages`, if that is fewer than
    /// [`MESSAGES_PER_KEY`](Self::MESSAGES_PER_KEY).
    #[must_use]
    pub fn limit(mut self, messages: u64) -> Self {
        self.limit = messages.min(Self::MESSAGES_PER_KEY);
        self
    }

    /// How many messages `key` has sealed, as far as this ring knows: what it sealed itself and
    /// what it was told of by [`sealed_before`](Self::sealed_before). 0 for a key that it does
    /// not hold.
    pub fn sealed(&self, key: KeyId) -> u64 {
        self.key(key).map_or(0, |held| held.sealed.now())
    }

    /// How many messages the current key has sealed.
    pub fn tally(&self) -> Tally {
        let held = self.current();
        Tally { key: held.check, messages: held.sealed.now() }
    }

    /// Tells the ring that `key` has sealed at least `messages` in other processes or machines.
    /// The engine does so at opening, from what it keeps in the log; a ring that is used without
    /// an engine must be told by its host.
    pub fn sealed_before(&self, key: KeyId, messages: u64) {
        if let Some(held) = self.key(key) {
            held.sealed.at_least(messages);
        }
    }

    /// The key that seals: the one with the highest id.
    pub fn current_key(&self) -> KeyId {
        self.current().id
    }

    /// The pepper under which new names are made: the one with the highest version.
    pub fn current_pepper(&self) -> PepperVersion {
        self.peppers.last().expect("a ring holds at least one pepper").0
    }

    /// The ids of all keys, oldest first.
    pub fn key_ids(&self) -> impl ExactSizeIterator<Item = KeyId> {
        self.keys.iter().map(|held| held.id)
    }

    /// The versions of all peppers, oldest first.
    pub fn pepper_versions(&self) -> impl ExactSizeIterator<Item = PepperVersion> {
        self.peppers.iter().map(|(version, _)| *version)
    }

    /// A value that tells each key and pepper from any other under the same id, and nothing
    /// more: 16 bytes of an HMAC, or of the tag of nothing sealed. A store that pins them finds
    /// out that it is opened with another ring.
    pub fn checks(&self) -> RingChecks {
        let keys = self.keys.iter().map(|held| (held.id, held.check)).collect();
        let check = |version| self.subject_key(version, "ring check", b"").map(|key| (version, key));
        RingChecks { keys, peppers: self.pepper_versions().filter_map(check).collect() }
    }

    /// The current key, for one message more.
    pub(super) fn sealing_key(&self) -> Result<&RingKey, VaultError> {
        let held = self.current();
        if held.sealed.more(self.limit) { Ok(held) } else { Err(VaultError::Exhausted(held.id)) }
    }

    fn current(&self) -> &RingKey {
        self.keys.last().expect("a ring holds at least one key")
    }

    pub(super) fn key(&self, id: KeyId) -> Option<&RingKey> {
        self.keys.iter().find(|held| held.id == id)
    }

    pub(super) fn pepper(&self, version: PepperVersion) -> Option<&MacKey> {
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
fn first_double<N: Copy + PartialEq, K>(sorted: &[(N, K)]) -> Option<N> {
    sorted.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RedemptionId;
    use crate::vault::{Context, Purpose};

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
    fn a_spent_key_seals_nothing_more_and_still_opens() {
        let keys = || [(KeyId(1), secret(32))].into();
        let peppers = || [(PepperVersion(1), secret(32))].into();
        let ring = KeyRing::new(keys(), peppers()).unwrap().limit(3);
        let here = Context { purpose: Purpose::Card, redemption: RedemptionId([1; 16]), bound: b"" };
        let sealed = ring.seal(&here, b"1", [1; 24]).unwrap();
        ring.reseal(&here, &sealed, [2; 24]).unwrap();
        assert_eq!(ring.sealed(KeyId(1)), 2);
        ring.seal(&here, b"1", [3; 24]).unwrap();
        for _ in 0..2 {
            assert_eq!(ring.seal(&here, b"1", [4; 24]), Err(VaultError::Exhausted(KeyId(1))));
        }
        assert_eq!(ring.sealed(KeyId(1)), 3);
        assert_eq!(ring.open(&here, &sealed).unwrap().expose(), b"1");
        let two = [(KeyId(1), secret(32)), (KeyId(2), secret(32))].into();
        let rotated = KeyRing::new(two, peppers()).unwrap().limit(3);
        rotated.sealed_before(KeyId(1), 3);
        assert!(rotated.reseal(&here, &sealed, [5; 24]).is_ok());
    }

    #[test]
    fn what_was_sealed_before_counts() {
        let peppers = [(PepperVersion(1), secret(32))].into();
        let ring = KeyRing::new([(KeyId(1), secret(32))].into(), peppers).unwrap();
        let here = Context { purpose: Purpose::Card, redemption: RedemptionId([1; 16]), bound: b"" };
        ring.sealed_before(KeyId(1), KeyRing::MESSAGES_PER_KEY - 1);
        ring.sealed_before(KeyId(1), 5);
        ring.sealed_before(KeyId(9), u64::MAX);
        assert!(ring.seal(&here, b"1", [1; 24]).is_ok());
        assert_eq!(ring.seal(&here, b"1", [1; 24]), Err(VaultError::Exhausted(KeyId(1))));
        assert_eq!((ring.sealed(KeyId(1)), ring.sealed(KeyId(9))), (1 << 48, 0));
        assert_eq!(ring.limit(u64::MAX).limit, 1 << 48, "no limit above the hard one");
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
