//! Element strings and Digital Links as a whole.

use super::*;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;

const GS: char = '\u{1D}';

fn elements(text: &str) -> Vec<(u16, String)> {
    let read = ElementString::read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    read.iter().map(|element| (element.ai.number(), element.value.into())).collect()
}

fn fault(text: &str) -> (usize, Gs1Fault) {
    let error = ElementString::parse(text).expect_err(text);
    (error.at(), error.fault())
}

#[test]
fn both_forms_hold_the_same_elements() {
    let expected = [(1, "09521234543213".into()), (21, "ABC123".into()), (17, "261200".into())];
    for text in [
        "(01)09521234543213(21)ABC123(17)261200",
        "]d2010952123454321321ABC123\u{1D}17261200",
        "]C1\u{1D}010952123454321321ABC123\u{1D}17261200",
        "]Q3010952123454321321ABC123\u{1D}17261200\u{1D}",
        "]J1010952123454321321ABC123\u{1D}17261200",
        "]e00109521234543213\u{1D}21ABC123\u{1D}17261200",
        "\u{1D}010952123454321321ABC123\u{1D}17261200",
        "010952123454321321ABC123\u{1D}17261200",
    ] {
        assert_eq!(elements(text), expected, "{text:?}");
        assert!(ElementString::parse(text).is_ok());
    }
    let caret = ElementString::read_caret("^010952123454321321ABC123^17261200").unwrap();
    assert_eq!(caret, ElementString::read("(01)09521234543213(21)ABC123(17)261200").unwrap());
    let composite = ElementString::read_caret("^0109521234543213|^21ABC123^17261200").unwrap();
    assert_eq!(composite, caret);
    assert_eq!(ElementString::read("(01)09521234543213|(21)ABC123(17)261200").unwrap(), caret);
}

#[test]
fn an_escaped_bracket_is_data() {
    let text = r"(01)09521234543213(10)A\(B\(C)D(21)E(";
    assert_eq!(fault(text), (36, Gs1Fault::Expected("a closing bracket")));
    let text = r"(01)09521234543213(10)A\(B\(C)D(21)E";
    assert_eq!(elements(text)[1], (10, "A(B(C)D".into()));
    let read = ElementString::parse(text).unwrap();
    assert_eq!(read.to_bracketed(), text);
    assert_eq!(read.to_scanned(None), "010952123454321310A(B(C)D\u{1D}21E");
    assert_eq!(fault(r"(01)09521234543213(10)A\(B\(é"), (28, Gs1Fault::Character(Charset::Set82)));
}

#[test]
fn data_that_stand_as_they_are_are_borrowed_from_the_input() {
    let borrowed = |text: &str, elements: &ElementString<'_>| {
        let input = text.as_bytes().as_ptr_range();
        elements.iter().all(|element| input.contains(&element.value.as_ptr()))
    };
    for text in ["(01)09521234543213(21)ABC", "]C1010952123454321321ABC\u{1D}10A"] {
        assert!(borrowed(text, &ElementString::parse(text).unwrap()), "{text}");
    }
    let text = r"(01)09521234543213(10)A\(B";
    assert!(!borrowed(text, &ElementString::parse(text).unwrap()));
    let uri = "https://id.gs1.org/01/09521234543213/21/12345?17=261231";
    assert!(borrowed(uri, DigitalLink::parse(uri).unwrap().elements()));
}

