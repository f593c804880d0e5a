//! The bank's answers: is it the answer to what was asked, and what does it say.

use super::session::{Session, Trace};
use super::{Bank, Dialect, Reading};
use crate::base::{Secret, Text};
use crate::codec::iso8583::{Class, Message};
use crate::issuer::{
    Accepted, Answer, Asked, CardTag, Cause, Context, DecodeError, Leg, OpKind, Outcome, Reference, Verify,
};
use crate::money::{Amount, Currency};
use subtle::ConstantTimeEq as _;

impl Dialect {
    /// Whether the code says that the session is over.
    pub(super) fn wants_sign_in(self, code: &str) -> bool {
        match self {
            Self::UnionpayPos => matches!(code, "77" | "A0"),
            Self::Iso1987 => code == "98",
            Self::Iso1993 => code == "916",
            Self::UnionpayAcp => false,
        }
    }

    /// Whether this answer to a reversal means that there is nothing left to undo.
    fn has_reversed(self, code: &str) -> bool {
        let reading = self.response(code).map(|response| response.reading);
        match self {
            Self::Iso1993 => matches!(code, "902"),
            _ => code == "12" && reading != Some(Reading::Duplicate),
        }
    }
}

impl Bank {
    pub(super) fn hear(
        &self,
        bytes: &[u8],
        asked: Option<&Asked>,
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        let message =
            self.spec.read(bytes).map_err(|error| DecodeError { at: error.at(), what: error.what() })?;
        let at = self.spec.frame().len();
        let mti = message.mti().number();
        if matches!(mti, 810 | 830) {
            return Ok(());
        }
        self.check_mac(&message, context)?;
        let told = self.told_reference(&message);
        let (reference, kind) = match asked {
            Some(asked) => (asked.reference, asked.kind),
            None => {
                let reference = told.ok_or(DecodeError { at, what: "our reference in its field" })?;
                if reference.leg != Leg::Debit {
                    return Ok(());
                }
                let kind =
                    self.kind_of(&message).ok_or(DecodeError { at, what: "the answer to an operation" })?;
                (reference, kind)
            }
        };
        if !answers_to(kind).contains(&mti) {
            return Err(DecodeError { at, what: "the answer to what was asked" });
        }
        let same = told.is_none_or(|told| told == reference) && self.is_ours(&message, kind, asked);
        let outcome = if same { self.outcome(&message, kind) } else { Outcome::Unknown(Cause::Integrity) };
        answers(reference, Answer { kind, outcome, by_file: false });
        Ok(())
    }

    fn check_mac(&self, message: &Message<'_>, context: &Context<'_>) -> Result<(), DecodeError> {
        if !self.terms.mac {
            return Ok(());
        }
        let number = if message.has(128) { 128 } else { 64 };
        let wrong =
            DecodeError { at: message.place(number).unwrap_or(0), what: "a MAC by the session's key" };
        let told = message.field(number).and_then(|mac| mac.to_bytes()).ok_or(wrong)?;
        let session = Session::read(context.session);
        let made = self.crypto.mac(session.keys.expose(), message.before(number).unwrap_or_default());
        match made {
            Some(made) if bool::from(made.ct_eq(told.as_slice())) => Ok(()),
            _ => Err(wrong),
        }
    }

    /// Our reference, where it comes back.
    fn told_reference(&self, message: &Message<'_>) -> Option<Reference> {
        let value = message.field(self.terms.reference_field)?;
        let text = match value.field().class {
            Class::B => alloc::string::String::from_utf8(value.to_bytes()?).ok()?,
            _ => value.to_text(),
        };
        Reference::parse(text.trim_end())
    }

    /// What an answer that nobody waits for answers.
    fn kind_of(&self, message: &Message<'_>) -> Option<OpKind> {
        let code = message.field(3);
        match message.mti().number() {
            210 if code?.is(&self.terms.redeem_code) => Some(OpKind::Redeem),
            210 if self.profile.verify == Verify::PinCheck => Some(OpKind::PinCheck),
            210 => Some(OpKind::Balance),
            410 | 430 => Some(OpKind::Reverse),
            110 => Some(OpKind::Query),
            _ => None,
        }
    }

    /// Whether everything that came back is what was sent.
    fn is_ours(&self, message: &Message<'_>, kind: OpKind, asked: Option<&Asked>) -> bool {
        let same = |number, text: &str| message.field(number).is_none_or(|value| value.is(text));
        let terms = &self.terms;
        let code = match kind {
            OpKind::Balance | OpKind::PinCheck => terms.balance_code.as_str(),
            OpKind::Query | OpKind::Receipt => terms.query_code.as_deref().unwrap_or_default(),
            _ => terms.redeem_code.as_str(),
        };
        let terminal = same(3, code) && same(41, &terms.terminal) && same(42, &terms.merchant);
        let Some(asked) = asked else { return terminal };
        let Some(trace) = asked.trace.as_ref().and_then(|trace| Trace::read(trace)) else { return false };
        let stan = message.field(11).and_then(|stan| stan.number());
        // Not 12 and 13: UnionPay's centre puts its own time there.
        terminal && stan == Some(u64::from(trace.stan)) && same(7, trace.time())
    }

