//! Whatever is wrong with a card, someone who is not trusted is told the same.

use crate::stage::token::{fresh, rotating, token};
use crate::stage::{Stage, gift, number, request};
use scrip::engine::{Event, PublicAnswer, Request};
use scrip::flow::{State, Summary, Verdict};
use scrip::issuer::{Decline, OpKind, Outcome};
use scrip::risk::{BlockedCard, Budget};

/// What is told of a request once everything about it is known.
fn told(stage: &mut Stage, request: &Request, issuer: Option<Outcome>) -> PublicAnswer {
    let id = match stage.engine.submit(request) {
        Ok(id) => id,
        Err(error) => return PublicAnswer::of_refusal(&error),
    };
    let before = stage.events.len();
    stage.settle();
    if let Some(outcome) = issuer {
        let check = stage.sent(OpKind::Balance);
        stage.reply(&check, outcome);
    }
    match stage.events[before..].iter().rev().find_map(|event| match event {
        Event::Answered { redemption, reply } if *redemption == id => Some(PublicAnswer::of_reply(reply)),
        Event::Moved { redemption, summary } if *redemption == id => Some(PublicAnswer::of(summary)),
        _ => None,
    }) {
        Some(answer) => answer,
        None => panic!("nothing was told of {id}"),
    }
}

#[test]
fn every_no_is_the_same_no() {
    let mut stage = Stage::with(|plan| {
        plan.policy.risk.block.cards.push(BlockedCard { product: "gift".into(), card: number(5) });
        plan.policy.risk.budget = Budget { caller: 10, ..Budget::default() };
        rotating(plan, "platform-gift", &[1], "{ id = 1 }");
    });
    stage.sell(&request("gift", 1, 1).caller("honest"));
    stage.submit(&request("gift", 2, 2).caller("honest"));
    stage.out.clear();
    for n in 3..5 {
        let id = stage.submit(&request("gift", n, 3).caller("honest"));
        stage.decide(id, Verdict::Cancel { by: crate::stage::text("S") });
        stage.out.clear();
    }
    let ask = |n: u32, card: u32| request("gift", n, card).caller("stranger");
    let mistyped = ask(20, 20).number("232610000000002");
    let no = |decline| Some(Outcome::Declined(decline));
    let platform = |n: u32| request("platform-gift", n, n).caller("stranger");
    let cases = [
        ("sold", ask(10, 1), None),
        ("busy", ask(11, 2), None),
        ("frozen", ask(12, 3), None),
        ("blocked", ask(13, 5), None),
        ("unknown to the issuer", ask(14, 14), Some(Outcome::NotFound)),
        ("a wrong secret", ask(15, 15), no(Decline::WrongSecret)),
        ("used up", ask(16, 16), no(Decline::AlreadyUsed)),
        ("mistyped", mistyped, None),
        ("no token", platform(17), None),
        ("another card's token", platform(18).token(&token(1, stage.now.wall)), None),
        (
            "its id is taken",
            Request::new("R-15", "S-9", "gift")
                .caller("stranger")
                .number(&number(15))
                .secret("730199")
                .face(crate::stage::cny(10_000)),
            None,
        ),
    ];
    for (what, request, issuer) in cases {
        assert_eq!(told(&mut stage, &request, issuer), PublicAnswer::NotAccepted, "{what}");
    }
    for n in 50..54 {
        told(&mut stage, &ask(n, n), None);
    }
    stage.out.clear();
    assert_eq!(told(&mut stage, &ask(60, 60), None), PublicAnswer::NotAccepted, "over the budget");
    stage.nothing_sent();
}

#[test]
fn a_card_that_is_looked_at_and_one_that_is_paid_are_told_apart() {
    let mut stage = Stage::new();
    assert_eq!(told(&mut stage, &gift(1), None), PublicAnswer::InProgress);
    stage.yes_to_all();
    assert_eq!(told(&mut stage, &gift(1), None), PublicAnswer::Paid(crate::stage::cny(9_000)));
    let mut stage = crate::stage::token::stage();
    let id = stage.sell(&fresh(&stage, 1));
    let summary = Summary::of(&stage.redemption(id));
    assert_eq!((stage.state(id), PublicAnswer::of(&summary).name()), (State::Retired, "paid"));
}
