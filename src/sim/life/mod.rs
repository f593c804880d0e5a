//! Whole lives, simulated from a seed: one node over a store in memory, issuers of all classes
//! with an oracle, people, and everything that can go wrong between them. The node crashes at
//! polls, commits and replies; messages are lost, late and doubled. The invariants of the design
//! are checked after every step, and at the end everything must have ended or stand in a queue.
//!
//! | file | one job |
//! |---|---|
//! | `dice` | random choices from the seed |
//! | `plan` | what a seed's life is made of: cards, requests, policy, faults |
//! | `node` | the engine with its host: pump, crash, recover |
//! | `people` | reviewers and clerks |
//! | `checks` | the invariants |

mod checks;
mod dice;
mod node;
mod people;
mod plan;

use dice::Dice;
use node::Node;
use std::string::String;
use std::vec::Vec;

/// What a life came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// How many times something was handed to the host.
    pub steps: u64,
    /// How often the node crashed.
    pub crashes: u64,
    /// How many batches were made durable.
    pub batches: u64,
    /// How many redemptions there are, by the name of the state they ended in.
    pub ended: Vec<(&'static str, usize)>,
    /// The steps of redemptions that were seen, by number of kind.
    pub kinds: Vec<u16>,
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
    let mut dice = Dice::new(seed);
    let plan = plan::plan(seed, &mut dice);
    let mut node = Node::new(seed, plan, dice);
    node.live().map_err(|what| Broken { seed, step: node.steps(), what, story: node.story() })
}
