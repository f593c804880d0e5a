//! How the threads behind leave room to the commits.

use std::time::{Duration, Instant};

/// Work goes on for so long at a time. The disk and the processor that it takes are those that
/// commits wait for.
const STRETCH: Duration = Duration::from_micros(250);

/// Work in stretches, with a rest after each that is so many times as long, unless somebody waits
/// for the end of it.
pub(super) struct Pace<'a> {
    times: u32,
    hurry: &'a dyn Fn() -> bool,
    begun: Instant,
}

impl<'a> Pace<'a> {
    pub(super) fn new(times: u32, hurry: &'a dyn Fn() -> bool) -> Self {
        Self { times, hurry, begun: Instant::now() }
    }

    /// Rests, if it has worked long enough.
    pub(super) fn rest(&mut self) {
        let worked = self.begun.elapsed();
        if worked < STRETCH {
            return;
        }
        if !(self.hurry)() {
            std::thread::sleep(worked * self.times);
        }
        self.begun = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_after_a_stretch_and_not_when_somebody_waits() {
        let worked = |pace: &mut Pace<'_>| {
            pace.begun = Instant::now().checked_sub(Duration::from_millis(10)).unwrap();
            let begun = Instant::now();
            pace.rest();
            begun.elapsed()
        };
        assert!(worked(&mut Pace::new(3, &|| false)) >= Duration::from_millis(30));
        // Far below the rest, with room for a busy machine.
        let hurried = (0..20).map(|_| worked(&mut Pace::new(100, &|| true))).min().unwrap();
        assert!(hurried < Duration::from_millis(500));
        let begun = Instant::now();
        let mut fresh = Pace { begun: begun + Duration::from_secs(60), ..Pace::new(3, &|| false) };
        fresh.rest();
        assert!(fresh.begun > begun + Duration::from_secs(59), "a stretch was not over");
    }
}
