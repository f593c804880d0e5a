//! Opening: whether the schema is a scrip store, and its tables, brought up step by step.

use super::StoreError;
use super::fault::Fault;
use super::tables::{FORMAT, migration};
use std::format;
use std::string::String;
use tokio_postgres::Client;

/// Makes the tables if there are none, and brings older ones up. Nothing is changed in a schema
/// before it is known to be ours to change.
pub(super) async fn bring_up(client: &Client, schema: &str) -> Result<(), Fault> {
    if found(client, schema).await? == Some(FORMAT) {
        return Ok(());
    }
    let start = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};
         CREATE TABLE IF NOT EXISTS {schema}.format (one bigint PRIMARY KEY, version bigint NOT NULL);
         INSERT INTO {schema}.format VALUES (1, 0) ON CONFLICT (one) DO NOTHING"
    );
    client.batch_execute(&start).await?;
    // The row is the lock: of several that open an empty database, one makes the tables.
    client.batch_execute("BEGIN").await?;
    let version: i64 =
        client.query_one("SELECT version FROM format WHERE one = 1 FOR UPDATE", &[]).await?.try_get(0)?;
    let version =
        u32::try_from(version).map_err(|_| Fault::corrupt(format!("its format version is {version}")))?;
    let told: String = client.query_one("SELECT version()", &[]).await?.try_get(0)?;
    // CockroachDB parts and moves its tables by itself.
    let parted = !told.contains("CockroachDB");
    for number in version + 1..=FORMAT {
        for sql in migration(number, parted) {
            client.batch_execute(&sql).await?;
        }
    }
    client.execute("UPDATE format SET version = $1 WHERE one = 1", &[&i64::from(FORMAT)]).await?;
    client.batch_execute("COMMIT").await?;
    for sql in UNCOMPRESSED {
        // Sealed content does not shrink, and pieces are read out of the middle. It may fail.
        let _ = client.batch_execute(sql).await;
    }
    Ok(())
}

const UNCOMPRESSED: [&str; 2] = [
    "ALTER TABLE frames ALTER COLUMN bytes SET STORAGE EXTERNAL",
    "ALTER TABLE checkpoints ALTER COLUMN state SET STORAGE EXTERNAL",
];

/// The format of the schema's tables; `None` if there are none yet.
async fn found(client: &Client, schema: &str) -> Result<Option<u32>, Fault> {
    let sql = "SELECT count(*), count(*) FILTER (WHERE table_name = 'format')
        FROM information_schema.tables WHERE table_schema = $1";
    let row = client.query_one(sql, &[&schema]).await?;
    let (tables, own): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if tables == 0 {
        return Ok(None);
    }
    let version = if own == 1 { client.query_opt("SELECT version FROM format", &[]).await } else { Ok(None) };
    let version: Option<i64> = version.ok().flatten().map(|row| row.try_get(0)).transpose()?;
    match version.map(u32::try_from) {
        None if own == 1 && tables == 1 => Ok(None),
        None | Some(Err(_)) => Err(Fault::corrupt(format!("schema {schema} is another program's"))),
        Some(Ok(found)) if found > FORMAT => Err(StoreError::Newer { found, known: FORMAT }.into()),
        Some(Ok(found)) => Ok((found > 0).then_some(found)),
    }
}
