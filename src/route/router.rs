//! Choosing among sites.

use super::site::Site;
use super::{Bucket, Heard, Price, RoutePolicy, Standing};
use crate::base::Mono;
use crate::issuer::{Class, Idempotency, OpKind, Routing};
use alloc::string::String;
use alloc::vec::Vec;

/// A channel as the router sees it. Its number is its place in the list given to the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name, under which the policy gives its price.
    pub name: String,
    /// The products that it takes, sorted.
    pub products: Vec<String>,
    /// What it can be asked.
    pub kinds: Vec<OpKind>,
    /// How many sites it has, at least 1.
    pub sites: u32,
    /// Where the issuer recognises repeats.
    pub scope: Idempotency,
    /// What its profile says in place of the policy.
    pub routing: Routing,
}

/// One site of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The channel.
    pub channel: u16,
    /// The site, by its place in the profile.
    pub endpoint: u32,
}

/// What is to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// What.
    pub kind: OpKind,
    /// About which product; every channel that takes it is a candidate.
    pub product: Option<&'a str>,
    /// Of which channel only, where that is decided.
    pub channel: Option<u16>,
    /// Where the operation that it is about may have gone.
    pub stuck: Option<Place>,
    /// Where it was refused just now.
    pub avoid: Option<Place>,
}

/// Where to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The site.
    pub place: Place,
    /// Ask a second site if no answer came within so many ms; reads only.
    pub hedge_after_ms: Option<i64>,
}

struct Lane {
    channel: Channel,
    price: Price,
    policy: RoutePolicy,
    sites: Vec<Site>,
    retries: Bucket,
    hedges: Bucket,
}

/// The router. It begins with every site healthy; what it learns is in memory only.
pub struct Router {
    lanes: Vec<Lane>,
    /// Before this no site has been silent for too long.
    quiet_until: Mono,
}

impl core::fmt::Debug for Router {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Router").field("channels", &self.lanes.len()).finish_non_exhaustive()
    }
}

impl Lane {
    fn new(channel: Channel, policy: &RoutePolicy) -> Self {
        let price = policy.price.get(&channel.name).copied().unwrap_or_default();
        let sites = (0..channel.sites.max(1)).map(|_| Site::new()).collect();
        let policy = policy.of(&channel.routing);
        let retries = Bucket::new(policy.retry_burst, policy.retry_burst, policy.retry_per_mille);
        let hedges = Bucket::new(0, 1, policy.hedge_per_mille);
        Self { channel, price, policy, sites, retries, hedges }
    }

    /// Whether the answer to this question is the same at every site. What became of a debit is
    /// known everywhere only where its reference is.
    fn is_anywhere(&self, kind: OpKind) -> bool {
        let about_a_debit = kind != OpKind::Balance;
        kind.class() == Class::Read && (!about_a_debit || self.channel.scope == Idempotency::Issuer)
    }

    /// What tries out whether a site is back: a read; a counted check where cards are not verified
    /// by one; anything where they are not verified at all.
    fn may_probe(&self, kind: OpKind) -> bool {
        let asks = |kind| self.channel.kinds.contains(&kind);
        match kind.class() {
            Class::Read => true,
            Class::CountedRead => !asks(OpKind::Balance),
            Class::Effect => !asks(OpKind::Balance) && !asks(OpKind::PinCheck),
        }
    }

    /// Ejects a site unless too many of the channel's are out already; one always stays.
    fn eject(&mut self, now: Mono, endpoint: u32) -> bool {
        let all = self.sites.len();
        let most = (all * self.policy.ejected_max_percent as usize / 100).min(all - 1);
        let out = self.sites.iter().filter(|site| site.is_out()).count();
        let Some(site) = self.sites.get_mut(endpoint as usize) else { return false };
        let may = site.is_out() || out < most;
        if may {
            site.eject(now, &self.policy);
        }
        may
    }

    /// When the silence of one of its sites will be too long. A single one is not given up.
    fn silent_at(&self) -> Option<Mono> {
        let sites = self.sites.iter().filter(|_| self.sites.len() > 1);
        sites.filter_map(|site| site.silent_at(&self.policy)).min()
    }

    /// Success squared by weight, over latency and cost; at least 1, below 2^40.
    fn score(&self, endpoint: u32) -> u64 {
        let Some(site) = self.sites.get(endpoint as usize) else { return 1 };
        // In thousandths, so that one failure of long ago moves nothing.
        let success = u64::from(site.success.div_ceil(1_000));
        // A site that was never asked is taken for as slow as its neighbours: being unknown is no merit.
        let known = || self.sites.iter().filter_map(|site| site.quantile(50)).max();
        let slow = u64::from(site.quantile(50).or_else(known).unwrap_or(0)) + 50;
        let cost = u64::from(self.price.cost) + 100;
        (success * success * u64::from(self.price.weight) * 1_000 / (slow * cost)).max(1)
    }
}

impl Router {
    /// A router over these channels.
    pub fn new(channels: Vec<Channel>, policy: &RoutePolicy) -> Self {
        let lanes = channels.into_iter().map(|channel| Lane::new(channel, policy)).collect();
        Self { lanes, quiet_until: Mono(i64::MAX) }
    }

