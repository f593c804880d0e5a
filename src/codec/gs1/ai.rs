//! What an application identifier is: its components, its place in the table, and the
//! associations that the GS1 Barcode Syntax Dictionary gives it.

use super::table::{INDEX, ROWS};
use core::fmt;

/// A GS1 application identifier (AI, 应用标识符), by its number: `(01)` is 1, `(3103)` is 3103.
///
/// The number tells the width too: below 100 an AI has two digits, below 1,000 three, else four.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ai(u16);

impl Ai {
    /// GTIN of a trade item.
    pub const GTIN: Self = Self(1);
    /// Serial number.
    pub const SERIAL: Self = Self(21);
    /// Digital signature.
    pub(super) const DIGITAL_SIGNATURE: Self = Self(8030);

    /// The AI with this number, whether or not it is allocated.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// Reads two to four digits, as they stand between brackets. `None` if it is something
    /// else or is not allocated.
    pub fn parse(digits: &str) -> Option<Self> {
        Self::from_digits(digits.as_bytes())
    }

    pub(super) fn from_digits(digits: &[u8]) -> Option<Self> {
        Found::at_start(digits).filter(|found| found.width == digits.len()).map(|found| found.ai)
    }

    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// What the dictionary says of it; `None` if it is not allocated.
    pub fn entry(self) -> Option<&'static Entry> {
        ROWS.get(self.row()?)
    }

    /// Its row in the table.
    pub(super) fn row(self) -> Option<usize> {
        match self.0 {
            0..=99 => slot(self.0, 0),
            100..=999 => slot(self.0 / 10, self.0 % 10),
            _ => slot(self.0 / 100, self.0 % 100),
        }
        .filter(|&row| ROWS.get(row).is_some_and(|entry| (entry.first..=entry.last).contains(&self.0)))
    }
}

/// The row for a prefix and the digits after it.
fn slot(prefix: u16, rest: u16) -> Option<usize> {
    let base = INDEX.bases.get(usize::from(prefix))?;
    let row = INDEX.rows.get(usize::from(base + rest))?;
    usize::from(*row).checked_sub(1)
}

/// An allocated identifier at the start of digits.
pub(super) struct Found {
    pub(super) ai: Ai,
    pub(super) width: usize,
    pub(super) row: usize,
    pub(super) entry: &'static Entry,
}

impl Found {
    pub(super) fn at_start(digits: &[u8]) -> Option<Self> {
        let digit = |at: usize| {
            let digit = digits.get(at)?.wrapping_sub(b'0');
            (digit < 10).then_some(u16::from(digit))
        };
        let prefix = digit(0)? * 10 + digit(1)?;
        let width = usize::from(*INDEX.widths.get(usize::from(prefix))?);
        let (rest, slots) = match width {
            2 => (0, 1),
            3 => (digit(2)?, 10),
            4 => (digit(2)? * 10 + digit(3)?, 100),
            _ => return None,
        };
        let row = slot(prefix, rest)?;
        Some(Self { ai: Ai(prefix * slots + rest), width, row, entry: ROWS.get(row)? })
    }
}

impl fmt::Display for Ai {
    /// The digits, without brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl fmt::Debug for Ai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({self})")
    }
}

/// The characters that a component may hold (GS1 General Specifications, figures 7.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// `N`: digits.
    Numeric,
    /// `X`: character set 82.
    Set82,
    /// `Y`: character set 39.
    Set39,
    /// `Z`: character set 64, the URI-safe base64 alphabet with optional padding.
    Set64,
}

impl Charset {
    /// The dictionary's letter.
    pub const fn letter(self) -> char {
        match self {
            Self::Numeric => 'N',
            Self::Set82 => 'X',
            Self::Set39 => 'Y',
            Self::Set64 => 'Z',
        }
    }
}

/// One component of an AI's data.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub(super) charset: Charset,
    pub(super) min: u8,
    pub(super) max: u8,
    pub(super) optional: bool,
    pub(super) lints: &'static [Lint],
}

impl Part {
    /// Its characters.
    pub const fn charset(&self) -> Charset {
        self.charset
    }

    /// Its shortest length in characters, if it is there.
    pub const fn min(&self) -> usize {
        self.min as usize
    }

    /// Its longest length in characters.
    pub const fn max(&self) -> usize {
        self.max as usize
    }

    /// Whether it may be left out.
    pub const fn is_optional(&self) -> bool {
        self.optional
    }

