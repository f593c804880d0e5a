//! The service under many callers, in real time against simulated issuers: everything once, full
//! queues told, shut down in the middle, killed, stores that fail and panic, figures without secrets.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod kill;
mod moods;
#[allow(dead_code, reason = "shared with the tests of the journal")]
#[path = "../journal/ram.rs"]
mod ram;
mod recorded;
mod stage;

use scrip::base::{RedemptionId, Text};
use scrip::engine::{Event, Request};
use scrip::flow::{State, Verdict};
use scrip::host::service::{Client, Limits, Notice, Promise, Relay, Service, ServiceError};
use scrip::host::{Memory, Outcome, Sqlite, Store, StoreError};
use scrip::sim::{Oracle, SimConfig};
use stage::{ENGINE, STORE, Shaky, Trouble, World, check, config, open, request, setup, world};
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

/// An outcome that comes, or is there already.
#[expect(clippy::large_enum_variant, reason = "there are few")]
enum Coming {
    Promise(Promise<Outcome>),
    There(Result<Outcome, ServiceError>),
}

impl Coming {
    fn wait(self) -> Result<Outcome, ServiceError> {
        match self {
            Self::Promise(promise) => promise.wait(),
            Self::There(outcome) => outcome,
        }
    }

    async fn come(self) -> Result<Outcome, ServiceError> {
        match self {
            Self::Promise(promise) => promise.await,
            Self::There(outcome) => outcome,
        }
    }
}

/// Asks until there is room, pausing as it is told; how often it was told to.
fn insist(client: &Client, request: &Request) -> (Coming, usize) {
    let mut times = 0;
    loop {
        let promise = client.redeem(request.clone());
        match promise.wait_for(Duration::ZERO) {
            Ok(Err(ServiceError::Busy { retry_after_ms })) => {
                times += 1;
                thread::sleep(Duration::from_millis(retry_after_ms.unsigned_abs()));
            }
            Ok(outcome) => return (Coming::There(outcome), times),
            Err(promise) => return (Coming::Promise(promise), times),
        }
    }
}

fn state(result: Result<Outcome, ServiceError>) -> &'static str {
    result.unwrap().state()
}

