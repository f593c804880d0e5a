//! A small trade to be written, and what a journal says of it.

use crate::ram::Ram;
use scrip::base::{BatchId, Digest, Key16, RedemptionId, Wall};
use scrip::engine::Recovery;
use scrip::host::{Journal, JournalOptions, Store, StoreError};
use scrip::ledger::{Account, AccountKind, Posting};
use scrip::money::{Amount, Currency};
use scrip::record::{Batch, Change, Claim, ClaimKind, ClaimStatus, Frame, Record, Side, SideMark, Unit};
use scrip::risk::{Recall, RecallKind, Sighting};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Small segments, so that a few batches begin several.
pub(crate) const SMALL: u64 = 2_048;

pub(crate) fn options() -> JournalOptions {
    JournalOptions { first_segment: SMALL, largest_segment: SMALL, ..Default::default() }
}

/// Opens the journal on a disk in memory; its tables are in `folder`.
pub(crate) fn open(disk: &Ram, folder: &Path) -> Result<Journal, StoreError> {
    Journal::open_on(Arc::new(disk.clone()), folder, &options())
}

/// Opens and takes over; tells the epoch and the end of the log.
pub(crate) fn take_over(disk: &Ram, folder: &Path) -> Result<(Journal, u64, Recovery), StoreError> {
    let mut journal = open(disk, folder)?;
    let mut recovery = Recovery::new();
    let epoch = journal.recover(&mut recovery)?;
    Ok((journal, epoch, recovery))
}

/// A folder for tables; in memory where there is one, for what they hold is in the journal.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// The batches of a trade, one after the other.
#[derive(Clone, Default)]
pub(crate) struct Trade {
    pub(crate) last: (u64, Digest),
}

pub(crate) fn id(n: u64) -> RedemptionId {
    RedemptionId(scrip::base::digest("redemption", &[&n.to_le_bytes()]).head16())
}

fn key(n: u64) -> Key16 {
    Key16(scrip::base::digest("key", &[&n.to_le_bytes()]).head16())
}

/// Sealed content that can be found by its bytes.
pub(crate) fn sealed(n: u64) -> Vec<u8> {
    format!("<sealed content {n:06}>").into_bytes()
}

impl Trade {
    pub(crate) fn batch(&mut self, epoch: u64, units: Vec<Unit>, sides: Vec<Side>) -> Batch {
        let id = BatchId { epoch, sequence: self.last.0 + 1 };
        let wall = Wall(i64::try_from(id.sequence).unwrap());
        let batch = Batch::new(Frame { id, log: 0, wall, previous: self.last.1, units }, sides);
        self.last = (id.sequence, batch.digest());
        batch
    }

    /// Redemption `n` begins and puts a side row; `n - 1` ends and erases its; a third unit wants
    /// the card of the first and is refused.
    pub(crate) fn step(&mut self, epoch: u64) -> Batch {
        let n = self.last.0 + 1;
        let money = |minor| Amount::new(minor, Currency::CNY);
        let subject = key(9_000_000);
        let begin = Unit {
            redemption: id(n),
            due: Some(Wall(9)),
            fingerprint: vec![1, 2],
            claims: vec![Claim { key: key(n), kind: ClaimKind::Card, generation: 0 }],
            sightings: vec![Sighting { subject, at: Wall(5), value: 100 }],
            recalls: vec![Recall { subject, kind: RecallKind::Moments }],
            sides: vec![SideMark { slot: 1, content: Some(Frame::digest(&sealed(n))) }],
            summary: vec![3; 20],
            records: [Record { kind: 1, version: 1, body: &[7; 30] }].into(),
            ..Unit::default()
        };
        let refused = Unit { redemption: id(1_000_000 + n), sides: vec![], ..begin.clone() };
        let mut units = vec![begin, refused];
        let mut sides = vec![Side { redemption: id(n), slot: 1, content: Some(sealed(n)) }];
        if n > 1 {
            units.push(Unit {
                redemption: id(n - 1),
                expected: 1,
                changes: vec![Change { key: key(n - 1), to: Some(ClaimStatus::Consumed) }],
                postings: vec![
                    Posting { account: Account::of(AccountKind::Fee), amount: money(7) },
                    Posting { account: Account::of(AccountKind::Float), amount: money(-7) },
                ],
                sides: vec![SideMark { slot: 1, content: None }],
                records: [Record { kind: 2, version: 1, body: &[] }].into(),
                ..Unit::default()
            });
            sides.push(Side { redemption: id(n - 1), slot: 1, content: None });
        }
        self.batch(epoch, units, sides)
    }

    /// Writes `count` batches; tells the last one, with its verdicts.
    pub(crate) fn run(&mut self, journal: &mut Journal, epoch: u64, count: u64) -> Batch {
        let mut last = None;
        for _ in 0..count {
            let mut batch = self.step(epoch);
            journal.commit(&mut batch).unwrap();
            let said: Vec<bool> = batch.verdicts().iter().map(|verdict| verdict.is_accepted()).collect();
            assert_eq!(said[..2], [true, false]);
            last = Some(batch);
        }
        last.unwrap()
    }
}

/// All that the journal shows of batches: their numbers.
pub(crate) fn shown(journal: &mut Journal) -> Vec<u64> {
    let mut shown = Vec::new();
    journal
        .frames(&mut |frame, refused| {
            assert_eq!(refused, [1]);
            shown.push(Frame::decode(frame).unwrap().id.sequence);
        })
        .unwrap();
    shown
}

/// Whether the journal stands as after batch `n` of the trade.
pub(crate) fn stands_at(journal: &mut Journal, n: u64) {
    assert_eq!(shown(journal), (1..=n).collect::<Vec<_>>());
    for known in 1..=n {
        let handed = journal.load(id(known)).unwrap().unwrap();
        let records = Record::decode_all(&handed.log).unwrap().len();
        assert_eq!(records, if known == n { 1 } else { 2 }, "redemption {known} of {n}");
        let side = handed.sides.get(&1);
        assert_eq!(side, (known == n).then(|| sealed(n)).as_ref(), "redemption {known} of {n}");
        assert_eq!(journal.load(id(1_000_000 + known)).unwrap(), None);
    }
    assert_eq!(journal.load(id(n + 1)).unwrap(), None);
    let mut fee = 0;
    journal
        .balances(&mut |account, _, minor| {
            if account.kind() == AccountKind::Fee {
                fee = minor;
            }
        })
        .unwrap();
    assert_eq!(fee, 7 * i128::from(n.max(1) - 1));
}
