//! The claim index: all of a unit's claims are granted or none.

use super::fault::Fault;
use crate::base::RedemptionId;
use crate::record::{Claim, ClaimStatus, Refusal, Unit};
use rusqlite::{Connection, OptionalExtension, params};
use std::format;

/// Why these claims cannot be granted to the redemption with this number, if they cannot.
pub(super) fn refusal(tx: &Connection, own: Option<i64>, claims: &[Claim]) -> Result<Option<Refusal>, Fault> {
    if claims.is_empty() {
        return Ok(None);
    }
    let mut select = tx.prepare_cached("SELECT status, generation, holder FROM claims WHERE key = ?1")?;
    for claim in claims {
        let held = select.query_row([claim.key.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let Some((number, generation, holder)) = held.optional()? else { continue };
        let status = status(number)?;
        let generation: u32 = generation;
        let reloaded = status == ClaimStatus::Consumed && generation < claim.generation;
        if own == Some(holder) || reloaded {
            continue;
        }
        let mut select = tx.prepare_cached("SELECT id, summary FROM redemptions WHERE number = ?1")?;
        let (id, summary) = select.query_row([holder], |row| Ok((row.get(0)?, row.get(1)?)))?;
        return Ok(Some(Refusal::Held { key: claim.key, status, holder: RedemptionId(id), summary }));
    }
    Ok(None)
}

/// Grants the claims and makes the changes of a unit that stands.
pub(super) fn take(tx: &Connection, holder: i64, unit: &Unit) -> Result<(), Fault> {
    if !unit.claims.is_empty() {
        let mut put = tx.prepare_cached("INSERT OR REPLACE INTO claims VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for claim in &unit.claims {
            let (kind, status) = (claim.kind.number(), ClaimStatus::Held.number());
            put.execute(params![claim.key.0, kind, claim.generation, status, holder])?;
        }
    }
    for change in &unit.changes {
        match change.to {
            Some(status) => tx
                .prepare_cached("UPDATE claims SET status = ?3 WHERE key = ?1 AND holder = ?2")?
                .execute(params![change.key.0, holder, status.number()])?,
            None => tx
                .prepare_cached("DELETE FROM claims WHERE key = ?1 AND holder = ?2")?
                .execute(params![change.key.0, holder])?,
        };
    }
    Ok(())
}

pub(super) fn status(number: u8) -> Result<ClaimStatus, Fault> {
    ClaimStatus::from_number(number)
        .ok_or_else(|| Fault::corrupt(format!("a claim has the unknown status {number}")))
}
