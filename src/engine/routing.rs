//! The router at work: which of an issuer's sites gets a question, and what is learned of it.
//! Debits and counted checks go where the machine has written down; free questions are placed
//! here, asked of a second site when the first is slow, and tried again when nothing was heard.

use super::live::{Alarm, Live, Pending, Ready};
use super::{ChannelId, Engine, Setup};
use crate::base::{Mono, RedemptionId};
use crate::flow::{Input, State};
use crate::issuer::{Issuer, OpKind, Verify};
use crate::route::{Channel, Heard, Place, Router, Standing, Want};
use alloc::string::ToString;
use alloc::vec::Vec;

/// A router over the issuers of a set-up, in the order of its channels. Rails keep their first site.
pub(super) fn router(setup: &Setup) -> Router {
    let channel = |issuer: &dyn Issuer| {
        let profile = issuer.profile();
        let mine = setup.catalogue.products().filter(|p| p.issuer().as_str() == profile.name);
        let mut products: Vec<_> = mine.map(|product| product.name().to_string()).collect();
        products.sort();
        let unasked = |kind: &OpKind| match kind {
            OpKind::Balance => profile.verify != Verify::Balance,
            OpKind::PinCheck => profile.verify != Verify::PinCheck,
            _ => false,
        };
        Channel {
            name: profile.name.clone(),
            products,
            kinds: OpKind::ALL.into_iter().filter(|kind| !unasked(kind)).collect(),
            sites: u32::try_from(profile.endpoints.len()).unwrap_or(1),
            scope: profile.idempotency,
            routing: profile.routing.clone().unwrap_or_default(),
        }
    };
    let channels = setup.issuers.iter().map(|issuer| channel(issuer.as_ref()));
    Router::new(channels.collect(), &setup.policy.route)
}

/// How a read of one redemption fares: what the machine asked for, and what was sent for it beyond.
#[derive(Default)]
pub(super) struct Read {
    kind: Option<OpKind>,
    /// Sendings of this kind that the machine did not order.
    extra: u32,
    /// Sendings for the machine's latest order.
    tried: u32,
    /// The number of the latest sending.
    last: u32,
    /// The second asking, while its answer is one that nobody waits for.
    hedge: Option<u64>,
    /// When it is tried again, and where it failed.
    again: Option<(Mono, Place)>,
}

impl Read {
    /// The machine orders it; which sending it is.
    fn ordered(&mut self, kind: OpKind, attempt: u32) -> u32 {
        if self.kind != Some(kind) {
            *self = Self { kind: Some(kind), ..Self::default() };
        }
        (self.tried, self.again) = (1, None);
        self.last = attempt.saturating_add(self.extra);
        self.last
    }

    fn sent_beyond(&mut self) -> u32 {
        for count in [&mut self.extra, &mut self.tried, &mut self.last] {
            *count = count.saturating_add(1);
        }
        self.last
    }

    /// Whether it waits to be tried again.
    pub(super) fn waits(&self) -> bool {
        self.again.is_some()
    }
}

/// Whether the router may place it: neither an effect nor something that the issuer counts.
fn is_free(kind: OpKind) -> bool {
    matches!(kind, OpKind::Balance | OpKind::Query)
}

/// Whether an answer of this kind still moves it.
fn wants(live: &Live, kind: OpKind) -> bool {
    match kind {
        OpKind::Balance => live.r.state == State::Screened,
        _ => !live.r.state.is_end() && !live.r.state.waits_for_people(),
    }
}

impl Engine {
    /// How the router sees the sites, for reports.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// How a site of a channel stands now; `None` if there is no such site.
    pub fn standing(&self, channel: ChannelId, endpoint: u32) -> Option<Standing> {
        self.router.standing(self.now.mono, Place { channel: channel.0, endpoint })
    }

    /// An issuer with more than one site to choose among. Batch issuers have one folder.
    fn channel_with_sites(&self, live: &Live) -> Option<u16> {
        let place = live.places.issuer?;
        let profile = self.setup.issuers.get(place)?.profile();
        let many = profile.endpoints.len() > 1 && profile.batch_window_ms == 0;
        u16::try_from(place).ok().filter(|_| many)
    }

