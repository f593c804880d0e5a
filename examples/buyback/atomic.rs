//! A file that is there in full or not at all.

use crate::fault::label;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Written beside its place under a temporary name and renamed by [`AtomicFile::finish`].
/// Dropped before that, it leaves what was there untouched.
pub(crate) struct AtomicFile {
    writer: BufWriter<File>,
    temporary: PathBuf,
    place: PathBuf,
    finished: bool,
}

impl AtomicFile {
    /// Starts `name` in `dir`, which is made if it is not there. What an earlier run that was
    /// killed left under the temporary name is overwritten.
    pub(crate) fn create(dir: &Path, name: &str) -> io::Result<Self> {
        let place = dir.join(name);
        let temporary = dir.join(format!(".{name}.part"));
        let file = fs::create_dir_all(dir).and_then(|()| File::create(&temporary));
        let writer = BufWriter::new(file.map_err(|error| named(&place, &error))?);
        Ok(Self { writer, temporary, place, finished: false })
    }

    /// Brings the content to the disk and puts it in its place.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.settle().map_err(|error| named(&self.place, &error))
    }

    fn settle(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        fs::rename(&self.temporary, &self.place)?;
        self.finished = true;
        // The rename itself lives in the directory; where that cannot be opened, it is not synced.
        match self.place.parent().map(File::open) {
            Some(Ok(dir)) if cfg!(unix) => dir.sync_all(),
            _ => Ok(()),
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes).map_err(|error| named(&self.place, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush().map_err(|error| named(&self.place, &error))
    }
}

/// The error with the name of the file.
fn named(place: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: cannot be written: {error}", label(place)))
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing depends on it: the next run writes over what stays behind.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_old_file_stands_until_the_new_one_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("deep/out");
        let mut file = AtomicFile::create(&out, "a.txt").unwrap();
        file.write_all(b"old").unwrap();
        file.finish().unwrap();

        let mut file = AtomicFile::create(&out, "a.txt").unwrap();
        file.write_all(b"new").unwrap();
        file.flush().unwrap();
        assert_eq!(fs::read(out.join("a.txt")).unwrap(), b"old");
        drop(file);
        assert_eq!(names(&out), ["a.txt"]);
        assert_eq!(fs::read(out.join("a.txt")).unwrap(), b"old");

        fs::write(out.join(".a.txt.part"), b"left by a run that was killed").unwrap();
        let mut file = AtomicFile::create(&out, "a.txt").unwrap();
        file.write_all(b"new").unwrap();
        file.finish().unwrap();
        assert_eq!(names(&out), ["a.txt"]);
        assert_eq!(fs::read(out.join("a.txt")).unwrap(), b"new");
    }
}
