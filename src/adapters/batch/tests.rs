use super::*;
use crate::base::RedemptionId;
use crate::issuer::{Decline, Profiles};
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use proptest::prelude::*;

const TERMS: &str = r#"
encoding = "utf-8"
delimiter = "|"
quote = '"'
currency = "CNY"
amount = "decimal"
status = { "00" = "accepted", "01" = "partial", "02" = "pending", "03" = "not_found", "04" = "duplicate", "05" = "reversed", "06" = "reversal_unconfirmed", "07" = "reversal_refused", "08" = "unsure", "10" = "expired" }
operations = { redeem = "D", reverse = "R" }

[out]
name = "OUT_{date}{time}_{sequence:4}.txt"
hash_of = "amount"
header = [{ text = "H" }, { field = "date" }, { field = "count" }, { field = "sum" }, { field = "hash" }]
row = [{ field = "reference" }, { field = "operation" }, { field = "product" }, { field = "number" }, { field = "secret" }, { field = "amount" }, { field = "currency" }, { field = "attempt" }]

[result]
name = "RES_{date}_{sequence:4}.txt"
header = [{ text = "结果" }, { field = "date" }, { field = "sequence" }]
row = [{ field = "line" }, { field = "reference" }, { field = "operation" }, { field = "status" }, { field = "issuer_reference" }, { field = "amount" }, { field = "currency" }]
trailer = [{ text = "<END>" }, { field = "count" }, { field = "sum" }]
"#;

const PROFILE: &str = r#"
[issuer.files]
adapter = "batch"
verify = "none"
evidence = "file"
idempotency = "issuer"
recipe = "file"
can_reverse = true
batch_window_ms = 1
batch_max = 9
endpoints = ["a"]
"#;

fn profile() -> IssuerProfile {
    Profiles::parse(PROFILE).unwrap().issuers["files"].clone()
}

fn terms(change: impl Fn(String) -> String) -> BatchTerms {
    BatchTerms::parse(&change(TERMS.into())).unwrap()
}

/// Terms with the columns of fixed width.
fn fixed(text: &str) -> String {
    let text = text.replace("delimiter = \"|\"", "layout = \"fixed\"").replace("quote = '\"'", "");
    text.replace(" }, {", ", width = 140 }, {").replace(" }]", ", width = 140 }]")
}

/// Sealed cards in place of numbers and secrets, and tags in the rows that come back.
fn sealed(text: &str) -> String {
    let text = text.replace("{ field = \"number\" }, { field = \"secret\" }", "{ field = \"card\" }");
    text.replace("row = [{ field = \"line\" }", "row = [{ field = \"line\" }, { field = \"tag\" }")
}

fn batch() -> Batch {
    Batch::new(profile(), terms(|text| text), None).unwrap()
}

fn server() -> BatchServer {
    BatchServer::new(terms(|text| text), None).unwrap()
}

fn cny(minor: i64) -> Amount {
    Amount::new(minor, Currency::CNY)
}

fn debit(n: u8) -> Reference {
    Reference::debit(RedemptionId([n; 16]))
}

fn context(session: &[u8]) -> Context<'_> {
    Context { session, now: Wall(1_795_390_215_000), nonce: [7; 16] }
}

fn redeem<'a>(product: &'a Text, n: u8, card: CardData<'a>) -> Operation<'a> {
    let (reference, amount) = (debit(n), cny(10_000 + i64::from(n)));
    Operation { kind: OpKind::Redeem, reference, product, card: Some(card), amount, attempt: 1 }
}

fn told(n: u8, kind: OpKind, outcome: Outcome) -> (Reference, Answer) {
    (debit(n), Answer { kind, outcome, by_file: true })
}

fn yes(minor: i64) -> Outcome {
    let reference = Text::new("他们的|\"0\"").unwrap();
    Outcome::Accepted(Accepted { reference, amount: cny(minor), card: None, generation: None })
}

fn meta(sequence: u32) -> FileMeta {
    FileMeta { at: Wall(1_795_390_215_000), sequence }
}

fn result(server: &BatchServer, sequence: u32, answers: &[(Reference, Answer)]) -> Vec<u8> {
    let message = server.write(&meta(sequence), answers).unwrap();
    enveloped(core::str::from_utf8(&message.head).unwrap(), None, &message.body)
}

