//! What others publish, and what one end makes of the other's.

use crate::{hex, key, own, secret, terms};
use scrip::codec::form::{Digits, Signer};
use scrip::codec::pair::{RsaSigner, Sm2Encoding, Sm2Signer, Sm2Terms};

/// GB/T 32918.5-2017, annex A: the example of a signature on the recommended curve, which has the
/// usual identity.
#[test]
fn the_standards_own_sm2_signature_verifies() {
    let point = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020\
                 ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
    let signature = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3\
                     b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
    let raw = terms(Sm2Encoding::Raw);
    let signer = Sm2Signer::verifying(point.as_bytes(), raw.clone()).unwrap();
    assert!(signer.verify(b"message digest", &hex(signature)));
    assert!(!signer.verify(b"message digest!", &hex(signature)));

    // The example's own key, with another `k`.
    let private = secret("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8");
    let ours = Sm2Signer::signing(&private, raw).unwrap();
    assert!(signer.verify(b"message digest", &ours.sign(b"message digest").unwrap()));
}

/// OpenSSL 3.0 made it; this padding leaves no choice, so it is the only one.
#[test]
fn an_rsa_signature_is_the_one_there_is() {
    let rsa = RsaSigner::signing(&secret(key!("rsa"))).unwrap();
    let told = Digits::Base64.write(&rsa.sign(b"a=1&b=2").unwrap());
    assert_eq!(told, include_str!("keys/rsa-signature.txt").trim());
}

#[test]
fn one_text_has_one_signature() {
    for (name, signer) in own() {
        let one = signer.sign(b"text").unwrap();
        assert_eq!(signer.sign(b"text"), Some(one.clone()), "{name}");
        assert_ne!(signer.sign(b"tex"), Some(one), "{name}");
        assert!(signer.signs() && signer.verifies());
    }
}

#[test]
fn each_encoding_and_identity_is_its_own() {
    let text = b"text";
    let signed = |terms: &Sm2Terms| {
        Sm2Signer::signing(&secret(key!("sm2")), terms.clone()).unwrap().sign(text).unwrap()
    };
    let verified = |terms: &Sm2Terms, signature: &[u8]| {
        let signer = Sm2Signer::verifying(key!("sm2-public").as_bytes(), terms.clone()).unwrap();
        signer.verify(text, signature)
    };
    let (der, raw) = (terms(Sm2Encoding::Der), terms(Sm2Encoding::Raw));
    let merchant = Sm2Terms { id: "merchant 77".into(), ..raw.clone() };
    let all = [&der, &raw, &merchant];
    for (one, other) in all.iter().flat_map(|one| all.map(|other| (*one, other))) {
        assert_eq!(verified(one, &signed(other)), one == other, "{one:?} {other:?}");
    }
    assert_eq!(signed(&raw).len(), 64);
    assert!((66..=72).contains(&signed(&der).len()));
}

#[test]
fn who_only_signs_does_not_verify() {
    let rsa = || RsaSigner::signing(&secret(key!("rsa"))).unwrap();
    let signature = rsa().sign(b"text").unwrap();
    assert!(rsa().signs() && !rsa().verifies() && !rsa().verify(b"text", &signature));
    let other = RsaSigner::verifying(key!("rsa-public").as_bytes()).unwrap();
    assert!(!other.signs() && other.verifies() && other.verify(b"text", &signature));
    assert_eq!(other.sign(b"text"), None);
    let stranger = RsaSigner::verifying(key!("rsa-strangers-public").as_bytes()).unwrap();
    assert!(!stranger.verify(b"text", &signature));

    let terms = Sm2Terms::default;
    let sm2 = Sm2Signer::signing(&secret(key!("sm2")), terms()).unwrap();
    let signature = sm2.sign(b"text").unwrap();
    assert!(sm2.signs() && !sm2.verifies() && !sm2.verify(b"text", &signature));
    let stranger = Sm2Signer::verifying(key!("sm2-strangers-public").as_bytes(), terms()).unwrap();
    assert!(!stranger.verify(b"text", &signature) && stranger.sign(b"text").is_none());
}
