//! Taking over: epochs and their leases, the checkpoint, and the frames after it.

use super::commit::{Fence, end};
use super::fault::Fault;
use super::link::{Open, Tried};
use super::read::{fenced, page};
use super::statements::OVER;
use super::tables::frames_of;
use super::values::{signed, unsigned};
use super::{Node, StoreError};
use crate::base::BatchId;
use crate::engine::Recovery;
use std::format;

/// How long an epoch lives without a sign, and how long after that nothing of it is handed out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) lease_ms: i64,
    pub(super) grace_ms: i64,
}

const OTHERS: &str = "SELECT count(*) FROM logs WHERE log <> 0";
const NEW_LOG: &str = "INSERT INTO logs VALUES ($1, 0, 0, 0, $2, '', 0) ON CONFLICT (log) DO NOTHING";
const NEXT_EPOCH: &str = "UPDATE meta SET value = value + 1 WHERE key = 'epoch' RETURNING value";
const OPEN_EPOCH: &str = "UPDATE logs SET epoch = $2 WHERE log = $1";
/// What the epochs before had in memory waits from now on.
const LEFT_BEHIND: &str = "UPDATE redemptions SET wait_ms = due_ms, live = false WHERE live";
const ORPHANED: &str = "UPDATE redemptions SET wait_ms = due_ms, live = false WHERE epoch = $1 AND live";
const LEND: &str =
    "INSERT INTO epochs VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 millisecond', false)";
/// A store that had one writer becomes shared: that writer's epoch ends as others do.
const LEND_FIRST: &str = "UPDATE epochs SET until = clock_timestamp() + $1::bigint * interval '1 millisecond'
    WHERE until IS NULL AND NOT ended";
const FENCE_FIRST: &str = "UPDATE logs SET epoch = $1 WHERE log = 0";
/// Epochs of which nothing is left to be handed out.
const FORGET: &str = "DELETE FROM epochs e WHERE e.ended AND NOT EXISTS
    (SELECT 1 FROM redemptions r WHERE r.epoch = e.epoch AND r.wait_ms IS NOT NULL)";
const FENCE_OFF: &str = "UPDATE logs SET epoch = $3 WHERE log = $1 AND epoch = $2";

/// The new epoch stands only if the log could be read: otherwise the earlier writer goes on.
pub(super) async fn recover(
    open: &Open<'_>,
    tried: &mut Tried<'_>,
    log: u32,
    lease: Lease,
    into: &mut Recovery,
) -> Result<u64, Fault> {
    let client = open.client;
    part(open, log).await?;
    let number = i64::from(log);
    client.batch_execute("BEGIN").await?;
    client.execute(NEW_LOG, &[&number, &[0_u8; 32].as_slice()]).await?;
    let fence = Fence::read(&client.query(&open.sql.fence, &[&number]).await?, log)?;
    if log == 0 && client.query_one(OTHERS, &[]).await?.try_get::<_, i64>(0)? > 0 {
        let text = "the store is shared by several nodes: each opens it with a log number of its own, from 1";
        return Err(StoreError::Failed(text.into()).into());
    }
    read_log(open, number, into).await?;
    let (last, end_of_log) = (fence.end(), into.last().unwrap_or_default());
    if end_of_log != last {
        let BatchId { sequence, .. } = end_of_log;
        let text = format!("the log ends at batch {sequence}, and batch {} was taken", last.sequence);
        return Err(Fault::corrupt(text));
    }
    let epoch: i64 = client.query_one(NEXT_EPOCH, &[]).await?.try_get(0)?;
    client.execute(OPEN_EPOCH, &[&number, &epoch]).await?;
    if log == 0 {
        client.batch_execute("UPDATE epochs SET ended = true WHERE NOT ended").await?;
        client.batch_execute(LEFT_BEHIND).await?;
        client.execute("INSERT INTO epochs VALUES ($1, 0, NULL, false)", &[&epoch]).await?;
    } else {
        client.execute(LEND_FIRST, &[&lease.lease_ms]).await?;
        client.execute(FENCE_FIRST, &[&epoch]).await?;
        client.execute(LEND, &[&epoch, &number, &lease.lease_ms]).await?;
    }
    client.batch_execute(FORGET).await?;
    end(open, tried, open.flight()).await?;
    unsigned(epoch)
}

