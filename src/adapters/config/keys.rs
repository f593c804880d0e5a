//! The `[keys]` table. Read without serde, whose errors would quote what they found.

use super::{ConfigError, Fault, Wrong, key_of};
use crate::adapters::hex;
use crate::base::Secret;
use crate::card::token::TokenKeyId;
use crate::card::{Catalogue, Product};
use crate::engine::TokenSecret;
use crate::vault::{KeyId, KeyRing, PepperVersion};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The keys, as far as nobody has taken them yet.
#[derive(Default)]
pub(super) struct Keys {
    keys: Vec<(KeyId, Secret)>,
    peppers: Vec<(PepperVersion, Secret)>,
    channels: BTreeMap<String, (usize, Secret)>,
    tokens: Vec<(usize, TokenSecret)>,
    /// What channels sign and verify with.
    pairs: BTreeMap<String, (usize, PairTexts)>,
    /// Keys that the issuer of a channel chose, by the names that its terms give them.
    secrets: BTreeMap<String, Vec<(usize, String, Secret)>>,
    /// Where the first key or pepper of the ring stands.
    at: Option<usize>,
}

/// Our private key and the public one of the other end, as texts.
#[derive(Default)]
pub(super) struct PairTexts {
    pub(super) private: Option<Secret>,
    pub(super) public: Option<Vec<u8>>,
}

const EXPECTED: &str = "key.NUMBER, pepper.NUMBER, channel.NAME or token.PRODUCT.NUMBER = \
    \"64 hexadecimal digits\", or secret.CHANNEL.NAME = \"text\", or pair.CHANNEL = { private = \"text\", public = \"text\" } is expected";

impl Keys {
    pub(super) fn read(text: &str) -> Result<Self, Wrong> {
        let table = DeTable::parse(text).map_err(|error| Wrong::of(&error))?;
        let mut keys = Self::default();
        for (_, section) in table.into_inner() {
            let at = section.span().start;
            let DeValue::Table(section) = section.into_inner() else { return Err(Wrong::new(at, EXPECTED)) };
            for (kind, entries) in section {
                let at = kind.span().start;
                let DeValue::Table(entries) = entries.into_inner() else {
                    return Err(Wrong::new(at, EXPECTED));
                };
                for (name, value) in entries {
                    match kind.get_ref().as_ref() {
                        "token" => keys.put_tokens(name.get_ref(), value)?,
                        "secret" => keys.put_secrets(name.get_ref(), value)?,
                        "pair" => keys.put_pair(name.get_ref(), value)?,
                        kind => keys.put(kind, (name.span().start, name.get_ref()), &value)?,
                    }
                }
            }
        }
        Ok(keys)
    }

    fn put(
        &mut self,
        kind: &str,
        (at, name): (usize, &str),
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), Wrong> {
        let key = read_key(value)?;
        let number = || name.parse::<u16>().map_err(|_| Wrong::new(at, "a number up to 65535 is expected"));
        if kind != "channel" {
            self.at = self.at.or(Some(at));
        }
        match kind {
            "key" => self.keys.push((KeyId(number()?), key)),
            "pepper" => self.peppers.push((PepperVersion(number()?), key)),
            "channel" => {
                self.channels.insert(name.to_string(), (at, key));
            }
            _ => return Err(Wrong::new(at, EXPECTED)),
        }
        Ok(())
    }

    /// The keys of one product's tokens.
    fn put_tokens(&mut self, product: &str, value: Spanned<DeValue<'_>>) -> Result<(), Wrong> {
        let at = value.span().start;
        let DeValue::Table(entries) = value.into_inner() else { return Err(Wrong::new(at, EXPECTED)) };
        for (id, value) in entries {
            let at = id.span().start;
            let number = || Wrong::new(at, "a number up to 4294967295 is expected");
            let id = TokenKeyId(id.get_ref().parse().map_err(|_| number())?);
            let key = read_key(&value)?;
            self.tokens.push((at, TokenSecret { product: product.to_string(), id, key }));
        }
        Ok(())
    }

    /// The keys that the issuer of one channel chose: a text, or `{ hex = "..." }`.
    fn put_secrets(&mut self, channel: &str, value: Spanned<DeValue<'_>>) -> Result<(), Wrong> {
        let at = value.span().start;
        let DeValue::Table(entries) = value.into_inner() else { return Err(Wrong::new(at, EXPECTED)) };
        let mut secrets = Vec::new();
        for (name, value) in entries {
            let wrong = || Wrong::new(value.span().start, "a text or { hex = \"...\" } is expected");
            let secret = match value.get_ref() {
                DeValue::String(text) => Secret::from(text.as_ref()),
                DeValue::Table(table) => match (table.get("hex").map(Spanned::get_ref), table.len()) {
                    (Some(DeValue::String(digits)), 1) => Secret::new(hex::read(digits).ok_or_else(wrong)?),
                    _ => return Err(wrong()),
                },
                _ => return Err(wrong()),
            };
            secrets.push((name.span().start, name.get_ref().to_string(), secret));
        }
        self.secrets.insert(channel.to_string(), secrets);
        Ok(())
    }