    /// Where to ask; `None` if no channel takes it. Changes nothing: [`Router::probing`] says that
    /// it will be sent there, and [`Router::asked`] that it was. `entropy` decides only where the
    /// policy spreads the load.
    pub fn pick(&self, now: Mono, want: &Want<'_>, entropy: u64) -> Option<Route> {
        if let Some(place) = want.stuck.filter(|place| self.sticks(now, *place, want.kind)) {
            return Some(Route { place, hedge_after_ms: None });
        }
        let others = || self.candidates(want).filter(|place| Some(*place) != want.avoid);
        let open = |place: &Place| self.site(*place).is_some_and(|site| !site.is_out());
        let probe = others().find(|place| self.wants_probe(now, *place, want.kind));
        let place = probe
            .or_else(|| self.best(others().filter(open), entropy))
            .or_else(|| self.best(self.candidates(want).filter(open), entropy))
            .or_else(|| self.best(others(), entropy))
            .or_else(|| self.best(self.candidates(want), entropy))?;
        Some(Route { place, hedge_after_ms: self.hedge_after(place, want.kind) })
    }

    /// Effects never leave the site that may have them, counted reads neither; queries leave it
    /// where the issuer recognises our reference everywhere and the site is out.
    fn sticks(&self, now: Mono, place: Place, kind: OpKind) -> bool {
        let Some(lane) = self.lane(place) else { return true };
        !lane.is_anywhere(kind) || self.standing(now, place) == Some(Standing::Open)
    }

