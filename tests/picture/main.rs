//! Cards are read from pictures: turned, noisy, pale, under a strip of light; and nothing is
//! read wrong, however damaged the picture is.
//!
//! Needs Debian's packages `zint` (which encodes the symbols), `tesseract-ocr` and
//! `fonts-dejavu-core`.
#![allow(clippy::unwrap_used)]

mod art;
mod codes;
mod files;
mod print;

use art::Shot;
use scrip::card::Catalogue;
use scrip::host::picture::{Bounds, Camera};
use std::time::Duration;

const CATALOGUE: &str = include_str!("../../examples/data/catalogue.toml");

fn catalogue() -> Catalogue {
    Catalogue::parse(CATALOGUE).unwrap()
}

/// With time enough for a busy machine.
fn camera() -> Camera {
    Camera::new().bounds(Bounds { time: Duration::from_secs(300), ..Bounds::default() })
}

/// The pictures of which every one must be read, by the name of what is wrong with them.
fn shots() -> Vec<(&'static str, Shot)> {
    let plain = Shot::default();
    let turned = (-10..=10).step_by(2).map(|by| ("turned", Shot { turned: f64::from(by), ..plain }));
    let noisy = [(10.0, 0.0), (20.0, 3.0), (30.0, -5.0), (40.0, 0.0)];
    let noisy = noisy.map(|(deviation, turned)| ("noisy", Shot { deviation, turned, seed: 7, ..plain }));
    let grains = [(200, 0.0), (50, 4.0), (25, -6.0)];
    let grains = grains.map(|(grains, turned)| ("grainy", Shot { grains, turned, seed: 9, ..plain }));
    let pale = [(140.0, 110.0, 0.0), (200.0, 175.0, 5.0), (60.0, 30.0, -7.0)];
    let pale =
        pale.map(|(paper, ink, turned)| ("pale", Shot { paper, ink, turned, deviation: 2.0, ..plain }));
    let strip = [(0.5, 0.0), (0.7, 0.0), (0.7, 6.0), (0.8, -9.0)];
    let strip = strip.map(|(strip, turned)| ("strip of light", Shot { strip, turned, ..plain }));
    let all = [(8.0, 3), (-8.0, 4)].map(|(turned, seed)| {
        let shot =
            Shot { turned, paper: 170.0, ink: 80.0, deviation: 8.0, grains: 300, strip: 0.5, seed, ..plain };
        ("all at once", shot)
    });
    turned.chain(noisy).chain(grains).chain(pale).chain(strip).chain(all).collect()
}

/// Whether the picture must be read. Where a strip takes most of the contrast of a turned picture,
/// some are not: they are counted and never read wrong.
fn is_promised(shot: &Shot) -> bool {
    shot.strip < 0.65 || shot.turned == 0.0
}

/// Counts of what was read of what was shown.
#[derive(Default)]
struct Table(Vec<(String, Vec<Count>)>);

/// A kind of damage, how many were read, and of how many.
type Count = (&'static str, usize, usize);

impl Table {
    fn count(&mut self, row: &str, column: &'static str, read: bool) {
        if self.0.last().is_none_or(|(name, _)| name != row) {
            self.0.push((row.into(), Vec::new()));
        }
        let cells = &mut self.0.last_mut().unwrap().1;
        if cells.last().is_none_or(|(name, ..)| *name != column) {
            cells.push((column, 0, 0));
        }
        let cell = cells.last_mut().unwrap();
        cell.1 += usize::from(read);
        cell.2 += 1;
    }

    fn print(&self) {
        for (row, cells) in &self.0 {
            let cells: Vec<String> =
                cells.iter().map(|(name, read, shown)| format!("{name} {read}/{shown}")).collect();
            println!("{row:22} {}", cells.join(", "));
        }
    }

    fn unread(&self) -> usize {
        self.0.iter().flat_map(|(_, cells)| cells).map(|(_, read, shown)| shown - read).sum()
    }
}
