//! Working keys in software: for banks that allow it, and for trials.

use super::crypto::{BankCrypto, Mac, PinFormat, pin_block_0, pin_block_4, xor};
use crate::base::Secret;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use des::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use des::{Des, TdesEde2};
use subtle::ConstantTimeEq as _;

/// Retail MAC (ANSI X9.19; ISO/IEC 9797-1 algorithm 3 with padding by zeros): DES-CBC with the
/// left half of a key of 16 bytes, and the last block deciphered with the right half and
/// enciphered with the left.
#[derive(Clone, Copy, Debug)]
pub struct X919;

/// UnionPay's ECB MAC with a double length key: all blocks combined, written as 16 hexadecimal
/// digits, eight of them enciphered, combined with the others, enciphered; of the result the
/// first eight digits.
#[derive(Clone, Copy, Debug)]
pub struct UnionpayEcb;

/// CBC-MAC with SM4 (国密), padding by zeros: the first eight bytes of the last block.
#[cfg(feature = "sm")]
#[derive(Clone, Copy, Debug)]
pub struct Sm4Cbc;

/// The blocks of a message, the last one filled up with zeros; one of zeros for an empty message.
fn blocks<const N: usize>(message: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    let fill = |part: &[u8]| {
        let mut block = [0; N];
        block.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        block
    };
    let empty = message.is_empty().then_some([0; N]);
    message.chunks(N).map(fill).chain(empty)
}

impl Mac for X919 {
    fn key_len(&self) -> usize {
        16
    }

    fn mac(&self, key: &[u8], message: &[u8]) -> Option<[u8; 8]> {
        let (left, right) = key.split_at_checked(8).filter(|(_, right)| right.len() == 8)?;
        let (left, right) = (Des::new_from_slice(left).ok()?, Des::new_from_slice(right).ok()?);
        let mut state = [0; 8];
        for block in blocks::<8>(message) {
            let mut next = xor(state, block).into();
            left.encrypt_block(&mut next);
            state = next.into();
        }
        let mut last = state.into();
        right.decrypt_block(&mut last);
        left.encrypt_block(&mut last);
        Some(last.into())
    }
}

impl Mac for UnionpayEcb {
    fn key_len(&self) -> usize {
        16
    }

    fn mac(&self, key: &[u8], message: &[u8]) -> Option<[u8; 8]> {
        let cipher = TdesEde2::new_from_slice(key).ok()?;
        let all = blocks::<8>(message).fold([0; 8], xor);
        let digits = hex_digits(all);
        let (first, second) = (digits.first_chunk::<8>()?, digits.last_chunk::<8>()?);
        let mut block = (*first).into();
        cipher.encrypt_block(&mut block);
        let mut block = xor(block.into(), *second).into();
        cipher.encrypt_block(&mut block);
        hex_digits(block.into()).first_chunk::<8>().copied()
    }
}

fn hex_digits(bytes: [u8; 8]) -> [u8; 16] {
    let mut nibbles = bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    core::array::from_fn(|_| match nibbles.next().unwrap_or(0) {
        digit @ 0..=9 => b'0' + digit,
        letter => b'A' + (letter - 10),
    })
}

#[cfg(feature = "sm")]
impl Mac for Sm4Cbc {
    fn key_len(&self) -> usize {
        16
    }

    fn mac(&self, key: &[u8], message: &[u8]) -> Option<[u8; 8]> {
        let cipher = sm4::Sm4::new_from_slice(key).ok()?;
        let mut state = [0; 16];
        for block in blocks::<16>(message) {
            let mut next = xor(state, block).into();
            cipher.encrypt_block(&mut next);
            state = next.into();
        }
        state.first_chunk::<8>().copied()
    }
}

/// Keys in software. What a sign-in brings is the PIN key and the MAC key, each enciphered under
/// the master key with triple DES in ECB mode and followed by a check value of four bytes (the
/// start of eight zero bytes enciphered under it): 40 bytes.
pub struct SoftCrypto {
    master: TdesEde2,
    mac: Box<dyn Mac>,
    pin: PinFormat,
}

impl SoftCrypto {
    /// How long the keys of a sign-in are.
    pub const KEYS_LEN: usize = 40;

    /// With the bank's master key (TMK) of 16 bytes; `None` for another length.
    pub fn new(master: &Secret, mac: Box<dyn Mac>, pin: PinFormat) -> Option<Self> {
        Some(Self { master: TdesEde2::new_from_slice(master.expose()).ok()?, mac, pin })
    }

    /// PIN key and MAC key, if the check values fit.
    fn open(&self, keys: &[u8]) -> Option<(Secret, Secret)> {
        let keys: &[u8; Self::KEYS_LEN] = keys.try_into().ok()?;
        let (pin, mac) = keys.split_at(20);
        Some((self.open_one(pin)?, self.open_one(mac)?))
    }

