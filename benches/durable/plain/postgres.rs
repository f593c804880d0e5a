//! Plain PostgreSQL: one prepared statement a batch, its rows as arrays; a statement is a
//! transaction, so that a batch is one flight.

use super::{CARD_BYTES, CARDS, Plain, Record, card};
use std::collections::HashSet;
use tokio_postgres::{Client, NoTls, Statement};

pub(crate) struct PlainPostgres {
    runtime: tokio::runtime::Runtime,
    client: Client,
    write: Statement,
}

impl PlainPostgres {
    pub(crate) fn open(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (client, write) = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server runs");
            tokio::spawn(connection);
            client.batch_execute(TABLES).await.expect("an empty schema");
            let cards: Vec<Vec<u8>> = (0..CARDS).map(card).collect();
            let fill = "INSERT INTO cards SELECT id, 0, $2 FROM unnest($1::bytea[]) AS given(id)";
            client.execute(fill, &[&cards, &vec![0x5a_u8; CARD_BYTES]]).await.expect("cards");
            client.batch_execute("VACUUM ANALYZE").await.expect("a quiet server");
            let write = client.prepare(WRITE).await.expect("a statement");
            (client, write)
        });
        Self { runtime, client, write }
    }
}

const TABLES: &str = "
    DROP SCHEMA IF EXISTS plain CASCADE;
    CREATE SCHEMA plain;
    SET search_path = plain;
    CREATE TABLE cards (id bytea PRIMARY KEY, uses bigint NOT NULL, body bytea NOT NULL) WITH (fillfactor = 70);
    CREATE TABLE ledger (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, card bytea NOT NULL,
        amount bigint NOT NULL, memo bytea NOT NULL);
    CREATE TABLE keys (key bytea PRIMARY KEY, card bytea NOT NULL);
";

/// A card may be in a batch more than once: its row is written once then.
const WRITE: &str = "
    WITH given AS (
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bytea[]) AS g(card, key, amount, memo)
    ), fresh AS (
        INSERT INTO keys SELECT key, card FROM given ON CONFLICT DO NOTHING RETURNING key
    ), told AS (
        INSERT INTO ledger (card, amount, memo) SELECT card, amount, memo FROM given JOIN fresh USING (key)
    ), sums AS (
        SELECT card, count(*) AS uses FROM given JOIN fresh USING (key) GROUP BY card
    )
    UPDATE cards SET uses = cards.uses + sums.uses FROM sums WHERE cards.id = sums.card
    RETURNING cards.id, cards.uses";

impl Plain for PlainPostgres {
    fn commit(&mut self, records: &[Record]) {
        let cards: Vec<&[u8]> = records.iter().map(|record| record.card.as_slice()).collect();
        let keys: Vec<&[u8]> = records.iter().map(|record| record.key.as_slice()).collect();
        let amounts: Vec<i64> = records.iter().map(|record| record.amount).collect();
        let memos: Vec<&[u8]> = records.iter().map(|record| record.memo.as_slice()).collect();
        let written = async { self.client.query(&self.write, &[&cards, &keys, &amounts, &memos]).await };
        let rows = self.runtime.block_on(written).expect("the server takes it");
        assert_eq!(rows.len(), cards.iter().collect::<HashSet<_>>().len(), "all cards are there");
    }
}
