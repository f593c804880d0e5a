//! Element strings: application identifiers with their data, as read from a symbol or typed
//! with brackets.

use super::ai::{Ai, Entry, Found};
use super::error::{Gs1Error, Gs1Fault};
use super::symbology::SymbologyId;
use super::table::ROWS;
use super::{associate, lint};
use alloc::string::String;
use core::fmt;
use core::ops::Range;
use zeroize::Zeroizing;

/// The separator (FNC1) between elements as readers transmit it.
pub(super) const GS: u8 = 0x1D;

/// One element: an application identifier and its data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The application identifier.
    pub ai: Ai,
    /// Its data, unescaped.
    pub value: &'a str,
    /// Byte offset of the identifier in what was read.
    pub at: usize,
}

impl fmt::Debug for Element<'_> {
    /// Without the data, which may be a card's serial number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) of {} bytes", self.ai, self.value.len())
    }
}

/// A list of elements, borrowed from what was read wherever it stands there as it is.
///
/// ```
/// use scrip::codec::gs1::{Ai, ElementString};
/// let scanned = ElementString::parse("]d2010952123454321321ABC123\u{1D}17261231")?;
/// assert_eq!(scanned.get(Ai::SERIAL), Some("ABC123"));
/// assert_eq!(scanned.to_bracketed(), "(01)09521234543213(21)ABC123(17)261231");
/// # Ok::<(), scrip::codec::gs1::Gs1Error>(())
/// ```
#[derive(Clone)]
pub struct ElementString<'a> {
    source: Source<'a>,
    spans: [Span; ElementString::MAX],
    count: usize,
}

/// Where the data stand. What had to be unescaped follows a copy of the input, so that places
/// found before still hold; the copy is zeroised when dropped.
#[derive(Clone)]
enum Source<'a> {
    Borrowed(&'a str),
    Owned(Zeroizing<String>),
}

/// One element as places: its row in the table, its number, where its identifier stood in the
/// input, where its data stand in the source.
#[derive(Clone, Copy, Default)]
struct Span {
    row: u16,
    ai: u16,
    at: u16,
    start: u16,
    len: u16,
}

impl<'a> ElementString<'a> {
    /// The largest number of elements, as in the GS1 Barcode Syntax Engine.
    pub const MAX: usize = 64;
    /// The longest input in bytes, as in the GS1 Barcode Syntax Engine.
    pub const MAX_BYTES: usize = 8_191;

    /// Reads an element string in either form and applies every rule of the dictionary,
    /// associations included. Text that begins with `(` is taken for the bracketed form.
    ///
    /// # Errors
    /// [`Gs1Error`], with the byte where the first broken rule shows.
    pub fn parse(text: &'a str) -> Result<Self, Gs1Error> {
        let mut elements = Self::over(text);
        elements.fill(text)?;
        elements.check_associations()?;
        Ok(elements)
    }

    /// As [`ElementString::parse`], without the rules between elements. For one of several
    /// symbols on an item: the rules hold for all of them together, see
    /// [`ElementString::combined`].
    ///
    /// # Errors
    /// [`Gs1Error`], with the byte where the first broken rule shows.
    pub fn read(text: &'a str) -> Result<Self, Gs1Error> {
        let mut elements = Self::over(text);
        elements.fill(text)?;
        Ok(elements)
    }

    /// Reads the form for people: `(01)…(21)…`. A `(` within data is written `\(`. One `|` may
    /// stand between the linear and the composite component of a symbol.
    ///
    /// # Errors
    /// [`Gs1Error`], with the byte where the first broken rule shows.
    pub fn read_bracketed(text: &'a str) -> Result<Self, Gs1Error> {
        let mut elements = Self::over(text);
        elements.fill_bracketed(text)?;
        Ok(elements)
    }

    /// Reads what a reader transmits: an optional symbology identifier of a GS1 symbol, then
    /// elements with GS (0x1D) for FNC1. A GS before the first element is tolerated, as is one
    /// after the last or after an element of predefined length.
    ///
    /// # Errors
    /// [`Gs1Error`], with the byte where the first broken rule shows.
    pub fn read_scanned(text: &'a str) -> Result<Self, Gs1Error> {
        let mut elements = Self::over(text);
        elements.fill_scanned(text)?;
        Ok(elements)
    }