fn heard(batch: &Batch, session: &[u8], bytes: &[u8]) -> Result<Vec<(Reference, Answer)>, DecodeError> {
    let mut heard = Vec::new();
    batch.decode(bytes, &context(session), &mut |to, answer| heard.push((to, answer)))?;
    Ok(heard)
}

#[test]
fn a_file_of_debits_reads_back_at_the_issuer() {
    let product = Text::new("购物卡|\"A\"").unwrap();
    let card = CardData { number: Some(b"2326000000000001"), secret: b"a|b\"c" };
    let mut operations = vec![redeem(&product, 1, card), redeem(&product, 2, card)];
    operations[1].kind = OpKind::Reverse;
    operations[1].card = None;
    let mut message = Message::default();
    batch().encode(&operations, &context(&[]), &mut message).unwrap();
    let name = core::str::from_utf8(&message.head).unwrap();
    assert_eq!(name, "OUT_20261123073015_0001.txt");
    assert!(message.body.starts_with(b"H|20261123|2|200.03|20003\n"));
    let asked = server().read(name, None, &message.body).unwrap();
    assert_eq!(asked[0].card.as_ref().unwrap().data().secret, card.secret);
    assert_eq!((asked[0].product.as_ref(), asked[0].amount), (Some(&product), cny(10_001)));
    assert_eq!(
        (asked[1].kind, asked[1].card.is_none(), asked[1].reference),
        (OpKind::Reverse, true, debit(2))
    );
    let mut second = Message::default();
    batch().encode(&operations, &context(message.session.as_ref().unwrap()), &mut second).unwrap();
    assert!(second.head.ends_with(b"_0002.txt"), "the number lies in the session");
}

#[test]
fn a_sealed_card_opens_at_the_issuer_and_never_stands_in_the_file() {
    let (key, terms) = (Secret::new(vec![5; 32]), terms(|text| sealed(&text)));
    let echoing = IssuerProfile { echoes_card: true, ..profile() };
    let batch = Batch::new(echoing.clone(), terms.clone(), Some(key.clone())).unwrap();
    let server = BatchServer::new(terms.clone(), Some(key)).unwrap();
    let product = Text::new("gift").unwrap();
    let card = CardData { number: Some(b"2326000000000001"), secret: b"739164" };
    let mut message = Message::default();
    batch.encode(&[redeem(&product, 1, card)], &context(&[]), &mut message).unwrap();
    assert!(!message.body.windows(6).any(|part| part == b"739164"));
    let name = core::str::from_utf8(&message.head).unwrap();
    let asked = server.read(name, None, &message.body).unwrap();
    assert_eq!(asked[0].card.as_ref().unwrap().data().secret, b"739164");
    let tag = server.card_tag(card);
    assert!(tag.is_some() && tag == batch.card_tag(card));
    let mut answer = told(1, OpKind::Redeem, yes(10_001));
    if let Outcome::Accepted(accepted) = &mut answer.1.outcome {
        accepted.card = tag;
    }
    assert_eq!(heard(&batch, &[], &result(&server, 1, &[answer.clone()])), Ok(vec![answer]));
    assert!(Batch::new(echoing, terms, None).is_err(), "it needs a key");
}