/// Each of `threads` callers redeems its own cards, and one that all the others bring as well:
/// awaiting or blocking.
fn a_thousand_over<S: Store + Send + 'static>(store: S) {
    const THREADS: usize = 8;
    const EACH: usize = 125;
    let service = open(store, world(&config(None)), Limits::default());
    let callers = (0..THREADS).map(|caller| {
        let client = service.client();
        thread::spawn(move || {
            let own = caller * EACH..(caller + 1) * EACH;
            let mut promises: Vec<_> = own.map(|n| insist(&client, &request(n)).0).collect();
            promises.push(insist(&client, &request(0)).0);
            if caller % 2 == 0 {
                pollster::block_on(async {
                    for promise in promises {
                        assert_eq!(state(promise.come().await), "retired");
                    }
                });
            } else {
                promises.into_iter().for_each(|promise| assert_eq!(state(promise.wait()), "retired"));
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.join().unwrap();
    }
    let mut drained = service.drain(30_000).wait().unwrap();
    assert_eq!((drained.parked, drained.checkpoint.clone()), (0, Ok(())));
    check(&drained.transport.inner().world().oracle(), THREADS * EACH);
    let (mut batches, mut units) = (0, 0);
    drained
        .store
        .frames(&mut |bytes, _| {
            batches += 1;
            units += scrip::record::Frame::decode(bytes).unwrap().units.len();
        })
        .unwrap();
    assert!(units >= 5 * THREADS * EACH, "every step was written");
    assert!(batches * 2 < units, "batches were shared: {batches} for {units} units");
}

#[test]
fn a_thousand_at_once_are_each_debited_and_paid_once_over_memory() {
    a_thousand_over(Memory::new());
}

#[test]
fn a_thousand_at_once_are_each_debited_and_paid_once_over_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    a_thousand_over(Sqlite::open(dir.path().join("till.db")).unwrap());
}

#[test]
fn a_full_queue_is_told_with_a_time_and_everyone_gets_through() {
    const MANY: usize = 60;
    let limits = Limits { queue: 4, ..Limits::default() };
    let service = Service::open(stage::tight(16), Memory::new(), world(&config(None)), limits).unwrap();
    let client = service.client();
    let callers = (0..MANY).map(|n| {
        let client = client.clone();
        thread::spawn(move || {
            let (promise, busy) = insist(&client, &request(n));
            assert_eq!(state(promise.wait()), "retired");
            busy
        })
    });
    let busy: usize = callers.collect::<Vec<_>>().into_iter().map(|caller| caller.join().unwrap()).sum();
    assert!(busy > 0, "{MANY} requests fit into a queue of 4");
    assert!(client.readiness().is_ready());
    let mut drained = service.drain(10_000).wait().unwrap();
    check(&drained.transport.inner().world().oracle(), MANY);
}

/// Asks for all of them and tells how each came out, by the code of its error or its state.
fn all(client: &Client, many: usize) -> Vec<Result<Outcome, ServiceError>> {
    let promises: Vec<_> = (0..many).map(|n| client.redeem(request(n))).collect();
    promises.into_iter().map(Promise::wait).collect()
}

/// A service that is opened again takes everything up, and everything is done once.
fn goes_on<S: Store + Send + 'static>(store: S, world: World, many: usize) {
    let service = open(store, world, Limits::default());
    for outcome in all(&service.client(), many) {
        assert_eq!(state(outcome), "retired");
    }
    let mut drained = service.drain(30_000).wait().unwrap();
    check(&drained.transport.inner().world().oracle(), many);
}

#[test]
fn a_shutdown_in_the_middle_parks_what_is_left_and_the_next_opening_goes_on() {
    const MANY: usize = 200;
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path().join("till.db")).unwrap();
    let service = open(store, world(&config(None)), Limits::default());
    let client = service.client();
    let waiting = {
        let client = client.clone();
        thread::spawn(move || all(&client, MANY))
    };
    let mut events = client.events(10_000);
    while !matches!(events.wait(), Some(Notice::Event(Event::Moved { summary, .. })) if summary.state == State::Redeeming)
    {
    }
    let drained = pollster::block_on(service.drain(100)).unwrap();
    assert_eq!(client.redeem(request(0)).wait(), Err(ServiceError::Ended));
    assert!(!client.readiness().is_ready());
    let told = waiting.join().unwrap();
    let parked = told.iter().filter(|told| matches!(told, Err(ServiceError::Parked(_)))).count();
    assert_eq!(parked, drained.parked);
    assert!(parked > 0, "a tenth of a second is too short for all");
    for told in told {
        let fits = matches!(&told, Ok(outcome) if outcome.state() == "retired")
            || matches!(told, Err(ServiceError::Parked(_) | ServiceError::Draining | ServiceError::Ended));
        assert!(fits, "{told:?}");
    }
    // The process has ended: replies under way are lost.
    let mut world = drained.transport;
    world.inner().sever();
    drained.checkpoint.as_ref().unwrap();
    goes_on(drained.store, world, MANY);
}

/// Lets a store get into trouble in the middle, met by either thread: everyone is told, and so is who comes
/// later. A new service over the same store goes on.
fn trouble_is_told(trouble: Trouble, expected: &ServiceError) {
    let quick = Shaky::new(2, trouble).met_by(ENGINE);
    told_to_everyone(&quick, expected);
    let slow = Shaky::new(6, trouble).slow().met_by(STORE);
    told_to_everyone(&slow, expected);
    assert_eq!(slow.committed_by(), BTreeSet::from([STORE.to_string()]));
}

fn told_to_everyone(store: &Shaky, expected: &ServiceError) {
    const MANY: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    let config: SimConfig = config(Some(dir.path()));
    let service = open(store.clone(), world(&config), Limits::default());
    let client = service.client();
    let mut events = client.events(10_000);
    for told in all(&client, MANY) {
        assert!(told.as_ref().err() == Some(expected) || told.is_ok(), "{told:?}");
    }
    assert_eq!(client.redeem(request(0)).wait().as_ref(), Err(expected));
    assert_eq!(client.cancel(request(0).redemption(), "ann".into_text()).wait().as_ref(), Err(expected));
    while events.wait().is_some() {}
    assert!(store.met() && !client.health().is_live() && !client.readiness().is_ready());
    assert_eq!(service.drain(1_000).wait().err().as_ref(), Some(expected));
    goes_on(store.mended(), world(&config), MANY);
    assert_eq!(Oracle::read(dir.path()).unwrap().twice(), []);
}

