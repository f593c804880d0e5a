//! All that a picture shows, and what it may be.

use super::grey::{Bounds, Picture, PictureError, Place};
use super::symbol::Symbol;
use super::text::{Line, TextError, TextReader};
use super::turn::{Turn, skew};
use super::{bars, squares, tone};
use crate::card::Catalogue;
use crate::card::scan::{Candidate, Likelihood, Scan, ScanError, scan};
use core::fmt;
use std::boxed::Box;
use std::string::String;
use std::time::Instant;
use std::vec::Vec;
use zeroize::Zeroizing;

/// Larger pictures are made smaller before they are read: pixels beyond these show no more of a
/// card, only more noise.
const LONGEST_SIDE: u32 = 1_800;

/// Shorter sides than this are doubled for the reader of text, which wants letters of 20 pixels
/// and more.
const SHORTEST_SIDE: u32 = 500;

/// Lines of which the reader is less certain are left out.
const LEAST_CONFIDENCE: u8 = 40;

/// At most this many lines are looked at together, for a number in one and its secret in another.
const MOST_LINES: usize = 12;

/// At most this many symbols are looked at in pairs.
const MOST_PAIRS: usize = 6;

/// Reads pictures of cards: codes, and printed text if it was given a reader.
///
/// ```no_run
/// use scrip::card::Catalogue;
/// use scrip::host::picture::{Camera, Tesseract};
/// let catalogue = Catalogue::parse(&std::fs::read_to_string("catalogue.toml")?)?;
/// let seen = Camera::new().text(Tesseract::default()).read(&std::fs::read("card.jpg")?)?;
/// for found in seen.candidates(|scan| scan.declared("jd-ecard"), &catalogue)? {
///     println!("{:?} at {:?}", found.candidate().kind(), found.place());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Camera {
    bounds: Bounds,
    text: Option<Box<dyn TextReader + Send + Sync>>,
}

impl Camera {
    /// Reads codes alone, within the default bounds.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a picture may cost.
    #[must_use]
    pub fn bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Reads printed text too.
    #[must_use]
    pub fn text(self, reader: impl TextReader + Send + Sync + 'static) -> Self {
        Self { text: Some(Box::new(reader)), ..self }
    }

    /// Reads a PNG or JPEG file. That nothing is found in it is no error.
    ///
    /// The libraries that decode pictures and codes may panic on strange ones; that is caught and
    /// counts as nothing found, unless the program is built to abort. The program's panic hook
    /// sees the message.
    ///
    /// # Errors
    /// [`PictureError`].
    pub fn read(&self, file: &[u8]) -> Result<Seen, PictureError> {
        Picture::decode(file, &self.bounds).map(|picture| self.look(&picture))
    }

    /// Reads a picture that has been decoded.
    pub fn look(&self, picture: &Picture) -> Seen {
        let until = Instant::now() + self.bounds.time;
        let factor = picture.width().max(picture.height()).div_ceil(LONGEST_SIDE);
        let small = if factor > 1 { tone::shrink(picture, factor) } else { picture.clone() };
        let flat = tone::flatten(&small);
        let mut symbols = squares::read(&flat, until);
        let mut bars = bars::read(&flat, until);
        if symbols.is_empty() && bars.is_empty() {
            bars = bars::read(&tone::soften(&tone::median(&flat)), until);
        }
        symbols.extend(bars);
        let symbols = symbols.into_iter().map(|symbol| symbol.times(factor)).collect();
        let (lines, text_error) = match self.text.as_deref().map(|reader| self.lines(reader, &flat)) {
            None => (Vec::new(), None),
            Some(Err(error)) => (Vec::new(), Some(error)),
            Some(Ok(lines)) => {
                let times = |line: Line| {
                    let place = line.place().times(factor);
                    line.moved(place)
                };
                (lines.into_iter().map(times).collect(), None)
            }
        };
        let together = together(&lines);
        Seen { symbols, lines, together, text_error }
    }

