//! The machine: told what happened, it answers what to write and what to do next.

mod advance;
mod debit;
mod intake;
mod payout;
mod people;
mod policy;
mod undo;
mod verify;

pub(crate) use intake::{answers_at_once, intake_in};
pub use intake::{intake, turned_away, use_token};
pub use people::{Finding, Verdict};
pub use policy::{FlowPolicy, Limits, Setting};

use super::{Effect, Event, FlowError, Redemption, State, Step, TokenUse};
use crate::base::{Text, Wall, planted};
use crate::issuer::{Answer, Cause, OpKind, Outcome};
use crate::risk::Seen;
use alloc::vec::Vec;

/// The note that an approval came in while its debit was being undone.
pub(super) const LATE_APPROVAL: &str = "late_approval";
/// A wait longer than this leaves memory: the store hands the redemption back when it is due.
const LONG_MS: i64 = 60_000;

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The claim stands, and this was seen before: first the sightings of each of the card's
    /// keys, last the earlier faces of the seller and product.
    Seen(Vec<Seen>),
    /// An issuer or rail answered; or nothing was heard from it ([`Outcome::Unknown`]), or
    /// nothing was sent to it ([`Outcome::NotSent`]).
    Answer(Answer),
    /// The same in a message that nobody asked for, a callback or a file. It may be of any time: the
    /// same one may come again days later.
    Told(Answer),
    /// The wait is over.
    Timer,
    /// The issuer's batch message is being made, and the debit goes into it.
    Dispatch,
    /// A writer took the redemption up again: after a crash, or because it was due.
    Resume,
    /// A person decided, or the seller answered.
    Person(Verdict),
    /// The card was scanned again, and its token is genuine and fresh.
    Scanned(TokenUse),
    /// Personal fields are to be erased.
    Erase,
    /// Something worth keeping that moves nothing, as a stable code in snake case.
    Note(&'static str),
}

/// Takes an input. `tries` counts what was tried in vain in the present state; it is not
/// recorded, and starts again at 0 after a restart.
///
/// # Errors
/// [`FlowError`] if the input does not fit. A redemption that refuses what people ask for is
/// unchanged; any other error is a fault of the set-up or of this library, and the redemption
/// must be taken up again from its records.
pub fn handle(r: &mut Redemption, tries: &mut u32, input: Input, s: &Setting<'_>) -> Result<Step, FlowError> {
    handle_in(Step::default(), r, tries, input, s)
}

/// As [`handle`], with the lists of a step that is empty.
pub(crate) fn handle_in(
    step: Step,
    r: &mut Redemption,
    tries: &mut u32,
    input: Input,
    s: &Setting<'_>,
) -> Result<Step, FlowError> {
    let before = r.state;
    // What people ask for may not fit half-way through; everything else cannot fail once begun.
    let kept = matches!(input, Input::Person(_)).then(|| r.clone());
    let result = turn(step, r, tries, input, s);
    match (result.is_err(), kept) {
        (true, Some(kept)) => *r = kept,
        _ if r.state != before => *tries = 0,
        _ => {}
    }
    result
}

fn turn(
    step: Step,
    r: &mut Redemption,
    tries: &mut u32,
    input: Input,
    s: &Setting<'_>,
) -> Result<Step, FlowError> {
    let asked = !matches!(input, Input::Told(_));
    let mut turn = Turn { r, tries, s, step, asked };
    match input {
        Input::Seen(seen) => turn.screen(&seen)?,
        Input::Answer(answer) | Input::Told(answer) => turn.answer(&answer)?,
        Input::Timer => turn.wake()?,
        Input::Dispatch => turn.dispatch()?,
        Input::Resume => turn.resume()?,
        Input::Person(verdict) => turn.person(verdict)?,
        Input::Scanned(used) => turn.scanned(used)?,
        Input::Erase => turn.take(Event::Erased)?,
        Input::Note(what) => turn.note(what)?,
    }
    turn.park()?;
    Ok(turn.step)
}

/// One turn of the machine for one redemption.
struct Turn<'a, 's> {
    r: &'a mut Redemption,
    tries: &'a mut u32,
    s: &'a Setting<'s>,
    step: Step,
    /// Whether the answer at hand was asked for.
    asked: bool,
}

impl Turn<'_, '_> {
    fn take(&mut self, event: Event) -> Result<(), FlowError> {
        self.step.take(self.r, self.s.now, &event)
    }

    fn ask(&mut self, kind: OpKind, endpoint: u32, attempt: u32) {
        self.step.effects.push(Effect::Ask { kind, endpoint, attempt });
    }

    fn wait(&mut self, ms: i64) {
        self.step.effects.push(Effect::Wait(ms.max(1)));
    }

    /// Waits the next rung of a ladder and counts the try.
    fn wait_rung(&mut self, ladder_ms: &[i64]) {
        let rung = (*self.tries as usize).min(ladder_ms.len().saturating_sub(1));
        *self.tries = self.tries.saturating_add(1);
        self.wait(ladder_ms.get(rung).copied().unwrap_or(LONG_MS));
    }

    /// The same towards the rail.
    fn wait_for_rail(&mut self) {
        let first = self.r.payout.as_ref().map_or(self.s.now, |payout| payout.first_at);
        self.wait_rung_since(&self.s.rail.timing.ladder_ms, first);
    }

