//! The PostgreSQL store on a private server: the contract, several nodes, races, lost connections,
//! crashes of the server, and what a person sees.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

#[path = "postgres/server.rs"]
#[allow(dead_code, reason = "shared with an example")]
mod server;

use scrip::base::{BatchId, Digest, Key16, RedemptionId, Wall};
use scrip::engine::Recovery;
use scrip::host::{Postgres, PostgresOptions, Store, StoreError, conformance, shared_conformance};
use scrip::ledger::{Account, AccountKind, Posting};
use scrip::money::{Amount, Currency};
use scrip::record::{Batch, Change, Claim, ClaimKind, ClaimStatus, Frame, Record, Refusal, Unit, Verdict};
use scrip::risk::{Recall, RecallKind, Sighting};
use server::Server;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

const SETTINGS: &str = "max_connections = 50\nshared_buffers = 64MB\nlog_min_messages = warning";

fn running() -> Option<Server> {
    let mut server = Server::new(SETTINGS)?;
    server.start();
    Some(server)
}

fn options(log: u32, schema: &str) -> PostgresOptions {
    let mut options = PostgresOptions::default();
    options.log = log;
    options.schema = schema.into();
    (options.lease_ms, options.grace_ms) = (1_500, 300);
    options
}

fn open(server: &Server, log: u32, schema: &str) -> Postgres {
    Postgres::open_with(&server.url(), options(log, schema)).unwrap()
}

#[test]
fn the_contract_is_kept() {
    let Some(server) = running() else { return };
    conformance(&mut || open(&server, 0, "single"));
    balanced(&server, "single");
}

#[test]
fn the_contract_of_several_nodes_is_kept() {
    let Some(server) = running() else { return };
    let mut pass = |ms: i64| std::thread::sleep(Duration::from_millis(ms.unsigned_abs()));
    shared_conformance(&mut |log| open(&server, log, "shared"), &mut pass);
    balanced(&server, "shared");
}

/// The tables say one thing: what is in memory, waits or has ended, who holds what, and books that
/// are the sums of what stands.
fn balanced(server: &Server, schema: &str) {
    let count = |sql: &str| server.psql(&format!("SET search_path = {schema}; {sql}"));
    let checks = [
        "SELECT count(*) FROM redemptions WHERE live AND wait_ms IS NOT NULL",
        "SELECT count(*) FROM redemptions WHERE due_ms IS NULL AND (live OR wait_ms IS NOT NULL)",
        "SELECT count(*) FROM claims c LEFT JOIN redemptions r ON r.id = c.holder WHERE r.id IS NULL",
        "SELECT count(*) FROM sides s LEFT JOIN redemptions r ON r.id = s.redemption WHERE r.id IS NULL",
        "SELECT count(*) FROM (SELECT subject, count(*) AS n, min(place) AS low, max(place) AS high,
                sum(value) AS sum FROM show_sightings GROUP BY subject) AS g
            FULL JOIN subjects s ON replace(s.subject::text, '-', '') = g.subject
            WHERE (n, low, high, sum) IS DISTINCT FROM (s.seen, 0, s.seen - 1, s.value_sum)",
        "SELECT count(*) FROM pieces WHERE subject NOT IN (SELECT subject FROM subjects)",
        "SELECT (SELECT count(*) FROM show_sightings)
            - (SELECT sum(length(seats)) / 24 FROM (SELECT seats FROM redemptions UNION ALL
                SELECT seats FROM passed UNION ALL SELECT '') AS s)",
        "SELECT count(*) FROM logs l WHERE sequence <> (SELECT count(*) FROM frames f WHERE f.log = l.log)",
    ];
    for sql in checks {
        assert_eq!(count(sql), "0", "{sql}");
    }
    for view in ["redemptions", "claims", "sightings", "frames", "accounts"] {
        count(&format!("SELECT * FROM show_{view} LIMIT 5"));
    }
}

/// A writer with the end of its log.
struct Writer {
    store: Postgres,
    epoch: u64,
    sequence: u64,
    previous: Digest,
    log: u32,
}

