//! The issuer's side: reads requests, writes answers and callbacks. For simulated issuers, tests,
//! and issuers that use scrip on their side.

use super::RestKeys;
use super::answer::path_of;
use super::channel::{Channel, Values};
use super::pair::End;
use super::request::{escaped, read_amount, write_amount};
use super::template::{Name, Template};
use super::terms::{Encoding, Field, Op, RestTerms, Rule, Section, Signed, Verdict};
use super::wire::{Draft, Fields, Filled, Incoming, bare_name, open, rooted};
use crate::adapters::AdapterError;
use crate::adapters::served::{Asked, OpenCard};
use crate::base::{RedemptionId, Secret, Text, Wall};
use crate::codec::form::{Digits, Signer};
use crate::issuer::{self, DecodeError, Leg, OpKind, Outcome, Reference};
use crate::money::Amount;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// The issuer's end of a channel, made from the same profile and keys as our end.
pub struct Server(pub(super) Channel);

impl Server {
    /// The issuer's end. Of pairs of keys it has the other halves: its own private key, and our public
    /// one.
    ///
    /// # Errors
    /// As [`super::Rest::new`].
    pub fn new(terms: RestTerms, keys: RestKeys) -> Result<Self, AdapterError> {
        Channel::new(terms, keys, None, End::Issuers).map(Self)
    }

    /// The issuer's end of a channel whose signatures are made with pairs of keys that lie elsewhere.
    ///
    /// # Errors
    /// As [`super::Rest::with_signer`].
    pub fn with_signer(
        terms: RestTerms,
        keys: RestKeys,
        signer: Box<dyn Signer>,
    ) -> Result<Self, AdapterError> {
        Channel::new(terms, keys, Some(signer), End::Issuers).map(Self)
    }

    /// Reads a request (an envelope: `POST /path`, lines, an empty line, the body): verifies its
    /// signature and its time, and opens the card. An amount that the protocol does not carry is
    /// 0, an attempt 1, and the reference of a balance inquiry without one is that of the
    /// redemption of 32 zeros.
    ///
    /// # Errors
    /// [`AdapterError::Message`] for what is no request of this protocol or not signed as agreed,
    /// [`AdapterError::Operation`] for values that cannot be read, a time outside the window, or a
    /// card that was not sealed for us.
    pub fn read(&self, bytes: &[u8], now: Wall) -> Result<Asked, AdapterError> {
        let request = Request::read(bytes, self.0.terms.encoding)?;
        let (kind, op, mut values) = self
            .recognise(&request)
            .ok_or(DecodeError { at: 0, what: "a request with the path and the fields of an operation" })?;
        let operation = |what| AdapterError::Operation { index: 0, what };
        let unsigned = DecodeError { at: 0, what: "a signature by the asker's key" };
        let plain = self.signs_plain();
        if !plain && !self.is_signed(&request, &mut values) {
            return Err(unsigned.into());
        }
        let told = values.get(&Name::Timestamp);
        if !self.0.terms.time.within(self.0.terms.time.window_ms, told, now) {
            return Err(operation("timestamp: one within the window is expected"));
        }
        let card = self.card(&mut values);
        if plain && !(card.is_ok() && self.is_signed_plain(op, &request, &mut values)) {
            // One fault for both: which of the two it was helps only who guesses.
            return Err(unsigned.into());
        }
        let card = card.map_err(operation)?;
        self.asked(kind, &values, card).map_err(operation)
    }

    fn signs_plain(&self) -> bool {
        let signed = self.0.terms.sign.as_ref().map(|sign| &sign.signed);
        matches!(signed, Some(Signed::Fields { plain: true, .. }))
    }

    /// The operation whose path and fields these are.
    pub(super) fn recognise(&self, request: &Request<'_>) -> Option<(OpKind, &Op, Values)> {
        self.0.terms.ops.iter().find_map(|(kind, op)| {
            let mut values = Values::default();
            self.matches(op, request, &mut values).then_some((*kind, op, values))
        })
    }

    fn matches(&self, op: &Op, request: &Request<'_>, values: &mut Values) -> bool {
        let wanted = if op.get { "GET" } else { "POST" };
        if request.method != wanted || !self.take_path(&op.path, path_of(&request.incoming.envelope), values)
        {
            return false;
        }
        let headers = &self.0.terms.headers;
        let all = headers.iter().all(|(name, template)| {
            request.incoming.envelope.get(name).is_some_and(|told| self.take(template, told, values))
        });
        all && self.take_fields(&op.fields, &request.incoming.fields, values)
            && (op.inner.is_empty() || self.take_inner(op, values).is_some())
    }

