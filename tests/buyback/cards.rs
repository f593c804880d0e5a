//! Small files: one card twice, cards in other writing, and what risk says.

use crate::job::{Desk, run};
use serde_json::Value;

const HEADER: &str = "request_id,seller_id,product,card_number,card_secret,face_value,currency,received_at\n";
/// 2026-03-02T08:00:00Z
const MORNING: i64 = 1_772_438_400_000;

/// Runs the job over these lines, as a newcomer does who has no list of the issuers' cards.
fn outcomes(desk: &Desk, lines: &[String]) -> Vec<Value> {
    let cards = desk.path("cards.csv");
    std::fs::write(&cards, HEADER.to_string() + &lines.concat()).unwrap();
    let ran = run(&mut desk.command(&cards));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.starts_with("buyback: no --issuer-cards: "), "{}", ran.err);
    let text = String::from_utf8(desk.outcomes()).unwrap();
    let outcomes: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(outcomes.len(), lines.len());
    outcomes
}

fn states(outcomes: &[Value]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome["state"].as_str().unwrap()).collect()
}

fn gift(request: &str, seller: &str, number: u64, face: &str, at: i64) -> String {
    format!("{request},{seller},walmart-gift,{number},123456,{face},CNY,{at}\n")
}

const CARD: u64 = 2_326_000_000_000_001;

#[test]
fn a_newcomers_file_is_paid() {
    let desk = Desk::new();
    let found = outcomes(&desk, &[gift("R-1", "s-1", CARD, "100", MORNING)]);
    assert_eq!(states(&found), ["retired"]);
    assert_eq!((&found[0]["verified_minor"], &found[0]["payout_minor"]), (&10_000.into(), &9_200.into()));
}

