//! Bar codes: many lines across the picture that must agree.
//!
//! A single line across noise now and then looks like a short code with a right check digit. So
//! each line counts once, a code counts that several lines read, and where lines at one place
//! differ, one reading must outnumber the others by far or none counts.

use super::grey::{Picture, Place};
use super::symbol::{Kind, Said, Symbol};
use super::turn::Turn;
use core::ops::Range;
use rxing::common::BitArray;
use rxing::oned::{MultiFormatOneDReader, OneDReader};
use rxing::{BarcodeFormat, DecodeHints};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use std::vec::Vec;

/// Half degrees by which bar codes may be askew from each way that is tried; within two degrees
/// they are read as they are.
const ANGLES: [i32; 7] = [0, 8, -8, 16, -16, 24, -24];

/// So many lines of pixels make one line of light and dark.
const THICKNESS: usize = 5;

/// About so many lines are laid across the picture at first.
const LINES: usize = 90;

/// So many more are laid where a code was seen.
const MORE_LINES: usize = 24;

/// So many lines must agree.
const AGREEING: usize = 3;

/// A reading must have so many times the lines of another at the same place.
const MAJORITY: usize = 4;

/// No line holds more codes than this.
const MOST_ON_A_LINE: usize = 6;

/// No code has fewer edges.
const LEAST_EDGES: usize = 24;

/// A code on one line of a turned picture.
struct Hit {
    said: Said,
    across: Range<usize>,
    y: usize,
}

/// A code that enough lines agree upon.
struct Agreed {
    symbol: Symbol,
    lines: usize,
}

/// The bar codes of a picture with even light and dark, sure ones only. The search ends when
/// the time is up.
pub(super) fn read(flat: &Picture, until: Instant) -> Vec<Symbol> {
    let mut all: Vec<Agreed> = Vec::new();
    for (angle, upended) in ANGLES.into_iter().flat_map(|angle| [(angle, false), (angle, true)]) {
        if Instant::now() >= until {
            break;
        }
        let turn = Turn::new(flat, angle, upended);
        for found in Sweep::new(&turn.apply(flat), until).codes() {
            let (left, right) = (found.across.start as i64, found.across.end as i64);
            let (top, bottom) = (found.rows.start as i64, found.rows.end as i64);
            let corners = [(left, top), (right, top), (left, bottom), (right, bottom)];
            let place = Place::around(corners.map(|corner| turn.back(corner)), flat.width(), flat.height());
            all.push(Agreed { symbol: Symbol::new(found.said, place), lines: found.lines });
        }
    }
    settle(all)
}

/// Each symbol once, and none that another at its place speaks against.
fn settle(mut all: Vec<Agreed>) -> Vec<Symbol> {
    all.sort_by_key(|agreed| std::cmp::Reverse(agreed.lines));
    let mut kept: Vec<Agreed> = Vec::new();
    let mut refused: Vec<Symbol> = Vec::new();
    for agreed in all {
        let same_place =
            |other: &Symbol| middle_in(other, &agreed.symbol) || middle_in(&agreed.symbol, other);
        if refused.iter().any(same_place) {
            continue;
        }
        match kept.iter().position(|other| same_place(&other.symbol)) {
            None => kept.push(agreed),
            Some(at) if kept[at].symbol.says(&agreed.symbol) => {}
            Some(at) if kept[at].lines >= MAJORITY * agreed.lines => {}
            Some(at) => refused.push(kept.swap_remove(at).symbol),
        }
    }
    kept.into_iter().map(|agreed| agreed.symbol).collect()
}

fn middle_in(inner: &Symbol, outer: &Symbol) -> bool {
    let (inner, outer) = (inner.place(), outer.place());
    let (x, y) = (inner.left.midpoint(inner.right), inner.top.midpoint(inner.bottom));
    outer.overlaps(&Place { left: x, top: y, right: x + 1, bottom: y + 1 })
}

/// A code in a turned picture.
struct Found {
    said: Said,
    across: Range<usize>,
    rows: Range<usize>,
    lines: usize,
}

