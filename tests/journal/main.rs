//! The journal on disks that cut, damage, forget, fail and fill up.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod damage;
mod faults;
mod files;
mod kill;
mod log;
mod ram;
mod whole;
