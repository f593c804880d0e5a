//! The main job over the wire: issuers in a process of their own, on the loopback.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod bank;
mod callbacks;
mod files;
#[path = "../buyback/job.rs"]
mod job;
mod jobs;
mod servers;
mod session;
