//! Whether a store's tables are what its frames lead to.

use super::StoreError;
use super::store::refused;
use crate::base::{Digest, Key16, RedemptionId};
use crate::record::{Batch, Frame, FrameError, Index};
use std::collections::BTreeMap;
use std::fmt;
use std::string::String;
use std::vec::Vec;

/// A place where a store is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A frame cannot be read or does not continue the chain; what comes after it was not looked
    /// at.
    Frame {
        /// The batch's number.
        sequence: u64,
        /// What is wrong.
        error: FrameError,
    },
    /// Other units of a batch are noted as refused than must be.
    Refused {
        /// The batch's number.
        sequence: u64,
    },
    /// A redemption's row, or its records, are missing, too many or other ones.
    Redemption(RedemptionId),
    /// A claim is missing, too much or another one.
    Claim(Key16),
    /// The sightings of a subject are not those that the frames tell of.
    Sightings(Key16),
    /// A balance is another one.
    Balance {
        /// The account as text.
        account: String,
        /// The ISO 4217 code.
        currency: &'static str,
    },
    /// Sealed content is missing, was not erased, or is damaged.
    Side {
        /// Whose it is.
        redemption: RedemptionId,
        /// Which of its side rows.
        slot: u8,
    },
    /// The database's own check found something.
    Database(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { sequence, error } => write!(f, "batch {sequence}: {error}"),
            Self::Refused { sequence } => write!(f, "batch {sequence}: other units must be refused"),
            Self::Redemption(id) => write!(f, "redemption {id}: not as its records say"),
            Self::Claim(key) => write!(f, "claim {key}: not as the records say"),
            Self::Sightings(subject) => write!(f, "sightings of {subject}: not as the records say"),
            Self::Balance { account, currency } => write!(f, "balance of {account} in {currency}"),
            Self::Side { redemption, slot } => write!(f, "side row {slot} of redemption {redemption}"),
            Self::Database(text) => write!(f, "database: {text}"),
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many batches were read.
    pub batches: u64,
    /// How many redemptions they tell of.
    pub redemptions: u64,
    /// Empty if all is well.
    pub findings: Vec<Finding>,
}

/// The frames of a log, folded by the reference index. All redemptions are in memory meanwhile.
#[derive(Default)]
pub(super) struct Fold {
    pub(super) index: Index,
    /// The digests of the side rows that must be there.
    pub(super) sides: BTreeMap<(RedemptionId, u8), Digest>,
    pub(super) report: Report,
    broken: bool,
}

impl Fold {
    /// Takes the next frame, unless an earlier one was bad.
    pub(super) fn take(&mut self, bytes: &[u8], noted: &[u32]) {
        if self.broken {
            return;
        }
        let (last, digest) = self.index.last().unwrap_or_default();
        let sequence = last.sequence + 1;
        let frame = Frame::decode(bytes).and_then(|frame| {
            let follows = frame.id.sequence == sequence && frame.previous == digest;
            if follows { Ok(frame) } else { Err(FrameError::Chain) }
        });
        let taken = frame.and_then(|frame| {
            let mut batch = Batch::new(frame, Vec::new());
            self.index.commit(&mut batch).map_err(|_| FrameError::Chain)?;
            Ok(batch)
        });
        let batch = match taken {
            Ok(batch) => batch,
            Err(error) => {
                self.broken = true;
                return self.report.findings.push(Finding::Frame { sequence, error });
            }
        };
        self.report.batches += 1;
        if refused(&batch) != noted {
            self.report.findings.push(Finding::Refused { sequence });
        }
        let units = batch.units().iter().zip(batch.verdicts());
        for (unit, _) in units.filter(|(_, verdict)| verdict.is_accepted()) {
            for mark in &unit.sides {
                let place = (unit.redemption, mark.slot);
                match mark.content {
                    Some(digest) => self.sides.insert(place, digest),
                    None => self.sides.remove(&place),
                };
            }
        }
    }

    /// Compares the side rows that there are; `digest` is `None` where the content is damaged.
    pub(super) fn compare_sides(
        &mut self,
        mut show: impl FnMut(&mut dyn FnMut(RedemptionId, u8, Option<Digest>)) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut wanted = self.sides.clone();
        let findings = &mut self.report.findings;
        show(&mut |redemption, slot, digest| {
            if wanted.remove(&(redemption, slot)) != digest || digest.is_none() {
                findings.push(Finding::Side { redemption, slot });
            }
        })?;
        let missing = wanted.into_keys().map(|(redemption, slot)| Finding::Side { redemption, slot });
        findings.extend(missing);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Report {
        self.report.redemptions = self.index.rows().count() as u64;
        self.report
    }
}
