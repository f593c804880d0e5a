//! The catalogue, and scans against it.

use super::candidate::*;
use super::guard::Guarded;
use super::handle::{Handle, free, look, make};
use super::memory::{Struct, field, handle, options, text};
use super::status::{Failure, FfiError, ScripError, Status};
use crate::card::Catalogue;
use crate::card::scan::{Kind, Kinds, Scan, Source, Symbology, scan};
use alloc::vec::Vec;
use core::ffi::c_char;

/// A catalogue that cannot be read; `detail` tells the line and the column.
pub const SCRIP_BAD_CATALOGUE: Status = 5001;
/// scrip_scan_new: nothing but white space.
pub const SCRIP_SCAN_EMPTY: Status = 5100;
/// scrip_scan_new: a text is longer than 8,191 bytes.
pub const SCRIP_SCAN_TOO_LONG: Status = 5101;
/// scrip_scan_new: the declared product is not in the catalogue.
pub const SCRIP_SCAN_UNKNOWN_PRODUCT: Status = 5102;
/// scrip_scan_new: what was scanned is proven to be something else than the declared product.
pub const SCRIP_SCAN_CONTRADICTION: Status = 5103;
/// scrip_scan_new: what was scanned is no card of the declared product.
pub const SCRIP_SCAN_NO_CARD: Status = 5104;
/// scrip_scan_new: neither of two symbols holds a trade item number.
pub const SCRIP_SCAN_NO_GTIN: Status = 5105;

/// Source: typed or pasted by a person.
pub const SCRIP_SOURCE_TYPED: u32 = 1;
/// Source: a bar code, with or without a symbology identifier such as "]C1". The separator is
/// the byte 0x1D.
pub const SCRIP_SOURCE_BARCODE: u32 = 2;
/// Source: a QR code.
pub const SCRIP_SOURCE_QR: u32 = 3;
/// Source: read from a picture, so that characters may stand for others that look alike.
pub const SCRIP_SOURCE_OCR: u32 = 4;

/// Symbology: EAN-8.
pub const SCRIP_SYMBOLOGY_EAN8: u32 = 1;
/// Symbology: EAN-13.
pub const SCRIP_SYMBOLOGY_EAN13: u32 = 2;
/// Symbology: UPC-A.
pub const SCRIP_SYMBOLOGY_UPC_A: u32 = 3;
/// Symbology: UPC-E.
pub const SCRIP_SYMBOLOGY_UPC_E: u32 = 4;
/// Symbology: interleaved 2 of 5.
pub const SCRIP_SYMBOLOGY_ITF: u32 = 5;
/// Symbology: Code 128 or another one that carries any text.
pub const SCRIP_SYMBOLOGY_TEXT: u32 = 6;
/// Symbology: a GS1 symbol.
pub const SCRIP_SYMBOLOGY_GS1: u32 = 7;

/// The products of a catalogue, for scrip_scan_new. It may be used from several threads at once,
/// and freed before its scans are.
pub struct ScripCatalogue(Guarded<Catalogue>);

/// What a text may be. It may be used from several threads at once, and wipes what it holds when
/// it is freed.
pub struct ScripScan(Guarded<Vec<Kept>>);

/// What is known of a text before it is scanned. Set struct_size to sizeof(scrip_scan_hints) and
/// all else to 0, then what is known.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScripScanHints {
    /// sizeof(scrip_scan_hints), set by the caller.
    pub struct_size: u32,
    /// One of SCRIP_SOURCE_*; 0 for typed.
    pub source: u32,
    /// What the reader says it read, one of SCRIP_SYMBOLOGY_*; 0 if it does not say.
    pub symbology: u32,
    /// The kinds that are of use, each as `1 << SCRIP_KIND_*`; 0 for all of them.
    pub kinds: u32,
    /// The product that the text is declared as, by its name in the catalogue; empty if none is.
    /// A text that is proven to be something else is then an error.
    pub product: [c_char; 132],
    /// In whose shops it was scanned, by the issuer's name in the catalogue; empty if unknown.
    pub issuer: [c_char; 132],
}

impl Handle for ScripCatalogue {
    type Inside = Catalogue;

    const NAME: &'static str = "catalogue";

    fn guarded(&self) -> &Guarded<Catalogue> {
        &self.0
    }
}

