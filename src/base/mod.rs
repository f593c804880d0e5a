//! What every room stands on: error codes, integer time, ids, bounded text, secrets, the
//! bounds-checked reader and the canonical binary form.

mod bytes;
mod code;
mod digest;
mod few;
mod id;
mod place;
mod planted;
mod secret;
mod text;
mod time;

pub use bytes::{Reader, ShortInput, Writer};
pub use code::{Advice, Code, block};
pub(crate) use digest::sha256;
pub use digest::{Digest, Hasher, digest};
pub(crate) use few::Few;
pub(crate) use id::read_hex;
pub use id::{BatchId, IdError, Key16, RedemptionId};
pub use place::line_column;
#[cfg(feature = "planted-bugs")]
pub(crate) use planted::is_planted;
pub(crate) use planted::planted;
#[cfg(feature = "planted-bugs")]
pub use planted::{Bug, plant};
pub use secret::Secret;
pub(crate) use secret::{scrub_stack, wipe};
pub use text::{Text, TextError};
pub use time::{Mono, Now, Wall};