#[test]
fn what_is_broken_is_told_with_its_place() {
    use Gs1Fault::{Character, Check, Empty, Expected, NoValue, NotGs1, TooLong, TooShort, UnknownAi};
    for (text, expected) in [
        ("", (0, Empty)),
        ("]d2", (3, Empty)),
        ("]Q1010952123454321", (0, NotGs1)),
        ("]E06291041500213", (0, NotGs1)),
        ("(", (0, Expected("a closing bracket"))),
        ("()1", (1, UnknownAi)),
        ("(1)1", (1, UnknownAi)),
        ("(0 1)1", (1, UnknownAi)),
        ("(04)1234567890123456", (1, UnknownAi)),
        ("(3106)123456", (1, UnknownAi)),
        ("(01)", (4, NoValue)),
        ("(10)(21)1", (4, NoValue)),
        ("(01)0952123454321", (17, TooShort)),
        ("(01)095212345432133", (18, TooLong)),
        ("(01)0952123454321X", (17, Character(Charset::Numeric))),
        ("(01)09521234543214", (17, Check(Lint::Csum))),
        ("(10)A^B", (5, Character(Charset::Set82))),
        ("(10)A|B", (6, Expected("an opening bracket"))),
        ("|(10)A", (0, UnknownAi)),
        ("(10)A|", (6, Expected("an opening bracket"))),
        ("(10)A|(21)B|(21)C", (11, Character(Charset::Set82))),
        ("(10)é", (4, Character(Charset::Set82))),
        ("x(10)A", (0, UnknownAi)),
        ("0109521234543214", (15, Check(Lint::Csum))),
        ("010952123454321", (15, TooShort)),
        ("10ABCDEFGHIJKLMNOPQRSTU", (22, TooLong)),
        ("10A\u{1D}\u{1D}21B", (4, UnknownAi)),
        ("\u{1D}\u{1D}10A", (1, UnknownAi)),
        ("10", (2, NoValue)),
        ("1", (0, UnknownAi)),
        ("31", (0, UnknownAi)),
        ("310012345", (9, TooShort)),
        ("17261301", (4, Check(Lint::Yymmd0))),
        ("(8008)2601010", (13, TooShort)),
        ("(4330)01234+", (11, Character(Charset::Numeric))),
        ("(4330)012345+", (12, Check(Lint::Hyphen))),
    ] {
        assert_eq!(fault(text), expected, "{text}");
    }
    let long = "9".repeat(ElementString::MAX_BYTES + 1);
    assert_eq!(fault(&long).1, Gs1Fault::InputTooLong);
    let many = "(98)A".repeat(ElementString::MAX);
    assert!(ElementString::parse(&many).is_ok());
    assert_eq!(fault(&(many + "(98)A")), (320, Gs1Fault::TooMany));
}

#[test]
fn elements_are_judged_together() {
    use Gs1Fault::{Differs, Excludes, NoSerial, Requires};
    let cases = [
        ("(21)ABC", (0, Requires)),
        ("(01)09521234543213(255)9521234543213", (0, Excludes(Ai::new(255)))),
        ("(01)09521234543213(3100)000001(3101)000001", (18, Excludes(Ai::new(3101)))),
        ("(01)09521234543213(10)A(10)B", (23, Differs)),
        ("(01)09521234543213(250)X", (18, Requires)),
        ("(02)09521234543213", (0, Requires)),
        ("(3932)156100", (0, Requires)),
        ("(253)9521234543213(8030)ABCD", (0, NoSerial)),
        ("(01)09521234543213(21)A(8041)123456789012345", (23, Requires)),
    ];
    for (text, expected) in cases {
        assert_eq!(fault(text), expected, "{text}");
    }
    for text in [
        "(01)09521234543213(10)A(10)A",
        "(01)09521234543213(3100)000001(3100)000001",
        "(01)09521234543213(21)A(250)X",
        "(02)09521234543213(37)5(00)952012345678912345",
        "(01)09521234543213(3103)000001(3922)100",
        "(30)5(01)09521234543213(3932)156100",
        "(253)9521234543213A(8030)ABCD",
        "(01)09521234543213(21)A(8040)123456789012345(8041)123456789012345",
        "(255)95212345432131(3902)100(17)261231",
    ] {
        assert_eq!(ElementString::parse(text).map(|_| ()), Ok(()), "{text}");
    }
    let error = ElementString::parse("(250)X").unwrap_err();
    assert_eq!(
        error.to_string(),
        "(250) needs (01) with (21) or (03) with (21) or (8006) with (21) (byte 0)"
    );
    assert_eq!(error.code().number(), 3_132);
}

