//! May this request pass? Rules as data over what was seen before, each decision with reason
//! codes. Pure: the past is handed in, and no rule sees the state of a redemption.

mod budget;
mod decision;
mod deviation;
mod policy;
mod sighting;
mod velocity;

pub use budget::{Budget, BudgetKind};
pub use decision::{Decision, Reason, Verdict, decide};
pub(crate) use policy::address;
pub use policy::{Action, BlockList, BlockedCard, Deviation, RiskPolicy, Velocity};
pub use sighting::{Moments, Recall, RecallKind, Seen, Sighting};
pub use velocity::frozen_until;

pub use deviation::beyond;