    /// Its further checks, in order.
    pub const fn lints(&self) -> &'static [Lint] {
        self.lints
    }
}

macro_rules! lints {
    ($($(#[doc = $doc:literal])+ $variant:ident, $name:literal, $expects:literal;)+) => {
        /// A check of one component, beyond its characters and length.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Lint {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Lint {
            /// The name that the dictionary gives it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it expects, to follow "needs".
            pub const fn expects(self) -> &'static str {
                match self { $(Self::$variant => $expects,)+ }
            }
        }
    };
}

lints! {
    /// Mod-10 check digit in last place.
    Csum, "csum", "a correct check digit";
    /// Check character pair of an alphanumeric key (GMN).
    CsumAlpha, "csumalpha", "a correct check character pair";
    /// Starts with a GS1 company prefix.
    GcpPos1, "gcppos1", "a GS1 company prefix at its start";
    /// A GS1 company prefix starts at the second character.
    GcpPos2, "gcppos2", "a GS1 company prefix at its second character";
    /// `YYMMDD`.
    Yymmdd, "yymmdd", "a date YYMMDD";
    /// `YYMMDD`, where day 00 stands for the month's last day.
    Yymmd0, "yymmd0", "a date YYMMDD, where the day may be 00";
    /// `YYYYMMDD`.
    Yyyymmdd, "yyyymmdd", "a date YYYYMMDD";
    /// Hour and minute.
    Hhmi, "hhmi", "a time HHMM";
    /// Hour, 00 to 23.
    Hh, "hh", "an hour from 00 to 23";
    /// Minute, 00 to 59.
    Mi, "mi", "a minute from 00 to 59";
    /// Second, 00 to 59.
    Ss, "ss", "a second from 00 to 59";
    /// ISO 3166-1 numeric country code.
    Iso3166, "iso3166", "an ISO 3166 numeric country code";
    /// ISO 3166-1 numeric country code, or 999.
    Iso3166Or999, "iso3166999", "an ISO 3166 numeric country code or 999";
    /// ISO 3166-1 alpha-2 country code.
    Iso3166Alpha2, "iso3166alpha2", "an ISO 3166 alpha-2 country code";
    /// ISO 4217 numeric currency code.
    Iso4217, "iso4217", "an ISO 4217 numeric currency code";
    /// ISO/IEC 5218 code: 0, 1, 2 or 9.
    Iso5218, "iso5218", "0, 1, 2 or 9";
    /// ISO 13616 bank account number.
    Iban, "iban", "an IBAN";
    /// Every `%` is followed by two hexadecimal digits.
    PercentEncoding, "pcenc", "two hexadecimal digits after each %";
    /// North American coupon code, AI (8110).
    CouponCode, "couponcode", "a North American coupon code";
    /// Positive offer file coupon, AI (8112).
    CouponPositiveOffer, "couponposoffer", "a positive offer coupon code";
    /// Importer index of EU 2018/574: one character of the base64url alphabet.
    ImporterIndex, "importeridx", "an importer index";
    /// Holds something else than digits.
    HasNonDigit, "hasnondigit", "a character that is no digit";
    /// Hyphens only.
    Hyphen, "hyphen", "a hyphen";
    /// WGS84 latitude, 0 to 1800000000.
    Latitude, "latitude", "a latitude from 0 to 1800000000";
    /// WGS84 longitude, 0 to 3600000000.
    Longitude, "longitude", "a longitude from 0 to 3600000000";
    /// AIDC media type: 01 to 10 or 80 to 99.
    MediaType, "mediatype", "an AIDC media type";
    /// Not zero.
    NonZero, "nonzero", "a number that is not 0";
    /// Zero.
    Zero, "zero", "0";
    /// Does not begin with 0.
    NoZeroPrefix, "nozeroprefix", "a number without leading zeros";
    /// UN/ECE Recommendation 21 package type, or one of GS1's own.
    PackageType, "packagetype", "a package type code";
    /// Piece number and total, both of one width.
    PieceOfTotal, "pieceoftotal", "a piece number and a total that is not below it";
    /// Position and end of a sequence with `/` between.
    PositionInSequence, "posinseqslash", "a position and an end that is not below it, with / between";
    /// Winding direction: 0, 1 or 9.
    Winding, "winding", "0, 1 or 9";
    /// 0 or 1.
    YesNo, "yesno", "0 or 1";
}

/// One AI, or all AIs that differ only in trailing digits: `01`, `310n`, `31nn`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    low: u16,
    high: u16,
}

