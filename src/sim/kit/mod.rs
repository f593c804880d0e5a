//! What an author of an adapter needs: the conformance suite that every adapter passes, and a
//! driver that buys one card with it.
//!
//! An adapter is a codec, so its counterpart is one too: a [`FarEnd`] reads the requests of the
//! protocol and writes answers in its words. What an honest issuer answers is the suite's own
//! business (it keeps the books), and so is every dishonest, strange and broken answer.
//!
//! ```
//! # use scrip::adapters::plain::Plain;
//! # use scrip::issuer::{Issuer, Message, Profiles};
//! # use scrip::sim::kit::{FarEnd, Heard, PlainEnd, Said, conformance};
//! # use scrip::base::Secret;
//! # let text = "[issuer.a]\nadapter = \"plain\"\nverify = \"balance\"\nevidence = \"online\"\n\
//! #     idempotency = \"issuer\"\nrecipe = \"query\"\nlate_debit = \"owe\"\nendpoints = [\"x\"]";
//! # let profile = Profiles::parse(text)?.issuers["a"].clone();
//! # let key = || Secret::new(vec![7; 32]);
//! # let made = || Box::new(Plain::new(profile.clone(), key()).expect("32 bytes")) as Box<dyn Issuer>;
//! let checked = conformance(&made, &mut PlainEnd::new(key())).expect("the contract is kept");
//! assert!(checked.checks > 1_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod book;
mod broken;
mod drive;
mod far;
mod foreign;
mod later;
mod plain;
mod quiet;
mod repeats;
mod says;
mod trial;

pub use drive::{FarEndTransport, driver};
pub use far::{CardText, FarEnd, Heard, Said, Says};
pub use plain::PlainEnd;

use crate::issuer::Issuer;
use core::fmt;
use std::boxed::Box;
use std::string::String;
use std::vec::Vec;
use trial::Trial;

/// One clause of the contract between scrip and an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// What the profile promises can be asked: the balance or PIN check that it verifies by, the
    /// query of its recipe, the undoing of debits, the echo of cards.
    Ability,
    /// A plain answer comes out as what it says, with its amount.
    Answer,
    /// A code or status that is not in the closed set leaves the outcome unknown: neither yes nor no,
    /// nor that it will be told later.
    Unknown,
    /// What was said of another reference, amount, currency or card is not taken for what was
    /// asked.
    Foreign,
    /// Broken bytes give no answer that was not given, and no panic.
    Broken,
    /// Number and secret stand in nothing that is logged or kept: head, trace, session, debug
    /// output, acknowledgement, card tag.
    Secret,
    /// What cannot be encoded leaves nothing behind, and what can has bytes.
    NothingSent,
    /// The same operation in the same context is the same message, of a fresh instance too.
    Same,
    /// As many operations as the profile allows fit into one message, and each is answered.
    Batch,
    /// A repeat is recognised where the profile says that repeats are.
    Repeat,
    /// After a restart, with nothing but session and trace, repeat, query, undoing and a late
    /// answer still mean the same debit.
    Restart,
    /// What is only taken in is not approved, and what became of it can be heard.
    Later,
    /// A message that nobody waits for says what it says, to whoever hears it and however often; one
    /// that was forged or changed says nothing.
    Callback,
}

/// Where an adapter does not keep the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule:?}: {what}")]
pub struct Breach {
    /// Which clause.
    pub rule: Rule,
    /// What was done, and what came of it.
    pub what: String,
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// How many checks were made.
    pub checks: u64,
    /// How many of them on bytes that were broken on purpose.
    pub broken: u64,
    /// What could not be checked, because the protocol has no words for it.
    pub left_out: Vec<String>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} checks, {} of them on broken bytes", self.checks, self.broken)?;
        match self.left_out.is_empty() {
            true => Ok(()),
            false => write!(f, "; left out: {}", self.left_out.join(", ")),
        }
    }
}

/// Checks that an adapter keeps the contract of [`Issuer`]: every [`Rule`]. `make` gives a fresh
/// instance with the same set-up each time, as a restart does; `far` is the other end of its
/// protocol. The same for the same adapter each time.
///
/// That the secrets are in no error needs no check: errors of adapters hold fixed texts.
///
/// # Errors
/// [`Breach`], the first one found.
///
/// # Panics
/// If the far end cannot read a request of this protocol, or cannot write a plain yes (where debits are told of
/// [later](FarEnd::later), that one is taken in).
pub fn conformance(make: &dyn Fn() -> Box<dyn Issuer>, far: &mut dyn FarEnd) -> Result<Checked, Breach> {
    let mut trial = Trial::new(make, far)?;
    trial.abilities()?;
    trial.nothing_sent()?;
    trial.same()?;
    trial.secrets()?;
    trial.answers()?;
    trial.strange()?;
    trial.foreign()?;
    trial.batch()?;
    trial.repeats()?;
    trial.restart()?;
    trial.taken_in()?;
    trial.callbacks()?;
    trial.broken()?;
    Ok(trial.checked)
}
