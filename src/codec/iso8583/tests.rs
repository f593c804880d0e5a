use super::*;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

fn mti(number: u16) -> Mti {
    Mti::new(number).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    digits.chunks(2).map(|pair| value::pair(pair).unwrap()).collect()
}

fn write(spec: &Spec, fields: &[(u8, &str)]) -> Result<Vec<u8>, Iso8583Error> {
    let mut out = Vec::new();
    let mut message = spec.write(mti(200), &mut out);
    for (number, text) in fields {
        message.text(*number, text)?;
    }
    message.finish()?;
    Ok(out)
}

const SALE: &[(u8, &str)] = &[
    (2, "6222021234567894123"),
    (3, "000000"),
    (4, "000000010000"),
    (22, "021"),
    (35, "6222021234567894123D25121010000"),
    (41, "TERM0001"),
    (49, "156"),
    (52, "0123456789ABCDEF"),
];

#[test]
fn each_encoding_looks_as_agreed() {
    // 2, 3, 4, 22, 35, 41, 49 and 52 are there.
    let ascii = "0200700004002080900019622202123456789412300000000000001000002131\
                 6222021234567894123D25121010000TERM00011560123456789ABCDEF";
    assert_eq!(String::from_utf8(write(&Spec::ascii(), SALE).unwrap()).unwrap(), ascii);
    let bcd = hex("0200 7000040020809000 19 62220212345678941230 000000 000000010000 0210 \
                   31 6222021234567894123D251210100000 5445524D30303031 313536 0123456789ABCDEF");
    assert_eq!(write(&Spec::bcd(), SALE).unwrap(), bcd);
    for (spec, bytes) in [(Spec::ascii(), ascii.as_bytes()), (Spec::bcd(), &bcd[..])] {
        let read = spec.read(bytes).unwrap();
        assert_eq!(read.mti(), mti(200));
        let seen: Vec<_> = read.fields().map(|(number, value)| (number, value.to_text())).collect();
        let asked: Vec<_> = SALE.iter().map(|(number, text)| (*number, text.to_string())).collect();
        assert_eq!(seen, asked);
        assert_eq!(read.field(4).unwrap().number(), Some(10_000));
        assert_eq!(read.field(52).unwrap().to_bytes().unwrap(), hex("0123456789ABCDEF"));
        assert!(read.field(2).unwrap().is("6222021234567894123"));
        assert!(!read.has(1) && !read.has(11) && read.field(0).is_none() && read.field(129).is_none());
    }
}

#[test]
fn a_track_keeps_its_separator_in_ascii_and_has_a_nibble_when_packed() {
    let track = "6222021234567894=2512";
    let ascii = write(&Spec::ascii(), &[(35, track)]).unwrap();
    assert!(Spec::ascii().read(&ascii).unwrap().field(35).unwrap().is(track));
    let spec = Spec::bcd();
    let bcd = write(&spec, &[(35, track)]).unwrap();
    assert!(spec.read(&bcd).unwrap().field(35).unwrap().is(&track.replace('=', "D")));
}

#[test]
fn fields_above_64_bring_the_second_bitmap() {
    let original = "020000000111220930150000000000000000000000";
    for spec in [Spec::ascii(), Spec::bcd()] {
        let bytes = write(&spec, &[(11, "000007"), (90, original), (128, "00112233AABBCCDD")]).unwrap();
        let read = spec.read(&bytes).unwrap();
        assert_eq!(read.fields().map(|(number, _)| number).collect::<Vec<_>>(), [11, 90, 128]);
        assert!(read.field(90).unwrap().is(original));
    }
}

