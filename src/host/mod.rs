//! Disks and clocks: stores, the driver that turns the loop, and the seam for transports.

#[cfg(feature = "sqlite")]
mod check;
mod conformance;
mod described;
mod driver;
#[cfg(any(feature = "service", feature = "wire"))]
mod inbox;
#[cfg(feature = "sqlite")]
mod files;
#[cfg(feature = "sqlite")]
mod journal;
mod lanes;
pub mod marks;
mod memory;
#[cfg(feature = "image")]
pub mod picture;
#[cfg(feature = "postgres")]
mod postgres;
mod proof;
mod reseal;
#[cfg(feature = "service")]
pub mod service;
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
pub mod transport;

#[cfg(feature = "sqlite")]
pub use check::{Finding, Report};
pub use conformance::{conformance, shared_conformance};
pub use described::{Describe, Described};
#[cfg(feature = "sim")]
pub(crate) use driver::agree_on_keys;
pub use driver::{Driver, Outcome, RunError};
#[cfg(feature = "sqlite")]
pub use files::{FileDrop, FilesError, Folders};
#[cfg(feature = "sqlite")]
pub use journal::{Disk, Journal, JournalOptions};
pub use lanes::Source;
pub use memory::Memory;
#[cfg(feature = "postgres")]
pub use postgres::{Postgres, PostgresOptions, Resumed};
pub use proof::{Proof, checkpoints, prove};
pub use reseal::sealed_before;
pub use shared::{Shared, SharedNode};
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
pub use store::{Store, StoreError};
pub use transport::{Arrival, InboundToken, Transport};