trait IntoText {
    fn into_text(self) -> Text;
}

impl IntoText for &str {
    fn into_text(self) -> Text {
        Text::new(self).unwrap()
    }
}

#[test]
fn a_store_that_fails_is_told_to_everyone_and_nothing_is_done_twice() {
    let failed = StoreError::Failed("the disk is gone".into());
    trouble_is_told(Trouble::Fails, &ServiceError::Store(failed));
}

#[test]
fn a_store_that_panics_is_told_to_everyone_and_nothing_is_done_twice() {
    trouble_is_told(Trouble::Panics, &ServiceError::Panicked("store"));
}

#[test]
fn what_is_soon_durable_is_made_so_by_the_engines_thread_and_the_rest_by_the_stores() {
    for (store, here) in [(Shaky::over(Memory::new()), true), (Shaky::over(Memory::new()).slow(), false)] {
        let service = open(store.clone(), world(&config(None)), Limits::default());
        all(&service.client(), 20).into_iter().for_each(|outcome| assert_eq!(state(outcome), "retired"));
        let mut drained = service.drain(10_000).wait().unwrap();
        check(&drained.transport.inner().world().oracle(), 20);
        assert_eq!(store.committed_by().contains(ENGINE), here);
    }
}

#[test]
fn a_store_that_is_full_for_a_while_is_waited_for() {
    let store = Shaky::new(4, Trouble::Full(6));
    let service = open(store, world(&config(None)), Limits::default());
    let client = service.client();
    let watched = client.clone();
    let watching = thread::spawn(move || {
        let mut refused = false;
        while watched.health().is_live() && !(refused && watched.readiness().store_takes) {
            refused |= !watched.readiness().store_takes;
            thread::sleep(Duration::from_millis(1));
        }
        refused
    });
    all(&client, 20).into_iter().for_each(|outcome| assert_eq!(state(outcome), "retired"));
    assert!(watching.join().unwrap(), "that the store took nothing was to be seen");
    let mut drained = service.drain(10_000).wait().unwrap();
    check(&drained.transport.inner().world().oracle(), 20);
}

#[test]
fn what_the_engines_thread_finds_no_room_for_is_taken_by_the_stores() {
    let store = Shaky::new(2, Trouble::Full(1)).met_by(ENGINE);
    let service = open(store.clone(), world(&config(None)), Limits::default());
    all(&service.client(), 40).into_iter().for_each(|outcome| assert_eq!(state(outcome), "retired"));
    assert!(store.met());
    let mut drained = service.drain(10_000).wait().unwrap();
    check(&drained.transport.inner().world().oracle(), 40);
}

#[test]
fn a_transport_that_panics_is_told_to_everyone() {
    let transport = Relay::new(|_, _| panic!("a fault of this transport, planted by the test"), |_, _| ());
    let service = Service::open(setup(), Memory::new(), transport, Limits::default()).unwrap();
    for told in all(&service.client(), 10) {
        assert_eq!(told, Err(ServiceError::Panicked("engine")));
    }
    assert!(!service.client().health().engine);
    assert_eq!(service.drain(0).wait().err(), Some(ServiceError::Panicked("engine")));
}

#[test]
fn promises_that_are_dropped_call_nothing_off() {
    const MANY: usize = 50;
    let service = open(Memory::new(), world(&config(None)), Limits::default());
    let client = service.client();
    for n in 0..MANY {
        drop(client.redeem(request(n)));
    }
    // Those that are taken are carried out; those that still wait for it would be turned away.
    while client.readiness().queued > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let mut drained = service.drain(60_000).wait().unwrap();
    check(&drained.transport.inner().world().oracle(), MANY);
}

