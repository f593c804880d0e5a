//! Every statement of the hot path, prepared once per session; in the order in which a session that
//! is taken out of reserve needs them, since they are planned in it.
//!
//! Lists come as arrays, sorted by key. What is written is locked first, always in the same order:
//! the own log, redemptions, claims, subjects, each by key; so that two nodes wait for each other
//! in one direction only.

use super::flight::all;
use std::boxed::Box;
use std::string::String;
use std::vec::Vec;
use std::{format, vec};
use tokio_postgres::{Client, Error, SimpleQueryMessage, Statement};

/// The statements that have the server plan what is prepared in this session, without running any of
/// it, and again what has to be planned again. A standby can do that, too.
pub(super) async fn rehearsal(client: &Client) -> Result<Vec<String>, Error> {
    let sql = "SELECT name, coalesce(array_length(parameter_types, 1), 0) FROM pg_prepared_statements
        WHERE NOT from_sql ORDER BY length(name), name";
    let rows = client.simple_query(sql).await?.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let texts = rows.filter_map(|row| {
        let (name, count): (_, usize) = (row.get(0)?, row.get(1)?.parse().ok()?);
        let nulls = vec!["NULL"; count].join(", ");
        let with = if count == 0 { String::new() } else { format!("({nulls})") };
        Some(format!("EXPLAIN EXECUTE \"{name}\"{with}"))
    });
    Ok(texts.collect())
}

