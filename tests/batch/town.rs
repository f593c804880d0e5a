//! A till, a supermarket that goes by files, and the folders between them. Time is virtual.

use scrip::adapters::batch::{Balance, Batch, BatchServer, BatchTerms, FileMeta};
use scrip::adapters::plain::PlainRail;
use scrip::base::{Hasher, Mono, Now, RedemptionId, Secret, Text, Wall};
use scrip::card::Catalogue;
use scrip::engine::{Call, ChannelId, Engine, Event, InboundId, Output, Policy, Recovery, Request, Setup};
use scrip::host::{Arrival, FileDrop, Folders, InboundToken, Memory, Store};
use scrip::issuer::{Answer, Decline, OpKind, Outcome, Profiles, Reference};
use scrip::money::{Amount, Currency};
use scrip::sim::{CardStatus, IssuerBook, Order, SimCard, SimIssuer};
use scrip::vault::{KeyId, KeyRing, PepperVersion};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;

const CATALOGUE: &str = r#"
[product.gift]
issuer = "regional"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1.00", max = "5000.00" }
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6, 9] }
"#;

const PROFILES: &str = r#"
[issuer.regional]
adapter = "batch"
verify = "none"
evidence = "file"
idempotency = "issuer"
recipe = "file"
late_debit = "owe"
batch_window_ms = 3600000
batch_max = 3
endpoints = ["files"]
[issuer.regional.timing]
send_within_ms = 60000
answer_within_ms = 93600000
absent_after_ms = 108000000
age_limit_ms = 432000000

[rail.pay]
adapter = "plain"
idempotent = true
endpoints = ["a"]
"#;

const DELIMITED: &str = r#"
encoding = "ENCODING"
delimiter = "|"
ending = "crlf"
currency = "CNY"
digest_suffix = ".sha256"
flag_suffix = ".ok"
status = { "0000" = "accepted", "1001" = "already_used", "1002" = "wrong_secret", "1009" = "insufficient_balance", "2001" = "void", "9999" = "not_found" }

[out]
name = "DEBIT_{date}_{sequence:4}.txt"
hash_of = "number"
header = [{ text = "H" }, { field = "date" }, { field = "sequence" }, { field = "count" }]
row = [{ text = "D" }, { field = "line" }, { field = "reference" }, { field = "product" }, { field = "number" }, { field = "secret" }, { field = "amount" }, { field = "attempt" }]
trailer = [{ text = "T" }, { field = "count" }, { field = "sum" }, { field = "hash" }]

[result]
name = "RESULT_{date}_{sequence:4}.txt"
hash_of = "reference"
header = [{ text = "H" }, { field = "date" }, { field = "sequence" }]
row = [{ text = "D" }, { field = "reference" }, { field = "status" }, { field = "issuer_reference" }, { field = "amount" }]
trailer = [{ text = "T" }, { field = "count" }, { field = "sum" }, { field = "hash" }]
"#;

/// The same with fixed columns; a secret has room for 6 digits.
fn fixed() -> String {
    let widths = [
        ("text = \"H\"", 1),
        ("text = \"D\"", 1),
        ("text = \"T\"", 1),
        ("field = \"date\"", 8),
        ("field = \"sequence\"", 6),
        ("field = \"count\"", 8),
        ("field = \"sum\"", 15),
        ("field = \"hash\"", 10),
        ("field = \"line\"", 8),
        ("field = \"reference\"", 32),
        ("field = \"product\"", 20),
        ("field = \"number\"", 19),
        ("field = \"secret\"", 6),
        ("field = \"amount\"", 12),
        ("field = \"attempt\"", 2),
        ("field = \"status\"", 4),
        ("field = \"issuer_reference\"", 32),
    ];
    let text = DELIMITED.replace("delimiter = \"|\"", "layout = \"fixed\"");
    widths.iter().fold(text, |text, (column, width)| {
        text.replace(&format!("{{ {column} }}"), &format!("{{ {column}, width = {width} }}"))
    })
}

/// Terms with files of balances.
pub(crate) fn terms_with_balances() -> BatchTerms {
    let balances = r#"
[balances]
name = "BALANCE_{date}_{sequence:4}.txt"
row = [{ field = "product" }, { field = "number" }, { field = "amount" }]
trailer = [{ text = "T" }, { field = "count" }, { field = "sum" }]
"#;
    BatchTerms::parse(&(DELIMITED.replace("ENCODING", "utf-8") + balances)).unwrap()
}

/// Terms in this layout and encoding.
pub(crate) fn terms(layout: &str, encoding: &str) -> BatchTerms {
    let text = if layout == "fixed" { fixed() } else { DELIMITED.into() };
    BatchTerms::parse(&text.replace("ENCODING", encoding)).unwrap()
}

