//! Checks, backups and conversions, of the journal and of the SQLite store.

use crate::log::{Trade, id, scratch, stands_at};
use rusqlite::Connection;
use scrip::base::{Digest, RedemptionId};
use scrip::engine::Recovery;
use scrip::host::{Finding, Journal, Sqlite, Store, StoreError};
use scrip::record::{Batch, FrameError};
use std::path::{Path, PathBuf};

fn sqlite(path: &Path, batches: u64) -> (Sqlite, Trade) {
    let (mut store, mut trade) = (Sqlite::open(path).unwrap(), Trade::default());
    let epoch = store.recover(&mut Recovery::new()).unwrap();
    (0..batches).for_each(|_| store.commit(&mut trade.step(epoch)).unwrap());
    (store, trade)
}

fn journal(path: &Path, batches: u64) -> (Journal, Trade) {
    let (mut store, mut trade) = (Journal::open(path).unwrap(), Trade::default());
    let epoch = store.recover(&mut Recovery::new()).unwrap();
    trade.run(&mut store, epoch, batches);
    (store, trade)
}

fn spoil(path: PathBuf, sql: &str) {
    assert!(Connection::open(path).unwrap().execute(sql, []).unwrap() > 0, "{sql}");
}

#[test]
fn a_sound_store_has_nothing_to_be_found() {
    let dir = scratch();
    let report = sqlite(&dir.path().join("file"), 7).0.check().unwrap();
    assert_eq!((report.batches, report.redemptions, report.findings), (7, 7, vec![]));
    let report = journal(&dir.path().join("folder"), 7).0.check().unwrap();
    assert_eq!((report.batches, report.redemptions, report.findings), (7, 7, vec![]));
}

type Is = fn(&Finding) -> bool;

#[test]
fn what_is_not_as_the_frames_say_is_found_and_named() {
    let one: RedemptionId = id(3);
    let hex = format!("x'{one}'");
    let cases: [(&str, Is); 8] = [
        ("UPDATE redemptions SET summary = x'00' WHERE id = HEX", |f| *f == Finding::Redemption(id(3))),
        ("DELETE FROM records WHERE part = 1", |f| matches!(f, Finding::Redemption(_))),
        ("UPDATE claims SET status = 2 WHERE holder = 3", |f| matches!(f, Finding::Claim(_))),
        ("DELETE FROM claims WHERE holder = 3", |f| matches!(f, Finding::Claim(_))),
        ("DELETE FROM sightings WHERE place = 2", |f| matches!(f, Finding::Sightings(_))),
        ("UPDATE accounts SET balance_minor = 1 WHERE account = 'fee'", |f| {
            *f == Finding::Balance { account: "fee".into(), currency: "CNY" }
        }),
        ("DELETE FROM sides", |f| *f == Finding::Side { redemption: id(7), slot: 1 }),
        (
            "INSERT INTO claims VALUES (x'00000000000000000000000000000000', 1, 0, 1, 3)",
            |f| matches!(f, Finding::Claim(key) if key.0 == [0; 16]),
        ),
    ];
    for (sql, wanted) in cases {
        let (dir, sql) = (scratch(), sql.replace("HEX", &hex));
        let (file, path) = (dir.path().join("file"), dir.path().join("folder"));
        let mut store = sqlite(&file, 7).0;
        spoil(file, &sql);
        let found = store.check().unwrap().findings;
        assert!(found.iter().any(wanted), "{sql}: {found:?}");
        assert!(found.len() <= 2, "{sql}: {found:?}");
        drop(journal(&path, 7));
        // There the records are where the segments hold them.
        let sql = sql
            .replace("DELETE FROM records WHERE part", "UPDATE redemptions SET places = x'00' WHERE number");
        spoil(path.join("tables.db"), &sql);
        let found = Journal::open(&path).unwrap().check().unwrap().findings;
        assert!(found.iter().any(wanted), "{sql}: {found:?}");
    }
}

#[test]
fn a_frame_that_was_changed_is_found() {
    let dir = scratch();
    let mut store = sqlite(&dir.path().join("file"), 4).0;
    spoil(dir.path().join("file"), "UPDATE frames SET refused = x'' WHERE sequence = 2");
    assert_eq!(store.check().unwrap().findings, [Finding::Refused { sequence: 2 }]);
    spoil(dir.path().join("file"), "UPDATE frames SET bytes = zeroblob(99) WHERE sequence = 3");
    let found = store.check().unwrap().findings;
    assert!(found.contains(&Finding::Frame { sequence: 3, error: FrameError::Magic }), "{found:?}");
    assert!(found.iter().all(|finding| !finding.to_string().is_empty()));
}

