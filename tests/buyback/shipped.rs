//! The shipped file of 1,000 cards.

use crate::job::{CARDS, Desk, ISSUER_CARDS, assert_none_within, run, shipped_secrets};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn shipped(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn objects(outcomes: &[u8]) -> Vec<Value> {
    let lines = outcomes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn every_line_ends_as_expected_and_a_second_run_moves_nothing() {
    let desk = Desk::new();
    let first = run(desk.command(CARDS).args(["--issuer-cards", ISSUER_CARDS]));
    assert_eq!(first.code, Some(0), "{first:?}");
    let outcomes = desk.outcomes();
    let found: Vec<String> = objects(&outcomes)
        .iter()
        .map(|o| {
            format!(
                "{},{},{}",
                o["line"],
                o["request_id"].as_str().unwrap_or(""),
                o["state"].as_str().unwrap()
            )
        })
        .collect();
    let expected = shipped("examples/data/expected.csv");
    assert_eq!(found.len(), 1_000);
    for (found, expected) in found.iter().zip(expected.lines().skip(1)) {
        assert_eq!(found, expected);
    }

    let ledgers = |desk: &Desk| -> Vec<_> {
        let files = desk.files().into_iter();
        files.filter(|(path, _)| path.extension().is_some_and(|ending| ending == "ledger")).collect()
    };
    let before = ledgers(&desk);
    assert_eq!(before.len(), 7, "six issuers and a rail");
    let money = desk.summary()["totals"].clone();
    let second = run(desk.command(CARDS).args(["--issuer-cards", ISSUER_CARDS]));
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(desk.outcomes() == outcomes, "the second run tells other outcomes");
    assert!(ledgers(&desk) == before, "the second run moved money");
    assert_eq!(desk.summary()["totals"], money);
    nothing_in_the_clear(&desk, &[&first.out, &first.err, &second.out, &second.err]);
    no_pin_in(&[&first.out, &first.err, &String::from_utf8(outcomes).unwrap()]);
}

fn nothing_in_the_clear(desk: &Desk, shown: &[&str]) {
    let secrets = shipped_secrets();
    let files = desk.files();
    let names: BTreeSet<_> =
        files.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap()).collect();
    for name in
        ["tables.db", "segment-00000001", "outcomes.jsonl", "summary.json", "bank.ledger", "payout.ledger"]
    {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    for (path, content) in &files {
        assert_none_within(&secrets, &path.display().to_string(), content);
    }
    for text in shown {
        assert_none_within(&secrets, "the terminal", text.as_bytes());
    }
}

/// Six digits occur by chance in binary files, but not as a word of what is written for people.
fn no_pin_in(texts: &[&str]) {
    let cards = shipped(CARDS);
    let pins: BTreeSet<&str> = cards.lines().filter_map(|line| line.split(',').nth(4)).collect();
    let is_pin = |word: &&str| word.len() == 6 && pins.contains(word);
    assert!(pins.iter().filter(|pin| pin.len() == 6).count() > 300);
    for text in texts {
        assert_eq!(text.split(|c: char| !c.is_ascii_digit()).find(is_pin), None);
    }
}

#[test]
fn the_secrets_would_be_found_if_they_were_there() {
    let secrets = shipped_secrets();
    let secret = String::from_utf8(secrets.first().unwrap().clone()).unwrap();
    let planted = format!("\u{1}\u{2}x{secret}x\u{3}");
    assert!(std::panic::catch_unwind(|| assert_none_within(&secrets, "it", planted.as_bytes())).is_err());
}

#[test]
fn outcomes_and_summary_tell_the_same() {
    let desk = Desk::new();
    let ran = run(desk.command(CARDS).args(["--issuer-cards", ISSUER_CARDS]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let outcomes = objects(&desk.outcomes());
    let summary = desk.summary();
    assert_eq!(summary["lines"], 1_000);
    for (state, count) in summary["states"].as_object().unwrap() {
        let lines = outcomes.iter().filter(|outcome| outcome["state"] == state.as_str()).count();
        assert_eq!(count.as_u64(), Some(lines as u64), "{state}");
    }
    // What lines show again, such as a request that was resent, is one payment.
    let mut seen = BTreeSet::new();
    let paid: i64 = outcomes
        .iter()
        .filter(|o| o["redemption_id"].as_str().is_some_and(|id| seen.insert(id.to_string())))
        .map(|o| o["payout_minor"].as_i64().unwrap())
        .sum();
    assert_eq!(summary["totals"]["CNY"]["payout_minor"], paid);
    assert_eq!(summary["ledger_balance_minor"]["CNY"], 0);
    assert_eq!(summary["oracle"]["verdict"], "agrees");
    assert_eq!(summary["oracle"]["debited_cards"], 922);
    for outcome in &outcomes {
        let invalid = outcome["state"] == "invalid";
        assert_eq!(outcome["issuer"].is_null(), invalid, "{outcome}");
        assert_eq!(outcome["expected"].is_string(), invalid, "{outcome}");
        assert_eq!(outcome["reason"].is_null(), outcome["state"] == "retired", "{outcome}");
    }
    assert!(ran.out.contains("117634.20") && ran.out.contains("oracle          agrees"), "{}", ran.out);
}

#[test]
fn the_same_seed_gives_the_same_outcomes_on_another_database_and_faults_end_well() {
    let [one, other] = [Desk::new(), Desk::new()];
    for desk in [&one, &other] {
        let args = ["--issuer-cards", ISSUER_CARDS, "--faults", "heavy", "--seed", "18446744073709551615"];
        let ran = run(desk.command(CARDS).args(args));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    assert!(one.outcomes() == other.outcomes(), "the same seed gave other outcomes");
    assert!(one.summary()["states"]["suspended"].as_u64().unwrap() > 0, "heavy faults leave something over");
}