#[test]
fn every_broken_message_is_refused_with_field_and_place() {
    use Iso8583Fault as F;
    let bcd = Spec::bcd();
    let (digit, exact) = (F::Content(Class::N), |max| F::Size { max, exact: false });
    let cases = [
        ("", 0, None, F::Ends),
        ("02", 1, None, F::Ends),
        ("0A00", 0, None, F::Mti),
        ("0200 40000000", 6, None, F::Ends),
        ("0200 8000000000000000 00", 11, Some(1), F::Ends),
        ("0200 4000000000000000", 10, Some(2), F::Ends),
        ("0200 4000000000000000 1A", 10, Some(2), F::Length),
        ("0200 4000000000000000 20", 10, Some(2), exact(19)),
        ("0200 4000000000000000 04 12", 12, Some(2), F::Ends),
        ("0200 4000000000000000 04 123A", 12, Some(2), digit),
        ("0200 4000000000000000 03 1231", 12, Some(2), F::Fill),
        ("0200 4000000000000000 03 123F", 12, Some(2), F::Fill),
        ("0200 4000000000000000 03 1A30", 11, Some(2), digit),
        ("0200 4000000000000000 04 1234 00", 13, None, F::Trailing),
        ("0200 0000000000800000 54455200303030FF", 13, Some(41), F::Content(Class::Ans)),
        ("0200 0000001000000000 58303030303030303030", 10, Some(28), F::Content(Class::Xn)),
    ];
    for (bytes, at, field, fault) in cases {
        let error = bcd.read(&hex(bytes)).unwrap_err();
        assert_eq!((error.at(), error.field(), error.fault()), (at, field, fault), "{bytes}: {error}");
    }
    let ascii = Spec::ascii();
    for (text, at, field, fault) in [
        ("020040000000000000000412X4", 24, Some(2), digit),
        ("0200400000000000000G041234", 19, None, F::Bitmap),
        ("02004000000000000000 41234", 20, Some(2), F::Length),
        ("020X", 0, None, F::Mti),
        ("020000000000000010000123456789ABCDEX", 35, Some(52), F::Content(Class::B)),
        ("020000000000000002000030AB", 20, Some(55), F::Odd),
    ] {
        let error = ascii.read(text.as_bytes()).unwrap_err();
        assert_eq!((error.at(), error.field(), error.fault()), (at, field, fault), "{text}: {error}");
    }
}

#[test]
fn what_does_not_fit_is_not_written() {
    use Iso8583Fault as F;
    type Case = (&'static [(u8, &'static str)], usize, u8, Iso8583Fault);
    let cases: [Case; 8] = [
        (&[(4, "12X")], 2, 4, F::Content(Class::N)),
        (&[(4, "123")], 3, 4, F::Size { max: 12, exact: true }),
        (&[(2, "12345678901234567890")], 20, 2, F::Size { max: 19, exact: false }),
        (&[(4, "000000000001"), (3, "000000")], 16, 3, F::Order),
        (&[(3, "000000"), (3, "000000")], 13, 3, F::Order),
        (&[(1, "00")], 10, 1, F::Order),
        (&[(55, "ABC")], 3, 55, F::Odd),
        (&[(28, "X00000000")], 0, 28, F::Content(Class::Xn)),
    ];
    for (fields, at, number, fault) in cases {
        let error = write(&Spec::bcd(), fields).unwrap_err();
        assert_eq!((error.at(), error.field(), error.fault()), (at, Some(number), fault), "{error}");
    }
    let (spec, mut out) = (Spec::bcd(), Vec::new());
    let mut message = spec.write(mti(200), &mut out);
    assert!(message.number(4, 1_000_000_000_000).is_err() && message.number(2, 1).is_err());
    assert!(message.bytes(3, &[0; 3]).is_err() && message.bytes(52, &[0; 7]).is_err());
    assert!(message.number(4, 999_999_999_999).is_ok() && message.bytes(52, &[7; 8]).is_ok());
}

#[test]
fn a_frame_is_checked_and_answered() {
    let spec = Spec::bcd().framed(Frame::UNIONPAY_POS);
    let mut out = vec![0xEE];
    let mut message = spec.write(mti(800), &mut out).framed([0x60, 0, 1, 0, 2], &[0x61, 0x31, 0, 0, 0, 0]);
    message.text(11, "000001").unwrap();
    message.finish().unwrap();
    let bytes = &out[1..];
    assert_eq!(bytes, hex("0018 6000010002 613100000000 0800 0020000000000000 000001"));
    let read = spec.read(bytes).unwrap();
    assert_eq!(read.answer_tpdu(), Some([0x60, 0, 2, 0, 1]));
    assert_eq!(read.header(), [0x61, 0x31, 0, 0, 0, 0]);
    assert_eq!(spec.frame().whole_len(bytes), Ok(Some(bytes.len())));
    assert_eq!(spec.frame().whole_len(&bytes[..1]), Ok(None));
    let longer = [bytes, &[0]].concat();
    assert_eq!(spec.read(&longer).unwrap_err().fault(), Iso8583Fault::FrameMismatch);
    assert_eq!(spec.read(&bytes[..5]).unwrap_err().fault(), Iso8583Fault::Ends);
}

