//! Opening: the tables are brought up to the journal, and what is torn at its end is cut.

use super::applier::Applier;
use super::disk::{Disk, Folder, sync_folder};
use super::entry::{Draft, Entry, Kind};
use super::filter::Filter;
use super::lock::Lock;
use super::log::{self, Log, Torn, segment_name};
use super::names;
use super::overlay::Overlay;
use super::{Core, Journal, JournalOptions, Position, Taken};
use crate::base::{BatchId, Digest};
use crate::engine::Recovery;
use crate::host::StoreError;
use crate::host::sqlite::Model;
use crate::host::store::refused;
use crate::record::{Batch, Frame};
use std::format;
use std::path::Path;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;

pub(super) const TABLES: &str = "tables.db";
pub(super) const LOCK: &str = "lock";

impl Journal {
    /// Opens the journal in the folder at `path`, or makes it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another process has it open; [`StoreError::Newer`] if a newer scrip
    /// wrote it; [`StoreError::Corrupt`] with the place if it is damaged, or if the folder holds
    /// something else; [`StoreError::Full`]; [`StoreError::Failed`] if the path is that of a file:
    /// an SQLite store is made a journal by [`Journal::convert`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, &JournalOptions::default())
    }

    /// As [`Journal::open`], with options.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_with(path: impl AsRef<Path>, options: &JournalOptions) -> Result<Self, StoreError> {
        let path = path.as_ref();
        make_folder(path)?;
        Self::open_on(Arc::new(Folder::new(path)), path, options)
    }

    /// Opens a journal whose segments lie on `disk`; tables and lock are in the folder at `path`.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        path: impl AsRef<Path>,
        options: &JournalOptions,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = Lock::take(&path.join(LOCK))?;
        let tables = path.join(TABLES);
        let open = || Model::open(&tables, options.describe).map_err(|error| of_tables(&tables, error));
        Model::renew(&tables, options.describe).map_err(|error| of_tables(&tables, error))?;
        let model = open()?;
        let at = model.position().map_err(|error| of_tables(&tables, error))?;
        // Opened here: where that thread comes to it, the journal may be closed and gone.
        let reader = open()?;
        let filter = Filter::new(names::known(reader, path, at)?);
        let writer = open()?;
        let applier = Applier::start(writer, Arc::clone(&disk))?;
        let mut core =
            Core { applier, overlay: Overlay::new(filter), model, verdicts: None, first_due: None };
        let end = core.catch_up(&*disk, &at)?;
        let log = Log::open(disk, end, options)?;
        Ok(Self { core, log, path: path.to_path_buf(), _lock: lock })
    }

    /// Shows the log to a new writer and opens its epoch, which is durable then.
    pub(super) fn take_up(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        self.log.poison()?;
        self.core.applier.settle()?;
        let mut after = 0;
        if let Some((upto, state)) = self.core.model.checkpoint()? {
            into.checkpoint(&state)?;
            after = upto;
        }
        self.show_frames(after, &mut |frame, refused| Ok(into.batch(frame, refused)?))?;
        let (end, last) = (into.last().unwrap_or_default(), self.log.at().last);
        if end != last {
            let text =
                format!("the log ends at batch {}, and batch {} was taken", end.sequence, last.sequence);
            return Err(StoreError::Corrupt(text));
        }
        let id = BatchId { epoch: self.log.at().epoch + 1, sequence: last.sequence };
        let (refused, sides, frame) = (&[], &[], (&[][..], Digest::default()));
        let draft = Draft { kind: Kind::Takeover, id, refused, sides, frame };
        self.log.reserve(draft.length())?;
        self.log.append(&draft)?;
        self.core.take_over(*self.log.at())?;
        Ok(id.epoch)
    }
}

