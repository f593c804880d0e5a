//! Opening: whether the file is a scrip store, how the database is set, and its tables.

use super::StoreError;
use super::fault::Fault;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::format;
use std::path::Path;
use std::time::Duration;

/// What a database of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A store of its own.
    Store,
    /// The tables of a journal, which can be made anew from it.
    Tables,
}

impl Role {
    /// Tells our databases from others: `SCRP` and `SCRJ`.
    pub(super) const fn application_id(self) -> i32 {
        match self {
            Self::Store => 0x5343_5250,
            Self::Tables => 0x5343_524a,
        }
    }

    /// The format version that is written, in `user_version`; newer ones are refused.
    pub(super) const fn format(self) -> u32 {
        match self {
            Self::Store => 1,
            // 1 had the records themselves in the tables, and an index of sightings by redemption.
            Self::Tables => 2,
        }
    }

    /// What differs from [`SETTINGS`].
    const fn settings(self) -> &'static str {
        match self {
            Self::Store => "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
            // What a power cut takes is applied again, and no sealed content is ever in here.
            Self::Tables => "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF;",
        }
    }

    /// Where a redemption's records are found. In a journal's tables `places` tells where in the
    /// segments those of its latest units lie (each 20 bytes: segment, at, length, CRC-32C), `parts` from
    /// `last_part` back where those of the units before do, and `seats` where its sightings stand
    /// (each 24 bytes: subject, place).
    const fn columns(self) -> &'static str {
        match self {
            Self::Store => "last_part INTEGER NOT NULL",
            Self::Tables => "last_part INTEGER, places BLOB NOT NULL, seats BLOB NOT NULL",
        }
    }

    const fn tables(self) -> [&'static str; 2] {
        match self {
            Self::Store => [STORE_TABLES, STORE_VIEWS],
            Self::Tables => [JOURNAL_TABLES, JOURNAL_VIEWS],
        }
    }
}
/// How long a commit waits for another process that is writing before it is `Busy`.
pub(super) const BUSY: Duration = Duration::from_secs(2);
/// More than there are different statements, so that none is ever prepared twice.
const STATEMENTS: usize = 64;

/// `cache_size` is in KiB when negative. `wal_autocheckpoint` is in pages: with many pages
/// changed again and again, a longer log is carried over more cheaply.
const SETTINGS: &str = "
    PRAGMA fullfsync = ON;
    PRAGMA locking_mode = NORMAL;
    PRAGMA foreign_keys = OFF;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -65536;
    PRAGMA wal_autocheckpoint = 8192;
";

pub(super) fn open(path: &Path, role: Role) -> Result<Connection, Fault> {
    // To SQLite these two mean a database that is gone when it is closed.
    if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" {
        return Err(StoreError::Failed("a store needs a file".into()).into());
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Nothing is changed in a file before it is known to be ours to change.
    let fresh = is_fresh(&connection, role)?;
    let mode: std::string::String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let text = format!("the file system allows no write-ahead log (journal mode is {mode})");
        return Err(StoreError::Failed(text).into());
    }
    connection.execute_batch(SETTINGS)?;
    connection.execute_batch(role.settings())?;
    if fresh {
        create(&mut connection, role)?;
    }
    Ok(connection)
}

/// Whether the database is empty; an error if it is neither empty nor a store that can be used.
pub(super) fn is_fresh(connection: &Connection, role: Role) -> Result<bool, Fault> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let objects = number("SELECT count(*) FROM sqlite_schema")?;
    let (application, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    if (objects, application, version) == (0, 0, 0) {
        return Ok(true);
    }
    if application == i64::from(Role::Tables.application_id()) && role == Role::Store {
        return Err(Fault::corrupt("it holds the tables of a journal: open the folder that it is in"));
    }
    if application != i64::from(role.application_id()) {
        return Err(Fault::corrupt("it is a database of another program"));
    }
    let known = role.format();
    match u32::try_from(version) {
        Ok(found) if found == known => Ok(false),
        Ok(found) if found > known => Err(StoreError::Newer { found, known }.into()),
        _ => Err(Fault::corrupt(format!("its format version is {version}"))),
    }
}

fn create(connection: &mut Connection, role: Role) -> Result<(), Fault> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have made the tables since they were looked for.
    if is_fresh(&tx, role)? {
        tx.pragma_update(None, "application_id", role.application_id())?;
        tx.pragma_update(None, "user_version", role.format())?;
        tx.execute_batch(TABLES)?;
        tx.execute_batch(&REDEMPTIONS.replace("OWN", role.columns()))?;
        tx.execute_batch(VIEWS)?;
        role.tables().iter().try_for_each(|sql| tx.execute_batch(sql))?;
        tx.commit()?;
    }
    Ok(())
}

const TABLES: &str = "
-- epoch: the writer epoch; last: the last batch (epoch, sequence, SHA-256);
-- verdicts: what its units were told; checkpoint: the engine's state up to checkpoint_sequence.
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

