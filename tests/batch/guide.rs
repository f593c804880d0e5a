//! The guide's example is a set-up, and its error is the one it gives.

use scrip::adapters::config;

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

#[test]
fn the_guide_shows_what_works() {
    let (_, rest) = GUIDE.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let text = format!("{example}{REST}");
    config::setup(&text).unwrap();
    let error = config::setup(&text.replace("currency = \"CNY\"", "currency = \"RMB\"")).unwrap_err();
    assert!(GUIDE.contains(&format!("`{error}`")), "{error}");
}
