//! A unit: everything one redemption writes at once, all or nothing.

use super::Records;
use crate::base::{Digest, Key16, Reader, RedemptionId, ShortInput, Wall, Writer};
use crate::ledger::{Account, Posting};
use crate::money::{Amount, Currency};
use crate::risk::{Recall, RecallKind, Sighting};
use alloc::vec::Vec;

/// What a claim is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// A card, under one of its keys.
    Card,
    /// A one-time token.
    Token,
}

/// How a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimStatus {
    /// A redemption is at it.
    Held,
    /// Nothing is known of the card's debit, and it may still be on its way.
    Quarantined,
    /// The card is redeemed: for ever, or up to this generation.
    Consumed,
}

/// A key that the unit wants to hold. All of a unit's claims are granted or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The key.
    pub key: Key16,
    /// What it is on.
    pub kind: ClaimKind,
    /// 0 for what can be used once for ever; for reloadable cards the reload count from 1. A
    /// consumed key can be claimed again for a later generation only.
    pub generation: u32,
}

/// What becomes of a key that the redemption holds. A change of a key held by another
/// redemption has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Key16,
    /// How it stands from now on; `None` releases it.
    pub to: Option<ClaimStatus>,
}

/// That a side row was put or erased, as the frame tells it; the content is not in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideMark {
    /// Which of the redemption's side rows.
    pub slot: u8,
    /// The SHA-256 digest of the sealed content; `None` if the row is erased.
    pub content: Option<Digest>,
}

/// An erasable side row: sealed content that a crash must not lose and the end must erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Whose it is.
    pub redemption: RedemptionId,
    /// Which of its side rows.
    pub slot: u8,
    /// The sealed content; `None` erases the row.
    pub content: Option<Vec<u8>>,
}

/// Everything one redemption writes at once.
///
/// A unit without records is a mere sighting: it leaves no row and is never refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// The redemption.
    pub redemption: RedemptionId,
    /// How many records it had before: the fence against a second writer.
    pub expected: u32,
    /// Whether the redemption leaves memory with this unit: the store hands it back when due.
    pub dormant: bool,
    /// When the store hands the redemption back if it is not in memory; `None` at the end.
    pub due: Option<Wall>,
    /// The keyed digest of the request, with the pepper version before it; in the first unit.
    pub fingerprint: Vec<u8>,
    /// Keys it wants to hold.
    pub claims: Vec<Claim>,
    /// What becomes of keys that it holds.
    pub changes: Vec<Change>,
    /// What risk windows count.
    pub sightings: Vec<Sighting>,
    /// What it wants to know of the past, answered as of its own sightings.
    pub recalls: Vec<Recall>,
    /// Lines in the books; they balance.
    pub postings: Vec<Posting>,
    /// Side rows put or erased.
    pub sides: Vec<SideMark>,
    /// The redemption's summary from now on; repeats are answered from it.
    pub summary: Vec<u8>,
    /// The steps.
    pub records: Records,
}

impl ClaimStatus {
    /// The stable number (1 to 3), as frames and tables hold it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Held => 1,
            Self::Quarantined => 2,
            Self::Consumed => 3,
        }
    }

    /// The status with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Held),
            2 => Some(Self::Quarantined),
            3 => Some(Self::Consumed),
            _ => None,
        }
    }

    /// The name, as tables show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Quarantined => "quarantined",
            Self::Consumed => "consumed",
        }
    }
}

impl ClaimKind {
    /// The stable number (1 to 2), as frames and tables hold it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Card => 1,
            Self::Token => 2,
        }
    }

    /// The kind with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Card),
            2 => Some(Self::Token),
            _ => None,
        }
    }
}

fn list<T>(w: &mut Writer<'_>, items: &[T], mut each: impl FnMut(&mut Writer<'_>, &T)) {
    w.u16(u16::try_from(items.len()).expect("a unit holds far fewer than 65,536 of anything"));
    items.iter().for_each(|item| each(w, item));
}