    /// The site for what `input` may make a redemption send for the first time: a counted check
    /// or a debit.
    pub(super) fn first_site(&self, live: &Live, input: &Input) -> u32 {
        // What was debited is neither checked nor debited again.
        if live.r.debit.is_some() {
            return 0;
        }
        let Some(channel) = self.channel_with_sites(live) else { return 0 };
        let checks = self.setup.issuers[usize::from(channel)].profile().verify == Verify::PinCheck;
        // An answer to a check is followed by the debit.
        let kind = match input {
            Input::Answer(_) | Input::Told(_) => OpKind::Redeem,
            _ if checks && live.r.state < State::Verified => OpKind::PinCheck,
            _ => OpKind::Redeem,
        };
        let want = Want { kind, product: None, channel: Some(channel), stuck: None, avoid: None };
        self.router.pick(self.now.mono, &want, self.lot).map_or(0, |route| route.place.endpoint)
    }

    /// The site for a question; where the machine names it unless it is free to go elsewhere.
    pub(super) fn site_for(&self, id: RedemptionId, kind: OpKind, endpoint: u32) -> u32 {
        let live = self.live.get(&id).filter(|_| is_free(kind));
        match live.and_then(|live| self.channel_with_sites(live)) {
            Some(channel) => {
                let stuck = (kind == OpKind::Query).then_some(Place { channel, endpoint });
                self.place_for(kind, channel, stuck, None, endpoint)
            }
            None => endpoint,
        }
    }

    fn place_for(
        &self,
        kind: OpKind,
        channel: u16,
        stuck: Option<Place>,
        avoid: Option<Place>,
        endpoint: u32,
    ) -> u32 {
        let want = Want { kind, product: None, channel: Some(channel), stuck, avoid };
        let route = self.router.pick(self.now.mono, &want, self.lot);
        route.map_or(endpoint, |route| route.place.endpoint)
    }

    /// The machine orders a question: which sending of it this is, counting those it did not order.
    pub(super) fn ordered(&mut self, id: RedemptionId, kind: OpKind, attempt: u32) -> u32 {
        let live = self.live.get_mut(&id).filter(|_| is_free(kind));
        live.map_or(attempt, |live| live.read.ordered(kind, attempt))
    }

    /// A call is made for a site: no other tries the site out meanwhile, and the next one draws anew.
    pub(super) fn placed(&mut self, channel: ChannelId, endpoint: u32) {
        self.router.probing(self.now.mono, Place { channel: channel.0, endpoint });
        if self.router.draws() {
            self.lot = u64::from_le_bytes(self.entropy.bytes());
        }
    }

    /// A call leaves: its site is waited for, and its hedge is set.
    pub(super) fn note_asked(&mut self, ready: &Ready) {
        let pending = &ready.pending;
        if pending.batch {
            return;
        }
        let (place, kind) = (pending.place(), ready.call.kind);
        self.router.asked(self.now.mono, place, kind, pending.hedge);
        if is_free(kind) && !pending.hedge {
            if let Some(after_ms) = self.router.hedge_after(place, kind) {
                self.alarms.insert((self.now.mono.plus(after_ms), Alarm::Hedge(ready.call.id.number)));
            }
        }
    }

    pub(super) fn note_heard(&mut self, pending: &Pending, heard: Heard) {
        if !pending.batch {
            self.router.told(self.now.mono, pending.place(), heard);
        }
    }

    /// Whether a call may not leave any more by now: then it is not the site that has refused it.
    pub(super) fn was_late(&self, pending: &Pending) -> bool {
        let issuer = self.setup.issuers.get(usize::from(pending.channel.0));
        let within_ms = issuer.map_or(i64::MAX, |issuer| issuer.profile().timing.send_within_ms);
        let send_by = pending.sent_at.plus(within_ms);
        self.now.mono >= self.lease.map_or(send_by, |lease| lease.min(send_by))
    }

    /// No answer within the site's usual time: a second site is asked, if the budget allows it.
    /// The first answer counts; whatever comes later is a late answer like any other.
    pub(super) fn hedge(&mut self, number: u64) {
        let Some((id, kind, first)) = self.unanswered(number) else { return };
        if let Some(place) = self.router.hedge(self.now.mono, first, kind, self.lot) {
            self.ask_beyond(id, kind, place, true);
        }
    }