    pub(super) fn take_path(&self, wanted: &Template, path: &str, values: &mut Values) -> bool {
        let mut params = Values::default();
        for name in wanted.names() {
            if let Some(text) = self.0.fixed(name) {
                params.set(name.clone(), Zeroizing::new(escaped(text)));
            }
        }
        let mut keep = |name: &Name, text: &str| {
            let text = unescaped(text).filter(|_| !text.contains('/'));
            text.is_some_and(|text| values.put(name.clone(), Zeroizing::new(text)))
        };
        wanted.read(path, &|name| params.get(name), &mut keep)
    }

    fn take(&self, template: &Template, told: &str, values: &mut Values) -> bool {
        let mut keep = |name: &Name, text: &str| values.put(name.clone(), Zeroizing::new(text.to_string()));
        template.read(told, &|name| self.0.fixed(name), &mut keep)
    }

    pub(super) fn take_fields(&self, wanted: &[Field], fields: &Fields<'_>, values: &mut Values) -> bool {
        wanted.iter().all(|(name, template)| match fields.value(name) {
            Some(told) => self.take(template, told, values),
            None => may_be_absent(template),
        })
    }

    fn take_inner(&self, op: &Op, values: &mut Values) -> Option<()> {
        let text = match (values.get(&Name::Inner), values.get(&Name::InnerBase64)) {
            (Some(text), _) => Zeroizing::new(text.as_bytes().to_vec()),
            (None, Some(text)) => Zeroizing::new(Digits::Base64.read(text)?),
            (None, None) => return None,
        };
        let fields = Fields::read(Encoding::Json, &text, 0).ok()?;
        self.take_fields(&op.inner, &fields, values).then_some(())
    }

    pub(super) fn is_signed(&self, request: &Request<'_>, values: &mut Values) -> bool {
        let sign = self.0.terms.sign.as_ref();
        sign.is_none_or(|sign| request.incoming.is_signed(&self.0, sign, values))
    }

    /// Whether the fields are signed with the card in the clear.
    fn is_signed_plain(&self, op: &Op, request: &Request<'_>, values: &mut Values) -> bool {
        let Some(sign) = &self.0.terms.sign else { return false };
        let Some(given) = request.incoming.given(sign) else { return false };
        let encoding = if op.get { Encoding::Form } else { self.0.terms.encoding };
        let Some(fields) = self.0.clear_fields(op, values) else { return false };
        let named: Vec<(Cow<'_, str>, &str)> =
            fields.iter().map(|(name, value)| (bare_name(name, encoding), value.as_str())).collect();
        let pairs: Vec<(&str, &str)> = named.iter().map(|(name, value)| (&**name, *value)).collect();
        self.0.verify_pairs(sign, given, &pairs, values)
    }

    /// Opens the card, and keeps it in the clear beside what was sealed.
    fn card(&self, values: &mut Values) -> Result<Option<OpenCard>, &'static str> {
        let wrong = "card: one sealed with the channel's key is expected";
        for (sealed, clear) in [(Name::SealedNumber, Name::Number), (Name::SealedSecret, Name::Secret)] {
            let Some(text) = values.get(&sealed) else { continue };
            let opened = self.0.open(text).ok_or(wrong)?;
            let text = core::str::from_utf8(opened.expose()).map_err(|_| wrong)?;
            values.set(clear, Zeroizing::new(text.to_string()));
        }
        let secret = |name: &Name| values.get(name).map(Secret::from);
        let (number, secret) = (secret(&Name::Number), secret(&Name::Secret));
        Ok((number.is_some() || secret.is_some())
            .then(|| OpenCard { number, secret: secret.unwrap_or_default() }))
    }

