//! What issuers said lately of cards (快照缓存, SPEC B3): balances with their age, in memory only,
//! of the issuers whose profile says for how long (`routing.snapshot_ms`). A restart forgets them:
//! daily files are read again.
//!
//! A snapshot that is young enough answers in the place of a slow issuer, and the redemption keeps
//! its age. It is no evidence: what is paid is what the debit says. One from an answer goes by card
//! and secret together, so that it answers no guess that was not counted. One from a list goes by
//! what identifies the card, and answers only where nothing else would check the secret.

use super::live::Live;
use super::{ChannelId, Engine, Setup};
use crate::base::{Key16, RedemptionId, Secret, Wall};
use crate::card::{CardError, Product};
use crate::flow::{Effect, Input, State};
use crate::issuer::{DecodeError, OpKind, Outcome, Verify};
use crate::money::Amount;
use crate::route::{Snapshot, Snapshots};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// At most so many balances are kept of one issuer; the oldest leave first.
const MOST: usize = 16_384;

/// Snapshots that answers have left, and those that lists have.
const TOLD: &[u8] = b"snapshot";
const LISTED: &[u8] = b"listed balance";

/// By the place of the issuer.
pub(super) type Known = BTreeMap<usize, Snapshots>;

/// Empty, for the issuers that want it.
pub(super) fn none(setup: &Setup) -> Known {
    let places = setup.issuers.iter().enumerate();
    places
        .filter_map(|(n, issuer)| {
            Some((n, Snapshots::new(MOST, issuer.profile().routing.as_ref()?.snapshot_ms?)))
        })
        .collect()
}

/// What the issuer says of the card in `input`, and whether by file.
pub(super) fn said(input: &Input) -> Option<(Amount, bool)> {
    match input {
        Input::Answer(answer) | Input::Told(answer)
            if matches!(answer.kind, OpKind::Balance | OpKind::PinCheck) =>
        {
            match &answer.outcome {
                Outcome::Accepted(accepted) => Some((accepted.amount, answer.by_file)),
                _ => None,
            }
        }
        _ => None,
    }
}

impl Engine {
    /// What the issuer last said of the card of a redemption that has passed screening and was not
    /// debited yet, and how old that word is. `None` if it said nothing lately, if its profile
    /// keeps no snapshots, or if the redemption is not in memory. What is paid is decided by the
    /// debit alone.
    pub fn snapshot(&self, id: RedemptionId) -> Option<Snapshot> {
        let live = self.live.get(&id)?;
        let screened = matches!(live.r.state, State::Screened | State::Verified | State::Approved);
        self.known_of(live).filter(|_| screened)
    }

    /// The issuer of `product` said at `at` that so much is on the card that `card` names: its
    /// number or, where the product has none, its secret. For daily files of balances
    /// (`adapters::batch`) and other lists. False where it is not kept: the profile has no
    /// `routing.snapshot_ms`, or a later word is known. A word that is too old, or of a time ahead,
    /// answers nothing. At most 16,384 balances are kept of an issuer, the oldest leave first.
    ///
    /// # Errors
    /// [`CardError`] if `card` does not name a card of the product.
    pub fn balance_told(
        &mut self,
        product: &str,
        card: &str,
        balance: Amount,
        at: Wall,
    ) -> Result<bool, CardError> {
        let Some(sold) = self.setup.catalogue.product(product) else { return Ok(false) };
        let key = key_in_lists(&self.setup, sold, card)?;
        let place = self.setup.issuer_place(sold.issuer());
        let known = place.and_then(|place| self.known.get_mut(&place));
        Ok(known.zip(key).is_some_and(|(known, key)| known.keep(key, at, balance)))
    }

    /// Takes a message that is a list of an issuer's balances; whether it is one. What it says of cards
    /// that are none of this issuer's, or no cards at all, is left out.
    pub(super) fn take_list(&mut self, from: ChannelId, bytes: &[u8]) -> Result<bool, DecodeError> {
        let place = usize::from(from.0);
        let Some(issuer) = self.setup.issuers.get(place) else { return Ok(false) };
        let (setup, mut kept) = (&self.setup, Vec::new());
        // When they hold from is known once all are read.
        let since = issuer.balances_listed(bytes, &mut |row| {
            let sold = setup.catalogue.product(row.product);
            let sold = sold.filter(|sold| setup.issuer_place(sold.issuer()) == Some(place));
            let key = sold.and_then(|sold| key_in_lists(setup, sold, row.card).ok().flatten());
            kept.extend(key.map(|key| (key, row.balance)));
        })?;
        if let (Some(at), Some(known)) = (since, self.known.get_mut(&place)) {
            for (key, balance) in kept {
                known.keep(key, at, balance);
            }
        }
        Ok(since.is_some())
    }

