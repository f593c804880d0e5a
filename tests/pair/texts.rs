//! Keys as they are handed out, and what is told of those that cannot be used.

use crate::{key, secret};
use scrip::base::Advice;
use scrip::codec::form::{Digits, Signer};
use scrip::codec::pair::{KeySide, PairError, RsaSigner, Sm2Signer, Sm2Terms};

/// The Base64 in a block of PEM, on one line.
fn bare(pem: &str) -> String {
    let begin = pem.rfind("-----BEGIN").unwrap();
    pem[begin..].lines().skip(1).take_while(|line| !line.starts_with('-')).collect()
}

fn der(pem: &str) -> Vec<u8> {
    Digits::Base64.read(&bare(pem)).unwrap()
}

/// A key as PEM, with other ends of lines, as DER, as Base64 and as digits.
fn forms(pem: &str) -> [Vec<u8>; 6] {
    let bytes = der(pem);
    [
        pem.as_bytes().to_vec(),
        pem.replace('\n', "\r\n").into_bytes(),
        format!("of the merchant\n\n{pem}\n{}", key!("p256-public")).into_bytes(),
        bare(pem).into_bytes(),
        Digits::HexUpper.write(&bytes).into_bytes(),
        bytes,
    ]
}

#[test]
fn rsa_keys_are_taken_in_every_form() {
    let signature = RsaSigner::signing(&secret(key!("rsa"))).unwrap().sign(b"text");
    for pem in [key!("rsa"), key!("rsa-pkcs1")] {
        for form in forms(pem) {
            let signer = RsaSigner::signing(&scrip::base::Secret::new(form)).unwrap();
            assert_eq!(signer.sign(b"text"), signature);
        }
    }
    for pem in [key!("rsa-public"), key!("rsa-pkcs1-public"), key!("rsa-certificate")] {
        for form in forms(pem) {
            assert!(RsaSigner::verifying(&form).unwrap().verify(b"text", signature.as_ref().unwrap()));
        }
    }
}

#[test]
fn sm2_keys_are_taken_in_every_form() {
    let terms = Sm2Terms::default;
    let signature = Sm2Signer::signing(&secret(key!("sm2")), terms()).unwrap().sign(b"text");
    // Where PKCS #8 of this curve holds the number and, at its end, the point.
    let (pkcs8, spki) = (der(key!("sm2")), der(key!("sm2-public")));
    let (number, point) = (&pkcs8[36..68], &spki[spki.len() - 65..]);
    let mut private: Vec<Vec<u8>> = [key!("sm2"), key!("sm2-sec1")].map(forms).concat();
    private.push(Digits::HexUpper.write(number).into_bytes());
    for form in private {
        let signer = Sm2Signer::signing(&scrip::base::Secret::new(form), terms()).unwrap();
        assert_eq!(signer.sign(b"text"), signature);
    }
    let mut public: Vec<Vec<u8>> = [key!("sm2-public"), key!("sm2-certificate")].map(forms).concat();
    public.push(Digits::HexLower.write(point).into_bytes());
    public.push(Digits::HexUpper.write(&point[1..]).into_bytes());
    let half = [&[2 + (point[64] & 1)], &point[1..33]].concat();
    public.push(Digits::HexLower.write(&half).into_bytes());
    for form in public {
        let signer = Sm2Signer::verifying(&form, terms()).unwrap();
        assert!(signer.verify(b"text", signature.as_ref().unwrap()));
    }
}

fn rsa_private(text: &str) -> PairError {
    RsaSigner::signing(&secret(text)).unwrap_err()
}

fn rsa_public(text: &str) -> PairError {
    RsaSigner::verifying(text.as_bytes()).unwrap_err()
}

fn sm2_private(text: &str) -> PairError {
    Sm2Signer::signing(&secret(text), Sm2Terms::default()).unwrap_err()
}

fn sm2_public(text: &str) -> PairError {
    Sm2Signer::verifying(text.as_bytes(), Sm2Terms::default()).unwrap_err()
}

