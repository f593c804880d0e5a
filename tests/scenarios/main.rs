//! Scenarios: the traces by which money is lost, as far as one node can live through them, and
//! what the engine makes of each thing that can go wrong. Each file is named after what it shows.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod stage;

mod enumeration_budgets;
mod enumeration_uniform_answers;
mod failover_between_sites;
mod machine_every_state;
mod machine_partial_debit;
mod machine_pending_and_absent;
mod machine_screening;
mod machine_suspense;
mod machine_undo;
mod machine_unknown_outcome;
mod snapshot_of_a_slow_issuer;
mod token_keys_rotate;
mod token_refused_for_its_own_reason;
mod token_used_once;
mod trace_01_zombie_send;
mod trace_02_undo_overtakes;
mod trace_03_duplicates_mixed_up;
mod trace_04_end_of_a_claim;
mod trace_05_two_keys_one_card;
mod trace_06_payout_fails_halfway;
mod trace_07_evidence_against_speed;
mod trace_07_silent_rail;
mod trace_08_we_lock_the_card_ourselves;
mod trace_09_foreign_approval;
mod trace_10_repeat_at_the_other_site;
mod trace_11_stale_approval;
mod trace_11_stale_token;
mod trace_12_lost_secret;
mod trace_13_clock_jumps;
mod trace_14_restored_backup;
mod trace_15_one_bad_unit;
mod trace_16_full_buffer;
mod two_drivers_one_store;
