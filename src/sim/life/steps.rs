//! What a node's host does, one thing at a time, and how it goes wrong.

use super::checks;
use super::tokens::Show;
use super::town::Town;
use super::traces::{Sending, Trace};
use super::trouble::Trouble;
use crate::base::{Mono, planted};
use crate::engine::{Call, Event, Output, Reply, SubmitError};
use crate::flow::FlowError;
use crate::host::{Arrival, Store, StoreError, Transport};
use crate::record::Batch;
use crate::sim::odd::Oddity;
use crate::sim::transport::Omens;
use std::format;
use std::string::String;
use std::vec::Vec;

fn text(error: impl core::fmt::Display) -> String {
    format!("{error}")
}

impl Town {
    /// One thing that a node's host does; whether there was any.
    pub(super) fn step(&mut self, n: usize) -> Result<bool, String> {
        let now = self.mono();
        if self.nodes[n].asleep.take().is_some() {
            let log = self.nodes[n].log;
            self.say(&format!("node {log} wakes"));
            // Its host does not know that it has slept, and goes on with what it had in hand.
            if let Some(call) = self.nodes[n].held.take() {
                return self.send(n, call).map(|()| true);
            }
        }
        if let Err(error) = self.nodes[n].renew_in_time(now) {
            return self.gone(n, &error).map(|()| true);
        }
        self.submit(n)?;
        if let Some(arrival) = self.nodes[n].mail.pop_front() {
            return self.hear(n, arrival).map(|()| true);
        }
        let clocks = self.transport.now();
        let clocks = self.nodes[n].clocks(clocks);
        if let Some(output) = self.nodes[n].engine.poll(clocks) {
            self.life.steps += 1;
            return self.output(n, output).map(|()| true);
        }
        match self.nodes[n].hand_due() {
            Ok(due) => {
                let log = self.nodes[n].log;
                due.iter().for_each(|id| {
                    let name = self.name(*id);
                    self.say(&format!("node {log} takes {name} up, which is due"));
                });
                Ok(!due.is_empty())
            }
            Err(error) => self.gone(n, &error).map(|()| true),
        }
    }

    fn submit(&mut self, n: usize) -> Result<(), String> {
        while let Some(&next) = self.left.last() {
            if self.dice.in_thousand(300) {
                break;
            }
            let log = self.nodes[n].log;
            let request = self.request(next);
            let show = self.plan.requests[next].shown.as_ref().map(|shown| shown.show);
            match self.nodes[n].engine.submit(&request) {
                Ok(id) => {
                    let name = self.name(id);
                    let with = show.map_or(String::new(), |show| format!(", its token: {}", show.name()));
                    self.say(&format!("a seller's request {name} comes to node {log}{with}"));
                }
                Err(
                    SubmitError::Refused { field: "token", .. } | SubmitError::Invalid { field: "token", .. },
                ) if show == Some(Show::Missing) => {}
                Err(SubmitError::Busy) => break,
                Err(error) => return Err(format!("request {next} is refused: {error}")),
            }
            show.into_iter().for_each(|show| self.coverage.token(show.name()));
            self.left.pop();
        }
        Ok(())
    }

    fn output(&mut self, n: usize, output: Output) -> Result<(), String> {
        if self.strikes(Trouble::CrashAtPoll) {
            return self.crash(n, "between two steps");
        }
        match output {
            Output::Commit(batch) => self.commit(n, batch),
            Output::Call(call) => {
                checks::intent_is_durable(self, &call)?;
                checks::within_the_lease(self, n, &call)?;
                if self.strikes(Trouble::Stall) {
                    self.nodes[n].held = Some(call);
                    self.stall(n);
                    return Ok(());
                }
                self.send(n, call)
            }
            Output::Ack(id, bytes) => {
                if let Some(token) = self.nodes[n].inbound.remove(&id) {
                    self.transport.acknowledge(token, &bytes);
                }
                Ok(())
            }
            Output::Load(id) => {
                let node = &mut self.nodes[n];
                match node.store.load(id) {
                    Ok(handed) => node.engine.loaded(id, handed),
                    Err(StoreError::Elsewhere { .. }) => node.engine.elsewhere(id),
                    Err(error) => return Err(text(error)),
                }
                Ok(())
            }
            Output::Event(event) => self.heard(n, &event),
        }
    }

