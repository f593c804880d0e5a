//! An SQLite store made a journal.

use super::disk::{Disk, Folder, sync_folder};
use super::entry::{Draft, Kind};
use super::log::{Log, Position, failed, segment_name};
use super::{Journal, JournalOptions};
use crate::base::{BatchId, Digest, RedemptionId};
use crate::host::sqlite::Sqlite;
use crate::host::{Store, StoreError};
use crate::record::Frame;
use std::collections::BTreeMap;
use std::format;
use std::io;
use std::path::Path;
use std::string::ToString;
use std::sync::Arc;
use std::vec::Vec;

type Sides = BTreeMap<(RedemptionId, u8), (Digest, Vec<u8>)>;

impl Journal {
    /// Makes a journal in a new folder at `to` from the SQLite store at `from`. Whoever writes
    /// that store is fenced off first. The store itself stays as it is, and must not be used any
    /// more: nothing would tell the journal of it.
    ///
    /// Killed at any moment it has either made the whole journal or none; then a folder with the
    /// ending `part` is left, which the next try clears away.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Failed`] if there is something at `to`.
    pub fn convert(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), StoreError> {
        let (from, to) = (from.as_ref(), to.as_ref());
        let wrap = |error: io::Error| StoreError::Failed(format!("{}: {error}", to.display()));
        if to.exists() {
            return Err(StoreError::Failed(format!("{} is there already", to.display())));
        }
        if !from.is_file() {
            return Err(StoreError::Failed(format!("{} is no file", from.display())));
        }
        let mut old = Sqlite::open(from)?;
        let epoch = old.fence()?;
        let draft = to.with_extension("part");
        if draft.exists() {
            std::fs::remove_dir_all(&draft).map_err(wrap)?;
        }
        std::fs::create_dir(&draft).map_err(wrap)?;
        let last = write_segments(&mut old, epoch, &draft)?;
        let mut new = Self::open(&draft)?;
        if new.log.at().last != last || new.log.at().epoch != epoch {
            return Err(StoreError::Corrupt("what was written does not read back".into()));
        }
        if let Some((sequence, state)) = old.kept_checkpoint()? {
            new.core.applier.push(super::Work::Checkpoint(BatchId { sequence, ..last }, state));
        }
        new.settle()?;
        drop(new);
        sync_folder(&draft).and_then(|()| std::fs::rename(&draft, to)).map_err(wrap)?;
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_folder(parent.unwrap_or(Path::new("."))).map_err(wrap)
    }
}

/// Writes all frames with the side rows that are still there, and the takeover by `epoch`; synced
/// at the end, for nothing of it counts before.
fn write_segments(old: &mut Sqlite, epoch: u64, folder: &Path) -> Result<BatchId, StoreError> {
    let mut sides = Sides::new();
    old.side_rows(&mut |id, slot, content| {
        sides.insert((id, slot), (Frame::digest(content), content.to_vec()));
    })?;
    let disk: Arc<dyn Disk> = Arc::new(Folder::new(folder));
    let mut log = Log::open(Arc::clone(&disk), (Position::start(), None), &JournalOptions::default())?;
    log.synced = false;
    let mut done = Ok(());
    old.frames(&mut |bytes, refused| {
        if done.is_ok() {
            done = write_frame(&mut log, &sides, bytes, refused);
        }
    })?;
    done?;
    let last = log.at().last;
    let (refused, no_sides, frame) = (&[], &[], (&[][..], Digest::default()));
    let id = BatchId { epoch, sequence: last.sequence };
    let draft = Draft { kind: Kind::Takeover, id, refused, sides: no_sides, frame };
    log.reserve(draft.length())?;
    log.append(&draft)?;
    for number in 1..=log.at().segment {
        let name = segment_name(number);
        disk.sync(&name).map_err(|error| failed(&name, &error))?;
    }
    Ok(last)
}

fn write_frame(log: &mut Log, sides: &Sides, bytes: &[u8], refused: &[u32]) -> Result<(), StoreError> {
    let frame = Frame::decode(bytes).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let mut rows = BTreeMap::new();
    for (_, unit) in (0_u32..).zip(&frame.units).filter(|(number, _)| !refused.contains(number)) {
        for mark in &unit.sides {
            let place = (unit.redemption, mark.slot);
            // Content that was replaced or erased since is not there any more: it is passed over.
            let kept = sides.get(&place).filter(|(digest, _)| mark.content == Some(*digest));
            match (mark.content, kept) {
                (Some(_), Some((_, content))) => rows.insert(place, Some(content.as_slice())),
                (Some(_), None) => None,
                (None, _) => rows.insert(place, None),
            };
        }
    }
    let rows: Vec<_> = rows.into_iter().map(|((id, slot), content)| (id, slot, content)).collect();
    let frame = (frame.id, Frame::digest(bytes));
    let draft = Draft { kind: Kind::Batch, id: frame.0, refused, sides: &rows, frame: (bytes, frame.1) };
    log.reserve(draft.length())?;
    log.append(&draft).map(drop)
}
