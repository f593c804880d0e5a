//! What is checked before anything is answered: abilities, failures, and what stays silent.

use super::far::CardText;
use super::trial::{KINDS, Trial, operation};
use super::{Breach, Rule};
use crate::base::{RedemptionId, Text};
use crate::issuer::{EncodeError, Message, OpKind, Operation, Recipe, Reference, Verify};
use crate::money::{Amount, Currency};
use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding as _};
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

impl Trial<'_> {
    pub(super) fn abilities(&mut self) -> Result<(), Breach> {
        let profile = self.profile().clone();
        let verify = match profile.verify {
            Verify::Balance => Some(OpKind::Balance),
            Verify::PinCheck => Some(OpKind::PinCheck),
            Verify::None => None,
        };
        let query = (profile.recipe == Recipe::Query).then_some(OpKind::Query);
        let undo = profile.can_reverse.then_some(OpKind::Reverse);
        for kind in [Some(OpKind::Redeem), verify, query, undo].into_iter().flatten() {
            let reference = self.next();
            let trace = self.redeem(reference)?.asked.trace;
            let asked = self.ask(kind, reference, 1, trace.as_ref())?.is_some();
            let what = || format!("the profile promises `{}`, the protocol does not have it", kind.name());
            self.check(Rule::Ability, asked, what)?;
        }
        let [one, other] = self.far.cards().map(|card| self.issuer.card_tag(card.data()));
        let told = one.is_some() || !profile.echoes_card;
        self.check(Rule::Ability, told, || {
            "the profile says that cards are echoed, and there is no tag".into()
        })?;
        self.check(Rule::Ability, one.is_none() || one != other, || "two cards have one tag".into())
    }

    pub(super) fn nothing_sent(&mut self) -> Result<(), Breach> {
        let product = Text::new(self.far.product()).expect("a short name");
        let (reference, card) = (self.next(), self.card());
        let redeem = operation(OpKind::Redeem, reference, &product, card, 1);
        let cardless = |kind| Operation { kind, card: None, ..redeem.clone() };
        let kind = |kind| Operation { kind, ..redeem.clone() };
        let amount = |minor| Operation { amount: Amount::new(minor, Currency::CNY), ..redeem.clone() };
        let payout = Reference::payout(RedemptionId([1; 16]), 1);
        let long = Text::new(&"x".repeat(Text::MAX)).expect("as long as may be");
        let strange = CardText { number: None, secret: "\u{1}\u{7f} \u{e9}\"" };
        let wrong = [
            ("a pay-out", kind(OpKind::Pay), true),
            ("a question about a pay-out", kind(OpKind::PayQuery), true),
            ("a debit without its card", cardless(OpKind::Redeem), true),
            ("a balance without its card", cardless(OpKind::Balance), true),
            ("an amount below zero", amount(-1), true),
            ("the greatest amount", amount(i64::MAX), false),
            ("a pay-out's reference", Operation { reference: payout, ..redeem.clone() }, false),
            ("a long product", Operation { product: &long, ..redeem.clone() }, false),
            ("a strange card", Operation { card: Some(strange.data()), ..redeem.clone() }, false),
        ];
        for (name, operation, must_fail) in wrong {
            let (out, done) = self.try_encode(&[operation], None, &*self.issuer);
            let failed = done.is_err() || !must_fail;
            self.check(Rule::NothingSent, failed, || format!("{name} is encoded"))?;
            self.empty_after(name, &out, done)?;
        }
        Ok(())
    }

    fn empty_after(
        &mut self,
        name: &str,
        out: &Message,
        done: Result<(), EncodeError>,
    ) -> Result<(), Breach> {
        let nothing =
            out.body.is_empty() && out.head.is_empty() && out.session.is_none() && out.trace.is_none();
        let what = || format!("{name} fails and leaves something in the message: {out:?}");
        self.check(Rule::NothingSent, done.is_ok() || nothing, what)
    }

    pub(super) fn same(&mut self) -> Result<(), Breach> {
        let product = Text::new(self.far.product()).expect("a short name");
        let (reference, card) = (self.next(), self.card());
        let trace = self.redeem(reference)?.asked.trace;
        let fresh = self.another();
        for kind in KINDS {
            let operation = [operation(kind, reference, &product, card, 1)];
            let first = self.try_encode(&operation, trace.as_ref(), &*self.issuer);
            let again = self.try_encode(&operation, trace.as_ref(), &*self.issuer);
            let after = self.try_encode(&operation, trace.as_ref(), &*fresh);
            let same = |(a, done): &(Message, _), (b, too): &(Message, _)| {
                done == too
                    && (&a.head, &a.body, &a.session, &a.trace) == (&b.head, &b.body, &b.session, &b.trace)
            };
            let name = kind.name();
            self.check(Rule::Same, same(&first, &again), || {
                format!("{name} is another message the second time")
            })?;
            self.check(Rule::Same, same(&first, &after), || {
                format!(
                    "{name} is another message of a fresh instance: what is kept belongs into the session"
                )
            })?;
        }
        Ok(())
    }

    pub(super) fn secrets(&mut self) -> Result<(), Breach> {
        let needles = needles(self.card());
        for kind in KINDS {
            let reference = self.next();
            let trace = self.redeem(reference)?.asked.trace;
            let Some(sent) = self.ask(kind, reference, 1, trace.as_ref())? else { continue };
            let message = &sent.message;
            let shown = format!("{message:?} {:?}", sent.asked).into_bytes();
            let trace = message.trace.as_ref().map_or(&[][..], |trace| trace.as_bytes());
            let session = message.session.as_deref().unwrap_or_default();
            let (mut acknowledged, mut again) = (Vec::new(), Vec::new());
            self.issuer.acknowledge(&mut acknowledged);
            self.issuer.acknowledge(&mut again);
            let tag = self.issuer.card_tag(self.card().data()).map(|tag| tag.0).unwrap_or_default();
            let places: [(&str, &[u8]); 6] = [
                ("the head", &message.head),
                ("the trace", trace),
                ("the session", session),
                ("the debug output", &shown),
                ("the acknowledgement", &acknowledged),
                ("the card tag", &tag),
            ];
            for (place, bytes) in places {
                let found = needles.iter().find(|(_, needle)| holds(bytes, needle));
                let what =
                    || format!("{place} of {} shows {}", kind.name(), found.map_or("", |(name, _)| name));
                self.check(Rule::Secret, found.is_none(), what)?;
            }
            self.check(Rule::Same, acknowledged == again, || "acknowledgements differ".into())?;
        }
        Ok(())
    }
}

/// Number and secret, in the forms in which they may slip out.
fn needles(card: CardText) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![];
    for (name, text) in [("the number", card.number), ("the secret", Some(card.secret))] {
        let Some(text) = text else { continue };
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let forms = [
            ("", text.into()),
            (" in hexadecimal digits", hex.clone()),
            (" in hexadecimal digits", hex.to_uppercase()),
            (" in base64", Base64Unpadded::encode_string(text.as_bytes())),
            (" in base64", Base64UrlUnpadded::encode_string(text.as_bytes())),
        ];
        all.extend(forms.map(|(form, text): (_, String)| (format!("{name}{form}"), text.into_bytes())));
        // Two digits to a byte.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() % 2 == 0 && text.len() > 7;
        if digits {
            let packed = text.as_bytes().chunks(2).map(|pair| (pair[0] & 15) << 4 | pair[1] & 15).collect();
            all.push((format!("{name} packed"), packed));
        }
    }
    all
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
