//! The seam for transports: they carry bytes and tell the time. With the feature `wire`, a transport
//! over HTTP/1.1, TCP and folders.
//!
//! | file | one job |
//! |---|---|
//! | `settings`, `site` | how channels are reached |
//! | `connect`, `tls` | from an address to a connection |
//! | `gate` | what has left of a call |
//! | `http` | calls over HTTP |
//! | `line` | calls over framed TCP |
//! | `files` | calls that are files in a folder |
//! | `listen`, `tokens` | callbacks, answered once they are durable |
//! | `wire` | all of it behind the seam |

#[cfg(feature = "wire")]
mod connect;
#[cfg(all(feature = "wire", feature = "sqlite"))]
mod files;
#[cfg(feature = "wire")]
mod gate;
#[cfg(feature = "wire")]
mod http;
#[cfg(feature = "wire")]
mod line;
#[cfg(feature = "wire")]
mod listen;
#[cfg(feature = "wire")]
mod settings;
#[cfg(feature = "wire")]
mod site;
#[cfg(feature = "wire")]
mod tls;
#[cfg(feature = "wire")]
mod tokens;
#[cfg(feature = "wire")]
mod wire;

#[cfg(feature = "wire")]
pub use settings::{ChannelTerms, Filing, Form, Framing, MatchKey, Tls, WireError, WireOptions};
#[cfg(feature = "wire")]
pub use wire::Wire;

use crate::base::{Mono, Now};
use crate::engine::{Call, CallId, ChannelId, Sent};
use std::vec::Vec;

/// The transport's own name for an inbound message, by which it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboundToken(pub u64);

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A reply to a call.
    Reply(CallId, Vec<u8>),
    /// A call that brings no reply. `NotSent` only if no byte of it was handed to the network.
    Lost(CallId, Sent),
    /// A callback or a file. It is delivered again until it is acknowledged.
    Inbound(ChannelId, InboundToken, Vec<u8>),
}

/// Carries calls to issuers and rails and brings in what comes back.
pub trait Transport {
    /// Both clocks. Deadlines and `send_by` run on them.
    fn now(&mut self) -> Now;

    /// Takes a call on its way. Checks [`Call::send_by`] before the first byte leaves; a call
    /// that is too late comes back as [`Arrival::Lost`] with [`Sent::NotSent`].
    fn start(&mut self, call: Call);

    /// The next thing that came in: at once if there is one, otherwise as soon as there is,
    /// at the latest at `until`; without `until` nothing but an arrival is worth waiting for.
    fn next(&mut self, until: Option<Mono>) -> Option<Arrival>;

    /// Whether it knows that more will come although nothing was asked: a simulated one may, a
    /// real one cannot.
    fn expects_more(&mut self) -> bool {
        false
    }

    /// Acknowledges an inbound message: all it caused is durable.
    fn acknowledge(&mut self, token: InboundToken, bytes: &[u8]);

    /// Tells that an inbound message is none of its channel's protocol, so that whoever brought it
    /// hears of it. It will not be acknowledged.
    fn refuse(&mut self, token: InboundToken) {
        let _ = token;
    }
}
