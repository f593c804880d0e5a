//! The loop: inputs queue, `poll` advances, and nothing leaves before it is written.
//!
//! The engine opens no socket or file, reads no clock, draws no random number and starts no
//! thread. It is told what happened and says what must happen next:
//!
//! 1. `submit`, `reply`, `lost`, `inbound`, `decide`, `loaded` and `committed` only queue;
//! 2. `poll` moves time, works the queue off and hands out one [`Output`] at a time;
//! 3. what a redemption writes goes into the open batch; the batch goes out when none is on its
//!    way, so that the next one fills while the last one is synced;
//! 4. calls and events of a redemption go out after its batch has come back.

mod admit;
mod budget;
mod call;
mod calls;
mod commit;
mod exposure;
mod gather;
mod keeping;
mod live;
mod lives;
mod output;
mod prepare;
mod pump;
mod recovery;
mod request;
mod rescan;
mod ring;
mod routing;
mod session;
mod setup;
mod snapshots;
mod tokens;
mod uniform;

pub use call::{Call, CallId, ChannelId, Sent};
pub use output::{Event, Heard, InboundId, Misuse, Output, Reply};
pub use pump::Engine;
pub use recovery::{RecoverError, Recovery};
pub use request::{Request, SubmitError};
pub use setup::{Bounds, Policy, Setup, SetupError};
pub use tokens::TokenSecret;
pub use uniform::{PublicAnswer, release_at};

use crate::base::{Advice, Code};

/// Any error of the core, under one roof. No room above knows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Of a set-up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Of opening.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// Of a request.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Of the host.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// Of a machine.
    #[error(transparent)]
    Flow(#[from] crate::flow::FlowError),
}

impl Error {
    /// The stable number.
    pub const fn code(&self) -> Code {
        match self {
            Self::Setup(error) => error.code(),
            Self::Recover(error) => error.code(),
            Self::Submit(error) => error.code(),
            Self::Misuse(error) => error.code(),
            Self::Flow(error) => error.code(),
        }
    }

    /// What to do about it.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Setup(error) => error.advice(),
            Self::Recover(error) => error.advice(),
            Self::Submit(error) => error.advice(),
            Self::Misuse(error) => error.advice(),
            Self::Flow(error) => error.advice(),
        }
    }
}
