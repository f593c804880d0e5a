//! Every store of the library keeps the contract of stores.

use scrip::base::{BatchId, RedemptionId, Wall};
use scrip::engine::Recovery;
#[cfg(feature = "sqlite")]
use scrip::host::{Journal, JournalOptions};
use scrip::host::{Memory, Shared as Cluster, Store, StoreError, conformance, shared_conformance};
use scrip::ledger::Account;
use scrip::money::Currency;
use scrip::record::{Batch, Handed};
use std::cell::RefCell;
use std::rc::Rc;

/// A memory store that outlives its handle, as a file does.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Memory>>);

impl Store for Shared {
    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        self.0.borrow_mut().recover(into)
    }
    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        self.0.borrow_mut().commit(batch)
    }
    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError> {
        self.0.borrow_mut().checkpoint(upto, state)
    }
    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError> {
        self.0.borrow_mut().load(redemption)
    }
    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError> {
        self.0.borrow_mut().due(now, limit)
    }
    fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        self.0.borrow_mut().next_due()
    }
    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError> {
        self.0.borrow_mut().balances(visit)
    }
    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
        self.0.borrow_mut().frames(visit)
    }
}

#[test]
fn the_memory_store_conforms() {
    let shared = Shared::default();
    conformance(&mut || shared.clone());
}

#[test]
fn the_shared_memory_store_conforms() {
    const LEASE_MS: i64 = 10_000;
    let (cluster, mut now_ms) = (Cluster::new(LEASE_MS, LEASE_MS / 5), 0);
    shared_conformance(&mut |log| cluster.node(log), &mut |ms| {
        now_ms += ms;
        cluster.set_clock(now_ms);
    });
}

/// A store of one node is a store like any other.
#[test]
fn one_node_of_the_shared_memory_store_keeps_what_its_epoch_has() {
    let cluster = Cluster::new(1_000, 100);
    let mut node = cluster.node(1);
    let first = node.recover(&mut Recovery::of_log(1)).unwrap();
    assert_eq!(node.renew(), Ok(Some(1_000)));
    let mut again = cluster.node(1);
    let current = again.recover(&mut Recovery::of_log(1)).unwrap();
    assert_eq!(node.renew(), Err(StoreError::Fenced { own: first, current }));
}

#[cfg(feature = "sqlite")]
#[test]
fn the_sqlite_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    conformance(&mut || scrip::host::Sqlite::open(&path).unwrap());
}

#[cfg(feature = "sqlite")]
#[test]
fn the_journal_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    // Small segments, so that many are begun.
    let options = JournalOptions { first_segment: 4 << 10, largest_segment: 256 << 10, ..Default::default() };
    conformance(&mut || Journal::open_with(&path, &options).unwrap());
}
