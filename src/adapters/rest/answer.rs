//! Replies and callbacks: verified, taken apart, and brought to an outcome by the first rule that
//! fits. What no rule names is Unknown, never a decline.

use super::channel::{Channel, Values};
use super::pair::End;
use super::request::read_amount;
use super::template::Name;
use super::terms::{Algorithm, Rule, Section, Verdict};
use super::wire::{Fields, Incoming, open, rooted};
use crate::base::{Text, Wall};
use crate::codec::envelope::Envelope;
use crate::issuer::{Accepted, Answer, Asked, Cause, DecodeError, Leg, OpKind, Outcome, Reference};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use zeroize::Zeroizing;

impl Channel {
    /// A message of any origin. A reply that nobody waits for says too little: only the question
    /// tells which operation it answers.
    pub(super) fn hear(
        &self,
        bytes: &[u8],
        asked: Option<&Asked>,
        now: Wall,
    ) -> Result<Option<(Reference, Answer)>, DecodeError> {
        let envelope = open(bytes)?;
        let reply = envelope.first.starts_with(|first: char| first.is_ascii_digit());
        match (reply, asked, &self.terms.callback) {
            (true, Some(asked), _) => self.reply(bytes, asked, now).map(Some),
            (true, None, _) => Ok(None),
            (false, _, Some(callback)) => self.callback(callback, bytes, now),
            (false, ..) => Err(DecodeError { at: 0, what: "a reply: this issuer does not call back" }),
        }
    }

    fn reply(&self, bytes: &[u8], asked: &Asked, now: Wall) -> Result<(Reference, Answer), DecodeError> {
        let (section, kind) = (&self.terms.answer, asked.kind);
        let incoming = Incoming::read(bytes, section.encoding)?;
        let mut values = Values::default();
        let root = self.terms.op(kind).map_or("", |op| op.root.as_str());
        let ours = self.taken_apart(section, &incoming, root, &mut values);
        self.trusted(section, &incoming, &mut values, now)?;
        let status = incoming.envelope.first;
        let rule = section.rules.iter().find(|rule| {
            rule.ops.contains(&self.terms.asked_as(kind))
                && rule.http.iter().any(|http| http == status)
                && fits(rule, &incoming.fields, root)
        });
        let told = values.get(&Name::Reference).map(|text| text == asked.reference.to_string());
        let outcome = match rule {
            _ if self.expired(&incoming) => self.refused(asked),
            _ if !ours || told == Some(false) => Outcome::Unknown(Cause::Integrity),
            Some(rule) if told.is_none() && needs_reference(section, rule.verdict, kind) => {
                Outcome::Unknown(Cause::Integrity)
            }
            Some(rule) => self.outcome(section, rule.verdict, &values, Some(asked)),
            None => Outcome::Unknown(Cause::Unmapped),
        };
        Ok((asked.reference, Answer { kind, outcome, by_file: false }))
    }

    /// What the issuer tells by itself: how a debit of ours stands, as if we had asked.
    fn callback(
        &self,
        section: &Section,
        bytes: &[u8],
        now: Wall,
    ) -> Result<Option<(Reference, Answer)>, DecodeError> {
        let incoming = Incoming::read(bytes, section.encoding)?;
        if path_of(&incoming.envelope) != section.path {
            return Err(DecodeError { at: 0, what: "the callback's path" });
        }
        let mut values = Values::default();
        let ours = self.taken_apart(section, &incoming, "", &mut values);
        self.trusted(section, &incoming, &mut values, now)?;
        if !ours {
            return Err(DecodeError { at: incoming.at, what: "the values that were agreed" });
        }
        let told = values.get(&Name::Reference).and_then(Reference::parse);
        let Some(reference) = told.filter(|told| told.leg == Leg::Debit) else { return Ok(None) };
        let rule = section.rules.iter().find(|rule| fits(rule, &incoming.fields, ""));
        let outcome = match rule {
            Some(rule) => self.outcome(section, rule.verdict, &values, None),
            None => Outcome::Unknown(Cause::Unmapped),
        };
        Ok(Some((reference, Answer { kind: OpKind::Query, outcome, by_file: false })))
    }

    /// Reads the fields and headers into values; whether all are what was agreed.
    pub(super) fn taken_apart(
        &self,
        section: &Section,
        incoming: &Incoming<'_>,
        root: &str,
        values: &mut Values,
    ) -> bool {
        let fields = section.fields.iter().map(|(name, template)| {
            let told = incoming.fields.value(&rooted(name, root));
            (told.filter(|told| !told.is_empty()), template)
        });
        let headers = section.headers.iter().map(|(name, template)| (incoming.envelope.get(name), template));
        let mut ours = true;
        for (told, template) in fields.chain(headers) {
            let Some(told) = told else { continue };
            let mut keep =
                |name: &Name, text: &str| values.put(name.clone(), Zeroizing::new(text.to_string()));
            ours &= template.read(told, &|name| self.fixed(name), &mut keep);
        }
        ours
    }

