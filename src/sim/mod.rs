//! Simulated issuers and rails, for tests, trials and benches: they speak signed JSON, keep
//! durable ledgers of what they really did outside scrip's database, and make faults that are a
//! pure function of seed, reference, operation and attempt. An [`Oracle`] reads the ledgers and
//! tells what was really debited and paid, once or twice.
//!
//! | file | one job |
//! |---|---|
//! | `bank` | a bank over ISO 8583, by itself (feature `bank-des`) |
//! | `config` | which issuers, rails, cards, faults and clock there are |
//! | `card` | what an issuer knows of a card |
//! | `book` | one issuer: cards, debits, reversals |
//! | `rail` | one rail: pay-outs and returns |
//! | `ledger`, `entry` | the append-only file behind a book, and its lines |
//! | `fault` | what goes wrong, and how long things take |
//! | `odd` | far ends that answer oddly |
//! | `outage` | sites that are down for a while |
//! | `clock` | virtual or real time that goes on where it was |
//! | `world` | the books by channel, and what they do with a message |
//! | `transport` | the network between scrip and the world |
//! | `serve` | the world behind a server's own network |
//! | `protocol` | issuers that speak a REST profile |
//! | `speech` | which protocol an issuer speaks |
//! | `oracle` | what really happened |
//! | `kit` | the conformance suite for adapters, and a driver for one |
//!
//! # Examples
//! ```
//! use scrip::base::Mono;
//! use scrip::host::Transport;
//! use scrip::issuer::Profiles;
//! use scrip::sim::{Faults, SimConfig, SimIssuer, SimRail, SimTransport};
//!
//! # let text = include_str!("../../examples/data/issuers.toml");
//! let profiles = Profiles::parse(text)?; // the text of issuers.toml
//! let issuers = profiles.issuers.into_values().map(SimIssuer::new).collect();
//! let rails = profiles.rails.into_values().map(SimRail::new).collect();
//! let config = SimConfig { faults: Faults::Light, seed: 7, ..SimConfig::new(issuers, rails) };
//! let adapters: Result<Vec<_>, _> = config.issuers.iter().map(SimIssuer::adapter).collect();
//! assert_eq!(adapters?.len(), 6); // for the engine's set-up
//!
//! let mut transport = SimTransport::open(&config)?; // for the driver
//! assert_eq!(transport.next(Some(Mono(86_400_000))), None); // a quiet day, at once
//! assert!(transport.world().oracle().twice().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "bank-des")]
mod bank;
mod book;
mod card;
mod clock;
mod config;
mod entry;
mod fault;
mod files;
pub mod kit;
mod ledger;
pub mod life;
mod odd;
mod oracle;
mod outage;
mod protocol;
mod rail;
mod serve;
mod speech;
mod transport;
mod world;

#[cfg(test)]
mod tests;

#[cfg(feature = "bank-des")]
pub use bank::{BankDebit, SimBank};
pub use book::{IssuerBook, Order};
pub use card::{CardStatus, SimCard};
pub use config::{FileTimes, Pace, SimConfig, SimIssuer, SimRail, TimeMode};
pub use fault::{Fault, Faults};
pub use files::InBatch;
pub use oracle::{Oracle, OracleDebit, OraclePayout, Twice};
pub use outage::Outage;
pub use protocol::InRest;
pub use rail::RailBook;
pub use serve::{Parcel, Visit};
pub use speech::Speech;
pub use transport::SimTransport;
pub use world::SimWorld;

use crate::adapters::AdapterError;
use crate::base::{Advice, Code, block};
use std::string::String;

/// Why the simulated world cannot be set up or go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// Issuers and rails give their names to files: lower-case letters, digits, `-` and `_`,
    /// and no name twice.
    #[error("`{0}`: names are of lower-case letters, digits, - and _, and each is given once")]
    Name(String),
    /// A channel key that cannot be used.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// A line of a ledger that is not the last one cannot be read: the file was damaged.
    #[error("{file}, line {line}: not a line of a ledger")]
    Ledger {
        /// The file.
        file: String,
        /// Line from 1.
        line: usize,
    },
    /// The operating system refused.
    #[error("{file}: {what}")]
    Io {
        /// The file or folder.
        file: String,
        /// What it said.
        what: String,
    },
}

impl SimError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::SIM,
            match self {
                Self::Name(_) => 1,
                Self::Adapter(_) => 2,
                Self::Ledger { .. } => 3,
                Self::Io { .. } => 4,
            },
        )
    }

    /// What to do about it.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Name(_) | Self::Adapter(_) => Advice::Fix,
            Self::Ledger { .. } | Self::Io { .. } => Advice::Stop,
        }
    }
}
