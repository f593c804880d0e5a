//! Light and dark made even, noise smoothed.

use super::grey::Picture;
use std::vec::Vec;
use zeroize::Zeroizing;

/// The least difference between paper and ink that is taken for more than noise, as a share of
/// the difference in the whole picture.
const LEAST_SHARE: i32 = 4;

/// The least difference between paper and ink in shades.
const LEAST_SHADES: i32 = 20;

/// Stretches light and dark so that paper is white and ink is black everywhere, whatever light
/// falls on the picture: each part is measured against what is around it.
pub(super) fn flatten(picture: &Picture) -> Picture {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let side = (width.min(height) / 24).clamp(12, 64);
    let grid = Grid::of(picture, side);
    let (darkest, lightest) = grid.extremes();
    let least = ((lightest - darkest) / LEAST_SHARE).max(LEAST_SHADES);
    let (low, high) = (grid.spread(&grid.low, false), grid.spread(&grid.high, true));
    let mut out = Zeroizing::new(Vec::with_capacity(width * height));
    for y in 0..height {
        let (row_low, row_high) = (grid.row(&low, y), grid.row(&high, y));
        for (x, shade) in picture.row(y).iter().enumerate() {
            let high = grid.at(&row_high, x);
            let low = grid.at(&row_low, x).min(high - least);
            let stretched = (i32::from(*shade) - low) * 255 / (high - low);
            out.push(u8::try_from(stretched.clamp(0, 255)).unwrap_or(u8::MAX));
        }
    }
    picture.like(out)
}

/// The lightest and darkest of each square of a picture, without the outermost few.
struct Grid {
    side: usize,
    columns: usize,
    rows: usize,
    low: Vec<i32>,
    high: Vec<i32>,
}

impl Grid {
    fn of(picture: &Picture, side: usize) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let (columns, rows) = (width.div_ceil(side), height.div_ceil(side));
        let mut grid = Self { side, columns, rows, low: Vec::new(), high: Vec::new() };
        for row in 0..rows {
            for column in 0..columns {
                let mut counts = [0_usize; 256];
                let (left, right) = (column * side, ((column + 1) * side).min(width));
                let lines = row * side..((row + 1) * side).min(height);
                let pixels = (right - left) * lines.len();
                for y in lines {
                    picture.row(y)[left..right].iter().for_each(|shade| counts[usize::from(*shade)] += 1);
                }
                // Grains of noise are not ink.
                let few = pixels / 20;
                grid.low.push(first_beyond(few, &counts, 0..256));
                grid.high.push(first_beyond(few, &counts, (0..256).rev()));
            }
        }
        grid
    }

    fn extremes(&self) -> (i32, i32) {
        (self.low.iter().copied().min().unwrap_or(0), self.high.iter().copied().max().unwrap_or(255))
    }

    /// Each square gets the extreme of those around it, then their mean, so that every square
    /// knows both paper and ink and none differs much from the next.
    fn spread(&self, values: &[i32], highest: bool) -> Vec<i32> {
        let wide = self.around(values, |near| {
            if highest { near.iter().copied().max() } else { near.iter().copied().min() }.unwrap_or(0)
        });
        self.around(&wide, |near| near.iter().sum::<i32>() / i32::try_from(near.len().max(1)).unwrap_or(1))
    }

    fn around(&self, values: &[i32], of: impl Fn(&[i32]) -> i32) -> Vec<i32> {
        let reach = 2;
        let mut out = Vec::with_capacity(values.len());
        let mut near = Vec::new();
        for row in 0..self.rows {
            for column in 0..self.columns {
                near.clear();
                for y in row.saturating_sub(reach)..(row + reach + 1).min(self.rows) {
                    let line = y * self.columns;
                    let from = column.saturating_sub(reach);
                    near.extend_from_slice(
                        &values[line + from..line + (column + reach + 1).min(self.columns)],
                    );
                }
                out.push(of(&near));
            }
        }
        out
    }

    /// The values along a line of pixels, one for each square, between those above and below.
    fn row(&self, values: &[i32], y: usize) -> Vec<i32> {
        let (above, below, share) = self.between(y, self.rows);
        let line = |row: usize| &values[row * self.columns..(row + 1) * self.columns];
        line(above).iter().zip(line(below)).map(|(a, b)| self.mix(*a, *b, share)).collect()
    }

    fn at(&self, row: &[i32], x: usize) -> i32 {
        let (before, after, share) = self.between(x, self.columns);
        self.mix(row[before], row[after], share)
    }

    /// The squares whose middles are before and after a pixel, and how far it is from the first.
    fn between(&self, at: usize, squares: usize) -> (usize, usize, i32) {
        let from = at.saturating_sub(self.side / 2);
        let before = (from / self.side).min(squares - 1);
        let share = if at < self.side / 2 { 0 } else { from % self.side };
        (before, (before + 1).min(squares - 1), i32::try_from(share).unwrap_or(0))
    }

    fn mix(&self, a: i32, b: i32, share: i32) -> i32 {
        a + (b - a) * share / i32::try_from(self.side).unwrap_or(1)
    }
}

