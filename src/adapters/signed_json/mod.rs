//! Signed JSON: a small protocol for issuers that have none of their own, and the one that the
//! simulated issuers speak.
//!
//! A message is one JSON object `{"payload":"...","sig":"..."}`. `payload` is a string that
//! holds a JSON text, and `sig` signs exactly the bytes of that string after unescaping: nothing
//! has to be brought into a canonical form. `sig` is HMAC-SHA-256 under the channel's key, in
//! lower-case hexadecimal digits, over a domain and the payload, each preceded by its length in
//! bytes as 8 bytes little-endian. The domain is `scrip signed json request v1` towards the
//! issuer and `scrip signed json answer v1` back.
//!
//! Towards the issuer the payload is
//! ```text
//! {"v":1,"nonce":"32 digits","ts":1772409600000,"ops":[
//!   {"ref":"...","op":"redeem","product":"...","amount_minor":10000,"currency":"CNY",
//!    "attempt":1,"card":"..."}]}
//! ```
//! `ts` is in milliseconds since 1970. `ref` is ours ([`Reference`]) and `op` a name of
//! [`OpKind`]. `card` is a sealed secret of the vault (purpose core to issuer, bound to `ref`, a
//! space and `op`) under a key derived from the channel's (HMAC of the domain
//! `scrip signed json seal key v1`), in hexadecimal digits; in it lie whether there is a number
//! (1 byte), the number and the secret, each after its length (4 bytes, little-endian). A number
//! or secret never stands in the clear. Towards a rail, `payee` takes the place of `product` and
//! `card`.
//!
//! Back comes `{"v":1,"answers":[{"ref":"...","op":"redeem","status":"..."}]}`, one object for
//! each operation answered:
//!
//! | status | beside it | outcome |
//! |---|---|---|
//! | `accepted`, `partial` | `issuer_ref`, `amount_minor`, `currency`; maybe `card_tag`, `generation` | Accepted, Partial |
//! | `pending` | | Pending |
//! | `declined` | `reason`, a name of [`Decline`] | Declined |
//! | `not_found` | | NotFound |
//! | `duplicate` | `issuer_ref` | Duplicate |
//! | `reversed`, `reversal_unconfirmed`, `reversal_refused` | | the outcome of this name; `reversed` for a pay means that it was returned |
//! | `unsure` | | Unknown (the issuer is unsure) |
//!
//! Any other status, an unknown reason and an approval without its amount are Unknown
//! (unmapped), never a decline. `"file":true` marks answers that came with the issuer's file.
//! `card_tag` is HMAC-SHA-256 of the domain `scrip signed json card v1`, the word `number` or
//! `secret` and that value, each after its length, cut to 16 bytes.

mod channel;
mod own;
mod server;
mod wire;

pub use crate::adapters::served::{Asked, OpenCard};
pub(super) use channel::{Channel, read_card, write_card};
pub use server::Server;

use crate::adapters::{AdapterError, hex};
use crate::base::{Secret, Text};
use crate::issuer::{
    Accepted, Answer, CardData, CardTag, Cause, Context, Decline, DecodeError, EncodeError, Issuer,
    IssuerProfile, Leg, Message, OpKind, Operation, Outcome, Payment, Rail, RailProfile, Reference,
};
use crate::money::Amount;
use crate::vault::Tally;
use channel::Way;
use core::fmt;
use own::{Answered, Draft};
use wire::{Answers, Line, Question, VERSION};

/// The name under which profiles ask for this adapter.
pub const NAME: &str = "signed_json";

/// An issuer that speaks signed JSON. Stateless: the channel's session is left alone.
pub struct SignedJson {
    profile: IssuerProfile,
    channel: Channel,
}

/// A pay-out rail that speaks signed JSON.
pub struct SignedJsonRail {
    profile: RailProfile,
    channel: Channel,
}

impl SignedJson {
    /// The adapter for one issuer. `key` is the channel's: 32 bytes that only both ends know.
    ///
    /// # Errors
    /// [`AdapterError::KeyLength`].
    pub fn new(profile: IssuerProfile, key: Secret) -> Result<Self, AdapterError> {
        Ok(Self { profile, channel: Channel::new(key)? })
    }
}

impl SignedJsonRail {
    /// The adapter for one rail. `key` is the channel's: 32 bytes that only both ends know.
    ///
    /// # Errors
    /// [`AdapterError::KeyLength`].
    pub fn new(profile: RailProfile, key: Secret) -> Result<Self, AdapterError> {
        Ok(Self { profile, channel: Channel::new(key)? })
    }
}

impl Issuer for SignedJson {
    fn profile(&self) -> &IssuerProfile {
        &self.profile
    }

    fn encode(
        &self,
        operations: &[Operation<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        let question = |(place, operation)| self.question(operation, (&context.nonce, place));
        let cards = operations.iter().any(|operation| operation.card.is_some());
        send(&self.channel, operations.iter().enumerate().map(question), cards, context, out)
    }

    fn decode(
        &self,
        bytes: &[u8],
        _context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        decode(&self.channel, bytes, |leg| leg == Leg::Debit, answers)
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        Some(self.channel.card_tag(card))
    }

    fn tally(&self) -> Option<Tally> {
        Some(self.channel.tally())
    }

    fn sealed_before(&self, messages: u64) {
        self.channel.sealed_before(messages);
    }
}

impl SignedJson {
    fn question<'a>(
        &self,
        operation: &Operation<'a>,
        nonce: (&[u8; 16], usize),
    ) -> Result<Question<'a>, EncodeError> {
        let Operation { kind, reference, .. } = *operation;
        let needs_card = match kind {
            OpKind::Balance | OpKind::PinCheck | OpKind::Redeem => true,
            OpKind::Query | OpKind::Reverse | OpKind::Receipt => false,
            _ => return Err(EncodeError::Unsupported(kind.name())),
        };
        if reference.leg != Leg::Debit {
            return Err(EncodeError::Field("ref"));
        }
        let card = match operation.card {
            Some(card) => {
                let sealed = self.channel.sealed_card(reference, kind, card, nonce);
                Some(sealed.ok_or(EncodeError::Field("card"))?)
            }
            None if needs_card => return Err(EncodeError::Field("card")),
            None => None,
        };
        let question = question(kind, reference, operation.amount, operation.attempt)?;
        Ok(Question { product: Some(operation.product), card, ..question })
    }
}

