//! Sealing of secrets with the caller's keys.

use super::guard::Guarded;
use super::handle::{Handle, free, look, make};
use super::memory::{End, Place, array, bytes, fill, options, text};
use super::status::{Failure, FfiError, ScripError, Status};
use crate::base::{RedemptionId, Secret};
use crate::vault::{Context, KeyId, KeyRing, PepperVersion, Purpose, SEALED_OVERHEAD};
use alloc::vec::Vec;

/// scrip_vault_open: bytes that cannot be a sealed secret.
pub const SCRIP_VAULT_MALFORMED: Status = 4001;
/// scrip_vault_open: sealed with a key that the vault does not hold.
pub const SCRIP_VAULT_UNKNOWN_KEY: Status = 4002;
/// scrip_vault_open: changed, or sealed for another place or direction, or with another key of
/// the same id. More is not told.
pub const SCRIP_VAULT_UNOPENED: Status = 4003;

/// By how many bytes a sealed secret is longer than the secret.
pub const SCRIP_SEALED_OVERHEAD: usize = 43;
/// How many bytes of randomness sealing takes.
pub const SCRIP_NONCE_LEN: usize = 24;
/// The length of a key and of a pepper.
pub const SCRIP_KEY_LEN: usize = 32;

/// Purpose: a card's secret or PIN at rest.
pub const SCRIP_PURPOSE_CARD: u32 = 1;
/// Purpose: personal fields at rest.
pub const SCRIP_PURPOSE_PERSONAL: u32 = 2;
/// Purpose: on the way from a terminal to the core.
pub const SCRIP_PURPOSE_TERMINAL_TO_CORE: u32 = 3;
/// Purpose: on the way from the core to an issuer.
pub const SCRIP_PURPOSE_CORE_TO_ISSUER: u32 = 4;
/// Purpose: on the way back from an issuer to the core.
pub const SCRIP_PURPOSE_ISSUER_TO_CORE: u32 = 5;
/// Purpose: on the way back from the core to a terminal.
pub const SCRIP_PURPOSE_CORE_TO_TERMINAL: u32 = 6;

/// A ring of keys. It may be used from several threads at once, and wipes its keys when it is
/// freed.
pub struct ScripVault(Guarded<KeyRing>);

/// The place that a secret is sealed for: it opens only where all of this is the same again. Set
/// struct_size to sizeof(scrip_place) and all else to 0, then what holds.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScripPlace {
    /// sizeof(scrip_place), set by the caller.
    pub struct_size: u32,
    /// One of SCRIP_PURPOSE_*: what it is for and which way it goes.
    pub purpose: u32,
    /// Whose it is.
    pub redemption: [u8; 16],
    /// How many bytes of `bound` count.
    pub bound_len: u32,
    /// What else it must not be parted from, such as the card's key or the name of a field. It
    /// is not secret and does not stand in what is sealed.
    pub bound: [u8; 128],
}

impl ScripPlace {
    fn context(&self) -> Result<Context<'_>, FfiError> {
        let purpose = match self.purpose {
            SCRIP_PURPOSE_CARD => Purpose::Card,
            SCRIP_PURPOSE_PERSONAL => Purpose::Personal,
            SCRIP_PURPOSE_TERMINAL_TO_CORE => Purpose::TerminalToCore,
            SCRIP_PURPOSE_CORE_TO_ISSUER => Purpose::CoreToIssuer,
            SCRIP_PURPOSE_ISSUER_TO_CORE => Purpose::IssuerToCore,
            SCRIP_PURPOSE_CORE_TO_TERMINAL => Purpose::CoreToTerminal,
            value => return Err(FfiError::BadEnum { what: "purpose", value }),
        };
        let bound = usize::try_from(self.bound_len).ok().and_then(|len| self.bound.get(..len));
        let bound = bound.ok_or(FfiError::BadValue { what: "bound_len", expected: "128 bytes at most" })?;
        Ok(Context { purpose, redemption: RedemptionId(self.redemption), bound })
    }
}

impl Handle for ScripVault {
    type Inside = KeyRing;

    const NAME: &'static str = "vault";

    fn guarded(&self) -> &Guarded<KeyRing> {
        &self.0
    }
}

