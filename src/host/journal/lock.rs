//! One process at a journal, or at a folder, at a time.

use crate::host::StoreError;
use rusqlite::{Connection, ErrorCode};
use std::path::Path;
use std::string::ToString;
use std::time::Duration;

/// So long it is waited for: a process that was killed keeps it until the system has cleared it
/// away, which takes a moment.
const PATIENCE: Duration = Duration::from_secs(1);

/// Held as long as the journal is open. It is an empty database with a lock on it, for that is
/// kept by the system: it ends with the process, however that ends, and works on every platform.
#[derive(Debug)]
pub(in crate::host) struct Lock {
    _held: Connection,
}

impl Lock {
    /// # Errors
    /// [`StoreError::Busy`] if another process still has it after a second.
    pub(in crate::host) fn take(path: &Path) -> Result<Self, StoreError> {
        let taken = Connection::open(path).and_then(|connection| {
            connection.busy_timeout(PATIENCE)?;
            connection.execute_batch("BEGIN EXCLUSIVE")?;
            Ok(connection)
        });
        taken.map(|held| Self { _held: held }).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StoreError::Busy("another process has it open".into())
            }
            _ => StoreError::Failed(error.to_string()),
        })
    }
}
