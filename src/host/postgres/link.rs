//! The way to the database: a session that is made anew whenever it is lost, and the tries.

use super::fault::Fault;
use super::flight::Flight;
use super::resumed::Trace;
use super::session::{Search, Session};
use super::statements::Statements;
use super::target::Place;
use super::{StoreError, schema};
use core::time::Duration;
use std::string::String;
use std::vec::Vec;
use tokio::runtime::Runtime;
use tokio_postgres::Client;

/// A transaction that meets others is tried so often before the store is busy.
const TRIES: u32 = 20;
/// How long the first try of those waits that follow.
const PAUSE: Duration = Duration::from_micros(500);

/// What a transaction needs.
pub(super) struct Open<'a> {
    pub(super) client: &'a Client,
    pub(super) sql: &'a Statements,
    session: &'a Session,
    pub(super) trace: &'a Trace,
}

impl<'a> Open<'a> {
    pub(super) fn flight(&self) -> Flight<'a> {
        Flight::new(self.client)
    }

    /// Whether the server has warned of anything since it was last asked.
    pub(super) fn warned(&self) -> bool {
        self.session.warned()
    }
}

/// One try.
pub(super) struct Tried<'a> {
    /// Set before a commit is sent, and taken back when it is known not to have happened: if the
    /// session is lost in between, nobody knows.
    pub(super) unknown: &'a mut bool,
}

pub(super) struct Link {
    runtime: Runtime,
    search: Search,
    /// How long a lost server is waited for.
    pub(super) patience: Duration,
    /// How long an answer may take.
    silence: Duration,
    session: Option<Session>,
    /// Whether the tables are known to be there.
    ready: bool,
    pub(super) trace: Trace,
}

impl Link {
    pub(super) fn new(
        places: Vec<Place>,
        schema: String,
        patience: Duration,
        silence: Duration,
    ) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Failed(std::format!("no event loop: {error}")))?;
        Ok(Self {
            runtime,
            search: Search::new(places, schema),
            patience,
            silence,
            session: None,
            ready: false,
            trace: Trace::default(),
        })
    }

    /// Runs something that may be run again: it changes nothing, or nothing twice.
    ///
    /// # Errors
    /// [`StoreError::Uncertain`] if the session was lost while a commit was on its way, and no
    /// other could be had to find out.
    pub(super) fn run<T>(
        &mut self,
        mut once: impl AsyncFnMut(&Open<'_>, &mut Tried<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let (mut tries, mut unknown) = (0, false);
        loop {
            tries += 1;
            let fault = match self.once(&mut once, &mut unknown) {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            if matches!(fault, Fault::Lost(_)) {
                self.trace.lost();
                self.session = None;
            }
            let again = tries < TRIES && !matches!(fault, Fault::Store(_));
            if !again {
                return Err(match fault.given_up() {
                    StoreError::Busy(text) if unknown => StoreError::Uncertain(text),
                    StoreError::Failed(text) | StoreError::Full(text) if unknown => {
                        StoreError::Uncertain(text)
                    }
                    error => error,
                });
            }
            std::thread::sleep(PAUSE * (tries - 1).min(20));
        }
    }

    fn once<T>(
        &mut self,
        once: &mut impl AsyncFnMut(&Open<'_>, &mut Tried<'_>) -> Result<T, Fault>,
        unknown: &mut bool,
    ) -> Result<T, Fault> {
        let Self { runtime, search, patience, silence, session, ready, trace } = self;
        runtime.block_on(async {
            if session.as_ref().is_none_or(|session| session.client.is_closed()) {
                if session.take().is_some() {
                    trace.lost();
                }
                let found = search.find(*ready, *patience).await?;
                trace.found(found.planned());
                *session = Some(found);
            }
            let session = session.as_mut().expect("it was just made");
            if !*ready {
                schema::bring_up(&session.client, search.schema()).await?;
                *ready = true;
            }
            session.prepare().await?;
            search.keep_reserve();
            let (client, sql) = session.prepared();
            let open = Open { client, sql, session, trace };
            let done = tokio::time::timeout(*silence, once(&open, &mut Tried { unknown })).await;
            let done = done.unwrap_or_else(|_| Err(Fault::Lost("the server does not answer".into())));
            if matches!(done, Err(Fault::Again(_) | Fault::Store(_))) {
                // The transaction may still be open; in a session without one this does nothing.
                client.batch_execute("ROLLBACK").await?;
            }
            done
        })
    }
}
