//! QR codes and Data Matrix.

use super::grey::{Picture, Place};
use super::symbol::{Kind, Said, Symbol};
use super::tone;
use rxing::common::HybridBinarizer;
use rxing::datamatrix::DataMatrixReader;
use rxing::multi::MultipleBarcodeReader;
use rxing::qrcode::cpp_port::QrReader;
use rxing::{BarcodeFormat, BinaryBitmap, DecodeHints, Luma8Source, RXingResult, Reader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use std::vec::Vec;

/// At most this many Data Matrix symbols are read in one picture.
const MOST: usize = 4;

/// The QR codes and Data Matrix symbols of a picture with even light and dark. Poorer and poorer
/// pictures are tried until one gives something or the time is up.
pub(super) fn read(flat: &Picture, until: Instant) -> Vec<Symbol> {
    let mut found = Vec::new();
    type Prepared = fn(&Picture) -> Picture;
    let ways: [Prepared; 7] = [
        Picture::clone,
        |flat| tone::separate(flat, 24, 5),
        tone::soften,
        tone::median,
        |flat| tone::soften(&tone::median(flat)),
        |flat| tone::shrink(flat, 2),
        tone::invert,
    ];
    for kind in [Kind::Qr, Kind::DataMatrix] {
        for way in ways {
            if Instant::now() >= until {
                return found;
            }
            let picture = way(flat);
            let symbols = match kind {
                Kind::Qr => qr_codes(&picture),
                _ => data_matrices(&picture, until),
            };
            if !symbols.is_empty() {
                let factor = flat.width() / picture.width().max(1);
                found.extend(symbols.into_iter().map(|(said, place)| Symbol::new(said, place.times(factor))));
                break;
            }
        }
    }
    found
}

type Bitmap<'a> = BinaryBitmap<HybridBinarizer<Luma8Source<'a>>>;

fn hints(format: BarcodeFormat) -> DecodeHints {
    DecodeHints {
        TryHarder: Some(true),
        PossibleFormats: Some([format].into_iter().collect()),
        ..DecodeHints::default()
    }
}

/// What the reader makes of the picture; nothing if it panics, as it has done on strange pictures.
fn attempt(picture: &Picture, read: impl FnOnce(&mut Bitmap<'_>) -> Vec<RXingResult>) -> Vec<(Said, Place)> {
    let Ok(source) = Luma8Source::new_with_slice(picture.shades(), picture.width(), picture.height()) else {
        return Vec::new();
    };
    let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
    let results = catch_unwind(AssertUnwindSafe(|| read(&mut bitmap))).unwrap_or_default();
    let kept = |result: &RXingResult| {
        let points = result.getPoints().iter().map(|point| (point.x as i64, point.y as i64));
        Some((Said::of(result)?, Place::around(points, picture.width(), picture.height())))
    };
    results.iter().filter_map(kept).collect()
}

fn qr_codes(picture: &Picture) -> Vec<(Said, Place)> {
    attempt(picture, |bitmap| {
        QrReader.decode_multiple_with_hints(bitmap, &hints(BarcodeFormat::QR_CODE)).unwrap_or_default()
    })
}

/// One after the other: each that was read is painted over.
fn data_matrices(picture: &Picture, until: Instant) -> Vec<(Said, Place)> {
    let mut rest = picture.clone();
    let mut all = Vec::new();
    while all.len() < MOST && Instant::now() < until {
        let found = attempt(&rest, |bitmap| {
            DataMatrixReader
                .decode_with_hints(bitmap, &hints(BarcodeFormat::DATA_MATRIX))
                .into_iter()
                .collect()
        });
        let Some((said, place)) = found.into_iter().next() else { break };
        let width = rest.width() as usize;
        for line in
            rest.shades_mut().chunks_exact_mut(width).take(place.bottom as usize).skip(place.top as usize)
        {
            line[place.left as usize..place.right as usize].fill(255);
        }
        let nowhere = place.left == place.right || place.top == place.bottom;
        all.push((said, place));
        if nowhere {
            break;
        }
    }
    all
}
