//! Handing redemptions out, and walking logs and books.

use super::commit::{Fence, end};
use super::fault::Fault;
use super::link::{Link, Open, Tried};
use super::parts::Part;
use super::values::{Id, Wide, signed, unsigned};
use super::{Node, StoreError};
use crate::base::{RedemptionId, Wall};
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::Handed;
use std::collections::BTreeMap;
use std::format;
use std::vec;
use std::vec::Vec;
use tokio_postgres::Row;

const LOOK: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const DONE: &str = "ROLLBACK";

pub(super) async fn load(
    open: &Open<'_>,
    node: Node,
    redemption: RedemptionId,
) -> Result<Option<Handed>, Fault> {
    let id = Id(redemption.0);
    let mut flight = open.flight();
    flight.run(LOOK);
    flight.add(&open.sql.load, vec![&id]);
    let answers = flight.land().await?;
    let Some(row) = answers.last().and_then(|rows| rows.first()) else {
        open.client.batch_execute(DONE).await?;
        return Ok(None);
    };
    let (dormant, epoch): (bool, u64) = (row.try_get(2)?, unsigned(row.try_get(3)?)?);
    if node.log != 0 && !dormant && epoch != node.epoch {
        return Err(StoreError::Elsewhere { epoch }.into());
    }
    let handed = hand(open, &[place(row)?], Some(DONE)).await?;
    Ok(handed.into_iter().next())
}

/// What is due in a store with one writer: it stays where it is until it is written to.
pub(super) async fn due(open: &Open<'_>, node: Node, now: Wall, limit: usize) -> Result<Vec<Handed>, Fault> {
    let (epoch, limit) = (signed(node.epoch)?, i64::try_from(limit).unwrap_or(i64::MAX));
    let mut flight = open.flight();
    flight.run(LOOK);
    flight.add(&open.sql.due, vec![&epoch, &now.0, &limit]);
    let answers = flight.land().await?;
    let places: Vec<_> = answers[1].iter().map(place).collect::<Result<_, _>>()?;
    hand(open, &places, Some(DONE)).await
}

/// What is due in a shared store: it is in this epoch's memory from then on. `handing`: what was
/// taken, until it is known whether that stands.
pub(super) async fn take_due(
    open: &Open<'_>,
    tried: &mut Tried<'_>,
    node: Node,
    (now, limit): (Wall, usize),
    handing: &mut Vec<Id>,
) -> Result<Vec<Handed>, Fault> {
    let (log, epoch) = (i64::from(node.log), signed(node.epoch)?);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut flight = open.flight();
    flight.run("BEGIN");
    flight.add(&open.sql.fence, vec![&log]);
    flight.add(&open.sql.taken, vec![&epoch, &*handing]);
    flight.add(&open.sql.due, vec![&epoch, &now.0, &limit]);
    let answers = flight.land().await?;
    fenced(node, Fence::read(&answers[1], node.log)?.epoch)?;
    let mut places: Vec<_> = answers[2].iter().map(place).collect::<Result<_, _>>()?;
    if places.is_empty() {
        let wanted: Vec<_> = answers[3].iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<Id> = wanted.iter().map(|(id, _)| *id).collect();
        let taken = open.client.query(&open.sql.take, &[&epoch, &ids]).await?;
        let taken: Vec<Id> = taken.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        places = wanted.into_iter().filter(|(id, _)| taken.contains(id)).collect();
    }
    let handed = hand(open, &places, None).await?;
    *handing = places.iter().map(|(id, _)| *id).collect();
    end(open, tried, open.flight()).await?;
    handing.clear();
    Ok(handed)
}

pub(super) fn fenced(node: Node, current: u64) -> Result<(), Fault> {
    if node.epoch == current { Ok(()) } else { Err(StoreError::Fenced { own: node.epoch, current }.into()) }
}

pub(super) async fn next_due(open: &Open<'_>, node: Node) -> Result<Option<Wall>, Fault> {
    let epoch = signed(node.epoch)?;
    let next: Option<i64> = open.client.query_one(&open.sql.next_due, &[&epoch]).await?.try_get(0)?;
    Ok(next.map(Wall))
}

/// Where a redemption's records are found.
type Place = (Id, Vec<Part>);

fn place(row: &Row) -> Result<Place, Fault> {
    Ok((row.try_get(0)?, Part::read_all(row.try_get(1)?)?))
}

