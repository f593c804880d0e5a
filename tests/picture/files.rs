//! Files from strangers.

use super::art::{Shot, file};
use super::codes::samples;
use image::ImageFormat;
use scrip::card::scan::ScanError;
use scrip::host::picture::{Bounds, Camera, PictureError};
use std::time::{Duration, Instant};

fn sample_file(format: ImageFormat) -> Vec<u8> {
    file(&Shot::default().take(&samples()[0].drawing()), format)
}

#[test]
fn png_and_jpeg_are_read() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let seen = Camera::new().read(&sample_file(format)).unwrap();
        assert_eq!(seen.symbols()[0].text(), samples()[0].says);
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    for file in [&b""[..], b"P5\n1 1\n255\n\0", b"GIF89a\x01\0\x01\0\0\0\0;", b"\x89PNG", b"hello there"] {
        assert_eq!(Camera::new().read(file).unwrap_err(), PictureError::Format, "{file:?}");
    }
    let png = sample_file(ImageFormat::Png);
    let cut = Camera::new().read(&png[..png.len() / 2]).unwrap_err();
    assert!(matches!(cut, PictureError::Damaged(_)), "{cut}");
}

#[test]
fn large_pictures_are_refused_before_they_are_decoded() {
    let png = sample_file(ImageFormat::Png);
    let bytes = Bounds { bytes: png.len() - 1, ..Bounds::default() };
    let error = Camera::new().bounds(bytes).read(&png).unwrap_err();
    assert_eq!(error, PictureError::TooLarge { found: png.len(), limit: png.len() - 1 });
    // A header that promises 2,000,000,000 pixels in a few bytes.
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0x77, 0x35]);
    let crc = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    let begun = Instant::now();
    let error = Camera::new().read(&bomb).unwrap_err();
    assert_eq!(error, PictureError::TooManyPixels { width: 65_536, height: 30_517, limit: 25_000_000 });
    assert!(begun.elapsed() < Duration::from_secs(1));
}

/// The checksum of PNG's chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[test]
fn the_search_ends_when_the_time_is_up() {
    let shot = Shot { deviation: 90.0, grains: 5, ..Shot::default() };
    let picture = shot.take(&super::art::Drawing::blank(1_500, 1_200));
    let begun = Instant::now();
    let time = Duration::from_millis(100);
    let seen = Camera::new().bounds(Bounds { time, ..Bounds::default() }).look(&picture);
    assert!(seen.symbols().is_empty());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn damaged_files_give_an_error_or_nothing_and_never_another_card() {
    let sample = &samples()[0];
    let camera = Camera::new();
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let whole = sample_file(format);
        for at in (0..whole.len()).step_by(whole.len() / 12) {
            let mut file = whole.clone();
            file[at] ^= 0x55;
            if let Ok(seen) = camera.read(&file) {
                assert!(seen.symbols().iter().all(|symbol| symbol.text() == sample.says), "byte {at}");
            }
            if let Ok(seen) = camera.read(&whole[..at]) {
                assert!(seen.symbols().iter().all(|symbol| symbol.text() == sample.says), "cut at {at}");
            }
        }
    }
}

#[test]
fn a_declared_product_is_held_to_what_the_code_proves() {
    let emv = samples().into_iter().find(|sample| sample.name == "QR, EMVCo").unwrap();
    let seen = Camera::new().look(&Shot::default().take(&emv.drawing()));
    let catalogue = super::catalogue();
    let refused = seen.candidates(|scan| scan.declared("jd-ecard"), &catalogue).unwrap_err();
    assert!(matches!(refused, ScanError::Contradiction { .. }), "{refused}");
    let unknown = seen.candidates(|scan| scan.declared("nothing"), &catalogue).unwrap_err();
    assert!(matches!(unknown, ScanError::UnknownProduct(_)), "{unknown}");
}
