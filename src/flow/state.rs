//! The states of a redemption.

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Where a redemption stands. Numbers are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum State {
            $($(#[$doc])* $name,)*
        }

        impl State {
            /// Every state.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable number, as records and the C ABI hold it.
            pub const fn number(self) -> u8 {
                match self { $(Self::$name => $number,)* }
            }

            /// The stable name in snake case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

states! {
    /// Not yet written down.
    Received = 0, "received";
    /// Its card is claimed.
    Claimed = 1, "claimed";
    /// Risk has let it pass.
    Screened = 2, "screened";
    /// The seller has to answer a challenge.
    Challenged = 3, "challenged";
    /// A person has to look at it.
    InReview = 4, "in_review";
    /// The issuer has told what is on the card.
    Verified = 5, "verified";
    /// Quoted: it may be redeemed.
    Approved = 6, "approved";
    /// The debit is ordered.
    Redeeming = 7, "redeeming";
    /// The debit's outcome is not known.
    Unknown = 8, "unknown";
    /// The issuer will answer later.
    Pending = 9, "pending";
    /// The issuer knows nothing of it, and it may still be on its way: quarantined.
    Absent = 10, "absent";
    /// The debit is being undone (冲正).
    Reversing = 11, "reversing";
    /// The debit is undone, or was never made.
    Reversed = 12, "reversed";
    /// The issuer has debited the card.
    Redeemed = 13, "redeemed";
    /// The pay-out is ordered.
    Paying = 14, "paying";
    /// The pay-out's outcome is not known.
    PayoutUnknown = 15, "payout_unknown";
    /// The rail has refused the pay-out.
    PayoutFailed = 16, "payout_failed";
    /// The seller is owed the money; a payee that can receive is needed.
    Owed = 17, "owed";
    /// The pay-out came back.
    Returned = 18, "returned";
    /// The payee may not be paid now.
    Held = 19, "held";
    /// The seller is paid.
    Paid = 20, "paid";
    /// Fee and shares are booked (分润).
    Split = 21, "split";
    /// The issuer's receipt is verified and the money delivered (清算).
    Cleared = 22, "cleared";
    /// Done (核销, 已回收).
    Retired = 23, "retired";
    /// An advance is ordered: paid before final evidence.
    Advancing = 24, "advancing";
    /// An advance is paid; the evidence is awaited.
    Advanced = 25, "advanced";
    /// An advance is under way although the issuer has refused the card meanwhile.
    AdvanceVoid = 26, "advance_void";
    /// The seller has money for a card that was not debited.
    ClawbackDue = 27, "clawback_due";
    /// That money came back.
    Recovered = 28, "recovered";
    /// That money is lost.
    WrittenOff = 29, "written_off";
    /// A debit showed up after the end.
    LateDebit = 30, "late_debit";
    /// Age has ended the machine's own attempts: people decide (挂账).
    Suspended = 31, "suspended";
    /// Refused, by the issuer or by us; nothing was debited.
    Declined = 32, "declined";
    /// Called off before redeeming.
    Cancelled = 33, "cancelled";
    /// The card is frozen for a time; the claim is free.
    Frozen = 34, "frozen";
    /// Blocked and reported.
    Blocked = 35, "blocked";
}

impl State {
    /// The state with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.number() == number)
    }

    /// Whether nothing more is to be done. Late answers are legal all the same.
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::Reversed
                | Self::Retired
                | Self::Recovered
                | Self::WrittenOff
                | Self::Declined
                | Self::Cancelled
                | Self::Frozen
                | Self::Blocked
        )
    }

    /// Whether only people can move it on: it stands in their queue, with its age.
    pub const fn waits_for_people(self) -> bool {
        matches!(
            self,
            Self::Challenged | Self::InReview | Self::Owed | Self::Held | Self::ClawbackDue | Self::Suspended
        )
    }

    /// Who owns the queue that a redemption stands in while it waits.
    pub const fn owner(self) -> Option<&'static str> {
        match self {
            Self::Challenged => Some("seller"),
            Self::InReview => Some("review"),
            Self::Owed | Self::Held => Some("payouts"),
            Self::ClawbackDue => Some("collections"),
            Self::Suspended => Some("reconciliation"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_distinct() {
        for (i, &state) in State::ALL.iter().enumerate() {
            assert_eq!(usize::from(state.number()), i);
            assert_eq!(State::ALL.iter().filter(|other| other.name() == state.name()).count(), 1);
            assert!(!(state.is_end() && state.waits_for_people()));
            assert_eq!(state.waits_for_people(), state.owner().is_some());
        }
    }
}