fn number(n: u32) -> String {
    format!("2326{n:012}")
}

fn request(n: u32, secret: &str) -> Request {
    let request = Request::new(&format!("R-{n}"), &format!("S-{n}"), "gift");
    request.number(&number(n)).secret(secret).face(Amount::new(10_000, Currency::CNY))
}

pub(crate) struct Town {
    dir: tempfile::TempDir,
    terms: BatchTerms,
    profiles: String,
    engine: Option<Engine>,
    drop: Option<FileDrop>,
    store: Memory,
    pub(crate) now: Now,
    book: IssuerBook,
    server: BatchServer,
    acks: BTreeMap<InboundId, InboundToken>,
    /// How often the rail was asked to pay, by reference.
    pub(crate) pays: BTreeMap<String, u32>,
    /// The attempts with which the issuer saw each reference.
    pub(crate) seen: BTreeMap<Reference, Vec<u32>>,
    /// The names of the files that the issuer took.
    pub(crate) files: Vec<String>,
    /// Calls that were told as not sent.
    pub(crate) not_sent: u32,
    /// Holds calls back until they are too late.
    pub(crate) stalled: bool,
    /// A commit takes half a second, in which the engine goes on.
    pub(crate) slow: bool,
    states: BTreeMap<RedemptionId, &'static str>,
    ages: BTreeMap<RedemptionId, i64>,
    results: u32,
}

impl Town {
    pub(crate) fn new() -> Self {
        Self::with(terms("delimited", "utf-8"), |profiles| profiles)
    }

    pub(crate) fn with(terms: BatchTerms, change: impl Fn(String) -> String) -> Self {
        let profiles = change(PROFILES.into());
        let profile = Profiles::parse(&profiles).unwrap().issuers["regional"].clone();
        let cards: Vec<SimCard> = (1..=9)
            .map(|n| SimCard {
                product: Text::new("gift").unwrap(),
                number: Some(Secret::from(number(n).as_str())),
                secret: Secret::from("730164"),
                balance: Amount::new(10_000, Currency::CNY),
                status: CardStatus::Active,
            })
            .collect();
        let mut town = Self {
            dir: tempfile::tempdir().unwrap(),
            server: BatchServer::new(terms.clone(), None).unwrap(),
            terms,
            profiles,
            engine: None,
            drop: None,
            store: Memory::new(),
            now: Now { mono: Mono(0), wall: Wall(1_795_390_215_000) },
            book: IssuerBook::open(&SimIssuer::new(profile), Some(&cards), None).unwrap(),
            acks: BTreeMap::new(),
            pays: BTreeMap::new(),
            seen: BTreeMap::new(),
            files: Vec::new(),
            not_sent: 0,
            stalled: false,
            slow: false,
            states: BTreeMap::new(),
            ages: BTreeMap::new(),
            results: 0,
        };
        town.open();
        town
    }

    fn folders(&self) -> Folders {
        let at = |name| self.dir.path().join(name);
        Folders { out: at("out"), result: at("result"), own: at("own") }
    }

    fn open(&mut self) {
        let profiles = Profiles::parse(&self.profiles).unwrap();
        let rail = Box::new(PlainRail::new(profiles.rails["pay"].clone()));
        let issuer = Batch::new(profiles.issuers["regional"].clone(), self.terms.clone(), None).unwrap();
        let keys = vec![(KeyId(1), Secret::new(vec![1; 32]))];
        let ring = KeyRing::new(keys, vec![(PepperVersion(1), Secret::new(vec![2; 32]))]).unwrap();
        let catalogue = Catalogue::parse(CATALOGUE).unwrap();
        let setup =
            Setup::new(catalogue, Policy::default(), vec![Box::new(issuer)], vec![rail], ring).unwrap();
        let mut recovery = Recovery::new();
        let epoch = self.store.recover(&mut recovery).unwrap();
        let engine = recovery.finish(setup, epoch, [u8::try_from(epoch).unwrap(); 32]).unwrap();
        self.engine = Some(engine);
        self.drop = Some(FileDrop::open(ChannelId(0), &self.terms, &self.folders()).unwrap().look_every(1));
    }

    /// The process ends and another one goes on.
    pub(crate) fn crash(&mut self) {
        (self.engine, self.drop) = (None, None);
        self.acks.clear();
        self.now.mono = Mono(0);
        self.open();
    }

    /// Lets time pass until a file is to be sent, and the process ends before it is.
    pub(crate) fn crash_at_call(&mut self) {
        for _ in 0..1_000 {
            let now = self.now;
            match self.engine().poll(now) {
                Some(Output::Call(call)) if call.kind == OpKind::Redeem => return self.crash(),
                Some(output) => self.take(output),
                None => {
                    let next = self.engine().wake_at().expect("the window closes");
                    self.now = Now { mono: next, wall: now.wall.plus(next.0 - now.mono.0) };
                }
            }
        }
        panic!("no file is made");
    }

