//! The vault: sealing of secrets, the ring of keys, keyed digests and the keys that cards are
//! claimed under.
//!
//! | file | one job |
//! |---|---|
//! | `gcm`, `xaes` | GCM under the key of one message, and how XAES-256-GCM derives that key |
//! | `holder` | keys that lie elsewhere: the trait for an HSM |
//! | `unlock` | keys that come wrapped from a KMS, unwrapped by the host step by step |
//! | `count` | how many messages a key has sealed |
//! | `seal` | what a sealed secret looks like and what it is bound to |
//! | `ring` | which keys and peppers there are, and which of them is current |
//! | `cardkey` | claim keys, subject keys and fingerprints under a pepper (加盐卡指纹) |
//! | `commit` | salted commitments that records may hold |
//! | `proof` | both ends of a leg prove that they hold the same secret, and show nothing of it |
//! | `sm` | SM3, HMAC-SM3 and SM4 keys (feature `sm`) |
//! | `mac` | HMAC-SHA-256 and comparison in constant time |
//! | `entropy` | random bytes from the seed that the host gave |
//!
//! Nothing here draws randomness: nonces and salts are arguments, and [`Entropy`] makes them.
//! Everything is `Send` and `Sync`, so that sealing may run beside the engine on other threads.

mod cardkey;
mod commit;
mod count;
mod entropy;
mod gcm;
mod holder;
mod mac;
mod proof;
mod ring;
mod seal;
#[cfg(feature = "sm")]
mod sm;
#[cfg(test)]
mod testing;
mod unlock;
#[cfg(test)]
mod wycheproof;
mod xaes;

pub use commit::{commitment, commitment_matches};
pub(crate) use count::Count;
pub use entropy::Entropy;
pub(crate) use gcm::{decrypt, encrypt};
pub use holder::{Cipher, HolderError, KeySource, MasterKey};
pub use mac::{ct_eq, hmac_sha256, tag, tag_matches};
pub use proof::{Begun, Challenge, Leg, Met, Proof, Prover, Role, Subject};
pub use ring::{KeyId, KeyRing, PepperVersion, RingChecks, Tally};
pub use seal::{Context, MAX_PLAIN, Purpose, SEALED_OVERHEAD, sealed_with};
#[cfg(feature = "sm")]
pub use sm::{hmac_sm3, sm3};
pub use unlock::{Slot, Unlock, Wrapped};

use crate::base::{Advice, Code, block};

/// Why the vault refused. It never tells more than that: not which byte, not how near.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The bytes are too short, too long or of another version to be a sealed secret.
    #[error("not a sealed secret")]
    Malformed,
    /// The secret was sealed with a key that the ring does not hold.
    #[error("sealed with {0:?}, which the key ring does not hold")]
    UnknownKey(KeyId),
    /// The bytes were changed, or belong to another place or direction, or the key with this id
    /// is another one.
    #[error("a sealed secret does not open here")]
    Unopened,
    /// The plain bytes or the bound bytes are longer than [`MAX_PLAIN`].
    #[error("at most {MAX_PLAIN} bytes can be sealed or bound")]
    TooLong,
    /// A key is not 32 bytes long.
    #[error("{id:?} must be 32 bytes, is {len}")]
    KeyLength {
        /// Which key.
        id: KeyId,
        /// Its length in bytes.
        len: usize,
    },
    /// A pepper is not 32 bytes long.
    #[error("{version:?} must be 32 bytes, is {len}")]
    PepperLength {
        /// Which pepper.
        version: PepperVersion,
        /// Its length in bytes.
        len: usize,
    },
    /// Two keys carry the same id.
    #[error("{0:?} is given twice")]
    DuplicateKey(KeyId),
    /// Two peppers carry the same version.
    #[error("{0:?} is given twice")]
    DuplicatePepper(PepperVersion),
    /// A ring needs at least one key.
    #[error("a key ring needs a key")]
    NoKey,
    /// A ring needs at least one pepper.
    #[error("a key ring needs a pepper")]
    NoPepper,
    /// The key has sealed as many messages as it may: a ring with a newer key is needed.
    #[error("{0:?} has sealed as many messages as it may")]
    Exhausted(KeyId),
    /// The holder of the key cannot be reached now.
    #[error("the holder of {0:?} cannot be reached")]
    Unavailable(KeyId),
    /// The holder of the key does not have it, or does not let it be used.
    #[error("the holder of {0:?} refuses its use")]
    Refused(KeyId),
    /// The other end does not hold the same secret, or the proof was made for something else,
    /// changed, sent before, or is one's own sent back.
    #[error("the other end does not prove that it holds the same secret")]
    Unproven,
    /// A key was unwrapped that was not asked for, or was given before.
    #[error("{0:?} was not asked for")]
    NotAsked(Slot),
    /// A key is still wrapped.
    #[error("{0:?} is still wrapped")]
    StillWrapped(Slot),
}

impl VaultError {
    /// The stable error number.
    pub const fn code(self) -> Code {
        let case = match self {
            Self::Malformed => 1,
            Self::UnknownKey(_) => 2,
            Self::Unopened => 3,
            Self::TooLong => 4,
            Self::KeyLength { .. } => 5,
            Self::PepperLength { .. } => 6,
            Self::DuplicateKey(_) => 7,
            Self::DuplicatePepper(_) => 8,
            Self::NoKey => 9,
            Self::NoPepper => 10,
            Self::Exhausted(_) => 11,
            Self::Unavailable(_) => 12,
            Self::Refused(_) => 13,
            Self::Unproven => 14,
            Self::NotAsked(_) => 15,
            Self::StillWrapped(_) => 16,
        };
        Code::new(block::VAULT, case)
    }

    /// What to do about it: to try again where a key's holder cannot be reached, and otherwise to
    /// correct the input or the set-up, for the same call would fail again.
    pub const fn advice(self) -> Advice {
        match self {
            Self::Unavailable(_) => Advice::Retry,
            _ => Advice::Fix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn errors_have_stable_numbers_and_name_the_key() {
        assert_eq!(VaultError::Malformed.code().number(), 4_001);
        assert_eq!(VaultError::NoPepper.code().number(), 4_010);
        assert_eq!(VaultError::StillWrapped(Slot::Key(KeyId(1))).code().number(), 4_016);
        assert_eq!(VaultError::Unavailable(KeyId(1)).advice(), Advice::Retry);
        assert_eq!(VaultError::Exhausted(KeyId(1)).advice(), Advice::Fix);
        let text = VaultError::KeyLength { id: KeyId(7), len: 31 }.to_string();
        assert_eq!(text, "KeyId(7) must be 32 bytes, is 31");
    }

    #[test]
    fn the_vault_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<KeyRing>();
        shared::<Entropy>();
    }
}
