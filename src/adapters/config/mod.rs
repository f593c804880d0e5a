//! A whole set-up from one TOML text, for hosts that cannot name Rust types.
//!
//! | tables | hold | explained at |
//! |---|---|---|
//! | `[product.NAME]` | the catalogue | [`Catalogue::parse`] |
//! | `[issuer.NAME]`, `[rail.NAME]` | profiles; `adapter` names the protocol | [`Profiles`] |
//! | `[policy.risk]`, `[policy.terms]`, `[policy.flow]` and tables below them | policy | [`Policy`] |
//! | `[bounds]` | `in_flight` and `batch_units`, may be left out | [`Bounds`] |
//! | `[keys]` | keys, 64 lower-case hexadecimal digits each | below |
//!
//! ```toml
//! [keys]
//! key.1 = "..."           # seals secrets; the highest number is current
//! pepper.1 = "..."        # names cards; the highest number is current
//! channel.bank = "..."    # shared with the issuer or rail of this name
//! token.jd-qr.1 = "..."   # of the tokens of this product, by the id that the catalogue lists
//! ```
//! A host whose keys lie in an HSM or a KMS makes the ring itself and uses [`setup_with`].
//! `signed_json` channels and `plain` issuers need a channel key. Keys are zeroised in every copy
//! that is made of them here; the text itself is the caller's to wipe.

mod keys;
mod sections;

use crate::adapters::plain::{self, Plain, PlainRail};
use crate::adapters::signed_json::{self, SignedJson, SignedJsonRail};
use crate::adapters::{AdapterError, hex};
use crate::base::{Advice, Code, Secret, block};
use crate::card::{CardFault, Catalogue};
use crate::engine::{Bounds, Policy, Setup, SetupError};
use crate::issuer::{Issuer, IssuerProfile, ProfileError, Profiles, Rail, RailProfile};
use crate::vault::{KeyRing, VaultError};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use keys::Keys;
use sections::Sections;
use serde::Deserialize;

/// Why a text gives no set-up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// At a place of the text.
    #[error("line {line}, column {column}: {what}")]
    Text {
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
        /// What was expected; never a key.
        what: String,
    },
    /// In the tables of products.
    #[error("{0}")]
    Catalogue(CardFault),
    /// In the tables of issuers and rails.
    #[error(transparent)]
    Profiles(#[from] ProfileError),
    /// In the policy, or between the parts.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// In the keys.
    #[error("keys: {0}")]
    Keys(#[from] VaultError),
    /// In the adapter of one channel.
    #[error("channel `{channel}`: {error}")]
    Channel {
        /// Which.
        channel: String,
        /// Why.
        error: AdapterError,
    },
}

impl ConfigError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        match self {
            Self::Text { .. } => Code::new(block::ADAPTERS, 4),
            Self::Catalogue(error) => error.code(),
            Self::Profiles(error) => error.code(),
            Self::Setup(error) => error.code(),
            Self::Keys(error) => error.code(),
            Self::Channel { error, .. } => error.code(),
        }
    }

    /// The text must be corrected.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// What is wrong at a byte of the text.
#[derive(Debug)]
struct Wrong {
    at: usize,
    what: String,
}

impl Wrong {
    fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    fn of(error: &toml::de::Error) -> Self {
        Self::new(error.span().map_or(0, |span| span.start), error.message())
    }

    fn placed(self, text: &str) -> ConfigError {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count().saturating_add(1);
        let in_line = before.rsplit('\n').next().unwrap_or_default();
        ConfigError::Text { line, column: in_line.chars().count().saturating_add(1), what: self.what }
    }
}

/// Reads the text and puts the set-up together.
///
/// # Errors
/// [`ConfigError`] with the place and what was expected.
pub fn setup(text: &str) -> Result<Setup, ConfigError> {
    read(text, None)
}

/// As [`setup`], with a ring whose keys come from elsewhere, such as an HSM or a KMS
/// ([`crate::vault::MasterKey`], [`crate::vault::Unlock`]): `[keys]` then holds keys of channels
/// only.
///
/// # Errors
/// [`ConfigError`] with the place and what was expected.
pub fn setup_with(text: &str, ring: KeyRing) -> Result<Setup, ConfigError> {
    read(text, Some(ring))
}

