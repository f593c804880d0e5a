//! Plain SQLite: write-ahead log, full synchronisation, prepared statements, one transaction a batch.

use super::{CARD_BYTES, CARDS, Plain, Record, card};
use rusqlite::{Connection, params};
use std::path::Path;

pub(crate) struct PlainSqlite(Connection);

impl PlainSqlite {
    pub(crate) fn open(path: &Path) -> Self {
        let mut connection = Connection::open(path).expect("a new database");
        connection.execute_batch(SETTINGS).expect("settings");
        let tx = connection.transaction().expect("nobody else is there");
        for n in 0..CARDS {
            let mut insert = tx.prepare_cached("INSERT INTO cards VALUES (?1, 0, ?2)").expect("a statement");
            insert.execute(params![card(n), vec![0x5a_u8; CARD_BYTES]]).expect("a card");
        }
        tx.commit().expect("the disk takes it");
        Self(connection)
    }
}

const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -65536;
    PRAGMA wal_autocheckpoint = 8192;
    CREATE TABLE cards (id BLOB PRIMARY KEY, uses INTEGER NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE ledger (number INTEGER PRIMARY KEY, card BLOB NOT NULL, amount INTEGER NOT NULL,
        memo BLOB NOT NULL) STRICT;
    CREATE TABLE keys (key BLOB PRIMARY KEY, card BLOB NOT NULL) STRICT, WITHOUT ROWID;
";

impl Plain for PlainSqlite {
    fn commit(&mut self, records: &[Record]) {
        let tx = self.0.transaction().expect("nobody else is there");
        for Record { card, key, amount, memo } in records {
            let mut read = tx.prepare_cached("SELECT uses FROM cards WHERE id = ?1").expect("a statement");
            let uses: i64 = read.query_row([card], |row| row.get(0)).expect("the card is there");
            let mut write =
                tx.prepare_cached("UPDATE cards SET uses = ?2 WHERE id = ?1").expect("a statement");
            write.execute(params![card, uses + 1]).expect("a card");
            let mut append = tx
                .prepare_cached("INSERT INTO ledger (card, amount, memo) VALUES (?1, ?2, ?3)")
                .expect("a statement");
            append.execute(params![card, amount, memo]).expect("a row");
            let mut insert = tx.prepare_cached("INSERT INTO keys VALUES (?1, ?2)").expect("a statement");
            insert.execute(params![key, card]).expect("a fresh key");
        }
        tx.commit().expect("the disk takes it");
    }
}
