//! The seams that adapters implement. `dyn` on purpose: a vtable costs nanoseconds, generics
//! would infect the engine and the C ABI.

use super::{
    Answer, Balance, CardData, CardTag, IssuerProfile, OpKind, Operation, Payment, RailProfile, Reference,
};
use crate::base::{Text, Wall, wipe};
use crate::money::Amount;
use crate::vault::Tally;
use alloc::vec::Vec;

/// What an adapter may know besides its operations.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The channel's durable session (STAN, sign-in keys, tokens), as the adapter left it.
    pub session: &'a [u8],
    /// The recorded wall clock, for timestamps in messages.
    pub now: Wall,
    /// Fresh random bytes, for nonces in messages.
    pub nonce: [u8; 16],
}

/// One message on its way out. Zeroised when dropped, for it may hold a card secret.
#[derive(Default)]
pub struct Message {
    /// Where within the channel it goes (a path, a file name); may be empty. The first line may be
    /// logged on the way; lines below it may hold a session's token, and never anything of a card.
    pub head: Vec<u8>,
    /// The bytes to send.
    pub body: Vec<u8>,
    /// The session to keep from now on, if it changed. It is durable before the message leaves.
    pub session: Option<Vec<u8>>,
    /// What must be known again to read the reply and, of a debit, to repeat it, ask about it or
    /// undo it (a STAN, a time). Of a debit it is durable before the message leaves. No secrets.
    pub trace: Option<Text>,
}

impl Drop for Message {
    fn drop(&mut self) {
        wipe(&mut self.head);
        wipe(&mut self.body);
    }
}

impl core::fmt::Debug for Message {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Message({} bytes)", self.body.len())
    }
}

/// What a reply answers, as the engine knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What was asked.
    pub kind: OpKind,
    /// Our reference.
    pub reference: Reference,
    /// The amount asked.
    pub amount: Amount,
    /// What the adapter left with the message.
    pub trace: Option<Text>,
}

/// An operation that cannot be put into this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The protocol has no such operation.
    #[error("the protocol has no operation `{0}`")]
    Unsupported(&'static str),
    /// A value does not fit the protocol's field.
    #[error("the value does not fit field `{0}`")]
    Field(&'static str),
}

/// Bytes that are no message of this protocol. The operation's outcome stays unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of this protocol, at byte {at}: {what}")]
pub struct DecodeError {
    /// Byte offset.
    pub at: usize,
    /// What was expected.
    pub what: &'static str,
}

/// An issuer's protocol: a pure codec over one or several operations, and its profile.
pub trait Issuer: Send + Sync {
    /// How the issuer behaves.
    fn profile(&self) -> &IssuerProfile;

    /// Puts `operations` into one message. Online issuers get one operation at a time, batch
    /// issuers up to their profile's `batch_max`.
    ///
    /// # Errors
    /// [`EncodeError`]: nothing was sent, nothing stands in `out`, and the redemptions end as
    /// configuration errors.
    fn encode(
        &self,
        operations: &[Operation<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError>;

    /// Reads a message of any origin: a reply, a callback or a file. Hands every answer in it
    /// to `answers`; an answer for a reference that is not ours is left out.
    ///
    /// # Errors
    /// [`DecodeError`]: the operation that waited for these bytes becomes Unknown. Answers
    /// handed out before the error count.
    fn decode(
        &self,
        bytes: &[u8],
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError>;

    /// Puts one operation into a message, with what [`Message::trace`] left of the debit that it
    /// is about, once that was sent. Protocols that go by our reference need none of it.
    ///
    /// # Errors
    /// As [`Issuer::encode`].
    fn encode_traced(
        &self,
        operation: &Operation<'_>,
        trace: Option<&Text>,
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        let _ = trace;
        self.encode(core::slice::from_ref(operation), context, out)
    }

    /// Reads the reply to a call, of which the engine knows what it asked. Protocols whose
    /// answers carry our reference need none of it.
    ///
    /// # Errors
    /// As [`Issuer::decode`].
    fn decode_reply(
        &self,
        bytes: &[u8],
        asked: &Asked,
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        let _ = asked;
        self.decode(bytes, context, answers)
    }

    /// Whether the session must be opened before anything else can be asked, with the message
    /// that opens it in `out`. The engine sends it as [`OpKind::SignIn`], and holds back what
    /// was to be sent until the session is durable, or tells it as not sent.
    ///
    /// # Errors
    /// [`EncodeError`]: the session cannot be opened, and nothing can be sent.
    fn sign_in(&self, context: &Context<'_>, out: &mut Message) -> Result<bool, EncodeError> {
        let _ = (context, out);
        Ok(false)
    }

    /// The session to keep from now on, if these bytes change it: keys that a sign-in brought,
    /// or an issuer that asks for another one.
    fn learn(&self, bytes: &[u8], context: &Context<'_>) -> Option<Vec<u8>> {
        let _ = (bytes, context);
        None
    }

    /// Reads a list of balances (余额文件) that nobody asked for: hands out its rows, and tells since when
    /// they hold, for none of them is older. `None` is any other message, for [`Issuer::decode`].
    ///
    /// # Errors
    /// [`DecodeError`]: a list that was cut, changed or has no date. Nothing was handed out.
    fn balances_listed(
        &self,
        bytes: &[u8],
        rows: &mut dyn FnMut(Balance<'_>),
    ) -> Result<Option<Wall>, DecodeError> {
        let _ = (bytes, rows);
        Ok(None)
    }

    /// The tag under which this issuer would echo `card`, where the protocol has one.
    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        let _ = card;
        None
    }

    /// How many messages it has sealed with a key of its own, if it seals any: the engine keeps
    /// the number in the log, so that the limit of a key holds over restarts.
    fn tally(&self) -> Option<Tally> {
        None
    }

    /// Told at opening: its key has sealed at least so many before.
    fn sealed_before(&self, messages: u64) {
        let _ = messages;
    }

    /// What an inbound message is acknowledged with, once all it caused is durable: `ok`, unless the
    /// protocol says otherwise. Nothing, where it knows no acknowledgement: on a line of messages
    /// whatever stands here is taken for the beginning of the next one.
    fn acknowledge(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"ok");
    }
}

/// A pay-out rail's protocol, of the same shape.
pub trait Rail: Send + Sync {
    /// How the rail behaves.
    fn profile(&self) -> &RailProfile;

    /// Puts `payments` into one message.
    ///
    /// # Errors
    /// [`EncodeError`]: nothing was sent.
    fn encode(
        &self,
        payments: &[Payment<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError>;

    /// Reads a reply or a notice (such as a return a day later).
    ///
    /// # Errors
    /// [`DecodeError`]: the pay-out that waited for these bytes becomes unknown.
    fn decode(
        &self,
        bytes: &[u8],
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError>;

    /// What an inbound message is acknowledged with, once all it caused is durable.
    fn acknowledge(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"ok");
    }
}
