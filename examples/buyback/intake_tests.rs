#![cfg(test)]

//! What the intake promises, line by line and file by file.

use super::*;

const HEADER: &str = "request_id,seller_id,product,card_number,card_secret,face_value,currency,received_at,channel,device_id,ip,lat,lon";
const GOOD: [&str; 13] = [
    "R-1",
    "seller-7",
    "walmart-gift",
    "2326000000000001",
    "918273",
    "99.50",
    "CNY",
    "2026-03-02T08:00:00+08:00",
    "shop",
    "device-1",
    "192.0.2.7",
    "31.2304",
    "121.4737",
];

fn read(input: &[u8]) -> Vec<Line> {
    Intake::new("cards.csv", input).unwrap().map(Result::unwrap).collect()
}

fn with(column: &str, value: &str) -> Result<Row, LineError> {
    let mut fields = GOOD;
    let place = COLUMNS.iter().position(|known| known.name == column).unwrap();
    fields[place] = value;
    let mut lines = read(format!("{HEADER}\n{}\n", fields.join(",")).as_bytes());
    assert_eq!(lines.len(), 1);
    lines.remove(0).parsed
}

#[track_caller]
fn refused(column: &str, value: &str, reason: &str) -> String {
    let error = with(column, value).expect_err(value);
    assert_eq!((error.column.as_deref(), error.reason), (Some(column), reason), "{value:?}");
    let id = error.request_id.as_deref();
    assert_eq!(id, if column == "request_id" { None } else { Some("R-1") });
    error.expected
}

#[test]
fn a_good_line_is_read_in_full() {
    let row = with("channel", "\"shop, \"\"east\"\" gate\"").unwrap();
    assert_eq!((&*row.request_id, &*row.seller_id, &*row.product), ("R-1", "seller-7", "walmart-gift"));
    assert_eq!(row.card_number, Some(Secret::from("2326000000000001")));
    assert_eq!(row.card_secret, Secret::from("918273"));
    assert_eq!(row.face, Amount::new(9_950, Currency::CNY));
    assert_eq!(row.received_at_ms, 1_772_409_600_000);
    assert_eq!(row.channel.as_deref(), Some("shop, \"east\" gate"));
    assert_eq!(row.device_id.as_deref(), Some("device-1"));
    assert_eq!(row.ip, "192.0.2.7".parse().ok());
    assert_eq!(row.place, Some(Place { lat_micro: 31_230_400, lon_micro: 121_473_700 }));
}

#[test]
fn what_may_be_empty_may_be_absent() {
    let lines = read(
        b"face_value,currency,received_at,card_secret,card_number,product,seller_id,request_id\r\n\
          50,CNY,1772409600000,ABCD-EFGH-JKLM-NPQR,,jd-ecard,seller-7, R-2 \r\n",
    );
    let row = lines[0].parsed.as_ref().unwrap();
    assert_eq!((row.request_id.as_str(), row.card_number.is_none()), ("R-2", true));
    assert!(row.channel.is_none() && row.device_id.is_none() && row.ip.is_none() && row.place.is_none());
    for column in ["card_number", "channel", "device_id", "ip"] {
        assert!(with(column, "").is_ok(), "{column}");
    }
}

#[test]
fn every_required_column_is_asked_for_by_name() {
    let required = ["request_id", "seller_id", "product", "card_number", "card_secret", "face_value"];
    for column in required.into_iter().chain(["currency", "received_at"]) {
        let header = HEADER.replacen(column, "other", 1);
        let error = Intake::new("cards.csv", header.as_bytes()).err().expect(column).to_string();
        assert!(
            error.starts_with("cards.csv: line 1: ") && error.contains(&format!("`{column}`")),
            "{error}"
        );
    }
    for column in ["channel", "device_id", "ip", "lat", "lon"] {
        let header = HEADER.replacen(column, "other", 1);
        assert!(Intake::new("cards.csv", header.as_bytes()).is_ok(), "{column}");
    }
}

#[test]
fn a_header_alone_is_a_file_without_cards() {
    assert_eq!(read(HEADER.as_bytes()).len(), 0);
    assert_eq!(read(format!("{HEADER}\r\n\r\n").as_bytes()).len(), 0);
}

#[test]
fn amounts_are_refused_each_for_its_reason() {
    for (value, reason) in [
        ("", "field_missing"),
        ("1e3", "face_value_shape"),
        ("+5", "face_value_shape"),
        (".5", "face_value_shape"),
        ("--5", "face_value_shape"),
        ("0x10", "face_value_shape"),
        ("1 000", "face_value_shape"),
        ("\"1,000\"", "face_value_shape"),
        ("１００", "face_value_shape"),
        ("NaN", "face_value_shape"),
        ("-5", "face_value_not_positive"),
        ("0", "face_value_not_positive"),
        ("0.00", "face_value_not_positive"),
        ("0.001", "face_value_precision"),
        ("99999999999999999999", "face_value_too_large"),
    ] {
        refused("face_value", value, reason);
    }
    assert_eq!(with("face_value", "92233720368547758.07").unwrap().face.minor(), i64::MAX);
    assert_eq!(with("currency", "JPY").unwrap_err().reason, "face_value_precision");
}

#[test]
fn currencies_are_iso_4217() {
    for value in ["RMB", "cny", "156", "CNYX", "¥"] {
        refused("currency", value, "currency_unknown");
    }
    refused("currency", "", "field_missing");
}

