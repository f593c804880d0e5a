//! How times spread, in a fixed amount of memory.

use std::time::Duration;
use std::vec;
use std::vec::Vec;

/// Steps within each power of two: a time is told to one part in 32.
const STEPS: u32 = 32;
const BITS: u32 = 5;
/// Up to 2^36 microseconds, some 19 hours; longer ones count as that.
const POWERS: u32 = 36;

/// Times by their size, exact in number and sum, to one part in 32 in their order.
#[derive(Clone, Debug)]
pub struct Spread {
    counts: Vec<u64>,
    count: u64,
    sum: Duration,
    max: Duration,
}

impl Default for Spread {
    fn default() -> Self {
        let places = (POWERS * STEPS) as usize;
        Self { counts: vec![0; places], count: 0, sum: Duration::ZERO, max: Duration::ZERO }
    }
}

impl Spread {
    /// Counts one time.
    pub fn add(&mut self, time: Duration) {
        self.count += 1;
        self.sum = self.sum.saturating_add(time);
        self.max = self.max.max(time);
        let place = place(micros(time)).min(self.counts.len() - 1);
        self.counts[place] += 1;
    }

    /// How many were counted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; 0 of none.
    pub fn mean(&self) -> Duration {
        let nanos = self.sum.as_nanos() / u128::from(self.count.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The longest.
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// The time that so many of 1,000 do not exceed (500 is the median), rounded up to one part
    /// in 32; never more than the longest. 0 of none.
    pub fn quantile(&self, per_thousand: u64) -> Duration {
        let wanted = (u128::from(self.count) * u128::from(per_thousand)).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= wanted {
                return Duration::from_micros(top(place)).min(self.max);
            }
        }
        self.max
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Below 32 each microsecond has its place, above that each 32nd of a power of two.
fn place(micros: u64) -> usize {
    let power = micros.max(1).ilog2();
    if power < BITS {
        return usize::try_from(micros).unwrap_or(usize::MAX);
    }
    let step = (micros >> (power - BITS)) & u64::from(STEPS - 1);
    ((power - BITS + 1) * STEPS) as usize + usize::try_from(step).unwrap_or(0)
}

/// The longest time of a place, in microseconds.
fn top(place: usize) -> u64 {
    let (power, step) = (place / STEPS as usize, (place % STEPS as usize) as u64);
    match power {
        0 => step,
        _ => ((u64::from(STEPS) + step + 1) << (power - 1)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_of_known_times() {
        let mut spread = Spread::default();
        assert_eq!((spread.mean(), spread.quantile(500)), (Duration::ZERO, Duration::ZERO));
        (1..=1_000).for_each(|ms| spread.add(Duration::from_millis(ms)));
        assert_eq!(spread.mean(), Duration::from_micros(500_500));
        let near = |per_thousand, ms: u64| {
            let found = spread.quantile(per_thousand).as_micros() as u64;
            assert!((ms * 1_000..=ms * 1_000 * 33 / 32).contains(&found), "{found}");
        };
        near(500, 500);
        near(990, 990);
        assert_eq!(spread.quantile(1_000), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn a_place_holds_its_time_and_its_top_is_at_most_a_32nd_more(micros in 0_u64..1 << 40) {
            let place = place(micros);
            prop_assert!(top(place) >= micros && top(place) - micros <= micros / 32);
            prop_assert!(place == 0 || top(place - 1) < micros);
        }
    }
}
