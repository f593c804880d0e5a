//! What texts are taken for, and what is refused.

use super::*;
use crate::card::token::{Body, TokenKeyId};
use crate::card::{CheckDigit, Field};
use crate::codec::gs1::Ai;
use crate::codec::payment::PaymentScheme;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use proptest::prelude::*;

const SHIPPED: &str = include_str!("../../../examples/data/catalogue.toml");

fn shipped() -> Catalogue {
    Catalogue::parse(SHIPPED).unwrap()
}

/// The shipped products, and two whose trade item numbers are known: one unique in the world,
/// one of restricted circulation.
fn marked() -> Catalogue {
    let product = |name: &str, issuer: &str, lengths: &str, gtin: &str, serial: &str| {
        format!(
            "[product.{name}]\nissuer = \"{issuer}\"\nfamily = \"supermarket\"\ncurrencies = [\"CNY\"]\n\
             face = {{ min = \"1\", max = \"100\" }}\nrate = \"0.9\"\n\
             number = {{ kind = \"digits\", lengths = [{lengths}] }}\n\
             secret = {{ kind = \"digits\", lengths = [6] }}\n\
             [product.{name}.symbol]\ngtin = [\"{gtin}\"]\n{serial}\n"
        )
    };
    let gift = product("gift", "walmart", "16, 19", "042100005264", "serial = { at = 12, len = 16 }");
    let store = product("store", "corner", "10", "2012345678903", "");
    Catalogue::parse(&format!("{SHIPPED}\n{gift}{store}")).unwrap()
}

