//! The simulated issuers and rails, and what they know of cards: the same for the main job and for the
//! servers of `issuers`.

use crate::fault::{InputError, label};
use crate::issuer_cards::{self, CardStatus, IssuerCard};
use scrip::adapters::batch::BatchTerms;
use scrip::adapters::rest::{RestTerms, profile};
use scrip::base::{Secret, Text};
use scrip::card::Catalogue;
use scrip::issuer::{IssuerProfile, LateDebit, Profiles, Routing, Timing, Verify};
use scrip::sim::{self, InBatch, InRest, Pace, SimCard, SimConfig, SimIssuer, SimRail};
use std::error::Error;
use std::fs;
use std::path::Path;

pub(crate) const CATALOGUE: &str = include_str!("../data/catalogue.toml");
const PROFILES: &str = include_str!("../data/issuers.toml");
/// The profile that an issuer gets which the shipped profiles do not name.
const ANY_ISSUER: &str = "walmart";

/// Who can be spoken to by its own protocol (`--rest`), with the parameters of its profile.
const REST: [(&str, &[(&str, &str)]); 2] = [
    ("jd", &[("app_key", "scrip-trial")]),
    ("walmart", &[("consumer_id", "scrip-trial"), ("store_id", "1")]),
];

/// An issuer, its profile and the profile's parameters.
type Spoken = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Whose every order is answered "later" and by callback (`--later`): issuer, profile, parameters.
const LATER: [Spoken; 2] = [
    ("fuel", "beehive", &[("app_key", "scrip-trial")]),
    ("telecom", "cardharbor", &[("customer_id", "scrip-trial"), ("notify_url", "https://scrip.example/cb")]),
];

/// Where a token has to be signed in for (`--session`).
const SESSION: Spoken = ("fuel", "lantern", &[("client_id", "scrip-trial")]);

/// What the files look like of issuers that go by files (`--files`).
const FILES: &str = include_str!("../data/regional-files.toml");

/// Which issuers speak protocols of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) rest: bool,
    pub(crate) later: bool,
    pub(crate) session: bool,
    /// How long a token stands, in place of the profile's time.
    pub(crate) token_life_ms: Option<i64>,
    pub(crate) files: bool,
}

/// Lets those issuers speak their own protocols that have one.
pub(crate) fn speak(issuers: &mut [SimIssuer], own: Own) -> Result<(), Box<dyn Error>> {
    if own.rest {
        let rest = REST.map(|(name, params)| (name, name, params));
        speak_rest(issuers, &rest, None)?;
    }
    if own.session {
        speak_rest(issuers, &[SESSION], own.token_life_ms)?;
    }
    if own.later {
        speak_rest(issuers, &LATER, None)?;
        // There is nothing to ask before the order, and no order is taken back.
        for issuer in
            issuers.iter_mut().filter(|one| LATER.iter().any(|(name, ..)| *name == one.profile.name))
        {
            issuer.profile.verify = Verify::None;
            issuer.profile.can_reverse = false;
            issuer.profile.late_debit = LateDebit::Owe;
        }
    }
    for issuer in issuers.iter_mut().filter(|issuer| own.files && issuer.pace == Pace::File) {
        let terms = BatchTerms::parse(FILES).map_err(|error| format!("regional-files.toml: {error}"))?;
        *issuer = issuer.clone().speaking(InBatch(terms));
        // A file of balances answers for a day after its own.
        let routing = issuer.profile.routing.take().unwrap_or_default();
        issuer.profile.routing = Some(Routing { snapshot_ms: Some(172_800_000), ..routing });
    }
    Ok(())
}

/// Lets issuers speak the shipped profiles, with tokens that stand so long.
fn speak_rest(
    issuers: &mut [SimIssuer],
    all: &[Spoken],
    token_life_ms: Option<i64>,
) -> Result<(), Box<dyn Error>> {
    for (name, file, params) in all {
        let Some(issuer) = issuers.iter_mut().find(|issuer| issuer.profile.name == *name) else { continue };
        let text = profile(file).ok_or("the profile comes with the library")?;
        let text = match token_life_ms {
            Some(ms) => with_token_life(text, ms),
            None => text.to_string(),
        };
        let terms = RestTerms::parse(&text)?.with_params(params.iter().copied());
        let terms = terms.ok_or("the profile has these parameters")?;
        *issuer = issuer.clone().speaking(InRest(terms));
        // 京东 does not say which card an answer is about.
        issuer.profile.echoes_card &= *name != "jd";
    }
    Ok(())
}

/// A profile with another `lifetime_ms`; a token is asked for again halfway.
fn with_token_life(text: &str, ms: i64) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some(("lifetime_ms", _)) => format!("lifetime_ms = {ms}\n"),
        Some(("refresh_ms", _)) => format!("refresh_ms = {}\n", ms / 2),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// How much time issuers and rails have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// As the profiles say: for virtual time.
    None,
    /// File issuers answer within seconds.
    Files,
    /// Everything is known within seconds, absences too.
    All,
}

impl Haste {
    fn hurry(self, mut profile: IssuerProfile) -> IssuerProfile {
        if self != Self::None {
            profile = SimConfig::in_a_hurry(profile);
        }
        self.shorten(&mut profile.timing);
        profile
    }

    fn shorten(self, timing: &mut Timing) {
        if self == Self::All {
            timing.send_within_ms = timing.send_within_ms.min(1_500);
            timing.answer_within_ms = timing.answer_within_ms.min(3_000);
            timing.ladder_ms = [500, 1_000, 2_000].into();
            timing.absent_after_ms = timing.absent_after_ms.min(8_000);
            timing.age_limit_ms = timing.age_limit_ms.min(300_000);
        }
    }
}

/// Reads a file, or the shipped text without one.
pub(crate) fn read<T, E: std::fmt::Display>(
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

pub(crate) type Channels = (Vec<SimIssuer>, Vec<SimRail>);

/// A simulated issuer for each that the catalogue names, with the products that are its own.
pub(crate) fn channels(
    haste: Haste,
    catalogue: &Catalogue,
    notes: &mut Vec<String>,
) -> Result<Channels, Box<dyn Error>> {
    let mut profiles = Profiles::parse(PROFILES)?;
    profiles.rails.values_mut().for_each(|rail| haste.shorten(&mut rail.timing));
    let issuers = profiles.issuers.values().cloned();
    let mut issuers: Vec<SimIssuer> = issuers.map(|profile| SimIssuer::new(haste.hurry(profile))).collect();
    for product in catalogue.products() {
        let name = product.issuer();
        if !issuers.iter().any(|issuer| issuer.profile.name == name.as_str()) {
            let mut profile = haste.hurry(profiles.issuers[ANY_ISSUER].clone());
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

/// What the issuers know: the file named, else nothing.
pub(crate) fn known_cards(
    path: Option<&Path>,
    catalogue: &Catalogue,
    notes: &mut Vec<String>,
) -> Result<Option<Vec<SimCard>>, Box<dyn Error>> {
    let Some(path) = path else {
        notes.push(
            "no --issuer-cards: every well-formed card is taken as active with its declared face".into(),
        );
        return Ok(None);
    };
    notes.push(format!("issuers know the cards of {}", label(path)));
    let rows = issuer_cards::read(path)?;
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