impl Rail for SignedJsonRail {
    fn profile(&self) -> &RailProfile {
        &self.profile
    }

    fn encode(
        &self,
        payments: &[Payment<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        let questions = payments.iter().map(|payment| {
            if !matches!(payment.kind, OpKind::Pay | OpKind::PayQuery) {
                return Err(EncodeError::Unsupported(payment.kind.name()));
            }
            if payment.reference.leg == Leg::Debit {
                return Err(EncodeError::Field("ref"));
            }
            let question = question(payment.kind, payment.reference, payment.amount, payment.attempt)?;
            Ok(Question { payee: Some(payment.payee), ..question })
        });
        send(&self.channel, questions, false, context, out)
    }

    fn decode(
        &self,
        bytes: &[u8],
        _context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        decode(&self.channel, bytes, |leg| leg != Leg::Debit, answers)
    }
}

impl fmt::Debug for SignedJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedJson({})", self.profile.name)
    }
}

impl fmt::Debug for SignedJsonRail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedJsonRail({})", self.profile.name)
    }
}

fn question<'a>(
    kind: OpKind,
    reference: Reference,
    amount: Amount,
    attempt: u32,
) -> Result<Question<'a>, EncodeError> {
    if amount.minor() < 0 {
        return Err(EncodeError::Field("amount_minor"));
    }
    Ok(Question { kind, reference, product: None, payee: None, amount, attempt, card: None })
}

fn send<'a>(
    channel: &Channel,
    questions: impl ExactSizeIterator<Item = Result<Question<'a>, EncodeError>>,
    cards: bool,
    context: &Context<'_>,
    out: &mut Message,
) -> Result<(), EncodeError> {
    let mut draft = Draft::new(questions.len(), cards, &context.nonce, context.now.0);
    for question in questions {
        draft.question(&question?);
    }
    out.head = b"v1/operations".to_vec();
    out.body = draft.finish(|payload| channel.signature(Way::Request, payload));
    Ok(())
}

fn decode(
    channel: &Channel,
    bytes: &[u8],
    ours: impl Fn(Leg) -> bool,
    answers: &mut dyn FnMut(Reference, Answer),
) -> Result<(), DecodeError> {
    if let Some(Answered { payload, line, sig }) = Answered::read(bytes) {
        channel.check(Way::Answer, &payload, Some(sig))?;
        return tell(&line, &ours, answers);
    }
    let payload = channel.verify(Way::Answer, bytes)?;
    let message: Answers<'_> = serde_json::from_str(&payload).map_err(|error| DecodeError {
        at: wire::at_byte(payload.as_bytes(), &error),
        what: "answers (byte of the payload)",
    })?;
    if message.v != VERSION {
        return Err(DecodeError { at: 0, what: "version 1" });
    }
    // What can be read is still handed out: one line must not hold up a whole file.
    let mut told = Ok(());
    for line in &message.answers {
        told = tell(line, &ours, answers).and(told);
    }
    told
}

/// Hands out what a line says, if it is for this channel.
fn tell(
    line: &Line<'_>,
    ours: &impl Fn(Leg) -> bool,
    answers: &mut dyn FnMut(Reference, Answer),
) -> Result<(), DecodeError> {
    let reference = Reference::parse(&line.reference).filter(|reference| ours(reference.leg));
    let Some(reference) = reference else { return Ok(()) };
    let kind = OpKind::from_name(&line.op).ok_or(DecodeError { at: 0, what: "an operation's name" })?;
    answers(reference, Answer { kind, outcome: outcome(line), by_file: line.file });
    Ok(())
}

/// What a line says. An outcome outside the closed set is unknown, and never a no.
fn outcome(line: &Line<'_>) -> Outcome {
    mapped(line).unwrap_or(Outcome::Unknown(Cause::Unmapped))
}

fn mapped(line: &Line<'_>) -> Option<Outcome> {
    Some(match &*line.status {
        "accepted" => Outcome::Accepted(approval(line)?),
        "partial" => Outcome::Partial(approval(line)?),
        "pending" => Outcome::Pending,
        "declined" => Outcome::Declined(Decline::from_reason(line.reason.as_ref()?)?),
        "not_found" => Outcome::NotFound,
        "duplicate" => Outcome::Duplicate(issuer_reference(line)?),
        "reversed" => Outcome::Reversed,
        "reversal_unconfirmed" => Outcome::ReversalUnconfirmed,
        "reversal_refused" => Outcome::ReversalRefused,
        "unsure" => Outcome::Unknown(Cause::IssuerUnsure),
        _ => return None,
    })
}

fn approval(line: &Line<'_>) -> Option<Accepted> {
    let card = match &line.card_tag {
        Some(digits) => Some(CardTag(hex::read_array(digits)?)),
        None => None,
    };
    Some(Accepted {
        reference: issuer_reference(line)?,
        amount: wire::read_amount(line.amount_minor?, line.currency.as_ref()?)?,
        card,
        generation: line.generation,
    })
}

fn issuer_reference(line: &Line<'_>) -> Option<Text> {
    wire::read_text(line.issuer_ref.as_ref()?)
}

#[cfg(test)]
mod tests;