    fn open_one(&self, sealed: &[u8]) -> Option<Secret> {
        let (sealed, check) = sealed.split_at_checked(16)?;
        let mut key = Vec::with_capacity(16);
        for half in blocks::<8>(sealed) {
            let mut block = half.into();
            self.master.decrypt_block(&mut block);
            key.extend_from_slice(&block);
        }
        let key = Secret::new(key);
        let value = check_value(&key)?;
        bool::from(value.ct_eq(check)).then_some(key)
    }

    /// The two keys as a sign-in would bring them: what the bank's end sends.
    pub fn seal(&self, pin: &Secret, mac: &Secret) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(Self::KEYS_LEN);
        for key in [pin, mac] {
            for half in blocks::<8>(key.expose()) {
                let mut block = half.into();
                self.master.encrypt_block(&mut block);
                out.extend_from_slice(&block);
            }
            out.extend_from_slice(&check_value(key)?);
        }
        (out.len() == Self::KEYS_LEN).then_some(out)
    }
}

fn check_value(key: &Secret) -> Option<[u8; 4]> {
    let mut block = [0; 8].into();
    TdesEde2::new_from_slice(key.expose()).ok()?.encrypt_block(&mut block);
    block.first_chunk::<4>().copied()
}

impl BankCrypto for SoftCrypto {
    fn accepts(&self, keys: &[u8]) -> bool {
        self.open(keys).is_some()
    }

    fn mac(&self, keys: &[u8], message: &[u8]) -> Option<[u8; 8]> {
        let (_, key) = self.open(keys)?;
        self.mac.mac(key.expose(), message)
    }

    fn pin_block(&self, keys: &[u8], pin: &[u8], number: &[u8], random: [u8; 8]) -> Option<Secret> {
        let (key, _) = self.open(keys)?;
        if self.pin == PinFormat::Iso4 {
            let block = pin_block_4(key.expose(), pin, number, random)?;
            return Some(Secret::new(block.to_vec()));
        }
        let mut block = pin_block_0(pin, number)?.into();
        TdesEde2::new_from_slice(key.expose()).ok()?.encrypt_block(&mut block);
        Some(Secret::new(block.to_vec()))
    }
}

impl fmt::Debug for SoftCrypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SoftCrypto(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::hex;

    const MESSAGE: &[u8] = b"0200 some message of 37 bytes, no more";

    fn key(digits: &str) -> Secret {
        Secret::new(hex::read(digits).unwrap())
    }

    fn double() -> Secret {
        key("0123456789abcdeffedcba9876543210")
    }

    #[test]
    fn macs_agree_with_others() {
        let mac = |mac: &dyn Mac, message: &[u8]| mac.mac(double().expose(), message).unwrap();
        // psec 1.3, `generate_retail_mac`, padding 1.
        assert_eq!(hex::write(&mac(&X919, MESSAGE)), "a489dd9682caa4e4");
        assert_eq!(hex::write(&mac(&X919, b"12345678")), "41d2ffba3cdc15fe");
        // Put together from the triple DES of psec by the same rule.
        assert_eq!(&mac(&UnionpayEcb, MESSAGE), b"012A709C");
        assert!(X919.mac(&[0; 8], MESSAGE).is_none() && UnionpayEcb.mac(&[0; 24], MESSAGE).is_none());
    }

    #[cfg(feature = "sm")]
    #[test]
    fn the_mac_with_sm4_agrees_with_others() {
        // Python's cryptography 46, SM4 in CBC mode.
        let mac = Sm4Cbc.mac(double().expose(), MESSAGE).unwrap();
        assert_eq!(hex::write(&mac), "24a261c55f6508b2");
    }

    #[test]
    fn keys_are_opened_only_with_their_check_values() {
        let soft = SoftCrypto::new(&double(), Box::new(X919), PinFormat::Iso0).unwrap();
        let (pin, mac) = (double(), key("00112233445566778899aabbccddeeff"));
        let mut keys = soft.seal(&pin, &mac).unwrap();
        assert!(soft.accepts(&keys));
        // psec 1.3: the check value of this key, and the block of format 0 under it.
        assert_eq!(hex::write(&keys[16..20]), "08d7b4fb");
        let block = soft.pin_block(&keys, b"1234", b"43219876543210987", [0; 8]).unwrap();
        assert_eq!(hex::write(block.expose()), "c967c8198151a458");
        assert_eq!(soft.mac(&keys, MESSAGE), X919.mac(mac.expose(), MESSAGE));
        keys[39] ^= 1;
        assert!(!soft.accepts(&keys) && soft.mac(&keys, MESSAGE).is_none());
        assert!(!soft.accepts(&[]) && SoftCrypto::new(&key("00"), Box::new(X919), PinFormat::Iso0).is_none());
    }
}
