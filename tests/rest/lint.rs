//! Every fault of a profile file is told, with its place.

use scrip::adapters::rest::{PROFILES, RestTerms, lint, profile};

/// A small profile without a fault.
const SOUND: &str = r#"currency = "CNY"
unit = "minor"
encoding = "json"
bare = ["/amount"]

[time]
format = "seconds"

[params]
app = "a"

[headers]
x-app = "{param.app}"

[sign]
algorithm = "hmac_sha256"
over = "text"
text = "{timestamp}{body}"
header = "x-sign"

[op.redeem]
path = "/redeem"
fields = { "/no" = "{number}", "/pwd" = "{secret}", "/ref" = "{reference}", "/amount" = "{amount}" }

[op.query]
path = "/query"
fields = { "/ref" = "{reference}" }

[answer.fields]
"/ref" = "{reference}"
"/id" = "{issuer_reference}"
"/amount" = "{amount}"

[[answer.rule]]
when = { "/code" = "0" }
ops = ["redeem", "query"]
outcome = "accepted"

[[answer.rule]]
when = { "/code" = ["1", "2"] }
outcome = "declined"
reason = "expired"
"#;

/// The faults once `from` is `to`, as `line:column what`.
fn faults(from: &str, to: &str) -> Vec<String> {
    assert_eq!(SOUND.matches(from).count(), 1, "{from}");
    let faults = lint(&SOUND.replace(from, to));
    faults.iter().map(|fault| format!("{}:{} {}", fault.line, fault.column, fault.what)).collect()
}

#[test]
fn a_sound_profile_has_no_fault() {
    assert_eq!(lint(SOUND), []);
    assert!(RestTerms::parse(SOUND).is_ok());
}

#[test]
fn each_fault_stands_at_its_place() {
    let cases = [
        ("\"CNY\"", "\"RMB\"", "1:12 currency: a code of ISO 4217 is expected"),
        ("unit = \"minor\"", "units = \"minor\"", "2:1 `units` is not known here"),
        ("\"minor\"", "\"fen\"", "2:8 unit: `fen` is not one of minor, major, whole"),
        ("encoding = \"json\"\n", "", "1:1 `encoding` is expected"),
        ("bare = [\"/amount\"]", "bare = 7", "4:8 bare: a string or a list of strings is expected"),
        ("\"seconds\"", "\"sundial\"", "7:10 format: `sundial` is not one of seconds, milli"),
        (
            "\"seconds\"",
            "\"seconds\"\nutc_offset_min = 999",
            "8:18 utc_offset_min: a whole number from -720 to 840",
        ),
        ("x-app = ", "X-App = ", "13:1 `X-App` is no name of a header in lower case"),
        ("\"{param.app}\"", "\"{param.ap}\"", "13:9 `{param.ap}` stands for nothing here"),
        ("\"{param.app}\"", "\"{secret}\"", "13:9 `{secret}` stands for nothing here"),
        ("\"{param.app}\"", "\"{key.sign}\"", "13:9 `{key.sign}` stands for nothing here"),
        ("\"{param.app}\"", "\"{param.app\"", "13:9 a name in braces is expected"),
        ("\"hmac_sha256\"", "\"rot13\"", "16:13 algorithm: `rot13` is not one of md5, sha256"),
        ("\"hmac_sha256\"", "\"md5\"", "15:1 sign: MD5 needs a `{key.NAME}` in what is signed"),
        (
            "header = \"x-sign\"",
            "field = \"/sign\"",
            "15:1 sign: a signature over `{body}` or `{path}` stands in a",
        ),
        ("header = \"x-sign\"\n", "", "15:1 sign: either `field` or `header` is expected"),
        ("over = \"text\"", "over = \"sorted\"", "18:1 `text` is not known here"),
        ("[op.redeem]", "[op.pay]", "21:5 `pay` is no operation"),
        ("\"/redeem\"", "\"redeem\"", "22:8 path: `/` and visible ASCII characters"),
        ("\"{secret}\"", "\"{sealed_secret}\"", "23:41 `{sealed_secret}` stands for nothing here"),
        ("\"/pwd\" =", "\"pwd\" =", "23:32 `pwd` is no JSON pointer"),
        ("\"/pwd\" =", "\"/ref/pwd\" =", "21:1 `/ref/pwd` stands inside of `/ref`, which is a value"),
        (
            "path = \"/query\"",
            "method = \"GET\"\npath = \"/{number}\"",
            "27:8 `{number}` stands for nothing here",
        ),
        (
            "fields = { \"/ref\" = \"{reference}\" }",
            "",
            "25:1 query: `{reference}` is expected in the path or",
        ),
        ("\"/id\" = \"{issuer_reference}\"\n", "", "29:2 an accepted answer needs the `{issuer_reference}`"),
        ("\"/amount\" = \"{amount}\"\n\n", "\n", "29:2 an accepted answer needs its `{amount}` in a field"),
        ("{ \"/code\" = \"0\" }", "{}", "34:1 a rule needs a field to go by in `when`"),
        (
            "[\"redeem\", \"query\"]",
            "[\"redeem\", \"reverse\"]",
            "36:18 ops: this outcome says nothing about a reverse",
        ),
        ("\"accepted\"", "\"yes\"", "37:11 `yes` is no outcome"),
        ("reason = \"expired\"", "", "41:11 `reason` is expected with outcome = \"declined\""),
        ("\"expired\"", "\"bad_luck\"", "42:10 `bad_luck` is no reason of a decline"),
        (
            "reason = \"expired\"",
            "reason = \"expired\"\nhttp = [\"500\"]",
            "43:9 http: a server's error says nothing",
        ),
        (
            "reason = \"expired\"",
            "reason = \"expired\"\nhttp = [\"ok\"]",
            "43:9 http: a status of three digits",
        ),
        ("[answer.fields]", "[answer.field]", "29:9 `field` is not known here"),
    ];
    for (from, to, expected) in cases {
        let found = faults(from, to);
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{from} -> {to}: {found:#?}");
        let first = RestTerms::parse(&SOUND.replace(from, to)).unwrap_err();
        assert_eq!(format!("{}:{} {}", first.line, first.column, first.what), found[0]);
    }
}

#[test]
fn an_identity_goes_with_sm2() {
    let faults = |to: &str| faults("\"hmac_sha256\"", to);
    assert_eq!(faults("\"sm2\"\nid = \"merchant 77\""), [""; 0]);
    for algorithm in ["hmac_sha256", "rsa_sha256"] {
        let found = faults(&format!("\"{algorithm}\"\nid = \"merchant 77\""));
        assert_eq!(found, ["17:6 id: only SM2 signs an identity"]);
    }
    for id in [String::new(), "7".repeat(8_192)] {
        let found = faults(&format!("\"sm2_raw\"\nid = \"{id}\""));
        assert_eq!(found, ["17:6 id: 1 to 8,191 bytes are expected"]);
    }
}

#[test]
fn a_decline_about_us_says_nothing_about_an_earlier_debit() {
    let rule = "outcome = \"declined\"\nreason = \"expired\"";
    let about_us = "outcome = \"declined\"\nops = [\"query\"]\nreason = \"issuer_refused_us\"";
    assert_eq!(faults(rule, about_us), ["42:8 ops: this outcome says nothing about a query"]);
}

#[test]
fn all_faults_are_told_at_once() {
    let text = SOUND
        .replace("\"CNY\"", "\"RMB\"")
        .replace("\"/redeem\"", "\"redeem\"")
        .replace("\"accepted\"", "\"yes\"")
        .replace("\"expired\"", "\"bad_luck\"");
    let lines: Vec<usize> = lint(&text).iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [1, 22, 37, 42]);
}

