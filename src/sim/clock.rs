//! The world's time: virtual, jumping from event to event, or real, passing by itself. Either
//! way it goes on after a restart where it was.

use super::SimError;
use super::ledger::io_error;
use crate::base::{Mono, Now, Wall};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::string::String;
use std::time::{Duration, Instant};

/// How far the kept time may lag behind in real time, where it passes on its own.
const REAL_LAG_MS: i64 = 100;

#[derive(Debug)]
pub(super) struct Clock {
    /// The time at which this run began: the monotonic clock's origin.
    opened: Wall,
    now: Wall,
    kept: Wall,
    real: Option<Instant>,
    file: Option<File>,
}

impl Clock {
    /// A clock that begins at `start`, or at the time kept in `dir` if that is later.
    pub(super) fn open(dir: Option<&Path>, start: Wall, real: bool) -> Result<Self, SimError> {
        let mut clock = Self {
            opened: start,
            now: start,
            kept: Wall(i64::MIN),
            real: real.then(Instant::now),
            file: None,
        };
        let Some(dir) = dir else { return Ok(clock) };
        let path = dir.join("clock");
        let open = || {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
            let mut text = String::new();
            // A clock that cannot be read is no loss: the ledgers tell the time as well.
            let _ = file.read_to_string(&mut text);
            Ok((file, text))
        };
        let (file, text) = open().map_err(|error| io_error(&path, &error))?;
        clock.file = Some(file);
        clock.begin(text.trim().parse().map_or(start, Wall));
        Ok(clock)
    }

    /// Begins at `time` if that is later: another witness of the time, such as a ledger.
    pub(super) fn begin(&mut self, time: Wall) {
        self.now = self.now.max(time);
        self.opened = self.now;
    }

    pub(super) fn is_real(&self) -> bool {
        self.real.is_some()
    }

    /// The time of the world.
    pub(super) fn wall(&mut self) -> Wall {
        if let Some(began) = self.real {
            let passed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
            self.now = self.now.max(self.opened.plus(passed));
            if self.now.0.saturating_sub(self.kept.0) >= REAL_LAG_MS {
                self.keep();
            }
        }
        self.now
    }

    pub(super) fn now(&mut self) -> Now {
        let wall = self.wall();
        Now { mono: Mono(wall.0 - self.opened.0), wall }
    }

    /// The time of the world at a monotonic time.
    pub(super) fn at(&self, mono: Mono) -> Wall {
        self.opened.plus(mono.0)
    }

    /// Goes on to `time`: at once in virtual time, by sleeping in real time.
    pub(super) fn go_to(&mut self, time: Wall) {
        let now = self.wall();
        if time <= now {
            return;
        }
        if self.is_real() {
            std::thread::sleep(Duration::from_millis(time.0.abs_diff(now.0)));
        }
        self.now = self.now.max(time);
        self.keep();
    }

    fn keep(&mut self) {
        self.kept = self.now;
        let Some(file) = &mut self.file else { return };
        // One write of a fixed length: the end of the process cannot tear it.
        let text = std::format!("{:020}\n", self.now.0);
        let kept = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(text.as_bytes()));
        // A time that was not kept is made up from the ledgers, as above.
        drop(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_jumps_and_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let start = Wall(1_000);
        let mut clock = Clock::open(Some(dir.path()), start, false).unwrap();
        assert_eq!(clock.now(), Now { mono: Mono(0), wall: start });
        clock.go_to(Wall(90_000_000));
        clock.go_to(Wall(5));
        assert_eq!(clock.now(), Now { mono: Mono(89_999_000), wall: Wall(90_000_000) });
        assert_eq!(clock.at(Mono(1)), Wall(1_001));
        let mut clock = Clock::open(Some(dir.path()), start, false).unwrap();
        assert_eq!(clock.now(), Now { mono: Mono(0), wall: Wall(90_000_000) });
        std::fs::write(dir.path().join("clock"), b"\xff torn").unwrap();
        let mut clock = Clock::open(Some(dir.path()), start, false).unwrap();
        clock.begin(Wall(2_000));
        assert_eq!(clock.wall(), Wall(2_000));
    }

    #[test]
    fn real_time_passes_by_itself() {
        let mut clock = Clock::open(None, Wall(1_000), true).unwrap();
        clock.go_to(Wall(1_030));
        assert!(clock.now().mono >= Mono(30));
        let before = clock.wall();
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.wall() > before);
    }
}
