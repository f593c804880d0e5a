//! What result files do, and what happens to them on their way.

use crate::town::{DAY, HOUR, Town, declined, terms};
use scrip::base::RedemptionId;
use scrip::issuer::{Decline, Reference};

/// Three cards in one file, worked off by the issuer.
fn three(town: &mut Town) -> (Vec<RedemptionId>, Vec<(Reference, scrip::issuer::Answer)>) {
    let ids = town.sell(1..=3);
    let answers = town.works_off();
    assert_eq!(answers.len(), 3);
    (ids, answers)
}

/// Nothing has changed since, and nobody was paid again.
fn unchanged(town: &mut Town, ids: &[RedemptionId], state: &str, change: impl FnOnce(&mut Town)) {
    let before = (town.records(), town.pays.clone());
    change(town);
    town.pass(DAY);
    assert_eq!((town.records(), town.pays.clone()), before);
    assert!(town.states(ids).iter().all(|now| *now == state), "{:?}", town.states(ids));
}

#[test]
fn cards_go_out_in_one_file_and_are_paid_by_the_answer_in_every_layout_and_encoding() {
    for layout in ["delimited", "fixed"] {
        for encoding in ["utf-8", "gb18030"] {
            let mut town = Town::with(terms(layout, encoding), |profiles| profiles);
            let (ids, answers) = three(&mut town);
            assert_eq!(town.states(&ids), ["redeeming"; 3]);
            assert!(town.pays.is_empty(), "nobody is paid before the file");
            town.answers(&answers);
            assert_eq!(town.states(&ids), ["retired"; 3], "{layout} {encoding}");
            town.agrees(&ids, 3);
            assert!(town.seen.values().all(|attempts| *attempts == [1]));
            assert_eq!(town.files, ["DEBIT_20261123_0001.txt"]);
            assert_eq!(town.names("result"), [""; 0]);
            assert_eq!(town.names("own/archive").len(), 3);
        }
    }
}

#[test]
fn a_refusal_in_the_file_ends_its_row_alone() {
    let mut town = Town::new();
    let ids = [town.submit(1), town.submit_with(2, "000000"), town.submit(3)];
    town.pass(2 * HOUR);
    let answers = town.works_off();
    town.answers(&answers);
    assert_eq!(town.states(&ids), ["retired", "declined", "retired"]);
    town.agrees(&[ids[0], ids[2]], 2);
}

#[test]
fn the_same_file_again_changes_nothing_under_its_own_or_another_name() {
    let mut town = Town::new();
    let (ids, answers) = three(&mut town);
    let (name, body) = town.answers(&answers);
    unchanged(&mut town, &ids, "retired", |town| town.lay(&name, &body));
    unchanged(&mut town, &ids, "retired", |town| town.lay("RESULT_20261124_0009.txt", &body));
    town.crash();
    unchanged(&mut town, &ids, "retired", |town| town.lay(&name, &body));
    town.agrees(&ids, 3);
}

#[test]
fn the_same_rows_in_a_new_file_and_another_order_change_nothing() {
    let mut town = Town::new();
    let (ids, mut answers) = three(&mut town);
    town.answers(&answers);
    answers.reverse();
    let (records, pays) = (town.records(), town.pays.clone());
    town.answers(&answers);
    town.pass(DAY);
    // The one record more is the channel's, which remembers the file.
    assert!(town.records() > records && town.pays == pays);
    assert_eq!(town.states(&ids), ["retired"; 3]);
    town.agrees(&ids, 3);
}

#[test]
fn rows_in_another_order_than_they_were_sent_find_their_cards() {
    let mut town = Town::new();
    let (ids, mut answers) = three(&mut town);
    answers.rotate_left(1);
    answers[0] = declined(answers[0].0, Decline::Void);
    town.answers(&answers);
    assert_eq!(town.states(&ids), ["retired", "declined", "retired"]);
}

#[test]
fn another_file_of_a_number_that_was_taken_is_refused() {
    let mut town = Town::new();
    let (ids, answers) = three(&mut town);
    let (name, body) = town.answers(&answers);
    let body = String::from_utf8(body).unwrap().replace("|0000|", "|2001|").into_bytes();
    unchanged(&mut town, &ids, "retired", |town| town.lay(&name, &body));
    assert!(town.names("own/refused").contains(&name));
    town.agrees(&ids, 3);
}

