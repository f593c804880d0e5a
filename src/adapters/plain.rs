//! Plain: lines of text for scripted issuers, examples and trials. Not for production: nothing
//! is signed, so whoever can write to the line can say that a card was debited.
//!
//! A message is a list of lines, each ended by `\n`, one per operation, with the fields separated
//! by single spaces:
//! ```text
//! ref op product amount currency attempt card
//! ```
//! `ref` is ours ([`Reference`]), `op` a name of [`OpKind`], `amount` in minor units. A rail gets
//! the payee in place of `product`. `card` is a keyed tag of 32 hexadecimal digits, and `-` where
//! the operation goes by reference: neither number nor secret ever stands in a line. The tag is
//! HMAC-SHA-256 under the channel's key of the domain `scrip plain card v1`, the number (empty if
//! there is none) and the secret, cut to 16 bytes. In `product` and payee every byte but ASCII
//! letters, digits, `.`, `_` and `-` is written as `%` and two hexadecimal digits.
//!
//! Back comes one line per operation answered, of three to seven fields:
//! ```text
//! ref op accepted issuer_ref amount currency [card]
//! ref op partial issuer_ref amount currency [card]
//! ref op declined reason
//! ref op duplicate issuer_ref
//! ref op pending | not_found | reversed | reversal_unconfirmed | reversal_refused | unsure
//! ```
//! `reason` is a name of [`Decline`]. Any other status, an unknown reason and an approval without
//! its amount are Unknown (unmapped), never a decline.

use crate::adapters::{AdapterError, hex};
use crate::base::{Secret, Text};
use crate::issuer::{
    Accepted, Answer, CardData, CardTag, Cause, Context, Decline, DecodeError, EncodeError, Issuer,
    IssuerProfile, Leg, Message, OpKind, Operation, Outcome, Payment, Rail, RailProfile, Reference,
};
use crate::money::{Amount, Currency};
use crate::vault::{KeyRing, tag};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// The name under which profiles ask for this adapter.
pub const NAME: &str = "plain";

const CARD: &str = "scrip plain card v1";

/// An issuer that speaks plain lines.
pub struct Plain {
    profile: IssuerProfile,
    key: Secret,
}

/// A pay-out rail that speaks plain lines. It has no cards and needs no key.
#[derive(Debug)]
pub struct PlainRail {
    profile: RailProfile,
}

impl Plain {
    /// The adapter for one issuer. `key` is 32 bytes; card tags are made with it.
    ///
    /// # Errors
    /// [`AdapterError::KeyLength`].
    pub fn new(profile: IssuerProfile, key: Secret) -> Result<Self, AdapterError> {
        match key.len() {
            KeyRing::KEY_LEN => Ok(Self { profile, key }),
            len => Err(AdapterError::KeyLength { len }),
        }
    }
}

impl PlainRail {
    /// The adapter for one rail.
    pub fn new(profile: RailProfile) -> Self {
        Self { profile }
    }
}

impl Issuer for Plain {
    fn profile(&self) -> &IssuerProfile {
        &self.profile
    }

    fn encode(
        &self,
        operations: &[Operation<'_>],
        _context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        let mut text = String::new();
        for operation in operations {
            let Operation { kind, reference, product, amount, attempt, .. } = *operation;
            match kind {
                OpKind::Balance | OpKind::PinCheck | OpKind::Redeem if operation.card.is_none() => {
                    return Err(EncodeError::Field("card"));
                }
                OpKind::Pay | OpKind::PayQuery => return Err(EncodeError::Unsupported(kind.name())),
                _ if amount.minor() < 0 => return Err(EncodeError::Field("amount")),
                _ => {}
            }
            let card = operation.card.and_then(|card| self.card_tag(card)).map(|tag| hex::write(&tag.0));
            line(&mut text, kind, reference, product, amount, attempt, card.as_deref());
        }
        out.body = text.into_bytes();
        Ok(())
    }

    fn decode(
        &self,
        bytes: &[u8],
        _context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        decode(bytes, |leg| leg == Leg::Debit, answers)
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        let whole = tag(&self.key, CARD, &[card.number.unwrap_or_default(), card.secret]);
        whole.first_chunk::<16>().copied().map(CardTag)
    }
}

impl Rail for PlainRail {
    fn profile(&self) -> &RailProfile {
        &self.profile
    }

