//! Digital Link URIs, plain form (GS1 Digital Link Standard: URI Syntax 1.6): a primary key and
//! its qualifiers in the path, attributes in the query.

use super::ai::{Ai, Charset, Entry, Found};
use super::element::{ElementString, limit, whole};
use super::error::{Gs1Error, Gs1Fault};
use core::fmt;
use core::iter::once;
use core::ops::Range;

/// What to do with a GTIN of 8, 12 or 13 digits in the path, where the standard now asks for 14.
/// In the query it is padded in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortGtin {
    /// Refuse it, as the current standard does.
    Refuse,
    /// Put zeros before it, as older versions of the standard allowed.
    Pad,
}

/// A Digital Link URI that was read: its stem and its elements.
///
/// ```
/// use scrip::codec::gs1::{Ai, DigitalLink};
/// let link = DigitalLink::parse("https://id.gs1.org/01/09521234543213/10/ABC123/21/12345?17=261231")?;
/// assert_eq!(link.stem(), "https://id.gs1.org");
/// assert_eq!(link.elements().get(Ai::SERIAL), Some("12345"));
/// # Ok::<(), scrip::codec::gs1::Gs1Error>(())
/// ```
#[derive(Clone)]
pub struct DigitalLink<'a> {
    stem: &'a str,
    elements: ElementString<'a>,
    path: usize,
}

impl<'a> DigitalLink<'a> {
    /// The stem of canonical URIs.
    pub const CANONICAL_STEM: &'static str = "https://id.gs1.org";

    /// Whether a text has the scheme of such a URI, `http` or `https` in one case throughout.
    pub fn is_candidate(text: &str) -> bool {
        scheme_len(text).is_some()
    }

    /// Reads a URI with a 14-digit GTIN and applies every rule, associations included.
    ///
    /// # Errors
    /// [`Gs1Error`], with the byte where the first broken rule shows.
    pub fn parse(uri: &'a str) -> Result<Self, Gs1Error> {
        let link = Self::read(uri, ShortGtin::Refuse)?;
        link.elements.check_associations()?;
        Ok(link)
    }

    /// As [`DigitalLink::parse`], without the rules between elements, which
    /// [`ElementString::check_associations`] applies.
    ///
    /// # Errors
    /// [`Gs1Error`], with the byte where the first broken rule shows.
    pub fn read(uri: &'a str, short: ShortGtin) -> Result<Self, Gs1Error> {
        limit(uri)?;
        let mut elements = ElementString::over(uri);
        let places = Places::find(uri)?;
        let key = key_start(uri, &places.path)?;
        let mut at = key;
        while at < places.path.end {
            at = read_pair(&mut elements, uri, at, places.path.end, short)?;
        }
        let path = elements.len();
        let mut link = Self { stem: uri.get(..key).unwrap_or_default(), elements, path };
        link.check_sequence()?;
        link.read_query(uri, places.query)?;
        Ok(link)
    }

