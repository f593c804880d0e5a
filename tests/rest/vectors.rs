//! Requests with signatures and sealed cards that were computed apart: signatures with Python's
//! `hashlib` and `hmac` from the fields as they were read there, AES in ECB with OpenSSL, AES in GCM
//! with Python's `cryptography`.

use crate::ends::{Ends, operation, product};
use scrip::issuer::OpKind;

#[test]
fn a_redeem_is_signed_and_sealed_as_others_compute_it() {
    let cases: [(&str, &str, &[&str]); 6] = [
        (
            "jd",
            "POST /routerjson\n",
            &["&timestamp=2026-11-23%2007%3A30%3A15&", "&sign=D70574C985E1BC63A3C38C321D8FA070"],
        ),
        (
            "walmart",
            "POST /v1/cards/redemptions\n",
            &[
                "\nx-wm-signature: TVq5kUNS/zvbrt2ZjtfoBZt193M5wKblky+Iaq1yxO8=\n",
                r#""pin":"5hIVrAC7RzF4ssg8PWgjladWfoPXtknIFFtG7k9quEKRNg==""#,
                r#"{"amount":10000,"#,
            ],
        ),
        (
            "cardharbor",
            "POST /api/order/submit\n",
            &[
                "cardNo=61d89363effd0ade34e25343dc3aa37a590c0f67a16a0da74505d74f9f29660a&",
                "&cardPassword=c448ef8130dbacb6be8941769cbdd4a4&",
                "&sign=dea75b3f4470cfdc0d8830af09d02c3e",
                "&face=100&",
            ],
        ),
        ("beehive", "POST /open/order/create\n", &[r#""sign":"483b157c5fc9e2917c1843268f95d646""#]),
        ("redleaf", "POST /bankcard/pay\n", &["&hmac=f9d75886dd26622fac9985c4d8a22c4d", "&amount=100.00&"]),
        (
            "silkroute",
            "POST /v2/orders\n",
            &[
                "x-signature: c78023201a4ed484f6512dacca4e28bdc6c405a2922aa7e2563dbb0d202e1d89\n",
                r#""no":"dePJnGVOKy4ppHECWEHbHwvPKHDgFFDZ454SjrmWinzJAZkPFyT/mYoVIWI=","par":10000,"#,
            ],
        ),
    ];
    let product = product();
    for (name, first, parts) in cases {
        let bytes = Ends::of(name).request(&operation(OpKind::Redeem, &product, 10_000)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with(first), "{text}");
        for part in parts {
            assert!(text.contains(part), "{name}: {part}\n{text}");
        }
    }
}
