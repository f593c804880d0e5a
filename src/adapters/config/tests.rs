use super::*;
use crate::engine::ChannelId;
use alloc::string::ToString;

const TEXT: &str = r##"
# A till with one issuer and one rail.
[product.gift]
issuer = "scripted"
family = "supermarket"
currencies = ["CNY"]
face = { values = [
    "100",
    "200",
] }
rate = "0.92"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6] }

[keys]
key.1 = "0101010101010101010101010101010101010101010101010101010101010101"
pepper.1 = "0202020202020202020202020202020202020202020202020202020202020202"
channel.scripted = "0303030303030303030303030303030303030303030303030303030303030303"

[policy.risk.velocity]
limit = 5

[issuer.scripted]
adapter = "plain"
verify = "balance"
evidence = "online"
idempotency = "issuer"
recipe = "query"
late_debit = "owe"
endpoints = ["# not a comment", '''
[nothing]''']

[rail.wallet] # pays
adapter = "plain"
endpoints = ["b"]

[bounds]
in_flight = 8
"##;

fn refused(text: &str) -> String {
    setup(text).unwrap_err().to_string()
}

fn without(line: &str, put: &str) -> String {
    assert!(TEXT.contains(line), "{line}");
    TEXT.replace(line, put)
}

#[test]
fn the_ring_may_come_from_elsewhere() {
    use crate::vault::{KeyId, PepperVersion};
    let ring = || {
        let key = |byte| Secret::new([byte; 32].to_vec());
        KeyRing::new([(KeyId(7), key(1))].into(), [(PepperVersion(1), key(2))].into()).unwrap()
    };
    let keys = TEXT.lines().filter(|line| line.starts_with("key.") || line.starts_with("pepper."));
    let text = keys.fold(TEXT.to_string(), |text, line| text.replace(line, ""));
    assert_eq!(setup_with(&text, ring()).unwrap().keys().current_key(), KeyId(7));
    let both = setup_with(TEXT, ring()).unwrap_err().to_string();
    assert!(both.contains("comes from elsewhere"), "{both}");
    assert!(refused(&text).contains("a key ring needs a key"));
}

#[test]
fn one_text_gives_the_whole_setup() {
    let setup = setup(TEXT).unwrap();
    assert!(setup.catalogue().product("gift").is_some());
    assert_eq!(setup.channel_name(ChannelId(0)), Some("scripted"));
    assert_eq!(setup.channel_name(ChannelId(1)), Some("wallet"));
    assert_eq!(setup.channels(), 2);
}

#[test]
fn every_part_keeps_its_place_in_the_whole_text() {
    let cases = [
        (without("rate = \"0.92\"", "rate = 1"), "line 11, column 8"),
        (without("limit = 5", "limits = 5"), "line 21, column 1"),
        (without("verify = \"balance\"", "verify = \"guess\""), "line 25, column 10"),
        (without("in_flight = 8", "in_flights = 8"), "line 38, column 1"),
        (without("key.1 = \"01", "key.1 = \"0x"), "line 16, column 9"),
        (without("pepper.1", "peppers.1"), "line 17, column 9"),
        (without("[bounds]", "[bound]"), "line 37, column 2"),
        (without("# A till", "x = 1"), "line 2, column 1"),
        (without("[policy.risk.velocity]", "[policy]"), "line 20, column 2"),
        (without("adapter = \"plain\"\nverify", "adapter = \"x25\"\nverify"), "line 23, column 1"),
        (without("[rail.wallet]", "[rail."), "line 33, column "),
    ];
    for (text, place) in cases {
        let error = refused(&text);
        assert!(error.contains(place), "{place}: {error}");
    }
}

#[test]
fn a_channel_without_a_key_and_a_key_without_a_channel_are_refused() {
    assert!(refused(&without("channel.scripted", "channel.other")).contains("needs channel.scripted"));
    let twice =
        without("channel.scripted", &alloc::format!("channel.x = \"{}\"\nchannel.scripted", "04".repeat(32)));
    assert!(refused(&twice).contains("no channel `x`"));
    let signed =
        without("[rail.wallet] # pays\nadapter = \"plain\"", "[rail.wallet]\nadapter = \"signed_json\"");
    assert!(refused(&signed).contains("needs channel.wallet"));
}

#[test]
fn keys_never_stand_in_an_error() {
    for (from, to) in [("key.1 = \"", "key.1 = \"zz"), ("0101\"\n", "0101\n"), ("key.1", "1.key.1.2")] {
        let error = refused(&without(from, to));
        assert!(!error.contains("0101"), "{error}");
    }
}

