//! In at the door: first units, and the answers to requests that start nothing new.

use super::Engine;
use super::live::{Entry, Live, Told};
use super::output::{Event, Reply};
use super::prepare::{Prepared, same_request};
use super::recovery::{KEYS_ROW, ring_checks};
use crate::base::RedemptionId;
use crate::flow::{self, Input, Redemption, State, Step, Summary};
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
        let setting = self.setting_for(&prepared.facts.product, &prepared.facts.issuer, &prepared.hits);
        let Some(setting) = setting else { return };
        let Ok((redemption, step)) = flow::intake(prepared.id, prepared.facts.clone(), &setting) else {
            return;
        };
        let blocked = redemption.state.is_end();
        let mut unit = self.first_unit(&prepared, &redemption, step);
        if !blocked {
            let key = |&key| Claim { key, kind: ClaimKind::Card, generation: prepared.facts.generation };
            unit.claims = prepared.facts.keys.iter().map(key).collect();
        }
        unit.sightings = sightings(&prepared);
        unit.recalls = self.recalls(&prepared.facts, prepared.faces);
        self.put_intake(prepared, redemption, unit, false);
        self.pin_ring();
    }

    /// With the first claim under a ring, in the same batch, the ring is pinned in the log.
    fn pin_ring(&mut self) {
        if core::mem::replace(&mut self.ring_pinned, true) {
            return;
        }
        let checks = ring_checks(&self.setup.keys);
        let pinned = self.sessions.iter().find(|(name, _)| name.as_str() == KEYS_ROW);
        if pinned.is_none_or(|(_, pinned)| pinned.state != checks) {
            self.write_session(KEYS_ROW, &checks, Vec::new());
        }
    }

    /// Lets a request be seen, and nothing else.
    pub(super) fn sighting(&mut self, mut prepared: Prepared) {
        prepared.facts.received_at = prepared.received_at.unwrap_or(self.now.wall);
        let unit = Unit { redemption: prepared.id, sightings: sightings(&prepared), ..Unit::default() };
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
            for side in &prepared.sides {
                self.put_side(&mut unit, side.clone());
            }
        }
        self.open.units.push(unit);
        let redemption = Box::new(redemption);
        self.open.entries.push(Entry::Intake { prepared, redemption, turned_away });
    }

    /// What the store said to a first unit.
    pub(super) fn admitted(
        &mut self,
        prepared: Box<Prepared>,
        redemption: Redemption,
        turned_away: bool,
        verdict: &Verdict,
    ) {
        match &verdict.refusal {
            None => self.born(*prepared, redemption, verdict.seen.clone()),
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
            Some(Refusal::Held { status, holder, .. }) if !turned_away => {
                self.collided(prepared, *status, *holder, &verdict.seen);
            }
            Some(_) => {
                let (redemption, unacknowledged) = (prepared.id, Vec::new());
                self.event(Event::TakenOver { redemption, unacknowledged });
            }
        }
    }

    fn born(&mut self, prepared: Prepared, redemption: Redemption, seen: Vec<Seen>) {
        let (id, summary) = (prepared.id, Summary::of(&redemption));
        let claimed = redemption.state == State::Claimed;
        if claimed {
            let mut live = Box::new(Live::new(redemption));
            live.tag = self.card_tag(&live.r.facts.issuer, Some(&prepared.card));
            live.card = Some(prepared.card);
            live.fingerprint = prepared.fingerprint;
            live.hits = prepared.hits;
            self.live.insert(id, live);
        }
        self.event(Event::Moved { redemption: id, summary });
        if claimed {
            self.tell(id, Told::of(Input::Seen(seen)));
        }
    }

    /// Another redemption has the card: the request is frozen, turned away for good, or may try
    /// again.
    fn collided(
        &mut self,
        prepared: Box<Prepared>,
        status: ClaimStatus,
        holder: RedemptionId,
        seen: &[Seen],
    ) {
        let setting = self.setting_for(&prepared.facts.product, &prepared.facts.issuer, &prepared.hits);
        let Some(setting) = setting else { return };
        let frozen = flow::would_freeze(&prepared.facts, prepared.id, seen, &setting);
        if !frozen && status != ClaimStatus::Consumed {
            let retry_after_ms = self.retry_after_ms(holder);
            let reply = Reply::CardBusy { retry_after_ms, holder };
            self.event(Event::Answered { redemption: prepared.id, reply });
            return;
        }
        let Ok((redemption, step)) = flow::turned_away(prepared.id, prepared.facts.clone(), seen, &setting)
        else {
            return;
        };
        let unit = self.first_unit(&prepared, &redemption, step);
        self.put_intake(prepared, redemption, unit, true);
    }

    fn retry_after_ms(&self, holder: RedemptionId) -> i64 {
        let timer = self.live.get(&holder).and_then(|live| live.timer);
        let wait = timer.map_or(RETRY_AFTER_MS, |at| at.0.saturating_sub(self.now.mono.0));
        wait.max(RETRY_AFTER_MS)
    }

    /// What the redemption wants to know of the past.
    pub(super) fn recalls(&self, facts: &flow::Facts, faces: crate::base::Key16) -> Vec<Recall> {
        let within_ms = self.setup.policy.risk.velocity_reach_ms();
        let card = |&subject| Recall { subject, kind: RecallKind::Recent { within_ms } };
        let mut recalls: Vec<Recall> = facts.keys.iter().map(card).collect();
        recalls.push(Recall { subject: faces, kind: RecallKind::Moments });
        recalls
    }
}

fn sightings(prepared: &Prepared) -> Vec<Sighting> {
    let (at, face) = (prepared.facts.received_at, prepared.facts.face.minor());
    let mut sightings: Vec<Sighting> =
        prepared.facts.keys.iter().map(|&subject| Sighting { subject, at, value: 0 }).collect();
    sightings.push(Sighting { subject: prepared.faces, at, value: face });
    sightings
}
