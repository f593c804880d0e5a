//! Requests, as our end writes them.

use super::channel::{Channel, Values};
use super::template::{Name, Template};
use super::terms::{Encoding, Op, Signed, Unit};
use super::wire::{Draft, Filled, write_fields};
use crate::codec::form::{self, Digits};
use crate::issuer::{CardData, Context, EncodeError, Leg, Message, OpKind, Operation};
use crate::money::{Amount, Currency};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// An amount as messages write it; `None` if it is negative, or has a fraction that they cannot
/// show.
pub(super) fn write_amount(unit: Unit, amount: Amount) -> Option<String> {
    let minor = u64::try_from(amount.minor()).ok()?;
    match unit {
        Unit::Minor => Some(minor.to_string()),
        Unit::Major => amount.to_string().split(' ').next().map(String::from),
        Unit::Whole => {
            let whole = 10_u64.pow(amount.currency().exponent());
            (minor % whole == 0).then(|| (minor / whole).to_string())
        }
    }
}

/// Reads what [`write_amount`] wrote, with fewer decimals too.
pub(super) fn read_amount(unit: Unit, text: &str, currency: Currency) -> Option<Amount> {
    match unit {
        Unit::Minor => {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit());
            Some(Amount::new(text.parse().ok().filter(|_| plain)?, currency))
        }
        Unit::Major | Unit::Whole => Amount::parse(text, currency).ok(),
    }
}

impl Channel {
    pub(super) fn request(
        &self,
        operation: &Operation<'_>,
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        let kind = operation.kind;
        let op = self.terms.op(kind).ok_or(EncodeError::Unsupported(kind.name()))?;
        let mut values = self.values(operation, context)?;
        self.put_token(context, &mut values)?;
        let fields = self.fields_of(op, &mut values).ok_or(EncodeError::Field("inner"))?;
        let plain = self
            .terms
            .sign
            .as_ref()
            .is_some_and(|sign| matches!(sign.signed, Signed::Fields { plain: true, .. }));
        let clear = if plain { self.clear_fields(op, &mut values) } else { None };
        let headers = self.filled(&self.terms.headers, &values);
        let target = self.path(&op.path, &values).ok_or(EncodeError::Field("path"))?;
        let draft = Draft {
            method: if op.get { "GET" } else { "POST" },
            target,
            encoding: self.terms.encoding,
            bare: &self.terms.bare,
            sign: self.terms.sign.as_ref(),
            fields,
            clear,
            headers,
        };
        (out.head, out.body) = draft.write(self, &mut values).ok_or(EncodeError::Field("sign"))?;
        out.trace = self.again(operation.attempt);
        Ok(())
    }

    /// The path, with what stands for its names percent-encoded.
    pub(super) fn path(&self, path: &Template, values: &Values) -> Option<String> {
        let mut parts = Values::default();
        for name in path.names() {
            parts.set(name.clone(), Zeroizing::new(escaped(self.value(name, values)?)));
        }
        path.fill(&|name| parts.get(name)).map(|path| path.to_string())
    }

    /// The fields of a request, the inner ones within theirs.
    pub(super) fn fields_of(&self, op: &Op, values: &mut Values) -> Option<Vec<Filled>> {
        if !op.inner.is_empty() {
            let inner = self.filled(&op.inner, values);
            let text = write_fields(Encoding::Json, &inner, &self.terms.bare)?;
            values.set(Name::InnerBase64, Zeroizing::new(Digits::Base64.write(&text)));
            values.set(Name::Inner, Zeroizing::new(String::from_utf8(text).ok()?));
        }
        Some(self.filled(&op.fields, values))
    }

    /// The fields with the card in the clear, as some sign them.
    pub(super) fn clear_fields(&self, op: &Op, values: &mut Values) -> Option<Vec<Filled>> {
        for (sealed, clear) in [(Name::SealedNumber, Name::Number), (Name::SealedSecret, Name::Secret)] {
            let text = values.get(&clear).map(|text| Zeroizing::new(text.to_string()));
            if let Some(text) = text {
                values.set(sealed, text);
            }
        }
        self.fields_of(op, values)
    }

    fn values(&self, operation: &Operation<'_>, context: &Context<'_>) -> Result<Values, EncodeError> {
        let Operation { kind, reference, amount, .. } = *operation;
        if reference.leg != Leg::Debit {
            return Err(EncodeError::Field("reference"));
        }
        if amount.currency() != self.terms.currency {
            return Err(EncodeError::Field("currency"));
        }
        let text = |name, text: String| (name, Zeroizing::new(text));
        let shown = write_amount(self.terms.unit, amount).ok_or(EncodeError::Field("amount"))?;
        let plain = [
            text(Name::Reference, reference.to_string()),
            text(Name::Product, operation.product.to_string()),
            text(Name::Amount, shown),
            text(Name::Currency, amount.currency().to_string()),
            text(Name::Attempt, operation.attempt.to_string()),
            text(Name::Timestamp, self.terms.time.write(context.now)),
            text(Name::Nonce, Digits::HexLower.write(&context.nonce)),
        ];
        let mut values = Values::default();
        for (name, text) in plain {
            values.set(name, text);
        }
        match operation.card {
            Some(card) => self.card(card, &context.nonce, &mut values)?,
            None if matches!(kind, OpKind::Balance | OpKind::PinCheck | OpKind::Redeem) => {
                return Err(EncodeError::Field("card"));
            }
            None => {}
        }
        Ok(values)
    }

    fn card(&self, card: CardData<'_>, nonce: &[u8; 16], values: &mut Values) -> Result<(), EncodeError> {
        let number = card.number.map(|number| (Name::Number, Name::SealedNumber, number));
        let secret = (!card.secret.is_empty()).then_some((Name::Secret, Name::SealedSecret, card.secret));
        for (clear, sealed, bytes) in [number, secret].into_iter().flatten() {
            let text = core::str::from_utf8(bytes).map_err(|_| EncodeError::Field("card"))?;
            if self.terms.seal.is_some() {
                let text = self.seal(bytes, nonce, &sealed).ok_or(EncodeError::Field("seal"))?;
                values.set(sealed, Zeroizing::new(text));
            }
            values.set(clear, Zeroizing::new(text.to_string()));
        }
        Ok(())
    }
}

/// A part of a path, percent-encoded.
pub(super) fn escaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    form::escape(text, &mut out);
    String::from_utf8(out).expect("percent-encoding writes ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_exactly_or_not_at_all() {
        let cny = |minor| Amount::new(minor, Currency::CNY);
        for (unit, minor, text) in [
            (Unit::Minor, 10_050, Some("10050")),
            (Unit::Major, 10_050, Some("100.50")),
            (Unit::Major, 5, Some("0.05")),
            (Unit::Whole, 10_050, None),
            (Unit::Whole, 10_000, Some("100")),
            (Unit::Minor, -1, None),
            (Unit::Major, i64::MAX, Some("92233720368547758.07")),
        ] {
            let written = write_amount(unit, cny(minor));
            assert_eq!(written.as_deref(), text);
            if let Some(text) = written {
                assert_eq!(read_amount(unit, &text, Currency::CNY), Some(cny(minor)));
            }
        }
        for text in ["", "1.5", "+1", "-1", "1e2", " 1", "99999999999999999999"] {
            assert_eq!(read_amount(Unit::Minor, text, Currency::CNY), None, "{text}");
        }
        assert_eq!(read_amount(Unit::Major, "100.001", Currency::CNY), None);
    }
}
