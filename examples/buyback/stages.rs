//! How long the stages of redemptions took, by the clock of the run.

use crate::summary::{StageTime, Times};
use scrip::base::{RedemptionId, Wall};
use scrip::flow::{State, Summary};
use std::collections::HashMap;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Verify,
    Redeem,
    Pay,
    Clear,
}

const STAGES: [(&str, Stage); 4] =
    [("verify", Stage::Verify), ("redeem", Stage::Redeem), ("pay", Stage::Pay), ("clear", Stage::Clear)];

/// Collects the times from one stage to the next.
#[derive(Default)]
pub(crate) struct Stages {
    times: [Times; 4],
    paid: Times,
    /// Where each redemption stands: its stage since when, and when it was claimed.
    standing: HashMap<RedemptionId, (Stage, Wall, Wall)>,
}

impl Stages {
    /// A redemption moved.
    pub(crate) fn moved(&mut self, id: RedemptionId, summary: &Summary) {
        let now = summary.since;
        let stage = match summary.state {
            State::Claimed | State::Screened | State::Verified => Some(Stage::Verify),
            State::Approved | State::Redeeming | State::Unknown | State::Pending | State::Absent => {
                Some(Stage::Redeem)
            }
            State::Paying | State::PayoutUnknown => Some(Stage::Pay),
            State::Split => Some(Stage::Clear),
            _ => None,
        };
        let before = self.standing.get(&id).copied();
        if let Some((was, since, claimed)) = before.filter(|(was, ..)| Some(*was) != stage) {
            if stage.is_some() || summary.state == State::Retired {
                self.times[was as usize].add(ms(since, now));
                if was == Stage::Pay {
                    self.paid.add(ms(claimed, now));
                }
            }
        }
        match (stage, before) {
            (None, _) => {
                self.standing.remove(&id);
            }
            (Some(stage), Some((was, ..))) if was == stage => {}
            (Some(stage), before) => {
                self.standing.insert(id, (stage, now, before.map_or(now, |(.., claimed)| claimed)));
            }
        }
    }

    /// The figures of all stages.
    pub(crate) fn figures(&self) -> Vec<StageTime> {
        let mut all: Vec<_> =
            STAGES.iter().map(|(name, stage)| self.times[*stage as usize].stage(name)).collect();
        all.push(self.paid.stage("claimed to paid"));
        all
    }
}

fn ms(from: Wall, to: Wall) -> u64 {
    u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0)
}
