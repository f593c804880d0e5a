//! A budget that what goes well fills and what is extra spends.

/// A token bucket in thousandths of a token, filled by events and not by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    level: u32,
    capacity: u32,
    gain: u32,
}

const TOKEN: u32 = 1_000;

impl Bucket {
    /// A bucket that begins with `start` tokens, gains `gain_per_mille` thousandths of a token by
    /// each event, and holds at most `capacity` tokens.
    pub const fn new(start: u32, capacity: u32, gain_per_mille: u32) -> Self {
        Self {
            level: start.saturating_mul(TOKEN),
            capacity: capacity.saturating_mul(TOKEN),
            gain: gain_per_mille,
        }
    }

    /// One event more.
    pub fn earn(&mut self) {
        self.level = self.level.saturating_add(self.gain).min(self.capacity);
    }

    /// Takes one token; whether there was one.
    pub fn spend(&mut self) -> bool {
        let enough = self.level >= TOKEN;
        if enough {
            self.level -= TOKEN;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_was_earned() {
        let mut bucket = Bucket::new(0, 1, 50);
        assert!(!bucket.spend());
        (0..20).for_each(|_| bucket.earn());
        assert!(bucket.spend() && !bucket.spend());
        (0..1_000).for_each(|_| bucket.earn());
        assert!(bucket.spend() && !bucket.spend(), "it holds no more than its capacity");
    }
}
