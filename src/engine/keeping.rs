//! What the vault needs of the log: how many messages each key has sealed, for that must survive a
//! restart, and sealed content that moves from an old key to the current one.

use super::live::Ready;
use super::recovery::Session;
use super::{Engine, RecoverError};
use crate::base::{Few, Key16, Reader, RedemptionId, ShortInput, Text, Writer};
use crate::flow::{Facts, Input, SIDE_CARD, SIDE_PERSONAL};
use crate::record::{Handed, Side, Unit};
use crate::vault::{Context, Purpose, Tally, sealed_with};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The row that holds how many messages keys have sealed at most. No channel may have this name.
const ROW: &str = "scrip.seals";

/// So many messages are written down ahead of those that were sealed: a restart forgets at most
/// what it never used, and one record does for a million messages. Of the 2^48 that a key may
/// seal, each opening uses up a 2^28th part at most.
const AHEAD: u64 = 1 << 20;

/// By the value that tells a key from others: how many messages it has sealed at most.
#[derive(Debug, Default)]
pub(super) struct Tallies(BTreeMap<Key16, u64>);

impl Tallies {
    /// What the log says.
    pub(super) fn of(sessions: &BTreeMap<Text, Session>) -> Result<Self, RecoverError> {
        let row = sessions.iter().find(|(name, _)| name.as_str() == ROW);
        let state = row.map(|(_, session)| session.state.as_slice()).unwrap_or_default();
        Self::read(state).map_err(|_| RecoverError::Keys("how often its keys were used cannot be read"))
    }

    fn read(state: &[u8]) -> Result<Self, ShortInput> {
        let (mut r, mut all) = (Reader::new(state), BTreeMap::new());
        while !r.is_empty() {
            all.insert(Key16(r.array()?), r.u64()?);
        }
        Ok(Self(all))
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24 * self.0.len());
        let mut w = Writer::new(&mut out);
        for (key, messages) in &self.0 {
            w.raw(&key.0).u64(*messages);
        }
        out
    }

    /// What to write if a key has sealed more than was written down.
    fn reach(&mut self, tally: Tally) -> Option<Vec<u8>> {
        let written = self.0.entry(tally.key).or_default();
        if tally.messages <= *written {
            return None;
        }
        *written = tally.messages.saturating_add(AHEAD);
        Some(self.write())
    }
}

impl Engine {
    /// Tells the rings what the log says: they count on from there.
    pub(super) fn tell_rings(&self) {
        for (id, check) in self.setup.keys.checks().keys {
            self.setup.keys.sealed_before(id, self.tallies.0.get(&check).copied().unwrap_or_default());
        }
        for issuer in &self.setup.issuers {
            let before = issuer.tally().and_then(|tally| self.tallies.0.get(&tally.key));
            issuer.sealed_before(before.copied().unwrap_or_default());
        }
    }

    /// Before sealed rows go into the open batch: the batch also says how many there may be.
    pub(super) fn keep_vault_tally(&mut self) {
        let tally = self.setup.keys.tally();
        if let Some(state) = self.tallies.reach(tally) {
            self.write_tally(&state, Few::None);
        }
    }

    /// Before a call goes out: what is to be written first, if its channel's key has sealed more
    /// than was written down.
    pub(super) fn channel_tally(&mut self, ready: &Ready) -> Option<Vec<u8>> {
        let issuer = self.setup.issuers.get(usize::from(ready.pending.channel.0))?;
        self.tallies.reach(issuer.tally()?)
    }

    /// As [`Engine::channel_tally`], into the open batch.
    pub(super) fn keep_channel_tally(&mut self, ready: &Ready) {
        if let Some(state) = self.channel_tally(ready) {
            self.write_tally(&state, Few::None);
        }
    }

    /// Writes it; the calls wait for it.
    pub(super) fn write_tally(&mut self, state: &[u8], ready: Few<Ready>) {
        self.write_session(ROW, state, ready);
    }

    /// Seals a redemption's side rows again with the current key, if they were sealed with an
    /// older one. What is to be resealed is found by `host::Driver::reseal`; whatever moves on is
    /// resealed by itself.
    pub fn reseal(&mut self, id: RedemptionId) {
        self.asked_of(id, super::live::Told::of(Input::Note("resealed")));
    }

    /// The side rows of `handed` that an older key sealed, sealed with the current one. A row
    /// that does not open stays as it is: it may be wanted when the key is back.
    pub(super) fn resealed(&mut self, id: RedemptionId, facts: &Facts, handed: &Handed) -> Vec<Side> {
        let current = self.setup.keys.current_key();
        let mut fresh = Vec::new();
        for (&slot, sealed) in &handed.sides {
            if sealed_with(sealed) == Ok(current) {
                continue;
            }
            let Some(context) = place_of(slot, id, &facts.product) else { continue };
            if let Ok(content) = self.setup.keys.reseal(&context, sealed, self.entropy.bytes()) {
                fresh.push(Side { redemption: id, slot, content: Some(content) });
            }
        }
        fresh
    }

    /// Puts resealed rows into a unit, but for those that it erases.
    pub(super) fn put_resealed(&mut self, unit: &mut Unit, fresh: Vec<Side>) {
        if fresh.is_empty() {
            return;
        }
        self.keep_vault_tally();
        for side in fresh {
            if unit.sides.iter().all(|mark| mark.slot != side.slot) {
                self.put_side(unit, side);
            }
        }
    }
}

/// Where a side row is sealed for.
pub(super) fn place_of(slot: u8, redemption: RedemptionId, product: &Text) -> Option<Context<'_>> {
    let purpose = match slot {
        SIDE_CARD => Purpose::Card,
        SIDE_PERSONAL => Purpose::Personal,
        _ => return None,
    };
    Some(Context { purpose, redemption, bound: product.as_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_ahead_of_what_was_sealed_and_reads_back() {
        let mut tallies = Tallies::default();
        let tally = |key, messages| Tally { key: Key16([key; 16]), messages };
        assert_eq!(tallies.reach(tally(1, 0)), None);
        let state = tallies.reach(tally(1, 1)).unwrap();
        assert_eq!(tallies.reach(tally(1, 1 + AHEAD)), None);
        let more = tallies.reach(tally(1, 2 + AHEAD)).unwrap();
        assert!(tallies.reach(tally(2, 7)).is_some());
        assert_eq!(Tallies::read(&state).unwrap().0, [(Key16([1; 16]), 1 + AHEAD)].into());
        assert_eq!(Tallies::read(&more).unwrap().0, [(Key16([1; 16]), 2 + 2 * AHEAD)].into());
        let both = [(Key16([1; 16]), 2 + 2 * AHEAD), (Key16([2; 16]), 7 + AHEAD)].into();
        assert_eq!(Tallies::read(&tallies.write()).unwrap().0, both);
        assert!(Tallies::read(&[0; 23]).is_err());
    }
}
