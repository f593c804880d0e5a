//! Power cuts, and disks that fail and fill up.

use crate::log::{Trade, id, open, options, scratch, sealed, shown, stands_at, take_over};
use crate::ram::{Image, Ram};
use scrip::base::{BatchId, RedemptionId, Wall};
use scrip::engine::Recovery;
use scrip::host::{Finding, Journal, Store, StoreError, conformance};
use scrip::ledger::Account;
use scrip::money::Currency;
use scrip::record::{Batch, Frame, Handed, Record, Side, SideMark, Unit};
use std::sync::Arc;

/// Marsaglia's xorshift, 64 bits (13, 7, 17).
struct Random(u64);

impl Random {
    fn chance(&mut self, percent: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % 100 < percent
    }
}

#[test]
fn the_journal_conforms_on_a_disk_in_memory() {
    let (disk, folder) = (Ram::default(), scratch());
    conformance(&mut || Journal::open_on(Arc::new(disk.clone()), folder.path(), &options()).unwrap());
}

/// A journal whose tables are brought up to date after every so many commits.
struct Settling(Journal, u32, u32);

impl Store for Settling {
    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        self.0.recover(into)
    }
    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        self.0.commit(batch)?;
        self.1 += 1;
        if self.1 % self.2 == 0 { self.0.settle() } else { Ok(()) }
    }
    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError> {
        self.0.checkpoint(upto, state)
    }
    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError> {
        self.0.load(redemption)
    }
    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError> {
        self.0.due(now, limit)
    }
    fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        self.0.next_due()
    }
    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError> {
        self.0.balances(visit)
    }
    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
        self.0.frames(visit)
    }
}

/// However far the tables are behind, the answers are the same.
#[test]
fn the_journal_conforms_wherever_its_tables_are() {
    for every in [1, 3] {
        let (disk, folder) = (Ram::default(), scratch());
        let open = || Journal::open_on(Arc::new(disk.clone()), folder.path(), &options()).unwrap();
        conformance(&mut || Settling(open(), 0, every));
        // The random units name side rows that are not handed over: those are missing, and no more.
        let found = open().check().unwrap().findings;
        assert!(found.iter().all(|finding| matches!(finding, Finding::Side { .. })));
    }
}

/// Writes that were not synced are lost in any part; what was acknowledged is there.
#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    for seed in 1..=300 {
        let mut random = Random(seed);
        let (disk, folder, mut trade) = (Ram::default(), scratch(), Trade::default());
        let (mut journal, epoch, _) = take_over(&disk, folder.path()).unwrap();
        let acknowledged = 1 + seed % 7;
        trade.run(&mut journal, epoch, acknowledged);
        let synced = disk.image();
        // The next batch is written, and its sync does not come back.
        disk.fail_syncs_after(0);
        let failed = journal.commit(&mut trade.step(epoch));
        assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
        let percent = 50 * (seed % 3);
        let left = disk.after_power_cut(&synced, &mut || random.chance(percent));
        drop(journal);
        let (left, anew) = (Ram::of(left), scratch());
        let (mut journal, ..) = take_over(&left, anew.path()).unwrap();
        let found = shown(&mut journal).len() as u64;
        assert!(found == acknowledged || (found == acknowledged + 1 && percent > 0), "seed {seed}: {found}");
        stands_at(&mut journal, found);
    }
}

#[test]
fn after_a_failed_sync_or_write_nothing_is_written_until_it_is_opened_anew() {
    let fail: [fn(&Ram); 2] = [|disk| disk.fail_syncs_after(0), |disk| disk.fail_writes_after(0)];
    for fail in fail {
        let (disk, folder, mut trade) = (Ram::default(), scratch(), Trade::default());
        let (mut journal, epoch, _) = take_over(&disk, folder.path()).unwrap();
        trade.run(&mut journal, epoch, 3);
        fail(&disk);
        let mut batch = trade.clone().step(epoch);
        assert!(matches!(journal.commit(&mut batch), Err(StoreError::Failed(_))));
        assert!(batch.verdicts().iter().all(|verdict| verdict.is_accepted() && verdict.seen.is_empty()));
        // The disk is well again, but what it holds is not known.
        let healed = Ram::of(disk.image());
        let before = disk.image();
        let again = journal.commit(&mut batch);
        assert!(matches!(&again, Err(StoreError::Failed(text)) if text.contains("opened anew")), "{again:?}");
        assert!(disk.image() == before, "nothing more was written");
        drop(journal);
        let (mut journal, epoch, recovery) = take_over(&healed, folder.path()).unwrap();
        let found = recovery.last().unwrap().sequence;
        assert!(found == 3 || found == 4);
        if found == 4 {
            trade.step(epoch - 1);
        }
        stands_at(&mut journal, found);
        trade.run(&mut journal, epoch, 2);
        stands_at(&mut journal, found + 2);
    }
}

#[test]
fn a_full_disk_is_told_and_the_batch_is_taken_when_there_is_room() {
    let (disk, folder, mut trade) = (Ram::default(), scratch(), Trade::default());
    let (mut journal, epoch, _) = take_over(&disk, folder.path()).unwrap();
    disk.hold(Some(6_000));
    let mut taken = 0;
    let mut batch = loop {
        let mut batch = trade.step(epoch);
        match journal.commit(&mut batch) {
            Ok(()) => taken += 1,
            Err(StoreError::Full(_)) => break batch,
            Err(other) => panic!("{other:?}"),
        }
        assert!(taken < 50);
    };
    assert!(taken > 0);
    stands_at(&mut journal, taken);
    assert!(matches!(journal.commit(&mut batch), Err(StoreError::Full(_))), "as long as there is none");
    disk.hold(None);
    journal.commit(&mut batch).unwrap();
    assert!(!batch.verdicts()[1].is_accepted());
    stands_at(&mut journal, taken + 1);
    trade.run(&mut journal, epoch, 5);
    stands_at(&mut journal, taken + 6);
}

