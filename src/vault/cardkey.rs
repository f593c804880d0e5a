//! Keyed names: of cards in the claim index, of risk subjects, of requests. Who reads the
//! store without the pepper cannot tell what they stand for, nor find a card by trying numbers.

use super::{KeyRing, PepperVersion};
use crate::base::{Digest, Key16};
use alloc::vec::Vec;

const CARD: &str = "scrip card key v1";
const SUBJECT: &str = "scrip subject key v1";
const FINGERPRINT: &str = "scrip fingerprint v1";

impl KeyRing {
    /// The key under which a card is claimed: HMAC-SHA-256 with one pepper over scheme and
    /// canonical identity, with their lengths, cut to 16 bytes.
    ///
    /// `scheme` comes from the catalogue and never from the channel, and `identity` is the
    /// canonical form, so that one card has one key however it arrives. `None` if the ring does
    /// not hold the pepper.
    pub fn card_key(&self, version: PepperVersion, scheme: &str, identity: &[u8]) -> Option<Key16> {
        self.keyed16(version, CARD, &[scheme.as_bytes(), identity])
    }

    /// The card's keys under every pepper of the ring, oldest first: all are claimed and
    /// checked, so that a new pepper forgets no claim.
    pub fn card_keys(&self, scheme: &str, identity: &[u8]) -> Vec<(PepperVersion, Key16)> {
        let key = |version| self.card_key(version, scheme, identity).map(|key| (version, key));
        self.pepper_versions().filter_map(key).collect()
    }

    /// The name of what risk rules count: `kind` says what it is (`device`, `ip`, `seller`),
    /// `value` which one. `None` if the ring does not hold the pepper.
    pub fn subject_key(&self, version: PepperVersion, kind: &str, value: &[u8]) -> Option<Key16> {
        self.keyed16(version, SUBJECT, &[kind.as_bytes(), value])
    }

    /// A keyed digest over parts with their lengths: two requests are the same if it is the
    /// same. The parts may be secret. `None` if the ring does not hold the pepper.
    pub fn fingerprint(&self, version: PepperVersion, parts: &[&[u8]]) -> Option<Digest> {
        self.keyed(version, FINGERPRINT, parts)
    }

    fn keyed16(&self, version: PepperVersion, domain: &str, parts: &[&[u8]]) -> Option<Key16> {
        self.keyed(version, domain, parts).map(|digest| Key16(digest.head16()))
    }

    fn keyed(&self, version: PepperVersion, domain: &str, parts: &[&[u8]]) -> Option<Digest> {
        self.pepper(version).map(|pepper| Digest(pepper.tag(domain, parts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::vault::{KeyId, hmac_sha256};

    const OLD: PepperVersion = PepperVersion(1);
    const NEW: PepperVersion = PepperVersion(2);

    fn ring() -> KeyRing {
        let secret = |byte| Secret::new([byte; 32].to_vec());
        KeyRing::new([(KeyId(1), secret(1))].into(), [(NEW, secret(3)), (OLD, secret(2))].into()).unwrap()
    }

    #[test]
    fn a_card_has_one_key_per_pepper_oldest_first() {
        let keys = ring().card_keys("jd-ecard", b"1234");
        let versions: Vec<_> = keys.iter().map(|(version, _)| *version).collect();
        assert_eq!(versions, [OLD, NEW]);
        assert_ne!(keys[0].1, keys[1].1);
        assert_eq!(ring().card_key(OLD, "jd-ecard", b"1234"), Some(keys[0].1));
        assert_eq!(ring().card_key(PepperVersion(3), "jd-ecard", b"1234"), None);
    }

    #[test]
    fn a_card_key_is_the_head_of_the_documented_mac() {
        // The layout is durable: a change of it would forget every claim.
        let written = b"\x11\0\0\0\0\0\0\0scrip card key v1\x02\0\0\0\0\0\0\0jd\x04\0\0\0\0\0\0\x001234";
        let mac = hmac_sha256(&[2; 32], written);
        assert_eq!(ring().card_key(OLD, "jd", b"1234").unwrap().0, mac[..16]);
    }

    #[test]
    fn scheme_and_identity_do_not_run_together() {
        let ring = ring();
        assert_ne!(ring.card_key(NEW, "jd", b"1234"), ring.card_key(NEW, "jd1", b"234"));
        assert_ne!(ring.card_key(NEW, "jd", b"1234"), ring.subject_key(NEW, "jd", b"1234"));
        assert_ne!(ring.fingerprint(NEW, &[b"a", b"b"]), ring.fingerprint(NEW, &[b"ab"]));
        assert_ne!(ring.fingerprint(NEW, &[b"a"]), ring.fingerprint(OLD, &[b"a"]));
        assert_eq!(ring.fingerprint(PepperVersion(9), &[b"a"]), None);
    }
}