    fn candidates<'a>(&'a self, want: &'a Want<'a>) -> impl Iterator<Item = Place> + Clone + 'a {
        let takes = |channel: &Channel| match want.product {
            Some(product) => channel.products.binary_search_by(|own| own.as_str().cmp(product)).is_ok(),
            None => true,
        };
        let lanes = (0_u16..).zip(&self.lanes);
        let lanes = lanes.filter(|(number, _)| want.channel.is_none_or(|channel| channel == *number));
        let lanes =
            lanes.filter(move |(_, lane)| lane.channel.kinds.contains(&want.kind) && takes(&lane.channel));
        lanes.flat_map(|(channel, lane)| {
            (0..lane.channel.sites.max(1)).map(move |endpoint| Place { channel, endpoint })
        })
    }

    fn wants_probe(&self, now: Mono, place: Place, kind: OpKind) -> bool {
        let Some(lane) = self.lane(place).filter(|lane| lane.may_probe(kind)) else { return false };
        self.site(place).is_some_and(|site| site.wants_probe(now, &lane.policy))
    }

    /// The one with the best score, the first of equals; or one by the luck of the draw.
    fn best(&self, places: impl Iterator<Item = Place> + Clone, entropy: u64) -> Option<Place> {
        let score = |place: Place| self.lane(place).map_or(1, |lane| lane.score(place.endpoint));
        let first = places.clone().next()?;
        if self.lane(first).is_some_and(|lane| lane.policy.spread) {
            let sum = places.clone().map(score).sum::<u64>();
            let mut drawn = entropy % sum.max(1);
            for place in places {
                let score = score(place);
                if drawn < score {
                    return Some(place);
                }
                drawn -= score;
            }
            return Some(first);
        }
        let better = |best: (u64, Place), place: Place| {
            let score = score(place);
            if score > best.0 { (score, place) } else { best }
        };
        Some(places.fold((0, first), better).1)
    }

    /// After how many ms without an answer a second site may be asked; only of reads that any
    /// site can answer.
    pub fn hedge_after(&self, place: Place, kind: OpKind) -> Option<i64> {
        let lane = self.lane(place)?;
        let site = self.site(place).filter(|site| site.samples() >= lane.policy.hedge_samples)?;
        let may = lane.is_anywhere(kind) && lane.policy.hedge_per_mille > 0 && lane.sites.len() > 1;
        may.then(|| site.quantile(95).map(i64::from)).flatten()
    }

    /// A second site for a read that is not answered yet, if the budget of the channel has a hedge
    /// left. At most one in twenty reads is hedged: of any `n` in a row no more than `n / 20 + 1`.
    pub fn hedge(&mut self, now: Mono, first: Place, kind: OpKind, entropy: u64) -> Option<Place> {
        let place = self.elsewhere(now, first, kind, entropy)?;
        self.lane_mut(first).is_some_and(|lane| lane.hedges.spend()).then_some(place)
    }

    /// Another open site of the channel that can answer the same read.
    pub fn elsewhere(&self, now: Mono, first: Place, kind: OpKind, entropy: u64) -> Option<Place> {
        let lane = self.lane(first).filter(|lane| lane.is_anywhere(kind))?;
        let sites = (0..).zip(&lane.sites);
        let open = sites.filter(|(n, site)| *n != first.endpoint && site.standing(now) == Standing::Open);
        self.best(open.map(|(endpoint, _)| Place { channel: first.channel, endpoint }), entropy)
    }

    /// A question will be sent to `place`: if it tries out whether the site is back, no other
    /// does meanwhile.
    pub fn probing(&mut self, now: Mono, place: Place) {
        if let Some(site) = self.site_mut(place) {
            site.probing(now);
        }
    }

    /// A question left for `place`. A hedge earns nothing for the budgets.
    pub fn asked(&mut self, now: Mono, place: Place, kind: OpKind, hedge: bool) {
        let Some(lane) = self.lane_mut(place) else { return };
        if kind.class() == Class::Read && !hedge {
            lane.hedges.earn();
            lane.retries.earn();
        }
        if let Some(site) = lane.sites.get_mut(place.endpoint as usize) {
            site.asked(now);
        }
        self.look_again(place);
    }

    /// What happened at a site may have moved the time at which one of its channel is too long
    /// silent: one that is let back in still owes what it was asked before.
    fn look_again(&mut self, place: Place) {
        if let Some(at) = self.lane(place).and_then(Lane::silent_at) {
            self.quiet_until = self.quiet_until.min(at);
        }
    }

    /// What was heard of a question.
    pub fn told(&mut self, now: Mono, place: Place, heard: Heard) {
        let Some(lane) = self.lane_mut(place) else { return };
        let Some(site) = lane.sites.get_mut(place.endpoint as usize) else { return };
        if site.heard(now, heard, &lane.policy) {
            lane.eject(now, place.endpoint);
        }
        self.look_again(place);
    }

    /// Time passes: sites that were silent for too long are taken for dead. Which are, now.
    pub fn tick(&mut self, now: Mono) -> Vec<Place> {
        let mut dead = Vec::new();
        if now < self.quiet_until {
            return dead;
        }
        for (channel, lane) in (0..).zip(&mut self.lanes).filter(|(_, lane)| lane.sites.len() > 1) {
            for endpoint in 0..lane.channel.sites {
                let Some(site) = lane.sites.get_mut(endpoint as usize) else { continue };
                if site.silent_at(&lane.policy).is_none_or(|at| now < at) {
                    continue;
                }
                // If it cannot be ejected it is not looked at again before it is asked again.
                site.noticed();
                if lane.eject(now, endpoint) {
                    dead.push(Place { channel, endpoint });
                }
            }
        }
        self.quiet_until = self.wake_at().unwrap_or(Mono(i64::MAX));
        dead
    }

    /// How long to wait before a read that failed at `failed` is tried again after `tried` tries,
    /// in ms: 0 if another site is open, else doubled each time, half of it drawn from `entropy`.
    /// `None` if it is not tried again: it is no read, it was tried often enough, or the budget of
    /// the channel is spent. What became of a debit is asked again at once elsewhere or not at all:
    /// the ladder of the profile says when it is asked.
    pub fn again(&mut self, now: Mono, failed: Place, kind: OpKind, tried: u32, entropy: u64) -> Option<i64> {
        let elsewhere = self.elsewhere(now, failed, kind, entropy).is_some();
        let lane = self.lane_mut(failed)?;
        let may = kind == OpKind::Balance || elsewhere;
        if !may || !lane.is_anywhere(kind) || tried >= lane.policy.tries || !lane.retries.spend() {
            return None;
        }
        if elsewhere {
            return Some(0);
        }
        let doubled = lane.policy.backoff_ms.saturating_mul(1 << tried.saturating_sub(1).min(20));
        let whole = doubled.min(lane.policy.backoff_max_ms);
        let half = whole / 2;
        let within = entropy % (half.unsigned_abs() + 1);
        Some(whole - half + i64::try_from(within).expect("it is at most half of a pause"))
    }

    /// When a standing changes although nothing is heard.
    pub fn wake_at(&self) -> Option<Mono> {
        self.lanes.iter().filter_map(Lane::silent_at).min()
    }

    /// Whether any channel shares its load among its sites by luck.
    pub fn draws(&self) -> bool {
        self.lanes.iter().any(|lane| lane.policy.spread)
    }

    /// How a site stands.
    pub fn standing(&self, now: Mono, place: Place) -> Option<Standing> {
        self.site(place).map(|site| site.standing(now))
    }

    /// For reports: the share of questions answered lately in parts per million, and the latency
    /// within which `percent` of the answers came, in ms.
    pub fn health(&self, place: Place, percent: u32) -> Option<(u32, Option<u32>)> {
        self.site(place).map(|site| (site.success, site.quantile(percent.min(100))))
    }

    /// When an ejected site may be probed.
    pub fn back_at(&self, place: Place) -> Option<Mono> {
        self.site(place).and_then(Site::back_at)
    }

    fn lane(&self, place: Place) -> Option<&Lane> {
        self.lanes.get(usize::from(place.channel))
    }

    fn lane_mut(&mut self, place: Place) -> Option<&mut Lane> {
        self.lanes.get_mut(usize::from(place.channel))
    }

    fn site(&self, place: Place) -> Option<&Site> {
        self.lane(place)?.sites.get(place.endpoint as usize)
    }

    fn site_mut(&mut self, place: Place) -> Option<&mut Site> {
        self.lane_mut(place)?.sites.get_mut(place.endpoint as usize)
    }
}
