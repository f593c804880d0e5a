//! The main job, from a file of cards to paid sellers, as its user sees it.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod cards;
mod job;
mod lines;
mod refusals;
mod shipped;
