//! The node: an engine with its host, which crashes and comes back.

use super::Life;
use super::checks;
use super::dice::Dice;
use super::people;
use super::plan::Plan;
use crate::base::RedemptionId;
use crate::engine::{Engine, Event, InboundId, Output, Recovery, SubmitError};
use crate::host::{Arrival, InboundToken, Memory, Store, Transport};
use crate::record::Batch;
use crate::sim::SimTransport;
use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::String;
use std::vec::Vec;

/// A life that takes more rounds than this does not end.
const MOST_ROUNDS: u64 = 20_000;
/// Crashes stop after so many, so that everything can end.
const MOST_CRASHES: u64 = 40;
/// How much of the story is kept.
const STORY: usize = 60;

pub(super) struct Node {
    pub(super) plan: Plan,
    pub(super) store: Memory,
    pub(super) transport: SimTransport,
    pub(super) engine: Engine,
    pub(super) dice: Dice,
    inbound: BTreeMap<InboundId, InboundToken>,
    /// The requests that are still to be submitted, the next one last.
    left: Vec<usize>,
    pub(super) waiting: BTreeSet<RedemptionId>,
    life: Life,
    story: Vec<String>,
}

enum Turn {
    Went,
    Crashed,
    Quiet,
}

impl Node {
    pub(super) fn new(seed: u64, plan: Plan, mut dice: Dice) -> Self {
        let transport = SimTransport::open(&plan.world).expect("a world in memory opens");
        let mut store = Memory::new();
        let engine = open(&plan, &mut store, &mut dice).expect("an empty store opens");
        let left = (0..plan.requests.len()).rev().collect();
        let story = [format!("seed {seed}: {:?}, {:?}", plan.world.faults, plan.crashes)].to_vec();
        let (inbound, waiting, life) = (BTreeMap::new(), BTreeSet::new(), Life::default());
        Self { plan, store, transport, engine, dice, inbound, left, waiting, life, story }
    }

    pub(super) fn steps(&self) -> u64 {
        self.life.steps
    }

    pub(super) fn story(&self) -> Vec<String> {
        self.story.clone()
    }

    pub(super) fn tell(&mut self, what: String) {
        if self.story.len() > STORY {
            self.story.remove(1);
        }
        self.story.push(what);
    }

    /// Lives until nothing is left to do.
    pub(super) fn live(&mut self) -> Result<Life, String> {
        for _ in 0..MOST_ROUNDS {
            self.submit()?;
            match self.turn()? {
                Turn::Went => continue,
                Turn::Crashed => {
                    self.recover()?;
                    continue;
                }
                Turn::Quiet => {}
            }
            if self.hand_due()? || people::act(self) {
                continue;
            }
            if !self.wait()? && self.left.is_empty() {
                return self.end();
            }
        }
        Err(format!("it does not come to an end; people have {}", people::queue(self)))
    }

    fn end(&mut self) -> Result<Life, String> {
        self.recover()?;
        checks::at_the_end(self)?;
        let mut ended = BTreeMap::new();
        for id in checks::redemptions(self) {
            let row = self.store.index().row(id).ok_or("a row is gone")?;
            let summary = crate::flow::Summary::decode(&row.summary).map_err(|e| format!("{e}"))?;
            *ended.entry(summary.state.name()).or_insert(0) += 1;
        }
        self.life.kinds = checks::kinds(self)?;
        Ok(Life { ended: ended.into_iter().collect(), ..self.life.clone() })
    }

    fn submit(&mut self) -> Result<(), String> {
        while let Some(&next) = self.left.last() {
            if self.dice.in_thousand(300) {
                break;
            }
            match self.engine.submit(&self.plan.requests[next]) {
                Ok(id) => self.tell(format!("submit request {next} as {id}")),
                Err(SubmitError::Busy) => break,
                Err(error) => return Err(format!("request {next} is refused: {error}")),
            }
            self.left.pop();
        }
        Ok(())
    }

    /// One thing that the engine wants done.
    fn turn(&mut self) -> Result<Turn, String> {
        let now = self.transport.now();
        let Some(output) = self.engine.poll(now) else { return Ok(Turn::Quiet) };
        self.life.steps += 1;
        if self.crashes(self.plan.crashes.at_poll) {
            self.tell(format!("crash at {}", name(&output)));
            return Ok(Turn::Crashed);
        }
        match output {
            Output::Commit(batch) => return self.commit(batch),
            Output::Call(call) => {
                checks::intent_is_durable(self, &call)?;
                self.tell(format!("call {} {} #{}", call.kind.name(), call.redemption, call.attempt));
                self.transport.start(call);
            }
            Output::Ack(id, bytes) => {
                if let Some(token) = self.inbound.remove(&id) {
                    self.transport.acknowledge(token, &bytes);
                }
            }
            Output::Load(id) => {
                let handed = self.store.load(id).map_err(|error| format!("{error}"))?;
                self.engine.loaded(id, handed);
            }
            Output::Event(event) => self.heard(&event)?,
        }
        Ok(Turn::Went)
    }

