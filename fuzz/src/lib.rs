//! What is fuzzed: one function for each target, over any bytes. Each checks the laws of what it
//! reads, so that a wrong answer is found as well as a panic.

use scrip::adapters::batch::{Batch, BatchTerms, enveloped};
use scrip::adapters::leg::SecretLeg;
use scrip::adapters::rest::{self, PROFILES, Rest, RestKeys, RestTerms, Server};
use scrip::base::{Key16, RedemptionId, Secret, Text, Wall};
use scrip::card::scan::{Scan, Source, Symbology, scan as scan_text};
use scrip::card::token::{Algorithm, Guard, Profile, Token, TokenKey, TokenKeyId, TotpHash, Use, Verifier};
use scrip::card::{Catalogue, Shape, ocr as repair};
use scrip::codec::emv::{ConsumerQr, ConsumerQrWriter, MerchantQr, TlvWriter};
use scrip::codec::form::{self, Signer as _};
use scrip::codec::gs1::{DigitalLink, ElementString, Gs1Fault, Gtin, ShortGtin, SymbologyId};
use scrip::codec::iso8583::{Frame, Spec};
use scrip::codec::json::{self, Json};
use scrip::codec::pair::{KeyPlace, RsaSigner, Sm2Encoding, Sm2Signer, Sm2Terms};
use scrip::codec::payment::{PaymentCodeError, schemes};
use scrip::issuer::{self, Asked, Context as IssuerContext, Issuer, OpKind, Outcome, Profiles, Reference};
use scrip::money::{Amount, Currency};
use scrip::vault::{Challenge, Context, KeyId, KeyRing, PepperVersion, Purpose, sealed_with};
use std::sync::OnceLock;

/// Trade item numbers and UPC-E.
pub fn gtin(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(gtin) = Gtin::parse(text) {
        assert_eq!(Gtin::parse(gtin.as_str()), Ok(gtin));
        assert_eq!(Gtin::parse(gtin.shortest()), Ok(gtin));
        assert!(gtin.as_str().ends_with(text));
        let _ = gtin.prefix_class();
    }
    if let Ok(gtin) = Gtin::from_upc_e(text) {
        assert_eq!(Gtin::parse(gtin.as_str()), Ok(gtin));
    }
    let (ean, upc) = Gtin::readings(text);
    assert!(text.len() == 8 || (ean.is_none() && upc.is_none()));
}

/// Element strings in all three notations.
pub fn gs1_element(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for read in [ElementString::read(text), ElementString::read_caret(text)] {
        match read {
            Ok(elements) => {
                let again = elements.to_bracketed();
                assert_eq!(ElementString::read(&again).as_ref(), Ok(&elements));
                let scanned = elements.to_scanned(Some(SymbologyId::GS1_QR));
                assert_eq!(ElementString::read(&scanned).as_ref(), Ok(&elements));
                assert_eq!(ElementString::parse(&again).is_ok(), elements.check_associations().is_ok());
            }
            Err(error) => assert!(error.at() <= text.len()),
        }
    }
}

/// Digital Link URIs.
pub fn digital_link(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for short in [ShortGtin::Refuse, ShortGtin::Pad] {
        match DigitalLink::read(text, short) {
            Ok(link) => {
                // The writer puts as many qualifiers as it can into the path, which may leave no
                // place for another.
                let uri = match link.elements().to_digital_link(link.stem()) {
                    Ok(uri) => uri,
                    Err(error) => return assert_eq!(error.fault(), Gs1Fault::NotAttribute),
                };
                let again = DigitalLink::read(&uri, ShortGtin::Refuse).expect("a link was written");
                for element in link.elements().iter() {
                    assert_eq!(again.elements().get(element.ai), link.elements().get(element.ai));
                }
            }
            Err(error) => assert!(error.at() <= text.len()),
        }
    }
}

