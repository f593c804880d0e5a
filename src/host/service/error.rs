//! Why the service did not do what it was asked.

use crate::base::{Advice, Code, RedemptionId, block};
use crate::engine::SubmitError;
use crate::flow::FlowError;
use crate::host::{RunError, StoreError};

/// Why a service did not do what it was asked, or cannot say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Too much is waiting: nothing was done. The time follows from how much waits and how fast
    /// it has gone lately.
    #[error("too much is waiting; try again after {retry_after_ms} ms")]
    Busy {
        /// Try again after so many ms, at least 1.
        retry_after_ms: i64,
    },
    /// The service is being shut down and takes nothing more: nothing was done.
    #[error("the service is shutting down and takes nothing more")]
    Draining,
    /// The service was shut down before the redemption came to rest. It stands in the log and
    /// goes on after the next opening; the same request then tells how it came out.
    #[error("redemption {0} stands in the log and goes on when the service is opened again")]
    Parked(RedemptionId),
    /// Another writer has gone on with the redemption; ask there.
    #[error("another writer has gone on with redemption {0}")]
    TakenOver(RedemptionId),
    /// The request is not taken: nothing was written.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// What was asked of the redemption does not fit how it stands: nothing was done.
    #[error(transparent)]
    Refused(#[from] FlowError),
    /// There is no such redemption.
    #[error("there is no redemption {0}")]
    NotKnown(RedemptionId),
    /// The store failed, and with it the service: what was asked may have been done. Open it
    /// again.
    #[error("the service has stopped, for {0}")]
    Store(StoreError),
    /// The engine could not be opened, or was misused: a fault of this library.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A thread of the service has panicked: what was asked may have been done. Open it again.
    #[error("the service has stopped, for its {0} thread panicked")]
    Panicked(&'static str),
    /// The service ended: what was asked may have been done. Open it again.
    #[error("the service has ended")]
    Ended,
}

impl ServiceError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        let case = match self {
            Self::Busy { .. } => 40,
            Self::Draining => 41,
            Self::Parked(_) => 42,
            Self::TakenOver(_) => 43,
            Self::NotKnown(_) => 44,
            Self::Panicked(_) => 45,
            Self::Ended => 46,
            Self::Submit(error) => return error.code(),
            Self::Refused(error) => return error.code(),
            Self::Store(error) => return error.code(),
            Self::Run(error) => return error.code(),
        };
        Code::new(block::HOST, case)
    }

    /// What to do about it.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Busy { .. } | Self::Draining => Advice::Retry,
            Self::Parked(_) | Self::TakenOver(_) => Advice::Inquire,
            Self::NotKnown(_) => Advice::Fix,
            // Whatever the store's own advice: the service cannot go on.
            Self::Store(_) | Self::Panicked(_) | Self::Ended => Advice::Stop,
            Self::Submit(error) => error.advice(),
            Self::Refused(error) => error.advice(),
            Self::Run(error) => error.advice(),
        }
    }
}
