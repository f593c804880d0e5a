//! A plain client that inserts one row after the other and connects again at once when it must, for
//! comparison; and the one who promotes the standby.

use crate::node::now_micros;
use crate::server::Server;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};

fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

async fn client(ports: &[u16], writes: bool) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config.user("scrip").dbname("postgres").application_name("plain").connect_timeout(Duration::from_secs(1));
    ports.iter().for_each(|port| {
        config.host("127.0.0.1").port(*port);
    });
    if writes {
        config.target_session_attrs(tokio_postgres::config::TargetSessionAttrs::ReadWrite);
    }
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A session on the standby, so that promoting it takes one statement.
pub(crate) struct Promoter {
    runtime: Runtime,
    client: Client,
}

impl Promoter {
    pub(crate) fn to(port: u16) -> Result<Self, Box<dyn Error>> {
        let runtime = runtime()?;
        let client = runtime.block_on(client(&[port], false))?;
        Ok(Self { runtime, client })
    }

    pub(crate) fn promote(&self) -> Result<(), Box<dyn Error>> {
        Ok(self.runtime.block_on(self.client.batch_execute("SELECT pg_promote(false)"))?)
    }
}

/// The plain client.
pub(crate) struct Plain {
    wrote: Arc<Mutex<Vec<u128>>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<i64>,
}

impl Plain {
    pub(crate) fn start(ports: [u16; 2]) -> Self {
        let (wrote, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (writes, stops) = (wrote.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let runtime = runtime().expect("a thread may have an event loop");
            runtime.block_on(insert(&ports, &writes, &stops))
        });
        Self { wrote, stop, thread }
    }

    /// How long after `from` the next insert of its returned, in microseconds.
    pub(crate) fn first_after(&self, from: u128) -> Option<Duration> {
        let wrote = self.wrote.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *wrote.iter().find(|at| **at > from)?;
        Some(Duration::from_micros(u64::try_from(first - from).ok()?))
    }

    /// All rows that it was told are written must be there.
    pub(crate) fn finish(self, primary: &Server) -> Result<(), Box<dyn Error>> {
        self.stop.store(true, Ordering::Relaxed);
        let last = self.thread.join().map_err(|_| "the plain client has failed")?;
        let there = primary.psql(&format!("SELECT count(*) FROM plain WHERE n <= {last}"));
        if there == last.to_string() {
            Ok(())
        } else {
            Err(format!("{there} of {last} rows of the plain client").into())
        }
    }
}

async fn insert(ports: &[u16], wrote: &Mutex<Vec<u128>>, stop: &AtomicBool) -> i64 {
    let (mut n, mut session) = (0_i64, None);
    while !stop.load(Ordering::Relaxed) {
        let Some(client) = &session else {
            session = client(ports, true).await.ok();
            if let Some(client) = &session {
                let table =
                    client.batch_execute("CREATE TABLE IF NOT EXISTS plain (n bigint PRIMARY KEY)").await;
                if table.is_err() {
                    session = None;
                }
            } else {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            continue;
        };
        // The row may be there: its answer may have been lost.
        let sql = "INSERT INTO plain VALUES ($1) ON CONFLICT DO NOTHING";
        if client.execute(sql, &[&(n + 1)]).await.is_ok() {
            n += 1;
            wrote.lock().unwrap_or_else(PoisonError::into_inner).push(now_micros());
            tokio::time::sleep(Duration::from_millis(1)).await;
        } else {
            session = None;
        }
    }
    n
}
