//! The main job: a dealer's file of cards goes in, paid sellers and a report come out.
//!
//! `cargo run --release --example buyback -- examples/data/cards.csv`

mod args;
mod atomic;
mod fault;
mod fields;
mod instant;
mod intake;
mod issuer_cards;
mod lines;
mod place;
mod progress;
// What the run writes; filled in by the part that drives the engine.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "written once cards are redeemed, which check_only does not")
)]
mod report;
mod sheet;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "written once cards are redeemed, which check_only does not")
)]
mod summary;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "written once cards are redeemed, which check_only does not")
)]
mod table;

use args::{Args, Command};
use fault::LineError;
use intake::Intake;
use progress::Progress;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// How many malformed lines are shown one by one.
const SHOWN: u64 = 20;

/// Exit code for arguments and files that cannot be used.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => finish(say(args::HELP)),
        Ok(Command::Run(args)) => finish(check_only(&args)),
        Err(wrong) => {
            eprintln!("buyback: {wrong} (--help shows the options)");
            ExitCode::from(UNUSABLE)
        }
    }
}

fn finish(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    eprintln!("buyback: {error}");
    match error.downcast_ref::<fault::InputError>() {
        Some(_) => ExitCode::from(UNUSABLE),
        None => ExitCode::FAILURE,
    }
}

fn say(text: &str) -> Result<(), Box<dyn Error>> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

/// Reads the files and says which lines are well-formed. It redeems nothing, opens no database
/// and knows no products, so a number of the wrong shape passes here.
fn check_only(args: &Args) -> Result<(), Box<dyn Error>> {
    let known = match &args.issuer_cards {
        Some(path) => Some(issuer_cards::read(path)?.len()),
        None => None,
    };
    let mut intake = Intake::open(&args.cards)?;
    let mut progress = Progress::to_terminal("reading", intake.size());
    let (mut good, mut bad) = (0_u64, 0_u64);
    let mut shown = Vec::new();
    while let Some(line) = intake.next() {
        let line = line?;
        match line.parsed {
            Ok(_) => good += 1,
            Err(error) => {
                bad += 1;
                if bad <= SHOWN {
                    shown.push(describe(line.number, &error));
                }
            }
        }
        progress.update(intake.bytes_read());
    }
    drop(progress);

    let mut out = io::stdout().lock();
    for line in &shown {
        writeln!(out, "{line}")?;
    }
    if bad > SHOWN {
        writeln!(out, "and {} more", bad - SHOWN)?;
    }
    if let Some(known) = known {
        writeln!(out, "{known} issuer cards read")?;
    }
    writeln!(out, "checked only, nothing redeemed: {good} lines well-formed, {bad} malformed")?;
    Ok(())
}

fn describe(number: u64, error: &LineError) -> String {
    let column = error.column.as_deref().map(|column| format!(", column {column}")).unwrap_or_default();
    format!("line {number}{column}: {}, expected {}", error.reason, error.expected)
}
