//! One product as it stands in the catalogue's TOML, and how it becomes a [`Product`].

use super::face::FaceRule;
use super::identity::{Alias, End, Identity};
use super::product::{FAMILIES, MISMATCHES, OnMismatch, Product};
use super::shape::{Alphabet, CheckDigit, Lengths, Shape};
use super::symbol::{Slice, SymbolProfile};
use super::token;
use crate::base::Text;
use crate::codec::gs1::Gtin;
use crate::money::{Amount, Currency, Rate};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

/// What is wrong at a byte of the file.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Wrong {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// An error of the parser, at `otherwise` if it does not know its place.
    pub(super) fn of(error: &toml::de::Error, otherwise: usize) -> Self {
        Self::new(error.span().map_or(otherwise, |span| span.start), error.message())
    }
}

/// A product, and where it says things that only the whole catalogue can check.
pub(super) struct Entry {
    pub(super) product: Product,
    pub(super) scheme_at: usize,
    pub(super) aliases: Vec<(usize, Alias)>,
}

/// More rules would make the set of keys that one card claims large for no known card.
const ALIASES_MAX: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProduct {
    issuer: Spanned<String>,
    family: Spanned<String>,
    scheme: Option<Spanned<String>>,
    currencies: Spanned<Vec<Spanned<String>>>,
    face: Spanned<RawFace>,
    limit: Option<Spanned<String>>,
    rate: Spanned<String>,
    guard: Option<Spanned<RawGuard>>,
    number: Option<Spanned<RawShape>>,
    secret: Option<Spanned<RawShape>>,
    identity: Option<Spanned<String>>,
    #[serde(default)]
    aliases: Vec<Spanned<RawAlias>>,
    #[serde(default)]
    reloadable: bool,
    on_mismatch: Option<Spanned<String>>,
    trust: Option<String>,
    symbol: Option<Spanned<RawSymbol>>,
    token: Option<Spanned<token::RawToken>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSymbol {
    #[serde(default)]
    gtin: Vec<Spanned<String>>,
    serial: Option<Spanned<RawSlice>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSlice {
    at: u8,
    len: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFace {
    values: Option<Vec<Spanned<String>>>,
    min: Option<Spanned<String>>,
    max: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGuard {
    min: Spanned<String>,
    max: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShape {
    kind: Spanned<String>,
    #[serde(default)]
    lengths: Vec<Spanned<u8>>,
    min_length: Option<Spanned<u8>>,
    max_length: Option<Spanned<u8>>,
    #[serde(default)]
    prefixes: Vec<Spanned<String>>,
    check: Option<Spanned<String>>,
    group: Option<Spanned<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAlias {
    when_length: u8,
    drop_first: Option<u8>,
    drop_last: Option<u8>,
}

/// Reads the table `value` of the product `name`, whose name stands at byte `at`.
pub(super) fn entry(name: Text, at: usize, value: Spanned<DeValue<'_>>) -> Result<Entry, Wrong> {
    let raw = RawProduct::deserialize(ValueDeserializer::from(value)).map_err(|error| {
        // The parser places a missing key at the whole table; its name is the better place.
        let missing =
            error.message().starts_with("missing field") && error.span().is_none_or(|s| s.start <= at);
        if missing { Wrong::new(at, error.message()) } else { Wrong::of(&error, at) }
    })?;
    let number = raw.number.as_ref().map(|raw| shape("number", raw)).transpose()?;
    let secret = raw.secret.as_ref().map(|raw| shape("secret", raw)).transpose()?;
    let identity = identity(&raw, &number, &secret, at)?;
    let currencies = currencies(&raw.currencies)?;
    let aliases = aliases(&raw.aliases)?;
    let (rate, guard) = rate_and_guard(&raw)?;
    let symbol = raw.symbol.as_ref().map(|raw| symbol(raw, number.as_ref())).transpose()?;
    let token = raw.token.as_ref().map(token::rule).transpose()?;
    let product = Product {
        issuer: read("issuer", &raw.issuer, Text::new)?,
        family: one_of("family", &raw.family, FAMILIES)?,
        scheme: match &raw.scheme {
            Some(scheme) => read("scheme", scheme, Text::new)?,
            None => name.clone(),
        },
        face: face(&raw.face, &currencies)?,
        limits: match &raw.limit {
            Some(limit) => positive("limit", limit, &currencies)?,
            None => Vec::new(),
        },
        on_mismatch: match &raw.on_mismatch {
            Some(text) => one_of("on_mismatch", text, MISMATCHES)?,
            None => OnMismatch::Settle,
        },
        aliases: sorted(aliases.iter().map(|(_, alias)| *alias)),
        reloadable: raw.reloadable,
        trust: raw.trust.map(Into::into),
        symbol,
        token,
        name,
        currencies,
        rate,
        guard,
        number,
        secret,
        identity,
    };
    Ok(Entry { product, scheme_at: raw.scheme.map_or(at, |scheme| scheme.span().start), aliases })
}

pub(super) fn read<T, E: Display>(
    key: &str,
    text: &Spanned<String>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Wrong> {
    parse(text.get_ref()).map_err(|error| Wrong::new(text.span().start, format!("{key}: {error}")))
}

pub(super) fn one_of<T: Copy>(key: &str, text: &Spanned<String>, names: &[(&str, T)]) -> Result<T, Wrong> {
    let found = names.iter().find(|(name, _)| name == text.get_ref());
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        Wrong::new(text.span().start, format!("{key}: expected one of {}", names.join(", ")))
    })
}

fn sorted<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort();
    all.dedup();
    all
}

fn currencies(raw: &Spanned<Vec<Spanned<String>>>) -> Result<Vec<Currency>, Wrong> {
    let mut all = Vec::with_capacity(raw.get_ref().len());
    for text in raw.get_ref() {
        all.push(read("currencies", text, str::parse::<Currency>)?);
    }
    if all.is_empty() {
        return Err(Wrong::new(raw.span().start, "currencies: expected at least one"));
    }
    Ok(sorted(all.into_iter()))
}

/// An amount above 0 in each of the currencies.
fn positive(key: &str, text: &Spanned<String>, currencies: &[Currency]) -> Result<Vec<Amount>, Wrong> {
    let amount = |currency: &Currency| match read(key, text, |text| Amount::parse(text, *currency))? {
        amount if amount.minor() > 0 => Ok(amount),
        _ => Err(Wrong::new(text.span().start, format!("{key}: must be above 0"))),
    };
    currencies.iter().map(amount).collect()
}

fn face(raw: &Spanned<RawFace>, currencies: &[Currency]) -> Result<FaceRule, Wrong> {
    match raw.get_ref() {
        RawFace { values: Some(values), min: None, max: None } if !values.is_empty() => {
            let mut all = Vec::new();
            for value in values {
                all.extend(positive("face.values", value, currencies)?);
            }
            all.sort_by_key(|value| (value.currency(), value.minor()));
            all.dedup();
            Ok(FaceRule::Values(all))
        }
        RawFace { values: None, min: Some(min), max: Some(max) } => {
            let least = positive("face.min", min, currencies)?;
            let greatest = positive("face.max", max, currencies)?;
            let ranges: Vec<_> = least.into_iter().zip(greatest).collect();
            if ranges.iter().any(|(least, greatest)| least.minor() > greatest.minor()) {
                return Err(Wrong::new(max.span().start, "face.max: must not be below face.min"));
            }
            Ok(FaceRule::Range(ranges))
        }
        _ => Err(Wrong::new(
            raw.span().start,
            r#"face: expected { min = "1", max = "1000" } or { values = ["100", "200"] }"#,
        )),
    }
}

/// The rate and its guard, 85 to 95 % unless the product says otherwise.
fn rate_and_guard(raw: &RawProduct) -> Result<(Rate, (Rate, Rate)), Wrong> {
    let rate = read("rate", &raw.rate, Rate::parse)?;
    let (min, max) = match raw.guard.as_ref().map(Spanned::get_ref) {
        None => {
            let default = |ppm| Rate::from_ppm(ppm).expect("a share below 1 is a rate");
            (default(850_000), default(950_000))
        }
        Some(guard) => {
            (read("guard.min", &guard.min, Rate::parse)?, read("guard.max", &guard.max, Rate::parse)?)
        }
    };
    if min > max {
        let at = raw.guard.as_ref().map_or(raw.rate.span().start, |guard| guard.span().start);
        return Err(Wrong::new(at, "guard.min: must not be above guard.max"));
    }
    if rate < min || rate > max {
        return Err(Wrong::new(
            raw.rate.span().start,
            format!("rate: must be within its guard, {min} to {max}"),
        ));
    }
    Ok((rate, (min, max)))
}

/// Which field names the card: as said, or else the number if there is one.
fn identity(
    raw: &RawProduct,
    number: &Option<Shape>,
    secret: &Option<Shape>,
    at: usize,
) -> Result<Identity, Wrong> {
    let (at, identity) = match &raw.identity {
        Some(text) => {
            let names = [("number", Identity::Number), ("secret", Identity::Secret)];
            (text.span().start, one_of("identity", text, &names)?)
        }
        None if number.is_some() => (at, Identity::Number),
        None => (at, Identity::Secret),
    };
    let (shape, name) = match identity {
        Identity::Number => (number, "number"),
        Identity::Secret => (secret, "secret"),
    };
    if shape.is_none() {
        return Err(Wrong::new(
            at,
            format!("{name}: expected the shape of the {name}, which names the card"),
        ));
    }
    Ok(identity)
}

fn shape(key: &str, raw: &Spanned<RawShape>) -> Result<Shape, Wrong> {
    let at = raw.span().start;
    let raw = raw.get_ref();
    let kinds = [("digits", Alphabet::Digits), ("letters-and-digits", Alphabet::LettersAndDigits)];
    let alphabet = one_of(&format!("{key}.kind"), &raw.kind, &kinds)?;
    let check = match &raw.check {
        None => None,
        Some(text) if alphabet != Alphabet::Digits => {
            return Err(Wrong::new(
                text.span().start,
                format!("{key}.check: only digits have a check digit"),
            ));
        }
        Some(text) => {
            let checks = [("luhn", CheckDigit::Luhn), ("gs1", CheckDigit::Gs1)];
            Some(one_of(&format!("{key}.check"), text, &checks)?)
        }
    };
    let lengths = lengths(key, raw, at)?;
    let longest = lengths.iter().max().unwrap_or_default();
    let mut prefixes = Vec::with_capacity(raw.prefixes.len());
    for text in &raw.prefixes {
        let fits = |c: char| c.is_ascii_digit() || (alphabet != Alphabet::Digits && c.is_ascii_uppercase());
        if !text.get_ref().chars().all(fits) || text.get_ref().len() > longest {
            let what = match alphabet {
                Alphabet::Digits => "digits",
                Alphabet::LettersAndDigits => "digits and capital letters",
            };
            let what = format!("{key}.prefixes: expected up to {longest} {what}");
            return Err(Wrong::new(text.span().start, what));
        }
        prefixes.push(read(&format!("{key}.prefixes"), text, Text::new)?);
    }
    let group = raw.group.as_ref().map(|group| match *group.get_ref() {
        0 => Err(Wrong::new(group.span().start, format!("{key}.group: must be above 0"))),
        size => Ok(size),
    });
    Ok(Shape { alphabet, lengths, prefixes: sorted(prefixes.into_iter()), check, group: group.transpose()? })
}

/// The listed lengths and those of the range, both ends included.
fn lengths(key: &str, raw: &RawShape, at: usize) -> Result<Lengths, Wrong> {
    let mut set = Lengths::default();
    let mut add = |length: u8, at: usize| {
        let what = || Wrong::new(at, format!("{key}: expected lengths from 1 to {}", Lengths::MAX));
        set = set.with(usize::from(length)).ok_or_else(what)?;
        Ok(())
    };
    for length in &raw.lengths {
        add(*length.get_ref(), length.span().start)?;
    }
    match (&raw.min_length, &raw.max_length) {
        (None, None) if raw.lengths.is_empty() => {
            return Err(Wrong::new(at, format!("{key}: expected lengths, or min_length and max_length")));
        }
        (None, None) => {}
        (Some(min), Some(max)) if min.get_ref() <= max.get_ref() => {
            for length in *min.get_ref()..=*max.get_ref() {
                let end = if length == *min.get_ref() { min } else { max };
                add(length, end.span().start)?;
            }
        }
        _ => {
            let what = "expected both min_length and max_length, the first not above the second";
            return Err(Wrong::new(at, format!("{key}: {what}")));
        }
    }
    Ok(set)
}

/// What bar codes say of the product: at least one number that may name it.
fn symbol(raw: &Spanned<RawSymbol>, number: Option<&Shape>) -> Result<SymbolProfile, Wrong> {
    let at = raw.span().start;
    let raw = raw.get_ref();
    let mut gtins = Vec::with_capacity(raw.gtin.len());
    for text in &raw.gtin {
        let gtin = read("symbol.gtin", text, Gtin::parse)?;
        if let Some(what) = SymbolProfile::refuses(gtin) {
            return Err(Wrong::new(text.span().start, format!("symbol.gtin: {what}")));
        }
        gtins.push(gtin);
    }
    if gtins.is_empty() {
        return Err(Wrong::new(at, "symbol.gtin: expected at least one"));
    }
    let mut serial = None;
    if let Some(raw) = &raw.serial {
        let slice = Slice { at: raw.get_ref().at, len: raw.get_ref().len };
        if let Some(what) = SymbolProfile::misplaces(slice, number) {
            return Err(Wrong::new(raw.span().start, format!("symbol.serial: {what}")));
        }
        serial = Some(slice);
    }
    Ok(SymbolProfile { gtins: sorted(gtins.into_iter()), serial })
}

fn aliases(raw: &[Spanned<RawAlias>]) -> Result<Vec<(usize, Alias)>, Wrong> {
    let mut all = Vec::with_capacity(raw.len());
    for rule in raw {
        let at = rule.span().start;
        if all.len() == ALIASES_MAX {
            return Err(Wrong::new(at, format!("aliases: at most {ALIASES_MAX} rules")));
        }
        let RawAlias { when_length, drop_first, drop_last } = *rule.get_ref();
        let (end, drop) = match (drop_first, drop_last) {
            (Some(drop), None) => (End::First, drop),
            (None, Some(drop)) => (End::Last, drop),
            _ => return Err(Wrong::new(at, "aliases: expected either drop_first or drop_last")),
        };
        if drop == 0 || drop >= when_length {
            return Err(Wrong::new(at, "aliases: must drop at least 1 character and fewer than when_length"));
        }
        all.push((at, Alias { when_length, end, drop }));
    }
    Ok(all)
}

impl Product {
    /// The shape of the field that names the card.
    pub(super) fn identity_shape(&self) -> Option<&Shape> {
        match self.identity {
            Identity::Number => self.number.as_ref(),
            Identity::Secret => self.secret.as_ref(),
        }
    }
}
