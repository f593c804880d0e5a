//! The world's formats, without any meaning: GS1, EMVCo QR codes, payment codes, ISO 8583, signed
//! forms and pairs of keys to sign with, JSON with exact numbers, envelopes, flat files.
//!
//! Error numbers within the block: 100 trade item numbers, 120 GS1 elements and Digital Links,
//! 200 EMVCo merchant-presented, 220 EMVCo consumer-presented, 300 payment codes, 400 ISO 8583,
//! 500 JSON, 520 forms, 540 envelopes, 560 flat files, 580 keys.
#![deny(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

pub mod emv;
pub mod envelope;
pub mod flat;
pub mod form;
pub mod gs1;
pub mod iso8583;
pub mod json;
pub mod pair;
pub mod payment;
