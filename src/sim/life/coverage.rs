//! What was seen: steps of the table, and which troubles and faults came together with what.

use super::traces::Trace;
use super::trouble::Trouble;
use crate::flow::{EventKind, State, TRANSITIONS};
use crate::sim::{Fault, Outage};
use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// What was seen in one life or in many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// In how many lives each step was taken, and which troubles and faults those lives had.
    steps: BTreeMap<(State, EventKind), (u64, BTreeSet<String>)>,
    /// How often each network fault befell a channel.
    faults: BTreeMap<(String, String), u64>,
    troubles: BTreeMap<Trouble, u64>,
    /// How many calls found their site down, by how it was.
    outages: BTreeMap<Outage, u64>,
    /// How many debits went to another site than before.
    switched: u64,
    /// In how many lives each trace happened.
    traces: BTreeMap<Trace, u64>,
    lives: u64,
}

impl Coverage {
    pub(super) fn trouble(&mut self, trouble: Trouble) {
        *self.troubles.entry(trouble).or_default() += 1;
        self.of_trouble(trouble);
    }

    /// It happened in this life.
    pub(super) fn trace(&mut self, trace: Trace) {
        self.traces.insert(trace, 1);
    }

    pub(super) fn outage(&mut self, outage: Outage) {
        *self.outages.entry(outage).or_default() += 1;
    }

    pub(super) fn switch(&mut self) {
        self.switched += 1;
    }

    pub(super) fn fault(&mut self, channel: &str, fault: Fault) {
        *self.faults.entry((channel.to_string(), format!("{fault:?}"))).or_default() += 1;
    }

    /// The life is over, and these steps were taken in it.
    pub(super) fn taken(&mut self, steps: BTreeSet<(State, EventKind)>) {
        let troubles = self.troubles.keys().map(|trouble| trouble.name().to_string());
        let with: BTreeSet<String> =
            troubles.chain(self.faults.keys().map(|(_, fault)| fault.clone())).collect();
        self.lives = 1;
        self.steps = steps.into_iter().map(|step| (step, (1, with.clone()))).collect();
    }

    /// Adds what another life saw.
    pub fn add(&mut self, other: &Self) {
        self.lives += other.lives;
        self.switched += other.switched;
        for (outage, times) in &other.outages {
            *self.outages.entry(*outage).or_default() += times;
        }
        for (step, (lives, with)) in &other.steps {
            let seen = self.steps.entry(*step).or_default();
            seen.0 += lives;
            seen.1.extend(with.iter().cloned());
        }
        for (fault, times) in &other.faults {
            *self.faults.entry(fault.clone()).or_default() += times;
        }
        for (trouble, times) in &other.troubles {
            *self.troubles.entry(*trouble).or_default() += times;
        }
        for (trace, lives) in &other.traces {
            *self.traces.entry(*trace).or_default() += lives;
        }
    }

    /// The steps of the table that were taken in no life.
    pub fn unseen(&self) -> Vec<(State, EventKind)> {
        let steps = TRANSITIONS.iter().map(|(from, kind, _)| (*from, *kind));
        steps.filter(|step| !self.steps.contains_key(step)).collect()
    }

    /// How often a trouble happened.
    pub fn troubled(&self, trouble: Trouble) -> u64 {
        self.troubles.get(&trouble).copied().unwrap_or(0)
    }

    /// How many calls found their site down in this way.
    pub fn met(&self, outage: Outage) -> u64 {
        self.outages.get(&outage).copied().unwrap_or(0)
    }

    /// How many debits were sent to another site than the sending before, which never left.
    pub fn switched(&self) -> u64 {
        self.switched
    }

    /// In how many lives a trace happened.
    pub fn traced(&self, trace: Trace) -> u64 {
        self.traces.get(&trace).copied().unwrap_or(0)
    }

    /// The whole as a table in words: traces, troubles, faults by channel, and steps with the number of
    /// lives that took them and of the kinds of trouble those lives had; last what was never seen.
    pub fn table(&self) -> String {
        let mut out = format!("{} lives\n\ntraces, and in how many lives\n", self.lives);
        for (number, trace) in (1..).zip(Trace::ALL) {
            out += &format!("  {number:>2} {:<28} {:>8}\n", trace.name(), self.traced(*trace));
        }
        let unseen: Vec<_> = Trace::ALL.iter().filter(|trace| self.traced(**trace) == 0).collect();
        let unseen: Vec<_> = unseen.into_iter().map(|trace| trace.name()).collect();
        out += &format!("  never: {}\n\ntroubles\n", unseen.join(", "));
        for trouble in Trouble::ALL {
            out += &format!("  {:<22} {:>8}\n", trouble.name(), self.troubled(*trouble));
        }
        out += "\ncalls to a site that is down\n";
        for outage in Outage::ALL {
            out += &format!("  {:<22} {:>8}\n", format!("{outage:?}"), self.met(outage));
        }
        out += &format!("  {:<22} {:>8}\n", "debits sent elsewhere", self.switched);
        let channels: BTreeSet<&String> = self.faults.keys().map(|(channel, _)| channel).collect();
        let kinds: BTreeSet<&String> = self.faults.keys().map(|(_, fault)| fault).collect();
        out += "\nfaults of the network by channel\n";
        out += &format!("  {:<16}", "");
        channels.iter().for_each(|channel| out += &format!("{channel:>9}"));
        for kind in &kinds {
            out += &format!("\n  {kind:<16}");
            for channel in &channels {
                let times = self.faults.get(&((*channel).clone(), (*kind).clone()));
                out += &format!("{:>9}", times.map_or("-".to_string(), u64::to_string));
            }
        }
        let all: BTreeSet<&String> = self.steps.values().flat_map(|(_, with)| with).collect();
        out += &format!("\n\nsteps: lives, and seen with how many of {} troubles and faults\n", all.len());
        for ((from, kind), (lives, with)) in &self.steps {
            out +=
                &format!("  {:<16} {:<18} {lives:>7} {:>4}\n", from.name(), format!("{kind:?}"), with.len());
        }
        let unseen: Vec<_> =
            self.unseen().iter().map(|(from, kind)| format!("{} {kind:?}", from.name())).collect();
        out += &format!("\nnever taken ({} of {}): {}\n", unseen.len(), TRANSITIONS.len(), unseen.join(", "));
        out
    }
}