fn kinds(found: &[Candidate<'_>]) -> Vec<Kind> {
    found.iter().map(Candidate::kind).collect()
}

fn fits(candidate: &Candidate<'_>) -> Vec<(String, Proof)> {
    candidate.fits().iter().map(|fit| (fit.product.to_string(), fit.proof)).collect()
}

fn fit(product: &str, proof: Proof) -> (String, Proof) {
    (product.into(), proof)
}

#[test]
fn element_strings_are_told_by_their_signs() {
    for text in [
        "(01)09521234543213(21)ABC123",
        "]C1010952123454321321ABC123",
        "]d2010952123454321321ABC123",
        "]e0010952123454321321ABC123",
        "]Q3010952123454321321ABC123",
        "\u{1d}010952123454321321ABC123",
        "^010952123454321321ABC123",
        "（01）09521234543213（21）ABC123",
        "(01)09521234543213(21)ABC123\r\n",
    ] {
        let found = scan(&Scan::typed(text), &shipped()).unwrap();
        assert_eq!(kinds(&found), [Kind::Gs1], "{text}");
        assert!(found[0].is_valid() && found[0].likelihood() == Likelihood::Proven, "{text}");
        assert_eq!(found[0].elements().unwrap().get(Ai::SERIAL), Some("ABC123"));
        assert_eq!(found[0].gtin().map(|gtin| gtin.to_string()), Some("09521234543213".into()));
    }
    let wide = scan(&Scan::typed("（01）09521234543213（21）ABC123"), &shipped()).unwrap();
    assert_eq!(wide[0].repairs(), [Repair::FullWidth(Field::CardNumber)]);
    let bare = scan(&Scan::barcode("010952123454321321ABC123"), &shipped()).unwrap();
    assert_eq!(kinds(&bare), [Kind::Gs1]);
}

#[test]
fn broken_element_strings_are_told_with_their_place() {
    for (text, at) in [
        ("(01)09521234543214", 17),
        ("(01)09521234543213 \n", 18),
        (" (01)09521234543213", 0),
        ("(21)ABC", 0),
        ("]C10109521234543214", 18),
        ("0109521234543214", 15),
        ("17261301", 4),
        ("（01）09521234543214", 21),
        ("(01)", 4),
        ("x(01)09521234543213", 0),
        ("(", 0),
        ("\u{1d}", 1),
    ] {
        let found = scan(&Scan::typed(text), &shipped()).unwrap();
        let broken = found.iter().find(|candidate| candidate.kind() == Kind::Gs1).expect(text);
        assert!(!broken.is_valid(), "{text}");
        assert_eq!((broken.at(), broken.likelihood()), (Some(at), Likelihood::Broken), "{text}");
    }
    // Elements that could be taken apart are shown although a rule between them is broken.
    let found = scan(&Scan::typed("(21)ABC"), &shipped()).unwrap();
    assert_eq!(found[0].elements().unwrap().len(), 1);
}

#[test]
fn card_numbers_are_not_told_as_broken_element_strings() {
    let found = scan(&Scan::typed("1000123412341234123"), &shipped()).unwrap();
    assert_eq!(kinds(&found), [Kind::CardText, Kind::PaymentCode][..1]);
    assert_eq!(fits(&found[0]), [fit("fuel-card", Proof::Prefix), fit("walmart-gift", Proof::Length)]);
}

#[test]
fn links_are_told_by_their_scheme() {
    let text = "https://id.gs1.org/01/09521234543213/21/12345?17=261231";
    for text in [text.into(), format!("]Q1{text}")] {
        let found = scan(&Scan::qr(&text), &shipped()).unwrap();
        assert_eq!(kinds(&found), [Kind::DigitalLink]);
        assert!(found[0].is_valid());
        assert_eq!(found[0].elements().unwrap().len(), 3);
    }
    let spaced = scan(&Scan::typed("  https://example.com/x "), &shipped()).unwrap();
    assert_eq!(spaced[0].at(), Some(21));
    let found = scan(&Scan::qr("https://example.com/x"), &shipped()).unwrap();
    assert_eq!(
        (kinds(&found), found[0].is_valid(), found[0].at()),
        (vec![Kind::DigitalLink], false, Some(19))
    );
    let short = scan(&Scan::qr("https://a/01/9521234543213"), &shipped()).unwrap();
    assert_eq!((short[0].is_valid(), short[0].repairs()), (false, &[Repair::Zeros][..]));
    assert!(short[0].gtin().is_some());
}

#[test]
fn eight_digits_are_ean_8_or_upc_e_until_the_symbology_tells() {
    // Both check digits are right.
    let both = (0..10_000_000_u32)
        .map(|n| format!("0{n:07}"))
        .find(|text| matches!(crate::codec::gs1::Gtin::readings(text), (Some(a), Some(b)) if a != b))
        .unwrap();
    let found = scan(&Scan::typed(&both), &shipped()).unwrap();
    assert_eq!(kinds(&found), [Kind::Gtin, Kind::Gtin]);
    assert_ne!(found[0].gtin(), found[1].gtin());
    assert!(found.iter().all(|candidate| candidate.notes().contains(&Note::EanOrUpcE)));
    let ean = scan(&Scan::barcode(&both).symbology(Symbology::Ean8), &shipped()).unwrap();
    let upc = scan(&Scan::barcode(&both).symbology(Symbology::UpcE), &shipped()).unwrap();
    assert_eq!((ean.len(), upc.len()), (1, 1));
    assert_ne!(ean[0].gtin(), upc[0].gtin());
    // The reader's own identifier goes before the hint.
    let marked = format!("]E4{both}");
    let id = scan(&Scan::barcode(&marked).symbology(Symbology::UpcE), &shipped()).unwrap();
    assert_eq!((id[0].gtin(), id[0].likelihood()), (ean[0].gtin(), Likelihood::Proven));
}

#[test]
fn a_wrong_check_digit_is_told_where_nothing_else_fits() {
    let found = scan(&Scan::typed("629104150021 4"), &shipped()).unwrap();
    assert_eq!(kinds(&found), [Kind::CardText], "13 digits may be a regional market's card");
    let found = scan(&Scan::typed("042100005265"), &shipped()).unwrap();
    assert_eq!((kinds(&found), found[0].at()), (vec![Kind::Gtin], Some(11)));
    let found = scan(&Scan::barcode("]E06291041500214"), &shipped()).unwrap();
    assert_eq!((found.last().map(Candidate::kind), found.last().unwrap().at()), (Some(Kind::Gtin), Some(15)));
}

#[test]
fn restricted_numbers_need_an_issuer_and_coupons_are_no_products() {
    let catalogue = marked();
    let found = scan(&Scan::barcode("]E02012345678903"), &catalogue).unwrap();
    assert_eq!((fits(&found[0]), found[0].notes()), (vec![], &[Note::NeedsIssuer][..]));
    let found = scan(&Scan::barcode("]E02012345678903").issuer("corner"), &catalogue).unwrap();
    assert_eq!(fits(&found[0]), [fit("store", Proof::Gtin)]);
    assert_eq!(found[0].notes(), [Note::NeedsNumber]);
    let found = scan(&Scan::barcode("]E02012345678903").issuer("walmart"), &catalogue).unwrap();
    assert_eq!(fits(&found[0]), []);
    let found = scan(&Scan::barcode("]E09901234567899"), &catalogue).unwrap();
    assert_eq!((fits(&found[0]), found[0].notes()), (vec![], &[Note::Coupon][..]));
    let found = scan(&Scan::barcode("]E09780306406157"), &catalogue).unwrap();
    assert_eq!(found[0].notes(), [Note::Publication]);
}

#[test]
fn product_and_card_stand_in_one_symbol_or_in_two() {
    let catalogue = marked();
    let one = scan(&Scan::barcode("0421000052642326123412341234"), &catalogue).unwrap();
    assert_eq!(fits(&one[0]), [fit("gift", Proof::Gtin)]);
    assert_eq!(one[0].number_masked().as_deref(), Some("************1234"));
    assert_eq!(one[0].likelihood(), Likelihood::Proven);
    for (first, second) in [
        ("]E00042100005264", "]C02326123412341234"),
        ("2326123412341234", "042100005264"),
        ("(01)00042100005264", "(21)2326123412341234"),
        ("]C1212326123412341234", "]C10100042100005264"),
        ("(01)00042100005264", "2326123412341234"),
    ] {
        let found = scan(&Scan::barcode(first).and(second), &catalogue).unwrap();
        assert_eq!(found.len(), 1, "{first}");
        assert_eq!(fits(&found[0]), [fit("gift", Proof::Gtin)], "{first}");
        assert_eq!(found[0].number().unwrap().expose(), b"2326123412341234", "{first}");
        assert!(found[0].is_valid() && found[0].likelihood() == Likelihood::Proven);
    }
    let alone = scan(&Scan::barcode("]E00042100005264"), &catalogue).unwrap();
    assert_eq!(
        (fits(&alone[0]), alone[0].notes()),
        (vec![fit("gift", Proof::Gtin)], &[Note::NeedsNumber][..])
    );
    let together = scan(&Scan::barcode("(01)00042100005264(21)2326123412341234"), &catalogue).unwrap();
    assert_eq!(together[0].number().unwrap().expose(), b"2326123412341234");
    let neither = scan(&Scan::barcode("2326123412341234").and("123456"), &catalogue);
    assert_eq!(neither.unwrap_err(), ScanError::Pair);
}

#[test]
fn what_cannot_be_told_apart_is_all_there() {
    // UnionPay or JD, or a bank's card by its check digit, or one of two others by its length.
    let found = scan(&Scan::typed("6212345678901234569"), &shipped()).unwrap();
    let schemes: Vec<_> = found
        .iter()
        .filter_map(|candidate| match candidate.reading() {
            Reading::PaymentCode(scheme) => Some(*scheme),
            _ => None,
        })
        .collect();
    assert_eq!(schemes, [PaymentScheme::UnionPay, PaymentScheme::Jd]);
    let notes = found.iter().filter(|candidate| candidate.notes().contains(&Note::SchemeUnclear));
    assert_eq!(notes.count(), 2);
    // 16 digits with 16 more: two products of the 16/16 family.
    let family = |name: &str| {
        format!(
            "[product.{name}]\nissuer = \"x\"\nfamily = \"game\"\ncurrencies = [\"CNY\"]\n\
             face = {{ min = \"1\", max = \"100\" }}\nrate = \"0.9\"\n\
             number = {{ kind = \"digits\", lengths = [16] }}\nsecret = {{ kind = \"digits\", lengths = [16] }}\n"
        )
    };
    let catalogue = Catalogue::parse(&format!("{}{}", family("a"), family("b"))).unwrap();
    let found = scan(&Scan::typed("1111222233334444 5555666677778888"), &catalogue).unwrap();
    assert_eq!(fits(&found[0]), [fit("a", Proof::Length), fit("b", Proof::Length)]);
    // The other order is another card, less likely.
    assert_eq!(found[1].repairs().last(), Some(&Repair::Order));
    assert!(found[0].likelihood() < found[1].likelihood());
}

#[test]
fn number_and_secret_are_split_and_normalised_and_every_change_is_told() {
    for text in [
        "6222021234567894 123456",
        "6222021234567894,123456",
        "6222021234567894\t123456",
        "卡号:6222021234567894 卡密:123456",
    ] {
        let found = scan(&Scan::typed(text), &shipped()).unwrap();
        assert_eq!(found[0].number().unwrap().expose(), b"6222021234567894", "{text}");
        assert_eq!(found[0].secret().unwrap().expose(), b"123456", "{text}");
        assert_eq!(fits(&found[0])[0], fit("bank-prepaid", Proof::CheckDigit), "{text}");
        assert!(found[0].repairs().is_empty() && found[0].notes().is_empty(), "{text}");
        assert!(found[0].checks().contains(&Check::NumberCheckDigit(CheckDigit::Luhn)));
    }
    let grouped = scan(&Scan::typed("6222 0212 3456 7894 １２３４５６"), &shipped()).unwrap();
    assert_eq!(grouped[0].number_masked().as_deref(), Some("************7894"));
    let told = [Repair::Separators(Field::CardNumber), Repair::FullWidth(Field::CardSecret)];
    assert_eq!(grouped[0].repairs(), told);
    assert!(told.iter().all(Repair::is_lossless));
    let secret = scan(&Scan::typed("abcd-efgh-jklm-np0O"), &shipped()).unwrap();
    assert_eq!(secret[0].secret().unwrap().expose(), b"ABCDEFGHJKLMNP0O");
    assert_eq!(fits(&secret[0]), [fit("jd-ecard", Proof::Prefix)]);
    assert_eq!(
        secret[0].repairs(),
        [Repair::Separators(Field::CardSecret), Repair::Capitals(Field::CardSecret)]
    );
    let alone = scan(&Scan::typed("6222021234567894"), &shipped()).unwrap();
    assert!(alone[0].notes().contains(&Note::NeedsSecret));
}

#[test]
fn lookalikes_are_repaired_in_pictures_only() {
    let misread = "No. 6222 O2l2 3456 7B94\nPIN: l23456\n";
    let found = scan(&Scan::ocr(misread), &shipped()).unwrap();
    let best = &found[0];
    assert_eq!(best.number().unwrap().expose(), b"6222021234567894");
    assert_eq!(best.secret().unwrap().expose(), b"123456");
    assert_eq!(
        (best.likelihood(), fits(best)[0].clone()),
        (Likelihood::Repaired, fit("bank-prepaid", Proof::CheckDigit))
    );
    let told: Vec<String> = best.repairs().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "card_number: separators left out",
            "card_number: character 5 taken for the digit that it looks like (high confidence)",
            "card_number: character 7 taken for the digit that it looks like (high confidence)",
            "card_number: character 14 taken for the digit that it looks like (high confidence)",
            "card_secret: character 1 taken for the digit that it looks like (medium confidence)",
        ]
    );
    let typed = scan(&Scan::typed("6222 O2l2 3456 7B94"), &shipped()).unwrap();
    assert_eq!(fits(&typed[0]), [fit("jd-ecard", Proof::Prefix)], "as it was typed, and nothing else");
    assert_eq!(typed.len(), 1);
    let printed = scan(&Scan::ocr("GIFT CARD\n6222021234567894\n123456\nTHANK YOU"), &shipped()).unwrap();
    assert_eq!(printed[0].repairs(), [Repair::OtherText]);
    let gtin = scan(&Scan::ocr("6 29lO41 500213"), &shipped()).unwrap();
    assert!(gtin.iter().any(|candidate| candidate.kind() == Kind::Gtin && candidate.gtin().is_some()));
}