impl Handle for ScripScan {
    type Inside = Vec<Kept>;

    const NAME: &'static str = "scan";

    fn guarded(&self) -> &Guarded<Vec<Kept>> {
        &self.0
    }
}

/// Reads a catalogue: the `[product.NAME]` tables of the configuration, as one TOML text. Other
/// tables are an error.
///
/// `catalogue` receives the handle, NULL on failure; free it with scrip_catalogue_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_catalogue_new(
    catalogue_toml: *const u8,
    catalogue_len: usize,
    catalogue: *mut *mut ScripCatalogue,
    error: *mut ScripError,
) -> Status {
    let call = || {
        // SAFETY: the text is readable for its length.
        let toml = unsafe { text(catalogue_toml, catalogue_len, "catalogue_toml") }?;
        Ok(ScripCatalogue(Guarded::new(Catalogue::parse(toml)?)))
    };
    // SAFETY: `catalogue` and `error` are as the function is told.
    unsafe { make(catalogue, "catalogue", error, call) }
}

/// Frees a catalogue; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_catalogue_free(catalogue: *mut ScripCatalogue) {
    // SAFETY: the pointer is NULL or came from `scrip_catalogue_new` and is not used any more.
    unsafe { free(catalogue, |catalogue| catalogue.0.is_busy()) }
}

/// Tells what a text may be: typed text, the data of a bar or QR code, or what was read from a
/// picture. Nothing is corrected: each candidate tells what was changed to read it so.
///
/// `hints` may be NULL for typed text. `second` is the data of a second symbol on the same card,
/// in any order with the first; NULL and 0 if there is none. `scan` receives the candidates, NULL
/// on failure; free them with scrip_scan_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_scan_new(
    catalogue: *const ScripCatalogue,
    hints: *const ScripScanHints,
    text_utf8: *const u8,
    text_len: usize,
    second_utf8: *const u8,
    second_len: usize,
    scan: *mut *mut ScripScan,
    error: *mut ScripError,
) -> Status {
    let call = || {
        // SAFETY: `catalogue` is NULL or a catalogue that was not freed, `hints` is NULL or as large
        // as its first field tells, and the texts are readable for their lengths.
        let (catalogue, hints, first, second) = unsafe {
            let hints = if hints.is_null() { None } else { Some(options(hints, "scrip_scan_hints")?) };
            let second = if second_len == 0 { None } else { Some(text(second_utf8, second_len, "second")?) };
            (handle(catalogue, ScripCatalogue::NAME)?, hints, text(text_utf8, text_len, "text")?, second)
        };
        let kept = catalogue.0.shared(|catalogue| candidates(catalogue, hints.as_ref(), first, second))?;
        Ok(ScripScan(Guarded::new(kept)))
    };
    // SAFETY: `scan` and `error` are as the function is told.
    unsafe { make(scan, "scan", error, call) }
}

/// Frees candidates and wipes what they hold; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_scan_free(scan: *mut ScripScan) {
    // SAFETY: the pointer is NULL or came from `scrip_scan_new` and is not used any more.
    unsafe { free(scan, |scan| scan.0.is_busy()) }
}

/// A candidate, by its place from 0, the likeliest first; SCRIP_END behind the last one, which is
/// at once for a text that is like nothing known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_scan_candidate(
    scan: *const ScripScan,
    place: usize,
    candidate: *mut ScripCandidate,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `candidate` is NULL or as large as its first field tells.
    let out = || unsafe { Struct::at(candidate, "scrip_candidate") };
    let call = |all: &Vec<Kept>| {
        let out = out()?;
        out.put(&all.get(place).ok_or(FfiError::End)?.shown);
        Ok(())
    };
    // SAFETY: `scan` and `error` are as the function is told.
    unsafe { look(scan, error, call) }
}

/// A text of the candidate in place `candidate`, ended by a NUL: one of SCRIP_TEXT_*, or one of
/// SCRIP_REVEAL_*, the only way in which a card comes out; wipe the buffer then. `place` counts
/// from 0 where there are several and is 0 elsewhere. SCRIP_END if there is no such text. `len`
/// receives the length without the NUL, also when the buffer is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_scan_text(
    scan: *const ScripScan,
    candidate: usize,
    what: u32,
    place: usize,
    buffer: *mut u8,
    capacity: usize,
    len: *mut usize,
    error: *mut ScripError,
) -> Status {
    let call = |all: &Vec<Kept>| {
        let kept = all.get(candidate).ok_or(FfiError::End)?;
        // SAFETY: the buffer has room for its capacity, `len` for a length.
        Ok(unsafe { kept.tell(what, place, buffer, capacity, len) }?)
    };
    // SAFETY: `scan` and `error` are as the function is told.
    unsafe { look(scan, error, call) }
}

