//! From the command line to an engine's set-up and the simulated world around it.

use crate::args::{Args, Faults};
use crate::fault::{InputError, label};
use crate::issuer_cards::{self, CardStatus, IssuerCard};
use crate::keys;
use scrip::base::{Secret, Text, Wall};
use scrip::card::Catalogue;
use scrip::engine::{Policy, Setup};
use scrip::issuer::{Issuer, IssuerProfile, Profiles, Rail};
use scrip::sim::{self, SimCard, SimConfig, SimIssuer, SimRail};
use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const CATALOGUE: &str = include_str!("../data/catalogue.toml");
const POLICY: &str = include_str!("../data/policy.toml");
const PROFILES: &str = include_str!("../data/issuers.toml");
/// The profile that an issuer gets which the shipped profiles do not name.
const ANY_ISSUER: &str = "walmart";

/// An engine's set-up and the world around it.
pub(crate) struct Stage {
    pub(crate) setup: Setup,
    pub(crate) world: SimConfig,
    /// Each product's issuer.
    pub(crate) issuers: HashMap<String, String>,
    /// What a person should know about it.
    pub(crate) notes: Vec<String>,
}

/// The folder in which the simulated issuers keep their own books.
pub(crate) fn issuers_dir(db: &Path) -> PathBuf {
    beside(db, ".issuers")
}

/// A name beside the database's.
pub(crate) fn beside(db: &Path, ending: &str) -> PathBuf {
    let mut name = db.file_name().unwrap_or_default().to_os_string();
    name.push(ending);
    db.with_file_name(name)
}

/// Reads all files and puts the parts together.
pub(crate) fn stage(args: &Args) -> Result<Stage, Box<dyn Error>> {
    let mut notes = Vec::new();
    let catalogue = read(args.catalog.as_deref(), CATALOGUE, Catalogue::parse)?;
    let policy = read(args.policy.as_deref(), POLICY, Policy::parse)?;
    let (issuers, rails) = channels(args, &catalogue, &mut notes)?;
    let cards = known_cards(args, &catalogue, &mut notes)?;
    let ring = keys::open(&args.db, args.store())?;
    let issued =
        catalogue.products().map(|product| (product.name().to_string(), product.issuer().to_string()));
    let issued = issued.collect();

    let adapters: Result<Vec<Box<dyn Issuer>>, _> =
        issuers.iter().map(|issuer| issuer.adapter().map(|adapter| Box::new(adapter) as _)).collect();
    let rail_adapters: Result<Vec<Box<dyn Rail>>, _> =
        rails.iter().map(|rail| rail.adapter().map(|adapter| Box::new(adapter) as _)).collect();
    let setup = Setup::new(catalogue, policy, adapters?, rail_adapters?, ring)
        .map_err(|error| InputError::new("set-up", error))?;

    let mut world = SimConfig::new(issuers, rails);
    world.cards = cards;
    world.seed = args.seed;
    world.dir = Some(issuers_dir(&args.db));
    world.faults = match args.faults {
        Faults::None => sim::Faults::None,
        Faults::Light => sim::Faults::Light,
        Faults::Heavy => sim::Faults::Heavy,
    };
    if args.realtime {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        world.start = Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        world = world.in_real_time();
    }
    Ok(Stage { setup, world, issuers: issued, notes })
}

/// Reads a file, or the shipped text without one.
fn read<T, E: std::fmt::Display>(
    path: Option<&Path>,
    shipped: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, InputError> {
    let Some(path) = path else {
        return parse(shipped).map_err(|error| InputError::new("shipped file", error));
    };
    let fatal = |what: String| InputError::new(&label(path), what);
    let bytes = fs::read(path).map_err(|error| fatal(format!("cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| fatal("is not UTF-8 text".into()))?;
    parse(text.strip_prefix('\u{feff}').unwrap_or(&text)).map_err(|error| fatal(error.to_string()))
}

type Channels = (Vec<SimIssuer>, Vec<SimRail>);

/// A simulated issuer for each that the catalogue names, with the products that are its own.
fn channels(args: &Args, catalogue: &Catalogue, notes: &mut Vec<String>) -> Result<Channels, Box<dyn Error>> {
    let profiles = Profiles::parse(PROFILES)?;
    let pace = |profile: IssuerProfile| match args.realtime {
        true => SimConfig::in_a_hurry(profile),
        false => profile,
    };
    let mut issuers: Vec<SimIssuer> =
        profiles.issuers.values().cloned().map(pace).map(SimIssuer::new).collect();
    for product in catalogue.products() {
        let name = product.issuer();
        if !issuers.iter().any(|issuer| issuer.profile.name == name.as_str()) {
            let mut profile = profiles.issuers[ANY_ISSUER].clone();
            profile.name = name.as_str().into();
            issuers.push(SimIssuer::new(profile));
            notes.push(format!("issuer {name} has no profile of its own and is simulated like {ANY_ISSUER}"));
        }
        let issuer = issuers.iter_mut().find(|issuer| issuer.profile.name == name.as_str());
        issuer.expect("it was put there").products.push(product.name().clone());
    }
    issuers.retain(|issuer| !issuer.products.is_empty());
    let rails = profiles.rails.values().cloned().map(SimRail::new).collect();
    Ok((issuers, rails))
}

/// What the issuers know: the file named, else `issuer-cards.csv` beside the cards, else nothing.
fn known_cards(
    args: &Args,
    catalogue: &Catalogue,
    notes: &mut Vec<String>,
) -> Result<Option<Vec<SimCard>>, Box<dyn Error>> {
    let sibling = args.cards.with_file_name("issuer-cards.csv");
    let path = args.issuer_cards.clone().or_else(|| sibling.is_file().then_some(sibling));
    let Some(path) = path else {
        notes.push(
            "no --issuer-cards: every well-formed card is taken as active with its declared face".into(),
        );
        return Ok(None);
    };
    notes.push(format!("issuers know the cards of {}", label(&path)));
    let rows = issuer_cards::read(&path)?;
    Ok(Some(rows.into_iter().filter_map(|row| canonical(catalogue, row)).collect()))
}

/// The card in the form in which the engine sends it. One whose shape its product does not have
/// can never be asked about and stays as it is; one of an unknown product is left out.
fn canonical(catalogue: &Catalogue, row: IssuerCard) -> Option<SimCard> {
    let product = catalogue.product(&row.product)?;
    let secret = std::str::from_utf8(row.secret.expose()).ok()?;
    let (number, secret) = match product.read(Some(&row.number), secret) {
        Ok(card) => (card.number().cloned(), card.secret().clone()),
        Err(_) => (Some(Secret::from(row.number.as_str())).filter(|n| !n.is_empty()), row.secret.clone()),
    };
    let status = match row.status {
        CardStatus::Active => sim::CardStatus::Active,
        CardStatus::Inactive => sim::CardStatus::Inactive,
        CardStatus::Used => sim::CardStatus::Used,
        CardStatus::Expired => sim::CardStatus::Expired,
        CardStatus::Frozen => sim::CardStatus::Frozen,
    };
    let product = Text::new(&row.product).ok()?;
    Some(SimCard { product, number, secret, balance: row.balance, status })
}