/// Lines across one turned picture.
struct Sweep<'a> {
    picture: &'a Picture,
    until: Instant,
    reader: MultiFormatOneDReader,
    hints: DecodeHints,
}

impl<'a> Sweep<'a> {
    fn new(picture: &'a Picture, until: Instant) -> Self {
        let formats = [
            BarcodeFormat::EAN_13,
            BarcodeFormat::EAN_8,
            BarcodeFormat::UPC_A,
            BarcodeFormat::UPC_E,
            BarcodeFormat::CODE_128,
            BarcodeFormat::ITF,
            BarcodeFormat::RSS_14,
        ];
        let hints = DecodeHints {
            PossibleFormats: Some(formats.into_iter().collect()),
            AssumeGs1: Some(true),
            AllowedLengths: Some(std::vec![14]),
            ..DecodeHints::default()
        };
        Self { picture, until, reader: MultiFormatOneDReader::new(&hints), hints }
    }

    fn codes(&mut self) -> Vec<Found> {
        let height = self.picture.height() as usize;
        let step = (height / LINES).max(THICKNESS);
        let mut hits = Vec::new();
        let mut last = height;
        for y in (step / 2..height).step_by(step) {
            let before = hits.len();
            self.line(y, &mut hits);
            if hits.len() > before {
                // Between the line before and this one, and up to the next, more is to be seen.
                let from = if last == y { y + 1 } else { y.saturating_sub(step) };
                self.more(from..(y + step + 1).min(height), y, &mut hits);
                last = y + step;
            }
        }
        agree(hits)
    }

    /// Lines between those of the first sweep.
    fn more(&mut self, rows: Range<usize>, except: usize, hits: &mut Vec<Hit>) {
        let step = (rows.len() / MORE_LINES).max(2);
        for y in rows.step_by(step).filter(|y| *y != except) {
            self.line(y, hits);
        }
    }

    /// What a line says, read both ways.
    fn line(&mut self, y: usize, hits: &mut Vec<Hit>) {
        if Instant::now() >= self.until {
            return;
        }
        let shades = self.shades(y);
        let before = hits.len();
        for bits in [even(&shades), local(&shades)] {
            let mut parts = std::vec![0..bits.len()];
            while let Some(part) = parts.pop() {
                if hits.len() - before >= MOST_ON_A_LINE {
                    return;
                }
                let Some((said, within)) = self.part(&bits[part.clone()], y) else { continue };
                let across = part.start + within.start..part.start + within.end;
                parts.extend([part.start..across.start, across.end..part.end]);
                hits.push(Hit { said, across: across.start / 2..across.end.div_ceil(2), y });
            }
            if hits.len() > before {
                return;
            }
        }
    }

    /// One code in a part of a line, from left to right or else from right to left.
    fn part(&mut self, bits: &[bool], y: usize) -> Option<(Said, Range<usize>)> {
        if bits.windows(2).filter(|pair| pair[0] != pair[1]).count() < LEAST_EDGES {
            return None;
        }
        let mut row = BitArray::with_size(bits.len());
        bits.iter().enumerate().filter(|(_, dark)| **dark).for_each(|(at, _)| row.set(at));
        let number = u32::try_from(y).unwrap_or(u32::MAX);
        for reversed in [false, true] {
            if reversed {
                row.reverse();
            }
            let read = catch_unwind(AssertUnwindSafe(|| self.reader.decode_row(number, &row, &self.hints)));
            let Ok(read) = read else {
                // It counts indexes on that no one has thought of: what it knew is not to be trusted.
                self.reader = MultiFormatOneDReader::new(&self.hints);
                continue;
            };
            let Some((said, result)) = read.ok().and_then(|result| Some((Said::of(&result)?, result))) else {
                continue;
            };
            let places = result.getPoints().iter().map(|point| (point.x as usize).min(bits.len() - 1));
            let turned = |at: usize| if reversed { bits.len() - 1 - at } else { at };
            let (low, high) = places.map(turned).fold((bits.len(), 0), |(a, b), at| (a.min(at), b.max(at)));
            if low < high && is_whole(said.kind, &bits[low..high]) {
                return Some((said, low..high));
            }
        }
        None
    }

