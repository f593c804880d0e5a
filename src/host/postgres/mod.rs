//! The store in a PostgreSQL database: for one writer, or for several nodes that share it.
//!
//! A batch is one transaction of two flights: statements are sent without waiting for the answers
//! in between. A commit is durable when it returns, on a synchronous standby too where there is
//! one: `synchronous_commit` is raised to `on`, and a server with `fsync` or `full_page_writes` off is
//! refused. Whether a commit was taken whose answer was lost is read back from the database, by the
//! batch's id, on whichever server writes then.
//!
//! All that belongs to the store lies in one schema. A person can look into it at any time with
//! `psql`; the views `show_...` write ids in hexadecimal, numbers as names and times as dates.
//! Content of side rows that is erased stays in dead rows until the server has vacuumed them, and in
//! the write-ahead log and backups as long as those are kept: it is sealed.
//!
//! The SQL is what CockroachDB and YugabyteDB document too, for which it is designed; it has been run
//! on PostgreSQL only (15). Where a server parts its tables by itself, the parted tables are plain ones.

mod commit;
mod fault;
mod flight;
mod gather;
mod link;
mod parts;
mod read;
mod recall;
mod recover;
mod resumed;
mod schema;
mod seats;
mod session;
mod statements;
mod tables;
mod tables_2;
mod target;
mod tls;
mod values;
mod work;
mod write;

use super::{Describe, Described, Store, StoreError};
use crate::base::{BatchId, RedemptionId, Wall};
use crate::engine::Recovery;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{Batch, Handed};
use commit::{Left, Live, Writer};
use core::time::Duration;
use link::Link;
use recover::Lease;
pub use resumed::Resumed;
use std::fmt;
use std::format;
use std::string::String;
use std::time::Instant;
use std::vec::Vec;
use values::Id;

/// For so long a shared store's next due time is taken from memory: another node may die meanwhile.
const REMEMBERED: Duration = Duration::from_millis(50);
/// The names that a schema may have, so that they need no quotes.
const NAME: &str = "abcdefghijklmnopqrstuvwxyz0123456789_";

/// How a [`Postgres`] store is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// Which log this process writes: 0, as is the default, where it is the only writer; else the
    /// number of this node, from 1. No two nodes may have the same.
    pub log: u32,
    /// The schema that holds the tables: small letters, digits and `_`. `scrip` if not said.
    pub schema: String,
    /// How long a node that gives no sign keeps what it has in memory, in milliseconds. 5,000 if
    /// not said; all nodes should say the same.
    pub lease_ms: i64,
    /// How much longer others wait before they take over, in milliseconds: for clocks that run at
    /// different speeds. 1,000 if not said.
    pub grace_ms: i64,
    /// How long a server that is gone is waited for. 30 s if not said; at opening, at most 5 s.
    pub patience: Duration,
    /// How long the answer to one transaction may take before its connection counts as broken.
    /// 15 s if not said.
    pub silence: Duration,
    /// Fills the readable columns of redemptions.
    pub describe: Describe,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            log: 0,
            schema: "scrip".into(),
            lease_ms: 5_000,
            grace_ms: 1_000,
            patience: Duration::from_secs(30),
            silence: Duration::from_secs(15),
            describe: |summary| Described::of_summary(summary),
        }
    }
}

/// A store in a PostgreSQL database.
pub struct Postgres {
    link: Link,
    node: Node,
    lease: Lease,
    describe: Describe,
    /// What `due` has taken, where it is not known whether that stands.
    handing: Vec<Id>,
    /// What this epoch knows of its redemptions.
    live: Live,
    /// When the next redemption is due, and when that was read.
    next: Option<(Option<Wall>, Instant)>,
}

/// A writer.
#[derive(Clone, Copy, Debug)]
struct Node {
    log: u32,
    epoch: u64,
}

impl Postgres {
    /// Opens the store in the database that a connection string names, in either of the two forms
    /// of PostgreSQL (`postgres://user@host1,host2/database` or `host=host1,host2 dbname=database`),
    /// for one writer, and makes its tables if there are none.
    ///
    /// Several hosts are asked at once; the one that takes writes is used, now and whenever the
    /// connection is lost. `sslmode` (`disable`, `prefer`, `require`, `verify-full`), `sslrootcert`,
    /// `sslcert` and `sslkey` are understood. With TLS the server's certificate is always verified.
    /// Without `sslmode` only the machine itself is talked to in clear.
    ///
    /// # Errors
    /// [`StoreError::Newer`] if a newer scrip wrote it, [`StoreError::Corrupt`] if the schema is
    /// another program's, [`StoreError::Busy`] if no server that writes was found in 5 s, or
    /// [`StoreError::Failed`] if one refuses, or would lose what it took in a power cut.
    pub fn open(connection: &str) -> Result<Self, StoreError> {
        Self::open_with(connection, PostgresOptions::default())
    }