#[test]
fn what_is_missing_is_told() {
    assert_eq!(setup("").unwrap_err().code().number(), 5_001);
    let keyless = without("pepper.1", "key.2");
    assert_eq!(setup(&keyless).unwrap_err(), ConfigError::Keys(VaultError::NoPepper));
}

#[test]
fn keys_of_tokens_stand_with_the_other_keys() {
    let rule = "[product.gift.token]\nalgorithm = \"hmac-sha256\"\nstep_ms = 30_000\nkeys = [{ id = 1 }]\n\n[keys]\n";
    let digits = "05".repeat(32);
    let key = |line: &str| without("[keys]\n", &alloc::format!("{rule}{line}\n"));
    let good = alloc::format!("token.gift.1 = \"{digits}\"");
    assert!(setup(&key(&good)).is_ok());
    for (line, expected) in [
        (String::new(), "line 3, column 1: product `gift` needs token.gift.1 in [keys]"),
        (
            alloc::format!("{good}\ntoken.gift.2 = \"{digits}\""),
            "line 22, column 12: product `gift` lists no token key 2",
        ),
        (
            alloc::format!("{good}\ntoken.other.1 = \"{digits}\""),
            "line 22, column 13: product `other` lists no token key 1",
        ),
        ("token.gift.one = \"05\"".into(), "line 21, column 12: a number up to 4294967295"),
        ("token.gift.1 = \"05\"".into(), "line 21, column 16: 64 lower-case hexadecimal digits"),
        (
            "token.gift = \"05\"".into(),
            "line 21, column 14: key.NUMBER, pepper.NUMBER, channel.NAME or token.",
        ),
    ] {
        let error = refused(&key(&line));
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("0505"), "{error}");
    }
    let unexpected = without("channel.scripted", &alloc::format!("{good}\nchannel.scripted"));
    assert!(refused(&unexpected).contains("lists no token key 1"));
}

/// The set-up with an issuer whose terms are `terms`.
fn with_rest(adapter: &str, terms: &str, secrets: &str) -> String {
    let text = without("adapter = \"plain\"\nverify", &alloc::format!("adapter = \"{adapter}\"\nverify"));
    let text = text.replace("[rail.wallet]", &alloc::format!("{terms}\n[rail.wallet]"));
    text.replace("channel.scripted", &alloc::format!("{secrets}\nchannel.scripted"))
}

const JD: &str = "[issuer.scripted.terms.params]\napp_key = \"K\"\n";
const JD_KEYS: &str = "secret.scripted.sign = \"s3cret\"\nsecret.scripted.access_token = { hex = \"6162\" }";

#[test]
fn issuers_with_terms_stand_in_the_same_text() {
    assert!(setup(&with_rest("jd", JD, JD_KEYS)).is_ok());
    let named = JD.replace(".params]", "]\nprofile = \"jd\"\n[issuer.scripted.terms.params]");
    assert!(setup(&with_rest("rest", &named, JD_KEYS)).is_ok());
    // A whole profile below the table.
    let own = rest::profile("jd").unwrap().replace("app_key = \"\"", "app_key = \"K\"");
    let own = own.replace("\n[[", "\n[[issuer.scripted.terms.").replace("\n[", "\n[issuer.scripted.terms.");
    let own = own.replace("[issuer.scripted.terms.[issuer", "[[issuer");
    let own = alloc::format!("[issuer.scripted.terms]\n{own}");
    setup(&with_rest("rest", &own, JD_KEYS)).unwrap();
    let wrong = own.replace("\"hex_upper\"", "\"hex\"");
    let error = refused(&with_rest("rest", &wrong, JD_KEYS));
    let text = with_rest("rest", &wrong, JD_KEYS);
    let line = text.lines().position(|line| line == "digits = \"hex\"").unwrap() + 1;
    assert!(error.starts_with(&alloc::format!("line {line}, column 10: digits: `hex`")), "{error}");
}

#[test]
fn terms_and_their_keys_are_asked_for() {
    let jd = |terms: &str, keys: &str| refused(&with_rest("jd", terms, keys));
    for (error, expected) in [
        (jd("", JD_KEYS), "terms: params.app_key needs a value"),
        (jd(&JD.replace("app_key", "app_kay"), JD_KEYS), "params: the profile has no `app_kay`"),
        (jd(&JD.replace(".params]", "]"), JD_KEYS), "`app_key` is not known here"),
        (jd(JD, ""), "channel `scripted` needs secret.scripted.access_token in [keys]"),
        (jd(JD, &alloc::format!("{JD_KEYS}\nsecret.scripted.seal = \"x\"")), "name no key `seal`"),
        (jd(JD, &alloc::format!("{JD_KEYS}\nsecret.other.seal = \"x\"")), "no channel `other` asks for"),
        (jd(JD, &JD_KEYS.replace("6162", "616")), "a text or { hex = \"...\" } is expected"),
        (refused(&with_rest("plain", JD, "")), "issuer `scripted` asks for no terms"),
        (refused(&with_rest("rest", JD, JD_KEYS)), "`answer` is expected"),
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!error.contains("s3cret") && error.starts_with("line "), "{error}");
    }
    let other = JD.replace(".params]", "]\nprofile = \"nobody\"\n[issuer.scripted.terms.params]");
    assert!(refused(&with_rest("rest", &other, JD_KEYS)).contains("does not come with the library"));
}

