//! Pictures as a poor camera takes them: drawn by the tests, turned, under a strip of light,
//! pale, noisy, damaged.

use ab_glyph::{Font, FontVec, PxScale, ScaleFont, point};
use scrip::host::picture::Picture;
use std::process::Command;

/// Ink on paper: where a point of the drawing is dark.
pub(crate) struct Drawing {
    pub(crate) width: usize,
    pub(crate) height: usize,
    dark: Vec<bool>,
}

impl Drawing {
    pub(crate) fn blank(width: usize, height: usize) -> Self {
        Self { width, height, dark: vec![false; width * height] }
    }

    fn ink(&mut self, x: usize, y: usize) {
        if x < self.width && y < self.height {
            self.dark[y * self.width + x] = true;
        }
    }

    fn is_dark(&self, x: f64, y: f64) -> bool {
        x >= 0.0
            && y >= 0.0
            && (x as usize) < self.width
            && (y as usize) < self.height
            && self.dark[y as usize * self.width + x as usize]
    }

    /// A code of these modules, with its upper left corner here; bars are `tall` pixels.
    pub(crate) fn code(
        mut self,
        modules: &Modules,
        side: usize,
        tall: usize,
        left: usize,
        top: usize,
    ) -> Self {
        let side_y = if modules.0.len() == 1 { tall } else { side };
        for (row, line) in modules.0.iter().enumerate() {
            for (column, _) in line.iter().enumerate().filter(|(_, dark)| **dark) {
                for y in 0..side_y {
                    (0..side).for_each(|x| self.ink(left + column * side + x, top + row * side_y + y));
                }
            }
        }
        self
    }

    /// A line of DejaVu Sans.
    pub(crate) fn text(mut self, text: &str, size: f32, left: f32, top: f32) -> Self {
        let path = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error} (fonts-dejavu-core)"));
        let font = FontVec::try_from_vec(bytes).unwrap();
        let scaled = font.as_scaled(PxScale::from(size));
        let mut x = left;
        for c in text.chars() {
            let glyph = scaled.scaled_glyph(c);
            let advance = scaled.h_advance(glyph.id);
            let placed = ab_glyph::Glyph { position: point(x, top + scaled.ascent()), ..glyph };
            if let Some(outline) = font.outline_glyph(placed) {
                let bounds = outline.px_bounds();
                outline.draw(|dx, dy, cover| {
                    if cover > 0.5 {
                        self.ink(bounds.min.x as usize + dx as usize, bounds.min.y as usize + dy as usize);
                    }
                });
            }
            x += advance;
        }
        self
    }
}

/// The dark modules of a symbol, row by row; bar codes have one row.
pub(crate) struct Modules(Vec<Vec<bool>>);

impl Modules {
    /// Encoded by `zint`, which has nothing in common with the reader.
    pub(crate) fn zint(barcode: &str, gs1: bool, data: &str) -> Self {
        let mut command = Command::new("zint");
        command.args(["--dump", "--barcode", barcode, "--data", data]);
        if gs1 {
            command.arg("--gs1");
        }
        let output = command.output().unwrap_or_else(|error| panic!("zint (Debian: zint): {error}"));
        assert!(output.status.success(), "{barcode}: {}", String::from_utf8_lossy(&output.stderr));
        let bits = |line: &str| -> Vec<bool> {
            let nibbles = line.chars().filter_map(|c| c.to_digit(16));
            nibbles.flat_map(|nibble| (0..4).rev().map(move |bit| nibble >> bit & 1 == 1)).collect()
        };
        let rows: Vec<Vec<bool>> = String::from_utf8(output.stdout).unwrap().lines().map(bits).collect();
        assert!(!rows.is_empty(), "{barcode}: nothing was drawn");
        Self(rows)
    }

    pub(crate) fn width(&self) -> usize {
        if self.0.len() == 1 { self.0[0].len() } else { self.0.len() }
    }
}

/// What the camera makes of a drawing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shot {
    /// Clockwise, in degrees.
    pub(crate) turned: f64,
    /// The shades of paper and ink.
    pub(crate) paper: f64,
    pub(crate) ink: f64,
    /// Of the noise of the sensor, in shades.
    pub(crate) deviation: f64,
    /// One of how many pixels is black or white for no reason; 0 for none.
    pub(crate) grains: u64,
    /// How much of the contrast a curved strip of light takes where it is brightest.
    pub(crate) strip: f64,
    /// How many blots of paper or ink lie on it.
    pub(crate) blots: u64,
    pub(crate) seed: u64,
}

impl Default for Shot {
    fn default() -> Self {
        Self {
            turned: 0.0,
            paper: 225.0,
            ink: 30.0,
            deviation: 0.0,
            grains: 0,
            strip: 0.0,
            blots: 0,
            seed: 1,
        }
    }
}

impl Shot {
    pub(crate) fn take(&self, drawing: &Drawing) -> Picture {
        let (width, height) = (drawing.width as f64, drawing.height as f64);
        let (sine, cosine) = self.turned.to_radians().sin_cos();
        // As large as the turned drawing and a margin.
        let columns = (width * cosine + height * sine.abs()) as usize + 20;
        let rows = (height * cosine + width * sine.abs()) as usize + 20;
        let mut dice = Dice(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut shades = Vec::with_capacity(columns * rows);
        for y in 0..rows {
            for x in 0..columns {
                let mut dark = 0.0;
                for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                    let (fx, fy) = (x as f64 + dx - columns as f64 / 2.0, y as f64 + dy - rows as f64 / 2.0);
                    let (sx, sy) = (fx * cosine + fy * sine, fy * cosine - fx * sine);
                    dark += f64::from(drawing.is_dark(sx + width / 2.0, sy + height / 2.0)) / 4.0;
                }
                let mut shade = self.paper + (self.ink - self.paper) * dark;
                // An arc from the upper left to the lower right, as from a lamp on a bent card.
                let (u, v) = (x as f64 / columns as f64, y as f64 / rows as f64);
                let from_arc = v - (0.15 + 0.8 * u * u);
                shade += (255.0 - shade) * self.strip * (-from_arc * from_arc / 0.008).exp();
                if self.deviation > 0.0 {
                    shade += dice.normal() * self.deviation;
                }
                if self.grains > 0 && dice.below(self.grains) == 0 {
                    shade = if dice.below(2) == 0 { 0.0 } else { 255.0 };
                }
                shades.push(shade.clamp(0.0, 255.0) as u8);
            }
        }
        for _ in 0..self.blots {
            let (left, top) = (dice.below(columns as u64) as usize, dice.below(rows as u64) as usize);
            let (wide, tall) =
                (4 + dice.below(columns as u64 / 6) as usize, 4 + dice.below(rows as u64 / 2) as usize);
            let shade = if dice.below(2) == 0 { self.paper } else { self.ink } as u8;
            for y in top..(top + tall).min(rows) {
                shades[y * columns + left..y * columns + (left + wide).min(columns)].fill(shade);
            }
        }
        Picture::new(columns as u32, rows as u32, shades).unwrap()
    }
}

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    /// Of deviation 1, near enough: the sum of twelve even ones.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| (self.next() >> 11) as f64 / (1_u64 << 53) as f64).sum::<f64>() - 6.0
    }
}

/// The picture as a file.
pub(crate) fn file(picture: &Picture, format: image::ImageFormat) -> Vec<u8> {
    let grey =
        image::GrayImage::from_raw(picture.width(), picture.height(), picture.shades().to_vec()).unwrap();
    let mut file = std::io::Cursor::new(Vec::new());
    grey.write_to(&mut file, format).unwrap();
    file.into_inner()
}
