//! Every statement of the hot path, prepared once per session.
//!
//! Lists come as arrays, sorted by key. What is written is locked first, always in the same order:
//! the own log, redemptions, claims, subjects, each by key; so that two nodes wait for each other
//! in one direction only.

use super::flight::all;
use std::boxed::Box;
use std::string::String;
use std::vec::Vec;
use std::{format, vec};
use tokio_postgres::{Client, Error, Statement};

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

            /// Lets the server plan all of them without running any, so that it has read what it
            /// must know of the tables when they are run. A standby can do that, too.
            pub(super) async fn rehearse(client: &Client) -> Result<(), Error> {
                for sql in [$($sql),*] {
                    let count = (1..=20).rev().find(|n| sql.contains(&format!("${n}"))).unwrap_or(0);
                    let nulls = vec!["NULL"; count].join(", ");
                    let run = if count == 0 { String::new() } else { format!("({nulls})") };
                    let text = format!("PREPARE rehearsed AS {sql}; EXPLAIN EXECUTE rehearsed{run}; DEALLOCATE rehearsed");
                    client.batch_execute(&text).await?;
                }
                Ok(())
            }
        }
    };
}

statements! {
    /// The log, locked.
    fence: "SELECT epoch, last_epoch, sequence, digest FROM logs WHERE log = $1 FOR UPDATE";
    /// The epoch that may go on with the log.
    epoch: "SELECT epoch FROM logs WHERE log = $1";
    /// What the last batch was told.
    verdicts: "SELECT verdicts FROM logs WHERE log = $1";
    /// A write whose commit waits for what a standby must have, the last batch included.
    ask: "UPDATE logs SET asked = asked + 1 WHERE log = $1";
    /// Redemptions, locked; what a repeat is told only of those that are asked about.
    rows: "SELECT r.id, r.epoch, r.records, r.wait_ms, r.dormant,
            CASE WHEN u.told THEN r.fingerprint END, CASE WHEN u.told THEN r.summary END
        FROM unnest($1::uuid[], $2::boolean[]) AS u (id, told) JOIN redemptions r ON r.id = u.id
        ORDER BY r.id FOR UPDATE OF r";
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
    /// Makes the subjects that are new as this batch leaves them; tells how the others stand, and
    /// locks them.
    subjects: "INSERT INTO subjects (subject, seen, latest_ms, value_sum, square_sum, log, sequence)
        SELECT u.subject, u.seen, u.latest_ms, u.value_sum, u.square_sum, $6, $7
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::numeric[], $5::numeric[])
            AS u (subject, seen, latest_ms, value_sum, square_sum)
        ORDER BY u.subject
        ON CONFLICT (subject) DO UPDATE SET seen = subjects.seen
        RETURNING subject, seen, latest_ms, value_sum, square_sum, log = $6 AND sequence = $7";
    /// Subjects that are only asked about.
    heads: "SELECT s.subject, s.seen, s.latest_ms, s.value_sum, s.square_sum, false
        FROM unnest($1::uuid[]) AS u (subject) JOIN subjects s ON s.subject = u.subject";
    /// The places that redemptions have among subjects' sightings.
    seats: "SELECT s.subject, s.place, s.redemption, s.at_ms, s.latest_ms, s.value_sum, s.square_sum
        FROM unnest($1::uuid[], $2::uuid[]) AS u (redemption, subject)
        JOIN sightings s ON s.redemption = u.redemption AND s.subject = u.subject";
    /// The sightings of subjects from a place back.
    tails: "SELECT s.subject, s.place, s.redemption, s.at_ms, s.latest_ms
        FROM unnest($1::uuid[], $2::bigint[]) AS u (subject, place) CROSS JOIN LATERAL (
            SELECT t.subject, t.place, t.redemption, t.at_ms, t.latest_ms FROM sightings t
            WHERE t.subject = u.subject AND t.place <= u.place ORDER BY t.place DESC LIMIT 64) AS s";
    /// How those stand that hold what is asked for.
    summaries: "SELECT r.id, r.summary FROM unnest($1::uuid[]) AS u (id) JOIN redemptions r ON r.id = u.id";
    insert_rows: "INSERT INTO redemptions (id, epoch, records, due_ms, wait_ms, dormant, live, state, reason,
            request_id, seller, product, issuer, currency, face_minor, verified_minor, payout_minor,
            fee_minor, fingerprint, summary, parts)
        SELECT u.id, $20, u.records, u.due_ms, u.wait_ms, u.dormant, u.due_ms IS NOT NULL AND NOT u.dormant,
            u.state, u.reason, u.request_id, u.seller, u.product, u.issuer, u.currency, u.face_minor,
            u.verified_minor, u.payout_minor, u.fee_minor, coalesce(u.fingerprint, ''), u.summary, u.parts
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[], $6::text[],
            $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[],
            $14::bigint[], $15::bigint[], $16::bigint[], $17::bytea[], $18::bytea[], $19::bytea[])
            AS u (id, records, due_ms, wait_ms, dormant, state, reason, request_id, seller, product, issuer,
            currency, face_minor, verified_minor, payout_minor, fee_minor, fingerprint, summary, parts)
        ORDER BY u.id";
    update_rows: "UPDATE redemptions r SET epoch = $20, records = u.records, due_ms = u.due_ms,
            wait_ms = u.wait_ms, dormant = u.dormant, live = u.due_ms IS NOT NULL AND NOT u.dormant,
            state = u.state, reason = u.reason, request_id = u.request_id, seller = u.seller,
            product = u.product, issuer = u.issuer, currency = u.currency, face_minor = u.face_minor,
            verified_minor = u.verified_minor, payout_minor = u.payout_minor, fee_minor = u.fee_minor,
            fingerprint = coalesce(u.fingerprint, r.fingerprint), summary = u.summary,
            parts = r.parts || u.parts
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[], $6::text[],
            $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[],
            $14::bigint[], $15::bigint[], $16::bigint[], $17::bytea[], $18::bytea[], $19::bytea[])
            AS u (id, records, due_ms, wait_ms, dormant, state, reason, request_id, seller, product, issuer,
            currency, face_minor, verified_minor, payout_minor, fee_minor, fingerprint, summary, parts)
        WHERE r.id = u.id";
    update_claims: "UPDATE claims c SET kind = u.kind, generation = u.generation, status = u.status,
            holder = u.holder,
            log = CASE WHEN u.anew THEN $7 ELSE c.log END,
            sequence = CASE WHEN u.anew THEN $8 ELSE c.sequence END
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::boolean[])
            AS u (key, kind, generation, status, holder, anew)
        WHERE c.key = u.key";
    delete_claims: "DELETE FROM claims WHERE key = ANY ($1::uuid[])";
    insert_seats: "INSERT INTO sightings (subject, place, redemption, at_ms, latest_ms, value, value_sum, square_sum)
        SELECT u.subject, u.place, u.redemption, u.at_ms, u.latest_ms, u.value, u.value_sum, u.square_sum
        FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::numeric[], $8::numeric[])
            AS u (subject, place, redemption, at_ms, latest_ms, value, value_sum, square_sum)";
    update_subjects: "UPDATE subjects s SET seen = u.seen, latest_ms = u.latest_ms, value_sum = u.value_sum,
            square_sum = u.square_sum
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::numeric[], $5::numeric[])
            AS u (subject, seen, latest_ms, value_sum, square_sum)
        WHERE s.subject = u.subject";
    post: "INSERT INTO accounts (log, account, currency, balance_minor)
        SELECT $4, u.account, u.currency, u.sum
        FROM unnest($1::text[], $2::text[], $3::numeric[]) AS u (account, currency, sum)
        ON CONFLICT (log, account, currency)
        DO UPDATE SET balance_minor = accounts.balance_minor + excluded.balance_minor";
    put_sides: "INSERT INTO sides (redemption, slot, content)
        SELECT u.redemption, u.slot, u.content
        FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS u (redemption, slot, content)
        ON CONFLICT (redemption, slot) DO UPDATE SET content = excluded.content";
    erase_sides: "DELETE FROM sides s USING unnest($1::uuid[], $2::bigint[]) AS u (redemption, slot)
        WHERE s.redemption = u.redemption AND s.slot = u.slot";
    frame: "INSERT INTO frames (log, sequence, epoch, wall_ms, refused, bytes) VALUES ($1, $2, $3, $4, $5, $6)";
    seal: "UPDATE logs SET last_epoch = $2, sequence = $3, digest = $4, verdicts = $5 WHERE log = $1";
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
