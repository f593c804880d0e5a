//! In at the door: first units, and the answers to requests that start nothing new.

use super::Engine;
use super::budget::{self, Counted};
use super::live::{Entry, Live, Told};
use super::output::{Event, Reply};
use super::prepare::{Prepared, same_request};
use super::recovery::{KEYS_ROW, ring_checks};
use crate::base::{Few, Key16, RedemptionId};
use crate::card::token::TokenError;
use crate::flow::{self, Input, Redemption, State, Step, Summary, TokenUse};
use crate::record::{Claim, ClaimKind, ClaimStatus, Refusal, Unit, Verdict};
use crate::risk::{Recall, RecallKind, Seen, Sighting};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// How long a request waits at least before it tries a busy card again.
const RETRY_AFTER_MS: i64 = 1_000;

impl Engine {
    /// Puts a request's first unit into the open batch, or answers it from memory.
    pub(super) fn admit(&mut self, mut prepared: Box<Prepared>) {
        if let Some(live) = self.live.get(&prepared.id).filter(|live| !live.fingerprint.is_empty()) {
            let summary = Summary::of(&live.r);
            let same = live.fingerprint == prepared.fingerprint;
            let reply = if same { Reply::InProgress(summary) } else { Reply::Mismatch };
            self.event(Event::Answered { redemption: prepared.id, reply });
            return;
        }
        prepared.facts.received_at = prepared.received_at.unwrap_or(self.now.wall);
        let step = self.spare.step();
        let setting = self.setting_for(&prepared.facts.product, &prepared.facts.issuer, &prepared.hits);
        let Some(setting) = setting else { return };
        let taken = flow::intake_in(step, prepared.id, prepared.facts.clone(), &setting);
        let Ok((mut redemption, mut step)) = taken else { return };
        let blocked = redemption.state.is_end();
        prepared.counted = self.counted(&prepared);
        if !blocked {
            match self.token_of(&prepared) {
                Ok(None) => {}
                Ok(Some(used)) => {
                    if flow::use_token(&mut redemption, &mut step, used, &setting).is_err() {
                        return;
                    }
                }
                Err(error) => return self.token_refused(prepared, error),
            }
        }
        let mut unit = self.first_unit(&prepared, &redemption, step);
        if !blocked {
            let key = |&key| Claim { key, kind: ClaimKind::Card, generation: prepared.facts.generation };
            unit.claims.extend(prepared.facts.keys.iter().map(key));
        }
        unit.sightings = sightings(&prepared, true);
        unit.recalls = self.recalls(&prepared.facts, prepared.faces, &prepared.counted);
        self.put_intake(prepared, redemption, unit, false);
        self.pin_ring();
    }

    fn counted(&self, prepared: &Prepared) -> Counted {
        budget::subjects(&self.setup, &prepared.facts, prepared.device.as_ref(), Some(&prepared.card))
    }

    /// The token of a request, checked at the time when the request was received.
    fn token_of(&self, prepared: &Prepared) -> Result<Option<TokenUse>, TokenError> {
        let product = self.setup.catalogue.product(&prepared.facts.product);
        let Some((product, token)) = product.zip(prepared.token.as_ref()) else { return Ok(None) };
        self.setup.check_token(product, &prepared.card, token, prepared.facts.received_at).map(Some)
    }

    /// A request whose token is refused ends at once, with the exact reason in its record. It
    /// costs its budgets, but does not count among the tries of the card: who cannot show the
    /// token must not be able to have the card frozen.
    fn token_refused(&mut self, prepared: Box<Prepared>, error: TokenError) {
        let setting = self.setting_for(&prepared.facts.product, &prepared.facts.issuer, &prepared.hits);
        let Some(setting) = setting else { return };
        let (id, facts) = (prepared.id, prepared.facts.clone());
        let Ok((redemption, step)) = flow::turned_away(id, facts, &[], error.reason(), &setting) else {
            return;
        };
        let mut unit = self.first_unit(&prepared, &redemption, step);
        unit.sightings = sightings(&prepared, false);
        self.put_intake(prepared, redemption, unit, true);
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
        prepared.facts.received_at = prepared.received_at.unwrap_or(self.now.wall);
        prepared.counted = self.counted(&prepared);
        let genuine = self.token_of(&prepared).is_ok();
        let sightings = sightings(&prepared, genuine);
        let unit = Unit { redemption: prepared.id, sightings, ..Unit::default() };
        self.open.units.push(unit);
        self.open.entries.push(Entry::Sighting);
    }

    fn first_unit(&mut self, prepared: &Prepared, redemption: &Redemption, step: Step) -> Unit {
        let mut unit = self.unit_of(redemption, 0, step);
        unit.fingerprint.clone_from(&prepared.fingerprint);
        unit
    }

