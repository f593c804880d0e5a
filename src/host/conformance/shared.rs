//! What a store that several nodes share must do besides.

use super::trial::{claim, unit};
use crate::base::{BatchId, Key16, RedemptionId, Wall};
use crate::engine::{RecoverError, Recovery};
use crate::host::store::refused;
use crate::host::{Store, StoreError};
use crate::ledger::{Account, AccountKind, Posting};
use crate::money::{Amount, Currency};
use crate::record::{Batch, Change, ClaimStatus, Frame, Handed, Refusal, Unit, Verdict};
use std::vec;
use std::vec::Vec;

/// Checks that a store keeps the rules of [`Store`] for several nodes.
///
/// `open` opens a handle for the node with this log number, each time on the same store, at first
/// an empty one; handles of several nodes, and an old and a new one of the same node, are open at
/// once. `pass` lets so many milliseconds pass by the store's clock. Leases should be short where
/// that means waiting, yet not below a second: the checks themselves take time.
///
/// # Panics
/// Where the store breaks a rule, with a text that says how.
pub fn shared_conformance<S: Store>(open: &mut dyn FnMut(u32) -> S, pass: &mut dyn FnMut(i64)) {
    let mut names = Names(0);
    logs_are_apart(open, &mut names);
    claims_hold_across_nodes(open, &mut names);
    what_is_in_memory_is_its_nodes(open, &mut names);
    what_sleeps_is_its_nodes_first(open, pass, &mut names);
    a_dead_nodes_redemptions_go_to_one_asker(open, pass, &mut names);
    a_node_that_renews_keeps_what_it_has(open, pass, &mut names);
    a_node_that_comes_back_fences_itself_off(open, pass, &mut names);
    books_are_summed_over_nodes(open, &mut names);
}

struct Names(u64);

impl Names {
    fn key(&mut self) -> Key16 {
        self.0 += 1;
        Key16(crate::base::digest("scrip shared conformance", &[&self.0.to_le_bytes()]).head16())
    }

    fn id(&mut self) -> RedemptionId {
        RedemptionId(self.key().0)
    }
}

/// A node with the end of its log.
struct Node<S> {
    store: S,
    log: u32,
    epoch: u64,
    end: Recovery,
}

impl<S: Store> Node<S> {
    fn open(open: &mut dyn FnMut(u32) -> S, log: u32) -> Self {
        let mut store = open(log);
        assert_eq!(store.log(), log, "a handle names its log");
        let mut end = Recovery::of_log(log);
        let epoch = store.recover(&mut end).unwrap_or_else(|error| panic!("log {log}: {error}"));
        Self { store, log, epoch, end }
    }

    fn batch(&mut self, units: Vec<Unit>) -> Batch {
        let (last, previous) = self.end.end();
        let id = BatchId { epoch: self.epoch, sequence: last.sequence + 1 };
        Batch::new(Frame { id, log: self.log, wall: Wall(0), previous, units }, Vec::new())
    }

    fn try_commit(&mut self, units: Vec<Unit>) -> Result<Vec<Verdict>, StoreError> {
        let mut batch = self.batch(units);
        self.store.commit(&mut batch)?;
        self.end.batch(batch.bytes(), &refused(&batch)).expect("the batch follows");
        Ok(batch.verdicts().to_vec())
    }

    fn commit(&mut self, unit: Unit) -> Option<Refusal> {
        let verdicts = self.try_commit(vec![unit]);
        let verdicts = verdicts.unwrap_or_else(|error| panic!("log {}: {error}", self.log));
        verdicts.into_iter().next().and_then(|verdict| verdict.refusal)
    }

    fn stands(&mut self, unit: Unit) {
        assert_eq!(self.commit(unit), None, "a unit that nothing stands against was refused");
    }

    fn due(&mut self) -> Vec<RedemptionId> {
        let due: Vec<Handed> = self.store.due(Wall(i64::MAX), 9).expect("what is due can be handed out");
        due.into_iter().map(|handed| handed.redemption).collect()
    }

