//! What the simulated world consists of.

use super::card::SimCard;
use super::fault::Faults;
use super::speech::{InSignedJson, Speech};
use crate::adapters::signed_json::{SignedJson, SignedJsonRail};
use crate::adapters::{AdapterError, FarEnd};
use crate::base::{Secret, Text, Wall, digest};
use crate::issuer::{Issuer, IssuerProfile, RailProfile, Verify};
use std::boxed::Box;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

/// How fast an issuer is and in which form it answers (SPEC rows E1 to E3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// State banks: 500 to 1,200 ms.
    Bank,
    /// Internet platforms: 100 to 400 ms.
    Platform,
    /// Regional supermarkets: takes files and answers by file, see [`FileTimes`].
    File,
}

impl Pace {
    /// The pace that goes with a profile: `File` for those that gather redeems into batches,
    /// `Bank` for those that check a PIN, `Platform` for all others.
    pub fn of(profile: &IssuerProfile) -> Self {
        match profile.verify {
            _ if profile.batch_window_ms > 0 => Self::File,
            Verify::PinCheck => Self::Bank,
            _ => Self::Platform,
        }
    }

    /// From the request's leaving to the answer's arriving, in milliseconds.
    pub(super) const fn latency_ms(self) -> RangeInclusive<i64> {
        match self {
            Self::Bank => 500..=1_200,
            Self::Platform => 100..=400,
            // Sending a file (E3 says minutes, of which the asker does not wait for one).
            Self::File => 1_000..=3_000,
        }
    }
}

/// The same for rails, in milliseconds.
pub(super) const RAIL_LATENCY_MS: RangeInclusive<i64> = 30..=120;

/// When a file issuer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileTimes {
    /// At most this long after a line came in, its answer is delivered. Milliseconds.
    pub delay_ms: i64,
    /// All answers that fall due within one window are delivered together at its end.
    /// Milliseconds, at least 1 and at most `delay_ms`.
    pub window_ms: i64,
}

impl FileTimes {
    /// A day, in files by the hour: for virtual time.
    pub const DAILY: Self = Self { delay_ms: 86_400_000, window_ms: 3_600_000 };
    /// Two seconds, in files by the half second: for real time.
    pub const HURRIED: Self = Self { delay_ms: 2_000, window_ms: 500 };

    /// When the answer to a line that came in at `at` is delivered.
    pub(super) fn due(self, at: Wall) -> Wall {
        let window = self.window_ms.max(1);
        let earliest = at.plus(self.delay_ms.saturating_sub(window)).0;
        let whole = earliest.div_euclid(window).saturating_add(1);
        Wall(whole.saturating_mul(window))
    }
}

/// Whether time jumps or passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TimeMode {
    /// Jumps to whatever happens next.
    #[default]
    Virtual,
    /// Passes at the pace of the machine's clock; waiting sleeps.
    Real,
}

/// One issuer of the world.
#[derive(Clone, Debug)]
pub struct SimIssuer {
    /// Its profile, the one that the engine is set up with; `name` names it.
    pub profile: IssuerProfile,
    /// How fast it is.
    pub pace: Pace,
    /// The channel's key, 32 bytes.
    pub key: Secret,
    /// The products whose rows of the card list are its own; empty for every row.
    pub products: Vec<Text>,
    /// What it speaks.
    pub speech: Arc<dyn Speech>,
}

/// One rail of the world.
#[derive(Clone, Debug)]
pub struct SimRail {
    /// Its profile; `name` names it.
    pub profile: RailProfile,
    /// The channel's key, 32 bytes.
    pub key: Secret,
}

/// The key of a simulated channel: derived from its name, for there is nothing to protect.
fn channel_key(name: &str) -> Secret {
    Secret::new(digest("scrip sim channel key v1", &[name.as_bytes()]).0.to_vec())
}

impl SimIssuer {
    /// An issuer with the pace of its profile, a key derived from its name, and every card.
    pub fn new(profile: IssuerProfile) -> Self {
        let (pace, key) = (Pace::of(&profile), channel_key(&profile.name));
        Self { profile, pace, key, products: Vec::new(), speech: Arc::new(InSignedJson) }
    }

    /// The same issuer, speaking another protocol than signed JSON.
    #[must_use]
    pub fn speaking(self, speech: impl Speech + 'static) -> Self {
        Self { speech: Arc::new(speech), ..self }
    }

    /// The adapter with which an engine speaks to it, whatever it speaks.
    ///
    /// # Errors
    /// [`AdapterError`] for terms or a key that do not fit.
    pub fn issuer(&self) -> Result<Box<dyn Issuer>, AdapterError> {
        self.speech.issuer(self.profile.clone(), &self.key)
    }

    pub(super) fn far_end(&self) -> Result<Box<dyn FarEnd>, AdapterError> {
        self.speech.far_end(&self.key)
    }

    /// The adapter of an issuer that speaks signed JSON; of any, see [`SimIssuer::issuer`].
    ///
    /// # Errors
    /// [`AdapterError::KeyLength`].
    pub fn adapter(&self) -> Result<SignedJson, AdapterError> {
        SignedJson::new(self.profile.clone(), self.key.clone())
    }
}

