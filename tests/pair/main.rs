//! Signatures under pairs of keys: RSA with SHA-256, SM2 with SM3.

#![allow(clippy::unwrap_used)]

mod foreign;
mod laws;
mod texts;
mod vectors;

use scrip::base::Secret;
use scrip::codec::form::Signer;
use scrip::codec::pair::{RsaSigner, Sm2Encoding, Sm2Signer, Sm2Terms};

/// A file of `keys/`, which OpenSSL 3.0 wrote.
macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("keys/", $name, ".pem"))
    };
}
use key;

fn secret(text: &str) -> Secret {
    Secret::from(text)
}

fn terms(encoding: Sm2Encoding) -> Sm2Terms {
    Sm2Terms { encoding, ..Sm2Terms::default() }
}

/// One of each kind that signs, and verifies what it signed.
fn own() -> [(&'static str, Box<dyn Signer>); 3] {
    let rsa = RsaSigner::signing(&secret(key!("rsa"))).unwrap();
    let sm2 = |encoding| {
        let signer = Sm2Signer::signing(&secret(key!("sm2")), terms(encoding)).unwrap();
        Box::new(signer.and_verifying(key!("sm2-public").as_bytes(), terms(encoding)).unwrap())
    };
    [
        ("rsa", Box::new(rsa.and_verifying(key!("rsa-public").as_bytes()).unwrap())),
        ("sm2", sm2(Sm2Encoding::Der)),
        ("sm2 raw", sm2(Sm2Encoding::Raw)),
    ]
}

fn hex(digits: &str) -> Vec<u8> {
    scrip::codec::form::Digits::HexLower.read(digits).unwrap()
}