    fn encode(
        &self,
        payments: &[Payment<'_>],
        _context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        let mut text = String::new();
        for payment in payments {
            let Payment { kind, reference, payee, amount, attempt } = *payment;
            if !matches!(kind, OpKind::Pay | OpKind::PayQuery) {
                return Err(EncodeError::Unsupported(kind.name()));
            }
            line(&mut text, kind, reference, payee, amount, attempt, None);
        }
        out.body = text.into_bytes();
        Ok(())
    }

    fn decode(
        &self,
        bytes: &[u8],
        _context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        decode(bytes, |leg| leg != Leg::Debit, answers)
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plain({})", self.profile.name)
    }
}

fn line(
    out: &mut String,
    kind: OpKind,
    reference: Reference,
    name: &Text,
    amount: Amount,
    attempt: u32,
    card: Option<&str>,
) {
    let (minor, currency, card) = (amount.minor(), amount.currency(), card.unwrap_or("-"));
    let written = write!(out, "{reference} {} ", kind.name())
        .and_then(|()| escape(out, name))
        .and_then(|()| writeln!(out, " {minor} {currency} {attempt} {card}"));
    written.expect("a text takes all that is written to it");
}

/// Names may hold spaces; a field may not.
fn escape(out: &mut String, name: &str) -> fmt::Result {
    name.bytes().try_for_each(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => out.write_char(char::from(byte)),
        _ => write!(out, "%{byte:02x}"),
    })
}

fn decode(
    bytes: &[u8],
    ours: impl Fn(Leg) -> bool,
    answers: &mut dyn FnMut(Reference, Answer),
) -> Result<(), DecodeError> {
    let text = core::str::from_utf8(bytes)
        .map_err(|error| DecodeError { at: error.valid_up_to(), what: "UTF-8 text" })?;
    let mut at = 0;
    let mut strange = if text.is_empty() { Err(DecodeError { at, what: "a line" }) } else { Ok(()) };
    for whole in text.split_inclusive('\n') {
        match read_line(whole.trim_end_matches(['\n', '\r'])) {
            Some((reference, answer)) if ours(reference.leg) => answers(reference, answer),
            Some(_) => {}
            // What can be read is still handed out: one line must not hold up a whole file.
            None => strange = strange.and(Err(DecodeError { at, what: "ref op status ..." })),
        }
        at = at.saturating_add(whole.len());
    }
    strange
}

fn read_line(line: &str) -> Option<(Reference, Answer)> {
    let fields: Vec<&str> = line.split(' ').collect();
    let (reference, op, status, rest) = match fields.as_slice() {
        [reference, op, status, rest @ ..] => (reference, op, status, rest),
        _ => return None,
    };
    let outcome = outcome(status, rest).unwrap_or(Outcome::Unknown(Cause::Unmapped));
    let answer = Answer { kind: OpKind::from_name(op)?, outcome, by_file: false };
    Some((Reference::parse(reference)?, answer))
}

/// What a line says; `None` for what is outside the closed set.
fn outcome(status: &str, rest: &[&str]) -> Option<Outcome> {
    Some(match (status, rest) {
        ("accepted", rest) => Outcome::Accepted(approval(rest)?),
        ("partial", rest) => Outcome::Partial(approval(rest)?),
        ("declined", [reason]) => Outcome::Declined(Decline::from_reason(reason)?),
        ("duplicate", [reference]) => Outcome::Duplicate(Text::new(reference).ok()?),
        ("pending", []) => Outcome::Pending,
        ("not_found", []) => Outcome::NotFound,
        ("reversed", []) => Outcome::Reversed,
        ("reversal_unconfirmed", []) => Outcome::ReversalUnconfirmed,
        ("reversal_refused", []) => Outcome::ReversalRefused,
        ("unsure", []) => Outcome::Unknown(Cause::IssuerUnsure),
        _ => return None,
    })
}

fn approval(rest: &[&str]) -> Option<Accepted> {
    let (reference, minor, currency, card) = match rest {
        [reference, minor, currency] => (reference, minor, currency, None),
        [reference, minor, currency, card] => (reference, minor, currency, Some(hex::read_array(card)?)),
        _ => return None,
    };
    let minor: i64 = minor.parse().ok().filter(|minor| *minor >= 0)?;
    let currency: Currency = currency.parse().ok()?;
    Some(Accepted {
        reference: Text::new(reference).ok()?,
        amount: Amount::new(minor, currency),
        card: card.map(CardTag),
        generation: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{RedemptionId, Wall};
    use crate::issuer::Profiles;
    use proptest::prelude::*;

    const CONTEXT: Context<'static> = Context { session: &[], now: Wall(0), nonce: [0; 16] };
    const NUMBER: &[u8] = b"6212345678901234";
    const SECRET: &[u8] = b"739164";

    fn issuer() -> Plain {
        let text = r#"
            [issuer.scripted]
            adapter = "plain"
            verify = "balance"
            evidence = "online"
            idempotency = "issuer"
            recipe = "query"
            late_debit = "owe"
            endpoints = ["here"]
        "#;
        let profile = Profiles::parse(text).unwrap().issuers["scripted"].clone();
        Plain::new(profile, Secret::new([7; 32].to_vec())).unwrap()
    }

    fn debit() -> Reference {
        Reference::debit(RedemptionId([0xab; 16]))
    }

    fn told(text: &str) -> (Vec<(Reference, Outcome)>, Result<(), DecodeError>) {
        let mut seen = Vec::new();
        let read = issuer().decode(text.as_bytes(), &CONTEXT, &mut |reference, answer| {
            seen.push((reference, answer.outcome));
        });
        (seen, read)
    }

    #[test]
    fn a_line_carries_the_card_as_a_tag_only() {
        let (issuer, product) = (issuer(), Text::new("gift card").unwrap());
        let card = CardData { number: Some(NUMBER), secret: SECRET };
        let amount = Amount::new(10_000, Currency::CNY);
        let redeem = Operation {
            kind: OpKind::Redeem,
            reference: debit(),
            product: &product,
            card: Some(card),
            amount,
            attempt: 1,
        };
        let query = Operation { kind: OpKind::Query, card: None, ..redeem.clone() };
        let mut message = Message::default();
        issuer.encode(&[redeem.clone(), query], &CONTEXT, &mut message).unwrap();
        let text = core::str::from_utf8(&message.body).unwrap();
        let id = "ab".repeat(16);
        let tag = hex::write(&issuer.card_tag(card).unwrap().0);
        let lines = alloc::format!(
            "{id} redeem gift%20card 10000 CNY 1 {tag}\n{id} query gift%20card 10000 CNY 1 -\n"
        );
        assert_eq!(text, lines);
        let cardless = Operation { card: None, ..redeem };
        assert_eq!(issuer.encode(&[cardless], &CONTEXT, &mut message), Err(EncodeError::Field("card")));
    }

    #[test]
    fn every_status_has_its_outcome() {
        let id = "ab".repeat(16);
        let accepted = |card| {
            let amount = Amount::new(10_000, Currency::CNY);
            Accepted { reference: Text::new("I-1").unwrap(), amount, card, generation: None }
        };
        let tagged = accepted(Some(CardTag([0x1a; 16])));
        let tag = "1a".repeat(16);
        for (words, outcome) in [
            ("accepted I-1 10000 CNY", Outcome::Accepted(accepted(None))),
            (&alloc::format!("accepted I-1 10000 CNY {tag}"), Outcome::Accepted(tagged)),
            ("partial I-1 10000 CNY", Outcome::Partial(accepted(None))),
            ("declined expired", Outcome::Declined(Decline::Expired)),
            ("duplicate I-1", Outcome::Duplicate(Text::new("I-1").unwrap())),
            ("pending", Outcome::Pending),
            ("not_found", Outcome::NotFound),
            ("reversed", Outcome::Reversed),
            ("reversal_unconfirmed", Outcome::ReversalUnconfirmed),
            ("reversal_refused", Outcome::ReversalRefused),
            ("unsure", Outcome::Unknown(Cause::IssuerUnsure)),
            ("declined because", Outcome::Unknown(Cause::Unmapped)),
            ("accepted I-1 -1 CNY", Outcome::Unknown(Cause::Unmapped)),
            ("accepted I-1 1e3 CNY", Outcome::Unknown(Cause::Unmapped)),
            ("accepted", Outcome::Unknown(Cause::Unmapped)),
            ("maybe", Outcome::Unknown(Cause::Unmapped)),
        ] {
            let text = alloc::format!("{id} redeem {words}\n");
            assert_eq!(told(&text), (alloc::vec![(debit(), outcome)], Ok(())), "{words}");
        }
    }

    #[test]
    fn a_strange_line_is_an_error_with_its_place_and_holds_up_no_other() {
        let id = "ab".repeat(16);
        let (seen, read) = told(&alloc::format!("hello\n{id} redeem pending\n"));
        assert_eq!(seen, [(debit(), Outcome::Pending)]);
        assert_eq!(read.unwrap_err().at, 0);
        let (seen, read) = told(&alloc::format!("{id}p1 pay pending\n{id} dance pending\n"));
        assert_eq!((seen.len(), read.unwrap_err().at), (0, id.len() + 15));
        assert!(told("").1.is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = issuer().decode(&bytes, &CONTEXT, &mut |_, _| {});
        }
    }
}