    /// The lines that are read alike twice, in pictures cleaned in different ways: what the reader
    /// makes out once only is noise, or a character that may be two.
    fn lines(&self, reader: &dyn TextReader, flat: &Picture) -> Result<Vec<Line>, TextError> {
        let until = Instant::now() + self.bounds.time;
        let clean = tone::soften(&tone::median(flat));
        let turn = Turn::new(flat, skew(&clean), false);
        let cleaner = tone::soften(&clean);
        let cleanest = tone::soften(&tone::median(&cleaner));
        let mut before: Vec<Line> = Vec::new();
        for (nth, picture) in [clean, cleaner, cleanest].iter().enumerate() {
            let upright = Upright::new(picture, turn);
            let time = until.saturating_duration_since(Instant::now());
            let lines = reader.read(&upright.picture, time)?;
            let sure = |line: &Line| line.confidence() >= LEAST_CONFIDENCE;
            let lines: Vec<Line> = lines.into_iter().filter(sure).map(|line| upright.back(line)).collect();
            // An even picture is not looked at again.
            if nth == 0 && lines.is_empty() {
                return Ok(lines);
            }
            let twice = |line: &&Line| before.iter().any(|other| is_same(line, other));
            let confirmed: Vec<Line> = lines.iter().filter(twice).cloned().collect();
            if confirmed.iter().any(has_digits) {
                return Ok(confirmed);
            }
            before.extend(lines);
        }
        Ok(Vec::new())
    }
}

/// A picture as a reader of text likes it.
struct Upright {
    picture: Picture,
    turn: Turn,
    doubled: bool,
    /// Of the picture before.
    size: (u32, u32),
}

impl Upright {
    fn new(clean: &Picture, turn: Turn) -> Self {
        let turned = turn.apply(clean);
        let doubled = turned.width().min(turned.height()) < SHORTEST_SIDE;
        let large = if doubled { tone::double(&turned) } else { turned };
        let reach = (large.width().min(large.height()) / 16).clamp(12, 40) as usize;
        let picture = tone::separate(&large, reach, 12 + 5 * tone::noise(&large));
        Self { picture, turn, doubled, size: (clean.width(), clean.height()) }
    }

    /// The line where it was before.
    fn back(&self, line: Line) -> Line {
        let Place { left, top, right, bottom } = line.place();
        let half = |at: u32| i64::from(if self.doubled { at / 2 } else { at });
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)];
        let before = corners.map(|(x, y)| self.turn.back((half(x), half(y))));
        line.moved(Place::around(before, self.size.0, self.size.1))
    }
}

/// Whether two readings of a picture have the line in common. White space does not count.
fn is_same(line: &Line, other: &Line) -> bool {
    line.place().overlaps(&other.place()) && bare(line.text()).eq(bare(other.text()))
}

impl fmt::Debug for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.is_some();
        f.debug_struct("Camera").field("bounds", &self.bounds).field("text", &text).finish()
    }
}

/// A text without white space, which readers see where there is none.
fn bare(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| !c.is_whitespace())
}

/// Whether a number or secret may be in the line.
fn has_digits(line: &Line) -> bool {
    bare(line.text()).filter(char::is_ascii_digit).count() >= 4
}

/// The lines that may hold a number or a secret, one below the other.
fn together(lines: &[Line]) -> Zeroizing<String> {
    let mut all = Zeroizing::new(String::new());
    for line in lines.iter().filter(|line| has_digits(line)).take(MOST_LINES) {
        if !all.is_empty() {
            all.push('\n');
        }
        all.push_str(line.text());
    }
    all
}

/// What a picture shows.
#[derive(Clone, Debug)]
pub struct Seen {
    symbols: Vec<Symbol>,
    lines: Vec<Line>,
    /// The lines as one text.
    together: Zeroizing<String>,
    text_error: Option<TextError>,
}

