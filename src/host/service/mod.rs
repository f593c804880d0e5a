//! The service: one engine for many callers (feature `service`).
//!
//! Two threads do the work. The engine's turns the loop and waits for callers, arrivals and timers
//! at once; the store's has batches synced while the next one fills. While there is so little to do
//! that batches are small, and commits take less than half a millisecond, the engine's thread
//! commits by itself: waking another thread would take as long. Callers hold a [`Client`], which any
//! thread or task may clone; what it is asked is told by a [`Promise`], a future that is bound to no
//! runtime and can be waited for by a thread as well.
//!
//! | file | one job |
//! |---|---|
//! | `client` | what callers hold |
//! | `promise` | a result that comes later |
//! | `events` | subscriptions |
//! | `shared` | the inbox, back-pressure, what is counted |
//! | `desk` | who waits for what |
//! | `turn` | the engine's thread |
//! | `keep` | the store's thread |
//! | `wake`, `relay` | transports that can be woken |
//! | `figures`, `health`, `error` | what is told to those who watch |
//!
//! - **Busy.** At most [`Limits::queue`] requests and decisions wait; the next one is told
//!   [`ServiceError::Busy`] with a time that follows from how much waits and how fast it has gone.
//! - **Nothing hangs.** If a thread panics or the store fails for good, everyone who waits is told,
//!   and so is everyone who asks later. The log is as it was: open the service again.
//! - **Dropping a promise calls nothing off.** A request that was taken is carried out.
//! - **No secrets.** Figures (`metrics`) carry names of channels, states and results; events
//!   (`tracing`) also redemption ids, which are digests, and numbers of calls.
//!
//! # Examples
//! ```
//! use scrip::host::service::{Limits, Relay, Service};
//! use scrip::host::{Arrival, Memory};
//! use scrip::engine::{Request, Sent};
//! # use scrip::{adapters::signed_json::*, base::Secret, card::Catalogue, engine::{Policy, Setup}};
//! # use scrip::{issuer::*, vault::*};
//! # let profiles = Profiles::parse(include_str!("../../../examples/data/issuers.toml"))?;
//! # let key = || Secret::new(vec![1; 32]);
//! # let mut issuers: Vec<Box<dyn Issuer>> = Vec::new();
//! # for p in profiles.issuers.into_values() { issuers.push(Box::new(SignedJson::new(p, key())?)) }
//! # let mut rails: Vec<Box<dyn Rail>> = Vec::new();
//! # for p in profiles.rails.into_values() { rails.push(Box::new(SignedJsonRail::new(p, key())?)) }
//! # let keys = KeyRing::new(vec![(KeyId(1), key())], vec![(PepperVersion(1), key())])?;
//! # let catalogue = Catalogue::parse(include_str!("../../../examples/data/catalogue.toml"))?;
//! # let setup = Setup::new(catalogue, Policy::default(), issuers, rails, keys)?;
//! // Calls are carried by whatever the program has: threads, tasks, a pool of connections.
//! let transport = Relay::new(
//!     |call, arrivals| {
//!         let arrivals = arrivals.clone();
//!         std::thread::spawn(move || {
//!             // ... this one has no network: nothing leaves.
//!             arrivals.bring(Arrival::Lost(call.id, Sent::NotSent));
//!         });
//!     },
//!     |_token, _bytes| {},
//! );
//! let service = Service::open(setup, Memory::new(), transport, Limits::default())?;
//! let client = service.client(); // clone it for every task
//!
//! let request = Request::new("R-1", "seller-7", "no-such-product").secret("ABCD-EFGH-JKLM-NPQR");
//! let refused = client.redeem(request).wait(); // or `.await`
//! assert_eq!(refused.unwrap_err().advice(), scrip::base::Advice::Fix);
//! assert!(client.health().is_live() && client.readiness().is_ready());
//!
//! let drained = service.drain(5_000).wait()?; // store and transport come back
//! assert_eq!(drained.parked, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod desk;
mod error;
mod events;
mod figures;
mod health;
mod keep;
mod promise;
mod relay;
mod shared;
mod turn;
mod wake;

pub use client::Client;
pub use error::ServiceError;
pub use events::{Events, Notice};
pub use health::{Health, Readiness};
pub use promise::Promise;
pub use relay::{Arrivals, Relay};
pub use wake::{Polled, Wakeable};

use crate::base::{Secret, Wall};
use crate::engine::{Recovery, Setup};
use crate::flow::Verdict;
use crate::host::driver::{agree_on_keys, leased, recount};
use crate::host::{RunError, Store, StoreError};
use keep::{Job, Place};
use promise::{Teller, promise};
use shared::{Input, Shared};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::ToString;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use turn::Turner;

/// A batch goes out at so many units at most if none is on its way: so both threads are at work, on
/// what is in the processor's cache.
const EARLY_UNITS: usize = 64;

/// Bounds on what waits, and how long the store is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most so many requests wait to be taken, and decisions to be heard.
    pub queue: usize,
    /// For so long, in ms, a store that is busy, full or uncertain is offered the same again before
    /// the service stops.
    pub patience_ms: i64,
    /// A checkpoint is made after so many batches, at least 1.
    pub checkpoint_every: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: 1_024, patience_ms: 30_000, checkpoint_every: 1_024 }
    }
}

/// What is asked of a redemption.
enum Ask {
    Decide(Verdict),
    Rescan(Secret, Option<Wall>),
    Erase,
    Reseal,
}

fn text(secret: &Secret) -> &str {
    core::str::from_utf8(secret.expose()).expect("it was made of a text")
}

