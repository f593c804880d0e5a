//! Faults planted on purpose, to see that the simulator finds them. None of this exists without the
//! feature `planted-bugs`, which is for the test of the simulator only: never enable it.

#[cfg(feature = "planted-bugs")]
mod plants {
    use core::sync::atomic::{AtomicU32, Ordering};

    /// 0 if none is planted.
    static PLANTED: AtomicU32 = AtomicU32::new(0);

    macro_rules! bugs {
        ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
            /// A fault that can be planted.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum Bug {
                $($(#[$doc])* $name = $number,)*
            }

            impl Bug {
                /// Every fault.
                pub const ALL: &[Self] = &[$(Self::$name,)*];
            }
        };
    }

    bugs! {
        /// Calls leave before their record is durable.
        ReleaseBeforeCommit = 1;
        /// An unknown outcome gives the card free.
        ClaimDroppedOnUnknown = 2;
        /// A pay-out that comes back gives a redeemed card free.
        ReversalFreesPaidCard = 3;
        /// A dead node's redemptions are taken while its calls may still leave.
        TakeoverBeforeSendBy = 4;
        /// A recovered intent is taken for one that never left.
        RecoveredTakenForNotSent = 5;
        /// "Not found" is final at once.
        NotFoundIsFinal = 6;
        /// A repeat goes to the issuer's other site.
        RepeatAtOtherSite = 7;
        /// An approval of another card or amount is accepted.
        ForeignApproval = 8;
        /// The remainder of a split is lost.
        LostRemainder = 9;
        /// Replay passes over the notes that an approval crossed an undo, and parked waits.
        ReplaySkipsRecord = 10;
        /// A frozen card keeps its claim.
        FreezeHoldsClaim = 11;
        /// "Duplicate" counts as an approval.
        DuplicateIsApproval = 12;
        /// A host sends calls that are too late.
        SendByIgnored = 13;
        /// A unit of a writer that was overtaken is taken.
        StaleUnitAccepted = 14;
        /// A checkpoint leaves a channel's session out.
        CheckpointDropsSession = 15;
        /// A pay-out without an answer is ordered anew under another id.
        PaysAgainUnderNewId = 16;
        /// A debit that shows up after the end is passed over.
        LateDebitIgnored = 17;
        /// An advance is never counted out again.
        ExposureStaysOpen = 18;
        /// The node's lease does not bound its calls.
        LeaseIgnored = 19;
        /// A card is free as soon as its debit is undone.
        NoQuarantine = 20;
        /// A fenced writer's batch is taken.
        ZombieCommits = 21;
        /// The use of a token is not claimed.
        TokenSpentTwice = 22;
        /// A store is opened with whatever key ring.
        RingUnchecked = 23;
        /// An advance of which the rail never speaks is asked after for ever.
        SilentRailForEver = 24;
    }

    /// Plants one fault in this process, or none.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.store(bug.map_or(0, |bug| bug as u32), Ordering::Relaxed);
    }

    pub(crate) fn is_planted(bug: Bug) -> bool {
        PLANTED.load(Ordering::Relaxed) == bug as u32
    }
}

#[cfg(feature = "planted-bugs")]
pub(crate) use plants::is_planted;
#[cfg(feature = "planted-bugs")]
pub use plants::{Bug, plant};

/// Whether this fault is planted; never, without the feature.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($bug:ident) => {
        $crate::base::is_planted($crate::base::Bug::$bug)
    };
}

/// Whether this fault is planted; never, without the feature.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

pub(crate) use planted;
