//! Disks and clocks: stores, the driver that turns the loop, and the seam for transports.

mod store;
mod transport;

pub use store::{Store, StoreError};
pub use transport::{Arrival, InboundToken, Transport};
