//! The time of a request, as files write it.

use jiff::Timestamp;
use jiff::civil::DateTime;

/// 2000-01-01T00:00:00Z and 2100-01-01T00:00:00Z in milliseconds since 1970.
const RANGE_MS: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;

/// Why a text is no time of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InstantError {
    Shape,
    /// It has the form of a time, and there is no such day, hour or offset.
    Calendar,
    Range,
}

/// Reads a time and gives milliseconds since 1970-01-01T00:00:00Z, cut to the millisecond.
///
/// Accepted are RFC 3339 (`2026-03-02T08:00:00.5+08:00`, also with a space instead of the `T`,
/// and without an offset, which then is UTC) and whole milliseconds since 1970 of 12 to 14
/// digits. The years are 2000 to 2099.
pub(crate) fn parse(text: &str) -> Result<i64, InstantError> {
    let ms = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        if !(12..=14).contains(&text.len()) {
            return Err(InstantError::Shape);
        }
        text.parse().map_err(|_| InstantError::Shape)?
    } else {
        written(text)?
    };
    if RANGE_MS.contains(&ms) { Ok(ms) } else { Err(InstantError::Range) }
}

/// jiff knows the calendar but reads more forms than RFC 3339 has (`20260302T08`, `[Asia/Tokyo]`),
/// so the form is checked first.
fn written(text: &str) -> Result<i64, InstantError> {
    let (clock, zone) = text.split_at_checked(19).ok_or(InstantError::Shape)?;
    let form = clock.bytes().zip(b"0000-00-00T00:00:00").all(|(found, &wanted)| match wanted {
        b'0' => found.is_ascii_digit(),
        b'T' => matches!(found, b'T' | b't' | b' '),
        _ => found == wanted,
    });
    let zone = match zone.strip_prefix('.') {
        None => zone,
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=9).contains(&digits) {
                return Err(InstantError::Shape);
            }
            &fraction[digits..]
        }
    };
    let offset = zone.len() == 6
        && zone.bytes().zip(b"+00:00").all(|(found, &wanted)| match wanted {
            b'0' => found.is_ascii_digit(),
            b'+' => matches!(found, b'+' | b'-'),
            _ => found == wanted,
        });
    if !form || !(zone.is_empty() || zone.eq_ignore_ascii_case("z") || offset) {
        return Err(InstantError::Shape);
    }
    let timestamp = if zone.is_empty() {
        text.parse::<DateTime>().and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC)).map(|at| at.timestamp())
    } else {
        text.parse::<Timestamp>()
    };
    match timestamp {
        Ok(timestamp) => Ok(timestamp.as_millisecond()),
        // jiff's last year is cut short, so its days may be real.
        Err(_) if clock.starts_with("9999") => Err(InstantError::Range),
        Err(_) => Err(InstantError::Calendar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_instant_in_every_form() {
        for text in [
            "2026-03-02T08:00:00+08:00",
            "2026-03-02 08:00:00+08:00",
            "2026-03-02t00:00:00z",
            "2026-03-02T00:00:00Z",
            "2026-03-02T00:00:00-00:00",
            "2026-03-01T20:00:00-04:00",
            "2026-03-02T00:00:00",
            "2026-03-02 00:00:00.000",
            "1772409600000",
        ] {
            assert_eq!(parse(text), Ok(1_772_409_600_000), "{text}");
        }
        assert_eq!(parse("2026-03-02T00:00:00.0019Z"), Ok(1_772_409_600_001));
        assert_eq!(parse("2026-03-02T00:00:00.123456789+00:00"), Ok(1_772_409_600_123));
        assert_eq!(parse("2024-02-29T00:00:00Z"), Ok(1_709_164_800_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-03-02",
            "2026-03-02T08:00",
            "2026-03-02T08",
            "2026-3-2T08:00:00Z",
            "02/03/2026 08:00:00",
            "2026-03-02T08:00:00.Z",
            "2026-03-02T08:00:00,5Z",
            "2026-03-02T08:00:00.1234567890Z",
            "2026-03-02T08:00:00+8",
            "2026-03-02T08:00:00+0800",
            "2026-03-02T08:00:00Z[Asia/Shanghai]",
            "2026-03-02T08:00:00+08:00x",
            "2026-03-02T08:00:0\u{e9}Z",
            "２０２６-03-02T08:00:00Z",
            "1772409600",
            "177240960000000",
            "-1772409600000",
            "yesterday",
        ] {
            assert_eq!(parse(text), Err(InstantError::Shape), "{text}");
        }
    }

    #[test]
    fn days_hours_and_offsets_that_do_not_exist_are_told_apart_from_other_writings() {
        for text in [
            "2026-02-29T00:00:00Z",
            "2026-02-30 00:00:00",
            "2026-13-01T00:00:00Z",
            "2026-03-02T24:00:00Z",
            "2026-03-02T08:60:00Z",
            "2026-03-02T08:00:00+99:00",
        ] {
            assert_eq!(parse(text), Err(InstantError::Calendar), "{text}");
        }
    }

    #[test]
    fn years_run_from_2000_to_2099() {
        for text in [
            "1999-12-31T23:59:59.999Z",
            "2100-01-01T00:00:00Z",
            "946684799999",
            "17724096000000",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(parse(text), Err(InstantError::Range), "{text}");
        }
        for text in ["2000-01-01T00:00:00Z", "2099-12-31T23:59:59.999Z", "946684800000"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }
}