#[test]
fn codes_for_paying_are_told_by_their_beginning() {
    const SAMPLE: &str = "00020101021229300012D156000000000510A93FO3230Q31280012D1560000000103081234567\
        8520441115802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233\
        030412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A";
    let found = scan(&Scan::qr(SAMPLE), &shipped()).unwrap();
    assert_eq!((kinds(&found), found[0].is_valid()), (vec![Kind::EmvMerchant], true));
    let wrong = SAMPLE.replace("A13A", "A13B");
    let found = scan(&Scan::qr(&wrong), &shipped()).unwrap();
    assert_eq!((kinds(&found), found[0].is_valid()), (vec![Kind::EmvMerchant], false));
    assert_eq!(found[0].at(), Some(wrong.len() - 4));
    let consumer = "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDk\
        NBUkRIT0xERVIvRU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw==";
    let found = scan(&Scan::qr(consumer), &shipped()).unwrap();
    assert_eq!((kinds(&found), found[0].is_valid()), (vec![Kind::EmvConsumer], true));
    // The length of the first template that is cut off: the 30th byte, which begins in the 39th
    // character.
    let cut = ["]Q1", &consumer[..60]].concat();
    let found = scan(&Scan::qr(&cut), &shipped()).unwrap();
    assert_eq!((kinds(&found), found[0].is_valid()), (vec![Kind::EmvConsumer], false));
    assert_eq!(found[0].at(), Some(3 + 38));
    let found = scan(&Scan::qr("134567890123456789"), &shipped()).unwrap();
    assert!(kinds(&found).contains(&Kind::PaymentCode));
}