fn candidates(
    catalogue: &Catalogue,
    hints: Option<&ScripScanHints>,
    first: &str,
    second: Option<&str>,
) -> Result<Vec<Kept>, Failure> {
    let (mut product, mut issuer) = ([0; 132], [0; 132]);
    let mut asked = Scan::new(source(hints.map_or(0, |hints| hints.source))?, first);
    if let Some(hints) = hints {
        (product, issuer) = (hints.product.map(|c| c as u8), hints.issuer.map(|c| c as u8));
        if let Some(symbology) = symbology(hints.symbology)? {
            asked = asked.symbology(symbology);
        }
        asked = asked.only(kinds(hints.kinds)?);
    }
    let (product, issuer) = (field(&product, "product")?, field(&issuer, "issuer")?);
    if !product.is_empty() {
        asked = asked.declared(product);
    }
    if !issuer.is_empty() {
        asked = asked.issuer(issuer);
    }
    if let Some(second) = second {
        asked = asked.and(second);
    }
    Ok(scan(&asked, catalogue)?.iter().map(Kept::of).collect())
}

fn source(number: u32) -> Result<Source, FfiError> {
    match number {
        0 | SCRIP_SOURCE_TYPED => Ok(Source::Typed),
        SCRIP_SOURCE_BARCODE => Ok(Source::Barcode),
        SCRIP_SOURCE_QR => Ok(Source::Qr),
        SCRIP_SOURCE_OCR => Ok(Source::Ocr),
        value => Err(FfiError::BadEnum { what: "source", value }),
    }
}

fn symbology(number: u32) -> Result<Option<Symbology>, FfiError> {
    Ok(Some(match number {
        0 => return Ok(None),
        SCRIP_SYMBOLOGY_EAN8 => Symbology::Ean8,
        SCRIP_SYMBOLOGY_EAN13 => Symbology::Ean13,
        SCRIP_SYMBOLOGY_UPC_A => Symbology::UpcA,
        SCRIP_SYMBOLOGY_UPC_E => Symbology::UpcE,
        SCRIP_SYMBOLOGY_ITF => Symbology::Itf,
        SCRIP_SYMBOLOGY_TEXT => Symbology::Text,
        SCRIP_SYMBOLOGY_GS1 => Symbology::Gs1,
        value => return Err(FfiError::BadEnum { what: "symbology", value }),
    }))
}

fn kinds(mask: u32) -> Result<Kinds, FfiError> {
    let all = [
        (SCRIP_KIND_GS1, Kind::Gs1),
        (SCRIP_KIND_DIGITAL_LINK, Kind::DigitalLink),
        (SCRIP_KIND_GTIN, Kind::Gtin),
        (SCRIP_KIND_EMV_MERCHANT, Kind::EmvMerchant),
        (SCRIP_KIND_EMV_CONSUMER, Kind::EmvConsumer),
        (SCRIP_KIND_PAYMENT_CODE, Kind::PaymentCode),
        (SCRIP_KIND_CARD_TEXT, Kind::CardText),
        (SCRIP_KIND_TOKEN, Kind::Token),
    ];
    let known = all.iter().fold(0, |known, (number, _)| known | 1 << number);
    if mask & !known != 0 {
        return Err(FfiError::BadEnum { what: "kinds", value: mask });
    }
    let wanted = all.iter().filter(|(number, _)| mask & (1 << number) != 0).map(|(_, kind)| *kind);
    Ok(if mask == 0 { Kinds::ALL } else { Kinds::of(&wanted.collect::<Vec<_>>()) })
}

const _: () = {
    const fn threads<T: Send + Sync>() {}
    threads::<ScripCatalogue>();
    threads::<ScripScan>();
    assert!(Scan::MAX_BYTES == 8_191, "SCRIP_SCAN_TOO_LONG tells the limit");
};
