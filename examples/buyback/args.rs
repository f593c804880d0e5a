//! The command line.

use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The text of `--help`.
pub(crate) const HELP: &str = "\
buyback: from a file of cards to paid sellers, against simulated issuers

usage: buyback [options] CARDS.csv

  CARDS.csv            the cards to buy, one per line; UTF-8 CSV with a header
  --issuer-cards FILE  what the issuers know of their cards (CSV)
  --out DIR            where outcomes.jsonl and summary.json go (buyback-out)
  --db PATH            the database (DIR/scrip.db): a folder, or the file of an SQLite store
  --store KIND         journal or sqlite: how a new database is made (journal)
  --postgres URL       a PostgreSQL database instead (built with the feature); the keys and the
                       issuers' books still lie beside --db
  --catalog FILE       the products (TOML; the shipped catalogue)
  --policy FILE        risk rules, rates and shares (TOML; the shipped policy)
  --faults LEVEL       none, light or heavy: how badly issuers behave (none)
  --seed N             what the simulation is drawn from (1)
  --realtime           wait as long as issuers do, instead of in virtual time
  --issuers URL        issuers that are servers of their own (--example issuers), in real time;
                       several URLs with commas between them are several sites
  --through URL        with --issuers: calls go there instead, to a proxy in front of the servers
  --listen ADDR        with --issuers: where callbacks are taken (127.0.0.1, any port)
  --callbacks URL      with --issuers: where they are brought, a proxy in front of --listen
  --rest               with --issuers: jd and walmart are spoken to by their own protocols
  --later              fuel and telecom are platforms that say \"later\" and call back (beehive, cardharbor)
  --session            fuel is a platform whose token has to be signed in for (lantern)
  --files DIR          with --issuers: issuers that go by files are reached at file://DIR/NAME
  --hurried            issuers and rail promise to know everything within seconds
  --rate N             with --issuers or --realtime: so many requests a second, 1 or more,
                       and not as fast as they are taken
  --help               this text
";

/// How badly the simulated issuers behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Faults {
    None,
    Light,
    Heavy,
}

/// How the database is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// Segments and tables in a folder.
    Journal,
    /// One SQLite file.
    Sqlite,
}

/// What to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) cards: PathBuf,
    pub(crate) issuer_cards: Option<PathBuf>,
    pub(crate) db: PathBuf,
    /// As the command line says; where it does not, the database is what it is.
    pub(crate) store: Option<StoreKind>,
    pub(crate) postgres: Option<String>,
    pub(crate) out: PathBuf,
    pub(crate) catalog: Option<PathBuf>,
    pub(crate) policy: Option<PathBuf>,
    pub(crate) faults: Faults,
    pub(crate) seed: u64,
    pub(crate) realtime: bool,
    /// The servers of the issuers, site by site, instead of simulated ones in this process.
    pub(crate) issuers: Option<Vec<String>>,
    /// What stands in front of the servers, site by site.
    pub(crate) through: Option<Vec<String>>,
    /// Where callbacks are taken, and where issuers bring them.
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) callbacks: Option<String>,
    pub(crate) hurried: bool,
    /// So many requests a second, 1 or more.
    pub(crate) rate: Option<u32>,
    pub(crate) rest: bool,
    pub(crate) later: bool,
    pub(crate) session: bool,
    /// Where issuers that go by files have their folders; absolute.
    pub(crate) files: Option<PathBuf>,
}

impl Args {
    /// How the database is kept: a file is an SQLite store, and a new one a journal.
    pub(crate) fn store(&self) -> StoreKind {
        let there = if self.db.is_file() { StoreKind::Sqlite } else { StoreKind::Journal };
        self.store.unwrap_or(there)
    }