/// The first shade at which more pixels than these have been passed.
fn first_beyond(few: usize, counts: &[usize; 256], shades: impl Iterator<Item = i32>) -> i32 {
    let mut passed = 0;
    for shade in shades {
        passed += counts[shade as usize];
        if passed > few {
            return shade;
        }
    }
    0
}

/// Ink and paper told apart for a reader of text: dark is what is darker than the mean of so many
/// pixels around it, by more than the margin.
pub(super) fn separate(flat: &Picture, reach: usize, margin: i32) -> Picture {
    let (width, height) = (flat.width() as usize, flat.height() as usize);
    // Sums over the rows within reach, column by column.
    let mut columns = std::vec![0_i32; width];
    let mut sums = std::vec![0_i32; width + 1];
    let mut out = Zeroizing::new(Vec::with_capacity(width * height));
    let add = |columns: &mut [i32], y: usize, sign: i32| {
        columns.iter_mut().zip(flat.row(y)).for_each(|(sum, shade)| *sum += sign * i32::from(*shade));
    };
    (0..reach.min(height)).for_each(|y| add(&mut columns, y, 1));
    for y in 0..height {
        if y + reach < height {
            add(&mut columns, y + reach, 1);
        }
        if y > reach {
            add(&mut columns, y - reach - 1, -1);
        }
        let within = (y + reach + 1).min(height) - y.saturating_sub(reach);
        for (x, column) in columns.iter().enumerate() {
            sums[x + 1] = sums[x] + column;
        }
        for (x, shade) in flat.row(y).iter().enumerate() {
            let (from, to) = (x.saturating_sub(reach), (x + reach + 1).min(width));
            let mean = (sums[to] - sums[from]) / i32::try_from(within * (to - from)).unwrap_or(1);
            let level = 128 + (i32::from(*shade) + margin - mean) * 10;
            out.push(u8::try_from(level.clamp(0, 255)).unwrap_or(u8::MAX));
        }
    }
    flat.like(out)
}

/// What most pixels that are close, but too far apart to have been smoothed together, differ by.
pub(super) fn noise(picture: &Picture) -> i32 {
    const APART: usize = 9;
    let mut counts = [0_usize; 256];
    let mut all = 0;
    for y in 0..picture.height() as usize {
        let row = picture.row(y).iter();
        for (shade, other) in row.clone().zip(row.skip(APART)).step_by(2) {
            counts[usize::from(shade.abs_diff(*other))] += 1;
            all += 1;
        }
    }
    first_beyond(all / 2, &counts, 0..256)
}

/// The middle shade of each pixel and the eight around it: grains vanish, edges stay.
pub(super) fn median(picture: &Picture) -> Picture {
    around(picture, |near| {
        near.sort_unstable();
        near[4]
    })
}

/// The mean of each pixel and the eight around it, the near ones counting more.
pub(super) fn soften(picture: &Picture) -> Picture {
    const WEIGHTS: [u16; 9] = [1, 2, 1, 2, 4, 2, 1, 2, 1];
    around(picture, |near| {
        let sum: u16 = near.iter().zip(WEIGHTS).map(|(shade, weight)| u16::from(*shade) * weight).sum();
        u8::try_from(sum / 16).unwrap_or(u8::MAX)
    })
}

fn around(picture: &Picture, of: impl Fn(&mut [u8; 9]) -> u8) -> Picture {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut out = Zeroizing::new(Vec::with_capacity(width * height));
    for y in 0..height {
        let rows = [picture.row(y.saturating_sub(1)), picture.row(y), picture.row((y + 1).min(height - 1))];
        for x in 0..width {
            let (before, after) = (x.saturating_sub(1), (x + 1).min(width - 1));
            let [a, b, c] = rows;
            let mut near = [a[before], a[x], a[after], b[before], b[x], b[after], c[before], c[x], c[after]];
            out.push(of(&mut near));
        }
    }
    picture.like(out)
}