    fn put_intake(
        &mut self,
        prepared: Box<Prepared>,
        redemption: Redemption,
        mut unit: Unit,
        turned_away: bool,
    ) {
        if !redemption.state.is_end() {
            self.keep_vault_tally();
            for side in &prepared.sides {
                self.put_side(&mut unit, side.clone());
            }
        }
        self.open.units.push(unit);
        let live = Box::new(Live::new(redemption));
        self.open.entries.push(Entry::Intake { prepared, live, turned_away });
    }

    /// What the store said to a first unit.
    pub(super) fn admitted(
        &mut self,
        prepared: Box<Prepared>,
        live: Box<Live>,
        turned_away: bool,
        verdict: Verdict,
    ) {
        match &verdict.refusal {
            None => self.born(*prepared, live, verdict.seen),
            Some(Refusal::Known { fingerprint, summary }) => {
                let id = prepared.id;
                let reply = match Summary::decode(summary) {
                    _ if !same_request(&self.setup, fingerprint, &prepared) => Reply::Mismatch,
                    Ok(summary) if summary.state.is_end() => Reply::Replayed(summary),
                    Ok(summary) => Reply::InProgress(summary),
                    Err(_) => Reply::Mismatch,
                };
                self.event(Event::Answered { redemption: id, reply });
            }
            Some(Refusal::Held { key, status, holder, .. }) if !turned_away => {
                let replayed = live.r.token.is_some_and(|used| used.claims.contains(key));
                let held = Held { status: *status, holder: *holder, replayed };
                self.collided(prepared, held, verdict.seen);
            }
            Some(_) => {
                let (redemption, unacknowledged) = (prepared.id, Vec::new());
                self.event(Event::TakenOver { redemption, unacknowledged });
            }
        }
    }

    fn born(&mut self, prepared: Prepared, mut live: Box<Live>, mut seen: Vec<Seen>) {
        let (id, summary) = (prepared.id, Summary::of(&live.r));
        let claimed = live.r.state == State::Claimed;
        if claimed {
            live.tag = self.card_tag(&live.r.facts.issuer, Some(&prepared.card));
            live.card = Some(prepared.card);
            live.fingerprint = prepared.fingerprint;
            live.hits = prepared.hits;
            live.over = budget::used_up(&self.setup, &prepared.counted, &mut seen);
            live.counted = prepared.counted;
            self.live.insert(id, live);
        }
        self.event(Event::Moved { redemption: id, summary });
        if claimed {
            self.tell(id, Told::of(Input::Seen(seen)));
        }
    }

    /// Another redemption has the card or has used the token: the request is refused by a budget,
    /// frozen, turned away for good, or may try again.
    fn collided(&mut self, prepared: Box<Prepared>, held: Held, mut seen: Vec<Seen>) {
        let over = budget::used_up(&self.setup, &prepared.counted, &mut seen);
        let setting = self.setting_for(&prepared.facts.product, &prepared.facts.issuer, &prepared.hits);
        let Some(mut setting) = setting else { return };
        setting.over = &over;
        let at_once = flow::answers_at_once(&prepared.facts, prepared.id, &seen, &setting);
        if !at_once && held.status != ClaimStatus::Consumed {
            let retry_after_ms = self.retry_after_ms(held.holder);
            let reply = Reply::CardBusy { retry_after_ms, holder: held.holder };
            self.event(Event::Answered { redemption: prepared.id, reply });
            return;
        }
        let reason = if held.replayed { TokenError::Replayed.reason() } else { "already_sold" };
        let (id, facts) = (prepared.id, prepared.facts.clone());
        let Ok((redemption, step)) = flow::turned_away(id, facts, &seen, reason, &setting) else { return };
        let unit = self.first_unit(&prepared, &redemption, step);
        self.put_intake(prepared, redemption, unit, true);
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

/// Under what a request is seen: the card and the seller's faces, unless its token is refused, and
/// its budgets.
fn sightings(prepared: &Prepared, genuine: bool) -> Vec<Sighting> {
    let (at, face) = (prepared.facts.received_at, prepared.facts.face.minor());
    let seen = |subject| Sighting { subject, at, value: 0 };
    let mut sightings = Vec::with_capacity(prepared.facts.keys.len() + 1 + prepared.counted.len());
    if genuine {
        sightings.extend(prepared.facts.keys.iter().map(|&subject| seen(subject)));
        sightings.push(Sighting { subject: prepared.faces, at, value: face });
    }
    sightings.extend(prepared.counted.iter().map(|(_, subject)| seen(*subject)));
    sightings
}
