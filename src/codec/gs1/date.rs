//! Dates of six digits, as in AI (17), made whole.

use super::ai::Lint;
use super::lint;

/// A calendar date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// The year with its century.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// Reads `YYMMDD` as seen in the year `now`: the century is that which puts the year 49
    /// before to 50 after it (General Specifications, 7.12), and day 00 is the month's last.
    /// `None` if it is no date.
    ///
    /// ```
    /// use scrip::codec::gs1::Date;
    /// let expiry = Date::from_yymmdd("280200", 2026).expect("a date");
    /// assert_eq!((expiry.year, expiry.month, expiry.day), (2028, 2, 29));
    /// ```
    pub fn from_yymmdd(text: &str, now: u16) -> Option<Self> {
        lint::check(Lint::Yymmd0, text.as_bytes()).ok()?;
        let part = |from: usize| text.get(from..from + 2)?.parse::<u8>().ok();
        let (yy, month, day) = (u16::from(part(0)?), part(2)?, part(4)?);
        let same_century = (now - now % 100).checked_add(yy)?;
        let year = match i32::from(yy) - i32::from(now % 100) {
            51.. => same_century.checked_sub(100)?,
            -49..=50 => same_century,
            _ => same_century.checked_add(100)?,
        };
        let day = if day > 0 { day } else { last_day(year, month) };
        (day <= last_day(year, month)).then_some(Self { year, month, day })
    }
}

fn last_day(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_century_is_the_nearest() {
        let year = |yy: &str, now| Date::from_yymmdd(&alloc::format!("{yy}0115"), now).map(|date| date.year);
        for (yy, now, expected) in [
            ("26", 2026, 2026),
            ("76", 2026, 2076),
            ("77", 2026, 1977),
            ("00", 2026, 2000),
            ("49", 2099, 2149),
            ("50", 2099, 2050),
            ("10", 2060, 2110),
            ("11", 2060, 2011),
            ("99", 2000, 1999),
        ] {
            assert_eq!(year(yy, now), Some(expected), "{yy} in {now}");
        }
        assert_eq!(year("77", 10), None, "no year before 0");
    }

    #[test]
    fn day_00_is_the_last_of_the_month() {
        let day = |text, now| Date::from_yymmdd(text, now).map(|date| date.day);
        assert_eq!(day("270200", 2026), Some(28));
        assert_eq!(day("280200", 2026), Some(29));
        assert_eq!(day("000200", 2080), Some(28), "2100 is no leap year");
        assert_eq!(day("000229", 2080), None);
        assert_eq!(day("261131", 2026), None);
        assert_eq!(day("26113", 2026), None);
        assert_eq!(day("2611٣", 2026), None);
    }
}
