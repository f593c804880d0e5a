//! Two sites per issuer: when one dies the next attempt is at the other, and what may have
//! arrived is resolved where it went.

use crate::stage::{BANK, Out, Stage, gift, text};
use scrip::engine::Sent;
use scrip::flow::State;
use scrip::issuer::{Idempotency, OnAbsent, OpKind, Routing, Verify};
use scrip::route::{RoutePolicy, Standing};

fn stage() -> Stage {
    Stage::with(|plan| plan.bank.idempotency = Idempotency::Site)
}

/// The redeem of card `n`, after its balance was told.
fn redeem(stage: &mut Stage, n: u32) -> Out {
    stage.submit(&gift(n));
    stage.accept(OpKind::Balance);
    stage.sent(OpKind::Redeem)
}

#[test]
fn a_refused_redeem_is_at_the_other_site_at_once_and_so_is_the_next_card() {
    let mut stage = stage();
    let first = redeem(&mut stage, 1);
    let refused_at = stage.now.mono;
    stage.lost(&first, Sent::NotSent);
    let second = stage.sent(OpKind::Redeem);
    assert_eq!(stage.now.mono, refused_at, "at once");
    assert_eq!((first.endpoint, second.endpoint), (0, 1));
    stage.reply(&second, stage.yes(&second));
    stage.yes_to_all();
    assert_eq!(stage.state(first.reference().redemption), State::Retired);
    stage.submit(&gift(2));
    assert_eq!(stage.sent(OpKind::Balance).endpoint, 1);
}

