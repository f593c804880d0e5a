//! One session with the server that writes, and how that server is found.

use super::StoreError;
use super::fault::{Fault, may_pass, text};
use super::flight::all;
use super::statements::{Statements, rehearsal};
use super::target::Place;
use core::future::poll_fn;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::boxed::Box;
use std::format;
use std::string::String;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use std::vec::Vec;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, SimpleQueryMessage};

/// How often a standby is asked whether it has become the server that writes.
const ASK_EVERY: Duration = Duration::from_millis(1);
/// How long is waited before a server that refuses is tried again: at first, and at most.
const TRY_AGAIN: (Duration, Duration) = (Duration::from_millis(3), Duration::from_millis(200));

/// How often one in reserve looks whether it is still open.
const IN_RESERVE: Duration = Duration::from_secs(1);
/// A statement whose plan is there is explained sooner than this, as a rule.
const PLANNED: Duration = Duration::from_micros(500);
/// So many are sent at once, before the server is asked again whether it writes.
const PLANNED_AT_ONCE: usize = 8;
const ASK: &str = "SHOW transaction_read_only";

/// What every session is set to, where the server knows the setting. The plans are for lists that
/// meet large tables by their keys; a transaction that meets a lock or falls silent must end.
const SETTINGS: &str = "SELECT set_config(name, CASE name
        WHEN 'plan_cache_mode' THEN 'force_generic_plan'
        WHEN 'lock_timeout' THEN '10s'
        WHEN 'idle_in_transaction_session_timeout' THEN '10s'
        ELSE 'off' END, false)
    FROM pg_settings WHERE name IN ('plan_cache_mode', 'lock_timeout', 'jit', 'enable_seqscan',
        'enable_hashjoin', 'enable_mergejoin', 'idle_in_transaction_session_timeout')";
/// A commit must not return before it is on the disk, here and on a synchronous standby.
const RAISE: &str = "SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit', true) IN ('off', 'local', 'remote_write')";
const SYNCS: &str =
    "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'";

/// A session with a server that writes.
pub(super) struct Session {
    pub(super) client: Client,
    statements: Option<Statements>,
    /// What is sent so that the statements are planned.
    rehearsal: Vec<String>,
    /// When that took its time last.
    planned: Option<Instant>,
    warned: Arc<AtomicBool>,
}

impl Session {
    /// Prepares the statements, unless they are.
    pub(super) async fn prepare(&mut self) -> Result<(), Fault> {
        if self.statements.is_none() {
            self.statements = Some(Statements::prepare(&self.client).await?);
        }
        Ok(())
    }

    /// Whether the server has become one that writes. Meanwhile the plans are made that are needed
    /// then; what they are made of may not be there yet.
    ///
    /// A server that becomes the one that writes drops what its sessions know of the tables, plans
    /// included, some moments before it takes writes. While that is waited for, the first statement
    /// tells: if its plan is gone, all of them are planned again, while the server is still at it.
    async fn writes(&mut self, common: &Common) -> Result<bool, Fault> {
        let (first, rest) = self.rehearsal.split_at(self.rehearsal.len().min(1));
        let start = Instant::now();
        if rehearse(&self.client, first).await? {
            return Ok(true);
        }
        let late = start.elapsed() >= PLANNED;
        for some in rest.chunks(PLANNED_AT_ONCE) {
            if !late && common.urgent.load(Ordering::Relaxed) {
                return Ok(false);
            }
            if rehearse(&self.client, some).await? {
                return Ok(true);
            }
        }
        if late && !rest.is_empty() {
            self.planned = Some(Instant::now());
        }
        Ok(false)
    }

    /// When its statements were planned last so that it took time.
    pub(super) fn planned(&self) -> Option<Instant> {
        self.planned
    }

    /// The client, and its statements once they are prepared.
    pub(super) fn prepared(&self) -> (&Client, &Statements) {
        (&self.client, self.statements.as_ref().expect("statements are prepared before they are used"))
    }

