//! What an issuer or rail answered: a closed set, and nothing is final without evidence.

use super::{Decline, OpKind};
use crate::base::Text;
use crate::money::Amount;

/// A keyed digest of the card as an issuer echoes it: tells that an approval speaks of the card
/// that was asked about, without showing the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardTag(pub [u8; 16]);

/// A yes, with what it says yes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The issuer's or rail's own reference.
    pub reference: Text,
    /// The amount debited, paid, undone or found on the card.
    pub amount: Amount,
    /// The card that the issuer speaks of, where its profile says that it echoes one.
    pub card: Option<CardTag>,
    /// The reload count of a reloadable card, where the issuer tells it.
    pub generation: Option<u32>,
}

impl Accepted {
    /// A yes to this amount, under the issuer's or rail's own reference.
    pub const fn new(reference: Text, amount: Amount) -> Self {
        Self { reference, amount, card: None, generation: None }
    }
}

/// Why an outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// No answer before the deadline.
    Timeout,
    /// The line broke after the first byte had left.
    Lost,
    /// Bytes came that are no answer of this protocol.
    Undecodable,
    /// The answer is no member of the closed set.
    Unmapped,
    /// The answer speaks of another reference, card, amount or currency.
    Integrity,
    /// The process ended between sending and learning the answer.
    Recovered,
    /// The issuer itself says that it does not know.
    IssuerUnsure,
}

impl Cause {
    const ALL: [Self; 7] = [
        Self::Timeout,
        Self::Lost,
        Self::Undecodable,
        Self::Unmapped,
        Self::Integrity,
        Self::Recovered,
        Self::IssuerUnsure,
    ];

    /// The stable number, as records hold it.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The cause with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.number() == number)
    }

    /// The stable name in snake case.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Lost => "connection_lost",
            Self::Undecodable => "undecodable_answer",
            Self::Unmapped => "unmapped_answer",
            Self::Integrity => "integrity",
            Self::Recovered => "recovered",
            Self::IssuerUnsure => "issuer_unsure",
        }
    }
}

/// How an operation ended, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No byte was handed to the network: again, or another channel.
    NotSent,
    /// Yes. Believed only if reference, card, amount and currency match what was asked.
    Accepted(Accepted),
    /// Less than asked was done: the product's policy settles on it or undoes it.
    Partial(Accepted),
    /// Will answer later.
    Pending,
    /// A definite no.
    Declined(Decline),
    /// Nothing is known under our reference. Final only after the profile's `absent_after`.
    NotFound,
    /// It did this before, under this reference of its own: query the original.
    Duplicate(Text),
    /// Sent, no usable answer: the recipe decides.
    Unknown(Cause),
    /// The undo was done, or there is nothing left to undo.
    Reversed,
    /// The undo was taken on but is not confirmed.
    ReversalUnconfirmed,
    /// The undo was refused: the debit stands.
    ReversalRefused,
}

/// One answer to one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which operation it answers.
    pub kind: OpKind,
    /// What it says.
    pub outcome: Outcome,
    /// Whether it comes with the issuer's file, the stronger evidence.
    pub by_file: bool,
}
