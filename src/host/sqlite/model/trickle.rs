//! A large transaction goes to the device in small pieces. If all of it were synced at its end, the syncs of
//! the segments would wait for that: some 20 ms for what 10,000 redemptions change.

use crate::host::sqlite::fault::Fault;
use rusqlite::Connection;
use std::fs::{File, OpenOptions};

/// After so many rows what stands in the write-ahead log is synced: 1 to 4 MiB, as the rows lie side by side or
/// apart.
const ROWS: u32 = 1_024;

/// Pages that do not fit into so many KiB go to the log before the transaction ends. Rows are written in the order
/// of the trees, so that hardly a page is wanted again.
const CACHE: &str = "PRAGMA cache_size = -4096";

/// The log of one transaction.
pub(super) struct Trickle {
    log: Option<File>,
    rows: u32,
}

impl Trickle {
    /// Before it begins. Where the log cannot be opened, nothing is lost but the even flow. It carries no locks, so
    /// that it may be opened beside SQLite.
    pub(super) fn of(connection: &Connection) -> Result<Self, Fault> {
        connection.execute_batch(CACHE)?;
        let name = connection.path().map(|path| std::format!("{path}-wal"));
        Ok(Self { log: name.and_then(|name| OpenOptions::new().write(true).open(name).ok()), rows: 0 })
    }

    /// A row has been written.
    pub(super) fn row(&mut self) {
        self.rows += 1;
        if self.rows % ROWS == 0 {
            // SQLite syncs the log before it relies on it, and tells what went wrong.
            self.log.iter().for_each(|log| drop(log.sync_data()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Described;
    use crate::host::sqlite::Model;
    use rusqlite::params;

    #[test]
    fn most_of_a_large_transaction_is_in_the_log_before_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tables.db");
        let model = Model::open(&path, |summary| Described::of_summary(summary)).unwrap();
        let length = || std::fs::metadata(folder.path().join("tables.db-wal")).unwrap().len();
        let before = length();
        let mut trickle = Trickle::of(&model.connection).unwrap();
        let tx = model.connection.unchecked_transaction().unwrap();
        assert!(trickle.log.is_some());
        let mut put = tx.prepare("INSERT INTO claims VALUES (?1, 1, 1, 1, 1)").unwrap();
        for n in 0..16_u32 << 10 {
            put.execute(params![[n.to_be_bytes(), [7; 4]].concat().repeat(64)]).unwrap();
            trickle.row();
        }
        let written = length() - before;
        assert!(written > 2 << 20, "{written} bytes");
        drop(put);
        tx.commit().unwrap();
    }
}