    /// The same, and longer the older the order of `first` is: a restart forgets the rung, and so does
    /// an answer that comes now so, now otherwise.
    fn wait_rung_since(&mut self, ladder_ms: &[i64], first: Wall) {
        self.wait_rung(ladder_ms);
        let age_ms = self.s.now.0.saturating_sub(first.0).max(0);
        let least_ms = (age_ms / 8).min(ladder_ms.last().copied().unwrap_or(LONG_MS));
        for effect in &mut self.step.effects {
            if let Effect::Wait(ms) = effect {
                *ms = (*ms).max(least_ms);
            }
        }
    }

    /// Goes on from where the redemption stands, until something must be waited for.
    fn proceed(&mut self) -> Result<(), FlowError> {
        loop {
            let before = (self.r.state, self.step.effects.len());
            match self.r.state {
                State::Screened => self.verify()?,
                State::Verified => self.offer()?,
                State::Approved => self.redeem()?,
                State::LateDebit => self.late_debit()?,
                State::Redeemed => self.pay()?,
                State::PayoutFailed | State::Returned => self.take(Event::Owed)?,
                State::Paid => self.take(Event::Split)?,
                State::Split => self.receipt()?,
                State::Cleared => self.take(Event::Retired)?,
                _ => return Ok(()),
            }
            if self.r.state == before.0 || self.step.effects.len() > before.1 {
                return Ok(());
            }
        }
    }

    fn answer(&mut self, answer: &Answer) -> Result<(), FlowError> {
        match answer.kind {
            OpKind::Balance | OpKind::PinCheck => self.verified(answer),
            OpKind::Redeem | OpKind::Query => self.debited(answer),
            OpKind::Reverse => self.undone(answer),
            OpKind::Receipt => self.receipted(answer),
            OpKind::Pay | OpKind::PayQuery => self.paid(answer),
            // It is about no redemption, and no adapter answers it for one.
            OpKind::SignIn => Ok(()),
        }
    }

    fn wake(&mut self) -> Result<(), FlowError> {
        match self.r.state {
            State::Unknown | State::Pending | State::Absent => self.inquire(),
            State::Claimed => {
                self.take(Event::Resumed)?;
                self.step.effects.push(Effect::Recall);
                Ok(())
            }
            State::Redeeming => self.overdue(),
            State::Paying => {
                self.take(Event::PayUnknown { cause: Cause::Lost })?;
                self.chase_payout()
            }
            State::Reversing => self.undo_again(),
            State::Reversed if self.r.quarantined => self.quarantine_over(),
            State::Challenged | State::InReview => self.expire(),
            State::PayoutUnknown | State::Advancing | State::AdvanceVoid => self.chase_payout(),
            State::Advanced => self.inquire_advanced(),
            _ => self.proceed(),
        }
    }

    fn resume(&mut self) -> Result<(), FlowError> {
        self.take(Event::Resumed)?;
        match self.r.state {
            State::Redeeming if planted!(RecoveredTakenForNotSent) => {
                self.take(Event::RedeemNotSent)?;
                self.proceed()?;
            }
            State::Redeeming if self.s.issuer.batch_window_ms == 0 => {
                self.take(Event::RedeemUnknown { cause: Cause::Recovered })?;
                self.inquire()?;
            }
            State::Paying => {
                self.take(Event::PayUnknown { cause: Cause::Recovered })?;
                self.chase_payout()?;
            }
            _ => self.wake()?,
        }
        Ok(())
    }

    /// A long wait, or one for people, is written down, so that the store hands it back.
    fn park(&mut self) -> Result<(), FlowError> {
        let long = self.step.wait_ms().is_some_and(|ms| ms > LONG_MS);
        if long && self.step.records.is_empty() { self.take(Event::Parked) } else { Ok(()) }
    }

    /// The time left of `limit_ms` counted from `start`; 0 or less if it is over. What a clock has
    /// jumped over since has not passed.
    fn left(&self, start: Wall, limit_ms: i64) -> i64 {
        let since = self.s.jumps.iter().filter(|(at, _)| *at >= start);
        let jumped = since.fold(0_i64, |sum, (_, by_ms)| sum.saturating_add(*by_ms));
        start.plus(limit_ms).plus(jumped).0.saturating_sub(self.s.now.0)
    }

    fn suspend(&mut self, reason: &'static str) -> Result<(), FlowError> {
        self.take(Event::Suspended { reason: code(reason) })
    }

    fn note(&mut self, what: &'static str) -> Result<(), FlowError> {
        self.take(Event::Noted { what: code(what) })
    }
}

/// Whether the redemption leaves memory after `step`, and when it is due again.
///
/// In memory it is due at once: if this writer dies, the next one takes it up.
pub(crate) fn rest(r: &Redemption, step: &Step, s: &Setting<'_>) -> (bool, Option<Wall>) {
    let wait = step.wait_ms().map(|ms| s.now.plus(ms));
    let batch = s.issuer.batch_window_ms > 0;
    match r.state {
        State::Challenged => (true, Some(r.since.plus(s.policy.challenge_ms))),
        State::InReview => (true, Some(r.since.plus(s.policy.review_ms))),
        state if state.waits_for_people() => (true, None),
        state if state.is_end() && !r.quarantined => (true, None),
        State::Redeeming if batch => (true, Some(s.now.plus(s.issuer.timing.answer_within_ms))),
        _ => match wait {
            Some(due) if due.0.saturating_sub(s.now.0) > LONG_MS => (true, Some(due)),
            _ => (false, Some(s.now)),
        },
    }
}

/// A reason code as text.
fn code(reason: &str) -> Text {
    Text::new(reason).expect("reason codes are short and printable")
}

/// Whether nothing usable was heard.
fn unheard(outcome: &Outcome) -> Option<Cause> {
    match outcome {
        Outcome::Unknown(cause) => Some(*cause),
        _ => None,
    }
}
