//! A whole set-up from one TOML text, for hosts that cannot name Rust types.
//!
//! | tables | hold | explained at |
//! |---|---|---|
//! | `[product.NAME]` | the catalogue | [`Catalogue::parse`] |
//! | `[issuer.NAME]`, `[rail.NAME]` | profiles; `adapter` names the protocol | [`Profiles`] |
//! | `[issuer.NAME.terms]` and tables below it | what was agreed with it, for adapters that ask for that | below |
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
//! secret.jd.sign = "..."  # a key that the issuer chose, a text or { hex = "..." }, by the name
//!                         # that its terms give it
//! pair.silk = { private = "...", public = "..." } # ours and the issuer's, where `rsa_sha256` or `sm2`
//!                                                 # signs: PEM or what else `codec::pair` reads
//! ```
//! A host whose keys lie in an HSM or a KMS makes the ring itself and uses [`setup_with`].
//! `signed_json` channels, `plain` issuers and those of [`rest`] need a channel key; a `batch` issuer needs one
//! where its cards are sealed or its rows echo them. Keys are zeroised in every copy
//! that is made of them here; the text itself is the caller's to wipe.
//!
//! The terms of an issuer with `adapter = "batch"` are those of [`batch::BatchTerms`]. Those of one with
//! `adapter = "rest"` are a profile file, or `profile = "NAME"` of one
//! that comes with the library and `params`; with `adapter = "jd"` or `"walmart"` they are `params`
//! only. `docs/issuers.md` tells the keys.
//! ```toml
//! [issuer.jd]
//! adapter = "jd"
//! # verify, evidence, ...
//! [issuer.jd.terms.params]
//! app_key = "..."
//! ```
//! With `adapter = "bank"` they are [`BankTerms`](crate::adapters::bank::BankTerms), beside them
//! `encoding` (`"bcd"` or `"ascii"`), `message` (a message profile, as a text) and, with the feature
//! `bank-des`, `crypto = { mac = "x9.19", pin = "iso0" }` for keys in software under
//! `secret.NAME.master`. Where keys lie in an HSM the host makes the adapter in Rust.

mod bank;
mod keys;
mod sections;

use crate::adapters::bank as banks;
use crate::adapters::batch::{self, Batch, BatchTerms, RawTerms};
use crate::adapters::plain::{self, Plain, PlainRail};
use crate::adapters::rest::{self, Rest, RestKeys, RestTerms};
use crate::adapters::signed_json::{self, SignedJson, SignedJsonRail};
use crate::adapters::{AdapterError, hex};
use crate::base::{Advice, Code, Secret, block, line_column};
use crate::card::{CardFault, Catalogue};
use crate::engine::{Bounds, Policy, Setup, SetupError};
use crate::issuer::{Issuer, IssuerProfile, ProfileError, Profiles, Rail, RailProfile};
use crate::vault::{KeyRing, VaultError};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use keys::Keys;
use sections::Sections;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

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
        let (line, column) = line_column(text, self.at);
        ConfigError::Text { line, column, what: self.what }
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

/// An issuer that goes by files, for whoever carries them (`host::transport::Filing`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileIssuer {
    /// Its sites, such as `file:///srv/regional`, as its profile has them.
    pub endpoints: Vec<String>,
    /// What its files look like.
    pub terms: BatchTerms,
}

/// The issuers of a set-up whose `adapter` is `"batch"`, by name.
///
/// # Errors
/// [`ConfigError`] with the place and what was expected.
pub fn file_issuers(text: &str) -> Result<BTreeMap<String, FileIssuer>, ConfigError> {
    let placed = |wrong: Wrong| wrong.placed(text);
    let sections = Sections::split(text).map_err(placed)?;
    let profiles = Profiles::parse(&sections.only(&["issuer", "rail"]))?;
    let mut found = BTreeMap::new();
    for (name, profile) in profiles.issuers.into_iter().filter(|(_, one)| one.adapter == batch::NAME) {
        let of_it = sections.terms_of(&name);
        let of_it = of_it.ok_or_else(|| placed(no_terms(&name, sections.place_of("issuer", &name))))?;
        let terms = batch_terms(&of_it, &name).map_err(placed)?;
        found.insert(name, FileIssuer { endpoints: profile.endpoints, terms });
    }
    Ok(found)
}

