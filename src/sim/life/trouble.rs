//! What can go wrong around the nodes. What goes wrong on the network is [`crate::sim::Fault`].

use super::dice::Dice;
use std::collections::BTreeSet;
use std::vec::Vec;

macro_rules! troubles {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $often:literal;)*) => {
        /// Something that goes wrong around the nodes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Trouble {
            $($(#[$doc])* $name,)*
        }

        impl Trouble {
            /// Every trouble.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it is, in words.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// How often it happens where it does, in thousandths of its occasions.
            const fn often(self) -> u64 {
                match self { $(Self::$name => $often,)* }
            }
        }
    };
}

troubles! {
    /// A node's process ends as it is about to do something.
    CrashAtPoll = "crash between steps", 10;
    /// A node's process ends before a batch is durable.
    CrashBeforeCommit = "crash before a commit", 30;
    /// A node's process ends after a batch is durable, before it hears so.
    CrashAfterCommit = "crash after a commit", 30;
    /// A node's process ends as something arrives for it.
    CrashAtReply = "crash at a reply", 20;
    /// The disk is full: the batch is not taken, and offered again.
    DiskFull = "full disk", 30;
    /// A sync fails: the batch was taken or not, the store takes nothing more, and its node stops.
    SyncFails = "failed sync", 15;
    /// Whether a batch was taken is not known.
    CommitUncertain = "uncertain commit", 30;
    /// A node stops for a while and wakes, perhaps with a call in its hand.
    Stall = "stalled node", 25;
    /// A second process takes a node's log while the first goes on.
    StaleWriter = "stale writer", 15;
    /// A node's wall clock jumps.
    ClockJump = "clock jump", 15;
    /// A node's wall clock is wrong from the start.
    ClockSkew = "clock skew", 100;
    /// The whole store is put back to an earlier state.
    Restore = "restored backup", 10;
    /// A node comes back with another policy.
    NewPolicy = "policy change", 500;
    /// All nodes come back with a new sealing key and a new pepper; the old ones are kept.
    NewKeys = "key rotation", 15;
    /// A node comes back with keys or peppers that are not those of the store.
    OtherKeys = "foreign keys", 200;
    /// A node comes back with another catalogue.
    NewCatalogue = "catalogue change", 500;
    /// A callback or file is delivered once more, after it was acknowledged.
    FileAgain = "repeated delivery", 80;
    /// A file takes back what an earlier one said, or takes what an earlier one refused.
    FileCorrected = "corrected file", 400;
    /// An issuer's approval speaks of another card or amount.
    ForeignApproval = "foreign approval", 40;
    /// An issuer says "duplicate" to a repeat, and nothing else.
    SaysDuplicate = "duplicate answer", 400;
    /// An issuer debits less than was asked.
    PartialApproval = "partial approval", 60;
    /// An issuer refuses to undo a debit.
    RefusesUndo = "refused undo", 300;
    /// An issuer answers a question "pending".
    AnswersLater = "pending question", 150;
    /// An issuer never does what it has answered "pending".
    ForgetsPending = "forgotten debit", 400;
    /// An issuer undoes, by itself, what it has answered "pending".
    UndoesPending = "debit undone by its issuer", 400;
    /// A rail never says anything of a pay-out, or days later.
    SilentRail = "silent rail", 60;
}

/// How often each trouble happens in one life, in thousandths; those that are left out never do.
#[derive(Clone, Debug, Default)]
pub(super) struct Chances(Vec<(Trouble, u64)>);

impl Chances {
    /// Some troubles, some more often than others.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let calm = dice.in_thousand(100);
        let draw = |trouble: &Trouble| {
            let (on, share) = (dice.in_thousand(450), *dice.one(&[300, 1_000, 2_500]));
            (on && !calm).then_some((*trouble, trouble.often() * share / 1_000))
        };
        Self(Trouble::ALL.iter().filter_map(draw).collect())
    }

    pub(super) fn without(&self, off: &BTreeSet<Trouble>) -> Self {
        Self(self.0.iter().copied().filter(|(trouble, _)| !off.contains(trouble)).collect())
    }

    pub(super) fn of(&self, trouble: Trouble) -> u64 {
        self.0.iter().find(|(one, _)| *one == trouble).map_or(0, |(_, often)| *often)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Trouble> {
        self.0.iter().map(|(trouble, _)| *trouble)
    }
}
