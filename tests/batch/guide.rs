//! The guide's example is a set-up, and its error is the one it gives.

use scrip::adapters::config;
use scrip::host::transport::{ChannelTerms, Filing, Wire, WireOptions};

const GUIDE: &str = include_str!("../../docs/issuers-batch.md");

const REST: &str = r#"
[product.gift]
issuer = "regional"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1.00", max = "5000.00" }
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6] }

[rail.pay]
adapter = "plain"
endpoints = ["a"]

[keys]
key.1 = "0101010101010101010101010101010101010101010101010101010101010101"
pepper.1 = "0202020202020202020202020202020202020202020202020202020202020202"
"#;

fn example() -> String {
    let (_, rest) = GUIDE.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    format!("{example}{REST}")
}

#[test]
fn the_guide_shows_what_works() {
    let text = example();
    config::setup(&text).unwrap();
    let error = config::setup(&text.replace("currency = \"CNY\"", "currency = \"RMB\"")).unwrap_err();
    assert!(GUIDE.contains(&format!("`{error}`")), "{error}");
}

#[test]
fn the_set_up_says_where_files_lie() {
    let dir = tempfile::tempdir().unwrap();
    let text = example().replace("/srv/regional", dir.path().to_str().unwrap());
    let issuer = config::file_issuers(&text).unwrap().remove("regional").unwrap();
    let channel =
        ChannelTerms { files: Some(Filing::new(issuer.terms)), ..ChannelTerms::new(issuer.endpoints) };
    drop(Wire::open(WireOptions { channels: vec![channel], ..WireOptions::default() }).unwrap());
    assert!(["out", "result", "own/archive"].iter().all(|folder| dir.path().join(folder).is_dir()));
    let wrong = text.replace("delimiter = \"|\"", "delimiter = \"\\n\"");
    let (told, also) = (config::file_issuers(&wrong).unwrap_err(), config::setup(&wrong).unwrap_err());
    assert_eq!(told, also);
}
