//! Each rule refuses what it is there for, and lets pass what looks like it.

use crate::rules::{Source, check};

/// The findings in files given as path and text, as `path:line rule`.
fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let source = |&(path, text): &(&str, &str)| Source { path: path.into(), text: text.into() };
    let sources: Vec<Source> = files.iter().map(source).collect();
    check(&sources).iter().map(|found| format!("{}:{} {}", found.path, found.line, found.rule)).collect()
}

/// One finding, of `rule`, for each of `texts` as the file `path`.
fn refused(path: &str, rule: &str, texts: &[&str]) {
    for text in texts {
        assert_eq!(findings(&[(path, text)]), [format!("{path}:1 {rule}")], "{text}");
    }
}

fn allowed(path: &str, texts: &[&str]) {
    for text in texts {
        assert_eq!(findings(&[(path, text)]), [""; 0], "{text}");
    }
}

#[test]
fn a_room_below_may_not_be_used() {
    let arrows = [
        "use crate::vault::Key;",
        "use crate::{base::Digest, vault::{self}};",
        "use crate::{vault::Key as K};",
        "fn f() -> crate::engine::Error { g() }",
        "fn f(x: &dyn crate::issuer::Issuer) {}",
        "macro_rules! m { () => { $crate::flow::go() } }",
        "#[serde(with = \"crate::record::bytes\")] struct S;",
        "use super::super_room::x; use crate::vault;",
        "#[cfg(test)] mod tests { use crate::sim::Oracle; }",
        "pub use crate::engine::Error;",
    ];
    refused("src/codec/gs1.rs", "order", &arrows);
    refused("src/ledger/mod.rs", "order", &["use super::pricing::Quote;"]);
    refused("src/engine/pump.rs", "order", &["use crate::adapters::jd;"]);
}

#[test]
fn rooms_above_and_the_own_room_may_be_used() {
    let fine = [
        "use crate::{base::{Code, block}, money::Amount, codec::gs1::Ai};",
        "use super::{gs1, form::Form}; use self::x::Y;",
        "//! See [`crate::engine::Engine`].\n/* crate::flow */ fn f() { g(\"see crate::flow::X\") }",
        "mod a { use super::b; mod c { use super::d; } }",
        "#[cfg(test)] mod tests { use super::*; }",
    ];
    allowed("src/codec/gs1.rs", &fine);
    allowed(
        "src/lib.rs",
        &["pub mod base; pub use crate::engine::Error; extern crate std; extern crate alloc;"],
    );
}

#[test]
fn a_circle_of_rooms_is_refused_at_its_wrong_arrow() {
    let circle = [
        ("src/risk/mod.rs", "use crate::record::Unit;\nuse crate::base::Code;"),
        ("src/record/mod.rs", "use crate::risk::Sighting;"),
    ];
    assert_eq!(findings(&circle), ["src/risk/mod.rs:1 order"]);
}

#[test]
fn two_steps_up_are_refused() {
    let texts = ["use super::super::b::X;", "fn f() { super::super::b::x() }", "use self::super::super::b;"];
    refused("src/codec/a/c.rs", "super", &texts);
}

#[test]
fn nothing_goes_through_the_crate_root() {
    let texts = [
        "use crate::Error;",
        "use crate as scrip;",
        "use crate::*;",
        "use crate::{Error};",
        "fn f() -> crate::Result<()> { g() }",
        "use scrip::base::Code;",
        "fn f() { ::scrip::base::f() }",
        "use {scrip::base::Code};",
        "extern crate self as me;",
    ];
    refused("src/codec/gs1.rs", "root", &texts);
    refused("src/codec/mod.rs", "root", &["use super::Error;", "use super::*;"]);
    allowed("tests/late_answer.rs", &["use scrip::engine::Engine;"]);
}

#[test]
fn another_room_is_not_taken_by_a_glob() {
    refused(
        "src/codec/gs1.rs",
        "glob",
        &["use crate::base::*;", "pub use crate::{base::{self as b}, money::*};"],
    );
    allowed("src/codec/gs1.rs", &["use super::*;", "use crate::codec::form::*;"]);
}

#[test]
fn what_is_no_room_is_refused() {
    for path in ["src/util/mod.rs", "src/helpers.rs"] {
        assert_eq!(findings(&[(path, "")]), [format!("{path}:1 room")]);
    }
    refused("src/lib.rs", "room", &["pub mod base; mod util;", "mod prelude { }"]);
    refused("src/codec/mod.rs", "room", &["#[path = \"../x.rs\"] mod x;"]);
}