fn no_terms(name: &str, at: usize) -> Wrong {
    Wrong::new(at, format!("issuer `{name}` needs a table [issuer.{name}.terms]"))
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
    let all_terms = sections.only(&[sections::TERMS]);
    let mut terms = Terms::read(&all_terms).map_err(placed)?;
    let mut issuers = Vec::with_capacity(profiles.issuers.len());
    for (name, profile) in profiles.issuers {
        let at = sections.place_of("issuer", &name);
        let text_of_terms = sections.terms_of(&name);
        let made = issuer(profile, &mut keys, &mut terms, text_of_terms.as_deref(), at);
        issuers.push(made.map_err(|error| error.placed(text))?);
    }
    terms.all_taken().map_err(placed)?;
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

fn issuer(
    profile: IssuerProfile,
    keys: &mut Keys,
    terms: &mut Terms<'_>,
    text: Option<&str>,
    at: usize,
) -> Result<Box<dyn Issuer>, Fault> {
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
        rest::NAME | rest::JD | rest::WALMART => {
            let terms = terms.rest(&profile, at)?;
            let own = RestKeys::new(keys.channel(&name, at)?);
            let secrets = keys.secrets(&name, at, &terms.keys())?;
            let pair = keys.pair(&name);
            let mut keys = secrets.into_iter().fold(own, |keys, (name, key)| keys.with(&name, key));
            if let Some(private) = pair.private {
                keys = keys.signing_with(private);
            }
            if let Some(public) = pair.public {
                keys = keys.verifying_with(&public);
            }
            Ok(Box::new(Rest::new(profile, terms, keys).map_err(Fault::of(name))?))
        }
        batch::NAME => {
            let taken = terms.take(&name).and(text).ok_or_else(|| no_terms(&name, at))?;
            let terms = batch_terms(taken, &name)?;
            let key = if terms.wants_key() { Some(keys.channel(&name, at)?) } else { None };
            Ok(Box::new(Batch::new(profile, terms, key).map_err(Fault::of(name))?))
        }
        banks::NAME => {
            let missing = || Wrong::new(at, format!("issuer `{name}` needs [issuer.{name}.terms]"));
            let terms = terms.take(&name).ok_or_else(missing)?;
            Ok(Box::new(bank::bank(profile, keys, terms)?))
        }
        other => Err(unknown(other, at)),
    }
}

/// The issuers' tables as far as terms stand in them.
#[derive(Deserialize)]
struct TermsTable<T> {
    issuer: BTreeMap<String, TermsOf<T>>,
}

#[derive(Deserialize)]
struct TermsOf<T> {
    terms: T,
}

fn batch_terms(text: &str, name: &str) -> Result<BatchTerms, Wrong> {
    let mut table: TermsTable<RawTerms> = toml::from_str(text).map_err(|error| Wrong::of(&error))?;
    let raw = table.issuer.remove(name).ok_or_else(|| Wrong::new(0, "terms are expected"))?;
    BatchTerms::of(raw.terms).map_err(|(at, what)| Wrong::new(at, what))
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
    let known =
        [signed_json::NAME, plain::NAME, rest::NAME, rest::JD, rest::WALMART, batch::NAME, banks::NAME]
            .join(", ");
    let what = format!("adapter `{adapter}` is not one of {known}");
    Fault::At(Wrong::new(at, what))
}

/// The tables `terms` of issuers that nobody has taken yet.
struct Terms<'a>(Vec<(String, usize, DeTable<'a>)>);

impl<'a> Terms<'a> {
    fn read(text: &'a str) -> Result<Self, Wrong> {
        let table = DeTable::parse(text).map_err(|error| Wrong::of(&error))?;
        let mut all = Vec::new();
        for (_, issuers) in table.into_inner() {
            let DeValue::Table(issuers) = issuers.into_inner() else { continue };
            for (name, issuer) in issuers {
                let DeValue::Table(issuer) = issuer.into_inner() else { continue };
                for (_, terms) in issuer {
                    let at = terms.span().start;
                    let DeValue::Table(terms) = terms.into_inner() else {
                        return Err(Wrong::new(at, "a table of terms is expected"));
                    };
                    all.push((name.get_ref().to_string(), at, terms));
                }
            }
        }
        Ok(Self(all))
    }

    fn take(&mut self, issuer: &str) -> Option<(usize, DeTable<'a>)> {
        let place = self.0.iter().position(|(name, ..)| name == issuer)?;
        let (_, at, terms) = self.0.swap_remove(place);
        Some((at, terms))
    }

    /// The terms of an issuer whose table stands at `at`.
    fn rest(&mut self, profile: &IssuerProfile, at: usize) -> Result<RestTerms, Wrong> {
        let (at, table) = match self.take(&profile.name) {
            Some((at, table)) => (at, Some(table)),
            None => (at, None),
        };
        rest::configured(&profile.adapter, table.as_ref(), at).map_err(|faults| {
            let first = faults.into_iter().next();
            first.map_or_else(|| Wrong::new(at, "terms"), |fault| Wrong::new(fault.at, fault.what))
        })
    }

    /// That every issuer with terms has taken them.
    fn all_taken(&self) -> Result<(), Wrong> {
        match self.0.first() {
            Some((issuer, at, _)) => Err(Wrong::new(*at, format!("issuer `{issuer}` asks for no terms"))),
            None => Ok(()),
        }
    }
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
