//! The walk: breadth first, from every place to every place, each kind of place once.

use crate::Steps;
use crate::books::{Books, expected, post};
use crate::world::{Mood, World, answers, verdicts};
use scrip::base::Wall;
use scrip::flow::{Event, FlowError, Input, Redemption, State, Step, handle, intake, turned_away, use_token};
use scrip::issuer::{OpKind, Outcome};
use scrip::ledger::trial_balance;
use scrip::record::ClaimStatus;
use scrip::risk::{Action, Seen};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::rc::Rc;

/// A redemption with all that led to it.
#[derive(Clone)]
struct Place {
    r: Redemption,
    tries: u32,
    now: Wall,
    books: Books,
    /// How the claim on the card stands; once released it is another's.
    claim: Option<ClaimStatus>,
    trail: Rc<Trail>,
}

/// How a place was come to, to be told when something is wrong there.
struct Trail {
    before: Option<Rc<Trail>>,
    happened: Happened,
    to: State,
}

/// What happened, how many ms after the last thing, and in which mood.
#[derive(Clone, Debug)]
struct Happened(Option<Input>, i64, Mood);

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(before) = &self.before {
            write!(f, "{before}")?;
        }
        writeln!(f, "{:?}: {}", self.happened, self.to.name())
    }
}

/// What makes two places alike, as far as the machine can tell.
type Kind = (State, Option<State>, Books, u8, [bool; 14], [u32; 3], i64);

impl Place {
    fn kind(&self) -> Kind {
        let r = &self.r;
        let (sent, not_sent) =
            r.redeem.as_ref().map_or((0, 0), |redeem| (redeem.attempt - redeem.not_sent, redeem.not_sent));
        let flags = [
            r.reviewed,
            r.check.is_some(),
            r.verified.is_some(),
            r.debit.is_some(),
            r.undo.is_some(),
            r.late,
            r.quarantined,
            r.payout.as_ref().is_some_and(|payout| payout.number > 1),
            r.advance.is_some(),
            r.exposed,
            r.paid_at.is_some(),
            r.receipt.is_some(),
            // Once the debit is ordered, nothing asks for the token any more.
            r.token.is_some() && r.state < State::Redeeming,
            r.wants_token,
        ];
        let first = r.redeem.as_ref().map_or(r.since, |redeem| redeem.first_at);
        let age = (self.now.0 - first.0) / 90_000_000;
        let tried = [sent.min(2), not_sent.min(if sent > 1 { 1 } else { 3 }), self.tries.min(1)];
        let claim = self.claim.map_or(0, ClaimStatus::number);
        (r.state, r.suspended_from, self.books.clone(), claim, flags, tried, age.min(1))
    }

    /// What goes on from here after `step`, checked.
    fn after(&self, r: Redemption, step: &Step, steps: &mut Steps, happened: &Happened) -> Self {
        let lead = || format!("after\n{}{happened:?}", self.trail);
        let mut next = Self { r, books: self.books.clone(), trail: Rc::clone(&self.trail), ..*self };
        trial_balance(&step.postings).unwrap_or_else(|error| panic!("{error} {}", lead()));
        post(&mut next.books, &step.postings);
        for change in step.changes.iter().filter(|change| change.key == next.r.facts.keys[0]) {
            next.claim = next.claim.and(change.to);
        }
        let late = self.claim.is_none() && next.r.redeem.is_some();
        let allowed = late || claims(&next.r).contains(&next.claim);
        assert!(allowed, "{:?} {:?} {}", next.r.state, next.claim, lead());
        let mut folded = self.r.clone();
        for record in step.records.iter() {
            let (at, event) = Event::from_record(&record).unwrap();
            let from = folded.state;
            folded.apply(at, &event).unwrap_or_else(|error| panic!("{error} {}", lead()));
            steps.insert((from, event.kind(), folded.state));
        }
        assert_eq!(folded, next.r, "the records say something else {}", lead());
        assert_eq!(next.books, expected(&next.r), "the books are wrong {}", lead());
        assert!(next.goes_on(self.r.state, step), "nothing to wait for {}", lead());
        next
    }

    /// Whether whoever is not at rest and has just moved has something to wait for.
    fn goes_on(&self, before: State, step: &Step) -> bool {
        let state = self.r.state;
        let rests = state.is_end() || state.waits_for_people() || state == State::Claimed;
        // The order of an advance is still out: its answer is waited for.
        let out = before == State::Advancing && matches!(state, State::Paying | State::AdvanceVoid);
        let moved = step.records.iter().any(|record| {
            let kind = Event::from_record(&record).unwrap().1.kind();
            !kind.is_everywhere()
        });
        let quarantined = state == State::Reversed && self.r.quarantined;
        !moved
            || if quarantined { step.wait_ms().is_some() } else { rests || out || !step.effects.is_empty() }
    }
}

/// How the claim may stand in each state. One that was released before a late debit showed up
/// may be another redemption's by then.
fn claims(r: &Redemption) -> &'static [Option<ClaimStatus>] {
    use ClaimStatus::{Consumed, Held, Quarantined};
    match r.state {
        State::Declined | State::Cancelled | State::Frozen | State::Blocked => &[None],
        State::Reversed if r.quarantined => &[Some(Quarantined)],
        State::Reversed => &[None],
        State::Unknown | State::Absent => &[Some(Quarantined)],
        State::Pending | State::Reversing | State::Suspended | State::Redeeming => {
            &[Some(Held), Some(Quarantined), Some(Consumed)]
        }
        state if state < State::Redeeming => &[Some(Held)],
        _ => &[Some(Consumed)],
    }
}