CREATE TABLE claims (
    key BLOB PRIMARY KEY,
    kind INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    status INTEGER NOT NULL,
    holder INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- place: counts the subject's sightings from 0; latest_ms: the latest at_ms up to this one;
-- value_sum, square_sum: over the values before this one.
CREATE TABLE sightings (
    subject BLOB NOT NULL,
    place INTEGER NOT NULL,
    redemption BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    latest_ms INTEGER NOT NULL,
    value INTEGER NOT NULL,
    value_sum ANY NOT NULL,
    square_sum ANY NOT NULL,
    PRIMARY KEY (subject, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    balance_minor ANY NOT NULL,
    PRIMARY KEY (account, currency)
) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('epoch', 0);
";

const VIEWS: &str = "
CREATE VIEW show_redemptions AS SELECT lower(hex(id)) AS id, state, reason, request_id, seller,
    product, issuer, currency, face_minor, verified_minor, payout_minor, fee_minor, records, epoch,
    CASE waiting WHEN 0 THEN 'in memory' WHEN 1 THEN 'waiting' ELSE 'ended' END AS kept,
    strftime('%Y-%m-%dT%H:%M:%SZ', due_ms / 1000, 'unixepoch') AS due
    FROM redemptions ORDER BY number;
CREATE VIEW show_claims AS SELECT lower(hex(key)) AS key,
    CASE kind WHEN 1 THEN 'card' WHEN 2 THEN 'token' ELSE kind END AS kind, generation,
    CASE status WHEN 1 THEN 'held' WHEN 2 THEN 'quarantined' WHEN 3 THEN 'consumed' ELSE status END
    AS status, lower(hex(id)) AS holder
    FROM claims LEFT JOIN redemptions ON number = holder;
CREATE VIEW show_sightings AS SELECT lower(hex(subject)) AS subject, place,
    lower(hex(redemption)) AS redemption,
    strftime('%Y-%m-%dT%H:%M:%SZ', at_ms / 1000, 'unixepoch') AS at, value
    FROM sightings;
";

const REDEMPTIONS: &str = "
-- waiting: empty at the end, 0 while the writer has it in memory, 1 to be handed back at due_ms.
-- The columns from state to fee_minor are for people; nothing is read back from them.
CREATE TABLE redemptions (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    records INTEGER NOT NULL,
    due_ms INTEGER,
    waiting INTEGER,
    OWN,
    state TEXT,
    reason TEXT,
    request_id TEXT,
    seller TEXT,
    product TEXT,
    issuer TEXT,
    currency TEXT,
    face_minor INTEGER,
    verified_minor INTEGER,
    payout_minor INTEGER,
    fee_minor INTEGER,
    fingerprint BLOB NOT NULL,
    summary BLOB NOT NULL
) STRICT;
CREATE INDEX redemptions_to_hand_back ON redemptions (due_ms, id) WHERE waiting = 1;
CREATE INDEX redemptions_in_memory ON redemptions (waiting) WHERE waiting = 0;

";

const STORE_TABLES: &str = "
-- The records of each unit, in the order of writing; those of one redemption are a chain that
-- is read from its last part. So a unit only appends, however long its redemption's past is.
CREATE TABLE records (
    part INTEGER PRIMARY KEY,
    previous INTEGER,
    redemption INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX sightings_by_redemption ON sightings (redemption, subject);

-- The truth: one frame per batch; refused: the numbers of its refused units, 4 bytes each.
CREATE TABLE frames (
    sequence INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    refused BLOB NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- Sealed content that is erased when it is no longer needed.
CREATE TABLE sides (
    redemption INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (redemption, slot)
) STRICT, WITHOUT ROWID;
";

const STORE_VIEWS: &str = "
CREATE VIEW show_frames AS SELECT sequence, epoch,
    strftime('%Y-%m-%dT%H:%M:%SZ', wall_ms / 1000, 'unixepoch') AS wall,
    length(bytes) AS bytes, length(refused) / 4 AS refused
    FROM frames ORDER BY sequence;
";

const JOURNAL_TABLES: &str = "
-- Places that a redemption's row has no room for; those of one redemption are a chain that is
-- read from its last part. So a unit changes little, however long its redemption's past is.
CREATE TABLE parts (
    part INTEGER PRIMARY KEY,
    previous INTEGER,
    redemption INTEGER NOT NULL,
    places BLOB NOT NULL
) STRICT;

-- Where sightings stand whose redemption had no room for that in its row, or has none.
CREATE TABLE seats (
    redemption BLOB NOT NULL,
    subject BLOB NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (redemption, subject)
) STRICT, WITHOUT ROWID;

-- Where each batch lies in the segments: the truth is there. refused: how many of its units were.
CREATE TABLE frames (
    sequence INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    at INTEGER NOT NULL,
    length INTEGER NOT NULL,
    refused INTEGER NOT NULL
) STRICT;

-- Where sealed content lies in the segments, until it is erased there; checksum: its CRC-32C.
CREATE TABLE sides (
    redemption INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    at INTEGER NOT NULL,
    length INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (redemption, slot)
) STRICT, WITHOUT ROWID;

-- What is to be overwritten with zeros in the segments.
CREATE TABLE erasures (
    segment INTEGER NOT NULL,
    at INTEGER NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY (segment, at)
) STRICT, WITHOUT ROWID;
";

const JOURNAL_VIEWS: &str = "
CREATE VIEW show_frames AS SELECT sequence, epoch,
    strftime('%Y-%m-%dT%H:%M:%SZ', wall_ms / 1000, 'unixepoch') AS wall, segment, at, length, refused
    FROM frames ORDER BY sequence;
";
