//! What the engine hands to the host.

use super::Call;
use crate::base::RedemptionId;
use crate::flow::{FlowError, Summary};
use crate::record::Batch;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Names an inbound message until it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboundId(pub u64);

/// The answer to a request that starts nothing new.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// The same caller, id and content came before and has ended: the same outcome.
    Replayed(Summary),
    /// The same came before and is under way.
    InProgress(Summary),
    /// The id came before with other content. Nothing is told of that one.
    Mismatch,
    /// Another request is at this card. It may come free.
    CardBusy {
        /// Try again after so many ms.
        retry_after_ms: i64,
        /// Who is at it: for the host, never for the seller.
        holder: RedemptionId,
    },
}

/// What became of something that was asked with [`super::Engine::named`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is done and durable; how the redemption stands with it.
    Done(Box<Summary>),
    /// It does not fit; nothing was done.
    Refused(FlowError),
    /// There is no such redemption.
    NotKnown,
}

/// Something the host may want to know; everything in it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A request starts nothing new.
    Answered {
        /// Which redemption the request names.
        redemption: RedemptionId,
        /// The answer.
        reply: Reply,
    },
    /// A redemption has taken a step.
    Moved {
        /// Which.
        redemption: RedemptionId,
        /// How it stands now.
        summary: Summary,
    },
    /// What people asked for does not fit, or the redemption is not known.
    Refused {
        /// Which redemption.
        redemption: RedemptionId,
        /// Why; `None` if it is not known.
        error: Option<FlowError>,
    },
    /// What was asked under a name has been heard. Told of named asks only, after the
    /// [`Event::Moved`] or [`Event::Refused`] that it caused.
    Heard {
        /// Which redemption.
        redemption: RedemptionId,
        /// The name.
        ask: u64,
        /// What became of it.
        heard: Heard,
    },
    /// Another writer owns the redemption now; this one has let go of it, and of everything that
    /// was asked of it.
    TakenOver {
        /// Which.
        redemption: RedemptionId,
        /// Messages that brought news of it. They are never acknowledged, and come again.
        unacknowledged: Vec<InboundId>,
    },
    /// Another node has the redemption in memory: what was asked of it here was not done, and a
    /// person's decision belongs there.
    Elsewhere {
        /// Which.
        redemption: RedemptionId,
        /// Messages that brought news of it. They are never acknowledged, and come again.
        unacknowledged: Vec<InboundId>,
    },
}

/// What the host has to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Make the batch durable and hand it back with [`super::Engine::committed`].
    Commit(Batch),
    /// Carry the call and report the reply or its loss.
    Call(Call),
    /// Everything that an inbound message caused is durable: acknowledge it with these bytes.
    Ack(InboundId, Vec<u8>),
    /// Hand the redemption in from the store with [`super::Engine::loaded`].
    Load(RedemptionId),
    /// Something to know.
    Event(Event),
}

/// The host did what it must not do. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// No such batch is being committed.
    #[error("no such batch is being committed")]
    NoSuchBatch,
    /// There is no such channel.
    #[error("there is no such channel")]
    NoSuchChannel,
    /// The batch came back without a verdict for every recall.
    #[error("the store has not answered every recall")]
    Unanswered,
    /// The engine has stopped after an error of its own; open it again from the store.
    #[error("the engine has stopped; open it again from the store")]
    Stopped,
}

impl Misuse {
    /// The stable number.
    pub const fn code(&self) -> crate::base::Code {
        crate::base::Code::new(
            crate::base::block::ENGINE,
            match self {
                Self::NoSuchBatch => 8,
                Self::NoSuchChannel => 9,
                Self::Unanswered => 10,
                Self::Stopped => 11,
            },
        )
    }

    /// The host must be corrected.
    pub const fn advice(&self) -> crate::base::Advice {
        match self {
            Self::Stopped => crate::base::Advice::Stop,
            _ => crate::base::Advice::Fix,
        }
    }
}