    fn heard(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Moved { redemption, summary } => {
                self.tell(format!("{redemption} is {}", summary.state.name()));
                if summary.state.waits_for_people() {
                    self.waiting.insert(*redemption);
                } else {
                    self.waiting.remove(redemption);
                }
            }
            Event::Refused { redemption, error: Some(error) } => {
                let misfit =
                    matches!(error, crate::flow::FlowError::NotNow(_) | crate::flow::FlowError::TwoPeople);
                if !misfit {
                    return Err(format!("{redemption}: {error}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn commit(&mut self, mut batch: Batch) -> Result<Turn, String> {
        if self.crashes(self.plan.crashes.before_commit) {
            self.tell(format!("crash before batch {} is durable", batch.id().sequence));
            return Ok(Turn::Crashed);
        }
        if self.dice.in_thousand(30) {
            self.tell(format!("batch {} fails, and is offered again", batch.id().sequence));
            self.engine.commit_failed(batch).map_err(|error| format!("{error}"))?;
            return Ok(Turn::Went);
        }
        self.store.commit(&mut batch).map_err(|error| format!("{error}"))?;
        if self.dice.in_thousand(30) {
            // It is not known whether it was taken: the same again.
            self.store.commit(&mut batch).map_err(|error| format!("{error}"))?;
        }
        self.life.batches += 1;
        if self.crashes(self.plan.crashes.after_commit) {
            self.tell(format!("crash after batch {} is durable", batch.id().sequence));
            return Ok(Turn::Crashed);
        }
        if self.dice.in_thousand(40) {
            let mut state = Vec::new();
            if let Some(upto) = self.engine.checkpoint(&mut state) {
                self.store.checkpoint(upto, &state).map_err(|error| format!("{error}"))?;
            }
        }
        self.engine.committed(batch).map_err(|error| format!("{error}"))?;
        checks::after_commit(self)?;
        Ok(Turn::Went)
    }

    fn hand_due(&mut self) -> Result<bool, String> {
        let now = self.engine.wall();
        let due = self.store.due(now, self.engine.room().min(4)).map_err(|error| format!("{error}"))?;
        let any = !due.is_empty();
        for handed in due {
            self.tell(format!("{} is due", handed.redemption));
            self.engine.loaded(handed.redemption, Some(handed));
        }
        Ok(any)
    }

    /// Waits for the next arrival or timer; whether there is anything to wait for.
    fn wait(&mut self) -> Result<bool, String> {
        let now = self.transport.now();
        let due = self.store.next_due().map_err(|error| format!("{error}"))?;
        // What is due has to wait for room.
        let due =
            due.filter(|_| self.engine.room() > 0).map(|due| now.mono.plus((due.0 - now.wall.0).max(0)));
        let until = [self.engine.wake_at(), due].into_iter().flatten().min();
        let Some(arrival) = self.transport.next(until) else { return Ok(until.is_some()) };
        if self.crashes(self.plan.crashes.at_reply) {
            self.tell("crash as something arrives".into());
            self.recover()?;
            return Ok(true);
        }
        match arrival {
            Arrival::Reply(id, bytes) => self.engine.reply(id, &bytes).map_err(|error| format!("{error}"))?,
            Arrival::Lost(id, sent) => {
                self.tell(format!("call {} brings no reply: {sent:?}", id.number));
                self.engine.lost(id, sent).map_err(|error| format!("{error}"))?;
            }
            Arrival::Inbound(channel, token, bytes) => {
                let id = self.engine.inbound(channel, &bytes).map_err(|error| format!("{error}"))?;
                let id = id.map_err(|error| format!("inbound: {error}"))?;
                self.inbound.insert(id, token);
            }
        }
        Ok(true)
    }

    fn crashes(&mut self, chance: u64) -> bool {
        self.life.crashes < MOST_CRASHES && self.dice.in_thousand(chance)
    }

    /// The process is gone, and another one opens the store.
    fn recover(&mut self) -> Result<(), String> {
        self.life.crashes += 1;
        self.transport.sever();
        self.inbound.clear();
        self.engine = open(&self.plan, &mut self.store, &mut self.dice)?;
        checks::recovered(self)
    }
}

fn open(plan: &Plan, store: &mut Memory, dice: &mut Dice) -> Result<Engine, String> {
    let mut recovery = Recovery::new();
    let epoch = store.recover(&mut recovery).map_err(|error| format!("{error}"))?;
    recovery.finish(plan.setup(), epoch, dice.bytes()).map_err(|error| format!("{error}"))
}

fn name(output: &Output) -> &'static str {
    match output {
        Output::Commit(_) => "a commit",
        Output::Call(_) => "a call",
        Output::Ack(..) => "an acknowledgement",
        Output::Load(_) => "a load",
        Output::Event(_) => "an event",
    }
}
