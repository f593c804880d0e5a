//! What scrip is measured beside: the bare disk, and databases that do the same durable rows with
//! nothing around them. For each record: read the card, write the card, append a row to the ledger,
//! insert an idempotency key; some 300 bytes.

#[cfg(feature = "postgres")]
pub(crate) mod postgres;
pub(crate) mod sqlite;

use crate::common::Worked;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a record's rows carry together, beside their keys.
pub(crate) const CARD_BYTES: usize = 100;
pub(crate) const LEDGER_BYTES: usize = 120;
/// A record on the bare disk.
pub(crate) const RECORD_BYTES: usize = 300;
/// So many cards there are before the first record.
pub(crate) const CARDS: u64 = 32_768;

pub(crate) struct Timed {
    pub(crate) took: Duration,
    pub(crate) worked: Duration,
}

/// One record to write.
pub(crate) struct Record {
    pub(crate) card: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) amount: i64,
    pub(crate) memo: Vec<u8>,
}

/// Record `n`: cards in no order, as digests come.
pub(crate) fn record(n: u64) -> Record {
    let (card, key) = (card(n.wrapping_mul(40_503) % CARDS), name("key", n));
    Record { card, key, amount: 1, memo: vec![0x5a; LEDGER_BYTES] }
}

pub(crate) fn card(n: u64) -> Vec<u8> {
    name("card", n)
}

fn name(what: &str, n: u64) -> Vec<u8> {
    scrip::base::digest(what, &[&n.to_le_bytes()]).head16().to_vec()
}

/// A database that takes batches of records, each durable when it returns.
pub(crate) trait Plain {
    fn commit(&mut self, records: &[Record]);
}

/// Commits `count` records in batches of so many.
pub(crate) fn run(plain: &mut dyn Plain, count: u64, batch: u64, from: &mut u64) -> Timed {
    let records: Vec<Record> = (*from..*from + count).map(record).collect();
    *from += count;
    let (worked, start) = (Worked::start(), Instant::now());
    let batch = usize::try_from(batch).expect("a batch fits into memory");
    records.chunks(batch).for_each(|records| plain.commit(records));
    Timed { took: start.elapsed(), worked: worked.so_far() }
}

/// A new file of so many zeros, durable, to be written from its beginning.
pub(crate) fn zeroed(path: &Path, length: usize) -> File {
    let mut file = File::create(path).expect("a new file");
    file.write_all(&vec![0; length]).expect("there is room");
    file.sync_all().expect("the disk takes it");
    file.seek(SeekFrom::Start(0)).expect("a file");
    file
}

/// Appends pieces of these lengths to a zeroed file, and syncs each.
pub(crate) fn bare(folder: &Path, pieces: impl Iterator<Item = usize> + Clone) -> Timed {
    let (total, most) = pieces.clone().fold((0, 0), |(sum, most), piece| (sum + piece, piece.max(most)));
    let (mut file, bytes) = (zeroed(&folder.join("bare"), total), vec![0x5a; most]);
    let (worked, start) = (Worked::start(), Instant::now());
    for piece in pieces {
        file.write_all(&bytes[..piece]).expect("there is room");
        file.sync_data().expect("the disk takes it");
    }
    Timed { took: start.elapsed(), worked: worked.so_far() }
}
