//! The step that an HSM (加密机) can do: MACs and PIN blocks under the keys of the session.

use crate::base::Secret;
use core::fmt;

/// The form of a PIN block (ISO 9564-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub enum PinFormat {
    /// Format 0 (ANSI X9.8): 8 bytes, PIN and card number together, under (triple) DES.
    #[serde(rename = "iso0")]
    Iso0,
    /// Format 4: 16 bytes, PIN and card number in two steps, under AES. The message profile
    /// makes field 52 `max = 16`.
    #[serde(rename = "iso4")]
    Iso4,
}

/// Makes MACs and PIN blocks. An HSM does it without showing the keys; `keys` are the working
/// keys as the bank's sign-in brought them, enciphered under a master key that the HSM holds,
/// and empty before the first sign-in. Software: `SoftCrypto` (feature `bank-des`).
pub trait BankCrypto: Send + Sync {
    /// Whether these are working keys that can be used (their check values fit). Otherwise the
    /// sign-in is not believed.
    fn accepts(&self, keys: &[u8]) -> bool;

    /// The MAC over `message`; `None` if it cannot be made now: then nothing is sent, and an
    /// answer is not believed.
    fn mac(&self, keys: &[u8], message: &[u8]) -> Option<[u8; 8]>;

    /// The enciphered block for `pin` of the card `number`, both in ASCII digits: 8 bytes of
    /// format 0, 16 of format 4. `random` are fresh bytes for a format that needs some. `None`
    /// if the PIN is none (4 to 12 digits) or the block cannot be made.
    fn pin_block(&self, keys: &[u8], pin: &[u8], number: &[u8], random: [u8; 8]) -> Option<Secret>;
}

/// A MAC algorithm over a clear key.
pub trait Mac: Send + Sync {
    /// The length of its key in bytes.
    fn key_len(&self) -> usize;

    /// The MAC; `None` if the key has another length.
    fn mac(&self, key: &[u8], message: &[u8]) -> Option<[u8; 8]>;
}

/// The clear PIN field of format 0: control 0, length, PIN, filled with F; combined with the
/// twelve rightmost digits of the card number without its check digit. `None` unless the PIN has
/// 4 to 12 digits and the number 13 or more.
pub fn pin_block_0(pin: &[u8], number: &[u8]) -> Option<[u8; 8]> {
    let digits = number.get(number.len().checked_sub(13)?..number.len().checked_sub(1)?)?;
    let field = pin_field(0, pin, 0xF)?;
    let mut account = [0; 8];
    let place = account.get_mut(2..)?;
    place.iter_mut().zip(digits.chunks_exact(2)).try_for_each(|(byte, pair)| {
        *byte = packed(pair)?;
        Some(())
    })?;
    Some(xor(field, account))
}

/// Control nibble, length, PIN and filling, in 8 bytes.
fn pin_field(control: u8, pin: &[u8], fill: u8) -> Option<[u8; 8]> {
    if !(4..=12).contains(&pin.len()) || !pin.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut field = [fill << 4 | fill; 8];
    let (head, body) = field.split_first_mut()?;
    *head = control << 4 | u8::try_from(pin.len()).ok()?;
    for (byte, pair) in body.iter_mut().zip(pin.chunks(2)) {
        *byte = match pair {
            [high, low] => (high & 15) << 4 | low & 15,
            [high] => (high & 15) << 4 | fill,
            _ => return None,
        };
    }
    Some(field)
}

fn packed(pair: &[u8]) -> Option<u8> {
    match pair {
        [high @ b'0'..=b'9', low @ b'0'..=b'9'] => Some((high & 15) << 4 | low & 15),
        _ => None,
    }
}

pub(super) fn xor<const N: usize>(mut a: [u8; N], b: [u8; N]) -> [u8; N] {
    a.iter_mut().zip(b).for_each(|(a, b)| *a ^= b);
    a
}

/// The enciphered block of format 4: the PIN field under AES, combined with the account field,
/// and that under AES again. `None` unless key, PIN and number have their lengths.
pub fn pin_block_4(key: &[u8], pin: &[u8], number: &[u8], random: [u8; 8]) -> Option<[u8; 16]> {
    use aes_gcm::aes::Aes128;
    use aes_gcm::aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
    let mut field = [0; 16];
    let (head, tail) = field.split_at_mut(8);
    head.copy_from_slice(&pin_field(4, pin, 0xA)?);
    tail.copy_from_slice(&random);
    let cipher = Aes128::new_from_slice(key).ok()?;
    let mut block = field.into();
    cipher.encrypt_block(&mut block);
    let mut block = xor(block.into(), account_field_4(number)?).into();
    cipher.encrypt_block(&mut block);
    Some(block.into())
}

/// How many digits there are beyond 12, the digits, and zeros; shorter numbers get zeros before.
fn account_field_4(number: &[u8]) -> Option<[u8; 16]> {
    if number.is_empty() || number.len() > 19 || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = 12_usize.saturating_sub(number.len());
    let control = u8::try_from(number.len().saturating_sub(12)).ok()?;
    let digits = core::iter::once(control).chain(core::iter::repeat_n(0, zeros));
    let mut nibbles = digits.chain(number.iter().map(|digit| digit & 15));
    Some(core::array::from_fn(|_| nibbles.next().unwrap_or(0) << 4 | nibbles.next().unwrap_or(0)))
}

impl fmt::Debug for dyn BankCrypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BankCrypto(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::hex;

    #[test]
    fn format_0_agrees_with_others() {
        // psec 1.3, `encode_pinblock_iso_0`.
        let block = pin_block_0(b"1234", b"43219876543210987").unwrap();
        assert_eq!(hex::write(&block), "0412ac89abcdef67");
        assert_eq!(pin_block_0(b"123", b"43219876543210987"), None);
        assert_eq!(pin_block_0(b"1234", b"432198765432"), None);
        assert_eq!(pin_block_0(b"12a4", b"43219876543210987"), None);
        assert_eq!(pin_block_0(b"1234", b"4321987654321098x7"), None);
    }

    #[test]
    fn format_4_agrees_with_others() {
        // psec 1.3, `encipher_pinblock_iso_4`, with these bytes for its random ones.
        let key = hex::read("00112233445566778899aabbccddeeff").unwrap();
        let block = pin_block_4(&key, b"1234", b"432198765432109870", [1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        assert_eq!(hex::write(&block), "601c24d01557b84fe505c4c059e30665");
        // The same, `encode_pan_field_iso_4`.
        assert_eq!(hex::write(&account_field_4(b"123").unwrap()), "00000000001230000000000000000000");
        assert_eq!(pin_block_4(&key[1..], b"1234", b"432198765432109870", [0; 8]), None);
    }
}