#[test]
fn two_symbols_on_one_item_are_judged_together() {
    let product = ElementString::read("(01)09521234543213").unwrap();
    let serial = ElementString::read("]C121ABC123").unwrap();
    assert!(serial.check_associations().is_err());
    let both = product.combined(&serial).unwrap();
    assert_eq!(both.to_bracketed(), "(01)09521234543213(21)ABC123");
    assert!(ElementString::from_elements(&[]).is_err());
    let wrong = ElementString::from_elements(&[(Ai::GTIN, "09521234543214")]).unwrap_err();
    assert_eq!((wrong.at(), wrong.fault()), (17, Gs1Fault::Check(Lint::Csum)));
}

#[test]
fn data_never_show_in_debug_or_errors() {
    let read = ElementString::read("(01)09521234543213(21)S3CRET").unwrap();
    let shown = alloc::format!("{read:?}");
    assert_eq!(shown, "[(01) of 14 bytes, (21) of 6 bytes]");
    let link = DigitalLink::parse("https://a/01/09521234543213/21/S3CRET").unwrap();
    assert!(!alloc::format!("{link:?}").contains("S3CRET"));
}

fn link_fault(uri: &str) -> (usize, Gs1Fault) {
    let error = DigitalLink::parse(uri).expect_err(uri);
    (error.at(), error.fault())
}

#[test]
fn links_are_read_from_the_rightmost_key() {
    for (uri, stem, bracketed) in [
        (
            "https://id.gs1.org/01/09521234543213/10/ABC123/21/12345?17=261231",
            "https://id.gs1.org",
            "(01)09521234543213(10)ABC123(21)12345(17)261231",
        ),
        ("HTTP://a/b/c/00/952012345678912345", "HTTP://a/b/c", "(00)952012345678912345"),
        ("https://a/00/x/01/09521234543213", "https://a/00/x", "(01)09521234543213"),
        (
            "http://[2001:db8::1]:80/414/9521234543213/254/32a%2Fb",
            "http://[2001:db8::1]:80",
            "(414)9521234543213(254)32a/b",
        ),
        ("https://a/01/09521234543213/235/XYZ?10=A", "https://a", "(01)09521234543213(235)XYZ(10)A"),
        (
            "https://a/01/09521234543213?&&99=A%2b&x=1&single&98=B%25&#f?g",
            "https://a",
            "(01)09521234543213(99)A+(98)B%",
        ),
        ("https://a/01/09521234543213/22/A+B%2f%", "https://a", "(01)09521234543213(22)A+B/%"),
        (
            "https://a/8004/9520614141234567?01=9521234543213",
            "https://a",
            "(8004)9520614141234567(01)09521234543213",
        ),
        ("https://a/415/9521234543213/8020/ABC", "https://a", "(415)9521234543213(8020)ABC"),
        ("https://a/01/09521234543213?", "https://a", "(01)09521234543213"),
    ] {
        let link = DigitalLink::parse(uri).unwrap_or_else(|error| panic!("{uri}: {error}"));
        assert_eq!((link.stem(), link.elements().to_bracketed().as_str()), (stem, bracketed), "{uri}");
    }
}

