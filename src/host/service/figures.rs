//! Figures through the facade `metrics`. Labels are names of channels, states and results: never
//! ids, people or card data.
//!
//! What happens in one turn of the loop is added up first, so that a figure costs one call per
//! turn.

use super::shared::{Committed, Shared};
use crate::engine::{ChannelId, Event, Sent, Setup};
use crate::host::Arrival;
use crate::host::driver::settled;
use std::collections::BTreeMap;
use std::string::{String, ToString};

pub(super) struct Figures {
    channels: BTreeMap<ChannelId, String>,
    requests: BTreeMap<&'static str, u64>,
    outcomes: BTreeMap<&'static str, u64>,
    calls: BTreeMap<(ChannelId, &'static str), u64>,
    missed: u64,
}

impl Figures {
    /// Describes all figures to the recorder.
    pub(super) fn new(setup: &Setup) -> Self {
        describe();
        let channels = (0..setup.channels()).map(ChannelId);
        let name = |id| Some((id, setup.channel_name(id)?.to_string()));
        Self {
            channels: channels.filter_map(name).collect(),
            requests: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            calls: BTreeMap::new(),
            missed: 0,
        }
    }

    /// A request was `taken` or `refused`.
    pub(super) fn request(&mut self, result: &'static str) {
        *self.requests.entry(result).or_default() += 1;
    }

    pub(super) fn event(&mut self, event: &Event, missed: u64) {
        self.missed += missed;
        if let Some((_, outcome)) = settled(event) {
            *self.outcomes.entry(outcome.state()).or_default() += 1;
        }
    }

    /// A call went out on this channel.
    pub(super) fn call(&mut self, channel: ChannelId) {
        self.count(channel, "sent");
    }

    pub(super) fn arrival(&mut self, arrival: &Arrival) {
        match arrival {
            Arrival::Reply(id, _) => self.count(id.channel, "replied"),
            Arrival::Lost(id, Sent::NotSent) => self.count(id.channel, "not_sent"),
            Arrival::Lost(id, Sent::MaybeSent) => self.count(id.channel, "maybe_sent"),
            Arrival::Inbound(channel, ..) => self.count(*channel, "inbound"),
        }
    }

    fn count(&mut self, channel: ChannelId, result: &'static str) {
        *self.calls.entry((channel, result)).or_default() += 1;
    }

    pub(super) fn committed(&self, done: &Committed) {
        let units = small(done.batch.units().len());
        metrics::counter!("scrip_batches_total").increment(1);
        metrics::counter!("scrip_units_total").increment(units.into());
        metrics::histogram!("scrip_batch_units").record(units);
        metrics::histogram!("scrip_commit_seconds").record(done.took);
    }

    /// Hands everything to the recorder.
    pub(super) fn flush(&mut self, shared: &Shared, in_flight: usize, waiters: usize) {
        for (result, many) in std::mem::take(&mut self.requests) {
            metrics::counter!("scrip_requests_total", "result" => result).increment(many);
        }
        for (state, many) in std::mem::take(&mut self.outcomes) {
            metrics::counter!("scrip_outcomes_total", "state" => state).increment(many);
        }
        for ((channel, result), many) in std::mem::take(&mut self.calls) {
            let channel = self.channels.get(&channel).cloned().unwrap_or_default();
            metrics::counter!("scrip_calls_total", "channel" => channel, "result" => result).increment(many);
        }
        if self.missed > 0 {
            metrics::counter!("scrip_events_missed_total").increment(std::mem::take(&mut self.missed));
        }
        metrics::gauge!("scrip_queue_depth").set(small(shared.queued()));
        metrics::gauge!("scrip_in_flight").set(small(in_flight));
        metrics::gauge!("scrip_waiting").set(small(waiters));
    }
}

/// As recorders take numbers that they turn into floats.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A request that found the queue full, or the service shutting down.
pub(super) fn turned_away(result: &'static str) {
    metrics::counter!("scrip_requests_total", "result" => result).increment(1);
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("scrip_requests_total", "requests by what became of them at the door");
    describe_counter!("scrip_outcomes_total", "outcomes by the state as sellers are told it");
    describe_counter!("scrip_calls_total", "calls by channel: sent, and how they came back");
    describe_counter!("scrip_batches_total", "batches made durable");
    describe_counter!("scrip_units_total", "units made durable");
    describe_counter!("scrip_events_missed_total", "events dropped for subscribers that were too slow");
    describe_histogram!("scrip_batch_units", "units in a batch");
    describe_histogram!("scrip_commit_seconds", "from the store's taking a batch up until it is durable");
    describe_gauge!("scrip_queue_depth", "requests not taken and decisions not heard yet");
    describe_gauge!("scrip_in_flight", "redemptions in memory");
    describe_gauge!("scrip_waiting", "requests whose redemption has not come to rest");
}