#[test]
fn a_key_that_cannot_be_used_is_told_why_and_where() {
    let long = "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123";
    for (error, what) in [
        (rsa_private(key!("rsa-1024")), "private key, byte 33: an RSA key of 2,048 to 4,096 bits"),
        (rsa_public(key!("rsa-1024-public")), "public key, byte 25: an RSA key of 2,048 to 8,192 bits"),
        (rsa_private(key!("rsa-enciphered")), "private key, line 1: the key is enciphered under a password"),
        (rsa_private(key!("rsa-pkcs1-enciphered")), "private key, line 2: the key is enciphered"),
        (rsa_private(key!("rsa-public")), "private key, line 1: this is a public key"),
        (rsa_private(key!("rsa-certificate")), "private key, line 1: this is a public key"),
        (rsa_public(key!("rsa")), "public key, line 1: this is a private key"),
        (rsa_public(&bare(key!("rsa-pkcs1"))), "public key, byte 4: this is a private key"),
        (rsa_private(&bare(key!("rsa-public"))), "private key, byte 4: a private key is expected"),
        (rsa_private(key!("sm2")), "private key, byte 8: an RSA key is expected"),
        (rsa_public(key!("p256-public")), "public key, byte 4: an RSA key is expected"),
        (rsa_private(key!("rsa-pss")), "private key, byte 9: an RSA key is expected"),
        (rsa_public(key!("rsa-pss-public")), "public key, byte 6: an RSA key is expected"),
        (sm2_private(key!("rsa")), "private key, byte 9: an SM2 key is expected"),
        (sm2_private(key!("p256")), "private key, byte 17: an SM2 key is expected"),
        (sm2_public(key!("p256-public")), "public key, byte 13: an SM2 key is expected"),
        (sm2_public(key!("rsa-certificate")), "an SM2 key is expected"),
        (sm2_private(long), "private key, byte 0: a number from 1"),
        (sm2_private(&"0".repeat(64)), "private key, byte 0: a number from 1"),
        (sm2_private(&"7".repeat(62)), "private key, byte 0: a key in PEM"),
        (sm2_public(&"7".repeat(128)), "public key, byte 0: a point of the curve"),
        (sm2_public(&format!("04{}", "0".repeat(128))), "public key, byte 0: a point of the curve"),
        (rsa_private(""), "private key, line 1: a key is expected, and there is nothing"),
        (rsa_public("the key"), "public key, line 1: Base64 is expected"),
        (rsa_public("AAAA"), "public key, byte 0: a key in PEM, DER"),
    ] {
        assert!(error.to_string().contains(what), "{error}: {what}");
        assert_eq!((error.code().number(), error.advice()), (3_580, Advice::Fix));
        assert_eq!(error.side == KeySide::Private, error.to_string().starts_with("private"));
    }
}

#[test]
fn numbers_that_do_not_belong_together_make_no_key() {
    let mut bytes = der(key!("rsa-pkcs1"));
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let error = RsaSigner::signing(&scrip::base::Secret::new(bytes)).unwrap_err();
    assert!(error.to_string().contains("belong together"), "{error}");
}

#[test]
fn an_identity_has_a_longest() {
    let terms = |len| Sm2Terms { id: "7".repeat(len), ..Sm2Terms::default() };
    let longest = Sm2Signer::signing(&secret(key!("sm2")), terms(8_191)).unwrap();
    let longest = longest.and_verifying(key!("sm2-public").as_bytes(), terms(8_191)).unwrap();
    assert!(longest.verify(b"text", &longest.sign(b"text").unwrap()));
    for error in [
        Sm2Signer::signing(&secret(key!("sm2")), terms(8_192)).unwrap_err(),
        Sm2Signer::verifying(key!("sm2-public").as_bytes(), terms(8_192)).unwrap_err(),
    ] {
        assert!(error.to_string().contains("at most 8,191 bytes"), "{error}");
    }
}

#[test]
fn nothing_shows_a_key() {
    let rsa = RsaSigner::signing(&secret(key!("rsa"))).unwrap();
    let sm2 = Sm2Signer::signing(&secret(key!("sm2")), Sm2Terms::default()).unwrap();
    assert_eq!(format!("{rsa:?} {sm2:?}"), "RsaSigner(..) Sm2Signer(..)");
}
