//! The store in an SQLite database: frames, the claim index, redemptions, sightings and balances
//! in one file, and in one transaction per batch.
//!
//! A person can look into it at any time with `sqlite3`; the views `show_...` write ids in
//! hexadecimal, numbers as names and times as dates.
//!
//! A commit is durable when it returns: write-ahead log, synced in full. Side rows that are
//! erased are overwritten with zeros (`secure_delete`), in the database as soon as the
//! write-ahead log is carried over, which [`Store::checkpoint`] brings about, and which also
//! empties that log.

mod accounts;
mod backup;
mod check;
mod claims;
mod commit;
mod fault;
mod model;
mod read;
mod recover;
mod rows;
mod schema;
mod sides;
mod sightings;
#[cfg(test)]
mod trouble;
mod values;

pub(super) use accounts::sums;
pub(super) use check::compare;
pub(super) use model::Model;
pub(super) use sightings::Seat;

use super::{Describe, Described, Store, StoreError};
use crate::base::{BatchId, RedemptionId, Wall};
use crate::engine::Recovery;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{Batch, Handed};
use rusqlite::Connection;
use std::fmt;
use std::path::{Path, PathBuf};
use std::vec::Vec;

/// A store in an SQLite database file, with its `-wal` and `-shm` files beside it.
///
/// Several processes may open one file; the one that recovered last is the writer.
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    describe: Describe,
}

impl Sqlite {
    /// Opens the database at `path`, or makes it if there is none or the file is empty. The
    /// readable columns of redemptions are filled from their summaries.
    ///
    /// # Errors
    /// [`StoreError::Newer`] if a newer scrip wrote it, [`StoreError::Corrupt`] if it is another
    /// program's or no database, [`StoreError::Busy`], or [`StoreError::Failed`] if the path
    /// cannot be opened for writing.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, |summary| Described::of_summary(summary))
    }

    /// As [`Sqlite::open`]; `describe` fills the readable columns of redemptions.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_with(path: impl AsRef<Path>, describe: Describe) -> Result<Self, StoreError> {
        let path = path.as_ref().to_path_buf();
        let connection = schema::open(&path, schema::Role::Store)?;
        Ok(Self { connection, path, describe })
    }
}

impl Sqlite {
    /// Fences off whoever writes here, for another store that takes over; tells its epoch.
    pub(super) fn fence(&mut self) -> Result<u64, StoreError> {
        Ok(recover::fence(&mut self.connection)?)
    }

    /// Shows every side row.
    pub(super) fn side_rows(&self, visit: &mut dyn FnMut(RedemptionId, u8, &[u8])) -> Result<(), StoreError> {
        Ok(sides::visit(&self.connection, visit)?)
    }

    /// The checkpoint and up to which batch it goes.
    pub(super) fn kept_checkpoint(&self) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let Some(state) = commit::meta(&self.connection, "checkpoint")? else { return Ok(None) };
        Ok(Some((commit::count(&self.connection, "checkpoint_sequence")?, state)))
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store for Sqlite {
    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        Ok(recover::recover(&mut self.connection, into)?)
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let done = commit::commit(&mut self.connection, batch, self.describe);
        if done.is_err() {
            batch.clear();
        }
        Ok(done?)
    }

    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError> {
        Ok(recover::checkpoint(&mut self.connection, upto, state)?)
    }

    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError> {
        Ok(read::load(&self.connection, redemption)?)
    }

    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError> {
        Ok(read::due(&self.connection, now, limit)?)
    }

    fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        Ok(read::next_due(&self.connection)?)
    }

    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError> {
        Ok(accounts::visit(&self.connection, visit)?)
    }

    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
        Ok(read::frames(&self.connection, visit)?)
    }
}
