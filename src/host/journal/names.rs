//! The file of names: what the filter holds when the journal is closed, so that the next opening
//! need not read it out of the tables.
//!
//! It counts for the batch that it names only, where the tables are at the same one; it is made
//! anew from them if it is missing, damaged or of another batch, as after a crash.

use super::filter::Layers;
use super::log::Position;
use crate::base::{BatchId, Digest, Hasher, Reader, ShortInput, Writer};
use crate::host::StoreError;
use crate::host::sqlite::Model;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::string::ToString;
use std::sync::mpsc;
use std::vec::Vec;

pub(super) const NAMES: &str = "names";
const MAGIC: &[u8; 8] = b"SCRIPNAM";
const VERSION: u16 = 1;
const CHECKSUM: usize = 32;

/// Writes the names as of the batch at `at`.
pub(super) fn write(folder: &Path, at: &Position, layers: &Layers) -> io::Result<()> {
    let mut bytes = Vec::new();
    let w = &mut Writer::new(&mut bytes);
    w.raw(MAGIC).u16(VERSION).u64(at.last.epoch).u64(at.last.sequence).raw(&at.digest.0);
    layers.encode(&mut bytes);
    let checksum = Hasher::new().with(&bytes).finish();
    bytes.extend_from_slice(&checksum.0);
    let draft = folder.join(NAMES).with_extension("part");
    let mut file = File::create(&draft)?;
    file.write_all(&bytes).and_then(|()| file.sync_all())?;
    fs::rename(draft, folder.join(NAMES))
}

/// The names as of the batch at `at`, if they were written down.
fn read(path: &Path, at: &Position) -> Option<Layers> {
    let bytes = fs::read(path).ok()?;
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    if Hasher::new().with(content).finish().0 != checksum {
        return None;
    }
    decode(content, at).ok()
}

fn decode(content: &[u8], at: &Position) -> Result<Layers, ShortInput> {
    let r = &mut Reader::new(content);
    let magic: [u8; 8] = r.array()?;
    let version = r.u16()?;
    let last = BatchId { epoch: r.u64()?, sequence: r.u64()? };
    let digest = Digest(r.array()?);
    if (&magic, version, last, digest) != (MAGIC, VERSION, at.last, at.digest) {
        return r.fail();
    }
    let layers = Layers::decode(r)?;
    if r.is_empty() { Ok(layers) } else { r.fail() }
}

/// Reads all names that the tables hold at `at`, on a thread of its own: nothing waits for it.
pub(super) fn known(model: Model, folder: &Path, at: Position) -> Result<mpsc::Receiver<Layers>, StoreError> {
    let (send, receive) = mpsc::channel();
    let path: PathBuf = folder.join(NAMES);
    let find = move || {
        let layers = read(&path, &at).or_else(|| scan(&model).ok());
        layers.into_iter().for_each(|layers| drop(send.send(layers)));
    };
    let thread = std::thread::Builder::new().name("scrip-names".into()).spawn(find);
    thread.map(|_| receive).map_err(|error| StoreError::Failed(error.to_string()))
}

/// Reads the names out of the tables. Most come more than once.
fn scan(model: &Model) -> Result<Layers, StoreError> {
    let mut layers = Layers::for_names(model.about_so_many_names()?);
    model.names(&mut |name| {
        if !layers.holds(name) {
            layers.insert(name);
        }
    })?;
    Ok(layers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_for_their_batch_only_and_whole_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAMES);
        let last = BatchId { epoch: 3, sequence: 7 };
        let at = Position { last, digest: Digest([5; 32]), ..Position::start() };
        assert!(read(&path, &at).is_none(), "nothing is there");
        let mut layers = Layers::for_names(10);
        layers.insert(&[9; 16]);
        write(folder.path(), &at, &layers).unwrap();
        assert!(read(&path, &at).is_some_and(|read| read.holds(&[9; 16]) && !read.holds(&[1; 16])));
        let next = BatchId { sequence: 8, ..last };
        assert!(read(&path, &Position { last: next, ..at }).is_none(), "another batch");
        assert!(read(&path, &Position { digest: Digest([6; 32]), ..at }).is_none(), "another log");
        let whole = fs::read(&path).unwrap();
        for at_byte in [0, 9, 60, whole.len() - 40, whole.len() - 1] {
            let mut bad = whole.clone();
            bad[at_byte] ^= 1;
            fs::write(&path, bad).unwrap();
            assert!(read(&path, &at).is_none(), "byte {at_byte}");
        }
        fs::write(&path, &whole[..20]).unwrap();
        assert!(read(&path, &at).is_none(), "cut");
    }
}