#[cfg(all(feature = "rsa", feature = "sm2"))]
#[test]
fn a_pair_of_keys_stands_in_the_same_text() {
    // The example of GB/T 32918.5-2017, annex A.
    const PRIVATE: &str = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
    const POINT: &str = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020\
                         ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
    let own = rest::profile("silkroute").unwrap();
    let own = own.replace("key = \"\"", "key = \"K\"").replace("url = \"\"", "url = \"K\"");
    let own = own.replace("hmac_sha256\"", "sm2_raw\"\nid = \"merchant 77\"");
    let own = own.replace("\n[[", "\n[[issuer.scripted.terms.").replace("\n[", "\n[issuer.scripted.terms.");
    let own = own.replace("[issuer.scripted.terms.[issuer", "[[issuer");
    let terms = alloc::format!("[issuer.scripted.terms]\n{own}");
    let with = |pair: &str, terms: &str| {
        let seal = "secret.scripted.seal = \"0123456789abcdef\"";
        let text = with_rest("rest", terms, &alloc::format!("{seal}\n{pair}"));
        setup(&text.replace("verify = \"balance\"", "verify = \"pin_check\"")).map(drop)
    };
    let pair = alloc::format!("pair.scripted = {{ private = \"{PRIVATE}\", public = '{POINT}' }}");
    assert_eq!(with(&pair, &terms), Ok(()));
    let rsa = terms.replace("sm2_raw\"\nid = \"merchant 77\"", "rsa_sha256\"");
    for (pair, terms, expected) in [
        (pair.replace("5b8\"", "5b8\\n?\""), &terms, "channel `scripted`: private key, line 2: Base64"),
        (
            pair.replace("09f9", "09fa"),
            &terms,
            "channel `scripted`: public key, byte 0: a point of the curve",
        ),
        (pair.clone(), &rsa, "channel `scripted`: private key, byte 0: a key in PEM"),
        (String::new(), &terms, "channel `scripted`: rest: this end signs by RSA or SM2: its private key"),
        (pair.replace("pair.scripted", "pair.other"), &terms, "channel `scripted`: rest: this end signs"),
        (alloc::format!("{pair}\n{}", pair.replace("scripted", "other")), &terms, "no channel `other` signs"),
        (pair.replace("private", "privat"), &terms, "or one of the two, is expected"),
        ("pair.scripted = \"x\"".into(), &terms, "or one of the two, is expected"),
        ("pair.scripted = { public = 7 }".into(), &terms, "the text of a key is expected"),
    ] {
        let error = with(&pair, terms).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!error.contains(&PRIVATE[..8]) && !error.contains(&POINT[..8]), "{error}");
    }
}

/// The till with a file issuer, whose terms stand in tables of their own.
fn with_files() -> String {
    let profile = concat!(
        "adapter = \"batch\"\nverify = \"none\"\nevidence = \"file\"\nidempotency = \"issuer\"\nrecipe = \"file\"\n",
        "late_debit = \"owe\"\nbatch_window_ms = 1000\nbatch_max = 10\nendpoints = [\"a\"]\n\n",
        "[issuer.scripted.terms]\ncurrency = \"CNY\"\nstatus = { \"00\" = \"accepted\" }\n\n",
        "[issuer.scripted.terms.out]\nname = \"OUT_{sequence:4}.txt\"\n",
        "row = [{ field = \"reference\" }, { field = \"card\" }, { field = \"amount\" }]\n\n",
        "[issuer.scripted.terms.result]\nname = \"RES_{sequence:4}.txt\"\n",
        "row = [{ field = \"reference\" }, { field = \"status\" }, { field = \"amount\" }]\n",
        "trailer = [{ field = \"count\" }]\n",
    );
    let start = TEXT.find("adapter = \"plain\"\nverify").unwrap();
    let end = TEXT.find("[rail.wallet]").unwrap();
    [&TEXT[..start], profile, "\n", &TEXT[end..]].concat()
}

