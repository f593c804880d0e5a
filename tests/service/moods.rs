//! A journal under the service, on a disk that is quick, slow, full for a while, and fails in the end.

use crate::ram::Ram;
use crate::stage::{ENGINE, STORE, Shaky, check, config, open, request, world};
use crate::{goes_on, state};
use scrip::host::service::{Client, Limits, Promise, ServiceError};
use scrip::host::{Journal, JournalOptions, Outcome, StoreError};
use scrip::sim::Oracle;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const WAVE: usize = 50;

/// With segments so small that a wave needs new ones.
fn journal(disk: &Ram, tables: &Path) -> Journal {
    let options = JournalOptions { first_segment: 16 << 10, largest_segment: 64 << 10, ..Default::default() };
    Journal::open_on(Arc::new(disk.clone()), tables, &options).unwrap()
}

fn asked(client: &Client, cards: Range<usize>) -> Vec<Promise<Outcome>> {
    cards.map(|n| client.redeem(request(n))).collect()
}

fn retired(promises: Vec<Promise<Outcome>>) {
    promises.into_iter().for_each(|promise| assert_eq!(state(promise.wait()), "retired"));
}

#[test]
fn a_journal_whose_disk_is_slow_and_full_in_the_middle_loses_nothing_but_time() {
    let (disk, folder) = (Ram::default(), tempfile::tempdir().unwrap());
    let store = Shaky::over(journal(&disk, folder.path()));
    let service = open(store.clone(), world(&config(None)), Limits::default());
    let client = service.client();
    let wave = |number: usize| asked(&client, number * WAVE..(number + 1) * WAVE);

    retired(wave(0));
    assert!(store.committed_by().contains(ENGINE), "it is quick");
    store.pause(Duration::from_millis(3));
    retired(wave(1));
    assert!(store.committed_by().contains(STORE), "it has become slow");
    store.pause(Duration::ZERO);
    retired(wave(2));
    assert!(store.committed_by().contains(ENGINE), "it is quick again");

    disk.hold(Some(0));
    let waiting = wave(3);
    while client.readiness().store_takes {
        thread::sleep(Duration::from_millis(1));
    }
    // Full for so long that it is asked again more than once.
    thread::sleep(Duration::from_millis(50));
    assert!(!client.readiness().store_takes && client.health().is_live());
    disk.hold(None);
    retired(waiting);
    assert!(store.committed_by().contains(STORE), "the engine's thread does not wait for room");

    let mut drained = service.drain(10_000).wait().unwrap();
    check(&drained.transport.inner().world().oracle(), 4 * WAVE);
    drop(drained);
    let Some(store) = Arc::into_inner(store.inner) else { panic!("the service has let go of its store") };
    let report = store.into_inner().unwrap().check().unwrap();
    assert_eq!(report.findings, vec![]);
}

#[test]
fn a_journal_whose_disk_does_not_sync_any_more_is_told_and_goes_on_when_it_is_opened_again() {
    for good in [0, 1, 2, 3, 5, 8, 13, 21] {
        let (disk, folder, issuers) =
            (Ram::default(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let config = config(Some(issuers.path()));
        let service = open(journal(&disk, folder.path()), world(&config), Limits::default());
        let client = service.client();
        let before = asked(&client, 0..WAVE / 2);
        retired(before);
        disk.fail_syncs_after(good);
        let failed = |told: &Result<Outcome, ServiceError>| {
            matches!(told, Err(ServiceError::Store(StoreError::Failed(_))))
        };
        let told: Vec<_> = asked(&client, WAVE / 2..WAVE).into_iter().map(Promise::wait).collect();
        for told in &told {
            let done = told.as_ref().is_ok_and(|outcome| outcome.state() == "retired");
            assert!(done || failed(told), "{told:?}");
        }
        assert!(told.iter().any(failed) && !client.health().is_live());
        assert!(failed(&client.redeem(request(0)).wait()));
        assert!(service.drain(1_000).wait().is_err());
        // Its threads end by themselves.
        let disk = Ram::of(disk.image());
        let store = loop {
            let options = JournalOptions::default();
            match Journal::open_on(Arc::new(disk.clone()), folder.path(), &options) {
                Err(StoreError::Busy(_)) => thread::sleep(Duration::from_millis(1)),
                opened => break opened.unwrap(),
            }
        };
        goes_on(store, world(&config), WAVE);
        assert_eq!(Oracle::read(issuers.path()).unwrap().twice(), []);
    }
}
