//! The index under several writers: each has its log and its epochs, and a redemption in memory
//! belongs to the epoch that wrote or took it last.

use super::{Handed, Index};
use crate::base::{RedemptionId, Wall};
use alloc::vec::Vec;

impl Index {
    /// An empty index for several writers. Epochs are opened with [`Index::open_log`], and what
    /// they leave behind is handed out by [`Index::take_due`].
    pub fn shared() -> Self {
        let mut index = Self::new();
        index.shared = true;
        index
    }

    /// Opens a new epoch of one log; batches of that log's earlier ones are fenced off.
    pub fn open_log(&mut self, log: u32) -> u64 {
        self.epoch += 1;
        self.tails.entry(log).or_default().epoch = self.epoch;
        self.epoch
    }

    /// The epoch that may go on with a log; 0 before the first.
    pub fn epoch_of(&self, log: u32) -> u64 {
        self.tails.get(&log).map_or(0, |tail| tail.epoch)
    }

    /// An epoch has ended: its log is fenced off if it is still that epoch's, and what it had in
    /// memory waits to be taken by another.
    pub fn end_epoch(&mut self, log: u32, epoch: u64) {
        if self.epoch_of(log) == epoch {
            self.open_log(log);
        }
        let orphan = |row: &super::Row| row.epoch == epoch && !row.dormant;
        let left = self.rows.iter().filter(|(_, row)| orphan(row));
        self.waiting.extend(left.filter_map(|(id, row)| Some((row.due?, *id))));
    }

    /// Hands to `epoch` what is due at `now` and is its own or of an epoch that has ended, the
    /// longest due first, at most `limit`. From then on it is in `epoch`'s memory.
    pub fn take_due(
        &mut self,
        epoch: u64,
        now: Wall,
        limit: usize,
        lives: &dyn Fn(u64) -> bool,
    ) -> Vec<Handed> {
        let due: Vec<_> = self.open_to(epoch, lives).take_while(|(due, _)| *due <= now).take(limit).collect();
        let mut taken = Vec::with_capacity(due.len());
        for place in due {
            self.waiting.remove(&place);
            let Some(row) = self.rows.get_mut(&place.1) else { continue };
            (row.epoch, row.dormant) = (epoch, false);
            taken.push(row.hand(place.1));
        }
        taken
    }

    /// When the next redemption is due that [`Index::take_due`] would hand to `epoch`.
    pub fn next_due_of(&self, epoch: u64, lives: &dyn Fn(u64) -> bool) -> Option<Wall> {
        self.open_to(epoch, lives).next().map(|(due, _)| due)
    }

    /// What waits and is `epoch`'s own, or of an epoch that has ended.
    fn open_to<'a>(
        &'a self,
        epoch: u64,
        lives: &'a dyn Fn(u64) -> bool,
    ) -> impl Iterator<Item = (Wall, RedemptionId)> + 'a {
        let open = move |id: &RedemptionId| {
            self.rows.get(id).is_some_and(|row| row.epoch == epoch || !lives(row.epoch))
        };
        self.waiting.iter().copied().filter(move |(_, id)| open(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::BatchId;
    use crate::record::{Batch, CommitError, Frame, Record, Refusal, Unit, Verdict};
    use alloc::vec;

    fn id(n: u8) -> RedemptionId {
        RedemptionId([n; 16])
    }

    fn unit(n: u8, expected: u32, dormant: bool) -> Unit {
        let records = [Record { kind: 1, version: 1, body: &[] }].into();
        Unit { redemption: id(n), expected, dormant, due: Some(Wall(5)), records, ..Unit::default() }
    }

    fn commit(
        index: &mut Index,
        log: u32,
        epoch: u64,
        units: Vec<Unit>,
    ) -> Result<Vec<Verdict>, CommitError> {
        let (last, previous) = index.last_of(log).unwrap_or_default();
        let frame_id = BatchId { epoch, sequence: last.sequence + 1 };
        let mut batch = Batch::new(Frame { id: frame_id, log, wall: Wall(0), previous, units }, vec![]);
        index.commit(&mut batch).map(|()| batch.verdicts().to_vec())
    }

    #[test]
    fn what_is_in_memory_is_its_writers_and_what_sleeps_is_anybodys() {
        let mut index = Index::shared();
        let (a, b) = (index.open_log(1), index.open_log(2));
        commit(&mut index, 1, a, vec![unit(1, 0, false), unit(2, 0, true)]).unwrap();
        let verdicts = commit(&mut index, 2, b, vec![unit(1, 1, false), unit(2, 1, false)]).unwrap();
        assert_eq!(verdicts[0].refusal, Some(Refusal::Stale { records: 1, epoch: a }));
        assert_eq!(verdicts[1].refusal, None);
        let late = commit(&mut index, 1, a, vec![unit(2, 1, false)]).unwrap();
        assert_eq!(late[0].refusal, Some(Refusal::Stale { records: 2, epoch: b }));
        assert_eq!((index.last_of(1).unwrap().0.sequence, index.last_of(2).unwrap().0.sequence), (2, 1));
    }

    #[test]
    fn what_an_ended_epoch_left_goes_to_one_asker() {
        let mut index = Index::shared();
        let (a, b, c) = (index.open_log(1), index.open_log(2), index.open_log(3));
        commit(&mut index, 1, a, vec![unit(1, 0, false), unit(2, 0, true)]).unwrap();
        let due = |index: &mut Index, epoch, ended: bool| {
            let lives = move |of| of != a || !ended;
            index.take_due(epoch, Wall(5), 9, &lives).iter().map(|h| h.redemption).collect::<Vec<_>>()
        };
        assert_eq!(due(&mut index, b, false), []);
        assert_eq!(index.next_due_of(a, &|_| true), Some(Wall(5)));
        index.end_epoch(1, a);
        assert!(matches!(commit(&mut index, 1, a, vec![]), Err(CommitError::Fenced { .. })));
        assert_eq!(due(&mut index, b, true), [id(1), id(2)]);
        assert_eq!(due(&mut index, c, true), []);
        commit(&mut index, 2, b, vec![unit(1, 1, false)]).unwrap();
        assert_eq!(index.row(id(1)).unwrap().records, 2);
    }
}
