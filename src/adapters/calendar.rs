//! Dates and times of day where an issuer is.

use crate::base::Wall;

/// Year, month, day, hour, minute and second at a place so many minutes east of Greenwich
/// (proleptic Gregorian calendar, days from civil after H. Hinnant).
pub(super) fn local(now: Wall, utc_offset_min: i32) -> [i64; 6] {
    let seconds = now.0.div_euclid(1_000).saturating_add(i64::from(utc_offset_min).saturating_mul(60));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted_days = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted_days.div_euclid(146_097), shifted_days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era.saturating_mul(400).saturating_add(year + i64::from(month <= 2));
    [year, month, day, second / 3_600, second / 60 % 60, second % 60]
}

/// The day since 1970 (proleptic Gregorian calendar, after H. Hinnant).
pub(super) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The beginning of a day, `YYYYMMDD`, at that place; `None` if there is no such day.
pub(super) fn day_begins(date: u32, utc_offset_min: i32) -> Option<Wall> {
    let parts = [date / 10_000, date / 100 % 100, date % 100].map(i64::from);
    let [year, month, day] = parts;
    let seconds = days_of(year, month, day).checked_mul(86_400)?;
    let begins = Wall(seconds.checked_sub(i64::from(utc_offset_min) * 60)?.checked_mul(1_000)?);
    local(begins, utc_offset_min).starts_with(&parts).then_some(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_those_of_the_place() {
        // 2026-11-22T23:30:15Z and 2024-02-29T12:00:00Z.
        for (ms, offset, expected) in [
            (1_795_390_215_000, 0, [2026, 11, 22, 23, 30, 15]),
            (1_795_390_215_000, 480, [2026, 11, 23, 7, 30, 15]),
            (1_709_208_000_000, 0, [2024, 2, 29, 12, 0, 0]),
            (0, -60, [1969, 12, 31, 23, 0, 0]),
        ] {
            assert_eq!(local(Wall(ms), offset), expected);
        }
    }
    #[test]
    fn a_day_begins_where_the_place_is() {
        assert_eq!(day_begins(20_261_123, 480), Some(Wall(1_795_390_215_000 - 27_015_000)));
        assert_eq!(day_begins(19_700_101, 0), Some(Wall(0)));
        for no_day in [20_260_229, 20_261_301, 20_261_100, 0] {
            assert_eq!(day_begins(no_day, 480), None, "{no_day}");
        }
    }
}
