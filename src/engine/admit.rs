//! In at the door: first units, and the answers to requests that start nothing new.

use super::Engine;
use super::budget::{self, Counted};
use super::live::{Entry, Live, Told};
use super::output::{Event, Reply};
use super::prepare::{Prepared, same_request};
use super::recovery::{KEYS_ROW, ring_checks};
use crate::base::{Few, Key16, RedemptionId};
use crate::card::token::TokenError;
use crate::flow::{self, Input, Redemption, Setting, State, Step, Summary, TokenUse};
use crate::record::{Claim, ClaimKind, ClaimStatus, Refusal, Unit, Verdict};
use crate::risk::{Recall, RecallKind, Seen, Sighting};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// How long a request waits at least before it tries a busy card again.
const RETRY_AFTER_MS: i64 = 1_000;

impl Engine {
    /// Puts a request's first unit into the open batch, or answers it from memory.
    pub(super) fn admit(&mut self, mut prepared: Prepared) {
        let id = prepared.live.r.id;
        if let Some(live) = self.live.get(&id).filter(|live| live.fingerprint.is_some()) {
            let summary = Summary::of(&live.r);
            let same = live.fingerprint == prepared.live.fingerprint;
            let reply = if same { Reply::InProgress(summary) } else { Reply::Mismatch };
            self.event(Event::Answered { redemption: id, reply });
            return;
        }
        self.count(&mut prepared);
        let step = self.spare.step();
        let token = self.token_of(&prepared);
        let live = &mut *prepared.live;
        let Some(setting) = self.setting_for(live.places, &live.hits) else { return };
        let Ok(mut step) = flow::intake_in(step, &mut live.r, &setting) else { return };
        let blocked = live.r.state.is_end();
        if !blocked {
            match token {
                Ok(None) => {}
                Ok(Some(used)) => {
                    if flow::use_token(&mut live.r, &mut step, used, &setting).is_err() {
                        return;
                    }
                }
                Err(error) => return self.token_refused(prepared, error),
            }
        }
        let mut unit = self.first_unit(&prepared, step);
        let facts = &prepared.live.r.facts;
        if !blocked {
            let key = |&key| Claim { key, kind: ClaimKind::Card, generation: facts.generation };
            unit.claims.extend(facts.keys.iter().map(key));
        }
        unit.sightings = sightings(&prepared, true);
        unit.recalls = self.recalls(facts, prepared.faces, &prepared.live.counted);
        self.put_intake(prepared, unit, false);
        self.pin_ring();
    }

    /// Sets when a request was received, and with it what it counts against.
    fn count(&self, prepared: &mut Prepared) {
        let live = &mut *prepared.live;
        live.r.facts.received_at = prepared.received_at.unwrap_or(self.now.wall);
        live.counted =
            budget::subjects(&self.setup, &live.r.facts, prepared.device.as_ref(), live.card.as_ref());
    }

    /// The token of a request, checked at the time when the request was received.
    fn token_of(&self, prepared: &Prepared) -> Result<Option<TokenUse>, TokenError> {
        let live = &prepared.live;
        let product = self.setup.product_at(live.places).zip(live.card.as_ref());
        let Some(((product, card), token)) = product.zip(prepared.token.as_ref()) else { return Ok(None) };
        self.setup.check_token(product, card, token, live.r.facts.received_at).map(Some)
    }

    /// A request whose token is refused ends at once, with the exact reason in its record. It
    /// costs its budgets, but does not count among the tries of the card: who cannot show the
    /// token must not be able to have the card frozen.
    fn token_refused(&mut self, mut prepared: Prepared, error: TokenError) {
        let live = &mut *prepared.live;
        let Some(setting) = self.setting_for(live.places, &live.hits) else { return };
        let Some(step) = turn_away(&mut live.r, &[], error.reason(), &setting) else { return };
        let mut unit = self.first_unit(&prepared, step);
        unit.sightings = sightings(&prepared, false);
        self.put_intake(prepared, unit, true);
    }

    /// With the first claim under a ring, in the same batch, the ring is pinned in the log.
    fn pin_ring(&mut self) {
        if core::mem::replace(&mut self.ring_pinned, true) {
            return;
        }
        let checks = ring_checks(&self.setup.keys);
        let pinned = self.sessions.iter().find(|(name, _)| name.as_str() == KEYS_ROW);
        if pinned.is_none_or(|(_, pinned)| pinned.state != checks) {
            self.write_session(KEYS_ROW, &checks, Few::None);
        }
    }

    /// Lets a request be seen, and nothing else.
    pub(super) fn sighting(&mut self, mut prepared: Prepared) {
        self.count(&mut prepared);
        let genuine = self.token_of(&prepared).is_ok();
        let sightings = sightings(&prepared, genuine);
        let unit = Unit { redemption: prepared.live.r.id, sightings, ..Unit::default() };
        self.open.units.push(unit);
        self.open.entries.push(Entry::Sighting);
    }

    fn first_unit(&mut self, prepared: &Prepared, step: Step) -> Unit {
        let live = &prepared.live;
        let mut unit = self.unit_of(&live.r, live.places, 0, step);
        unit.fingerprint = live.fingerprint.map(|own| own.to_vec()).unwrap_or_default();
        unit
    }