    /// Hands a call to the network.
    fn send(&mut self, n: usize, call: Call) -> Result<(), String> {
        let (log, now) = (self.nodes[n].log, self.mono());
        let late = if now > call.send_by { ", too late" } else { "" };
        let (name, kind) = (self.name(call.redemption), call.kind.name());
        self.say(&format!(
            "node {log} sends {kind} #{} of {name} to site {}{late}",
            call.attempt, call.endpoint
        ));
        let channel = self.transport.name_of(call.id.channel);
        let issuer = self.plan.world.issuers.iter().find(|issuer| issuer.profile.name == channel);
        let sites = issuer.map_or(1, |issuer| issuer.profile.endpoints.len());
        let leaves = now <= call.send_by || planted!(SendByIgnored);
        let omens = if leaves { self.transport.omens(&call) } else { Omens::default() };
        self.coverage.of_call(&Sending {
            kind: call.kind,
            again: self.watch.may_have_arrived(call.redemption),
            taken: self.depot.is_taken(call.redemption, self.nodes[n].epoch),
            leaves,
            troubled: omens.fault.is_some() || omens.outage.is_some(),
            sites,
            forgotten: self.watch.forgot && call.attempt == 1 && self.transport.is_known(call.redemption),
        });
        self.omens(&channel, omens);
        if leaves {
            checks::may_leave(self, n, &call)?;
        }
        self.transport.start(call);
        Ok(())
    }

    /// What awaits a call, for the story and for what was seen together.
    fn omens(&mut self, channel: &str, omens: Omens) {
        let recipe = self.recipe_of(channel);
        if let Some(outage) = omens.outage {
            self.coverage.outage(outage);
            self.coverage.befell(recipe, &format!("{outage:?}"));
            self.say(&format!("  and that site is down: {outage:?}"));
        } else if let Some(fault) = omens.fault {
            self.coverage.fault(channel, fault);
            self.coverage.befell(recipe, &format!("{fault:?}"));
            self.say(&format!("  and the network has in mind for it: {fault:?}"));
        }
        let Some(oddity) = omens.oddity else { return };
        let trouble = match oddity {
            Oddity::Foreign => Trouble::ForeignApproval,
            Oddity::Duplicate => Trouble::SaysDuplicate,
            Oddity::Partial => Trouble::PartialApproval,
            Oddity::RefusesUndo => Trouble::RefusesUndo,
            Oddity::Later => Trouble::AnswersLater,
            Oddity::Forgets => Trouble::ForgetsPending,
            Oddity::Undoes => Trouble::UndoesPending,
            Oddity::Silent => Trouble::SilentRail,
        };
        self.coverage.trouble(trouble);
        self.coverage.befell(recipe, trouble.name());
        self.say(&format!("  and its answer may be odd: {oddity:?}"));
    }

    fn heard(&mut self, n: usize, event: &Event) -> Result<(), String> {
        let log = self.nodes[n].log;
        match event {
            Event::Answered { reply: Reply::CardBusy { .. } | Reply::Mismatch, .. } => {
                self.coverage.trace(Trace::DuplicatesMixedUp);
            }
            Event::Moved { redemption, summary } => {
                let name = self.name(*redemption);
                self.say(&format!("node {log}: {name} is {}", summary.state.name()));
                if summary.state.waits_for_people() {
                    self.queue.insert(*redemption);
                } else {
                    self.queue.remove(redemption);
                }
            }
            Event::Refused {
                error: Some(FlowError::NotNow(_) | FlowError::TwoPeople | FlowError::Token(_)),
                ..
            } => {}
            Event::Refused { redemption, error: Some(FlowError::UnderWay { until }) } => {
                let left = until.0.saturating_sub(self.nodes[n].engine.wall().0);
                let again = self.mono().plus(left.max(1));
                self.put_back.insert(*redemption, again);
                self.queue.insert(*redemption);
                self.wakes.insert(again);
            }
            Event::Refused { redemption, error: Some(error) } => {
                return Err(format!("{}: {error}", self.name(*redemption)));
            }
            Event::TakenOver { redemption, unacknowledged }
            | Event::Elsewhere { redemption, unacknowledged } => {
                self.nodes[n].inbound.retain(|id, _| !unacknowledged.contains(id));
                let name = self.name(*redemption);
                self.say(&format!("node {log}: {name} is at another node"));
            }
            _ => {}
        }
        Ok(())
    }

    fn commit(&mut self, n: usize, mut batch: Batch) -> Result<(), String> {
        let number = batch.id().sequence;
        if self.nodes[n].offered.take() == Some(batch.id()) {
            self.coverage.trace(Trace::FullBuffer);
        }
        if self.strikes(Trouble::CrashBeforeCommit) {
            return self.crash(n, &format!("before batch {number} is durable"));
        }
        if self.strikes(Trouble::Stall) {
            // The batch is offered when it wakes; it may be fenced off by then.
            self.nodes[n].engine.commit_failed(batch).map_err(text)?;
            self.stall(n);
            return Ok(());
        }
        if self.strikes(Trouble::DiskFull) {
            self.say(&format!("the disk is full: batch {number} is offered again"));
            self.nodes[n].offered = Some(batch.id());
            return self.nodes[n].engine.commit_failed(batch).map_err(text);
        }
        if self.strikes(Trouble::SyncFails) {
            let taken = self.dice.in_thousand(500) && self.nodes[n].store.commit(&mut batch).is_ok();
            let whether = if taken { "is" } else { "is not" };
            self.say(&format!(
                "a sync fails: batch {number} {whether} on the disk, and its store is poisoned"
            ));
            return self.crash(n, "for its store takes nothing more");
        }
        if let Err(error) = self.nodes[n].store.commit(&mut batch) {
            return self.gone(n, &error);
        }
        self.life.batches += 1;
        self.of_batch(&batch);
        if self.strikes(Trouble::CommitUncertain) {
            self.say(&format!("whether batch {number} was taken is not known"));
            return self.nodes[n].engine.commit_failed(batch).map_err(text);
        }
        if self.strikes(Trouble::CrashAfterCommit) {
            return self.crash(n, &format!("after batch {number} is durable"));
        }
        if self.dice.in_thousand(40) {
            let mut state = Vec::new();
            let node = &mut self.nodes[n];
            node.recount()?;
            if let Some(upto) = node.engine.checkpoint(&mut state) {
                if let Err(error) = node.store.checkpoint(upto, &state) {
                    return self.gone(n, &error);
                }
            }
        }
        let ids: Vec<_> = batch.units().iter().map(|unit| unit.redemption).collect();
        self.nodes[n].engine.committed(batch).map_err(text)?;
        checks::after_commit(self, n, &ids)
    }

