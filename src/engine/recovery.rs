//! Opening: the end of the log is found from a checkpoint and the frames after it. The
//! redemptions themselves are handed back by the store as they fall due.

use crate::base::{Advice, BatchId, Code, Digest, Reader, RedemptionId, ShortInput, Wall, Writer, block};
use crate::record::{Frame, FrameError};
use alloc::vec::Vec;

/// Why a store's content cannot be taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// A frame cannot be read or does not follow the one before it.
    #[error("after batch {after}: {error}")]
    Frame {
        /// The sequence of the last good batch.
        after: u64,
        /// What is wrong with the next one.
        error: FrameError,
    },
    /// The checkpoint cannot be read.
    #[error("the checkpoint is malformed at byte {at}")]
    Checkpoint {
        /// Byte offset.
        at: usize,
    },
}

impl RecoverError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::ENGINE,
            match self {
                Self::Frame { .. } => 1,
                Self::Checkpoint { .. } => 2,
            },
        )
    }

    /// A person must look at the store first.
    pub const fn advice(&self) -> Advice {
        Advice::Stop
    }
}

const CHECKPOINT_VERSION: u8 = 1;

/// The end of a log: what an engine needs to go on, whatever redemptions there are.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    pub(super) last: Option<(BatchId, Digest)>,
    pub(super) wall: Wall,
}

impl Recovery {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts from a checkpoint that an engine made; frames up to it need not be shown.
    ///
    /// # Errors
    /// [`RecoverError::Checkpoint`].
    pub fn checkpoint(&mut self, state: &[u8]) -> Result<(), RecoverError> {
        *self = Self::read(&mut Reader::new(state)).map_err(|e| RecoverError::Checkpoint { at: e.at })?;
        Ok(())
    }

    /// Takes the next frame, with the numbers of its refused units in ascending order.
    ///
    /// # Errors
    /// [`RecoverError::Frame`] if it cannot be read or does not continue the log.
    pub fn batch(&mut self, bytes: &[u8], refused: &[u32]) -> Result<(), RecoverError> {
        let after = self.last.map_or(0, |(id, _)| id.sequence);
        let wrap = |error| RecoverError::Frame { after, error };
        let frame = Frame::decode(bytes).map_err(wrap)?;
        let previous = self.last.map(|(_, digest)| digest).unwrap_or_default();
        let epoch = self.last.map_or(0, |(id, _)| id.epoch);
        if frame.id.sequence != after + 1 || frame.previous != previous || frame.id.epoch < epoch {
            return Err(wrap(FrameError::Chain));
        }
        let _ = refused;
        self.last = Some((frame.id, Frame::digest(bytes)));
        self.wall = self.wall.max(frame.wall);
        Ok(())
    }

    /// The last batch of the log.
    pub fn last(&self) -> Option<BatchId> {
        self.last.map(|(id, _)| id)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (id, digest) = self.last.unwrap_or_default();
        let w = &mut Writer::new(out);
        w.u8(CHECKPOINT_VERSION).u64(id.epoch).u64(id.sequence).raw(&digest.0).wall(self.wall);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        if r.u8()? != CHECKPOINT_VERSION {
            return Err(ShortInput { at: 0 });
        }
        let id = BatchId { epoch: r.u64()?, sequence: r.u64()? };
        let digest = Digest(r.array()?);
        let last = (id.sequence > 0).then_some((id, digest));
        Ok(Self { last, wall: r.wall()? })
    }
}

/// The name under which a channel's durable session is written: no redemption has it.
pub(super) fn channel_row(name: &str) -> RedemptionId {
    RedemptionId(crate::base::digest("scrip channel session v1", &[name.as_bytes()]).head16())
}
