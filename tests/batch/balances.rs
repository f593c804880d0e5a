//! Files of balances that come through the folder: they answer in the place of an issuer that cannot be
//! asked, within their age.

use crate::town::{DAY, HOUR, Town, terms_with_balances};

fn town() -> Town {
    Town::with(terms_with_balances(), |profiles| {
        profiles.replace("[\"files\"]", "[\"files\"]\nrouting = { snapshot_ms = 86400000 }")
    })
}

#[test]
fn a_list_laid_into_the_folder_is_taken_moved_and_answers_for_its_cards_within_its_age() {
    let mut town = town();
    let (name, body) = town.balances(&[(1, 10_000), (2, 10_000)]);
    town.lay(&name, &body);
    town.pass(1);
    assert_eq!(town.names("result"), [""; 0]);
    assert_eq!(town.names("own/archive"), [name.clone(), format!("{name}.ok"), format!("{name}.sha256")]);
    let ids = town.sell(1..=3);
    let day = (town.now.wall.0 + 8 * HOUR) % DAY;
    let age = town.age(ids[0]).expect("it was told by the list");
    assert!((day - 3 * HOUR..=day).contains(&age), "{age} of {day}");
    assert_eq!((town.age(ids[1]), town.age(ids[2])), (Some(age), None));
    let answers = town.works_off();
    town.answers(&answers);
    assert_eq!(town.states(&ids), ["retired"; 3], "it proves no debit: that is the result file's");
    town.agrees(&ids, 3);
    // The next day nobody goes by it.
    town.pass(DAY);
    let late = town.submit(2 + 2);
    town.pass(1);
    assert_eq!(town.age(late), None);
}

#[test]
fn after_a_crash_the_list_is_read_out_of_the_archive() {
    let mut town = town();
    let (name, body) = town.balances(&[(1, 10_000), (2, 10_000)]);
    town.lay(&name, &body);
    town.pass(1);
    let first = town.submit(1);
    town.pass(1);
    town.crash();
    town.pass(1);
    let second = town.submit(2);
    town.pass(1);
    assert!(town.age(first).is_some() && town.age(second).is_some());
    assert_eq!(town.names("own/archive").len(), 3);
}

#[test]
fn a_list_that_was_cut_lies_among_the_refused_and_the_whole_one_counts() {
    let mut town = town();
    let (name, body) = town.balances(&[(1, 10_000), (2, 10_000)]);
    town.lay(&name, &body[..body.len() / 2]);
    town.pass(1);
    assert_eq!(town.names("own/refused").first(), Some(&name));
    let first = town.submit(1);
    town.pass(1);
    assert_eq!(town.age(first), None);
    town.lay(&name, &body);
    town.pass(1);
    let second = town.submit(2);
    town.pass(1);
    assert!(town.age(second).is_some());
    assert_eq!(town.names("own/archive").len(), 3);
}

#[test]
fn a_card_of_which_the_list_says_less_is_quoted_by_the_list() {
    let mut town = town();
    let (name, body) = town.balances(&[(1, 4_000)]);
    town.lay(&name, &body);
    town.pass(1);
    let ids = town.sell(1..=1);
    assert!(town.age(ids[0]).is_some());
    let answers = town.works_off();
    town.answers(&answers);
    assert_eq!(town.states(&ids), ["retired"]);
}