#[test]
fn sealed_content_that_is_damaged_is_found() {
    let dir = scratch();
    let path = dir.path().join("folder");
    let (mut store, _) = journal(&path, 4);
    // What is behind the batch makes it one that was taken.
    store.recover(&mut Recovery::new()).unwrap();
    drop(store);
    let segment = path.join("segment-00000001");
    let mut bytes = std::fs::read(&segment).unwrap();
    let secret = crate::log::sealed(4);
    let at = bytes.windows(secret.len()).position(|window| window == secret).unwrap();
    bytes[at + 3] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let mut store = Journal::open(&path).unwrap();
    assert_eq!(store.check().unwrap().findings, [Finding::Side { redemption: id(4), slot: 1 }]);
    assert!(matches!(store.load(id(4)), Err(StoreError::Corrupt(_))));
}

#[test]
fn a_backup_is_a_store_of_its_own_and_the_writer_goes_on() {
    let dir = scratch();
    let (file, path) = (dir.path().join("file"), dir.path().join("folder"));
    let (mut store, mut trade) = sqlite(&file, 5);
    Sqlite::backup(&file, dir.path().join("file-copy")).unwrap();
    store.commit(&mut trade.step(1)).unwrap();
    let mut copy = Sqlite::open(dir.path().join("file-copy")).unwrap();
    let report = copy.check().unwrap();
    assert_eq!((report.batches, report.findings), (5, vec![]));
    assert!(matches!(Sqlite::backup(&file, dir.path().join("file-copy")), Err(StoreError::Failed(_))));

    let (mut store, mut trade) = journal(&path, 5);
    store.settle().unwrap();
    trade.run(&mut store, 1, 2);
    Journal::backup(&path, dir.path().join("copy")).unwrap();
    trade.run(&mut store, 1, 3);
    let mut copy = Journal::open(dir.path().join("copy")).unwrap();
    let report = copy.check().unwrap();
    assert!((5..=7).contains(&report.batches) && report.findings.is_empty(), "{report:?}");
    stands_at(&mut copy, report.batches);
    stands_at(&mut store, 10);
    let epoch = copy.recover(&mut Recovery::new()).unwrap();
    assert_eq!(epoch, 2, "it goes on by itself");
    assert!(matches!(Journal::backup(&path, dir.path().join("copy")), Err(StoreError::Failed(_))));
}

/// A backup while another thread commits is as of one batch, whichever it is.
#[test]
fn backups_in_the_middle_of_the_work_are_whole() {
    let dir = scratch();
    let path = dir.path().join("folder");
    let (mut store, mut trade) = journal(&path, 1);
    let copies = std::thread::scope(|scope| {
        let copier = scope.spawn(|| {
            for n in 0..4 {
                Journal::backup(&path, dir.path().join(format!("copy{n}"))).unwrap();
            }
        });
        let mut batches = 1;
        while !copier.is_finished() {
            trade.run(&mut store, 1, 1);
            batches += 1;
        }
        batches
    });
    for n in 0..4 {
        let report = Journal::open(dir.path().join(format!("copy{n}"))).unwrap().check().unwrap();
        assert!(report.batches <= copies && report.findings.is_empty(), "{report:?}");
    }
}

#[test]
fn an_sqlite_store_becomes_a_journal_that_goes_on() {
    let dir = scratch();
    let (file, path) = (dir.path().join("file"), dir.path().join("folder"));
    let (mut old, trade) = sqlite(&file, 6);
    let end: Batch = trade.clone().step(1);
    old.checkpoint(scrip::base::BatchId { epoch: 1, sequence: 6 }, b"state").unwrap();
    // What a conversion that was killed leaves is in nobody's way.
    std::fs::create_dir(path.with_extension("part")).unwrap();
    std::fs::write(path.with_extension("part").join("segment-00000001"), "cut").unwrap();
    Journal::convert(&file, &path).unwrap();
    assert!(!path.with_extension("part").exists());
    let fenced = old.commit(&mut end.clone());
    assert!(matches!(fenced, Err(StoreError::Fenced { own: 1, .. })), "{fenced:?}");
    let mut new = Journal::open(&path).unwrap();
    stands_at(&mut new, 6);
    assert_eq!(new.check().unwrap().findings, []);
    assert!(new.recover(&mut Recovery::new()).is_err(), "the checkpoint came along: it is no real one");
    assert!(matches!(Journal::convert(&file, &path), Err(StoreError::Failed(_))));
    assert!(matches!(
        Journal::convert(dir.path().join("none"), dir.path().join("x")),
        Err(StoreError::Failed(_))
    ));
    let real = dir.path().join("real");
    let (_, mut trade) = sqlite(&dir.path().join("other"), 6);
    Journal::convert(dir.path().join("other"), &real).unwrap();
    let mut new = Journal::open(&real).unwrap();
    let epoch = new.recover(&mut Recovery::new()).unwrap();
    assert_eq!(epoch, 3, "after the one that fenced the old writer off");
    trade.run(&mut new, epoch, 3);
    stands_at(&mut new, 9);
    assert_ne!(trade.last.1, Digest::default());
}
