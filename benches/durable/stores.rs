//! The three stores and the plain databases, each new for every run, on the disk that the build is on.

use crate::common::{Load, Ran, Trade, Worked};
use crate::device;
use crate::plain::{Plain, Timed, sqlite::PlainSqlite};
use scrip::engine::Recovery;
use scrip::host::{Journal, Memory, Sqlite, Store};
use scrip::record::Batch;
use std::time::{Duration, Instant};
use tempfile::TempDir;

#[cfg(feature = "postgres")]
#[path = "../../tests/postgres/server.rs"]
#[allow(dead_code, reason = "shared with a test")]
mod server;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    Journal,
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Journal => "journal",
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

#[cfg(feature = "postgres")]
const SETTINGS: &str = "max_connections = 20\nshared_buffers = 512MB\nmax_wal_size = 4GB
checkpoint_timeout = 30min\nlog_min_messages = warning";

/// A run on a store, the store closed.
pub(crate) struct Redeemed {
    pub(crate) ran: Ran,
    /// By the clock, from before the store was opened until it was closed: its tables are up to date then.
    pub(crate) whole: Duration,
    /// How long all threads of the process were at work beside the engine's and the store's: the
    /// journal's tables, segments zeroed ahead.
    pub(crate) behind: Duration,
    /// How many bytes each redemption took on the device.
    pub(crate) written: Option<u64>,
}

/// Whether a comma-separated list in the environment names this, or there is none.
pub(crate) fn wanted(list: &str, name: &str) -> bool {
    std::env::var(list).map_or(true, |names| names.split(',').any(|wanted| wanted == name))
}

/// Where the stores are.
pub(crate) struct Ground {
    #[cfg(feature = "postgres")]
    server: Option<server::Server>,
}

impl Ground {
    #[cfg(feature = "postgres")]
    pub(crate) fn new() -> Self {
        let mut server = server::Server::new(SETTINGS);
        match &mut server {
            Some(server) => server.start(),
            None => println!("PostgreSQL's programs are not installed: left out\n"),
        }
        Self { server }
    }

    #[cfg(not(feature = "postgres"))]
    pub(crate) fn new() -> Self {
        println!("without the feature `postgres`: PostgreSQL is left out\n");
        Self {}
    }

    /// The stores that there are and that are wanted; memory, which is none on a disk, comes first.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let mut kinds = vec![Kind::Memory, Kind::Journal, Kind::Sqlite];
        #[cfg(feature = "postgres")]
        kinds.extend(self.server.is_some().then_some(Kind::Postgres));
        kinds.retain(|kind| wanted("SCRIP_STORES", &kind.name().to_lowercase()));
        kinds
    }

    /// Redeems the first `count` cards.
    pub(crate) fn redeem(&self, kind: Kind, trade: &Trade, count: usize, load: Load) -> Redeemed {
        let before = self.written(kind);
        let (all, own, begun) = (device::at_work(), Worked::start(), Instant::now());
        let ran = self.with_store(kind, Redeem { trade, count, load });
        let (own, whole) = (own.so_far() + ran.kept, begun.elapsed());
        let behind = device::at_work().saturating_sub(all).saturating_sub(own);
        let written = self.written(kind).zip(before).map(|(after, before)| (after - before) / count as u64);
        Redeemed { ran, whole, behind, written }
    }

    /// Commits copies of the batches, and tells how long that took without the copying.
    pub(crate) fn commit(&self, kind: Kind, batches: &[Batch]) -> Timed {
        self.with_store(kind, Commit { batches })
    }

    fn with_store<W: Work>(&self, kind: Kind, work: W) -> W::Done {
        let folder = folder();
        match kind {
            Kind::Memory => work.on(Memory::new()),
            Kind::Journal => work.on(Journal::open(folder.path().join("journal")).expect("a new journal")),
            Kind::Sqlite => work.on(Sqlite::open(folder.path().join("scrip.db")).expect("a new database")),
            Kind::Postgres => self.on_postgres(work),
        }
    }

    #[cfg(feature = "postgres")]
    fn on_postgres<W: Work>(&self, work: W) -> W::Done {
        let server = self.server.as_ref().expect("it is not among the kinds otherwise");
        server.psql("DROP SCHEMA IF EXISTS scrip CASCADE");
        work.on(scrip::host::Postgres::open(&server.url()).expect("the server runs"))
    }

    #[cfg(not(feature = "postgres"))]
    fn on_postgres<W: Work>(&self, _: W) -> W::Done {
        unreachable!("it is not among the kinds")
    }

    /// The bytes written so far by whoever writes for a store; for a server with all its pages.
    fn written(&self, kind: Kind) -> Option<u64> {
        #[cfg(feature = "postgres")]
        if let (Kind::Postgres, Some(server)) = (kind, &self.server) {
            server.psql("CHECKPOINT");
            return device::of_tree(server.process()?);
        }
        assert_ne!(kind, Kind::Postgres, "it is not among the kinds");
        device::own()
    }

    /// The database that does the same rows without anything around them; for the journal SQLite.
    pub(crate) fn plain(&self, kind: Kind) -> (&'static str, Box<dyn Plain>, TempDir) {
        let folder = folder();
        #[cfg(not(feature = "postgres"))]
        assert_ne!(kind, Kind::Postgres, "it is not among the kinds");
        #[cfg(feature = "postgres")]
        if let (Kind::Postgres, Some(server)) = (kind, &self.server) {
            return (
                "PostgreSQL",
                Box::new(crate::plain::postgres::PlainPostgres::open(&server.url())),
                folder,
            );
        }
        ("SQLite", Box::new(PlainSqlite::open(&folder.path().join("plain.db"))), folder)
    }
}

/// Something done on a new store.
trait Work {
    type Done;

    fn on(self, store: impl Store + Send) -> Self::Done;
}

struct Redeem<'a> {
    trade: &'a Trade,
    count: usize,
    load: Load,
}

impl Work for Redeem<'_> {
    type Done = Ran;

    fn on(self, mut store: impl Store + Send) -> Ran {
        self.trade.run_beside(self.count, self.load, &mut store)
    }
}

struct Commit<'a> {
    batches: &'a [Batch],
}

impl Work for Commit<'_> {
    type Done = Timed;

    fn on(self, mut store: impl Store + Send) -> Timed {
        store.recover(&mut Recovery::of_log(store.log())).expect("an empty store");
        let mut copies = self.batches.to_vec();
        copies.iter_mut().for_each(Batch::clear);
        let (worked, start) = (Worked::start(), Instant::now());
        for batch in &mut copies {
            store.commit(batch).expect("the store takes it");
        }
        Timed { took: start.elapsed(), worked: worked.so_far() }
    }
}

/// On the disk that the build is on: a folder for temporary files may lie in memory.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written to")
}