    /// Light and dark along a line as thick as several lines of pixels, which takes the noise
    /// out, at each half pixel, which keeps narrow bars apart.
    fn shades(&self, y: usize) -> Vec<u32> {
        let height = self.picture.height() as usize;
        let mut sums = std::vec![0_u32; self.picture.width() as usize];
        let rows = y.saturating_sub(THICKNESS / 2)..(y + THICKNESS / 2 + 1).min(height);
        let thickness = u32::try_from(rows.len()).unwrap_or(1);
        for row in rows {
            for (sum, shade) in sums.iter_mut().zip(self.picture.row(row)) {
                *sum += u32::from(*shade);
            }
        }
        let ends = sums.iter().skip(1).chain(sums.last());
        sums.iter().zip(ends).flat_map(|(a, b)| [*a / thickness, a.midpoint(*b) / thickness]).collect()
    }
}

/// Whether nothing was passed over between the middles of both guards. The reader looks for the
/// next guard wherever it is, so that a long code with a part missing would be read as a short one
/// (GS1 General Specifications 5.2.3: bars and spaces of each).
fn is_whole(kind: Kind, bits: &[bool]) -> bool {
    let edges = bits.windows(2).filter(|pair| pair[0] != pair[1]).count();
    match kind {
        Kind::Ean8 => edges == 40,
        Kind::Ean13 | Kind::UpcA => edges == 56,
        // The right guard has six parts: its middle is an edge.
        Kind::UpcE => (27..=30).contains(&edges),
        _ => true,
    }
}

/// Dark where it is darker than the middle between paper and ink.
fn even(shades: &[u32]) -> Vec<bool> {
    shades.iter().map(|shade| *shade < 128).collect()
}

/// Dark where it is darker than what is around.
fn local(shades: &[u32]) -> Vec<bool> {
    let reach = (shades.len() / 40).max(24);
    let mut sums = Vec::with_capacity(shades.len() + 1);
    sums.push(0_u32);
    let mut sum = 0;
    for shade in shades {
        sum += shade;
        sums.push(sum);
    }
    let dark = |(at, shade): (usize, &u32)| {
        let (from, to) = (at.saturating_sub(reach), (at + reach + 1).min(shades.len()));
        let mean = (sums[to] - sums[from]) / u32::try_from(to - from).unwrap_or(1);
        shade + 8 < mean
    };
    shades.iter().enumerate().map(dark).collect()
}

/// The readings that enough lines have in common, and that no other at their place disputes.
fn agree(hits: Vec<Hit>) -> Vec<Found> {
    let mut all: Vec<Found> = Vec::new();
    for hit in hits {
        let near = |found: &&mut Found| {
            found.said == hit.said
                && found.across.start < hit.across.end
                && hit.across.start < found.across.end
        };
        match all.iter_mut().find(near) {
            Some(found) => {
                found.lines += 1;
                found.across.start = found.across.start.min(hit.across.start);
                found.across.end = found.across.end.max(hit.across.end);
                found.rows.start = found.rows.start.min(hit.y);
                found.rows.end = found.rows.end.max(hit.y + 1);
            }
            None => {
                all.push(Found { said: hit.said, across: hit.across, rows: hit.y..hit.y + 1, lines: 1 });
            }
        }
    }
    let disputed = |found: &Found| {
        all.iter().any(|other| {
            let apart = other.across.end <= found.across.start
                || found.across.end <= other.across.start
                || other.rows.end <= found.rows.start
                || found.rows.end <= other.rows.start;
            !apart && other.said != found.said && found.lines < MAJORITY * other.lines
        })
    };
    let sure: Vec<bool> =
        all.iter().map(|found| found.lines >= needed(found.said.kind) && !disputed(found)).collect();
    all.into_iter().zip(sure).filter(|(_, sure)| *sure).map(|(found, _)| found).collect()
}

/// How many lines must agree: more for the short ones that noise resembles.
fn needed(kind: Kind) -> usize {
    match kind {
        Kind::Ean8 | Kind::UpcE | Kind::Itf14 => 2 * AGREEING,
        _ => AGREEING,
    }
}