#[test]
fn a_redeem_whose_line_broke_is_resolved_at_its_site_while_new_ones_go_to_the_other() {
    let mut stage = stage();
    let first = redeem(&mut stage, 1);
    stage.lost(&first, Sent::MaybeSent);
    let query = stage.sent(OpKind::Query);
    assert_eq!((first.endpoint, query.endpoint), (0, 0));
    assert!(matches!(stage.engine.standing(BANK, 0), Some(Standing::Ejected(_))));
    let broke_at = stage.now.mono;
    assert_eq!((redeem(&mut stage, 2).endpoint, stage.now.mono), (1, broke_at), "at once");
    let (id, minor) = (first.reference().redemption, query.orders[0].minor);
    stage.reply(&query, stage.approved(id, minor));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_silent_site_is_left_after_the_probe_interval_and_its_reads_are_asked_elsewhere() {
    let mut stage = stage();
    let probe_ms = RoutePolicy::default().probe_ms;
    stage.submit(&gift(1));
    let silent = stage.sent(OpKind::Balance);
    stage.pass(probe_ms - 1);
    stage.nothing_sent();
    assert_eq!((silent.endpoint, stage.engine.standing(BANK, 0)), (0, Some(Standing::Open)));
    // Nothing is submitted or chosen meanwhile.
    stage.pass(1);
    assert!(matches!(stage.engine.standing(BANK, 0), Some(Standing::Ejected(_))));
    let moved = stage.sent(OpKind::Balance);
    assert_eq!((moved.endpoint, moved.attempt, moved.reference()), (1, 2, silent.reference()));
    stage.reply(&moved, stage.yes(&moved));
    assert_eq!(stage.sent(OpKind::Redeem).endpoint, 1);
}

#[test]
fn a_silent_redeem_is_resolved_where_it_went_while_the_next_goes_elsewhere_in_the_probe_interval() {
    let mut stage = Stage::with(|plan| {
        plan.bank.idempotency = Idempotency::Site;
        plan.bank.routing = Some(Routing { probe_ms: Some(700), ..Routing::default() });
    });
    let silent = redeem(&mut stage, 1);
    stage.pass(700);
    stage.nothing_sent();
    assert_eq!((silent.endpoint, redeem(&mut stage, 2).endpoint), (0, 1));
    let (waited_ms, query) = stage.wait_for(OpKind::Query);
    assert_eq!((waited_ms, query.endpoint, query.reference()), (4_300, 0, silent.reference()));
}

#[test]
fn a_refused_check_that_is_counted_goes_to_the_other_site_and_a_lost_one_does_not() {
    let mut stage = Stage::with(|plan| {
        plan.bank.verify = Verify::PinCheck;
        plan.bank.idempotency = Idempotency::Site;
    });
    stage.submit(&gift(1));
    let first = stage.sent(OpKind::PinCheck);
    stage.lost(&first, Sent::NotSent);
    let second = stage.sent(OpKind::PinCheck);
    assert_eq!((first.endpoint, second.endpoint), (0, 1));
    stage.lost(&second, Sent::MaybeSent);
    let (_, third) = stage.wait_for(OpKind::PinCheck);
    stage.lost(&third, Sent::NotSent);
    let fourth = stage.out.pop_front();
    assert_eq!((third.endpoint, fourth.map(|call| call.endpoint)), (1, None), "three tries");
}

#[test]
fn a_site_of_an_issuer_that_counts_checks_comes_back_by_one_of_them() {
    let mut stage = Stage::with(|plan| plan.bank.verify = Verify::PinCheck);
    stage.submit(&gift(1));
    let first = stage.sent(OpKind::PinCheck);
    stage.lost(&first, Sent::NotSent);
    stage.yes_to_all();
    stage.pass(RoutePolicy::default().eject_ms);
    stage.submit(&gift(2));
    stage.submit(&gift(3));
    let (probe, other) = (stage.sent(OpKind::PinCheck), stage.sent(OpKind::PinCheck));
    assert_eq!((probe.endpoint, other.endpoint), (0, 1), "one at a time");
    stage.reply(&probe, stage.yes(&probe));
    assert_eq!(stage.engine.standing(BANK, 0), Some(Standing::Open));
}

#[test]
fn a_read_is_tried_three_times_at_once_elsewhere_and_then_after_a_short_wait() {
    let mut stage = stage();
    stage.submit(&gift(1));
    let first = stage.sent(OpKind::Balance);
    stage.lost(&first, Sent::NotSent);
    let second = stage.sent(OpKind::Balance);
    stage.lost(&second, Sent::MaybeSent);
    let (waited_ms, third) = stage.wait_for(OpKind::Balance);
    assert!((50..=100).contains(&waited_ms), "{waited_ms}");
    assert_eq!((first.attempt, second.attempt, third.attempt), (1, 2, 3));
    assert_eq!((first.endpoint, second.endpoint), (0, 1));
    stage.lost(&third, Sent::MaybeSent);
    let (waited_ms, fourth) = stage.wait_for(OpKind::Balance);
    assert_eq!((waited_ms, fourth.attempt), (1_000, 4), "the ladder of the profile");
    let id = fourth.reference().redemption;
    stage.reply(&fourth, stage.yes(&fourth));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn retries_end_with_their_budget() {
    let mut stage = Stage::with(|plan| {
        plan.policy.route.retry_burst = 1;
        plan.policy.route.retry_per_mille = 0;
    });
    for (n, retried) in [(1, true), (2, false)] {
        stage.submit(&gift(n));
        let first = stage.sent(OpKind::Balance);
        stage.lost(&first, Sent::MaybeSent);
        assert_eq!(stage.out.pop_front().is_some(), retried);
    }
}

#[test]
fn a_read_that_waits_to_be_tried_again_can_be_called_off() {
    let mut stage = Stage::with(|plan| plan.bank.endpoints.truncate(1));
    let id = stage.submit(&gift(1));
    stage.lose(OpKind::Balance);
    stage.engine.cancel(id, text("seller"));
    stage.settle();
    assert_eq!(stage.state(id), State::Cancelled);
    stage.pass(1_000);
    stage.nothing_sent();
}

#[test]
fn sites_that_share_the_load_both_get_some_and_the_same_seed_gives_the_same() {
    let places = || {
        let mut stage = Stage::with(|plan| plan.policy.route.spread = true);
        let place = |n| redeem(&mut stage, n).endpoint;
        (1..=40).map(place).collect::<Vec<_>>()
    };
    let seen = places();
    let second = seen.iter().filter(|site| **site == 1).count();
    assert!((8..=32).contains(&second), "{seen:?}");
    assert_eq!(seen, places());
}

#[test]
fn an_ejected_site_is_tried_by_a_read_and_comes_back() {
    let mut stage = stage();
    let first = redeem(&mut stage, 1);
    stage.lost(&first, Sent::NotSent);
    stage.yes_to_all();
    stage.pass(RoutePolicy::default().eject_ms);
    stage.submit(&gift(2));
    assert_eq!(stage.accept(OpKind::Balance).endpoint, 0);
    assert_eq!(stage.engine.standing(BANK, 0), Some(Standing::Open));
}

#[test]
fn after_a_restart_every_site_is_healthy() {
    let mut stage = stage();
    let first = redeem(&mut stage, 1);
    stage.lost(&first, Sent::NotSent);
    stage.crash();
    assert_eq!(stage.engine.standing(BANK, 0), Some(Standing::Open));
}

#[test]
fn a_slow_balance_is_asked_at_the_other_site_and_the_first_answer_counts() {
    let mut stage = stage();
    for n in 1..=60 {
        stage.sell(&gift(n));
    }
    let id = stage.submit(&gift(61));
    let (waited_ms, hedge) = {
        let first = stage.sent(OpKind::Balance);
        assert_eq!(first.endpoint, 0);
        let (waited_ms, hedge) = stage.wait_for(OpKind::Balance);
        stage.reply(&hedge, stage.yes(&hedge));
        let redeem = stage.sent(OpKind::Redeem);
        stage.reply(&first, stage.yes(&first));
        stage.nothing_sent();
        stage.reply(&redeem, stage.yes(&redeem));
        (waited_ms, hedge)
    };
    stage.yes_to_all();
    assert_eq!((waited_ms, hedge.endpoint, stage.state(id)), (5, 1, State::Retired));
}

#[test]
fn a_slow_balance_whose_line_breaks_is_left_to_its_second_asking() {
    let mut stage = stage();
    for n in 1..=60 {
        stage.sell(&gift(n));
    }
    let id = stage.submit(&gift(61));
    let first = stage.sent(OpKind::Balance);
    let (_, hedge) = stage.wait_for(OpKind::Balance);
    stage.lost(&first, Sent::MaybeSent);
    stage.nothing_sent();
    stage.lost(&hedge, Sent::MaybeSent);
    let (waited_ms, third) = stage.wait_for(OpKind::Balance);
    assert!((50..=100).contains(&waited_ms), "{waited_ms}");
    stage.reply(&third, stage.yes(&third));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_query_about_a_debit_moves_only_where_the_issuer_knows_it_everywhere() {
    for (scope, expected) in [(Idempotency::Site, 0), (Idempotency::None, 0), (Idempotency::Issuer, 1)] {
        let mut stage = Stage::with(|plan| {
            plan.bank.idempotency = scope;
            plan.bank.on_absent = OnAbsent::Decline;
        });
        let lost = redeem(&mut stage, 1);
        stage.lost(&lost, Sent::MaybeSent);
        assert_eq!(stage.sent(OpKind::Query).endpoint, expected, "{scope:?}");
    }
}
