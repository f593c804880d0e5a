//! From the command line to an engine's set-up and the simulated world around it.

use crate::args::{Args, Faults};
use crate::fault::InputError;
use crate::keys;
use crate::world::{CATALOGUE, Haste, Own, channels, known_cards, read, speak};
use scrip::base::Wall;
use scrip::card::Catalogue;
use scrip::engine::{Bounds, Policy, Setup};
use scrip::issuer::{Issuer, Rail};
use scrip::sim::{self, SimConfig, SimIssuer};
use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const POLICY: &str = include_str!("../data/policy.toml");
/// So many redemptions are under way at once over the wire.
const OVER_THE_WIRE: usize = 1_024;

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

/// The shipped block list names cards of the shipped catalogue: with another one, those that are none of its
/// products' are left out. Of a policy that was given, they are a fault.
fn leave_out_foreign_cards(policy: &mut Policy, catalogue: &Catalogue, notes: &mut Vec<String>) {
    let cards = &mut policy.risk.block.cards;
    let all = cards.len();
    cards.retain(|entry| {
        catalogue.product(&entry.product).is_some_and(|product| product.identities_of(&entry.card).is_ok())
    });
    if cards.len() < all {
        let left = all - cards.len();
        notes.push(format!(
            "no --policy: {left} of the {all} cards that the shipped one blocks are not of this catalogue"
        ));
    }
}

/// Reads all files and puts the parts together.
pub(crate) fn stage(args: &Args) -> Result<Stage, Box<dyn Error>> {
    let mut notes = Vec::new();
    let catalogue = read(args.catalog.as_deref(), CATALOGUE, Catalogue::parse)?;
    let mut policy = read(args.policy.as_deref(), POLICY, Policy::parse)?;
    if args.policy.is_none() {
        leave_out_foreign_cards(&mut policy, &catalogue, &mut notes);
    }
    let haste = match (args.hurried, args.realtime || args.issuers.is_some()) {
        (true, _) => Haste::All,
        (false, true) => Haste::Files,
        (false, false) => Haste::None,
    };
    let (mut issuers, rails) = channels(haste, &catalogue, &mut notes)?;
    let own = Own {
        rest: args.rest,
        later: args.later,
        session: args.session,
        token_life_ms: None,
        files: args.files.is_some(),
    };
    speak(&mut issuers, own)?;
    let cards = match args.issuers {
        // They know for themselves.
        Some(_) => None,
        None => {
            let sibling = Some(args.cards.with_file_name("issuer-cards.csv"));
            let path = args.issuer_cards.clone().or(sibling.filter(|path| path.is_file()));
            known_cards(path.as_deref(), &catalogue, &mut notes)?
        }
    };
    let ring = keys::open(&args.db, args.store())?;
    let issued =
        catalogue.products().map(|product| (product.name().to_string(), product.issuer().to_string()));
    let issued = issued.collect();

    let adapters: Result<Vec<Box<dyn Issuer>>, _> = issuers.iter().map(SimIssuer::issuer).collect();
    let rail_adapters: Result<Vec<Box<dyn Rail>>, _> =
        rails.iter().map(|rail| rail.adapter().map(|adapter| Box::new(adapter) as _)).collect();
    let mut setup = Setup::new(catalogue, policy, adapters?, rail_adapters?, ring)
        .map_err(|error| InputError::new("set-up", error))?;
    if args.issuers.is_some() {
        setup = setup.bounds(Bounds { in_flight: OVER_THE_WIRE, ..Bounds::default() });
    }

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
