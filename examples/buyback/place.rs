//! Degrees of latitude and longitude without floating point.

/// One degree in the unit used here.
const DEGREE: i32 = 1_000_000;

/// Where a request came from, in millionths of a degree (about 0.1 m): latitude -90 to 90,
/// longitude -180 to 180 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) lat_micro: i32,
    pub(crate) lon_micro: i32,
}

/// Reads decimal degrees such as `31.2304` or `-0.5`, at most `limit` degrees either way, and
/// gives millionths; further decimals are cut off. `None` if the text is anything else.
pub(crate) fn micro_degrees(text: &str, limit: i32) -> Option<i32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some(pair) => pair,
        None => (digits, ""),
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=3).contains(&whole.len()) || !is_number(whole) || !is_number(part) {
        return None;
    }
    let whole: i32 = whole.parse().ok()?;
    let micro = part.bytes().chain(std::iter::repeat(b'0')).take(6);
    let micro = micro.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    // What is cut off still counts against the limit: 90.0000001 is beyond 90.
    let beyond = part.bytes().skip(6).any(|digit| digit != b'0');
    let all = whole * DEGREE + micro;
    (all + i32::from(beyond) <= limit * DEGREE).then_some(sign * all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_become_millionths() {
        for (text, micro) in [
            ("0", 0),
            ("31.2304", 31_230_400),
            ("-0.5", -500_000),
            ("121.473701", 121_473_701),
            ("121.4737019999", 121_473_701),
            // What a double prints may be longer than it is precise.
            ("1.3521000000000001", 1_352_100),
            ("180", 180_000_000),
            ("-180.0000000", -180_000_000),
        ] {
            assert_eq!(micro_degrees(text, 180), Some(micro), "{text}");
        }
    }

    #[test]
    fn what_is_no_angle_is_refused() {
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "+5",
            "1e2",
            "1,5",
            "--5",
            "5.-5",
            "1.2.3",
            "0031",
            "90.000001",
            "90.0000001",
            "-91",
            "31\u{b0}",
            "NaN",
        ] {
            assert_eq!(micro_degrees(text, 90), None, "{text}");
        }
    }
}
