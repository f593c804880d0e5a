//! The steps with what they carry.

use super::{EventKind, Facts, Judgement, TokenUse};
use crate::base::Text;
use crate::issuer::{CardTag, Cause};
use crate::money::Amount;
use crate::pricing::Quote;

/// How an order was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The site, by its place in the profile.
    pub endpoint: u32,
    /// 1 for the first sending with its reference, then counting up.
    pub attempt: u32,
}

/// What an advance counts against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The issuer whose evidence is missing.
    pub issuer: Text,
    /// The product.
    pub product: Text,
    /// Who has the money.
    pub seller: Text,
    /// How much.
    pub amount: Amount,
}

/// A step with what it carries. The time at which it was taken stands before it in the record.
#[expect(clippy::large_enum_variant, reason = "a step lives for a moment, and the large one comes once")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is described at its `EventKind`; fields name themselves")]
pub enum Event {
    Received(Facts),
    Passed(Judgement),
    Challenged(Judgement),
    Referred(Judgement),
    Frozen(Judgement),
    Blocked(Judgement),
    TurnedAway { reason: Text },
    TokenUsed(TokenUse),
    ScanWanted,
    OverBudget(Judgement),
    ChallengePassed,
    ReviewApproved { by: Text },
    Rejected { by: Text, reason: Text },
    Expired,
    Cancelled { by: Text },
    CheckSent(Sending),
    Verified { balance: Amount, generation: u32 },
    Remembered { balance: Amount, age_ms: i64 },
    Quoted(Quote),
    Doubted { reason: Text },
    Declined { reason: Text },
    RedeemSent { sending: Sending, tag: Option<CardTag> },
    RedeemNotSent,
    RedeemUnknown { cause: Cause },
    RedeemPending,
    RedeemAbsent,
    Redeemed { reference: Text, amount: Amount, by_file: bool },
    Requoted(Quote),
    ReverseSent(Sending),
    ReverseUnknown { cause: Cause },
    ReverseRefused,
    Reversed,
    QuarantineOver,
    LateDebit { reference: Text, amount: Amount },
    LateKept,
    PaySent { payee: Text, number: u16, amount: Amount },
    PayAgain(Sending),
    PayUnknown { cause: Cause },
    Paid { reference: Text },
    PayFailed { reason: Text },
    Owed,
    PayReturned { reason: Text },
    Held { reason: Text },
    Unheld { by: Text },
    Split,
    Cleared { receipt: Text },
    Retired,
    AdvanceSent { payee: Text, number: u16, amount: Amount },
    Advanced { reference: Text },
    AdvanceFailed { reason: Text },
    Confirmed { reference: Text, amount: Amount },
    AdvanceRejected { reason: Text },
    Recovered { by: Text },
    WrittenOff { by: Text, second: Text },
    Suspended { reason: Text },
    ResolvedDebited { by: Text, second: Text, reference: Text, amount: Amount },
    ResolvedAbsent { by: Text, second: Text },
    ResolvedPaid { by: Text, second: Text, reference: Text },
    Corrected { reason: Text },
    Resumed,
    Noted { what: Text },
    ResolvedUnpaid { by: Text, second: Text },
    ResolvedCleared { by: Text, second: Text, receipt: Text },
    ResolvedReversed { by: Text, second: Text },
    Parked,
    ExposureOpened(Exposure),
    ExposureClosed(Exposure),
    Erased,
    Traced { trace: Text },
}

macro_rules! kind_of {
    ($event:expr, $($name:ident),* $(,)?) => {
        match $event { $(Event::$name { .. } => EventKind::$name,)* }
    };
}

impl Event {
    /// Its kind.
    #[rustfmt::skip]
    pub const fn kind(&self) -> EventKind {
        kind_of!(self,
            Received, Passed, Challenged, Referred, Frozen, Blocked, TurnedAway, TokenUsed,
            ScanWanted, OverBudget, ChallengePassed,
            ReviewApproved, Rejected, Expired, Cancelled, CheckSent, Verified, Remembered, Quoted, Doubted,
            Declined, RedeemSent, RedeemNotSent, RedeemUnknown, RedeemPending, RedeemAbsent,
            Redeemed, Requoted, ReverseSent, ReverseUnknown, ReverseRefused, Reversed,
            QuarantineOver, LateDebit, LateKept, PaySent, PayAgain, PayUnknown, Paid, PayFailed,
            Owed, PayReturned, Held, Unheld, Split, Cleared, Retired, AdvanceSent, Advanced,
            AdvanceFailed, Confirmed, AdvanceRejected, Recovered, WrittenOff, Suspended,
            ResolvedDebited, ResolvedAbsent, ResolvedPaid, Corrected, Resumed, Noted,
            ResolvedUnpaid, ResolvedCleared, ResolvedReversed, Parked, ExposureOpened,
            ExposureClosed, Erased, Traced,
        )
    }
}