    /// What stands before the key: scheme, domain and, if there is one, a path.
    pub fn stem(&self) -> &'a str {
        self.stem
    }

    /// The elements: those of the path, then those of the query.
    pub fn elements(&self) -> &ElementString<'a> {
        &self.elements
    }

    /// How many elements stand in the path: the key and its qualifiers.
    pub fn path_len(&self) -> usize {
        self.path
    }

    fn qualifiers(&self) -> impl Iterator<Item = Ai> + Clone {
        self.elements.iter().take(self.path).skip(1).map(|element| element.ai)
    }

    /// The qualifier sequences that the key allows.
    fn sequences(&self) -> &'static [&'static [Ai]] {
        let key = self.elements.entries().next();
        key.and_then(|(_, entry)| entry.key_qualifiers()).unwrap_or_default()
    }

    fn check_sequence(&self) -> Result<(), Gs1Error> {
        if self.path <= 1 || self.sequences().iter().any(|all| fits(all, self.qualifiers())) {
            return Ok(());
        }
        let key = self.elements.iter().next();
        Err(Gs1Error::new(
            key.map_or(0, |element| element.at),
            key.map(|element| element.ai),
            Gs1Fault::KeySequence,
        ))
    }

    /// Parameters without a value or with a name that is no number mean nothing here.
    fn read_query(&mut self, uri: &str, query: Range<usize>) -> Result<(), Gs1Error> {
        let mut at = query.start;
        for parameter in uri.get(query).unwrap_or_default().split('&') {
            if let Some((name, value)) = parameter.split_once('=') {
                if name.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.read_attribute(uri, at, name, value)?;
                }
            }
            at += parameter.len() + 1;
        }
        Ok(())
    }

    fn read_attribute(&mut self, uri: &str, at: usize, name: &str, value: &str) -> Result<(), Gs1Error> {
        let (ai, row, entry) = identify(name).ok_or(Gs1Error::new(at, None, Gs1Fault::UnknownAi))?;
        let fail = |fault| Err(Gs1Error::new(at, Some(ai), fault));
        if self.elements.iter().any(|element| element.ai == ai) {
            return fail(Gs1Fault::Duplicate);
        }
        if !entry.is_attribute() {
            return fail(Gs1Fault::NotAttribute);
        }
        if self.would_fit_in_path(ai) {
            return fail(Gs1Fault::BelongsInPath);
        }
        let start = at + name.len() + 1;
        let raw = Raw { start, text: value, plus: ' ', pad: ai == Ai::GTIN };
        let place = raw.decode(&mut self.elements, uri, ai, entry)?;
        self.elements.push(row, ai, at, place)
    }

    /// Whether the key would take this as a further qualifier.
    fn would_fit_in_path(&self, ai: Ai) -> bool {
        let longer = |at| self.qualifiers().take(at).chain(once(ai)).chain(self.qualifiers().skip(at));
        self.sequences().iter().any(|all| (0..self.path).any(|at| fits(all, longer(at))))
    }
}

impl fmt::Debug for DigitalLink<'_> {
    /// Without the data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigitalLink").field("stem", &self.stem).field("elements", &self.elements).finish()
    }
}

/// Whether `some` are all in `all`, in that order.
fn fits(all: &[Ai], mut some: impl Iterator<Item = Ai>) -> bool {
    let mut rest = all.iter();
    some.all(|wanted| rest.any(|&ai| ai == wanted))
}

fn identify(digits: &str) -> Option<(Ai, usize, &'static Entry)> {
    let found = Found::at_start(digits.as_bytes()).filter(|found| found.width == digits.len())?;
    Some((found.ai, found.row, found.entry))
}

fn scheme_len(text: &str) -> Option<usize> {
    ["https://", "HTTPS://", "http://", "HTTP://"].iter().find(|s| text.starts_with(**s)).map(|s| s.len())
}

/// Where path and query of a URI are.
struct Places {
    path: Range<usize>,
    query: Range<usize>,
}

impl Places {
    fn find(uri: &str) -> Result<Self, Gs1Error> {
        let expected = |at, what| Gs1Error::new(at, None, Gs1Fault::Expected(what));
        let legal = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'!' | b'#'..=b'/' | b':' | b';' | b'=' | b'?' | b'@' | b'[' | b']' | b'_' | b'~'
                )
        };
        if let Some(at) = uri.bytes().position(|byte| !legal(byte)) {
            return Err(expected(at, "a character that a URI may hold"));
        }
        let domain = scheme_len(uri).ok_or(expected(0, "http:// or https://"))?;
        let slash = |at: usize| uri.get(at..).and_then(|rest| rest.find('/')).map(|offset| at + offset);
        let path = slash(domain).ok_or(expected(uri.len(), "a path"))?;
        if path == domain {
            return Err(expected(domain, "a domain"));
        }
        let name = uri.get(domain..path).unwrap_or_default();
        if let Some(offset) = name.find(|c| "_~?#@!$&'()*+,;=%".contains(c)) {
            return Err(expected(domain + offset, "a character that a domain may hold"));
        }
        let find = |c, from: usize, to: usize| {
            uri.get(from..to).and_then(|part| part.find(c)).map_or(to, |offset| from + offset)
        };
        let fragment = find('#', path, uri.len());
        let query = find('?', path, fragment);
        Ok(Self { path: path..query, query: (query + 1).min(fragment)..fragment })
    }
}

