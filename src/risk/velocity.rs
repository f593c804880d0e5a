//! How often one card is tried: the third distinct request within the window freezes it.

use super::Velocity;
use crate::base::{RedemptionId, Wall};
use alloc::vec::Vec;

/// Until when the card is frozen for the request that is the last of `seen`, if it is.
///
/// `seen` are the requests for the card in the order of their writing. One that makes
/// `rule.limit` distinct requests within `rule.window_ms` (both ends included) freezes the card
/// for `rule.freeze_ms` from its own time; requests that meet a frozen card are turned away and
/// do not prolong the freeze.
pub fn frozen_until(rule: &Velocity, seen: &[(RedemptionId, Wall)]) -> Option<Wall> {
    if seen.len() < rule.limit as usize {
        return None;
    }
    let mut freeze: Option<(Wall, Wall)> = None;
    let mut counted: Vec<Wall> = Vec::new();
    for (i, &(request, at)) in seen.iter().enumerate() {
        let last = i + 1 == seen.len();
        if seen[..i].iter().any(|(earlier, _)| *earlier == request) {
            continue;
        }
        if let Some((_, until)) = freeze.filter(|(from, until)| *from <= at && at < *until) {
            if last {
                return Some(until);
            }
            continue;
        }
        counted.push(at);
        if densest(&counted, at, rule.window_ms) >= rule.limit as usize {
            freeze = Some((at, at.plus(rule.freeze_ms)));
            if last {
                return freeze.map(|(_, until)| until);
            }
        }
    }
    None
}

/// The most of `times` that lie within one window of `window_ms` that also holds `at`.
fn densest(times: &[Wall], at: Wall, window_ms: i64) -> usize {
    let mut near: Vec<i64> = times.iter().map(|t| t.0.saturating_sub(at.0)).collect();
    near.retain(|distance| distance.saturating_abs() <= window_ms);
    near.sort_unstable();
    let fits = |start: i64| {
        let end = start.saturating_add(window_ms);
        near.iter().filter(|&&t| start <= t && t <= end).count()
    };
    near.iter().filter(|&&start| start <= 0).map(|&start| fits(start)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Velocity = Velocity { window_ms: 300_000, limit: 3, freeze_ms: 86_400_000 };

    fn seen(times: &[i64]) -> Vec<(RedemptionId, Wall)> {
        times.iter().enumerate().map(|(i, &t)| (RedemptionId([i as u8; 16]), Wall(t))).collect()
    }

    #[test]
    fn the_third_distinct_request_within_the_window_freezes_the_card() {
        assert_eq!(frozen_until(&RULE, &seen(&[0, 1])), None);
        assert_eq!(frozen_until(&RULE, &seen(&[0, 1, 300_000])), Some(Wall(86_700_000)));
        assert_eq!(frozen_until(&RULE, &seen(&[0, 1, 300_001])), None);
        assert_eq!(frozen_until(&RULE, &seen(&[300_000, 100, 0])), Some(Wall(86_400_000)), "out of order");
        assert_eq!(frozen_until(&RULE, &seen(&[300_000, 600_000, 0])), None, "spread over two windows");
    }

    #[test]
    fn resends_of_one_request_count_once() {
        let mut twice = seen(&[0, 1]);
        twice.push(twice[0]);
        assert_eq!(frozen_until(&RULE, &twice), None);
    }

    #[test]
    fn the_freeze_ends_after_its_time_and_is_not_prolonged() {
        let day = RULE.freeze_ms;
        assert_eq!(frozen_until(&RULE, &seen(&[0, 0, 0, 60_000])), Some(Wall(day)));
        assert_eq!(frozen_until(&RULE, &seen(&[0, 0, 0, 60_000, day - 1])), Some(Wall(day)));
        assert_eq!(frozen_until(&RULE, &seen(&[0, 0, 0, 60_000, day])), None);
    }

    proptest! {
        #[test]
        fn a_freeze_starts_within_a_window_that_holds_the_limit(
            times in prop::collection::vec(0..2_000_000_i64, 1..20),
        ) {
            let all = seen(&times);
            let own = all[all.len() - 1].1;
            match frozen_until(&RULE, &all) {
                Some(until) => {
                    let start = until.0 - RULE.freeze_ms;
                    prop_assert!(start <= own.0 && own.0 < until.0);
                    let near = all.iter().filter(|(_, at)| (at.0 - start).abs() <= RULE.window_ms).count();
                    prop_assert!(near >= RULE.limit as usize);
                }
                None => {
                    let before = all.iter().filter(|(_, at)| (at.0 - own.0).abs() <= RULE.window_ms / 2).count();
                    prop_assert!(before < RULE.limit as usize);
                }
            }
        }
    }
}
