//! What holds of every text, signature and key.

use crate::{key, own, secret};
use proptest::prelude::*;
use scrip::codec::pair::{PairError, RsaSigner, Sm2Signer, Sm2Terms};

/// Everything that reads a private or a public key.
fn read(text: &[u8]) -> [Result<(), PairError>; 4] {
    let secret = scrip::base::Secret::new(text.to_vec());
    [
        RsaSigner::signing(&secret).map(drop),
        RsaSigner::verifying(text).map(drop),
        Sm2Signer::signing(&secret, Sm2Terms::default()).map(drop),
        Sm2Signer::verifying(text, Sm2Terms::default()).map(drop),
    ]
}

const KEYS: [&str; 8] = [
    key!("rsa"),
    key!("rsa-pkcs1"),
    key!("rsa-public"),
    key!("rsa-certificate"),
    key!("sm2"),
    key!("sm2-sec1"),
    key!("sm2-public"),
    key!("sm2-certificate"),
];

/// The bytes in a block of PEM.
fn der(pem: &str) -> Vec<u8> {
    let begin = pem.rfind("-----BEGIN").unwrap();
    let inside = pem[begin..].lines().skip(1).take_while(|line| !line.starts_with('-'));
    scrip::codec::form::Digits::Base64.read(&inside.collect::<String>()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_changed_does_not_verify(
        text in proptest::collection::vec(any::<u8>(), 1..200),
        at in any::<proptest::sample::Index>(),
        bit in 0..8_u32,
    ) {
        for (name, signer) in own() {
            let signature = signer.sign(&text).unwrap();
            prop_assert!(signer.verify(&text, &signature), "{}", name);
            let mut changed = text.clone();
            changed[at.index(text.len())] ^= 1 << bit;
            prop_assert!(!signer.verify(&changed, &signature), "{}", name);
            let mut changed = signature.clone();
            changed[at.index(signature.len())] ^= 1 << bit;
            prop_assert!(!signer.verify(&text, &changed), "{}", name);
            let cut = &signature[..at.index(signature.len())];
            prop_assert!(!signer.verify(&text, cut), "{}", name);
            let longer = [&signature[..], &[0]].concat();
            let before = [&[0], &signature[..]].concat();
            prop_assert!(!signer.verify(&text, &longer) && !signer.verify(&text, &before), "{}", name);
        }
    }

    #[test]
    fn bytes_that_are_no_signature_do_not_verify(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (name, signer) in own() {
            prop_assert!(!signer.verify(b"text", &bytes), "{}", name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_makes_reading_a_key_fail_badly(
        which in 0..KEYS.len(),
        binary in any::<bool>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..4_u8), 1..4),
    ) {
        let mut text = if binary { der(KEYS[which]) } else { KEYS[which].as_bytes().to_vec() };
        for (at, byte, how) in changes {
            let at = at.index(text.len().max(1)).min(text.len());
            match how {
                0 => text.truncate(at),
                1 => text.insert(at, byte),
                2 if at < text.len() => text[at] ^= 1 << (byte % 8),
                _ if at < text.len() => drop(text.remove(at)),
                _ => {}
            }
        }
        for error in read(&text).into_iter().filter_map(Result::err) {
            // It tells a place and says nothing of the key.
            let told = error.to_string();
            prop_assert!(told.starts_with("private key, ") || told.starts_with("public key, "), "{}", told);
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_key(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        prop_assert!(read(&bytes).iter().all(Result::is_err));
    }
}

#[test]
fn every_cut_key_is_refused() {
    for pem in KEYS {
        let whole = der(pem);
        assert!(read(&whole).iter().any(Result::is_ok));
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).iter().all(Result::is_err), "{len} bytes of {}", whole.len());
        }
    }
    assert!(RsaSigner::signing(&secret("")).is_err());
}
