//! Lives whole lives from seeds: nodes over one store, issuers, a rail, people, and everything that
//! can go wrong. Tells the story of the first life that goes wrong, as small as it can be made; or
//! what was seen together, and what never.
//!
//! `cargo run --release --example simulate -- --seeds 2000` or `-- --seed 7`; with `--whole` the life
//! that goes wrong is told as it is, and not made small first.

use lexopt::prelude::{Long, ValueExt};
use scrip::sim::life::{self, Coverage};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulate: {error} (usage: simulate [--seeds N] [--seed FIRST] [--whole])");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, lexopt::Error> {
    let (mut seeds, mut first, mut whole) = (None, None, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("seeds") => seeds = Some(parser.value()?.parse::<u64>()?),
            Long("seed") => first = Some(parser.value()?.parse::<u64>()?),
            Long("whole") => whole = true,
            other => return Err(other.unexpected()),
        }
    }
    let seeds = seeds.unwrap_or(if first.is_some() { 1 } else { 2_000 });
    if seeds == 0 {
        return Err("--seeds: expected 1 or more".into());
    }
    let first = first.unwrap_or(0);
    let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
    let mut coverage = Coverage::default();
    let (mut steps, mut crashes, mut batches) = (0, 0, 0);
    for seed in first..first.saturating_add(seeds) {
        match life::live(seed) {
            Ok(life) => {
                steps += life.steps;
                crashes += life.crashes;
                batches += life.batches;
                coverage.add(&life.coverage);
                life.ended.iter().for_each(|(state, count)| *ended.entry(state).or_default() += count);
            }
            Err(broken) => {
                tell(&broken, whole);
                return Ok(false);
            }
        }
    }
    say(&coverage.table());
    say(&format!("{seeds} lives from seed {first}: {steps} steps, {crashes} crashes, {batches} batches"));
    say(&format!("ended: {ended:?}"));
    Ok(true)
}

/// The life that went wrong, and the smallest that still does.
fn tell(broken: &life::Broken, whole: bool) {
    say(&broken.to_string());
    let (cut, small) = if whole { (life::Cut::default(), broken.clone()) } else { life::shrink(broken) };
    say(&cut.told());
    small.story.iter().for_each(|line| say(&format!("  {line}")));
    say(&format!("and so: {small}"));
}

/// Whoever reads may have stopped reading: that is no fault of the run.
fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}