impl Writer {
    fn new(mut store: Postgres) -> Self {
        let (log, mut recovery) = (store.log(), Recovery::of_log(store.log()));
        let epoch = store.recover(&mut recovery).unwrap();
        assert_eq!(recovery.last(), None, "an empty log");
        Self { store, epoch, sequence: 0, previous: Digest::default(), log }
    }

    fn batch(&self, units: Vec<Unit>) -> Batch {
        let id = BatchId { epoch: self.epoch, sequence: self.sequence + 1 };
        let frame =
            Frame { id, log: self.log, wall: Wall(1_764_000_000_000), previous: self.previous, units };
        Batch::new(frame, vec![])
    }

    fn commit(&mut self, units: Vec<Unit>) -> Vec<Verdict> {
        let mut batch = self.batch(units);
        // As the driver does: the same batch again.
        let mut tries = 0;
        while let Err(error) = self.store.commit(&mut batch) {
            assert!(matches!(error, StoreError::Busy(_) | StoreError::Uncertain(_)), "{error}");
            tries += 1;
            assert!(tries < 5, "{error}");
        }
        self.took(&batch)
    }

    fn took(&mut self, batch: &Batch) -> Vec<Verdict> {
        self.sequence += 1;
        self.previous = batch.digest();
        batch.verdicts().to_vec()
    }
}

fn name(what: &str, n: u64) -> [u8; 16] {
    scrip::base::digest(what, &[&n.to_le_bytes()]).head16()
}

fn unit(n: u64, card: u64) -> Unit {
    let money =
        |kind, minor| Posting { account: Account::of(kind), amount: Amount::new(minor, Currency::CNY) };
    let subject = Key16(name("seller", n % 3));
    Unit {
        redemption: RedemptionId(name("redemption", n)),
        due: None,
        dormant: true,
        claims: vec![Claim { key: Key16(name("card", card)), kind: ClaimKind::Card, generation: 0 }],
        sightings: vec![Sighting { subject, at: Wall(i64::try_from(n).unwrap()), value: 1 }],
        recalls: vec![
            Recall { subject, kind: RecallKind::Moments },
            Recall { subject, kind: RecallKind::Recent { within_ms: 5 } },
        ],
        postings: vec![money(AccountKind::Clearing, 7), money(AccountKind::Float, -7)],
        summary: b"paid".to_vec(),
        records: [Record { kind: 1, version: 1, body: &[7; 90] }].into(),
        ..Unit::default()
    }
}

#[test]
fn of_two_nodes_that_race_for_cards_one_gets_each() {
    const ROUNDS: u64 = 60;
    const CARDS: u64 = 20;
    let Some(server) = running() else { return };
    let start = Arc::new(Barrier::new(2));
    let race = |node: u32| {
        let (store, start) = (open(&server, node, "race"), start.clone());
        std::thread::spawn(move || {
            let (mut writer, mut won, mut lost) = (Writer::new(store), Vec::new(), 0);
            for round in 0..ROUNDS {
                // The same cards from both, in opposite order.
                let cards = (0..CARDS).map(|n| if node == 1 { n } else { CARDS - 1 - n });
                let cards: Vec<u64> = cards.map(|n| round * CARDS + n).collect();
                let units = cards.iter().map(|card| unit(card * 10 + u64::from(node), *card)).collect();
                start.wait();
                for (card, verdict) in cards.iter().zip(writer.commit(units)) {
                    match verdict.refusal {
                        None => won.push(*card),
                        Some(Refusal::Held { summary, .. }) if summary == b"paid" => lost += 1,
                        Some(refusal) => panic!("{refusal:?}"),
                    }
                }
            }
            (won, lost)
        })
    };
    let races = [race(1), race(2)].map(|race| race.join().unwrap());
    let [(mut won, first_lost), (also, second_lost)] = races;
    assert!(!won.is_empty() && !also.is_empty(), "each was the first now and then");
    won.extend(also);
    won.sort_unstable();
    assert_eq!(won, (0..ROUNDS * CARDS).collect::<Vec<_>>(), "each card went to one node");
    assert_eq!(first_lost + second_lost, ROUNDS * CARDS);
    balanced(&server, "race");
    let seen = server.psql("SELECT sum(seen) FROM race.subjects");
    assert_eq!(seen, (2 * ROUNDS * CARDS).to_string(), "the sightings of the losers count");
    let books = server.psql("SELECT account, balance_minor FROM race.show_accounts ORDER BY 1");
    assert_eq!(books, format!("clearing|{0}\nfloat|-{0}", 7 * ROUNDS * CARDS));
    assert_eq!(server.log().matches("deadlock detected").count(), 0, "locks are taken in one order");
}

