//! Bytes that must not be seen: zeroised when dropped, masked when printed, compared in
//! constant time.

use alloc::vec::Vec;
use core::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A card number, a card secret, a PIN or a key.
///
/// `Debug` prints `Secret(..)`; there is no `Display`, `Serialize` or ordering. The bytes are
/// zeroised when the value is dropped.
#[derive(Clone, Default)]
pub struct Secret(Vec<u8>);

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Zeroises a buffer, as long as it is, and empties it.
pub(crate) fn wipe(bytes: &mut Vec<u8>) {
    // To write nothing where there is no buffer takes a processor with masked stores as long as a
    // fault does: some fifty times as long as to write something.
    if bytes.capacity() > 0 {
        // What an empty buffer has room for is wiped at once, what a buffer holds byte by byte.
        bytes.clear();
        bytes.zeroize();
    }
}

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for the few places that must see them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Overwrites the part of the stack that the calls before used, at the end of work on secrets.
///
/// Hashes and ciphers wipe their buffers when they are dropped; what they leave behind when they
/// are moved is wiped here. Best effort: a compiler owes nobody the place of a moved value.
#[inline(never)]
pub(crate) fn scrub_stack() {
    core::hint::black_box(&mut [0_u8; 8_192]);
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(alloc::format!("{:?}", Secret::from("123456")), "Secret(..)");
        assert_eq!(Secret::from("a"), Secret::from("a"));
        assert_ne!(Secret::from("a"), Secret::from("b"));
    }
}
