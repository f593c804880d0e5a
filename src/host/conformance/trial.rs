//! A store on trial: all it is told is told to the reference too, and the answers are compared.

use crate::base::{BatchId, Key16, RedemptionId, Wall};
use crate::engine::Recovery;
use crate::host::Store;
use crate::host::store::refused;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{Batch, Claim, ClaimKind, Frame, Handed, Index, Record, Side, Unit, Verdict};
use std::vec;
use std::vec::Vec;

pub(super) struct Trial<'a, S> {
    open: &'a mut dyn FnMut() -> S,
    store: Option<S>,
    pub(super) reference: Index,
    /// What recovery must find.
    end: Recovery,
    pub(super) epoch: u64,
    frames: Vec<(Vec<u8>, Vec<u32>)>,
    names: u64,
}

impl<'a, S: Store> Trial<'a, S> {
    pub(super) fn new(open: &'a mut dyn FnMut() -> S) -> Self {
        let (reference, end) = (Index::new(), Recovery::new());
        let mut trial = Self { open, store: None, reference, end, epoch: 0, frames: Vec::new(), names: 0 };
        trial.reopen();
        trial
    }

    pub(super) fn store(&mut self) -> &mut S {
        self.store.as_mut().expect("a store is open outside of `reopen`")
    }

    /// Closes the store and takes it over again, as after a crash.
    pub(super) fn reopen(&mut self) {
        self.reopen_without_recovery();
        let mut recovery = Recovery::new();
        let recovered = self.store().recover(&mut recovery);
        let epoch = recovered.unwrap_or_else(|error| panic!("a sound store was not recovered: {error}"));
        assert!(epoch > self.epoch, "a takeover opens a new epoch: after {} came {epoch}", self.epoch);
        self.epoch = epoch;
        self.reference.set_epoch(epoch);
        let (found, wanted) = ((recovery.last(), recovery.audit()), (self.end.last(), self.end.audit()));
        assert_eq!(found, wanted, "the end of the log and the audit root, recovered and as committed");
        assert!(recovery == self.end, "recovery ends with another state than the batches lead to");
        self.agree();
    }

    pub(super) fn reopen_without_recovery(&mut self) {
        self.store = None;
        self.store = Some((self.open)());
    }

    /// A batch that follows.
    pub(super) fn batch(&self, units: Vec<Unit>, sides: Vec<Side>) -> Batch {
        let (last, previous) = self.reference.last().unwrap_or_default();
        let id = BatchId { epoch: self.epoch, sequence: last.sequence + 1 };
        let wall = Wall(i64::try_from(id.sequence).expect("few batches"));
        Batch::new(Frame { id, log: 0, wall, previous, units }, sides)
    }

    /// Commits units in a batch that follows, and tells what was said to them.
    pub(super) fn commit(&mut self, units: Vec<Unit>) -> Vec<Verdict> {
        self.commit_with(units, Vec::new())
    }

    pub(super) fn commit_with(&mut self, units: Vec<Unit>, sides: Vec<Side>) -> Vec<Verdict> {
        let batch = self.batch(units, sides);
        self.take(batch).verdicts().to_vec()
    }

    /// Commits one unit that must stand.
    pub(super) fn stands(&mut self, unit: Unit) {
        let verdicts = self.commit(vec![unit]);
        assert_eq!(verdicts[0].refusal, None, "a unit that nothing stands against was refused");
    }

    /// Commits a batch that follows.
    pub(super) fn take(&mut self, mut batch: Batch) -> Batch {
        let mut reference = batch.clone();
        self.reference.commit(&mut reference).expect("the batch follows");
        let taken = self.store().commit(&mut batch);
        taken.unwrap_or_else(|error| panic!("a batch that follows was not taken: {error}"));
        same_verdicts(&batch, reference.verdicts());
        let refused = refused(&reference);
        self.end.batch(batch.bytes(), &refused).expect("the batch follows");
        self.frames.push((batch.bytes().to_vec(), refused));
        batch
    }

    /// Commits the last batch once more: the answers must be the same and nothing else happens.
    pub(super) fn again(&mut self, batch: &Batch) {
        let mut again = Batch::new(batch.frame().clone(), batch.sides().to_vec());
        let taken = self.store().commit(&mut again);
        taken.unwrap_or_else(|error| panic!("the last batch was not taken a second time: {error}"));
        same_verdicts(&again, batch.verdicts());
    }

