//! The tables, as numbered migrations. What was released is never changed; a later number follows.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// The format version that is written; newer ones are refused.
pub(super) const FORMAT: u32 = 2;
/// How many parts the large tables have. They are found by the hash of the first key column.
pub(super) const PARTS: u32 = 8;

/// The statements that lead from format `number - 1` to `number`. Where a database parts its tables
/// by itself, `parted` is false.
pub(super) fn migration(number: u32, parted: bool) -> Vec<String> {
    match number {
        1 => first(parted),
        2 => super::tables_2::second(parted),
        _ => Vec::new(),
    }
}

/// The part of `frames` that one log is kept in, so that a log can be put away as a whole.
pub(super) fn frames_of(log: u32) -> String {
    format!("CREATE TABLE IF NOT EXISTS frames_{log} PARTITION OF frames FOR VALUES IN ({log})")
}

fn first(parted: bool) -> Vec<String> {
    let mut all = Vec::new();
    for (name, columns, by, spare) in TABLES {
        let parts = by.filter(|_| parted);
        let table = format!("CREATE TABLE {name} ({columns})");
        match parts {
            None => all.push(table),
            Some(column) if name == "frames" => all.push(format!("{table} PARTITION BY LIST ({column})")),
            Some(column) => {
                all.push(format!("{table} PARTITION BY HASH ({column})"));
                all.extend((0..PARTS).map(|n| {
                    format!(
                        "CREATE TABLE {name}_{n} PARTITION OF {name}
                         FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {n}) WITH (fillfactor = {spare})"
                    )
                }));
            }
        }
    }
    all.extend(OTHERS.map(ToString::to_string));
    all.extend(vec![
        format!(
            "CREATE VIEW show_redemptions AS SELECT {SHOW_REDEMPTIONS}, {} AS due FROM redemptions",
            date("due_ms")
        ),
        format!(
            "CREATE VIEW show_sightings AS SELECT {SHOW_SIGHTINGS}, {} AS at, value FROM sightings",
            date("at_ms")
        ),
        format!(
            "CREATE VIEW show_frames AS SELECT log, sequence, epoch, {} AS wall, length(bytes) AS bytes,
             length(refused) / 4 AS refused FROM frames",
            date("wall_ms")
        ),
        format!("CREATE VIEW show_claims AS SELECT {SHOW_CLAIMS} FROM claims"),
        SHOW_ACCOUNTS.to_string(),
    ]);
    all
}

/// A time that a person reads; empty where the calendar ends.
pub(super) fn date(column: &str) -> String {
    format!(
        "CASE WHEN {column} BETWEEN -62135596800000 AND 253402300799000
         THEN to_timestamp({column} / 1000.0) END"
    )
}

