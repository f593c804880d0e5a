//! Lower-case hexadecimal digits, and nothing else: one value has one text.

use crate::base::read_hex;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) fn write(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(2 * bytes.len());
    append(bytes, &mut text);
    String::from_utf8(text).expect("hexadecimal digits are ASCII")
}

/// Appends what [`write`] makes.
pub(super) fn append(bytes: &[u8], out: &mut Vec<u8>) {
    // Some at a time: a buffer that takes one digit after the other looks for room each time.
    for some in bytes.chunks(32) {
        let mut digits = [0; 64];
        for (pair, &byte) in digits.chunks_exact_mut(2).zip(some) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        out.extend_from_slice(digits.get(..2 * some.len()).unwrap_or_default());
    }
}

const fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

pub(super) fn read(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    text.as_bytes().chunks(2).try_for_each(|pair| read_hex(pair).map(|[byte]| bytes.push(byte)))?;
    Some(bytes)
}

pub(super) fn read_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    read_hex(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_read_back_and_other_texts_do_not() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(read(&write(&all)), Some(all));
        assert_eq!(write(&[0, 0xa9, 0xff]), "00a9ff");
        for text in ["0", "0A", "0g", "+1", " 1", "é"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read_array::<2>("0102"), Some([1, 2]));
        assert_eq!(read_array::<2>("010203"), None);
    }
}
