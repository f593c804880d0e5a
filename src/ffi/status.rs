//! Statuses, and the error struct that tells more.

use super::guard::catch;
use crate::adapters::config::ConfigError;
use crate::base::{Advice, Code, block};
use crate::card::scan::ScanError;
use crate::card::token::TokenError;
use crate::card::{CardFault, CatalogueError};
use crate::engine::{Misuse, RecoverError, SubmitError};
use crate::record::{CommitError, FrameError};
use crate::vault::VaultError;
use alloc::string::{String, ToString};
use core::ffi::c_char;

/// How a call ended: SCRIP_OK, or the number of an error. Numbers are stable and never reused;
/// the thousands name the part of the library. Those that a program acts upon have a name here,
/// all others are told by scrip_error.
pub type Status = u32;

/// Done.
pub const SCRIP_OK: Status = 0;
/// scrip_engine_restore: the bytes end within a frame. Everything before it was taken; see there.
pub const SCRIP_TORN: Status = 12001;
/// A frame cannot be read or does not follow the one before it. Do not write to this log.
pub const SCRIP_DAMAGED: Status = 15001;
/// A field of the request is wrong; `detail` begins with a stable code in snake case.
pub const SCRIP_INVALID: Status = 15005;
/// A field of the request is right and the product does not take it; `detail` as above.
pub const SCRIP_REFUSED: Status = 15006;
/// Too much is in flight: submit again later.
pub const SCRIP_FULL: Status = 15007;
/// The writer epoch is not above that of the log's last batch.
pub const SCRIP_EPOCH: Status = 15012;
/// A pointer is NULL that must not be.
pub const SCRIP_NULL: Status = 19001;
/// The handle is in use by another thread; nothing happened.
pub const SCRIP_BUSY: Status = 19002;
/// A fault of the library was caught. The handle takes nothing but being freed; open it again
/// from what was written.
pub const SCRIP_POISONED: Status = 19003;
/// The buffer is too small; the needed length was written.
pub const SCRIP_BUFFER_TOO_SMALL: Status = 19004;
/// A text is not UTF-8.
pub const SCRIP_BAD_UTF8: Status = 19005;
/// A number is none of its list's.
pub const SCRIP_BAD_ENUM: Status = 19006;
/// `struct_size` was not set, or is smaller than that of the struct's first version.
pub const SCRIP_BAD_SIZE: Status = 19007;
/// A length, number or text is out of range.
pub const SCRIP_BAD_VALUE: Status = 19008;
/// Not now: the engine is not started yet, or it is already.
pub const SCRIP_WRONG_PHASE: Status = 19009;
/// There is no such token, or it is answered already.
pub const SCRIP_NO_SUCH_TOKEN: Status = 19010;
/// There is no such redemption.
pub const SCRIP_NO_SUCH_REDEMPTION: Status = 19011;
/// There is nothing at this place: the list has ended.
pub const SCRIP_END: Status = 19012;
/// Bytes that are no message of the channel's protocol. Do not acknowledge them.
pub const SCRIP_NOT_A_MESSAGE: Status = 19013;
/// Side rows that are not as they were handed out; none of them was taken.
pub const SCRIP_BAD_ROW: Status = 19014;

/// Advice: the input or the set-up is wrong; the same call will fail again.
pub const SCRIP_ADVICE_FIX: u32 = 1;
/// Advice: nothing happened; the same call may be made again.
pub const SCRIP_ADVICE_RETRY: u32 = 2;
/// Advice: something may have happened; ask before doing anything else.
pub const SCRIP_ADVICE_INQUIRE: u32 = 3;
/// Advice: do not go on with this handle.
pub const SCRIP_ADVICE_STOP: u32 = 4;

/// What went wrong, in a struct of the caller's. Set struct_size to sizeof(scrip_error) before
/// the call; it may be NULL. It is written only when a call fails.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScripError {
    /// sizeof(scrip_error), set by the caller.
    pub struct_size: u32,
    /// The status that was returned.
    pub code: u32,
    /// One of SCRIP_ADVICE_*.
    pub advice: u32,
    /// In English, ended by a NUL, cut if it is longer. It never holds a card or a key.
    pub detail: [c_char; 160],
}

