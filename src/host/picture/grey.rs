//! A picture as shades of grey, from PNG or JPEG, within bounds.

use crate::base::{Advice, Code, block};
use core::fmt;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::Cursor;
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;
use zeroize::Zeroizing;

/// What a stranger's picture may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The largest file, in bytes.
    pub bytes: usize,
    /// The most pixels, width times height.
    pub pixels: u64,
    /// How long codes are looked for, and then how long text is read. The search for codes is
    /// given up between two steps, of which none takes long in so many pixels.
    pub time: Duration,
}

impl Default for Bounds {
    /// 16 MiB, 25 million pixels, 10 seconds: any telephone's picture on a small machine.
    fn default() -> Self {
        Self { bytes: 16 << 20, pixels: 25_000_000, time: Duration::from_secs(10) }
    }
}

/// Why a picture cannot be read. It holds nothing of what the picture shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// Neither PNG nor JPEG.
    #[error("not a picture in PNG or JPEG")]
    Format,
    /// A larger file than [`Bounds::bytes`].
    #[error("the picture has {found} bytes, more than {limit}")]
    TooLarge {
        /// Its bytes.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// More pixels than [`Bounds::pixels`].
    #[error("the picture has {width} x {height} pixels, more than {limit} in all")]
    TooManyPixels {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The bound.
        limit: u64,
    },
    /// Damaged, or cut short.
    #[error("the picture is damaged: {0}")]
    Damaged(String),
    /// Width times height is not the number of pixels, or there are none.
    #[error("{pixels} pixels are not {width} x {height}")]
    Shape {
        /// The width given.
        width: u32,
        /// The height given.
        height: u32,
        /// The pixels given.
        pixels: usize,
    },
}

impl PictureError {
    /// The stable number, 17,200 to 17,219.
    pub const fn code(&self) -> Code {
        let case = match self {
            Self::Format => 200,
            Self::TooLarge { .. } => 201,
            Self::TooManyPixels { .. } => 202,
            Self::Damaged(_) => 203,
            Self::Shape { .. } => 204,
        };
        Code::new(block::HOST, case)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// A rectangle in a picture, in pixels from its upper left corner; right and bottom are outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From the left edge.
    pub left: u32,
    /// From the upper edge.
    pub top: u32,
    /// Where it ends.
    pub right: u32,
    /// Where it ends.
    pub bottom: u32,
}

impl Place {
    /// Whether the rectangles have a pixel in common.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// The smallest rectangle with these points, cut to the size of a picture.
    pub(super) fn around(points: impl IntoIterator<Item = (i64, i64)>, width: u32, height: u32) -> Self {
        let cut = |at: i64, end: u32| u32::try_from(at.max(0)).unwrap_or(end).min(end);
        let mut all = Self { left: width, top: height, right: 0, bottom: 0 };
        for (x, y) in points {
            all.left = all.left.min(cut(x, width));
            all.top = all.top.min(cut(y, height));
            all.right = all.right.max(cut(x + 1, width));
            all.bottom = all.bottom.max(cut(y + 1, height));
        }
        Self { left: all.left.min(all.right), top: all.top.min(all.bottom), ..all }
    }

    /// The same rectangle in a picture that is so many times as large.
    pub(super) const fn times(self, factor: u32) -> Self {
        Self {
            left: self.left.saturating_mul(factor),
            top: self.top.saturating_mul(factor),
            right: self.right.saturating_mul(factor),
            bottom: self.bottom.saturating_mul(factor),
        }
    }
}

/// A picture in 256 shades of grey, row by row from the upper left corner; 0 is black.
///
/// It may show a card's secret: `Debug` shows its size alone, and the shades are zeroised when
/// it is dropped. What the decoders of files held meanwhile is not.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    shades: Zeroizing<Vec<u8>>,
}

impl Picture {
    /// A picture of these shades, from a camera for example.
    ///
    /// # Errors
    /// [`PictureError::Shape`].
    pub fn new(width: u32, height: u32, shades: Vec<u8>) -> Result<Self, PictureError> {
        let shades = Zeroizing::new(shades);
        let fits = u64::from(width) * u64::from(height) == shades.len() as u64;
        // Twice the longest side and more must be counted in 32 bits.
        if !fits || shades.is_empty() || width.max(height) > u32::from(u16::MAX) {
            return Err(PictureError::Shape { width, height, pixels: shades.len() });
        }
        Ok(Self { width, height, shades })
    }

    /// Decodes a PNG or JPEG file: colours become shades, what is transparent shows white paper,
    /// and the picture is turned upright as the file says it was held (EXIF).
    ///
    /// # Errors
    /// [`PictureError`]; size and pixels are checked before anything is decoded.
    pub fn decode(file: &[u8], bounds: &Bounds) -> Result<Self, PictureError> {
        if file.len() > bounds.bytes {
            return Err(PictureError::TooLarge { found: file.len(), limit: bounds.bytes });
        }
        // The decoders are made for hostile files, and have panicked on some nevertheless.
        let decoded = std::panic::catch_unwind(|| decode(file, bounds));
        decoded.unwrap_or_else(|_| Err(PictureError::Damaged("its decoder gave up".to_string())))
    }

    /// The width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// The height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The shades, row by row.
    pub fn shades(&self) -> &[u8] {
        &self.shades
    }

    pub(super) fn row(&self, y: usize) -> &[u8] {
        let width = self.width as usize;
        self.shades.get(y * width..(y + 1) * width).unwrap_or_default()
    }

    /// A picture of the same size.
    pub(super) fn like(&self, shades: Zeroizing<Vec<u8>>) -> Self {
        debug_assert_eq!(shades.len(), self.shades.len());
        Self { width: self.width, height: self.height, shades }
    }

    /// A white picture.
    pub(super) fn white(width: u32, height: u32) -> Self {
        let pixels = width as usize * height as usize;
        Self { width, height, shades: Zeroizing::new(std::vec![255; pixels]) }
    }

    pub(super) fn shades_mut(&mut self) -> &mut [u8] {
        &mut self.shades
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

fn decode(file: &[u8], bounds: &Bounds) -> Result<Picture, PictureError> {
    let damaged = |error: ImageError| match error {
        ImageError::Unsupported(_) => PictureError::Format,
        error => PictureError::Damaged(error.to_string()),
    };
    let format = match image::guess_format(file) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => format,
        _ => return Err(PictureError::Format),
    };
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    let mut limits = Limits::no_limits();
    // Sixteen bits of four colours, and as much again to work in.
    limits.max_alloc = Some(bounds.pixels.saturating_mul(16).saturating_add(1 << 20));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > bounds.pixels {
        return Err(PictureError::TooManyPixels { width, height, limit: bounds.pixels });
    }
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    decoded.apply_orientation(orientation);
    let (width, height) = (decoded.width(), decoded.height());
    let shades = if decoded.color().has_alpha() {
        let on_paper = |pixel: &image::LumaA<u8>| {
            let [shade, alpha] = pixel.0.map(u32::from);
            u8::try_from((shade * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
        };
        decoded.into_luma_alpha8().pixels().map(on_paper).collect()
    } else {
        decoded.into_luma8().into_raw()
    };
    Picture::new(width, height, shades)
}
