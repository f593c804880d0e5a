//! HMAC-SHA-256 (RFC 2104, FIPS 198-1) and comparison in constant time.

use crate::base::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// HMAC-SHA-256 of `bytes` as they are, for formats that say exactly what is authenticated.
///
/// A key may have any length; one shorter than 32 bytes weakens the result accordingly.
pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    hmac_pieces(key, [bytes])
}

/// HMAC-SHA-256 over `domain` and `parts`, each preceded by its length as 8 bytes
/// little-endian, so that no two lists of parts agree.
///
/// `domain` keeps tags of one purpose apart from those of another under the same key.
pub fn tag(key: &Secret, domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    MacKey::new(key.expose()).tag(domain, parts)
}

/// Whether `expected` is the [`tag`] of the parts, in time that does not depend on where it
/// differs.
///
/// A cut tag is refused: all 32 bytes must be there.
pub fn tag_matches(key: &Secret, domain: &str, parts: &[&[u8]], expected: &[u8]) -> bool {
    ct_eq(&tag(key, domain, parts), expected)
}

/// Whether `a` and `b` are the same bytes, in time that depends on their lengths only.
pub fn ct_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// HMAC-SHA-256 over the pieces one after the other, without lengths.
pub(super) fn hmac_pieces<'a>(key: &[u8], pieces: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    MacKey::new(key).pieces(pieces)
}

/// A key made ready: the two blocks that HMAC hashes of it are hashed once and not for every
/// message. Wiped when dropped.
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// A key may have any length, as for [`hmac_sha256`].
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// As [`tag`].
    pub(crate) fn tag(&self, domain: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in core::iter::once(&domain.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// As [`tag_matches`].
    pub(crate) fn tag_matches(&self, domain: &str, parts: &[&[u8]], expected: &[u8]) -> bool {
        ct_eq(&self.tag(domain, parts), expected)
    }

    /// As [`hmac_pieces`].
    pub(super) fn pieces<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        let mut mac = self.0.clone();
        for piece in pieces {
            mac.update(piece);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::testing::hex;

    #[test]
    fn agrees_with_rfc_4231() {
        let counted: [u8; 25] = core::array::from_fn(|i| i as u8 + 1);
        let long_key = [0xaa; 131];
        let long_text = "This is a test using a larger than block-size key and a larger than \
            block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
        let cases: [(&[u8], &[u8], &str); 6] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&counted, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (
                &long_key,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &long_key,
                long_text.as_bytes(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, data, expected) in cases {
            assert_eq!(hex(&hmac_sha256(key, data)), expected);
        }
    }

    #[test]
    fn a_tag_keeps_domains_parts_and_keys_apart() {
        let key = Secret::new([1; 32].to_vec());
        let tagged = tag(&key, "d", &[b"ab", b"c"]);
        assert!(tag_matches(&key, "d", &[b"ab", b"c"], &tagged));
        assert!(!tag_matches(&key, "d", &[b"a", b"bc"], &tagged));
        assert!(!tag_matches(&key, "e", &[b"ab", b"c"], &tagged));
        assert!(!tag_matches(&Secret::new([2; 32].to_vec()), "d", &[b"ab", b"c"], &tagged));
        assert!(!tag_matches(&key, "d", &[b"ab", b"c"], &tagged[..31]));
        assert!(!tag_matches(&key, "d", &[b"ab", b"c"], b""));
    }

    #[test]
    fn a_tag_is_the_mac_of_the_parts_with_their_lengths() {
        let key = Secret::new([1; 32].to_vec());
        let written = b"\x01\0\0\0\0\0\0\0d\x02\0\0\0\0\0\0\0ab";
        assert_eq!(tag(&key, "d", &[b"ab"]), hmac_sha256(key.expose(), written));
    }

    #[test]
    fn comparison_sees_every_byte_and_the_length() {
        assert!(ct_eq(b"abc", b"abc"));
        assert!(!ct_eq(b"abc", b"abd"));
        assert!(!ct_eq(b"abc", b"ab"));
        assert!(ct_eq(b"", b""));
    }
}
