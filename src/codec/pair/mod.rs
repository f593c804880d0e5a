//! Signatures under pairs of keys (非对称签名), made in software: RSA with SHA-256, which the trade
//! calls RSA2 (feature `rsa`), and SM2 with SM3 (国密, feature `sm2`). Keys that lie in an HSM stay
//! there, behind a [`Signer`](super::form::Signer) of the host's.
//!
//! A key is given as platforms hand them out, and what it is shows by itself: PEM (RFC 7468), DER,
//! the Base64 of DER on one line or several, or hexadecimal digits.
//!
//! | | private, ours | public, of the other end |
//! |---|---|---|
//! | RSA | PKCS #8 or PKCS #1, 2,048 to 4,096 bits | SPKI, PKCS #1 or a certificate, 2,048 to 8,192 bits |
//! | SM2 | PKCS #8, SEC 1, or 32 bytes | SPKI, a certificate, or a point: `04` x y, x y, or compressed |
//!
//! Of a certificate only the key is taken: who signed it and until when it is valid is the
//! integrator's to look at. A file may hold other blocks too; the first that fits counts.
//!
//! Neither needs a clock or randomness: RSA is padded as PKCS #1 version 1.5 says, and the `k` of SM2
//! follows from key and text (RFC 6979), so that one text has one signature.

#[cfg(any(feature = "rsa", feature = "sm2"))]
mod der;
#[cfg(any(feature = "rsa", feature = "sm2"))]
mod key_text;
#[cfg(feature = "rsa")]
mod rsa;
#[cfg(feature = "sm2")]
mod sm2;

#[cfg(feature = "rsa")]
pub use rsa::RsaSigner;
#[cfg(feature = "sm2")]
pub use sm2::{Sm2Encoding, Sm2Signer, Sm2Terms};

use crate::base::{Advice, Code, block};
use core::fmt;

/// Which key of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySide {
    /// The private one (私钥), with which this end signs.
    Private,
    /// The public one (公钥) of the other end.
    Public,
}

impl fmt::Display for KeySide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "private key",
            Self::Public => "public key",
        })
    }
}

/// Where in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// A line of its text, from 1.
    Line(usize),
    /// A byte of what the text stands for, from 0.
    Byte(usize),
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Byte(byte) => write!(f, "byte {byte}"),
        }
    }
}

/// Why a key cannot be used; tells nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{side}, {place}: {what}")]
pub struct PairError {
    /// Which key.
    pub side: KeySide,
    /// Where in it.
    pub place: KeyPlace,
    /// What was expected.
    pub what: &'static str,
}

impl PairError {
    /// The stable number, 3,580.
    pub const fn code(&self) -> Code {
        Code::new(block::CODEC, 580)
    }

    /// Another key is needed.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}