/// Writes until it is told to stop; every unit must stand, for no other claims its card.
fn write_on(store: Postgres, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<(u64, Vec<u64>)> {
    std::thread::spawn(move || {
        let (mut writer, mut n, mut seen) = (Writer::new(store), 0, Vec::new());
        while !stop.load(Ordering::Relaxed) {
            let units = (n..n + 5).map(|n| unit(n, n)).collect();
            for verdict in writer.commit(units) {
                assert_eq!(verdict.refusal, None, "a unit that nothing stands against");
                let Some(scrip::risk::Seen::Moments(moments)) = verdict.seen.first() else { panic!() };
                seen.push(moments.count);
            }
            n += 5;
        }
        (n, seen)
    })
}

fn all_there(server: &Server, schema: &str, (n, seen): (u64, Vec<u64>)) {
    assert!(n >= 50, "only {n} units were written");
    let count = server.psql(&format!("SELECT count(*), count(DISTINCT id) FROM {schema}.redemptions"));
    assert_eq!(count, format!("{n}|{n}"), "each unit once");
    let books =
        server.psql(&format!("SELECT balance_minor FROM {schema}.show_accounts WHERE account = 'float'"));
    assert_eq!(books, (-7 * i64::try_from(n).unwrap()).to_string());
    let wanted: Vec<u64> = (0..n).map(|n| n / 3).collect();
    assert_eq!(seen, wanted, "each answer as of its own sighting");
    balanced(server, schema);
}

#[test]
fn a_lost_connection_loses_and_doubles_nothing() {
    let Some(server) = running() else { return };
    let stop = Arc::new(AtomicBool::new(false));
    let writing = write_on(open(&server, 0, "cut"), stop.clone());
    let (mut cut, mut in_commit) = (0, 0);
    for _ in 0..120 {
        // The server's own processes are told apart by what they are at.
        let sql = "SELECT coalesce(sum(CASE WHEN query = 'COMMIT' THEN 1 ELSE 0 END), 0), count(pg_terminate_backend(pid))
            FROM pg_stat_activity WHERE application_name = 'scrip'";
        let said = server.psql(sql);
        let (committing, all) = said.split_once('|').unwrap();
        in_commit += committing.parse::<u32>().unwrap();
        cut += all.parse::<u32>().unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    stop.store(true, Ordering::Relaxed);
    let written = writing.join().unwrap();
    println!("{cut} sessions cut, {in_commit} of them last at a COMMIT; {} units", written.0);
    assert!(cut > 50 && in_commit > 0, "{cut} cut, {in_commit} at a COMMIT");
    all_there(&server, "cut", written);
}

#[test]
fn a_server_that_crashes_and_comes_back_loses_and_doubles_nothing() {
    let Some(mut server) = running() else { return };
    let stop = Arc::new(AtomicBool::new(false));
    let writing = write_on(open(&server, 0, "crash"), stop.clone());
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(400));
        server.crash();
        server.start();
    }
    std::thread::sleep(Duration::from_millis(400));
    stop.store(true, Ordering::Relaxed);
    let written = writing.join().unwrap();
    all_there(&server, "crash", written);
}