    fn lease_ms(&mut self) -> i64 {
        let lease = self.store.renew().expect("a living node renews its lease");
        lease.expect("a shared store grants leases")
    }

    fn renew(&mut self) {
        self.lease_ms();
    }

    fn is_fenced(&mut self, unit: Unit) {
        let own = self.epoch;
        let fenced = |result: Result<(), StoreError>| match result {
            Err(StoreError::Fenced { own: told, current }) => told == own && current > own,
            _ => false,
        };
        let committed = self.try_commit(vec![unit]).map(drop);
        assert!(fenced(committed.clone()), "a commit of a fenced epoch: {committed:?}");
        let renewed = self.store.renew().map(drop);
        assert!(fenced(renewed.clone()), "a lease of a fenced epoch: {renewed:?}");
        let due = self.store.due(Wall(0), 1).map(drop);
        assert!(fenced(due.clone()), "what is due, to a fenced epoch: {due:?}");
    }
}

fn elsewhere<T: PartialEq + core::fmt::Debug>(found: Result<T, StoreError>, epoch: u64) {
    assert_eq!(found, Err(StoreError::Elsewhere { epoch }), "what another node has in memory");
}

fn asleep(unit: Unit) -> Unit {
    Unit { dormant: true, ..unit }
}

fn at_the_end(unit: Unit) -> Unit {
    Unit { dormant: true, due: None, ..unit }
}

fn logs_are_apart<S: Store>(open: &mut dyn FnMut(u32) -> S, names: &mut Names) {
    let (mut a, mut b) = (Node::open(open, 1), Node::open(open, 2));
    assert_ne!(a.epoch, b.epoch, "epochs are numbered store-wide");
    let ids: Vec<_> = (0..4).map(|_| names.id()).collect();
    a.stands(at_the_end(unit(ids[0], 0)));
    b.stands(at_the_end(unit(ids[1], 0)));
    a.stands(at_the_end(unit(ids[2], 0)));
    b.stands(at_the_end(unit(ids[3], 0)));
    let mut state = Vec::new();
    a.end.write(&mut state);
    a.store.checkpoint(a.end.last().expect("it has written"), &state).expect("a checkpoint is kept");
    let again = Node::open(open, 1);
    assert!(again.epoch > b.epoch && again.end == a.end, "log 1 as it was left");
    let again = Node::open(open, 2);
    assert!(again.end == b.end, "log 2 as it was left, and without a checkpoint of another's");
    let mut logs = Vec::new();
    let mut store = open(1);
    store
        .frames(&mut |bytes, _| logs.push(Frame::decode(bytes).map(|frame| (frame.log, frame.id.sequence))))
        .expect("frames can be shown");
    let logs: Vec<_> = logs.into_iter().map(|log| log.expect("a frame reads back")).collect();
    assert_eq!(logs, [(1, 1), (1, 2), (2, 1), (2, 2)], "every frame, log by log");
    let wrong = open(2).recover(&mut Recovery::of_log(1));
    let wanted = RecoverError::Log { log: 1, found: 2 };
    assert_eq!(wrong, Err(StoreError::Recover(wanted)), "a log taken up as another");
}

fn claims_hold_across_nodes<S: Store>(open: &mut dyn FnMut(u32) -> S, names: &mut Names) {
    let (mut a, mut b) = (Node::open(open, 1), Node::open(open, 2));
    let (key, first, loser) = (names.key(), names.id(), names.id());
    let claiming = |id| Unit { claims: vec![claim(key, 0)], ..at_the_end(unit(id, 0)) };
    a.stands(claiming(first));
    let other = names.id();
    let verdicts = b.try_commit(vec![claiming(loser), at_the_end(unit(other, 0))]).expect("a batch");
    let held = Refusal::Held { key, status: ClaimStatus::Held, holder: first, summary: vec![1, 2] };
    assert_eq!(verdicts[0].refusal, Some(held), "a key that another node's redemption holds");
    assert_eq!(verdicts[1].refusal, None, "the other unit of that batch");
    let known = b.commit(unit(first, 0));
    assert!(matches!(known, Some(Refusal::Known { .. })), "a request that another node has: {known:?}");
    let release = vec![Change { key, to: None }];
    a.stands(Unit { changes: release, ..at_the_end(unit(first, 1)) });
    b.stands(claiming(loser));
}

