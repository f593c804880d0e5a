//! Issuers that profile files describe: both ends of each shipped profile speak to each other.

#![allow(clippy::unwrap_used)]

mod ends;
mod hostile;
mod laws;
mod lint;
mod order;
mod pairs;
mod session;
mod vectors;
