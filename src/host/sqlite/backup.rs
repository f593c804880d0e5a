//! Copies of a database that is in use.

use super::fault::Fault;
use super::{Sqlite, StoreError};
use crate::host::sqlite::schema::{self, Role};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::format;
use std::path::Path;
use std::string::ToString;

impl Sqlite {
    /// Copies the store at `path` to a new file, as of one batch, while its writer goes on:
    /// from any thread or process. The copy is a store of its own, as of that batch.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Failed`] if there is something at `to`. Then nothing that
    /// can be opened is left there.
    pub fn backup(path: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let from = Connection::open_with_flags(path.as_ref(), flags).map_err(Fault::from)?;
        from.busy_timeout(schema::BUSY).map_err(Fault::from)?;
        if schema::is_fresh(&from, Role::Store)? {
            return Err(StoreError::Corrupt("there is nothing in it".into()));
        }
        Ok(copy(&from, to.as_ref())?)
    }
}

/// Copies all of a database into a new file, and makes that durable.
pub(super) fn copy(from: &Connection, to: &Path) -> Result<(), Fault> {
    if to.exists() {
        return Err(StoreError::Failed(format!("{} is there already", to.display())).into());
    }
    let draft = to.with_extension("part");
    std::fs::remove_file(&draft).or_else(ignore_missing)?;
    let mut target = Connection::open(&draft)?;
    // Pages are copied in one go: what is written meanwhile goes to the log and is not seen.
    let backup = Backup::new(from, &mut target)?;
    while matches!(backup.step(-1)?, StepResult::Busy | StepResult::Locked) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    drop(backup);
    target.close().map_err(|(_, error)| error)?;
    let failed = |error: std::io::Error| Fault::from(StoreError::Failed(error.to_string()));
    std::fs::File::open(&draft).and_then(|file| file.sync_all()).map_err(failed)?;
    std::fs::rename(&draft, to).map_err(failed)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    crate::host::journal::sync_folder(folder.unwrap_or(Path::new("."))).map_err(failed)
}

fn ignore_missing(error: std::io::Error) -> Result<(), Fault> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(StoreError::Failed(error.to_string()).into()),
    }
}
