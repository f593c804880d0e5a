//! Who tries numbers to find cards that are good runs out of a budget, and the issuer is not asked
//! any more.

use crate::stage::{HOUR, Stage, gift, request};
use scrip::engine::{PublicAnswer, Request};
use scrip::flow::{State, Summary};
use scrip::issuer::OpKind;
use scrip::risk::{Budget, Reason};

/// Only this budget, of two questions an hour.
fn stage(budget: Budget) -> Stage {
    Stage::with(|plan| plan.policy.risk.budget = budget)
}

fn none() -> Budget {
    Budget { caller: 0, device: 0, prefix: 0, ..Budget::default() }
}

fn asked(stage: &mut Stage, request: &Request) -> String {
    let id = stage.submit(request);
    let reason = stage.reason(id);
    if reason.is_empty() {
        stage.sent(OpKind::Balance);
    } else {
        let r = stage.redemption(id);
        assert_eq!((r.state, stage.claim(id)), (State::Declined, None), "{reason}");
        let summary = Summary::of(&r);
        assert_eq!(PublicAnswer::of(&summary), PublicAnswer::NotAccepted);
        assert_eq!(summary.public_reason(), Some("not_accepted"));
        stage.nothing_sent();
    }
    reason
}

#[test]
fn each_budget_counts_its_own() {
    let cases = [
        (Budget { caller: 2, ..none() }, "caller_budget"),
        (Budget { device: 2, ..none() }, "device_budget"),
        (Budget { prefix: 2, ..none() }, "prefix_budget"),
    ];
    for (budget, reason) in cases {
        let mut stage = stage(budget);
        let from = |n: u32| gift(n).caller("till-1").device("D-1");
        assert_eq!(asked(&mut stage, &from(1)), "");
        assert_eq!(asked(&mut stage, &from(2)), "");
        assert_eq!(asked(&mut stage, &from(3)), reason);
        let other = match reason {
            "caller_budget" => from(4).caller("till-2"),
            "device_budget" => from(4).device("D-2"),
            _ => request("gift", 4, 10_004).caller("till-1").device("D-1"),
        };
        assert_eq!(asked(&mut stage, &other), "", "{reason} is another's");
        let unknown = Request::new("R-5", "S-5", "gift").face(crate::stage::cny(10_000));
        let unknown = unknown.number(&crate::stage::number(20_005)).secret("730105").caller("till-3");
        assert_eq!(asked(&mut stage, &unknown), "", "no device, no budget of a device");
    }
}

#[test]
fn a_budget_is_full_again_in_the_next_window() {
    let mut stage = stage(Budget { caller: 1, ..none() });
    let left = HOUR - stage.now.wall.0.rem_euclid(HOUR);
    assert_eq!(asked(&mut stage, &gift(1)), "");
    stage.pass(left - 1);
    stage.out.clear();
    assert_eq!(asked(&mut stage, &gift(2)), "caller_budget");
    stage.pass(1);
    assert_eq!(asked(&mut stage, &gift(3)), "");
}

#[test]
fn a_window_is_told_by_the_time_of_receipt() {
    let mut stage = stage(Budget { caller: 1, ..none() });
    let now = stage.now.wall;
    assert_eq!(asked(&mut stage, &gift(1).received_at(now.plus(-HOUR))), "");
    assert_eq!(asked(&mut stage, &gift(2).received_at(now)), "", "a file is worked off in one go");
    assert_eq!(asked(&mut stage, &gift(3).received_at(now)), "caller_budget");
}

#[test]
fn a_restart_and_a_new_pepper_forget_no_question() {
    let mut stage = stage(Budget { device: 1, ..none() });
    assert_eq!(asked(&mut stage, &gift(1).device("D-1")), "");
    stage.plan.peppers = vec![1, 2];
    stage.crash();
    stage.out.clear();
    assert_eq!(asked(&mut stage, &gift(2).device("D-1")), "device_budget");
}

#[test]
fn a_crash_before_the_decision_changes_none_of_it() {
    let mut stage = stage(Budget { device: 1, prefix: 2, ..none() });
    stage.submit(&gift(1).device("D-1"));
    let id = stage.submit_and_crash(&gift(2).device("D-1"));
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Declined, "device_budget"));
    let id = stage.submit_and_crash(&gift(3).device("D-2"));
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Declined, "prefix_budget"));
    let id = stage.submit_and_crash(&request("gift", 4, 40_004).device("D-3"));
    assert_eq!(stage.state(id), State::Screened);
}

#[test]
fn resends_are_one_question() {
    let mut stage = stage(Budget { caller: 2, ..none() });
    for _ in 0..4 {
        stage.submit(&gift(1));
    }
    stage.out.clear();
    assert_eq!(asked(&mut stage, &gift(2)), "");
    assert_eq!(asked(&mut stage, &gift(3)), "caller_budget");
}

#[test]
fn all_requests_of_one_batch_are_counted() {
    let mut stage = stage(Budget { caller: 2, ..none() });
    let ids: Vec<_> = (1..6).map(|n| stage.engine.submit(&gift(n)).unwrap()).collect();
    stage.settle();
    let reasons: Vec<String> = ids.iter().map(|id| stage.reason(*id)).collect();
    assert_eq!(reasons, ["", "", "caller_budget", "caller_budget", "caller_budget"]);
}

#[test]
fn who_has_asked_too_much_learns_nothing_of_a_card_that_is_sold_busy_or_frozen() {
    let mut stage = stage(Budget { caller: 3, ..none() });
    let sold = stage.sell(&gift(1).caller("other"));
    assert_eq!(stage.state(sold), State::Retired);
    stage.submit(&gift(2).caller("other"));
    let till = |n: u32, card: u32| request("gift", n, card).caller("till-1");
    for n in 10..13 {
        stage.submit(&till(n, n));
    }
    stage.out.clear();
    assert_eq!(asked(&mut stage, &till(20, 1)), "caller_budget", "sold");
    assert_eq!(asked(&mut stage, &till(21, 2)), "caller_budget", "busy");
    for n in 30..32 {
        stage.submit(&request("gift", n, 40).caller("other"));
    }
    stage.out.clear();
    let id = stage.submit(&till(22, 40));
    assert_eq!(stage.reason(id), "caller_budget", "frozen");
    assert!(stage.redemption(id).reasons.contains(&Reason::CardVelocity), "the record tells it all");
}

#[test]
fn a_blocked_seller_is_reported_whatever_is_left_of_a_budget() {
    let mut stage = Stage::with(|plan| {
        plan.policy.risk.budget = Budget { caller: 1, ..none() };
        plan.policy.risk.block.sellers.push("S-2".into());
    });
    assert_eq!(asked(&mut stage, &gift(1)), "");
    let id = stage.submit(&gift(2));
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Blocked, "blocked_seller"));
}

#[test]
fn the_default_budgets_are_far_above_a_dealers_day() {
    let mut stage = Stage::new();
    for n in 1..300 {
        assert_eq!(asked(&mut stage, &gift(n).device("D-1")), "");
    }
}
