//! What was seen: steps of the table, and which troubles and faults came together with what.

use super::traces::Trace;
use super::trouble::Trouble;
use crate::flow::{EventKind, State, TRANSITIONS};
use crate::sim::{Fault, Outage};
use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// The columns of what befell debits.
const RECIPES: [&str; 5] = ["query", "repeat", "reverse", "file", "rail"];
/// So many are told by name.
const FEW: usize = 4;

/// Steps that the table allows and no life takes, and why.
pub const BEYOND: &[(State, EventKind, &str)] = &[
    (State::Verified, EventKind::Cancelled, "left in the step that enters it; kept for old records"),
    (State::Paid, EventKind::PayReturned, "left in the step that enters it"),
    (State::Paid, EventKind::Corrected, "left in the step that enters it"),
    (State::Cleared, EventKind::PayReturned, "left in the step that enters it"),
    (State::Cleared, EventKind::Corrected, "left in the step that enters it"),
    (State::Split, EventKind::Corrected, "only where an issuer is asked online and answers by file"),
];

/// Every fault, outage and trouble by its name.
fn everything() -> Vec<String> {
    let faults = Fault::ALL.iter().map(|fault| format!("{fault:?}"));
    let outages = Outage::ALL.iter().map(|outage| format!("{outage:?}"));
    faults.chain(outages).chain(Trouble::ALL.iter().map(|trouble| trouble.name().to_string())).collect()
}

/// Whether a debit under this recipe can meet with it in these lives.
fn can_meet(recipe: &str, what: &str) -> bool {
    let rails = ["PayeeRefused", "PayoutReturned", Trouble::SilentRail.name()];
    let online = [
        Trouble::PartialApproval,
        Trouble::AnswersLater,
        Trouble::ForgetsPending,
        Trouble::UndoesPending,
        Trouble::RefusesUndo,
    ];
    let undoes = what == Trouble::RefusesUndo.name();
    let outage = Outage::ALL.iter().any(|outage| what == format!("{outage:?}"));
    let of_calls = outage || Fault::ALL.iter().any(|fault| what == format!("{fault:?}"));
    match recipe {
        "rail" => (of_calls && !outage) || what == Trouble::SilentRail.name(),
        _ if rails.contains(&what) => false,
        // Such issuers have one site each, and recognise nothing or take files.
        "file" if outage || online.iter().any(|one| what == one.name()) => false,
        "file" => what != "Pending" && what != Trouble::Restore.name(),
        "reverse" => what != Trouble::Restore.name() && what != Trouble::SaysDuplicate.name(),
        "repeat" => !undoes,
        _ => true,
    }
}

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
    /// How often each fault, outage or trouble befell a debit under each recipe, or the rail.
    befallen: BTreeMap<(String, String), u64>,
    /// What was shown with cards, and why tokens were refused.
    tokens: BTreeMap<String, u64>,
    lives: u64,
}

impl Coverage {
    pub(super) fn trouble(&mut self, trouble: Trouble) {
        *self.troubles.entry(trouble).or_default() += 1;
    }

    /// A debit under this recipe, or a call to the rail, met with this.
    pub(super) fn befell(&mut self, recipe: &str, what: &str) {
        *self.befallen.entry((recipe.to_string(), what.to_string())).or_default() += 1;
    }

    pub(super) fn token(&mut self, what: &str) {
        *self.tokens.entry(what.to_string()).or_default() += 1;
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
        for (pair, times) in &other.befallen {
            *self.befallen.entry(pair.clone()).or_default() += times;
        }
        for (token, times) in &other.tokens {
            *self.tokens.entry(token.clone()).or_default() += times;
        }
        for (trace, lives) in &other.traces {
            *self.traces.entry(*trace).or_default() += lives;
        }
    }

    /// The steps of the table that were taken in no life, but for those that none can take
    /// ([`BEYOND`]).
    pub fn unseen(&self) -> Vec<(State, EventKind)> {
        let beyond = |step: &(State, EventKind)| BEYOND.iter().any(|(from, kind, _)| (*from, *kind) == *step);
        let steps = TRANSITIONS.iter().map(|(from, kind, _)| (*from, *kind));
        steps.filter(|step| !self.steps.contains_key(step) && !beyond(step)).collect()
    }

    /// How often a fault, an outage or a trouble befell a debit under a recipe, each by its name.
    pub fn befallen(&self, recipe: &str, what: &str) -> u64 {
        self.befallen.get(&(recipe.to_string(), what.to_string())).copied().unwrap_or(0)
    }

    /// The faults, outages and troubles that never befell a debit under a recipe that could have met
    /// them.
    pub fn unmet(&self) -> Vec<(&'static str, String)> {
        let all = RECIPES.iter().flat_map(|recipe| everything().into_iter().map(move |what| (*recipe, what)));
        all.filter(|(recipe, what)| can_meet(recipe, what) && self.befallen(recipe, what) == 0).collect()
    }

    /// How often a token of this kind was shown, or one was refused for this reason.
    pub fn shown(&self, what: &str) -> u64 {
        self.tokens.get(what).copied().unwrap_or(0)
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
        out += "\n\ntokens\n";
        for (what, times) in &self.tokens {
            out += &format!("  {what:<22} {times:>8}\n");
        }
        out += &self.by_recipe();
        out += &self.by_step();
        let unseen: Vec<_> =
            self.unseen().iter().map(|(from, kind)| format!("{} {kind:?}", from.name())).collect();
        out += &format!("\nnever taken ({} of {}): {}\n", unseen.len(), TRANSITIONS.len(), unseen.join(", "));
        out += "\nbeyond these lives\n";
        for (from, kind, why) in BEYOND {
            out += &format!("  {:<16} {:<18} {why}\n", from.name(), format!("{kind:?}"));
        }
        out
    }

    fn by_recipe(&self) -> String {
        let mut out = format!("\nwhat befell debits by recipe, and the rail\n  {:<28}", "");
        RECIPES.iter().for_each(|recipe| out += &format!("{recipe:>9}"));
        for what in everything() {
            out += &format!("\n  {what:<28}");
            for recipe in RECIPES {
                let cell = match self.befallen(recipe, &what) {
                    0 if can_meet(recipe, &what) => "never".to_string(),
                    0 => "-".to_string(),
                    times => times.to_string(),
                };
                out += &format!("{cell:>9}");
            }
        }
        let unmet: Vec<_> = self.unmet().iter().map(|(recipe, what)| format!("{recipe} x {what}")).collect();
        out + &format!("\n  never together ({}): {}\n", unmet.len(), unmet.join(", "))
    }

    /// Each step with the number of lives that took it, and what those lives never had.
    fn by_step(&self) -> String {
        let all: BTreeSet<&String> = self.steps.values().flat_map(|(_, with)| with).collect();
        let mut out =
            format!("\nsteps: lives, and what of {} troubles and faults they never had\n", all.len());
        for ((from, kind), (lives, with)) in &self.steps {
            let without: Vec<&str> =
                all.iter().filter(|what| !with.contains(**what)).map(|what| what.as_str()).collect();
            let without = match without.len() {
                0 => String::new(),
                1..=FEW => format!("not with {}", without.join(", ")),
                many => format!("not with {many} of them"),
            };
            out += &format!("  {:<16} {:<18} {lives:>7}  {without}\n", from.name(), format!("{kind:?}"));
        }
        out
    }
}