fn read_list<T>(
    r: &mut Reader<'_>,
    mut each: impl FnMut(&mut Reader<'_>) -> Result<T, ShortInput>,
) -> Result<Vec<T>, ShortInput> {
    let count = r.u16()?;
    (0..count).map(|_| each(r)).collect()
}

const DORMANT: u8 = 1;
const HAS_DUE: u8 = 2;

impl Unit {
    /// Makes it an empty unit again, and keeps the memory of its lists.
    pub(crate) fn clear(&mut self) {
        (self.redemption, self.expected, self.dormant, self.due) = Default::default();
        self.fingerprint.clear();
        self.claims.clear();
        self.changes.clear();
        self.sightings.clear();
        self.recalls.clear();
        self.postings.clear();
        self.sides.clear();
        self.summary.clear();
        self.records.clear();
    }

    /// Appends the unit as frames hold it, without its length.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.write(&mut Writer::new(out));
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        let flags = if self.dormant { DORMANT } else { 0 } | if self.due.is_some() { HAS_DUE } else { 0 };
        w.raw(&self.redemption.0).u32(self.expected).u8(flags);
        w.wall(self.due.unwrap_or_default()).bytes(&self.fingerprint);
        list(w, &self.claims, |w, c| {
            w.raw(&c.key.0).u8(c.kind.number()).u32(c.generation);
        });
        list(w, &self.changes, |w, c| {
            w.raw(&c.key.0).u8(c.to.map_or(0, ClaimStatus::number));
        });
        list(w, &self.sightings, |w, s| {
            w.raw(&s.subject.0).wall(s.at).i64(s.value);
        });
        list(w, &self.recalls, |w, recall| {
            let (kind, within) = match recall.kind {
                RecallKind::Recent { within_ms } => (1, within_ms),
                RecallKind::Moments => (2, 0),
            };
            w.raw(&recall.subject.0).u8(kind).i64(within);
        });
        list(w, &self.postings, |w, p| {
            w.u8(p.account.kind().number()).text_opt(p.account.name());
            w.u16(p.amount.currency().numeric()).i64(p.amount.minor());
        });
        list(w, &self.sides, |w, s| {
            w.u8(s.slot).bool(s.content.is_some()).raw(&s.content.unwrap_or_default().0);
        });
        w.bytes(&self.summary);
        self.records.encode(w);
    }

    /// Reads what [`Unit::encode`] wrote, to the end of the input.
    ///
    /// # Errors
    /// [`ShortInput`] at the first byte that does not fit.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        let redemption = RedemptionId(r.array()?);
        let expected = r.u32()?;
        let flags = r.u8()?;
        let due = r.wall()?;
        if flags > DORMANT | HAS_DUE {
            return r.fail();
        }
        Ok(Self {
            redemption,
            expected,
            dormant: flags & DORMANT != 0,
            due: (flags & HAS_DUE != 0).then_some(due),
            fingerprint: r.bytes()?.to_vec(),
            claims: read_list(r, read_claim)?,
            changes: read_list(r, read_change)?,
            sightings: read_list(r, |r| {
                Ok(Sighting { subject: Key16(r.array()?), at: r.wall()?, value: r.i64()? })
            })?,
            recalls: read_list(r, read_recall)?,
            postings: read_list(r, read_posting)?,
            sides: read_list(r, |r| {
                let (slot, put) = (r.u8()?, r.bool()?);
                let digest = Digest(r.array()?);
                Ok(SideMark { slot, content: put.then_some(digest) })
            })?,
            summary: r.bytes()?.to_vec(),
            records: Records::decode(r)?,
        })
    }
}

fn read_claim(r: &mut Reader<'_>) -> Result<Claim, ShortInput> {
    let key = Key16(r.array()?);
    let kind = ClaimKind::from_number(r.u8()?).ok_or(ShortInput { at: r.position() })?;
    Ok(Claim { key, kind, generation: r.u32()? })
}

fn read_change(r: &mut Reader<'_>) -> Result<Change, ShortInput> {
    let key = Key16(r.array()?);
    let to = match r.u8()? {
        0 => None,
        number => Some(ClaimStatus::from_number(number).ok_or(ShortInput { at: r.position() })?),
    };
    Ok(Change { key, to })
}

fn read_recall(r: &mut Reader<'_>) -> Result<Recall, ShortInput> {
    let subject = Key16(r.array()?);
    let (kind, within_ms) = (r.u8()?, r.i64()?);
    let kind = match kind {
        1 => RecallKind::Recent { within_ms },
        2 => RecallKind::Moments,
        _ => return r.fail(),
    };
    Ok(Recall { subject, kind })
}

fn read_posting(r: &mut Reader<'_>) -> Result<Posting, ShortInput> {
    let number = r.u8()?;
    let account = Account::from_parts(number, r.text_opt()?).map_err(|_| ShortInput { at: r.position() })?;
    let currency = Currency::from_numeric(r.u16()?).map_err(|_| ShortInput { at: r.position() })?;
    Ok(Posting { account, amount: Amount::new(r.i64()?, currency) })
}
