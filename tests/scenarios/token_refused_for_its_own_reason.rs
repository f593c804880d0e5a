//! Every refusal of a token has its own reason in the record, and the seller is told no more than
//! whether to scan again.

use crate::stage::token::{STEP, fresh, key, rotating, stage, token, token_of};
use crate::stage::{MINUTE, Stage, gift, request};
use scrip::base::{Secret, Wall};
use scrip::card::token::{Body, TokenKeyId, TotpHash, card_code_key, totp};
use scrip::engine::{Request, SubmitError, TokenSecret};
use scrip::flow::{State, Summary};

fn refused(stage: &mut Stage, request: &Request, exact: &str, public: &str) {
    let id = stage.submit(request);
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Declined, exact));
    let summary = Summary::of(&stage.redemption(id));
    assert_eq!((summary.public_state(), summary.public_reason()), ("declined", Some(public)), "{exact}");
    assert_eq!(stage.claim(id), None, "{exact}");
    stage.nothing_sent();
}

fn not_taken(stage: &mut Stage, request: &Request) -> &'static str {
    match stage.engine.submit(request).unwrap_err() {
        SubmitError::Invalid { field: "token", reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_refusal_has_its_own_reason() {
    let keys = "{ id = 1 }, { id = 2, from = 2030-01-01T00:00:00Z }, \
        { id = 3, until = 2020-01-01T00:00:00+08:00 }";
    let mut stage = Stage::with(|plan| {
        rotating(plan, "gift", &[1, 2, 3], keys);
        rotating(plan, "reload", &[5], "{ id = 5 }");
    });
    let now = stage.now.wall;
    let forged = |id: u32, with: u32| {
        let step = u64::try_from(now.0 / STEP).unwrap();
        let subject = crate::stage::number(1).as_str().into();
        let body = Body { key: TokenKeyId(id), step, nonce: [7; 8], subject };
        body.with_mac(&key(with)).unwrap().encode()
    };
    let cases = [
        (token(1, now.plus(-2 * STEP)), "token_too_old", "token_scan_again"),
        (token(1, now.plus(STEP)), "token_too_early", "token_scan_again"),
        (token_of(2, 1, now), "token_key_not_yet", "token_scan_again"),
        (token_of(3, 1, now), "token_key_retired", "token_scan_again"),
        (forged(1, 9), "token_forged", "token_refused"),
        (token_of(9, 1, now), "token_unknown_key", "token_refused"),
        (token_of(5, 1, now), "token_other_product", "token_refused"),
        (token(2, now), "token_other_card", "token_refused"),
    ];
    for (n, (token, exact, public)) in (1..).zip(cases) {
        refused(&mut stage, &request("gift", n, 1).token(&token), exact, public);
    }
    let id = stage.sell(&fresh(&stage, 1).caller("other"));
    assert_eq!(stage.state(id), State::Retired, "forged tokens have not frozen the card");
}

#[test]
fn freshness_is_judged_at_the_time_of_receipt() {
    let mut stage = stage();
    let then = stage.now.wall;
    stage.pass(60 * MINUTE);
    let old = gift(1).token(&token(1, then));
    refused(&mut stage, &old, "token_too_old", "token_scan_again");
    let id = stage.sell(&request("gift", 2, 1).token(&token(1, then)).received_at(then));
    assert_eq!(stage.state(id), State::Retired, "a file is worked off later");
}

#[test]
fn what_is_no_token_is_not_taken_at_all() {
    let mut stage = stage();
    assert_eq!(not_taken(&mut stage, &gift(1)), "token_missing");
    assert_eq!(not_taken(&mut stage, &gift(1).token("")), "token_missing");
    assert_eq!(not_taken(&mut stage, &gift(1).token("SCT1.x*")), "token_malformed");
    let card = Request::new("R-1", "S-1", "code").face(crate::stage::cny(10_000));
    let card = card.secret("ABCD-EFGH-JKLM-NPQR").token(&token(1, stage.now.wall));
    assert_eq!(not_taken(&mut stage, &card), "token_unexpected");
    assert!(stage.store.index().rows().next().is_none(), "nothing was written");
}

#[test]
fn a_token_may_be_left_out_where_the_catalogue_says_so() {
    let mut stage = Stage::with(|plan| {
        rotating(plan, "gift", &[1], "{ id = 1 }");
        plan.catalogue = plan.catalogue.replace("ahead = 0", "ahead = 0\noptional = true");
    });
    let id = stage.sell(&gift(1));
    assert_eq!(stage.state(id), State::Retired);
    let wrong = gift(2).token(&token(1, stage.now.wall));
    refused(&mut stage, &wrong, "token_other_card", "token_refused");
}

#[test]
fn cards_are_refused_while_a_key_is_not_at_hand() {
    let mut stage = stage();
    stage.plan.tokens.clear();
    stage.crash();
    let refused = stage.engine.submit(&fresh(&stage, 1)).unwrap_err();
    assert!(matches!(refused, SubmitError::Refused { reason: "token_keys_missing", .. }), "{refused:?}");
}

#[test]
fn keys_that_do_not_fit_the_catalogue_are_refused() {
    let mut stage = Stage::with(|plan| rotating(plan, "gift", &[1, 2], "{ id = 1 }, { id = 2 }"));
    let tokens = std::mem::take(&mut stage.plan.tokens);
    let refused = |change: &dyn Fn(&mut Vec<TokenSecret>)| {
        let mut tokens = tokens.clone();
        change(&mut tokens);
        stage.plan.setup(&stage.script).token_keys(tokens).unwrap_err().to_string()
    };
    let product = "product `gift`: token";
    assert_eq!(refused(&|t| t.truncate(1)), "product `gift`: a token key is missing");
    assert_eq!(refused(&|t| t[1].id = TokenKeyId(1)), format!("{product} key 1 stands twice"));
    assert_eq!(
        refused(&|t| t[1].id = TokenKeyId(3)),
        format!("{product} key 3 is not listed in the catalogue")
    );
    let short = refused(&|t| t[1].key = Secret::new(vec![1; 31]));
    assert!(short.starts_with(&format!("{product}: TokenKeyId(2) is no key for the algorithm")), "{short}");
    let other = refused(&|t| t[1].product = "code".into());
    assert_eq!(other, "product `code`: token key 2 is not listed in the catalogue");
}

#[test]
fn codes_are_of_one_card_and_of_their_time() {
    let mut stage = Stage::with(|plan| {
        rotating(plan, "gift", &[1], "{ id = 1 }");
        plan.catalogue = plan.catalogue.replace("hmac-sha256", "totp-sha256");
    });
    let code = |card: u32, at: Wall| {
        let key = card_code_key(&key(1), &Secret::from(crate::stage::number(card).as_str()));
        let code = totp(TotpHash::Sha256, key.expose(), u64::try_from(at.0 / STEP).unwrap(), 6);
        String::from_utf8(code.expose().to_vec()).unwrap()
    };
    let now = stage.now.wall;
    assert_eq!(not_taken(&mut stage, &gift(1).token("12345")), "token_digits");
    refused(&mut stage, &gift(1).token(&code(2, now)), "token_wrong_code", "token_refused");
    let old = request("gift", 2, 1).token(&code(1, now.plus(-2 * STEP)));
    refused(&mut stage, &old, "token_wrong_code", "token_refused");
    let id = stage.sell(&request("gift", 3, 1).token(&code(1, now)));
    assert_eq!(stage.state(id), State::Retired);
    let again = request("gift", 4, 1).token(&code(1, now));
    refused(&mut stage, &again, "token_replayed", "token_scan_again");
}
