//! Opening: the end of the log is found from a checkpoint and the frames after it. The
//! redemptions themselves are handed back by the store as they fall due.

use super::exposure::Exposures;
use super::keeping::Tallies;
use super::{Engine, Setup};
use crate::audit;
use crate::base::{
    Advice, BatchId, Code, Digest, Key16, Reader, RedemptionId, ShortInput, Text, Wall, Writer, block,
    digest, planted, sha256,
};
use crate::record::{Frame, FrameError, Record, Unit};
use crate::vault::{KeyRing, RingChecks};
use alloc::collections::BTreeMap;
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
    /// The key ring is not the one that the log was written with.
    #[error("the key ring is not the one of this store: {0}")]
    Keys(&'static str),
    /// A frame or checkpoint of another log.
    #[error("it belongs to log {found}, and this is log {log}")]
    Log {
        /// The log that is taken up.
        log: u32,
        /// The one found.
        found: u32,
    },
    /// The writer epoch is not above that of the last batch.
    #[error("writer epoch {epoch} must be above {last}, that of the last batch")]
    Epoch {
        /// The epoch given.
        epoch: u64,
        /// The last batch's.
        last: u64,
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
                Self::Epoch { .. } => 12,
                Self::Keys(_) => 13,
                Self::Log { .. } => 14,
            },
        )
    }

    /// A person must look at the store first, or bring the right keys.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Keys(_) => Advice::Fix,
            _ => Advice::Stop,
        }
    }
}

/// The form that named no log and told advances in sums only.
const CHECKPOINT_V1: u8 = 1;
const CHECKPOINT_VERSION: u8 = 2;
/// The kind of a record that holds a channel's session. Steps of redemptions are below 1,000.
pub(super) const SESSION_KIND: u16 = 1_000;

/// A channel's durable session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) records: u32,
    pub(super) state: Vec<u8>,
}

/// The end of a log: what an engine needs to go on, whatever redemptions there are. The engine
/// keeps one as of the last durable batch; recovery folds the same from the frames.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovery {
    /// Which log: 0 where there is one writer.
    pub(super) log: u32,
    pub(super) last: Option<(BatchId, Digest)>,
    pub(super) wall: Wall,
    pub(super) audit: audit::Log,
    pub(super) sessions: BTreeMap<Text, Session>,
    pub(super) exposures: Exposures,
}

impl Recovery {
    /// An empty log, of a store with one writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty log of one of several writers. Log 0 is that of [`Recovery::new`].
    pub fn of_log(log: u32) -> Self {
        Self { log, ..Self::default() }
    }

    /// Starts from a checkpoint that an engine made; frames up to it need not be shown.
    ///
    /// # Errors
    /// [`RecoverError::Checkpoint`].
    pub fn checkpoint(&mut self, state: &[u8]) -> Result<(), RecoverError> {
        let read = Self::read(&mut Reader::new(state)).map_err(|e| RecoverError::Checkpoint { at: e.at })?;
        self.check_log(read.log)?;
        *self = read;
        Ok(())
    }

    /// Takes the next frame, with the numbers of its refused units in ascending order.
    ///
    /// # Errors
    /// [`RecoverError::Frame`] if it cannot be read or does not continue the log,
    /// [`RecoverError::Log`] if it is of another one.
    pub fn batch(&mut self, bytes: &[u8], refused: &[u32]) -> Result<(), RecoverError> {
        let after = self.last.map_or(0, |(id, _)| id.sequence);
        let wrap = |error| RecoverError::Frame { after, error };
        let frame = Frame::decode(bytes).map_err(wrap)?;
        self.check_log(frame.log)?;
        let previous = self.last.map(|(_, digest)| digest).unwrap_or_default();
        let epoch = self.last.map_or(0, |(id, _)| id.epoch);
        if frame.id.sequence != after + 1 || frame.previous != previous || frame.id.epoch < epoch {
            return Err(wrap(FrameError::Chain));
        }
        let stands = |i: usize| u32::try_from(i).is_ok_and(|i| refused.binary_search(&i).is_err());
        self.take(&frame, Frame::digest(bytes), &stands);
        Ok(())
    }

    fn check_log(&self, found: u32) -> Result<(), RecoverError> {
        if found == self.log { Ok(()) } else { Err(RecoverError::Log { log: self.log, found }) }
    }

    /// The last batch of the log.
    pub fn last(&self) -> Option<BatchId> {
        self.last.map(|(id, _)| id)
    }

    /// Where the next batch continues the log.
    pub(crate) fn end(&self) -> (BatchId, Digest) {
        self.last.unwrap_or_default()
    }

    /// Whether both end the same, but for advances, of which a checkpoint may have let go.
    #[cfg(feature = "sim")]
    pub(crate) fn leads_where(&self, other: &Self) -> bool {
        let ends = |one: &Self| (one.log, one.last, one.wall, one.audit());
        ends(self) == ends(other) && self.sessions == other.sessions
    }

    /// How many records the audit log holds, and its root.
    pub fn audit(&self) -> (u64, Digest) {
        (self.audit.len(), self.audit.root())
    }

    /// Makes the engine: a new writer of the log.
    ///
    /// `epoch` is the one that the store has opened for it; `seed` comes from the operating
    /// system's or the board's random generator, fresh at every opening.
    ///
    /// # Errors
    /// [`RecoverError::Epoch`] if the log knows a later writer, [`RecoverError::Keys`] if the
    /// ring is another one than the log's: with other peppers every claim would be forgotten.
    pub fn finish(self, setup: Setup, epoch: u64, seed: [u8; 32]) -> Result<Engine, RecoverError> {
        if let Some(pinned) = self.sessions.iter().find(|(name, _)| name.as_str() == KEYS_ROW) {
            check_ring(&setup.keys, &pinned.1.state)?;
        }
        let tallies = Tallies::of(&self.sessions)?;
        match self.last {
            Some((id, _)) if id.epoch >= epoch => Err(RecoverError::Epoch { epoch, last: id.epoch }),
            _ => Ok(Engine::open(setup, self, tallies, epoch, seed)),
        }
    }