    /// Sites that were asked and have said nothing for too long are given up, and the reads that
    /// wait for them are asked elsewhere; whether there was any. Debits are not: those are
    /// resolved where they went.
    pub(super) fn give_up_silent_sites(&mut self) -> bool {
        let dead = self.router.tick(self.now.mono);
        for place in &dead {
            let waits = self.calls.iter().filter(|(_, pending)| pending.place() == *place);
            let mut numbers: Vec<u64> = waits.map(|(number, _)| *number).collect();
            numbers.sort_unstable();
            for number in numbers {
                let Some((id, kind, first)) = self.unanswered(number) else { continue };
                let tried = self.live.get(&id).map_or(0, |live| live.read.tried);
                let other = self.router.elsewhere(self.now.mono, first, kind, self.lot);
                if let (Some(other), Some(_)) =
                    (other, other.and_then(|_| self.router.again(self.now.mono, first, kind, tried, 0)))
                {
                    self.ask_beyond(id, kind, other, true);
                }
            }
        }
        !dead.is_empty()
    }

    /// Nothing was heard of a question: whether it is tried again, or another asking of it is out,
    /// so that the machine need not hear of it yet.
    pub(super) fn tries_again(&mut self, id: RedemptionId, kind: OpKind, failed: &Pending) -> bool {
        let (place, free) = (failed.place(), is_free(kind) && !failed.batch);
        let Some(live) = self.live.get_mut(&id).filter(|live| free && wants(live, kind)) else {
            return false;
        };
        let second = live.read.hedge.take();
        if let Some((number, pending)) = second.and_then(|n| self.calls.get_mut(&n).map(|p| (n, p))) {
            pending.hedge = false;
            live.awaits(kind, number);
            return true;
        }
        if live.busy || live.held {
            return false;
        }
        let (tried, entropy) = (live.read.tried, u64::from_le_bytes(self.entropy.bytes()));
        match self.router.again(self.now.mono, place, kind, tried, entropy) {
            Some(0) => self.ask_elsewhere(id, kind, place),
            Some(wait_ms) => {
                let at = self.now.mono.plus(wait_ms);
                live.read.again = Some((at, place));
                self.alarms.insert((at, Alarm::Again(id)));
            }
            None => return false,
        }
        true
    }

    /// A read has waited to be tried again.
    pub(super) fn again(&mut self, id: RedemptionId, at: Mono) {
        let Some(live) = self.live.get_mut(&id) else { return };
        let (Some((_, place)), Some(kind)) = (live.read.again.take_if(|(due, _)| *due == at), live.read.kind)
        else {
            return;
        };
        // Whatever else it waits for will ask again.
        if wants(live, kind) && !live.busy && !live.held {
            self.ask_elsewhere(id, kind, place);
        }
    }

    /// Asks again, and not where it failed if there is a choice.
    fn ask_elsewhere(&mut self, id: RedemptionId, kind: OpKind, failed: Place) {
        let endpoint = self.place_for(kind, failed.channel, None, Some(failed), failed.endpoint);
        self.ask_beyond(id, kind, Place { endpoint, ..failed }, false);
    }

    /// A free question that is out, still matters, and was asked once only. One whose session is
    /// not open, or whose redemption is being written, is not asked for twice.
    fn unanswered(&self, number: u64) -> Option<(RedemptionId, OpKind, Place)> {
        let pending = self.calls.get(&number).filter(|pending| !pending.batch && !pending.hedge)?;
        let &[(id, kind)] = pending.waiting.as_slice() else { return None };
        let live = self.live.get(&id).filter(|live| is_free(kind) && wants(live, kind))?;
        let once = live.read.hedge.is_none_or(|hedge| !self.calls.contains_key(&hedge));
        let waited = live.awaiting.as_slice().contains(&(kind, number));
        (once && waited && !live.busy && !live.held).then(|| (id, kind, pending.place()))
    }

    /// Sends a question that the machine did not order. As a hedge it is not waited for.
    fn ask_beyond(&mut self, id: RedemptionId, kind: OpKind, place: Place, hedge: bool) {
        let Some(live) = self.live.get_mut(&id) else { return };
        let attempt = live.read.sent_beyond();
        if let Some(mut ready) = self.encoded_call(id, kind, place.endpoint, attempt) {
            ready.pending.hedge = hedge;
            if let Some(live) = self.live.get_mut(&id).filter(|_| hedge) {
                live.read.hedge = Some(ready.call.id.number);
            }
            self.release_or_wait(ready);
        }
    }
}