/// Black for white.
pub(super) fn invert(picture: &Picture) -> Picture {
    picture.like(Zeroizing::new(picture.shades().iter().map(|shade| 255 - shade).collect()))
}

/// Each square of so many pixels becomes one.
pub(super) fn shrink(picture: &Picture, factor: u32) -> Picture {
    let (width, height) = ((picture.width() / factor).max(1), (picture.height() / factor).max(1));
    let factor = (factor as usize).min(picture.width() as usize).min(picture.height() as usize);
    let mut out = Picture::white(width, height);
    let mut sums = std::vec![0_u32; width as usize];
    for (y, line) in out.shades_mut().chunks_exact_mut(width as usize).enumerate() {
        sums.fill(0);
        for row in y * factor..(y + 1) * factor {
            for (sum, squares) in sums.iter_mut().zip(picture.row(row).chunks_exact(factor)) {
                *sum += squares.iter().map(|shade| u32::from(*shade)).sum::<u32>();
            }
        }
        for (shade, sum) in line.iter_mut().zip(&sums) {
            *shade = u8::try_from(sum / (factor * factor) as u32).unwrap_or(u8::MAX);
        }
    }
    out
}

/// Each pixel becomes four, with the shades between its neighbours.
pub(super) fn double(picture: &Picture) -> Picture {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut out = Picture::white(picture.width() * 2, picture.height() * 2);
    for (y, line) in out.shades_mut().chunks_exact_mut(width * 2).enumerate() {
        let (near, far) = (picture.row(y / 2), picture.row((y / 2 + y % 2).min(height - 1)));
        for (x, shade) in line.iter_mut().enumerate() {
            let (left, right) = (x / 2, (x / 2 + x % 2).min(width - 1));
            let sum = [near[left], near[right], far[left], far[right]].map(u16::from).iter().sum::<u16>();
            *shade = u8::try_from(sum / 4).unwrap_or(u8::MAX);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripes of ink on paper under light that falls off from left to right.
    fn stripes(paper: i32, ink: i32) -> Picture {
        let shades = (0..200 * 300).map(|at| {
            let x = at % 300;
            let light = 300 - x / 2;
            let shade = if (x / 6) % 2 == 0 { ink } else { paper };
            u8::try_from(shade * light / 300).unwrap()
        });
        Picture::new(300, 200, shades.collect()).unwrap()
    }

    #[test]
    fn paper_is_white_and_ink_is_black_in_any_light() {
        for (paper, ink) in [(250, 10), (140, 90)] {
            let flat = flatten(&stripes(paper, ink));
            for (x, shade) in flat.row(100).iter().enumerate() {
                let dark = (x / 6) % 2 == 0;
                assert_eq!(*shade < 128, dark, "{paper}/{ink} at {x}: {shade}");
            }
        }
    }

    #[test]
    fn ink_is_told_from_paper_line_by_line() {
        for (paper, ink) in [(250, 10), (140, 90)] {
            let apart = separate(&flatten(&stripes(paper, ink)), 15, 5);
            for (x, shade) in apart.row(100).iter().enumerate().filter(|(x, _)| (2..4).contains(&(x % 6))) {
                assert_eq!(*shade < 128, (x / 6) % 2 == 0, "{paper}/{ink} at {x}: {shade}");
            }
        }
    }

    #[test]
    fn an_even_picture_stays_even() {
        let even = Picture::new(50, 40, std::vec![90; 2000]).unwrap();
        assert!(flatten(&even).shades().iter().all(|shade| *shade == 255));
        assert!(median(&even).shades().iter().chain(soften(&even).shades()).all(|shade| *shade == 90));
        assert_eq!(shrink(&even, 3), Picture::new(16, 13, std::vec![90; 208]).unwrap());
        assert_eq!(shrink(&even, 100).shades(), [90]);
    }

    #[test]
    fn the_smallest_pictures_are_taken() {
        for (width, height) in [(1, 1), (1, 5), (7, 1), (2, 2)] {
            let small = Picture::new(width, height, std::vec![7; (width * height) as usize]).unwrap();
            for worked in
                [flatten(&small), median(&small), soften(&small), invert(&small), separate(&small, 4, 5)]
            {
                assert_eq!((worked.width(), worked.height()), (width, height));
            }
        }
    }
}
