//! Where a sealing key lies: in the ring, or with something that holds it and never gives it
//! away, such as an HSM, a secure element or a smart card.

use super::KeyId;
use super::VaultError;
use crate::base::Secret;
use alloc::boxed::Box;
use core::fmt;

/// The cipher that a sealing key works with. Its number is the first byte of what is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cipher {
    /// AES-256-GCM under a key derived for each message: XAES-256-GCM where the ring holds the
    /// key.
    Aes256Gcm = 1,
    /// SM4-GCM under a key derived for each message: the first 16 of the derived bytes. For
    /// bank profiles that ask for commercial cryptography (商用密码); feature `sm`.
    Sm4Gcm = 2,
}

/// Why the holder of a key did not derive from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HolderError {
    /// It cannot be reached now.
    #[error("cannot be reached")]
    Unavailable,
    /// It does not have the key, or does not let it be used.
    #[error("refuses the key's use")]
    Refused,
}

impl HolderError {
    pub(super) const fn of(self, id: KeyId) -> VaultError {
        match self {
            Self::Unavailable => VaultError::Unavailable(id),
            Self::Refused => VaultError::Refused(id),
        }
    }
}

/// A sealing key that somebody else holds: it derives a key for each message, and the master
/// key itself never comes into this process.
///
/// An implementation answers before it returns. That fits what is near: an HSM at the bus or
/// behind PKCS#11, a secure element, an agent on the same machine. It is called once per message
/// sealed or opened, on the thread that seals, so it should answer within microseconds to
/// milliseconds. The core still acts on nothing by itself: it calls what the host put into the
/// ring. For a KMS across a network use [`Unlock`](super::Unlock) instead: there the host carries
/// the wrapped keys once, step by step, at its own pace, and the ring then needs nobody.
///
/// # Deriving
/// `key` must be a pseudo-random function of `context` under the master key: the same for the
/// same context for as long as anything sealed with it is kept, and telling nothing about other
/// contexts. Two forms are in use:
/// - SP 800-108r1, section 4.1, counter mode with CMAC-AES-256 over the message
///   `00 ‖ counter (01, 02) ‖ "X" ‖ 00 ‖ context`: then everything sealed is XAES-256-GCM, and a
///   ring that holds the same master key itself opens it;
/// - HMAC-SHA-256 or HMAC-SM3 over a label and the context.
///
/// # Examples
/// ```
/// use scrip::base::Secret;
/// use scrip::vault::{HolderError, KeyId, KeyRing, KeySource, MasterKey, PepperVersion, hmac_sha256};
///
/// /// Stands for a session with an HSM that computes HMACs.
/// struct Hsm(Secret);
///
/// impl MasterKey for Hsm {
///     fn derive(&self, context: &[u8; 12], key: &mut [u8; 32]) -> Result<(), HolderError> {
///         *key = hmac_sha256(self.0.expose(), context);
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<(), scrip::vault::VaultError> {
/// let hsm = KeySource::Holder(Box::new(Hsm(Secret::new(vec![1; 32]))));
/// let pepper = Secret::new(vec![2; 32]);
/// let ring = KeyRing::of(vec![(KeyId(1), hsm)], vec![(PepperVersion(1), pepper)])?;
/// assert_eq!(ring.current_key(), KeyId(1));
/// # Ok(())
/// # }
/// ```
pub trait MasterKey: Send + Sync {
    /// Derives the key of one message. `context` is the random first half of its nonce.
    ///
    /// # Errors
    /// [`HolderError`]; `key` is then not used. The ring zeroises it in either case.
    fn derive(&self, context: &[u8; 12], key: &mut [u8; 32]) -> Result<(), HolderError>;

    /// The cipher that the derived keys are for.
    fn cipher(&self) -> Cipher {
        Cipher::Aes256Gcm
    }
}

/// A sealing key as it is put into a ring.
#[non_exhaustive]
pub enum KeySource {
    /// 32 bytes of full entropy, for XAES-256-GCM.
    Bytes(Secret),
    /// 32 bytes of full entropy, for SM4-GCM with keys derived by HMAC-SM3.
    #[cfg(feature = "sm")]
    Sm4(Secret),
    /// A key that somebody else holds.
    Holder(Box<dyn MasterKey>),
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes(_) => "Bytes(..)",
            #[cfg(feature = "sm")]
            Self::Sm4(_) => "Sm4(..)",
            Self::Holder(_) => "Holder(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RedemptionId;
    use crate::vault::xaes::Xaes;
    use crate::vault::{Context, KeyRing, PepperVersion, Purpose, hmac_sha256};
    use alloc::sync::Arc;
    use alloc::vec::Vec;
    use core::sync::atomic::{AtomicU8, Ordering};

    const NONCE: [u8; 24] = [3; 24];

    /// An HSM that can be pulled out.
    struct Hsm {
        key: [u8; 32],
        state: Arc<AtomicU8>,
    }

    impl MasterKey for Hsm {
        fn derive(&self, context: &[u8; 12], key: &mut [u8; 32]) -> Result<(), HolderError> {
            match self.state.load(Ordering::Relaxed) {
                0 => Xaes::new(&self.key).derive(context, key),
                1 => Err(HolderError::Unavailable),
                _ => Err(HolderError::Refused),
            }
        }
    }

    fn peppers() -> Vec<(PepperVersion, Secret)> {
        [(PepperVersion(1), Secret::new([9; 32].to_vec()))].into()
    }

    fn hsm(state: &Arc<AtomicU8>) -> KeySource {
        KeySource::Holder(Box::new(Hsm { key: [1; 32], state: Arc::clone(state) }))
    }

    fn context() -> Context<'static> {
        Context { purpose: Purpose::Card, redemption: RedemptionId([5; 16]), bound: b"card key" }
    }

    #[test]
    fn a_ring_with_the_same_key_opens_what_an_hsm_sealed() {
        let held = KeyRing::of([(KeyId(1), hsm(&Arc::default()))].into(), peppers()).unwrap();
        let own = KeyRing::new([(KeyId(1), Secret::new([1; 32].to_vec()))].into(), peppers()).unwrap();
        let sealed = held.seal(&context(), b"123456", NONCE).unwrap();
        assert_eq!(own.open(&context(), &sealed).unwrap().expose(), b"123456");
        assert_eq!(own.seal(&context(), b"123456", NONCE).unwrap(), sealed);
        assert_eq!(own.checks(), held.checks());
    }

    #[test]
    fn an_hsm_that_does_not_answer_is_an_error_that_tells_its_key() {
        let state = Arc::default();
        let ring = KeyRing::of([(KeyId(7), hsm(&state))].into(), peppers()).unwrap();
        let sealed = ring.seal(&context(), b"123456", NONCE).unwrap();
        for (value, error) in [(1, VaultError::Unavailable(KeyId(7))), (2, VaultError::Refused(KeyId(7)))] {
            state.store(value, Ordering::Relaxed);
            assert_eq!(ring.seal(&context(), b"123456", NONCE), Err(error));
            assert_eq!(ring.open(&context(), &sealed), Err(error));
            let opening = KeyRing::of([(KeyId(7), hsm(&state))].into(), peppers());
            assert_eq!(opening.unwrap_err(), error, "found out when the ring is made");
        }
        state.store(0, Ordering::Relaxed);
        assert_eq!(ring.open(&context(), &sealed).unwrap().expose(), b"123456");
    }

    #[test]
    fn a_key_moves_into_an_hsm_by_resealing() {
        let own = || (KeyId(1), KeySource::Bytes(Secret::new([4; 32].to_vec())));
        let old = KeyRing::of([own()].into(), peppers()).unwrap();
        let sealed = old.seal(&context(), b"123456", NONCE).unwrap();
        let both = KeyRing::of([(KeyId(2), hsm(&Arc::default())), own()].into(), peppers()).unwrap();
        let moved = both.reseal(&context(), &sealed, [4; 24]).unwrap();
        let after = KeyRing::of([(KeyId(2), hsm(&Arc::default()))].into(), peppers()).unwrap();
        assert_eq!(after.open(&context(), &moved).unwrap().expose(), b"123456");
        assert_eq!(after.open(&context(), &sealed), Err(VaultError::UnknownKey(KeyId(1))));
    }

    #[test]
    fn a_holder_of_any_pseudo_random_function_will_do() {
        struct Prf;
        impl MasterKey for Prf {
            fn derive(&self, context: &[u8; 12], key: &mut [u8; 32]) -> Result<(), HolderError> {
                *key = hmac_sha256(&[1; 32], context);
                Ok(())
            }
        }
        let ring = KeyRing::of([(KeyId(1), KeySource::Holder(Box::new(Prf)))].into(), peppers()).unwrap();
        let sealed = ring.seal(&context(), b"123456", NONCE).unwrap();
        assert_eq!(ring.open(&context(), &sealed).unwrap().expose(), b"123456");
        assert_eq!(alloc::format!("{:?}", KeySource::Holder(Box::new(Prf))), "Holder(..)");
    }
}
