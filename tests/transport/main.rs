//! The transport over the network, against servers that misbehave in every way, on the loopback.
#![allow(clippy::unwrap_used)]

mod callbacks;
mod calls;
#[cfg(feature = "sqlite")]
mod files;
mod lines;
mod many;
#[path = "../wire/port.rs"]
mod port;
mod proxies;
mod reuse;
mod server;
mod stage;
mod tls;
