//! The main job: a dealer's file of cards goes in, paid sellers and a report come out.
//!
//! `cargo run --release --example buyback -- examples/data/cards.csv`
//!
//! The path of a line: `intake` reads it, `trade` makes it a request, the library's driver works
//! it off against the issuers that `setup` has put up, `report` writes what became of it, and
//! `verdict` asks the issuers' own books whether that is true.

mod args;
mod ask;
mod atomic;
mod fault;
mod fields;
mod instant;
mod intake;
mod issuer_cards;
mod keys;
mod lines;
mod place;
mod progress;
mod report;
mod setup;
mod sheet;
mod stages;
mod summary;
mod table;
mod trade;
mod verdict;
mod wire;
mod world;

use args::{Args, Command, StoreKind};
use fault::{InputError, label};
use intake::Intake;
use progress::Progress;
use report::OutcomesFile;
use scrip::host::{Driver, Journal, Sqlite, Store, StoreError, Transport};
use scrip::sim::{Oracle, SimTransport};
use setup::Stage;
use std::collections::HashSet;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;
use summary::{Closing, Summary, Tally, Verdict};
use trade::Trade;

/// Exit code for arguments and files that cannot be used.
const UNUSABLE: u8 = 2;
/// In virtual time syncing takes none: so many ms stand for what a sync would gather.
const GROUP_MS: i64 = 20;

fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => finish(say(args::HELP)),
        Ok(Command::Run(args)) => finish(run(&args)),
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
    match error.downcast_ref::<InputError>() {
        Some(_) => ExitCode::from(UNUSABLE),
        None => ExitCode::FAILURE,
    }
}

fn say(text: &str) -> Result<(), Box<dyn Error>> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    // The file of cards is tried first: a wrong one leaves nothing behind.
    let intake = Intake::open(&args.cards)?;
    report::spares(args)?;
    for dir in [Some(args.out.as_path()), args.db.parent()].into_iter().flatten() {
        make_dir(dir)?;
    }
    let stage = setup::stage(args)?;
    #[cfg(feature = "postgres")]
    if let Some(url) = &args.postgres {
        let store = scrip::host::Postgres::open(url).map_err(|error| InputError::new("--postgres", error))?;
        return over(args, intake, stage, store);
    }
    let wrong = |error: StoreError| InputError::new(&label(&args.db), error);
    match args.store() {
        StoreKind::Journal => over(args, intake, stage, Journal::open(&args.db).map_err(wrong)?),
        StoreKind::Sqlite if args.db.is_dir() => {
            let what = "is a folder, where a journal keeps its files: leave out --store sqlite";
            Err(InputError::new(&label(&args.db), what).into())
        }
        StoreKind::Sqlite => over(args, intake, stage, Sqlite::open(&args.db).map_err(wrong)?),
    }
}

/// Who the issuers are: servers of their own, or simulated ones in this process.
fn over<R: BufRead, S: Store>(
    args: &Args,
    intake: Intake<R>,
    stage: Stage,
    store: S,
) -> Result<(), Box<dyn Error>> {
    let books = setup::issuers_dir(&args.db);
    make_dir(&books)?;
    if let Some(urls) = &args.issuers {
        let transport = wire::open(urls, args, &stage.world)?;
        let names = wire::names(&stage.world);
        return job(args, intake, stage, store, transport, |_| wire::oracle(&urls[0], &names, &books));
    }
    let transport = SimTransport::open(&stage.world)?;
    job(args, intake, stage, store, transport, |transport| match transport.trouble() {
        Some(trouble) => Err(trouble.to_string().into()),
        None => Ok(transport.world().oracle()),
    })
}

/// `oracle` asks the issuers' own books.
fn job<R: BufRead, S: Store, T: Transport>(
    args: &Args,
    intake: Intake<R>,
    stage: Stage,
    store: S,
    transport: T,
    oracle: impl FnOnce(&mut T) -> Result<Oracle, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut driver = Driver::open(stage.setup, store, transport)
        .map_err(|error| InputError::new(&label(&args.db), error))?;
    for note in &stage.notes {
        eprintln!("buyback: {note}");
    }
    if args.realtime || args.issuers.is_some() {
        driver.measure();
    } else {
        driver.group_within(GROUP_MS);
    }

    let progress = Progress::to_terminal("settled", lines(&args.cards));
    let mut trade = Trade::new(intake, stage.issuers, progress).at_rate(args.rate);
    driver.run(&mut trade)?;
    if let Some(fault) = trade.fault.take() {
        return Err(fault.into());
    }
    let oracle = oracle(driver.transport())?;
    let marks = driver.marks().map(ToString::to_string);
    let (leaves, root) = driver.engine().audit();
    let (mut store, _) = driver.close()?;
    let closing = Closing {
        ledger_balance_minor: verdict::ledger_balance(&mut store)?,
        audit_root: Some(root.to_string()),
        audit_leaves: leaves,
        oracle: Some(verdict::verdict(&mut store, &oracle)?),
        stages: trade.stages.figures(),
    };
    let summary = write(args, &trade, closing)?;
    say(&table::render(&summary))?;
    if let Some(marks) = marks {
        say(&format!("\nThe trade's marks, issuers included; times in ms:\n\n{marks}"))?;
    }
    match summary.closing.oracle.map(|oracle| oracle.verdict) {
        Some(Verdict::Agrees) => Ok(()),
        _ => Err("the issuers' own books do not agree with the outcomes".into()),
    }
}

/// Writes `outcomes.jsonl` and `summary.json`. A redemption that several lines show is counted
/// in sums once.
fn write<R: BufRead>(args: &Args, trade: &Trade<R>, closing: Closing) -> Result<Summary, Box<dyn Error>> {
    let mut tally = Tally::default();
    let mut counted = HashSet::new();
    let mut file = OutcomesFile::create(&args.out)?;
    for outcome in &trade.outcomes {
        file.write(outcome)?;
        let shows = outcome.redemption_id.as_ref().filter(|_| outcome.state.shows_redemption());
        let again = shows.is_some_and(|id| !counted.insert(id));
        if again { tally.add_again(outcome) } else { tally.add(outcome) }
    }
    file.finish()?;
    let summary = tally.summary(closing);
    summary.write(&args.out)?;
    Ok(summary)
}

fn make_dir(dir: &Path) -> Result<(), InputError> {
    if dir.as_os_str().is_empty() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(|error| InputError::new(&label(dir), format!("cannot be made: {error}")))
}

/// How many lines the file has below its header, for the progress bar; unknown for a pipe.
fn lines(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let file = fs::File::open(path).ok()?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut count = 0_u64;
    loop {
        let bytes = reader.fill_buf().ok()?;
        let len = bytes.len();
        if len == 0 {
            return Some(count.saturating_sub(1).max(1));
        }
        count += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        reader.consume(len);
    }
}
