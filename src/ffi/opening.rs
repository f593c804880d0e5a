//! Before the start: the log is read back, frame by frame.

use super::running::{Running, refusal};
use super::shelf::Shelf;
use super::status::{Failure, FfiError};
use crate::base::RedemptionId;
use crate::engine::{RecoverError, Recovery, Setup};
use crate::record::{Batch, ClaimStatus, Frame, FrameError, Index};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// An engine that has not started yet.
pub(super) struct Opening {
    setup: Setup,
    index: Index,
    recovery: Recovery,
    shelf: Shelf,
    /// What a shared claim store had refused in the frame that comes next.
    refused: Vec<(u32, ClaimStatus, RedemptionId)>,
    /// How many bytes of frames were taken.
    kept: u64,
    damaged: bool,
}

impl Opening {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            index: Index::new(),
            recovery: Recovery::new(),
            shelf: Shelf::default(),
            refused: Vec::new(),
            kept: 0,
            damaged: false,
        }
    }

    /// Takes side rows back: before the first frame.
    pub(super) fn restore_sides(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.recovery.last().is_some() {
            return Err(FfiError::WrongPhase("reading frames already: side rows come first").into());
        }
        Ok(self.shelf.give(bytes)?)
    }

    /// Notes that a unit of the next frame had been refused.
    pub(super) fn restore_refused(&mut self, unit: u32, status: ClaimStatus, holder: RedemptionId) {
        self.refused.push((unit, status, holder));
    }

    /// Takes the whole frames at the start of `bytes`, and tells how many bytes they were.
    pub(super) fn restore(&mut self, bytes: &[u8]) -> (usize, Result<(), Failure>) {
        let mut taken = 0_usize;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            if rest.is_empty() {
                return (taken, Ok(()));
            }
            match Frame::decode(rest).and_then(|frame| Ok((Frame::length(rest)?, frame))) {
                Ok((length, frame)) => {
                    let whole = rest.get(..length).unwrap_or_default();
                    if let Err(failure) = self.take(frame, whole) {
                        self.damaged = true;
                        return (taken, Err(failure));
                    }
                    taken = taken.saturating_add(length);
                    self.kept = self.kept.saturating_add(length as u64);
                }
                Err(error) => return (taken, Err(self.unreadable(rest, error))),
            }
        }
    }

    /// A last frame that is cut or damaged is a torn tail; one with whole frames after it is not.
    fn unreadable(&mut self, rest: &[u8], error: FrameError) -> Failure {
        let later =
            || (1..rest.len()).any(|at| rest.get(at..).is_some_and(|rest| Frame::decode(rest).is_ok()));
        if matches!(error, FrameError::Newer(_) | FrameError::Malformed { .. }) || later() {
            self.damaged = true;
            return self.frame(error).into();
        }
        let (have, want) = match error {
            FrameError::Torn { have, want } => (have, want),
            _ => (rest.len(), rest.len()),
        };
        let torn = Failure::from(FrameError::Torn { have, want });
        match error {
            FrameError::Torn { .. } => torn,
            _ => Failure { detail: alloc::format!("the tail is no frame: {error}"), ..torn },
        }
    }

    fn frame(&self, error: FrameError) -> RecoverError {
        RecoverError::Frame { after: self.recovery.last().map_or(0, |last| last.sequence), error }
    }

    fn take(&mut self, frame: Frame, bytes: &[u8]) -> Result<(), Failure> {
        let (last, digest) = self.index.last().unwrap_or_default();
        if last == frame.id && digest == Frame::digest(bytes) {
            // The last frame once more: its append had failed after the bytes were there.
            return Ok(());
        }
        if frame.previous != digest {
            return Err(self.frame(FrameError::Chain).into());
        }
        let sides = self.shelf.sides_of(&frame);
        let mut refused = BTreeMap::new();
        for (unit, status, holder) in core::mem::take(&mut self.refused) {
            let number = usize::try_from(unit).unwrap_or(usize::MAX);
            refused.insert(number, refusal(&frame.units, number, status, holder)?);
        }
        let mut batch = Batch::new(frame, sides);
        self.index.commit_refusing(&mut batch, &refused)?;
        self.shelf.settle(batch.units(), batch.verdicts());
        let stands = batch.verdicts().iter().map(crate::record::Verdict::is_accepted);
        let refused: Vec<u32> = (0_u32..).zip(stands).filter(|(_, stands)| !stands).map(|(i, _)| i).collect();
        Ok(self.recovery.batch(bytes, &refused)?)
    }

    /// Whether a writer of this epoch may start.
    pub(super) fn check(&self, epoch: u64) -> Result<(), Failure> {
        if self.damaged {
            return Err(self.frame(FrameError::Chain).into());
        }
        match self.recovery.last() {
            Some(last) if last.epoch >= epoch => Err(RecoverError::Epoch { epoch, last: last.epoch }.into()),
            _ if epoch == 0 => Err(RecoverError::Epoch { epoch, last: 0 }.into()),
            _ => Ok(()),
        }
    }

    /// Starts: the engine, and how many bytes of the log it continues.
    pub(super) fn start(mut self, epoch: u64, seed: [u8; 32]) -> Result<(Running, u64), Failure> {
        self.index.set_epoch(epoch);
        self.shelf.start();
        let engine = self.recovery.finish(self.setup, epoch, seed)?;
        Ok((Running::new(engine, self.index, self.shelf), self.kept))
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(super) fn recovery(&self) -> &Recovery {
        &self.recovery
    }
}
