//! Lives whole lives from seeds, and tells the story of the first one that goes wrong.
//!
//! `cargo run --release --example simulate -- --seeds 2000` or `-- --seed 7`

use lexopt::prelude::{Long, ValueExt};
use scrip::sim::life;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulate: {error} (usage: simulate [--seeds N] [--seed FIRST])");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, lexopt::Error> {
    let (mut seeds, mut first) = (None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("seeds") => seeds = Some(parser.value()?.parse::<u64>()?),
            Long("seed") => first = Some(parser.value()?.parse::<u64>()?),
            other => return Err(other.unexpected()),
        }
    }
    let seeds = seeds.unwrap_or(if first.is_some() { 1 } else { 2_000 });
    let first = first.unwrap_or(0);
    let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    let (mut steps, mut crashes, mut batches) = (0, 0, 0);
    for seed in first..first.saturating_add(seeds) {
        match life::live(seed) {
            Ok(life) => {
                steps += life.steps;
                crashes += life.crashes;
                batches += life.batches;
                kinds.extend(life.kinds);
                life.ended.iter().for_each(|(state, count)| *ended.entry(state).or_default() += count);
            }
            Err(broken) => {
                println!("{broken}");
                broken.story.iter().for_each(|line| println!("  {line}"));
                return Ok(false);
            }
        }
    }
    println!("{seeds} lives from seed {first}: {steps} steps, {crashes} crashes, {batches} batches");
    println!("ended: {ended:?}");
    let unseen: Vec<_> =
        scrip::flow::EventKind::ALL.iter().filter(|kind| !kinds.contains(&kind.number())).collect();
    println!("steps never taken: {unseen:?}");
    Ok(true)
}