    /// What the machine may go by instead of asking.
    pub(super) fn remembered(&self, live: &Live) -> Option<Snapshot> {
        let before =
            matches!(live.r.state, State::Claimed | State::Screened | State::Challenged | State::InReview);
        if self.known.is_empty() || !before { None } else { self.known_of(live) }
    }

    /// The younger word of an answer and a list.
    fn known_of(&self, live: &Live) -> Option<Snapshot> {
        let place = live.places.issuer?;
        let (known, now) = (self.known.get(&place)?, self.now.wall);
        let unchecked = self.setup.issuers.get(place)?.profile().verify == Verify::None;
        let listed = unchecked || live.card.as_ref()?.number().is_none();
        let told = self.snapshot_key(live).and_then(|key| known.of(key, now));
        let listed = self.listed_key(live).filter(|_| listed).and_then(|key| known.of(key, now));
        told.into_iter().chain(listed).min_by_key(|snapshot| snapshot.age_ms)
    }

    /// The issuer has spoken; what the machine believes of it, or what stands in a file, is kept.
    pub(super) fn keep_snapshot(&mut self, live: &Live, said: Option<(Amount, bool)>) {
        let Some((amount, by_file)) = said.filter(|_| !self.known.is_empty()) else { return };
        let Some(place) = live.places.issuer else { return };
        let believed = by_file || live.r.verified == Some(amount);
        let (key, now) = (self.snapshot_key(live), self.now.wall);
        if let (Some(known), Some(key), true) = (self.known.get_mut(&place), key, believed) {
            known.keep(key, now, amount);
        }
    }

    /// The card will be debited: what was known of it holds no more.
    pub(super) fn forget_snapshot(&mut self, id: RedemptionId, effect: &Effect) {
        let debits = matches!(effect, Effect::Gather | Effect::Ask { kind: OpKind::Redeem, .. });
        if !debits || self.known.is_empty() {
            return;
        }
        let Some(live) = self.live.get(&id) else { return };
        let place = live.places.issuer;
        let keys = [self.snapshot_key(live), self.listed_key(live)];
        if let Some(known) = place.and_then(|place| self.known.get_mut(&place)) {
            keys.into_iter().flatten().for_each(|key| known.forget(key));
        }
    }

    /// By card and secret.
    fn snapshot_key(&self, live: &Live) -> Option<Key16> {
        let card = live.card.as_ref()?;
        let none = Secret::default();
        let parts = [card.number().unwrap_or(&none), card.secret()];
        self.key_of(TOLD, self.setup.product_at(live.places)?.scheme(), &parts)
    }

    /// By what identifies the card.
    fn listed_key(&self, live: &Live) -> Option<Key16> {
        let product = self.setup.product_at(live.places)?;
        let identities = product.identities(live.card.as_ref()?);
        self.key_of(LISTED, product.scheme(), &[identities.first()?])
    }

    fn key_of(&self, domain: &[u8], scheme: &str, secrets: &[&Secret]) -> Option<Key16> {
        key_of(&self.setup, domain, scheme, secrets)
    }
}

fn key_of(setup: &Setup, domain: &[u8], scheme: &str, secrets: &[&Secret]) -> Option<Key16> {
    let mut parts = [domain, scheme.as_bytes()].to_vec();
    parts.extend(secrets.iter().map(|secret| secret.expose()));
    let oldest = setup.keys.pepper_versions().next()?;
    setup.keys.fingerprint(oldest, &parts).map(|digest| Key16(digest.head16()))
}

/// The key of a card that a list names.
fn key_in_lists(setup: &Setup, sold: &Product, card: &str) -> Result<Option<Key16>, CardError> {
    let identities = sold.identities_of(card)?;
    Ok(identities.first().and_then(|identity| key_of(setup, LISTED, sold.scheme(), &[identity])))
}
