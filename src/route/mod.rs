//! Which site of which channel is asked (路由): by health, latency, cost and weight. Pure and
//! deterministic: time and entropy are arguments, and the same inputs give the same choices.
//!
//! What moves value goes once, to one site; the router never repeats or doubles it. Only reads
//! are tried again, and hedged.

mod bucket;
mod policy;
mod router;
mod site;
mod snapshot;
#[cfg(test)]
mod tests;

pub use bucket::Bucket;
pub use policy::{Price, RoutePolicy};
pub use router::{Channel, Place, Route, Router, Want};
pub use site::{Heard, Standing};
pub use snapshot::{Snapshot, Snapshots};
