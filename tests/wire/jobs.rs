//! The shipped cards over the wire.

use crate::job::{CARDS, Desk, ISSUER_CARDS, assert_none_within, run, shipped_secrets};
use crate::servers::Servers;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// The first lines of the shipped file in a folder of their own.
pub(crate) fn few_cards(desk: &Desk, lines: usize) -> PathBuf {
    let all = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(CARDS)).unwrap();
    let few: String = all.split_inclusive('\n').take(lines + 1).collect();
    let path = desk.path("few.csv");
    std::fs::write(&path, few).unwrap();
    path
}

/// That nothing was debited or paid twice, as the servers know it.
pub(crate) fn assert_once(report: &Value) {
    assert_eq!((&report["twice"], &report["unbacked"]), (&Value::from(0), &Value::from(0)), "{report}");
}

#[test]
fn without_faults_every_outcome_is_that_of_the_simulation() {
    let servers = Servers::start(&[]);
    let (wired, simulated) = (Desk::new(), Desk::new());
    let ran = run(wired.command(CARDS).args(["--issuers", &servers.doors.join(",")]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let ran = run(simulated.command(CARDS).args(["--issuer-cards", ISSUER_CARDS]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(wired.outcomes() == simulated.outcomes(), "other outcomes over the wire");
    let secrets = shipped_secrets();
    for (path, content) in wired.files() {
        assert_none_within(&secrets, &path.display().to_string(), &content);
    }
    let (wired, simulated) = (wired.summary(), simulated.summary());
    for same in ["lines", "states", "issuers", "reasons", "totals", "ledger_balance_minor", "oracle"] {
        assert_eq!(wired[same], simulated[same], "{same}");
    }
    assert_once(&servers.report());
}

#[test]
fn in_their_own_protocols_jd_and_walmart_come_out_the_same() {
    let servers = Servers::start(&["--rest"]);
    let (wired, simulated) = (Desk::new(), Desk::new());
    let few = few_cards(&wired, 150);
    let ran = run(wired.command(&few).args(["--rest", "--issuers", &servers.doors.join(",")]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let ran = run(simulated.command(&few).args(["--issuer-cards", ISSUER_CARDS]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // Reasons may differ: 京东 has one word for an unknown card and a wrong secret.
    let (wired, simulated) = (wired.summary(), simulated.summary());
    for same in ["lines", "states", "totals", "ledger_balance_minor", "oracle"] {
        assert_eq!(wired[same], simulated[same], "{same}");
    }
    assert_once(&servers.report());
}

#[test]
fn killed_three_times_among_faults_it_goes_on_and_nothing_happens_twice() {
    let servers = Servers::start(&["--faults", "heavy", "--hurried", "--seed", "3"]);
    let desk = Desk::new();
    let few = few_cards(&desk, 120);
    let command = || {
        let mut command = desk.command(&few);
        command.args(["--issuers", &servers.doors.join(","), "--hurried"]);
        command
    };
    for ms in [1_200, 2_500, 4_000] {
        let mut child = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(ms));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "it had ended by itself within {ms} ms");
        assert_once(&servers.report());
    }
    let ran = run(&mut command());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("oracle          agrees"), "{ran:?}");
    assert_once(&servers.report());
    // Once more: it moves nothing.
    let (outcomes, paid) = (desk.outcomes(), servers.report()["paid_minor"].clone());
    let ran = run(&mut command());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(desk.outcomes() == outcomes, "the second run tells other outcomes");
    assert_eq!(servers.report()["paid_minor"], paid);
}

/// One thing that goes wrong with two requests in five, at every issuer and the rail.
fn with(trouble: &str) {
    let servers = Servers::start(&["--fault", &format!("{trouble}=0.4"), "--hurried"]);
    let desk = Desk::new();
    let few = few_cards(&desk, 40);
    let ran = run(desk.command(few).args(["--issuers", &servers.doors.join(","), "--hurried"]));
    assert_eq!(ran.code, Some(0), "{trouble}: {ran:?}");
    let report = servers.report();
    assert_once(&report);
    let times = report["counts"][trouble].as_u64().unwrap_or(0);
    assert!(times > 10, "{trouble}: {times} times");
    let summary = desk.summary();
    assert_eq!(summary["oracle"]["unexplained"], 0, "{trouble}: {summary}");
    let (debited, paid) = (&report["debited_minor"], &summary["totals"]);
    assert!(debited.as_object().unwrap().len() >= 5, "{trouble}: {debited} {paid}");
    eprintln!("{trouble}: {times} times, {}", summary["states"]);
}

#[test]
fn whatever_goes_wrong_nothing_is_debited_or_paid_twice() {
    let troubles = [
        "slow",
        "reset_before",
        "reset_after",
        "lost_request",
        "late_request",
        "lost_answer",
        "double_answer",
        "late_answer",
        "wrong_signature",
        "garbage",
        "page_5xx",
        "maintenance",
        "half_closed",
        "slow_loris",
    ];
    // Most of their time is waiting.
    std::thread::scope(|scope| {
        troubles.map(|trouble| scope.spawn(move || with(trouble))).map(|one| one.join().unwrap())
    });
}