#[test]
fn tokens_are_told_by_their_beginning_and_codes_on_demand() {
    let body = Body { key: TokenKeyId(1), step: 7, nonce: [1; 8], subject: "6222021234567894".into() };
    let text = body.with_proof(&[5; 32]).unwrap().encode();
    let found = scan(&Scan::qr(&text), &shipped()).unwrap();
    assert_eq!((kinds(&found), found[0].is_valid()), (vec![Kind::Token], true));
    let found = scan(&Scan::qr("SCT1.AA*"), &shipped()).unwrap();
    assert_eq!((kinds(&found), found[0].at()), (vec![Kind::Token], Some(7)));
    assert!(!kinds(&scan(&Scan::typed("123 456"), &shipped()).unwrap()).contains(&Kind::Token));
    let tokens = Kinds::of(&[Kind::Token]);
    let found = scan(&Scan::typed("123 456").only(tokens), &shipped()).unwrap();
    assert_eq!(kinds(&found), [Kind::Token]);
    assert_eq!(found[0].secret().unwrap().expose(), b"123456");
}

#[test]
fn a_declared_product_wins_over_hints() {
    let catalogue = marked();
    let text = "6212345678901234569";
    let found = scan(&Scan::typed(text).declared("walmart-gift"), &catalogue).unwrap();
    assert_eq!(kinds(&found), [Kind::CardText]);
    assert_eq!(
        (fits(&found[0]), found[0].likelihood()),
        (vec![fit("walmart-gift", Proof::Length)], Likelihood::Declared)
    );
    let hinted = Scan::typed(text).declared("walmart-gift").only(Kinds::of(&[Kind::PaymentCode]));
    assert_eq!(kinds(&scan(&hinted, &catalogue).unwrap()), [Kind::CardText]);
    let eight = Scan::typed("6291041500213").declared("regional-market").symbology(Symbology::Ean13);
    assert_eq!(kinds(&scan(&eight, &catalogue).unwrap()), [Kind::CardText]);
    let issuer = Scan::barcode("]E02012345678903").declared("store").issuer("walmart");
    assert_eq!(fits(&scan(&issuer, &catalogue).unwrap()[0]), [fit("store", Proof::Gtin)]);
    let unknown = Scan::barcode("(01)09521234543213(21)2326123412341234").declared("walmart-gift");
    let found = scan(&unknown, &catalogue).unwrap();
    assert_eq!(fits(&found[0]), [fit("walmart-gift", Proof::Declared)]);
    assert_eq!(found[0].number().unwrap().expose(), b"2326123412341234");
}

