//! What issuers said lately of cards (快照缓存, SPEC B3): balances with their age, in memory only,
//! of the issuers whose profile says for how long (`routing.snapshot_ms`).
//!
//! A snapshot is told of a redemption that was screened, and goes by card and secret together: it
//! answers no guess that was not counted. It is no evidence, and decides nothing.

use super::Engine;
use super::live::Live;
use crate::base::{Key16, RedemptionId, Secret};
use crate::flow::{Effect, Input, State};
use crate::issuer::{OpKind, Outcome};
use crate::money::Amount;
use crate::route::{Snapshot, Snapshots};
use alloc::collections::BTreeMap;

/// At most so many balances are kept of one issuer; the oldest leave first.
const MOST: usize = 16_384;

/// By the place of the issuer.
pub(super) type Known = BTreeMap<usize, Snapshots>;

/// Empty, for the issuers that want it.
pub(super) fn none(setup: &super::Setup) -> Known {
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
        Input::Answer(answer) if matches!(answer.kind, OpKind::Balance | OpKind::PinCheck) => {
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
    /// keeps no snapshots, or if the redemption is not in memory. For a seller who cannot wait for
    /// a slow issuer; what is paid is decided by the debit alone.
    pub fn snapshot(&self, id: RedemptionId) -> Option<Snapshot> {
        let live = self.live.get(&id)?;
        let screened = matches!(live.r.state, State::Screened | State::Verified | State::Approved);
        let place = self.setup.issuer_place(&live.r.facts.issuer).filter(|_| screened)?;
        self.known.get(&place)?.of(self.snapshot_key(live)?, self.now.wall)
    }

    /// The issuer has spoken; what the machine believes of it, or what stands in a file, is kept.
    pub(super) fn keep_snapshot(&mut self, live: &Live, said: Option<(Amount, bool)>) {
        let Some((amount, by_file)) = said.filter(|_| !self.known.is_empty()) else { return };
        let Some(place) = self.setup.issuer_place(&live.r.facts.issuer) else { return };
        let believed = by_file || live.r.verified == Some(amount);
        let (key, now) = (self.snapshot_key(live), self.now.wall);
        if let (Some(known), Some(key), true) = (self.known.get_mut(&place), key, believed) {
            known.keep(key, now, amount);
        }
    }

    /// The card will be debited: what was known of it holds no more.
    pub(super) fn forget_snapshot(&mut self, id: RedemptionId, effect: &Effect) {
        let debits = matches!(effect, Effect::Gather | Effect::Ask { kind: OpKind::Redeem, .. });
        let Some(live) = self.live.get(&id).filter(|_| debits && !self.known.is_empty()) else { return };
        let place = self.setup.issuer_place(&live.r.facts.issuer);
        let key = self.snapshot_key(live);
        if let (Some(known), Some(key)) = (place.and_then(|place| self.known.get_mut(&place)), key) {
            known.forget(key);
        }
    }

    fn snapshot_key(&self, live: &Live) -> Option<Key16> {
        let (card, product) = (live.card.as_ref()?, &live.r.facts.product);
        let number = card.number().map(Secret::expose).unwrap_or_default();
        let scheme = self.setup.catalogue.product(product)?.scheme();
        let parts: [&[u8]; 4] = [b"snapshot", scheme.as_bytes(), number, card.secret().expose()];
        let oldest = self.setup.keys.pepper_versions().next()?;
        self.setup.keys.fingerprint(oldest, &parts).map(|digest| Key16(digest.head16()))
    }
}