    pub(crate) fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().unwrap()
    }

    /// Submits card `n` without letting time pass.
    pub(crate) fn submit(&mut self, n: u32) -> RedemptionId {
        self.submit_with(n, "730164")
    }

    pub(crate) fn submit_with(&mut self, n: u32, secret: &str) -> RedemptionId {
        let request = request(n, secret);
        self.engine().submit(&request).unwrap()
    }

    /// Submits these cards, and lets their file go out.
    pub(crate) fn sell(&mut self, cards: std::ops::RangeInclusive<u32>) -> Vec<RedemptionId> {
        let ids = cards.map(|n| self.submit(n)).collect();
        self.pass(2 * HOUR);
        ids
    }

    /// Lets this much time pass, and all happen that does meanwhile.
    pub(crate) fn pass(&mut self, ms: i64) {
        let end = self.now.mono.plus(ms);
        for _ in 0..100_000 {
            let now = self.now;
            if let Some(output) = self.engine().poll(now) {
                self.take(output);
                continue;
            }
            let wall = self.engine().wall();
            let due = self.store.due(wall, 100).unwrap();
            if !due.is_empty() {
                due.into_iter().for_each(|handed| self.engine().loaded(handed.redemption, Some(handed)));
                continue;
            }
            if self.look() {
                continue;
            }
            let later = self.store.next_due().unwrap().map(|due| now.mono.plus((due.0 - wall.0).max(1)));
            let next = [self.engine().wake_at(), later].into_iter().flatten().min();
            let next = next.filter(|next| *next <= end).unwrap_or(end);
            self.now = Now { mono: next, wall: now.wall.plus((next.0 - now.mono.0).max(0)) };
            if next == end && now.mono == end {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// Whether files came in.
    fn look(&mut self) -> bool {
        let arrivals = self.drop.as_mut().unwrap().look(self.now.mono);
        let any = !arrivals.is_empty();
        for arrival in arrivals {
            let Arrival::Inbound(channel, token, bytes) = arrival else { panic!("{arrival:?}") };
            match self.engine().inbound(channel, &bytes).unwrap() {
                Ok(id) => drop(self.acks.insert(id, token)),
                Err(_) => self.drop.as_mut().unwrap().refused(token),
            }
        }
        any
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::Commit(mut batch) => {
                if self.slow {
                    self.now = Now { mono: self.now.mono.plus(500), wall: self.now.wall.plus(500) };
                    let now = self.now;
                    while let Some(output) = self.engine().poll(now) {
                        self.take(output);
                    }
                }
                self.store.commit(&mut batch).unwrap();
                self.engine().committed(batch).unwrap();
            }
            Output::Call(call) if matches!(call.kind, OpKind::Pay | OpKind::PayQuery) => self.pay(&call),
            Output::Call(call) => {
                let late = if self.stalled { call.send_by.plus(1) } else { self.now.mono };
                let lost = self.drop.as_mut().unwrap().send(&call, &mut || late);
                if let Some(Arrival::Lost(id, sent)) = lost {
                    self.not_sent += 1;
                    self.engine().lost(id, sent).unwrap();
                }
            }
            Output::Load(id) => {
                let handed = self.store.load(id).unwrap();
                self.engine().loaded(id, handed);
            }
            Output::Ack(id, _) => {
                if let Some(token) = self.acks.remove(&id) {
                    self.drop.as_mut().unwrap().taken(token);
                }
            }
            Output::Event(Event::Moved { redemption, summary }) => {
                self.states.insert(redemption, summary.state.name());
                self.ages.extend(summary.verified_age_ms.map(|age| (redemption, age)));
            }
            _ => {}
        }
    }

    fn pay(&mut self, call: &Call) {
        let text = String::from_utf8(call.bytes.to_vec()).unwrap();
        let words: Vec<&str> = text.split(' ').collect();
        *self.pays.entry(words[0].into()).or_default() += 1;
        let answer = format!("{} {} accepted P1 {} {}\n", words[0], words[1], words[3], words[4]);
        self.engine().reply(call.id, answer.as_bytes()).unwrap();
    }

    pub(crate) fn state(&self, id: RedemptionId) -> &'static str {
        self.states.get(&id).copied().unwrap_or("nowhere")
    }

    pub(crate) fn states(&self, ids: &[RedemptionId]) -> Vec<&'static str> {
        ids.iter().map(|id| self.state(*id)).collect()
    }

    /// How old the word was by which a card was verified, where that was told by a list.
    pub(crate) fn age(&self, id: RedemptionId) -> Option<i64> {
        self.ages.get(&id).copied()
    }

    /// A file of the balances of these cards, of today.
    pub(crate) fn balances(&mut self, rows: &[(u32, i64)]) -> (String, Vec<u8>) {
        self.results += 1;
        let told: Vec<(String, i64)> = rows.iter().map(|(n, minor)| (number(*n), *minor)).collect();
        let rows: Vec<Balance<'_>> = told
            .iter()
            .map(|(card, minor)| Balance {
                product: "gift",
                card,
                balance: Amount::new(*minor, Currency::CNY),
            })
            .collect();
        let meta = FileMeta { at: self.now.wall, sequence: self.results };
        let file = self.server.write_balances(&meta, &rows).unwrap();
        (String::from_utf8(file.head.clone()).unwrap(), file.body.clone())
    }

    /// How many records stand in the store.
    pub(crate) fn records(&self) -> usize {
        self.store.index().rows().map(|(_, row)| row.log.len()).sum()
    }

    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path().join(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The supermarket takes every file with a flag, debits, and makes up its answers.
    pub(crate) fn works_off(&mut self) -> Vec<(Reference, Answer)> {
        let mut answers = Vec::new();
        let out = self.folders().out;
        for name in self.names("out").into_iter().filter(|name| name.ends_with(".txt")) {
            let beside = |suffix: &str| out.join(format!("{name}{suffix}"));
            assert!(beside(".ok").exists(), "no file without its flag");
            let digest = fs::read_to_string(beside(".sha256")).unwrap();
            let body = fs::read(out.join(&name)).unwrap();
            let asked = self.server.read(&name, Some(digest.trim()), &body).unwrap();
            for asked in asked {
                let card = asked.card.as_ref().unwrap();
                let (reference, amount) = (asked.reference, asked.amount);
                self.seen.entry(reference).or_default().push(asked.attempt);
                let product = &Text::new("gift").unwrap();
                let order = Order { reference, site: 0, product, card: card.data(), amount };
                let outcome = self.book.debit(&order, self.now.wall).unwrap();
                answers.push((reference, Answer { kind: OpKind::Redeem, outcome, by_file: true }));
            }
            for suffix in ["", ".sha256", ".ok"] {
                fs::remove_file(beside(suffix)).unwrap();
            }
            self.files.push(name);
        }
        answers
    }

    /// The next result file: its name and bytes.
    pub(crate) fn result_file(&mut self, answers: &[(Reference, Answer)]) -> (String, Vec<u8>) {
        self.results += 1;
        let meta = FileMeta { at: self.now.wall, sequence: self.results };
        let file = self.server.write(&meta, answers).unwrap();
        (String::from_utf8(file.head.clone()).unwrap(), file.body.clone())
    }

    /// Where a result file lies.
    pub(crate) fn result(&self, name: &str) -> PathBuf {
        self.folders().result.join(name)
    }

    /// Lays a file into the folder with its digest and its flag.
    pub(crate) fn lay(&self, name: &str, body: &[u8]) {
        let at = |suffix: &str| -> PathBuf { self.folders().result.join(format!("{name}{suffix}")) };
        fs::write(at(""), body).unwrap();
        fs::write(at(".sha256"), format!("{}  {name}\n", Hasher::new().with(body).finish())).unwrap();
        fs::write(at(".ok"), b"").unwrap();
    }

    /// A result file comes and is taken.
    pub(crate) fn answers(&mut self, answers: &[(Reference, Answer)]) -> (String, Vec<u8>) {
        let (name, body) = self.result_file(answers);
        self.lay(&name, &body);
        self.pass(HOUR);
        (name, body)
    }

    /// What the issuer's ledger says agrees with what was paid: each of `debited` once, paid as
    /// often as `pays` says, and nothing else.
    pub(crate) fn agrees(&mut self, debited: &[RedemptionId], pays: usize) {
        for n in 1..=9 {
            let number = number(n);
            let card = scrip::issuer::CardData { number: Some(number.as_bytes()), secret: b"730164" };
            let product = &Text::new("gift").unwrap();
            let at = self.now.wall;
            let found = self.book.balance(product, card, Amount::new(10_000, Currency::CNY), at).unwrap();
            let used = found == Outcome::Declined(Decline::AlreadyUsed);
            let id = request(n, "730164").redemption();
            assert_eq!(used, debited.contains(&id), "card {n} at the issuer: {found:?}");
        }
        assert_eq!(self.pays.len(), pays);
        assert!(self.pays.values().all(|times| *times == 1), "each is paid once: {:?}", self.pays);
    }
}

pub(crate) fn declined(reference: Reference, decline: Decline) -> (Reference, Answer) {
    let outcome = Outcome::Declined(decline);
    (reference, Answer { kind: OpKind::Redeem, outcome, by_file: true })
}
