//! The replay guard: which tokens were used, exactly, for as long as they could be used again.
//!
//! State as bytes: version 1 (1), step in milliseconds (4), oldest open step (8), count (4),
//! then the uses in order, 40 bytes each: step (8), claim (16), redemption (16).

use super::profile::Profile;
use super::{TokenError, Verified};
use crate::base::{Key16, Reader, RedemptionId, ShortInput, Wall, Writer};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

const VERSION: u8 = 1;

/// One use of a token, as records keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The token's step.
    pub step: u64,
    /// The token's claim key.
    pub claim: Key16,
    /// Who used it.
    pub redemption: RedemptionId,
}

impl Use {
    /// Length of the canonical form in bytes.
    pub const LEN: usize = 40;

    /// Writes the canonical form.
    pub fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.step).raw(&self.claim.0).raw(&self.redemption.0);
    }

    /// Reads the canonical form.
    ///
    /// # Errors
    /// [`ShortInput`] where the input ends.
    pub fn decode(input: &mut Reader<'_>) -> Result<Self, ShortInput> {
        Ok(Self {
            step: input.u64()?,
            claim: Key16(input.array()?),
            redemption: RedemptionId(input.array()?),
        })
    }
}

/// How a token was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// For the first time: this use must be durable before anything follows from it.
    First(Use),
    /// By the same redemption again, after a crash or a repeated request.
    Resumed(Use),
}

/// Remembers which tokens of one profile were used and by which redemption.
///
/// A use is forgotten only when its step is closed, and a closed step never opens again,
/// wherever the clock goes: what was used once is refused for ever. There is room for a fixed
/// number of uses; when it is taken, new tokens are refused rather than used ones forgotten.
#[derive(Clone, PartialEq, Eq)]
pub struct Guard {
    step_ms: u32,
    back: u8,
    max: usize,
    /// The oldest open step.
    floor: u64,
    used: BTreeMap<(u64, Key16), RedemptionId>,
}

impl Guard {
    /// An empty guard that remembers up to `max` uses at once.
    pub const fn new(profile: &Profile, max: usize) -> Self {
        Self { step_ms: profile.step_ms(), back: profile.back(), max, floor: 0, used: BTreeMap::new() }
    }

    /// Uses a token for a redemption.
    ///
    /// # Errors
    /// [`TokenError::Replayed`] if another redemption used it, [`TokenError::Closed`] if its step
    /// is closed, [`TokenError::Full`] if there is no room, [`TokenError::OtherProfile`] if it is
    /// of a profile with other steps, [`TokenError::Clock`] before 1970.
    pub fn spend(
        &mut self,
        token: &Verified,
        redemption: RedemptionId,
        now: Wall,
    ) -> Result<Spent, TokenError> {
        if token.step_ms() != self.step_ms {
            return Err(TokenError::OtherProfile);
        }
        self.advance(now)?;
        let used = Use { step: token.step(), claim: token.claim(), redemption };
        if used.step < self.floor {
            return Err(TokenError::Closed);
        }
        match self.used.get(&(used.step, used.claim)) {
            Some(holder) if *holder == redemption => return Ok(Spent::Resumed(used)),
            Some(_) => return Err(TokenError::Replayed),
            None => {}
        }
        if self.used.len() >= self.max {
            return Err(TokenError::Full);
        }
        self.used.insert((used.step, used.claim), redemption);
        Ok(Spent::First(used))
    }

    /// Takes up a use from the records, when they are replayed. One of a closed step changes
    /// nothing, for its token is refused anyway.
    ///
    /// # Errors
    /// [`TokenError::Replayed`] if another redemption used the token, [`TokenError::Full`] if
    /// there is no room.
    pub fn remember(&mut self, used: Use) -> Result<(), TokenError> {
        if used.step < self.floor {
            return Ok(());
        }
        match self.used.get(&(used.step, used.claim)) {
            Some(holder) if *holder == used.redemption => Ok(()),
            Some(_) => Err(TokenError::Replayed),
            None if self.used.len() >= self.max => Err(TokenError::Full),
            None => {
                self.used.insert((used.step, used.claim), used.redemption);
                Ok(())
            }
        }
    }

    /// Closes the steps that are over at `now` and forgets their uses. A clock that goes back
    /// opens nothing.
    ///
    /// # Errors
    /// [`TokenError::Clock`] before 1970.
    pub fn advance(&mut self, now: Wall) -> Result<(), TokenError> {
        let now = u64::try_from(now.0).map_err(|_| TokenError::Clock)?;
        let open = (now / u64::from(self.step_ms)).saturating_sub(u64::from(self.back));
        if open > self.floor {
            self.floor = open;
            self.used = self.used.split_off(&(open, Key16::default()));
        }
        Ok(())
    }

    /// How many uses are remembered.
    pub fn len(&self) -> usize {
        self.used.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    /// The oldest step that is not closed.
    pub fn oldest_open(&self) -> u64 {
        self.floor
    }

    /// The uses that are remembered, by step.
    pub fn uses(&self) -> impl ExactSizeIterator<Item = Use> {
        self.used.iter().map(|((step, claim), redemption)| Use {
            step: *step,
            claim: *claim,
            redemption: *redemption,
        })
    }

    /// The state in canonical form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(17 + Use::LEN * self.used.len());
        let mut writer = Writer::new(&mut out);
        let count = u32::try_from(self.used.len()).expect("uses in memory are far below 2^32");
        writer.u8(VERSION).u32(self.step_ms).u64(self.floor).u32(count);
        self.uses().for_each(|used| used.encode(&mut writer));
        out
    }

    /// Reads the state of a guard of this profile, with room for `max` uses from now on. More
    /// that are already remembered stay.
    ///
    /// # Errors
    /// [`TokenError::State`] with the byte, [`TokenError::OtherProfile`] if the steps of the
    /// profile have another length.
    pub fn decode(bytes: &[u8], profile: &Profile, max: usize) -> Result<Self, TokenError> {
        let mut guard = Self::new(profile, max);
        let mut input = Reader::new(bytes);
        let step_ms = guard.read(&mut input).map_err(|short| TokenError::State { at: short.at })?;
        if step_ms != profile.step_ms() {
            return Err(TokenError::OtherProfile);
        }
        Ok(guard)
    }

    fn read(&mut self, input: &mut Reader<'_>) -> Result<u32, ShortInput> {
        if input.u8()? != VERSION {
            return Err(ShortInput { at: 0 });
        }
        let step_ms = input.u32()?;
        self.floor = input.u64()?;
        let at = input.position();
        let count = input.u32()?;
        if input.rest().len() as u64 != u64::from(count) * Use::LEN as u64 {
            return Err(ShortInput { at });
        }
        for _ in 0..count {
            let at = input.position();
            let used = Use::decode(input)?;
            let last = self.used.last_key_value().map(|(key, _)| *key);
            if used.step < self.floor || last.is_some_and(|last| last >= (used.step, used.claim)) {
                return Err(ShortInput { at });
            }
            self.used.insert((used.step, used.claim), used.redemption);
        }
        Ok(step_ms)
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("oldest_open", &self.floor).field("uses", &self.used.len()).finish()
    }
}
