//! In at the door: the first unit, and what risk says.

use super::{Setting, Turn, code};
use crate::base::{RedemptionId, Wall};
use crate::flow::{Effect, Event, Facts, FlowError, Judgement, Redemption, State, Step, TokenUse};
use crate::issuer::OpKind;
use crate::risk::{self, Decision, Moments, Seen, Verdict};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The first step of a request: received, and at once blocked if a block list names it. The
/// caller adds claims, sightings and recalls; a blocked request claims no card.
///
/// # Errors
/// [`FlowError`].
pub fn intake(
    redemption: RedemptionId,
    facts: Facts,
    s: &Setting<'_>,
) -> Result<(Redemption, Step), FlowError> {
    let mut r = Redemption::new(redemption, facts);
    let step = intake_in(Step::default(), &mut r, s)?;
    Ok((r, step))
}

/// As [`intake`], with the lists of a step that is empty, of a redemption before its first record.
pub(crate) fn intake_in(mut step: Step, r: &mut Redemption, s: &Setting<'_>) -> Result<Step, FlowError> {
    step.receive(r, s.now)?;
    if !s.hits.is_empty() {
        let decision = decide(r, &[], s);
        step.take(r, s.now, &judged(decision, &[], s))?;
        step.changes.clear();
    }
    Ok(step)
}

/// Adds to the first step that the request brought a genuine and fresh token: its use is claimed
/// together with the card, and bound to the redemption.
///
/// # Errors
/// [`FlowError`]; nothing is changed.
pub fn use_token(
    r: &mut Redemption,
    step: &mut Step,
    used: TokenUse,
    s: &Setting<'_>,
) -> Result<(), FlowError> {
    step.take(r, s.now, &Event::TokenUsed(used))
}

/// The only step of a request that is turned away for `reason`: its card is another redemption's,
/// or its token is refused. If a budget is used up, or the card was tried too often, it is told
/// that instead. It claims nothing.
///
/// # Errors
/// [`FlowError`].
pub fn turned_away(
    redemption: RedemptionId,
    facts: Facts,
    seen: &[Seen],
    reason: &'static str,
    s: &Setting<'_>,
) -> Result<(Redemption, Step), FlowError> {
    let mut r = Redemption::new(redemption, facts);
    let mut step = Step::default();
    step.receive(&mut r, s.now)?;
    let decision = decide(&r, seen, s);
    let event = match decision.verdict {
        Verdict::Freeze { .. } | Verdict::Refuse => judged(decision, seen, s),
        _ => Event::TurnedAway { reason: code(reason) },
    };
    step.take(&mut r, s.now, &event)?;
    step.changes.clear();
    Ok((r, step))
}

impl Turn<'_, '_> {
    /// Decides, with what was seen before, and goes on if it may.
    pub(super) fn screen(&mut self, seen: &[Seen]) -> Result<(), FlowError> {
        if self.r.state != State::Claimed {
            return Err(FlowError::NotNow(self.r.state));
        }
        let decision = decide(self.r, seen, self.s);
        self.take(judged(decision, seen, self.s))?;
        self.proceed()?;
        // The request was counted against its budgets by its first unit.
        let free = matches!(self.step.effects[..], [Effect::Ask { kind: OpKind::Balance, .. }]);
        self.step.with_next = free && self.r.state == State::Screened;
        Ok(())
    }

    pub(super) fn expire(&mut self) -> Result<(), FlowError> {
        let limit = match self.r.state {
            State::Challenged => self.s.policy.challenge_ms,
            _ => self.s.policy.review_ms,
        };
        // Expiries are told to people as a time of day: they run on the wall clock.
        match self.r.since.plus(limit).0.saturating_sub(self.s.now.0) {
            left if left > 0 => {
                self.step.effects.push(Effect::Wait(left));
                Ok(())
            }
            _ => self.take(Event::Expired),
        }
    }
}

/// Whether risk answers this request whoever holds its card: a budget is used up, or the card
/// would be frozen.
pub(crate) fn answers_at_once(
    facts: &Facts,
    redemption: RedemptionId,
    seen: &[Seen],
    s: &Setting<'_>,
) -> bool {
    let r = Redemption::new(redemption, facts.clone());
    matches!(decide(&r, seen, s).verdict, Verdict::Freeze { .. } | Verdict::Refuse)
}

fn decide(r: &Redemption, seen: &[Seen], s: &Setting<'_>) -> Decision {
    risk::decide(s.risk, s.hits, s.over, &card_seen(seen), &faces_seen(seen), r.facts.face.minor())
}

/// The sightings of the card under all its keys, each request once, in the order of writing.
fn card_seen(seen: &[Seen]) -> Cow<'_, [(RedemptionId, Wall)]> {
    let lists = seen.iter().filter_map(|seen| match seen {
        Seen::Recent(list) => Some(&list[..]),
        Seen::Moments(_) => None,
    });
    // A card with one key that was seen once, as nearly every one.
    if let (Some(list @ ([] | [_])), None) = (lists.clone().next(), lists.clone().nth(1)) {
        return Cow::Borrowed(list);
    }
    let mut all: Vec<(RedemptionId, Wall)> = Vec::new();
    for (request, at) in lists.flatten() {
        if !all.iter().any(|(other, _)| other == request) {
            all.push((*request, *at));
        }
    }
    Cow::Owned(all)
}

fn faces_seen(seen: &[Seen]) -> Moments {
    let moments = seen.iter().find_map(|seen| match seen {
        Seen::Moments(moments) => Some(*moments),
        Seen::Recent(_) => None,
    });
    moments.unwrap_or_default()
}

fn judged(decision: Decision, seen: &[Seen], s: &Setting<'_>) -> Event {
    let until = match decision.verdict {
        Verdict::Freeze { until } => Some(until),
        _ => None,
    };
    let judgement = Judgement {
        policy: s.policy_digest,
        reasons: decision.reasons,
        until,
        card_seen: u32::try_from(card_seen(seen).len()).unwrap_or(u32::MAX),
        faces_seen: faces_seen(seen).count,
    };
    match decision.verdict {
        Verdict::Pass => Event::Passed(judgement),
        Verdict::Review => Event::Referred(judgement),
        Verdict::Challenge => Event::Challenged(judgement),
        Verdict::Freeze { .. } => Event::Frozen(judgement),
        Verdict::Block => Event::Blocked(judgement),
        Verdict::Refuse => Event::OverBudget(judgement),
    }
}