    fn asked(&self, kind: OpKind, values: &Values, card: Option<OpenCard>) -> Result<Asked, &'static str> {
        let terms = &self.0.terms;
        let by_card = matches!(kind, OpKind::Balance | OpKind::PinCheck);
        let reference = match values.get(&Name::Reference) {
            Some(told) => Reference::parse(told).filter(|told| told.leg == Leg::Debit),
            None => by_card.then(|| Reference::debit(RedemptionId::default())),
        };
        let amount = match values.get(&Name::Amount) {
            Some(told) => read_amount(terms.unit, told, terms.currency),
            None => Some(Amount::zero(terms.currency)),
        };
        let attempt = values.get(&Name::Attempt).map_or(Some(1), |told| told.parse().ok());
        if values.get(&Name::Currency).is_some_and(|told| told != terms.currency.alpha()) {
            return Err("currency: that of the contract is expected");
        }
        let product = match values.get(&Name::Product) {
            Some(told) => Some(Text::new(told).map_err(|_| "product: a short text is expected")?),
            None => None,
        };
        Ok(Asked {
            kind,
            reference: reference.ok_or("reference: one of a debit is expected")?,
            product,
            payee: None,
            amount: amount.ok_or("amount: one in the agreed unit is expected")?,
            attempt: attempt.ok_or("attempt: a number is expected")?,
            card,
        })
    }

    /// Writes the reply to what was asked (an envelope: the status, lines, an empty line, the
    /// body). Where the protocol echoes the card, it is that of `asked`.
    ///
    /// # Errors
    /// [`AdapterError::Rest`] if the profile has no words for this outcome of this operation.
    pub fn answer(
        &self,
        asked: &Asked,
        outcome: &Outcome,
        now: Wall,
        nonce: [u8; 16],
    ) -> Result<Vec<u8>, AdapterError> {
        let op = self.0.terms.op(asked.kind).ok_or(NO_WORDS)?;
        let section = &self.0.terms.answer;
        let waiting =
            issuer::Asked { kind: asked.kind, reference: asked.reference, amount: asked.amount, trace: None };
        let kind = self.0.terms.asked_as(asked.kind);
        let rules = section.rules.iter().filter(|rule| rule.ops.contains(&kind));
        let said = rules.filter(|rule| says(rule.verdict, outcome)).find_map(|rule| {
            let status = rule.http.first()?.clone();
            let values = self.told(section, asked, outcome, (now, nonce))?;
            let bytes = self.message(section, rule, ("", status), &op.root, values)?;
            let heard = self.0.hear(&bytes, Some(&waiting), now).ok()??;
            same(&heard.1.outcome, outcome).then_some(bytes)
        });
        said.ok_or(NO_WORDS)
    }

    /// Writes a callback (an envelope: `POST /path`, lines, an empty line, the body) that tells how
    /// the debit of `asked` stands.
    ///
    /// # Errors
    /// [`AdapterError::Rest`] if the profile has no callbacks, or no words for this outcome.
    pub fn callback(
        &self,
        asked: &Asked,
        outcome: &Outcome,
        now: Wall,
        nonce: [u8; 16],
    ) -> Result<Vec<u8>, AdapterError> {
        let section = self.0.terms.callback.as_ref().ok_or(NO_WORDS)?;
        let rules = section.rules.iter().filter(|rule| says(rule.verdict, outcome));
        let said = rules.into_iter().find_map(|rule| {
            let values = self.told(section, asked, outcome, (now, nonce))?;
            let bytes = self.message(section, rule, ("POST", section.path.clone()), "", values)?;
            let heard = self.0.hear(&bytes, None, now).ok()??;
            same(&heard.1.outcome, outcome).then_some(bytes)
        });
        said.ok_or(NO_WORDS)
    }

    /// What an answer may tell.
    pub(super) fn told(
        &self,
        section: &Section,
        asked: &Asked,
        outcome: &Outcome,
        (now, nonce): (Wall, [u8; 16]),
    ) -> Option<Values> {
        let mut values = Values::default();
        let mut put = |name, text: String| values.set(name, Zeroizing::new(text));
        put(Name::Reference, asked.reference.to_string());
        put(Name::Timestamp, self.0.terms.time.write(now));
        put(Name::Nonce, Digits::HexLower.write(&nonce));
        if let Outcome::Duplicate(original) = outcome {
            put(Name::IssuerReference, original.to_string());
        }
        if let Outcome::Accepted(accepted) | Outcome::Partial(accepted) = outcome {
            put(Name::IssuerReference, accepted.reference.to_string());
            put(Name::Amount, write_amount(section.unit, accepted.amount)?);
            put(Name::Currency, accepted.amount.currency().to_string());
            if let Some(generation) = accepted.generation {
                put(Name::Generation, generation.to_string());
            }
            let number = asked.card.as_ref().and_then(|card| card.number.as_ref());
            if let Some(number) = number.and_then(|number| core::str::from_utf8(number.expose()).ok()) {
                put(Name::Number, number.to_string());
            }
        }
        Some(values)
    }

    pub(super) fn message(
        &self,
        section: &Section,
        rule: &Rule,
        (method, target): (&str, String),
        root: &str,
        mut values: Values,
    ) -> Option<Vec<u8>> {
        let mut fields: Vec<Filled> = Vec::new();
        for (name, told) in &rule.when {
            fields.push((rooted(name, root).into_owned(), Zeroizing::new(told.first()?.clone())));
        }
        for (name, text) in self.0.filled(&section.fields, &values) {
            let name = rooted(&name, root).into_owned();
            if fields.iter().all(|(other, _)| *other != name) {
                fields.push((name, text));
            }
        }
        let headers = self.0.filled(&section.headers, &values);
        let draft = Draft {
            method,
            target,
            encoding: section.encoding,
            bare: &section.bare,
            sign: section.sign.as_ref(),
            fields,
            clear: None,
            headers,
        };
        let (mut bytes, body) = draft.write(&self.0, &mut values)?;
        crate::codec::envelope::end(&body, &mut bytes);
        Some(bytes)
    }

    /// The tag by which an end with the same keys recognises this card when it is echoed.
    pub fn card_tag(&self, card: issuer::CardData<'_>) -> Option<issuer::CardTag> {
        self.0.card_tag(card.number?)
    }

    /// What the asker acknowledges a callback with.
    pub fn ack(&self) -> &str {
        self.0.terms.callback.as_ref().map_or("ok", |callback| callback.ack.as_str())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server(..)")
    }
}