    /// Folds a frame in whose units stand where `stands` says so.
    pub(super) fn take(&mut self, frame: &Frame, digest: Digest, stands: &dyn Fn(usize) -> bool) {
        self.last = Some((frame.id, digest));
        self.wall = self.wall.max(frame.wall);
        let mut leaf = Vec::new();
        for (unit, place, record) in frame.records(stands) {
            leaf.clear();
            leaf.push(audit::LEAF);
            record.append_leaf(unit.redemption, place, &mut leaf);
            self.audit.append(sha256(&leaf));
            self.take_record(unit, place, &record);
        }
    }

    fn take_record(&mut self, unit: &Unit, place: u32, record: &Record<'_>) {
        if record.kind == SESSION_KIND {
            let mut r = Reader::new(record.body);
            if let Ok(name) = r.text() {
                let session = Session { records: unit.expected + 1, state: r.rest().to_vec() };
                self.sessions.insert(name, session);
            }
        } else {
            self.exposures.take(unit.redemption, place, record);
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let (id, digest) = self.last.unwrap_or_default();
        let w = &mut Writer::new(out);
        w.u8(CHECKPOINT_VERSION).u32(self.log).u64(id.epoch).u64(id.sequence).raw(&digest.0).wall(self.wall);
        let mut audit = Vec::new();
        self.audit.encode(&mut audit);
        w.bytes(&audit);
        let dropped = if planted!(CheckpointDropsSession) { 1 } else { 0 };
        let kept = self.sessions.len().saturating_sub(dropped);
        w.u16(u16::try_from(kept).expect("there are few channels"));
        for (name, session) in self.sessions.iter().take(kept) {
            w.text(name).u32(session.records).bytes(&session.state);
        }
        self.exposures.write(w);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        let version = r.u8()?;
        let log = match version {
            CHECKPOINT_V1 => 0,
            CHECKPOINT_VERSION => r.u32()?,
            _ => return Err(ShortInput { at: 0 }),
        };
        let id = BatchId { epoch: r.u64()?, sequence: r.u64()? };
        let digest = Digest(r.array()?);
        let last = (id.sequence > 0).then_some((id, digest));
        let wall = r.wall()?;
        let at = r.position();
        let audit = audit::Log::decode(&mut Reader::new(r.bytes()?)).map_err(|_| ShortInput { at })?;
        let mut sessions = BTreeMap::new();
        for _ in 0..r.u16()? {
            sessions.insert(r.text()?, Session { records: r.u32()?, state: r.bytes()?.to_vec() });
        }
        let exposures = Exposures::read(r, version > CHECKPOINT_V1)?;
        if r.is_empty() { Ok(Self { log, last, wall, audit, sessions, exposures }) } else { r.fail() }
    }
}

/// The row that pins the key ring. No channel may have this name.
pub(super) const KEYS_ROW: &str = "scrip.keys";

/// What the ring's keys and peppers are told apart by, as it is pinned.
pub(super) fn ring_checks(ring: &KeyRing) -> Vec<u8> {
    let RingChecks { keys, peppers } = ring.checks();
    let mut out = Vec::new();
    let w = &mut Writer::new(&mut out);
    w.u16(u16::try_from(peppers.len()).expect("a ring is small"));
    peppers.iter().for_each(|(version, check)| {
        w.u16(version.0).raw(&check.0);
    });
    keys.iter().for_each(|(id, check)| {
        w.u16(id.0).raw(&check.0);
    });
    out
}

/// No key or pepper may be another one under the same id, and the latest pepper must be there. Older
/// ones may be left out, once no claim under them is left to check: that is for people to know.
pub(super) fn check_ring(ring: &KeyRing, pinned: &[u8]) -> Result<(), RecoverError> {
    if planted!(RingUnchecked) {
        return Ok(());
    }
    let RingChecks { keys, peppers } = ring.checks();
    let short = |_| RecoverError::Keys("what the store says of its keys cannot be read");
    let r = &mut Reader::new(pinned);
    for left in (0..r.u16().map_err(short)?).rev() {
        let (version, check) = (r.u16().map_err(short)?, Key16(r.array().map_err(short)?));
        match peppers.iter().find(|(held, _)| held.0 == version) {
            Some((_, own)) if *own == check => {}
            Some(_) => return Err(RecoverError::Keys("a pepper is another one")),
            None if left > 0 => {}
            None => {
                return Err(RecoverError::Keys(
                    "the latest pepper is missing: its claims would be forgotten",
                ));
            }
        }
    }
    while !r.is_empty() {
        let (id, check) = (r.u16().map_err(short)?, Key16(r.array().map_err(short)?));
        if keys.iter().any(|(held, own)| held.0 == id && *own != check) {
            return Err(RecoverError::Keys("a sealing key is another one"));
        }
    }
    Ok(())
}

/// The name under which a channel's durable session is written, each log's under its own: no
/// redemption has it.
pub(super) fn channel_row(log: u32, name: &str) -> RedemptionId {
    let own = match log {
        0 => digest("scrip channel session v1", &[name.as_bytes()]),
        log => digest("scrip channel session of log v1", &[&log.to_le_bytes(), name.as_bytes()]),
    };
    RedemptionId(own.head16())
}
