//! The world as a server needs it, which has network and clock of its own: what a request asks and
//! what is to go wrong with it, then its reply; and what is to be brought to whoever asked.

use super::SimError;
use super::entry::Notice;
use super::fault::{CALM_FROM, Fault, draw};
use super::odd::Odd;
use super::world::SimWorld;
use crate::adapters::AdapterError;
use crate::adapters::served::Asked;
use crate::base::Wall;
use crate::engine::ChannelId;
use crate::issuer::{OpKind, Reference};
use std::string::String;
use std::vec::Vec;

/// A request that reached a server and could be read.
#[derive(Debug)]
pub struct Visit {
    channel: ChannelId,
    asked: Vec<Asked>,
    seed: u64,
    /// What goes wrong with it. What of it happens on the way is the server's to do.
    pub fault: Option<Fault>,
    /// From its leaving to the answer's arriving.
    pub latency_ms: i64,
    /// A wait that is longer than its asker's, and shorter than the one after which an absence is
    /// final.
    pub beyond_ms: i64,
}

impl Visit {
    /// What is asked, of a file by its first row.
    pub fn kind(&self) -> Option<OpKind> {
        self.asked.first().map(|asked| asked.kind)
    }

    /// Whether something befalls this sending that befalls so many in a million: the same for the
    /// same seed, operation and attempt, less with each attempt, and nothing from the sixth on.
    pub fn meets(&self, what: &str, per_million: u64) -> bool {
        self.asked.first().is_some_and(|asked| {
            let calm = u64::from(CALM_FROM.saturating_sub(asked.attempt.max(1)));
            let drawn = draw(self.seed, what, asked.reference, asked.kind, asked.attempt) % 1_000_000;
            drawn < per_million.saturating_mul(calm) / u64::from(CALM_FROM - 1)
        })
    }
}

/// Messages of one channel that are to be brought together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parcel {
    /// The channel.
    pub channel: ChannelId,
    notices: Vec<Notice>,
}

impl Parcel {
    /// What it speaks about.
    pub fn references(&self) -> impl Iterator<Item = Reference> + '_ {
        self.notices.iter().map(|notice| notice.reference)
    }

    /// A part of it: what stands in the first half, at least one thing.
    #[must_use]
    pub fn first_half(&self) -> Self {
        let half = self.notices.len().div_ceil(2);
        Self { channel: self.channel, notices: self.notices.iter().take(half).copied().collect() }
    }
}

impl SimWorld {
    /// Whether messages of a channel are [envelopes](crate::codec::envelope), or bodies alone.
    pub fn takes_envelopes(&self, channel: ChannelId) -> bool {
        self.enveloped(channel)
    }

    /// Reads what a channel is asked.
    ///
    /// # Errors
    /// [`AdapterError`] for bytes that are not signed by this channel's key or not of its protocol.
    pub fn visit(&self, channel: ChannelId, bytes: &[u8], at: Wall) -> Result<Visit, AdapterError> {
        let asked = self.read(channel, bytes, at)?;
        let (mut fault, mut latency_ms, mut beyond_ms) = (None, 0, 0);
        if let (Some(first), Some(timing)) = (asked.first(), self.timing(channel)) {
            fault = self.fault(first);
            latency_ms = self.latency_ms(channel, first);
            let spare = timing.absent_after_ms.saturating_sub(timing.answer_within_ms) / 2;
            let more = self.draw("delay", first, &(0..=spare.max(1)));
            beyond_ms = timing.answer_within_ms.saturating_add(more);
        }
        Ok(Visit { channel, asked, seed: self.seed(), fault, latency_ms, beyond_ms })
    }

    /// Lets a site of the channel do what it is asked, and tells its reply; a file issuer has none.
    /// What it did is in its ledger then.
    ///
    /// # Errors
    /// [`SimError`] if the ledger cannot be kept: nothing has happened.
    pub fn take(&mut self, visit: &Visit, site: u32, at: Wall) -> Result<Option<Vec<u8>>, SimError> {
        Ok(self.serve(visit.channel, site, &visit.asked, at, Odd::default())?.reply)
    }

    /// The channels in their order.
    pub fn channels(&self) -> Vec<(ChannelId, String)> {
        (0..).map(ChannelId).map_while(|id| Some((id, self.name_of(id)?))).collect()
    }

    /// What a channel has to bring by `at`.
    pub fn parcels(&self, channel: ChannelId, at: Wall) -> Vec<Parcel> {
        let due = self.due(channel, at);
        let parts = due.chunks(self.at_once(channel));
        parts.map(|notices| Parcel { channel, notices: notices.to_vec() }).collect()
    }

    /// The message of a parcel, as things stand; `None` where the protocol has none.
    ///
    /// # Errors
    /// [`SimError`] if the ledger cannot be kept.
    pub fn wrap(&mut self, parcel: &Parcel, at: Wall) -> Result<Option<Vec<u8>>, SimError> {
        self.bring(parcel.channel, &parcel.notices, at, Odd::default())
    }

    /// Whether this is what a channel's messages are acknowledged with.
    pub fn is_acknowledgement(&self, channel: ChannelId, bytes: &[u8]) -> bool {
        self.acknowledges(channel, bytes)
    }

    /// Notes that a parcel was taken: it is not brought again.
    ///
    /// # Errors
    /// [`SimError`] if the ledger cannot be kept.
    pub fn taken(&mut self, parcel: &Parcel, at: Wall) -> Result<(), SimError> {
        self.acknowledge(parcel.channel, &parcel.notices, at)
    }
}
