//! What a store says to a unit.

use super::ClaimStatus;
use crate::base::{Key16, Reader, RedemptionId, ShortInput, Wall, Writer};
use crate::risk::{Moments, Seen};
use alloc::vec::Vec;

/// Why a unit was refused. It harms no other unit of its batch; nothing of it stands except
/// its sightings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A first unit of a redemption that exists: the request came before.
    Known {
        /// The fingerprint of the request that came before.
        fingerprint: Vec<u8>,
        /// How that redemption stands.
        summary: Vec<u8>,
    },
    /// A key is held by another redemption, or consumed.
    Held {
        /// The key.
        key: Key16,
        /// How it stands.
        status: ClaimStatus,
        /// Who holds it.
        holder: RedemptionId,
        /// How the holder stands.
        summary: Vec<u8>,
    },
    /// The redemption has gone on without this writer: another one owns it now.
    Stale {
        /// How many records it has.
        records: u32,
        /// The epoch that wrote last.
        epoch: u64,
    },
}

/// What a store says to one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why it was refused, if it was.
    pub refusal: Option<Refusal>,
    /// The answers to its recalls, in their order, whether or not it was refused.
    pub seen: Vec<Seen>,
}

impl Verdict {
    /// Appends the canonical form, for stores that keep verdicts of an uncertain batch.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let w = &mut Writer::new(out);
        match &self.refusal {
            None => w.u8(0),
            Some(Refusal::Known { fingerprint, summary }) => w.u8(1).bytes(fingerprint).bytes(summary),
            Some(Refusal::Held { key, status, holder, summary }) => {
                w.u8(2).raw(&key.0).u8(status.number()).raw(&holder.0).bytes(summary)
            }
            Some(Refusal::Stale { records, epoch }) => w.u8(3).u32(*records).u64(*epoch),
        };
        w.u16(u16::try_from(self.seen.len()).expect("a unit has few recalls"));
        for seen in &self.seen {
            match seen {
                Seen::Recent(list) => {
                    w.u8(1).u16(u16::try_from(list.len()).expect("recalls are bounded"));
                    list.iter().for_each(|(id, at)| {
                        w.raw(&id.0).wall(*at);
                    });
                }
                Seen::Moments(m) => {
                    w.u8(2).u64(m.count).raw(&m.sum.to_le_bytes()).raw(&m.squares.to_le_bytes());
                }
            }
        }
    }

    /// Reads what [`Verdict::encode`] wrote.
    ///
    /// # Errors
    /// [`ShortInput`].
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        let refusal = match r.u8()? {
            0 => None,
            1 => Some(Refusal::Known { fingerprint: r.bytes()?.to_vec(), summary: r.bytes()?.to_vec() }),
            2 => {
                let key = Key16(r.array()?);
                let status = ClaimStatus::from_number(r.u8()?).ok_or(ShortInput { at: r.position() })?;
                let holder = RedemptionId(r.array()?);
                Some(Refusal::Held { key, status, holder, summary: r.bytes()?.to_vec() })
            }
            3 => Some(Refusal::Stale { records: r.u32()?, epoch: r.u64()? }),
            _ => return r.fail(),
        };
        let count = r.u16()?;
        let seen = (0..count).map(|_| read_seen(r)).collect::<Result<_, _>>()?;
        Ok(Self { refusal, seen })
    }
}

fn read_seen(r: &mut Reader<'_>) -> Result<Seen, ShortInput> {
    match r.u8()? {
        1 => {
            let count = r.u16()?;
            let one = |_| Ok((RedemptionId(r.array()?), Wall(r.i64()?)));
            (0..count).map(one).collect::<Result<_, _>>().map(Seen::Recent)
        }
        2 => {
            let count = r.u64()?;
            let sum = i128::from_le_bytes(r.array()?);
            Ok(Seen::Moments(Moments { count, sum, squares: i128::from_le_bytes(r.array()?) }))
        }
        _ => r.fail(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_verdict_reads_back() {
        let held = Refusal::Held {
            key: Key16([1; 16]),
            status: ClaimStatus::Quarantined,
            holder: RedemptionId([2; 16]),
            summary: vec![3],
        };
        let moments = Moments { count: 1, sum: -2, squares: 4 };
        let seen = vec![Seen::Recent(vec![(RedemptionId([4; 16]), Wall(5))]), Seen::Moments(moments)];
        let known = Refusal::Known { fingerprint: vec![1], summary: vec![] };
        let stale = Refusal::Stale { records: 1, epoch: 2 };
        for refusal in [None, Some(held), Some(known), Some(stale)] {
            let verdict = Verdict { refusal, seen: seen.clone() };
            let mut bytes = Vec::new();
            verdict.encode(&mut bytes);
            assert_eq!(Verdict::decode(&mut Reader::new(&bytes)), Ok(verdict));
        }
    }
}
