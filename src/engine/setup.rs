//! What an engine is made of: catalogue, policy, channels and keys.

use super::ChannelId;
use super::tokens::{self, Verifiers};
use crate::base::{Advice, Code, Digest, Key16, Text, block, digest, line_column};
use crate::card::{Catalogue, Product};
use crate::flow::{Facts, FlowPolicy};
use crate::issuer::{Issuer, Rail};
use crate::money::Rate;
use crate::pricing::Terms;
use crate::risk::RiskPolicy;
use crate::route::RoutePolicy;
use crate::vault::KeyRing;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

/// A set-up that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The policy text is wrong.
    #[error("policy, line {line}, column {column}: {what}")]
    Policy {
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
        /// What was expected.
        what: String,
    },
    /// The parts do not fit together.
    #[error("{0}")]
    Parts(String),
}

impl SetupError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::ENGINE,
            match self {
                Self::Policy { .. } => 3,
                Self::Parts(_) => 4,
            },
        )
    }

    /// The set-up must be corrected.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// Everything that is decided by people and may change from day to day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Risk rules and the block list.
    pub risk: RiskPolicy,
    /// Fee and shares.
    pub terms: Terms,
    /// Times and limits.
    pub flow: FlowPolicy,
    /// Which site is asked.
    pub route: RoutePolicy,
}

impl Policy {
    /// Reads and checks the TOML text.
    ///
    /// # Errors
    /// [`SetupError::Policy`] with line, column and what was expected.
    pub fn parse(text: &str) -> Result<Self, SetupError> {
        let place = |at: usize, what: String| {
            let (line, column) = line_column(text, at);
            SetupError::Policy { line, column, what }
        };
        let policy: Self = toml::from_str(text)
            .map_err(|error| place(error.span().map_or(0, |span| span.start), error.message().to_string()))?;
        let problem = policy.risk.problem().map(ToString::to_string);
        let problem = problem.or_else(|| policy.terms.problem());
        let problem = problem.or_else(|| policy.flow.problem().map(ToString::to_string));
        match problem.or_else(|| policy.route.problem().map(ToString::to_string)) {
            Some(what) => {
                let section = what.split(':').next().unwrap_or_default();
                Err(place(text.find(section).unwrap_or(0), what))
            }
            None => Ok(policy),
        }
    }

    /// The digest that records pin.
    pub fn digest(&self) -> Digest {
        let bytes = serde_json::to_vec(self).expect("a policy has only text keys and plain values");
        digest("scrip policy v1", &[&bytes])
    }
}

/// Bounds on memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At most so many redemptions in memory; `submit` says Busy beyond.
    pub in_flight: usize,
    /// A batch is closed at about so many units.
    pub batch_units: usize,
    /// A batch goes out at so many units already if none is on its way, and not only when there is
    /// nothing else to do. With a store on a thread of its own, some 64 keep both threads at work,
    /// and what they work on in the processor's cache; where each commit is waited for, as
    /// `host::Driver` does, as many as `batch_units` make the fewest syncs.
    pub early_units: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { in_flight: 16_384, batch_units: 4_096, early_units: 4_096 }
    }
}

/// What an engine is made of.
pub struct Setup {
    pub(super) catalogue: Catalogue,
    pub(super) catalogue_digest: Digest,
    pub(super) policy: Policy,
    pub(super) policy_digest: Digest,
    pub(super) issuers: Vec<Box<dyn Issuer>>,
    /// The digests of their profiles.
    pub(super) profile_digests: Vec<Digest>,
    pub(super) rails: Vec<Box<dyn Rail>>,
    pub(super) keys: KeyRing,
    pub(super) bounds: Bounds,
    pub(super) blocked_cards: BTreeSet<Key16>,
    pub(super) blocked_ips: BTreeSet<IpAddr>,
    pub(super) tokens: Verifiers,
}

/// Where a redemption's issuer and product stand in the set-up, looked up once by their names; none
/// if they are not in it any more.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub(super) issuer: Option<usize>,
    pub(super) product: Option<usize>,
}