fn what_is_in_memory_is_its_nodes<S: Store>(open: &mut dyn FnMut(u32) -> S, names: &mut Names) {
    let (mut a, mut b) = (Node::open(open, 1), Node::open(open, 2));
    let (awake, sleeps) = (names.id(), names.id());
    a.stands(unit(awake, 0));
    a.stands(asleep(unit(sleeps, 0)));
    elsewhere(b.store.load(awake), a.epoch);
    assert!(matches!(a.store.load(awake), Ok(Some(_))), "what is in the own memory can be loaded");
    let stale = b.commit(unit(awake, 1));
    assert_eq!(stale, Some(Refusal::Stale { records: 1, epoch: a.epoch }), "a unit of another's");
    assert!(matches!(b.store.load(sleeps), Ok(Some(_))), "what sleeps can be loaded anywhere");
    b.stands(unit(sleeps, 1));
    let late = a.commit(unit(sleeps, 1));
    assert_eq!(late, Some(Refusal::Stale { records: 2, epoch: b.epoch }), "the slower of two writers");
    elsewhere(a.store.load(sleeps), b.epoch);
    a.stands(at_the_end(unit(awake, 1)));
    b.stands(at_the_end(unit(sleeps, 2)));
    assert!(matches!(b.store.load(awake), Ok(Some(_))), "what has ended can be loaded anywhere");
}

fn what_sleeps_is_its_nodes_first<S: Store>(
    open: &mut dyn FnMut(u32) -> S,
    pass: &mut dyn FnMut(i64),
    names: &mut Names,
) {
    let (mut a, mut b) = (Node::open(open, 1), Node::open(open, 2));
    let (lease_ms, id) = (a.lease_ms(), names.id());
    a.stands(asleep(unit(id, 0)));
    assert_eq!((b.due(), b.store.next_due()), (vec![], Ok(None)), "what sleeps is a living node's");
    let early = a.store.due(Wall(999), 9);
    assert_eq!(early, Ok(vec![]), "nothing is due yet");
    assert_eq!(a.store.next_due(), Ok(Some(Wall(1_000))), "when it is");
    assert_eq!(a.due(), [id], "what is due to its own node");
    assert_eq!((a.due(), a.store.next_due()), (vec![], Ok(None)), "it is in memory now");
    elsewhere(b.store.load(id), a.epoch);
    let stale = b.commit(unit(id, 1));
    assert_eq!(stale, Some(Refusal::Stale { records: 1, epoch: a.epoch }), "a unit that came too late");
    a.stands(asleep(unit(id, 1)));
    pass(lease_ms * 3);
    assert_eq!(b.due(), [id], "what sleeps of a node that lives no more");
    b.stands(at_the_end(unit(id, 2)));
}

