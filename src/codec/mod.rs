//! The world's formats, without any meaning: GS1, EMVCo QR codes, payment codes.
//!
//! Error numbers within the block: 100 trade item numbers, 120 GS1 elements and Digital Links,
//! 200 EMVCo merchant-presented, 220 EMVCo consumer-presented, 300 payment codes.
#![deny(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

pub mod emv;
pub mod gs1;
pub mod payment;
