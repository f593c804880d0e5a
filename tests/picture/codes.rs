//! Bar and QR codes.

use super::art::{Drawing, Modules, Shot};
use super::{Table, camera, catalogue, is_promised, shots};
use scrip::card::scan::Kind;
use scrip::host::picture::{Origin, SymbolKind};

/// A symbol as zint encodes it, and what must be read.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    barcode: &'static str,
    gs1: bool,
    data: &'static str,
    pub(crate) says: &'static str,
    pub(crate) kind: Kind,
    /// Pixels of a module.
    side: usize,
}

const EMV: &str = "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A";

pub(crate) fn samples() -> Vec<Sample> {
    let sample = |name, barcode, data, says, kind, side| Sample {
        name,
        barcode,
        gs1: barcode == "GS1_128",
        data,
        says,
        kind,
        side,
    };
    let gs1 = |sample: Sample| Sample { gs1: true, ..sample };
    let link = "https://id.gs1.org/01/09521234543213/21/12345";
    vec![
        sample("EAN-13", "EANX", "6901234567892", "]E06901234567892", Kind::Gtin, 3),
        sample("UPC-A", "UPCA", "042100005264", "]E00042100005264", Kind::Gtin, 3),
        sample("UPC-E", "UPCE", "0425261", "]E00042100005264", Kind::Gtin, 3),
        sample("EAN-8", "EANX", "9638507", "]E496385074", Kind::Gtin, 3),
        sample("ITF-14", "ITF14", "0952123454321", "]I109521234543213", Kind::Gtin, 3),
        sample("Code 128", "CODE128", "6222021234567894", "]C06222021234567894", Kind::CardText, 3),
        sample(
            "GS1-128",
            "GS1_128",
            "[01]09521234543213[21]ABC123[10]L1",
            "]C1010952123454321321ABC123\u{1d}10L1",
            Kind::Gs1,
            3,
        ),
        sample("GS1 DataBar", "DBAR_OMN", "0952123454321", "]e00109521234543213", Kind::Gs1, 3),
        sample(
            "QR, number and secret",
            "QRCODE",
            "6222021234567894,123456",
            "]Q16222021234567894,123456",
            Kind::CardText,
            6,
        ),
        sample(
            "QR, GS1 link",
            "QRCODE",
            link,
            "]Q1https://id.gs1.org/01/09521234543213/21/12345",
            Kind::DigitalLink,
            5,
        ),
        gs1(sample(
            "QR, GS1 elements",
            "QRCODE",
            "[01]09521234543213[21]ABC123[10]L1",
            "]Q3010952123454321321ABC123\u{1d}10L1",
            Kind::Gs1,
            6,
        )),
        Sample { says: "", ..sample("QR, EMVCo", "QRCODE", EMV, EMV, Kind::EmvMerchant, 4) },
        sample("Data Matrix", "DATAMATRIX", "6222021234567894", "]d16222021234567894", Kind::CardText, 6),
        gs1(sample(
            "GS1 DataMatrix",
            "DATAMATRIX",
            "[01]09521234543213[21]ABC123[10]L1",
            "]d2010952123454321321ABC123\u{1d}10L1",
            Kind::Gs1,
            6,
        )),
    ]
}

impl Sample {
    pub(crate) fn drawing(&self) -> Drawing {
        let modules = Modules::zint(self.barcode, self.gs1, self.data);
        let (quiet, tall) = (12 * self.side, 120);
        let side = modules.width() * self.side;
        let height = if self.is_square() { side } else { tall };
        Drawing::blank(side + 2 * quiet, height + 2 * quiet).code(&modules, self.side, tall, quiet, quiet)
    }

    fn is_square(&self) -> bool {
        matches!(self.barcode, "QRCODE" | "DATAMATRIX")
    }

    /// What the reader must say; of UTF-8 it names the extended channel or does not.
    fn is_said(&self, text: &str) -> bool {
        if self.says.is_empty() { text.get(3..) == Some(self.data) } else { text == self.says }
    }
}

#[test]
fn codes_are_read_turned_noisy_pale_and_under_a_strip_of_light() {
    let (camera, catalogue) = (camera(), catalogue());
    let (mut table, mut beyond, mut wrong) = (Table::default(), Table::default(), Vec::new());
    for sample in samples() {
        let drawing = sample.drawing();
        for (name, shot) in shots() {
            let picture = shot.take(&drawing);
            let seen = camera.look(&picture);
            for symbol in seen.symbols().iter().filter(|symbol| !sample.is_said(symbol.text())) {
                wrong.push(format!("{}, {shot:?}: {:?} {:?}", sample.name, symbol.kind(), symbol.text()));
            }
            let found = seen.candidates(|scan| scan, &catalogue).unwrap();
            let first = found.first().map(|found| (found.candidate().kind(), found.candidate().is_valid()));
            let read = first == Some((sample.kind, true));
            if !read {
                println!("{}, {shot:?}: {first:?}", sample.name);
            }
            let counts = if is_promised(&shot) { &mut table } else { &mut beyond };
            counts.count(sample.name, name, read);
        }
    }
    table.print();
    println!("not promised:");
    beyond.print();
    assert_eq!((wrong, table.unread()), (Vec::<String>::new(), 0));
}

