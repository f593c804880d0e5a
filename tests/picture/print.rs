//! Printed numbers.

use super::art::{Drawing, Shot};
use super::{Table, catalogue, is_promised, shots};
use scrip::base::Secret;
use scrip::card::scan::{Kind, Repair};
use scrip::host::picture::{Camera, Origin, Picture, Seen, Tesseract, TextError};
use std::collections::BTreeSet;

fn reader() -> Camera {
    super::camera().text(Tesseract::default())
}

fn card(number: &str) -> Drawing {
    Drawing::blank(760, 260).text(number, 52.0, 60.0, 60.0).text("PIN 480317", 40.0, 60.0, 160.0)
}

/// The numbers with a right check digit that a bank's card may have, as they were printed or
/// with lookalikes exchanged.
fn numbers(seen: &Seen) -> BTreeSet<String> {
    let catalogue = catalogue();
    let found = seen.candidates(|scan| scan, &catalogue).unwrap();
    let banks = found.iter().map(|found| found.candidate()).filter(|candidate| {
        candidate.is_valid()
            && candidate.kind() == Kind::CardText
            && candidate.fits().iter().any(|fit| fit.product.as_str() == "bank-prepaid")
    });
    let text = |number: &Secret| String::from_utf8(number.expose().to_vec()).unwrap();
    banks.filter_map(|candidate| candidate.number().map(text)).collect()
}

#[test]
fn printed_numbers_are_read_turned_noisy_pale_and_under_a_strip_of_light() {
    let camera = reader();
    let (mut table, mut beyond) = (Table::default(), Table::default());
    let drawing = card("6222 0212 3456 7894");
    for (name, shot) in shots() {
        let seen = camera.look(&shot.take(&drawing));
        assert_eq!(seen.text_error(), None);
        let numbers = numbers(&seen);
        assert!(numbers.iter().all(|number| number == "6222021234567894"), "{shot:?}: {numbers:?}");
        if numbers.is_empty() {
            println!(
                "unread: {shot:?}: {:?}",
                seen.lines().iter().map(|l| (l.text(), l.confidence())).collect::<Vec<_>>()
            );
        }
        // Print has no redundancy: under so much light its strokes are gone. Counted, not promised.
        let promised = name != "all at once" && is_promised(&shot);
        let counts = if promised { &mut table } else { &mut beyond };
        counts.count(if promised { "print" } else { "print, not promised" }, name, !numbers.is_empty());
    }
    table.print();
    beyond.print();
    assert_eq!(table.unread(), 0);
}

#[test]
fn a_damaged_print_is_never_read_as_another_card() {
    let camera = reader();
    let mut table = Table::default();
    for (seed, number) in (1..=6_u64).zip(["6222 0212 3456 7894", "6214 8301 9275 6437"].into_iter().cycle())
    {
        let bare: String = number.split(' ').collect();
        let drawing = card(number);
        let plain = Shot { seed, turned: seed as f64 - 3.0, ..Shot::default() };
        let noisy = Shot { deviation: 45.0 + 15.0 * seed as f64, ..plain };
        let blots = Shot { blots: 2 + seed / 2, deviation: 10.0, ..plain };
        let light = Shot { strip: 0.97, deviation: 15.0, ..plain };
        for (name, shot) in [("very noisy", noisy), ("blots", blots), ("white light", light)] {
            let numbers = numbers(&camera.look(&shot.take(&drawing)));
            assert!(numbers.iter().all(|number| *number == bare), "{shot:?}: {numbers:?}");
            table.count(&format!("{number}, {name}"), name, !numbers.is_empty());
        }
    }
    table.print();
}

#[test]
fn number_and_secret_on_two_lines_are_one_card_and_repairs_are_told() {
    let drawing = Drawing::blank(760, 260).text("Card No. 6222 O212 3456 7894", 40.0, 40.0, 60.0).text(
        "PIN 480317",
        40.0,
        40.0,
        160.0,
    );
    let seen = reader().look(&Shot::default().take(&drawing));
    let catalogue = catalogue();
    let found = seen.candidates(|scan| scan.declared("bank-prepaid"), &catalogue).unwrap();
    let whole = found.iter().find(|found| found.candidate().secret().is_some()).unwrap();
    assert_eq!(whole.candidate().number().unwrap().expose(), b"6222021234567894");
    assert_eq!(whole.candidate().secret().unwrap().expose(), b"480317");
    assert!(matches!(whole.origin(), Origin::Lines(lines) if lines.len() == 2));
    let repaired = |repair: &Repair| matches!(repair, Repair::Lookalike { .. });
    let letter = seen.lines().iter().any(|line| line.text().contains('O'));
    assert_eq!(whole.candidate().repairs().iter().any(repaired), letter, "{:?}", whole.candidate().repairs());
    assert!(whole.place().top < 110 && whole.place().bottom > 160, "{:?}", whole.place());
}

#[test]
fn without_the_program_codes_are_read_all_the_same() {
    let qr = super::codes::samples().into_iter().find(|sample| sample.name.starts_with("QR")).unwrap();
    let picture = Shot::default().take(&qr.drawing());
    let seen = Camera::new().text(Tesseract::default().program("no-such-program")).look(&picture);
    assert_eq!(seen.text_error(), Some(&TextError::Missing("no-such-program".into())));
    assert_eq!(seen.symbols()[0].text(), qr.says);
    let empty = Camera::new().look(&Picture::new(1, 1, vec![0]).unwrap());
    assert!(empty.symbols().is_empty() && empty.text_error().is_none());
}
