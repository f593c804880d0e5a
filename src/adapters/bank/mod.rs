//! Banks over ISO 8583: semi-open interfaces for callers on an allow-list (银行预付卡, 银联).
//!
//! | asked | message | answer |
//! |---|---|---|
//! | balance, PIN check | 0200, field 3 `balance_code` | 0210, amounts in field 54 |
//! | redeem | 0200, repeated as 0201 | 0210 |
//! | reverse | 0400 or 0420, repeated as 0401 or 0421 | 0410 or 0430 |
//! | query, receipt | 0100, field 3 `query_code`, original in field 90 or 61 | 0110: the original's |
//! | sign-in, echo | 0800 | 0810 |
//!
//! STAN (field 11), working keys and the time of the sign-in lie in the channel's durable session.
//! STAN and local time of a debit lie in its records too ([`Message::trace`]), durable before it
//! leaves, and a reversal names its original by them.
//!
//! An answer is believed only if it is the answer to what was asked: its type and STAN; processing
//! code, terminal, merchant, transmission time and our reference as far as they come back; and of
//! an approval amount and currency, and the card where the bank echoes it. A STAN that comes round
//! again therefore never brings another card's approval: it is Unknown (integrity). An answer
//! whose MAC does not fit is no answer.
//!
//! What each response code says is in [`Dialect`]. A reversal that is answered with approved, with
//! "original not found" (25) or "invalid transaction" (12) has left nothing to undo. An answer to
//! a query with a code of ours (a terminal that is not allowed) says nothing about the debit.

mod answer;
mod crypto;
mod dialect;
mod session;
#[cfg(feature = "bank-des")]
mod soft;
mod terms;

pub use crypto::{BankCrypto, Mac, PinFormat, pin_block_0, pin_block_4};
pub use dialect::{Dialect, Reading, Response};
#[cfg(all(feature = "bank-des", feature = "sm"))]
pub use soft::Sm4Cbc;
#[cfg(feature = "bank-des")]
pub use soft::{SoftCrypto, UnionpayEcb, X919};
pub use terms::{BankTerms, Network, Original};

use crate::adapters::AdapterError;
use crate::base::{Secret, Text};
use crate::codec::iso8583::{Class, Mti, Spec};
use crate::issuer::{
    Answer, Asked, CardData, CardTag, Context, DecodeError, EncodeError, Idempotency, Issuer, IssuerProfile,
    Message, OpKind, Operation, Reference, Verify,
};
use crate::vault::{KeyRing, tag};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use session::{Session, Trace};
use zeroize::{Zeroize as _, Zeroizing};

/// The name under which profiles ask for this adapter.
pub const NAME: &str = "bank";

const CARD: &str = "scrip bank card v1";

/// A bank's end as scrip speaks to it.
pub struct Bank {
    profile: IssuerProfile,
    terms: BankTerms,
    spec: Spec,
    crypto: Box<dyn BankCrypto>,
    key: Secret,
}

/// A message in the making: texts by field number.
struct Draft {
    mti: u16,
    fields: Vec<(u8, Zeroizing<String>)>,
}

impl Draft {
    fn new(mti: u16) -> Self {
        Self { mti, fields: Vec::with_capacity(24) }
    }

    fn put(&mut self, number: u8, text: impl Into<String>) {
        self.fields.push((number, Zeroizing::new(text.into())));
    }
}