macro_rules! statements {
    ($($(#[$about:meta])* $name:ident: $sql:expr;)*) => {
        /// The prepared statements of one session.
        pub(super) struct Statements {
            $($(#[$about])* pub(super) $name: Statement,)*
        }

        impl Statements {
            /// Prepares all of them in one go.
            pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
                let texts = [$($sql),*];
                let prepared = all(texts.iter().map(|sql| Box::pin(client.prepare(sql)) as _).collect()).await;
                let mut prepared = prepared.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter();
                Ok(Self {
                    $($name: prepared.next().expect("there are as many as texts"),)*
                })
            }
        }
    };
}

/// Epochs whose lease and grace have run out.
pub(super) const OVER: &str = "SELECT epoch, log FROM epochs WHERE NOT ended AND epoch <> $1
    AND until + $2::bigint * interval '1 millisecond' <= clock_timestamp()";

statements! {
    /// Redemptions, locked; what a repeat is told only of those that are asked about. It is the first,
    /// since it takes long to plan: by it a session in reserve sees that its plans are gone.
    rows: "SELECT r.id, r.epoch, r.records, r.wait_ms, r.dormant,
            CASE WHEN u.told THEN r.fingerprint END, CASE WHEN u.told THEN r.summary END
        FROM unnest($1::uuid[], $2::boolean[]) AS u (id, told) JOIN redemptions r ON r.id = u.id
        ORDER BY r.id FOR UPDATE OF r";
    /// The log, locked.
    fence: "SELECT epoch, last_epoch, sequence, digest FROM logs WHERE log = $1 FOR UPDATE";
    /// The log, locked; a division by zero if it is not at this epoch and end.
    guard: "SELECT 1 / count(*) FROM (SELECT log FROM logs
        WHERE log = $1 AND epoch = $2 AND sequence = $3 AND digest = $4 FOR UPDATE) AS own";
    /// A write whose commit waits for what a standby must have, the last batch included.
    /// Tells the log and what its last batch was told.
    ask: "UPDATE logs SET asked = asked + 1 WHERE log = $1
        RETURNING epoch, last_epoch, sequence, digest, verdicts";
    /// Claims, locked.
    claims: "SELECT c.key, c.kind, c.generation, c.status, c.holder, false
        FROM unnest($1::uuid[]) AS u (key) JOIN claims c ON c.key = u.key
        ORDER BY c.key FOR UPDATE OF c";
    /// Takes the keys that are free; tells how the others stand.
    claim: "INSERT INTO claims (key, kind, generation, status, holder, log, sequence)
        SELECT u.key, u.kind, u.generation, 1, u.holder, $5, $6
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[]) AS u (key, kind, generation, holder)
        ORDER BY u.key
        ON CONFLICT (key) DO UPDATE SET holder = claims.holder
        RETURNING key, kind, generation, status, holder, log = $5 AND sequence = $6";
    /// Subjects, locked.
    heads: "SELECT s.subject, s.seen, s.latest_ms, s.value_sum, s.square_sum, s.tail_sum, s.tail_squares, s.tail
        FROM unnest($1::uuid[]) AS u (subject) JOIN subjects s ON s.subject = u.subject
        ORDER BY s.subject FOR UPDATE OF s";
    /// Makes the subjects that are new as this batch leaves them, and tells which those are.
    subjects: "INSERT INTO subjects (subject, seen, latest_ms, value_sum, square_sum, tail_sum, tail_squares, tail)
        SELECT u.subject, u.seen, u.latest_ms, u.value_sum, u.square_sum, u.tail_sum, u.tail_squares, u.tail
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::numeric[], $5::numeric[], $6::numeric[],
            $7::numeric[], $8::bytea[])
            AS u (subject, seen, latest_ms, value_sum, square_sum, tail_sum, tail_squares, tail)
        ORDER BY u.subject
        ON CONFLICT (subject) DO NOTHING
        RETURNING subject";
    /// Where the sightings of redemptions lie.
    seats: "SELECT u.id, r.seats, p.seats FROM unnest($1::uuid[]) AS u (id)
        LEFT JOIN redemptions r ON r.id = u.id LEFT JOIN passed p ON p.redemption = u.id
        WHERE r.id IS NOT NULL OR p.redemption IS NOT NULL";
    /// The older sightings of subjects from a place back.
    pieces: "SELECT s.subject, s.place, s.value_sum, s.square_sum, s.seats
        FROM unnest($1::uuid[], $2::bigint[]) AS u (subject, place) CROSS JOIN LATERAL (
            SELECT t.subject, t.place, t.value_sum, t.square_sum, t.seats FROM pieces t
            WHERE t.subject = u.subject AND t.place <= u.place ORDER BY t.place DESC LIMIT 3) AS s";
    insert_rows: "INSERT INTO redemptions (id, epoch, records, due_ms, wait_ms, dormant, live, shown,
            fingerprint, summary, parts, seats)
        SELECT u.id, $10, u.records, u.due_ms, CASE WHEN u.dormant THEN u.due_ms END, u.dormant,
            u.due_ms IS NOT NULL AND NOT u.dormant, u.shown, coalesce(u.fingerprint, ''), u.summary, u.parts,
            u.seats
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::boolean[], $5::text[], $6::bytea[],
            $7::bytea[], $8::bytea[], $9::bytea[])
            AS u (id, records, due_ms, dormant, shown, fingerprint, summary, parts, seats)
        ORDER BY u.id";
    update_rows: "UPDATE redemptions r SET epoch = $9, records = u.records, due_ms = u.due_ms,
            wait_ms = CASE WHEN u.dormant THEN u.due_ms END, dormant = u.dormant,
            live = u.due_ms IS NOT NULL AND NOT u.dormant, shown = u.shown,
            fingerprint = coalesce(u.fingerprint, r.fingerprint), summary = u.summary,
            parts = r.parts || u.parts
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::boolean[], $5::text[], $6::bytea[],
            $7::bytea[], $8::bytea[])
            AS u (id, records, due_ms, dormant, shown, fingerprint, summary, parts)
        WHERE r.id = u.id";
    update_claims: "UPDATE claims c SET kind = u.kind, generation = u.generation, status = u.status,
            holder = u.holder,
            log = CASE WHEN u.anew THEN $7 ELSE c.log END,
            sequence = CASE WHEN u.anew THEN $8 ELSE c.sequence END
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::boolean[])
            AS u (key, kind, generation, status, holder, anew)
        WHERE c.key = u.key";
    delete_claims: "DELETE FROM claims WHERE key = ANY ($1::uuid[])";
    insert_pieces: "INSERT INTO pieces (subject, place, value_sum, square_sum, seats)
        SELECT u.subject, u.place, u.value_sum, u.square_sum, u.seats
        FROM unnest($1::uuid[], $2::bigint[], $3::numeric[], $4::numeric[], $5::bytea[])
            AS u (subject, place, value_sum, square_sum, seats)";
    update_subjects: "UPDATE subjects s SET seen = u.seen, latest_ms = u.latest_ms, value_sum = u.value_sum,
            square_sum = u.square_sum, tail_sum = u.tail_sum, tail_squares = u.tail_squares, tail = u.tail
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::numeric[], $5::numeric[], $6::numeric[],
            $7::numeric[], $8::bytea[])
            AS u (subject, seen, latest_ms, value_sum, square_sum, tail_sum, tail_squares, tail)
        WHERE s.subject = u.subject";
    pass: "INSERT INTO passed (redemption, seats)
        SELECT u.redemption, u.seats FROM unnest($1::uuid[], $2::bytea[]) AS u (redemption, seats)
        ON CONFLICT (redemption) DO UPDATE SET seats = passed.seats || excluded.seats";
    post: "INSERT INTO accounts (log, account, currency, balance_minor)
        SELECT $4, u.account, u.currency, u.sum
        FROM unnest($1::text[], $2::text[], $3::numeric[]) AS u (account, currency, sum)
        ON CONFLICT (log, account, currency)
        DO UPDATE SET balance_minor = accounts.balance_minor + excluded.balance_minor";
    insert_sides: "INSERT INTO sides (redemption, slot, content)
        SELECT u.redemption, u.slot, u.content
        FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS u (redemption, slot, content)";
    put_sides: "INSERT INTO sides (redemption, slot, content)
        SELECT u.redemption, u.slot, u.content
        FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS u (redemption, slot, content)
        ON CONFLICT (redemption, slot) DO UPDATE SET content = excluded.content";
    erase_sides: "DELETE FROM sides s USING unnest($1::uuid[], $2::bigint[]) AS u (redemption, slot)
        WHERE s.redemption = u.redemption AND s.slot = u.slot";
    frame: "INSERT INTO frames (log, sequence, epoch, wall_ms, refused, bytes) VALUES ($1, $2, $3, $4, $5, $6)";
    seal: "UPDATE logs SET last_epoch = $2, sequence = $3, digest = $4, verdicts = $5 WHERE log = $1";
    /// What becomes of keys that redemptions hold, where nobody else can be at them.
    change_claims: "UPDATE claims c SET status = u.status
        FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS u (key, holder, status)
        WHERE c.key = u.key AND c.holder = u.holder AND c.status <> u.status";
    release_claims: "DELETE FROM claims c USING unnest($1::uuid[], $2::uuid[]) AS u (key, holder)
        WHERE c.key = u.key AND c.holder = u.holder";
    /// The epoch that may go on with the log.
    epoch: "SELECT epoch FROM logs WHERE log = $1";
    /// How those stand that hold what is asked for.
    summaries: "SELECT r.id, r.summary FROM unnest($1::uuid[]) AS u (id) JOIN redemptions r ON r.id = u.id";
    /// Keeps the own epoch alive.
    renew: "UPDATE epochs SET until = clock_timestamp() + $3::bigint * interval '1 millisecond'
        WHERE epoch = $1 AND NOT ended AND EXISTS (SELECT 1 FROM logs WHERE log = $2 AND epoch = $1)
        RETURNING epoch";
    over: OVER;
    /// One redemption, to be handed out.
    load: "SELECT id, parts, dormant, epoch FROM redemptions WHERE id = $1";
    sides: "SELECT s.redemption, s.slot, s.content FROM unnest($1::uuid[]) AS u (id)
        JOIN sides s ON s.redemption = u.id";
    /// Pieces of frames, in their order.
    parts: "SELECT substring(f.bytes FROM u.start FOR u.length)
        FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[])
            WITH ORDINALITY AS u (log, sequence, start, length, n)
        JOIN frames f ON f.log = u.log AND f.sequence = u.sequence ORDER BY u.n";
    /// What waits and is the own epoch's, or one's that has ended.
    due: "SELECT r.id, r.parts, r.wait_ms FROM epochs e CROSS JOIN LATERAL (
            SELECT t.id, t.parts, t.wait_ms FROM redemptions t
            WHERE t.epoch = e.epoch AND t.wait_ms IS NOT NULL AND t.wait_ms <= $2
            ORDER BY t.wait_ms, t.id LIMIT $3) AS r
        WHERE e.epoch = $1 OR e.ended
        ORDER BY r.wait_ms, r.id LIMIT $3";
    next_due: "SELECT min(r.wait_ms) FROM epochs e CROSS JOIN LATERAL (
            SELECT t.wait_ms FROM redemptions t WHERE t.epoch = e.epoch AND t.wait_ms IS NOT NULL
            ORDER BY t.wait_ms LIMIT 1) AS r
        WHERE e.epoch = $1 OR e.ended";
    /// Takes what waits into the memory of epoch $1, but for what another node has just taken.
    take: "UPDATE redemptions r SET epoch = $1, dormant = false, live = true, wait_ms = NULL
        FROM (SELECT t.id FROM unnest($2::uuid[]) AS u (id) JOIN redemptions t ON t.id = u.id
            WHERE t.wait_ms IS NOT NULL ORDER BY t.id FOR UPDATE OF t SKIP LOCKED) AS w
        WHERE r.id = w.id
        RETURNING r.id";
    /// Of these, what is in the memory of epoch $1.
    taken: "SELECT r.id, r.parts, r.due_ms FROM unnest($2::uuid[]) AS u (id)
        JOIN redemptions r ON r.id = u.id WHERE r.epoch = $1 AND r.live";
    frames: "SELECT sequence, bytes, refused FROM frames WHERE log = $1 AND sequence > $2
        ORDER BY sequence LIMIT 32";
}