/// The first steps of a request, for each thing that risk can say.
fn births(world: &World, steps: &mut Steps) -> Vec<Place> {
    let now = Wall(1_000);
    let r = Redemption::new(World::id(), World::facts());
    let trail = Trail { before: None, happened: Happened(None, 0, Mood::Plain), to: State::Received };
    let trail = Rc::new(trail);
    let nowhere = Place { r, tries: 0, now, books: Books::new(), claim: None, trail };
    let mut places = Vec::new();
    let by_risk = Happened(None, 0, Mood::Plain);
    for (action, recent, moments) in World::pasts() {
        let risk = world.risk(action);
        for mood in [Mood::Plain, Mood::Token, Mood::Over, Mood::Listed] {
            let setting = world.setting(now, &risk, mood);
            let (mut r, mut step) = intake(World::id(), World::facts(), &setting).unwrap();
            if mood == Mood::Token {
                use_token(&mut r, &mut step, World::token(now), &setting).unwrap();
            }
            let claim = (!r.state.is_end()).then_some(ClaimStatus::Held);
            let unborn = Place { claim, ..nowhere.clone() };
            let born = unborn.after(r, &step, steps, &by_risk);
            if mood != Mood::Listed {
                let (mut r, seen) = (born.r.clone(), vec![recent.clone(), Seen::Moments(moments)]);
                let step = handle(&mut r, &mut 0, Input::Seen(seen.clone()), &setting).unwrap();
                places.push(born.after(r, &step, steps, &by_risk));
                let (r, step) =
                    turned_away(World::id(), World::facts(), &seen, "already_sold", &setting).unwrap();
                places.push(nowhere.after(r, &step, steps, &by_risk));
            }
            places.push(born);
        }
    }
    places
}

/// Everything that may happen.
fn happenings() -> Vec<Happened> {
    let mut all = Vec::new();
    for input in answers() {
        let yes = matches!(&input, Input::Answer(a) if matches!(a.outcome, Outcome::Accepted(_)));
        let moods: &[Mood] = if yes { &[Mood::Plain, Mood::Listed] } else { &[Mood::Plain] };
        all.extend(moods.iter().map(|mood| Happened(Some(input.clone()), 0, *mood)));
        // What an issuer says of a debit once a quarantine is over counts for more.
        let Input::Answer(answer) = &input else { continue };
        let unheard = matches!(answer.outcome, Outcome::Unknown(_));
        if answer.kind == OpKind::Query {
            all.push(Happened(Some(input.clone()), 2_000_000, Mood::Plain));
            // And what it never says, until its age is over.
            all.extend(unheard.then(|| Happened(Some(input), 90_000_000, Mood::Plain)));
        }
    }
    // At once, and when nothing can be on its way any more.
    for later in [0, 2_000_000] {
        let verdicts = verdicts().into_iter().map(Input::Person);
        all.extend(verdicts.map(|verdict| Happened(Some(verdict), later, Mood::Plain)));
    }
    for later in [0, 700_000, 90_000_000, 300_000_000] {
        for mood in [Mood::Plain, Mood::Listed, Mood::Room] {
            let inputs = [Input::Timer, Input::Resume, Input::Dispatch];
            all.extend(inputs.map(|input| Happened(Some(input), later, mood)));
        }
    }
    all.extend([Input::Erase, Input::Note("noted")].map(|input| Happened(Some(input), 0, Mood::Plain)));
    all.push(Happened(Some(Input::Scanned(World::token(Wall(0)))), 0, Mood::Plain));
    all
}

/// What the engine never does.
fn never(place: &Place, input: &Input, world: &World) -> bool {
    match input {
        Input::Resume => place.r.state.is_end(),
        Input::Dispatch => place.r.state != State::Approved || world.issuer.batch_window_ms == 0,
        _ => false,
    }
}

/// Walks through everything, and tells the steps that were taken.
pub(crate) fn through(world: &World) -> Steps {
    let (mut steps, mut known) = (Steps::new(), BTreeSet::new());
    let mut queue: VecDeque<Place> = births(world, &mut steps).into();
    queue.retain(|place| known.insert(place.kind()));
    let risk = world.risk(Action::Review);
    let all = happenings();
    while let Some(place) = queue.pop_front() {
        for happened in &all {
            let Happened(Some(input), later, mood) = happened.clone() else { continue };
            if never(&place, &input, world) {
                continue;
            }
            let (mut r, mut tries, now) = (place.r.clone(), place.tries, place.now.plus(later));
            let asked = matches!(input, Input::Person(_) | Input::Scanned(_));
            match handle(&mut r, &mut tries, input, &world.setting(now, &risk, mood)) {
                Ok(step) if step.records.is_empty() && tries.min(1) == place.tries.min(1) => {
                    assert_eq!(r, place.r, "changed without a record by {happened:?} after\n{}", place.trail);
                }
                Ok(step) => {
                    let next = Place { tries, now, ..place.after(r, &step, &mut steps, happened) };
                    if known.insert(next.kind()) {
                        let (before, to) = (Some(Rc::clone(&place.trail)), next.r.state);
                        let happened = happened.clone();
                        queue.push_back(Place { trail: Rc::new(Trail { before, happened, to }), ..next });
                    }
                }
                Err(FlowError::NotNow(_) | FlowError::TwoPeople | FlowError::UnderWay { .. }) if asked => {
                    assert_eq!(r, place.r)
                }
                Err(error) => panic!("{error} for {happened:?} after\n{}", place.trail),
            }
        }
    }
    assert!(known.len() > 300, "{} places are too few", known.len());
    steps
}