#[test]
fn a_file_that_was_cut_anywhere_counts_for_nothing_until_it_comes_whole() {
    let mut town = Town::new();
    let (ids, answers) = three(&mut town);
    let (name, body) = town.result_file(&answers);
    let lines: Vec<usize> = (0..body.len()).filter(|at| body[*at] == b'\n').collect();
    let cuts = lines[..lines.len() - 1].iter().flat_map(|end| [end - 7, *end, end + 1]);
    for cut in cuts.chain([0, 1, lines[lines.len() - 1] - 2]) {
        town.lay(&name, &body[..cut]);
        town.pass(1_000);
        assert!(town.pays.is_empty() && town.states(&ids) == ["redeeming"; 3]);
        assert!(town.names("own/refused").contains(&name), "cut at {cut}");
    }
    assert!(town.pays.is_empty());
    town.lay(&name, &body);
    town.pass(HOUR);
    assert_eq!(town.states(&ids), ["retired"; 3]);
    town.agrees(&ids, 3);
}

#[test]
fn a_digest_that_does_not_fit_and_totals_that_do_not_add_up_refuse_the_whole_file() {
    let mut town = Town::new();
    let (ids, answers) = three(&mut town);
    let (name, body) = town.result_file(&answers);
    let text = String::from_utf8(body.clone()).unwrap();
    let trailer = text.lines().last().unwrap();
    for bad in ["T|4|30000|", "T|3|30001|", "T|3|30000|1"].map(|start| {
        let rest = trailer.rsplit('|').next().unwrap();
        text.replace(trailer, &format!("{start}{rest}"))
    }) {
        town.lay(&name, bad.as_bytes());
        town.pass(HOUR);
        assert!(town.pays.is_empty() && town.states(&ids) == ["redeeming"; 3]);
    }
    // The bytes are not those that the digest was made of.
    town.lay(&name, &body);
    std::fs::write(town.result(&name), text.replace("10000", "10001")).unwrap();
    town.pass(HOUR);
    assert!(town.pays.is_empty());
    town.lay(&name, &body);
    town.pass(HOUR);
    assert_eq!(town.states(&ids), ["retired"; 3]);
    town.agrees(&ids, 3);
}

#[test]
fn rows_of_others_are_left_out() {
    let mut town = Town::new();
    let (ids, mut answers) = three(&mut town);
    let stranger = Reference::debit(RedemptionId([0xEE; 16]));
    answers.insert(1, (stranger, answers[0].1.clone()));
    let (name, body) = town.result_file(&answers);
    // One is none of our references at all.
    let body = String::from_utf8(body).unwrap().replace(&stranger.to_string(), &"zz".repeat(16));
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    assert_eq!(digits(&stranger.to_string()), 0, "the hash total stays");
    town.lay(&name, body.as_bytes());
    town.pass(HOUR);
    assert_eq!(town.states(&ids), ["retired"; 3]);
    town.answers(&[(stranger, answers[0].1.clone())]);
    town.agrees(&ids, 3);
}

#[test]
fn a_row_that_is_missing_stays_unknown_and_goes_to_people_in_the_end() {
    let mut town = Town::new();
    let (ids, answers) = three(&mut town);
    town.answers(&answers[..2]);
    assert_eq!(town.states(&ids)[..2], ["retired", "retired"]);
    town.pass(3 * DAY);
    assert_eq!(town.state(ids[2]), "unknown");
    town.pass(3 * DAY);
    assert_eq!(town.state(ids[2]), "suspended");
    assert_eq!(town.pays.len(), 2, "absent is no approval");
    assert!(town.works_off().is_empty(), "and it is not sent again");
    // The row comes all the same.
    town.answers(&answers[2..]);
    assert_eq!(town.state(ids[2]), "retired");
    town.agrees(&ids, 3);
}

#[test]
fn a_correction_takes_back_and_the_file_before_it_does_not_give_again() {
    let mut town = Town::new();
    let (ids, answers) = three(&mut town);
    let (name, body) = town.answers(&answers);
    town.answers(&[declined(answers[0].0, Decline::Void)]);
    assert_eq!(town.states(&ids), ["clawback_due", "retired", "retired"]);
    town.lay(&name, &body);
    town.lay("RESULT_20261125_0077.txt", &body);
    town.pass(DAY);
    assert_eq!(town.states(&ids), ["clawback_due", "retired", "retired"]);
    // The correction was wrong itself, and a new file says so.
    town.answers(&answers[..1]);
    assert_eq!(town.states(&ids), ["retired"; 3]);
    town.agrees(&ids, 3);
}
