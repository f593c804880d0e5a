//! The loop: inputs queue, `poll` advances, and nothing leaves before it is written.

mod call;
mod recovery;

pub use call::{Call, CallId, ChannelId, Sent};
pub use recovery::{RecoverError, Recovery};