/// The content of redemptions; `done` ends the transaction.
async fn hand(open: &Open<'_>, places: &[Place], done: Option<&str>) -> Result<Vec<Handed>, Fault> {
    if places.is_empty() {
        if let Some(sql) = done {
            open.client.batch_execute(sql).await?;
        }
        return Ok(Vec::new());
    }
    let ids: Vec<Id> = places.iter().map(|(id, _)| *id).collect();
    let parts = || places.iter().flat_map(|(_, parts)| parts);
    let far = |_| Fault::corrupt("records lie beyond the end of a frame");
    let logs: Vec<i64> = parts().map(|part| part.log.into()).collect();
    let sequences: Vec<i64> = parts().map(|part| signed(part.sequence)).collect::<Result<_, _>>()?;
    let starts: Vec<i32> = parts()
        .map(|part| i32::try_from(part.offset))
        .map(|n| n.map(|n| n + 1).map_err(far))
        .collect::<Result<_, _>>()?;
    let lengths: Vec<i32> =
        parts().map(|part| i32::try_from(part.length).map_err(far)).collect::<Result<_, _>>()?;
    let mut flight = open.flight();
    flight.add(&open.sql.sides, vec![&ids]);
    flight.add(&open.sql.parts, vec![&logs, &sequences, &starts, &lengths]);
    done.iter().for_each(|sql| flight.run(sql));
    let answers = flight.land().await?;
    let mut sides = BTreeMap::<[u8; 16], BTreeMap<u8, Vec<u8>>>::new();
    for row in &answers[0] {
        let (Id(id), slot): (Id, i64) = (row.try_get(0)?, row.try_get(1)?);
        let slot = u8::try_from(slot).map_err(|_| Fault::corrupt(format!("a side row has slot {slot}")))?;
        sides.entry(id).or_default().insert(slot, row.try_get(2)?);
    }
    let mut pieces = answers[1].iter();
    let mut handed = Vec::with_capacity(places.len());
    for (Id(id), parts) in places {
        let mut log = Vec::new();
        for part in parts {
            let piece: Option<&[u8]> = pieces.next().map(|row| row.try_get(0)).transpose()?;
            let piece = piece.filter(|piece| piece.len() == part.length as usize);
            let missing =
                || Fault::corrupt(format!("records of redemption {} are missing", RedemptionId(*id)));
            log.extend_from_slice(piece.ok_or_else(missing)?);
        }
        let sides = sides.remove(id).unwrap_or_default();
        handed.push(Handed { redemption: RedemptionId(*id), log, sides });
    }
    Ok(handed)
}

/// Every balance, in the order of accounts and currencies.
pub(super) async fn balances(open: &Open<'_>) -> Result<BTreeMap<(Account, Currency), i128>, Fault> {
    let sql = "SELECT account, currency, sum(balance_minor) FROM accounts GROUP BY account, currency";
    let mut balances = BTreeMap::new();
    for row in open.client.query(sql, &[]).await? {
        let (name, code): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        let Wide(balance) = row.try_get(2)?;
        let (Ok(account), Ok(currency)) = (Account::parse(name), code.parse::<Currency>()) else {
            return Err(Fault::corrupt(format!("there is a balance of `{name}` in `{code}`")));
        };
        balances.insert((account, currency), balance);
    }
    Ok(balances)
}

/// Shows every frame, log by log.
pub(super) fn frames(link: &mut Link, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
    let logs = link.run(async |open, _| {
        let rows = open.client.query("SELECT log FROM logs ORDER BY log", &[]).await?;
        Ok(rows.iter().map(|row| row.try_get::<_, i64>(0)).collect::<Result<Vec<_>, _>>()?)
    })?;
    for log in logs {
        let mut after = 0;
        loop {
            let page = link.run(async |open, _| page(open, log, after).await)?;
            let Some((last, _, _)) = page.last() else { break };
            after = *last;
            page.iter().for_each(|(_, bytes, refused)| visit(bytes, refused));
        }
    }
    Ok(())
}

/// A few frames of a log after batch `after`: sequence, bytes, refused units.
pub(super) async fn page(
    open: &Open<'_>,
    log: i64,
    after: i64,
) -> Result<Vec<(i64, Vec<u8>, Vec<u32>)>, Fault> {
    let mut page = Vec::new();
    for row in open.client.query(&open.sql.frames, &[&log, &after]).await? {
        let refused: &[u8] = row.try_get(2)?;
        let cut = |_| Fault::corrupt("the numbers of a frame's refused units are cut");
        let number = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).map_err(cut);
        let numbers: Vec<u32> = refused.chunks(4).map(number).collect::<Result<_, _>>()?;
        page.push((row.try_get(0)?, row.try_get(1)?, numbers));
    }
    Ok(page)
}
