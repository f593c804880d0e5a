//! One-time codes: HOTP (RFC 4226) over the number of a time step (RFC 6238).

use super::profile::TotpHash;
use crate::base::Secret;
use crate::vault::tag;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// The code of `digits` digits (up to 9) for the time step `step`, as ASCII.
///
/// ```
/// use scrip::card::token::{TotpHash, totp};
/// let code = totp(TotpHash::Sha1, b"12345678901234567890", 59 / 30, 8);
/// assert_eq!(code.expose(), b"94287082");
/// ```
pub fn totp(hash: TotpHash, key: &[u8], step: u64, digits: u8) -> Secret {
    let step = step.to_be_bytes();
    let number = match hash {
        TotpHash::Sha1 => truncated::<Hmac<Sha1>>(key, &step),
        TotpHash::Sha256 => truncated::<Hmac<Sha256>>(key, &step),
        TotpHash::Sha512 => truncated::<Hmac<Sha512>>(key, &step),
    };
    let digits = usize::from(digits.min(9));
    let mut code = alloc::vec![b'0'; digits];
    let mut rest = number;
    for digit in code.iter_mut().rev() {
        *digit += u8::try_from(rest % 10).expect("a remainder of ten fits a byte");
        rest /= 10;
    }
    Secret::new(code)
}

/// The key of one card's codes: HMAC-SHA-256 under the issuer's key over `scrip token card key
/// v1` and the card's canonical identity, each after its length in 8 bytes, little-endian. So no
/// two cards have codes in common (RFC 6238, section 3: a key per prover, which may be derived).
pub fn card_code_key(issuer: &Secret, card: &Secret) -> Secret {
    Secret::new(tag(issuer, "scrip token card key v1", &[card.expose()]).to_vec())
}

/// Dynamic truncation (RFC 4226, section 5.3): 31 bits at the place that the last byte tells.
fn truncated<M: Mac + KeyInit>(key: &[u8], step: &[u8]) -> u32 {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(step);
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac.last().expect("a MAC is not empty") & 0x0f);
    let four = mac.get(at..at + 4).expect("a MAC of 20 bytes or more holds 4 from byte 15 on");
    u32::from_be_bytes(four.try_into().expect("four bytes")) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_rfc_6238_appendix_b() {
        // As erratum 2866 has it, the keys are as long as the hash.
        let key =
            |len: usize| -> alloc::vec::Vec<u8> { b"1234567890".iter().copied().cycle().take(len).collect() };
        let hashes = [(TotpHash::Sha1, key(20)), (TotpHash::Sha256, key(32)), (TotpHash::Sha512, key(64))];
        for (seconds, codes) in [
            (59, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000_u64, ["65353130", "77737706", "47863826"]),
        ] {
            for ((hash, key), expected) in hashes.iter().zip(codes) {
                let code = totp(*hash, key, seconds / 30, 8);
                assert_eq!(code.expose(), expected.as_bytes(), "{hash:?} at {seconds}");
            }
        }
    }

    #[test]
    fn agrees_with_rfc_4226_appendix_d() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (step, expected) in (0..).zip(codes) {
            let code = totp(TotpHash::Sha1, b"12345678901234567890", step, 6);
            assert_eq!(code.expose(), expected.as_bytes());
        }
    }
}
