//! What it costs to sign as JOS does and with pairs of keys, and to write a redeem and read its reply with every check.
//! `cargo bench --bench rest`.

use criterion::Criterion;
use scrip::adapters::rest::{Rest, RestKeys, RestTerms, Server, profile};
use scrip::base::{RedemptionId, Secret, Text, Wall};
use scrip::codec::envelope;
use scrip::codec::form::{Canonical, Digits, Keyed, Order, Signer};
use scrip::codec::pair::{RsaSigner, Sm2Signer, Sm2Terms};
use scrip::issuer::{
    Accepted, Asked, CardData, Context, Issuer, Message, OpKind, Operation, Outcome, Profiles, Reference,
};
use scrip::money::{Amount, Currency};
use std::hint::black_box;

const NOW: Wall = Wall(1_795_390_215_000);
const CONTEXT: Context<'static> = Context { session: &[], now: NOW, nonce: [7; 16] };

/// The system parameters of one call.
const FIELDS: [(&str, &str); 6] = [
    ("method", "jingdong.card.recovery.redeem"),
    ("app_key", "0123456789ABCDEF0123456789ABCDEF"),
    ("access_token", "fedcba9876543210fedcba9876543210"),
    ("timestamp", "2026-11-23 07:30:15"),
    ("v", "2.0"),
    (
        "360buy_param_json",
        r#"{"amount":"100.00","cardPwd":"A1B2C3D4E5F60718","outOrderNo":"0707","sku":"E"}"#,
    ),
];

fn signing(c: &mut Criterion) {
    let join = String::new();
    let canonical = Canonical { order: Order::Sorted, pair: Some(String::new()), join, empty: false };
    let secret = b"an application's secret of 32 by";
    c.bench_function("rest: JOS signature", |b| {
        b.iter(|| {
            let text = canonical.text(black_box(&FIELDS), secret, secret);
            Digits::HexUpper.write(&Keyed::Md5.sign(&[], &text))
        });
    });
}

/// A signature of the text of a request, and its verification, by each kind of key beside HMAC.
fn pairs(c: &mut Criterion) {
    const TEXT: &[u8] = &[b'a'; 400];
    let hmac = |c: &mut Criterion, name: &str, digest: Keyed| {
        c.bench_function(&format!("rest: {name}: sign"), |b| {
            b.iter(|| digest.sign(black_box(b"a key of some length"), black_box(TEXT)));
        });
    };
    hmac(c, "md5", Keyed::Md5);
    hmac(c, "hmac_sha256", Keyed::HmacSha256);
    let rsa = RsaSigner::signing(&Secret::from(include_str!("../tests/pair/keys/rsa.pem")));
    let rsa = rsa.and_then(|rsa| rsa.and_verifying(include_bytes!("../tests/pair/keys/rsa-public.pem")));
    let terms = Sm2Terms::default;
    let sm2 = Sm2Signer::signing(&Secret::from(include_str!("../tests/pair/keys/sm2.pem")), terms());
    let public = include_bytes!("../tests/pair/keys/sm2-public.pem");
    let sm2 = sm2.and_then(|sm2| sm2.and_verifying(public, terms()));
    let signers: [(&str, Box<dyn Signer>); 2] = [
        ("rsa_sha256, 2048 bits", Box::new(rsa.expect("a sound pair"))),
        ("sm2", Box::new(sm2.expect("a sound pair"))),
    ];
    for (name, signer) in signers {
        c.bench_function(&format!("rest: {name}: sign"), |b| b.iter(|| signer.sign(black_box(TEXT))));
        let signature = signer.sign(TEXT).expect("it has a key");
        c.bench_function(&format!("rest: {name}: verify"), |b| {
            b.iter(|| assert!(signer.verify(black_box(TEXT), black_box(&signature))));
        });
    }
}

fn ends(name: &str) -> (Rest, Server) {
    let terms = RestTerms::parse(profile(name).expect("it is shipped")).expect("it is sound");
    let open: Vec<String> = terms.missing_params().map(String::from).collect();
    let terms = terms.with_params(open.iter().map(|name| (name.as_str(), "P-77"))).expect("they are named");
    let keys = || {
        let key = |name| if name == "seal" { Secret::new(vec![9; 32]) } else { Secret::from("a secret") };
        let own = RestKeys::new(Secret::new(vec![5; 32]));
        terms.keys().into_iter().fold(own, |keys, name| keys.with(name, key(name)))
    };
    let text = format!(
        "[issuer.{name}]\nadapter = \"rest\"\nverify = \"none\"\nevidence = \"online\"\n\
         idempotency = \"issuer\"\nrecipe = \"query\"\nlate_debit = \"owe\"\nendpoints = [\"a\"]\n"
    );
    let behaviour = Profiles::parse(&text).expect("it is sound").issuers.remove(name).expect("it is there");
    let rest = Rest::new(behaviour, terms.clone(), keys()).expect("all fits");
    (rest, Server::new(terms.clone(), keys()).expect("all fits"))
}

fn messages(c: &mut Criterion) {
    let product = Text::new("E-100").expect("a short text");
    let amount = Amount::new(10_000, Currency::CNY);
    let reference = Reference::debit(RedemptionId([7; 16]));
    let card = Some(CardData { number: Some(b"2326880001234567"), secret: b"A1B2C3D4E5F60718" });
    let redeem = Operation { kind: OpKind::Redeem, reference, product: &product, card, amount, attempt: 1 };
    let yes = Accepted { reference: product.clone(), amount, card: None, generation: None };
    for name in ["jd", "walmart"] {
        let (rest, server) = ends(name);
        c.bench_function(&format!("rest: {name}: encode a redeem"), |b| {
            b.iter(|| {
                let mut message = Message::default();
                rest.encode(black_box(std::slice::from_ref(&redeem)), &CONTEXT, &mut message)
                    .expect("it fits");
                message
            });
        });
        let mut message = Message::default();
        rest.encode(std::slice::from_ref(&redeem), &CONTEXT, &mut message).expect("it fits");
        let mut request = message.head.clone();
        envelope::end(&message.body, &mut request);
        let read = server.read(&request, NOW).expect("it was signed");
        let reply =
            server.answer(&read, &Outcome::Accepted(yes.clone()), NOW, [3; 16]).expect("it has words");
        let asked = Asked { kind: OpKind::Redeem, reference, amount, trace: None };
        c.bench_function(&format!("rest: {name}: decode a reply"), |b| {
            b.iter(|| {
                let mut heard = None;
                let told = &mut |_, answer| heard = Some(answer);
                rest.decode_reply(black_box(&reply), &asked, &CONTEXT, told).expect("it is signed");
                assert!(matches!(heard.expect("an answer").outcome, Outcome::Accepted(_)));
            });
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    signing(&mut criterion);
    pairs(&mut criterion);
    messages(&mut criterion);
    criterion.final_summary();
}