#[test]
fn what_contradicts_the_declaration_is_an_error() {
    let catalogue = marked();
    let refused = |scan_: Scan<'_>| scan(&scan_, &catalogue).unwrap_err();
    let gtin = refused(Scan::barcode("]E00042100005264").declared("walmart-gift"));
    assert_eq!(gtin.to_string(), "declared as walmart-gift, but it is a gtin of gift");
    assert_eq!(gtin.code().number(), 5_103);
    let other = refused(Scan::barcode("]E06291041500213").declared("gift"));
    assert!(matches!(other, ScanError::Contradiction { product: None, .. }));
    let coupon = refused(Scan::barcode("]E09901234567899").declared("walmart-gift"));
    assert!(matches!(coupon, ScanError::Contradiction { found: Kind::Gtin, .. }));
    let shape = refused(Scan::typed("12345").declared("walmart-gift"));
    assert_eq!(
        shape.to_string(),
        "declared as walmart-gift: card_number: 16 or 19 digits expected, found 5 characters"
    );
    let check = refused(Scan::typed("6222021234567895").declared("bank-prepaid"));
    assert!(matches!(&check, ScanError::Card { error, .. } if error.reason() == "card_number_check_digit"));
    let secret = refused(Scan::typed("2326123412341234,12345").declared("walmart-gift"));
    assert!(matches!(&secret, ScanError::Card { error, .. } if error.reason() == "card_secret_shape"));
    assert!(matches!(refused(Scan::typed("1").declared("none")), ScanError::UnknownProduct(_)));
    assert!(matches!(refused(Scan::typed("1").declared("\n")), ScanError::UnknownProduct(_)));
}