impl Core {
    /// Takes in what stands behind `from`, up to where the tables hold it, and tells the end. The
    /// segment is read from its head: that the journal holds what the tables do is seen, not
    /// believed.
    fn catch_up(&mut self, disk: &dyn Disk, from: &Position) -> Result<(Position, Option<Torn>), StoreError> {
        let begun = from.offset > 0;
        let start = if begun { log::start_of(disk, from.segment)? } else { *from };
        let same =
            |at: &Position| (at.segment, at.offset, at.chain) == (from.segment, from.offset, from.chain);
        // What a segment's head does not tell is known from where the tables end.
        let (mut met, mut here) = (!begun, *from);
        let (end, torn) = log::walk(disk, &start, &mut |entry, at, next| {
            if !met {
                met = same(next);
                return Ok(());
            }
            let (segment, offset) = (at.segment, at.offset);
            let before = Position { segment, offset, ..here };
            here = Position { segment: next.segment, offset: next.offset, chain: next.chain, ..here };
            here.epoch = here.epoch.max(entry.id.epoch);
            if entry.kind == Kind::Batch {
                (here.last, here.digest) = (entry.id, entry.digest);
            }
            self.replay(entry, &before, &here)
        })?;
        if !met {
            let (sequence, place) = (from.last.sequence, end.place());
            let text = format!("the journal ends at {place}, and batch {sequence} was taken");
            return Err(StoreError::Corrupt(text));
        }
        // Where nothing follows, the end may lie in a segment that is about to begin.
        (here.segment, here.offset) = (end.segment, end.offset);
        Ok((here, torn))
    }

    /// Judges an entry again that the tables do not hold yet.
    fn replay(&mut self, entry: &Entry<'_>, at: &Position, next: &Position) -> Result<(), StoreError> {
        if next.epoch > at.epoch {
            let at = if entry.kind == Kind::Takeover { *next } else { Position { epoch: next.epoch, ..*at } };
            self.take_over(at)?;
        }
        if entry.kind == Kind::Takeover {
            return Ok(());
        }
        let corrupt = |what: &str| StoreError::Corrupt(format!("{}: {what}", at.place()));
        let frame = Frame::decode(entry.frame).map_err(|error| corrupt(&error.to_string()))?;
        let (id, wall) = (frame.id, frame.wall);
        if id != entry.id || frame.previous != at.digest {
            return Err(corrupt("the frame is not the one that its entry tells of"));
        }
        let mut batch = Batch::new(frame, Vec::new());
        if batch.digest() != entry.digest {
            return Err(corrupt("the frame is not as this library writes it"));
        }
        self.settle(usize::MAX)?;
        self.applier.wait_for_room()?;
        let changes = self.overlay.judge(&self.model, &mut batch)?;
        if refused(&batch) != entry.refused {
            return Err(corrupt("other units are refused than were when it was written"));
        }
        let mut sides = entry.sides.clone();
        for place in sides.iter_mut().filter_map(|row| row.place.as_mut()) {
            (place.segment, place.offset) = (at.segment, place.offset + at.offset);
        }
        for side in &sides {
            self.overlay.exists(&self.model, side.redemption)?;
        }
        let (refused, verdicts) = (entry.refused.len(), Arc::from(batch.verdicts()));
        let frame = at.offset + entry.frame_at();
        self.keep(Taken { id, wall, at: *at, end: *next, frame, refused, changes, sides, verdicts });
        Ok(())
    }
}

/// Names the tables in an error, and says that they can be done without.
fn of_tables(path: &Path, error: StoreError) -> StoreError {
    let name = path.display();
    match error {
        StoreError::Corrupt(what) => StoreError::Corrupt(format!(
            "{name}: {what}; they are made anew from the segments if this file and those that begin with its \
             name are moved away"
        )),
        StoreError::Failed(what) => StoreError::Failed(format!("{name}: {what}")),
        other => other,
    }
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::Failed(format!("{}: {error}", path.display()));
    if path.is_file() {
        let text = format!("{} is a file: an SQLite store is converted first", path.display());
        return Err(StoreError::Failed(text));
    }
    if !path.exists() {
        std::fs::create_dir(path).map_err(failed)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        return sync_folder(parent.unwrap_or(Path::new("."))).map_err(failed);
    }
    let names = std::fs::read_dir(path).map_err(failed)?;
    let names: Vec<String> = names
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let ours = |name: &String| name == LOCK || name == TABLES || *name == segment_name(1);
    if names.is_empty() || names.iter().any(ours) {
        return Ok(());
    }
    Err(StoreError::Corrupt(format!("{} is a folder with something else in it", path.display())))
}