    /// Reads the notation of barcode software: `^` for FNC1, in first position too, and
    /// optionally `|` and a second part, again with `^`, for a composite component.
    ///
    /// # Errors
    /// [`Gs1Error`], with the byte where the first broken rule shows.
    pub fn read_caret(text: &'a str) -> Result<Self, Gs1Error> {
        let mut elements = Self::over(text);
        limit(text)?;
        for component in components(text) {
            if text.as_bytes().get(component.start) != Some(&b'^') {
                return Err(Gs1Error::new(component.start, None, Gs1Fault::Expected("^")));
            }
            elements.separated(text, component.start + 1..component.end, b'^')?;
        }
        Ok(elements)
    }

    /// Takes elements one by one, in this order, and applies every rule.
    ///
    /// # Errors
    /// [`Gs1Error`]; its place is that in the bracketed form without escapes.
    pub fn from_elements(elements: &[(Ai, &str)]) -> Result<ElementString<'static>, Gs1Error> {
        let mut text = Zeroizing::new(String::with_capacity(elements.iter().map(|(_, v)| v.len() + 6).sum()));
        let mut places = alloc::vec::Vec::with_capacity(elements.len());
        for (ai, value) in elements {
            let at = text.len();
            let row = ai.row().ok_or(Gs1Error::new(at, Some(*ai), Gs1Fault::UnknownAi))?;
            fmt::Write::write_fmt(&mut *text, format_args!("({ai})")).expect("a string takes every write");
            let start = text.len();
            text.push_str(value);
            places.push((row, *ai, at, start..text.len()));
        }
        limit(&text)?;
        let mut all = ElementString::over("");
        for (row, ai, at, place) in places {
            let entry = ROWS.get(row).expect("the row of an identifier");
            let value = text.get(place.clone()).unwrap_or_default();
            whole(entry, value.as_bytes())
                .map_err(|(offset, fault)| Gs1Error::new(place.start + offset, Some(ai), fault))?;
            all.push(row, ai, at, place)?;
        }
        all.source = Source::Owned(text);
        if all.is_empty() {
            return Err(Gs1Error::new(0, None, Gs1Fault::Empty));
        }
        all.check_associations()?;
        Ok(all)
    }

    /// The elements of two symbols on one item together (a product's and a serial's, say), with
    /// every rule applied over both.
    ///
    /// # Errors
    /// [`Gs1Error`]; its place is that in the bracketed form of both.
    pub fn combined(&self, other: &ElementString<'_>) -> Result<ElementString<'static>, Gs1Error> {
        let all: alloc::vec::Vec<_> = self.iter().chain(other.iter()).map(|e| (e.ai, e.value)).collect();
        ElementString::from_elements(&all)
    }

    /// Applies the rules between elements: exclusive pairs, required elements, equal data of
    /// repeated elements, serial components beside a digital signature.
    ///
    /// # Errors
    /// [`Gs1Error`], with the byte where the element at fault stood.
    pub fn check_associations(&self) -> Result<(), Gs1Error> {
        associate::check(self)
    }

    /// The elements, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Element<'_>> + Clone {
        self.spans().iter().map(|span| self.element(span))
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none; a list that was read has at least one.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The data of the first element with this identifier.
    pub fn get(&self, ai: Ai) -> Option<&str> {
        self.spans().iter().find(|span| span.ai == ai.number()).map(|span| self.element(span).value)
    }

    /// The identifiers, in order.
    pub(super) fn ais(&self) -> impl ExactSizeIterator<Item = Ai> + Clone {
        self.spans().iter().map(|span| Ai::new(span.ai))
    }

    /// What the table says of the elements.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &'static Entry> + Clone {
        self.spans().iter().map(|span| ROWS.get(usize::from(span.row)).expect("a span is made from its row"))
    }

    /// The element in this place of the list.
    pub(super) fn nth(&self, i: usize) -> Option<Element<'_>> {
        self.spans().get(i).map(|span| self.element(span))
    }

    /// Elements with what the table says of them.
    pub(super) fn entries(&self) -> impl ExactSizeIterator<Item = (Element<'_>, &'static Entry)> + Clone {
        self.iter().zip(self.rows())
    }

    fn spans(&self) -> &[Span] {
        self.spans.get(..self.count).unwrap_or_default()
    }

    fn element(&self, span: &Span) -> Element<'_> {
        let text = match &self.source {
            Source::Borrowed(text) => text,
            Source::Owned(text) => text.as_str(),
        };
        let start = usize::from(span.start);
        let value = text.get(start..start + usize::from(span.len)).unwrap_or_default();
        Element { ai: Ai::new(span.ai), value, at: usize::from(span.at) }
    }

    /// No elements yet.
    pub(super) fn over(text: &'a str) -> Self {
        Self { source: Source::Borrowed(text), spans: [Span::default(); Self::MAX], count: 0 }
    }

    fn fill(&mut self, text: &'a str) -> Result<(), Gs1Error> {
        if text.starts_with('(') { self.fill_bracketed(text) } else { self.fill_scanned(text) }
    }

    fn fill_bracketed(&mut self, text: &'a str) -> Result<(), Gs1Error> {
        limit(text)?;
        components(text).try_for_each(|component| self.bracketed(text, component))
    }

    fn fill_scanned(&mut self, text: &'a str) -> Result<(), Gs1Error> {
        limit(text)?;
        let (symbology, data) = SymbologyId::split(text);
        if symbology.is_some_and(|id| !id.carries_elements()) {
            return Err(Gs1Error::new(0, None, Gs1Fault::NotGs1));
        }
        let mut start = text.len() - data.len();
        start += usize::from(data.as_bytes().first() == Some(&GS));
        self.separated(text, start..text.len(), GS)
    }

    /// Adds an element whose data were checked.
    pub(super) fn push(
        &mut self,
        row: usize,
        ai: Ai,
        at: usize,
        place: Range<usize>,
    ) -> Result<(), Gs1Error> {
        let span = self.spans.get_mut(self.count).ok_or(Gs1Error::new(at, Some(ai), Gs1Fault::TooMany))?;
        let short =
            |n: usize| u16::try_from(n).expect("limited by the length of the input and what is unescaped");
        *span = Span {
            row: short(row),
            ai: ai.number(),
            at: short(at),
            start: short(place.start),
            len: short(place.len()),
        };
        self.count += 1;
        Ok(())
    }

    /// Keeps unescaped characters of `input` behind a copy of it, and tells where they are.
    pub(super) fn keep(&mut self, input: &str, unescaped: impl Iterator<Item = char>) -> Range<usize> {
        if let Source::Borrowed(_) = self.source {
            // Unescaping shortens, except that a GTIN gains up to six zeros for its twelve bytes
            // or more of URI. With room for all the string never moves, so no copy stays behind.
            let mut copy = Zeroizing::new(String::with_capacity(3 * input.len()));
            copy.push_str(input);
            self.source = Source::Owned(copy);
        }
        match &mut self.source {
            Source::Owned(text) => {
                let start = text.len();
                text.extend(unescaped);
                start..text.len()
            }
            Source::Borrowed(_) => 0..0,
        }
    }

    /// What stands at a place that [`ElementString::keep`] told, or in the input.
    pub(super) fn kept(&self, place: Range<usize>) -> &str {
        match &self.source {
            Source::Borrowed(text) => text.get(place).unwrap_or_default(),
            Source::Owned(text) => text.get(place).unwrap_or_default(),
        }
    }

    fn bracketed(&mut self, text: &'a str, component: Range<usize>) -> Result<(), Gs1Error> {
        let bytes = text.as_bytes().get(..component.end).unwrap_or_default();
        let mut at = component.start;
        loop {
            if bytes.get(at) != Some(&b'(') {
                return Err(Gs1Error::new(at, None, Gs1Fault::Expected("an opening bracket")));
            }
            let digits = bytes.get(at + 1..).unwrap_or_default();
            let width = digits.iter().position(|&byte| byte == b')');
            let width = width.ok_or(Gs1Error::new(at, None, Gs1Fault::Expected("a closing bracket")))?;
            let found = Found::at_start(digits).filter(|found| found.width == width);
            let Found { ai, row, entry, .. } =
                found.ok_or(Gs1Error::new(at + 1, None, Gs1Fault::UnknownAi))?;
            let start = at + width + 2;
            let (end, escapes) = value_end(bytes, start);
            let place = if escapes {
                let raw = text.get(start..end).unwrap_or_default();
                self.keep(text, raw.char_indices().filter(|&(i, c)| !is_escape(raw, i, c)).map(|(_, c)| c))
            } else {
                start..end
            };
            whole(entry, self.kept(place.clone()).as_bytes()).map_err(|(offset, fault)| {
                Gs1Error::new(escaped_offset(text, start, end, offset), Some(ai), fault)
            })?;
            self.push(row, ai, at, place)?;
            at = end;
            if at >= component.end {
                return Ok(());
            }
        }
    }

    fn separated(&mut self, text: &'a str, component: Range<usize>, separator: u8) -> Result<(), Gs1Error> {
        let bytes = text.as_bytes().get(..component.end).unwrap_or_default();
        let mut at = component.start;
        if at >= component.end {
            return Err(Gs1Error::new(at, None, Gs1Fault::Empty));
        }
        while at < component.end {
            let rest = bytes.get(at..).unwrap_or_default();
            let found = Found::at_start(rest).ok_or(Gs1Error::new(at, None, Gs1Fault::UnknownAi))?;
            let Found { ai, width, row, entry } = found;
            let start = at + width;
            let data = bytes.get(start..).unwrap_or_default();
            let len = data.iter().position(|&byte| byte == separator).unwrap_or(data.len());
            let fail = |(offset, fault)| Gs1Error::new(start + offset, Some(ai), fault);
            let used = consume(entry, data.get(..len).unwrap_or_default()).map_err(fail)?;
            if used < len && !entry.is_predefined() {
                return Err(fail((used, Gs1Fault::TooLong)));
            }
            self.push(row, ai, at, start..start + used)?;
            at = start + used;
            at += usize::from(bytes.get(at) == Some(&separator));
        }
        Ok(())
    }
}

