//! scrip takes a prepaid card from "here is a card" to "the seller is paid, the issuer has
//! been debited once, the books balance and anyone can check it".
//!
//! The rooms stand in a total order, and each uses only rooms above it; `ARCHITECTURE.md`
//! tells the whole. Follow a card by the folder names: `card` (what is it), `vault` (its secret
//! sealed), `risk` (may it pass), `issuer` (what its issuer is asked and answers), `flow` (its
//! life), `engine` (the loop), `host` (disks and clocks).
#![no_std]
#![deny(rustdoc::broken_intra_doc_links)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

/// The README, whose example is compiled and run with the tests.
#[cfg(all(doctest, feature = "sim"))]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub mod base;
pub mod money;
pub mod codec;
pub mod vault;
pub mod card;
pub mod issuer;
pub mod route;
pub mod ledger;
pub mod pricing;
pub mod risk;
pub mod record;
pub mod audit;
pub mod flow;
pub mod engine;
pub mod adapters;
#[cfg(feature = "std")]
pub mod host;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "capi")]
pub mod ffi;
