//! Scenarios: the traces by which money is lost, as far as one node can live through them, and
//! what the engine makes of each thing that can go wrong. Each file is named after what it shows.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod stage;

mod trace_01_zombie_send;
mod trace_02_undo_overtakes;
mod trace_03_duplicates_mixed_up;
mod trace_04_end_of_a_claim;
mod trace_05_two_keys_one_card;
mod trace_06_payout_fails_halfway;
