//! The seam below the journal: five functions of a disk, and the folder that is one.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;
use std::vec::Vec;

/// Where a journal's segments lie: named files in one folder. Tests put a disk in memory under
/// the journal, which cuts, damages, fills up and forgets what was not synced.
///
/// What [`write_at`](Disk::write_at) wrote is durable after the next [`sync`](Disk::sync) of that
/// file, and may be lost or torn before.
pub trait Disk: Send + Sync {
    /// The names of all files and how long each is, in any order.
    ///
    /// # Errors
    /// Those of the system.
    fn list(&self) -> Result<Vec<(String, u64)>>;

    /// Makes a file of `len` zeros, in the place of one that may be there. Durable when it
    /// returns, its name included, so that later writes within it change no metadata. Batches may be
    /// written to another file meanwhile: `rest` is to be called after each short piece of the work,
    /// and waits where there is time.
    ///
    /// # Errors
    /// Those of the system; [`ErrorKind::StorageFull`] where there is no room.
    fn create(&self, name: &str, len: u64, rest: &mut dyn FnMut()) -> Result<()>;

    /// Reads from `offset` on; tells how many bytes there were, fewer only at the file's end.
    ///
    /// # Errors
    /// Those of the system.
    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// Those of the system; then any part may have been written.
    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Makes durable what was written to a file.
    ///
    /// # Errors
    /// Those of the system; then nothing is known of what was written since the last time.
    fn sync(&self, name: &str) -> Result<()>;
}

/// So many zeros are written and synced at a time: a large sync would hold up those of the batches.
const STRIDE: usize = 256 << 10;

/// A folder of the file system.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    open: Mutex<HashMap<String, Arc<File>>>,
}

impl Folder {
    /// The folder at `path`, which is there.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), open: Mutex::default() }
    }

    fn file(&self, name: &str) -> Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(name) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(OpenOptions::new().read(true).write(true).open(self.path.join(name))?);
        open.insert(name.to_string(), Arc::clone(&file));
        Ok(file)
    }
}

impl Disk for Folder {
    fn list(&self) -> Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if let (true, Ok(name)) = (about.is_file(), entry.file_name().into_string()) {
                files.push((name, about.len()));
            }
        }
        Ok(files)
    }

    fn create(&self, name: &str, len: u64, rest: &mut dyn FnMut()) -> Result<()> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        let path = self.path.join(name);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        let zeros = vec![0; STRIDE];
        let mut at = 0;
        while at < len {
            let most = usize::try_from(len - at).unwrap_or(STRIDE).min(STRIDE);
            place::write(&file, at, &zeros[..most])?;
            file.sync_data()?;
            at += most as u64;
            rest();
        }
        file.sync_all()?;
        sync_folder(&self.path)
    }

    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize> {
        let file = self.file(name)?;
        let mut have = 0;
        while have < into.len() {
            match place::read(&file, offset + have as u64, &mut into[have..]) {
                Ok(0) => break,
                Ok(count) => have += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(have)
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> Result<()> {
        place::write(&*self.file(name)?, offset, bytes)
    }

    fn sync(&self, name: &str) -> Result<()> {
        self.file(name)?.sync_data()
    }
}

/// Makes the names in a folder durable. Windows has no such call and keeps names by itself.
pub(in crate::host) fn sync_folder(path: &Path) -> Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(unix)]
mod place {
    use std::fs::File;
    use std::io::Result;
    use std::os::unix::fs::FileExt;

    pub(super) fn read(file: &File, offset: u64, into: &mut [u8]) -> Result<usize> {
        file.read_at(into, offset)
    }

    pub(super) fn write(file: &File, offset: u64, bytes: &[u8]) -> Result<()> {
        file.write_all_at(bytes, offset)
    }
}

#[cfg(windows)]
mod place {
    use std::fs::File;
    use std::io::{ErrorKind, Result};
    use std::os::windows::fs::FileExt;

    pub(super) fn read(file: &File, offset: u64, into: &mut [u8]) -> Result<usize> {
        file.seek_read(into, offset)
    }

    pub(super) fn write(file: &File, mut offset: u64, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let count = file.seek_write(bytes, offset)?;
            if count == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            (offset, bytes) = (offset + count as u64, &bytes[count..]);
        }
        Ok(())
    }
}

/// Whether an error means that there is no room.
pub(super) fn is_full(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}