#[test]
fn every_outcome_reads_back_and_what_is_not_agreed_is_unknown() {
    let accepted = |outcome| told(1, OpKind::Redeem, outcome);
    let Outcome::Accepted(partial) = yes(1) else { panic!("an approval") };
    let answers = vec![
        accepted(yes(10_000)),
        accepted(Outcome::Partial(partial)),
        accepted(Outcome::Pending),
        accepted(Outcome::NotFound),
        accepted(Outcome::Duplicate(Text::new("B-0").unwrap())),
        told(2, OpKind::Reverse, Outcome::Reversed),
        told(2, OpKind::Reverse, Outcome::ReversalUnconfirmed),
        told(2, OpKind::Reverse, Outcome::ReversalRefused),
        accepted(Outcome::Unknown(Cause::IssuerUnsure)),
        accepted(Outcome::Declined(Decline::Expired)),
    ];
    let bytes = result(&server(), 1, &answers);
    assert_eq!(heard(&batch(), &[], &bytes), Ok(answers));
    let unsaid = told(1, OpKind::Redeem, Outcome::Declined(Decline::Void));
    assert_eq!(server().write(&meta(1), &[unsaid]).unwrap_err(), EncodeError::Field("status"));
    let text = String::from_utf8(result(&server(), 1, &[accepted(yes(10_000))])).unwrap();
    for (from, to) in [("|00|", "|77|"), ("|CNY", "|RMB"), ("|D|", "|X|"), ("\"他们的|\"\"0\"\"\"", "")] {
        assert!(text.contains(from), "{from}: {text}");
        let heard = heard(&batch(), &[], text.replace(from, to).as_bytes()).unwrap();
        assert_eq!(heard, [accepted(Outcome::Unknown(Cause::Unmapped))], "{to}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_line_and_nothing_of_it_counts() {
    let answers = [told(1, OpKind::Redeem, yes(10_000)), told(2, OpKind::Redeem, yes(5_000))];
    let text = String::from_utf8(result(&server(), 1, &answers)).unwrap();
    let trailer = "<END>|2|150.00\n";
    assert!(text.ends_with(trailer), "{text}");
    for (from, to, expected) in [
        (trailer, "<END>|3|150.00\n", "line 4: 3 rows are expected, 2 were found"),
        (trailer, "<END>|2|150.01\n", "line 4: a sum of 15001 minor units is expected, 15000 was found"),
        (trailer, "", "line 3: column 0: as many columns as agreed is expected"),
        (trailer, "<ENDE>|2|150.00\n", "line 4: column 1: the text agreed for this line is expected"),
        ("|50.00|", "|50.0x|", "line 3: column 6: an amount as agreed is expected"),
        ("\n2|", "\n3|", "line 3: column 1: the number of the row is expected"),
        ("结果|20261123|1", "结果|20261123|2", "line 1: the date and number of the file's name are expected"),
        ("RES_", "RAS_", "line 0: the name of a file as agreed is expected"),
        ("\n2|", "\n\n2|", "line 3: column 0: as many columns as agreed is expected"),
    ] {
        assert!(text.contains(from), "{from}");
        let bad = text.replace(from, to);
        assert_eq!(batch().check(bad.as_bytes()).unwrap_err().to_string(), expected);
        let silent = batch().decode(bad.as_bytes(), &context(&[]), &mut |_, _| panic!("it counts"));
        assert!(silent.is_err());
    }
    assert_eq!(batch().check(text.as_bytes()), Ok(Totals { count: 2, sum: 15_000, hash: 0 }));
    assert!(batch().check(b"").is_err());
}

#[test]
fn a_digest_is_asked_for_where_the_terms_have_one() {
    let with_digest = terms(|text| format!("digest_suffix = \".sha256\"\n{text}"));
    let batch = Batch::new(profile(), with_digest.clone(), None).unwrap();
    let server = BatchServer::new(with_digest, None).unwrap();
    let message = server.write(&meta(1), &[told(1, OpKind::Redeem, Outcome::Pending)]).unwrap();
    let name = core::str::from_utf8(&message.head).unwrap();
    let digest = crate::base::Hasher::new().with(&message.body).finish().to_string();
    for (said, sound) in [
        (Some(digest.clone()), true),
        (Some(digest.to_uppercase()), true),
        (Some(format!("{digest}  {name}")), true),
        (Some(format!("{digest} *{name}")), true),
        (Some(format!("{digest}  other.txt")), false),
        (Some("00".repeat(32)), false),
        (None, false),
    ] {
        let bytes = enveloped(name, said.as_deref(), &message.body);
        assert_eq!(batch.check(&bytes).is_ok(), sound, "{said:?}");
    }
}

#[test]
fn another_file_of_a_number_that_was_taken_is_refused() {
    let first = result(&server(), 1, &[told(1, OpKind::Redeem, yes(10_000))]);
    let other = result(&server(), 1, &[told(1, OpKind::Redeem, Outcome::Declined(Decline::Expired))]);
    let session = batch().learn(&first, &context(&[])).unwrap();
    assert!(batch().learn(&first, &context(&session)).is_none(), "nothing new");
    assert!(heard(&batch(), &session, &first).is_ok());
    assert!(heard(&batch(), &session, &other).unwrap_err().what.contains("another file"));
    let next = result(&server(), 2, &[told(1, OpKind::Redeem, Outcome::Declined(Decline::Expired))]);
    assert!(heard(&batch(), &session, &next).is_ok(), "a correction has a number of its own");
}

#[test]
fn what_files_cannot_say_is_not_sent() {
    let product = Text::new("gift").unwrap();
    let card = CardData { number: None, secret: b"1" };
    let good = || redeem(&product, 1, card);
    let fail = |operation| batch().encode(&[operation], &context(&[]), &mut Message::default()).unwrap_err();
    assert_eq!(fail(Operation { kind: OpKind::Query, ..good() }), EncodeError::Unsupported("query"));
    assert_eq!(fail(Operation { card: None, ..good() }), EncodeError::Field("card"));
    assert_eq!(fail(Operation { amount: cny(-1), ..good() }), EncodeError::Field("amount"));
    let broken = CardData { number: None, secret: b"\xff" };
    assert_eq!(fail(Operation { card: Some(broken), ..good() }), EncodeError::Field("secret"));
}

#[test]
fn wrong_terms_are_refused_with_their_place() {
    for (from, to, line, what) in [
        ("\"utf-8\"", "\"gbk\"", 2, "encoding"),
        ("encoding =", "encodings =", 2, "encodings"),
        ("\"CNY\"", "\"RMB\"", 5, "currency"),
        ("\"expired\"", "\"bad_luck\"", 7, "status"),
        ("redeem = ", "query = ", 8, "redeem and reverse"),
        ("_{sequence:4}", "", 11, "sequence"),
        ("hash_of = \"amount\"", "", 14, "hash total"),
        ("{ field = \"status\" }, ", "", 19, "needs columns"),
        ("{ text = \"<END>\" }", "{ text = \"<END>\", width = 5 }", 20, "width"),
        ("{ text = \"<END>\" }", "{ field = \"secret\" }", 20, "no place"),
        ("trailer = [{ text = \"<END>\" }, { field = \"count\" }, { field = \"sum\" }]", "", 16, "whole"),
    ] {
        assert!(TERMS.contains(from), "{from}");
        let error = BatchTerms::parse(&TERMS.replace(from, to)).unwrap_err();
        assert!(error.what.contains(what), "{error}");
        assert_eq!(error.line, line, "{error}");
    }
}

#[test]
fn a_profile_that_no_file_issuer_has_is_refused() {
    let refused = |from: &str, to: &str| {
        let profile = Profiles::parse(&PROFILE.replace(from, to)).unwrap().issuers["files"].clone();
        Batch::new(profile, terms(|text| text), None).is_err()
    };
    assert!(!refused("a", "a"));
    assert!(refused("\"file\"\nidem", "\"online\"\nidem"));
    assert!(refused("recipe = \"file\"", "recipe = \"query\""));
    assert!(refused("can_reverse = true", "can_reverse = true\nechoes_card = true"));
}

fn printable() -> impl Strategy<Value = String> {
    prop_oneof!["[|\"0 皘亅€]{1,8}", "\\PC{1,12}"].prop_filter("a text", |text| Text::new(text).is_ok())
}

proptest! {
    #[test]
    fn any_rows_read_back_in_every_layout_and_encoding(
        rows in proptest::collection::vec((any::<[u8; 16]>(), printable(), 0..=i64::MAX / 1_000, 0..3_u8), 0..6),
    ) {
        let answers: Vec<_> = rows.into_iter().map(|(id, theirs, minor, pick)| {
            let reference = Text::new(&theirs).unwrap();
            let outcome = match pick {
                0 => Outcome::Accepted(Accepted { reference, amount: cny(minor), card: None, generation: None }),
                1 => Outcome::Duplicate(reference),
                _ => Outcome::Declined(Decline::Expired),
            };
            (Reference::debit(RedemptionId(id)), Answer { kind: OpKind::Redeem, outcome, by_file: true })
        }).collect();
        for layout in [TERMS.to_string(), fixed(TERMS)] {
            for encoding in ["utf-8", "gb18030"] {
                let Ok(terms) = BatchTerms::parse(&layout.replace("\"utf-8\"", &format!("{encoding:?}"))) else {
                    prop_assert!(encoding == "gb18030" && !cfg!(feature = "gb18030"));
                    continue;
                };
                let server = BatchServer::new(terms.clone(), None).unwrap();
                let batch = Batch::new(profile(), terms, None).unwrap();
                // What the layout cannot hold is refused when it is written.
                let Ok(message) = server.write(&meta(3), &answers) else { continue };
                let bytes = enveloped(core::str::from_utf8(&message.head).unwrap(), None, &message.body);
                prop_assert_eq!(heard(&batch, &[], &bytes), Ok(answers.clone()));
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let named = enveloped("RES_20261123_0001.txt", None, &bytes);
        prop_assert!(batch().check(&bytes).is_err());
        let _ = batch().check(&named);
    }
}
