//! A life: nodes over one store, the world, people, and what goes wrong between them, in virtual
//! time and in an order that the seed gives.

use super::checks::Watch;
use super::coverage::Coverage;
use super::dice::Dice;
use super::node::Node;
use super::plan::{Foreign, Plan, START, Season};
use super::stores::Depot;
use super::tokens;
use super::trouble::Trouble;
use super::{Cut, Life, checks, people, plan};
use crate::base::{Mono, RedemptionId};
use crate::engine::{ChannelId, RecoverError, Request};
use crate::flow::State;
use crate::host::{InboundToken, RunError, Transport};
use crate::issuer::Recipe;
use crate::sim::SimTransport;
use crate::sim::odd::Odd;
use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// A life that takes more rounds than this does not end.
const MOST_ROUNDS: u64 = 20_000;
/// Troubles stop after so many, so that everything can end.
const MOST_TROUBLES: u64 = 40;
/// How much of the story is kept.
const STORY: usize = 80;
/// The names of requests have few digits.
const NAMES: usize = 64;

pub(super) struct Town {
    pub(super) plan: Plan,
    pub(super) depot: Depot,
    pub(super) transport: SimTransport,
    pub(super) nodes: Vec<Node>,
    pub(super) dice: Dice,
    pub(super) season: Season,
    /// The requests that are still to be submitted, the next one last.
    pub(super) left: Vec<usize>,
    /// What waits for people.
    pub(super) queue: BTreeSet<RedemptionId>,
    /// What of it people cannot decide before then.
    pub(super) put_back: BTreeMap<RedemptionId, Mono>,
    /// When the logs whose process is gone are opened again.
    pub(super) down: Vec<(Mono, u32)>,
    /// When something may have changed for others.
    pub(super) wakes: BTreeSet<Mono>,
    pub(super) watch: Watch,
    pub(super) backup: Option<Depot>,
    /// What was delivered, to be delivered again.
    pub(super) delivered: Vec<(ChannelId, Vec<u8>)>,
    pub(super) coverage: Coverage,
    pub(super) life: Life,
    /// Tokens that were made when their requests came to a node.
    minted: BTreeMap<usize, String>,
    /// How often people have let their work lie.
    pub(super) lay: u32,
    /// How many processes there were.
    processes: u32,
    names: BTreeMap<RedemptionId, String>,
    story: Vec<String>,
}

impl Town {
    pub(super) fn new(seed: u64, cut: &Cut) -> Self {
        let plan = plan::plan(seed, cut);
        let mut dice = Dice::new(seed ^ 0x5eed_0000_0000_0000);
        let depot = Depot::new(plan.nodes, &mut dice);
        let mut transport = SimTransport::open(&plan.world).expect("a world in memory opens");
        let often = |trouble| plan.chances.of(trouble);
        transport.odd(Odd {
            foreign: often(Trouble::ForeignApproval),
            duplicate: often(Trouble::SaysDuplicate),
            partial: often(Trouble::PartialApproval),
            refuses: often(Trouble::RefusesUndo),
            later: often(Trouble::AnswersLater),
            forgets: often(Trouble::ForgetsPending),
            undoes: often(Trouble::UndoesPending),
            silent: often(Trouble::SilentRail),
            hasty: true,
        });
        let name = |n| (Request::new(&format!("R-{n}"), "", "").redemption(), format!("R-{n}"));
        let mut town = Self {
            left: (0..plan.requests.len()).rev().collect(),
            coverage: Coverage::default(),
            plan,
            depot,
            transport,
            nodes: Vec::new(),
            dice,
            season: Season::default(),
            queue: BTreeSet::new(),
            put_back: BTreeMap::new(),
            down: Vec::new(),
            wakes: BTreeSet::new(),
            watch: Watch::default(),
            backup: None,
            delivered: Vec::new(),
            life: Life::default(),
            minted: BTreeMap::new(),
            lay: 0,
            processes: 0,
            names: (0..NAMES).map(name).collect(),
            story: Vec::new(),
        };
        let logs: Vec<u32> = (0..town.plan.nodes).map(|n| town.depot.log_of(n)).collect();
        town.down = logs.into_iter().map(|log| (Mono(0), log)).collect();
        let troubles: Vec<_> = town.plan.chances.all().map(Trouble::name).collect();
        let faults = town.plan.world.faults;
        let nodes = town.plan.nodes;
        town.say(&format!("seed {seed}: {nodes} nodes, network faults {faults:?}, {}", troubles.join(", ")));
        town
    }

    pub(super) fn story(&self) -> Vec<String> {
        self.story.clone()
    }

