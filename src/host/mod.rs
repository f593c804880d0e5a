//! Disks and clocks: stores, the driver that turns the loop, and the seam for transports.

mod conformance;
mod described;
mod driver;
mod lanes;
mod memory;
#[cfg(feature = "image")]
pub mod picture;
mod proof;
mod reseal;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod transport;

pub use conformance::conformance;
pub use described::{Describe, Described};
pub use driver::{Driver, Outcome, RunError};
pub use lanes::Source;
pub use memory::Memory;
pub use proof::{Proof, prove};
pub use reseal::sealed_before;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
pub use store::{Store, StoreError};
pub use transport::{Arrival, InboundToken, Transport};
