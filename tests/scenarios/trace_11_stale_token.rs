//! Trace 11: a reviewer approves after the token has gone stale. The approval stands, and the seller
//! is asked to show the card again.

use crate::stage::token::{STEP, fresh, rotating, token};
use crate::stage::{HOUR, MINUTE, Stage, request, text};
use scrip::base::RedemptionId;
use scrip::card::token::TokenError;
use scrip::engine::Event;
use scrip::flow::{FlowError, State, Summary, Verdict};
use scrip::issuer::OpKind;
use scrip::record::Record;

/// The issuer's balance is not the declared face, and a person has to look.
fn in_review(rule: &str) -> (Stage, RedemptionId) {
    let mut stage = Stage::with(|plan| {
        let review = "[product.gift]\non_mismatch = \"review\"\n";
        plan.catalogue = plan.catalogue.replace("[product.gift]\n", review);
        rotating(plan, "gift", &[1], "{ id = 1 }");
        plan.catalogue.push_str(rule);
    });
    let id = stage.submit(&fresh(&stage, 1));
    let check = stage.sent(OpKind::Balance);
    stage.reply(&check, stage.yes_of(&check, 9_500));
    assert_eq!(stage.state(id), State::InReview);
    (stage, id)
}

fn approve(stage: &mut Stage, id: RedemptionId) {
    stage.decide(id, Verdict::Approve { by: text("ann") });
}

fn rescan(stage: &mut Stage, id: RedemptionId, token: &str) {
    stage.engine.rescan(id, token, Some(stage.now.wall));
    stage.settle();
    stage.pass(1);
}

fn asked_to_scan(stage: &Stage, id: RedemptionId) {
    let summary = Summary::of(&stage.redemption(id));
    assert!(summary.wants_scan());
    assert_eq!((summary.public_state(), summary.public_reason()), ("in_review", Some("token_scan_again")));
    stage.nothing_sent();
}

/// What the last record of a redemption notes.
fn last_note(stage: &Stage, id: RedemptionId) -> String {
    let records = Record::decode_all(&stage.store.index().row(id).unwrap().log).unwrap();
    match scrip::flow::Event::from_record(records.last().unwrap()).unwrap() {
        (_, scrip::flow::Event::Noted { what }) => what.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_approval_asks_for_a_fresh_token_and_goes_on_with_it() {
    let (mut stage, id) = in_review("");
    stage.pass(HOUR);
    approve(&mut stage, id);
    asked_to_scan(&stage, id);
    let told = stage
        .events
        .iter()
        .any(|event| matches!(event, Event::Moved { summary, .. } if summary.wants_scan()));
    assert!(told, "the host is told");
    let (shown, at) = (token(1, stage.now.wall), stage.now.wall);
    rescan(&mut stage, id, &shown);
    assert_eq!(stage.redemption(id).token.map(|used| used.received_at), Some(at));
    stage.accept(OpKind::Balance);
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
    let replay = stage.submit(&request("gift", 2, 1).token(&shown));
    assert_eq!(stage.reason(replay), "token_replayed");
}

#[test]
fn a_crash_after_the_second_scan_is_resumed() {
    let (mut stage, id) = in_review("");
    stage.pass(HOUR);
    approve(&mut stage, id);
    let shown = token(1, stage.now.wall);
    stage.engine.rescan(id, &shown, None);
    stage.settle();
    stage.crash();
    stage.pass(1);
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn an_approval_in_time_needs_no_other_token() {
    let (mut stage, id) = in_review("");
    approve(&mut stage, id);
    stage.accept(OpKind::Balance);
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn no_other_token_is_needed_where_the_catalogue_says_so() {
    let (mut stage, id) = in_review("rescan = false\n");
    stage.pass(HOUR);
    approve(&mut stage, id);
    stage.accept(OpKind::Balance);
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_refused_token_is_noted_with_its_reason_and_the_seller_may_try_again() {
    let (mut stage, id) = in_review("");
    let first = token(1, stage.now.wall);
    stage.pass(HOUR);
    approve(&mut stage, id);
    for (shown, error) in [
        (first, TokenError::TooOld { steps: HOUR as u64 / STEP as u64 - 1 }),
        (token(2, stage.now.wall), TokenError::OtherCard),
    ] {
        rescan(&mut stage, id, &shown);
        assert!(stage.events.contains(&Event::Refused { redemption: id, error: Some(error.into()) }));
        asked_to_scan(&stage, id);
        assert_eq!(last_note(&stage, id), error.reason());
    }
    let shown = token(1, stage.now.wall);
    rescan(&mut stage, id, &shown);
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_token_that_another_redemption_has_used_leaves_the_question_open() {
    let mut stage = Stage::with(|plan| {
        rotating(plan, "gift", &[1], "{ id = 1 }");
        let review = "[product.gift]\non_mismatch = \"review\"\n";
        plan.catalogue = plan.catalogue.replace("[product.gift]\n", review).replace("ahead = 0", "ahead = 3");
    });
    // A token from ahead of its time, used for a sale that is called off.
    let early = token(1, stage.now.wall.plus(3 * STEP));
    let other = stage.submit(&request("gift", 2, 1).token(&early));
    stage.decide(other, Verdict::Cancel { by: text("S-2") });
    stage.out.clear();
    let id = stage.submit(&fresh(&stage, 1));
    let check = stage.sent(OpKind::Balance);
    stage.reply(&check, stage.yes_of(&check, 9_500));
    stage.pass(2 * STEP);
    approve(&mut stage, id);
    rescan(&mut stage, id, &early);
    assert!(
        stage.events.contains(&Event::Refused { redemption: id, error: Some(TokenError::Replayed.into()) })
    );
    asked_to_scan(&stage, id);
    assert_eq!(last_note(&stage, id), "token_replayed");
    let shown = token(1, stage.now.wall);
    rescan(&mut stage, id, &shown);
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_yes_to_the_challenge_is_no_token() {
    let (mut stage, id) = in_review("");
    stage.pass(HOUR);
    approve(&mut stage, id);
    stage.engine.answer(id, true);
    stage.settle();
    assert_eq!(stage.refusal(), FlowError::NotNow(State::Challenged));
    asked_to_scan(&stage, id);
}

#[test]
fn a_token_that_nobody_asked_for_changes_nothing() {
    let (mut stage, id) = in_review("");
    let shown = token(1, stage.now.wall);
    rescan(&mut stage, id, &shown);
    assert_eq!(stage.refusal(), FlowError::NotNow(State::InReview));
    assert_eq!(stage.state(id), State::InReview);
}

#[test]
fn a_card_that_is_not_scanned_again_is_free_when_the_question_expires() {
    let (mut stage, id) = in_review("");
    stage.pass(HOUR);
    approve(&mut stage, id);
    stage.crash();
    asked_to_scan(&stage, id);
    stage.pass(5 * MINUTE);
    assert_eq!(
        (stage.state(id), stage.reason(id).as_str(), stage.claim(id)),
        (State::Declined, "expired", None)
    );
    let shown = token(1, stage.now.wall);
    rescan(&mut stage, id, &shown);
    assert_eq!(stage.refusal(), FlowError::NotNow(State::Declined));
}
