//! What a file channel remembers over restarts: the number of its last file, and which result
//! files were taken.

use super::name::{Stamp, Told};
use crate::base::{Digest, Reader, ShortInput, Writer};
use alloc::vec::Vec;

/// So many result files are remembered.
const MOST_TAKEN: usize = 64;
const VERSION: u8 = 1;

/// A result file that was taken: its date and number, and the head of its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    date: u32,
    sequence: u32,
    digest: [u8; 16],
}

/// How the numbers of files run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    /// From 1 each day.
    Daily,
    /// On and on.
    Running,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Session {
    date: u32,
    sequence: u32,
    taken: Vec<Taken>,
}

impl Session {
    /// Reads what [`Session::write`] wrote; a new one from nothing, or from what cannot be read.
    pub(super) fn read(bytes: &[u8]) -> Self {
        Self::try_read(&mut Reader::new(bytes)).unwrap_or_default()
    }

    fn try_read(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        if r.u8()? != VERSION {
            return r.fail();
        }
        let mut session = Self { date: r.u32()?, sequence: r.u32()?, taken: Vec::new() };
        while !r.is_empty() {
            session.taken.push(Taken { date: r.u32()?, sequence: r.u32()?, digest: r.array()? });
        }
        Ok(session)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut w = Writer::new(&mut out);
        w.u8(VERSION).u32(self.date).u32(self.sequence);
        for taken in &self.taken {
            w.u32(taken.date).u32(taken.sequence).raw(&taken.digest);
        }
        out
    }

    /// The number of the next file made on `date`. A day that is earlier than the last file's
    /// goes on with that one's numbers: no two files have one.
    pub(super) fn next(&mut self, date: u32, numbering: Numbering) -> u32 {
        if numbering == Numbering::Daily && date > self.date {
            self.sequence = 0;
        }
        self.date = self.date.max(date);
        self.sequence = self.sequence.saturating_add(1);
        self.sequence
    }

    /// Whether another file was taken under this date and number.
    pub(super) fn contradicts(&self, told: Told, digest: &Digest) -> bool {
        let taken = self.taken.iter().find(|taken| names(taken, told));
        taken.is_some_and(|taken| taken.digest != digest.head16())
    }

    /// Remembers a result file; whether that is new.
    pub(super) fn take(&mut self, told: Told, digest: &Digest) -> bool {
        let Some(sequence) = told.sequence else { return false };
        if self.taken.iter().any(|taken| names(taken, told)) {
            return false;
        }
        self.taken.push(Taken { date: told.date.unwrap_or(0), sequence, digest: digest.head16() });
        let old = self.taken.len().saturating_sub(MOST_TAKEN);
        self.taken.drain(..old);
        true
    }

    /// The stamp of the next file.
    pub(super) fn stamp(&mut self, (date, time): (u32, u32), numbering: Numbering) -> Stamp {
        let sequence = self.next(date, numbering);
        Stamp { date: self.date, time, sequence }
    }
}

fn names(taken: &Taken, told: Told) -> bool {
    told.sequence == Some(taken.sequence) && taken.date == told.date.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Hasher;

    #[test]
    fn numbers_go_on_and_begin_anew_only_with_a_later_day() {
        let mut session = Session::default();
        let next = |session: &mut Session, date, numbering| session.next(date, numbering);
        assert_eq!(
            [1, 1, 2, 1, 2].map(|day| next(&mut session, day, Numbering::Daily)),
            [1, 2, 1, 2, 3],
            "a clock put back does not repeat a name"
        );
        assert_eq!(next(&mut session, 3, Numbering::Running), 4);
        assert_eq!(Session::read(&session.write()), session);
        assert_eq!(Session::read(b"\x07"), Session::default());
    }

    #[test]
    fn a_number_stands_for_one_file() {
        let mut session = Session::default();
        let told = |sequence| Told { date: Some(20_261_123), sequence: Some(sequence) };
        let (a, b) = (Hasher::new().with(b"a").finish(), Hasher::new().with(b"b").finish());
        assert!(session.take(told(1), &a) && !session.take(told(1), &a));
        assert!(session.contradicts(told(1), &b) && !session.contradicts(told(1), &a));
        assert!(!session.contradicts(told(2), &b));
        (2..=70).for_each(|number| assert!(session.take(told(number), &b)));
        assert_eq!(session.taken.len(), MOST_TAKEN);
        assert_eq!(Session::read(&session.write()), session);
    }
}
