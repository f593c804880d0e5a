//! A platform that wants a session token: signed in for, renewed, refused.

use crate::job::{CARDS, Desk, ISSUER_CARDS, run};
use crate::jobs::assert_once;
use crate::servers::Servers;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The first cards of the shipped file that this platform honours, and the first of the others.
fn cards(desk: &Desk, most: usize, others: usize) -> PathBuf {
    let all = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(CARDS)).unwrap();
    let (header, lines) = all.split_once('\n').unwrap();
    let (its, rest): (Vec<&str>, Vec<&str>) = lines.lines().partition(|line| line.contains(",fuel-card,"));
    assert!(its.len() >= most, "{} fuel cards", its.len());
    let chosen = its.into_iter().take(most).chain(rest.into_iter().take(others));
    let text: String = [header].into_iter().chain(chosen).map(|line| format!("{line}\n")).collect();
    let path = desk.path("fuel.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn job(desk: &Desk, cards: &Path, servers: &Servers, more: &[&str]) -> Command {
    let mut command = desk.command(cards);
    command.args(["--session", "--issuers", &servers.doors.join(",")]).args(more);
    command
}

#[test]
fn with_session_tokens_every_outcome_is_that_of_the_simulation_and_one_sign_in_is_enough() {
    let servers = Servers::start(&["--session"]);
    let (wired, simulated) = (Desk::new(), Desk::new());
    let cards = cards(&wired, 120, 100);
    let ran = run(&mut job(&wired, &cards, &servers, &[]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let ran = run(simulated.command(&cards).args(["--session", "--issuer-cards", ISSUER_CARDS]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(wired.outcomes() == simulated.outcomes(), "other outcomes over the wire");
    let (told, expected) = (wired.summary(), simulated.summary());
    for same in ["lines", "states", "issuers", "reasons", "totals", "ledger_balance_minor", "oracle"] {
        assert_eq!(told[same], expected[same], "{same}");
    }
    assert_once(&servers.report());
    let counts = ["sign_ins", "refused tokens", "refused sign-ins", "unreadable"];
    assert_eq!(counts.map(|count| servers.count(count)), [1, 0, 0, 0], "{}", servers.report());
}

#[test]
fn a_token_is_renewed_before_it_ends_and_none_that_has_ended_is_used() {
    // They are used for half of their time.
    let servers = Servers::start(&["--session", "--token-life", "4000"]);
    let desk = Desk::new();
    let cards = cards(&desk, 90, 0);
    let ran = run(&mut job(&desk, &cards, &servers, &["--rate", "12"]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert_once(&servers.report());
    let (sign_ins, refused) = (servers.count("sign_ins"), servers.count("refused tokens"));
    assert!((3..20).contains(&sign_ins) && refused == 0, "{}", servers.report());
}

#[test]
fn killed_while_tokens_are_refused_it_goes_on_and_nothing_happens_twice() {
    let faults = ["--fault", "token_refused=0.3", "--hurried", "--token-life", "12000"];
    let servers = Servers::start(&[&["--session"][..], &faults].concat());
    let (desk, simulated) = (Desk::new(), Desk::new());
    let cards = cards(&desk, 90, 0);
    let command = || job(&desk, &cards, &servers, &["--hurried", "--rate", "20"]);
    let mut child = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(2_500));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it had ended by itself");
    assert_once(&servers.report());
    let ran = run(&mut command());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("oracle          agrees"), "{ran:?}");
    let report = servers.report();
    assert_once(&report);
    assert!(servers.count("token_refused") > 30, "{report}");
    assert!(servers.count("sign_ins") > 1, "{report}");
    let ran = run(simulated.command(&cards).args(["--session", "--issuer-cards", ISSUER_CARDS]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(desk.summary()["totals"], simulated.summary()["totals"], "{report}");
    eprintln!("{} {}", report["counts"], desk.summary()["states"]);
    // Once more: it moves nothing.
    let (outcomes, paid) = (desk.outcomes(), servers.report()["paid_minor"].clone());
    let ran = run(&mut command());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(desk.outcomes() == outcomes, "the second run tells other outcomes");
    assert_eq!(servers.report()["paid_minor"], paid);
}

/// One thing that goes wrong with one in five: sign-ins are not spared.
fn with(trouble: &str) {
    let servers = Servers::start(&[
        "--session",
        "--hurried",
        "--fault",
        &format!("{trouble}=0.2"),
        "--token-life",
        "12000",
    ]);
    let desk = Desk::new();
    let cards = cards(&desk, 40, 0);
    let ran = run(&mut job(&desk, &cards, &servers, &["--hurried"]));
    assert_eq!(ran.code, Some(0), "{trouble}: {ran:?}");
    let report = servers.report();
    assert_once(&report);
    assert!(report["counts"][trouble].as_u64().unwrap_or(0) > 10, "{trouble}: {report}");
    assert!(servers.count("sign_ins") > 0, "{trouble}: {report}");
    let summary = desk.summary();
    assert_eq!(summary["oracle"]["unexplained"], 0, "{trouble}: {summary}");
    assert!(report["debited_minor"].as_object().unwrap().contains_key("fuel CNY"), "{trouble}: {report}");
    eprintln!("{trouble}: {} {}", report["counts"], summary["states"]);
}

#[test]
fn whatever_goes_wrong_with_a_sign_in_another_follows() {
    let troubles = ["reset_after", "lost_request", "lost_answer", "garbage", "page_5xx", "maintenance"];
    // Most of their time is waiting.
    std::thread::scope(|scope| {
        troubles.map(|trouble| scope.spawn(move || with(trouble))).map(|one| one.join().unwrap())
    });
}