impl fmt::Debug for ElementString<'_> {
    /// Identifiers and lengths, without the data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq<ElementString<'_>> for ElementString<'_> {
    /// The same elements in the same order, wherever they stood.
    fn eq(&self, other: &ElementString<'_>) -> bool {
        self.iter().map(|e| (e.ai, e.value)).eq(other.iter().map(|e| (e.ai, e.value)))
    }
}

pub(super) fn limit(text: &str) -> Result<(), Gs1Error> {
    if text.len() > ElementString::MAX_BYTES {
        return Err(Gs1Error::new(ElementString::MAX_BYTES, None, Gs1Fault::InputTooLong));
    }
    Ok(())
}

/// The input's one or two components, split at its first `|`.
fn components(text: &str) -> impl Iterator<Item = Range<usize>> + use<> {
    let bar = text.find('|');
    let first = 0..bar.unwrap_or(text.len());
    let second = bar.map(|bar| bar + 1..text.len());
    core::iter::once(first).chain(second)
}

/// Where bracketed data end, and whether they hold an escaped bracket.
fn value_end(bytes: &[u8], start: usize) -> (usize, bool) {
    let (mut at, mut escapes) = (start, false);
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b'(')) {
        let bracket = at + offset;
        if bracket == start || bytes.get(bracket - 1) != Some(&b'\\') {
            return (bracket, escapes);
        }
        (at, escapes) = (bracket + 1, true);
    }
    (bytes.len(), escapes)
}