/// Where the rightmost primary key begins: walks back over pairs of identifier and data.
fn key_start(uri: &str, path: &Range<usize>) -> Result<usize, Gs1Error> {
    let slash =
        |end: usize| uri.get(path.start..end).and_then(|part| part.rfind('/')).map(|at| path.start + at);
    let mut end = path.end;
    while let Some((start, after)) = slash(end).and_then(|after| Some((slash(after)?, after))) {
        let Some((_, _, entry)) = uri.get(start + 1..after).and_then(identify) else { break };
        if entry.key_qualifiers().is_some() {
            return Ok(start);
        }
        end = start;
    }
    Err(Gs1Error::new(path.start, None, Gs1Fault::NoKey))
}

/// Reads `/identifier/data`; answers where it ended.
fn read_pair<'a>(
    elements: &mut ElementString<'a>,
    uri: &'a str,
    at: usize,
    path_end: usize,
    short: ShortGtin,
) -> Result<usize, Gs1Error> {
    let slash =
        |from: usize| uri.get(from..path_end).and_then(|rest| rest.find('/')).map(|offset| from + offset);
    let no_key = Gs1Error::new(at, None, Gs1Fault::NoKey);
    let after = slash(at + 1).ok_or(no_key)?;
    let (ai, row, entry) = uri.get(at + 1..after).and_then(identify).ok_or(no_key)?;
    let (start, end) = (after + 1, slash(after + 1).unwrap_or(path_end));
    let pad = ai == Ai::GTIN && short == ShortGtin::Pad;
    let raw = Raw { start, text: uri.get(start..end).unwrap_or_default(), plus: '+', pad };
    let place = raw.decode(elements, uri, ai, entry)?;
    elements.push(row, ai, at + 1, place)?;
    Ok(end)
}

/// Data as they stand in the URI.
struct Raw<'u> {
    start: usize,
    text: &'u str,
    /// What `+` stands for: itself in the path, a space in the query.
    plus: char,
    /// Whether 8, 12 or 13 digits are padded to a GTIN-14.
    pad: bool,
}

impl Raw<'_> {
    /// Undoes percent-encoding and checks the data; answers where they are.
    fn decode(
        &self,
        elements: &mut ElementString<'_>,
        uri: &str,
        ai: Ai,
        entry: &Entry,
    ) -> Result<Range<usize>, Gs1Error> {
        let plain = !self.text.contains(['%', '+']);
        let len = if plain { self.text.len() } else { self.bytes().count() };
        let zeros = if self.pad && matches!(len, 8 | 12 | 13) { 14 - len } else { 0 };
        let fail = |offset: usize, fault| {
            let place = self.bytes().nth(offset.saturating_sub(zeros)).map_or(self.text.len(), |(at, _)| at);
            Gs1Error::new(self.start + place, Some(ai), fault)
        };
        if !plain {
            if let Some(offset) = self.bytes().position(|(_, byte)| byte == 0 || !byte.is_ascii()) {
                return Err(fail(offset + zeros, Gs1Fault::Character(Charset::Set82)));
            }
        }
        let place = if plain && zeros == 0 {
            self.start..self.start + len
        } else {
            let zeros = core::iter::repeat_n('0', zeros);
            elements.keep(uri, zeros.chain(self.bytes().map(|(_, byte)| char::from(byte))))
        };
        whole(entry, elements.kept(place.clone()).as_bytes())
            .map_err(|(offset, fault)| fail(offset, fault))?;
        Ok(place)
    }

    /// The decoded bytes, each with its offset in the encoded text. A `%` without two
    /// hexadecimal digits stands for itself.
    fn bytes(&self) -> impl Iterator<Item = (usize, u8)> {
        let mut at = 0;
        core::iter::from_fn(move || {
            let rest = self.text.as_bytes().get(at..)?;
            let (len, byte) = match *rest {
                [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    (3, hex(high) << 4 | hex(low))
                }
                [b'+', ..] => (1, self.plus as u8),
                [byte, ..] => (1, byte),
                [] => return None,
            };
            at += len;
            Some((at - len, byte))
        })
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a') + 10,
    }
}
