//! `kill -9` at any moment, then the same command: it finishes, and nothing is lost or paid twice.
//!
//! `SCRIP_KILLS` sets the number of kills over each store (24), half of them with faults;
//! `SCRIP_KILL_SEED` from what their moments are drawn (1). With the feature `postgres` over a
//! private server too, a database for each trial.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

#[path = "buyback/job.rs"]
mod job;
#[path = "buyback/shelves.rs"]
mod shelves;

use job::{CARDS, Desk, ISSUER_CARDS, assert_none_within, run, shipped_secrets};
use serde_json::Value;
use shelves::Shelf;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// So often one database is hit before it may finish.
const KILLS_PER_DATABASE: u32 = 5;
/// So many times what a kill has left is searched for secrets.
const LOOKS: u32 = 3;
/// The lines of the smaller file: header and cards.
const FEW: usize = 201;

/// Where the kills fall: the same sequence for the same seed (SplitMix64).
struct Moments(u64);

impl Moments {
    fn below(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let micros = (u128::from(mixed) * most.as_micros()) >> 64;
        Duration::from_micros(u64::try_from(micros).unwrap())
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a whole number"))
}

/// The first lines of the shipped file in a folder of their own.
fn few_cards(desk: &Desk) -> PathBuf {
    let all = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(CARDS)).unwrap();
    let few: String = all.split_inclusive('\n').take(FEW).collect();
    let path = desk.path("few.csv");
    std::fs::write(&path, few).unwrap();
    path
}

struct Trial<'a> {
    shelf: &'a Shelf,
    cards: PathBuf,
    args: Vec<String>,
}

impl Trial<'_> {
    fn command(&self, desk: &Desk) -> Command {
        let mut command = desk.command(&self.cards);
        command.args(["--issuer-cards", ISSUER_CARDS]).args(self.shelf.args(desk)).args(&self.args);
        command
    }

    /// A run that nobody disturbs, and how long it took.
    fn undisturbed(&self) -> (Desk, Duration) {
        let desk = Desk::new();
        let mut command = self.command(&desk);
        let begun = Instant::now();
        let ran = run(&mut command);
        let took = begun.elapsed();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.contains("oracle          agrees") && ran.err.lines().count() == 1, "{ran:?}");
        (desk, took)
    }

    /// Starts the command and kills it after `delay`; whether that hit it while it ran. If not,
    /// it must have finished well.
    fn kill_after(&self, desk: &Desk, delay: Duration) -> bool {
        let mut command = self.command(desk);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(delay);
        let _ = child.kill();
        let ended = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(matches!(ended.status.code(), None | Some(0)), "after {delay:?}: {:?} {text}", ended.status);
        ended.status.code().is_none()
    }

    /// Kills run after run over one database, up to `most` times, until one has finished, and
    /// then lets one finish undisturbed; tells how many kills hit. After each hit, `look` sees
    /// what it left.
    fn kill_and_finish(
        &self,
        desk: &Desk,
        most: u32,
        moments: &mut Moments,
        took: Duration,
        look: &mut dyn FnMut(&Desk),
    ) -> u32 {
        let mut hits = 0;
        while hits < most {
            let delay = moments.below(took);
            let hit = self.kill_after(desk, delay);
            eprintln!("{delay:?} of {took:?}: {}", if hit { "killed" } else { "had finished" });
            if !hit {
                break;
            }
            hits += 1;
            look(desk);
        }
        let ran = run(&mut self.command(desk));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        hits
    }
}

fn half_of_the_kills() -> u32 {
    u32::try_from(setting("SCRIP_KILLS", 24).div_ceil(2)).unwrap()
}

#[test]
fn over_the_journal_the_outcomes_are_those_of_a_run_that_was_never_disturbed() {
    never_disturbed(&Shelf::Journal);
}

#[test]
fn over_sqlite_the_outcomes_are_those_of_a_run_that_was_never_disturbed() {
    never_disturbed(&Shelf::Sqlite);
}

#[test]
fn over_the_journal_books_outcomes_and_oracle_agree_under_faults() {
    under_faults(&Shelf::Journal);
}

#[test]
fn over_sqlite_books_outcomes_and_oracle_agree_under_faults() {
    under_faults(&Shelf::Sqlite);
}

#[cfg(feature = "postgres")]
#[test]
fn over_postgresql_both_hold() {
    let Some(shelf) = Shelf::postgres() else { return };
    never_disturbed(&shelf);
    under_faults(&shelf);
}

