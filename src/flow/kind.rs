//! The kinds of steps. A kind's number is the kind of its record, and is never reused.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        /// A kind of step.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $name,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The number of its records.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }
        }
    };
}

kinds! {
    /// The request came in and its card is claimed.
    Received = 1;
    /// Risk lets it pass.
    Passed = 2;
    /// Risk wants the seller to answer a challenge.
    Challenged = 3;
    /// Risk wants a person to look.
    Referred = 4;
    /// Risk found the card tried too often.
    Frozen = 5;
    /// Risk found it on a block list; reported.
    Blocked = 6;
    /// The card is another redemption's for good.
    TurnedAway = 7;
    /// A dynamic token was accepted, and its use is claimed.
    TokenUsed = 80;
    /// Its token has gone stale while people looked: the card must be scanned again.
    ScanWanted = 81;
    /// A budget for questions is used up: refused without asking the issuer.
    OverBudget = 82;
    /// The challenge was answered.
    ChallengePassed = 8;
    /// A reviewer lets it go on.
    ReviewApproved = 9;
    /// A reviewer, or the challenge, refuses it.
    Rejected = 10;
    /// The challenge or the review took too long.
    Expired = 11;
    /// The seller called it off.
    Cancelled = 12;
    /// A counted check of the secret is sent.
    CheckSent = 13;
    /// The issuer told what is on the card.
    Verified = 14;
    /// What is on the card was told from a snapshot (快照), with its age.
    Remembered = 83;
    /// The value is divided.
    Quoted = 15;
    /// The issuer's balance differs from the declared face: a person looks.
    Doubted = 16;
    /// Refused before any debit.
    Declined = 17;
    /// The debit is ordered.
    RedeemSent = 18;
    /// The order never left.
    RedeemNotSent = 19;
    /// What became of it is not known.
    RedeemUnknown = 20;
    /// The issuer will answer later.
    RedeemPending = 21;
    /// The issuer knows nothing of it yet.
    RedeemAbsent = 22;
    /// The issuer debited the card.
    Redeemed = 24;
    /// The value debited is another: divided anew.
    Requoted = 25;
    /// An undo is ordered.
    ReverseSent = 26;
    /// What became of the undo is not known.
    ReverseUnknown = 27;
    /// The issuer refused the undo.
    ReverseRefused = 28;
    /// The debit is undone.
    Reversed = 29;
    /// The card of an undone debit is free again.
    QuarantineOver = 30;
    /// A debit showed up after the end.
    LateDebit = 31;
    /// The late debit is kept, and the seller paid.
    LateKept = 32;
    /// The pay-out is ordered.
    PaySent = 33;
    /// The same pay-out is ordered again, under the same end-to-end id.
    PayAgain = 34;
    /// What became of the pay-out is not known.
    PayUnknown = 35;
    /// The seller is paid.
    Paid = 36;
    /// The rail refused the pay-out.
    PayFailed = 37;
    /// The seller is owed the money.
    Owed = 38;
    /// The pay-out came back.
    PayReturned = 39;
    /// The payee may not be paid now.
    Held = 40;
    /// The payee may be paid again.
    Unheld = 41;
    /// Fee and shares are booked.
    Split = 42;
    /// The receipt is verified and the money delivered.
    Cleared = 43;
    /// Done.
    Retired = 44;
    /// An advance is ordered.
    AdvanceSent = 45;
    /// The advance is paid.
    Advanced = 46;
    /// The rail refused the advance.
    AdvanceFailed = 47;
    /// The evidence for an advance has come.
    Confirmed = 48;
    /// The issuer refused the card of an advance.
    AdvanceRejected = 49;
    /// The seller gave the money back.
    Recovered = 50;
    /// The money is given up.
    WrittenOff = 51;
    /// Age has ended the machine's own attempts.
    Suspended = 52;
    /// People found: the card was debited.
    ResolvedDebited = 53;
    /// People found: the card was not debited.
    ResolvedAbsent = 54;
    /// People found: the seller was paid.
    ResolvedPaid = 55;
    /// A corrected file took the debit back.
    Corrected = 56;
    /// A writer took it up again.
    Resumed = 57;
    /// Something worth keeping that moves nothing.
    Noted = 58;
    /// People found: the seller was not paid.
    ResolvedUnpaid = 59;
    /// People found: the money was delivered.
    ResolvedCleared = 60;
    /// People found: the debit was undone.
    ResolvedReversed = 61;
    /// It leaves memory until it is due.
    Parked = 62;
    /// An advance counts against its limits.
    ExposureOpened = 63;
    /// The advance no longer counts.
    ExposureClosed = 64;
    /// Personal fields were erased.
    Erased = 65;
    /// What the issuer's adapter must know again of the debit that it sent.
    Traced = 66;
}

impl EventKind {
    /// Whether the step is allowed everywhere after the first and moves nothing.
    pub const fn is_everywhere(self) -> bool {
        matches!(
            self,
            Self::Resumed
                | Self::Noted
                | Self::Parked
                | Self::ExposureOpened
                | Self::ExposureClosed
                | Self::Erased
                | Self::Traced
        )
    }

    /// The kind with this number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.number() == number)
    }
}
