//! Dynamic tokens: are they genuine and fresh, and were they used before.

use super::guard::Guarded;
use super::handle::{Handle, change, free, look, make};
use super::memory::{End, Struct, array, bytes, fill, options, text};
use super::status::{Failure, FfiError, ScripError, Status};
use crate::base::{Reader, RedemptionId, Secret, Wall, Writer};
use crate::card::token::{
    Algorithm, Body, Guard, Profile, Spent, TokenError, TokenKey, TokenKeyId, TotpHash, Use, Verifier,
};
use alloc::vec::Vec;

/// Token: not a token's text.
pub const SCRIP_TOKEN_MALFORMED: Status = 5200;
/// Token: a profile that no token can meet.
pub const SCRIP_TOKEN_PROFILE: Status = 5201;
/// Token: a key that the algorithm cannot use, or whose period is empty.
pub const SCRIP_TOKEN_KEY: Status = 5202;
/// Token: there is a key of this id already.
pub const SCRIP_TOKEN_DUPLICATE_KEY: Status = 5203;
/// Token: the profile's algorithm has tokens of the other kind, signed texts or one-time codes.
pub const SCRIP_TOKEN_OTHER_KIND: Status = 5205;
/// Token refused: made with a key that is not held.
pub const SCRIP_TOKEN_UNKNOWN_KEY: Status = 5206;
/// Token refused: signature or MAC do not fit.
pub const SCRIP_TOKEN_PROOF: Status = 5207;
/// Token refused: not as many digits as codes have.
pub const SCRIP_TOKEN_DIGITS: Status = 5208;
/// Token refused: the code is wrong or no longer valid.
pub const SCRIP_TOKEN_CODE: Status = 5209;
/// Token: the clock stands before 1970.
pub const SCRIP_TOKEN_CLOCK: Status = 5210;
/// Token refused: its step is over.
pub const SCRIP_TOKEN_TOO_OLD: Status = 5211;
/// Token refused: its step has not begun.
pub const SCRIP_TOKEN_TOO_EARLY: Status = 5212;
/// Token refused: the key's period begins later.
pub const SCRIP_TOKEN_KEY_NOT_YET: Status = 5213;
/// Token refused: the key's period has ended.
pub const SCRIP_TOKEN_KEY_RETIRED: Status = 5214;
/// Token refused: used before, by another redemption.
pub const SCRIP_TOKEN_REPLAYED: Status = 5215;
/// Token refused: its window is closed, so that it may have been used.
pub const SCRIP_TOKEN_CLOSED: Status = 5216;
/// Token refused: as many uses are remembered as may be; come again later.
pub const SCRIP_TOKEN_FULL: Status = 5217;
/// Token: the state is not as it was exported.
pub const SCRIP_TOKEN_STATE: Status = 5218;
/// Token: the state is of a profile with other steps.
pub const SCRIP_TOKEN_OTHER_PROFILE: Status = 5219;
/// Token refused: genuine, of another product.
pub const SCRIP_TOKEN_OTHER_PRODUCT: Status = 5220;
/// Token refused: genuine, and it stands for another card.
pub const SCRIP_TOKEN_OTHER_CARD: Status = 5221;

/// Algorithm: signed texts with HMAC-SHA-256; a key is 32 bytes or more, shared.
pub const SCRIP_TOKEN_HMAC_SHA256: u32 = 1;
/// Algorithm: signed texts with Ed25519; a key is the public key, 32 bytes.
pub const SCRIP_TOKEN_ED25519: u32 = 2;
/// Algorithm: codes of RFC 6238 with HMAC-SHA-1; a key is 16 bytes or more, of one card or device.
pub const SCRIP_TOKEN_TOTP_SHA1: u32 = 3;
/// Algorithm: as before, with HMAC-SHA-256.
pub const SCRIP_TOKEN_TOTP_SHA256: u32 = 4;
/// Algorithm: as before, with HMAC-SHA-512.
pub const SCRIP_TOKEN_TOTP_SHA512: u32 = 5;