    /// Something arrives: a reply for the process that asked, a message for anybody.
    pub(super) fn arrives(&mut self, arrival: Arrival) -> Result<(), String> {
        let asked = match &arrival {
            Arrival::Reply(id, _) | Arrival::Lost(id, _) => {
                if let Arrival::Lost(id, sent) = &arrival {
                    self.watch.lost(*id, *sent);
                }
                let epoch = id.number >> 32;
                self.nodes.iter().position(|node| node.epoch == epoch)
            }
            Arrival::Inbound(channel, _, bytes) => {
                self.delivered.push((*channel, bytes.clone()));
                let now = self.mono();
                let awake: Vec<usize> =
                    (0..self.nodes.len()).filter(|n| self.nodes[*n].is_awake(now)).collect();
                if awake.is_empty() { None } else { Some(*self.dice.one(&awake)) }
            }
        };
        match asked {
            // It goes to a process that is no more, or will be brought again.
            None => Ok(()),
            Some(n) if self.nodes[n].asleep.is_some() => {
                self.nodes[n].mail.push_back(arrival);
                Ok(())
            }
            Some(n) => self.hear(n, arrival),
        }
    }

    pub(super) fn hear(&mut self, n: usize, arrival: Arrival) -> Result<(), String> {
        if self.strikes(Trouble::CrashAtReply) {
            return self.crash(n, "as something arrives");
        }
        let (log, engine) = (self.nodes[n].log, &mut self.nodes[n].engine);
        match arrival {
            Arrival::Reply(id, bytes) => engine.reply(id, &bytes).map_err(text)?,
            Arrival::Lost(id, sent) => engine.lost(id, sent).map_err(text)?,
            Arrival::Inbound(channel, token, bytes) => {
                let id = engine.inbound(channel, &bytes).map_err(text)?;
                let id = id.map_err(|error| format!("inbound: {error}"))?;
                self.nodes[n].inbound.insert(id, token);
                self.say(&format!("a callback or file comes to node {log}"));
            }
        }
        Ok(())
    }

    pub(super) fn stall(&mut self, n: usize) {
        let (now, lease) = (self.mono(), self.depot.takeover_ms());
        let for_ms = *self.dice.one(&[500, lease / 2, lease + 1_000, lease * 3, 3_600_000]);
        let log = self.nodes[n].log;
        let with = if self.nodes[n].held.is_some() { " with a call in its hand" } else { "" };
        self.say(&format!("node {log} stalls for {} s{with}", for_ms / 1_000));
        self.nodes[n].asleep = Some(now.plus(for_ms.max(1)));
        self.wakes.insert(now.plus(lease));
    }

    /// The process is gone; another one opens its log some time later.
    pub(super) fn crash(&mut self, n: usize, when: &str) -> Result<(), String> {
        self.life.crashes += 1;
        let (now, node) = (self.mono(), self.nodes.remove(n));
        self.say(&format!("node {} crashes {when}", node.log));
        self.come_back(now, node.log);
        Ok(())
    }

    /// A process that the store does not let on any more stops.
    pub(super) fn gone(&mut self, n: usize, error: &StoreError) -> Result<(), String> {
        if !matches!(error, StoreError::Fenced { .. }) {
            return Err(format!("node {}: {error}", self.nodes[n].log));
        }
        let (now, node) = (self.mono(), self.nodes.remove(n));
        self.say(&format!("node {} stops: {error}", node.log));
        if !self.nodes.iter().any(|other| other.log == node.log) {
            self.come_back(now, node.log);
        }
        Ok(())
    }

    fn come_back(&mut self, now: Mono, log: u32) {
        let takeover_ms = self.depot.takeover_ms();
        let after_ms = *self.dice.one(&[1, 1_000, takeover_ms, takeover_ms * 4]);
        if !self.down.iter().any(|(_, down)| *down == log) {
            self.down.push((now.plus(after_ms), log));
        }
        self.wakes.insert(now.plus(takeover_ms));
    }
}
