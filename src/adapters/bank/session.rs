//! What a terminal must remember from message to message, across restarts.

use crate::adapters::calendar::local;
use crate::base::{Reader, Secret, ShortInput, Wall, Writer};
use alloc::vec::Vec;

/// The highest STAN; after it comes 1 again.
const STAN_MAX: u32 = 999_999;

/// The durable session of a terminal. The working keys in it are enciphered under a key that it
/// does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// The STAN that the last message had; 0 before the first.
    pub(super) stan: u32,
    /// When the sign-in that stands was answered; `None` if none stands.
    pub(super) signed_in: Option<Wall>,
    /// The STAN of the sign-in that is not answered yet.
    pub(super) signing: u32,
    /// The working keys of the last sign-in.
    pub(super) keys: Secret,
}

impl Session {
    const VERSION: u8 = 1;

    /// Reads what [`Session::write`] wrote; a new one from nothing, or from what cannot be read:
    /// the terminal then signs in again and counts from the start.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let new = Self { stan: 0, signed_in: None, signing: 0, keys: Secret::default() };
        Self::try_read(&mut Reader::new(bytes)).unwrap_or(new)
    }

    fn try_read(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        if r.u8()? != Self::VERSION {
            return r.fail();
        }
        let stan = r.u32()?;
        let signed_in = if r.bool()? { Some(r.wall()?) } else { None };
        let (signing, keys) = (r.u32()?, Secret::new(r.bytes()?.to_vec()));
        Ok(Self { stan, signed_in, signing, keys })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut w = Writer::new(&mut out);
        w.u8(Self::VERSION).u32(self.stan).bool(self.signed_in.is_some());
        if let Some(at) = self.signed_in {
            w.wall(at);
        }
        w.u32(self.signing).bytes(self.keys.expose());
        out
    }

    /// The next STAN.
    pub(super) fn next_stan(&mut self) -> u32 {
        self.stan = if self.stan >= STAN_MAX { 1 } else { self.stan.saturating_add(1) };
        self.stan
    }
}

/// What is known again of a message: its STAN and its local time, `MMDDhhmmss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) stan: u32,
    pub(super) time: [u8; 10],
}

impl Trace {
    pub(super) fn new(stan: u32, now: Wall, utc_offset_min: i32) -> Self {
        Self { stan, time: local_time(now, utc_offset_min) }
    }

    /// `STAN MMDDhhmmss`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (stan, time) = text.split_once(' ')?;
        let time: [u8; 10] = time.as_bytes().try_into().ok()?;
        Some(Self { stan: stan.parse().ok()?, time }).filter(|_| time.iter().all(u8::is_ascii_digit))
    }

    pub(super) fn write(&self) -> crate::base::Text {
        let text = alloc::format!("{:06} {}", self.stan, self.time());
        crate::base::Text::new(&text).expect("digits and a space")
    }

    /// `MMDDhhmmss`.
    pub(super) fn time(&self) -> &str {
        core::str::from_utf8(&self.time).unwrap_or("0000000000")
    }
}

/// `MMDDhhmmss` at the bank.
fn local_time(now: Wall, utc_offset_min: i32) -> [u8; 10] {
    let [_, parts @ ..] = local(now, utc_offset_min);
    let mut digits = parts.into_iter().flat_map(|part| [part / 10 % 10, part % 10]);
    core::array::from_fn(|_| b'0' + u8::try_from(digits.next().unwrap_or(0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_reads_back_and_a_strange_one_starts_anew() {
        let session = Session {
            stan: 999_998,
            signed_in: Some(Wall(7)),
            signing: 3,
            keys: Secret::new([9; 40].to_vec()),
        };
        assert_eq!(Session::read(&session.write()), session);
        for bytes in [&b""[..], b"\x02", b"\x01\0\0"] {
            assert_eq!(Session::read(bytes), Session::read(&[]));
        }
    }

    #[test]
    fn a_stan_wraps_and_is_never_zero() {
        let mut session = Session::read(&[]);
        session.stan = 999_998;
        assert_eq!([(); 3].map(|()| session.next_stan()), [999_999, 1, 2]);
    }

    #[test]
    fn a_trace_tells_the_local_time() {
        // 2026-11-22T23:30:15Z and 2024-02-29T12:00:00Z.
        for (ms, offset, time) in [
            (1_795_390_215_000, 0, "1122233015"),
            (1_795_390_215_000, 480, "1123073015"),
            (1_709_208_000_000, 0, "0229120000"),
            (0, -60, "1231230000"),
        ] {
            let trace = Trace::new(7, Wall(ms), offset);
            assert_eq!(trace.time(), time);
            assert_eq!(Trace::read(&trace.write()), Some(trace));
        }
        assert_eq!(Trace::read("7"), None);
        assert_eq!(Trace::read("7 112223301x"), None);
    }
}
