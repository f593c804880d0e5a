//! Sixteen-byte ids. Each kind is its own type, so that one is never taken for another.

use core::fmt;
use core::str::FromStr;

/// A text that is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 lower-case hexadecimal digits")]
pub struct IdError;

const HEX: [u8; 16] = *b"0123456789abcdef";

macro_rules! id16 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut digits = [0; 32];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
                    pair[0] = HEX[usize::from(byte >> 4)];
                    pair[1] = HEX[usize::from(byte & 15)];
                }
                f.write_str(core::str::from_utf8(&digits).expect("hexadecimal digits are ASCII"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                read_hex(text.as_bytes()).map(Self).ok_or(IdError)
            }
        }
    };
}

id16! {
    /// Names one redemption for ever. Derived from the caller and its request id, so that a
    /// repeat after a restored backup carries the same id and the issuer sees a repeat.
    RedemptionId
}

id16! {
    /// A key in the claim index or the name of a risk subject: a keyed or plain digest cut to
    /// 128 bits. It does not tell what it stands for.
    Key16
}

/// Names a batch: which writer epoch made it and its place in that writer's sequence from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BatchId {
    /// The writer epoch that made the batch.
    pub epoch: u64,
    /// The batch's place in the log, from 1, without gaps, over all epochs of one log.
    pub sequence: u64,
}

/// The value of each lower-case hexadecimal digit; 16 for what is none.
const VALUES: [u8; 256] = {
    let (mut values, mut value) = ([16; 256], 0);
    while value < 16 {
        values[HEX[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// As many bytes as asked for, from two lower-case hexadecimal digits each.
pub(crate) fn read_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    // Digits are drawn by lot: whether one is a letter is nothing to branch on.
    let (mut bytes, mut all) = ([0; N], 0);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
        *byte = high << 4 | low;
        all |= high | low;
    }
    (all < 16).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = RedemptionId(core::array::from_fn(|i| (i * 17) as u8));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("00".parse::<RedemptionId>(), Err(IdError));
        assert_eq!("G".repeat(32).parse::<RedemptionId>(), Err(IdError));
    }
}