/// What is wrong at the boundary itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FfiError {
    #[error("{0} is NULL")]
    Null(&'static str),
    #[error("the handle is in use by another thread")]
    Busy,
    #[error("a fault of the library was caught; free the handle and open it again")]
    Poisoned,
    #[error("the buffer holds {have} bytes, {need} are needed")]
    BufferTooSmall { have: usize, need: usize },
    #[error("{what} is not UTF-8 at byte {at}")]
    BadUtf8 { what: &'static str, at: usize },
    #[error("{what}: {value} is not in the list")]
    BadEnum { what: &'static str, value: u32 },
    #[error("{what}: struct_size is {size}, at least {need} is expected")]
    BadSize { what: &'static str, size: u32, need: usize },
    #[error("{what}: {expected} is expected")]
    BadValue { what: &'static str, expected: &'static str },
    #[error("the engine is {0}")]
    WrongPhase(&'static str),
    #[error("there is no such token, or it is answered already")]
    NoSuchToken,
    #[error("there is no such redemption")]
    NoSuchRedemption,
    #[error("there is nothing at this place")]
    End,
    #[error("{0}")]
    NotAMessage(crate::issuer::DecodeError),
    #[error("row {0} is not as it was handed out")]
    BadRow(u32),
}

impl FfiError {
    const fn code(&self) -> Code {
        Code::new(
            block::FFI,
            match self {
                Self::Null(_) => 1,
                Self::Busy => 2,
                Self::Poisoned => 3,
                Self::BufferTooSmall { .. } => 4,
                Self::BadUtf8 { .. } => 5,
                Self::BadEnum { .. } => 6,
                Self::BadSize { .. } => 7,
                Self::BadValue { .. } => 8,
                Self::WrongPhase(_) => 9,
                Self::NoSuchToken => 10,
                Self::NoSuchRedemption => 11,
                Self::End => 12,
                Self::NotAMessage(_) => 13,
                Self::BadRow(_) => 14,
            },
        )
    }

    const fn advice(&self) -> Advice {
        match self {
            Self::Busy => Advice::Retry,
            Self::Poisoned => Advice::Stop,
            _ => Advice::Fix,
        }
    }
}

/// Any room's error on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) advice: Advice,
    pub(super) detail: String,
}

macro_rules! failures {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self { code: error.code(), advice: error.advice(), detail: error.to_string() }
            }
        }
    )*};
}

failures!(
    FfiError,
    ConfigError,
    RecoverError,
    FrameError,
    CommitError,
    Misuse,
    VaultError,
    ScanError,
    TokenError
);

impl From<CatalogueError> for Failure {
    fn from(error: CatalogueError) -> Self {
        let detail = error.to_string();
        let fault = CardFault::from(error);
        Self { code: fault.code(), advice: fault.advice(), detail }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let (code, advice) = (error.code(), error.advice());
        let detail = match &error {
            SubmitError::Invalid { reason, .. } | SubmitError::Refused { reason, .. } => {
                alloc::format!("{reason}: {error}")
            }
            SubmitError::Busy | SubmitError::Vault(_) => error.to_string(),
        };
        Self { code, advice, detail }
    }
}

impl Failure {
    fn write(&self, into: &mut ScripError) {
        into.code = self.code.number();
        into.advice = self.advice.number();
        into.detail = [0; 160];
        let mut end = self.detail.len().min(into.detail.len() - 1);
        while !self.detail.is_char_boundary(end) {
            end -= 1;
        }
        for (to, from) in into.detail.iter_mut().zip(self.detail.bytes().take(end)) {
            *to = from as c_char;
        }
    }
}

