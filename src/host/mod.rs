//! Disks and clocks: stores, the driver that turns the loop, and the seam for transports.

mod driver;
mod lanes;
mod store;
mod transport;

pub use driver::{Driver, Outcome, RunError};
pub use lanes::Source;
pub use store::{Store, StoreError};
pub use transport::{Arrival, InboundToken, Transport};