#[test]
fn times_addresses_and_places_are_checked() {
    for value in ["2026-03-02", "02.03.2026 08:00", "soon"] {
        refused("received_at", value, "received_at_shape");
    }
    refused("received_at", "2126-03-02T08:00:00Z", "received_at_range");
    refused("received_at", "", "field_missing");
    for value in ["192.0.2", "192.0.2.256", "host.example", "192.0.2.7:80"] {
        refused("ip", value, "ip_shape");
    }
    assert_eq!(with("ip", "2001:db8::7").unwrap().ip, "2001:db8::7".parse().ok());
    refused("lat", "90.1", "place_shape");
    refused("lat", "1e1", "place_shape");
    refused("lon", "-180.000001", "place_shape");
    refused("lat", "", "place_incomplete");
    refused("lon", "", "place_incomplete");
}

#[test]
fn texts_are_bounded_and_printable() {
    for column in ["request_id", "seller_id", "product", "card_number", "card_secret", "channel", "device_id"]
    {
        assert!(with(column, &"x".repeat(128)).is_ok(), "{column}");
        refused(column, &"x".repeat(129), "field_too_long");
        refused(column, "a\rb", "control_character");
        refused(column, "a\u{7f}b", "control_character");
    }
    for column in ["request_id", "seller_id", "product", "card_secret"] {
        refused(column, "  ", "field_missing");
    }
    assert_eq!(with("seller_id", "卡商-7").unwrap().seller_id.as_str(), "卡商-7");
}

#[test]
fn an_error_never_repeats_what_stood_in_the_line() {
    let secret = "K7Q2-M9XW-44TD-8ZRP";
    for column in COLUMNS.map(|column| column.name) {
        for value in [secret.to_owned(), format!("{secret}\u{1}"), secret.repeat(9), format!("{secret}\0")] {
            let shown = format!("{:?}", with(column, &value));
            let legal = matches!(column, "request_id" | "seller_id" | "product" | "channel" | "device_id");
            assert!(legal || !shown.contains(secret), "{column}: {shown}");
        }
        let error = with(column, &format!("{secret}\0")).unwrap_err();
        assert!(!format!("{error:?}").contains(secret), "{column}");
    }
    let first_line_is_a_card = format!("R-1,s,p,2326000000000001,{secret},5,CNY,2026\n");
    let error = Intake::new("cards.csv", first_line_is_a_card.as_bytes()).err().unwrap();
    assert!(!format!("{error:?}").contains(secret));
}

#[test]
fn a_bad_line_is_reported_and_the_rest_goes_on() {
    let good = GOOD.join(",");
    let mut input = format!("\u{feff}{HEADER}\r\n{good}\r\n\r\n{good},x\r\n").into_bytes();
    input.extend_from_slice(b"R-3,\"seller");
    input.extend_from_slice(b"\nR-4,\xc9\xcc\xbc\xd2");
    input.extend_from_slice(good.split_at(12).1.as_bytes());
    input.push(b'\n');
    input.extend(std::iter::repeat_n(b'7', 10_000_000));
    input.extend_from_slice(format!("\n{good}").as_bytes());
    let told: Vec<_> =
        read(&input).iter().map(|line| (line.number, line.parsed.as_ref().err().map(|e| e.reason))).collect();
    let expected = [
        (2, None),
        (4, Some("field_count")),
        (5, Some("quote_unclosed")),
        (6, Some("not_utf8")),
        (7, Some("line_too_long")),
        (8, None),
    ];
    assert_eq!(told, expected);
}

#[test]
fn no_bytes_make_it_panic() {
    let good = format!("{HEADER}\n{}\n", GOOD.join(",")).into_bytes();
    // Every byte of a good file replaced by each of the bytes that mean something somewhere.
    for at in 0..good.len() {
        for byte in [0, b'\n', b'\r', b',', b'"', b' ', b'-', b'.', b'9', 0x7f, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            if let Ok(intake) = Intake::new("cards.csv", &bytes[..]) {
                assert!(intake.map(Result::unwrap).count() <= 2);
            }
        }
    }
    for end in 0..good.len() {
        let _ = Intake::new("cards.csv", &good[..end]).map(Iterator::count);
    }
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let error = Intake::open(dir.path()).err().unwrap().to_string();
    assert!(error.ends_with(": is a directory, a file was expected"), "{error}");
    let error = Intake::open(&dir.path().join("none.csv")).err().unwrap().to_string();
    assert!(error.contains("none.csv: cannot be opened: "), "{error}");
    let path = dir.path().join("cards.csv");
    std::fs::write(&path, HEADER).unwrap();
    let mut intake = Intake::open(&path).unwrap();
    assert!(intake.next().is_none() && intake.next().is_none());
}

#[test]
fn a_read_that_fails_half_way_ends_the_file_with_an_error() {
    struct Torn;
    impl std::io::Read for Torn {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk gone"))
        }
    }
    let head = format!("{HEADER}\n{}\n", GOOD.join(","));
    let torn = BufReader::new(std::io::Read::chain(head.as_bytes(), Torn));
    let mut intake = Intake::new("cards.csv", torn).unwrap();
    assert!(intake.next().unwrap().is_ok());
    assert_eq!(
        intake.next().unwrap().unwrap_err().to_string(),
        "cards.csv: line 3: cannot be read: disk gone"
    );
    assert!(intake.next().is_none());
}
