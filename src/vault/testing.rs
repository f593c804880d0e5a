//! What several test modules of this room share.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

pub(super) fn unhex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0, "two digits a byte");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// SHAKE-128 (FIPS 202) that absorbs everything first and squeezes afterwards; the standard's
/// own example for the empty input is checked where it is used.
pub(super) struct Shake128 {
    lanes: [u64; 25],
    at: usize,
}

const RATE: usize = 168;

impl Shake128 {
    pub(super) fn new() -> Self {
        Self { lanes: [0; 25], at: 0 }
    }

    pub(super) fn absorb(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.mix(self.at, byte);
            self.at += 1;
            if self.at == RATE {
                keccak(&mut self.lanes);
                self.at = 0;
            }
        }
    }

    /// Ends the input.
    pub(super) fn finish(mut self) -> Self {
        self.mix(self.at, 0x1f);
        self.mix(RATE - 1, 0x80);
        self.at = RATE;
        self
    }

    pub(super) fn squeeze(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.at == RATE {
                keccak(&mut self.lanes);
                self.at = 0;
            }
            *byte = (self.lanes[self.at / 8] >> (8 * (self.at % 8))) as u8;
            self.at += 1;
        }
    }

    fn mix(&mut self, at: usize, byte: u8) {
        self.lanes[at / 8] ^= u64::from(byte) << (8 * (at % 8));
    }
}

/// Keccak-f[1600] with its constants computed as FIPS 202, section 3.2 defines them.
fn keccak(a: &mut [u64; 25]) {
    let mut lfsr = 1_u8;
    for _ in 0..24 {
        let column: [u64; 5] = core::array::from_fn(|x| (0..5).fold(0, |c, y| c ^ a[x + 5 * y]));
        for i in 0..25 {
            a[i] ^= column[(i + 4) % 5] ^ column[(i + 1) % 5].rotate_left(1);
        }
        let mut b = [0; 25];
        b[0] = a[0];
        let (mut x, mut y) = (1, 0);
        for t in 0..24_u32 {
            let turned = a[x + 5 * y].rotate_left((t + 1) * (t + 2) / 2 % 64);
            (x, y) = (y, (2 * x + 3 * y) % 5);
            b[x + 5 * y] = turned;
        }
        for i in 0..25 {
            let row = i / 5 * 5;
            a[i] = b[i] ^ (!b[row + (i + 1) % 5] & b[row + (i + 2) % 5]);
        }
        for j in 0..7 {
            if lfsr & 1 == 1 {
                a[0] ^= 1 << ((1 << j) - 1);
            }
            lfsr = lfsr << 1 ^ if lfsr & 0x80 == 0 { 0 } else { 0x71 };
        }
    }
}