/// Name, columns, what it is parted by, and how full its pages are made: what is updated in place
/// needs room for it.
const TABLES: [(&str, &str, Option<&str>, u32); 11] = [
    // `epoch`: the latest writer epoch, of whichever log.
    ("meta", "key text PRIMARY KEY, value bigint NOT NULL", None, 0),
    // One row per log: the epoch that may go on with it, and the last batch taken, with what its
    // units were told. asked: how often somebody asked whether that batch was taken.
    (
        "logs",
        "log bigint PRIMARY KEY,
         epoch bigint NOT NULL,
         last_epoch bigint NOT NULL,
         sequence bigint NOT NULL,
         digest bytea NOT NULL,
         verdicts bytea NOT NULL,
         asked bigint NOT NULL",
        None,
        0,
    ),
    // until: when its lease runs out; empty where there is one writer. ended: what it had in memory
    // waits to be handed out.
    (
        "epochs",
        "epoch bigint PRIMARY KEY, log bigint NOT NULL, until timestamptz, ended boolean NOT NULL",
        None,
        0,
    ),
    ("checkpoints", "log bigint PRIMARY KEY, sequence bigint NOT NULL, state bytea NOT NULL", None, 0),
    // The truth: one frame per batch; refused: the numbers of its refused units, 4 bytes each.
    (
        "frames",
        "log bigint NOT NULL,
         sequence bigint NOT NULL,
         epoch bigint NOT NULL,
         wall_ms bigint NOT NULL,
         refused bytea NOT NULL,
         bytes bytea NOT NULL,
         PRIMARY KEY (log, sequence)",
        Some("log"),
        100,
    ),
    // dormant: as its last unit said; live: in its epoch's memory; wait_ms: when it is handed back.
    // parts: where its records lie in frames; per part, log (4 bytes), sequence (8), offset (4) and
    // length (4), little-endian. The columns from state to fee_minor are for people; nothing is
    // read back from them.
    (
        "redemptions",
        "id uuid PRIMARY KEY,
         epoch bigint NOT NULL,
         records bigint NOT NULL,
         due_ms bigint,
         wait_ms bigint,
         dormant boolean NOT NULL,
         live boolean NOT NULL,
         state text,
         reason text,
         request_id text,
         seller text,
         product text,
         issuer text,
         currency text,
         face_minor bigint,
         verified_minor bigint,
         payout_minor bigint,
         fee_minor bigint,
         fingerprint bytea NOT NULL,
         summary bytea NOT NULL,
         parts bytea NOT NULL",
        Some("id"),
        60,
    ),
    // log, sequence: the batch that took it.
    (
        "claims",
        "key uuid PRIMARY KEY,
         kind bigint NOT NULL,
         generation bigint NOT NULL,
         status bigint NOT NULL,
         holder uuid NOT NULL,
         log bigint NOT NULL,
         sequence bigint NOT NULL",
        Some("key"),
        80,
    ),
    // One row per subject of sightings: how many there are, the latest at_ms, and the sums of all.
    // It is locked while one is added. log, sequence: the batch that saw it first.
    (
        "subjects",
        "subject uuid PRIMARY KEY,
         seen bigint NOT NULL,
         latest_ms bigint NOT NULL,
         value_sum numeric NOT NULL,
         square_sum numeric NOT NULL,
         log bigint NOT NULL,
         sequence bigint NOT NULL",
        Some("subject"),
        80,
    ),
    // place: counts the subject's sightings from 0; latest_ms: the latest at_ms up to this one;
    // value_sum, square_sum: over the values before this one.
    (
        "sightings",
        "subject uuid NOT NULL,
         place bigint NOT NULL,
         redemption uuid NOT NULL,
         at_ms bigint NOT NULL,
         latest_ms bigint NOT NULL,
         value bigint NOT NULL,
         value_sum numeric NOT NULL,
         square_sum numeric NOT NULL,
         PRIMARY KEY (subject, place),
         UNIQUE (redemption, subject)",
        Some("subject"),
        100,
    ),
    // Sealed content that is erased when it is no longer needed.
    (
        "sides",
        "redemption uuid NOT NULL, slot bigint NOT NULL, content bytea NOT NULL, PRIMARY KEY (redemption, slot)",
        Some("redemption"),
        100,
    ),
    // One balance per log, so that no row is written by all nodes; an account's is their sum.
    (
        "accounts",
        "log bigint NOT NULL,
         account text NOT NULL,
         currency text NOT NULL,
         balance_minor numeric NOT NULL,
         PRIMARY KEY (log, account, currency)",
        None,
        0,
    ),
];

const OTHERS: [&str; 3] = [
    "CREATE INDEX redemptions_waiting ON redemptions (epoch, wait_ms, id) WHERE wait_ms IS NOT NULL",
    "CREATE INDEX redemptions_live ON redemptions (epoch) WHERE live",
    "INSERT INTO meta VALUES ('epoch', 0)",
];

const SHOW_REDEMPTIONS: &str = "replace(id::text, '-', '') AS id, state, reason, request_id, seller, product,
    issuer, currency, face_minor, verified_minor, payout_minor, fee_minor, records, epoch,
    CASE WHEN live THEN 'in memory' WHEN wait_ms IS NOT NULL THEN 'waiting' ELSE 'ended' END AS kept";
const SHOW_CLAIMS: &str = "replace(key::text, '-', '') AS key,
    CASE kind WHEN 1 THEN 'card' WHEN 2 THEN 'token' ELSE kind::text END AS kind, generation,
    CASE status WHEN 1 THEN 'held' WHEN 2 THEN 'quarantined' WHEN 3 THEN 'consumed' ELSE status::text END
    AS status, replace(holder::text, '-', '') AS holder";
const SHOW_SIGHTINGS: &str = "replace(subject::text, '-', '') AS subject, place,
    replace(redemption::text, '-', '') AS redemption";
const SHOW_ACCOUNTS: &str = "CREATE VIEW show_accounts AS SELECT account, currency,
    sum(balance_minor) AS balance_minor FROM accounts GROUP BY account, currency";