/// Whether the character at `i` is a backslash that escapes a bracket.
fn is_escape(raw: &str, i: usize, c: char) -> bool {
    c == '\\' && raw.as_bytes().get(i + 1) == Some(&b'(')
}

/// The place in the input of byte `offset` of what was unescaped from `start..end`.
fn escaped_offset(text: &str, start: usize, end: usize, offset: usize) -> usize {
    let raw = text.get(start..end).unwrap_or_default();
    let kept = raw.char_indices().filter(|&(i, c)| !is_escape(raw, i, c));
    let mut bytes = kept.flat_map(|(i, c)| i..i + c.len_utf8());
    bytes.nth(offset).map_or(end, |i| start + i)
}

/// Checks data that must be used up.
pub(super) fn whole(entry: &Entry, data: &[u8]) -> Result<(), (usize, Gs1Fault)> {
    if data.is_empty() {
        return Err((0, Gs1Fault::NoValue));
    }
    if data.len() < entry.min() {
        return Err((data.len(), Gs1Fault::TooShort));
    }
    if data.len() > entry.max() {
        return Err((entry.max(), Gs1Fault::TooLong));
    }
    consume(entry, data).map(|_| ())
}

/// Checks component after component from the front of the data; answers how much was used, or
/// where in the data a rule is broken.
fn consume(entry: &Entry, data: &[u8]) -> Result<usize, (usize, Gs1Fault)> {
    if data.is_empty() {
        return Err((0, Gs1Fault::NoValue));
    }
    let mut at = 0;
    for part in entry.parts() {
        let rest = data.get(at..).unwrap_or_default();
        let piece = rest.get(..part.max()).unwrap_or(rest);
        if piece.is_empty() && part.is_optional() {
            continue;
        }
        if piece.len() < part.min() {
            return Err((data.len(), Gs1Fault::TooShort));
        }
        lint::charset(part.charset(), piece)
            .map_err(|offset| (at + offset, Gs1Fault::Character(part.charset())))?;
        for &check in part.lints() {
            lint::check(check, piece).map_err(|offset| (at + offset, Gs1Fault::Check(check)))?;
        }
        at += piece.len();
    }
    Ok(at)
}