impl core::fmt::Debug for Setup {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Setup").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Setup {
    /// Puts the parts together. Channels are numbered: issuers by name, then rails by name. The
    /// first rail pays.
    ///
    /// # Errors
    /// [`SetupError::Parts`] if a product's issuer is missing, there is no rail, a name stands
    /// twice, a rate and the fee together exceed the value, a blocked card is no card of its
    /// product, or a blocked address is none.
    pub fn new(
        catalogue: Catalogue,
        policy: Policy,
        mut issuers: Vec<Box<dyn Issuer>>,
        mut rails: Vec<Box<dyn Rail>>,
        keys: KeyRing,
    ) -> Result<Self, SetupError> {
        issuers.sort_by(|a, b| a.profile().name.cmp(&b.profile().name));
        rails.sort_by(|a, b| a.profile().name.cmp(&b.profile().name));
        if rails.is_empty() {
            return Err(SetupError::Parts("at least one rail is needed to pay sellers".to_string()));
        }
        let names = issuers.iter().map(|i| &i.profile().name).chain(rails.iter().map(|r| &r.profile().name));
        let mut seen = BTreeSet::new();
        for name in names {
            if Text::new(name).is_err() || name.starts_with("scrip.") || !seen.insert(name) {
                return Err(SetupError::Parts(alloc::format!(
                    "channel name `{name}` is empty, reserved or stands twice"
                )));
            }
        }
        for product in catalogue.products() {
            check_product(product, &issuers, &policy)?;
        }
        let blocked_cards = blocked(&catalogue, &policy, &keys)?;
        let blocked_ips = policy.risk.block.addresses().map_err(|place| {
            SetupError::Parts(alloc::format!("the policy's block list, ip {place}: not a single address"))
        })?;
        let tokens = tokens::verifiers(&catalogue, &keys, &[])?;
        Ok(Self {
            catalogue_digest: catalogue.digest(),
            policy_digest: policy.digest(),
            catalogue,
            blocked_ips,
            policy,
            profile_digests: issuers.iter().map(|issuer| issuer.profile().digest()).collect(),
            issuers,
            rails,
            keys,
            bounds: Bounds::default(),
            blocked_cards,
            tokens,
        })
    }

    /// Sets the bounds on memory.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Has batches go out at so many units, if not earlier ([`Bounds::early_units`]).
    #[cfg(feature = "service")]
    #[must_use]
    pub(crate) fn early_units(mut self, most: usize) -> Self {
        self.bounds.early_units = self.bounds.early_units.min(most);
        self
    }

    /// The catalogue.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The key ring.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The name of a channel.
    pub fn channel_name(&self, channel: ChannelId) -> Option<&str> {
        let place = usize::from(channel.0);
        match self.issuers.get(place) {
            Some(issuer) => Some(&issuer.profile().name),
            None => self.rails.get(place - self.issuers.len()).map(|rail| rail.profile().name.as_str()),
        }
    }

    /// How many issuers and rails there are.
    pub fn channels(&self) -> u16 {
        u16::try_from(self.issuers.len() + self.rails.len()).unwrap_or(u16::MAX)
    }

    pub(super) fn issuer_place(&self, name: &str) -> Option<usize> {
        self.issuers.binary_search_by(|issuer| issuer.profile().name.as_str().cmp(name)).ok()
    }

    /// Where the product and the issuer of a redemption stand.
    pub(super) fn places(&self, facts: &Facts) -> Places {
        Places { issuer: self.issuer_place(&facts.issuer), product: self.catalogue.place(&facts.product) }
    }

    pub(super) fn issuer_at(&self, places: Places) -> Option<&dyn Issuer> {
        self.issuers.get(places.issuer?).map(Box::as_ref)
    }

    pub(super) fn product_at(&self, places: Places) -> Option<&Product> {
        self.catalogue.products().nth(places.product?)
    }

    pub(super) fn rail_channel(&self) -> ChannelId {
        ChannelId(u16::try_from(self.issuers.len()).expect("there are few channels"))
    }
}

fn check_product(product: &Product, issuers: &[Box<dyn Issuer>], policy: &Policy) -> Result<(), SetupError> {
    let name = product.name();
    if !issuers.iter().any(|issuer| issuer.profile().name == product.issuer().as_str()) {
        let what = alloc::format!("product `{name}`: there is no issuer `{}`", product.issuer());
        return Err(SetupError::Parts(what));
    }
    let fee = Rate::parse(&policy.terms.fee).unwrap_or_default();
    if product.rate().ppm() + fee.ppm() > 1_000_000 {
        let what = alloc::format!("product `{name}`: rate {} and fee {fee} exceed the value", product.rate());
        return Err(SetupError::Parts(what));
    }
    Ok(())
}

fn blocked(catalogue: &Catalogue, policy: &Policy, keys: &KeyRing) -> Result<BTreeSet<Key16>, SetupError> {
    let mut blocked = BTreeSet::new();
    for (i, entry) in policy.risk.block.cards.iter().enumerate() {
        let wrong = |what: &str| {
            let (place, name) = (i + 1, &entry.product);
            SetupError::Parts(alloc::format!("the policy's block list, card {place}: {what} `{name}`"))
        };
        let product =
            catalogue.product(&entry.product).ok_or_else(|| wrong("the catalogue has no product"))?;
        let identities = product.identities_of(&entry.card);
        for identity in identities.map_err(|_| wrong("this is no card of product"))? {
            blocked
                .extend(keys.card_keys(product.scheme(), identity.expose()).into_iter().map(|(_, key)| key));
        }
    }
    Ok(blocked)
}
