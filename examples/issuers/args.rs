//! The command line.

use crate::mishap::Mishap;
use crate::prank::Prank;
use crate::trouble::Trouble;
use crate::world::Own;
use lexopt::prelude::{Long, Short, ValueExt};
use scrip::sim::Faults;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The text of `--help`.
pub(crate) const HELP: &str = "\
issuers: the simulated issuers and the pay-out rail as servers

usage: issuers [options]

  --listen ADDR        where they speak HTTP (127.0.0.1:0); given twice, both doors lead to the same
                       books: two sites. An issuer or rail is at /NAME/SITE
  --bank ADDR          where a bank speaks ISO 8583 over TCP, with a few cards of its own
  --issuer-cards FILE  what they know of their cards (CSV); every card is good without it
  --catalog FILE       the products (TOML; the shipped catalogue)
  --ledger DIR         where their books lie (a temporary folder)
  --faults LEVEL       none, light or heavy: how badly they behave (none)
  --fault NAME=SHARE   how often one thing goes wrong, such as reset_after=0.05; the names:
                       slow, reset_before, reset_after, lost_request, late_request, lost_answer,
                       double_answer, late_answer, wrong_signature, garbage, page_5xx, maintenance,
                       half_closed, slow_loris; of tokens token_refused; of result files file_truncated, file_wrong_digest,
                       file_resent, file_repeated, file_reordered, file_partial, file_foreign,
                       file_late, file_never; of callbacks callback_forged, callback_garbled,
                       callback_twice
  --seed N             what faults and latencies are drawn from (1)
  --rest               jd and walmart speak their own protocols, the shipped profiles
  --later              fuel and telecom say \"later\" to every order and call back: beehive, cardharbor
  --session            fuel gives out session tokens to whoever signs in: lantern
  --token-life MS      how long such a token stands, 1000 or more (an hour)
  --files DIR          issuers that go by files do so at DIR/NAME: they take up what lies in out and
                       lay what they answer into result
  --balances           when they start, these issuers lay down what is on their cards (余额文件)
  --file-delay MS      how long such an issuer takes for an answer (2000)
  --callback-delay MS  how long after a \"later\" the callback comes (drawn from 300 to 3000)
  --hurried            promise to know everything within seconds
  --help               this text

POST /callbacks with a URL: where callbacks and files are brought, each at URL/NAME/.
GET /oracle: what was debited and paid, and whether anything was twice.
GET /ledgers/NAME: the book of an issuer or rail, as it lies in DIR.
Ended by SIGTERM or SIGINT they say what /oracle says.
";

/// What to run.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) bank: Option<SocketAddr>,
    pub(crate) issuer_cards: Option<PathBuf>,
    pub(crate) catalog: Option<PathBuf>,
    pub(crate) ledger: Option<PathBuf>,
    pub(crate) faults: Faults,
    /// Shares in a million.
    pub(crate) troubles: Vec<(Trouble, u64)>,
    pub(crate) mishaps: Vec<(Mishap, u64)>,
    pub(crate) pranks: Vec<(Prank, u64)>,
    pub(crate) seed: u64,
    pub(crate) hurried: bool,
    pub(crate) rest: bool,
    pub(crate) later: bool,
    pub(crate) session: bool,
    pub(crate) token_life_ms: Option<i64>,
    pub(crate) files: Option<PathBuf>,
    pub(crate) balances: bool,
    pub(crate) file_delay_ms: Option<i64>,
    pub(crate) callback_delay_ms: Option<i64>,
}

impl Args {
    /// Which issuers speak protocols of their own.
    pub(crate) fn own(&self) -> Own {
        Own {
            rest: self.rest,
            later: self.later,
            session: self.session,
            token_life_ms: self.token_life_ms,
            files: self.files.is_some(),
        }
    }

    /// Takes `NAME=SHARE`, of whichever kind it is.
    fn fault(&mut self, text: &str) -> Result<(), &'static str> {
        let expected = "NAME=SHARE was expected, with a share from 0 to 1";
        let (name, share) = text.split_once('=').ok_or(expected)?;
        let (whole, part) = share.split_once('.').unwrap_or((share, ""));
        let digits = format!("{part:0<6}");
        let part: u64 = digits.get(..6).and_then(|six| six.parse().ok()).ok_or(expected)?;
        let share = match whole {
            "0" | "" => part,
            "1" if part == 0 => 1_000_000,
            _ => return Err(expected),
        };
        if let Some(trouble) = Trouble::from_name(name) {
            self.troubles.push((trouble, share));
        } else if let Some(mishap) = Mishap::from_name(name) {
            self.mishaps.push((mishap, share));
        } else {
            self.pranks.push((Prank::from_name(name).ok_or(expected)?, share));
        }
        Ok(())
    }
}

/// Reads the arguments; `None` asks for help.
pub(crate) fn parse() -> Result<Option<Args>, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
    let mut args = Args {
        listen: Vec::new(),
        bank: None,
        issuer_cards: None,
        catalog: None,
        ledger: None,
        faults: Faults::None,
        troubles: Vec::new(),
        mishaps: Vec::new(),
        pranks: Vec::new(),
        seed: 1,
        hurried: false,
        rest: false,
        later: false,
        session: false,
        token_life_ms: None,
        files: None,
        balances: false,
        file_delay_ms: None,
        callback_delay_ms: None,
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("listen") => args.listen.push(parser.value()?.parse()?),
            Long("bank") => args.bank = Some(parser.value()?.parse()?),
            Long("issuer-cards") => args.issuer_cards = Some(parser.value()?.into()),
            Long("catalog" | "catalogue") => args.catalog = Some(parser.value()?.into()),
            Long("ledger") => args.ledger = Some(parser.value()?.into()),
            Long("faults") => {
                let level = |text: &str| Faults::from_name(text).ok_or("none, light or heavy was expected");
                args.faults = parser.value()?.parse_with(level)?;
            }
            Long("fault") => parser.value()?.parse_with(|text| args.fault(text))?,
            Long("seed") => args.seed = parser.value()?.parse()?,
            Long("hurried") => args.hurried = true,
            Long("rest") => args.rest = true,
            Long("later") => args.later = true,
            Long("session") => args.session = true,
            Long("token-life") => args.token_life_ms = Some(parser.value()?.parse_with(token_life)?),
            Long("files") => args.files = Some(parser.value()?.into()),
            Long("balances") => args.balances = true,
            Long("file-delay") => args.file_delay_ms = Some(parser.value()?.parse_with(within_a_day)?),
            Long("callback-delay") => {
                args.callback_delay_ms = Some(parser.value()?.parse_with(within_a_day)?)
            }
            other => return Err(other.unexpected()),
        }
    }
    if args.later && args.session {
        return Err("--later and --session are both about fuel: one of them".into());
    }
    if args.listen.is_empty() {
        args.listen.push(([127, 0, 0, 1], 0).into());
    }
    Ok(Some(args))
}

/// Milliseconds.
fn token_life(text: &str) -> Result<i64, &'static str> {
    let ms = text.parse().ok().filter(|ms| (1_000..=86_400_000).contains(ms));
    ms.ok_or("milliseconds from 1000 to 86400000 were expected")
}

fn within_a_day(text: &str) -> Result<i64, &'static str> {
    let ms = text.parse().ok().filter(|ms| (1..=86_400_000).contains(ms));
    ms.ok_or("milliseconds from 1 to 86400000 were expected")
}