#[test]
fn broken_links_are_told_with_their_place() {
    use Gs1Fault::{
        BelongsInPath, Character, Check, Duplicate, Expected, KeySequence, NoKey, NoValue, NotAttribute,
        TooLong, TooShort, UnknownAi,
    };
    for (uri, expected) in [
        ("ftp://a/01/09521234543213", (0, Expected("http:// or https://"))),
        ("hTTp://a/01/09521234543213", (0, Expected("http:// or https://"))),
        ("https:///01/09521234543213", (8, Expected("a domain"))),
        ("https://a", (9, Expected("a path"))),
        ("https://a_b/01/09521234543213", (9, Expected("a character that a domain may hold"))),
        ("https://a/01/0952 1234543213", (17, Expected("a character that a URI may hold"))),
        ("https://a/", (9, NoKey)),
        ("https://a/21/ABC", (9, NoKey)),
        ("https://a/gtin/09521234543213", (9, NoKey)),
        ("https://a/01/09521234543213/", (9, NoKey)),
        ("https://a/01//10/A", (13, NoValue)),
        ("https://a/01/9521234543213", (26, TooShort)),
        ("https://a/01/09521234543214", (26, Check(Lint::Csum))),
        ("https://a/01/09521234543213/21/1/10/A", (10, KeySequence)),
        ("https://a/01/09521234543213/22/1/235/A", (10, KeySequence)),
        ("https://a/01/09521234543213/21/%00", (31, Character(Charset::Set82))),
        ("https://a/01/09521234543213/21/A%FF", (32, Character(Charset::Set82))),
        ("https://a/01/09521234543213/21/%41%20", (34, Character(Charset::Set82))),
        ("https://a/01/09521234543213?99=A+B", (32, Character(Charset::Set82))),
        ("https://a/01/09521234543213?99=", (31, NoValue)),
        ("https://a/01/09521234543213?999=1", (28, UnknownAi)),
        ("https://a/01/09521234543213?=1", (28, UnknownAi)),
        ("https://a/01/09521234543213?10=A", (28, BelongsInPath)),
        ("https://a/01/09521234543213?99=A&99=A", (33, Duplicate)),
        ("https://a/01/09521234543213?01=09521234543213", (28, Duplicate)),
        ("https://a/00/952012345678912345?21=A", (32, NotAttribute)),
        ("https://a/01/09521234543213?98=%41&99=", (38, NoValue)),
    ] {
        assert_eq!(link_fault(uri), expected, "{uri}");
    }
    let long = alloc::format!("https://a/01/09521234543213?99={}", "%41".repeat(91));
    assert_eq!(link_fault(&long), (31 + 270, TooLong));
}

#[test]
fn a_short_gtin_in_the_path_is_padded_on_request() {
    for short in ["96385074", "042100005264", "9521234543213"] {
        let uri = alloc::format!("https://a/01/{short}/10/A");
        assert!(DigitalLink::parse(&uri).is_err());
        let link = DigitalLink::read(&uri, ShortGtin::Pad).unwrap();
        assert_eq!(link.elements().get(Ai::GTIN), Some(Gtin::parse(short).unwrap().as_str()));
    }
    let wrong = DigitalLink::read("https://a/01/9521234543214", ShortGtin::Pad).unwrap_err();
    assert_eq!((wrong.at(), wrong.fault()), (25, Gs1Fault::Check(Lint::Csum)));
}

#[test]
fn links_are_written_with_key_qualifiers_and_attributes_in_order() {
    for (bracketed, uri) in [
        (
            "(17)261231(21)1(10)A(01)09521234543213",
            "https://id.gs1.org/01/09521234543213/10/A/21/1?17=261231",
        ),
        ("(01)09521234543213(99)A B", ""),
        (
            "(01)09521234543213(99)A+B(3103)000195(98)%",
            "https://id.gs1.org/01/09521234543213?3103=000195&99=A%2BB&98=%25",
        ),
        ("(414)9521234543213(254)32a/b", "https://id.gs1.org/414/9521234543213/254/32a%2Fb"),
        ("(01)09521234543213(10)A(10)A", "https://id.gs1.org/01/09521234543213/10/A"),
        // (235) has a place in the path only, (10) in the query too; (21) beside (01) only.
        ("(01)09521234543213(10)A(235)B", "https://id.gs1.org/01/09521234543213/235/B?10=A"),
        ("(235)B(10)A(01)09521234543213", "https://id.gs1.org/01/09521234543213/235/B?10=A"),
        (
            "(414)9521234543213(21)1(01)09521234543213",
            "https://id.gs1.org/01/09521234543213/21/1?414=9521234543213",
        ),
    ] {
        match ElementString::parse(bracketed) {
            Ok(read) => assert_eq!(read.to_digital_link("https://id.gs1.org/").as_deref(), Ok(uri)),
            Err(_) => assert_eq!(uri, ""),
        }
    }
    let error = |text| ElementString::read(text).unwrap().to_digital_link("https://a").unwrap_err().fault();
    assert_eq!(error("(10)A"), Gs1Fault::NoKey);
    assert_eq!(error("(00)952012345678912345(21)A"), Gs1Fault::NotAttribute);
}

