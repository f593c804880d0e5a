//! What happens to the nodes and their store from outside: clocks, second processes, backups, keys,
//! and files that come again or are corrected.

use super::checks;
use super::town::Town;
use super::traces::Trace;
use super::trouble::Trouble;
use crate::base::RedemptionId;
use crate::flow::State;
use crate::host::{Arrival, Transport};
use crate::issuer::Reference;
use std::format;
use std::string::String;
use std::vec::Vec;

impl Town {
    /// Something happens from outside, in a quiet moment; whether anything did.
    pub(super) fn meddle(&mut self) -> Result<bool, String> {
        if self.nodes.is_empty() {
            return Ok(false);
        }
        let n = self.dice.below(self.nodes.len() as u64) as usize;
        if self.strikes(Trouble::ClockJump) {
            let by_ms = *self.dice.one(&[-86_400_000, -60_000, 30_000, 3_600_000, 86_400_000]);
            self.nodes[n].skew_ms += by_ms;
            let log = self.nodes[n].log;
            let id_waits =
                |id: &RedemptionId| checks::redemption(self, *id).is_some_and(|r| !r.state.is_end());
            if checks::redemptions(self).iter().any(id_waits) {
                self.coverage.trace(Trace::ClockJumps);
            }
            self.say(&format!("the wall clock of node {log} jumps by {} s", by_ms / 1_000));
        }
        if self.strikes(Trouble::StaleWriter) {
            let log = self.nodes[n].log;
            self.say(&format!("a second process of node {log} starts while the first goes on"));
            self.open(log)?;
            return Ok(true);
        }
        if self.strikes(Trouble::NewKeys) {
            self.season.keys = (self.season.keys + 1).min(3);
            self.say("a new sealing key and a new pepper: all nodes are opened anew with them");
            self.all_stop();
            return Ok(true);
        }
        if self.backup.is_none() || self.dice.in_thousand(5) {
            self.backup = Some(self.depot.backup());
        } else if self.strikes(Trouble::Restore) {
            self.restore()?;
            return Ok(true);
        }
        Ok(self.file_again()? || self.correct_file()?)
    }

    fn all_stop(&mut self) {
        let now = self.mono();
        for node in core::mem::take(&mut self.nodes) {
            if !self.down.iter().any(|(_, log)| *log == node.log) {
                self.down.push((now, node.log));
            }
        }
        for (at, _) in &mut self.down {
            *at = now;
        }
    }

    /// Last night's database is put back. Whoever kept an audit checkpoint elsewhere sees it; and
    /// whoever has not had an answer asks again, so that every request comes once more.
    fn restore(&mut self) -> Result<(), String> {
        let Some(backup) = self.backup.take() else { return Ok(()) };
        self.say("the whole store is put back to an earlier state; every request comes again");
        self.all_stop();
        self.depot.restore(&backup);
        // Told with a margin, for the clocks of nodes differ.
        self.season.put_back_at = self.transport.now().wall.0 + 60_000;
        checks::restored(self)?;
        self.left = (0..self.plan.requests.len()).rev().collect();
        self.queue.clear();
        for id in checks::redemptions(self) {
            let waits = checks::redemption(self, id).is_some_and(|r| r.state.waits_for_people());
            if waits {
                self.queue.insert(id);
            }
        }
        Ok(())
    }

    fn file_again(&mut self) -> Result<bool, String> {
        if self.delivered.is_empty() || !self.strikes(Trouble::FileAgain) {
            return Ok(false);
        }
        let Some((channel, token, bytes)) = self.again() else { return Ok(false) };
        self.say("a callback or file is delivered once more");
        let now = self.mono();
        // To all nodes at once: of those that take the same redemption up, one gets on with it.
        for n in (0..self.nodes.len()).rev() {
            let node = &self.nodes[n];
            if node.is_awake(now) && node.asleep.is_none() {
                self.hear(n, Arrival::Inbound(channel, token, bytes.clone()))?;
            }
        }
        Ok(true)
    }

    /// An issuer that answers by file finds out that a debit was none, after we have paid.
    fn correct_file(&mut self) -> Result<bool, String> {
        let settled = |state| matches!(state, State::Paid | State::Split | State::Cleared | State::Retired);
        if self.plan.chances.of(Trouble::FileCorrected) == 0 {
            return Ok(false);
        }
        let mut open: Vec<RedemptionId> = Vec::new();
        for id in checks::redemptions(self) {
            let Some(r) = checks::redemption(self, id) else { continue };
            let refused = r.state == State::Declined && r.redeem.is_some();
            let told = settled(r.state) || refused;
            if &*r.facts.issuer == "file" && told && !self.watch.is_corrected(id) {
                open.push(id);
            }
        }
        if open.is_empty() || !self.strikes(Trouble::FileCorrected) {
            return Ok(false);
        }
        let id = *self.dice.one(&open);
        let name = self.name(id);
        if self.transport.correct("file", Reference::debit(id)) {
            self.watch.corrected(id);
            self.say(&format!("a corrected file tells otherwise of the debit of {name}"));
        }
        let _ = self.transport.now();
        Ok(true)
    }
}
