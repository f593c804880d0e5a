//! How far a declared face lies from its kind, in exact integers.

use super::{Deviation, Moments};

/// Whether `value` lies beyond `rule.sigma` sample standard deviations from the mean of the
/// earlier values: only with at least `rule.minimum` of them, and never where they are constant.
///
/// With n values of sum S and sum of squares Q this is
/// `(n·x − S)² · (n − 1) > sigma² · n · (n·Q − S²)`, computed without rounding; where a term
/// leaves 128 bits the value is taken as not beyond.
pub fn beyond(rule: &Deviation, past: &Moments, value: i64) -> bool {
    if past.count < u64::from(rule.minimum.max(2)) {
        return false;
    }
    let exact = || {
        let n = i128::from(past.count);
        let spread = n.checked_mul(past.squares)?.checked_sub(past.sum.checked_mul(past.sum)?)?;
        let distance = n.checked_mul(i128::from(value))?.checked_sub(past.sum)?;
        let left = distance.checked_mul(distance)?.checked_mul(n.checked_sub(1)?)?;
        let sigma = i128::from(rule.sigma);
        let right = sigma.checked_mul(sigma)?.checked_mul(n)?.checked_mul(spread)?;
        Some(spread > 0 && left > right)
    };
    exact().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Deviation = Deviation { sigma: 3, minimum: 30, action: crate::risk::Action::Review };

    fn past(values: impl IntoIterator<Item = i64>) -> Moments {
        values.into_iter().fold(Moments::default(), Moments::with)
    }

    #[test]
    fn a_face_beyond_three_sigma_stands_out() {
        // 15 times 100 and 15 times 200: mean 150, sample deviation 50.855.
        let faces = past([100, 200].into_iter().cycle().take(30));
        assert!(!beyond(&RULE, &faces, 302));
        assert!(beyond(&RULE, &faces, 303));
        assert!(!beyond(&RULE, &faces, -2));
        assert!(beyond(&RULE, &faces, -3));
    }

    #[test]
    fn few_or_constant_faces_judge_nothing() {
        assert!(!beyond(&RULE, &past([100, 200].into_iter().cycle().take(29)), 1_000_000));
        assert!(!beyond(&RULE, &past(core::iter::repeat_n(100, 1_000)), 101));
        assert!(!beyond(&RULE, &past(core::iter::repeat_n(i64::MAX, 40)), 0), "out of range judges nothing");
    }
}
