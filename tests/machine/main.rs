//! The redemption machine by itself, walked through everything that can happen to it: from
//! every place that it can be brought to, every answer, decision and wake-up, in time, doubled
//! and late. Nothing may be refused but what people ask for, the books must say in every state
//! what that state means, and in the end every line of the table has been taken.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod books;
mod walk;
mod world;

use scrip::flow::{EventKind, State, TRANSITIONS};
use scrip::issuer::{Evidence, Idempotency, LateDebit, OnAbsent, Recipe, Verify};
use scrip::route::Snapshot;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use world::World;

type Steps = BTreeSet<(State, EventKind, State)>;

fn online() -> World {
    World::new(|_| {})
}

fn repeating() -> World {
    World::new(|issuer| {
        issuer.recipe = Recipe::Repeat;
        issuer.verify = Verify::None;
        issuer.can_reverse = false;
        issuer.late_debit = LateDebit::Owe;
    })
}

fn reversing() -> World {
    World::new(|issuer| {
        issuer.recipe = Recipe::Reverse;
        issuer.verify = Verify::PinCheck;
        issuer.idempotency = Idempotency::Site;
    })
}

fn forgetful() -> World {
    World::new(|issuer| {
        issuer.idempotency = Idempotency::None;
        issuer.on_absent = OnAbsent::Decline;
        issuer.verify = Verify::PinCheck;
    })
}

fn by_file() -> World {
    World::new(|issuer| {
        issuer.verify = Verify::None;
        issuer.evidence = Evidence::File;
        issuer.recipe = Recipe::File;
        issuer.batch_window_ms = 1_000;
        issuer.batch_max = 100;
    })
}

fn by_file_repeated() -> World {
    let mut world = World::new(|issuer| {
        issuer.verify = Verify::None;
        issuer.evidence = Evidence::File;
        issuer.recipe = Recipe::Repeat;
        issuer.batch_window_ms = 1_000;
        issuer.batch_max = 100;
        issuer.can_reverse = false;
        issuer.late_debit = LateDebit::Owe;
    });
    // A file of balances has told of the card.
    world.snapshot = Some(Snapshot { balance: world::cny(world::FACE), age_ms: 3_600_000 });
    world
}

static QUERIED: LazyLock<Steps> = LazyLock::new(|| walk::through(&online()));
static REPEATED: LazyLock<Steps> = LazyLock::new(|| walk::through(&repeating()));
static REVERSED: LazyLock<Steps> = LazyLock::new(|| walk::through(&reversing()));
static FORGETFUL: LazyLock<Steps> = LazyLock::new(|| walk::through(&forgetful()));
static BY_FILE: LazyLock<Steps> = LazyLock::new(|| walk::through(&by_file()));
static FILE_REPEATED: LazyLock<Steps> = LazyLock::new(|| walk::through(&by_file_repeated()));

/// The lines of the table that can never be taken, as the machine is now.
const NEVER: &[(State, EventKind, State)] = &[
    // It goes through these states within one step: nothing can come between.
    (State::Verified, EventKind::Cancelled, State::Cancelled),
    (State::Paid, EventKind::PayReturned, State::Returned),
    (State::Cleared, EventKind::PayReturned, State::Returned),
    (State::Paid, EventKind::Corrected, State::ClawbackDue),
    (State::Cleared, EventKind::Corrected, State::ClawbackDue),
];

fn took(steps: &Steps, event: EventKind) {
    assert!(steps.iter().any(|(_, kind, _)| *kind == event), "{event:?} is never taken");
}

#[test]
fn an_issuer_that_is_queried() {
    took(&QUERIED, EventKind::LateDebit);
}

#[test]
fn an_issuer_to_which_the_redeem_is_repeated() {
    took(&REPEATED, EventKind::LateKept);
}

#[test]
fn an_issuer_whose_debit_is_undone() {
    took(&REVERSED, EventKind::ReverseRefused);
}

#[test]
fn an_issuer_that_recognises_no_repeat() {
    took(&FORGETFUL, EventKind::CheckSent);
}

#[test]
fn an_issuer_that_answers_by_file() {
    took(&BY_FILE, EventKind::AdvanceRejected);
}

#[test]
fn an_issuer_that_answers_by_file_and_takes_repeats() {
    took(&FILE_REPEATED, EventKind::Requoted);
}

#[test]
fn every_line_of_the_table_is_taken_but_those_that_never_can_be() {
    let walks = [&QUERIED, &REPEATED, &REVERSED, &FORGETFUL, &BY_FILE, &FILE_REPEATED];
    let taken: Steps = walks.iter().flat_map(|steps| steps.iter().copied()).collect();
    let missing: Steps = TRANSITIONS.iter().copied().filter(|line| !taken.contains(line)).collect();
    assert_eq!(missing, NEVER.iter().copied().collect::<Steps>());
}
