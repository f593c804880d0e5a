//! Times as messages write them.

use super::terms::{Clock, Time};
use crate::adapters::calendar::days_of;
use crate::base::Wall;
use alloc::format;
use alloc::string::{String, ToString};

impl Time {
    pub(super) fn write(&self, now: Wall) -> String {
        let datetime = |separators: [&str; 3]| {
            let seconds = now.0.div_euclid(1_000).saturating_add(i64::from(self.utc_offset_min) * 60);
            let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
            let (year, month, day) = date_of(day);
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            let [dash, space, colon] = separators;
            format!(
                "{year:04}{dash}{month:02}{dash}{day:02}{space}{hour:02}{colon}{minute:02}{colon}{second:02}"
            )
        };
        match self.clock {
            Clock::Seconds => now.0.div_euclid(1_000).to_string(),
            Clock::Milliseconds => now.0.to_string(),
            Clock::Datetime => datetime(["-", " ", ":"]),
            Clock::Compact => datetime(["", "", ""]),
        }
    }

    /// Reads what [`Time::write`] wrote, and nothing else.
    pub(super) fn read(&self, text: &str) -> Option<Wall> {
        let plain = || {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i64>().ok().filter(|_| digits)
        };
        let time = match self.clock {
            Clock::Seconds => Wall(plain()?.checked_mul(1_000)?),
            Clock::Milliseconds => Wall(plain()?),
            Clock::Datetime | Clock::Compact => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                let part = |from: usize, len: usize| digits.get(from..from + len)?.parse::<i64>().ok();
                let days = days_of(part(0, 4)?, part(4, 2)?, part(6, 2)?);
                let seconds = part(8, 2)? * 3_600 + part(10, 2)? * 60 + part(12, 2)?;
                let local = days * 86_400 + seconds;
                Wall((local - i64::from(self.utc_offset_min) * 60).checked_mul(1_000)?)
            }
        };
        (self.write(time) == text).then_some(time)
    }

    /// Whether a time that a message tells lies within `window_ms` of `now`; 0 is no limit.
    pub(super) fn within(&self, window_ms: i64, told: Option<&str>, now: Wall) -> bool {
        let near = |told: Wall| told.0.abs_diff(now.0) <= window_ms.unsigned_abs();
        window_ms == 0 || told.and_then(|told| self.read(told)).is_some_and(near)
    }
}

/// Year, month and day of a day since 1970 (proleptic Gregorian calendar, after H. Hinnant).
fn date_of(day: i64) -> (i64, i64, i64) {
    let shifted = day.saturating_add(719_468);
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(clock: Clock) -> Time {
        Time { clock, utc_offset_min: 480, window_ms: 0 }
    }

    #[test]
    fn times_are_written_as_each_trade_does() {
        // 2026-11-22T23:30:15Z and 2024-02-28T16:00:00Z.
        let (late, leap) = (Wall(1_795_390_215_999), Wall(1_709_136_000_000));
        for (clock, one, other) in [
            (Clock::Seconds, "1795390215", "1709136000"),
            (Clock::Milliseconds, "1795390215999", "1709136000000"),
            (Clock::Datetime, "2026-11-23 07:30:15", "2024-02-29 00:00:00"),
            (Clock::Compact, "20261123073015", "20240229000000"),
        ] {
            assert_eq!((&*time(clock).write(late), &*time(clock).write(leap)), (one, other));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "2026-02-29 00:00:00", "2026-1-01 00:00:00", "2026-01-01T00:00:00", "20260101000000"]
        {
            assert_eq!(time(Clock::Datetime).read(text), None, "{text}");
        }
        for text in ["", "-1", "+1", "01", "1.0", "99999999999999999999"] {
            assert_eq!(time(Clock::Seconds).read(text), None, "{text}");
        }
        assert!(time(Clock::Seconds).within(0, None, Wall(0)));
        assert!(time(Clock::Seconds).within(2_000, Some("3"), Wall(5_000)));
        assert!(!time(Clock::Seconds).within(2_000, Some("3"), Wall(5_001)));
        assert!(!time(Clock::Seconds).within(2_000, None, Wall(0)));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(seconds in 0_i64..253_402_200_000) {
            for clock in [Clock::Seconds, Clock::Milliseconds, Clock::Datetime, Clock::Compact] {
                let now = Wall(seconds * 1_000);
                prop_assert_eq!(time(clock).read(&time(clock).write(now)), Some(now));
            }
        }
    }
}
