//! What the host is asked to carry to an issuer or rail.

use crate::base::{Mono, RedemptionId};
use crate::issuer::OpKind;
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// A channel of the set-up: its issuers by name, then its rails by name, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u16);

/// Names one call of one engine. A reply to a call that is over is legal and is read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    /// The channel it goes to.
    pub channel: ChannelId,
    /// Counts up, from one writer epoch to the next.
    pub number: u64,
}

/// Whether a call that brought no reply may have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// No byte was handed to the network: nothing can have happened.
    NotSent,
    /// At least one byte was: anything may have happened.
    MaybeSent,
}

/// One message to carry. Its intent is durable.
pub struct Call {
    /// Name it in the reply.
    pub id: CallId,
    /// Which of the channel's sites, by its place in the profile.
    pub endpoint: u32,
    /// What is asked, for logs and statistics; of a batch message its first operation.
    pub kind: OpKind,
    /// For whom it is, for logs and statistics; of a batch message the first redemption.
    pub redemption: RedemptionId,
    /// 1 for the first sending of this operation with this reference, then counting up.
    pub attempt: u32,
    /// If the first byte cannot leave before this time, do not send: report
    /// [`Sent::NotSent`]. Another writer may have taken over by then.
    pub send_by: Mono,
    /// The engine stops waiting at this time; a reply is welcome later all the same.
    pub answer_by: Mono,
    /// Where within the channel it goes.
    pub head: Vec<u8>,
    /// The bytes; zeroised when dropped, for they may hold a card secret.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("redemption", &self.redemption)
            .field("attempt", &self.attempt)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
