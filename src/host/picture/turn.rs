//! Turned pictures, and where their points were before. Angles are in half degrees, clockwise.

use super::grey::Picture;
use std::vec::Vec;

/// Sine and cosine of each half degree from 0 to 13 degrees, times 65,536.
const SINES: [i64; 27] = [
    0, 572, 1144, 1716, 2287, 2859, 3430, 4001, 4572, 5142, 5712, 6281, 6850, 7419, 7987, 8554, 9121, 9687,
    10252, 10817, 11380, 11943, 12505, 13066, 13626, 14185, 14742,
];
const COSINES: [i64; 27] = [
    65536, 65534, 65526, 65514, 65496, 65474, 65446, 65414, 65376, 65334, 65287, 65234, 65177, 65115, 65048,
    64975, 64898, 64816, 64729, 64637, 64540, 64439, 64332, 64220, 64104, 63983, 63856,
];

/// The furthest that a picture is turned.
pub(super) const FURTHEST: i32 = 26;

fn sine_cosine(half_degrees: i32) -> (i64, i64) {
    let at = half_degrees.unsigned_abs().min(FURTHEST.unsigned_abs()) as usize;
    (SINES[at] * i64::from(half_degrees.signum()), COSINES[at])
}

/// How a turned picture came to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    half_degrees: i32,
    /// Rows became columns first.
    upended: bool,
    /// Of the picture before.
    before: (i64, i64),
    after: (i64, i64),
}

impl Turn {
    /// Turns what is so many half degrees askew upright, around its middle. The corners that come
    /// into view are white. If it is upended, lines run across what was a column.
    pub(super) fn new(picture: &Picture, half_degrees: i32, upended: bool) -> Self {
        let before = (i64::from(picture.width()), i64::from(picture.height()));
        let (width, height) = if upended { (before.1, before.0) } else { before };
        let (sine, cosine) = sine_cosine(half_degrees);
        let grown = |a: i64, b: i64| (a * cosine + b * sine.abs()) / 65_536 + 1;
        let after =
            if half_degrees == 0 { (width, height) } else { (grown(width, height), grown(height, width)) };
        Self { half_degrees, upended, before, after }
    }

    /// Where a point of the turned picture was before.
    pub(super) fn back(&self, (x, y): (i64, i64)) -> (i64, i64) {
        let (x, y) = self.exact(x, y);
        (x >> 8, y >> 8)
    }

    /// The same in 256ths of a pixel.
    fn exact(&self, x: i64, y: i64) -> (i64, i64) {
        let (width, height) = if self.upended { (self.before.1, self.before.0) } else { self.before };
        let (sine, cosine) = sine_cosine(self.half_degrees);
        let (dx, dy) = (2 * x - self.after.0 + 1, 2 * y - self.after.1 + 1);
        let across = ((dx * cosine - dy * sine) >> 9) + ((width - 1) << 7);
        let down = ((dx * sine + dy * cosine) >> 9) + ((height - 1) << 7);
        if self.upended { (down, across) } else { (across, down) }
    }

    pub(super) fn apply(&self, picture: &Picture) -> Picture {
        if self.half_degrees == 0 && !self.upended {
            return picture.clone();
        }
        let side = |side: i64| u32::try_from(side).unwrap_or(1);
        let (width, shades) = (picture.width() as usize, picture.shades());
        let mut turned = Picture::white(side(self.after.0), side(self.after.1));
        let columns = turned.width() as usize;
        for (y, line) in turned.shades_mut().chunks_exact_mut(columns).enumerate() {
            for (x, shade) in line.iter_mut().enumerate() {
                let (fine_x, fine_y) = self.exact(x as i64, y as i64);
                let (left, top) = (fine_x >> 8, fine_y >> 8);
                if left < 0 || top < 0 || left >= self.before.0 || top >= self.before.1 {
                    continue;
                }
                let (left, top) = (left as usize, top as usize);
                let right = (left + 1).min(width - 1);
                let (upper, lower) = (top * width, (top + 1).min(picture.height() as usize - 1) * width);
                let (share_x, share_y) = ((fine_x & 255) as u32, (fine_y & 255) as u32);
                let mix = |line: usize| {
                    u32::from(shades[line + left]) * (256 - share_x)
                        + u32::from(shades[line + right]) * share_x
                };
                *shade = ((mix(upper) * (256 - share_y) + mix(lower) * share_y) >> 16) as u8;
            }
        }
        turned
    }
}