    /// As [`Postgres::open`], as `options` say.
    ///
    /// # Errors
    /// As [`Postgres::open`].
    pub fn open_with(connection: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let PostgresOptions { log, schema, lease_ms, grace_ms, patience, silence, describe } = options;
        let plain =
            schema.chars().all(|c| NAME.contains(c)) && !schema.starts_with(|c: char| c.is_ascii_digit());
        if schema.is_empty() || !plain {
            return Err(StoreError::Failed(format!("`{schema}` is no name for a schema")));
        }
        let opening = patience.min(Duration::from_secs(5));
        let mut link = Link::new(target::places(connection)?, schema, opening, silence)?;
        link.run(async |_, _| Ok(()))?;
        link.patience = patience;
        let (node, lease) = (Node { log, epoch: 0 }, Lease { lease_ms, grace_ms });
        Ok(Self { link, node, lease, describe, handing: Vec::new(), live: Live::new(), next: None })
    }

    /// How the last loss of the session was got over, if there was one: of use for a host's figures.
    pub fn resumed(&self) -> Option<Resumed> {
        self.link.trace.last()
    }

    /// Ends the epochs of nodes that live no more.
    fn reap(&mut self) -> Result<(), StoreError> {
        let Self { link, node, lease, .. } = self;
        link.run(async |open, tried| recover::reap(open, tried, *node, *lease).await)
    }

    /// Keeps in mind what a commit did, if it tells: which redemptions are in memory, and when the
    /// next one is due.
    fn remember(&mut self, left: Option<Left>) {
        let Some(left) = left else {
            self.live.clear();
            self.next = None;
            return;
        };
        for (id, records) in left.live {
            match records {
                Some(records) => drop(self.live.insert(id, records)),
                None => drop(self.live.remove(&id)),
            }
        }
        let Some((next, read)) = self.next.take() else { return };
        if next.is_some_and(|next| left.gone.contains(&next)) {
            return;
        }
        self.next = Some((left.new.into_iter().chain(next).min(), read));
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("node", &self.node)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

impl Store for Postgres {
    fn log(&self) -> u32 {
        self.node.log
    }

    fn renew(&mut self) -> Result<Option<i64>, StoreError> {
        let Self { link, node, lease, .. } = self;
        if node.log == 0 {
            return Ok(None);
        }
        link.run(async |open, _| recover::renew(open, *node, *lease).await)?;
        Ok(Some(lease.lease_ms))
    }

    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        let Self { link, node, lease, .. } = self;
        let start = into.clone();
        self.next = None;
        self.live.clear();
        self.handing.clear();
        node.epoch = link.run(async |open, tried| {
            into.clone_from(&start);
            recover::recover(open, tried, node.log, *lease, into).await
        })?;
        Ok(node.epoch)
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let Self { link, node, describe, live, .. } = self;
        let writer = Writer { log: node.log, describe: *describe };
        if batch.frame().log != writer.log {
            return Err(StoreError::off_chain(batch.id()));
        }
        let done = link.run(async |open, tried| commit::commit(open, tried, batch, writer, live).await);
        match done {
            Ok(left) => {
                self.link.trace.done();
                self.remember(left);
                Ok(())
            }
            Err(error) => {
                self.remember(None);
                batch.clear();
                Err(error)
            }
        }
    }

    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError> {
        let Self { link, node, .. } = self;
        link.run(async |open, _| recover::checkpoint(open, *node, upto, state).await)
    }

    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError> {
        let Self { link, node, .. } = self;
        link.run(async |open, _| read::load(open, *node, redemption).await)
    }

    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError> {
        if self.node.log == 0 {
            let Self { link, node, .. } = self;
            return link.run(async |open, _| read::due(open, *node, now, limit).await);
        }
        self.reap()?;
        self.next = None;
        let Self { link, node, handing, .. } = self;
        link.run(async |open, tried| read::take_due(open, tried, *node, (now, limit), handing).await)
    }

    fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        let shared = self.node.log != 0;
        if let Some((next, read)) = self.next.filter(|(_, read)| !shared || read.elapsed() < REMEMBERED) {
            self.next = Some((next, read));
            return Ok(next);
        }
        if shared {
            self.reap()?;
        }
        let Self { link, node, .. } = self;
        let next = link.run(async |open, _| {
            if shared {
                recover::check(open, *node).await?;
            }
            read::next_due(open, *node).await
        })?;
        self.next = Some((next, Instant::now()));
        Ok(next)
    }

    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError> {
        let balances = self.link.run(async |open, _| read::balances(open).await)?;
        balances.iter().for_each(|((account, currency), balance)| visit(account, *currency, *balance));
        Ok(())
    }

    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
        read::frames(&mut self.link, visit)
    }
}