/// Makes the part of the frames that a new log is kept in, where the tables are parted.
async fn part(open: &Open<'_>, log: u32) -> Result<(), Fault> {
    let sql = format!(
        "SELECT relkind = 'p' AND to_regclass('frames_{log}') IS NULL FROM pg_class WHERE oid = 'frames'::regclass"
    );
    let row = open.client.query_opt(&sql, &[]).await?;
    let lacks: Option<bool> = row.map(|row| row.try_get(0)).transpose()?;
    if lacks == Some(true) {
        open.client.batch_execute(&frames_of(log)).await?;
    }
    Ok(())
}

async fn read_log(open: &Open<'_>, log: i64, into: &mut Recovery) -> Result<(), Fault> {
    let mut after = 0;
    if let Some(row) =
        open.client.query_opt("SELECT sequence, state FROM checkpoints WHERE log = $1", &[&log]).await?
    {
        after = row.try_get(0)?;
        into.checkpoint(row.try_get(1)?)?;
    }
    loop {
        let page = page(open, log, after).await?;
        let Some((last, _, _)) = page.last() else { return Ok(()) };
        after = *last;
        for (_, bytes, refused) in &page {
            into.batch(bytes, refused)?;
        }
    }
}

pub(super) async fn checkpoint(
    open: &Open<'_>,
    node: Node,
    upto: BatchId,
    state: &[u8],
) -> Result<(), Fault> {
    let (log, sequence) = (i64::from(node.log), signed(upto.sequence)?);
    if node.log != 0 {
        check(open, node).await?;
    }
    let sql = "SELECT epoch FROM frames WHERE log = $1 AND sequence = $2";
    let found = open.client.query_opt(sql, &[&log, &sequence]).await?;
    let epoch: Option<i64> = found.map(|row| row.try_get(0)).transpose()?;
    if epoch != Some(signed(upto.epoch)?) {
        return Err(StoreError::not_in_log(upto).into());
    }
    let sql = "INSERT INTO checkpoints VALUES ($1, $2, $3) ON CONFLICT (log)
        DO UPDATE SET sequence = excluded.sequence, state = excluded.state
        WHERE checkpoints.sequence <= excluded.sequence";
    open.client.execute(sql, &[&log, &sequence, &state]).await?;
    Ok(())
}

/// Whether this epoch may still go on with its log.
pub(super) async fn check(open: &Open<'_>, node: Node) -> Result<(), Fault> {
    let row = open.client.query_opt(&open.sql.epoch, &[&i64::from(node.log)]).await?;
    let current: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
    fenced(node, unsigned(current.unwrap_or_default())?)
}

pub(super) async fn renew(open: &Open<'_>, node: Node, lease: Lease) -> Result<(), Fault> {
    let (log, epoch) = (i64::from(node.log), signed(node.epoch)?);
    if open.client.query_opt(&open.sql.renew, &[&epoch, &log, &lease.lease_ms]).await?.is_some() {
        return Ok(());
    }
    check(open, node).await?;
    // Its epoch has ended, and the log was not fenced off: that is done in one transaction.
    Err(Fault::corrupt(format!("epoch {epoch} has ended, and its log has not been fenced off")))
}

/// Ends the epochs whose lease and grace have run out: their logs are fenced off, and what they had
/// in memory waits to be handed out.
pub(super) async fn reap(
    open: &Open<'_>,
    tried: &mut Tried<'_>,
    node: Node,
    lease: Lease,
) -> Result<(), Fault> {
    let (own, client) = (signed(node.epoch)?, open.client);
    if client.query(&open.sql.over, &[&own, &lease.grace_ms]).await?.is_empty() {
        return Ok(());
    }
    client.batch_execute("BEGIN").await?;
    // Whoever is at it already does the same.
    let over = format!("{OVER} ORDER BY epoch FOR UPDATE SKIP LOCKED");
    for row in client.query(&over, &[&own, &lease.grace_ms]).await? {
        let (epoch, log): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let fence: i64 = client.query_one(NEXT_EPOCH, &[]).await?.try_get(0)?;
        // A commit that is under way holds the row: it is waited for, and then counted.
        client.execute(FENCE_OFF, &[&log, &epoch, &fence]).await?;
        client.execute(ORPHANED, &[&epoch]).await?;
        client.execute("UPDATE epochs SET ended = true WHERE epoch = $1", &[&epoch]).await?;
    }
    end(open, tried, open.flight()).await
}