    /// Whether the server has warned of anything since it was last asked: a commit that did not
    /// wait for its standby is no error to the server.
    pub(super) fn warned(&self) -> bool {
        self.warned.swap(false, Ordering::Relaxed)
    }
}

/// Why there is no session.
enum Refused {
    /// It may be there at the next try.
    Yet(String),
    /// Somebody has to change something.
    Ever(StoreError),
}

/// What those that look for a server share.
#[derive(Default)]
struct Common {
    /// Whether there is no session: until then the ones in reserve only keep themselves open.
    urgent: AtomicBool,
    /// What was said last to one that could not be had.
    said: Mutex<String>,
}

impl Common {
    fn say(&self, text: String) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// Looks for the server that writes, at all places at once. While one is used, sessions with the
/// others are kept in reserve, with everything prepared: when a standby is made the server that
/// writes, its session goes on.
pub(super) struct Search {
    places: Vec<Place>,
    schema: String,
    common: Arc<Common>,
    /// One for each place, but for that of the session in use.
    looking: JoinSet<(usize, Result<Session, Refused>)>,
    used: Option<usize>,
}

impl Search {
    pub(super) fn new(places: Vec<Place>, schema: String) -> Self {
        Self { places, schema, common: Arc::default(), looking: JoinSet::new(), used: None }
    }

    /// The schema that holds the tables.
    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// A session with a server that writes. `ready`: whether the tables are there, so that
    /// statements are prepared.
    pub(super) async fn find(&mut self, ready: bool, patience: Duration) -> Result<Session, StoreError> {
        self.common.urgent.store(true, Ordering::Relaxed);
        if self.looking.is_empty() {
            (0..self.places.len()).for_each(|place| self.look(place, ready));
        } else if let Some(place) = self.used.take() {
            self.look(place, ready);
        }
        let found = tokio::time::timeout(patience, self.first()).await;
        let said = || self.common.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (place, session) = found.unwrap_or_else(|_| Err(StoreError::Busy(said())))?;
        self.common.urgent.store(false, Ordering::Relaxed);
        self.used = Some(place);
        if !ready {
            // Those in reserve have nothing prepared yet: they are asked again when they are needed.
            self.looking.abort_all();
            self.looking = JoinSet::new();
        }
        Ok(session)
    }

    /// Keeps sessions with the other places in reserve, now that the tables are there.
    pub(super) fn keep_reserve(&mut self) {
        if self.looking.is_empty() {
            let others = (0..self.places.len()).filter(|place| Some(*place) != self.used);
            others.collect::<Vec<_>>().into_iter().for_each(|place| self.look(place, true));
        }
    }

    fn look(&mut self, number: usize, ready: bool) {
        let (place, schema, common) = (self.places[number].clone(), self.schema.clone(), self.common.clone());
        self.looking.spawn(async move { (number, wait_for(&place, &schema, ready, &common).await) });
    }

