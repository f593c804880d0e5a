//! Doubled and late answers are legal in every state: whatever the outside says, however often,
//! nothing panics, nothing is refused, and what must hold holds (the stage checks it).

use crate::stage::{BANK, HOUR, MINUTE, RAIL, Stage, approval, cny, gift, request, text};
use scrip::base::RedemptionId;
use scrip::engine::Sent;
use scrip::flow::{State, Verdict};
use scrip::issuer::{
    Answer, CardTag, Cause, Decline, Evidence, Idempotency, OnAbsent, OpKind, Outcome, Recipe, Reference,
    Verify,
};

type Scene = fn() -> (Stage, RedemptionId);

/// A stage on which answers were given up to some point.
fn online(answers: &[OpKind]) -> (Stage, RedemptionId) {
    on(Stage::new(), answers)
}

fn on(mut stage: Stage, answers: &[OpKind]) -> (Stage, RedemptionId) {
    let id = stage.submit(&gift(1));
    for kind in answers {
        stage.accept(*kind);
    }
    (stage, id)
}

fn told(answers: &[OpKind], kind: OpKind, outcome: Outcome) -> (Stage, RedemptionId) {
    let (mut stage, id) = online(answers);
    let call = stage.sent(kind);
    stage.reply(&call, outcome);
    (stage, id)
}

fn by_file(advance: bool) -> (Stage, RedemptionId) {
    let mut stage = Stage::with(|plan| {
        plan.bank.verify = Verify::None;
        plan.bank.evidence = Evidence::File;
        plan.bank.recipe = Recipe::File;
        (plan.bank.batch_window_ms, plan.bank.batch_max) = (1_000, 100);
        plan.bank.timing.answer_within_ms = MINUTE;
        let limits = &mut plan.policy.flow.advance;
        let minor = if advance { 20_000 } else { 0 };
        (limits.issuer_minor, limits.product_minor, limits.seller_minor) = (minor, minor, minor);
    });
    let id = stage.submit(&gift(1));
    stage.pass(1_000);
    (stage, id)
}

fn advanced() -> (Stage, RedemptionId) {
    let (mut stage, id) = by_file(true);
    let call = stage.out.iter().find(|call| call.kind == OpKind::Pay).cloned().unwrap();
    stage.reply(&call, stage.yes(&call));
    (stage, id)
}

fn clawed(verdict: Option<Verdict>) -> (Stage, RedemptionId) {
    let (mut stage, id) = advanced();
    stage.files(id, Outcome::Declined(Decline::Void));
    verdict.into_iter().for_each(|verdict| stage.decide(id, verdict));
    (stage, id)
}

fn listed() -> (Stage, RedemptionId) {
    let (mut stage, id) = online(&[OpKind::Balance]);
    let redeem = stage.sent(OpKind::Redeem);
    stage.plan.policy.risk.block.sellers.push("S-1".into());
    stage.crash();
    stage.reply(&redeem, stage.yes(&redeem));
    (stage, id)
}

fn reversing(answers: &[OpKind]) -> (Stage, RedemptionId) {
    let (mut stage, id) = on(Stage::with(|plan| plan.bank.recipe = Recipe::Reverse), &[OpKind::Balance]);
    stage.lose(OpKind::Redeem);
    answers.iter().for_each(|kind| drop(stage.accept(*kind)));
    (stage, id)
}

fn suspended(answers: &[OpKind]) -> (Stage, RedemptionId) {
    let stage = Stage::with(|plan| {
        plan.bank.timing.age_limit_ms = HOUR;
        plan.rail.timing.age_limit_ms = HOUR;
    });
    let (mut stage, id) = on(stage, answers);
    while stage.state(id) != State::Suspended {
        match stage.out.pop_front() {
            Some(call) => stage.lost(&call, Sent::MaybeSent),
            None => stage.pass(MINUTE),
        }
    }
    (stage, id)
}

fn frozen() -> (Stage, RedemptionId) {
    let mut stage = Stage::new();
    stage.submit(&request("gift", 2, 1));
    stage.submit(&request("gift", 3, 1));
    let id = stage.submit(&gift(1));
    (stage, id)
}

