//! Copies of a journal that is in use.

use super::Journal;
use super::disk::sync_folder;
use super::log::segment_name;
use super::open::TABLES;
use crate::host::sqlite::Model;
use crate::host::{Described, StoreError};
use std::format;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

impl Journal {
    /// Copies the journal in the folder at `path` into a new folder, up to one batch, while its
    /// writer goes on: from any thread or process. The copy is a journal of its own.
    ///
    /// The tables are copied first, then the segments up to where those are: all of that is
    /// durable and stands still. Side rows that are erased meanwhile may be in the copy.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Failed`] if there is something at `to`. Where it was cut off,
    /// a folder with the ending `part` is left, which the next try clears away.
    pub fn backup(path: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), StoreError> {
        let (path, to) = (path.as_ref(), to.as_ref());
        let failed = |error: io::Error| StoreError::Failed(format!("{}: {error}", to.display()));
        let tables = path.join(TABLES);
        if !tables.is_file() {
            return Err(StoreError::Failed(format!("{} is not there", tables.display())));
        }
        if to.exists() {
            return Err(StoreError::Failed(format!("{} is there already", to.display())));
        }
        let draft = to.with_extension("part");
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(failed)?;
        }
        fs::create_dir(&draft).map_err(failed)?;
        let describe = |summary: &[u8]| Described::of_summary(summary);
        Model::open(&tables, describe)?.copy(&draft.join(TABLES))?;
        let upto = Model::open(&draft.join(TABLES), describe)?.position()?;
        for number in 1..=upto.segment {
            let name = segment_name(number);
            let most = if number == upto.segment { upto.offset } else { u64::MAX };
            if most > 0 {
                let from = File::open(path.join(&name)).map_err(failed)?;
                let mut copy = File::create_new(draft.join(&name)).map_err(failed)?;
                io::copy(&mut from.take(most), &mut copy).map_err(failed)?;
                copy.sync_all().map_err(failed)?;
            }
        }
        sync_folder(&draft).and_then(|()| fs::rename(&draft, to)).map_err(failed)?;
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_folder(parent.unwrap_or(Path::new("."))).map_err(failed)
    }
}
