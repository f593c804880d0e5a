//! `kill -9` of a process that commits, again and again on the same store: what it had said was
//! durable is there, and the store is whole.
//!
//! `SCRIP_KILLS` sets the number of kills for both stores together (50; a fifth of them here).

use crate::log::Trade;
use scrip::engine::Recovery;
use scrip::host::{Journal, JournalOptions, Report, Sqlite, Store};
use scrip::record::Frame;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const PLACE: &str = "SCRIP_KILLED_AT";
const KIND: &str = "SCRIP_KILLED_STORE";

fn resumed(store: &mut impl Store) -> Trade {
    let mut trade = Trade::default();
    store.frames(&mut |frame, _| trade.last = (trade.last.0 + 1, Frame::digest(frame))).unwrap();
    trade
}

/// Commits for ever, and says after each batch which it was.
fn commit_for_ever(store: &mut impl Store) {
    let epoch = store.recover(&mut Recovery::new()).unwrap();
    let mut trade = resumed(store);
    loop {
        let mut batch = trade.step(epoch);
        store.commit(&mut batch).unwrap();
        println!("durable {}", batch.id().sequence);
        std::io::stdout().flush().unwrap();
    }
}

fn open(path: &Path) -> Journal {
    let options = JournalOptions { first_segment: 16 << 10, largest_segment: 64 << 10, ..Default::default() };
    Journal::open_with(path, &options).unwrap()
}

/// Not a test by itself: the process that is killed.
#[test]
fn the_process_that_is_killed() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    match std::env::var(KIND).as_deref() {
        Ok("journal") => commit_for_ever(&mut open(Path::new(&place))),
        _ => commit_for_ever(&mut Sqlite::open(&place).unwrap()),
    }
}

/// Kills such a process after a while; tells the last batch that it said was durable.
fn killed(kind: &str, place: &Path, after: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::the_process_that_is_killed", "--exact", "--nocapture"])
        .env(PLACE, place)
        .env(KIND, kind)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let durable = |line: &str| line.rsplit_once("durable ").and_then(|(_, number)| number.parse().ok());
    // The time counts from its first batch on: before, it opens the store.
    let first = lines.by_ref().map_while(Result::ok).find_map(|line| durable(&line));
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    lines.map_while(Result::ok).filter_map(|line| durable(&line)).last().or(first).unwrap()
}

fn kills(kind: &str, check: &dyn Fn(&Path) -> (Report, u64)) {
    let kills = std::env::var("SCRIP_KILLS").map_or(50, |text| text.parse::<u32>().unwrap()).div_ceil(10);
    let folder = tempfile::tempdir().unwrap();
    let (place, mut before) = (folder.path().join("store"), 0);
    for kill in 0..kills {
        let after = Duration::from_micros(u64::from(kill) * 7_919 % 60_000);
        let durable = killed(kind, &place, after);
        assert!(durable > before, "{kind}: nothing was committed in {after:?}");
        let (report, found) = check(&place);
        assert!(found >= durable && found <= durable + 1, "{kind}: {found} of {durable}");
        assert_eq!((report.batches, report.findings), (found, vec![]), "{kind}, kill {kill}");
        before = found;
    }
}

#[test]
fn a_journal_that_is_killed_has_lost_nothing() {
    kills("journal", &|place| {
        let mut store = open(place);
        let report = store.check().unwrap();
        crate::log::stands_at(&mut store, report.batches);
        (report, resumed(&mut store).last.0)
    });
}

#[test]
fn an_sqlite_store_that_is_killed_has_lost_nothing() {
    kills("sqlite", &|place| {
        let mut store = Sqlite::open(place).unwrap();
        (store.check().unwrap(), resumed(&mut store).last.0)
    });
}
