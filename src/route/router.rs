//! Choosing among sites.

use super::site::Site;
use super::{Bucket, Heard, Price, RoutePolicy, Standing};
use crate::base::Mono;
use crate::issuer::{Class, Idempotency, OpKind};
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
    sites: Vec<Site>,
}

/// The router. It begins with every site healthy.
pub struct Router {
    policy: RoutePolicy,
    lanes: Vec<Lane>,
    retries: Bucket,
    hedges: Bucket,
}

impl core::fmt::Debug for Router {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Router").field("channels", &self.lanes.len()).finish_non_exhaustive()
    }
}

impl Router {
    /// A router over these channels.
    pub fn new(channels: Vec<Channel>, policy: RoutePolicy) -> Self {
        let lane = |channel: Channel| {
            let price = policy.price.get(&channel.name).copied().unwrap_or_default();
            let sites = (0..channel.sites.max(1)).map(|_| Site::new()).collect();
            Lane { channel, price, sites }
        };
        let lanes = channels.into_iter().map(lane).collect();
        let retries = Bucket::new(policy.retry_burst, policy.retry_burst, policy.retry_per_mille);
        let hedges = Bucket::new(0, 1, policy.hedge_per_mille);
        Self { policy, lanes, retries, hedges }
    }

    /// Where to ask; `None` if no channel takes it. Changes nothing: [`Router::asked`] says that
    /// it was sent. `entropy` decides only where the policy spreads the load.
    pub fn pick(&self, now: Mono, want: &Want<'_>, entropy: u64) -> Option<Route> {
        if let Some(place) = want.stuck.filter(|place| self.sticks(now, *place, want.kind)) {
            return Some(Route { place, hedge_after_ms: None });
        }
        let avoid = |places: Vec<Place>| {
            let others: Vec<Place> = places.iter().copied().filter(|p| Some(*p) != want.avoid).collect();
            if others.is_empty() { places } else { others }
        };
        let all = self.candidates(want);
        let open: Vec<Place> =
            all.iter().copied().filter(|p| self.site(*p).is_some_and(|s| !s.is_out())).collect();
        let probe =
            all.iter().copied().find(|p| Some(*p) != want.avoid && self.may_probe(now, *p, want.kind));
        let place = match probe {
            Some(probe) => probe,
            None if open.is_empty() => self.best(&avoid(all), entropy)?,
            None => self.best(&avoid(open), entropy)?,
        };
        Some(Route { place, hedge_after_ms: self.hedge_after(place, want.kind) })
    }

    /// Effects never leave the site that may have them, counted reads neither; queries leave it
    /// where the issuer recognises our reference everywhere and the site is out.
    fn sticks(&self, now: Mono, place: Place, kind: OpKind) -> bool {
        let Some(lane) = self.lanes.get(usize::from(place.channel)) else { return true };
        let out = self.standing(now, place) != Some(Standing::Open);
        kind.class() != Class::Read || lane.channel.scope != Idempotency::Issuer || !out
    }

    fn candidates(&self, want: &Want<'_>) -> Vec<Place> {
        let mut places = Vec::new();
        for (number, lane) in (0_u16..).zip(&self.lanes) {
            let channel = &lane.channel;
            let takes =
                want.product.is_none_or(|p| channel.products.binary_search_by(|q| q.as_str().cmp(p)).is_ok());
            if takes && want.channel.is_none_or(|c| c == number) && channel.kinds.contains(&want.kind) {
                places.extend((0..channel.sites.max(1)).map(|endpoint| Place { channel: number, endpoint }));
            }
        }
        places
    }

    /// A read tries out whether a site is back; where a channel has no reads, anything does.
    fn may_probe(&self, now: Mono, place: Place, kind: OpKind) -> bool {
        let Some(lane) = self.lanes.get(usize::from(place.channel)) else { return false };
        let mut kinds = lane.channel.kinds.iter();
        let fits = kind.class() == Class::Read || !kinds.any(|kind| kind.class() == Class::Read);
        fits && self.site(place).is_some_and(|site| site.wants_probe(now, &self.policy))
    }

    fn best(&self, places: &[Place], entropy: u64) -> Option<Place> {
        let scores: Vec<(Place, u64)> = places.iter().map(|p| (*p, self.score(*p))).collect();
        if self.policy.spread {
            let sum = scores.iter().map(|(_, score)| *score).sum::<u64>();
            let mut drawn = entropy % sum.max(1);
            for (place, score) in &scores {
                if drawn < *score {
                    return Some(*place);
                }
                drawn -= score;
            }
        }
        let best = scores.iter().map(|(_, score)| *score).max()?;
        scores.into_iter().find(|(_, score)| *score == best).map(|(place, _)| place)
    }