    /// Whether wall clocks of several processes disagreed: what one has written another misjudges.
    pub(super) fn wrong_clocks(&self) -> bool {
        let skewed = self.coverage.troubled(Trouble::ClockSkew) > 0;
        let jumped = self.coverage.troubled(Trouble::ClockJump) > 0;
        skewed || (jumped && self.processes > self.plan.nodes.min(1))
    }

    /// How a redemption is called in the story.
    pub(super) fn name(&self, id: RedemptionId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    pub(super) fn mono(&mut self) -> Mono {
        self.transport.now().mono
    }

    /// One line of the story.
    pub(super) fn say(&mut self, what: &str) {
        if self.story.len() > STORY {
            // The beginning and the end tell the most.
            self.story.remove(STORY / 2);
        }
        let ms = self.mono().0;
        self.story.push(format!("{:>9}.{:03} s  {what}", ms / 1_000, ms % 1_000));
    }

    /// Whether a trouble happens now. After the last of them faults stop.
    pub(super) fn strikes(&mut self, trouble: Trouble) -> bool {
        let rolled = self.dice.in_thousand(self.plan.chances.of(trouble));
        let strikes = rolled && self.life.troubles < MOST_TROUBLES;
        if strikes {
            self.life.troubles += 1;
            self.coverage.trouble(trouble);
            self.befalls(trouble);
        }
        strikes
    }

    /// Notes which debits were open as a trouble came, by the recipes of their issuers.
    fn befalls(&mut self, trouble: Trouble) {
        let mut recipes = BTreeSet::new();
        for node in &self.nodes {
            let live = self.names.keys().filter_map(|id| node.engine.redemption(*id));
            let open = live.filter(|r| (State::Redeeming..=State::Reversing).contains(&r.state));
            recipes.extend(open.map(|r| self.recipe_of(&r.facts.issuer)));
        }
        recipes.into_iter().for_each(|recipe| self.coverage.befell(recipe, trouble.name()));
    }

    /// The recipe of an issuer; the rail has none.
    pub(super) fn recipe_of(&self, channel: &str) -> &'static str {
        let issuer = self.plan.world.issuers.iter().find(|issuer| issuer.profile.name == channel);
        match issuer.map(|issuer| issuer.profile.recipe) {
            Some(Recipe::Query) => "query",
            Some(Recipe::Repeat) => "repeat",
            Some(Recipe::Reverse) => "reverse",
            Some(Recipe::File) => "file",
            None => "rail",
        }
    }

    /// A request as it comes to a node: with the token that its card shows then.
    pub(super) fn request(&mut self, place: usize) -> Request {
        let asked = self.plan.requests[place].clone();
        let Some(shown) = asked.shown.filter(|shown| shown.token.is_none()) else { return asked.request };
        if shown.show == tokens::Show::Missing {
            return asked.request;
        }
        let at = self.transport.now().wall;
        let minted = self.minted.entry(place);
        let token = minted.or_insert_with(|| tokens::shown(&shown.card, shown.show, at, START).0);
        asked.request.received_at(at).token(token)
    }

    /// Lives until nothing is left to do.
    pub(super) fn live(&mut self) -> Result<Life, String> {
        for _ in 0..MOST_ROUNDS {
            let went = self.reopen()? || self.any_node()? || people::act(self) || self.meddle()?;
            if !went && !self.wait()? && self.left.is_empty() && self.down.is_empty() {
                return self.end();
            }
        }
        let left = self.unfinished().join(", ");
        Err(format!("it does not come to an end; left are {left}; people have {}", people::queue(self)))
    }