#[test]
fn std_stays_below() {
    let texts = [
        "use std::time::Instant;",
        "use {core::fmt, std::io};",
        "fn f() { ::std::thread::yield_now() }",
        "extern crate std;",
        "#[serde(default = \"std::time::now\")] struct S;",
    ];
    refused("src/engine/pump.rs", "std", &texts);
    refused("src/lib.rs", "std", &["pub use std::io;"]);
    allowed(
        "src/engine/pump.rs",
        &["#[cfg(test)] mod tests { use std::vec; }", "use core::fmt; use alloc::vec;"],
    );
    allowed("src/host/memory.rs", &["use std::collections::HashMap;"]);
}

#[test]
fn a_module_of_tests_in_its_own_file_is_test_code() {
    let files = [
        ("src/base/mod.rs", "#[cfg(test)]\nmod tests;\nmod text;"),
        ("src/base/tests.rs", "use std::vec; fn f() { g().unwrap() }"),
        ("src/base/text.rs", "\nuse std::vec;"),
    ];
    assert_eq!(findings(&files), ["src/base/text.rs:2 std"]);
}

#[test]
fn unsafe_stands_in_one_room() {
    refused("src/host/journal.rs", "unsafe", &["fn f() { unsafe { g() } }", "unsafe impl Send for X {}"]);
    allowed("src/ffi/handle.rs", &["fn f() { unsafe { g() } }"]);
    allowed("src/host/journal.rs", &["#![deny(unsafe_code)] // unsafe\n"]);
}

#[test]
fn floats_are_refused() {
    let texts = ["fn f(x: f64) {}", "const X: u8 = 1.5 as u8;", "type T = f32;", "const X: Y = y(1e3);"];
    refused("src/risk/deviation.rs", "float", &texts);
    allowed("src/risk/deviation.rs", &["const X: u8 = pair.0.1; // 1.5\nconst Y: &str = \"1.5\";"]);
}

#[test]
fn a_file_has_an_end() {
    let line = "//\n";
    assert_eq!(findings(&[("benches/a.rs", &line.repeat(801))]), ["benches/a.rs:801 length"]);
    allowed("benches/a.rs", &[&line.repeat(800)]);
}

#[test]
fn what_is_not_done_is_refused_everywhere() {
    let texts = [
        concat!("// TO", "DO: more"),
        concat!("/* FIX", "ME */"),
        concat!("const A: &str = \"TO", "DO\";"),
        concat!("fn f() { to", "do!() }"),
        concat!("fn f() { unimple", "mented!(\"later\") }"),
        "fn f() { dbg!(1) }",
        concat!("#[ig", "nore] fn f() {}"),
        concat!("#[ig", "nore = \"slow\"] fn f() {}"),
    ];
    for path in ["src/base/id.rs", "tests/a.rs", "examples/a.rs", "benches/a.rs", "fuzz/fuzz_targets/a.rs"] {
        refused(path, "words", &texts);
    }
    allowed("src/base/id.rs", &["fn ignore() { todo(TODOS) } // methods", "#[cfg(ignore)] fn f() {}"]);
}

#[test]
fn unwrap_stands_in_tests_only() {
    let texts = ["fn f() { g().unwrap() }", "fn f() { g().map(Option::unwrap) }"];
    for path in ["src/base/id.rs", "examples/a.rs", "benches/a.rs"] {
        refused(path, "unwrap", &texts);
    }
    allowed("tests/a.rs", &texts);
    let fine =
        ["fn f() { g().unwrap_or(1) } // .unwrap()", "#[cfg(test)] mod tests { fn f() { g().unwrap() } }"];
    allowed("src/base/id.rs", &fine);
    refused("src/base/id.rs", "unwrap", &["#[cfg(test)] mod tests {} fn f() { g().unwrap() }"]);
}

#[test]
fn a_finding_names_file_line_and_rule() {
    let source = Source { path: "src/base/id.rs".into(), text: "\n\nuse crate::money::Amount;".into() };
    let found = check(&[source]);
    let expected =
        "src/base/id.rs:3: [order] `crate::money::Amount`: `base` stands above `money` and may not use it";
    assert_eq!(found[0].to_string(), expected);
}