    /// Signed by the other end, and not too old.
    pub(super) fn trusted(
        &self,
        section: &Section,
        incoming: &Incoming<'_>,
        values: &mut Values,
        now: Wall,
    ) -> Result<(), DecodeError> {
        let wrong = |what| DecodeError { at: incoming.at, what };
        if let Some(sign) = &section.sign {
            // The issuer's end reads back what it wrote, and of its own key it has the private half.
            let own = self.end == End::Issuers && matches!(sign.algorithm, Algorithm::Pair(_));
            if !own && !incoming.is_signed(self, sign, values) {
                return Err(wrong("a signature by the issuer's key"));
            }
        }
        if !self.terms.time.within(section.window_ms, values.get(&Name::Timestamp), now) {
            return Err(wrong("a time within the window"));
        }
        Ok(())
    }

    fn outcome(
        &self,
        section: &Section,
        verdict: Verdict,
        values: &Values,
        asked: Option<&Asked>,
    ) -> Outcome {
        let unmapped = Outcome::Unknown(Cause::Unmapped);
        let yes = || self.accepted(section, values, asked);
        match verdict {
            Verdict::Accepted => yes().map_or_else(Outcome::Unknown, Outcome::Accepted),
            Verdict::Partial => yes().map_or_else(Outcome::Unknown, Outcome::Partial),
            Verdict::Pending => Outcome::Pending,
            Verdict::Declined(decline) => Outcome::Declined(decline),
            Verdict::NotFound => Outcome::NotFound,
            Verdict::Duplicate => text(values, &Name::IssuerReference).map_or(unmapped, Outcome::Duplicate),
            Verdict::Reversed => Outcome::Reversed,
            Verdict::ReversalUnconfirmed => Outcome::ReversalUnconfirmed,
            Verdict::ReversalRefused => Outcome::ReversalRefused,
            Verdict::Unsure => Outcome::Unknown(Cause::IssuerUnsure),
        }
    }

    fn accepted(&self, section: &Section, values: &Values, asked: Option<&Asked>) -> Result<Accepted, Cause> {
        let currency = self.terms.currency;
        if let Some(told) = values.get(&Name::Currency) {
            let numeric = told.parse().is_ok_and(|number: u16| number == currency.numeric());
            if told != currency.alpha() && !numeric {
                return Err(Cause::Integrity);
            }
        } else if section.tells(&Name::Currency) {
            return Err(Cause::Unmapped);
        }
        let by_card = asked.is_some_and(|asked| matches!(asked.kind, OpKind::Balance | OpKind::PinCheck));
        let amount = match (values.get(&Name::Amount), asked) {
            (Some(told), _) => read_amount(section.unit, told, currency),
            (None, Some(asked)) if section.assume_amount && !by_card => Some(asked.amount),
            (None, _) => None,
        };
        // A balance has no reference of the issuer's; ours stands for it.
        let reference = text(values, &Name::IssuerReference);
        let ours =
            || asked.filter(|_| by_card).and_then(|asked| Text::new(&asked.reference.to_string()).ok());
        let generation = match values.get(&Name::Generation) {
            Some(told) => Some(told.parse().map_err(|_| Cause::Unmapped)?),
            None => None,
        };
        Ok(Accepted {
            reference: reference.or_else(ours).ok_or(Cause::Unmapped)?,
            amount: amount.ok_or(Cause::Unmapped)?,
            card: values.get(&Name::Number).and_then(|number| self.card_tag(number.as_bytes())),
            generation,
        })
    }
}

/// Where a message came in, without what follows `?`.
pub(super) fn path_of<'a>(envelope: &Envelope<'a>) -> &'a str {
    let target = envelope.first.split_once(' ').map_or("", |(_, target)| target);
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// Whether an answer must say about which debit it is, where the profile says that it can.
fn needs_reference(section: &Section, verdict: Verdict, kind: OpKind) -> bool {
    let about = match kind {
        OpKind::Balance | OpKind::PinCheck => false,
        OpKind::Redeem => matches!(verdict, Verdict::Accepted | Verdict::Partial),
        OpKind::Reverse => verdict == Verdict::Reversed,
        _ => !matches!(verdict, Verdict::Pending | Verdict::Unsure | Verdict::NotFound),
    };
    about && section.tells(&Name::Reference)
}

fn text(values: &Values, name: &Name) -> Option<Text> {
    Text::new(values.get(name)?).ok()
}

fn fits(rule: &Rule, fields: &Fields<'_>, root: &str) -> bool {
    holds(&rule.when, fields, root)
}

/// Whether all fields have one of their values.
pub(super) fn holds(when: &[(String, Vec<String>)], fields: &Fields<'_>, root: &str) -> bool {
    when.iter().all(|(name, values)| {
        fields.value(&rooted(name, root)).is_some_and(|told| values.iter().any(|value| value == told))
    })
}