/// Makes a vault from keys that seal and peppers that name cards, each SCRIP_KEY_LEN bytes, one
/// behind the other, with ids from 1 to 65535, in any order. The highest id is current: it seals,
/// all others only open. To rotate, make a vault with one more key, and scrip_vault_reseal what is
/// still kept. The keys are copied: wipe yours.
///
/// `vault` receives the handle, NULL on failure; free it with scrip_vault_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_vault_new(
    key_ids: *const u32,
    keys: *const u8,
    key_count: usize,
    pepper_ids: *const u32,
    peppers: *const u8,
    pepper_count: usize,
    vault: *mut *mut ScripVault,
    error: *mut ScripError,
) -> Status {
    let call = || {
        // SAFETY: the lists hold as many ids and keys as their counts tell.
        let (keys, peppers) = unsafe {
            (
                held(key_ids, keys, key_count, ["key_ids", "keys"], KeyId)?,
                held(pepper_ids, peppers, pepper_count, ["pepper_ids", "peppers"], PepperVersion)?,
            )
        };
        Ok(ScripVault(Guarded::new(KeyRing::new(keys, peppers)?)))
    };
    // SAFETY: `vault` and `error` are as the function is told.
    unsafe { make(vault, "vault", error, call) }
}

/// Frees a vault and wipes its keys; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_vault_free(vault: *mut ScripVault) {
    // SAFETY: the pointer is NULL or came from `scrip_vault_new` and is not used any more.
    unsafe { free(vault, |vault| vault.0.is_busy()) }
}

/// Seals a secret for a place with the current key. `nonce` is SCRIP_NONCE_LEN bytes from the
/// system's or the board's random generator, never used before. `len` receives the length, which
/// is SCRIP_SEALED_OVERHEAD above that of the secret, also when the buffer is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_vault_seal(
    vault: *const ScripVault,
    place: *const ScripPlace,
    secret: *const u8,
    secret_len: usize,
    nonce: *const u8,
    buffer: *mut u8,
    capacity: usize,
    len: *mut usize,
    error: *mut ScripError,
) -> Status {
    let call = |ring: &KeyRing| {
        // SAFETY: `place` is NULL or as large as its first field tells, the secret is readable for
        // its length, and `nonce` is NULL or 24 readable bytes.
        let (place, secret, nonce) =
            unsafe { (options(place, "scrip_place")?, bytes(secret, secret_len, "secret")?, fresh(nonce)?) };
        let sealed = ring.seal(&place.context()?, secret, nonce)?;
        // SAFETY: the buffer has room for its capacity, `len` for a length.
        Ok(unsafe { fill(&sealed, End::Bare, buffer, capacity, len) }?)
    };
    // SAFETY: `vault` and `error` are as the function is told.
    unsafe { look(vault, error, call) }
}

/// Opens what was sealed for the same place. The buffer receives the secret in clear: wipe it as
/// soon as it was used. `len` receives its length, also when the buffer is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_vault_open(
    vault: *const ScripVault,
    place: *const ScripPlace,
    sealed: *const u8,
    sealed_len: usize,
    buffer: *mut u8,
    capacity: usize,
    len: *mut usize,
    error: *mut ScripError,
) -> Status {
    let call = |ring: &KeyRing| {
        // SAFETY: `place` is NULL or as large as its first field tells, and what is sealed is
        // readable for its length.
        let (place, sealed) =
            unsafe { (options(place, "scrip_place")?, bytes(sealed, sealed_len, "sealed")?) };
        let secret = ring.open(&place.context()?, sealed)?;
        // SAFETY: the buffer has room for its capacity, `len` for a length.
        Ok(unsafe { fill(secret.expose(), End::Bare, buffer, capacity, len) }?)
    };
    // SAFETY: `vault` and `error` are as the function is told.
    unsafe { look(vault, error, call) }
}

