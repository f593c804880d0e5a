//! Adapters that break the contract, one clause each.

use scrip::adapters::plain::Plain;
use scrip::issuer::{
    Accepted, Answer, Asked, CardData, CardTag, Cause, Context, Decline, DecodeError, EncodeError, Issuer,
    IssuerProfile, Message, OpKind, Operation, Outcome, Reference,
};
use scrip::sim::kit::{CardText, FarEnd, Heard, PlainEnd, Rule, Said, conformance};
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Cards are echoed, it says, and knows no tag.
    NoTag,
    /// There is no query, which the recipe wants.
    NoQuery,
    /// What is pending is read as a yes.
    Hasty,
    /// A code that nobody knows is a no.
    Unknown,
    /// Whatever comes is about what was asked.
    Trusting,
    /// The amount that was asked is the one that is told.
    Obliging,
    /// Yes to anything that begins like a yes.
    Careless,
    /// It falls over half an answer.
    Panics,
    /// The number is in the path.
    Path,
    /// The secret is in what is kept.
    Kept,
    /// A failed message stays half written.
    HalfWritten,
    /// Messages are counted in memory.
    Counts,
    /// Only the first of several operations is written.
    First,
    /// Each attempt has a number of its own at the issuer.
    OtherKey,
    /// What was asked is only in memory.
    Forgets,
}

struct Wrong {
    inner: Plain,
    fault: Fault,
    sent: AtomicUsize,
}

impl Wrong {
    fn made(fault: Fault) -> Self {
        let batch = if fault == Fault::First { "\nbatch_window_ms = 5\nbatch_max = 5" } else { "" };
        let profile = crate::profile("plain", &format!("{}{batch}", crate::RECOGNISES));
        Self { inner: Plain::new(profile, crate::key()).unwrap(), fault, sent: AtomicUsize::new(0) }
    }

    fn bent(&self, answer: Answer, asked: Option<&Asked>) -> Answer {
        let outcome = match (self.fault, answer.outcome) {
            (Fault::Hasty, Outcome::Pending) => Outcome::NotFound,
            (Fault::Unknown, Outcome::Unknown(Cause::Unmapped)) => Outcome::Declined(Decline::Refused),
            (Fault::Obliging, Outcome::Accepted(yes)) => {
                let amount = asked.map_or(yes.amount, |asked| asked.amount);
                Outcome::Accepted(Accepted { amount, ..yes })
            }
            (_, outcome) => outcome,
        };
        Answer { outcome, ..answer }
    }

    fn careless(bytes: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(bytes);
        match text.split(' ').collect::<Vec<_>>()[..] {
            [reference, kind, status, ref rest @ ..] if status.starts_with("acc") && rest.len() < 3 => {
                format!("{reference} {kind} accepted I-1 10000 CNY\n").into_bytes()
            }
            _ => bytes.to_vec(),
        }
    }
}

impl Issuer for Wrong {
    fn profile(&self) -> &IssuerProfile {
        self.inner.profile()
    }

    fn encode(
        &self,
        operations: &[Operation<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        let sent = self.sent.fetch_add(1, Ordering::Relaxed);
        let one = &operations[0];
        if self.fault == Fault::NoQuery && one.kind == OpKind::Query {
            return Err(EncodeError::Unsupported("query"));
        }
        let take = if self.fault == Fault::First { 1 } else { operations.len() };
        let done = self.inner.encode(&operations[..take], context, out);
        match (self.fault, one.card) {
            (Fault::Path, Some(card)) if done.is_ok() => {
                out.head.extend_from_slice(card.number.unwrap_or_default())
            }
            (Fault::Kept, Some(card)) if done.is_ok() => {
                out.session = Some([b"state ", card.secret].concat())
            }
            (Fault::HalfWritten, _) if done.is_err() => out.body.push(b'x'),
            (Fault::Counts, _) if done.is_ok() => out.head = sent.to_string().into_bytes(),
            _ => {}
        }
        done
    }

    fn decode(
        &self,
        bytes: &[u8],
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        if self.fault == Fault::Panics {
            assert!(bytes.is_empty() || bytes.contains(&b'\n'), "half a line");
        }
        let bytes = if self.fault == Fault::Careless { Self::careless(bytes) } else { bytes.to_vec() };
        self.inner.decode(&bytes, context, &mut |reference, answer| {
            answers(reference, self.bent(answer, None));
        })
    }

    fn decode_reply(
        &self,
        bytes: &[u8],
        asked: &Asked,
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        if self.fault == Fault::Forgets && self.sent.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        self.decode(bytes, context, &mut |reference, answer| {
            let reference = if self.fault == Fault::Trusting { asked.reference } else { reference };
            answers(reference, self.bent(answer, Some(asked)));
        })
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        if self.fault == Fault::NoTag { None } else { self.inner.card_tag(card) }
    }
}

/// An issuer that takes each attempt for a debit of its own.
struct OtherKey(PlainEnd);

impl FarEnd for OtherKey {
    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>> {
        let attempt = String::from_utf8(request.body.clone()).ok()?.split(' ').nth(5)?.to_string();
        let mut heard = self.0.read(request, card)?;
        let repeats = heard.iter_mut().filter(|heard| heard.kind == OpKind::Redeem && attempt != "1");
        repeats.for_each(|heard| heard.key.push_str(&attempt));
        Some(heard)
    }

    fn write(&mut self, request: &Message, said: &[Said]) -> Option<Vec<u8>> {
        self.0.write(request, said)
    }
}

#[test]
fn every_clause_is_found_broken() {
    for (fault, rule) in [
        (Fault::None, None),
        (Fault::NoTag, Some(Rule::Ability)),
        (Fault::NoQuery, Some(Rule::Ability)),
        (Fault::Hasty, Some(Rule::Answer)),
        (Fault::Unknown, Some(Rule::Unknown)),
        (Fault::Trusting, Some(Rule::Foreign)),
        (Fault::Obliging, Some(Rule::Foreign)),
        (Fault::Careless, Some(Rule::Broken)),
        (Fault::Panics, Some(Rule::Broken)),
        (Fault::Path, Some(Rule::Secret)),
        (Fault::Kept, Some(Rule::Secret)),
        (Fault::HalfWritten, Some(Rule::NothingSent)),
        (Fault::Counts, Some(Rule::Same)),
        (Fault::First, Some(Rule::Batch)),
        (Fault::OtherKey, Some(Rule::Repeat)),
        (Fault::Forgets, Some(Rule::Restart)),
    ] {
        let made = || Box::new(Wrong::made(fault)) as Box<dyn Issuer>;
        let plain = PlainEnd::new(crate::key());
        let found = match fault {
            Fault::OtherKey => conformance(&made, &mut OtherKey(plain)),
            _ => conformance(&made, &mut { plain }),
        };
        assert_eq!(found.as_ref().err().map(|breach| breach.rule), rule, "{fault:?}: {found:?}");
    }
}
