//! What cannot be used: exit code 2, and one line on standard error that says what and where.

use crate::job::{Desk, Ran, run};
use std::path::{Path, PathBuf};

const HEADER: &str = "request_id,seller_id,product,card_number,card_secret,face_value,currency,received_at\n";
const LINE: &str = "R-1,s-1,walmart-gift,2326000000000001,123456,100,CNY,2026-03-02T08:00:00+08:00\n";
const ISSUER_HEADER: &str = "product,card_number,card_secret,balance,currency,status\n";

fn assert_refused(ran: &Ran, parts: &[&str]) {
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.starts_with("buyback: ") && ran.err.ends_with('\n'), "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    assert_eq!(ran.out, "", "{ran:?}");
    for part in parts {
        assert!(ran.err.contains(part), "`{part}` is not in: {}", ran.err);
    }
}

fn good_cards(desk: &Desk) -> PathBuf {
    write(desk, "good.csv", &format!("{HEADER}{LINE}"))
}

fn write(desk: &Desk, name: &str, content: &str) -> PathBuf {
    let path = desk.path(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Runs over a good file with these further arguments.
fn with(desk: &Desk, args: &[&str]) -> Ran {
    run(desk.command(good_cards(desk)).args(args))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn files_of_cards_that_cannot_be_used() {
    let desk = Desk::new();
    assert_refused(&run(&mut desk.command(desk.path("none.csv"))), &["none.csv: cannot be opened"]);
    assert_refused(&run(&mut desk.command(desk.path(""))), &["is a directory"]);
    for (content, part) in [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (LINE, "line 1: the header lacks column `request_id`"),
        ("request_id,seller_id,product\n", "line 1: the header lacks column `card_number`"),
        ("\"request_id,seller_id\n", "quote"),
    ] {
        let cards = write(&desk, "cards.csv", content);
        assert_refused(&run(&mut desk.command(cards)), &["cards.csv: ", part]);
    }
    assert!(!desk.path("db").exists() && !desk.path("out").exists(), "a wrong file leaves nothing behind");
}

#[test]
fn arguments_that_are_not_understood() {
    let desk = Desk::new();
    for (args, part) in [
        (&["--bogus"][..], "--bogus"),
        (&["more.csv"], "more.csv"),
        (&["--faults", "some"], "none, light or heavy"),
        (&["--seed", "x"], "whole number"),
        (&["--db", ""], "a path was expected"),
    ] {
        assert_refused(&with(&desk, args), &[part]);
    }
}

#[test]
fn a_policy_or_catalogue_that_cannot_be_used() {
    let desk = Desk::new();
    for (option, content, parts) in [
        ("--policy", "[risk.velocity]\nwindow_ms = \"a\"\n", ["line 2, column 13", "invalid type"]),
        ("--policy", "[risk.velocity]\nlimit 3\n", ["line 2, column 7", "policy"]),
        ("--policy", "[risk.velocity]\nlimits = 3\n", ["line 2, column 1", "limits"]),
        ("--catalog", "[product.x]\nissuer = 1\n", ["line 2, column 10", "expected a string"]),
        ("--catalog", "", ["line 1, column 1", "found none"]),
    ] {
        let file = write(&desk, "odd.toml", content);
        let ran = with(&desk, &[option, text(&file)]);
        assert_refused(&ran, &["odd.toml: ", parts[0], parts[1]]);
    }
    for (content, part) in [
        ("ips = [\"10.0.0.0/8\"]\n", "line 2, column 1: ips: single addresses"),
        ("cards = [{ product = \"gift\", card = \"1\" }]\n", "card 1: the catalogue has no product `gift`"),
        (
            "cards = [{ product = \"jd-ecard\", card = \"1\" }]\n",
            "card 1: this is no card of product `jd-ecard`",
        ),
    ] {
        let file = write(&desk, "block.toml", &format!("[risk.block]\n{content}"));
        assert_refused(&with(&desk, &["--policy", text(&file)]), &[part]);
    }
    for option in ["--policy", "--catalog"] {
        assert_refused(
            &with(&desk, &[option, text(&desk.path("none.toml"))]),
            &["none.toml: cannot be read"],
        );
        assert_refused(&with(&desk, &[option, text(&desk.path(""))]), &["cannot be read"]);
        let file = desk.path("latin.toml");
        std::fs::write(&file, b"# caf\xe9\n").unwrap();
        assert_refused(&with(&desk, &[option, text(&file)]), &["latin.toml: is not UTF-8"]);
    }
}

#[test]
fn issuers_cards_that_cannot_be_used() {
    let desk = Desk::new();
    let card = "walmart-gift,2326000000000001,123456";
    for (content, parts) in [
        ("product,card_number\n".to_string(), ["line 1", "lacks column `card_secret`"]),
        (format!("{ISSUER_HEADER}{card},1e3,CNY,active\n"), ["line 2", "column balance"]),
        (format!("{ISSUER_HEADER}{card},-1,CNY,active\n"), ["line 2", "column balance: expected 0 or more"]),
        (format!("{ISSUER_HEADER}{card},100,RMB,active\n"), ["line 2", "column currency"]),
        (format!("{ISSUER_HEADER}{card},100,CNY,lost\n"), ["line 2", "column status"]),
        (format!("{ISSUER_HEADER}{card},100,CNY\n"), ["line 2", "6 fields"]),
        (format!("{ISSUER_HEADER}{card},1,CNY,used\n{card},1,CNY,used\n"), ["line 3", "line 2"]),
    ] {
        let file = write(&desk, "issuers.csv", &content);
        let ran = with(&desk, &["--issuer-cards", text(&file)]);
        assert_refused(&ran, &["issuers.csv: ", parts[0], parts[1]]);
        assert!(!ran.err.contains("2326000000000001") && !ran.err.contains("123456"), "{}", ran.err);
    }
    assert_refused(&with(&desk, &["--issuer-cards", text(&desk.path("none.csv"))]), &["none.csv: "]);
}

#[test]
fn databases_that_cannot_be_used() {
    let desk = Desk::new();
    // The keys of a database that is one.
    assert_eq!(with(&desk, &[]).code, Some(0));
    let keys = std::fs::read(desk.path("db/scrip.db.keys")).unwrap();
    let note =
        write(&desk, "note.db", "a text that is longer than the header of a database: ".repeat(9).as_str());
    let foreign = desk.path("foreign.db");
    let connection = rusqlite::Connection::open(&foreign).unwrap();
    connection.execute_batch("CREATE TABLE mine (it TEXT)").unwrap();
    let newer = desk.path("newer.db");
    assert_eq!(with(&desk, &["--store", "sqlite", "--db", text(&newer)]).code, Some(0));
    assert!(newer.is_file());
    std::fs::remove_file(desk.path("newer.db.keys")).unwrap();
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for (db, part) in [(&note, "not a database"), (&foreign, "of another program"), (&newer, "format 99")] {
        let before = std::fs::read(db).unwrap();
        for with_keys in [false, true] {
            if with_keys {
                std::fs::write(format!("{}.keys", text(db)), &keys).unwrap();
            }
            let name = db.file_name().unwrap().to_str().unwrap();
            assert_refused(&with(&desk, &["--db", text(db)]), &[name, part]);
        }
        assert!(std::fs::read(db).unwrap() == before, "{} was changed", db.display());
    }
    assert_refused(&with(&desk, &["--db", text(&desk.path("db"))]), &["db is a folder with something else"]);
    let till = desk.path("till");
    assert_eq!(with(&desk, &["--db", text(&till)]).code, Some(0));
    let folder = ["--store", "sqlite", "--db", text(&till)];
    assert_refused(&with(&desk, &folder), &["till: is a folder", "leave out --store sqlite"]);
    let file = ["--store", "journal", "--db", text(&newer)];
    assert_refused(&with(&desk, &file), &["newer.db", "converted first"]);
}

#[test]
fn a_database_without_its_keys_is_not_opened() {
    let desk = Desk::new();
    assert_eq!(with(&desk, &[]).code, Some(0));
    let keys = desk.path("db/scrip.db.keys");
    std::fs::remove_file(&keys).unwrap();
    assert_refused(&with(&desk, &[]), &["scrip.db.keys: is missing"]);
    for (content, part) in [("", "needs a key"), ("key 1 zz\n", "line 1"), ("key 1 00\npepper 1 00\n", "32")]
    {
        std::fs::write(&keys, content).unwrap();
        assert_refused(&with(&desk, &[]), &["scrip.db.keys: ", part]);
    }
}

#[test]
fn an_output_folder_that_cannot_be_written() {
    let desk = Desk::new();
    let file = write(&desk, "file", "");
    assert_refused(&with(&desk, &["--out", text(&file)]), &["file: cannot be made"]);
    assert_refused(&with(&desk, &["--out", text(&file.join("below"))]), &["below: cannot be made"]);
    assert_refused(&with(&desk, &["--db", text(&file.join("scrip.db"))]), &["file: cannot be made"]);
}

#[test]
fn a_report_is_not_written_over_a_file_that_is_read_or_kept() {
    let desk = Desk::new();
    let out = desk.path("reports");
    std::fs::create_dir(&out).unwrap();
    let (outcomes, summary) = (out.join("outcomes.jsonl"), out.join("summary.json"));
    let content = format!("{HEADER}{LINE}");
    std::fs::write(&outcomes, &content).unwrap();
    let folder = ["--out", text(&out)];
    assert_refused(
        &run(desk.command(&outcomes).args(folder)),
        &["outcomes.jsonl: is the file of cards", "another --out"],
    );
    let around = desk.path("reports/../reports/outcomes.jsonl");
    assert_refused(&run(desk.command(&around).args(folder)), &["is the file of cards"]);
    let cards = ["--issuer-cards", text(&outcomes)];
    assert_refused(&with(&desk, &[&folder[..], &cards].concat()), &["outcomes.jsonl: is --issuer-cards"]);
    for store in ["journal", "sqlite"] {
        let db = ["--store", store, "--db", text(&summary)];
        assert_refused(&with(&desk, &[&folder[..], &db].concat()), &["summary.json: is the database"]);
    }
    assert_eq!(std::fs::read_to_string(&outcomes).unwrap(), content);
    assert!(!summary.exists());
}

#[test]
fn a_report_that_cannot_be_written_is_named() {
    let desk = Desk::new();
    let out = desk.path("reports");
    std::fs::create_dir_all(out.join("outcomes.jsonl")).unwrap();
    let ran = with(&desk, &["--out", text(&out)]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("outcomes.jsonl: cannot be written: "), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn an_output_folder_without_the_right_to_write() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let out = desk.path("locked");
    std::fs::create_dir(&out).unwrap();
    std::fs::set_permissions(&out, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(out.join("probe"), "").is_ok() {
        return; // Whoever may write everywhere cannot be shown this.
    }
    assert_refused(&with(&desk, &["--out", text(&out)]), &["locked"]);
}

#[test]
fn notes_are_shown_only_when_the_run_starts() {
    let desk = Desk::new();
    let ran = with(&desk, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.starts_with("buyback: no --issuer-cards: ") && ran.err.lines().count() == 1, "{ran:?}");
}
