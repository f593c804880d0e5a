//! What risk counts: sightings, and the two ways of asking for past ones.
//!
//! Every request leaves a sighting with each subject it touches (the card, the seller with the
//! product), whether or not its claim is granted. Sightings stand in the order of their writing;
//! one redemption counts once per subject, at the place of its first sighting. A recall is
//! answered as of the asking redemption's own sighting, so that asking again later gives the
//! same answer.

use crate::base::{Key16, RedemptionId, Wall};
use alloc::vec::Vec;

/// One request seen with one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The subject: a keyed digest, never the thing itself.
    pub subject: Key16,
    /// When the request was received, by the caller's account.
    pub at: Wall,
    /// What is measured: the declared face in minor units.
    pub value: i64,
}

/// What a redemption wants to know of the past of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recall {
    /// The subject.
    pub subject: Key16,
    /// What about it.
    pub kind: RecallKind,
}

/// What is asked of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecallKind {
    /// The sightings received within this many milliseconds before or after the own one,
    /// the own one included, in the order of their writing; at most [`Recall::MOST`].
    Recent {
        /// Half the width of the window in ms.
        within_ms: i64,
    },
    /// Count, sum and sum of squares of all values before the own one.
    Moments,
}

impl Recall {
    /// At most this many sightings come back, the latest ones: a bound on memory. Above every
    /// sensible limit of a velocity rule.
    pub const MOST: usize = 64;
}

/// Exact power sums of the values of a subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: i128,
    /// The sum of their squares; saturates, which only widens the allowed spread.
    pub squares: i128,
}

impl Moments {
    /// These moments with one more value.
    #[must_use]
    pub fn with(self, value: i64) -> Self {
        let value = i128::from(value);
        Self {
            count: self.count.saturating_add(1),
            sum: self.sum.saturating_add(value),
            squares: self.squares.saturating_add(value.saturating_mul(value)),
        }
    }

    /// What [`RecallKind::Moments`] is answered: the moments before the redemption's `own`
    /// sighting, else those after the last one. `last` is that sighting's moments before it and
    /// its value.
    #[must_use]
    pub fn recalled(last: Option<(Self, i64)>, own: bool) -> Self {
        match last {
            None => Self::default(),
            Some((before, _)) if own => before,
            Some((before, value)) => before.with(value),
        }
    }
}

/// The answer to one recall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// To [`RecallKind::Recent`]: who and when, in the order of writing.
    Recent(Vec<(RedemptionId, Wall)>),
    /// To [`RecallKind::Moments`].
    Moments(Moments),
}
