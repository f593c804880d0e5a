//! The main job with nginx between it and the simulated issuers.

use crate::asked_for;
use crate::job::{CARDS, Desk, run};
use crate::nginx::Nginx;
use crate::servers::Servers;
use std::path::Path;

/// How many of the first lines of the shipped file are good cards.
fn expected(lines: usize) -> u64 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/expected.csv");
    let all = std::fs::read_to_string(path).unwrap();
    all.lines().skip(1).take(lines).filter(|line| line.ends_with(",retired")).count() as u64
}

#[test]
fn through_nginx_the_main_job_agrees_with_the_issuers_books() {
    if !asked_for(&["nginx"]) {
        return;
    }
    let all = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(CARDS)).unwrap();
    let few: String = all.split_inclusive('\n').take(101).collect();
    let doors = [
        ("chunked", "none", "5"),
        ("closing", "heavy", "5"),
        ("gateway", "none", "5"),
        ("gateway", "none", "6"),
    ];
    // Mostly waiting, so all at once.
    let pages = std::thread::scope(|scope| {
        let all = doors.map(|(door, faults, seed)| {
            let few = &few;
            scope.spawn(move || through(door, faults, seed, few))
        });
        all.map(|one| one.join().unwrap())
    });
    // Pages of nginx in the middle of everything, for calls that came and for calls that did not.
    let sums = [0, 1].map(|place| pages.iter().map(|pages| pages[place]).sum::<usize>());
    assert!(sums.iter().all(|pages| *pages > 20), "{sums:?} of 502 and 504");
}

/// Works the cards off through one of nginx's doors; how many pages of 502 and 504 its gateway sent.
fn through(door: &str, faults: &str, seed: &str, few: &str) -> [usize; 2] {
    let servers = Servers::start(&["--rest", "--hurried", "--seed", seed, "--faults", faults]);
    let host = servers.doors[0].strip_prefix("http://").unwrap();
    let nginx = Nginx::before(host);
    let at = match door {
        "chunked" => &nginx.chunked,
        "closing" => &nginx.closing,
        _ => &nginx.gateway,
    };
    let desk = Desk::new();
    let cards = desk.path("few.csv");
    std::fs::write(&cards, few).unwrap();
    let through = format!("http://{at}");
    let args = ["--rest", "--hurried", "--issuers", &servers.doors[0], "--through", &through];
    let ran = run(desk.command(&cards).args(args));
    assert_eq!(ran.code, Some(0), "{door}, {faults}: {ran:?}");
    assert!(ran.out.contains("oracle          agrees"), "{door}, {faults}: {ran:?}");
    let (report, summary) = (servers.report(), desk.summary());
    assert_eq!((&report["twice"], &report["unbacked"]), (&0.into(), &0.into()), "{door}, {faults}: {report}");
    let sold = summary["states"]["retired"].as_u64().unwrap();
    eprintln!("{door}, {faults}: {sold} sold, {}", report["counts"]);
    let good = expected(100);
    assert!(if door == "chunked" { sold == good } else { sold > good / 2 }, "{door}, {faults}: {summary}");
    assert_eq!(summary["oracle"]["unexplained"], 0, "{door}, {faults}: {summary}");
    let pages = ["502", "504"].map(|status| nginx.count("gateway", status));
    eprintln!("{door}: {pages:?} of 502 and 504, {}", summary["states"]);
    pages
}
