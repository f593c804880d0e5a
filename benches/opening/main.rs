//! What a long past costs: a journal with many ended redemptions is filled, opened again and asked
//! for cards that it knows.
//!
//! `SCRIP_PAST` is how many redemptions there were (1,000,000). With `SCRIP_PAST_AT` the journal is
//! in that folder and stays there: it is filled up to the count and measured as it is.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "shared with other benches")]
mod common;
mod asking;
mod past;

use past::Past;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// So many are few enough for `check`, which has all in memory.
const CHECKED: u64 = 300_000;
const MEASURED: &str = "SCRIP_PAST_MEASURED";

fn main() {
    if let Some(folder) = std::env::var_os(MEASURED) {
        return asking::measure(Path::new(&folder));
    }
    let full = std::env::args().any(|arg| arg == "--bench");
    let count = std::env::var("SCRIP_PAST").map(|text| text.parse().expect("SCRIP_PAST is a whole number"));
    let count = count.unwrap_or(if full { 1_000_000 } else { past::LIVES as u64 });
    let kept = std::env::var_os("SCRIP_PAST_AT").map(PathBuf::from);
    let own = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written to");
    let folder = kept.unwrap_or_else(|| own.path().join("journal"));
    let start = Instant::now();
    let past = Past::fill(&folder, count);
    let filled = start.elapsed();
    println!("{} past redemptions, {} of them filled in within {filled:.1?}", past.count, past.added);
    if past.count <= CHECKED {
        let report = scrip::host::Journal::open(&folder).and_then(|mut journal| journal.check());
        let report = report.expect("the journal can be read");
        assert_eq!((report.redemptions, report.findings), (past.count, vec![]));
        println!("`check` finds nothing");
    }
    println!("{} bytes in files for each\n", past::size(&folder) / past.count);
    println!("{}", asking::HEAD);
    for cold in [true, false] {
        if cold {
            past::drop_from_cache(&folder);
        }
        // A process of its own, so that its memory is the store's.
        let own = std::env::current_exe().expect("it runs");
        let mut child = Command::new(own);
        child.env(MEASURED, &folder).env(asking::COLD, if cold { "cold" } else { "warm" });
        child.env(asking::ASKED, if full { "1024" } else { "64" });
        assert!(child.status().expect("it starts").success(), "a measurement failed");
    }
}
