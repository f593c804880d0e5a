//! One batch, one transaction, two flights: what the units touch is locked and read, the units are
//! judged as [`crate::record::Index`] does, and what they change is written and committed. Where all
//! of it is known, as of redemptions that go on in the own memory, there is only the second one.

use super::fault::Fault;
use super::gather::{Asked, gather};
use super::link::{Open, Tried};
use super::values::{signed, unsigned};
use super::{Describe, StoreError, recall, write};
use crate::base::{BatchId, Digest, Reader, RedemptionId, Wall};
use crate::record::{Batch, Verdict};
use std::collections::HashMap;
use std::format;
use std::vec::Vec;
use tokio_postgres::Row;

/// Who writes, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    pub(super) log: u32,
    pub(super) describe: Describe,
}

/// How many records redemptions have that are in this epoch's memory and were written in it last: as
/// long as the log is its own, nobody else changes their rows.
pub(super) type Live = HashMap<RedemptionId, u32>;

/// How a batch leaves redemptions.
#[derive(Default)]
pub(super) struct Left {
    /// When they were to be handed back, and when they are now.
    pub(super) gone: Vec<Wall>,
    pub(super) new: Vec<Wall>,
    /// The records of those that stay in memory; `None` where one leaves it.
    pub(super) live: Vec<(RedemptionId, Option<u32>)>,
}

/// Makes a batch durable and judges it. Tells how it leaves its redemptions, if that is known.
pub(super) async fn commit(
    open: &Open<'_>,
    tried: &mut Tried<'_>,
    batch: &mut Batch,
    writer: Writer,
    live: &Live,
) -> Result<Option<Left>, Fault> {
    open.trace.begun();
    if *tried.unknown && look_up(open, tried, batch, writer.log).await? {
        return Ok(None);
    }
    let mut asked = Asked::by(batch, live);
    if let Some(mut work) = asked.at_once(batch) {
        let said = work.judge(batch);
        batch.judge(said.into_iter().map(|said| said.verdict).collect());
        match write::write(open, tried, batch, writer, &work, true).await {
            // The log is not where it was thought to be, or another is at a row: it is looked at.
            Err(Fault::Again(_)) => open.client.batch_execute("ROLLBACK").await?,
            done => return done.map(|()| Some(work.left(batch))),
        }
        batch.clear();
        asked = Asked::by(batch, live);
    }
    let (fence, mut work) = gather(open, &asked, batch, writer.log).await?;
    open.trace.gathered();
    if fence.is_at(batch) {
        open.client.batch_execute("ROLLBACK").await?;
        let taken = look_up(open, tried, batch, writer.log).await?;
        return if taken { Ok(None) } else { Err(Fault::Again("the end of the log has moved".into())) };
    }
    // Whatever was sent before, it was not taken: the log is locked, and its end is another one.
    *tried.unknown = false;
    follows(batch, &fence)?;
    let mut said = work.judge(batch);
    recall::complete(open, &mut work, &mut said).await?;
    batch.judge(said.into_iter().map(|said| said.verdict).collect());
    write::write(open, tried, batch, writer, &work, false).await?;
    Ok(Some(work.left(batch)))
}

/// The end of the own log.
pub(super) struct Fence {
    pub(super) epoch: u64,
    last: BatchId,
    digest: Digest,
}

impl Fence {
    pub(super) fn read(rows: &[Row], log: u32) -> Result<Self, Fault> {
        let row = rows.first().ok_or_else(|| Fault::corrupt(format!("there is no log {log}")))?;
        let (epoch, last, sequence): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let digest: &[u8] = row.try_get(3)?;
        let digest = digest.try_into().map_err(|_| Fault::corrupt("the digest of the last batch is cut"))?;
        let last = BatchId { epoch: unsigned(last)?, sequence: unsigned(sequence)? };
        Ok(Self { epoch: unsigned(epoch)?, last, digest: Digest(digest) })
    }

    pub(super) fn end(&self) -> BatchId {
        self.last
    }

    /// Whether this batch is the last one that was taken.
    fn is_at(&self, batch: &Batch) -> bool {
        self.last == batch.id() && self.digest == batch.digest()
    }
}

/// Whether this batch is the next one, and its writer the present one.
fn follows(batch: &Batch, fence: &Fence) -> Result<(), Fault> {
    let BatchId { epoch, sequence } = batch.id();
    if epoch < fence.epoch {
        return Err(StoreError::Fenced { own: epoch, current: fence.epoch }.into());
    }
    if epoch > fence.epoch {
        return Err(Fault::corrupt(format!("epoch {epoch} was not opened: the latest is {}", fence.epoch)));
    }
    if Some(sequence) != fence.last.sequence.checked_add(1) {
        let text = format!("batch {sequence} does not follow batch {}", fence.last.sequence);
        return Err(Fault::corrupt(text));
    }
    if batch.frame().previous != fence.digest {
        return Err(StoreError::off_chain(batch.id()).into());
    }
    Ok(())
}

/// Whether the batch was taken. If so, it is confirmed: a commit that was cut off may have waited for
/// its standby in vain, and what is written now is not committed before all that was written earlier
/// is where it must be. Nothing but the log is touched, so that no other node is waited for.
async fn look_up(open: &Open<'_>, tried: &mut Tried<'_>, batch: &mut Batch, log: u32) -> Result<bool, Fault> {
    let number = i64::from(log);
    let mut flight = open.flight();
    flight.run("BEGIN");
    flight.add(&open.sql.ask, std::vec![&number]);
    let answers = flight.land().await?;
    let rows = answers.last().map(Vec::as_slice).unwrap_or_default();
    let taken = Fence::read(rows, log)?.is_at(batch);
    open.trace.looked(taken);
    if !taken {
        open.client.batch_execute("ROLLBACK").await?;
        return Ok(false);
    }
    let bytes: &[u8] = rows.first().map_or(Ok(&[][..]), |row| row.try_get(4))?;
    let mut r = Reader::new(bytes);
    let verdicts: Result<Vec<_>, _> = batch.units().iter().map(|_| Verdict::decode(&mut r)).collect();
    let verdicts = match verdicts {
        Ok(verdicts) if r.is_empty() => verdicts,
        _ => {
            return Err(Fault::corrupt(format!("the last verdicts cannot be read at byte {}", r.position())));
        }
    };
    end(open, tried, open.flight()).await?;
    batch.judge(verdicts);
    Ok(true)
}

/// Commits behind what the flight still has to send.
pub(super) async fn end(
    open: &Open<'_>,
    tried: &mut Tried<'_>,
    mut flight: super::flight::Flight<'_>,
) -> Result<(), Fault> {
    open.warned();
    flight.run("COMMIT");
    let before = core::mem::replace(tried.unknown, true);
    match flight.land().await.map_err(Fault::from) {
        Ok(_) if open.warned() => Err(Fault::Lost("the commit did not wait for its standby".into())),
        Ok(_) => Ok(()),
        Err(Fault::Lost(text)) => Err(Fault::Lost(text)),
        Err(fault) => {
            *tried.unknown = before;
            Err(fault)
        }
    }
}

/// A number of the batch as the database keeps it.
pub(super) fn place(batch: &Batch) -> Result<(i64, i64, i64), Fault> {
    let BatchId { epoch, sequence } = batch.id();
    Ok((i64::from(batch.frame().log), signed(sequence)?, signed(epoch)?))
}
