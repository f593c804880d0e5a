//! What it costs to read and to write an ISO 8583 message of 15 fields, with every check.
//! `README.md` beside this file keeps figures.
#![expect(missing_docs, reason = "criterion_group! writes a public function")]

use criterion::{Criterion, criterion_group, criterion_main};
use iso8583_core::{Field, ISO8583Message, MessageType};
use scrip::codec::iso8583::{Mti, Spec};
use std::hint::black_box;

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

fn ours(c: &mut Criterion) {
    let raw = Spec::ascii().with_profile("bitmaps = \"raw\"").expect("a sound profile");
    for (name, spec) in [("ascii", Spec::ascii()), ("bcd", Spec::bcd()), ("ascii_raw_bitmap", raw)] {
        let mut group = c.benchmark_group(format!("iso8583_{name}"));
        let mut bytes = Vec::new();
        write(&spec, &mut bytes);
        group.bench_function("read", |b| {
            b.iter(|| {
                let message = spec.read(black_box(&bytes)).expect("it was written");
                message.has(49)
            });
        });
        group.bench_function("read_and_take_4_values", |b| {
            b.iter(|| {
                let message = spec.read(black_box(&bytes)).expect("it was written");
                let number = |field| message.field(field).and_then(|value| value.number());
                (number(3), number(4), number(11), message.field(41).is_some_and(|id| id.is("TERM0001")))
            });
        });
        let mut out = Vec::with_capacity(512);
        group.bench_function("write", |b| b.iter(|| write(&spec, &mut out)));
        group.finish();
    }
}

/// Another crate in the same run. It reads characters with a bitmap as bytes.
fn beside(c: &mut Criterion) {
    let spec = Spec::ascii().with_profile("bitmaps = \"raw\"").expect("a sound profile");
    let mut bytes = Vec::new();
    write(&spec, &mut bytes);
    let read = ISO8583Message::from_bytes(&bytes).expect("it reads this");
    assert_eq!(read.get_field(Field::Track2Data), None);
    let mut group = c.benchmark_group("iso8583_core_ascii_raw_bitmap");
    group.bench_function("read", |b| b.iter(|| ISO8583Message::from_bytes(black_box(&bytes))));
    let fields: Vec<(Field, &str)> = SALE
        .iter()
        .map(|(number, text)| (Field::from_number(*number).expect("a field of the standard"), *text))
        .collect();
    group.bench_function("write", |b| {
        b.iter(|| {
            let mut message = ISO8583Message::builder().mti(MessageType::FINANCIAL_REQUEST);
            for (field, text) in black_box(&fields) {
                message = message.field(*field, *text);
            }
            message.build().map(|message| message.to_bytes())
        });
    });
    group.finish();
}

criterion_group!(iso8583, ours, beside);
criterion_main!(iso8583);
