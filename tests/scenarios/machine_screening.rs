//! What risk and people do before the debit: review, challenge, block.

use crate::stage::{MINUTE, Stage, cny, gift, request, text};
use scrip::base::RedemptionId;
use scrip::flow::{FlowError, State, Verdict};
use scrip::issuer::OpKind;
use scrip::risk::{Action, BlockedCard};

/// Ten usual faces of one seller, then one that stands out.
fn odd_face(action: Action) -> (Stage, RedemptionId) {
    let mut stage = Stage::with(|plan| {
        plan.policy.risk.deviation.minimum = 10;
        plan.policy.risk.deviation.action = action;
    });
    let sell = |n: u32, minor| {
        let request = scrip::engine::Request::new(&format!("R-{n}"), "S-1", "gift").face(cny(minor));
        request.number(&crate::stage::number(n)).secret("730100")
    };
    for n in 10..20 {
        stage.sell(&sell(n, 10_000 + i64::from(n % 2) * 100));
    }
    let id = stage.submit(&sell(20, 50_000));
    (stage, id)
}

#[test]
fn an_odd_face_is_reviewed_and_goes_on_when_approved() {
    let (mut stage, id) = odd_face(Action::Review);
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::InReview, "face_deviation"));
    stage.nothing_sent();
    stage.decide(id, Verdict::Approve { by: text("ann") });
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_reviewers_no_frees_the_card() {
    let (mut stage, id) = odd_face(Action::Review);
    stage.decide(id, Verdict::Reject { by: text("ann"), reason: text("odd") });
    assert_eq!((stage.state(id), stage.claim(id)), (State::Declined, None));
    stage.decide(id, Verdict::Approve { by: text("bob") });
    assert_eq!(stage.refusal(), FlowError::NotNow(State::Declined));
}

#[test]
fn a_challenge_is_passed_failed_or_expires() {
    let (mut stage, id) = odd_face(Action::Challenge);
    assert_eq!(stage.state(id), State::Challenged);
    stage.engine.answer(id, true);
    stage.settle();
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);

    let (mut stage, id) = odd_face(Action::Challenge);
    stage.engine.answer(id, false);
    stage.settle();
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Declined, "challenge_failed"));

    let (mut stage, id) = odd_face(Action::Challenge);
    stage.pass(5 * MINUTE);
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Declined, "expired"));
}

#[test]
fn what_is_on_a_block_list_claims_nothing_and_asks_nobody() {
    let mut stage = Stage::with(|plan| {
        let card = BlockedCard { product: "gift".into(), card: crate::stage::number(1) };
        plan.policy.risk.block.cards.push(card);
        plan.policy.risk.block.sellers.push("S-2".into());
        plan.policy.risk.block.ips.push("10.0.0.1".into());
        plan.policy.risk.block.devices.push("D-1".into());
    });
    let requests = [gift(1), gift(2), gift(3).ip("10.0.0.1"), gift(4).device("D-1")];
    for (request, reason) in
        requests.iter().zip(["blocked_card", "blocked_seller", "blocked_ip", "blocked_device"])
    {
        let id = stage.submit(request);
        assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Blocked, reason));
        assert_eq!(stage.claim(id), None);
    }
    stage.nothing_sent();
    let platform = stage.submit(&request("platform-gift", 5, 1));
    assert_eq!(stage.state(platform), State::Blocked, "it is the card that is blocked");
}

#[test]
fn a_blocked_address_is_blocked_in_every_writing() {
    let mut stage = Stage::with(|plan| {
        plan.policy.risk.block.ips.extend(["2001:DB8:0:0::7".into(), "192.0.2.7".into()]);
    });
    let writings = ["2001:db8::7", "2001:0DB8::0007", "192.0.2.7", "::ffff:192.0.2.7"];
    for (n, ip) in (1..).zip(writings) {
        let id = stage.submit(&gift(n).ip(ip));
        assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Blocked, "blocked_ip"), "{ip}");
    }
    let other = stage.submit(&gift(9).ip("2001:db8::8"));
    assert_ne!(stage.state(other), State::Blocked);
}

#[test]
fn it_can_be_called_off_while_the_issuer_is_asked() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    let check = stage.sent(OpKind::Balance);
    stage.engine.cancel(id, text("S-1"));
    stage.settle();
    assert_eq!((stage.state(id), stage.claim(id)), (State::Cancelled, None));
    stage.reply(&check, stage.yes(&check));
    assert_eq!(stage.state(id), State::Cancelled);
    stage.nothing_sent();
}

#[test]
fn a_card_with_more_on_it_than_it_is_ever_sold_with_is_reviewed() {
    let mut stage = Stage::new();
    let id = stage.submit(&request("gift", 1, 1));
    let question = stage.sent(OpKind::Balance);
    stage.reply(&question, stage.yes_of(&question, i64::MAX));
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::InReview, "face_value_not_accepted"));
    stage.nothing_sent();
    stage.decide(id, Verdict::Reject { by: text("ann"), reason: text("odd") });
    assert_eq!((stage.state(id), stage.claim(id)), (State::Declined, None));
}

#[test]
fn the_decision_to_go_on_is_written_with_the_order_to_debit() {
    let mut stage = Stage::new();
    let before = stage.batches();
    let id = stage.submit(&gift(1));
    let question = stage.sent(OpKind::Balance);
    assert_eq!((stage.state(id), stage.durable(id).state), (State::Screened, State::Claimed));
    assert_eq!(stage.batches() - before, 1, "the request alone");
    stage.reply(&question, stage.yes(&question));
    assert_eq!((stage.durable(id).state, stage.batches() - before), (State::Redeeming, 2));
    stage.accept(OpKind::Redeem);
    stage.accept(OpKind::Pay);
    assert_eq!((stage.durable(id).state, stage.batches() - before), (State::Split, 4));
    stage.accept(OpKind::Receipt);
    assert_eq!((stage.durable(id).state, stage.batches() - before), (State::Retired, 5));
}

#[test]
fn a_decision_that_a_crash_takes_away_is_made_again_with_what_was_seen() {
    let (mut stage, odd) = odd_face(Action::Review);
    let id = stage.submit(&gift(1));
    stage.sent(OpKind::Balance);
    stage.crash();
    let (state, durable) = (stage.state(id), stage.durable(id).state);
    assert_eq!(
        (state, durable),
        (State::Screened, State::Claimed),
        "asked again, and not written yet either"
    );
    assert_eq!(stage.state(odd), State::InReview, "a decision that people wait for was written");
    stage.yes_to_all();
    assert_eq!(stage.durable(id).state, State::Retired);
}
