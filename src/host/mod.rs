//! Disks and clocks: stores, the driver that turns the loop, and the seam for transports.

mod conformance;
mod described;
mod driver;
mod lanes;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod proof;
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod transport;

pub use conformance::{conformance, shared_conformance};
pub use described::{Describe, Described};
pub use driver::{Driver, Outcome, RunError};
pub use lanes::Source;
pub use memory::Memory;
#[cfg(feature = "postgres")]
pub use postgres::{Postgres, PostgresOptions};
pub use proof::{Proof, checkpoints, prove};
pub use shared::{Shared, SharedNode};
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
pub use store::{Store, StoreError};
pub use transport::{Arrival, InboundToken, Transport};
