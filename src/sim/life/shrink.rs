//! A life that goes wrong, made as small as it can be and still go wrong.

use super::plan::MOST_REQUESTS;
use super::trouble::Trouble;
use super::{Broken, live_with};
use std::collections::BTreeSet;
use std::format;
use std::string::String;

/// What is left out of a seed's life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Requests that are not made, by number from 0.
    pub requests: BTreeSet<usize>,
    /// Troubles that do not happen.
    pub off: BTreeSet<Trouble>,
    /// Whether the network makes no faults.
    pub calm: bool,
    /// At most so many nodes.
    pub nodes: Option<u32>,
}

impl Cut {
    /// What is left out, in words.
    pub fn told(&self) -> String {
        let off: std::vec::Vec<_> = self.off.iter().map(|trouble| trouble.name()).collect();
        let requests: std::vec::Vec<_> = self.requests.iter().map(|n| format!("{n}")).collect();
        format!(
            "left out: network faults {}; nodes beyond {}; requests {}; troubles {}",
            if self.calm { "all" } else { "none" },
            self.nodes.map_or_else(|| "the plan's".into(), |nodes| format!("{nodes}")),
            if requests.is_empty() { "none".into() } else { requests.join(", ") },
            if off.is_empty() { "none".into() } else { off.join(", ") },
        )
    }
}

/// Shrinks the life of a seed that goes wrong: fewer troubles, fewer nodes, fewer requests, as long
/// as something goes wrong, be it something else. Gives what was left out, and the small life.
pub fn shrink(broken: &Broken) -> (Cut, Broken) {
    let (mut cut, mut small) = (Cut::default(), broken.clone());
    let mut attempt = |change: &dyn Fn(&mut Cut)| {
        let mut next = cut.clone();
        change(&mut next);
        if next == cut {
            return;
        }
        if let Err(still) = live_with(broken.seed, &next) {
            (cut, small) = (next, still);
        }
    };
    attempt(&|cut| cut.calm = true);
    for nodes in [1, 2] {
        attempt(&|cut| cut.nodes = cut.nodes.or(Some(nodes)));
    }
    for trouble in Trouble::ALL {
        attempt(&|cut| {
            cut.off.insert(*trouble);
        });
    }
    for request in (0..MOST_REQUESTS as usize).rev() {
        attempt(&|cut| {
            cut.requests.insert(request);
        });
    }
    (cut, small)
}