/// The token was used for the first time: append `record` to the state before anything follows
/// from it.
pub const SCRIP_SPENT_FIRST: u32 = 1;
/// The token was used by the same redemption before, which is no replay: after a crash or a
/// repeated request. Append `record` if it may not be there; twice does no harm.
pub const SCRIP_SPENT_RESUMED: u32 = 2;

/// A verifier of one token profile, with the guard against replay. One for each profile.
pub struct ScripToken(Guarded<State>);

pub(super) struct State {
    profile: Profile,
    pepper: Secret,
    keys: Vec<TokenKey>,
    verifier: Verifier,
    guard: Guard,
}

/// What an issuer's tokens are like. Set struct_size to sizeof(scrip_token_profile) and all else
/// to 0, then what holds.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScripTokenProfile {
    /// sizeof(scrip_token_profile), set by the caller.
    pub struct_size: u32,
    /// One of SCRIP_TOKEN_HMAC_SHA256 to SCRIP_TOKEN_TOTP_SHA512.
    pub algorithm: u32,
    /// How many digits a code has, 6 to 8; 0 for signed texts.
    pub digits: u32,
    /// How long a step lasts: 1,000 to 86,400,000 ms.
    pub step_ms: u32,
    /// How many steps after its own a token is accepted, up to 10.
    pub back: u32,
    /// How many steps before its own a token is accepted, up to 10.
    pub ahead: u32,
    /// How many uses may be remembered at once, about 100 bytes each; 0 for 1,000,000. Beyond that
    /// tokens are refused, never forgotten.
    pub max_uses: u32,
}

impl ScripTokenProfile {
    fn profile(&self) -> Result<Profile, Failure> {
        let byte = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        let digits = byte(self.digits);
        let algorithm = match self.algorithm {
            SCRIP_TOKEN_TOTP_SHA1 => Algorithm::Totp { hash: TotpHash::Sha1, digits },
            SCRIP_TOKEN_TOTP_SHA256 => Algorithm::Totp { hash: TotpHash::Sha256, digits },
            SCRIP_TOKEN_TOTP_SHA512 => Algorithm::Totp { hash: TotpHash::Sha512, digits },
            SCRIP_TOKEN_HMAC_SHA256 => Algorithm::HmacSha256,
            SCRIP_TOKEN_ED25519 => Algorithm::Ed25519,
            value => return Err(FfiError::BadEnum { what: "algorithm", value }.into()),
        };
        if digits != 0 && !matches!(algorithm, Algorithm::Totp { .. }) {
            return Err(TokenError::Profile("signed texts have no digits").into());
        }
        Ok(Profile::new(algorithm, self.step_ms, byte(self.back), byte(self.ahead))?)
    }

    fn max_uses(&self) -> usize {
        let max = if self.max_uses == 0 { 1_000_000 } else { self.max_uses };
        usize::try_from(max).unwrap_or(usize::MAX)
    }
}

/// A token that was genuine, fresh and not used before. Set struct_size to
/// sizeof(scrip_token_use) before the call. Wipe it once it was used: `subject` may be a card's
/// number.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScripTokenUse {
    /// sizeof(scrip_token_use), set by the caller.
    pub struct_size: u32,
    /// SCRIP_SPENT_FIRST or SCRIP_SPENT_RESUMED.
    pub spent: u32,
    /// The id of the key it was made with.
    pub key: u32,
    /// How many bytes of `subject` count.
    pub subject_len: u32,
    /// Its time step.
    pub step: u64,
    /// What to append to the state. It does not tell the token.
    pub record: [u8; 40],
    /// What the token stands for.
    pub subject: [u8; 64],
}

impl Handle for ScripToken {
    type Inside = State;

    const NAME: &'static str = "token";

    fn guarded(&self) -> &Guarded<State> {
        &self.0
    }
}

