//! The file issuer over folders.

use crate::job::{CARDS, Desk, ISSUER_CARDS, assert_none_within, run, shipped_secrets};
use crate::jobs::{assert_once, few_cards};
use crate::servers::Servers;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The first cards of the shipped file that the file issuer honours.
fn its_cards(desk: &Desk, most: usize) -> PathBuf {
    let all = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(CARDS)).unwrap();
    let (header, lines) = all.split_once('\n').unwrap();
    let lines = lines.lines().filter(|line| line.contains(",regional-market,")).take(most);
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    let path = desk.path("regional.csv");
    std::fs::write(&path, format!("{header}\n{lines}")).unwrap();
    path
}

/// How many of these cards are good.
fn good(cards: &Path) -> usize {
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/expected.csv");
    let expected = std::fs::read_to_string(expected).unwrap();
    let cards = std::fs::read_to_string(cards).unwrap();
    let ids = cards.lines().skip(1).map(|line| line.split(',').next().unwrap());
    let sold = ids.filter(|id| expected.lines().any(|line| line.ends_with(&format!(",{id},retired"))));
    sold.count()
}

/// The main job with the folders that `servers` look into.
fn job(desk: &Desk, cards: &Path, servers: &Servers, more: &[&str]) -> Command {
    let mut command = desk.command(cards);
    command.args(["--issuers", &servers.doors.join(","), "--files"]).arg(desk.path("files")).args(more);
    command
}

