//! `kill -9` of a service under load, again and again over the same store: the next one goes on, and every
//! card is debited and paid once.
//!
//! `SCRIP_KILLS` sets the number of kills over both stores together (16).

use crate::stage::{ENGINE, STORE, Shaky, check, config, open, request, world};
use scrip::host::service::{Limits, Promise};
use scrip::host::{Journal, Report, Sqlite, Store};
use scrip::sim::Oracle;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PLACE: &str = "SCRIP_SERVED_AT";
const KIND: &str = "SCRIP_SERVED_FROM";
const MANY: usize = 300;
/// So often one store is hit before it may finish.
const HITS: u32 = 2;

/// Says something to the process that kills this one.
fn say(what: &str) {
    println!("said {what}");
    std::io::stdout().flush().unwrap();
}

/// Redeems what is left of all cards, and says which threads commit.
fn serve<S: Store + Send + 'static>(store: S, issuers: &Path) {
    let store = Shaky::over(store);
    let service = open(store.clone(), world(&config(Some(issuers))), Limits::default());
    let client = service.client();
    say("open");
    let watched = client.clone();
    let watching = thread::spawn(move || {
        let mut known = BTreeSet::new();
        while watched.health().is_live() {
            store.committed_by().into_iter().filter(|by| known.insert(by.clone())).for_each(|by| say(&by));
            thread::sleep(Duration::from_millis(1));
        }
    });
    let promises: Vec<_> = (0..MANY).map(|n| client.redeem(request(n))).collect();
    let outcomes: Vec<_> = promises.into_iter().map(Promise::wait).collect();
    for outcome in outcomes {
        assert_eq!(outcome.unwrap().state(), "retired");
    }
    service.drain(10_000).wait().unwrap();
    watching.join().unwrap();
    say("done");
}

/// Not a test by itself: the process that is killed.
#[test]
fn the_service_that_is_killed() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let place = Path::new(&place);
    std::fs::create_dir_all(place.join("issuers")).unwrap();
    let issuers = place.join("issuers");
    match std::env::var(KIND).as_deref() {
        Ok("journal") => serve(Journal::open(place.join("store")).unwrap(), &issuers),
        _ => serve(Sqlite::open(place.join("store")).unwrap(), &issuers),
    }
}

/// What such a process said, and how long it took from when it was open.
struct Ran {
    said: BTreeSet<String>,
    took: Duration,
}

/// Lets it run, and kills it after a while if that is said.
fn ran(kind: &str, place: &Path, kill_after: Option<Duration>) -> Ran {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::the_service_that_is_killed", "--exact", "--nocapture"])
        .env(PLACE, place)
        .env(KIND, kind)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // With one thread for all tests their names stand before it on the line.
    let said = |line: String| line.rsplit_once("said ").map(|(_, what)| what.to_string());
    let mut heard = lines.map_while(Result::ok).filter_map(said);
    let mut said: BTreeSet<String> = heard.by_ref().take(1).collect();
    let begun = Instant::now();
    if let Some(after) = kill_after {
        thread::sleep(after);
        child.kill().unwrap();
    }
    said.extend(heard);
    let status = child.wait().unwrap();
    let killed = kill_after.is_some() && status.code().is_none();
    assert!(said.contains("open") && (killed || said.contains("done")), "{status:?} {said:?}");
    Ran { said, took: begun.elapsed() }
}

/// Tells which threads have committed.
fn kills(kind: &str, check_store: &dyn Fn(&Path) -> Report) -> BTreeSet<String> {
    let kills = std::env::var("SCRIP_KILLS").map_or(16, |text| text.parse::<u32>().unwrap()).div_ceil(2);
    let folder = tempfile::tempdir().unwrap();
    let whole = ran(kind, &folder.path().join("undisturbed"), None);
    let (mut said, mut hits) = (whole.said, 0);
    for round in 0.. {
        if hits >= kills {
            break;
        }
        let place = folder.path().join(format!("round-{round}"));
        for hit in 0..HITS {
            // Spread over the run: by the golden ratio.
            let part = u128::from(round * HITS + hit + 1) * 618_034 % 1_000_000;
            let micros = u64::try_from(whole.took.as_micros() * part / 1_000_000).unwrap();
            let killed = ran(kind, &place, Some(Duration::from_micros(micros)));
            let done = killed.said.contains("done");
            said.extend(killed.said);
            if done {
                break;
            }
            hits += 1;
            assert_eq!(check_store(&place.join("store")).findings, vec![], "round {round}, kill {hit}");
            let paid = Oracle::read(&place.join("issuers")).unwrap().payouts().len();
            eprintln!("{kind}: killed after {micros} us of {:?}, {paid} paid", whole.took);
        }
        ran(kind, &place, None);
        check(&Oracle::read(&place.join("issuers")).unwrap(), MANY);
    }
    said
}

#[test]
fn a_service_over_a_journal_that_is_killed_goes_on_and_does_everything_once() {
    let said = kills("journal", &|place| Journal::open(place).unwrap().check().unwrap());
    // The other one too, where the disk syncs in less than half a millisecond.
    assert!(said.contains(STORE), "{said:?}");
    eprintln!("the engine's thread has committed: {}", said.contains(ENGINE));
}

#[test]
fn a_service_over_sqlite_that_is_killed_goes_on_and_does_everything_once() {
    kills("sqlite", &|place| Sqlite::open(place).unwrap().check().unwrap());
}