/// Without faults, whatever is killed.
fn never_disturbed(shelf: &Shelf) {
    let mut moments = Moments(setting("SCRIP_KILL_SEED", 1));
    let (kills, secrets) = (half_of_the_kills(), shipped_secrets());
    let folder = Desk::new();
    let few = few_cards(&folder);
    let trial = |cards: PathBuf| Trial { shelf, cards, args: Vec::new() };
    let (whole, part) = (trial(CARDS.into()), trial(few));
    let undisturbed = [whole.undisturbed(), part.undisturbed()];
    let (mut hits, mut looks, begun) = (0, 0, Instant::now());
    for round in 0.. {
        if hits >= kills {
            break;
        }
        // The whole file once, then the smaller one.
        let (trial, (expected, took)) =
            if round == 0 { (&whole, &undisturbed[0]) } else { (&part, &undisturbed[1]) };
        let desk = Desk::new();
        let most = KILLS_PER_DATABASE.min(kills - hits);
        hits += trial.kill_and_finish(&desk, most, &mut moments, *took, &mut |desk| {
            // What a crash leaves, the write-ahead log among it, holds no secret either.
            let files = desk.files();
            let log = files.iter().any(|(path, _)| path.to_string_lossy().ends_with("-wal"));
            if log && looks < LOOKS {
                looks += 1;
                files.iter().for_each(|(path, content)| {
                    assert_none_within(&secrets, &path.display().to_string(), content);
                });
            }
        });
        assert!(desk.outcomes() == expected.outcomes(), "round {round}: {}", difference(expected, &desk));
        shelf.assert_whole(&desk, &format!("round {round}"));
        let (found, expected) = (desk.summary(), expected.summary());
        for same in ["lines", "states", "issuers", "reasons", "totals", "ledger_balance_minor", "oracle"] {
            assert_eq!(found[same], expected[same], "round {round}: {same}");
        }
    }
    eprintln!("{}: {hits} kills without faults in {:.0?}", shelf.name(), begun.elapsed());
    assert!(looks > 0 || !shelf.leaves_files(), "no kill left a write-ahead log");
}

fn difference(expected: &Desk, found: &Desk) -> String {
    let [expected, found] = [expected, found].map(|desk| String::from_utf8(desk.outcomes()).unwrap());
    let mut both = expected.lines().zip(found.lines());
    let (expected, found) =
        both.find(|(expected, found)| expected != found).unwrap_or(("another length", ""));
    format!("expected {expected}\nfound {found}")
}

/// With lost, doubled and late messages, whatever is killed.
fn under_faults(shelf: &Shelf) {
    let mut moments = Moments(setting("SCRIP_KILL_SEED", 1).wrapping_add(1));
    let kills = half_of_the_kills();
    let folder = Desk::new();
    let few = few_cards(&folder);
    let (mut hits, mut took, begun) = (0, Duration::ZERO, Instant::now());
    for seed in 1.. {
        if hits >= kills {
            break;
        }
        let args = ["--faults", "heavy", "--seed", &seed.to_string()].map(String::from);
        let cards = if seed == 1 { CARDS.into() } else { few.clone() };
        let trial = Trial { shelf, cards, args: args.into() };
        if seed <= 2 {
            took = trial.undisturbed().1;
        }
        let desk = Desk::new();
        let most = KILLS_PER_DATABASE.min(kills - hits);
        hits += trial.kill_and_finish(&desk, most, &mut moments, took, &mut |_| {});
        assert_sound(shelf, &desk, &format!("seed {seed}"));
    }
    eprintln!("{}: {hits} kills with faults in {:.0?}", shelf.name(), begun.elapsed());
}

/// Every line has an end or an age, every debit an explanation, and what was paid was paid once.
fn assert_sound(shelf: &Shelf, desk: &Desk, round: &str) {
    shelf.assert_whole(desk, round);
    let summary = desk.summary();
    assert_eq!(summary["oracle"]["verdict"], "agrees", "{round}");
    assert_eq!(summary["oracle"]["debited_twice"], 0, "{round}");
    assert_eq!(summary["oracle"]["unexplained"], 0, "{round}");
    assert_eq!(summary["ledger_balance_minor"]["CNY"], 0, "{round}");
    let outcomes = String::from_utf8(desk.outcomes()).unwrap();
    assert_eq!(summary["lines"], outcomes.lines().count(), "{round}");
    let mut cards = 0;
    for outcome in outcomes.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let state = outcome["state"].as_str().unwrap();
        let paid = outcome["payout_minor"].as_i64().unwrap_or(0);
        match state {
            "retired" => assert!(paid > 0, "{round}: {outcome}"),
            "suspended" => assert!(outcome["reason"].is_string(), "{round}: {outcome}"),
            _ => assert_eq!(paid, 0, "{round}: {outcome}"),
        }
        cards += u64::from(state == "retired");
    }
    let debited = summary["oracle"]["debited_cards"].as_u64().unwrap();
    let resent = 3;
    assert!(debited + resent >= cards, "{round}: {debited} debits for {cards} retired lines");
}