fn start(desk: &Desk, more: &[&str]) -> Servers {
    let files = desk.path("files");
    Servers::start(&[&["--files", files.to_str().unwrap()], more].concat())
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn over_folders_every_outcome_is_that_of_the_simulation() {
    let (wired, simulated) = (Desk::new(), Desk::new());
    let servers = start(&wired, &[]);
    let few = few_cards(&wired, 300);
    let ran = run(&mut job(&wired, &few, &servers, &[]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let ran = run(simulated.command(&few).args(["--issuer-cards", ISSUER_CARDS]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(wired.outcomes() == simulated.outcomes(), "other outcomes over folders");
    assert!(servers.count("taken files") > 0 && servers.count("files") > 0, "{}", servers.report());
    assert_once(&servers.report());
    // What lies in the folders is sealed.
    let secrets = shipped_secrets();
    let own = |path: &Path| path.extension().is_none_or(|extension| extension != "csv");
    for (path, content) in wired.files().into_iter().filter(|(path, _)| own(path)) {
        assert_none_within(&secrets, &path.display().to_string(), &content);
    }
}

#[test]
fn killed_while_the_issuer_works_its_file_off_the_next_run_takes_what_was_laid_down() {
    let desk = Desk::new();
    let servers = start(&desk, &["--hurried"]);
    let cards = its_cards(&desk, 30);
    let at = |folder: &str| desk.path("files/regional").join(folder);
    let mut child = job(&desk, &cards, &servers, &["--hurried"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("no file is taken up", || !names(&at("issuer/taken")).is_empty());
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it had ended by itself");
    // The card is debited, and nobody is there to hear of it.
    wait_for("no result is laid down", || names(&at("result")).iter().any(|name| name.ends_with(".ok")));
    let debited = servers.report()["debited_minor"].clone();
    assert!(debited.as_object().unwrap().contains_key("regional CNY"), "{debited}");
    let ran = run(&mut job(&desk, &cards, &servers, &["--hurried"]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("oracle          agrees"), "{ran:?}");
    assert_once(&servers.report());
    let summary = desk.summary();
    assert_eq!(summary["states"]["retired"], good(&cards), "{summary}");
    // Once more: it moves nothing.
    let (outcomes, report) = (desk.outcomes(), servers.report());
    let ran = run(&mut job(&desk, &cards, &servers, &["--hurried"]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(desk.outcomes() == outcomes, "the second run tells other outcomes");
    assert_eq!(servers.report(), report);
}

/// One thing that goes wrong with every result file that comes first.
fn with(mishap: &str) {
    let desk = Desk::new();
    let servers = start(&desk, &["--hurried", "--file-delay", "600", "--fault", &format!("{mishap}=1")]);
    let cards = its_cards(&desk, 30);
    let ran = run(&mut job(&desk, &cards, &servers, &["--hurried", "--rate", "15"]));
    assert_eq!(ran.code, Some(0), "{mishap}: {ran:?}");
    let report = servers.report();
    assert_once(&report);
    let (times, summary) = (servers.count(mishap), desk.summary());
    assert!(times > 0, "{mishap}: {report}");
    assert_eq!(summary["oracle"]["unexplained"], 0, "{mishap}: {summary}");
    assert_eq!(summary["states"]["retired"], good(&cards), "{mishap}: {summary}");
    let refused = names(&desk.path("files/regional/own/refused"));
    let refused = refused.iter().filter(|name| name.ends_with(".txt")).count() as u64;
    let expected =
        if matches!(mishap, "file_truncated" | "file_wrong_digest" | "file_foreign") { times } else { 0 };
    assert_eq!(refused, expected, "{mishap}: refused files");
    eprintln!("{mishap}: {times} times, {}", report["counts"]);
}

#[test]
fn whatever_goes_wrong_with_result_files_every_card_is_debited_and_paid_once() {
    let mishaps = [
        "file_truncated",
        "file_wrong_digest",
        "file_resent",
        "file_repeated",
        "file_reordered",
        "file_partial",
        "file_foreign",
        "file_late",
        "file_never",
    ];
    // Most of their time is waiting.
    std::thread::scope(|scope| {
        mishaps.map(|mishap| scope.spawn(move || with(mishap))).map(|one| one.join().unwrap())
    });
}

/// How old the word was that each sold card was verified by, of those that were not asked about.
fn ages(desk: &Desk) -> Vec<Option<i64>> {
    let text = String::from_utf8(desk.outcomes()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["state"] == "retired").map(|line| line["verified_age_ms"].as_i64()).collect()
}

#[test]
fn balances_laid_into_the_folder_answer_for_cards_over_a_restart_and_outcomes_tell_their_age() {
    let desk = Desk::new();
    let servers = start(&desk, &["--hurried", "--balances"]);
    let at = |folder: &str| desk.path("files/regional").join(folder);
    let is_list = |name: &String| name.starts_with("BALANCE_");
    assert_eq!(names(&at("result")).iter().filter(|name| is_list(name)).count(), 3, "with digest and flag");
    // The first cards, one after the other: the list is there before the second. A killed run leaves
    // the list in the archive.
    let cards = its_cards(&desk, 12);
    let mut child = job(&desk, &cards, &servers, &["--hurried", "--rate", "5"]);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the list is not taken", || {
        names(&at("own/archive")).iter().filter(|name| is_list(name)).count() == 3
    });
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it had ended by itself");
    assert!(!names(&at("result")).iter().any(is_list));
    let cards = its_cards(&desk, 40);
    let ran = run(&mut job(&desk, &cards, &servers, &["--hurried", "--rate", "10"]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("oracle          agrees"), "{ran:?}");
    assert_once(&servers.report());
    let ages = ages(&desk);
    assert_eq!(ages.len(), good(&cards));
    let told: Vec<i64> = ages.iter().flatten().copied().collect();
    // One or two may have come before the list was read.
    assert!(told.len() + 4 >= ages.len(), "{ages:?}");
    assert!(told.iter().all(|age| (0..172_800_000).contains(age)), "{ages:?}");
    eprintln!("{} of {} by the list", told.len(), ages.len());
    // Once more: it tells the same.
    let outcomes = desk.outcomes();
    let ran = run(&mut job(&desk, &cards, &servers, &["--hurried"]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(desk.outcomes() == outcomes, "the second run tells other outcomes");
}

#[test]
fn ended_by_a_signal_the_servers_say_what_they_did_and_know_it_when_they_start_again() {
    for signal in ["TERM", "INT"] {
        let desk = Desk::new();
        let books = desk.path("books");
        let servers = start(&desk, &["--hurried", "--ledger", books.to_str().unwrap()]);
        let cards = its_cards(&desk, 5);
        let ran = run(&mut job(&desk, &cards, &servers, &["--hurried"]));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let before = servers.report();
        let last = servers.end_by(signal);
        assert_eq!(last, before);
        let servers = start(&desk, &["--hurried", "--ledger", books.to_str().unwrap()]);
        let after = servers.report();
        for same in ["debited_minor", "paid_minor", "twice", "unbacked", "bank"] {
            assert_eq!(after[same], before[same], "{same}");
        }
    }
}