    fn outcome(&self, message: &Message<'_>, kind: OpKind) -> Outcome {
        let Some(code) = message.field(39).map(|code| code.to_text()) else {
            return Outcome::Unknown(Cause::Unmapped);
        };
        let reading = self.terms.dialect.response(&code).map(|response| response.reading);
        if kind == OpKind::Reverse {
            return self.undone(&code, reading);
        }
        match reading {
            None => Outcome::Unknown(Cause::Unmapped),
            Some(Reading::Approved) => self.approved(message, kind).map_or(UNBELIEVED, Outcome::Accepted),
            Some(Reading::Partial) => self.approved(message, kind).map_or(UNBELIEVED, Outcome::Partial),
            Some(Reading::Duplicate) => match own_reference(message) {
                Some(original) => Outcome::Duplicate(original),
                None => Outcome::Unknown(Cause::IssuerUnsure),
            },
            // It speaks of the question, not of the debit.
            Some(Reading::Ours(_)) if matches!(kind, OpKind::Query | OpKind::Receipt) => {
                Outcome::Unknown(Cause::IssuerUnsure)
            }
            Some(reading) => reading.outcome().unwrap_or(Outcome::Unknown(Cause::Unmapped)),
        }
    }

    fn undone(&self, code: &str, reading: Option<Reading>) -> Outcome {
        match reading {
            _ if self.terms.dialect.has_reversed(code) => Outcome::Reversed,
            Some(Reading::Approved | Reading::NotFound) => Outcome::Reversed,
            Some(Reading::Declined(_)) => Outcome::ReversalRefused,
            Some(Reading::Pending | Reading::Duplicate) => Outcome::ReversalUnconfirmed,
            Some(_) => Outcome::Unknown(Cause::IssuerUnsure),
            None => Outcome::Unknown(Cause::Unmapped),
        }
    }

    /// An approval with what it says yes to; `None` if it does not say it.
    fn approved(&self, message: &Message<'_>, kind: OpKind) -> Option<Accepted> {
        let amount = match kind {
            OpKind::Balance | OpKind::PinCheck => balance(message)?,
            _ => {
                let minor = i64::try_from(message.field(4)?.number()?).ok()?;
                Amount::new(minor, currency(&message.field(49)?.to_text())?)
            }
        };
        let card: Option<CardTag> = match message.field(2) {
            Some(number) => {
                let number = Secret::new(number.chars().collect());
                Some(self.tag_of(number.expose())?)
            }
            None => None,
        };
        Some(Accepted { reference: own_reference(message)?, amount, card, generation: None })
    }

    /// The working keys of a sign-in's answer, if they can be used.
    pub(super) fn keys_in(&self, message: &Message<'_>) -> Option<Secret> {
        let keys = match message.field(62) {
            None => Secret::default(),
            Some(value) => match value.to_bytes() {
                Some(bytes) => Secret::new(bytes),
                None => Secret::new(crate::adapters::hex::read(&value.to_text().to_ascii_lowercase())?),
            },
        };
        let needed = self.terms.mac || self.terms.pin;
        (!needed || self.crypto.accepts(keys.expose())).then_some(keys)
    }
}

/// An approval that does not say what it approves.
const UNBELIEVED: Outcome = Outcome::Unknown(Cause::Integrity);

const fn answers_to(kind: OpKind) -> &'static [u16] {
    match kind {
        OpKind::Balance | OpKind::PinCheck | OpKind::Redeem => &[210],
        OpKind::Reverse => &[410, 430],
        OpKind::Query | OpKind::Receipt => &[110],
        _ => &[],
    }
}

/// The bank's own reference: retrieval reference, else authorisation, else our STAN.
fn own_reference(message: &Message<'_>) -> Option<Text> {
    let mut texts = [37, 38, 11].into_iter().filter_map(|number| message.field(number));
    texts.find_map(|value| Text::new(value.to_text().trim()).ok())
}

fn currency(digits: &str) -> Option<Currency> {
    Currency::from_numeric(digits.parse().ok()?).ok()
}

/// The available balance (amount type 02) of field 54, else the ledger balance (01): twenty
/// characters each of account type, amount type, currency, sign and amount.
fn balance(message: &Message<'_>) -> Option<Amount> {
    let text = message.field(54)?.to_text();
    let of = |wanted: &str| {
        let rows = text.as_bytes().chunks_exact(20).filter_map(|row| core::str::from_utf8(row).ok());
        let mut rows = rows.filter(|row| row.get(2..4) == Some(wanted));
        let row = rows.next()?;
        let minor: i64 = row.get(8..20)?.parse().ok().filter(|minor| *minor >= 0)?;
        let minor = match row.get(7..8)? {
            "C" => minor,
            "D" => minor.checked_neg()?,
            _ => return None,
        };
        Some(Amount::new(minor, currency(row.get(4..7)?)?))
    };
    of("02").or_else(|| of("01"))
}