#[test]
fn a_file_issuer_has_its_terms_below_its_profile() {
    let text = with_files();
    assert_eq!(setup(&text).unwrap().channel_name(ChannelId(0)), Some("scripted"));
    let place = |text: &str, what: &str| {
        let at = text.find(what).unwrap();
        let line = text[..at].matches('\n').count() + 1;
        alloc::format!("line {line}, column {}", at - text[..at].rfind('\n').unwrap())
    };
    for (from, to, at, what) in [
        ("\"CNY\"\nstatus", "\"RMB\"\nstatus", "\"RMB\"", "currency"),
        ("OUT_{sequence:4}", "OUT", "\"OUT.txt\"", "sequence"),
        ("currency = \"CNY\"\n", "colour = 1\ncurrency = \"CNY\"\n", "colour", "colour"),
    ] {
        let wrong = text.replace(from, to);
        let error = refused(&wrong);
        assert!(error.contains(&place(&wrong, at)) && error.contains(what), "{error}");
    }
    let without_terms = &text[..text.find("[issuer.scripted.terms]").unwrap()];
    let rest = &text[text.find("[rail.wallet]").unwrap()..];
    assert!(refused(&[without_terms, rest].concat()).contains("[issuer.scripted.terms]"));
    let stranger = text.replace("[issuer.scripted.terms]", "[issuer.other.terms]\n[issuer.scripted.terms]");
    assert!(refused(&stranger).contains("`other` asks for no terms"));
    let idle = alloc::format!("{TEXT}\n[issuer.scripted.terms]\n");
    assert!(refused(&idle).contains("asks for no terms"));
    assert!(refused(&text.replace("channel.scripted", "channel.other")).contains("needs channel.scripted"));
}

#[cfg(feature = "bank-des")]
fn with_bank(terms: &str) -> String {
    let channel = TEXT.find("[issuer.scripted]").unwrap();
    let (before, after) = TEXT.split_at(channel);
    let profile = after.replace("idempotency = \"issuer\"", "idempotency = \"none\"");
    let profile = profile.replace("verify = \"balance\"", "verify = \"pin_check\"");
    let profile = profile
        .replace("recipe = \"query\"", "recipe = \"reverse\"\ncan_reverse = true\non_absent = \"decline\"");
    let profile = profile.replacen("adapter = \"plain\"", "adapter = \"bank\"", 1);
    let key = "secret.scripted.master = { hex = \"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\" }\n";
    alloc::format!(
        "{}{profile}\n[issuer.scripted.terms]\n{terms}",
        before.replace("[policy", &alloc::format!("{key}[policy"))
    )
}

#[cfg(feature = "bank-des")]
#[test]
fn a_bank_has_its_terms_format_and_keys() {
    let terms = "terminal = \"TERM0001\"\nmerchant = \"MERCHANT0000001\"\nencoding = \"bcd\"\n\
        message = \"[frame]\\nlength = 'binary2'\"\ncrypto = { mac = \"x9.19\", pin = \"iso0\" }\n";
    setup(&with_bank(terms)).unwrap();
    let last = with_bank("").lines().count();
    for (from, to, line, what) in [
        ("TERM0001", "SHORT", last, "terminal and merchant fill fields 41 and 42"),
        ("terminal =", "terminals =", last + 1, "unknown field `terminals`"),
        ("merchant = \"MERCHANT0000001\"", "merchant = 7", last + 2, "invalid type"),
        ("\"bcd\"", "\"ebcdic\"", last + 3, "encoding: \"bcd\" or \"ascii\""),
        ("binary2", "binary3", last + 4, "message profile, line 2, column 10"),
        ("x9.19", "des", last + 5, "crypto.mac: \"x9.19\""),
        ("pin = \"iso0\"", "pin = \"iso1\"", last + 5, "unknown variant `iso1`"),
        ("crypto =", "# crypto =", last, "an HSM, which a host gives in Rust"),
    ] {
        assert!(terms.contains(from), "{from}");
        let error = refused(&with_bank(&terms.replace(from, to)));
        assert!(error.starts_with(&alloc::format!("line {line}, ")) && error.contains(what), "{to}: {error}");
    }
    let keyless = with_bank(terms)
        .replace("secret.scripted.master = { hex = \"5a5a", "secret.scripted.master = { hex = \"5a");
    assert!(refused(&keyless).contains("secret.scripted.master in [keys]: 16 bytes"));
    assert!(
        refused(&with_bank(terms).replace("[issuer.scripted.terms]", "[issuer.other.terms]"))
            .contains("needs [issuer.scripted.terms]")
    );
}
