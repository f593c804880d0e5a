//! Fields brought into the text that is signed, and the digests that sign it. Algorithms with pairs
//! of keys (RSA with SHA-256, SM2) stand behind [`Signer`]: in software (`codec::pair`) or in an HSM.

use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding as _};
use hmac::digest::Digest as _;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Which fields are signed, in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// All, sorted by the bytes of their names.
    Sorted,
    /// These, in this order; one that is missing counts as empty.
    Fixed(Vec<String>),
}

/// How fields become the text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical {
    /// Which fields, in which order.
    pub order: Order,
    /// Stands between a name and its value; without it there are values only.
    pub pair: Option<String>,
    /// Stands between fields.
    pub join: String,
    /// Whether fields with an empty value are signed too.
    pub empty: bool,
}

impl Canonical {
    /// The text of `fields`, whose order does not matter, between `before` and `after`.
    pub fn text(&self, fields: &[(&str, &str)], before: &[u8], after: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut sorted;
        let fixed: Vec<(&str, &str)>;
        let chosen = match &self.order {
            Order::Sorted => {
                sorted = fields.to_vec();
                sorted.sort_unstable();
                &sorted
            }
            Order::Fixed(names) => {
                let value = |name: &str| fields.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| *v);
                fixed = names.iter().map(|name| (name.as_str(), value(name))).collect();
                &fixed
            }
        };
        let pair = self.pair.as_deref();
        let room = |(name, value): &(&str, &str)| {
            value.len() + self.join.len() + pair.map_or(0, |pair| name.len() + pair.len())
        };
        let len = chosen.iter().map(room).sum::<usize>() + before.len() + after.len();
        // Exactly as long as it will be, so that no copy is left behind.
        let mut out = Zeroizing::new(Vec::with_capacity(len));
        out.extend_from_slice(before);
        let signed = chosen.iter().filter(|(_, value)| self.empty || !value.is_empty());
        for (place, (name, value)) in signed.enumerate() {
            if place > 0 {
                out.extend_from_slice(self.join.as_bytes());
            }
            if let Some(pair) = pair {
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(pair.as_bytes());
            }
            out.extend_from_slice(value.as_bytes());
        }
        out.extend_from_slice(after);
        out
    }
}

/// A digest with a key that both ends know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyed {
    /// MD5 (RFC 1321) over a text that holds the key: broken as a digest, and what many ask for.
    Md5,
    /// SHA-256 (FIPS 180-4) over a text that holds the key.
    Sha256,
    /// HMAC-MD5 (RFC 2104).
    HmacMd5,
    /// HMAC-SHA-256.
    HmacSha256,
}

impl Keyed {
    /// The signature: 16 bytes with MD5, 32 with SHA-256. [`Keyed::Md5`] and [`Keyed::Sha256`] need
    /// no key here.
    pub fn sign(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
            Self::HmacMd5 => mac::<Hmac<Md5>>(key, text),
            Self::HmacSha256 => mac::<Hmac<Sha256>>(key, text),
        }
    }

    /// Whether `signature` is the one of `text`; takes as long wherever they differ.
    pub fn verify(self, key: &[u8], text: &[u8], signature: &[u8]) -> bool {
        self.sign(key, text).as_slice().ct_eq(signature).into()
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

/// Makes and checks signatures under pairs of keys: RSA with SHA-256 and SM2 in software
/// ([`crate::codec::pair`]), or whatever an HSM (加密机) does.
pub trait Signer: Send + Sync {
    /// The signature over `text`; `None` if it cannot be made now: then nothing is sent.
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>>;

    /// Whether the other end signed `text` so.
    fn verify(&self, text: &[u8], signature: &[u8]) -> bool;

    /// Whether it has what it signs with: asked when an adapter is set up, so that a key that is
    /// missing is heard of before the first message.
    fn signs(&self) -> bool {
        true
    }

    /// Whether it has what it verifies with.
    fn verifies(&self) -> bool {
        true
    }
}

/// How a signature or a sealed value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Digits {
    /// Hexadecimal, in lower case.
    #[default]
    HexLower,
    /// Hexadecimal, in upper case.
    HexUpper,
    /// Base64 with padding (RFC 4648, section 4).
    Base64,
}

impl Digits {
    /// Writes `bytes`.
    pub fn write(self, bytes: &[u8]) -> String {
        let hex = |alphabet: &[u8; 16]| {
            let digit = |value: u8| char::from(alphabet.get(usize::from(value)).copied().unwrap_or(b'0'));
            bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
        };
        match self {
            Self::HexLower => hex(b"0123456789abcdef"),
            Self::HexUpper => hex(b"0123456789ABCDEF"),
            Self::Base64 => Base64::encode_string(bytes),
        }
    }

    /// Reads what [`Digits::write`] wrote; hexadecimal digits in either case.
    pub fn read(self, text: &str) -> Option<Vec<u8>> {
        if self == Self::Base64 {
            return Base64::decode_vec(text).ok();
        }
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some(value(*high)? << 4 | value(*low)?),
            _ => None,
        };
        text.as_bytes().chunks(2).map(byte).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    const FIELDS: [(&str, &str); 3] = [("b", "2"), ("a", "1"), ("c", "")];

    fn shown(canonical: &Canonical) -> String {
        String::from_utf8(canonical.text(&FIELDS, b"<", b">").to_vec()).unwrap()
    }

    #[test]
    fn fields_are_joined_as_each_trade_does() {
        let sorted =
            Canonical { order: Order::Sorted, pair: Some("=".into()), join: "&".into(), empty: false };
        assert_eq!(shown(&sorted), "<a=1&b=2>");
        assert_eq!(shown(&Canonical { empty: true, ..sorted.clone() }), "<a=1&b=2&c=>");
        let runs = Canonical { pair: Some(String::new()), join: String::new(), ..sorted.clone() };
        assert_eq!(shown(&runs), "<a1b2>");
        let order = Order::Fixed(["c", "b", "d"].map(|name| name.to_string()).to_vec());
        assert_eq!(shown(&Canonical { order, pair: None, empty: true, ..sorted }), "<&2&>");
    }

    #[test]
    fn digests_agree_with_their_standards() {
        let hex = |bytes: Vec<u8>| Digits::HexLower.write(&bytes);
        // RFC 1321, appendix A.5.
        assert_eq!(hex(Keyed::Md5.sign(&[], b"message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
        // FIPS 180-4's example of one block.
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(Keyed::Sha256.sign(&[], b"abc")), digest);
        // RFC 2202, section 2, case 2.
        let text = b"what do ya want for nothing?";
        assert_eq!(hex(Keyed::HmacMd5.sign(b"Jefe", text)), "750c783e6ab0b503eaa86e310a5db738");
        // RFC 4231, section 4.3.
        let mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(Keyed::HmacSha256.sign(b"Jefe", text)), mac);
        let signature = Digits::HexUpper.read(mac).unwrap();
        assert!(Keyed::HmacSha256.verify(b"Jefe", text, &signature));
        assert!(!Keyed::HmacSha256.verify(b"Jefa", text, &signature));
        assert!(!Keyed::HmacSha256.verify(b"Jefe", text, &signature[..31]));
    }

    proptest! {
        #[test]
        fn digits_read_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            for digits in [Digits::HexLower, Digits::HexUpper, Digits::Base64] {
                let text = digits.write(&bytes);
                prop_assert_eq!(digits.read(&text), Some(bytes.clone()));
                prop_assert_eq!(digits.read(&(text + "!")), None);
            }
        }
    }
}