/// What it was read from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Origin<'a> {
    /// A bar or QR code.
    Symbol(&'a Symbol),
    /// Two codes, of which one names the product and one the card.
    Symbols(&'a Symbol, &'a Symbol),
    /// A printed line.
    Line(&'a Line),
    /// Several printed lines, all of which are here.
    Lines(&'a [Line]),
}

/// What a picture may show a card of.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    candidate: Candidate<'a>,
    origin: Origin<'a>,
}

impl<'a> Found<'a> {
    /// What it may be.
    pub fn candidate(&self) -> &Candidate<'a> {
        &self.candidate
    }

    /// What it was read from.
    pub fn origin(&self) -> Origin<'a> {
        self.origin
    }

    /// The rectangle around all that it was read from, in pixels of the picture.
    pub fn place(&self) -> Place {
        let join = |a: Place, b: Place| Place {
            left: a.left.min(b.left),
            top: a.top.min(b.top),
            right: a.right.max(b.right),
            bottom: a.bottom.max(b.bottom),
        };
        match self.origin {
            Origin::Symbol(symbol) => symbol.place(),
            Origin::Symbols(a, b) => join(a.place(), b.place()),
            Origin::Line(line) => line.place(),
            Origin::Lines(lines) => lines.iter().map(Line::place).reduce(join).unwrap_or_default(),
        }
    }

    /// Codes check themselves, printed text does not; what is broken comes last.
    fn rank(&self) -> (bool, bool, Likelihood) {
        let printed = matches!(self.origin, Origin::Line(_) | Origin::Lines(_));
        (!self.candidate.is_valid(), printed, self.candidate.likelihood())
    }

    fn is_like(&self, other: &Candidate<'_>) -> bool {
        let own = &self.candidate;
        (own.kind(), own.gtin(), own.number(), own.secret(), own.fits())
            == (other.kind(), other.gtin(), other.number(), other.secret(), other.fits())
    }
}

impl Seen {
    /// The bar and QR codes.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The printed lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Why no text was read, if a reader was there and failed.
    pub fn text_error(&self) -> Option<&TextError> {
        self.text_error.as_ref()
    }

    /// What it may be, the likeliest first: codes before printed text, each once. Lookalikes in
    /// printed text are offered as [`Repair`](crate::card::scan::Repair)s and never applied.
    /// Codes that are as likely as each other are all there: a picture with two cards says so.
    ///
    /// `hint` adds to each text what the caller knows, such as the declared product.
    ///
    /// # Errors
    /// [`ScanError::UnknownProduct`]; [`ScanError::Contradiction`] if a code proves something
    /// else than the declared product; any other only if nothing was a card of it.
    pub fn candidates<'a>(
        &'a self,
        hint: impl Fn(Scan<'a>) -> Scan<'a>,
        catalogue: &Catalogue,
    ) -> Result<Vec<Found<'a>>, ScanError> {
        let mut all = Gathered { found: Vec::new(), refused: None };
        for symbol in &self.symbols {
            let text = hint(Scan::new(symbol.kind().source(), symbol.text()));
            all.add(Origin::Symbol(symbol), scan(&text, catalogue), true)?;
        }
        for (at, first) in self.symbols.iter().enumerate().take(MOST_PAIRS) {
            for second in self.symbols.iter().take(MOST_PAIRS).skip(at + 1) {
                let text = hint(Scan::barcode(first.text()).and(second.text()));
                // Codes that have nothing to do with each other are no error.
                let Ok(mut pair) = scan(&text, catalogue) else { continue };
                pair.retain(|candidate| !candidate.fits().is_empty() && candidate.number().is_some());
                all.add(Origin::Symbols(first, second), Ok(pair), true)?;
            }
        }
        for line in &self.lines {
            all.add(Origin::Line(line), scan(&hint(Scan::ocr(line.text())), catalogue), false)?;
        }
        if self.together.contains('\n') {
            let text = hint(Scan::ocr(&self.together));
            all.add(Origin::Lines(&self.lines), scan(&text, catalogue), false)?;
        }
        let Gathered { mut found, refused } = all;
        found.sort_by_key(Found::rank);
        match refused {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }
}

/// Candidates as they come.
struct Gathered<'a> {
    found: Vec<Found<'a>>,
    /// The first refusal of a text that is no card of the declared product.
    refused: Option<ScanError>,
}

impl<'a> Gathered<'a> {
    fn add(
        &mut self,
        origin: Origin<'a>,
        scanned: Result<Vec<Candidate<'a>>, ScanError>,
        proves: bool,
    ) -> Result<(), ScanError> {
        match scanned {
            Ok(candidates) => {
                for candidate in candidates {
                    // Broken printed text is any text; a broken code is still a code.
                    let worth = candidate.is_valid() || proves;
                    if worth && !self.found.iter().any(|found| found.is_like(&candidate)) {
                        self.found.push(Found { candidate, origin });
                    }
                }
                Ok(())
            }
            Err(error @ ScanError::UnknownProduct(_)) => Err(error),
            Err(error @ ScanError::Contradiction { .. }) if proves => Err(error),
            Err(error) => {
                self.refused.get_or_insert(error);
                Ok(())
            }
        }
    }
}