/// Opens what was sealed with any key of the vault, and seals it again for the same place with
/// the current one. The secret does not come out. `nonce` and `len` are as for scrip_vault_seal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_vault_reseal(
    vault: *const ScripVault,
    place: *const ScripPlace,
    sealed: *const u8,
    sealed_len: usize,
    nonce: *const u8,
    buffer: *mut u8,
    capacity: usize,
    len: *mut usize,
    error: *mut ScripError,
) -> Status {
    let call = |ring: &KeyRing| {
        // SAFETY: `place` is NULL or as large as its first field tells, what is sealed is readable
        // for its length, and `nonce` is NULL or 24 readable bytes.
        let (place, sealed, nonce) =
            unsafe { (options(place, "scrip_place")?, bytes(sealed, sealed_len, "sealed")?, fresh(nonce)?) };
        let again = ring.reseal(&place.context()?, sealed, nonce)?;
        // SAFETY: the buffer has room for its capacity, `len` for a length.
        Ok(unsafe { fill(&again, End::Bare, buffer, capacity, len) }?)
    };
    // SAFETY: `vault` and `error` are as the function is told.
    unsafe { look(vault, error, call) }
}

/// The key that names a card without telling it, 16 bytes, under the current pepper: `scheme` is
/// the product's identity scheme in the catalogue and `identity` the card's number, normalised. To
/// bind what is sealed to the card, put it into `bound` of scrip_place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_vault_card_key(
    vault: *const ScripVault,
    scheme_utf8: *const u8,
    scheme_len: usize,
    identity: *const u8,
    identity_len: usize,
    key: *mut u8,
    error: *mut ScripError,
) -> Status {
    let call = |ring: &KeyRing| {
        // SAFETY: scheme and identity are readable for their lengths, and `key` is NULL or has room
        // for 16 bytes.
        let (scheme, identity, out) = unsafe {
            (
                text(scheme_utf8, scheme_len, "scheme")?,
                bytes(identity, identity_len, "identity")?,
                Place::at(key.cast::<[u8; 16]>(), "key")?,
            )
        };
        let key = ring.card_key(ring.current_pepper(), scheme, identity);
        out.put(key.expect("the ring holds its current pepper").0);
        Ok(())
    };
    // SAFETY: `vault` and `error` are as the function is told.
    unsafe { look(vault, error, call) }
}

/// The ids and keys of a list.
///
/// # Safety
/// `ids` points to `count` readable numbers and `keys` to `count` keys, or `count` is 0.
unsafe fn held<N>(
    ids: *const u32,
    keys: *const u8,
    count: usize,
    [of_ids, of_keys]: [&'static str; 2],
    name: fn(u16) -> N,
) -> Result<Vec<(N, Secret)>, Failure> {
    // So many have ids of their own; the lengths below cannot overflow.
    if count > usize::from(u16::MAX) {
        return Err(
            FfiError::BadValue { what: of_keys, expected: "as many as there are ids, at most" }.into()
        );
    }
    // SAFETY: the caller's promise, in bytes.
    let (ids, keys) = unsafe {
        (bytes(ids.cast(), count * size_of::<u32>(), of_ids)?, bytes(keys, count * SCRIP_KEY_LEN, of_keys)?)
    };
    let mut all = Vec::with_capacity(count);
    for (id, key) in ids.chunks_exact(size_of::<u32>()).zip(keys.chunks_exact(SCRIP_KEY_LEN)) {
        let number = u32::from_ne_bytes(id.try_into().expect("a chunk of four bytes"));
        let id = u16::try_from(number).ok().filter(|id| *id > 0);
        let id = id.ok_or(FfiError::BadValue { what: of_ids, expected: "an id from 1 to 65535" })?;
        all.push((name(id), Secret::new(key.to_vec())));
    }
    Ok(all)
}

/// The bytes of a nonce. That all are 0 happens to those who forgot to draw them.
///
/// # Safety
/// `nonce` is NULL or points to as many readable bytes.
unsafe fn fresh(nonce: *const u8) -> Result<[u8; SCRIP_NONCE_LEN], FfiError> {
    // SAFETY: the caller makes the same promise.
    let nonce = unsafe { array(nonce, "nonce") }?;
    if nonce == [0; SCRIP_NONCE_LEN] {
        return Err(FfiError::BadValue { what: "nonce", expected: "24 random bytes" });
    }
    Ok(nonce)
}

const _: () = {
    const fn threads<T: Send + Sync>() {}
    threads::<ScripVault>();
    assert!(SCRIP_SEALED_OVERHEAD == SEALED_OVERHEAD && SCRIP_KEY_LEN == KeyRing::KEY_LEN);
};