impl Pattern {
    /// Reads the dictionary's notation.
    pub(super) const fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (mut low, mut high, mut i) = (0, 0, 0);
        while i < bytes.len() {
            #[expect(clippy::indexing_slicing, reason = "bounded by the loop, evaluated at compile time")]
            let byte = bytes[i];
            let (least, most) = if byte == b'n' { (0, 9) } else { (byte - b'0', byte - b'0') };
            low = low * 10 + least as u16;
            high = high * 10 + most as u16;
            i += 1;
        }
        Self { low, high }
    }

    /// Whether it covers `ai`.
    pub const fn covers(self, ai: Ai) -> bool {
        self.low <= ai.0 && ai.0 <= self.high
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.high - self.low {
            0 => write!(f, "{:02}", self.low),
            9 => write!(f, "{}n", self.low / 10),
            _ => write!(f, "{}nn", self.low / 100),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the GS1 Barcode Syntax Dictionary says of an AI, or of a run of AIs that differ in
/// their last digit.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) title: &'static str,
    pub(super) predefined: bool,
    pub(super) attribute: bool,
    pub(super) parts: &'static [Part],
    pub(super) requires: &'static [&'static [Pattern]],
    pub(super) excludes: &'static [Pattern],
    pub(super) key: Option<&'static [&'static [Ai]]>,
    pub(super) min: u8,
    pub(super) max: u8,
}

impl Entry {
    /// The AIs it is about.
    pub fn ais(&self) -> impl Iterator<Item = Ai> + use<> {
        (self.first..=self.last).map(Ai)
    }

    /// The data title printed beside the value, such as `USE BY or EXPIRY`.
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// Whether the length is predefined, so that no separator follows (General Specifications,
    /// figure 7.8.5-2). Other elements need one unless they are last, fixed length or not.
    pub const fn is_predefined(&self) -> bool {
        self.predefined
    }

    /// Whether it may stand in the query of a Digital Link URI.
    pub const fn is_attribute(&self) -> bool {
        self.attribute
    }

    /// Its components, in order.
    pub const fn parts(&self) -> &'static [Part] {
        self.parts
    }

    /// The shortest data in characters.
    pub const fn min(&self) -> usize {
        self.min as usize
    }

    /// The longest data in characters.
    pub const fn max(&self) -> usize {
        self.max as usize
    }

    /// Groups of which one must be there whole; none means nothing is required.
    pub const fn requires(&self) -> &'static [&'static [Pattern]] {
        self.requires
    }

    /// What it may not be paired with. An AI does not exclude itself.
    pub const fn excludes(&self) -> &'static [Pattern] {
        self.excludes
    }

    /// For a primary key of Digital Link URIs, the qualifier sequences that may follow it
    /// (each element of a sequence may be left out); `None` if it is no primary key.
    pub const fn key_qualifiers(&self) -> Option<&'static [&'static [Ai]]> {
        self.key
    }
}

/// The whole table, in order of AI.
pub fn entries() -> &'static [Entry] {
    ROWS
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_identifier_is_found_by_its_exact_digits() {
        assert_eq!(Ai::parse("01"), Some(Ai::GTIN));
        assert_eq!(Ai::parse("3103").map(Ai::number), Some(3103));
        assert_eq!(Ai::parse("3103").unwrap().entry().unwrap().title(), "NET WEIGHT (kg)");
        for text in ["", "0", "1", "001", "23", "230", "2345", "371", "3106", "04", "+1", "0١", "(01)"] {
            assert_eq!(Ai::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_row_finds_itself_and_rows_stand_in_order() {
        for entry in entries() {
            for ai in entry.ais() {
                assert_eq!(ai.entry().map(|e| e.first), Some(entry.first));
                assert_eq!(Ai::parse(&ai.to_string()), Some(ai));
            }
        }
        assert!(entries().windows(2).all(|pair| pair[0].last < pair[1].first));
    }

    #[test]
    fn a_pattern_covers_what_its_digits_say() {
        assert!(Pattern::new("31nn").covers(Ai::new(3155)) && !Pattern::new("31nn").covers(Ai::new(3200)));
        assert!(Pattern::new("01").covers(Ai::GTIN) && !Pattern::new("01").covers(Ai::new(10)));
        assert_eq!(Pattern::new("310n").to_string(), "310n");
        assert_eq!(Pattern::new("31nn").to_string(), "31nn");
        assert_eq!(Pattern::new("01").to_string(), "01");
    }
}
