//! The SQLite store as a file: which files it takes, two processes at one file, a crash, what a
//! person sees, and what is left of erased content.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]
#![cfg(feature = "sqlite")]

use rusqlite::Connection;
use scrip::base::{BatchId, Digest, Key16, RedemptionId, Wall};
use scrip::engine::Recovery;
use scrip::host::{Described, Sqlite, Store, StoreError};
use scrip::ledger::{Account, AccountKind, Posting};
use scrip::money::{Amount, Currency};
use scrip::record::{Batch, Claim, ClaimKind, Frame, Record, Side, SideMark, Unit};
use scrip::risk::Sighting;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    (folder, path)
}

fn take_over(store: &mut Sqlite) -> u64 {
    store.recover(&mut Recovery::new()).unwrap()
}

fn batch(epoch: u64, sequence: u64, previous: Digest, units: Vec<Unit>, sides: Vec<Side>) -> Batch {
    let id = BatchId { epoch, sequence };
    Batch::new(Frame { id, log: 0, wall: Wall(1_764_000_000_000), previous, units }, sides)
}

fn unit(n: u8, expected: u32) -> Unit {
    let money = |minor| Amount::new(minor, Currency::CNY);
    Unit {
        redemption: RedemptionId([n; 16]),
        expected,
        due: Some(Wall(1_764_000_000_000)),
        claims: vec![Claim { key: Key16([n; 16]), kind: ClaimKind::Card, generation: 0 }],
        sightings: vec![Sighting { subject: Key16([n; 16]), at: Wall(5), value: 100 }],
        postings: vec![
            Posting { account: Account::of(AccountKind::Fee), amount: money(7) },
            Posting { account: Account::of(AccountKind::Float), amount: money(-7) },
        ],
        summary: b"paid".to_vec(),
        records: [Record { kind: 1, version: 1, body: &[n; 9] }].into(),
        ..Unit::default()
    }
}

fn refusal(path: &Path) -> StoreError {
    Sqlite::open(path).expect_err("this is no store that can be opened")
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let (_folder, path) = place();
    take_over(&mut Sqlite::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert_eq!(refusal(&path), StoreError::Newer { found: 7, known: 1 });
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let (_folder, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes (text)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(refusal(&path), StoreError::Corrupt(text) if text.contains("another program")));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let (folder, path) = place();
    let text = "seller_id,product\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    assert!(matches!(refusal(&path), StoreError::Corrupt(text) if text.contains("not a database")));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert!(matches!(refusal(folder.path()), StoreError::Failed(_)), "a folder");
    assert!(matches!(refusal(&folder.path().join("no/such/folder")), StoreError::Failed(_)));
    for not_a_file in ["", ":memory:"] {
        assert!(matches!(refusal(Path::new(not_a_file)), StoreError::Failed(_)), "{not_a_file:?}");
    }
}

#[test]
fn an_empty_file_becomes_a_store() {
    let (_folder, path) = place();
    std::fs::write(&path, "").unwrap();
    assert_eq!(take_over(&mut Sqlite::open(&path).unwrap()), 1);
    assert_eq!(take_over(&mut Sqlite::open(&path).unwrap()), 2);
}

#[test]
fn of_two_writers_the_later_one_writes() {
    let (_folder, path) = place();
    let mut first = Sqlite::open(&path).unwrap();
    let mut second = Sqlite::open(&path).unwrap();
    let (old, new) = (take_over(&mut first), take_over(&mut second));
    let fenced = first.commit(&mut batch(old, 1, Digest::default(), vec![unit(1, 0)], vec![]));
    assert_eq!(fenced, Err(StoreError::Fenced { own: old, current: new }));
    second.commit(&mut batch(new, 1, Digest::default(), vec![unit(2, 0)], vec![])).unwrap();
    assert_eq!(first.load(RedemptionId([1; 16])), Ok(None));
}

#[test]
fn what_was_committed_is_there_after_a_crash() {
    let (folder, path) = place();
    let mut store = Sqlite::open(&path).unwrap();
    let epoch = take_over(&mut store);
    let first = batch(epoch, 1, Digest::default(), vec![unit(1, 0)], vec![]);
    store.commit(&mut first.clone()).unwrap();
    // The files as they are on the disk at this moment: the store is still open and nothing has
    // been carried over from the write-ahead log.
    let crashed = folder.path().join("crashed");
    std::fs::copy(&path, &crashed).unwrap();
    std::fs::copy(folder.path().join("store-wal"), folder.path().join("crashed-wal")).unwrap();
    let mut after = Sqlite::open(&crashed).unwrap();
    let mut recovery = Recovery::new();
    assert_eq!(after.recover(&mut recovery), Ok(epoch + 1));
    assert_eq!(recovery.last(), Some(first.id()));
    assert_eq!(after.load(RedemptionId([1; 16])), store.load(RedemptionId([1; 16])));
    assert_eq!(after.due(Wall(i64::MAX), 9).unwrap().len(), 1);
}

/// A torn end of the write-ahead log is a batch that was not committed, as after a power cut.
#[test]
fn a_commit_that_is_cut_off_never_was() {
    let (folder, path) = place();
    let mut store = Sqlite::open(&path).unwrap();
    let epoch = take_over(&mut store);
    let wal = folder.path().join("store-wal");
    let first = batch(epoch, 1, Digest::default(), vec![unit(1, 0)], vec![]);
    store.commit(&mut first.clone()).unwrap();
    let one = std::fs::read(&wal).unwrap().len();
    store.commit(&mut batch(epoch, 2, first.digest(), vec![unit(2, 0)], vec![])).unwrap();
    let two = std::fs::read(&wal).unwrap();
    for (n, cut) in (one..two.len()).step_by((two.len() - one) / 12).enumerate() {
        let crashed = folder.path().join(format!("crashed{n}"));
        std::fs::copy(&path, &crashed).unwrap();
        std::fs::write(folder.path().join(format!("crashed{n}-wal")), &two[..cut]).unwrap();
        let mut recovery = Recovery::new();
        let mut after = Sqlite::open(&crashed).unwrap();
        after.recover(&mut recovery).unwrap();
        assert_eq!(recovery.last(), Some(first.id()), "cut at {cut} of {}", two.len());
        assert_eq!(after.load(RedemptionId([2; 16])), Ok(None));
    }
}

#[test]
fn a_person_can_read_the_tables() {
    fn describe(summary: &[u8]) -> Option<Described<'_>> {
        let state = core::str::from_utf8(summary).ok()?;
        let (face, payout) = (Some(10_000), Some(9_000));
        Some(Described {
            state: Some(state.into()),
            request_id: Some("R-1".into()),
            face_minor: face,
            payout_minor: payout,
            ..Described::default()
        })
    }
    let (_folder, path) = place();
    let mut store = Sqlite::open_with(&path, describe).unwrap();
    let epoch = take_over(&mut store);
    let refused = Unit { claims: unit(1, 0).claims, ..unit(2, 0) };
    store.commit(&mut batch(epoch, 1, Digest::default(), vec![unit(1, 0), refused], vec![])).unwrap();
    // Beside the running store, as a person would.
    let look = Connection::open(&path).unwrap();
    let text = |sql: &str| look.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    let id = "01".repeat(16);
    let redemption = "SELECT concat_ws('|', id, state, request_id, face_minor, payout_minor, kept, due)
        FROM show_redemptions";
    assert_eq!(text(redemption), format!("{id}|paid|R-1|10000|9000|in memory|2025-11-24T16:00:00Z"));
    let claim = "SELECT concat_ws('|', key, kind, generation, status, holder) FROM show_claims";
    assert_eq!(text(claim), format!("{id}|card|0|held|{id}"));
    let frame = "SELECT concat_ws('|', sequence, epoch, wall, refused) FROM show_frames";
    assert_eq!(text(frame), "1|1|2025-11-24T16:00:00Z|1");
    let sighting = "SELECT concat_ws('|', subject, place, redemption, at, value) FROM show_sightings LIMIT 1";
    assert_eq!(text(sighting), format!("{id}|0|{id}|1970-01-01T00:00:00Z|100"));
    let balances =
        "SELECT group_concat(account || ' ' || balance_minor || ' ' || currency, ', ') FROM accounts";
    assert_eq!(text(balances), "fee 7 CNY, float -7 CNY");
}

