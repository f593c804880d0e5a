//! Keeps the sources in shape: the order of the rooms, where `std`, `unsafe` and floats may
//! stand, the length of files and the words that mean "not done". Each finding names the file,
//! the line and the rule; `tidy/bites.rs` shows for each rule a snippet that it refuses.

#[path = "tidy/bites.rs"]
mod bites;
#[path = "tidy/lex.rs"]
mod lex;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/rules.rs"]
mod rules;

use rules::Source;
use std::path::Path;

/// The rooms from top to bottom: each may use itself and the rooms before it. With a total order
/// and no arrow against it, a circle of rooms cannot be drawn.
const ROOMS: &[&str] = &[
    "base",
    "money",
    "codec",
    "vault",
    "card",
    "issuer",
    "route",
    "ledger",
    "pricing",
    "compliance",
    "risk",
    "record",
    "audit",
    "flow",
    "engine",
    "adapters",
    "host",
    "sim",
    "ffi",
];

/// The rooms that may name `std`.
const STD_ROOMS: &[&str] = &["host", "sim", "ffi"];

/// The only room with `unsafe`.
const UNSAFE_ROOM: &str = "ffi";

/// The statistics files of `risk` that may use floats.
const FLOAT_FILES: &[&str] = &[];

/// The longest a file may be.
const MAX_LINES: usize = 800;

#[test]
fn the_sources_are_tidy() {
    let mut sources = Vec::new();
    for top in ["src", "tests", "examples", "benches", "fuzz"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(top), top, &mut sources);
    }
    for must in ["src/lib.rs", "src/base/mod.rs", "tests/tidy.rs"] {
        assert!(sources.iter().any(|source| source.path == must), "{must} was not scanned");
    }
    let findings = rules::check(&sources);
    let listed: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(listed.is_empty(), "{} findings:\n{}", listed.len(), listed.join("\n"));
}

/// Every `.rs` file under `dir`, which is `name` relative to the package; build output is left out.
fn collect(dir: &Path, name: &str, sources: &mut Vec<Source>) {
    if !dir.is_dir() {
        return;
    }
    let entries = dir.read_dir().expect("a source folder can be listed");
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("an entry can be read")).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let file = entry.file_name().into_string().expect("source names are UTF-8");
        let path = format!("{name}/{file}");
        if entry.path().is_dir() {
            if file != "target" {
                collect(&entry.path(), &path, sources);
            }
        } else if file.ends_with(".rs") {
            let text = std::fs::read_to_string(entry.path()).expect("a source is UTF-8 text");
            sources.push(Source { path, text });
        }
    }
}