    /// Whether what was asked for goes together; an error says what does not.
    fn fit_together(&self) -> Result<(), String> {
        let given = [
            ("--rest", self.rest),
            ("--files", self.files.is_some()),
            ("--through", self.through.is_some()),
            ("--listen", self.listen.is_some()),
            ("--callbacks", self.callbacks.is_some()),
        ];
        let alone = given.into_iter().find(|(_, given)| *given && self.issuers.is_none());
        if let Some((name, _)) = alone {
            return Err(format!("{name} needs --issuers"));
        }
        if self.later && self.session {
            return Err("--later and --session are both about fuel: one of them".into());
        }
        if self.rate.is_some() && !self.realtime && self.issuers.is_none() {
            return Err("--rate needs --issuers or --realtime".into());
        }
        Ok(())
    }
}

impl Default for Args {
    /// What is run with no more than a file of cards, which is not named yet.
    fn default() -> Self {
        Self {
            cards: PathBuf::new(),
            issuer_cards: None,
            db: PathBuf::new(),
            store: None,
            postgres: None,
            out: PathBuf::new(),
            catalog: None,
            policy: None,
            faults: Faults::None,
            seed: 1,
            realtime: false,
            issuers: None,
            through: None,
            listen: None,
            callbacks: None,
            hurried: false,
            rate: None,
            rest: false,
            later: false,
            session: false,
            files: None,
        }
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Run(Box<Args>),
}

/// Reads the arguments after the program's name. An error is one line.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    read(args).map_err(|error| error.to_string().replace(char::is_control, " "))
}

fn read(args: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let (mut args, mut cards, mut db, mut out) = (Args::default(), None, None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("issuer-cards") => args.issuer_cards = Some(path(&mut parser)?),
            Long("db") => db = Some(path(&mut parser)?),
            Long("store") => args.store = Some(parser.value()?.parse_with(store_kind)?),
            Long("postgres") if cfg!(feature = "postgres") => args.postgres = Some(parser.value()?.string()?),
            Long("out") => out = Some(path(&mut parser)?),
            Long("catalog" | "catalogue") => args.catalog = Some(path(&mut parser)?),
            Long("policy") => args.policy = Some(path(&mut parser)?),
            Long("faults") => args.faults = parser.value()?.parse_with(level)?,
            Long("seed") => {
                let number = "a whole number from 0 to 18446744073709551615 was expected";
                args.seed = parser.value()?.parse_with(|text| text.parse().map_err(|_| number))?;
            }
            Long("realtime") => args.realtime = true,
            Long("issuers") => args.issuers = Some(parser.value()?.parse_with(urls)?),
            Long("through") => args.through = Some(parser.value()?.parse_with(urls)?),
            Long("listen") => args.listen = Some(parser.value()?.parse()?),
            Long("callbacks") => args.callbacks = parser.value()?.parse_with(urls)?.into_iter().next(),
            Long("hurried") => args.hurried = true,
            Long("rest") => args.rest = true,
            Long("later") => args.later = true,
            Long("session") => args.session = true,
            Long("files") => {
                let dir = std::path::absolute(path(&mut parser)?).map_err(|error| error.to_string())?;
                args.files = Some(dir);
            }
            Long("rate") => {
                let number = "a whole number from 1 to 4294967295 was expected";
                let parse = |text: &str| text.parse().ok().filter(|rate| *rate > 0).ok_or(number);
                args.rate = Some(parser.value()?.parse_with(parse)?);
            }
            Value(value) if cards.is_none() => cards = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    args.cards = cards.ok_or("the file of cards is missing: buyback [options] CARDS.csv")?;
    args.out = out.unwrap_or_else(|| PathBuf::from("buyback-out"));
    args.db = db.unwrap_or_else(|| args.out.join("scrip.db"));
    args.fit_together()?;
    Ok(Command::Run(Box::new(args)))
}

fn path(parser: &mut lexopt::Parser) -> Result<PathBuf, lexopt::Error> {
    match parser.value()? {
        empty if empty.is_empty() => Err("a path was expected, not an empty text".into()),
        value => Ok(value.into()),
    }
}

fn store_kind(text: &str) -> Result<StoreKind, &'static str> {
    match text {
        "journal" => Ok(StoreKind::Journal),
        "sqlite" => Ok(StoreKind::Sqlite),
        _ => Err("journal or sqlite was expected"),
    }
}