#[test]
fn what_is_no_toml_is_told_too() {
    for (text, line) in [("currency = ", 1), ("a = 1\nb = [", 2), ("[op", 1)] {
        let faults = lint(text);
        assert!(faults.iter().any(|fault| fault.line == line), "{text}: {faults:?}");
    }
    assert!(!lint("").is_empty());
}

#[test]
fn what_is_read_and_not_signed_is_a_fault() {
    let signed = |text: &str| {
        let faults = lint(text);
        faults.iter().map(|fault| fault.what.clone()).collect::<Vec<_>>()
    };
    let redleaf = profile("redleaf").unwrap();
    let text = redleaf.replace("\"trade\", \"amount\"]", "\"trade\"]");
    assert_eq!(signed(&text), ["sign: `amount` is read and not signed"]);
    let beehive = profile("beehive").unwrap();
    let text = beehive.replace(
        "\"/money\" = \"{amount}\"\n\"/card_no\" = \"{number}\"\n\n[callback.sign]",
        "\"/data/money\" = \"{amount}\"\n\n[callback.sign]",
    );
    assert_ne!(text, beehive);
    assert_eq!(signed(&text), ["sign: `/data/money` is read and not signed"]);
    let silkroute = profile("silkroute").unwrap();
    let text = silkroute.replace("text = \"{timestamp}\\n{nonce}\\n{body}\"", "text = \"{timestamp}\"");
    assert_eq!(signed(&text).len(), 2, "of the answer and of the callback");
}

#[test]
fn no_cut_of_a_profile_panics_and_most_are_faults() {
    for (name, text) in PROFILES {
        let mut sound = 0;
        for (end, _) in text.char_indices().step_by(7) {
            sound += usize::from(lint(&text[..end]).is_empty());
        }
        assert!(sound < text.len() / 14, "{name}: {sound}");
    }
}