/// Stands between the store and the server, and cuts a connection at its every `nth` COMMIT: in turn
/// before the server has heard of it, and after it was done, when the answer is on its way.
fn cutter(server: &Server, nth: u32) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, to) = (listener.local_addr().unwrap().port(), server.port);
    std::thread::spawn(move || {
        let mut commits = 0;
        for near in listener.incoming() {
            let (mut near, mut far) = (near.unwrap(), TcpStream::connect(("127.0.0.1", to)).unwrap());
            let (mut back, mut answers) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
            let mut bytes = [0; 65_536];
            while let Some(length) = near.read(&mut bytes).ok().filter(|length| *length > 0) {
                let sent = &bytes[..length];
                let ends = sent.ends_with(b"COMMIT\0");
                commits += u32::from(ends);
                if ends && commits % nth == 0 {
                    if commits / nth % 2 == 0 {
                        near.shutdown(std::net::Shutdown::Both).unwrap();
                        far.write_all(sent).unwrap();
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    let _ = (near.shutdown(std::net::Shutdown::Both), far.shutdown(std::net::Shutdown::Both));
                    break;
                }
                far.write_all(sent).unwrap();
            }
        }
    });
    port
}

#[test]
fn a_commit_without_an_answer_is_looked_up() {
    let Some(server) = running() else { return };
    let url = server.url().replace(&server.port.to_string(), &cutter(&server, 5).to_string());
    let stop = Arc::new(AtomicBool::new(false));
    let writing = write_on(Postgres::open_with(&url, options(0, "unanswered")).unwrap(), stop.clone());
    std::thread::sleep(Duration::from_secs(4));
    stop.store(true, Ordering::Relaxed);
    let written = writing.join().unwrap();
    let asked: u32 = server.psql("SELECT asked FROM unanswered.logs").parse().unwrap();
    println!("{asked} batches were found to be taken after all, of {}", written.0 / 5);
    assert!(asked > 0, "no commit was found to be done");
    all_there(&server, "unanswered", written);
}

/// What is in memory goes on without being read again, and not once another has the log.
#[test]
fn what_is_in_memory_goes_on_until_another_takes_over() {
    let Some(server) = running() else { return };
    let mut writer = Writer::new(open(&server, 0, "goes_on"));
    let first = |n| Unit { due: Some(Wall(9)), dormant: false, ..unit(n, n) };
    let goes_on = |n, expected, changes: &[(u64, Option<ClaimStatus>)]| Unit {
        expected,
        claims: vec![],
        sightings: vec![],
        recalls: vec![],
        changes: changes.iter().map(|&(card, to)| Change { key: Key16(name("card", card)), to }).collect(),
        ..first(n)
    };
    writer.commit(vec![first(1), first(2)]);
    let (consumed, held) = (Some(ClaimStatus::Consumed), Some(ClaimStatus::Held));
    let told = writer.commit(vec![
        goes_on(1, 1, &[(1, consumed), (2, None)]),
        goes_on(2, 1, &[(2, None)]),
        goes_on(2, 2, &[(2, held)]),
        goes_on(1, 7, &[(1, None)]),
        goes_on(1, 2, &[]),
    ]);
    let stale = Some(Refusal::Stale { records: 2, epoch: writer.epoch });
    let refusals: Vec<_> = told.into_iter().map(|verdict| verdict.refusal).collect();
    assert_eq!(refusals, [None, None, None, stale, None]);
    let claims = server.psql("SELECT status, holder FROM goes_on.show_claims");
    let holder: String = name("redemption", 1).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(claims, format!("consumed|{holder}"), "what another holds, or was released, stays as it is");
    assert_eq!(server.psql("SELECT string_agg(records::text, '') FROM goes_on.redemptions"), "33");
    open(&server, 0, "goes_on").recover(&mut Recovery::of_log(0)).unwrap();
    let mut batch = writer.batch(vec![goes_on(1, 3, &[])]);
    let told = writer.store.commit(&mut batch);
    assert_eq!(told, Err(StoreError::Fenced { own: writer.epoch, current: writer.epoch + 1 }));
    assert_eq!(server.psql("SELECT max(records) FROM goes_on.redemptions"), "3");
    balanced(&server, "goes_on");
}