pub(super) const NO_WORDS: AdapterError =
    AdapterError::Rest { what: "the profile has no words for this outcome of this operation" };

/// A request, taken apart.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) incoming: Incoming<'a>,
}

impl<'a> Request<'a> {
    pub(super) fn read(bytes: &'a [u8], encoding: Encoding) -> Result<Self, DecodeError> {
        let envelope = open(bytes)?;
        let (method, target) = envelope.first.split_once(' ').unwrap_or_default();
        if method != "GET" {
            return Ok(Self { method, incoming: Incoming::read(bytes, encoding)? });
        }
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let at = envelope.first.len() - query.len();
        let fields = Fields::read(Encoding::Form, query.as_bytes(), at)?;
        Ok(Self { method, incoming: Incoming { envelope, fields, at } })
    }
}

/// A part of a path, read as the value of a form is, which knows `+` and `&` besides.
fn unescaped(part: &str) -> Option<String> {
    let plain = !part.contains(['+', '&']);
    let mut field = crate::codec::form::read((String::from("p=") + part).as_bytes()).ok()?;
    field.remove("p").filter(|_| plain)
}

/// Whether a field may be left out: it speaks of something that not every operation has.
fn may_be_absent(template: &Template) -> bool {
    let mut names = template.names().peekable();
    let needed = |name: &Name| {
        matches!(name, Name::Reference | Name::Inner | Name::InnerBase64 | Name::Param(_) | Name::Key(_))
    };
    names.peek().is_some() && !names.any(needed)
}

fn says(verdict: Verdict, outcome: &Outcome) -> bool {
    match (verdict, outcome) {
        (Verdict::Accepted, Outcome::Accepted(_))
        | (Verdict::Partial, Outcome::Partial(_))
        | (Verdict::Pending, Outcome::Pending)
        | (Verdict::NotFound, Outcome::NotFound)
        | (Verdict::Duplicate, Outcome::Duplicate(_))
        | (Verdict::Reversed, Outcome::Reversed)
        | (Verdict::ReversalUnconfirmed, Outcome::ReversalUnconfirmed)
        | (Verdict::ReversalRefused, Outcome::ReversalRefused)
        | (Verdict::Unsure, Outcome::Unknown(_)) => true,
        (Verdict::Declined(said), Outcome::Declined(decline)) => said == *decline,
        _ => false,
    }
}

/// Whether what reads back is what was to be said. The issuer's reference of a balance and the
/// card that is echoed are not the caller's to say.
fn same(heard: &Outcome, said: &Outcome) -> bool {
    match (heard, said) {
        (Outcome::Accepted(heard), Outcome::Accepted(said))
        | (Outcome::Partial(heard), Outcome::Partial(said)) => {
            heard.amount == said.amount && heard.generation.is_none_or(|told| said.generation == Some(told))
        }
        (Outcome::Unknown(issuer::Cause::IssuerUnsure), Outcome::Unknown(_)) => true,
        _ => heard == said,
    }
}