impl SimRail {
    /// A rail with a key derived from its name.
    pub fn new(profile: RailProfile) -> Self {
        let key = channel_key(&profile.name);
        Self { profile, key }
    }

    /// The adapter with which an engine speaks to it.
    ///
    /// # Errors
    /// [`AdapterError::KeyLength`].
    pub fn adapter(&self) -> Result<SignedJsonRail, AdapterError> {
        SignedJsonRail::new(self.profile.clone(), self.key.clone())
    }
}

/// The whole world.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// The issuers, in any order; channels go by name.
    pub issuers: Vec<SimIssuer>,
    /// The rails, in any order.
    pub rails: Vec<SimRail>,
    /// What issuers know of cards. Without a list, an issuer takes every card as active, the
    /// first amount that it hears for it as its balance, and the first secret as the right one.
    pub cards: Option<Vec<SimCard>>,
    /// How much goes wrong.
    pub faults: Faults,
    /// In how many of a thousand stretches of 20 seconds a site of an issuer with several is down,
    /// see [`Outage`](super::Outage); 0 to 1,000.
    pub outages: u64,
    /// The seed of faults, outages and latencies.
    pub seed: u64,
    /// Where ledgers and clock are kept; without a folder the world ends with the process.
    pub dir: Option<PathBuf>,
    /// The time at which the world begins, if its folder does not know a later one.
    pub start: Wall,
    /// Whether time jumps or passes.
    pub time: TimeMode,
    /// When file issuers answer.
    pub file: FileTimes,
    /// How long after a "later" the true answer is brought, in milliseconds.
    pub later_ms: RangeInclusive<i64>,
}

/// A platform that works cards off one after the other.
const LATER_MS: RangeInclusive<i64> = 5_000..=60_000;
/// The same for real time.
const SOON_MS: RangeInclusive<i64> = 300..=3_000;

impl SimConfig {
    /// A world of these issuers and rails: every card good, no faults, in memory, virtual time
    /// from 2026-03-02T00:00:00Z on.
    pub fn new(issuers: Vec<SimIssuer>, rails: Vec<SimRail>) -> Self {
        Self {
            issuers,
            rails,
            cards: None,
            faults: Faults::None,
            outages: 0,
            seed: 0,
            dir: None,
            start: Wall(1_772_409_600_000),
            time: TimeMode::Virtual,
            file: FileTimes::DAILY,
            later_ms: LATER_MS,
        }
    }

    /// The same world in real time, with file issuers and callbacks that answer within seconds. Their profiles
    /// must gather for seconds, too; [`in_a_hurry`](Self::in_a_hurry) makes them.
    #[must_use]
    pub fn in_real_time(self) -> Self {
        Self { time: TimeMode::Real, file: FileTimes::HURRIED, later_ms: SOON_MS, ..self }
    }

    /// The profile of a batch issuer for real time: gathers for at most half a second and waits
    /// for at most ten. Other profiles stay as they are.
    #[must_use]
    pub fn in_a_hurry(mut profile: IssuerProfile) -> IssuerProfile {
        if profile.batch_window_ms > 0 {
            profile.batch_window_ms = profile.batch_window_ms.min(500);
            let timing = &mut profile.timing;
            timing.send_within_ms = timing.send_within_ms.min(5_000);
            timing.answer_within_ms = timing.answer_within_ms.min(10_000);
            timing.ladder_ms = [5_000].into();
            timing.absent_after_ms = timing.absent_after_ms.min(30_000);
            timing.age_limit_ms = timing.age_limit_ms.min(300_000);
        }
        profile
    }
}

/// Whether a name can be that of a file.
pub(super) fn is_file_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    !name.is_empty() && name.bytes().all(allowed)
}

/// The issuer's or rail's own reference for the `nth` effect under a reference of ours: the same
/// in every run, whatever the order of events.
pub(super) fn own_reference(name: &str, reference: &str, site: u32, nth: usize) -> Text {
    let parts: [&[u8]; 4] =
        [name.as_bytes(), reference.as_bytes(), &site.to_le_bytes(), &(nth as u64).to_le_bytes()];
    let digest = digest("scrip sim own reference v1", &parts);
    let text: String = std::format!("{digest}").to_uppercase().chars().take(16).collect();
    Text::new(&text).expect("sixteen hexadecimal digits are a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_one_window_come_together_and_in_time() {
        for times in [FileTimes::DAILY, FileTimes::HURRIED] {
            let day = times.delay_ms;
            for at in [0, 1, 499, 500, 3_599_999, 3_600_000, 1_772_409_600_000] {
                let due = times.due(Wall(at)).0;
                assert!(due > at && due <= at + day && due > at + day - 2 * times.window_ms, "{at}: {due}");
                assert_eq!(due % times.window_ms, 0);
            }
        }
        assert_eq!(FileTimes::DAILY.due(Wall(1)), FileTimes::DAILY.due(Wall(3_599_999)));
    }

    #[test]
    fn names_of_files_cannot_leave_the_folder() {
        assert!(is_file_name("bank-2"));
        for name in ["", "..", "a/b", "Bank", "a.b", "卡"] {
            assert!(!is_file_name(name), "{name}");
        }
    }
}
