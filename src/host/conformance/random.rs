//! Several thousand units of a fixed random sequence, with restarts, repeats and checkpoints in
//! between, against the reference.

use super::trial::Trial;
use crate::base::{Key16, RedemptionId, Text, Wall};
use crate::host::Store;
use crate::ledger::{Account, AccountKind, Posting};
use crate::money::{Amount, Currency};
use crate::record::{
    Change, Claim, ClaimKind, ClaimStatus, Frame, Index, Record, Records, Side, SideMark, Unit,
};
use crate::risk::{Recall, RecallKind, Sighting};
use std::vec;
use std::vec::Vec;

const BATCHES: usize = 250;
const UNITS: u64 = 40;
/// Small pools, so that units meet: redemptions, keys, subjects.
const POOLS: (u64, u64, u64) = (150, 60, 4);

pub(super) fn check<S: Store>(trial: &mut Trial<'_, S>) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for number in 0..BATCHES {
        let (mut units, mut sides) = (Vec::new(), Vec::new());
        for _ in 0..random.below(UNITS) {
            let unit = random.unit(&trial.reference, &mut sides);
            units.push(unit);
        }
        let batch = trial.batch(units, sides);
        let batch = trial.take(batch);
        trial.agree_on_due();
        if random.chance(8) {
            trial.again(&batch);
        }
        if random.chance(4) {
            trial.checkpoint();
        }
        if random.chance(6) {
            trial.reopen();
            trial.again(&batch);
        }
        if number % 25 == 0 {
            trial.agree();
        }
    }
}

/// Marsaglia's xorshift, 64 bits (13, 7, 17): the same sequence on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        // The low bits of a xorshift are the weak ones.
        (self.next() >> 16) % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[7]
    }

    fn list<T>(&mut self, most: u64, mut each: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| each(self)).collect()
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        self.list(most, Self::byte)
    }

    /// Small numbers for the most part, and now and then the ends of the range.
    fn number(&mut self, bound: u64) -> i64 {
        match self.below(40) {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => -1,
            _ => i64::try_from(self.below(bound)).expect("bounds are small"),
        }
    }

    fn name(&mut self, what: &str, pool: u64) -> [u8; 16] {
        crate::base::digest(what, &[&self.below(pool).to_le_bytes()]).head16()
    }

    fn id(&mut self) -> RedemptionId {
        RedemptionId(self.name("redemption", POOLS.0))
    }

    fn key(&mut self) -> Key16 {
        Key16(self.name("key", POOLS.1))
    }

    fn subject(&mut self) -> Key16 {
        Key16(self.name("subject", POOLS.2))
    }

    fn claim(&mut self) -> Claim {
        let kind = if self.chance(50) { ClaimKind::Card } else { ClaimKind::Token };
        let generation = u32::try_from(self.below(4)).expect("a small number");
        Claim { key: self.key(), kind, generation }
    }

    fn change(&mut self) -> Change {
        let status = ClaimStatus::from_number(self.byte() % 4);
        Change { key: self.key(), to: status }
    }

    fn sighting(&mut self) -> Sighting {
        let (at, value) = (Wall(self.number(5_000)), self.number(100_000));
        Sighting { subject: self.subject(), at, value }
    }

    fn recall(&mut self) -> Recall {
        let within_ms = self.number(2_000);
        let kind = if self.chance(60) { RecallKind::Recent { within_ms } } else { RecallKind::Moments };
        Recall { subject: self.subject(), kind }
    }

    fn posting(&mut self) -> Posting {
        let issuer = Text::new("bank:a").expect("a good name");
        let account = match self.below(3) {
            0 => Account::issuer(issuer),
            1 => Account::of(AccountKind::Float),
            _ => Account::of(AccountKind::Fee),
        };
        let currency = if self.chance(70) { Currency::CNY } else { Currency::USD };
        Posting { account, amount: Amount::new(self.number(1_000_000), currency) }
    }

    fn unit(&mut self, reference: &Index, sides: &mut Vec<Side>) -> Unit {
        let redemption = self.id();
        let records = reference.row(redemption).map_or(0, |row| row.records);
        let expected = match self.below(10) {
            0 => 0,
            1 => u32::from(self.byte() % 4),
            _ => records,
        };
        let mut unit = Unit {
            redemption,
            expected,
            dormant: self.chance(40),
            due: self.chance(80).then(|| Wall(self.number(1_000))),
            fingerprint: self.bytes(3),
            claims: self.list(2, Self::claim),
            changes: self.list(3, Self::change),
            sightings: self.list(3, Self::sighting),
            recalls: self.list(2, Self::recall),
            postings: self.list(3, Self::posting),
            sides: vec![],
            summary: self.bytes(40),
            records: Records::new(),
        };
        for (kind, body) in self.list(3, |r| (u16::from(r.byte()), r.bytes(90))) {
            unit.records.push(Record { kind, version: 1, body: &body });
        }
        for _ in 0..self.below(3) {
            let owner = if self.chance(80) { redemption } else { self.id() };
            let (slot, content) = (self.byte() % 3, self.chance(70).then(|| self.bytes(50)));
            if owner == redemption {
                unit.sides.push(SideMark { slot, content: content.as_deref().map(Frame::digest) });
            }
            sides.push(Side { redemption: owner, slot, content });
        }
        unit
    }
}