impl Bank {
    /// The adapter for one bank. `spec` is the message format with the bank's profile, `crypto`
    /// makes MACs and PIN blocks, and `key` (32 bytes, ours alone) makes the tags by which an
    /// echoed card is recognised.
    ///
    /// # Errors
    /// [`AdapterError::KeyLength`]; [`AdapterError::Terms`] if the terms do not fit the format,
    /// or the profile asks for what a bank that counts wrong PINs forbids: with a PIN, `verify`
    /// is not `balance`, which may be repeated, and `idempotency` is `none`, for a second message
    /// with a PIN counts again.
    pub fn new(
        profile: IssuerProfile,
        terms: BankTerms,
        spec: Spec,
        crypto: Box<dyn BankCrypto>,
        key: Secret,
    ) -> Result<Self, AdapterError> {
        if key.len() != KeyRing::KEY_LEN {
            return Err(AdapterError::KeyLength { len: key.len() });
        }
        terms.problem(&spec)?;
        let counted = profile.verify != Verify::Balance && profile.idempotency == Idempotency::None;
        if terms.pin && !counted {
            let what = "a bank counts wrong PINs: verify is pin_check or none, idempotency is none";
            return Err(AdapterError::Terms { what });
        }
        if profile.batch_window_ms > 0 {
            return Err(AdapterError::Terms { what: "a bank takes one operation at a time" });
        }
        Ok(Self { profile, terms, spec, crypto, key })
    }

    /// The message that asks whether the bank is there (an echo, 0800), for a host that keeps a
    /// line open. Its answer brings no answer to any operation. The session in `out` is to be
    /// kept as that of any message.
    ///
    /// # Errors
    /// [`EncodeError`] if a MAC is asked for and cannot be made.
    pub fn echo(&self, context: &Context<'_>, out: &mut Message) -> Result<(), EncodeError> {
        let mut session = Session::read(context.session);
        let stan = session.next_stan();
        let draft = self.network("301", stan, context);
        self.send(draft, &session, self.terms.mac, out)?;
        out.session = Some(session.write());
        Ok(())
    }

    fn network(&self, code: &str, stan: u32, context: &Context<'_>) -> Draft {
        let mut draft = Draft::new(800);
        let trace = Trace::new(stan, context.now, self.terms.utc_offset_min);
        draft.put(7, trace.time());
        draft.put(11, format!("{stan:06}"));
        draft.put(41, self.terms.terminal.as_str());
        draft.put(42, self.terms.merchant.as_str());
        match self.terms.sign_in {
            Some(Network::Field60) => {
                let code = if code == "001" { "003" } else { code };
                draft.put(60, format!("00{}{code}", self.terms.batch));
            }
            _ => draft.put(70, code),
        }
        draft
    }

    fn draft(
        &self,
        operation: &Operation<'_>,
        trace: Option<Trace>,
        stan: Trace,
    ) -> Result<Draft, EncodeError> {
        let terms = &self.terms;
        let again = operation.attempt > 1;
        let unknown = EncodeError::Unsupported(operation.kind.name());
        let (mti, code) = match operation.kind {
            OpKind::Balance | OpKind::PinCheck => (200, terms.balance_code.as_str()),
            OpKind::Redeem => (if again && trace.is_some() { 201 } else { 200 }, terms.redeem_code.as_str()),
            OpKind::Reverse => {
                let base = if terms.advice { 420 } else { 400 };
                (if again { base + 1 } else { base }, terms.redeem_code.as_str())
            }
            OpKind::Query | OpKind::Receipt => (100, terms.query_code.as_deref().ok_or(unknown)?),
            _ => return Err(unknown),
        };
        let mut draft = Draft::new(mti);
        draft.put(3, code);
        if !matches!(operation.kind, OpKind::Balance | OpKind::PinCheck) {
            let minor = u64::try_from(operation.amount.minor()).map_err(|_| EncodeError::Field("amount"))?;
            draft.put(4, format!("{minor:012}"));
        }
        draft.put(7, stan.time());
        draft.put(11, format!("{:06}", stan.stan));
        let (date, time) = stan.time().split_at_checked(4).unwrap_or_default();
        draft.put(12, time);
        draft.put(13, date);
        draft.put(22, terms.entry_mode.as_str());
        draft.put(25, terms.condition.as_str());
        if let Some(acquirer) = &terms.acquirer {
            draft.put(32, acquirer.as_str());
        }
        if terms.sign_in == Some(Network::Field60) {
            let kind = if code == terms.balance_code { "01" } else { "22" };
            draft.put(60, format!("{kind}{}000", terms.batch));
        }
        draft.put(41, terms.terminal.as_str());
        draft.put(42, terms.merchant.as_str());
        draft.put(49, format!("{:03}", operation.amount.currency().numeric()));
        draft.put(terms.reference_field, self.reference(operation.reference));
        if matches!(operation.kind, OpKind::Reverse | OpKind::Query | OpKind::Receipt) {
            self.original(&mut draft, trace);
        }
        if operation.kind == OpKind::Reverse && terms.dialect != Dialect::Iso1993 {
            draft.put(39, if terms.dialect == Dialect::UnionpayPos { "98" } else { "68" });
        }
        Ok(draft)
    }

