//! The main job, from a file of cards to paid sellers, as its user sees it.
#![cfg(feature = "sqlite")]

mod cards;
mod job;
mod lines;
mod refusals;
mod shipped;
