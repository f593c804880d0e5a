//! Checks profiles and set-ups before they are used: `cargo run --example lint -- FILE...`
//!
//! Prints `file:line:column: what is expected` for each fault and ends with 1 if there is one. What
//! a file is shows by its tables: a set-up (`[keys]`, or products and issuers together), products,
//! issuers and rails, a policy, a message profile of ISO 8583, the files of a file issuer, or a
//! profile of REST issuers.

use scrip::adapters::batch::BatchTerms;
use scrip::adapters::{config, rest};
use scrip::card::Catalogue;
use scrip::codec::iso8583::Spec;
use scrip::engine::Policy;
use scrip::issuer::Profiles;
use std::process::ExitCode;

const HELP: &str = "usage: lint FILE...

Checks files before they are used and prints FILE:LINE:COLUMN: what is expected. What a file is
shows by its tables: a set-up, products, issuers and rails, a policy, a message profile of ISO 8583,
the files of a file issuer, or a profile of REST issuers. Ends with 1 if there is a fault.";

/// What is said of a text without a table of any kind.
const UNKNOWN: &str = "a table that tells what this file is: [product.NAME], [issuer.NAME] or [rail.NAME], \
                       of a policy [risk...], [terms], [flow] or [route], of a message profile [frame] or \
                       [field...], of files [out] and [result], of a REST profile [op.NAME] and [answer]";

/// The faults of a text, in the words of the room that reads it.
fn faults(text: &str) -> Vec<String> {
    let told = |result: Result<(), String>| result.err().into_iter().collect::<Vec<_>>();
    let tables: Vec<&str> = text
        .lines()
        .map(|line| line.trim_start_matches([' ', '\t']))
        .filter(|line| line.starts_with('['))
        .map(|line| line.trim_start_matches('[').split(['.', ']', ' ']).next().unwrap_or_default())
        .collect();
    let has = |names: &[&str]| tables.iter().any(|table| names.contains(table));
    let terms = text.lines().any(|line| line.starts_with("[issuer.") && line.contains(".terms"));
    if has(&["keys"]) || (has(&["product"]) && has(&["issuer", "rail"])) || terms {
        told(config::setup(text).map(drop).map_err(|error| error.to_string()))
    } else if has(&["product"]) {
        told(Catalogue::parse(text).map(drop).map_err(|error| error.to_string()))
    } else if has(&["issuer", "rail"]) {
        told(Profiles::parse(text).map(drop).map_err(|error| error.to_string()))
    } else if has(&["risk", "terms", "flow", "route"]) {
        told(Policy::parse(text).map(drop).map_err(|error| error.to_string()))
    } else if has(&["frame", "field"]) {
        told(Spec::bcd().with_profile(text).map(drop).map_err(|error| error.to_string()))
    } else if has(&["out", "result"]) {
        told(BatchTerms::parse(text).map(drop).map_err(|error| error.to_string()))
    } else if has(&["op", "answer"]) {
        rest::lint(text).iter().map(ToString::to_string).collect()
    } else {
        vec![UNKNOWN.to_string()]
    }
}

/// `file:line:column: what`, with the place that the text of an error begins with or holds.
fn placed(file: &str, fault: &str) -> String {
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<usize>().ok().map(|number| (number, digits.len()))
    };
    let found = fault.find("line ").and_then(|at| {
        let (line, len) = number(&fault[at + 5..])?;
        let rest = fault[at + 5 + len..].strip_prefix(", column ")?;
        let (column, len) = number(rest)?;
        Some((line, column, rest[len..].trim_start_matches([':', ',', ' ']).to_string()))
    });
    match found {
        Some((line, column, what)) => format!("{file}:{line}:{column}: {what}"),
        None => format!("{file}:1:1: {fault}"),
    }
}

fn main() -> ExitCode {
    let mut found = 0;
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.iter().any(|file| file == "--help" || file == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if files.is_empty() || files.iter().any(|file| file.starts_with('-')) {
        eprintln!("lint: files to check are missing, or an option is not known (--help tells more)");
        return ExitCode::from(2);
    }
    for file in files {
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                for fault in faults(&text) {
                    found += 1;
                    println!("{}", placed(&file, &fault));
                }
            }
            Err(error) => {
                found += 1;
                println!("{file}:1:1: {error}");
            }
        }
    }
    ExitCode::from(u8::from(found > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_has_no_fault() {
        for text in [
            include_str!("data/catalogue.toml"),
            include_str!("data/issuers.toml"),
            include_str!("data/policy.toml"),
            include_str!("data/unionpay-pos.toml"),
            include_str!("data/corner.toml"),
            include_str!("data/corner-issuer.toml"),
            include_str!("data/regional-files.toml"),
            include_str!("c/till.toml"),
        ] {
            assert_eq!(faults(text), Vec::<String>::new(), "{}", &text[..60]);
        }
    }

    #[test]
    fn what_a_file_is_shows_although_a_table_is_wrong_or_alone() {
        for (text, told) in [
            ("[route]\nprobe_ms = 0\n", "f:1:2: route: probe_ms is at least 1"),
            ("[risk.block]\nips = [\"10.0.0.0/8\"]\n", "f:2:1: ips: single addresses are expected"),
            ("[frame]\n[product.x]\n", "f:1:2: a catalogue consists of tables [product.NAME]"),
            (concat!(include_str!("data/corner.toml"), "[bogus]\n"), "f:10:2: product \"gift\": a catalogue"),
            (concat!(include_str!("data/policy.toml"), "[roads]\n"), "f:40:2: unknown field `roads`"),
            ("", "f:1:1: a table that tells what this file is: "),
            ("request_id,seller_id\nR-1,s-1\n", "f:1:1: a table that tells what this file is: "),
        ] {
            let faults = faults(text);
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(placed("f", &faults[0]).starts_with(told), "{}", placed("f", &faults[0]));
        }
    }

    #[test]
    fn a_fault_is_told_with_file_line_and_column() {
        for (text, from, to, place) in [
            (include_str!("c/till.toml"), "evidence = \"online\"", "evidence = \"hope\"", "f:15:12: "),
            (include_str!("data/corner-issuer.toml"), "verify", "verifies", "f:4:1: "),
            (include_str!("data/corner.toml"), "rate = \"0.90\"", "rate = 1", "f:7:8: "),
            (include_str!("data/unionpay-pos.toml"), "binary2", "binary9", "f:7:10: "),
            (include_str!("data/regional-files.toml"), "\"|\"", "\"||\"", "f:3:13: "),
            (include_str!("data/policy.toml"), "sigma = 3", "sigma = \"x\"", "f:10:9: "),
        ] {
            assert!(text.contains(from), "{from}");
            let faults = faults(&text.replacen(from, to, 1));
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(placed("f", &faults[0]).starts_with(place), "{}", placed("f", &faults[0]));
        }
    }
}