/// Makes a verifier without keys; scrip_token_add_key adds them.
///
/// `pepper` is 32 secret bytes that stay the same as long as uses are remembered. `state` is what
/// scrip_token_export wrote, followed by the records that were appended since, 40 bytes each; NULL
/// and 0 at the very first start. What is less than a record at its end was cut off by a crash:
/// leave it out. `token` receives the handle, NULL on failure; free it with scrip_token_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_token_new(
    profile: *const ScripTokenProfile,
    pepper: *const u8,
    state: *const u8,
    state_len: usize,
    token: *mut *mut ScripToken,
    error: *mut ScripError,
) -> Status {
    let call = || {
        // SAFETY: `profile` is NULL or as large as its first field tells, `pepper` is NULL or 32
        // readable bytes, and the state is readable for its length.
        let (asked, pepper, state) = unsafe {
            let asked = options(profile, "scrip_token_profile")?;
            let pepper = zeroize::Zeroizing::new(array::<32>(pepper, "pepper")?);
            (asked, Secret::new(pepper.to_vec()), bytes(state, state_len, "state")?)
        };
        let profile = asked.profile()?;
        let guard = restored(state, &profile, asked.max_uses())?;
        let verifier = Verifier::new(profile, Vec::new(), pepper.clone())?;
        Ok(ScripToken(Guarded::new(State { profile, pepper, keys: Vec::new(), verifier, guard })))
    };
    // SAFETY: `token` and `error` are as the function is told.
    unsafe { make(token, "token", error, call) }
}

/// Frees a verifier and wipes its keys; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_token_free(token: *mut ScripToken) {
    // SAFETY: the pointer is NULL or came from `scrip_token_new` and is not used any more.
    unsafe { free(token, |token| token.0.is_busy()) }
}

/// Adds a key and the period in which tokens are made with it, in ms since 1970: from `from_ms`
/// on, until before `until_ms`. Periods may overlap, so that one key takes over from another. The
/// key is copied: wipe yours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_token_add_key(
    token: *mut ScripToken,
    id: u32,
    key: *const u8,
    key_len: usize,
    from_ms: i64,
    until_ms: i64,
    error: *mut ScripError,
) -> Status {
    // SAFETY: the key is readable for its length.
    let material = || unsafe { bytes(key, key_len, "key") };
    let call = |state: &mut State| {
        let material = Secret::new(material()?.to_vec());
        let key = TokenKey { id: TokenKeyId(id), material, from: Wall(from_ms), until: Wall(until_ms) };
        let keys: Vec<TokenKey> = state.keys.iter().cloned().chain([key]).collect();
        state.verifier = Verifier::new(state.profile, keys.clone(), state.pepper.clone())?;
        state.keys = keys;
        Ok(())
    };
    // SAFETY: `token` and `error` are as the function is told.
    unsafe { change(token, error, call) }
}

