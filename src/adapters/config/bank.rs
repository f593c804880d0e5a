//! Banks: the message format, the terms and the working keys, from `[issuer.NAME.terms]`.
//!
//! `encoding` is `bcd` (unless given) or `ascii`; `message` is what the bank's messages have
//! otherwise, a text in TOML as [`Spec::with_profile`] reads it; `crypto` says how MACs and PIN
//! blocks are made in software; every other key is one of [`BankTerms`].

use super::keys::Keys;
use super::{Fault, Wrong};
use crate::adapters::bank::{Bank, BankCrypto, BankTerms};
use crate::base::Secret;
use crate::codec::iso8583::Spec;
use crate::issuer::IssuerProfile;
use alloc::boxed::Box;
use alloc::format;
use core::ops::Range;
use serde::de::IntoDeserializer as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// The name of the master key in `[keys]`: `secret.NAME.master`.
#[cfg(feature = "bank-des")]
const MASTER: &str = "master";

/// A bank whose terms stand at `at`.
pub(super) fn bank(
    profile: IssuerProfile,
    keys: &mut Keys,
    (at, mut table): (usize, DeTable<'_>),
) -> Result<Bank, Fault> {
    let name = profile.name.clone();
    let spec = format_of(&mut table)?;
    let crypto = table.remove("crypto");
    let whole = at..at;
    let terms: BankTerms = read(Spanned::new(whole, DeValue::Table(table)))?;
    let key = keys.channel(&name, at)?;
    let crypto = match crypto {
        Some(asked) => soft(asked, keys, &name, at)?,
        None if terms.mac || terms.pin => return Err(in_rust(&name, at).into()),
        None => Box::new(Without),
    };
    let made = Bank::new(profile, terms, spec, crypto, key);
    made.map_err(|error| Wrong::new(at, format!("issuer `{name}`: {error}")).into())
}

fn read<'de, T: serde::Deserialize<'de>>(value: Spanned<DeValue<'de>>) -> Result<T, Wrong> {
    let at = value.span().start;
    T::deserialize(ValueDeserializer::from(value).into_deserializer()).map_err(|error| {
        let span = error.span().filter(|span: &Range<usize>| span.start > 0);
        Wrong::new(span.map_or(at, |span| span.start), error.message())
    })
}

fn format_of(table: &mut DeTable<'_>) -> Result<Spec, Wrong> {
    let spec = match table.remove("encoding") {
        None => Spec::bcd(),
        Some(encoding) => match encoding.get_ref() {
            DeValue::String(name) if name == "bcd" => Spec::bcd(),
            DeValue::String(name) if name == "ascii" => Spec::ascii(),
            _ => return Err(Wrong::new(encoding.span().start, "encoding: \"bcd\" or \"ascii\" is expected")),
        },
    };
    let Some(message) = table.remove("message") else { return Ok(spec) };
    let at = message.span().start;
    let DeValue::String(text) = message.get_ref() else {
        return Err(Wrong::new(at, "message: a text that holds a message profile is expected"));
    };
    // Its lines are counted from its own first one.
    spec.with_profile(text).map_err(|error| Wrong::new(at, format!("message: {error}")))
}

fn in_rust(name: &str, at: usize) -> Wrong {
    let what = format!(
        "issuer `{name}` needs `crypto`, for keys in software (feature bank-des), or an HSM, which a host gives \
         in Rust: adapters::bank::Bank::new"
    );
    Wrong::new(at, what)
}

/// For banks that want neither MACs nor PIN blocks.
struct Without;

impl BankCrypto for Without {
    fn accepts(&self, _keys: &[u8]) -> bool {
        true
    }

    fn mac(&self, _keys: &[u8], _message: &[u8]) -> Option<[u8; 8]> {
        None
    }

    fn pin_block(&self, _keys: &[u8], _pin: &[u8], _number: &[u8], _random: [u8; 8]) -> Option<Secret> {
        None
    }
}

#[cfg(not(feature = "bank-des"))]
fn soft(
    asked: Spanned<DeValue<'_>>,
    _keys: &mut Keys,
    name: &str,
    _at: usize,
) -> Result<Box<dyn BankCrypto>, Wrong> {
    Err(in_rust(name, asked.span().start))
}

#[cfg(feature = "bank-des")]
fn soft(
    asked: Spanned<DeValue<'_>>,
    keys: &mut Keys,
    name: &str,
    at: usize,
) -> Result<Box<dyn BankCrypto>, Wrong> {
    use crate::adapters::bank::{Mac, PinFormat, SoftCrypto, UnionpayEcb, X919};
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        mac: Spanned<alloc::string::String>,
        #[serde(default = "iso0")]
        pin: PinFormat,
    }
    fn iso0() -> PinFormat {
        PinFormat::Iso0
    }
    let place = asked.span().start;
    let asked: Asked = read(asked)?;
    let mac: Box<dyn Mac> = match asked.mac.get_ref().as_str() {
        "x9.19" => Box::new(X919),
        "unionpay_ecb" => Box::new(UnionpayEcb),
        #[cfg(feature = "sm")]
        "sm4_cbc" => Box::new(crate::adapters::bank::Sm4Cbc),
        _ => {
            let what =
                "crypto.mac: \"x9.19\", \"unionpay_ecb\" or, with the feature sm, \"sm4_cbc\" is expected";
            return Err(Wrong::new(asked.mac.span().start, what));
        }
    };
    let master = keys.secrets(name, at, &[MASTER])?.into_iter().next();
    let crypto = master.and_then(|(_, master)| SoftCrypto::new(&master, mac, asked.pin));
    let what = || Wrong::new(place, format!("secret.{name}.{MASTER} in [keys]: 16 bytes are expected"));
    Ok(Box::new(crypto.ok_or_else(what)?))
}
