//! The checks of one component: its characters, then each check that the dictionary names.
//!
//! A failed check answers with the offset in the component where it went wrong. Dates are
//! checked without a clock: a year `YY` is a leap year when 4 divides it, in every century that
//! the sliding window can choose before 2050.

use super::ai::{Charset, Lint};
use super::{codes, coupon, gtin};

/// Where in the component a check failed.
type Checked = Result<(), usize>;

const NUMERIC: u8 = 1;
const SET82: u8 = 2;
const SET39: u8 = 4;
const SET64: u8 = 8;

/// Which sets a character belongs to, as bits.
static SETS: [u8; 256] = {
    let mut sets = [0; 256];
    let mut byte = 0_usize;
    while byte < sets.len() {
        let c = byte as u8;
        let digit = c.is_ascii_digit();
        let mut set = if digit { NUMERIC } else { 0 };
        if c.is_ascii_alphanumeric() || matches!(c, b'!' | b'"' | b'%'..=b'/' | b':'..=b'?' | b'_') {
            set |= SET82;
        }
        if digit || c.is_ascii_uppercase() || matches!(c, b'#' | b'-' | b'/') {
            set |= SET39;
        }
        if c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_') {
            set |= SET64;
        }
        #[expect(clippy::indexing_slicing, reason = "bounded by the loop, evaluated at compile time")]
        {
            sets[byte] = set;
        }
        byte += 1;
    }
    sets
};

fn in_set(byte: u8, set: u8) -> bool {
    SETS.get(usize::from(byte)).is_some_and(|sets| sets & set != 0)
}

fn all_in(data: &[u8], set: u8) -> Checked {
    match data.iter().position(|&byte| !in_set(byte, set)) {
        None => Ok(()),
        Some(at) => Err(at),
    }
}

/// Whether all characters belong to the set; for the base64url set, whether padding is in order.
pub(super) fn charset(set: Charset, data: &[u8]) -> Checked {
    match set {
        Charset::Numeric => digits(data),
        Charset::Set82 => all_in(data, SET82),
        Charset::Set39 => all_in(data, SET39),
        Charset::Set64 => {
            let body = data.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
            let pads = data.len() - body;
            // The reference checks padding against groups of three characters.
            if pads > 2 || (pads > 0 && data.len() % 3 != 0) {
                return Err(body);
            }
            all_in(data.get(..body).unwrap_or_default(), SET64)
        }
    }
}

/// One further check.
pub(super) fn check(lint: Lint, data: &[u8]) -> Checked {
    match lint {
        Lint::Csum => csum(data),
        Lint::CsumAlpha => csum_alpha(data),
        Lint::GcpPos1 => company_prefix(data, 0),
        Lint::GcpPos2 => company_prefix(data, 1),
        Lint::Yymmdd => date(data, 2, 1),
        Lint::Yymmd0 => date(data, 2, 0),
        Lint::Yyyymmdd => date(data, 4, 1),
        Lint::Hhmi => {
            below(data.get(..2), 24, 0)?;
            below(data.get(2..), 60, 2)
        }
        Lint::Hh => below(Some(data), 24, 0),
        Lint::Mi | Lint::Ss => below(Some(data), 60, 0),
        Lint::Iso3166 => holds(codes::is_country(value(data))),
        Lint::Iso3166Or999 => holds(data == b"999" || codes::is_country(value(data))),
        Lint::Iso3166Alpha2 => holds(codes::is_country_alpha2(data)),
        Lint::Iso4217 => holds(codes::is_currency(value(data))),
        Lint::Iso5218 => holds(matches!(data, b"0" | b"1" | b"2" | b"9")),
        Lint::Iban => iban(data),
        Lint::PercentEncoding => percent_encoding(data),
        Lint::CouponCode => coupon::code(data),
        Lint::CouponPositiveOffer => coupon::positive_offer(data),
        Lint::ImporterIndex => {
            holds(data.len() == 1)?;
            all_in(data, SET64)
        }
        Lint::HasNonDigit => holds(digits(data).is_err()),
        Lint::Hyphen => holds(!data.is_empty() && data.iter().all(|&byte| byte == b'-')),
        Lint::Latitude => holds(data.len() == 10 && value(data) <= 1_800_000_000),
        Lint::Longitude => holds(data.len() == 10 && value(data) <= 3_600_000_000),
        Lint::MediaType => holds(data.len() == 2 && matches!(value(data), 1..=10 | 80..=99)),
        Lint::NonZero => holds(data.iter().any(|&byte| byte != b'0')),
        Lint::Zero => holds(!data.is_empty() && data.iter().all(|&byte| byte == b'0')),
        Lint::NoZeroPrefix => holds(data.first() != Some(&b'0')),
        Lint::PackageType => holds(codes::is_package_type(data)),
        Lint::PieceOfTotal => piece_of_total(data),
        Lint::PositionInSequence => position_in_sequence(data),
        Lint::Winding => holds(matches!(data, b"0" | b"1" | b"9")),
        Lint::YesNo => holds(matches!(data, b"0" | b"1")),
    }
}

