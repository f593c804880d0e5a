//! The keys of a database: made once, kept beside it, never in it.

use crate::args::StoreKind;
use crate::fault::{InputError, label};
use crate::setup::beside;
use scrip::base::Secret;
use scrip::host::{Journal, Sqlite};
use scrip::vault::{KeyId, KeyRing, PepperVersion};
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// The key ring of `db`: from `<db>.keys`, which is made with fresh keys for a new database.
///
/// A database without its keys is refused: with new ones every claim in it would be forgotten.
pub(crate) fn open(db: &Path, store: StoreKind) -> Result<KeyRing, Box<dyn Error>> {
    let path = beside(db, ".keys");
    let fatal = |what: String| InputError::new(&label(&path), what);
    if !path.exists() {
        // Whoever names something that is no database is told so first.
        let there = match store {
            StoreKind::Journal => fs::read_dir(db).is_ok_and(|mut files| files.next().is_some()),
            StoreKind::Sqlite => fs::metadata(db).is_ok_and(|about| about.len() > 0),
        };
        if there {
            match store {
                StoreKind::Journal => Journal::open(db).map(drop),
                StoreKind::Sqlite => Sqlite::open(db).map(drop),
            }
            .map_err(|error| InputError::new(&label(db), error))?;
            return Err(fatal(format!("is missing, and {} cannot be opened without it", label(db))).into());
        }
        make(&path).map_err(|error| fatal(format!("cannot be made: {error}")))?;
    }
    let text = fs::read_to_string(&path).map_err(|error| fatal(format!("cannot be read: {error}")))?;
    let mut keys = Vec::new();
    let mut peppers = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = || InputError::at(&label(&path), number, "`key N HEX` or `pepper N HEX` was expected");
        let mut words = line.split_whitespace();
        let (Some(kind), Some(id), Some(hex)) = (words.next(), words.next(), words.next()) else {
            return Err(wrong().into());
        };
        let id: u16 = id.parse().map_err(|_| wrong())?;
        let secret = Secret::new(unhex(hex).ok_or_else(wrong)?);
        match kind {
            "key" => keys.push((KeyId(id), secret)),
            "pepper" => peppers.push((PepperVersion(id), secret)),
            _ => return Err(wrong().into()),
        }
    }
    KeyRing::new(keys, peppers).map_err(|error| fatal(error.to_string()).into())
}

/// Writes fresh keys, for the owner's eyes only. The file appears whole or not at all, and where several processes
/// start at once, those of one of them: keys that were written over would take a database with them.
fn make(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    for name in ["key", "pepper"] {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!("{name} 1 {hex}\n"));
    }
    let draft = path.with_extension(format!("keys.{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    settle(&draft, path)?;
    // No database may outlive its keys, not even a power cut.
    match path.parent().map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir }) {
        Some(dir) if cfg!(unix) => Ok(File::open(dir)?.sync_all()?),
        _ => Ok(()),
    }
}

/// Gives the draft its name unless there is a file of that name.
fn settle(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.exists() => {
            // A file system without links.
            fs::rename(draft, path)
        }
        _ => fs::remove_file(draft),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::try_from(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_another_process_has_made_meanwhile_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("till.keys");
        make(&path).unwrap();
        let first = fs::read_to_string(&path).unwrap();
        assert_eq!(first.lines().count(), 2);
        make(&path).unwrap();
        assert!(fs::read_to_string(&path).unwrap() == first, "the second one's were put over them");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a draft is left");
    }
}
