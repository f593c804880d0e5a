//! The issuer's or rail's end of a channel, whatever its protocol: for simulated issuers, tests,
//! and issuers that use scrip on their side.

use super::AdapterError;
use super::served::Asked;
use crate::base::Wall;
use crate::issuer::{Answer, CardData, CardTag};
use alloc::vec::Vec;

/// One operation with the answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What was asked, as far as the issuer still knows it.
    pub asked: Asked,
    /// What it answers.
    pub answer: Answer,
}

/// Reads what an adapter writes, and writes what it reads.
pub trait FarEnd: Send + Sync {
    /// Whether messages are [envelopes](crate::codec::envelope), both ways; otherwise they are
    /// bodies alone.
    fn enveloped(&self) -> bool {
        false
    }

    /// The reply to a request that is about no operation, or that stands outside of the session: a
    /// sign-in, or a token that has ended. `None` for what [`FarEnd::read`] is to read.
    fn session(&self, bytes: &[u8], now: Wall) -> Option<Vec<u8>> {
        let _ = (bytes, now);
        None
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`AdapterError`] for bytes that are no request of this channel.
    fn read(&self, bytes: &[u8], now: Wall) -> Result<Vec<Asked>, AdapterError>;

    /// Writes the reply to a request; `None` if the protocol has no words for it, as an issuer that
    /// says nothing.
    fn reply(&self, told: &[Told], now: Wall) -> Option<Vec<u8>>;

    /// Writes a message that nobody waits for: a callback or a file; `None` if the protocol has
    /// none.
    fn news(&self, told: &[Told], now: Wall) -> Option<Vec<u8>>;

    /// Whether the reply to this says "later" although the answer is known: a callback is owed then.
    fn owes(&self, told: &Told, now: Wall) -> bool {
        let _ = (told, now);
        false
    }

    /// Whether this, said to a callback, acknowledges it.
    fn is_acknowledgement(&self, bytes: &[u8]) -> bool {
        let _ = bytes;
        true
    }

    /// The tag under which answers echo `card`, if they do.
    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag>;
}