fn read(text: &str, ring: Option<KeyRing>) -> Result<Setup, ConfigError> {
    let placed = |wrong: Wrong| wrong.placed(text);
    let sections = Sections::split(text).map_err(placed)?;
    let catalogue = Catalogue::parse(&sections.only(&["product"]))
        .map_err(|error| ConfigError::Catalogue(CardFault::from(error)))?;
    let profiles = Profiles::parse(&sections.only(&["issuer", "rail"]))?;
    let policy = Policy::parse(&sections.only(&["policy"]))?;
    let bounds = bounds(&sections.only(&["bounds"])).map_err(placed)?;
    let mut keys = Keys::read(&sections.only(&["keys"])).map_err(placed)?;
    let mut issuers = Vec::with_capacity(profiles.issuers.len());
    for (name, profile) in profiles.issuers {
        let at = sections.place_of("issuer", &name);
        issuers.push(issuer(profile, &mut keys, at).map_err(|error| error.placed(text))?);
    }
    let mut rails = Vec::with_capacity(profiles.rails.len());
    for (name, profile) in profiles.rails {
        let at = sections.place_of("rail", &name);
        rails.push(rail(profile, &mut keys, at).map_err(|error| error.placed(text))?);
    }
    let place_of = |product: &str| sections.place_of("product", product);
    let tokens = keys.tokens(&catalogue, &place_of).map_err(placed)?;
    let ring = match ring {
        None => keys.ring(),
        Some(ring) => keys.channels_only().map(|()| ring),
    };
    let ring = ring.map_err(|error| error.placed(text))?;
    Ok(Setup::new(catalogue, policy, issuers, rails, ring)?.bounds(bounds).token_keys(tokens)?)
}

/// A fault that may still need its place.
enum Fault {
    At(Wrong),
    Whole(ConfigError),
}

impl From<Wrong> for Fault {
    fn from(wrong: Wrong) -> Self {
        Self::At(wrong)
    }
}

impl Fault {
    fn of(channel: String) -> impl FnOnce(AdapterError) -> Self {
        move |error| Self::Whole(ConfigError::Channel { channel, error })
    }

    fn placed(self, text: &str) -> ConfigError {
        match self {
            Self::At(wrong) => wrong.placed(text),
            Self::Whole(error) => error,
        }
    }
}

fn issuer(profile: IssuerProfile, keys: &mut Keys, at: usize) -> Result<Box<dyn Issuer>, Fault> {
    let name = profile.name.clone();
    match profile.adapter.as_str() {
        signed_json::NAME => {
            let key = keys.channel(&name, at)?;
            Ok(Box::new(SignedJson::new(profile, key).map_err(Fault::of(name))?))
        }
        plain::NAME => {
            let key = keys.channel(&name, at)?;
            Ok(Box::new(Plain::new(profile, key).map_err(Fault::of(name))?))
        }
        other => Err(unknown(other, at)),
    }
}

fn rail(profile: RailProfile, keys: &mut Keys, at: usize) -> Result<Box<dyn Rail>, Fault> {
    let name = profile.name.clone();
    match profile.adapter.as_str() {
        signed_json::NAME => {
            let key = keys.channel(&name, at)?;
            Ok(Box::new(SignedJsonRail::new(profile, key).map_err(Fault::of(name))?))
        }
        plain::NAME => Ok(Box::new(PlainRail::new(profile))),
        other => Err(unknown(other, at)),
    }
}

fn unknown(adapter: &str, at: usize) -> Fault {
    let what = format!("adapter `{adapter}` is not known: {} or {}", signed_json::NAME, plain::NAME);
    Fault::At(Wrong::new(at, what))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawBounds {
    in_flight: Option<usize>,
    batch_units: Option<usize>,
    early_units: Option<usize>,
}

#[derive(Deserialize)]
struct BoundsTable {
    #[serde(default)]
    bounds: RawBounds,
}

fn bounds(text: &str) -> Result<Bounds, Wrong> {
    let table: BoundsTable = toml::from_str(text).map_err(|error| Wrong::of(&error))?;
    let RawBounds { in_flight, batch_units, early_units } = table.bounds;
    if [in_flight, batch_units, early_units].contains(&Some(0)) {
        let at = text.find("[bounds]").unwrap_or(0);
        return Err(Wrong::new(at, "bounds: in_flight, batch_units and early_units are at least 1"));
    }
    let usual = Bounds::default();
    Ok(Bounds {
        in_flight: in_flight.unwrap_or(usual.in_flight),
        batch_units: batch_units.unwrap_or(usual.batch_units),
        early_units: early_units.unwrap_or(usual.early_units),
    })
}

fn key_of(text: &str) -> Option<Secret> {
    hex::read(text).filter(|bytes| bytes.len() == 32).map(Secret::new)
}

#[cfg(test)]
mod tests;
