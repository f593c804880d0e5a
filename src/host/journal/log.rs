//! The segments as one log: reading it, finding its end, and appending to it.

use super::disk::{Disk, is_full};
use super::entry::{
    ALIGN, Draft, Entry, HeadError, Kind, SEGMENT_HEAD, SEGMENT_VERSION, SegmentHead, SideRow,
};
use super::pace::Pace;
use super::{JournalOptions, StoreError};
use crate::base::{BatchId, Digest};
use std::format;
use std::io;
use std::string::{String, ToString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::vec;
use std::vec::Vec;

/// A place between two entries, and what the log is up to there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::host) struct Position {
    /// From 1.
    pub(in crate::host) segment: u32,
    /// 0 before the segment's head.
    pub(in crate::host) offset: u64,
    pub(in crate::host) chain: Digest,
    /// The last batch and the digest of its frame.
    pub(in crate::host) last: BatchId,
    pub(in crate::host) digest: Digest,
    /// The writer's epoch.
    pub(in crate::host) epoch: u64,
}

impl Position {
    /// The beginning of every log.
    pub(in crate::host) fn start() -> Self {
        Self { segment: 1, ..Self::default() }
    }

    /// As errors name it.
    pub(in crate::host) fn place(&self) -> String {
        format!("{}, byte {}", segment_name(self.segment), self.offset)
    }
}

const PREFIX: &str = "segment-";
/// A segment is zeroed in a quarter of the time: that is faster than batches fill it.
const REST: u32 = 3;

pub(super) fn segment_name(number: u32) -> String {
    format!("{PREFIX}{number:08}")
}

/// The numbers of the segments, without gaps from 1, and their lengths.
pub(super) fn segments(disk: &dyn Disk) -> Result<Vec<u64>, StoreError> {
    let files = disk.list().map_err(|error| failed("the folder", &error))?;
    let number = |name: &str| name.strip_prefix(PREFIX).and_then(|digits| digits.parse::<u32>().ok());
    let mut found: Vec<(u32, u64)> =
        files.iter().filter_map(|(name, len)| Some((number(name)?, *len))).collect();
    found.sort_unstable();
    for (expected, (number, _)) in (1..).zip(&found) {
        if expected != *number {
            return Err(StoreError::Corrupt(format!("{} is missing", segment_name(expected))));
        }
    }
    Ok(found.into_iter().map(|(_, len)| len).collect())
}

/// What stands at an end of the log that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Torn {
    /// Up to which byte of the segment something may stand.
    end: u64,
}

