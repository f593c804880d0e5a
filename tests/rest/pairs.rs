//! Profiles signed with pairs of keys: the keys are given, and the rest follows from the profile.

use crate::ends::{Ends, NOW, asked, behaviour, cny, debit, keys_of, operation, product, terms_of};
use scrip::adapters::AdapterError;
use scrip::adapters::rest::{Rest, RestKeys, RestTerms, Server, profile};
use scrip::base::{Advice, Secret, Text};
use scrip::codec::pair::{Sm2Signer, Sm2Terms};
use scrip::issuer::{Accepted, Answer, OpKind, Outcome};

/// A private key, and the public one of the other end.
#[derive(Clone, Copy)]
struct Pair(&'static str, &'static str);

macro_rules! pair {
    ($private:literal, $public:literal) => {
        Pair(
            include_str!(concat!("../pair/keys/", $private, ".pem")),
            include_str!(concat!("../pair/keys/", $public, "-public.pem")),
        )
    };
}

/// Ours, the issuer's, and a stranger's who takes himself for the issuer.
fn pairs(algorithm: &str) -> [Pair; 3] {
    if algorithm.starts_with("rsa") {
        [pair!("rsa", "rsa-theirs"), pair!("rsa-theirs", "rsa"), pair!("rsa-strangers", "rsa")]
    } else {
        [pair!("sm2", "sm2-theirs"), pair!("sm2-theirs", "sm2"), pair!("sm2-strangers", "sm2")]
    }
}

/// A platform with JSON whose requests, replies and callbacks are signed, so and not by HMACs.
fn text(algorithm: &str) -> String {
    let text = profile("silkroute").unwrap();
    text.replace("hmac_sha256\"", &format!("{algorithm}\"\ndigits = \"base64\""))
}

fn keys(terms: &RestTerms, Pair(private, public): Pair) -> RestKeys {
    keys_of(terms).signing_with(Secret::from(private)).verifying_with(public.as_bytes())
}

fn ends(text: &str, ours: Pair, theirs: Pair) -> Ends {
    let terms = terms_of(text);
    let rest = Rest::new(behaviour("silkroute"), terms.clone(), keys(&terms, ours)).unwrap();
    let server = Server::new(terms.clone(), keys(&terms, theirs)).unwrap();
    Ends { rest, server, session: Vec::new() }
}

fn yes() -> Outcome {
    let reference = Text::new("I-1").unwrap();
    Outcome::Accepted(Accepted { reference, amount: cny(10_000), card: None, generation: None })
}

fn accepted(answer: Option<Answer>) -> bool {
    answer.is_some_and(|answer| matches!(answer.outcome, Outcome::Accepted(_)))
}

#[test]
fn both_ends_sign_and_verify() {
    for algorithm in ["rsa_sha256", "sm2", "sm2_raw", "sm2\"\nid = \"merchant 77"] {
        let [ours, theirs, stranger] = pairs(algorithm);
        let (honest, forger) = (ends(&text(algorithm), ours, theirs), ends(&text(algorithm), ours, stranger));
        let request = honest.request(&operation(OpKind::Redeem, &product(), 10_000)).unwrap();
        let read = honest.server.read(&request, NOW).unwrap();
        assert_eq!(read.reference, debit(7));
        let reply = honest.server.answer(&read, &yes(), NOW, [3; 16]).unwrap();
        assert!(accepted(honest.heard(&reply, &read)), "{algorithm}");
        let called = honest.server.callback(&read, &yes(), NOW, [3; 16]).unwrap();
        assert!(accepted(honest.called(&called).map(|(_, answer)| answer)), "{algorithm}");

        // A stranger's word is no word, and the issuer does not take his either.
        let reply = forger.server.answer(&read, &yes(), NOW, [3; 16]).unwrap();
        assert!(honest.heard(&reply, &read).is_none(), "{algorithm}");
        let called = forger.server.callback(&read, &yes(), NOW, [3; 16]).unwrap();
        assert!(honest.called(&called).is_none(), "{algorithm}");
        let stranger = ends(&text(algorithm), stranger, theirs);
        let request = stranger.request(&operation(OpKind::Redeem, &product(), 10_000)).unwrap();
        let refused = honest.server.read(&request, NOW).unwrap_err();
        assert!(refused.to_string().contains("a signature by the asker's key"), "{refused}");
    }
}

#[test]
fn a_no_with_a_wrong_signature_is_what_one_with_a_wrong_mac_is() {
    let said = |ends: &Ends, forger: &Ends| {
        let read = asked(OpKind::Redeem, 10_000);
        let no = Outcome::Declined(scrip::issuer::Decline::AlreadyUsed);
        let reply = forger.server.answer(&read, &no, NOW, [3; 16]).unwrap();
        error(ends, &reply)
    };
    let by_mac = {
        let text = profile("silkroute").unwrap();
        let terms = terms_of(text);
        let keys = keys_of(&terms).with("sign", Secret::from("another"));
        let rest = Rest::new(behaviour("silkroute"), terms.clone(), keys_of(&terms)).unwrap();
        let server = Server::new(terms, keys).unwrap();
        let forger = Ends { rest, server, session: Vec::new() };
        said(&Ends::of("silkroute"), &forger)
    };
    for algorithm in ["rsa_sha256", "sm2", "sm2_raw"] {
        let [ours, theirs, stranger] = pairs(algorithm);
        let by_pair = said(&ends(&text(algorithm), ours, theirs), &ends(&text(algorithm), ours, stranger));
        assert_eq!(by_pair.what, by_mac.what, "{algorithm}");
    }
}

