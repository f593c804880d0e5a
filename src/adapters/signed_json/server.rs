//! The issuer's side of the protocol: reads requests and writes answers.

use super::channel::{Channel, Way};
use super::outcome;
use super::wire::{self, Answers, Line, Op, Request, Str, VERSION};
use crate::adapters::served::Asked;
use crate::adapters::{AdapterError, hex};
use crate::base::Secret;
use crate::issuer::{Accepted, Answer, CardData, CardTag, DecodeError, OpKind, Outcome, Reference};
use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

/// The issuer's or rail's end of a channel.
pub struct Server(Channel);

impl Server {
    /// The end that holds the channel's `key` of 32 bytes.
    ///
    /// # Errors
    /// [`AdapterError::KeyLength`].
    pub fn new(key: Secret) -> Result<Self, AdapterError> {
        Channel::new(key).map(Self)
    }

    /// Reads a request: verifies its signature and opens the cards in it. A message repeated by
    /// the network reads the same again; issuers recognise it by its references.
    ///
    /// # Errors
    /// [`AdapterError::Message`] for bytes that are not signed by this channel's key or not of
    /// this protocol, [`AdapterError::Operation`] for an operation that cannot be read or a card
    /// that was not sealed for it.
    pub fn read(&self, bytes: &[u8]) -> Result<Vec<Asked>, AdapterError> {
        let payload = self.0.verify(Way::Request, bytes)?;
        let request: Request<'_> = serde_json::from_str(&payload).map_err(|error| DecodeError {
            at: wire::at_byte(payload.as_bytes(), &error),
            what: "a request (byte of the payload)",
        })?;
        if request.v != VERSION {
            return Err(DecodeError { at: 0, what: "version 1" }.into());
        }
        let asked = request
            .ops
            .iter()
            .enumerate()
            .map(|(index, op)| self.asked(op).map_err(|what| AdapterError::Operation { index, what }));
        asked.collect()
    }

    fn asked(&self, op: &Op<'_>) -> Result<Asked, &'static str> {
        let kind = OpKind::from_name(&op.op).ok_or("op: the name of an operation is expected")?;
        let reference = Reference::parse(&op.reference).ok_or("ref: a reference is expected")?;
        let amount = wire::read_amount(op.amount_minor, &op.currency);
        let text = |text: &Option<Str<'_>>| match text {
            None => Ok(None),
            Some(text) => wire::read_text(text).map(Some).ok_or("product, payee: a short text is expected"),
        };
        let card = match &op.card {
            None => None,
            Some(card) => {
                Some(self.0.open_card(reference, kind, card).ok_or("card: one sealed for this is expected")?)
            }
        };
        Ok(Asked {
            kind,
            reference,
            product: text(&op.product)?,
            payee: text(&op.payee)?,
            amount: amount.ok_or("amount_minor, currency: an amount is expected")?,
            attempt: op.attempt,
            card,
        })
    }

    /// Writes answers, signed. [`Outcome::Unknown`] goes out as `unsure`.
    ///
    /// # Panics
    /// On [`Outcome::NotSent`], which only the asker can know.
    pub fn answer(&self, answers: &[(Reference, Answer)]) -> Vec<u8> {
        let lines = answers.iter().map(|(reference, answer)| line(*reference, answer)).collect();
        let message = Answers { v: VERSION, answers: lines };
        let payload = serde_json::to_string(&message).expect("texts and integers always become JSON");
        self.0.sign(Way::Answer, payload)
    }

    /// The tag that answers echo for `card`.
    pub fn card_tag(&self, card: CardData<'_>) -> CardTag {
        self.0.card_tag(card)
    }

    #[cfg(test)]
    pub(super) fn answer_text(&self, payload: &str) -> Vec<u8> {
        self.0.sign(Way::Answer, payload.into())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server(..)")
    }
}

fn line<'a>(reference: Reference, answer: &'a Answer) -> Line<'a> {
    let line = Line {
        reference: Cow::Owned(reference.to_string()),
        op: Cow::Borrowed(answer.kind.name()),
        file: answer.by_file,
        ..Line::default()
    };
    let status = |status: &'static str| Line { status: Cow::Borrowed(status), ..line };
    let line = match &answer.outcome {
        Outcome::NotSent => panic!("an answer is proof that the question was sent"),
        Outcome::Accepted(accepted) => approved(status("accepted"), accepted),
        Outcome::Partial(accepted) => approved(status("partial"), accepted),
        Outcome::Pending => status("pending"),
        Outcome::Declined(decline) => {
            Line { reason: Some(Str::from(decline.reason())), ..status("declined") }
        }
        Outcome::NotFound => status("not_found"),
        Outcome::Duplicate(original) => {
            Line { issuer_ref: Some(Str::from(original.as_str())), ..status("duplicate") }
        }
        Outcome::Unknown(_) => status("unsure"),
        Outcome::Reversed => status("reversed"),
        Outcome::ReversalUnconfirmed => status("reversal_unconfirmed"),
        Outcome::ReversalRefused => status("reversal_refused"),
    };
    debug_assert!(
        matches!(answer.outcome, Outcome::Unknown(_)) || outcome(&line) == answer.outcome,
        "what is written reads back"
    );
    line
}

fn approved<'a>(line: Line<'a>, accepted: &'a Accepted) -> Line<'a> {
    Line {
        issuer_ref: Some(Str::from(accepted.reference.as_str())),
        amount_minor: Some(accepted.amount.minor()),
        currency: Some(Str::from(accepted.amount.currency().alpha())),
        card_tag: accepted.card.map(|tag| Str::from(hex::write(&tag.0))),
        generation: accepted.generation,
        ..line
    }
}