/// Merchant-presented codes.
pub fn emv_merchant(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match MerchantQr::read(text) {
        Ok(code) => {
            let _ = (code.amount(), code.is_dynamic(), code.accounts().count());
            let values: usize = code.objects().map(|object| object.value.len() + 4).sum();
            assert_eq!(values, text.len());
        }
        Err(error) => {
            assert!(error.at() <= text.len());
            assert!(MerchantQr::parse(text).is_err());
        }
    }
}

/// Consumer-presented codes.
pub fn emv_consumer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(code) = ConsumerQr::parse(text) else { return };
    let copy = |template: &scrip::codec::emv::Tlv<'_>| {
        let all = template.objects().flatten();
        all.fold(TlvWriter::new(), |writer, object| writer.object(object.tag, object.value))
    };
    let mut writer = ConsumerQrWriter::new();
    for application in code.applications() {
        writer = writer.application(&copy(&application));
    }
    if let Some(common) = code.common() {
        writer = writer.common(&copy(&common));
    }
    writer.finish().expect("what was read can be written");
}

/// Forms.
pub fn form(data: &[u8]) {
    let fields = match form::read(data) {
        Ok(fields) => fields,
        Err(error) => return assert!(error.at <= data.len()),
    };
    let mut again = Vec::new();
    fields.iter().for_each(|(name, value)| form::write(name, value, &mut again));
    assert_eq!(form::read(&again), Ok(fields));
}

/// JSON texts.
pub fn json(data: &[u8]) {
    match Json::read(data) {
        Ok(value) => {
            let mut again = Vec::new();
            write_json(&value, &mut again);
            assert_eq!(Json::read(&again), Ok(value));
        }
        Err(error) => assert!(error.at <= data.len()),
    }
}

fn write_json(value: &Json<'_>, out: &mut Vec<u8>) {
    match value {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Json::Number(digits) => out.extend_from_slice(digits.as_bytes()),
        Json::Text(text) => json::write_text(text, out),
        Json::List(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                out.extend_from_slice(if place > 0 { b"," } else { b"" });
                write_json(item, out);
            }
            out.push(b']');
        }
        Json::Object(members) => {
            out.push(b'{');
            for (place, (name, member)) in members.iter().enumerate() {
                out.extend_from_slice(if place > 0 { b"," } else { b"" });
                json::write_text(name, out);
                out.push(b':');
                write_json(member, out);
            }
            out.push(b'}');
        }
    }
}

/// Payment codes.
pub fn payment_code(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match schemes(text) {
        Ok(schemes) => assert!(!schemes.is_empty() && (16..=24).contains(&text.len())),
        Err(PaymentCodeError::NotDigit { at }) => assert!(at < text.len()),
        Err(_) => assert!(text.bytes().all(|byte| byte.is_ascii_digit())),
    }
}

/// The catalogue of the targets: the shapes of the trade, and a product with a symbol.
fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    let text = concat!(
        include_str!("../../examples/data/catalogue.toml"),
        "\n[product.gift]\nissuer = \"walmart\"\nfamily = \"supermarket\"\ncurrencies = [\"CNY\"]\n",
        "face = { min = \"1\", max = \"100\" }\nrate = \"0.9\"\n",
        "number = { kind = \"digits\", lengths = [16, 19] }\nsecret = { kind = \"digits\", lengths = [6] }\n",
        "[product.gift.symbol]\ngtin = [\"042100005264\"]\nserial = { at = 12, len = 16 }\n",
    );
    CATALOGUE.get_or_init(|| Catalogue::parse(text).expect("the catalogue of the targets is right"))
}