/// What our end says of a reply that it does not take.
fn error(ends: &Ends, reply: &[u8]) -> scrip::issuer::DecodeError {
    use scrip::issuer::{Asked, Issuer};
    let asked = Asked { kind: OpKind::Redeem, reference: debit(7), amount: cny(10_000), trace: None };
    let told = &mut |_, answer| panic!("{answer:?}");
    ends.rest.decode_reply(reply, &asked, &ends.context(), told).unwrap_err()
}

#[test]
fn an_answer_may_be_signed_otherwise_than_a_request() {
    let [ours, theirs, _] = pairs("sm2");
    let [rsa_ours, rsa_theirs, _] = pairs("rsa");
    let one = text("sm2");
    let (requests, replies) = one.split_at(one.find("[answer]").unwrap());
    let mixed = format!("{}{}", requests.replace("\"sm2\"", "\"rsa_sha256\""), replies);
    // Requests by RSA, answers and callbacks by SM2.
    let ends = ends(&mixed, Pair(rsa_ours.0, ours.1), Pair(theirs.0, rsa_theirs.1));
    let request = ends.request(&operation(OpKind::Redeem, &product(), 10_000)).unwrap();
    let read = ends.server.read(&request, NOW).unwrap();
    let reply = ends.server.answer(&read, &yes(), NOW, [3; 16]).unwrap();
    assert!(accepted(ends.heard(&reply, &read)));
}

#[test]
fn each_key_has_its_use_and_each_use_its_key() {
    let made = |text: &str, keys: &dyn Fn(RestKeys) -> RestKeys| {
        let terms = terms_of(text);
        let keys = keys(keys_of(&terms));
        Rest::new(behaviour("silkroute"), terms, keys).map(drop).map_err(|error| error.to_string())
    };
    let Pair(private, public) = pairs("sm2")[0];
    let (hmac, sm2, rsa) = (profile("silkroute").unwrap().to_string(), text("sm2"), text("rsa_sha256"));
    let one_way = sm2.replacen("sm2\"\ndigits = \"base64\"", "hmac_sha256\"", 1);
    let private = |keys: RestKeys| keys.signing_with(Secret::from(private));
    let public = |keys: RestKeys| keys.verifying_with(public.as_bytes());
    assert_eq!(made(&sm2, &|keys| public(private(keys))), Ok(()));
    assert_eq!(made(&one_way, &public), Ok(()));
    let two_ids = sm2.replacen("[callback.sign]\n", "[callback.sign]\nid = \"another\"\n", 1);
    for (text, keys, what) in [
        (
            &sm2,
            &public as &dyn Fn(RestKeys) -> RestKeys,
            "rest: this end signs by RSA or SM2: its private key",
        ),
        (&sm2, &private, "rest: the other end signs by RSA or SM2: its public key"),
        (&one_way, &|keys| public(private(keys)), "rest: a private key is given and the profile has no use"),
        (&hmac, &public, "rest: a public key is given and the profile has no use for it"),
        (&two_ids, &|keys| public(private(keys)), "one `algorithm` and one `id`"),
        (&rsa, &|keys| public(private(keys)), "private key, byte 8: an RSA key is expected"),
        (
            &sm2,
            &|keys| keys.verifying_with(b"\n?").signing_with("0a".into()),
            "private key, byte 0: a key in",
        ),
        (&sm2, &|keys| private(keys).verifying_with(b"\n?"), "public key, line 2: Base64 is expected"),
    ] {
        let error = made(text, keys).unwrap_err();
        assert!(error.contains(what), "{error}: {what}");
    }
}

#[test]
fn a_signer_of_the_hosts_must_have_what_it_needs() {
    let Pair(private, public) = pairs("sm2")[0];
    let signing = || Sm2Signer::signing(&Secret::from(private), Sm2Terms::default()).unwrap();
    let made = |signer: Sm2Signer, keys: &dyn Fn(RestKeys) -> RestKeys| {
        let terms = terms_of(&text("sm2"));
        let keys = keys(keys_of(&terms));
        Rest::with_signer(behaviour("silkroute"), terms, keys, Box::new(signer)).map(drop)
    };
    let both = || signing().and_verifying(public.as_bytes(), Sm2Terms::default()).unwrap();
    assert_eq!(made(both(), &|keys| keys), Ok(()));
    let verifying = Sm2Signer::verifying(public.as_bytes(), Sm2Terms::default()).unwrap();
    for (error, what) in [
        (made(signing(), &|keys| keys), "the signer has no public key"),
        (made(verifying, &|keys| keys), "the signer has no private key"),
        (made(both(), &|keys| keys.verifying_with(b"x")), "a signer is given, and keys for one too"),
    ] {
        let error = error.unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn what_is_wrong_with_a_key_has_its_number() {
    let terms = terms_of(&text("rsa_sha256"));
    let keys = keys_of(&terms).signing_with("nothing".into());
    let error = Rest::new(behaviour("silkroute"), terms, keys).unwrap_err();
    assert!(matches!(error, AdapterError::Pair(_)), "{error}");
    assert_eq!((error.code().number(), error.advice()), (3_580, Advice::Fix));
}