#[test]
fn nothing_and_too_much_are_errors_and_noise_is_nothing() {
    assert_eq!(scan(&Scan::typed("  \n"), &shipped()).unwrap_err(), ScanError::Empty);
    let long = "9".repeat(Scan::MAX_BYTES + 1);
    assert_eq!(scan(&Scan::typed(&long), &shipped()).unwrap_err(), ScanError::TooLong);
    assert!(scan(&Scan::typed("hello there"), &shipped()).unwrap().is_empty());
}

#[test]
fn numbers_and_secrets_do_not_show() {
    for text in ["6222021234567894,123456", "(01)09521234543213(21)2326123412341234", "6212345678901234569"] {
        let asked = Scan::typed(text);
        let shown = format!("{asked:?} {:?}", scan(&asked, &shipped()).unwrap());
        assert!(!shown.contains("123456") && !shown.contains("23261234"), "{shown}");
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        r"\PC{0,60}",
        r"[0-9]{1,40}",
        r"[()0-9A-Z \^|,:\x1D卡号密码-]{0,60}",
        r"\][A-Za-z][0-9a-z][0-9\x1D]{0,40}",
        r"https?://[a-z./0-9?=&%]{0,60}",
        r"(000201|hQVDUFYw|SCT1\.)[0-9A-Za-z+/=_-]{0,80}",
        r"[OIlBSZ0-9 \n]{10,40}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_panics_and_candidates_stand_in_order(text in any_text(), second in any_text(), pick in 0_usize..4, declared in 0_usize..8) {
        let catalogue = marked();
        let source = [Source::Typed, Source::Barcode, Source::Qr, Source::Ocr][pick];
        let names: Vec<String> = catalogue.products().map(|product| product.name().to_string()).collect();
        let plain = Scan::new(source, &text);
        let _ = scan(&plain.and(&second), &catalogue);
        let _ = scan(&plain.declared(&names[declared]), &catalogue);
        if let Ok(found) = scan(&plain, &catalogue) {
            prop_assert!(found.windows(2).all(|pair| pair[0].likelihood() <= pair[1].likelihood()));
            for candidate in &found {
                prop_assert!(candidate.at().is_none_or(|at| at <= text.len()));
                let told = candidate.fault().map(ToString::to_string).unwrap_or_default();
                if let Some((_, place)) = told.rsplit_once("(byte ") {
                    let place = place.trim_end_matches(')').parse::<usize>().ok();
                    prop_assert_eq!(place, candidate.at(), "{}", told);
                }
                prop_assert_eq!(candidate.is_valid(), candidate.likelihood() != Likelihood::Broken);
            }
        }
    }

    #[test]
    fn a_card_of_a_product_is_found_however_it_is_typed(
        number in "2326[0-9]{12}",
        secret in "[0-9]{6}",
        form in 0_usize..5,
    ) {
        let spaced: Vec<&str> = [0, 4, 8, 12].iter().map(|at| &number[*at..at + 4]).collect();
        let text = match form {
            0 => format!("{number} {secret}"),
            1 => format!("{} {secret}", spaced.join(" ")),
            2 => format!("{};{secret}", spaced.join("-")),
            3 => format!("卡密：{secret} 卡号：{number}"),
            _ => format!("card no: {number}\npin: {secret}"),
        };
        let found = scan(&Scan::typed(&text), &shipped()).unwrap();
        let there = found.iter().find(|candidate| {
            candidate.number().is_some_and(|n| n.expose() == number.as_bytes())
                && candidate.secret().is_some_and(|s| s.expose() == secret.as_bytes())
        });
        let there = there.expect("the card is among the candidates");
        prop_assert!(there.fits().iter().any(|fit| fit.product.as_str() == "walmart-gift"));
        prop_assert!(!there.repairs().contains(&Repair::Order));
    }

    #[test]
    fn a_wrong_digit_of_a_checked_number_leaves_no_fit_by_check_digit(body in "62[0-9]{13}", at in 0_usize..16, plus in 1_u8..10) {
        let check = char::from(crate::card::check::luhn_digit(body.as_bytes()).unwrap());
        let mut digits = format!("{body}{check}").into_bytes();
        digits[at] = (digits[at] - b'0' + plus) % 10 + b'0';
        let text = String::from_utf8(digits).unwrap();
        let found = scan(&Scan::typed(&text), &shipped()).unwrap();
        prop_assert!(found.iter().flat_map(Candidate::fits).all(|fit| fit.proof != Proof::CheckDigit));
    }
}