/// What a service leaves.
#[derive(Debug)]
pub struct Drained<S, T> {
    /// The store, closed off with a checkpoint.
    pub store: S,
    /// The transport.
    pub transport: T,
    /// How many redemptions callers were still waiting for; they go on after the next opening.
    pub parked: usize,
    /// How the last checkpoint went: without one the next opening reads more, and loses nothing.
    pub checkpoint: Result<(), StoreError>,
}

type Ending<S, T> = Arc<Mutex<Option<Teller<Drained<S, T>>>>>;

/// A running service: whoever holds it can shut it down. Dropping it does so at once and waits for
/// its threads; redemptions that are under way go on after the next opening.
pub struct Service<S: Store, T> {
    shared: Arc<Shared>,
    ending: Ending<S, T>,
    threads: Option<[JoinHandle<()>; 2]>,
}

impl<S: Store + Send + 'static, T: Wakeable + 'static> Service<S, T> {
    /// Opens the store for a new writer, takes up what was left unfinished, and starts the
    /// threads. Blocks while the log is read; once it has returned, the service is ready.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn open(setup: Setup, mut store: S, mut transport: T, limits: Limits) -> Result<Self, RunError> {
        let mut recovery = Recovery::of_log(store.log());
        let epoch = store.recover(&mut recovery)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| RunError::Entropy(error.to_string()))?;
        let mut engine = recovery.finish(setup.early_units(EARLY_UNITS), epoch, seed)?;
        let now = transport.now();
        let renew_at = leased(&mut engine, now.mono, store.renew()?);
        agree_on_keys(&mut engine, &mut store, now)?;
        if renew_at.is_some() {
            recount(&mut engine, &mut store)?;
        }
        let shared = Arc::new(Shared::new(transport.waker(), limits));
        let (jobs, to_do) = mpsc::channel();
        let store = Arc::new(Place::new(store));
        let ending: Ending<S, T> = Arc::default();
        let failed = |error: std::io::Error| StoreError::Failed(error.to_string());
        let keeper = {
            let (shared, store) = (Arc::clone(&shared), Arc::clone(&store));
            let named = thread::Builder::new().name("scrip-store".to_string());
            named.spawn(move || keep::keep(&store, &to_do, &shared)).map_err(failed)?
        };
        let turner = {
            let (shared, ending) = (Arc::clone(&shared), Arc::clone(&ending));
            let named = thread::Builder::new().name("scrip-engine".to_string());
            let turner = Turner::new(engine, transport, renew_at, Arc::clone(&shared), store, jobs);
            named.spawn(move || turn(turner, &shared, &ending)).map_err(failed)?
        };
        tracing::info!(epoch, "service open");
        Ok(Self { shared, ending, threads: Some([turner, keeper]) })
    }

    /// A handle for callers.
    pub fn client(&self) -> Client {
        Client(Arc::clone(&self.shared))
    }

    /// Shuts the service down: takes nothing more, lets what is in memory come to an end or to
    /// where it waits for the store, for at most `within_ms`, makes a checkpoint, and gives store
    /// and transport back. Whoever still waits then is told [`ServiceError::Parked`].
    ///
    /// # Errors
    /// [`ServiceError`]: why the service had stopped before.
    pub fn drain(mut self, within_ms: i64) -> Promise<Drained<S, T>> {
        // They end by themselves.
        drop(self.threads.take());
        let (teller, promise) = promise();
        if let Some(error) = self.shared.closed() {
            return Promise::ready(Err(error));
        }
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(teller);
        tracing::info!(within_ms, "service draining");
        self.shared.close(ServiceError::Draining);
        self.shared.tell(Input::Drain(within_ms));
        promise
    }
}

impl<S: Store, T> Drop for Service<S, T> {
    fn drop(&mut self) {
        let Some(threads) = self.threads.take() else { return };
        self.shared.close(ServiceError::Draining);
        self.shared.tell(Input::Drain(0));
        for thread in threads {
            // Their panics were caught and told.
            drop(thread.join());
        }
    }
}

/// The engine's thread, from the first turn to the last word.
fn turn<S: Store, T: Wakeable>(mut turner: Turner<S, T>, shared: &Shared, ending: &Ending<S, T>) {
    let turned = catch_unwind(AssertUnwindSafe(|| turner.run()));
    let failure = match turned {
        Ok(result) => result.err(),
        Err(_) => Some(ServiceError::Panicked("engine")),
    };
    let teller = || ending.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(error) = failure {
        tracing::error!(code = error.code().number(), "service stopped");
        shared.close(error.clone());
        shared.engine_ended();
        turner.end(Some(&error));
        give_up(shared, &error);
        return teller().into_iter().for_each(|teller| teller.tell(Err(error.clone())));
    }
    shared.close(ServiceError::Ended);
    let parked = turner.end(None);
    give_up(shared, &ServiceError::Draining);
    let (back, closed) = mpsc::channel();
    let sent = turner.jobs.send(Job::Close(turner.checkpoint(), back));
    let closed = sent.ok().and_then(|()| closed.recv().ok());
    shared.engine_ended();
    tracing::info!(parked, "service ended");
    let drained = closed.map(|closed| Drained {
        store: closed.store,
        transport: turner.transport,
        parked,
        checkpoint: closed.checkpoint,
    });
    if let Some(teller) = teller() {
        teller.tell(drained.ok_or(ServiceError::Panicked("store")));
    }
}

/// Tells those whose inputs nobody will take any more.
fn give_up(shared: &Shared, why: &ServiceError) {
    for input in shared.take() {
        match input {
            Input::Redeem(_, teller) => teller.tell(Err(why.clone())),
            Input::Ask(_, _, teller) => teller.tell(Err(why.clone())),
            _ => {}
        }
    }
}