#[test]
fn every_kind_of_length_stands_before_the_message() {
    for (length, counts_itself, start) in [
        (LengthPrefix::Binary2, false, &[0, 20][..]),
        (LengthPrefix::Binary4, true, &[0, 0, 0, 24]),
        (LengthPrefix::Ascii2, false, b"20"),
        (LengthPrefix::Ascii4, true, b"0024"),
        (LengthPrefix::None, false, b""),
    ] {
        let spec = Spec::ascii().framed(Frame { length, counts_itself, tpdu: false, header: 0 });
        let bytes = write(&spec, &[]).unwrap();
        assert!(bytes.starts_with(start) && bytes.len() == start.len() + 20, "{length:?}");
        assert!(spec.read(&bytes).is_ok());
    }
    let spec = Spec::ascii().framed(Frame { length: LengthPrefix::Ascii2, ..Frame::NONE });
    let error = write(&spec, &[(43, &"x".repeat(40)), (48, &"x".repeat(50))]).unwrap_err();
    assert_eq!(error.fault(), Iso8583Fault::FrameLength);
    assert_eq!(spec.read(b"2X").unwrap_err().fault(), Iso8583Fault::FrameLength);
}

#[test]
fn a_mac_is_made_over_all_before_it_with_its_bit_set() {
    for (spec, number) in [(Spec::bcd(), 64), (Spec::ascii(), 64), (Spec::bcd(), 128), (Spec::ascii(), 128)] {
        let (mut out, mut over) = (Vec::new(), Vec::new());
        let mut message = spec.write(mti(200), &mut out);
        message.number(11, 1).unwrap();
        let made = message.mac(number, |bytes| {
            over = bytes.to_vec();
            [0xAB; 8]
        });
        made.unwrap().finish().unwrap();
        let read = spec.read(&out).unwrap();
        assert_eq!(read.before(number), Some(&over[..]));
        assert_eq!(read.field(number).unwrap().to_bytes().unwrap(), [0xAB; 8]);
        assert_eq!(read.before(63), None);
    }
}

#[test]
fn a_profile_changes_what_it_names() {
    let profile = r#"
        bitmaps = "hex"
        lengths = "ascii"
        [frame]
        length = "ascii4"
        [field.23]
        pad = "left"
        [field.2]
        fill = "F"
        [field.28]
        form = "packed"
        [field.60]
        class = "n"
        max = 13
        count = "bytes"
    "#;
    let spec = Spec::bcd().with_profile(profile).unwrap();
    let fields = [(2, "123"), (23, "001"), (28, "D00000042"), (60, "2200")];
    let bytes = write(&spec, &fields).unwrap();
    let tail = hex("3033 123F 0001 4400000042 303032 2200");
    assert_eq!(bytes, [b"0034\x02\x004000021000000010".as_slice(), &tail].concat());
    let read = spec.read(&bytes).unwrap();
    assert!(fields.iter().all(|(number, text)| read.field(*number).unwrap().is(text)));
    assert_eq!(write(&spec, &[(60, "220")]).unwrap_err().fault(), Iso8583Fault::Odd);
    // A sign and an odd number of digits after it.
    let odd = Spec::bcd().with_profile("[field.28]\nform = \"packed\"\nmax = 4\npad = \"left\"").unwrap();
    let bytes = write(&odd, &[(28, "C123")]).unwrap();
    assert!(bytes.ends_with(&hex("43 0123")) && odd.read(&bytes).unwrap().field(28).unwrap().is("C123"));
}

#[test]
fn a_wrong_profile_is_refused_with_its_place() {
    for (text, line, column) in [
        ("[field.1]\nmax = 3", 1, 8),
        ("[field.129]\nmax = 3", 1, 8),
        ("\n[field.x]\nmax = 3", 2, 8),
        ("[field.3]\nmax = 4\n[field.003]\nmax = 5", 3, 8),
        ("[field.\"+3\"]\nmax = 4", 1, 8),
        ("[field.2]\nmaximum = 3", 2, 1),
        ("[field.2]\nclass = \"m\"", 2, 9),
        ("[field.2]\nform = \"raw\"", 1, 8),
        ("[field.52]\nform = \"text\"", 1, 8),
        ("[field.2]\nmax = 100", 1, 8),
        ("[field.2]\nfill = \"G\"", 2, 8),
        ("[frame]\nlength = \"binary3\"", 2, 10),
        ("[frame]\nheader = 65", 2, 10),
        ("bitmap = 1", 1, 1),
        ("x", 1, 2),
    ] {
        let error = Spec::bcd().with_profile(text).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
    }
}

