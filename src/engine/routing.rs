//! The router at work: which of an issuer's sites gets a question, and what is learned of it.
//! Debits go where the machine has written down; only free questions are placed here.

use super::live::{Alarm, Pending, Ready};
use super::{Engine, Setup};
use crate::base::RedemptionId;
use crate::issuer::OpKind;
use crate::route::{Channel, Heard, Place, Router, Standing, Want};
use alloc::string::ToString;
use alloc::vec::Vec;

/// A router over the issuers of a set-up, in the order of its channels. Rails keep their first site.
pub(super) fn router(setup: &Setup) -> Router {
    let channel = |issuer: &alloc::boxed::Box<dyn crate::issuer::Issuer>| {
        let profile = issuer.profile();
        let mine = setup.catalogue.products().filter(|p| p.issuer().as_str() == profile.name);
        let mut products: Vec<_> = mine.map(|product| product.name().to_string()).collect();
        products.sort();
        Channel {
            name: profile.name.clone(),
            products,
            kinds: OpKind::ALL.to_vec(),
            sites: u32::try_from(profile.endpoints.len()).unwrap_or(1),
            scope: profile.idempotency,
        }
    };
    Router::new(setup.issuers.iter().map(channel).collect(), setup.policy.route.clone())
}

/// Whether the router may place it: neither an effect nor something that the issuer counts.
fn is_free(kind: OpKind) -> bool {
    matches!(kind, OpKind::Balance | OpKind::Query)
}

impl Engine {
    /// How the router sees the sites, for reports.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The site for the first sending of a debit. Batch issuers have one folder.
    pub(super) fn debit_site(&self, issuer: &str) -> u32 {
        let place = self.setup.issuer_place(issuer);
        let online = place.filter(|place| self.setup.issuers[*place].profile().batch_window_ms == 0);
        let channel = online.and_then(|place| u16::try_from(place).ok());
        let want = Want { kind: OpKind::Redeem, product: None, channel, stuck: None, avoid: None };
        let route = channel.and_then(|_| self.router.pick(self.now.mono, &want, self.next_call));
        route.map_or(0, |route| route.place.endpoint)
    }

    /// The site for a question; where the machine names it unless it is free to go elsewhere.
    pub(super) fn site_for(&mut self, id: RedemptionId, kind: OpKind, endpoint: u32) -> u32 {
        self.router.tick(self.now.mono);
        let place = self.live.get(&id).and_then(|live| self.setup.issuer_place(&live.r.facts.issuer));
        let channel = place.filter(|_| is_free(kind)).and_then(|place| u16::try_from(place).ok());
        let Some(channel) = channel else { return endpoint };
        let stuck = (kind == OpKind::Query).then_some(Place { channel, endpoint });
        let want = Want { kind, product: None, channel: Some(channel), stuck, avoid: None };
        let route = self.router.pick(self.now.mono, &want, self.next_call);
        route.map_or(endpoint, |route| route.place.endpoint)
    }

    /// A call leaves: its site is waited for, and its hedge is set.
    pub(super) fn note_asked(&mut self, ready: &Ready) {
        let pending = &ready.pending;
        let place = Place { channel: pending.channel.0, endpoint: pending.endpoint };
        if pending.batch {
            return;
        }
        let kind = ready.call.kind;
        self.router.asked(self.now.mono, place, kind, pending.hedge);
        if kind == OpKind::Balance && !pending.hedge {
            if let Some(after_ms) = self.router.hedge_after(place, kind) {
                self.alarms.insert((self.now.mono.plus(after_ms), Alarm::Hedge(ready.call.id.number)));
            }
        }
    }

    pub(super) fn note_heard(&mut self, pending: &Pending, heard: Heard) {
        let place = Place { channel: pending.channel.0, endpoint: pending.endpoint };
        if !pending.batch {
            self.router.tick(self.now.mono);
            self.router.told(self.now.mono, place, heard);
        }
    }

    /// How long a call of this channel may take to leave, in ms.
    pub(super) fn send_within(&self, pending: &Pending) -> i64 {
        let issuer = self.setup.issuers.get(usize::from(pending.channel.0));
        issuer.map_or(i64::MAX, |issuer| issuer.profile().timing.send_within_ms)
    }

    /// No answer within the site's usual time: a second site is asked, if the budget allows it.
    /// The first answer counts; whatever comes later is a late answer like any other.
    pub(super) fn hedge(&mut self, number: u64) {
        let Some(pending) = self.calls.get(&number) else { return };
        let first = Place { channel: pending.channel.0, endpoint: pending.endpoint };
        let (&[(id, kind)], attempt) = (pending.waiting.as_slice(), pending.attempt) else { return };
        // One whose session is not open, or that is being written, is not asked for twice.
        if self.live.get(&id).is_none_or(|live| live.busy || live.held) {
            return;
        }
        let Some(place) = self.router.hedge(self.now.mono, first, kind) else { return };
        if let Some(mut ready) = self.encoded_call(id, kind, place.endpoint, attempt) {
            ready.pending.hedge = true;
            self.release_or_wait(ready);
        }
    }

    /// How a site of a channel stands now; `None` if there is no such site.
    pub fn standing(&self, channel: super::ChannelId, endpoint: u32) -> Option<Standing> {
        self.router.standing(self.now.mono, Place { channel: channel.0, endpoint })
    }
}