/// Each state in which a redemption can rest or wait, and how it comes there.
const SCENES: &[(State, Scene)] = &[
    (State::Screened, || online(&[])),
    (State::InReview, || {
        let (mut stage, id) = on(
            Stage::with(|plan| {
                plan.bank.verify = Verify::PinCheck;
                plan.bank.idempotency = Idempotency::None;
                plan.bank.on_absent = OnAbsent::Decline;
            }),
            &[],
        );
        stage.lose(OpKind::PinCheck);
        stage.pass(2_000);
        (stage, id)
    }),
    (State::Redeeming, || online(&[OpKind::Balance])),
    (State::Redeeming, || by_file(false)),
    (State::Unknown, || {
        let (mut stage, id) = online(&[OpKind::Balance]);
        stage.lose(OpKind::Redeem);
        (stage, id)
    }),
    (State::Pending, || told(&[OpKind::Balance], OpKind::Redeem, Outcome::Pending)),
    (State::Absent, || {
        let (mut stage, id) = online(&[OpKind::Balance]);
        stage.lose(OpKind::Redeem);
        stage.tells(id, Outcome::NotFound);
        (stage, id)
    }),
    (State::Reversing, || reversing(&[])),
    (State::Reversed, || reversing(&[OpKind::Reverse])),
    (State::Reversed, || {
        let (mut stage, id) = reversing(&[OpKind::Reverse]);
        stage.pass(HOUR);
        (stage, id)
    }),
    (State::Held, listed),
    (State::Paying, || online(&[OpKind::Balance, OpKind::Redeem])),
    (State::PayoutUnknown, || {
        let (mut stage, id) = online(&[OpKind::Balance, OpKind::Redeem]);
        stage.lose(OpKind::Pay);
        (stage, id)
    }),
    (State::Owed, || {
        let no = Outcome::Declined(Decline::PayeeInvalid);
        told(&[OpKind::Balance, OpKind::Redeem], OpKind::Pay, no)
    }),
    (State::Split, || online(&[OpKind::Balance, OpKind::Redeem, OpKind::Pay])),
    (State::Retired, || online(&[OpKind::Balance, OpKind::Redeem, OpKind::Pay, OpKind::Receipt])),
    (State::Advancing, || by_file(true)),
    (State::AdvanceVoid, || {
        let (mut stage, id) = by_file(true);
        stage.files(id, Outcome::Declined(Decline::Void));
        (stage, id)
    }),
    (State::Advanced, advanced),
    (State::ClawbackDue, || clawed(None)),
    (State::Recovered, || clawed(Some(Verdict::Recovered { by: text("ann") }))),
    (State::WrittenOff, || clawed(Some(Verdict::WriteOff { by: text("ann"), second: text("bob") }))),
    (State::Suspended, || suspended(&[OpKind::Balance])),
    (State::Suspended, || suspended(&[OpKind::Balance, OpKind::Redeem])),
    (State::Suspended, || suspended(&[OpKind::Balance, OpKind::Redeem, OpKind::Pay])),
    (State::Declined, || told(&[], OpKind::Balance, Outcome::Declined(Decline::Expired))),
    (State::Declined, || told(&[OpKind::Balance], OpKind::Redeem, Outcome::Declined(Decline::Refused))),
    (State::Cancelled, || {
        let (mut stage, id) = online(&[]);
        stage.decide(id, Verdict::Cancel { by: text("S-1") });
        (stage, id)
    }),
    (State::Frozen, frozen),
    (State::Blocked, || on(Stage::with(|plan| plan.policy.risk.block.sellers.push("S-1".into())), &[])),
];

fn outcomes(stage: &Stage, id: RedemptionId) -> Vec<Outcome> {
    let foreign = Some(CardTag([9; 16]));
    let mut all: Vec<_> = [10_000, 9_000, 6_000].map(|minor| stage.approved(id, minor)).into();
    all.extend([
        Outcome::Accepted(approval(cny(10_000), foreign)),
        Outcome::Partial(stage.approval(id, 6_000)),
        Outcome::NotSent,
        Outcome::Pending,
        Outcome::NotFound,
        Outcome::Duplicate(text("theirs")),
        Outcome::Unknown(Cause::Undecodable),
        Outcome::Reversed,
        Outcome::ReversalUnconfirmed,
        Outcome::ReversalRefused,
        Outcome::Declined(Decline::AlreadyUsed),
        Outcome::Declined(Decline::Refused),
    ]);
    all
}

#[test]
fn each_scene_is_in_its_state() {
    for (i, (state, scene)) in SCENES.iter().enumerate() {
        let (stage, id) = scene();
        assert_eq!(stage.state(id), *state, "scene {i}");
    }
}

/// From `scene`, every answer twice; the scene is set anew once an answer has moved it.
fn throw_everything(state: State, scene: Scene) {
    let (mut stage, mut id) = scene();
    let many = outcomes(&stage, id).len();
    for kind in OpKind::ALL {
        let pays = matches!(kind, OpKind::Pay | OpKind::PayQuery);
        let file = matches!(kind, OpKind::Redeem | OpKind::Query);
        for (by_file, place) in [false, true].into_iter().flat_map(|f| (0..many).map(move |p| (f, p))) {
            if by_file && !file {
                continue;
            }
            let outcome = outcomes(&stage, id).swap_remove(place);
            let (from, reference) =
                if pays { (RAIL, Reference::payout(id, 1)) } else { (BANK, Reference::debit(id)) };
            let before = stage.redemption(id).records;
            for _ in 0..2 {
                let answer = Answer { kind, outcome: outcome.clone(), by_file };
                stage.inbound(from, reference, answer);
            }
            if stage.redemption(id).records != before {
                (stage, id) = scene();
                assert_eq!(stage.state(id), state);
            }
        }
    }
}

#[test]
fn every_answer_comes_twice_in_every_state() {
    // Two halves on two threads: it is the longest of the scenarios.
    let (first, second) = SCENES.split_at(SCENES.len() / 2);
    std::thread::scope(|scope| {
        for half in [first, second] {
            scope.spawn(move || half.iter().for_each(|(state, scene)| throw_everything(*state, *scene)));
        }
    });
}

#[test]
fn a_crash_in_every_state_loses_nothing() {
    for (state, scene) in SCENES {
        let (mut stage, id) = scene();
        stage.crash();
        stage.pass(10 * MINUTE);
        stage.crash();
        stage.out.clear();
        let ended = stage.state(id);
        assert!(!state.is_end() || ended == *state, "{} became {}", state.name(), ended.name());
    }
}
