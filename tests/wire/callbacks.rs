//! Platforms that say "later" and call back.

use crate::job::{Desk, ISSUER_CARDS, run};
use crate::jobs::{assert_once, few_cards};
use crate::servers::Servers;
use serde_json::Value;

const CARDS: usize = 120;

/// What came of it where nothing is in the way, in virtual time.
fn simulated() -> Value {
    let desk = Desk::new();
    let few = few_cards(&desk, CARDS);
    let ran = run(desk.command(&few).args(["--later", "--issuer-cards", ISSUER_CARDS]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    desk.summary()
}

/// The main job with these servers; the same as in the simulation comes of it.
fn agrees(args: &[&str], expected: &Value) -> Servers {
    let servers = Servers::start(&[&["--later"], args].concat());
    let desk = Desk::new();
    let few = few_cards(&desk, CARDS);
    let ran = run(desk.command(few).args(["--later", "--issuers", &servers.doors.join(",")]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{args:?}: {ran:?}");
    let summary = desk.summary();
    for same in ["lines", "states", "totals", "ledger_balance_minor", "oracle"] {
        assert_eq!(summary[same], expected[same], "{args:?}: {same}");
    }
    assert_once(&servers.report());
    servers
}

/// How many cards of these issuers were sold: for each a receipt is asked for, which they take as a
/// query.
fn sold(summary: &Value) -> u64 {
    let issuers = summary["issuers"].as_array().unwrap().iter();
    let theirs = issuers.filter(|row| row["issuer"] == "fuel" || row["issuer"] == "telecom");
    theirs.filter(|row| row["state"] == "retired").map(|row| row["count"].as_u64().unwrap()).sum()
}

#[test]
fn callback_and_poll_in_any_order_end_in_the_same_state() {
    let expected = simulated();
    let receipts = sold(&expected);
    // The ladder asks after a second, and then after three more.
    let first = agrees(&["--callback-delay", "50"], &expected);
    let orders = first.count("acknowledged callbacks");
    assert!(orders > 20, "{}", first.report());
    let asked = first.count("query") - receipts;
    assert!(asked < orders / 2, "{asked} queries after {orders} callbacks");
    let mixed = agrees(&["--callback-delay", "1000"], &expected);
    assert!(mixed.count("acknowledged callbacks") <= orders, "{}", mixed.report());
    let last = agrees(&["--callback-delay", "1800"], &expected);
    assert!(
        last.count("query") - receipts >= orders,
        "each was asked for before its callback: {}",
        last.report()
    );
}

#[test]
fn forged_garbled_and_repeated_callbacks_change_nothing() {
    let expected = simulated();
    for prank in ["callback_forged", "callback_garbled", "callback_twice"] {
        let servers = agrees(&["--callback-delay", "50", "--fault", &format!("{prank}=1")], &expected);
        let (times, report) = (servers.count(prank), servers.report());
        assert!(times > 20, "{prank}: {report}");
        assert_eq!(servers.count("acknowledged callbacks"), times, "{prank}: {report}");
        let (refused, again) = if prank == "callback_twice" { (0, times) } else { (times, 0) };
        assert_eq!(servers.count("refused callbacks"), refused, "{prank}: {report}");
        assert_eq!(servers.count("acknowledged again"), again, "{prank}: {report}");
        assert_eq!(servers.count("believed forgeries"), 0, "{prank}: {report}");
    }
}
