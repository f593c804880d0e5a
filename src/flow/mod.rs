//! The life of a redemption: its states, its steps, and the machine that takes them.
//!
//! The machine is told what happened and answers with a [`Step`]: records to write and what to
//! do once they are durable. It never acts. What it may do in which state stands in one table,
//! [`TRANSITIONS`], which the diagram in `ARCHITECTURE.md` is made from too.

mod books;
mod body;
mod event;
mod facts;
mod kind;
mod machine;
mod redemption;
mod state;
mod step;
mod summary;
mod table;

pub use event::{Event, Exposure, Sending};
pub use facts::{Facts, Judgement, TokenUse};
pub use kind::EventKind;
pub use machine::{
    Finding, FlowPolicy, Input, Limits, Setting, Verdict, handle, intake, turned_away, use_token,
};
pub(crate) use machine::{answers_at_once, handle_in, intake_in, rest};
pub use redemption::{Debit, Payout, Redeem, Redemption};
pub use state::State;
pub use step::{Effect, Step};
pub use summary::Summary;
pub use table::{TRANSITIONS, diagram, next};

use crate::base::{Advice, Code, ShortInput, Wall, block};
use crate::card::token::TokenError;
use crate::ledger::LedgerError;
use crate::pricing::QuoteError;

/// A slot of the erasable side rows: the sealed card with the salt of its commitment.
pub const SIDE_CARD: u8 = 1;
/// A slot of the erasable side rows: sealed personal fields.
pub const SIDE_PERSONAL: u8 = 2;

/// A step that cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// The table does not allow it.
    #[error("`{event:?}` is not allowed in state `{state}`", state = state.name())]
    NotAllowed {
        /// The state.
        state: State,
        /// The step.
        event: EventKind,
    },
    /// What a person asked for does not fit the state.
    #[error("state `{}` does not take this", .0.name())]
    NotNow(State),
    /// Two different people must sign.
    #[error("two different people must sign this")]
    TwoPeople,
    /// Nobody can know yet that nothing was debited: the request may still be on its way.
    #[error("a debit may still be on its way until {}", .until.0)]
    UnderWay {
        /// From then on it may be decided.
        until: Wall,
    },
    /// A record cannot be read.
    #[error("a record is malformed: {0}")]
    Malformed(#[from] ShortInput),
    /// A record of a kind or version that is not known here: written by a newer scrip.
    #[error("a record of kind {kind}, version {version} is not known here")]
    Unknown {
        /// The record's kind.
        kind: u16,
        /// Its version.
        version: u8,
    },
    /// No quote can be made.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// Postings that cannot stand.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A token that was scanned again is refused.
    #[error("the token is refused: {0}")]
    Token(#[from] TokenError),
}

impl FlowError {
    /// The stable number; of a token that is refused, the token's own.
    pub const fn code(&self) -> Code {
        Code::new(
            block::FLOW,
            match self {
                Self::NotAllowed { .. } => 1,
                Self::NotNow(_) => 2,
                Self::TwoPeople => 3,
                Self::Malformed(_) => 4,
                Self::Unknown { .. } => 5,
                Self::Quote(_) => 6,
                Self::Ledger(_) => 7,
                Self::UnderWay { .. } => 8,
                Self::Token(error) => return error.code(),
            },
        )
    }

    /// What to do about it.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::NotNow(_) | Self::TwoPeople | Self::Quote(_) => Advice::Fix,
            Self::UnderWay { .. } => Advice::Retry,
            Self::Token(error) => error.advice(),
            Self::NotAllowed { .. } | Self::Malformed(_) | Self::Unknown { .. } | Self::Ledger(_) => {
                Advice::Stop
            }
        }
    }
}
