//! How many messages a key has sealed.

use core::sync::atomic::Ordering::Relaxed;

/// Counts up to a limit, from several threads at once.
#[derive(Debug, Default)]
pub(crate) struct Count(Atomic);

#[cfg(target_has_atomic = "64")]
type Atomic = core::sync::atomic::AtomicU64;
/// Where there are no atomic integers of 64 bits each message counts as 2^16: a key is then spent
/// after 2^32 messages, which such a machine does not live to see.
#[cfg(not(target_has_atomic = "64"))]
type Atomic = core::sync::atomic::AtomicU32;

#[cfg(target_has_atomic = "64")]
const STEP: u64 = 1;
#[cfg(not(target_has_atomic = "64"))]
const STEP: u64 = 1 << 16;

impl Count {
    /// Counts one more, unless there are `limit` already.
    #[must_use]
    #[allow(clippy::useless_conversion, reason = "the integer may have 32 bits")]
    pub(crate) fn more(&self, limit: u64) -> bool {
        let steps = limit / STEP;
        let more = self.0.fetch_update(Relaxed, Relaxed, |now| {
            if u64::from(now) < steps { now.checked_add(1) } else { None }
        });
        more.is_ok()
    }

    /// How many there are.
    #[allow(clippy::useless_conversion, reason = "the integer may have 32 bits")]
    pub(crate) fn now(&self) -> u64 {
        u64::from(self.0.load(Relaxed)).saturating_mul(STEP)
    }

    /// From now on there are at least `messages`.
    #[allow(clippy::useless_conversion, reason = "the integer may have 32 bits")]
    pub(crate) fn at_least(&self, messages: u64) {
        let steps = messages.div_ceil(STEP);
        self.0.fetch_max(steps.try_into().unwrap_or(!0), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stops_at_its_limit_and_never_goes_back() {
        let count = Count::default();
        assert!(count.more(2 * STEP) && count.more(2 * STEP));
        assert!(!count.more(2 * STEP));
        assert_eq!(count.now(), 2 * STEP);
        count.at_least(STEP);
        assert_eq!(count.now(), 2 * STEP);
        count.at_least(10 * STEP);
        assert_eq!(count.now(), 10 * STEP);
        assert!(!count.more(10 * STEP));
    }
}
