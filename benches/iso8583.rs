//! What it costs to read and to write an ISO 8583 message of 15 fields, with every check, beside
//! another crate in the same run. `README.md` beside this file keeps figures.
//!
//! Prints the best of many short batches: other work on the machine then shows in none of them,
//! while the mean of a long run shows all of it.

use iso8583_core::{Field, ISO8583Message, MessageType};
use scrip::codec::iso8583::{Mti, Spec};
use std::hint::black_box;
use std::time::Instant;

const BATCHES: u32 = 3_000;
const IN_A_BATCH: u32 = 200;

const SALE: [(u8, &str); 15] = [
    (2, "6222021234567894123"),
    (3, "000000"),
    (4, "000000010000"),
    (7, "1122093015"),
    (11, "000007"),
    (12, "093015"),
    (13, "1122"),
    (14, "2812"),
    (22, "021"),
    (25, "00"),
    (32, "48021000"),
    (37, "326093000007"),
    (41, "TERM0001"),
    (42, "MERCHANT0000001"),
    (49, "156"),
];

fn write(spec: &Spec, out: &mut Vec<u8>) {
    out.clear();
    let mut message = spec.write(Mti::new(200).expect("four digits"), out);
    for (number, text) in black_box(&SALE) {
        message.text(*number, text).expect("it fits");
    }
    message.finish().expect("it is short");
}

fn take_four(spec: &Spec, bytes: &[u8]) -> bool {
    let message = spec.read(black_box(bytes)).expect("it was written");
    let number = |field| message.field(field).and_then(|value| value.number());
    let terminal = message.field(41).is_some_and(|id| id.is("TERM0001"));
    number(3) == Some(0) && number(4) == Some(10_000) && number(11) == Some(7) && terminal
}

/// Prints the time of one turn in the best batch.
fn show(name: &str, batches: u32, mut work: impl FnMut()) {
    let batch = |_| {
        let start = Instant::now();
        (0..IN_A_BATCH).for_each(|_| work());
        start.elapsed()
    };
    let best = (0..batches).map(batch).min().expect("there are batches");
    println!("| {name} | {} |", best.as_nanos() / u128::from(IN_A_BATCH));
}

fn main() {
    println!("| 15-field 0200 | ns |\n|---|---:|");
    let raw = Spec::ascii().with_profile("bitmaps = \"raw\"").expect("a sound profile");
    let mut bytes = Vec::with_capacity(512);
    for (name, spec) in [("ascii", &Spec::ascii()), ("bcd", &Spec::bcd()), ("ascii, bitmap as bytes", &raw)] {
        show(&format!("{name}: write"), BATCHES, || write(spec, &mut bytes));
        show(&format!("{name}: read and check"), BATCHES, || {
            assert!(spec.read(black_box(&bytes)).expect("it was written").has(49));
        });
        show(&format!("{name}: read, take four values"), BATCHES, || {
            assert!(take_four(spec, &bytes));
        });
    }
    // The other crate reads characters with a bitmap as bytes.
    let read = ISO8583Message::from_bytes(&bytes).expect("it reads this");
    assert_eq!(read.get_field(Field::Track2Data), None);
    show("iso8583-core 0.1.0, the same: read", BATCHES / 10, || {
        assert!(ISO8583Message::from_bytes(black_box(&bytes)).is_ok());
    });
    let fields: Vec<(Field, &str)> = SALE
        .iter()
        .map(|(number, text)| (Field::from_number(*number).expect("a field of the standard"), *text))
        .collect();
    show("iso8583-core 0.1.0, the same: write", BATCHES / 10, || {
        let mut message = ISO8583Message::builder().mti(MessageType::FINANCIAL_REQUEST);
        for (field, text) in black_box(&fields) {
            message = message.field(*field, *text);
        }
        assert!(message.build().is_ok_and(|message| message.to_bytes().len() > 100));
    });
}