/// Repair of lookalikes; the first byte picks the shape.
pub fn ocr(data: &[u8]) {
    let Some((pick, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let shapes: Vec<&Shape> =
        catalogue().products().flat_map(|product| [product.number(), product.secret()]).flatten().collect();
    let shape = shapes[usize::from(*pick) % shapes.len()];
    let readings = repair::readings(text, shape);
    assert!(readings.len() <= repair::MAX_READINGS);
    for reading in &readings {
        let value = std::str::from_utf8(reading.value.expose()).expect("a reading is ASCII");
        assert_eq!(shape.read(value).as_ref(), Ok(&reading.value));
    }
    for (i, reading) in readings.iter().enumerate() {
        assert!(readings[..i].iter().all(|other| other.value != reading.value), "offered twice");
    }
}

/// The time at which tokens of the targets are verified.
const NOW: Wall = Wall(1_700_000_010_000);

fn verifier(algorithm: Algorithm) -> Verifier {
    let profile = Profile::new(algorithm, 30_000, 1, 1).expect("the profile of the targets is right");
    // The base point: a public key that is not weak, whose secret is nobody's business.
    let point = {
        let mut point = vec![0x66; 32];
        point[0] = 0x58;
        Secret::new(point)
    };
    let material = if algorithm == Algorithm::Ed25519 { point } else { Secret::new(vec![1; 32]) };
    let key = TokenKey { id: TokenKeyId(1), material, from: Wall(0), until: Wall(i64::MAX) };
    Verifier::new(profile, vec![key], Secret::new(vec![9; 32])).expect("the keys of the targets are right")
}

/// Tokens, one-time codes and the guard's state.
pub fn token(data: &[u8]) {
    let hmac = verifier(Algorithm::HmacSha256);
    if let Ok(mut guard) = Guard::decode(data, hmac.profile(), 100) {
        assert_eq!(guard.encode(), data);
        let used = Use { step: u64::MAX, claim: Key16([7; 16]), redemption: RedemptionId([8; 16]) };
        let _ = guard.remember(used);
        let _ = guard.advance(NOW);
        assert!(guard.uses().all(|used| used.step >= guard.oldest_open()));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(token) = Token::decode(text) {
        assert_eq!(token.encode(), text);
    }
    if let Ok(verified) = hmac.verify(text, NOW) {
        let mut guard = Guard::new(hmac.profile(), 1);
        assert!(guard.spend(&verified, RedemptionId([1; 16]), NOW).is_ok());
        assert!(guard.spend(&verified, RedemptionId([2; 16]), NOW).is_err());
    }
    assert!(verifier(Algorithm::Ed25519).verify(text, NOW).is_err());
    token_rule(text);
    let codes = verifier(Algorithm::Totp { hash: TotpHash::Sha1, digits: 6 });
    let _ = codes.verify_code(TokenKeyId(1), &Secret::from("card"), text, NOW);
}

/// What a catalogue says of tokens.
fn token_rule(text: &str) {
    let product = concat!(
        "[product.p]\nissuer = \"x\"\nfamily = \"game\"\ncurrencies = [\"CNY\"]\n",
        "face = { min = \"1\", max = \"9\" }\nrate = \"0.9\"\n",
        "number = { kind = \"digits\", lengths = [16] }\n[product.p.token]\n",
    );
    let catalogue = match Catalogue::parse(&format!("{product}{text}")) {
        Ok(catalogue) => catalogue,
        Err(error) => return assert!(error.line() >= 1 && error.column() >= 1),
    };
    let Some(rule) = catalogue.products().find_map(|product| product.token()) else { return };
    assert!(rule.keys().windows(2).all(|pair| pair[0].id < pair[1].id));
    assert!(rule.keys().iter().all(|key| key.from < key.until));
    let key = |id| (id, Secret::new(vec![1; 32]));
    let secrets: Vec<_> = rule.secret_keys().map(key).collect();
    let made = rule.verifier(&secrets, vec![Secret::new(vec![9; 32])]);
    assert!(made.is_ok() || rule.profile().algorithm() == Algorithm::Ed25519);
}

/// Sealed secrets.
pub fn vault_open(data: &[u8]) {
    static RING: OnceLock<KeyRing> = OnceLock::new();
    let ring = RING.get_or_init(|| {
        let key = |byte| Secret::new(vec![byte; 32]);
        let keys = vec![(KeyId(1), key(1)), (KeyId(2), key(2))];
        KeyRing::new(keys, vec![(PepperVersion(1), key(9))]).expect("the keys of the targets are right")
    });
    let context = Context { purpose: Purpose::Card, redemption: RedemptionId([5; 16]), bound: b"card key" };
    let Ok(plain) = ring.open(&context, data) else { return };
    // What opens is what was sealed, byte for byte; an older key is replaced by the current one.
    let nonce = data[3..27].try_into().expect("a nonce has 24 bytes");
    let again = ring.seal(&context, plain.expose(), nonce).expect("it was sealed before");
    assert!(again == data || sealed_with(data) != Ok(ring.current_key()));
    let elsewhere = Context { purpose: Purpose::CoreToTerminal, ..context };
    assert!(ring.open(&elsewhere, data).is_err());
}

/// Messages of a leg with proofs; the first byte picks the place in the exchange.
pub fn secret_leg(data: &[u8]) {
    static ENDS: OnceLock<(SecretLeg, SecretLeg)> = OnceLock::new();
    let end = || SecretLeg::terminal(Secret::new(vec![7; 32])).expect("32 bytes");
    let (asker, answerer) = ENDS.get_or_init(|| (end(), end()));
    let Some((pick, bytes)) = data.split_first() else { return };
    let product = Text::new("jd-ecard").expect("a short text");
    let (asking, hello) = asker.hello(RedemptionId([5; 16]), &product, Challenge([1; 16]));
    let (greeted, greeting) = answerer.greet(&hello, Challenge([2; 16])).expect("its own hello");
    if pick % 4 == 0 {
        if let Ok((greeted, _)) = answerer.greet(bytes, Challenge([2; 16])) {
            assert!(bytes[0] == 1 && bytes[1..17] == greeted.redemption().0);
        }
        return;
    }
    if pick % 4 == 1 {
        if let Ok((_, card)) = asking.show(bytes, Some("6222"), "123456", [3; 24]) {
            // Sealed for the greeting that came: only with the same challenge does it open.
            assert_eq!(greeted.take(&card).is_ok(), bytes == greeting);
        }
        return;
    }
    let (shown, card) = asking.show(&greeting, Some("6222"), "123456", [3; 24]).expect("its own greeting");
    if pick % 4 == 2 {
        assert_eq!(greeted.take(bytes).is_ok(), bytes == card);
        return;
    }
    let (_, confirm) = greeted.take(&card).expect("its own card");
    assert_eq!(shown.confirmed(bytes).is_ok(), bytes == confirm);
}

/// Formats of ISO 8583 messages.
fn formats() -> &'static [Spec; 4] {
    static FORMATS: OnceLock<[Spec; 4]> = OnceLock::new();
    FORMATS.get_or_init(|| {
        let left = "[frame]\nlength = \"ascii4\"\n[field.2]\npad = \"left\"\n[field.28]\nform = \"packed\"\n";
        let changed = Spec::bcd().with_profile(left).expect("a sound profile");
        [Spec::ascii(), Spec::bcd(), Spec::bcd().framed(Frame::UNIONPAY_POS), changed]
    })
}

/// ISO 8583 messages; the first byte picks the format.
pub fn iso8583(data: &[u8]) {
    let Some((pick, bytes)) = data.split_first() else { return };
    let spec = &formats()[usize::from(pick & 3)];
    let message = match spec.read(bytes) {
        Ok(message) => message,
        Err(error) => return assert!(error.at() <= bytes.len()),
    };
    let mut again = Vec::new();
    let tpdu = message.tpdu().unwrap_or_default();
    let mut writer = spec.write(message.mti(), &mut again).framed(tpdu, message.header());
    for (number, value) in message.fields() {
        let text = value.to_text();
        assert!(value.is(&text) && text.len() == value.len());
        assert!(
            value
                .number()
                .is_none_or(|n| text.trim_start_matches('0') == n.to_string().trim_start_matches('0'))
        );
        writer.text(number, &text).expect("what was read can be written");
    }
    writer.finish().expect("it was no longer");
    // An empty second bitmap is left out, and hexadecimal digits are written in capitals.
    let reread = spec.read(&again).expect("it was written");
    assert!(
        reread.fields().map(|(n, v)| (n, v.to_text())).eq(message.fields().map(|(n, v)| (n, v.to_text())))
    );
    if again.len() == bytes.len() {
        assert!(again.eq_ignore_ascii_case(bytes));
    }
}

/// The one door; the first byte picks source, hint and declaration, and `~` parts two symbols.
pub fn scan(data: &[u8]) {
    let Some((pick, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let source = [Source::Typed, Source::Barcode, Source::Qr, Source::Ocr][usize::from(pick & 3)];
    let (first, second) = text.split_once('~').map_or((text, None), |(a, b)| (a, Some(b)));
    let mut asked = Scan::new(source, first);
    if let Some(second) = second {
        asked = asked.and(second);
    }
    if pick & 4 != 0 {
        asked = asked.symbology(Symbology::UpcE);
    }
    let names: Vec<&str> = catalogue().products().map(|product| product.name().as_str()).collect();
    if pick & 8 != 0 {
        asked = asked.declared(names[usize::from(pick >> 4) % names.len()]);
    }
    let Ok(found) = scan_text(&asked, catalogue()) else { return };
    assert!(found.windows(2).all(|pair| pair[0].likelihood() <= pair[1].likelihood()));
    for candidate in &found {
        assert!(candidate.at().is_none_or(|at| at <= text.len()));
        if pick & 8 != 0 {
            let declared = names[usize::from(pick >> 4) % names.len()];
            assert!(candidate.fits().iter().all(|fit| fit.product.as_str() == declared));
        }
    }
}

/// When the messages of REST targets come in.
const REST_NOW: Wall = Wall(1_795_390_215_000);

/// Keys of RSA and SM2 as their files hold them, and signatures of SM2 in both encodings.
pub fn pair_key(data: &[u8]) {
    static SIGNER: OnceLock<[Sm2Signer; 2]> = OnceLock::new();
    let secret = || Secret::new(data.to_vec());
    let sm2 = Sm2Terms::default;
    let places = [
        RsaSigner::signing(&secret()).err(),
        RsaSigner::verifying(data).err(),
        Sm2Signer::signing(&secret(), sm2()).err(),
        Sm2Signer::verifying(data, sm2()).err(),
    ];
    for error in places.into_iter().flatten() {
        match error.place {
            KeyPlace::Line(line) => assert!((1..=data.len() + 1).contains(&line)),
            KeyPlace::Byte(byte) => assert!(byte <= data.len()),
        }
    }
    let signers = SIGNER.get_or_init(|| {
        // The public key of the example of GB/T 32918.5-2017, annex A.
        let point = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020\
                     ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
        [Sm2Encoding::Der, Sm2Encoding::Raw].map(|encoding| {
            let terms = Sm2Terms { encoding, ..sm2() };
            Sm2Signer::verifying(point.as_bytes(), terms).expect("a point of the curve")
        })
    });
    for signer in signers {
        assert!(!signer.verify(b"text", data), "nobody has signed this");
    }
}

/// Our end and the issuer's of every profile that comes with the library. `open`: the answers are
/// not signed, so that what is read after the signature is reached.
fn rest_ends(open: bool) -> Vec<(Rest, Server)> {
    let end = |(name, text): &(&str, &str)| {
        let text = match text.split_once("[answer.sign]\n").filter(|_| open) {
            Some((before, after)) => {
                format!("{before}{}", &after[after.find("\n[").expect("rules follow")..])
            }
            None => (*text).to_string(),
        };
        let terms = RestTerms::parse(&text).expect("what is shipped is sound");
        let left: Vec<String> = terms.missing_params().map(String::from).collect();
        let terms =
            terms.with_params(left.iter().map(|name| (name.as_str(), "P-77"))).expect("they are named");
        let keys = || {
            let key = |name: &str| match name {
                "seal" => Secret::new(vec![9; 16]),
                name => Secret::from(&*format!("{name}-key-of-the-test")),
            };
            let keys = RestKeys::new(Secret::new(vec![5; 32]));
            terms.keys().into_iter().fold(keys, |keys, name| keys.with(name, key(name)))
        };
        let profile = format!(
            "[issuer.{name}]\nadapter = \"rest\"\nverify = \"none\"\nevidence = \"online\"\nidempotency = \
             \"issuer\"\nrecipe = \"query\"\nlate_debit = \"owe\"\nendpoints = [\"a\"]\n"
        );
        let profile =
            Profiles::parse(&profile).expect("it is sound").issuers.remove(*name).expect("it is there");
        let rest = Rest::new(profile, terms.clone(), keys()).expect("the keys are all there");
        (rest, Server::new(terms.clone(), keys()).expect("the keys are all there"))
    };
    PROFILES.iter().map(end).collect()
}

/// Replies of REST issuers; the first byte picks the profile and whether it is signed, the second
/// the operation.
pub fn rest_reply(data: &[u8]) {
    static ENDS: OnceLock<[Vec<(Rest, Server)>; 2]> = OnceLock::new();
    let ends = ENDS.get_or_init(|| [rest_ends(false), rest_ends(true)]);
    let Some(([pick, kind], bytes)) = data.split_first_chunk::<2>() else { return };
    let ends = &ends[usize::from(pick & 1)];
    let (rest, _) = &ends[usize::from(pick >> 1) % ends.len()];
    let kind =
        [OpKind::Balance, OpKind::PinCheck, OpKind::Redeem, OpKind::Query, OpKind::Reverse, OpKind::Receipt]
            [usize::from(*kind) % 6];
    let reference = Reference::debit(RedemptionId([7; 16]));
    let asked = Asked { kind, reference, amount: Amount::new(10_000, Currency::CNY), trace: None };
    let context = IssuerContext { session: &[], now: REST_NOW, nonce: [0; 16] };
    let mut heard = Vec::new();
    let read =
        rest.decode_reply(bytes, &asked, &context, &mut |reference, answer| heard.push((reference, answer)));
    assert!(heard.len() <= 1 && (read.is_ok() || heard.is_empty()));
    if let Err(error) = read {
        assert!(error.at <= bytes.len());
    }
    for (told, answer) in heard {
        assert!(told == reference && answer.kind == kind && !answer.by_file);
        let sure = !matches!(answer.outcome, Outcome::Unknown(_) | Outcome::Pending);
        assert!(!(sure && bytes.starts_with(b"5")), "a server's error is no answer");
        match answer.outcome {
            Outcome::Accepted(yes) | Outcome::Partial(yes) => {
                assert!(kind != OpKind::Reverse);
                assert!(yes.amount.minor() >= 0 && yes.amount.currency() == Currency::CNY);
            }
            Outcome::Declined(_) | Outcome::Duplicate(_) => assert!(kind != OpKind::Reverse),
            Outcome::NotFound => assert!(kind != OpKind::Redeem && kind != OpKind::Reverse),
            Outcome::NotSent => panic!("an answer is proof that the question was sent"),
            _ => {}
        }
    }
}

/// Callbacks of REST issuers; the first byte picks the profile.
pub fn rest_callback(data: &[u8]) {
    static ENDS: OnceLock<Vec<(Rest, Server)>> = OnceLock::new();
    let ends = ENDS.get_or_init(|| rest_ends(false));
    let Some((pick, bytes)) = data.split_first() else { return };
    let (rest, _) = &ends[usize::from(*pick) % ends.len()];
    let context = IssuerContext { session: &[], now: REST_NOW, nonce: [0; 16] };
    let mut heard = Vec::new();
    let read = rest.decode(bytes, &context, &mut |reference, answer| heard.push((reference, answer)));
    assert!(heard.len() <= 1 && (read.is_ok() || heard.is_empty()));
    if let Err(error) = read {
        assert!(error.at <= bytes.len());
    }
    for (_, answer) in heard {
        assert!(
            answer.kind == OpKind::Query && !matches!(answer.outcome, Outcome::NotSent | Outcome::NotFound)
        );
        // Whoever has no key can only send again what was signed once.
        let signed = [&b"07070707070707070707070707070707"[..], b"01010101010101010101010101010101"];
        assert!(signed.iter().any(|id| bytes.windows(32).any(|part| part == *id)), "signed by nobody");
    }
}

/// Requests to REST issuers; the first byte picks the profile.
pub fn rest_request(data: &[u8]) {
    static ENDS: OnceLock<Vec<(Rest, Server)>> = OnceLock::new();
    let ends = ENDS.get_or_init(|| rest_ends(false));
    let Some((pick, bytes)) = data.split_first() else { return };
    let (_, server) = &ends[usize::from(*pick) % ends.len()];
    if let Ok(asked) = server.read(bytes, REST_NOW) {
        assert!(asked.amount.minor() >= 0 && asked.payee.is_none());
    }
}

/// Profile files.
pub fn rest_terms(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let faults = rest::lint(text);
    assert_eq!(RestTerms::parse(text).is_ok(), faults.is_empty());
    for fault in faults {
        assert!(fault.line >= 1 && fault.column >= 1 && fault.line <= text.matches('\n').count() + 1);
    }
}

/// What a file issuer agreed on: quoted or fixed, in either encoding.
fn file_terms() -> &'static [Batch; 4] {
    static TERMS: OnceLock<[Batch; 4]> = OnceLock::new();
    TERMS.get_or_init(|| {
        let profile = concat!(
            "[issuer.f]\nadapter = \"batch\"\nverify = \"none\"\nevidence = \"file\"\n",
            "idempotency = \"issuer\"\nrecipe = \"file\"\nlate_debit = \"owe\"\n",
            "batch_window_ms = 1\nbatch_max = 9\nendpoints = [\"a\"]\n",
        );
        let quoted = concat!(
            "encoding = \"ENC\"\ndelimiter = \"|\"\nquote = \"'\"\ncurrency = \"CNY\"\n",
            "status = { \"00\" = \"accepted\", \"10\" = \"expired\" }\n",
            "[out]\nname = \"OUT_{sequence:4}\"\n",
            "row = [{ field = \"reference\" }, { field = \"secret\" }, { field = \"amount\" }]\n",
            "[result]\nname = \"RES_{sequence:4}\"\nhash_of = \"reference\"\n",
            "row = [{ field = \"reference\" }, { field = \"status\" }, { field = \"issuer_reference\" }, { field = \"amount\" }]\n",
            "trailer = [{ field = \"count\" }, { field = \"sum\" }, { field = \"hash\" }]\n",
        );
        let fixed = quoted
            .replace("delimiter = \"|\"\nquote = \"'\"", "layout = \"fixed\"")
            .replace(" }, {", ", width = 32 }, {")
            .replace(" }]", ", width = 32 }]");
        let build = |text: &str, encoding: &str| {
            let profiles = Profiles::parse(profile).expect("a sound profile");
            let terms = BatchTerms::parse(&text.replace("ENC", encoding)).expect("sound terms");
            Batch::new(profiles.issuers["f"].clone(), terms, None).expect("they fit together")
        };
        let each = |text: &str| [build(text, "utf-8"), build(text, "gb18030")];
        let ([a, b], [c, d]) = (each(quoted), each(&fixed));
        [a, b, c, d]
    })
}

/// Result files; the first byte picks the terms. What counts is in a file that is sound as a whole,
/// and no more than it says.
pub fn batch_decode(data: &[u8]) {
    let Some((pick, body)) = data.split_first() else { return };
    let batch = &file_terms()[usize::from(pick & 3)];
    let bytes = enveloped("RES_0001", None, body);
    let context = issuer::Context { session: &[], now: Wall(0), nonce: [0; 16] };
    let (mut rows, mut sum) = (0_u64, 0_i64);
    let decoded = batch.decode(&bytes, &context, &mut |_, answer| {
        assert!(answer.by_file);
        rows += 1;
        if let Outcome::Accepted(accepted) = answer.outcome {
            sum += accepted.amount.minor();
        }
    });
    match batch.check(&bytes) {
        Ok(totals) => assert!(decoded.is_ok() && rows <= totals.count && sum <= totals.sum),
        Err(error) => assert!(decoded.is_err() && rows == 0 && error.at <= bytes.len()),
    }
}
