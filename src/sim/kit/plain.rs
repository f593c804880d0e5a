//! The far end of [`Plain`](crate::adapters::plain::Plain), as a model for others.

use super::far::{CardText, FarEnd, Heard, Said, Says};
use crate::adapters::plain::Plain;
use crate::base::Secret;
use crate::issuer::{Issuer, Message, OpKind, Profiles, Reference};
use crate::money::Amount;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// Reads and writes plain lines, with the channel's key for the tags of cards.
pub struct PlainEnd(Plain);

impl PlainEnd {
    /// The end that holds the channel's `key` of 32 bytes.
    ///
    /// # Panics
    /// On a key of another length.
    pub fn new(key: Secret) -> Self {
        let text = "[issuer.end]\nadapter = \"plain\"\nverify = \"balance\"\nevidence = \"online\"\n\
            idempotency = \"issuer\"\nrecipe = \"query\"\nlate_debit = \"owe\"\nendpoints = [\"-\"]";
        let mut profiles = Profiles::parse(text).expect("a sound profile");
        let profile = profiles.issuers.remove("end").expect("it is in the text");
        Self(Plain::new(profile, key).expect("a key of 32 bytes"))
    }

    fn tag(&self, card: CardText) -> String {
        let tag = self.0.card_tag(card.data()).expect("plain has a tag for every card");
        tag.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl core::fmt::Debug for PlainEnd {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PlainEnd(..)")
    }
}

impl FarEnd for PlainEnd {
    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>> {
        let tag = self.tag(card);
        let line = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let [reference, kind, _, minor, currency, _, card] = words[..] else { return None };
            Some(Heard {
                kind: OpKind::from_name(kind)?,
                reference: Reference::parse(reference),
                key: reference.to_string(),
                amount: Some(Amount::new(minor.parse().ok()?, currency.parse().ok()?)),
                card_fits: card == tag || card == "-",
            })
        };
        core::str::from_utf8(&request.body).ok()?.lines().map(line).collect()
    }

    fn write(&mut self, _request: &Message, said: &[Said]) -> Option<Vec<u8>> {
        let line = |said: &Said| {
            let Said { kind, reference, amount, own, .. } = said;
            let yes = |word: &str, minor: i64| format!("{word} {own} {minor} {}", amount.currency());
            let words = match said.says {
                Says::Yes if *kind == OpKind::Reverse => "reversed".into(),
                Says::Yes => format!("{} {}", yes("accepted", amount.minor()), self.tag(said.card)),
                Says::Partial => yes("partial", amount.minor() / 2),
                Says::Pending if *kind == OpKind::Reverse => "reversal_unconfirmed".into(),
                Says::Pending => "pending".into(),
                Says::No(_) if *kind == OpKind::Reverse => "reversal_refused".into(),
                Says::No(decline) => format!("declined {}", decline.reason()),
                Says::NotFound => "not_found".into(),
                Says::Duplicate => format!("duplicate {own}"),
                Says::Unsure => "unsure".into(),
                Says::Strange(number) if number % 2 == 0 => format!("declined reason_{number}"),
                Says::Strange(number) => format!("status_{number}"),
            };
            format!("{reference} {} {words}\n", kind.name())
        };
        Some(said.iter().map(line).collect::<String>().into_bytes())
    }
}
