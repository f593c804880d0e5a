//! Stable error numbers and what to do about an error.

use core::fmt;

/// A stable error number. Zero is never used; a number that was once given is never reused.
///
/// The thousands name the room (see [`block`]), the rest the case within it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u32);

impl Code {
    /// The code `case` (0 to 999) within `block`.
    ///
    /// # Panics
    /// At compile time when used in a constant, if `case` is above 999.
    pub const fn new(block: u32, case: u32) -> Self {
        assert!(case < 1_000, "a block holds 1,000 cases");
        Self(block * 1_000 + case)
    }

    /// The number as it crosses the C ABI.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One block of numbers per room; blocks are never reused.
pub mod block {
    /// `base`
    pub const BASE: u32 = 1;
    /// `money`
    pub const MONEY: u32 = 2;
    /// `codec`
    pub const CODEC: u32 = 3;
    /// `vault`
    pub const VAULT: u32 = 4;
    /// `card`
    pub const CARD: u32 = 5;
    /// `issuer`
    pub const ISSUER: u32 = 6;
    /// `route`
    pub const ROUTE: u32 = 7;
    /// `ledger`
    pub const LEDGER: u32 = 8;
    /// `pricing`
    pub const PRICING: u32 = 9;
    /// `compliance`
    pub const COMPLIANCE: u32 = 10;
    /// `risk`
    pub const RISK: u32 = 11;
    /// `record`
    pub const RECORD: u32 = 12;
    /// `audit`
    pub const AUDIT: u32 = 13;
    /// `flow`
    pub const FLOW: u32 = 14;
    /// `engine`
    pub const ENGINE: u32 = 15;
    /// `adapters`
    pub const ADAPTERS: u32 = 16;
    /// `host`
    pub const HOST: u32 = 17;
    /// `sim`
    pub const SIM: u32 = 18;
    /// `ffi`
    pub const FFI: u32 = 19;
}

/// What the caller should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// The input or the set-up is wrong: correct it; the same call will fail again.
    Fix,
    /// Nothing happened: the same call may be made again, later if a time was given.
    Retry,
    /// Something may have happened: ask (view, query) before doing anything else.
    Inquire,
    /// Do not go on with this object: open it again from the store.
    Stop,
}

impl Advice {
    /// The number as it crosses the C ABI: fix 1, retry 2, inquire 3, stop 4.
    pub const fn number(self) -> u32 {
        match self {
            Self::Fix => 1,
            Self::Retry => 2,
            Self::Inquire => 3,
            Self::Stop => 4,
        }
    }
}
