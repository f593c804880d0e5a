//! A batch on its way to a store and back.

use super::{Frame, Refusal, Side, Unit, Verdict};
use crate::base::{BatchId, Digest};
use crate::risk::Seen;
use alloc::vec::Vec;

/// Many units and one sync. The store writes [`Batch::bytes`] and [`Batch::sides`], says what it
/// refused and what was seen, and hands the batch back to the engine.
///
/// Committing the same batch again, after a commit whose end is uncertain, gives the same answers.
#[derive(Clone, Debug)]
pub struct Batch {
    frame: Frame,
    bytes: Vec<u8>,
    digest: Digest,
    sides: Vec<Side>,
    verdicts: Vec<Verdict>,
}

/// The memory of a batch that is over.
#[derive(Debug, Default)]
pub(crate) struct Scrap {
    bytes: Vec<u8>,
    verdicts: Vec<Verdict>,
}

impl Batch {
    /// The batch of `frame`, with the content of the side rows that its units name.
    pub fn new(frame: Frame, sides: Vec<Side>) -> Self {
        Self::reusing(frame, sides, Scrap::default())
    }

    /// As [`new`](Self::new), in the memory of a batch that is over.
    pub(crate) fn reusing(frame: Frame, sides: Vec<Side>, scrap: Scrap) -> Self {
        let Scrap { mut bytes, mut verdicts } = scrap;
        frame.encode_into(&mut bytes);
        let digest = Frame::digest(&bytes);
        verdicts.resize_with(frame.units.len(), Verdict::default);
        Self { frame, bytes, digest, sides, verdicts }
    }

    /// What the store said, taken out.
    pub(crate) fn take_verdicts(&mut self) -> Vec<Verdict> {
        core::mem::take(&mut self.verdicts)
    }

    /// The units of a batch that is over, and its other lists, empty; `verdicts` are those that were
    /// taken out.
    pub(crate) fn into_scrap(self, mut verdicts: Vec<Verdict>) -> (Vec<Unit>, Vec<Side>, Scrap) {
        let Self { frame, mut bytes, mut sides, .. } = self;
        sides.clear();
        bytes.clear();
        verdicts.clear();
        (frame.units, sides, Scrap { bytes, verdicts })
    }

    /// Names the batch; committing is idempotent by it.
    pub fn id(&self) -> BatchId {
        self.frame.id
    }

    /// The frame that the bytes hold.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The frame: self-contained and replayable.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest that the next frame names as its predecessor.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The units, in order.
    pub fn units(&self) -> &[Unit] {
        &self.frame.units
    }

    /// Side rows to put or erase together with the frame, kept where they can be erased, unit by
    /// unit. The store takes those that stand: [`Batch::standing_sides`].
    pub fn sides(&self) -> &[Side] {
        &self.sides
    }

    /// The side rows of the units that stand. A redemption may have two units in one batch, a
    /// request and its repeat: what the refused one brings leaves the other's alone.
    pub fn standing_sides(&self) -> impl Iterator<Item = &Side> {
        let mut rest = self.sides.iter().peekable();
        let marked: usize = self.frame.units.iter().map(|unit| unit.sides.len()).sum();
        let whole = marked == self.sides.len();
        let units = self.frame.units.iter().zip(&self.verdicts);
        let marks = units.flat_map(|(unit, verdict)| {
            unit.sides.iter().map(|mark| (unit.redemption, mark, verdict.is_accepted()))
        });
        // Marks and rows come in one order; the mark of a row that is not at hand any more is passed
        // over. Only then does it take the digest to tell whose the next row is.
        marks.filter_map(move |(redemption, mark, stands)| {
            let own = |side: &&Side| {
                (side.redemption, side.slot) == (redemption, mark.slot)
                    && (whole || side.content.as_deref().map(Frame::digest) == mark.content)
            };
            rest.next_if(own).filter(|_| stands)
        })
    }

    /// What the store said, one verdict per unit.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Refuses a unit.
    ///
    /// # Panics
    /// If there is no unit with this number.
    pub fn refuse(&mut self, unit: usize, refusal: Refusal) {
        self.verdicts[unit].refusal = Some(refusal);
    }

    /// Answers the next recall of a unit; recalls are answered in their order.
    ///
    /// # Panics
    /// If there is no unit with this number.
    pub fn recall(&mut self, unit: usize, seen: Seen) {
        self.verdicts[unit].seen.push(seen);
    }

    /// Answers all recalls of a unit, in their order.
    pub(super) fn see(&mut self, unit: usize, seen: Vec<Seen>) {
        self.verdicts[unit].seen = seen;
    }

    /// Takes over all verdicts, in the order of the units: for a store that remembered them.
    ///
    /// # Panics
    /// If there is not one verdict per unit.
    pub fn judge(&mut self, verdicts: Vec<Verdict>) {
        assert_eq!(verdicts.len(), self.frame.units.len(), "one verdict per unit");
        self.verdicts = verdicts;
    }

    /// Forgets what was said, before a batch is committed again.
    pub fn clear(&mut self) {
        self.verdicts.iter_mut().for_each(|verdict| *verdict = Verdict::default());
    }
}