#[test]
fn the_type_of_an_answer_is_the_next_function() {
    for (asked, answer) in [(200, 210), (201, 210), (400, 410), (420, 430), (421, 430), (800, 810)] {
        assert_eq!(mti(asked).answer(), Mti::new(answer));
    }
    assert_eq!(mti(210).answer(), None);
    assert_eq!(Mti::new(10_000), None);
}

#[test]
fn nothing_shows_a_value_by_itself() {
    let bytes = write(&Spec::bcd(), SALE).unwrap();
    let spec = Spec::bcd();
    let read = spec.read(&bytes).unwrap();
    let shown = alloc::format!("{read:?} {:?} {:?}", read.field(2), read.fields());
    assert!(shown.contains("0200") && !shown.contains("6222"), "{shown}");
}

fn content(field: &Field) -> BoxedStrategy<String> {
    let max = usize::from(field.max);
    let min = if field.size == Size::Fixed { max } else { 0 };
    let set = match field.class {
        Class::N => "[0-9]",
        Class::A => "[A-Za-z ]",
        Class::An => "[0-9A-Za-z ]",
        Class::Ans => "[ -~]",
        Class::Z => "[0-9D:;<>?]",
        Class::B => {
            return proptest::string::string_regex(&alloc::format!("([0-9A-F]{{2}}){{{min},{max}}}"))
                .unwrap()
                .boxed();
        }
        Class::Xn => {
            return proptest::string::string_regex(&alloc::format!("[CD][0-9]{{{}}}", max - 1))
                .unwrap()
                .boxed();
        }
    };
    proptest::string::string_regex(&alloc::format!("{set}{{{min},{max}}}")).unwrap().boxed()
}

fn specs() -> [Spec; 5] {
    let mixed = "mti = \"packed\"\nbitmaps = \"raw\"\n[frame]\nlength = \"binary2\"\ntpdu = true\nheader = 6";
    let left: String = (2..=128)
        .filter(|number| Spec::bcd().field(*number).unwrap().form == Form::Packed)
        .map(|number| alloc::format!("[field.{number}]\npad = \"left\"\nfill = \"F\"\n"))
        .collect();
    let signed: String =
        [28, 29, 30, 31, 97].map(|n| alloc::format!("[field.{n}]\nform = \"packed\"\n")).concat();
    [
        Spec::ascii(),
        Spec::bcd(),
        Spec::ascii().with_profile(mixed).unwrap(),
        Spec::bcd().with_profile(&left).unwrap(),
        Spec::bcd().with_profile(&signed).unwrap(),
    ]
}

/// Any of the 127 fields, each there or not.
fn any_fields() -> impl Strategy<Value = Vec<(u8, String)>> {
    let spec = Spec::ascii();
    let all: Vec<_> = (2..=128_u8)
        .map(|number| {
            proptest::option::of(content(spec.field(number).unwrap()).prop_map(move |text| (number, text)))
        })
        .collect();
    all.prop_map(|all| all.into_iter().flatten().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_field_reads_back_in_every_encoding(fields in any_fields(), number in 0_u16..10_000) {
        for spec in specs() {
            let mut out = Vec::new();
            let mut message = spec.write(mti(number), &mut out);
            for (number, text) in &fields {
                message.text(*number, text).unwrap();
            }
            message.finish().unwrap();
            let read = spec.read(&out).unwrap();
            prop_assert_eq!(read.mti(), mti(number));
            let seen: Vec<_> = read.fields().map(|(number, value)| (number, value.to_text())).collect();
            prop_assert_eq!(&seen, &fields);
        }
    }

    #[test]
    fn all_128_bits_at_once_read_back(tail in any::<u64>()) {
        for spec in specs() {
            let mut out = Vec::new();
            let mut message = spec.write(mti(200), &mut out);
            let mut asked = Vec::new();
            for number in 2..=128 {
                let field = spec.field(number).unwrap();
                let len = usize::from(field.max) - if field.size == Size::Fixed { 0 } else { tail as usize % 2 };
                let text = match field.class {
                    Class::Xn => alloc::format!("C{:01$}", tail % 10_000_000, len - 1),
                    Class::B => "5A".repeat(len),
                    _ => "7".repeat(len),
                };
                message.text(number, &text).unwrap();
                asked.push(text);
            }
            message.finish().unwrap();
            let read = spec.read(&out).unwrap();
            let seen: Vec<_> = read.fields().map(|(_, value)| value.to_text()).collect();
            prop_assert_eq!(seen, asked);
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for spec in specs() {
            if let Err(error) = spec.read(&bytes) {
                prop_assert!(error.at() <= bytes.len());
            }
        }
    }
}