    /// Our reference as its field holds it: the 32 digits, of a binary field in twice as many.
    fn reference(&self, reference: Reference) -> String {
        let text = reference.to_string();
        match self.spec.field(self.terms.reference_field).map(|field| field.class) {
            Some(Class::B) => text.bytes().map(|byte| format!("{byte:02X}")).collect(),
            _ => text,
        }
    }

    /// Which debit is meant. Without a trace none has left; then none is found, which is the
    /// truth.
    fn original(&self, draft: &mut Draft, trace: Option<Trace>) {
        let trace = trace.unwrap_or(Trace { stan: 0, time: *b"0000000000" });
        match self.terms.original {
            Original::Field90 => {
                let acquirer = self.terms.acquirer.as_deref().unwrap_or("0");
                draft.put(90, format!("0200{:06}{}{acquirer:0>11}{:011}", trace.stan, trace.time(), 0));
            }
            Original::Field61 => {
                let date = trace.time().get(..4).unwrap_or_default();
                draft.put(61, format!("{}{:06}{date}", self.terms.batch, trace.stan));
            }
        }
    }

    fn card(
        &self,
        draft: &mut Draft,
        card: CardData<'_>,
        session: &Session,
        nonce: &[u8; 16],
    ) -> Result<(), EncodeError> {
        let number = card.number.ok_or(EncodeError::Field("card"))?;
        let text = core::str::from_utf8(number).map_err(|_| EncodeError::Field("card"))?;
        draft.put(2, text);
        if self.terms.pin {
            let random = nonce.first_chunk::<8>().copied().unwrap_or_default();
            let block = self.crypto.pin_block(session.keys.expose(), card.secret, number, random);
            let block = block.ok_or(EncodeError::Field("pin"))?;
            draft.put(52, block.expose().iter().map(|byte| format!("{byte:02X}")).collect::<String>());
        }
        Ok(())
    }

    /// Writes the message, with a MAC in the last field of its bitmaps. If it cannot be written
    /// nothing of it stays.
    fn send(&self, draft: Draft, session: &Session, mac: bool, out: &mut Message) -> Result<(), EncodeError> {
        self.write(draft, session, mac, out).inspect_err(|_| {
            out.body.zeroize();
        })
    }

    fn write(
        &self,
        mut draft: Draft,
        session: &Session,
        mac: bool,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        draft.fields.sort_by_key(|(number, _)| *number);
        let long = draft.fields.last().is_some_and(|(number, _)| *number > 64);
        // Room for all of it, so that no copy stays behind when it grows.
        out.body = Vec::with_capacity(2_048);
        let mti = Mti::new(draft.mti).ok_or(EncodeError::Field("mti"))?;
        let mut writer = self.spec.write(mti, &mut out.body);
        for (number, text) in &draft.fields {
            writer.text(*number, text).map_err(|_| EncodeError::Field(field_name(*number)))?;
        }
        if mac {
            let mut made = None;
            let make = |bytes: &[u8]| {
                made = self.crypto.mac(session.keys.expose(), bytes);
                made.unwrap_or_default()
            };
            writer.mac(if long { 128 } else { 64 }, make).map_err(|_| EncodeError::Field("mac"))?;
            if made.is_none() {
                return Err(EncodeError::Field("mac"));
            }
        }
        writer.finish().map_err(|_| EncodeError::Field("frame"))
    }
}

impl Issuer for Bank {
    fn profile(&self) -> &IssuerProfile {
        &self.profile
    }