    /// Success squared by weight, over latency and cost; at least 1, below 2^40.
    fn score(&self, place: Place) -> u64 {
        let (Some(lane), Some(site)) = (self.lanes.get(usize::from(place.channel)), self.site(place)) else {
            return 1;
        };
        // In thousandths, so that one failure of long ago moves nothing.
        let success = u64::from(site.success.div_ceil(1_000));
        // A site that was never asked is taken for as slow as its neighbours: being unknown is no merit.
        let known = || lane.sites.iter().filter_map(|site| site.quantile(50)).max();
        let slow = u64::from(site.quantile(50).or_else(known).unwrap_or(0)) + 50;
        let cost = u64::from(lane.price.cost) + 100;
        (success * success * u64::from(lane.price.weight) * 1_000 / (slow * cost)).max(1)
    }

    /// After how many ms without an answer a second site may be asked; reads only.
    pub fn hedge_after(&self, place: Place, kind: OpKind) -> Option<i64> {
        let site = self.site(place).filter(|site| site.samples() >= self.policy.hedge_samples)?;
        let lane = self.lanes.get(usize::from(place.channel))?;
        let may = kind.class() == Class::Read && self.policy.hedge_per_mille > 0 && lane.sites.len() > 1;
        may.then(|| site.quantile(95).map(i64::from)).flatten()
    }

    /// A second site for a read that is not answered yet, if the budget has a hedge left. At most
    /// one in twenty reads is hedged: of any `n` reads in a row no more than `n / 20 + 1`.
    pub fn hedge(&mut self, now: Mono, first: Place, kind: OpKind) -> Option<Place> {
        if kind.class() != Class::Read {
            return None;
        }
        let lane = self.lanes.get(usize::from(first.channel))?;
        let sites = (0..).zip(&lane.sites);
        let open = sites.filter(|(n, site)| *n != first.endpoint && site.standing(now) == Standing::Open);
        let places: Vec<Place> =
            open.map(|(endpoint, _)| Place { channel: first.channel, endpoint }).collect();
        let place = self.best(&places, 0)?;
        self.hedges.spend().then_some(place)
    }

    /// A question left for `place`. A hedge earns nothing for the budgets.
    pub fn asked(&mut self, now: Mono, place: Place, kind: OpKind, hedge: bool) {
        if kind.class() == Class::Read && !hedge {
            self.hedges.earn();
            self.retries.earn();
        }
        if let Some(site) = self.site_mut(place) {
            site.asked(now);
        }
    }

    /// What was heard of a question.
    pub fn told(&mut self, now: Mono, place: Place, heard: Heard) {
        let policy = self.policy.clone();
        let Some(site) = self.site_mut(place) else { return };
        if site.heard(now, heard, &policy) {
            self.eject(now, place);
        }
    }

    /// Time passes: sites that were silent for too long are taken for dead.
    pub fn tick(&mut self, now: Mono) {
        for (channel, endpoint) in self.places() {
            let place = Place { channel, endpoint };
            let silent = self.site(place).and_then(|site| site.silent_at(&self.policy));
            if silent.is_some_and(|at| at <= now) {
                self.eject(now, place);
            }
        }
    }

    fn places(&self) -> Vec<(u16, u32)> {
        let lanes = (0_u16..).zip(&self.lanes);
        lanes.flat_map(|(n, lane)| (0_u32..).zip(&lane.sites).map(move |(e, _)| (n, e))).collect()
    }

    /// Ejects a site unless too many of its channel's are out already; one always stays.
    fn eject(&mut self, now: Mono, place: Place) {
        let policy = self.policy.clone();
        let Some(lane) = self.lanes.get_mut(usize::from(place.channel)) else { return };
        let all = lane.sites.len();
        let most = (all * policy.ejected_max_percent as usize / 100).min(all - 1);
        let out = lane.sites.iter().filter(|site| site.is_out()).count();
        let Some(site) = lane.sites.get_mut(place.endpoint as usize) else { return };
        if site.is_out() || out < most {
            site.eject(now, &policy);
        }
    }

    /// How long to wait before a read is tried again after `tried` tries, in ms: doubled each
    /// time, half of it drawn from `entropy`. `None` if it is not: it is no read, it was tried
    /// often enough, or the budget for retries is spent.
    pub fn again(&mut self, kind: OpKind, tried: u32, entropy: u64) -> Option<i64> {
        if kind.class() != Class::Read || tried >= self.policy.tries || !self.retries.spend() {
            return None;
        }
        let doubled = self.policy.backoff_ms.saturating_mul(1 << tried.saturating_sub(1).min(20));
        let whole = doubled.min(self.policy.backoff_max_ms);
        let half = whole / 2;
        let within = entropy % (half.unsigned_abs() + 1);
        Some(whole - half + i64::try_from(within).expect("it is at most half of a pause"))
    }

    /// When a standing changes although nothing is heard.
    pub fn wake_at(&self) -> Option<Mono> {
        let sites = self.lanes.iter().flat_map(|lane| &lane.sites);
        sites.filter_map(|site| site.silent_at(&self.policy)).min()
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

    fn site(&self, place: Place) -> Option<&Site> {
        self.lanes.get(usize::from(place.channel))?.sites.get(place.endpoint as usize)
    }

    fn site_mut(&mut self, place: Place) -> Option<&mut Site> {
        self.lanes.get_mut(usize::from(place.channel))?.sites.get_mut(place.endpoint as usize)
    }
}
