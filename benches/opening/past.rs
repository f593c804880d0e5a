//! A long past, made fast. Some lives are lived by the engine; the units of each are put into one,
//! which leaves what they leave, and that is written again and again with other names. The journal
//! takes the batches as it takes any.

use crate::common::{Trade, setup};
use scrip::base::{BatchId, Digest, Key16, RedemptionId, Wall, digest};
use scrip::engine::Recovery;
use scrip::host::{Journal, Memory, Store};
use scrip::record::{Batch, Frame, Unit};
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// Lives that the engine has lived: their cards and requests are asked for later.
pub(crate) const LIVES: usize = 2_048;
/// So many copies of all lives are sorted by redemption before they are written: the tables then
/// change fewer pages, which makes filling faster and nothing else.
const SORTED: u64 = 128;
const UNITS_IN_A_BATCH: usize = 4_096;
/// A seller, a device and an address have the trades of so many copies.
const COPIES_OF_A_SELLER: u64 = 128;

/// What is there now.
pub(crate) struct Past {
    pub(crate) count: u64,
    pub(crate) added: u64,
}

impl Past {
    /// Fills a new journal in `folder` with `count` redemptions, in whole copies; one that is there
    /// is taken as it is.
    pub(crate) fn fill(folder: &Path, count: u64) -> Self {
        let tables = folder.join("tables.db");
        if tables.is_file() {
            let tables = rusqlite::Connection::open(tables).expect("a database");
            let count: i64 = tables
                .query_row("SELECT max(number) FROM redemptions", [], |row| row.get(0))
                .expect("a table of redemptions");
            return Self { count: count.unsigned_abs(), added: 0 };
        }
        let mut journal = Journal::open(folder).expect("a new journal");
        let lives = lives();
        let copies = count.div_ceil(LIVES as u64).max(1);
        let (mut writer, mut made) = (Writer::default(), 0);
        writer.open(&mut journal);
        while made < copies {
            let upto = copies.min(made + SORTED);
            let mut units: Vec<Unit> =
                (made..upto).flat_map(|n| lives.iter().map(move |life| copy(life, n))).collect();
            units.sort_unstable_by_key(|unit| unit.redemption);
            writer.write(&mut journal, units);
            writer.open(&mut journal);
            made = upto;
            eprintln!("{} redemptions", made * LIVES as u64);
        }
        let count = copies * LIVES as u64;
        Self { count, added: count }
    }
}

/// The lives that the engine has lived, each in one unit.
fn lives() -> Vec<Unit> {
    let (_, seen) = Trade::rehearse(LIVES, 1_024, &mut Memory::new());
    let mut lives = HashMap::<RedemptionId, Unit>::new();
    let units = seen.batches.iter().flat_map(|batch| batch.units().iter().zip(batch.verdicts()));
    for (unit, verdict) in units.filter(|(unit, _)| !unit.records.is_empty()) {
        assert!(verdict.is_accepted(), "fresh cards");
        let first = Unit { redemption: unit.redemption, dormant: true, ..Unit::default() };
        let life = lives.entry(unit.redemption).or_insert(first);
        life.due = unit.due;
        life.claims.extend(&unit.claims);
        life.changes.extend(&unit.changes);
        life.sightings.extend(&unit.sightings);
        life.postings.extend(unit.postings.iter().cloned());
        life.records.extend(unit.records.iter());
        life.summary.clone_from(&unit.summary);
        if !unit.fingerprint.is_empty() {
            life.fingerprint.clone_from(&unit.fingerprint);
        }
    }
    // What the engine keeps of itself is not part of a life.
    let lives: Vec<Unit> = lives.into_values().filter(|life| !life.fingerprint.is_empty()).collect();
    assert!(lives.len() == LIVES && lives.iter().all(|life| life.due.is_none()), "all have ended");
    lives
}

/// The same life with other names; number 0 keeps its own.
fn copy(life: &Unit, n: u64) -> Unit {
    let renamed = |what: &str, n: u64, name: [u8; 16]| match n {
        0 => name,
        n => digest(what, &[&n.to_le_bytes(), &name]).head16(),
    };
    let mut unit = life.clone();
    unit.redemption = RedemptionId(renamed("redemption", n, life.redemption.0));
    unit.claims.iter_mut().for_each(|claim| claim.key = Key16(renamed("card", n, claim.key.0)));
    unit.changes.iter_mut().for_each(|change| change.key = Key16(renamed("card", n, change.key.0)));
    for sighting in &mut unit.sightings {
        sighting.subject = Key16(renamed("subject", n / COPIES_OF_A_SELLER, sighting.subject.0));
    }
    unit
}

/// Where the log ends.
#[derive(Default)]
struct Writer {
    id: BatchId,
    previous: Digest,
}

impl Writer {
    /// Opens the next epoch and makes a checkpoint, as the driver does now and then.
    fn open(&mut self, journal: &mut Journal) {
        let mut recovery = Recovery::new();
        self.id.epoch = journal.recover(&mut recovery).expect("it is whole");
        let engine = recovery.finish(setup(1), self.id.epoch, [7; 32]).expect("the log was written here");
        let mut state = Vec::new();
        if let Some(upto) = engine.checkpoint(&mut state) {
            assert_eq!(upto.sequence, self.id.sequence, "nothing is missing");
            journal.checkpoint(upto, &state).expect("the batch is there");
        }
    }

    fn write(&mut self, journal: &mut Journal, units: Vec<Unit>) {
        let mut units = units.into_iter().peekable();
        while units.peek().is_some() {
            let units: Vec<Unit> = units.by_ref().take(UNITS_IN_A_BATCH).collect();
            self.id.sequence += 1;
            let (id, previous) = (self.id, self.previous);
            let wall = Wall(1_795_305_600_000);
            let mut batch = Batch::new(Frame { id, log: 0, wall, previous, units }, vec![]);
            journal.commit(&mut batch).expect("the journal takes it");
            assert!(batch.verdicts().iter().all(|verdict| verdict.is_accepted()), "all are new");
            self.previous = batch.digest();
        }
    }
}

/// The bytes in all files of the journal.
pub(crate) fn size(folder: &Path) -> u64 {
    files(folder).map(|path| std::fs::metadata(path).map_or(0, |file| file.len())).sum()
}

/// Takes the files out of the system's page cache, with Debian's `dd`.
pub(crate) fn drop_from_cache(folder: &Path) {
    for path in files(folder) {
        let input = format!("if={}", path.display());
        let dropped = Command::new("dd").args([&input, "iflag=nocache", "count=0", "status=none"]).status();
        assert!(dropped.is_ok_and(|status| status.success()), "dd can drop {}", path.display());
    }
}

fn files(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    std::fs::read_dir(folder).expect("a journal").flatten().map(|entry| entry.path())
}
