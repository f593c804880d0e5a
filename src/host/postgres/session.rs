//! One session with the server that writes, and how that server is found.

use super::StoreError;
use super::fault::{Fault, may_pass, text};
use super::statements::Statements;
use super::target::Place;
use core::future::poll_fn;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::format;
use std::string::String;
use std::sync::Arc;
use std::time::Instant;
use std::vec::Vec;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};

/// How often a standby is asked whether it has become the server that writes.
const ASK_EVERY: Duration = Duration::from_millis(2);
/// How long is waited before a server that refuses is tried again: at first, and at most.
const TRY_AGAIN: (Duration, Duration) = (Duration::from_millis(3), Duration::from_millis(200));

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

/// Asks all servers at once, again and again, until one that writes takes the session. `prepare`:
/// whether the tables are there, so that statements are prepared while a standby is waited for.
pub(super) async fn connect(
    places: &[Place],
    schema: &str,
    prepare: bool,
    patience: Duration,
) -> Result<Session, StoreError> {
    let mut asked = JoinSet::new();
    for place in places {
        let (place, schema) = (place.clone(), String::from(schema));
        asked.spawn(async move { wait_for(&place, &schema, prepare, patience).await });
    }
    let mut said = StoreError::Busy("there is no server to ask".into());
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(session)) => return Ok(session),
            // That a server cannot be reached outweighs what another one says.
            Ok(Err(Refused::Yet(text))) => said = StoreError::Busy(text),
            Ok(Err(Refused::Ever(error))) if asked.is_empty() && !matches!(said, StoreError::Busy(_)) => {
                return Err(error);
            }
            Ok(Err(Refused::Ever(error))) => said = error,
            Err(error) => said = StoreError::Failed(format!("{error}")),
        }
    }
    Err(said)
}

async fn wait_for(
    place: &Place,
    schema: &str,
    prepare: bool,
    patience: Duration,
) -> Result<Session, Refused> {
    let (start, mut pause) = (Instant::now(), TRY_AGAIN.0);
    loop {
        let refused = match open(place, schema, prepare, start, patience).await {
            Err(Refused::Yet(text)) => text,
            done => return done,
        };
        if start.elapsed() + pause > patience {
            return Err(Refused::Yet(refused));
        }
        tokio::time::sleep(pause).await;
        // A standby is made the one that writes within moments; a machine that starts takes longer.
        if start.elapsed() > Duration::from_secs(1) {
            pause = TRY_AGAIN.1.min(pause * 2);
        }
    }
}

async fn open(
    place: &Place,
    schema: &str,
    prepare: bool,
    start: Instant,
    patience: Duration,
) -> Result<Session, Refused> {
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
    let statements = if prepare {
        Some(Statements::prepare(&client).await.map_err(|error| given(error.into()))?)
    } else {
        None
    };
    // A session that was opened on a standby goes on when that becomes the server that writes.
    while !writes(&client).await.map_err(given)? {
        if start.elapsed() > patience {
            return Err(Refused::Yet("the server is a standby or read-only".into()));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    warned.store(false, Ordering::Relaxed);
    Ok(Session { client, statements, warned })
}

fn given(fault: Fault) -> Refused {
    match fault {
        Fault::Again(text) | Fault::Lost(text) | Fault::Store(StoreError::Busy(text)) => Refused::Yet(text),
        Fault::Store(error) => Refused::Ever(error),
    }
}

async fn set(client: &Client, schema: &str) -> Result<(), Fault> {
    client.batch_execute(&format!("SET search_path = {schema}; {SETTINGS}; {RAISE}")).await?;
    let off: Vec<String> = names(client.simple_query(SYNCS).await?);
    if off.is_empty() {
        return Ok(());
    }
    let text = format!("the server would lose what it took in a power cut: {} = off", off.join(", "));
    Err(StoreError::Failed(text).into())
}

async fn writes(client: &Client) -> Result<bool, Fault> {
    Ok(names(client.simple_query("SHOW transaction_read_only").await?).iter().all(|value| value == "off"))
}

fn names(messages: Vec<tokio_postgres::SimpleQueryMessage>) -> Vec<String> {
    let rows = messages.into_iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(String::from),
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
