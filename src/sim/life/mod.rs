//! Whole lives, simulated from a seed: one to three nodes over one store in memory, issuers of all
//! classes with an oracle, a rail, people, and everything that can go wrong between them. Nodes
//! crash, stall, wake as zombies and are taken over; messages are lost, late and doubled; clocks
//! jump; stores are put back. The invariants of the design are checked after every step, and at the
//! end everything must have ended or stand in a queue.
//!
//! | file | one job |
//! |---|---|
//! | `dice` | random choices from the seed |
//! | `trouble` | what can go wrong around the nodes, and how often |
//! | `plan` | what a seed's life is made of: cards, requests, policy, nodes |
//! | `tokens` | what cards of one product show, and what sellers bring of it |
//! | `stores` | the store of one writer, or of several |
//! | `town` | who is next, and how time passes |
//! | `node` | one process: an engine with its host |
//! | `steps` | what a host does, and how it goes wrong |
//! | `meddle` | what happens from outside: clocks, backups, keys, files |
//! | `people` | reviewers, clerks, and sellers who call off |
//! | `checks` | the invariants |
//! | `coverage` | what was seen together |
//! | `traces` | the ways to lose money, recognised where they happen |
//! | `shrink` | a life that goes wrong, made small |

mod checks;
mod coverage;
mod dice;
mod meddle;
mod node;
mod people;
mod plan;
mod shrink;
mod steps;
mod stores;
mod tokens;
mod town;
mod traces;
mod trouble;

pub use coverage::{BEYOND, Coverage};
pub use shrink::{Cut, shrink};
pub use traces::Trace;
pub use trouble::Trouble;

use std::string::String;
use std::vec::Vec;
use town::Town;

/// What a life came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// How many times something was handed to a host.
    pub steps: u64,
    /// How often a node crashed.
    pub crashes: u64,
    /// How many troubles there were, crashes among them.
    pub troubles: u64,
    /// How many batches were made durable.
    pub batches: u64,
    /// How many redemptions there are, by the name of the state they ended in.
    pub ended: Vec<(&'static str, usize)>,
    /// The steps of redemptions that were seen, by number of kind.
    pub kinds: Vec<u16>,
    /// What was seen together.
    pub coverage: Coverage,
}

/// A life in which an invariant was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, step {step}: {what}")]
pub struct Broken {
    /// The seed: the same life again.
    pub seed: u64,
    /// After how many steps.
    pub step: u64,
    /// What was broken.
    pub what: String,
    /// The last things that happened, in words.
    pub story: Vec<String>,
}

/// Lives the life of `seed`.
///
/// # Errors
/// [`Broken`] with the first broken invariant.
pub fn live(seed: u64) -> Result<Life, Broken> {
    live_with(seed, &Cut::default())
}

/// Lives the life of `seed` with something left out.
///
/// # Errors
/// [`Broken`] with the first broken invariant.
pub fn live_with(seed: u64, cut: &Cut) -> Result<Life, Broken> {
    let mut town = Town::new(seed, cut);
    town.live().map_err(|what| Broken { seed, step: town.life.steps, what, story: town.story() })
}