#[test]
fn a_newcomers_own_catalogue_goes_without_a_policy_of_its_own() {
    let desk = Desk::new();
    let cards = desk.path("cards.csv");
    let line = gift("R-1", "s-1", CARD, "100", MORNING).replace("walmart-gift", "gift");
    std::fs::write(&cards, HEADER.to_string() + &line).unwrap();
    let catalogue = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/corner.toml");
    let ran = run(desk.command(&cards).args(["--catalog", catalogue]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("3 of the 3 cards that the shipped one blocks are not of this"), "{}", ran.err);
    let outcomes = String::from_utf8(desk.outcomes()).unwrap();
    assert!(outcomes.contains("\"state\":\"retired\""), "{outcomes}");
}

#[test]
fn one_card_by_two_sellers_is_paid_to_the_first() {
    let desk = Desk::new();
    let lines =
        [gift("R-1", "s-1", CARD, "100", MORNING), gift("R-2", "s-2", CARD, "100", MORNING + 3_600_000)];
    let found = outcomes(&desk, &lines);
    assert_eq!(states(&found), ["retired", "already_sold"]);
    assert_eq!(found[1]["payout_minor"], 0);
    assert_eq!(desk.summary()["oracle"]["debited_cards"], 1);
}

#[test]
fn a_request_id_with_other_contents_is_a_mismatch_in_the_same_file_and_in_a_later_one() {
    let desk = Desk::new();
    let first = gift("R-1", "s-1", CARD, "100", MORNING);
    let other = gift("R-1", "s-1", CARD + 1, "100", MORNING);
    let found = outcomes(&desk, &[first.clone(), other]);
    assert_eq!(states(&found), ["retired", "mismatch"]);
    assert_eq!((&found[1]["issuer"], &found[1]["reason"]), (&"walmart".into(), &"mismatch".into()));
    assert_eq!(states(&outcomes(&desk, &[gift("R-1", "s-1", CARD, "200", MORNING)])), ["mismatch"]);
    assert_eq!(states(&outcomes(&desk, &[gift("R-1", "s-2", CARD, "100", MORNING)])), ["mismatch"]);
    assert_eq!(desk.summary()["oracle"]["debited_cards"], 1);
    // Sent again at another time it is the same request.
    let resent = gift("R-1", "s-1", CARD, "100.00", MORNING + 60_000);
    assert_eq!(states(&outcomes(&desk, &[resent, first])), ["retired", "retired"]);
    assert_eq!(desk.summary()["totals"]["CNY"]["payout_minor"], 9_200);
}

#[test]
fn the_third_request_for_a_card_freezes_it_up_to_300_000_ms_and_not_later() {
    for (third, expected) in [(0, "frozen"), (300_000, "frozen"), (300_001, "already_sold")] {
        let desk = Desk::new();
        let lines = [
            gift("R-1", "s-1", CARD, "100", MORNING),
            gift("R-2", "s-2", CARD, "100", MORNING + third.min(1_000)),
            gift("R-3", "s-3", CARD, "100", MORNING + third),
        ];
        assert_eq!(states(&outcomes(&desk, &lines)), ["retired", "already_sold", expected], "{third}");
    }
}

#[test]
fn many_requests_for_few_cards_are_decided_in_the_order_of_their_lines() {
    let desk = Desk::new();
    let line = |n: u64| {
        let at = MORNING + 400_000 * i64::try_from(n).unwrap();
        gift(&format!("R-{n}"), &format!("s-{n}"), CARD + n * n % 7, "100", at)
    };
    let lines: Vec<String> = (0..100).map(line).collect();
    let mut sold = Vec::new();
    for (n, outcome) in (0_u64..).zip(outcomes(&desk, &lines)) {
        let first = !sold.contains(&(n * n % 7));
        sold.push(n * n % 7);
        assert_eq!(outcome["state"], if first { "retired" } else { "already_sold" }, "{outcome}");
    }
    assert_eq!(desk.summary()["oracle"]["debited_cards"], 4);
}

#[test]
fn resends_of_one_request_count_once() {
    let desk = Desk::new();
    let resent = gift("R-1", "s-1", CARD, "100", MORNING);
    let lines = [resent.clone(), resent.clone(), resent, gift("R-2", "s-2", CARD, "100", MORNING + 1)];
    assert_eq!(states(&outcomes(&desk, &lines)), ["retired", "retired", "retired", "already_sold"]);
}

#[test]
fn a_face_far_from_thirty_earlier_ones_goes_to_review() {
    let faces = |count: u64, face: fn(u64) -> &'static str| -> Vec<String> {
        let lines = (0..count).map(|n| gift(&format!("R-{n}"), "s-1", CARD + n, face(n), MORNING));
        lines.chain([gift("R-last", "s-1", CARD + count, "1000", MORNING)]).collect()
    };
    let mixed: fn(u64) -> &'static str = |n| if n % 2 == 0 { "50" } else { "100" };
    for (count, face, expected) in
        [(30, mixed, "in_review"), (29, mixed, "retired"), (30, |_: u64| "50", "retired")]
    {
        let desk = Desk::new();
        let found = outcomes(&desk, &faces(count, face));
        assert_eq!(found.last().unwrap()["state"], expected, "after {count}");
        assert!(states(&found[..found.len() - 1]).iter().all(|state| *state == "retired"));
    }
}

#[test]
fn a_card_is_one_card_in_whatever_writing() {
    let desk = Desk::new();
    let jd = |request: &str, secret: &str| {
        format!("{request},s-1,jd-ecard,,{secret},100,CNY,{}\n", MORNING + request.len() as i64)
    };
    let wide: String = CARD.to_string().chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect();
    let lines = [
        jd("R-1", "ABCD-1234-EFGH-5678"),
        jd("R-22", "ABCD1234EFGH5678"),
        gift("R-3", "s-1", CARD, "100", MORNING),
        format!("R-4,s-2,walmart-gift,{wide},１２３４５６,100,CNY,{MORNING}\n"),
        jd("R-55", "abcd 1234 efgh 5678"),
    ];
    let found = outcomes(&desk, &lines);
    assert_eq!(states(&found), ["retired", "already_sold", "retired", "already_sold", "frozen"]);
    assert_eq!(desk.summary()["oracle"]["debited_cards"], 2);
}