#[test]
fn a_batch_that_is_longer_than_a_segment_gets_one_of_its_own() {
    let (disk, folder, mut trade) = (Ram::default(), scratch(), Trade::default());
    let (mut journal, epoch, _) = take_over(&disk, folder.path()).unwrap();
    trade.run(&mut journal, epoch, 1);
    let mut frame = trade.step(epoch).frame().clone();
    frame.units[0].records = [Record { kind: 1, version: 1, body: &[9; 20_000] }].into();
    let mut large = Batch::new(frame, vec![]);
    journal.commit(&mut large).unwrap();
    drop(journal);
    let mut journal = open(&disk, folder.path()).unwrap();
    assert_eq!(shown(&mut journal), [1, 2]);
}

fn holders(image: &Image, n: u64) -> usize {
    let secret = sealed(n);
    image.values().filter(|file| file.windows(secret.len()).any(|bytes| bytes == secret)).count()
}

#[test]
fn what_is_erased_is_gone_from_the_segments() {
    let (disk, folder, mut trade) = (Ram::default(), scratch(), Trade::default());
    let (mut journal, epoch, _) = take_over(&disk, folder.path()).unwrap();
    trade.run(&mut journal, epoch, 9);
    assert!((1..=9).all(|n| holders(&disk.image(), n) <= 1));
    assert_eq!(holders(&disk.image(), 9), 1, "what is needed is there");
    journal.settle().unwrap();
    assert!((1..9).all(|n| holders(&disk.image(), n) == 0), "settling erases what is not needed");
    trade.run(&mut journal, epoch, 1);
    stands_at(&mut journal, 10);
    drop(journal);
    let image = disk.image();
    assert!((1..10).all(|n| holders(&image, n) == 0), "and so does closing");
    assert_eq!(holders(&image, 10), 1);
    // The zeros are no damage, with old tables or with new ones.
    let anew = scratch();
    for tables in [folder.path(), anew.path()] {
        stands_at(&mut open(&Ram::of(image.clone()), tables).unwrap(), 10);
    }
}

/// Each redemption has a card, whose row goes soon, and what its seller told, which stays.
#[test]
fn what_goes_together_lies_side_by_side_and_the_rest_is_left_alone() {
    let (disk, folder, mut trade) = (Ram::default(), scratch(), Trade::default());
    let (mut journal, epoch, _) = take_over(&disk, folder.path()).unwrap();
    let mark =
        |slot, content: Option<&Vec<u8>>| SideMark { slot, content: content.map(|c| Frame::digest(c)) };
    let contents = |n: u64| [(1, sealed(n)), (2, sealed(100 + n))];
    let begin = |n| Unit {
        redemption: id(n),
        sides: contents(n).map(|(slot, content)| mark(slot, Some(&content))).to_vec(),
        records: [Record { kind: 1, version: 1, body: &[7; 30] }].into(),
        ..Unit::default()
    };
    let end = |n| Unit { expected: 1, sides: vec![mark(1, None)], ..begin(n) };
    let rows = (1..=9).flat_map(|n| contents(n).map(|(slot, c)| (id(n), slot, c)));
    let put = rows.map(|(redemption, slot, c)| Side { redemption, slot, content: Some(c) }).collect();
    journal.commit(&mut trade.batch(epoch, (1..=9).map(begin).collect(), put)).unwrap();
    let together = |of: std::ops::RangeInclusive<u64>| of.flat_map(sealed).collect::<Vec<u8>>();
    let holds =
        |piece: &[u8]| disk.image().values().any(|file| file.windows(piece.len()).any(|at| at == piece));
    assert!(holds(&together(1..=9)) && holds(&together(101..=109)));
    let gone = (1..=9).map(|n| Side { redemption: id(n), slot: 1, content: None }).collect();
    journal.commit(&mut trade.batch(epoch, (1..=9).map(end).collect(), gone)).unwrap();
    journal.settle().unwrap();
    assert!((1..=9).all(|n| holders(&disk.image(), n) == 0) && holds(&together(101..=109)));
    for n in 1..=9 {
        let handed = journal.load(id(n)).unwrap().unwrap();
        assert_eq!(handed.sides, [(2, sealed(100 + n))].into(), "redemption {n}");
    }
}

/// Whatever stands in the segments when an erasure is cut off, nothing that is needed is lost.
#[test]
fn an_erasure_that_is_cut_off_is_made_up_for() {
    for seed in 1..=40 {
        let mut random = Random(seed);
        let (disk, folder, mut trade) = (Ram::default(), scratch(), Trade::default());
        let (mut journal, epoch, _) = take_over(&disk, folder.path()).unwrap();
        trade.run(&mut journal, epoch, 8);
        let synced = disk.image();
        disk.fail_syncs_after(0);
        drop(journal);
        let left = disk.after_power_cut(&synced, &mut || random.chance(50));
        let (left, anew) = (Ram::of(left), scratch());
        for tables in [anew.path(), folder.path()] {
            let (mut journal, ..) = take_over(&left, tables).unwrap();
            stands_at(&mut journal, 8);
            drop(journal);
            assert!((1..8).all(|n| holders(&left.image(), n) == 0), "seed {seed}");
            if tables == anew.path() {
                break;
            }
        }
    }
}
