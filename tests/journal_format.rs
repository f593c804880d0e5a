//! The format of segments is frozen: a journal kept in the repository is read byte by byte as
//! `docs/format.md` says, opened, and written again.
//!
//! `SCRIP_WRITE_JOURNAL=1 cargo test --test journal_format` makes the file of a new version.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use crc::{CRC_32_ISCSI, Crc};
use scrip::base::{BatchId, Digest, Hasher, Key16, RedemptionId, Wall};
use scrip::engine::Recovery;
use scrip::host::{Disk, Journal, JournalOptions, Store};
use scrip::record::{Batch, Claim, ClaimKind, Frame, Record, Records, Side, SideMark, Unit};
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// One segment, as short as it can be.
#[derive(Default)]
struct OneSegment(Mutex<Vec<u8>>);

const NAME: &str = "segment-00000001";

impl Disk for OneSegment {
    fn list(&self) -> Result<Vec<(String, u64)>> {
        let len = self.0.lock().unwrap().len() as u64;
        Ok(if len > 0 { vec![(NAME.into(), len)] } else { vec![] })
    }
    fn create(&self, name: &str, len: u64, _: &mut dyn FnMut()) -> Result<()> {
        // The one that is zeroed ahead is not needed.
        if name != NAME {
            return Err(ErrorKind::StorageFull.into());
        }
        *self.0.lock().unwrap() = vec![0; usize::try_from(len).unwrap()];
        Ok(())
    }
    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize> {
        assert_eq!(name, NAME);
        let file = self.0.lock().unwrap();
        let start = usize::try_from(offset).unwrap().min(file.len());
        let count = into.len().min(file.len() - start);
        into[..count].copy_from_slice(&file[start..start + count]);
        Ok(count)
    }
    fn write_at(&self, _: &str, offset: u64, bytes: &[u8]) -> Result<()> {
        let start = usize::try_from(offset).unwrap();
        self.0.lock().unwrap()[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
    fn sync(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frames/segment-v1.bin")
}

/// A takeover, a batch with two units of which one is refused and two side rows, and a batch that
/// erases one of them.
fn write(journal: &mut Journal) {
    let epoch = journal.recover(&mut Recovery::new()).unwrap();
    let id = |n: u8| RedemptionId([n; 16]);
    let mark = |slot, content: Option<&[u8]>| SideMark { slot, content: content.map(Frame::digest) };
    let side =
        |slot, content: Option<&[u8]>| Side { redemption: id(1), slot, content: content.map(<[u8]>::to_vec) };
    let records = Records::from([Record { kind: 1, version: 1, body: &[5; 3] }]);
    let first = Unit {
        redemption: id(1),
        due: Some(Wall(9)),
        claims: vec![Claim { key: Key16([3; 16]), kind: ClaimKind::Card, generation: 0 }],
        sides: vec![mark(1, Some(b"sealed")), mark(2, Some(b"kept"))],
        summary: vec![4],
        records,
        ..Unit::default()
    };
    let second = Unit { redemption: id(2), sides: vec![], ..first.clone() };
    let last = Unit { expected: 1, claims: vec![], sides: vec![mark(1, None)], ..first.clone() };
    let frame = |sequence, previous, units| {
        let id = BatchId { epoch, sequence };
        Frame { id, log: 0, wall: Wall(1_764_000_000_000), previous, units }
    };
    let sides = vec![side(1, Some(b"sealed")), side(2, Some(b"kept"))];
    let mut batch = Batch::new(frame(1, Digest::default(), vec![first, second]), sides);
    journal.commit(&mut batch).unwrap();
    let mut next = Batch::new(frame(2, batch.digest(), vec![last]), vec![side(1, None)]);
    journal.commit(&mut next).unwrap();
}

fn written() -> Vec<u8> {
    let (disk, folder) = (Arc::new(OneSegment::default()), tempfile::tempdir().unwrap());
    let options = JournalOptions { first_segment: 2_048, ..Default::default() };
    let mut journal = Journal::open_on(disk.clone(), folder.path(), &options).unwrap();
    write(&mut journal);
    drop(journal);
    disk.0.lock().unwrap().clone()
}

#[test]
fn what_is_written_is_what_is_frozen() {
    let written = written();
    if std::env::var_os("SCRIP_WRITE_JOURNAL").is_some() {
        std::fs::write(frozen(), &written).unwrap();
    }
    assert!(written == std::fs::read(frozen()).unwrap(), "segments are written in another form");
}

#[test]
fn the_frozen_segment_is_opened() {
    let disk = OneSegment(Mutex::new(std::fs::read(frozen()).unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open_on(Arc::new(disk), folder.path(), &JournalOptions::default()).unwrap();
    let mut shown = Vec::new();
    journal.frames(&mut |frame, refused| shown.push((frame.to_vec(), refused.to_vec()))).unwrap();
    assert_eq!(shown.iter().map(|(_, refused)| refused.clone()).collect::<Vec<_>>(), [vec![1], vec![]]);
    let handed = journal.load(RedemptionId([1; 16])).unwrap().unwrap();
    assert_eq!(handed.sides, [(2, b"kept".to_vec())].into());
    assert_eq!(journal.check().unwrap().findings, []);
}

/// Reads as the page about the format says, with nothing of the library but its digest.
struct Page<'a>(&'a [u8]);

impl<'a> Page<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(len);
        self.0 = rest;
        head
    }
    fn number(&mut self, len: usize) -> u64 {
        self.take(len).iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

#[test]
fn every_byte_is_where_the_page_says() {
    let bytes = std::fs::read(frozen()).unwrap();
    let crc = |bytes: &[u8]| u64::from(Crc::<u32>::new(&CRC_32_ISCSI).checksum(bytes));
    let mut page = Page(&bytes);
    assert_eq!(page.take(8), b"SCRIPSEG");
    assert_eq!((page.number(2), page.number(2), page.number(4), page.number(8)), (1, 0, 1, 0));
    assert_eq!(page.take(32), [0; 32]);
    assert_eq!((page.number(4), page.number(4)), (0, crc(&bytes[..60])));
    let (mut chain, mut kinds, mut erased) = ([0; 32], Vec::new(), 0);
    while page.0[0] != 0 {
        let entry = page.0;
        assert_eq!(page.take(4), b"SCRE");
        let kind = page.number(1);
        assert_eq!(page.take(3), [0; 3]);
        let (length, refused, sides) = (page.number(4), page.number(4), page.number(4));
        let (frame, epoch, sequence) = (page.number(4), page.number(8), page.number(8));
        let own = page.take(32);
        let refused: Vec<u64> = (0..refused).map(|_| page.number(4)).collect();
        let rows: Vec<_> = (0..sides)
            .map(|_| {
                assert_eq!(page.take(16), [1; 16]);
                let (slot, put, zero) = (page.number(1), page.number(1), page.number(2));
                assert_eq!(zero, 0);
                (slot, put, page.number(4), page.number(4))
            })
            .collect();
        let head = entry.len() - page.0.len();
        assert_eq!(page.number(4), crc(&entry[..head]), "the checksum of the head");
        let frame = page.take(usize::try_from(frame).unwrap());
        let mut hash = Hasher::new().with(&chain).with(&entry[..40]).with(&entry[72..head]);
        if kind == 1 {
            hash = hash.with(&Frame::digest(frame).0);
            assert_eq!(Frame::decode(frame).unwrap().id, BatchId { epoch, sequence });
        }
        assert_eq!(hash.finish().0, own, "the chain");
        chain.copy_from_slice(own);
        for (slot, put, length, checksum) in &rows {
            let content = page.take(usize::try_from(*length).unwrap());
            if (*slot, *put, *length) == (1, 1, 6) {
                assert_eq!(content, [0; 6], "what was erased is zeros");
                erased += 1;
            } else if *put == 1 {
                assert_eq!((content, *checksum), (&b"kept"[..], crc(b"kept")));
            }
        }
        let used = entry.len() - page.0.len();
        let padding = page.take(usize::try_from(length).unwrap() - used);
        assert!(padding.len() < 8 && padding.iter().all(|byte| *byte == 0) && length % 8 == 0);
        kinds.push((kind, epoch, sequence, refused.len(), rows.len()));
    }
    assert_eq!(kinds, [(2, 1, 0, 0, 0), (1, 1, 1, 1, 2), (1, 1, 2, 0, 1)]);
    assert_eq!(erased, 1);
    assert!(page.0.iter().all(|byte| *byte == 0), "and zeros to the end");
}
