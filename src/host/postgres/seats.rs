//! A subject's sightings in bytes: the last ones lie in its own row, so that most subjects have no
//! other; what is too much for that moves into pieces of its own.

use super::fault::Fault;
use crate::base::{Key16, Reader, RedemptionId, Wall};
use crate::risk::{Moments, Sighting};
use std::vec::Vec;

/// So many sightings lie in a subject's row at most: it is written whole whenever one is added.
const LAST: usize = 16;
/// So many lie in a piece at most: rows of up to 2,000 bytes are kept whole.
const PIECE: usize = 24;
/// Redemption (16), time, latest time up to this one, value (8 each, the highest byte first).
const LENGTH: usize = 40;
/// Subject (16) and place (8).
const NAMED: usize = 24;

/// One redemption's place among a subject's sightings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) subject: Key16,
    pub(super) place: i64,
    pub(super) redemption: RedemptionId,
    pub(super) at: Wall,
    /// The latest time up to this place: where it falls out of a window, all before it does.
    pub(super) latest: Wall,
    pub(super) value: i64,
    /// The sums of all before it.
    pub(super) before: Moments,
}

/// A subject: all of its sightings added up, and the last ones.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) latest: Wall,
    pub(super) moments: Moments,
    pub(super) last: Vec<Seat>,
    /// Whether the database did not have it before.
    pub(super) fresh: bool,
    pub(super) added: bool,
}

impl Default for Subject {
    fn default() -> Self {
        let (latest, moments) = (Wall(i64::MIN), Moments::default());
        Self { latest, moments, last: Vec::new(), fresh: false, added: false }
    }
}

impl Subject {
    pub(super) fn add(&mut self, redemption: RedemptionId, sighting: &Sighting) -> Seat {
        let &Sighting { subject, at, value } = sighting;
        let before = self.moments;
        let place = i64::try_from(before.count).expect("sightings are counted in 63 bits");
        self.latest = self.latest.max(at);
        self.moments = before.with(value);
        self.added = true;
        let seat = Seat { subject, place, redemption, at, latest: self.latest, value, before };
        self.last.push(seat);
        seat
    }

    /// What lies in its own row, and the sums of all before that.
    pub(super) fn kept(&self) -> (&[Seat], Moments) {
        match self.last.first() {
            Some(first) if self.last.len() <= LAST => (&self.last, first.before),
            _ => (&[], self.moments),
        }
    }

    /// What moves out of its own row.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[Seat]> {
        let moved = if self.added && self.last.len() > LAST { self.last.as_slice() } else { &[] };
        moved.chunks(PIECE)
    }
}

pub(super) fn write(seats: &[Seat]) -> Vec<u8> {
    let mut out = Vec::with_capacity(seats.len() * LENGTH);
    for seat in seats {
        out.extend_from_slice(&seat.redemption.0);
        for number in [seat.at.0, seat.latest.0, seat.value] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
    out
}

/// How many sightings there are in so many bytes.
pub(super) fn count(bytes: &[u8]) -> u64 {
    (bytes.len() / LENGTH) as u64
}

/// The sightings of a subject that follow those which `before` adds up.
pub(super) fn read(subject: Key16, mut before: Moments, bytes: &[u8]) -> Result<Vec<Seat>, Fault> {
    let mut r = Reader::new(bytes);
    let mut seats = Vec::with_capacity(bytes.len() / LENGTH);
    while !r.is_empty() {
        let place = super::values::signed(before.count)?;
        let seat = (|| {
            let redemption = RedemptionId(r.array()?);
            let mut number = || r.array().map(i64::from_be_bytes);
            let (at, latest, value) = (Wall(number()?), Wall(number()?), number()?);
            Ok(Seat { subject, place, redemption, at, latest, value, before })
        })();
        let seat = seat.map_err(|_: crate::base::ShortInput| cut())?;
        before = before.with(seat.value);
        seats.push(seat);
    }
    Ok(seats)
}

fn cut() -> Fault {
    Fault::corrupt("the sightings of a subject are cut")
}

/// Where a redemption's sightings lie, as its row names them.
pub(super) fn name(seat: &Seat, out: &mut Vec<u8>) {
    out.extend_from_slice(&seat.subject.0);
    out.extend_from_slice(&seat.place.to_be_bytes());
}

/// Subject and place of each.
pub(super) fn named(bytes: &[u8]) -> Result<Vec<(Key16, i64)>, Fault> {
    let mut r = Reader::new(bytes);
    let mut named = Vec::with_capacity(bytes.len() / NAMED);
    while !r.is_empty() {
        let one = (|| Ok((Key16(r.array()?), i64::from_be_bytes(r.array()?))))();
        named.push(one.map_err(|_: crate::base::ShortInput| cut())?);
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(count: u8) -> Subject {
        let mut subject = Subject::default();
        for n in 0..count {
            let sighting = Sighting { subject: Key16([1; 16]), at: Wall(-9 + i64::from(n)), value: -4 };
            subject.add(RedemptionId([n; 16]), &sighting);
        }
        subject
    }

    #[test]
    fn what_is_too_much_for_the_row_moves_out_whole() {
        for count in [0, 1, 15, 16, 17, 60] {
            let subject = subject(count);
            let (kept, before) = subject.kept();
            let moved: Vec<Seat> = subject.pieces().flatten().copied().collect();
            assert_eq!(kept.len() + moved.len(), usize::from(count));
            assert!(kept.is_empty() || moved.is_empty());
            assert_eq!(before.count + kept.len() as u64, subject.moments.count);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let subject = subject(20);
        for piece in subject.pieces() {
            let bytes = write(piece);
            assert_eq!(count(&bytes), piece.len() as u64);
            let read = read(Key16([1; 16]), piece[0].before, &bytes).unwrap();
            assert_eq!(std::format!("{read:?}"), std::format!("{piece:?}"));
        }
        assert!(read(Key16([1; 16]), Moments::default(), &[0; 39]).is_err());
        let mut out = Vec::new();
        name(&subject.last[3], &mut out);
        assert_eq!(named(&out).unwrap(), [(Key16([1; 16]), 3)]);
        assert!(named(&[0; 23]).is_err());
    }
}
