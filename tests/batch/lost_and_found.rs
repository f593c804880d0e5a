//! Crashes, files that do not leave, and cards that do not fit.

use crate::town::{DAY, HOUR, Town, terms};

#[test]
fn a_crash_after_the_file_left_sends_nothing_again() {
    let mut town = Town::new();
    let ids = town.sell(1..=3);
    town.crash();
    town.pass(DAY);
    assert_eq!(town.names("out").len(), 3, "one file with its digest and its flag");
    let answers = town.works_off();
    town.crash();
    town.answers(&answers);
    town.crash();
    town.pass(DAY);
    assert_eq!(town.states(&ids), ["retired"; 3]);
    assert!(town.seen.values().all(|attempts| *attempts == [1]));
    town.agrees(&ids, 3);
}

#[test]
fn a_crash_before_the_file_left_ends_with_people_and_not_with_a_guess() {
    let mut town = Town::new();
    let id = town.submit(1);
    // The intent is written when the window closes; the call never comes to the folder.
    town.crash_at_call();
    town.pass(3 * DAY);
    assert!(town.works_off().is_empty());
    assert_eq!(town.state(id), "unknown");
    town.pass(3 * DAY);
    assert_eq!(town.state(id), "suspended");
    town.agrees(&[], 0);
}

#[test]
fn a_file_that_is_too_late_is_not_sent_and_goes_out_under_a_new_number() {
    let mut town = Town::new();
    town.stalled = true;
    let ids = [town.submit(1), town.submit(2)];
    town.pass(HOUR + 1_000);
    assert_eq!((town.not_sent, town.names("out").len()), (1, 0));
    town.stalled = false;
    town.pass(2 * HOUR);
    let answers = town.works_off();
    town.answers(&answers);
    assert_eq!(town.states(&ids), ["retired"; 2]);
    assert_eq!(town.files, ["DEBIT_20261123_0002.txt"], "no two files have one number");
    assert!(town.seen.values().all(|attempts| *attempts == [2]));
    town.agrees(&ids, 2);
}

#[test]
fn files_that_are_made_at_once_have_numbers_of_their_own() {
    let mut town = Town::new();
    // The second is made while the first one's intents are still being written.
    town.slow = true;
    let ids: Vec<_> = (1..=8).map(|n| town.submit(n)).collect();
    town.pass(2 * HOUR);
    let answers = town.works_off();
    assert_eq!(answers.len(), 8);
    let numbers: Vec<_> = town.files.iter().map(|name| name[15..19].to_string()).collect();
    assert_eq!(numbers, ["0001", "0002", "0003"]);
    assert_eq!(town.not_sent, 0, "no file met another one of its name");
    for part in answers.chunks(3) {
        town.answers(part);
    }
    assert_eq!(town.states(&ids), ["retired"; 8]);
    town.agrees(&ids, 8);
}

#[test]
fn what_the_issuer_recognises_is_sent_again_where_its_recipe_says_so_and_debited_once() {
    let repeats = |profiles: String| profiles.replace("\"file\"\nlate", "\"repeat\"\nlate");
    let mut town = Town::with(terms("delimited", "utf-8"), repeats);
    let ids = town.sell(1..=2);
    town.works_off();
    // The result file is lost; a day and more later the debits are sent again.
    town.pass(2 * DAY);
    let answers = town.works_off();
    assert_eq!(answers.len(), 2);
    town.answers(&answers);
    assert_eq!(town.states(&ids), ["retired"; 2]);
    assert!(town.seen.values().all(|attempts| *attempts == [1, 2]), "{:?}", town.seen);
    town.agrees(&ids, 2);
}

#[test]
fn a_card_that_does_not_fit_its_column_does_not_hold_up_the_others() {
    let mut town = Town::with(terms("fixed", "utf-8"), |profiles| profiles);
    let ids = [town.submit(1), town.submit_with(2, "730164999"), town.submit(3)];
    town.pass(6 * HOUR);
    let answers = town.works_off();
    assert_eq!(answers.len(), 2);
    town.answers(&answers);
    assert_eq!(town.states(&ids), ["retired", "declined", "retired"]);
    town.agrees(&[ids[0], ids[2]], 2);
}