/// Runs the inside of an entry: a failure or a panic becomes a status, with the rest told by
/// `error` where the caller gave one.
///
/// # Safety
/// `error` is NULL or points to memory of the size that its first field tells.
pub(super) unsafe fn enter(error: *mut ScripError, call: impl FnOnce() -> Result<(), Failure>) -> Status {
    // SAFETY: the caller's promise about `error` is the one that `Struct::at` asks for.
    let told = unsafe { super::memory::Struct::at(error, "scrip_error") };
    let told = match told {
        Ok(told) => Some(told),
        Err(FfiError::Null(_)) => None,
        Err(wrong) => return wrong.code().number(),
    };
    let failure = match catch(call) {
        Some(Ok(())) => return SCRIP_OK,
        Some(Err(failure)) => failure,
        None => FfiError::Poisoned.into(),
    };
    if let Some(told) = told {
        let mut out = ScripError { struct_size: 0, code: 0, advice: 0, detail: [0; 160] };
        failure.write(&mut out);
        told.put(&out);
    }
    failure.code.number()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::DecodeError;

    #[test]
    fn the_named_statuses_are_the_rooms_own_numbers() {
        let invalid = SubmitError::Invalid { field: "f", reason: "r", what: String::new() };
        let refused = SubmitError::Refused { field: "f", reason: "r", what: String::new() };
        let torn = FrameError::Torn { have: 1, want: 2 };
        let rooms = [
            (torn.code(), SCRIP_TORN),
            (RecoverError::Frame { after: 0, error: torn }.code(), SCRIP_DAMAGED),
            (RecoverError::Epoch { epoch: 1, last: 1 }.code(), SCRIP_EPOCH),
            (invalid.code(), SCRIP_INVALID),
            (refused.code(), SCRIP_REFUSED),
            (SubmitError::Busy.code(), SCRIP_FULL),
        ];
        let own = [
            (FfiError::Null("x"), SCRIP_NULL),
            (FfiError::Busy, SCRIP_BUSY),
            (FfiError::Poisoned, SCRIP_POISONED),
            (FfiError::BufferTooSmall { have: 1, need: 2 }, SCRIP_BUFFER_TOO_SMALL),
            (FfiError::BadUtf8 { what: "x", at: 0 }, SCRIP_BAD_UTF8),
            (FfiError::BadEnum { what: "x", value: 0 }, SCRIP_BAD_ENUM),
            (FfiError::BadSize { what: "x", size: 0, need: 1 }, SCRIP_BAD_SIZE),
            (FfiError::BadValue { what: "x", expected: "y" }, SCRIP_BAD_VALUE),
            (FfiError::WrongPhase("x"), SCRIP_WRONG_PHASE),
            (FfiError::NoSuchToken, SCRIP_NO_SUCH_TOKEN),
            (FfiError::NoSuchRedemption, SCRIP_NO_SUCH_REDEMPTION),
            (FfiError::End, SCRIP_END),
            (FfiError::NotAMessage(DecodeError { at: 0, what: "x" }), SCRIP_NOT_A_MESSAGE),
            (FfiError::BadRow(0), SCRIP_BAD_ROW),
        ];
        let own = own.into_iter().map(|(error, status)| (error.code(), status));
        for (code, status) in rooms.into_iter().chain(own) {
            assert_eq!(code.number(), status);
        }
        let advice = [Advice::Fix, Advice::Retry, Advice::Inquire, Advice::Stop].map(Advice::number);
        assert_eq!(advice, [SCRIP_ADVICE_FIX, SCRIP_ADVICE_RETRY, SCRIP_ADVICE_INQUIRE, SCRIP_ADVICE_STOP]);
    }

    #[test]
    fn a_long_detail_is_cut_at_a_character() {
        let failure = Failure { detail: "界".repeat(60), ..FfiError::Busy.into() };
        let mut out = ScripError { struct_size: 0, code: 0, advice: 0, detail: [1; 160] };
        failure.write(&mut out);
        let bytes: alloc::vec::Vec<u8> = out.detail.iter().map(|&c| c as u8).collect();
        assert_eq!(&bytes[..159], "界".repeat(53).as_bytes());
        assert_eq!(bytes[159], 0);
    }
}
