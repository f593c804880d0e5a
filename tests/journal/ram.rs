//! A disk in memory that forgets, fails and fills up when it is told to.

use scrip::host::Disk;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard};

/// A clone is the same disk.
#[derive(Clone, Default)]
pub(crate) struct Ram(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: Image,
    /// What was written to each file since it was synced, in order.
    unsynced: Vec<(String, u64, Vec<u8>)>,
    writes_left: Option<u32>,
    syncs_left: Option<u32>,
    capacity: Option<u64>,
}

/// What stands in each file.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

impl Ram {
    pub(crate) fn of(files: Image) -> Self {
        let ram = Self::default();
        ram.state().files = files;
        ram
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// What stands in the files now, synced or not.
    pub(crate) fn image(&self) -> Image {
        self.state().files.clone()
    }

    /// So many more writes work.
    pub(crate) fn fail_writes_after(&self, count: u32) {
        self.state().writes_left = Some(count);
    }

    /// So many more syncs work.
    pub(crate) fn fail_syncs_after(&self, count: u32) {
        self.state().syncs_left = Some(count);
    }

    /// So many bytes fit in all.
    pub(crate) fn hold(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// What a power cut may leave: of the writes that were not synced, those that `keep` says, in
    /// sectors of 512 bytes, and of the others nothing.
    pub(crate) fn after_power_cut(&self, synced: &Image, keep: &mut dyn FnMut() -> bool) -> Image {
        let mut files = synced.clone();
        let state = self.state();
        // Files are durable as zeros when they are made.
        for (name, file) in &state.files {
            files.entry(name.clone()).or_insert_with(|| vec![0; file.len()]);
        }
        for (name, offset, bytes) in &state.unsynced {
            let file = files.get_mut(name).unwrap();
            for (number, sector) in bytes.chunks(512).enumerate() {
                if keep() {
                    put(file, *offset + 512 * number as u64, sector);
                }
            }
        }
        files
    }
}

fn put(file: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = usize::try_from(offset).unwrap();
    let end = start + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[start..end].copy_from_slice(bytes);
}

fn used_up(left: &mut Option<u32>) -> bool {
    match left {
        Some(0) => true,
        Some(count) => {
            *count -= 1;
            false
        }
        None => false,
    }
}

impl Disk for Ram {
    fn list(&self) -> Result<Vec<(String, u64)>> {
        Ok(self.state().files.iter().map(|(name, file)| (name.clone(), file.len() as u64)).collect())
    }

    fn create(&self, name: &str, len: u64, _: &mut dyn FnMut()) -> Result<()> {
        let mut state = self.state();
        let held: u64 = state.files.iter().filter(|(n, _)| *n != name).map(|(_, f)| f.len() as u64).sum();
        if state.capacity.is_some_and(|most| held + len > most) {
            return Err(ErrorKind::StorageFull.into());
        }
        state.files.insert(name.into(), vec![0; usize::try_from(len).unwrap()]);
        Ok(())
    }

    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize> {
        let state = self.state();
        let file = state.files.get(name).ok_or(ErrorKind::NotFound)?;
        let start = usize::try_from(offset).unwrap().min(file.len());
        let count = into.len().min(file.len() - start);
        into[..count].copy_from_slice(&file[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut state = self.state();
        if used_up(&mut state.writes_left) {
            return Err(Error::other("the disk does not take it"));
        }
        state.unsynced.push((name.into(), offset, bytes.to_vec()));
        put(state.files.get_mut(name).ok_or(ErrorKind::NotFound)?, offset, bytes);
        Ok(())
    }

    fn sync(&self, name: &str) -> Result<()> {
        let mut state = self.state();
        if used_up(&mut state.syncs_left) {
            return Err(Error::other("the disk does not sync"));
        }
        state.unsynced.retain(|(other, ..)| other != name);
        Ok(())
    }
}