/// Verifies a token on the caller's clock, in ms since 1970, and uses it for a redemption of 16
/// bytes. Each refusal has its own status, SCRIP_TOKEN_*. Nothing may follow from the token before
/// its `record` is durable: see scrip_token_use.
///
/// A signed text tells its key and its subject: `key` and `subject_len` are 0 then. For a one-time
/// code they say whose it is: the id of its key, and 1 to 64 bytes such as the card's number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_token_verify(
    token: *mut ScripToken,
    text_utf8: *const u8,
    text_len: usize,
    key: u32,
    subject: *const u8,
    subject_len: usize,
    now_ms: i64,
    redemption: *const u8,
    used: *mut ScripTokenUse,
    error: *mut ScripError,
) -> Status {
    let call = |state: &mut State| {
        // SAFETY: text and subject are readable for their lengths, `redemption` is NULL or 16
        // readable bytes, and `used` is NULL or as large as its first field tells.
        let (text, subject, redemption, out) = unsafe {
            (
                text(text_utf8, text_len, "text")?,
                bytes(subject, subject_len, "subject")?,
                RedemptionId(array(redemption, "redemption")?),
                Struct::at(used, "scrip_token_use")?,
            )
        };
        let now = Wall(now_ms);
        let verified = match state.profile.algorithm() {
            Algorithm::Totp { .. } if !(1..=Body::MAX_SUBJECT).contains(&subject.len()) => {
                return Err(FfiError::BadValue { what: "subject", expected: "1 to 64 bytes" }.into());
            }
            Algorithm::Totp { .. } => {
                state.verifier.verify_code(TokenKeyId(key), &Secret::new(subject.to_vec()), text, now)?
            }
            _ if key != 0 || !subject.is_empty() => {
                let expected = "nothing for a signed text, which tells it";
                return Err(FfiError::BadValue { what: "key or subject", expected }.into());
            }
            _ => state.verifier.verify(text, now)?,
        };
        let (spent, used) = match state.guard.spend(&verified, redemption, now)? {
            Spent::First(used) => (SCRIP_SPENT_FIRST, used),
            Spent::Resumed(used) => (SCRIP_SPENT_RESUMED, used),
        };
        let mut shown = zeroize::Zeroizing::new([0; Body::MAX_SUBJECT]);
        for (to, from) in shown.iter_mut().zip(verified.subject().expose()) {
            *to = *from;
        }
        out.put(&ScripTokenUse {
            struct_size: 0,
            spent,
            key: verified.key().0,
            subject_len: u32::try_from(verified.subject().len()).unwrap_or(u32::MAX),
            step: used.step,
            record: record(&used),
            subject: *shown,
        });
        Ok(())
    };
    // SAFETY: `token` and `error` are as the function is told.
    unsafe { change(token, error, call) }
}

/// Writes the guard's state, to be kept in place of the one before and of what was appended to
/// that. `len` receives its length, also when the buffer is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_token_export(
    token: *const ScripToken,
    buffer: *mut u8,
    capacity: usize,
    len: *mut usize,
    error: *mut ScripError,
) -> Status {
    let call = |state: &State| {
        // SAFETY: the buffer has room for its capacity, `len` for a length.
        Ok(unsafe { fill(&state.guard.encode(), End::Bare, buffer, capacity, len) }?)
    };
    // SAFETY: `token` and `error` are as the function is told.
    unsafe { look(token, error, call) }
}

fn record(used: &Use) -> [u8; Use::LEN] {
    let mut bytes = Vec::with_capacity(Use::LEN);
    used.encode(&mut Writer::new(&mut bytes));
    bytes.try_into().expect("a use has its length")
}

/// A guard from its state and the uses that were appended to it.
fn restored(bytes: &[u8], profile: &Profile, max: usize) -> Result<Guard, TokenError> {
    if bytes.is_empty() {
        return Ok(Guard::new(profile, max));
    }
    // The state tells how many uses stand in it; each use behind it is one more.
    const HEAD: usize = 17;
    let torn = |at| TokenError::State { at };
    let count = bytes.get(HEAD - 4..HEAD).ok_or(torn(bytes.len()))?;
    let count = u32::from_le_bytes(count.try_into().expect("four bytes"));
    let head = usize::try_from(count).ok().and_then(|count| count.checked_mul(Use::LEN));
    let head = head.and_then(|uses| uses.checked_add(HEAD)).filter(|head| *head <= bytes.len());
    let (state, appended) = bytes.split_at(head.ok_or(torn(HEAD - 4))?);
    // What is remembered stays, however many may be from now on.
    let mut guard = Guard::decode(state, profile, usize::MAX)?;
    let mut input = Reader::new(appended);
    while !input.is_empty() {
        let at = state.len() + input.position();
        guard.remember(Use::decode(&mut input).map_err(|_| torn(at))?).map_err(|_| torn(at))?;
    }
    Guard::decode(&guard.encode(), profile, max)
}

const _: () = {
    const fn threads<T: Send + Sync>() {}
    threads::<ScripToken>();
    assert!(Use::LEN == 40 && Body::MAX_SUBJECT == 64, "scrip_token_use has room for these");
};