/// How far the lines of a picture are askew, in half degrees: where printed lines, and the edges
/// of bar codes, separate best.
pub(super) fn skew(flat: &Picture) -> i32 {
    let (width, height) = (flat.width() as i64, flat.height() as i64);
    let mut dark = Vec::new();
    for y in 0..height {
        let row = flat.row(y as usize).iter().enumerate();
        dark.extend(
            row.filter(|(_, shade)| **shade < 100).map(|(x, _)| (x as i64 - width / 2, y - height / 2)),
        );
    }
    let reach = (width + height) as usize;
    let sharpness = |half_degrees: i32| {
        let (sine, cosine) = sine_cosine(half_degrees);
        let mut counts = std::vec![0_i64; 2 * reach];
        for (x, y) in &dark {
            let line = (y * cosine - x * sine) >> 16;
            counts[(line + reach as i64) as usize] += 1;
        }
        counts.windows(2).map(|pair| (pair[1] - pair[0]).pow(2)).sum::<i64>()
    };
    let upright = sharpness(0);
    let best = (-FURTHEST..=FURTHEST).map(|angle| (sharpness(angle), angle)).max().unwrap_or_default();
    // What is hardly better is chance.
    if best.0 > upright + upright / 8 { best.1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Picture {
        let shades = (0..240 * 400).map(|at| {
            let (x, y) = (at % 400, at / 400);
            let ink = (40..360).contains(&x) && (40..200).contains(&y) && (y / 10) % 2 == 0;
            if ink { 0 } else { 255 }
        });
        Picture::new(400, 240, shades.collect()).unwrap()
    }

    #[test]
    fn what_is_turned_and_turned_back_is_the_same_within_a_pixel() {
        for angle in [-20, -7, 0, 8, 20] {
            let picture = lines();
            let turn = Turn::new(&picture, angle, false);
            let (x, y) = turn.back((turn.after.0 / 2, turn.after.1 / 2));
            assert!((x - 200).abs() <= 1 && (y - 120).abs() <= 1, "{angle}: {x} {y}");
            let again = Turn::new(&turn.apply(&picture), -angle, false);
            let turned = again.apply(&turn.apply(&picture));
            let (x, y) = (again.after.0 / 2, again.after.1 / 2);
            let middle = |picture: &Picture, x: i64, y: i64| picture.row(y as usize)[x as usize] < 128;
            assert_eq!(middle(&turned, x, y + 5), middle(&picture, 200, 125), "{angle}");
            assert_eq!(middle(&turned, x, y + 15), middle(&picture, 200, 135), "{angle}");
        }
    }

    #[test]
    fn rows_become_columns() {
        let picture = Picture::new(3, 2, std::vec![1, 2, 3, 4, 5, 6]).unwrap();
        let turn = Turn::new(&picture, 0, true);
        assert_eq!(turn.apply(&picture), Picture::new(2, 3, std::vec![1, 4, 2, 5, 3, 6]).unwrap());
        assert_eq!(turn.back((1, 2)), (2, 1));
    }

    #[test]
    fn skew_is_found() {
        for angle in [-20, -8, 0, 6, 20] {
            let askew = Turn::new(&lines(), -angle, false).apply(&lines());
            let found = skew(&askew);
            assert!((found - angle).abs() <= 1, "{found} for {angle}");
        }
    }
}