/// As if the answer to COMMIT was lost and the process with it.
#[test]
fn a_batch_of_a_lost_answer_is_answered_as_it_was() {
    let Some(server) = running() else { return };
    let mut writer = Writer::new(open(&server, 0, "again"));
    let units = vec![unit(1, 1), unit(2, 1), unit(3, 3)];
    let mut batch = writer.batch(units);
    writer.store.commit(&mut batch).unwrap();
    assert!(matches!(batch.verdicts()[1].refusal, Some(Refusal::Held { .. })));
    let mut store = open(&server, 0, "again");
    let mut again = Batch::new(batch.frame().clone(), vec![]);
    store.commit(&mut again).unwrap();
    assert_eq!(again.verdicts(), batch.verdicts());
    assert_eq!(server.psql("SELECT asked FROM again.logs"), "1", "and it waited for what it had found");
    assert_eq!(server.psql("SELECT count(*) FROM again.redemptions"), "2");
}

#[test]
fn what_the_server_cannot_do_is_told_by_its_kind() {
    let Some(mut server) = running() else { return };
    let mut writer = Writer::new(open(&server, 0, "kinds"));
    writer.commit(vec![unit(0, 0)]);
    let refuse = |code: &str| {
        server.psql(&format!(
            "CREATE OR REPLACE FUNCTION kinds.no() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$;
             CREATE OR REPLACE TRIGGER no BEFORE INSERT ON kinds.subjects FOR EACH ROW EXECUTE FUNCTION kinds.no()"
        ));
    };
    type Fits = fn(&StoreError) -> bool;
    let cases: [(&str, Fits); 4] = [
        ("53100", |error| matches!(error, StoreError::Full(_))),
        ("55P03", |error| matches!(error, StoreError::Busy(_))),
        ("40001", |error| matches!(error, StoreError::Busy(_))),
        ("XX001", |error| matches!(error, StoreError::Corrupt(_))),
    ];
    for (code, is) in cases {
        refuse(code);
        let mut batch = writer.batch(vec![unit(1, 1)]);
        let error = writer.store.commit(&mut batch).unwrap_err();
        assert!(is(&error), "{code}: {error:?}");
        assert!(batch.verdicts().iter().all(|verdict| verdict.seen.is_empty()), "{code}");
        assert_eq!(
            server.psql("SELECT count(*), max(sequence) FROM kinds.redemptions, kinds.logs"),
            "1|1",
            "{code}"
        );
    }
    // A serialisation failure that passes is not seen outside.
    server.psql(
        "CREATE SEQUENCE kinds.tries;
         CREATE OR REPLACE FUNCTION kinds.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('kinds.tries') < 4 THEN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END IF;
            RETURN NEW; END $$",
    );
    writer.commit(vec![unit(1, 1)]);
    assert_eq!(server.psql("SELECT last_value FROM kinds.tries"), "4");
    server.crash();
    let mut options = options(0, "kinds");
    options.patience = Duration::from_millis(300);
    let refused = Postgres::open_with(&server.url(), options.clone());
    assert!(matches!(refused, Err(StoreError::Busy(_))), "no server: {refused:?}");
    server.set("fsync = off");
    server.start();
    let refused = Postgres::open_with(&server.url(), options.clone());
    assert!(matches!(&refused, Err(StoreError::Failed(text)) if text.contains("fsync")), "{refused:?}");
    server.crash();
    server.set("fsync = on\nsynchronous_commit = off\ndefault_transaction_read_only = on");
    server.start();
    let refused = Postgres::open_with(&server.url(), options);
    assert!(matches!(&refused, Err(StoreError::Busy(text)) if text.contains("read-only")), "{refused:?}");
}