    /// Checks everything that can be asked of the store.
    pub(super) fn agree(&mut self) {
        self.agree_on_due();
        let mut balances = Vec::<(Account, Currency, i128)>::new();
        let shown = self.store().balances(&mut |account, currency, minor| {
            balances.push((account.clone(), currency, minor));
        });
        shown.expect("balances can be shown");
        balances.sort();
        let wanted: Vec<_> = self.reference.balances().map(|(a, c, m)| (a.clone(), c, m)).collect();
        assert_eq!(balances, wanted, "balances of the store (left) and of the reference (right)");
        let rows: Vec<Handed> = self.reference.rows().map(|(id, row)| row.hand(*id)).collect();
        for row in rows {
            let loaded = self.store().load(row.redemption).expect("a redemption can be loaded");
            assert_eq!(
                loaded,
                Some(row),
                "a redemption as loaded (left) and as the reference has it (right)"
            );
        }
        let nobody = self.id();
        assert_eq!(self.store().load(nobody), Ok(None), "a redemption that there never was");
        self.agree_on_frames();
    }

    fn agree_on_frames(&mut self) {
        let mut frames = Vec::new();
        let shown =
            self.store().frames(&mut |bytes, refused| frames.push((bytes.to_vec(), refused.to_vec())));
        shown.expect("frames can be shown");
        assert_eq!(frames.len(), self.frames.len(), "frames kept (left) and committed (right)");
        for (number, (kept, committed)) in frames.iter().zip(&self.frames).enumerate() {
            assert!(kept.0 == committed.0, "frame {} has other bytes than were committed", number + 1);
            assert_eq!(kept.1, committed.1, "refused units of frame {}: kept and told", number + 1);
        }
    }

    /// Checks what is handed back, at the times when something changes, and how many at once.
    pub(super) fn agree_on_due(&mut self) {
        let next = self.reference.next_due();
        assert_eq!(self.store().next_due(), Ok(next), "when the next redemption is due");
        let Some(next) = next else {
            assert_eq!(self.due(Wall(i64::MAX), usize::MAX), [], "nothing is due, ever");
            return;
        };
        let early = Wall(next.0.saturating_sub(1));
        for (now, limit) in [(early, 9), (next, 9), (next.plus(300), 5), (Wall(i64::MAX), usize::MAX)] {
            let wanted = self.reference.due(now, limit);
            assert_eq!(self.due(now, limit), wanted, "due at {now:?}, at most {limit}: store and reference");
        }
        assert_eq!(self.due(Wall(i64::MAX), 0), [], "a limit of 0 means none");
    }

    pub(super) fn due(&mut self, now: Wall, limit: usize) -> Vec<Handed> {
        self.store().due(now, limit).expect("what is due can be handed back")
    }

    /// Keeps a checkpoint up to the last batch.
    pub(super) fn checkpoint(&mut self) {
        let upto = self.end.last().expect("a batch was taken");
        let mut state = Vec::new();
        self.end.write(&mut state);
        self.store().checkpoint(upto, &state).expect("a checkpoint can be kept");
    }

    /// An id that nothing has yet.
    pub(super) fn id(&mut self) -> RedemptionId {
        RedemptionId(self.key().0)
    }

    /// A key or subject that nothing has yet. Names are spread, as digests are.
    pub(super) fn key(&mut self) -> Key16 {
        self.names += 1;
        Key16(crate::base::digest("scrip store conformance", &[&self.names.to_le_bytes()]).head16())
    }
}

fn same_verdicts(batch: &Batch, wanted: &[Verdict]) {
    assert_eq!(batch.verdicts().len(), wanted.len(), "one verdict per unit");
    for (number, (said, wanted)) in batch.verdicts().iter().zip(wanted).enumerate() {
        let sequence = batch.id().sequence;
        assert_eq!(said, wanted, "unit {number} of batch {sequence}: the store's verdict and the right one");
    }
}

/// A redemption's unit with one record.
pub(super) fn unit(redemption: RedemptionId, expected: u32) -> Unit {
    let records = [Record { kind: 1, version: 1, body: &expected.to_le_bytes() }].into();
    Unit { redemption, expected, due: Some(Wall(1_000)), summary: vec![1, 2], records, ..Unit::default() }
}

pub(super) fn claim(key: Key16, generation: u32) -> Claim {
    Claim { key, kind: ClaimKind::Card, generation }
}