/// Shows every entry from `from` on, with the position before it and after it. Tells the end,
/// and what is torn there.
pub(super) fn walk(
    disk: &dyn Disk,
    from: &Position,
    visit: &mut dyn FnMut(&Entry<'_>, &Position, &Position) -> Result<(), StoreError>,
) -> Result<(Position, Option<Torn>), StoreError> {
    let lengths = segments(disk)?;
    let mut at = *from;
    loop {
        let Some(bytes) = read_segment(disk, &lengths, at.segment)? else { return Ok((at, None)) };
        if at.offset == 0 && !begin(&mut at, &bytes)? {
            return end(disk, &lengths, &at, &bytes);
        }
        while let Some(rest) = bytes.get(to_usize(at.offset)..).filter(|rest| Entry::starts(rest)) {
            let Ok(entry) = Entry::decode(rest, &at.chain) else { break };
            let next = after(&at, &entry)?;
            // Nothing is erased of a batch before a later one is durable.
            let last = || rest[entry.length..].iter().all(|byte| *byte == 0);
            if !entry.whole && last() && !begun(disk, &lengths, &at)? {
                break;
            }
            visit(&entry, &at, &next)?;
            at = next;
        }
        let clean = bytes.get(to_usize(at.offset)..).unwrap_or_default().iter().all(|byte| *byte == 0);
        if !clean || !begun(disk, &lengths, &at)? {
            return end(disk, &lengths, &at, &bytes);
        }
        (at.segment, at.offset) = (at.segment + 1, 0);
    }
}

/// Where a segment begins, by its own word.
pub(super) fn start_of(disk: &dyn Disk, segment: u32) -> Result<Position, StoreError> {
    let name = segment_name(segment);
    let mut head = [0; SEGMENT_HEAD];
    let bad = |what: String| StoreError::Corrupt(format!("{name}: {what}"));
    disk.read_at(&name, 0, &mut head).map_err(|error| bad(error.to_string()))?;
    let head = SegmentHead::decode(&head).map_err(|_| bad("its head is damaged".into()))?;
    let last = BatchId { epoch: 0, sequence: head.after };
    Ok(Position { segment, chain: head.chain, last, ..Position::default() })
}

/// Reads the segment's head; `false` if there is none that can be read.
fn begin(at: &mut Position, bytes: &[u8]) -> Result<bool, StoreError> {
    match SegmentHead::decode(bytes) {
        Ok(head) if (head.number, head.after, head.chain) == (at.segment, at.last.sequence, at.chain) => {
            at.offset = SEGMENT_HEAD as u64;
            Ok(true)
        }
        Ok(_) => Err(StoreError::Corrupt(format!("{} does not continue the journal", at.place()))),
        Err(HeadError::Newer(found)) => {
            Err(StoreError::Newer { found: found.into(), known: SEGMENT_VERSION.into() })
        }
        Err(HeadError::Bad) => Ok(false),
    }
}

/// The position after an entry, if it continues the log.
fn after(at: &Position, entry: &Entry<'_>) -> Result<Position, StoreError> {
    let next = Position { offset: at.offset + entry.length as u64, chain: entry.chain, ..*at };
    let next = match entry.kind {
        Kind::Batch => {
            Position { last: entry.id, digest: entry.digest, epoch: at.epoch.max(entry.id.epoch), ..next }
        }
        Kind::Takeover => Position { epoch: entry.id.epoch, ..next },
    };
    let follows = match entry.kind {
        Kind::Batch => entry.id.sequence == at.last.sequence + 1 && entry.id.epoch >= at.epoch,
        Kind::Takeover => entry.id.sequence == at.last.sequence && entry.id.epoch > at.epoch,
    };
    if follows { Ok(next) } else { Err(StoreError::Corrupt(format!("{}: out of order", at.place()))) }
}

/// The log ends at `at`, unless something good stands behind: then what is bad there is damage.
fn end(
    disk: &dyn Disk,
    lengths: &[u64],
    at: &Position,
    bytes: &[u8],
) -> Result<(Position, Option<Torn>), StoreError> {
    let start = to_usize(at.offset).min(bytes.len());
    let rest = &bytes[start..];
    let Some(last) = rest.iter().rposition(|byte| *byte != 0) else {
        return Ok((*at, None));
    };
    let good = |skip: usize| Entry::starts(&rest[skip..]);
    if (ALIGN..rest.len()).step_by(ALIGN).any(good) || begun(disk, lengths, at)? {
        let text = format!("{}: the batch after {} is damaged", at.place(), at.last.sequence);
        return Err(StoreError::Corrupt(text));
    }
    Ok((*at, Some(Torn { end: (start + last + 1) as u64 })))
}

/// Whether a segment behind has begun.
fn begun(disk: &dyn Disk, lengths: &[u64], at: &Position) -> Result<bool, StoreError> {
    for number in at.segment + 1..=u32::try_from(lengths.len()).unwrap_or(u32::MAX) {
        let mut head = [0; SEGMENT_HEAD];
        let name = segment_name(number);
        disk.read_at(&name, 0, &mut head).map_err(|error| failed(&name, &error))?;
        if !matches!(SegmentHead::decode(&head), Err(HeadError::Bad)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sees to it that a segment behind the end holds zeros only: its first write may have been torn.
fn clear(disk: &dyn Disk, lengths: &[u64], number: u32) -> Result<(), StoreError> {
    let bytes = read_segment(disk, lengths, number)?.unwrap_or_default();
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    let name = segment_name(number);
    if (0..bytes.len()).step_by(ALIGN).any(|at| Entry::starts(&bytes[at..])) {
        return Err(StoreError::Corrupt(format!("{name}, byte 0: its head is damaged")));
    }
    disk.create(&name, bytes.len() as u64, &mut || {}).map_err(|error| failed(&name, &error))
}

fn read_segment(disk: &dyn Disk, lengths: &[u64], number: u32) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(length) = lengths.get(number as usize - 1) else { return Ok(None) };
    let mut bytes = vec![0; to_usize(*length)];
    let name = segment_name(number);
    let have = disk.read_at(&name, 0, &mut bytes).map_err(|error| failed(&name, &error))?;
    bytes.truncate(have);
    Ok(Some(bytes))
}

fn to_usize(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

pub(super) fn failed(name: &str, error: &io::Error) -> StoreError {
    let text = format!("{name}: {error}");
    if is_full(error) { StoreError::Full(text) } else { StoreError::Failed(text) }
}

/// The end of the log, to append to.
pub(super) struct Log {
    disk: Arc<dyn Disk>,
    sizes: (u64, u64),
    at: Position,
    /// How many bytes of the segment are there to be written; 0 if there is no segment.
    room: u64,
    /// The next segment, as it is zeroed.
    spare: Option<JoinHandle<io::Result<()>>>,
    /// Somebody waits for it.
    awaited: Arc<AtomicBool>,
    poison: Option<String>,
    buffer: Vec<u8>,
    /// Whether each entry is synced by itself.
    pub(super) synced: bool,
}

impl Log {
    /// Takes the log up at its end, and cuts off what is torn there.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        (at, torn): (Position, Option<Torn>),
        options: &JournalOptions,
    ) -> Result<Self, StoreError> {
        let lengths = segments(&*disk)?;
        let name = segment_name(at.segment);
        for number in at.segment + 1..=u32::try_from(lengths.len()).unwrap_or(u32::MAX) {
            clear(&*disk, &lengths, number)?;
        }
        if let Some(Torn { end }) = torn {
            let zeros = vec![0; to_usize(end - at.offset)];
            let cut = disk.write_at(&name, at.offset, &zeros).and_then(|()| disk.sync(&name));
            cut.map_err(|error| failed(&name, &error))?;
        }
        let room = lengths.get(at.segment as usize - 1).copied().unwrap_or(0);
        let sizes = (options.first_segment, options.largest_segment);
        let mut log = Self {
            disk,
            sizes,
            at,
            room,
            spare: None,
            awaited: Arc::default(),
            poison: None,
            buffer: Vec::new(),
            synced: true,
        };
        log.spare = log.prepare(log.at.segment + u32::from(log.room > 0), lengths.len());
        Ok(log)
    }

    /// The end.
    pub(super) fn at(&self) -> &Position {
        &self.at
    }

    pub(super) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Why nothing can be written any more, if that is so.
    pub(super) fn poison(&self) -> Result<(), StoreError> {
        match &self.poison {
            None => Ok(()),
            Some(why) => Err(StoreError::Failed(format!("the journal must be opened anew: {why}"))),
        }
    }

    /// Segments double in length up to the largest: a small journal takes little room.
    fn size(&self, number: u32) -> u64 {
        let times = 1_u64.checked_shl(number.saturating_sub(1)).unwrap_or(u64::MAX);
        self.sizes.0.saturating_mul(times).min(self.sizes.1).max(SEGMENT_HEAD as u64)
    }

    /// Zeroes a segment ahead, unless there is one with this number.
    fn prepare(&self, number: u32, there: usize) -> Option<JoinHandle<io::Result<()>>> {
        if number as usize <= there {
            return None;
        }
        let (disk, size, name) = (Arc::clone(&self.disk), self.size(number), segment_name(number));
        let awaited = Arc::clone(&self.awaited);
        awaited.store(false, Ordering::Relaxed);
        let make = move || {
            let hurry = || awaited.load(Ordering::Relaxed);
            let mut pace = Pace::new(REST, &hurry);
            disk.create(&name, size, &mut || pace.rest())
        };
        std::thread::Builder::new().name("scrip-segment".into()).spawn(make).ok()
    }

    /// Sees to it that the segment holds `length` more bytes: goes on to the next one if not.
    ///
    /// # Errors
    /// [`StoreError::Full`]: nothing happened.
    pub(super) fn reserve(&mut self, length: usize) -> Result<(), StoreError> {
        self.poison()?;
        let needed = (length + SEGMENT_HEAD) as u64;
        if self.room > 0 && self.at.offset + needed <= self.room {
            return Ok(());
        }
        let next = if self.room == 0 || self.at.offset == 0 { self.at.segment } else { self.at.segment + 1 };
        let name = segment_name(next);
        self.finish_spare();
        let there = segments(&*self.disk)?.get(next as usize - 1).copied().unwrap_or(0);
        let size = self.size(next).max(needed.next_multiple_of(4_096));
        if there < needed {
            self.disk.create(&name, size, &mut || {}).map_err(|error| failed(&name, &error))?;
        }
        self.room = if there < needed { size } else { there };
        (self.at.segment, self.at.offset) = (next, 0);
        let count = segments(&*self.disk)?.len();
        self.spare = self.prepare(next + 1, count);
        Ok(())
    }

    /// Appends one entry and makes it durable, with one write and one sync. Room was reserved.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing more can be written, and whether the entry stands is known
    /// when the journal is opened again.
    pub(super) fn append(&mut self, draft: &Draft<'_>) -> Result<Vec<SideRow>, StoreError> {
        self.poison()?;
        self.buffer.clear();
        if self.at.offset == 0 {
            let (number, after, chain) = (self.at.segment, self.at.last.sequence, self.at.chain);
            SegmentHead { number, after, chain }.encode(&mut self.buffer);
        }
        let start = self.at.offset + self.buffer.len() as u64;
        let (chain, mut rows) = draft.encode(&self.at.chain, &mut self.buffer);
        let name = segment_name(self.at.segment);
        let written = self.disk.write_at(&name, self.at.offset, &self.buffer);
        let sync = || if self.synced { self.disk.sync(&name) } else { Ok(()) };
        if let Err(error) = written.and_then(|()| sync()) {
            let error = failed(&name, &error);
            self.poison = Some(format!("{error}"));
            return Err(error);
        }
        for place in rows.iter_mut().filter_map(|row| row.place.as_mut()) {
            (place.segment, place.offset) = (self.at.segment, place.offset + start);
        }
        let offset = self.at.offset + self.buffer.len() as u64;
        self.at = Position { offset, chain, ..self.at };
        match draft.kind {
            Kind::Batch => {
                let epoch = self.at.epoch.max(draft.id.epoch);
                self.at = Position { last: draft.id, digest: draft.frame.1, epoch, ..self.at };
            }
            Kind::Takeover => self.at.epoch = draft.id.epoch,
        }
        Ok(rows)
    }

    /// Waits for the segment that is being zeroed. Whether it was made can be seen from itself.
    fn finish_spare(&mut self) {
        self.awaited.store(true, Ordering::Relaxed);
        self.spare.take().into_iter().for_each(|spare| drop(spare.join()));
    }

    /// Where the next entry will begin, once its room is reserved.
    pub(super) fn next(&self) -> Position {
        let head = if self.at.offset == 0 { SEGMENT_HEAD as u64 } else { 0 };
        Position { offset: self.at.offset + head, ..self.at }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // A segment that is half zeroed is made anew, but not while this thread is still at it.
        self.finish_spare();
    }
}