#[test]
fn a_weaker_durability_is_raised() {
    let Some(mut server) = Server::new(SETTINGS) else { return };
    server.set("synchronous_commit = off\nlog_statement = all");
    server.start();
    let mut writer = Writer::new(open(&server, 0, "raised"));
    server.psql(
        "CREATE TABLE raised.was (setting text);
         CREATE FUNCTION raised.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO raised.was VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$;
         CREATE TRIGGER look BEFORE INSERT ON raised.subjects FOR EACH ROW EXECUTE FUNCTION raised.look()",
    );
    writer.commit(vec![unit(1, 1)]);
    assert_eq!(server.psql("SHOW synchronous_commit"), "off");
    assert_eq!(server.psql("SELECT DISTINCT setting FROM raised.was"), "on");
}

#[test]
fn only_what_is_ours_is_opened() {
    let Some(server) = running() else { return };
    open(&server, 0, "ours");
    server.psql(
        "UPDATE ours.format SET version = 7; CREATE SCHEMA theirs; CREATE TABLE theirs.notes (text text)",
    );
    let refused = |schema| Postgres::open_with(&server.url(), options(0, schema)).unwrap_err();
    assert_eq!(refused("ours"), StoreError::Newer { found: 7, known: 2 });
    assert!(matches!(refused("theirs"), StoreError::Corrupt(text) if text.contains("another program")));
    assert!(matches!(refused("no; such"), StoreError::Failed(text) if text.contains("name")));
    assert_eq!(
        server.psql("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'theirs'"),
        "1"
    );
    let wrong = Postgres::open(&server.url().replace("/postgres", "/nowhere"));
    assert!(matches!(wrong, Err(StoreError::Failed(_))), "no such database: {wrong:?}");
    Writer::new(open(&server, 1, "shared"));
    let single = open(&server, 0, "shared").recover(&mut Recovery::new());
    assert!(matches!(&single, Err(StoreError::Failed(text)) if text.contains("shared")), "{single:?}");
}

/// What was dumped of the first format goes on in the present one.
#[test]
fn a_store_of_the_first_format_is_brought_up() {
    let Some(server) = running() else { return };
    server.psql(include_str!("postgres/format_1.sql"));
    let shown =
        "SELECT id, state, reason, seller, face_minor, records, kept FROM past.show_redemptions ORDER BY 1";
    let sightings = "SELECT * FROM past.show_sightings ORDER BY subject, place";
    let before = [server.psql(shown), server.psql(sightings)];
    let mut store = open(&server, 0, "past");
    assert_eq!([server.psql(shown), server.psql(sightings)], before, "people see what they saw");
    assert!(before[0].contains("|paid||shop|700|1|ended") && before[1].lines().count() == 80);
    balanced(&server, "past");
    let mut recovery = Recovery::of_log(0);
    let epoch = store.recover(&mut recovery).unwrap();
    let end = recovery.last().unwrap();
    let digest = server.psql("SELECT encode(digest, 'hex') FROM past.logs");
    let digest: Vec<u8> =
        (0..32).map(|n| u8::from_str_radix(&digest[2 * n..2 * n + 2], 16).unwrap()).collect();
    let previous = Digest(digest.try_into().unwrap());
    let mut writer = Writer { store, epoch, sequence: end.sequence, previous, log: 0 };
    let told = writer.commit((0..81).map(|n| unit(n, n - n % 10)).collect());
    for (n, verdict) in (0_u64..).zip(&told) {
        let moments =
            scrip::risk::Moments { count: n / 3, sum: i128::from(n / 3), squares: i128::from(n / 3) };
        let near = (n.saturating_sub(3)..=n).filter(|near| near % 3 == n % 3);
        let near =
            near.map(|n| (RedemptionId(name("redemption", n)), Wall(i64::try_from(n).unwrap()))).collect();
        let seen = [scrip::risk::Seen::Moments(moments), scrip::risk::Seen::Recent(near)];
        assert_eq!(verdict.seen, seen, "unit {n} as of its own sighting");
        let as_it_was = match &verdict.refusal {
            Some(Refusal::Known { .. }) => n % 10 == 0 && n < 80,
            Some(Refusal::Held { summary, .. }) => n % 10 != 0 && summary == b"paid",
            None => n == 80,
            Some(_) => false,
        };
        assert!(as_it_was, "{n}: {verdict:?}");
    }
    balanced(&server, "past");
    let (mut frames, mut store) = (0, open(&server, 0, "past"));
    store.frames(&mut |_, _| frames += 1).unwrap();
    assert_eq!(frames, 5);
    assert!(
        store.load(RedemptionId(name("redemption", 0))).unwrap().is_some_and(|handed| !handed.log.is_empty())
    );
}

