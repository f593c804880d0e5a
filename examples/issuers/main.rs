//! The simulated issuers and the pay-out rail as servers, with books and faults of their own.
//!
//! `cargo run --release --example issuers -- --listen 127.0.0.1:8090 --ledger books`, and in another
//! terminal `cargo run --release --example buyback -- examples/data/cards.csv --issuers
//! http://127.0.0.1:8090`.

mod args;
mod bank;
mod http;
mod office;
mod trouble;

// What the main job has as well.
#[path = "../buyback/ask.rs"]
mod ask;
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
use office::{Office, spawn};
use scrip::card::Catalogue;
use scrip::sim::{SimConfig, SimWorld};
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
    if args.rest {
        world::speak_rest(&mut issuers)?;
    }
    // Clock and network are the machine's; files are answered within seconds.
    let mut config = SimConfig::new(issuers, rails).in_real_time();
    config.cards = world::known_cards(args.issuer_cards.as_deref(), &catalogue, &mut notes)?;
    config.faults = args.faults;
    config.seed = args.seed;
    let passing = tempfile::tempdir()?;
    let ledgers = args.ledger.unwrap_or_else(|| passing.path().to_path_buf());
    config.dir = Some(ledgers.clone());
    notes.iter().for_each(|note| eprintln!("issuers: {note}"));

    let bank = match args.bank {
        Some(at) => Some((TcpListener::bind(at)?, bank::Desk::new(args.seed, args.troubles.clone())?)),
        None => None,
    };
    let desk = bank.as_ref().map(|(_, desk)| Arc::clone(desk));
    let office = Office::new(SimWorld::open(&config)?, ledgers, args.faults, args.troubles, desk);
    for (channel, name) in office.channels() {
        let (office, channel, name) = (Arc::clone(&office), *channel, name.clone());
        spawn(move || office.bring(channel, &name))?;
    }
    if let Some((listener, desk)) = bank {
        say(&format!("bank tcp://{}", listener.local_addr()?))?;
        spawn(move || drop(desk.serve(listener)))?;
    }
    let mut doors = Vec::new();
    for at in &args.listen {
        let listener = TcpListener::bind(at)?;
        say(&format!("issuers http://{}", listener.local_addr()?))?;
        let office = Arc::clone(&office);
        doors.push(std::thread::spawn(move || open(&listener, &office)));
    }
    for door in doors {
        door.join().map_err(|_| "a door fell shut")?;
    }
    Ok(())
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
