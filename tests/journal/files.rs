//! The journal as a folder of files: what it takes, and two processes at one.

use crate::log::{Trade, stands_at};
use scrip::engine::Recovery;
use scrip::host::{Journal, Sqlite, Store, StoreError};

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
    let mut journal = Journal::open(&path).unwrap();
    let epoch = journal.recover(&mut Recovery::new()).unwrap();
    Trade::default().run(&mut journal, epoch, 5);
    drop(journal);
    let tables = path.join("tables.db");
    let refused = Sqlite::open(&tables).map(drop);
    assert!(matches!(&refused, Err(StoreError::Corrupt(text)) if text.contains("journal")), "{refused:?}");
    std::fs::remove_file(tables).unwrap();
    stands_at(&mut Journal::open(&path).unwrap(), 5);
}