#[test]
fn several_that_open_an_empty_database_make_its_tables_once() {
    let Some(server) = running() else { return };
    std::thread::scope(|scope| {
        let opened: Vec<_> = (1..=6)
            .map(|log| {
                scope.spawn({
                    let server = &server;
                    move || Writer::new(open(server, log, "many")).epoch
                })
            })
            .collect();
        let mut epochs: Vec<u64> = opened.into_iter().map(|opened| opened.join().unwrap()).collect();
        epochs.sort_unstable();
        assert_eq!(epochs, [1, 2, 3, 4, 5, 6]);
    });
}

/// An authority of its own, and a certificate of the server for the address only.
fn certify(server: &Server) -> Option<String> {
    let folder = server.folder();
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
    let steps = [
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -new -newkey rsa:2048 -nodes -subj /CN=server -keyout data/server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out data/server.crt",
    ];
    for step in steps {
        let mut command = std::process::Command::new("openssl");
        let Ok(out) = command.args(step.split(' ')).current_dir(folder).output() else {
            eprintln!("SKIPPED: openssl is not installed (Debian: openssl)");
            return None;
        };
        assert!(out.status.success(), "{step}: {}", String::from_utf8_lossy(&out.stderr));
    }
    for name in ["server.key", "server.crt"] {
        server.own(&server.data().join(name));
    }
    Some(folder.join("ca.pem").display().to_string())
}

#[test]
fn the_servers_certificate_is_verified() {
    let Some(mut server) = Server::new(SETTINGS) else { return };
    let Some(root) = certify(&server) else { return };
    server.set("ssl = on");
    server.start();
    let address =
        format!("host=127.0.0.1 port={} user=scrip dbname=postgres sslmode=verify-full", server.port);
    let mut store = Postgres::open(&format!("{address} sslrootcert='{root}'")).unwrap();
    store.recover(&mut Recovery::new()).unwrap();
    let sql = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'scrip'";
    assert_eq!(server.psql(sql), "1");
    let by_system = Postgres::open(&address);
    assert!(
        matches!(&by_system, Err(StoreError::Failed(text)) if text.contains("certificate")),
        "{by_system:?}"
    );
    let by_name = address.replace("127.0.0.1", "localhost");
    let by_name = Postgres::open(&format!("{by_name} sslrootcert='{root}'"));
    assert!(matches!(&by_name, Err(StoreError::Failed(text)) if text.contains("certificate")), "{by_name:?}");
}

#[test]
fn a_promoted_standby_is_found() {
    let Some(mut primary) = running() else { return };
    // It is behind: when a session with it is first kept in reserve, it has not heard of the tables.
    let behind = "wal_retrieve_retry_interval = 20ms\nrecovery_min_apply_delay = 700ms";
    let settings = format!("{SETTINGS}\n{behind}");
    let Some(mut standby) = Server::standby_of(&primary, "standby", &settings, None) else { return };
    standby.start();
    primary.set("synchronous_standby_names = '*'");
    primary.control(&["reload"]);
    let both =
        format!("host=127.0.0.1,127.0.0.1 port={},{} user=scrip dbname=postgres", primary.port, standby.port);
    let stop = Arc::new(AtomicBool::new(false));
    let writing = write_on(Postgres::open_with(&both, options(0, "found")).unwrap(), stop.clone());
    std::thread::sleep(Duration::from_millis(1_500));
    primary.kill();
    assert!(standby.control(&["promote"]));
    std::thread::sleep(Duration::from_millis(1_500));
    stop.store(true, Ordering::Relaxed);
    let written = writing.join().unwrap();
    all_there(&standby, "found", written);
}