#[test]
fn decisions_are_told_to_whoever_took_them() {
    let cards = (0..3).map(|n| stage::card(n, 5_000)).collect();
    let world = world(&SimConfig { cards: Some(cards), ..config(None) });
    let service = open(Memory::new(), world, Limits::default());
    let (client, ann) = (service.client(), || "ann".into_text());
    for outcome in all(&client, 3) {
        assert_eq!(state(outcome), "in_review");
    }
    let id = |n| request(n).redemption();
    let nobody = RedemptionId([7; 16]);
    assert_eq!(client.cancel(nobody, ann()).wait(), Err(ServiceError::NotKnown(nobody)));
    // Two at once for the same: one of them does not fit any more.
    let both = [client.cancel(id(0), ann()), client.decide(id(0), Verdict::Approve { by: ann() })];
    let [cancelled, approved] = both.map(Promise::wait);
    assert_eq!(cancelled.unwrap().state, State::Cancelled);
    assert!(matches!(approved, Err(ServiceError::Refused(_))), "{approved:?}");
    let approved = client.decide(id(1), Verdict::Approve { by: ann() }).wait().unwrap();
    assert_eq!(approved.state, State::Screened);
    assert!(matches!(client.answer(id(2), true).wait(), Err(ServiceError::Refused(_))));
    assert!(matches!(client.rescan(id(2), "000000", None).wait(), Err(ServiceError::Refused(_))));
    let erased = client.erase(id(2)).wait().unwrap();
    assert_eq!(erased.state, State::InReview);
    assert_eq!(client.reseal(id(2)).wait().unwrap().state, State::InReview);
    // The same request again: a resend of what is in review is told so at once.
    assert_eq!(state(client.redeem(request(2)).wait()), "in_review");
    let mismatch =
        client.redeem(request(2).face(scrip::money::Amount::new(5_000, scrip::money::Currency::CNY)));
    assert!(matches!(mismatch.wait(), Ok(Outcome::Mismatch)));
    drop(service);
}

#[test]
fn a_slow_subscriber_is_told_what_it_missed_and_a_quick_one_sees_all() {
    let service = open(Memory::new(), world(&config(None)), Limits::default());
    let client = service.client();
    let (mut slow, mut quick) = (client.events(3), client.events(1_000));
    all(&client, 5).into_iter().for_each(|outcome| assert_eq!(state(outcome), "retired"));
    drop(service);
    let all: Vec<_> = std::iter::from_fn(|| quick.wait()).collect();
    let retired = |n: &&Notice| matches!(n, Notice::Event(Event::Moved { summary, .. }) if summary.state == State::Retired);
    assert_eq!(all.iter().filter(retired).count(), 5);
    let slow: Vec<_> = std::iter::from_fn(|| slow.wait()).collect();
    assert_eq!(slow[0], Notice::Missed(all.len() as u64 - 3));
    assert_eq!(slow[1..], all[all.len() - 3..]);
}

#[test]
fn figures_and_events_are_recorded_and_hold_no_secret() {
    let kept = recorded::record();
    let before = kept.count("scrip_outcomes_total", "state=retired");
    let service = open(Memory::new(), world(&config(None)), Limits::default());
    let client = service.client();
    let own = 900_000..900_020;
    let promises: Vec<_> = own.clone().map(|n| client.redeem(request(n))).collect();
    promises.into_iter().for_each(|promise| assert_eq!(state(promise.wait()), "retired"));
    assert!(client.redeem(request(900_000).secret("too short")).wait().is_err());
    service.drain(10_000).wait().unwrap();
    assert!(kept.count("scrip_outcomes_total", "state=retired") >= before + 20);
    for (name, label) in [
        ("scrip_requests_total", "result=taken"),
        ("scrip_requests_total", "result=refused"),
        ("scrip_calls_total", "channel=shop result=sent"),
        ("scrip_calls_total", "channel=shop result=replied"),
        ("scrip_calls_total", "channel=pay result=replied"),
        ("scrip_units_total", ""),
        ("scrip_batches_total", ""),
        ("scrip_batch_units", ""),
        ("scrip_commit_seconds", ""),
        ("scrip_queue_depth", ""),
        ("scrip_in_flight", ""),
    ] {
        assert!(kept.count(name, label) > 0, "{name} {label}");
    }
    let text = kept.text();
    for line in ["commit batch=", "state=\"retired\"", "service open", "service ended"] {
        assert!(text.contains(line), "{line}");
    }
    // Of whatever test ran beside this one: no number, secret, request id or seller.
    for needle in ["QXZJKVWB", "23260000", "R-9000", "R-0", "seller-", "too short"] {
        assert!(!text.contains(needle), "{needle}");
    }
    let ids: Vec<String> = own.map(|n| request(n).redemption().to_string()).collect();
    let figures = text.lines().filter(|line| line.starts_with("scrip_"));
    assert!(figures.into_iter().all(|line| ids.iter().all(|id| !line.contains(id))), "an id is no label");
}