    /// The pair of keys of one channel: texts.
    fn put_pair(&mut self, channel: &str, value: Spanned<DeValue<'_>>) -> Result<(), Wrong> {
        let at = value.span().start;
        let what = "{ private = \"text\", public = \"text\" }, or one of the two, is expected";
        let DeValue::Table(entries) = value.into_inner() else { return Err(Wrong::new(at, what)) };
        let mut pair = PairTexts::default();
        for (name, value) in entries {
            let DeValue::String(text) = value.get_ref() else {
                return Err(Wrong::new(value.span().start, "the text of a key is expected"));
            };
            match name.get_ref().as_ref() {
                "private" => pair.private = Some(Secret::from(text.as_ref())),
                "public" => pair.public = Some(text.as_bytes().to_vec()),
                _ => return Err(Wrong::new(name.span().start, what)),
            }
        }
        self.pairs.insert(channel.to_string(), (at, pair));
        Ok(())
    }

    /// The pair of keys of a channel; empty if none is given.
    pub(super) fn pair(&mut self, channel: &str) -> PairTexts {
        self.pairs.remove(channel).map(|(_, pair)| pair).unwrap_or_default()
    }

    /// The keys that the issuer of a channel chose, which are to be exactly those `named`.
    pub(super) fn secrets(
        &mut self,
        channel: &str,
        at: usize,
        named: &[&str],
    ) -> Result<Vec<(String, Secret)>, Wrong> {
        let given = self.secrets.remove(channel).unwrap_or_default();
        if let Some(name) = named.iter().find(|name| given.iter().all(|(_, given, _)| given != *name)) {
            return Err(Wrong::new(
                at,
                format!("channel `{channel}` needs secret.{channel}.{name} in [keys]"),
            ));
        }
        if let Some((at, name, _)) = given.iter().find(|(_, given, _)| !named.contains(&given.as_str())) {
            return Err(Wrong::new(*at, format!("the terms of `{channel}` name no key `{name}`")));
        }
        Ok(given.into_iter().map(|(_, name, secret)| (name, secret)).collect())
    }

    /// The keys of tokens, once it is known that the catalogue lists each of them. `place_of` tells
    /// where a product's table stands.
    pub(super) fn tokens(
        &mut self,
        catalogue: &Catalogue,
        place_of: &dyn Fn(&str) -> usize,
    ) -> Result<Vec<TokenSecret>, Wrong> {
        let listed = |product: &str, id| {
            let rule = catalogue.product(product).and_then(Product::token);
            rule.is_some_and(|rule| rule.secret_keys().any(|listed| listed == id))
        };
        if let Some((at, secret)) = self.tokens.iter().find(|(_, s)| !listed(&s.product, s.id)) {
            let (product, id) = (&secret.product, secret.id.0);
            return Err(Wrong::new(
                *at,
                format!("product `{product}` lists no token key {id} to be kept here"),
            ));
        }
        for (product, rule) in catalogue.products().filter_map(|p| p.token().map(|rule| (p.name(), rule))) {
            let held = |id: &TokenKeyId| {
                self.tokens.iter().any(|(_, s)| s.product == product.as_str() && s.id == *id)
            };
            if let Some(id) = rule.secret_keys().find(|id| !held(id)) {
                let what = format!("product `{product}` needs token.{product}.{} in [keys]", id.0);
                return Err(Wrong::new(place_of(product), what));
            }
        }
        Ok(self.tokens.drain(..).map(|(_, secret)| secret).collect())
    }

    /// The key of a channel whose table stands at `at`.
    pub(super) fn channel(&mut self, name: &str, at: usize) -> Result<Secret, Wrong> {
        let missing = || Wrong::new(at, format!("channel `{name}` needs channel.{name} in [keys]"));
        self.channels.remove(name).map(|(_, key)| key).ok_or_else(missing)
    }

    /// That every channel has taken its key.
    fn all_taken(&self) -> Result<(), Fault> {
        if let Some((channel, [(at, ..), ..])) = self.secrets.iter().map(|(n, s)| (n, s.as_slice())).next() {
            return Err(Fault::At(Wrong::new(*at, format!("no channel `{channel}` asks for such keys"))));
        }
        if let Some((channel, (at, _))) = self.pairs.iter().next() {
            let what = format!("no channel `{channel}` signs with a pair of keys");
            return Err(Fault::At(Wrong::new(*at, what)));
        }
        match self.channels.iter().next() {
            Some((name, (at, _))) => {
                let what = format!("no channel `{name}` asks for a key");
                Err(Fault::At(Wrong::new(*at, what)))
            }
            None => Ok(()),
        }
    }

    /// That there are no keys but those that channels have taken: the ring comes from elsewhere.
    pub(super) fn channels_only(self) -> Result<(), Fault> {
        self.all_taken()?;
        match self.at {
            Some(at) => Err(Fault::At(Wrong::new(at, "the key ring comes from elsewhere: no key or pepper"))),
            None => Ok(()),
        }
    }

    /// The ring, once every channel has taken its key.
    pub(super) fn ring(self) -> Result<KeyRing, Fault> {
        self.all_taken()?;
        KeyRing::new(self.keys, self.peppers).map_err(|error| Fault::Whole(ConfigError::Keys(error)))
    }
}

fn read_key(value: &Spanned<DeValue<'_>>) -> Result<Secret, Wrong> {
    let at = value.span().start;
    let DeValue::String(digits) = value.get_ref() else { return Err(Wrong::new(at, EXPECTED)) };
    key_of(digits).ok_or_else(|| Wrong::new(at, "64 lower-case hexadecimal digits are expected"))
}
