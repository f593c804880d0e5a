//! A bar on standard error that shows how far a run is.

use std::io::{self, IsTerminal, Stderr, Write};
use std::time::{Duration, Instant};

/// The bar is drawn at most this often.
const PAUSE: Duration = Duration::from_millis(100);

/// Cells of the bar.
const CELLS: u64 = 30;

/// A bar that is wiped when it is dropped. Where standard error is no terminal it draws nothing.
pub(crate) struct Progress(Option<Bar<Stderr>>);

impl Progress {
    /// A bar that is full at `total`; without one it only counts.
    pub(crate) fn to_terminal(label: &'static str, total: Option<u64>) -> Self {
        let stderr = io::stderr();
        Self(stderr.is_terminal().then(|| Bar::new(stderr, label, total)))
    }

    /// Says how much is done.
    pub(crate) fn update(&mut self, done: u64) {
        if let Some(bar) = &mut self.0 {
            bar.update(done, Instant::now());
        }
    }
}

/// A terminal that cannot be written to is no reason to stop, so errors of drawing are dropped.
struct Bar<W: Write> {
    out: W,
    label: &'static str,
    total: Option<u64>,
    drawn_at: Option<Instant>,
    width: usize,
}

impl<W: Write> Bar<W> {
    fn new(out: W, label: &'static str, total: Option<u64>) -> Self {
        Self { out, label, total, drawn_at: None, width: 0 }
    }

    fn update(&mut self, done: u64, now: Instant) {
        if self.drawn_at.is_some_and(|at| now.saturating_duration_since(at) < PAUSE) {
            return;
        }
        self.drawn_at = Some(now);
        let text = match self.total {
            Some(total) if total > 0 => {
                let part = |whole: u64| u128::from(done.min(total)) * u128::from(whole) / u128::from(total);
                let full = "#".repeat(usize::try_from(part(CELLS)).unwrap_or(0));
                format!("{} [{full:<30}] {:>3} %", self.label, part(100))
            }
            _ => format!("{} {done}", self.label),
        };
        // Blanks cover what a longer text before it has left.
        let _ = write!(self.out, "\r{text:<width$}", width = self.width);
        let _ = self.out.flush();
        self.width = self.width.max(text.len());
    }
}

impl<W: Write> Drop for Bar<W> {
    fn drop(&mut self) {
        if self.drawn_at.is_some() {
            let _ = write!(self.out, "\r{:width$}\r", "", width = self.width);
            let _ = self.out.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_drawn_ten_times_a_second_at_most_and_wiped() {
        let mut out = Vec::new();
        let start = Instant::now();
        let mut bar = Bar::new(&mut out, "reading", Some(1000));
        for ms in 0..1000 {
            bar.update(ms + 1, start + Duration::from_millis(ms));
        }
        drop(bar);
        let text = String::from_utf8(out).unwrap();
        let drawn: Vec<_> = text.split('\r').collect();
        assert_eq!(drawn.len(), 13, "{drawn:?}");
        assert_eq!(drawn[6], format!("reading [{}{}]  50 %", "#".repeat(15), " ".repeat(15)));
        assert_eq!((drawn[11], drawn[12]), (&*" ".repeat(drawn[6].len()), ""));
    }

    #[test]
    fn odd_totals_do_no_harm() {
        for (total, done, shown) in [
            (None, 5, "\rx 5"),
            (Some(0), 5, "\rx 5"),
            (Some(3), 9, "\rx [##############################] 100 %"),
            (Some(u64::MAX), u64::MAX / 2, "\rx [##############                ]  49 %"),
        ] {
            let mut out = Vec::new();
            let mut bar = Bar::new(&mut out, "x", total);
            bar.update(done, Instant::now());
            drop(bar);
            assert!(String::from_utf8(out).unwrap().starts_with(shown), "{shown}");
        }
        let mut out = Vec::new();
        drop(Bar::new(&mut out, "x", None));
        assert!(out.is_empty(), "nothing drawn, nothing to wipe");
    }
}
