//! The journal as a folder of files: what it takes, and two processes at one.

use crate::log::{Trade, id, stands_at};
use scrip::base::{BatchId, Wall};
use scrip::engine::Recovery;
use scrip::host::{Journal, Sqlite, Store, StoreError};
use scrip::record::{Record, Unit};
use std::path::Path;

/// A journal of five batches, closed; tells the last one.
fn five_batches(path: &Path) -> BatchId {
    let mut journal = Journal::open(path).unwrap();
    let epoch = journal.recover(&mut Recovery::new()).unwrap();
    Trade::default().run(&mut journal, epoch, 5).id()
}

#[test]
fn one_has_it_open_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let first = Journal::open(&path).unwrap();
    assert!(matches!(Journal::open(&path).map(drop), Err(StoreError::Busy(_))));
    drop(first);
    Journal::open(&path).unwrap();
}

#[test]
fn what_is_no_journal_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "a text").unwrap();
    let refused = Journal::open(folder.path()).map(drop);
    assert!(
        matches!(&refused, Err(StoreError::Corrupt(text)) if text.contains("something else")),
        "{refused:?}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let file = folder.path().join("notes.txt");
    assert!(
        matches!(Journal::open(&file).map(drop), Err(StoreError::Failed(text)) if text.contains("is a file"))
    );
    assert!(Journal::open(folder.path().join("no/such/folder")).is_err());
}

#[test]
fn the_tables_are_no_store_of_their_own_and_may_be_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    five_batches(&path);
    let tables = path.join("tables.db");
    let refused = Sqlite::open(&tables).map(drop);
    assert!(matches!(&refused, Err(StoreError::Corrupt(text)) if text.contains("journal")), "{refused:?}");
    std::fs::remove_file(tables).unwrap();
    stands_at(&mut Journal::open(&path).unwrap(), 5);
}

#[test]
fn tables_that_are_none_any_more_are_named_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    five_batches(&path);
    let tables = path.join("tables.db");
    std::fs::write(&tables, "a text that somebody has put there in the place of a database\n").unwrap();
    let Err(StoreError::Corrupt(text)) = Journal::open(&path).map(drop) else { panic!("it was opened") };
    assert!(text.starts_with(tables.to_str().unwrap()) && text.contains("moved away"), "{text}");
    std::fs::rename(&tables, folder.path().join("tables.db")).unwrap();
    stands_at(&mut Journal::open(&path).unwrap(), 5);
}

/// Tables of the format before had the records themselves; they are made anew.
#[test]
fn tables_of_an_earlier_format_are_made_anew_and_the_checkpoint_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let last = five_batches(&path);
    let tables = rusqlite::Connection::open(path.join("tables.db")).unwrap();
    let set = "INSERT INTO meta VALUES ('checkpoint', x'070707'), ('checkpoint_sequence', 5)";
    tables.execute(set, []).unwrap();
    tables.execute_batch("DROP TABLE redemptions; PRAGMA user_version = 1").unwrap();
    drop(tables);
    let mut journal = Journal::open(&path).unwrap();
    stands_at(&mut journal, 5);
    assert_eq!(journal.check().unwrap().findings, []);
    let text = format!("{:?}", journal.recover(&mut Recovery::new()));
    assert!(last.sequence == 5 && text.starts_with("Err"), "the checkpoint is read, and is none: {text}");
}

#[test]
fn a_redemption_with_a_long_past_is_handed_over_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path().join("journal")).unwrap();
    let epoch = journal.recover(&mut Recovery::new()).unwrap();
    let mut trade = Trade::default();
    let mut wanted = Vec::new();
    for n in 0..200_u32 {
        let body = n.to_le_bytes();
        let record = Record { kind: 1, version: 1, body: &body };
        record.encode(&mut wanted);
        let due = Some(Wall(9));
        let unit = Unit { redemption: id(1), expected: n, due, records: [record].into(), ..Unit::default() };
        journal.commit(&mut trade.batch(epoch, vec![unit], vec![])).unwrap();
        // Sometimes the tables hold it, sometimes memory does.
        if n % 3 == 0 && n < 190 {
            journal.settle().unwrap();
        }
    }
    assert_eq!(journal.load(id(1)).unwrap().unwrap().log, wanted);
    assert_eq!(journal.check().unwrap().findings, []);
}