fn holds(rule: bool) -> Checked {
    if rule { Ok(()) } else { Err(0) }
}

pub(super) fn digits(data: &[u8]) -> Checked {
    match data.iter().position(|byte| !byte.is_ascii_digit()) {
        None => Ok(()),
        Some(at) => Err(at),
    }
}

/// Up to 19 digits as a number; more, or something else than digits, is beyond every limit.
fn value(data: &[u8]) -> u64 {
    if data.is_empty() || data.len() > 19 || digits(data).is_err() {
        return u64::MAX;
    }
    data.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
}

fn below(two: Option<&[u8]>, limit: u64, at: usize) -> Checked {
    let two = two.unwrap_or_default();
    if two.len() == 2 && value(two) < limit { Ok(()) } else { Err(at) }
}

fn csum(data: &[u8]) -> Checked {
    match data.split_last() {
        Some((&check, body)) if gtin::check_digit(body) == Some(check) => Ok(()),
        _ => Err(data.len().saturating_sub(1)),
    }
}

/// The shortest company prefix has four digits.
fn company_prefix(data: &[u8], at: usize) -> Checked {
    let prefix = data.get(at..at + 4).ok_or(0_usize)?;
    digits(prefix).map_err(|offset| at + offset)
}

/// General Specifications, check character calculation for alphanumeric keys: characters
/// weighted by primes from the right, modulo 1021, in two characters of five bits.
fn csum_alpha(data: &[u8]) -> Checked {
    const SET82: &[u8] =
        b"!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    const SET32: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    const PRIMES: [usize; 23] =
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83];
    let Some((body, pair)) = data.split_last_chunk::<2>() else { return Err(0) };
    if body.len() > PRIMES.len() {
        return Err(0);
    }
    let mut sum = 0;
    for (at, (byte, prime)) in body.iter().rev().zip(PRIMES).enumerate() {
        let rank = SET82.iter().position(|c| c == byte).ok_or(body.len() - 1 - at)?;
        sum += rank * prime;
    }
    sum %= 1021;
    let expected = [SET32.get(sum >> 5), SET32.get(sum & 31)];
    if expected == [Some(&pair[0]), Some(&pair[1])] { Ok(()) } else { Err(body.len()) }
}

/// A date with `year` digits of year; `first` is 0 where day 00 is allowed.
fn date(data: &[u8], year: usize, first: u64) -> Checked {
    let part = |from: usize, to: usize| value(data.get(from..to).unwrap_or_default());
    if data.len() != year + 4 {
        return Err(0);
    }
    digits(data)?;
    let (y, month, day) = (part(0, year), part(year, year + 2), part(year + 2, year + 4));
    let leap = y % 4 == 0 && (year == 2 || y % 100 != 0 || y % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u64::from(leap),
        _ => return Err(year),
    };
    if first <= day && day <= last { Ok(()) } else { Err(year + 2) }
}

/// ISO 13616: country, then modulo 97 over the number with its first four characters moved to
/// the end and letters counted from 10.
fn iban(data: &[u8]) -> Checked {
    let Some((head, body)) = data.split_first_chunk::<4>() else { return Err(0) };
    let [a, b, ..] = *head;
    if !codes::is_country_alpha2(&[a, b]) || !(11..=34).contains(&data.len()) {
        return Err(0);
    }
    let mut sum = 0_u32;
    for (at, &byte) in body.iter().chain(head).enumerate() {
        sum = match byte {
            b'0'..=b'9' => sum * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => sum * 100 + u32::from(byte - b'A') + 10,
            _ => return Err((at + 4) % data.len()),
        } % 97;
    }
    if sum == 1 { Ok(()) } else { Err(2) }
}