    /// The first session, or why there can be none.
    async fn first(&mut self) -> Result<(usize, Session), StoreError> {
        let mut refused = StoreError::Busy("there is no server to ask".into());
        while let Some(answer) = self.looking.join_next().await {
            match answer {
                Ok((place, Ok(session))) => return Ok((place, session)),
                Ok((_, Err(Refused::Ever(error)))) => refused = error,
                Ok((_, Err(Refused::Yet(text)))) => refused = StoreError::Busy(text),
                Err(error) => refused = StoreError::Failed(format!("{error}")),
            }
        }
        Err(refused)
    }
}

/// Goes on until there is a session with a server that writes, or never can be.
async fn wait_for(place: &Place, schema: &str, ready: bool, common: &Common) -> Result<Session, Refused> {
    let (mut pause, start) = (TRY_AGAIN.0, Instant::now());
    loop {
        match open(place, schema, ready, common).await {
            Err(Refused::Yet(text)) => common.say(text),
            // It was good before, and may be again: a standby may not have the tables yet.
            Err(Refused::Ever(error)) if ready => common.say(format!("{error}")),
            done => return done,
        }
        // A standby is made the one that writes within moments; a machine that starts takes longer.
        if start.elapsed() > Duration::from_secs(1) {
            pause = TRY_AGAIN.1.min(pause * 2);
        }
        rest(pause, common).await;
    }
}

/// Waits, longer while nobody is waiting.
async fn rest(pause: Duration, common: &Common) {
    let start = Instant::now();
    tokio::time::sleep(pause).await;
    while !common.urgent.load(Ordering::Relaxed) && start.elapsed() < IN_RESERVE {
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn open(place: &Place, schema: &str, ready: bool, common: &Common) -> Result<Session, Refused> {
    let warned = Arc::new(AtomicBool::new(false));
    let opened = match &place.tls {
        None => place.config.connect(NoTls).await.map(|(client, connection)| {
            drive(connection, warned.clone());
            client
        }),
        Some(tls) => place.config.connect(tls.clone()).await.map(|(client, connection)| {
            drive(connection, warned.clone());
            client
        }),
    };
    let refused = |error: &tokio_postgres::Error| {
        if may_pass(error) {
            Refused::Yet(text(error))
        } else {
            Refused::Ever(StoreError::Failed(text(error)))
        }
    };
    let client = opened.map_err(|error| refused(&error))?;
    set(&client, schema).await.map_err(given)?;
    let mut session = Session { client, statements: None, rehearsal: Vec::new(), planned: None, warned };
    if ready && !writes(&session.client).await.map_err(given)? {
        session.prepare().await.map_err(given)?;
        // A server that cannot tell what is prepared has nothing to rehearse.
        session.rehearsal = rehearsal(&session.client).await.unwrap_or_default();
    }
    // A session that was opened on a standby goes on when that becomes the server that writes.
    while !session.writes(common).await.map_err(given)? {
        common.say("the server is a standby or read-only".into());
        rest(ASK_EVERY, common).await;
    }
    session.warned();
    Ok(session)
}

fn given(fault: Fault) -> Refused {
    match fault {
        Fault::Again(text) | Fault::Lost(text) | Fault::Store(StoreError::Busy(text)) => Refused::Yet(text),
        Fault::Store(error) => Refused::Ever(error),
    }
}

async fn set(client: &Client, schema: &str) -> Result<(), Fault> {
    client.batch_execute(&format!("SET search_path = {schema}; {SETTINGS}; {RAISE}")).await?;
    let off: Vec<String> = names(&client.simple_query(SYNCS).await?);
    if off.is_empty() {
        return Ok(());
    }
    let text = format!("the server would lose what it took in a power cut: {} = off", off.join(", "));
    Err(StoreError::Failed(text).into())
}

async fn writes(client: &Client) -> Result<bool, Fault> {
    Ok(says_off(&client.simple_query(ASK).await?))
}

/// Sends these in one go, and behind them the question whether the server writes.
async fn rehearse(client: &Client, texts: &[String]) -> Result<bool, Fault> {
    let texts = texts.iter().map(String::as_str).chain([ASK]);
    let told = all::<Vec<_>>(texts.map(|text| Box::pin(client.simple_query(text)) as _).collect()).await;
    match told.into_iter().last() {
        Some(told) => Ok(says_off(&told?)),
        None => writes(client).await,
    }
}

fn says_off(told: &[SimpleQueryMessage]) -> bool {
    names(told).last().is_none_or(|value| value == "off")
}

fn names(messages: &[SimpleQueryMessage]) -> Vec<String> {
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(String::from),
        _ => None,
    });
    rows.collect()
}

/// Lets the connection run beside whatever waits for it.
fn drive<S, T>(connection: Connection<S, T>, warned: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        let mut connection = pin!(connection);
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(notice) = message {
                warned.fetch_or(notice.severity() == "WARNING", Ordering::Relaxed);
            }
        }
    });
}