fn a_dead_nodes_redemptions_go_to_one_asker<S: Store>(
    open: &mut dyn FnMut(u32) -> S,
    pass: &mut dyn FnMut(i64),
    names: &mut Names,
) {
    let mut nodes: Vec<_> = (1..=3).map(|log| Node::open(open, log)).collect();
    let lease_ms = nodes[0].lease_ms();
    let (mut ids, new) = (vec![names.id(), names.id()], names.id());
    ids.sort_unstable();
    nodes[0].stands(unit(ids[0], 0));
    nodes[0].stands(asleep(unit(ids[1], 0)));
    pass(lease_ms / 2);
    nodes.iter_mut().skip(1).for_each(Node::renew);
    assert_eq!(nodes[1].due(), [], "before its lease has run out");
    pass(lease_ms / 2 + lease_ms);
    nodes.iter_mut().skip(1).for_each(Node::renew);
    pass(lease_ms);
    nodes.iter_mut().skip(1).for_each(Node::renew);
    assert_eq!(nodes[1].store.next_due(), Ok(Some(Wall(1_000))), "a dead node's are to be had");
    let mut taken = nodes[1].due();
    taken.sort_unstable();
    assert_eq!(taken, ids, "to the first that asks");
    assert_eq!(nodes[2].due(), [], "and to nobody else");
    let b = nodes[1].epoch;
    let stale = nodes[2].commit(unit(ids[0], 1));
    assert_eq!(stale, Some(Refusal::Stale { records: 1, epoch: b }), "another one has not got it");
    elsewhere(nodes[2].store.load(ids[0]), b);
    nodes[0].is_fenced(unit(ids[0], 1));
    nodes[0].is_fenced(unit(new, 0));
    assert_eq!(nodes[1].store.load(new), Ok(None), "nothing of the zombie stands");
    for id in ids {
        nodes[1].stands(at_the_end(unit(id, 1)));
    }
}

fn a_node_that_renews_keeps_what_it_has<S: Store>(
    open: &mut dyn FnMut(u32) -> S,
    pass: &mut dyn FnMut(i64),
    names: &mut Names,
) {
    let (mut a, mut b) = (Node::open(open, 1), Node::open(open, 2));
    let (lease_ms, id) = (a.lease_ms(), names.id());
    a.stands(unit(id, 0));
    for _ in 0..4 {
        pass(lease_ms * 2 / 3);
        a.lease_ms();
        b.lease_ms();
        assert_eq!(b.due(), [], "the lease was extended");
    }
    // Nobody has asked for its redemptions: it may go on, however late.
    pass(lease_ms * 3);
    a.lease_ms();
    b.lease_ms();
    assert_eq!(b.due(), [], "the lease was extended late, and before anybody asked");
    a.stands(at_the_end(unit(id, 1)));
}

fn a_node_that_comes_back_fences_itself_off<S: Store>(
    open: &mut dyn FnMut(u32) -> S,
    pass: &mut dyn FnMut(i64),
    names: &mut Names,
) {
    let (mut old, mut other) = (Node::open(open, 1), Node::open(open, 2));
    let (lease_ms, id, own) = (old.lease_ms(), names.id(), names.id());
    old.stands(unit(id, 0));
    other.stands(unit(own, 0));
    let mut new = Node::open(open, 1);
    old.is_fenced(unit(id, 1));
    other.stands(unit(own, 1));
    elsewhere(new.store.load(id), old.epoch);
    assert_eq!(new.due(), [], "what was in memory waits for the lease of its epoch");
    let mut waited = 0;
    while new.due() != [id] {
        assert!(waited < 6, "what an old process of the same node had in memory is handed out in the end");
        waited += 1;
        pass(lease_ms / 2);
        new.lease_ms();
        other.lease_ms();
    }
    assert!(waited > 0, "it was handed out while its old process might still send");
    new.stands(at_the_end(unit(id, 1)));
    other.stands(at_the_end(unit(own, 2)));
}

fn books_are_summed_over_nodes<S: Store>(open: &mut dyn FnMut(u32) -> S, names: &mut Names) {
    let (mut a, mut b) = (Node::open(open, 1), Node::open(open, 2));
    let posting =
        |kind, minor| Posting { account: Account::of(kind), amount: Amount::new(minor, Currency::CNY) };
    for (node, minor) in [(&mut a, 700), (&mut b, 30)] {
        let postings = vec![posting(AccountKind::Clearing, minor), posting(AccountKind::Float, -minor)];
        let id = names.id();
        node.stands(Unit { postings, ..at_the_end(unit(id, 0)) });
    }
    let mut shown = Vec::new();
    b.store.balances(&mut |account, _, minor| shown.push((account.clone(), minor))).expect("balances");
    shown.sort();
    let wanted = [(Account::of(AccountKind::Clearing), 730), (Account::of(AccountKind::Float), -730)];
    assert_eq!(shown, wanted, "balances over all logs");
}