fn urls(text: &str) -> Result<Vec<String>, &'static str> {
    let urls: Vec<String> = text.split(',').map(|url| url.trim_end_matches('/').to_string()).collect();
    let good = urls.iter().all(|url| url.starts_with("http://") && url.len() > "http://".len());
    if good { Ok(urls) } else { Err("http://HOST:PORT was expected") }
}

fn level(text: &str) -> Result<Faults, &'static str> {
    match text {
        "none" => Ok(Faults::None),
        "light" => Ok(Faults::Light),
        "heavy" => Ok(Faults::Heavy),
        _ => Err("none, light or heavy was expected"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn a_file_is_enough() {
        let expected = Args {
            cards: "cards.csv".into(),
            db: "buyback-out/scrip.db".into(),
            out: "buyback-out".into(),
            ..Args::default()
        };
        assert_eq!(parsed("cards.csv"), Ok(Command::Run(Box::new(expected))));
    }

    #[test]
    fn every_option_is_taken_in_any_order() {
        let line = "--issuer-cards i.csv --db=d.db --out o c.csv --catalogue k.toml --policy p.toml \
                    --faults heavy --seed 18446744073709551615 --realtime --store sqlite \
                    --hurried --rate 600 --issuers http://a:1/,http://b:2";
        let Ok(Command::Run(args)) = parsed(line) else { panic!("{:?}", parsed(line)) };
        assert_eq!((args.cards, args.out, args.db), ("c.csv".into(), "o".into(), "d.db".into()));
        assert_eq!((args.issuer_cards, args.catalog), (Some("i.csv".into()), Some("k.toml".into())));
        assert_eq!(args.store, Some(StoreKind::Sqlite));
        assert_eq!((args.policy, args.faults), (Some("p.toml".into()), Faults::Heavy));
        assert_eq!((args.seed, args.realtime, args.hurried), (u64::MAX, true, true));
        assert_eq!(args.rate, Some(600));
        assert_eq!(args.issuers, Some(vec!["http://a:1".into(), "http://b:2".into()]));
        let Ok(Command::Run(args)) = parsed("--out o --catalog k -- -c.csv") else { panic!("a run") };
        assert_eq!((args.cards, args.db), ("-c.csv".into(), "o/scrip.db".into()));
        assert_eq!(args.catalog, Some("k".into()));
    }

    #[test]
    fn help_wins_over_what_is_missing() {
        assert_eq!(parsed("--help"), Ok(Command::Help));
        assert_eq!(parsed("c.csv -h"), Ok(Command::Help));
        for option in
            ["issuer-cards", "db", "out", "catalog", "policy", "faults", "seed", "realtime", "store", "help"]
                .into_iter()
                .chain([
                    "issuers",
                    "hurried",
                    "rate",
                    "rest",
                    "later",
                    "session",
                    "files",
                    "through",
                    "listen",
                    "callbacks",
                ])
        {
            assert!(HELP.contains(&format!("  --{option}")), "{option}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_in_one_line() {
        for (line, part) in [
            ("", "is missing"),
            ("a.csv b.csv", "b.csv"),
            ("a.csv --fault none", "--fault"),
            ("a.csv --faults some", "none, light or heavy"),
            ("a.csv --store file", "journal or sqlite"),
            ("a.csv --seed -1", "whole number"),
            ("a.csv --seed", "--seed"),
            ("a.csv --db=", "a path"),
            ("a.csv --realtime=yes", "--realtime"),
            ("a.csv --rest", "--issuers"),
            ("a.csv --later --session", "one of them"),
            ("a.csv --files d", "--issuers"),
            ("a.csv --through http://a:1", "--issuers"),
            ("a.csv --listen 127.0.0.1:0", "--issuers"),
            ("a.csv --callbacks http://a:1", "--issuers"),
            ("a.csv --issuers 127.0.0.1:80", "http://HOST:PORT"),
            ("a.csv -x", "-x"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{line}: {error}");
        }
        let odd = parse(["a.csv".into(), OsString::from("b\nc")]).unwrap_err();
        assert!(!odd.contains('\n'), "{odd}");
    }
}