/// Data that fit an identifier's components and checks, for those whose checks are simple.
fn element() -> impl Strategy<Value = (u16, String)> {
    let text = r#"[!-"%-?A-Z_a-z]{1,20}"#;
    prop_oneof![
        (0_u64..1_000_000_000_000).prop_map(|n| {
            let body = alloc::format!("{n:013}");
            (1, alloc::format!("{body}{}", char::from(check_digit(body.as_bytes()).unwrap())))
        }),
        text.prop_map(|value| (10, value)),
        text.prop_map(|value| (21, value)),
        (0_u32..100, 1_u32..13, 0_u32..29).prop_map(|(y, m, d)| (17, alloc::format!("{y:02}{m:02}{d:02}"))),
        (0_u32..1_000_000).prop_map(|n| (3103, alloc::format!("{n:06}"))),
        text.prop_map(|value| (99, value)),
        "[0-9]{1,8}".prop_map(|value| (37, value)),
        text.prop_map(|value| (240, value)),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_back_in_every_form(list in prop::collection::vec(element(), 1..12)) {
        let text: String = list.iter().map(|(ai, v)| alloc::format!("({}){}", Ai::new(*ai), v.replace('(', r"\("))).collect();
        let read = ElementString::read(&text).unwrap();
        let back: Vec<_> = read.iter().map(|e| (e.ai.number(), String::from(e.value))).collect();
        prop_assert_eq!(&back, &list);
        prop_assert_eq!(&read.to_bracketed(), &text);
        let scanned = read.to_scanned(Some(SymbologyId::GS1_QR));
        prop_assert_eq!(&ElementString::read(&scanned).unwrap(), &read);
        let mut caret = String::new();
        read.write_caret(&mut caret);
        prop_assert_eq!(&ElementString::read_caret(&caret).unwrap(), &read);
    }

    #[test]
    fn a_link_that_is_written_reads_back(list in prop::collection::vec(element(), 0..6)) {
        let mut all = alloc::vec![(Ai::GTIN, "09521234543213")];
        all.extend(list.iter().filter(|(ai, _)| *ai != 1).map(|(ai, v)| (Ai::new(*ai), v.as_str())));
        if let Ok(elements) = ElementString::from_elements(&all) {
            let uri = elements.to_digital_link("https://example.com/x").unwrap();
            let link = DigitalLink::parse(&uri).unwrap();
            prop_assert_eq!(link.stem(), "https://example.com/x");
            for element in elements.iter() {
                prop_assert_eq!(link.elements().get(element.ai), Some(element.value));
            }
            prop_assert_eq!(link.elements().to_digital_link(link.stem()).unwrap(), uri);
        }
    }

    #[test]
    fn no_text_panics(text in r"(\PC|[()0-9\\|^]|\x1D){0,60}") {
        let _ = ElementString::parse(&text);
        let _ = ElementString::read_scanned(&text);
        let _ = ElementString::read_caret(&text);
        let _ = ElementString::read_bracketed(&text);
        let _ = DigitalLink::parse(&text);
        let _ = Gtin::parse(&text);
        let _ = Gtin::from_upc_e(&text);
    }

    #[test]
    fn no_link_panics(tail in r"[0-9A-Za-z/?&=%+#.]{0,60}") {
        let uri = alloc::format!("https://a/01/{tail}");
        let _ = DigitalLink::read(&uri, ShortGtin::Pad);
        let _ = DigitalLink::parse(&alloc::format!("https://a/01/09521234543213?{tail}"));
    }

    #[test]
    fn places_lie_in_the_input(text in r"[()0-9A-Z\\|]{0,40}") {
        if let Err(error) = ElementString::parse(&text) {
            prop_assert!(error.at() <= text.len());
        }
    }
}

#[test]
fn the_separator_is_the_one_readers_send() {
    let read = ElementString::read("(01)09521234543213(21)A(10)B").unwrap();
    assert_eq!(read.to_scanned(Some(SymbologyId::GS1_128)), alloc::format!("]C1010952123454321321A{GS}10B"));
}