    fn put_intake(&mut self, mut prepared: Prepared, mut unit: Unit, turned_away: bool) {
        if !prepared.live.r.state.is_end() {
            self.keep_vault_tally();
            for side in core::mem::take(&mut prepared.sides) {
                self.put_side(&mut unit, side);
            }
        }
        self.open.units.push(unit);
        self.open.entries.push(Entry::Intake { prepared, turned_away });
    }

    /// What the store said to a first unit.
    pub(super) fn admitted(&mut self, prepared: Prepared, turned_away: bool, verdict: Verdict) {
        let live = &prepared.live;
        let id = live.r.id;
        match &verdict.refusal {
            None => self.born(prepared.live, verdict.seen),
            Some(Refusal::Known { fingerprint, summary }) => {
                let reply = match Summary::decode(summary) {
                    _ if !same_request(&self.setup, fingerprint, live) => Reply::Mismatch,
                    Ok(summary) if summary.state.is_end() => Reply::Replayed(summary),
                    Ok(summary) => Reply::InProgress(summary),
                    Err(_) => Reply::Mismatch,
                };
                self.event(Event::Answered { redemption: id, reply });
            }
            Some(Refusal::Held { key, status, holder, .. }) if !turned_away => {
                let replayed = live.r.token.as_ref().is_some_and(|used| used.claims.contains(key));
                let held = Held { status: *status, holder: *holder, replayed };
                self.collided(prepared, held, verdict.seen);
            }
            Some(_) => {
                self.event(Event::TakenOver { redemption: id, unacknowledged: Vec::new() });
            }
        }
    }

    fn born(&mut self, mut live: Box<Live>, mut seen: Vec<Seen>) {
        let (id, summary) = (live.r.id, Summary::of(&live.r));
        let claimed = live.r.state == State::Claimed;
        if claimed {
            live.tag = self.card_tag(&live);
            live.over = budget::used_up(&self.setup, &live.counted, &mut seen);
            self.live.insert(id, live);
        }
        self.event(Event::Moved { redemption: id, summary });
        if claimed {
            self.tell(id, Told::of(Input::Seen(seen)));
        }
    }

    /// Another redemption has the card or has used the token: the request is refused by a budget,
    /// frozen, turned away for good, or may try again.
    fn collided(&mut self, mut prepared: Prepared, held: Held, mut seen: Vec<Seen>) {
        let live = &mut *prepared.live;
        let over = budget::used_up(&self.setup, &live.counted, &mut seen);
        let Some(mut setting) = self.setting_for(live.places, &live.hits) else { return };
        setting.over = &over;
        let at_once = flow::answers_at_once(&live.r.facts, live.r.id, &seen, &setting);
        if !at_once && held.status != ClaimStatus::Consumed {
            let retry_after_ms = self.retry_after_ms(held.holder);
            let reply = Reply::CardBusy { retry_after_ms, holder: held.holder };
            self.event(Event::Answered { redemption: live.r.id, reply });
            return;
        }
        let reason = if held.replayed { TokenError::Replayed.reason() } else { "already_sold" };
        let Some(step) = turn_away(&mut live.r, &seen, reason, &setting) else { return };
        let unit = self.first_unit(&prepared, step);
        self.put_intake(prepared, unit, true);
    }

    fn retry_after_ms(&self, holder: RedemptionId) -> i64 {
        let timer = self.live.get(&holder).and_then(|live| live.timer);
        let wait = timer.map_or(RETRY_AFTER_MS, |at| at.0.saturating_sub(self.now.mono.0));
        wait.max(RETRY_AFTER_MS)
    }

    /// What the redemption wants to know of the past.
    pub(super) fn recalls(&self, facts: &flow::Facts, faces: Key16, counted: &Counted) -> Vec<Recall> {
        let within_ms = self.setup.policy.risk.velocity_reach_ms();
        let card = |&subject| Recall { subject, kind: RecallKind::Recent { within_ms } };
        let mut recalls = Vec::with_capacity(facts.keys.len() + 1 + counted.len());
        recalls.extend(facts.keys.iter().map(card));
        let moments = |subject| Recall { subject, kind: RecallKind::Moments };
        recalls.push(moments(faces));
        recalls.extend(counted.iter().map(|(_, subject)| moments(*subject)));
        recalls
    }
}

/// Who holds what a request wants to claim.
struct Held {
    status: ClaimStatus,
    holder: RedemptionId,
    /// Whether it is the use of its token.
    replayed: bool,
}

/// Begins a redemption anew with the only step of one that is turned away.
fn turn_away(r: &mut Redemption, seen: &[Seen], reason: &'static str, s: &Setting<'_>) -> Option<Step> {
    let (turned_away, step) = flow::turned_away(r.id, r.facts.clone(), seen, reason, s).ok()?;
    *r = turned_away;
    Some(step)
}

/// Under what a request is seen: the card and the seller's faces, unless its token is refused, and
/// its budgets.
fn sightings(prepared: &Prepared, genuine: bool) -> Vec<Sighting> {
    let (facts, counted) = (&prepared.live.r.facts, &prepared.live.counted);
    let (at, face) = (facts.received_at, facts.face.minor());
    let seen = |subject| Sighting { subject, at, value: 0 };
    let mut sightings = Vec::with_capacity(facts.keys.len() + 1 + counted.len());
    if genuine {
        sightings.extend(facts.keys.iter().map(|&subject| seen(subject)));
        sightings.push(Sighting { subject: prepared.faces, at, value: face });
    }
    sightings.extend(counted.iter().map(|(_, subject)| seen(*subject)));
    sightings
}
