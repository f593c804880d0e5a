//! The stores that the main job is killed over, and whether one is whole afterwards.

use crate::job::Desk;
use scrip::host::{Journal, Sqlite};

#[cfg(feature = "postgres")]
#[path = "../postgres/server.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod server;

pub(crate) enum Shelf {
    Journal,
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres(Box<server::Server>),
}

impl Shelf {
    /// A private server, if its programs are installed.
    #[cfg(feature = "postgres")]
    pub(crate) fn postgres() -> Option<Self> {
        let mut server = server::Server::new("max_connections = 50\nlog_min_messages = warning")?;
        server.start();
        Some(Self::Postgres(Box::new(server)))
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Sqlite => "SQLite",
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Whether the store lies in the desk's folder.
    pub(crate) const fn leaves_files(&self) -> bool {
        matches!(self, Self::Journal | Self::Sqlite)
    }

    /// What tells the job of its store.
    #[cfg_attr(
        not(feature = "postgres"),
        allow(unused_variables, reason = "only a server has a name for each desk")
    )]
    pub(crate) fn args(&self, desk: &Desk) -> Vec<String> {
        match self {
            Self::Journal => ["--store", "journal"].map(String::from).into(),
            Self::Sqlite => ["--store", "sqlite"].map(String::from).into(),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => vec!["--postgres".into(), url(server, desk)],
        }
    }

    /// The store is whole, and its tables are what its frames lead to.
    pub(crate) fn assert_whole(&self, desk: &Desk, round: &str) {
        let path = desk.path("db/scrip.db");
        let report = match self {
            Self::Journal => Journal::open(path).unwrap().check().unwrap(),
            Self::Sqlite => Sqlite::open(path).unwrap().check().unwrap(),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => return assert_tables(&url(server, desk), round),
        };
        assert!(report.batches > 0 && report.redemptions > 0, "{round}: {report:?}");
        assert_eq!(report.findings, [], "{round}");
    }
}

/// A database of the desk's own, named after its folder.
#[cfg(feature = "postgres")]
fn url(server: &server::Server, desk: &Desk) -> String {
    let folder = desk.path("db").parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    let name: String = folder.bytes().map(|byte| format!("{byte:02x}")).collect();
    if server.psql(&format!("SELECT count(*) FROM pg_database WHERE datname = 'd{name}'")) == "0" {
        server.psql(&format!("CREATE DATABASE d{name}"));
    }
    server.url().replace("/postgres", &format!("/d{name}"))
}

/// The frames fold to the rows, claims and balances that the tables hold.
#[cfg(feature = "postgres")]
fn assert_tables(url: &str, round: &str) {
    use scrip::host::{Postgres, Store};
    use scrip::ledger::Account;
    use scrip::money::Currency;
    use scrip::record::{Batch, Frame, Index};
    use std::collections::BTreeMap;

    let mut store = Postgres::open(url).unwrap();
    let (mut index, mut frames) = (Index::default(), 0_u64);
    store
        .frames(&mut |bytes, noted| {
            let mut batch = Batch::new(Frame::decode(bytes).unwrap(), Vec::new());
            index.commit(&mut batch).unwrap();
            let refused = (0_u32..).zip(batch.verdicts()).filter(|(_, verdict)| !verdict.is_accepted());
            assert!(refused.map(|(number, _)| number).eq(noted.iter().copied()), "{round}: a verdict");
            frames += 1;
        })
        .unwrap();
    assert!(frames > 0, "{round}");
    for (id, row) in index.rows() {
        let handed = store.load(*id).unwrap().unwrap();
        assert_eq!(handed.log, row.hand(*id).log, "{round}: redemption {id}");
    }
    let line = |account: &Account, currency: Currency| format!("{account:?} {currency:?}");
    let mut found = BTreeMap::new();
    let mut keep = |account: &Account, currency: Currency, minor: i128| {
        found.insert(line(account, currency), minor);
    };
    store.balances(&mut keep).unwrap();
    let expected = index.balances().map(|(account, currency, minor)| (line(account, currency), minor));
    assert_eq!(found, expected.collect(), "{round}: balances");
}
