//! The other end of an adapter's protocol.

use crate::base::{Text, Wall};
use crate::issuer::{Accepted, CardData, CardTag, Cause, Decline, Message, OpKind, Outcome, Reference};
use crate::money::Amount;
use std::string::String;
use std::vec::Vec;

/// A card as a far end names it, in canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardText {
    /// The number, where cards have one.
    pub number: Option<&'static str>,
    /// The secret.
    pub secret: &'static str,
}

impl CardText {
    /// As an adapter sees it.
    pub fn data(&self) -> CardData<'static> {
        CardData { number: self.number.map(str::as_bytes), secret: self.secret.as_bytes() }
    }
}

/// One operation as it stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What is asked.
    pub kind: OpKind,
    /// Our reference, where the request carries it.
    pub reference: Option<Reference>,
    /// By what the issuer tells debits apart: of a debit its own, of a query, a receipt or an undo
    /// that of the debit which is meant.
    pub key: String,
    /// The amount, where the request carries one.
    pub amount: Option<Amount>,
    /// Whether the card in the request is the one that was told; true where it carries none.
    pub card_fits: bool,
}

/// What a far end is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Says {
    /// Yes, to the amount; of an undo: it is undone.
    Yes,
    /// Yes, to half of the amount.
    Partial,
    /// The answer comes later.
    Pending,
    /// A definite no.
    No(Decline),
    /// Nothing is known of it.
    NotFound,
    /// It was done before.
    Duplicate,
    /// The issuer does not know itself.
    Unsure,
    /// An answer in which all is as agreed but one thing that is not in the protocol's closed set: a
    /// business code, a status of the answer, a status of the transport. The one with this number,
    /// from 0; there are no more behind the first that is not written.
    Strange(u32),
}

/// One answer to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What was asked.
    pub kind: OpKind,
    /// Our reference.
    pub reference: Reference,
    /// The amount that the answer speaks of.
    pub amount: Amount,
    /// The card that the answer speaks of.
    pub card: CardText,
    /// The issuer's own reference.
    pub own: String,
    /// What is said.
    pub says: Says,
}

impl Said {
    /// What is said as an outcome, with the card as the protocol echoes it; `None` for a code that no
    /// outcome stands for.
    ///
    /// # Panics
    /// If [`Said::own`] is no reference.
    pub fn outcome(&self, card: Option<CardTag>) -> Option<Outcome> {
        let own = || Text::new(&self.own).expect("the suite's own references are texts");
        let yes = |minor| {
            let amount = Amount::new(minor, self.amount.currency());
            Accepted { reference: own(), amount, card, generation: None }
        };
        let undo = self.kind == OpKind::Reverse;
        Some(match self.says {
            Says::Yes if undo => Outcome::Reversed,
            Says::Yes => Outcome::Accepted(yes(self.amount.minor())),
            Says::Partial => Outcome::Partial(yes(self.amount.minor() / 2)),
            Says::Pending if undo => Outcome::ReversalUnconfirmed,
            Says::Pending => Outcome::Pending,
            Says::No(_) if undo => Outcome::ReversalRefused,
            Says::No(decline) => Outcome::Declined(decline),
            Says::NotFound => Outcome::NotFound,
            Says::Duplicate => Outcome::Duplicate(own()),
            Says::Unsure => Outcome::Unknown(Cause::IssuerUnsure),
            Says::Strange(_) => return None,
        })
    }
}

/// The other end of an adapter's protocol: reads requests and writes answers. It keeps no books.
pub trait FarEnd {
    /// Reads a request, one [`Heard`] for each operation in its order; `card` is the one that it
    /// should carry. `None` for what is no request of this protocol.
    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>>;

    /// Writes the answer to `request`, saying this. `None` where the protocol has no words for it.
    fn write(&mut self, request: &Message, said: &[Said]) -> Option<Vec<u8>>;

    /// Whether answers bear a signature or a MAC: then no changed byte may change what is said, and
    /// that is checked too.
    fn signs(&self) -> bool {
        false
    }

    /// Whether a debit is only taken in at once, and what became of it is told later: by a callback
    /// (回调), or when it is asked for. Then there is no plain yes to a debit, but a "taken in"
    /// ([`Says::Pending`]).
    fn later(&self) -> bool {
        false
    }

    /// Writes a message that nobody waits for and that tells how a debit stands. `None` if the
    /// protocol has none, or no words for it.
    fn call_back(&mut self, said: &Said) -> Option<Vec<u8>> {
        let _ = said;
        None
    }

    /// The same as one writes it who knows all of the protocol and has none of its keys.
    fn forge(&mut self, said: &Said) -> Option<Vec<u8>> {
        let _ = said;
        None
    }

    /// Told what time it is from now on, before anything else is asked of it.
    fn at(&mut self, now: Wall) {
        let _ = now;
    }

    /// Answers the message that opens a session ([`Issuer::sign_in`](crate::issuer::Issuer::sign_in)).
    fn open(&mut self, request: &Message) -> Option<Vec<u8>> {
        let _ = request;
        None
    }

    /// Two different cards of a kind that the protocol takes.
    fn cards(&self) -> [CardText; 2] {
        [
            CardText { number: Some("6222021234567894"), secret: "739164" },
            CardText { number: Some("6222021234560017"), secret: "285093" },
        ]
    }

    /// The product, as the contract names it.
    fn product(&self) -> &str {
        "gift"
    }
}
