//! Keys over the life of a store: rotation with what is kept sealed again, the count of messages
//! over restarts, and keys that an HSM holds.
#![allow(clippy::unwrap_used)]

#[path = "vault/world.rs"]
mod world;

use scrip::adapters::signed_json::SignedJson;
use scrip::base::{RedemptionId, Secret};
use scrip::engine::{Output, Recovery, Request, SubmitError};
use scrip::host::{Driver, Memory, RunError, Store, sealed_before};
use scrip::issuer::{
    Answer, Context, DecodeError, EncodeError, Issuer, IssuerProfile, Message, Operation, Reference,
};
use scrip::sim::SimTransport;
use scrip::vault::{
    HolderError, KeyId, KeyRing, KeySource, MasterKey, PepperVersion, Tally, VaultError, hmac_sha256,
    sealed_with,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use world::{card, face, key, ring, setup, world};

fn digits(n: u64) -> String {
    format!("{n:060}")
}

fn secret(n: u64) -> String {
    format!("{n:0>60}")
}

fn request(n: u64) -> Request {
    let request = Request::new(&format!("R-{n}"), "seller-1", "long").device("terminal-1");
    request.number(&digits(n)).secret(&secret(n)).face(face())
}

fn driver(ring: KeyRing, store: Memory) -> Driver<Memory, SimTransport> {
    let cards = (0..10).map(|n| card((&*digits(n)).into(), (&*secret(n)).into())).collect();
    Driver::open(setup(ring), store, SimTransport::open(&world(cards)).unwrap()).unwrap()
}

fn keys_of(store: &mut Memory, id: RedemptionId) -> Vec<u16> {
    let sides = store.load(id).unwrap().unwrap().sides;
    sides.values().map(|sealed| sealed_with(sealed).unwrap().0).collect()
}

#[test]
fn everything_kept_moves_to_the_new_key_and_the_old_one_can_go() {
    let mut old = driver(ring(&[1]), Memory::new());
    let ended = request(1).redemption();
    assert_eq!(old.redeem(&request(1)).unwrap().state(), "retired");
    // A second one is cut off after its first unit: card and device lie sealed in the store.
    let cut = old.engine().submit(&request(2)).unwrap();
    let (mut store, _) = old.close().unwrap();
    let mut recovery = Recovery::new();
    let epoch = store.recover(&mut recovery).unwrap();
    let mut engine = recovery.finish(setup(ring(&[1])), epoch, [1; 32]).unwrap();
    engine.submit(&request(2)).unwrap();
    while let Some(output) = engine.poll(scrip::base::Now::default()) {
        if let Output::Commit(mut batch) = output {
            store.commit(&mut batch).unwrap();
            break;
        }
    }
    drop(engine);
    assert_eq!(keys_of(&mut store, ended), [1], "the personal fields of the first");
    assert_eq!(keys_of(&mut store, cut), [1, 1], "card and personal fields of the second");

    let mut both = driver(ring(&[1, 2]), store);
    assert_eq!(sealed_before(both.store(), &ring(&[1, 2])).unwrap(), {
        let mut ids = [ended, cut];
        ids.sort_unstable();
        ids
    });
    assert_eq!(both.reseal().unwrap(), 0);
    let (mut store, _) = both.close().unwrap();
    assert_eq!(keys_of(&mut store, ended), [2]);
    assert!(keys_of(&mut store, cut).iter().all(|key| *key == 2));

    // Without the old key the redemption goes on to its end.
    let mut new = driver(ring(&[2]), store);
    let outcome = new.redeem(&request(2)).unwrap();
    assert_eq!(outcome.state(), "retired", "{outcome:?}");
    assert_eq!(sealed_before(new.store(), &ring(&[2])).unwrap(), []);
}

#[test]
fn what_the_missing_key_sealed_is_counted_and_kept() {
    let mut old = driver(ring(&[1]), Memory::new());
    old.redeem(&request(1)).unwrap();
    let (store, _) = old.close().unwrap();
    let mut new = driver(ring(&[2]), store);
    assert_eq!(new.reseal().unwrap(), 1);
    let (mut store, _) = new.close().unwrap();
    assert_eq!(keys_of(&mut store, request(1).redemption()), [1]);
}

#[test]
fn the_count_of_messages_survives_a_crash() {
    let mut first = driver(ring(&[1]), Memory::new());
    first.redeem(&request(1)).unwrap();
    let sealed = first.engine().setup().keys().sealed(KeyId(1));
    assert!(sealed >= 2, "card and personal fields");
    // No checkpoint and no good-bye: the log alone must tell.
    let store = first.store().clone();
    drop(first);
    let mut second = driver(ring(&[1]), store);
    let resumed = second.engine().setup().keys().sealed(KeyId(1));
    assert!(resumed >= sealed, "{resumed} is below {sealed}");
    assert!(resumed < sealed + (1 << 21), "{resumed} wastes more than it should");
    // A key that is new to the log starts at 0.
    let (store, _) = second.close().unwrap();
    let mut third = driver(ring(&[1, 2]), store);
    assert_eq!(third.engine().setup().keys().sealed(KeyId(2)), 0);
    assert!(third.engine().setup().keys().sealed(KeyId(1)) >= resumed);
}

#[test]
fn a_spent_key_takes_no_request_even_after_a_restart() {
    let exhausted = SubmitError::Vault(VaultError::Exhausted(KeyId(1)));
    let mut first = driver(ring(&[1]).limit(2), Memory::new());
    assert_eq!(first.redeem(&request(1)).unwrap().state(), "retired");
    assert_eq!(first.redeem(&request(2)), Err(RunError::Submit(exhausted.clone())));
    let store = first.store().clone();
    let mut second = driver(ring(&[1]).limit(2), store.clone());
    assert_eq!(second.redeem(&request(2)), Err(RunError::Submit(exhausted)));
    // A newer key is all it needs.
    assert_eq!(driver(ring(&[1, 2]).limit(2), store).redeem(&request(2)).unwrap().state(), "retired");
}

/// The issuer's adapter, with what it is told and what it tells of its count.
struct Watched {
    inner: SignedJson,
    told: Arc<AtomicU64>,
    sealed: Arc<AtomicU64>,
}

impl Issuer for Watched {
    fn profile(&self) -> &IssuerProfile {
        self.inner.profile()
    }

    fn encode(
        &self,
        operations: &[Operation<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        self.inner.encode(operations, context, out)
    }

    fn decode(
        &self,
        bytes: &[u8],
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        self.inner.decode(bytes, context, answers)
    }

    fn tally(&self) -> Option<Tally> {
        let tally = self.inner.tally();
        self.sealed.store(tally.map_or(0, |tally| tally.messages), Ordering::Relaxed);
        tally
    }

    fn sealed_before(&self, messages: u64) {
        self.told.store(messages, Ordering::Relaxed);
        self.inner.sealed_before(messages);
    }
}

#[test]
fn a_channels_key_is_counted_over_a_crash_too() {
    let open = |store| {
        let (told, sealed) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let watch = (Arc::clone(&told), Arc::clone(&sealed));
        let setup = world::setup_of(ring(&[1]), |inner| {
            Box::new(Watched { inner, told: Arc::clone(&told), sealed: Arc::clone(&sealed) })
        });
        let cards = vec![card((&*digits(1)).into(), (&*secret(1)).into())];
        let transport = SimTransport::open(&world(cards)).unwrap();
        (Driver::<Memory, _>::open(setup, store, transport).unwrap(), watch)
    };
    let (mut first, (told, sealed)) = open(Memory::new());
    assert_eq!(told.load(Ordering::Relaxed), 0);
    assert_eq!(first.redeem(&request(1)).unwrap().state(), "retired");
    let cards = sealed.load(Ordering::Relaxed);
    assert!(cards >= 2, "its balance was asked and it was redeemed: {cards}");
    let store = first.store().clone();
    drop(first);
    let (_, (told, _)) = open(store);
    assert!(told.load(Ordering::Relaxed) >= cards, "{} is below {cards}", told.load(Ordering::Relaxed));
}

/// Stands for an HSM: holds the key, counts its uses, and can be pulled out.
struct Hsm {
    key: Secret,
    uses: Arc<AtomicU64>,
    out: Arc<AtomicBool>,
}

impl MasterKey for Hsm {
    fn derive(&self, context: &[u8; 12], key: &mut [u8; 32]) -> Result<(), HolderError> {
        if self.out.load(Ordering::Relaxed) {
            return Err(HolderError::Unavailable);
        }
        self.uses.fetch_add(1, Ordering::Relaxed);
        *key = hmac_sha256(self.key.expose(), context);
        Ok(())
    }
}

#[test]
fn a_redemption_runs_with_a_key_that_an_hsm_holds_and_waits_for_it() {
    let (uses, out) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
    let hsm = Hsm { key: key(1), uses: Arc::clone(&uses), out: Arc::clone(&out) };
    let source = KeySource::Holder(Box::new(hsm));
    let ring = KeyRing::of(vec![(KeyId(1), source)], vec![(PepperVersion(1), key(200))]).unwrap();
    let mut driver = driver(ring, Memory::new());
    assert_eq!(driver.redeem(&request(1)).unwrap().state(), "retired");
    assert!(uses.load(Ordering::Relaxed) >= 3, "its check, the card, the personal fields");
    out.store(true, Ordering::Relaxed);
    let away = driver.redeem(&request(2)).unwrap_err();
    assert_eq!(away, RunError::Submit(SubmitError::Vault(VaultError::Unavailable(KeyId(1)))));
    assert_eq!(away.advice(), scrip::base::Advice::Retry);
    out.store(false, Ordering::Relaxed);
    assert_eq!(driver.redeem(&request(2)).unwrap().state(), "retired");
}