    fn encode(
        &self,
        operations: &[Operation<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        match operations {
            [operation] => self.encode_traced(operation, None, context, out),
            _ => Err(EncodeError::Unsupported("several operations in one message")),
        }
    }

    fn encode_traced(
        &self,
        operation: &Operation<'_>,
        trace: Option<&Text>,
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        let mut session = Session::read(context.session);
        let original = trace.and_then(|trace| Trace::read(trace));
        let kept = matches!(operation.kind, OpKind::Redeem | OpKind::Reverse);
        // A repeat and a reversal bear the STAN and the times of the original.
        let own = match original.filter(|_| kept) {
            Some(original) => original,
            None => Trace::new(session.next_stan(), context.now, self.terms.utc_offset_min),
        };
        let mut draft = self.draft(operation, original, own)?;
        match (operation.kind, operation.card) {
            (OpKind::Balance | OpKind::PinCheck | OpKind::Redeem, Some(card)) => {
                self.card(&mut draft, card, &session, &context.nonce)?;
            }
            (OpKind::Balance | OpKind::PinCheck | OpKind::Redeem, None) => {
                return Err(EncodeError::Field("card"));
            }
            _ => {}
        }
        self.send(draft, &session, self.terms.mac, out)?;
        out.head = format!("{:06}", own.stan).into_bytes();
        out.session = Some(session.write());
        out.trace = Some(own.write());
        Ok(())
    }

    fn decode(
        &self,
        bytes: &[u8],
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        self.hear(bytes, None, context, answers)
    }

    fn decode_reply(
        &self,
        bytes: &[u8],
        asked: &Asked,
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        self.hear(bytes, Some(asked), context, answers)
    }

    fn sign_in(&self, context: &Context<'_>, out: &mut Message) -> Result<bool, EncodeError> {
        let mut session = Session::read(context.session);
        let age = |at: crate::base::Wall| context.now.0.saturating_sub(at.0);
        let stands = session.signed_in.is_some_and(|at| age(at) < self.terms.sign_in_every_ms);
        if self.terms.sign_in.is_none() || stands {
            return Ok(false);
        }
        let stan = session.next_stan();
        session.signing = stan;
        self.send(self.network("001", stan, context), &session, false, out)?;
        out.head = format!("{stan:06}").into_bytes();
        out.session = Some(session.write());
        Ok(true)
    }

    fn learn(&self, bytes: &[u8], context: &Context<'_>) -> Option<Vec<u8>> {
        let mut session = Session::read(context.session);
        let message = self.spec.read(bytes).ok()?;
        let code = message.field(39)?.to_text();
        if self.terms.sign_in.is_some() && self.terms.dialect.wants_sign_in(&code) {
            session.signed_in.take()?;
            return Some(session.write());
        }
        let reading = self.terms.dialect.response(&code)?.reading;
        let stan = message.field(11)?.number()?;
        let ours = session.signing != 0 && stan == u64::from(session.signing);
        if message.mti().number() != 810 || reading != Reading::Approved || !ours {
            return None;
        }
        let keys = self.keys_in(&message)?;
        (session.keys, session.signing, session.signed_in) = (keys, 0, Some(context.now));
        Some(session.write())
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        self.tag_of(card.number?)
    }

    /// An answer is not answered: the bank would take it for the beginning of a message.
    fn acknowledge(&self, _out: &mut Vec<u8>) {}
}

impl Bank {
    fn tag_of(&self, number: &[u8]) -> Option<CardTag> {
        tag(&self.key, CARD, &[number]).first_chunk::<16>().copied().map(CardTag)
    }
}

impl fmt::Debug for Bank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bank({})", self.profile.name)
    }
}

/// The name of a field that a value did not fit.
fn field_name(number: u8) -> &'static str {
    match number {
        2 => "2 (card number)",
        4 => "4 (amount)",
        52 => "52 (PIN)",
        60 => "60 (batch)",
        61 => "61 (original)",
        90 => "90 (original)",
        _ => "a field of the terms",
    }
}