    /// Lets one node do one thing; whether any could.
    fn any_node(&mut self) -> Result<bool, String> {
        let (count, now) = (self.nodes.len(), self.mono());
        let first = if count > 1 { self.dice.below(count as u64) as usize } else { 0 };
        for turn in 0..count {
            let n = (first + turn) % count;
            if self.nodes[n].is_awake(now) && self.step(n)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits for the next arrival or timer; whether there is anything to wait for.
    fn wait(&mut self) -> Result<bool, String> {
        let now = self.mono();
        self.wakes.retain(|at| *at > now);
        let mut wakes: Vec<Mono> = self.wakes.first().into_iter().copied().collect();
        wakes.extend(self.down.iter().map(|(at, _)| *at));
        for n in (0..self.nodes.len()).rev() {
            let node = &mut self.nodes[n];
            if let Some(until) = node.asleep {
                wakes.push(until);
                continue;
            }
            match node.wakes_at(now) {
                Ok(at) => wakes.extend(at),
                Err(error) => self.gone(n, &error)?,
            }
        }
        if !self.left.is_empty() {
            wakes.push(now.plus(1_000));
        }
        let until = wakes.into_iter().min().map(|at| at.max(now.plus(1)));
        let arrival = self.transport.next(until);
        self.time_passes()?;
        match arrival {
            Some(arrival) => self.arrives(arrival).map(|()| true),
            None => Ok(until.is_some()),
        }
    }

    /// Whoever is awake has extended its lease meanwhile, and so has it before others look.
    fn time_passes(&mut self) -> Result<(), String> {
        let now = self.mono();
        self.depot.set_clock(now);
        for n in (0..self.nodes.len()).rev() {
            let node = &mut self.nodes[n];
            if node.asleep.is_none() {
                if let Err(error) = node.renew_in_time(now) {
                    self.gone(n, &error)?;
                }
            }
        }
        Ok(())
    }

    /// Opens the logs again whose time has come; whether there was any.
    fn reopen(&mut self) -> Result<bool, String> {
        let now = self.mono();
        let Some(place) = self.down.iter().position(|(at, _)| *at <= now) else { return Ok(false) };
        let (_, log) = self.down.remove(place);
        self.open(log)?;
        Ok(true)
    }

    /// Opens a log as a new process.
    pub(super) fn open(&mut self, log: u32) -> Result<(), String> {
        let now = self.mono();
        self.depot.set_clock(now);
        if self.strikes(Trouble::NewPolicy) {
            self.season.policy += 1;
        }
        if self.strikes(Trouble::NewCatalogue) {
            self.season.catalogue += 1;
        }
        if self.depot.names_its_keys(self.season.keys) && self.strikes(Trouble::OtherKeys) {
            self.open_with_other_keys(log)?;
        }
        let (seed, clocks) = (self.dice.bytes(), self.transport.now());
        let mut node = Node::open(&self.plan, self.season, self.depot.open(log), seed, clocks)?;
        if self.strikes(Trouble::ClockSkew) {
            node.skew_ms = *self.dice.one(&[-3_600_000, -5_000, 4_000, 60_000]);
        }
        let Season { policy, catalogue, keys, .. } = self.season;
        let setup = format!("policy {policy}, catalogue {catalogue}, keys {keys}");
        self.say(&format!("node {log} opens the store: epoch {}, {setup}", node.epoch));
        self.wakes.insert(now.plus(self.depot.takeover_ms()));
        checks::recovered(self, &node)?;
        node.agree(clocks)?;
        self.nodes.push(node);
        self.processes += 1;
        Ok(())
    }

    /// A node comes back with keys that are not the store's: it must be told, and may write nothing.
    fn open_with_other_keys(&mut self, log: u32) -> Result<(), String> {
        let foreign = *self.dice.one(&[Foreign::Pepper, Foreign::NewPepperOnly, Foreign::Key]);
        let now = self.transport.now();
        let before = self.depot.look(|index| index.rows().count());
        let opened = Node::refused(&self.plan, self.season, foreign, self.depot.open(log), now);
        self.say(&format!("node {log} is opened with other keys ({foreign:?}): {opened:?}"));
        let told = matches!(opened, Err(RunError::Recover(RecoverError::Keys(_))));
        let wrote = self.depot.look(|index| index.rows().count()) != before;
        if told && !wrote {
            Ok(())
        } else {
            Err(format!("node {log} is not told of its other keys: {foreign:?}"))
        }
    }

    fn end(&mut self) -> Result<Life, String> {
        self.say("nothing is left to do: everything is opened once more and looked at");
        self.nodes.clear();
        for n in 0..self.plan.nodes {
            let (log, seed, now) = (self.depot.log_of(n), self.dice.bytes(), self.transport.now());
            let mut node = Node::open(&self.plan, self.season, self.depot.open(log), seed, now)?;
            checks::recovered(self, &node)?;
            node.agree(now)?;
            self.nodes.push(node);
        }
        checks::at_the_end(self)?;
        let mut ended = BTreeMap::new();
        for id in checks::redemptions(self) {
            let r = checks::redemption(self, id).ok_or("a row is gone")?;
            *ended.entry(r.state.name()).or_insert(0) += 1;
        }
        checks::cover(self)?;
        self.life.ended = ended.into_iter().collect();
        self.life.coverage = self.coverage.clone();
        Ok(self.life.clone())
    }

    fn unfinished(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        for id in checks::redemptions(self) {
            let Some(r) = checks::redemption(self, id) else { continue };
            if !r.state.is_end() && !r.state.waits_for_people() {
                left.push(format!("{} in {}", self.name(id), r.state.name()));
            }
        }
        left
    }

    /// Brings a message that nobody has asked for once more, under a name of its own.
    pub(super) fn again(&mut self) -> Option<(ChannelId, InboundToken, Vec<u8>)> {
        if self.delivered.is_empty() {
            return None;
        }
        let (channel, bytes) = self.dice.one(&self.delivered).clone();
        Some((channel, InboundToken(0), bytes))
    }
}