/// The tool of Debian and of most other systems must understand the file too.
#[test]
fn the_command_line_tool_shows_the_tables() {
    let (_folder, path) = place();
    let mut store = Sqlite::open(&path).unwrap();
    let epoch = take_over(&mut store);
    store.commit(&mut batch(epoch, 1, Digest::default(), vec![unit(1, 0)], vec![])).unwrap();
    let run = |what: &str| Command::new("sqlite3").arg(&path).arg(what).output();
    let Ok(tables) = run(".tables") else {
        eprintln!("sqlite3 is not installed: not looked at");
        return;
    };
    let tables = String::from_utf8(tables.stdout).unwrap();
    for table in ["accounts", "claims", "frames", "meta", "records", "redemptions", "sides", "sightings"] {
        assert!(tables.split_whitespace().any(|name| name == table), "{table} is not in {tables}");
        let view = format!("show_{table}");
        let sql = format!("SELECT * FROM {}", if tables.contains(&view) { &view } else { table });
        assert!(run(&sql).unwrap().status.success(), "{sql}");
    }
    assert_eq!(run("PRAGMA integrity_check").unwrap().stdout, b"ok\n");
}

#[test]
fn erased_content_is_gone_from_the_files() {
    let (folder, path) = place();
    let secret = b"sealed content, to be found by its bytes";
    let mut store = Sqlite::open(&path).unwrap();
    let epoch = take_over(&mut store);
    let side = |content: Option<&[u8]>| Side {
        redemption: RedemptionId([1; 16]),
        slot: 1,
        content: content.map(<[u8]>::to_vec),
    };
    let with = |expected, content: Option<&[u8]>| Unit {
        sides: vec![SideMark { slot: 1, content: content.map(Frame::digest) }],
        ..unit(1, expected)
    };
    let holders = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        let holds = |path: &PathBuf| std::fs::read(path).unwrap().windows(secret.len()).any(|w| w == secret);
        files.filter(holds).count()
    };
    let put = batch(epoch, 1, Digest::default(), vec![with(0, Some(secret))], vec![side(Some(secret))]);
    store.commit(&mut put.clone()).unwrap();
    store.checkpoint(put.id(), b"state").unwrap();
    assert_eq!(holders(), 1, "it lies in the database");
    let erase = batch(epoch, 2, put.digest(), vec![with(1, None)], vec![side(None)]);
    store.commit(&mut erase.clone()).unwrap();
    store.checkpoint(erase.id(), b"state").unwrap();
    assert_eq!(holders(), 0, "and nowhere any more");
}
