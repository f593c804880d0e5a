//! The simulated issuers and the pay-out rail as servers, with books and faults of their own.
//!
//! `cargo run --release --example issuers -- --listen 127.0.0.1:8090 --ledger books`, and in another
//! terminal `cargo run --release --example buyback -- examples/data/cards.csv --issuers
//! http://127.0.0.1:8090`.

mod args;
mod bank;
mod counter;
mod dice;
mod http;
mod mishap;
mod office;
mod prank;
mod trouble;

// What the main job has as well.
#[allow(dead_code, reason = "the main job uses more of it")]
#[path = "../buyback/ask.rs"]
mod ask;
#[allow(dead_code, reason = "the main job uses more of it")]
#[path = "../buyback/atomic.rs"]
mod atomic;
#[allow(dead_code, reason = "the main job uses more of it")]
#[path = "../buyback/fault.rs"]
mod fault;
#[allow(dead_code, reason = "the main job uses more of it")]
#[path = "../buyback/fields.rs"]
mod fields;
#[allow(dead_code, reason = "the main job uses more of it")]
#[path = "../buyback/instant.rs"]
mod instant;
#[allow(dead_code, reason = "the main job uses more of it")]
#[path = "../buyback/intake.rs"]
mod intake;
#[path = "../buyback/issuer_cards.rs"]
mod issuer_cards;
#[allow(dead_code, reason = "the main job uses more of it")]
#[path = "../buyback/lines.rs"]
mod lines;
#[allow(dead_code, reason = "the main job uses more of it")]
#[path = "../buyback/place.rs"]
mod place;
#[allow(dead_code, reason = "the main job uses more of it")]
#[path = "../buyback/sheet.rs"]
mod sheet;
#[allow(dead_code, reason = "the main job uses more of it")]
#[path = "../buyback/world.rs"]
mod world;

use args::Args;
use counter::Counter;
use office::{Office, spawn};
use scrip::card::Catalogue;
use scrip::sim::{FileTimes, SimConfig, SimWorld};
use std::error::Error;
use std::io::Write;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use world::{CATALOGUE, Haste};

fn main() -> ExitCode {
    let result = match args::parse() {
        Ok(Some(args)) => run(args),
        Ok(None) => std::io::stdout().write_all(args::HELP.as_bytes()).map_err(Into::into),
        Err(wrong) => {
            eprintln!("issuers: {wrong} (--help shows the options)");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("issuers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let mut notes = Vec::new();
    let catalogue = world::read(args.catalog.as_deref(), CATALOGUE, Catalogue::parse)?;
    let haste = if args.hurried { Haste::All } else { Haste::Files };
    let (mut issuers, rails) = world::channels(haste, &catalogue, &mut notes)?;
    world::speak(&mut issuers, args.own())?;
    let by_file: Vec<_> = issuers.iter().filter(|issuer| issuer.speech.files().is_some()).cloned().collect();
    // Clock and network are the machine's; files are answered within seconds.
    let mut config = SimConfig::new(issuers, rails).in_real_time();
    config.cards = world::known_cards(args.issuer_cards.as_deref(), &catalogue, &mut notes)?;
    config.faults = args.faults;
    config.seed = args.seed;
    if let Some(ms) = args.file_delay_ms {
        config.file = FileTimes { delay_ms: ms, window_ms: ms.min(config.file.window_ms) };
    }
    if let Some(ms) = args.callback_delay_ms {
        config.later_ms = ms..=ms;
    }
    let passing = tempfile::tempdir()?;
    let ledgers = args.ledger.clone().unwrap_or_else(|| passing.path().to_path_buf());
    config.dir = Some(ledgers.clone());
    notes.iter().for_each(|note| eprintln!("issuers: {note}"));

    let bank = match args.bank {
        Some(at) => {
            Some((TcpListener::bind(at)?, bank::Desk::new(args.seed, args.troubles.clone(), &ledgers)?))
        }
        None => None,
    };
    let desk = bank.as_ref().map(|(_, desk)| Arc::clone(desk));
    let office = Office::new(SimWorld::open(&config)?, ledgers, &args, desk);
    for issuer in &by_file {
        let name = &issuer.profile.name;
        let (Some(dir), Some(terms), Some(channel)) =
            (&args.files, issuer.speech.files(), office.channel(name))
        else {
            continue;
        };
        let of = (channel, terms.clone(), &issuer.key);
        let counter = Counter::new(&office, of, dir.join(name), args.mishaps.clone(), args.seed)?;
        if let Some(cards) = config.cards.as_ref().filter(|_| args.balances) {
            counter.list(cards.iter().filter(|card| issuer.products.contains(&card.product)))?;
        }
        spawn(move || counter.work())?;
    }
    for (channel, name) in office.channels() {
        if by_file.iter().any(|issuer| issuer.profile.name == *name) {
            continue;
        }
        let (office, channel, name) = (Arc::clone(&office), *channel, name.clone());
        spawn(move || office.bring(channel, &name))?;
    }
    if let Some((listener, desk)) = bank {
        say(&format!("bank tcp://{}", listener.local_addr()?))?;
        spawn(move || drop(desk.serve(listener)))?;
    }
    for at in &args.listen {
        let listener = TcpListener::bind(at)?;
        say(&format!("issuers http://{}", listener.local_addr()?))?;
        let office = Arc::clone(&office);
        spawn(move || open(&listener, &office))?;
    }
    wait_for_the_end()?;
    // Books are written before anything is said: there is nothing to be put in order.
    say(office.report().trim_end())?;
    Ok(())
}

/// Returns when somebody asks the process to end.
#[cfg(unix)]
fn wait_for_the_end() -> std::io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?.forever().next();
    Ok(())
}

/// Elsewhere nobody asks.
#[cfg(not(unix))]
fn wait_for_the_end() -> std::io::Result<()> {
    loop {
        std::thread::park();
    }
}

/// Takes whoever comes.
fn open(listener: &TcpListener, office: &Arc<Office>) {
    for stream in listener.incoming().flatten() {
        let talk = http::Conversation::new(stream);
        let office = Arc::clone(office);
        let served = talk.and_then(|talk| spawn(move || office.serve(talk)));
        if let Err(error) = served {
            eprintln!("issuers: {error}");
        }
    }
}

/// One line that a program can wait for.
fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
