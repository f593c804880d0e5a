//! Tests: what is left when the database refuses in the middle.

use super::{Sqlite, Store, StoreError, read, recover};
use crate::base::{BatchId, Digest, Key16, RedemptionId, Wall};
use crate::engine::Recovery;
use crate::ledger::{Account, AccountKind, Posting};
use crate::money::{Amount, Currency};
use crate::record::{Batch, Claim, ClaimKind, Frame, Index, Record, Side, SideMark, Unit};
use crate::risk::{Recall, RecallKind, Sighting};
use std::time::Duration;
use std::vec::Vec;
use std::{format, vec};

fn open(folder: &tempfile::TempDir) -> Sqlite {
    let mut store = Sqlite::open(folder.path().join("store")).unwrap();
    store.recover(&mut Recovery::new()).unwrap();
    store
}

/// A batch with something for every table, and two units of which the second is refused.
fn batch(sequence: u64, previous: Digest) -> Batch {
    let name = |n: u8| [n; 16];
    let subject = Key16(name(3));
    let unit = |n: u8| Unit {
        redemption: RedemptionId(name(n)),
        due: Some(Wall(9)),
        claims: vec![Claim { key: Key16(name(2)), kind: ClaimKind::Card, generation: 0 }],
        sightings: vec![Sighting { subject, at: Wall(1), value: 5 }],
        recalls: vec![Recall { subject, kind: RecallKind::Recent { within_ms: 1 } }],
        postings: vec![Posting {
            account: Account::of(AccountKind::Fee),
            amount: Amount::new(1, Currency::CNY),
        }],
        sides: vec![SideMark { slot: 1, content: Some(Frame::digest(&[7; 100])) }],
        records: [Record { kind: 1, version: 1, body: &[0; 400] }].into(),
        ..Unit::default()
    };
    let id = BatchId { epoch: 1, sequence };
    let side = Side { redemption: RedemptionId(name(10)), slot: 1, content: Some(vec![7; 100]) };
    Batch::new(Frame { id, log: 0, wall: Wall(0), previous, units: vec![unit(10), unit(11)] }, vec![side])
}

fn count(store: &Sqlite, table: &str) -> i64 {
    store.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

const TABLES: [&str; 7] = ["frames", "redemptions", "records", "claims", "sides", "sightings", "accounts"];

/// The batch is taken, with the answers it would have had without the trouble.
fn is_taken(store: &mut Sqlite, mut batch: Batch) {
    let mut reference = Index::new();
    reference.open();
    let mut wanted = batch.clone();
    reference.commit(&mut wanted).unwrap();
    store.commit(&mut batch).unwrap();
    assert_eq!(batch.verdicts(), wanted.verdicts());
    assert!(!batch.verdicts()[1].is_accepted());
    assert_eq!(TABLES.map(|table| count(store, table)), [1, 1, 1, 1, 1, 2, 1]);
}

#[test]
fn an_error_at_any_table_leaves_nothing_of_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    for table in TABLES {
        let trigger =
            format!("CREATE TRIGGER no BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END");
        store.connection.execute_batch(&trigger).unwrap();
        let mut batch = batch(1, Digest::default());
        let refused = store.commit(&mut batch);
        assert!(
            matches!(&refused, Err(StoreError::Failed(text)) if text.contains("no")),
            "{table}: {refused:?}"
        );
        assert!(batch.verdicts().iter().all(|v| v.is_accepted() && v.seen.is_empty()), "{table}");
        assert_eq!(TABLES.map(|table| count(&store, table)), [0; 7], "{table}");
        store.connection.execute_batch("DROP TRIGGER no").unwrap();
    }
    is_taken(&mut store, batch(1, Digest::default()));
}

#[test]
fn a_full_disk_is_told_and_the_batch_is_taken_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    let pages: i64 = store.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = |store: &Sqlite, pages: i64| {
        store.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    };
    limit(&store, pages);
    let mut large = batch(1, Digest::default()).frame().clone();
    large.units[0].records = [Record { kind: 1, version: 1, body: &[0; 100_000] }].into();
    let refused = store.commit(&mut Batch::new(large, vec![]));
    assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    assert_eq!(TABLES.map(|table| count(&store, table)), [0; 7]);
    limit(&store, 1_000_000);
    is_taken(&mut store, batch(1, Digest::default()));
}

#[test]
fn a_locked_database_is_busy_and_the_batch_is_taken_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    store.connection.busy_timeout(Duration::ZERO).unwrap();
    let other = rusqlite::Connection::open(folder.path().join("store")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.commit(&mut batch(1, Digest::default()));
    assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
    other.execute_batch("ROLLBACK").unwrap();
    is_taken(&mut store, batch(1, Digest::default()));
}

#[test]
fn an_error_at_the_end_of_the_transaction_is_uncertain_until_it_is_committed_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    // A broken reference is found by COMMIT itself.
    let broken = "PRAGMA foreign_keys = ON;
        CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER no AFTER INSERT ON frames BEGIN INSERT INTO child VALUES (1); END;";
    store.connection.execute_batch(broken).unwrap();
    let refused = store.commit(&mut batch(1, Digest::default()));
    assert!(matches!(refused, Err(StoreError::Uncertain(_))), "{refused:?}");
    store.connection.execute_batch("DROP TRIGGER no; PRAGMA foreign_keys = OFF").unwrap();
    is_taken(&mut store, batch(1, Digest::default()));
    // Nor does it harm if it was taken and the answer was lost.
    is_taken(&mut store, batch(1, Digest::default()));
}

#[test]
fn a_log_that_lost_its_end_is_not_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    let first = batch(1, Digest::default());
    is_taken(&mut store, first.clone());
    store.commit(&mut batch(2, first.digest())).unwrap();
    store.connection.execute("DELETE FROM frames WHERE sequence = 2", []).unwrap();
    let refused = store.recover(&mut Recovery::new());
    assert!(
        matches!(&refused, Err(StoreError::Corrupt(text)) if text.contains("ends at batch 1")),
        "{refused:?}"
    );
    let epoch: i64 = store
        .connection
        .query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(epoch, 1, "who cannot take over does not fence the writer off");
}

#[test]
fn what_is_due_and_what_was_in_memory_is_found_by_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let plan = |sql: &str| -> Vec<std::string::String> {
        let mut explain = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        explain.query_map([], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    for (sql, index) in [
        (read::DUE, "redemptions_to_hand_back"),
        (read::NEXT_DUE, "redemptions_to_hand_back"),
        (recover::LEFT_BEHIND, "redemptions_in_memory"),
    ] {
        let sql = sql.replace("?1", "5").replace("?2", "9");
        let plan = plan(&sql).join("; ");
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}
