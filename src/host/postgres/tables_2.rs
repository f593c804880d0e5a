//! The second format: sightings lie in their subjects' rows, what people read of a redemption is one
//! column, and rows that are rewritten find room on their pages.

use super::tables::{PARTS, date};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// What separates the texts of `shown`.
pub(super) const BETWEEN: char = '\u{1f}';
/// The columns that people see of a redemption, in the order of `shown`, and whether it is a number.
const SHOWN: [(&str, bool); 11] = [
    ("state", false),
    ("reason", false),
    ("request_id", false),
    ("seller", false),
    ("product", false),
    ("issuer", false),
    ("currency", false),
    ("face_minor", true),
    ("verified_minor", true),
    ("payout_minor", true),
    ("fee_minor", true),
];

/// tail: the last sightings, each 40 bytes: redemption (16), at_ms, the latest at_ms up to this one,
/// value (8 each, the highest byte first); tail_sum, tail_squares: over the values before them.
const SUBJECTS: &str = "ALTER TABLE subjects ADD COLUMN tail_sum numeric NOT NULL DEFAULT 0,
    ADD COLUMN tail_squares numeric NOT NULL DEFAULT 0, ADD COLUMN tail bytea NOT NULL DEFAULT ''";
/// Older sightings of a subject, from `place` on; value_sum, square_sum: over the values before them.
const PIECES: &str = "CREATE TABLE pieces (
    subject uuid NOT NULL,
    place bigint NOT NULL,
    value_sum numeric NOT NULL,
    square_sum numeric NOT NULL,
    seats bytea NOT NULL,
    PRIMARY KEY (subject, place))";
/// Where the sightings lie of redemptions that have no row, or had one before they were seen; each
/// 24 bytes: subject (16) and place (8, the highest byte first). A row's own lie in its `seats`.
const PASSED: &str = "CREATE TABLE passed (redemption uuid PRIMARY KEY, seats bytea NOT NULL)";

const FILL_PIECES: &str = "INSERT INTO pieces SELECT g.subject, g.place, f.value_sum, f.square_sum, g.seats
    FROM (SELECT subject, min(place) AS place, string_agg(decode(replace(redemption::text, '-', '')
            || lpad(to_hex(at_ms), 16, '0') || lpad(to_hex(latest_ms), 16, '0')
            || lpad(to_hex(value), 16, '0'), 'hex'), ''::bytea ORDER BY place) AS seats
        FROM sightings GROUP BY subject, div(place, 24)) AS g
    JOIN sightings f ON f.subject = g.subject AND f.place = g.place";
const FILL_PASSED: &str = "INSERT INTO passed SELECT redemption, string_agg(
        decode(replace(subject::text, '-', '') || lpad(to_hex(place), 16, '0'), 'hex'), ''::bytea)
    FROM sightings GROUP BY redemption";

pub(super) fn second(parted: bool) -> Vec<String> {
    let mut all = Vec::new();
    for (table, by) in [(PIECES, "subject"), (PASSED, "redemption")] {
        let name = if by == "subject" { "pieces" } else { "passed" };
        if parted {
            all.push(format!("{table} PARTITION BY HASH ({by})"));
            all.extend((0..PARTS).map(|n| {
                format!(
                    "CREATE TABLE {name}_{n} PARTITION OF {name}
                     FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {n})"
                )
            }));
        } else {
            all.push(table.to_string());
        }
    }
    let between = u32::from(BETWEEN);
    let columns: Vec<String> = SHOWN.iter().map(|(name, _)| format!("coalesce({name}::text, '')")).collect();
    let joined = columns.join(&format!(" || chr({between}) || "));
    let dropped: Vec<String> = SHOWN.iter().map(|(name, _)| format!("DROP COLUMN {name}")).collect();
    all.extend(
        ["DROP VIEW show_redemptions", "DROP VIEW show_sightings", SUBJECTS, FILL_PIECES, FILL_PASSED]
            .map(ToString::to_string),
    );
    all.extend([
        "UPDATE subjects SET tail_sum = value_sum, tail_squares = square_sum".to_string(),
        "ALTER TABLE subjects DROP COLUMN log, DROP COLUMN sequence".to_string(),
        "DROP TABLE sightings".to_string(),
        "ALTER TABLE redemptions ADD COLUMN shown text NOT NULL DEFAULT '',
            ADD COLUMN seats bytea NOT NULL DEFAULT ''"
            .to_string(),
        format!("UPDATE redemptions SET shown = {joined} WHERE state IS NOT NULL"),
        format!("ALTER TABLE redemptions {}", dropped.join(", ")),
    ]);
    if parted {
        // A row must be rewritten on its page in every batch.
        for (name, full) in [("redemptions", 45), ("subjects", 60)] {
            all.extend((0..PARTS).map(|n| format!("ALTER TABLE {name}_{n} SET (fillfactor = {full})")));
        }
    }
    all.extend([show_redemptions(), show_sightings()]);
    all
}

fn show_redemptions() -> String {
    let between = u32::from(BETWEEN);
    let column = |(n, (name, number)): (usize, &(&str, bool))| {
        let cast = if *number { "::bigint" } else { "" };
        format!("nullif(split_part(shown, chr({between}), {}), ''){cast} AS {name}", n + 1)
    };
    let columns: Vec<String> = SHOWN.iter().enumerate().map(column).collect();
    format!(
        "CREATE VIEW show_redemptions AS SELECT replace(id::text, '-', '') AS id, {}, records, epoch,
         CASE WHEN live THEN 'in memory' WHEN wait_ms IS NOT NULL THEN 'waiting' ELSE 'ended' END AS kept,
         {} AS due FROM redemptions",
        columns.join(", "),
        date("due_ms")
    )
}

/// Eight bytes, the highest first, as a number.
fn number(from: u32) -> String {
    let bytes: Vec<String> = (0..8)
        .map(|n| format!("(get_byte(seats, (40 * n)::int + {})::bigint << {})", from + n, 56 - 8 * n))
        .collect();
    format!("({})", bytes.join(" | "))
}

fn show_sightings() -> String {
    format!(
        "CREATE VIEW show_sightings AS SELECT replace(subject::text, '-', '') AS subject, place + n AS place,
         encode(substring(seats FROM (40 * n)::int + 1 FOR 16), 'hex') AS redemption, {} AS at, {} AS value
         FROM (SELECT subject, place, seats FROM pieces UNION ALL
             SELECT subject, seen - length(tail) / 40, tail FROM subjects) AS s
         CROSS JOIN LATERAL generate_series(0, length(s.seats) / 40 - 1) AS n",
        date(&number(16)),
        number(32)
    )
}