fn percent_encoding(data: &[u8]) -> Checked {
    let mut at = 0;
    while let Some(offset) = data.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b'%')) {
        let start = at + offset;
        let pair = data.get(start + 1..start + 3).ok_or(start)?;
        if !pair.iter().all(u8::is_ascii_hexdigit) {
            return Err(start);
        }
        at = start + 3;
    }
    Ok(())
}

fn piece_of_total(data: &[u8]) -> Checked {
    let half = data.len() / 2;
    let (piece, total) = data.split_at(half);
    let zero = |part: &[u8]| part.iter().all(|&byte| byte == b'0');
    if piece.len() != total.len() || zero(piece) || piece > total {
        return Err(0);
    }
    if zero(total) { Err(half) } else { Ok(()) }
}

fn position_in_sequence(data: &[u8]) -> Checked {
    let slash = data.iter().position(|&byte| byte == b'/').ok_or(0_usize)?;
    let (position, end) = (data.get(..slash).unwrap_or_default(), data.get(slash + 1..).unwrap_or_default());
    digits(position)?;
    digits(end).map_err(|at| slash + 1 + at)?;
    for (part, at) in [(position, 0), (end, slash + 1)] {
        if part.is_empty() || part.starts_with(b"0") {
            return Err(at);
        }
    }
    holds((position.len(), position) <= (end.len(), end))
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn good(lint: Lint, cases: &[&str]) {
        for case in cases {
            assert_eq!(check(lint, case.as_bytes()), Ok(()), "{lint:?} {case}");
        }
    }

    fn bad(lint: Lint, cases: &[(&str, usize)]) {
        for (case, at) in cases {
            assert_eq!(check(lint, case.as_bytes()), Err(*at), "{lint:?} {case}");
        }
    }

    #[test]
    fn character_sets_hold_what_the_general_specifications_list() {
        let count = |set| (0..=255_u8).filter(|&byte| charset(set, &[byte]).is_ok()).count();
        assert_eq!(count(Charset::Numeric), 10);
        assert_eq!(count(Charset::Set82), 82);
        assert_eq!(count(Charset::Set39), 39);
        assert_eq!(count(Charset::Set64), 64);
        for text in ["12=", "1==", "123", "12"] {
            assert_eq!(charset(Charset::Set64, text.as_bytes()), Ok(()), "{text}");
        }
        for (text, at) in [("===", 0), ("12==", 2), ("1234=", 4), ("=23", 0), ("1=3", 1)] {
            assert_eq!(charset(Charset::Set64, text.as_bytes()), Err(at), "{text}");
        }
    }

    #[test]
    fn check_digits_and_pairs() {
        good(Lint::Csum, &["09521234543213", "6291041500213", "042100005264", "00"]);
        bad(Lint::Csum, &[("09521234543214", 13), ("", 0), ("1", 0)]);
        // General Specifications, GMN example; then all ranks of both alphabets in use.
        good(Lint::CsumAlpha, &["1987654Ad4X4bL5ttr2310c2K", "22", "!22", "12345_!\"%&'()*+,-./LC"]);
        bad(Lint::CsumAlpha, &[("1987654Ad4X4bL5ttr2310cXK", 23), ("2", 0), ("12 22", 2)]);
    }

    #[test]
    fn company_prefixes_begin_with_four_digits() {
        good(Lint::GcpPos1, &["1234", "1234A"]);
        bad(Lint::GcpPos1, &[("123", 0), ("123A", 3)]);
        good(Lint::GcpPos2, &["I1234"]);
        bad(Lint::GcpPos2, &[("I123", 0), ("I12A4", 3)]);
    }

    #[test]
    fn dates_and_times_exist() {
        good(Lint::Yymmd0, &["200229", "000229", "960229", "200600", "991231"]);
        bad(Lint::Yymmd0, &[("210229", 4), ("201301", 2), ("200001", 2), ("200432", 4), ("2001", 0)]);
        good(Lint::Yymmdd, &["200229"]);
        bad(Lint::Yymmdd, &[("200600", 4)]);
        good(Lint::Yyyymmdd, &["20000229", "24000229"]);
        bad(Lint::Yyyymmdd, &[("21000229", 6), ("20201301", 4)]);
        good(Lint::Hhmi, &["0000", "2359"]);
        bad(Lint::Hhmi, &[("2400", 0), ("2360", 2), ("23", 2)]);
        good(Lint::Ss, &["59"]);
        bad(Lint::Hh, &[("24", 0)]);
        bad(Lint::Mi, &[("60", 0), ("5", 0)]);
    }

    #[test]
    fn codes_of_iso_standards() {
        good(Lint::Iso3166, &["156", "004", "894"]);
        bad(Lint::Iso3166, &[("000", 0), ("999", 0), ("157", 0)]);
        good(Lint::Iso3166Or999, &["999", "156"]);
        good(Lint::Iso3166Alpha2, &["CN", "ZW"]);
        bad(Lint::Iso3166Alpha2, &[("cn", 0), ("XX", 0), ("C", 0)]);
        good(Lint::Iso4217, &["156", "978", "999"]);
        bad(Lint::Iso4217, &[("000", 0), ("157", 0)]);
        good(Lint::Iban, &["FR7630006000011234567890189", "MT90MALT011000012345MTLCAST001SABC"]);
        bad(
            Lint::Iban,
            &[("BE71096123456760", 2), ("XX361234567890", 0), ("LC14BOSLxx34567890", 8), ("BE71096123", 0)],
        );
    }

    #[test]
    fn small_checks() {
        good(Lint::PercentEncoding, &["", "ABC%20", "%fF%00"]);
        bad(Lint::PercentEncoding, &[("AB%", 2), ("%2", 0), ("%20%g0", 3)]);
        good(Lint::PieceOfTotal, &["0101", "0203", "9999"]);
        bad(Lint::PieceOfTotal, &[("0201", 0), ("0001", 0), ("0100", 0), ("011", 0), ("", 0)]);
        good(Lint::PositionInSequence, &["1/1", "9/10", "998/999"]);
        bad(
            Lint::PositionInSequence,
            &[
                ("2/1", 0),
                ("10/9", 0),
                ("0/1", 0),
                ("1/02", 2),
                ("1/", 2),
                ("/1", 0),
                ("1//2", 2),
                ("123", 0),
            ],
        );
        good(Lint::Latitude, &["1800000000"]);
        bad(Lint::Latitude, &[("1800000001", 0)]);
        good(Lint::Longitude, &["3600000000"]);
        bad(Lint::Longitude, &[("3600000001", 0)]);
        good(Lint::MediaType, &["01", "10", "80", "99"]);
        bad(Lint::MediaType, &[("00", 0), ("11", 0), ("79", 0)]);
        good(Lint::PackageType, &["1A", "200", "8", "ZZ", "X20", "PAE"]);
        bad(Lint::PackageType, &[("0", 0), ("1a", 0), ("ZZZ", 0), ("", 0)]);
        good(Lint::ImporterIndex, &["-", "_", "a"]);
        bad(Lint::ImporterIndex, &[("", 0), ("ab", 0), ("+", 0)]);
        good(Lint::NoZeroPrefix, &["1", "10"]);
        bad(Lint::NoZeroPrefix, &[("0", 0)]);
        bad(Lint::Winding, &[("2", 0)]);
        bad(Lint::YesNo, &[("2", 0)]);
        bad(Lint::Iso5218, &[("3", 0)]);
        bad(Lint::Hyphen, &[("+", 0)]);
        bad(Lint::Zero, &[("1", 0)]);
        bad(Lint::NonZero, &[("0000", 0)]);
        bad(Lint::HasNonDigit, &[("123", 0)]);
    }

    #[test]
    fn no_check_panics_whatever_the_bytes() {
        let all: [u8; 256] = core::array::from_fn(|i| i as u8);
        for entry in crate::codec::gs1::entries() {
            for lint in entry.parts().iter().flat_map(|part| part.lints()) {
                for len in 0..60 {
                    for start in [0, 40, 47, 60, 120, 190] {
                        let _ = check(*lint, &all[start..start + len]);
                    }
                }
            }
        }
    }
}