#[test]
fn a_damaged_code_is_never_read_as_another() {
    let camera = camera();
    let (mut table, mut wrong) = (Table::default(), Vec::new());
    for sample in samples() {
        let drawing = sample.drawing();
        for seed in 1..=8_u64 {
            let turned = (seed as f64 - 4.0) * 2.0;
            let plain = Shot { turned, seed, ..Shot::default() };
            let noisy = Shot { deviation: 40.0 + 12.0 * seed as f64, ..plain };
            let blots = Shot { blots: 2 + seed / 2, deviation: 10.0, ..plain };
            let light = Shot { strip: 1.0, deviation: 25.0, ..plain };
            for (name, shot) in [("very noisy", noisy), ("blots", blots), ("white light", light)] {
                let seen = camera.look(&shot.take(&drawing));
                for symbol in seen.symbols().iter().filter(|symbol| !sample.is_said(symbol.text())) {
                    wrong.push(format!("{}, {shot:?}: {:?} {:?}", sample.name, symbol.kind(), symbol.text()));
                }
                table.count(&format!("{}, {name}", sample.name), name, !seen.symbols().is_empty());
            }
        }
    }
    table.print();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn noise_is_no_code() {
    let camera = camera();
    for seed in 1..=12 {
        let shot = Shot { deviation: 20.0 * seed as f64, grains: 10, seed, paper: 128.0, ..Shot::default() };
        let seen = camera.look(&shot.take(&Drawing::blank(400, 300)));
        assert_eq!(seen.symbols(), [], "{shot:?}");
    }
}

#[test]
fn every_symbol_of_a_picture_is_read_at_its_place() {
    let bars = Modules::zint("EANX", false, "6901234567892");
    let number = Modules::zint("CODE128", false, "6222021234567894");
    let qr = Modules::zint("QRCODE", false, "6222021234567894,123456");
    let matrix = Modules::zint("DATAMATRIX", false, "ABCD-EFGH-JKLM-NPQR");
    let other = Modules::zint("DATAMATRIX", false, "WXYZ-EFGH-JKLM-NPQR");
    let drawing = Drawing::blank(900, 700)
        .code(&bars, 3, 100, 60, 60)
        .code(&number, 2, 100, 500, 60)
        .code(&qr, 6, 0, 60, 300)
        .code(&matrix, 6, 0, 400, 300)
        .code(&other, 6, 0, 650, 320);
    for turned in [0.0, 7.0] {
        let picture = Shot { turned, deviation: 8.0, ..Shot::default() }.take(&drawing);
        let seen = camera().look(&picture);
        let mut kinds: Vec<SymbolKind> = seen.symbols().iter().map(|symbol| symbol.kind()).collect();
        kinds.sort();
        use SymbolKind::{Code128, DataMatrix, Ean13, Qr};
        assert_eq!(kinds, [Ean13, Code128, Qr, DataMatrix, DataMatrix], "{turned}");
        let (dx, dy) = ((picture.width() as i64 - 900) / 2, (picture.height() as i64 - 700) / 2);
        for (kind, middle) in [(Ean13, (202, 110)), (Code128, (602, 110)), (Qr, (135, 375))] {
            let place = seen.symbols().iter().find(|symbol| symbol.kind() == kind).unwrap().place();
            // Turned around the middle of the picture.
            let (sine, cosine) = f64::to_radians(turned).sin_cos();
            let (x, y) = (f64::from(middle.0) - 450.0, f64::from(middle.1) - 350.0);
            let (x, y) = (x * cosine - y * sine + 450.0, x * sine + y * cosine + 350.0);
            let (x, y) = (x as i64 + dx, y as i64 + dy);
            let found =
                (i64::from(place.left.midpoint(place.right)), i64::from(place.top.midpoint(place.bottom)));
            assert!((found.0 - x).abs() < 40 && (found.1 - y).abs() < 40, "{kind:?}: {place:?}, not {x} {y}");
        }
        let catalogue = catalogue();
        let found = seen.candidates(|scan| scan, &catalogue).unwrap();
        let secrets: Vec<_> = found
            .iter()
            .filter(|found| matches!(found.origin(), Origin::Symbol(symbol) if symbol.kind() == DataMatrix))
            .collect();
        assert_eq!(secrets.len(), 2, "two cards are told, not one of them");
    }
}
