//! Serves requests out of the issuers' books, and brings what is to be brought.

use crate::args::Args;
use crate::ask::ask_with;
use crate::bank::Desk;
use crate::dice::Dice;
use crate::http::{Asked, Conversation};
use crate::prank::Prank;
use crate::trouble::Trouble;
use scrip::base::Wall;
use scrip::codec::envelope::{self, Envelope};
use scrip::engine::ChannelId;
use scrip::sim::{Faults, Parcel, SimWorld};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

const PAGE: &[u8] = b"<html><head><title>502 Bad Gateway</title></head></html>";
const CLOSED: &[u8] = b"<html><head><title>Maintenance from 1:00 to 5:00</title></head></html>";
/// How often is looked for what is to be brought.
const LOOK: Duration = Duration::from_millis(100);
/// How long a sign-in takes, and how long nobody waits for it.
const SIGN_IN_MS: i64 = 50;
const SIGN_IN_BEYOND_MS: i64 = 9_000;
/// After so long no token stands.
const TOKENS_HAVE_ENDED_MS: i64 = 366 * 86_400_000;
/// A thread that serves one connection needs little.
const STACK: usize = 512 * 1_024;

/// The issuers and the rail behind their doors.
pub(crate) struct Office {
    world: Mutex<SimWorld>,
    channels: Vec<(ChannelId, String)>,
    ledgers: PathBuf,
    level: Faults,
    troubles: Vec<(Trouble, u64)>,
    pranks: Vec<(Prank, u64)>,
    dice: Dice,
    bank: Option<Arc<Desk>>,
    /// Where callbacks are brought.
    bring_to: Mutex<Option<String>>,
    /// How often what was done or went wrong.
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

/// The time of the machine.
pub(crate) fn now() -> Wall {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn wait(ms: i64) {
    sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
}

/// Starts a thread for one job.
pub(crate) fn spawn(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().stack_size(STACK).spawn(job).map(drop)
}

/// A request as an envelope.
fn wrap(asked: &Asked, path: &str) -> Vec<u8> {
    let mut out = Vec::new();
    envelope::begin(&format!("{} {path}", asked.method), &mut out);
    asked.lines.iter().for_each(|(name, value)| envelope::line(name, value, &mut out));
    envelope::end(&asked.body, &mut out);
    out
}

/// An envelope as status and lines, and the body.
fn unwrap(reply: &[u8]) -> (String, Vec<u8>) {
    let Ok(reply) = Envelope::read(reply) else { return ("500 Unreadable".to_string(), Vec::new()) };
    let mut status = format!("{} Said", reply.first);
    for (name, value) in reply.lines() {
        status.push_str(&format!("\r\n{name}: {value}"));
    }
    (status, reply.body.to_vec())
}

impl Office {
    pub(crate) fn new(world: SimWorld, ledgers: PathBuf, args: &Args, bank: Option<Arc<Desk>>) -> Arc<Self> {
        Arc::new(Self {
            channels: world.channels(),
            world: Mutex::new(world),
            ledgers,
            level: args.faults,
            troubles: args.troubles.clone(),
            pranks: args.pranks.clone(),
            dice: Dice::new(args.seed),
            bank,
            bring_to: Mutex::default(),
            counts: Mutex::default(),
        })
    }

    fn world(&self) -> MutexGuard<'_, SimWorld> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self, what: &'static str) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }

    /// Serves one connection to its end.
    pub(crate) fn serve(&self, mut talk: Conversation) {
        while let Some(asked) = talk.next() {
            let last = asked.last;
            match self.one(&mut talk, &asked) {
                Ok(true) if !last => {}
                _ => return,
            }
        }
    }

    /// Serves one request; whether the connection goes on.
    fn one(&self, talk: &mut Conversation, asked: &Asked) -> io::Result<bool> {
        let path = asked.path.trim_start_matches('/');
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        match (asked.method.as_str(), name, rest) {
            ("GET", "oracle", "") => talk.answer("200 OK", self.report().as_bytes())?,
            ("GET", "ledgers", name) if self.channel(name).is_some() => {
                let text = std::fs::read(self.ledgers.join(format!("{name}.ledger")))?;
                talk.answer("200 OK", &text)?;
            }
            ("POST", "callbacks", "") => {
                let url = String::from_utf8_lossy(&asked.body).into_owned();
                *self.bring_to.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
                talk.answer("200 OK", b"")?;
            }
            (_, name, rest) => {
                let (site, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                if let (Some(channel), Ok(site)) = (self.channel(name), site.parse()) {
                    return self.ask(talk, channel, site, asked, rest);
                }
                talk.answer("404 Not Found", b"")?;
            }
        }
        Ok(true)
    }

    pub(crate) fn channel(&self, name: &str) -> Option<ChannelId> {
        self.channels.iter().find(|(_, known)| known == name).map(|(channel, _)| *channel)
    }

    /// An issuer or rail is asked.
    fn ask(
        &self,
        talk: &mut Conversation,
        channel: ChannelId,
        site: u32,
        asked: &Asked,
        path: &str,
    ) -> io::Result<bool> {
        let enveloped = self.world().takes_envelopes(channel);
        let wrapped = enveloped.then(|| wrap(asked, path));
        if let Some(reply) = wrapped.as_deref().and_then(|request| self.session(channel, request, now())) {
            return self.open_session(talk, &reply);
        }
        let visit = self.world().visit(channel, wrapped.as_ref().unwrap_or(&asked.body), now());
        let Ok(visit) = visit else {
            self.count("unreadable");
            talk.answer("401 Unauthorized", b"{\"error\":\"signature\"}")?;
            return Ok(true);
        };
        self.count(visit.kind().map_or("asked", |kind| kind.name()));
        let mut trouble = Trouble::of(&visit, self.level, &self.troubles);
        if trouble == Some(Trouble::TokenRefused) {
            // As if its time were over.
            let refuse = |request: &[u8]| self.session(channel, request, now().plus(TOKENS_HAVE_ENDED_MS));
            if let Some(refusal) = wrapped.as_deref().and_then(refuse) {
                self.count(Trouble::TokenRefused.name());
                return self.open_session(talk, &refusal);
            }
            trouble = None;
        }
        if let Some(trouble) = trouble {
            self.count(trouble.name());
        }
        match trouble {
            Some(Trouble::ResetBefore) => return Ok(false),
            Some(Trouble::LateRequest) => wait(visit.beyond_ms),
            Some(Trouble::Slow) => wait(2_000 + visit.latency_ms / 2),
            _ => wait(visit.latency_ms / 2),
        }
        let done = match trouble.is_none_or(Trouble::does) {
            true => self.world().take(&visit, site, now()),
            false => Ok(None),
        };
        wait(visit.latency_ms - visit.latency_ms / 2);
        match done {
            Ok(Some(reply)) if enveloped => {
                let (status, body) = unwrap(&reply);
                self.say(talk, visit.beyond_ms, trouble, &status, Some(body))
            }
            Ok(reply) => self.say(talk, visit.beyond_ms, trouble, "200 OK", reply),
            Err(error) => {
                // Whoever cannot write it down has not done it.
                eprintln!("issuers: {error}");
                Ok(false)
            }
        }
    }

    /// What the protocol itself says: to a sign-in, or of a token that does not stand at this time.
    fn session(&self, channel: ChannelId, request: &[u8], at: Wall) -> Option<Vec<u8>> {
        self.world().session(channel, request, at)
    }

    /// Answers a sign-in or refuses a token.
    fn open_session(&self, talk: &mut Conversation, reply: &[u8]) -> io::Result<bool> {
        let (status, body) = unwrap(reply);
        self.count(match status.get(..3) {
            Some("200") => "sign_ins",
            Some("403") => "refused sign-ins",
            _ => "refused tokens",
        });
        let trouble = Trouble::drawn(&self.dice, self.level, &self.troubles);
        if let Some(trouble) = trouble {
            self.count(trouble.name());
        }
        wait(match trouble {
            Some(Trouble::LateRequest) => SIGN_IN_BEYOND_MS,
            Some(Trouble::Slow) => 2_000,
            _ => SIGN_IN_MS,
        });
        match trouble {
            Some(Trouble::ResetBefore) => Ok(false),
            _ => {
                let body = trouble.is_none_or(Trouble::does).then_some(body);
                self.say(talk, SIGN_IN_BEYOND_MS, trouble, &status, body)
            }
        }
    }

    /// Says, or does not say, what was done. Whoever asks waits less than `beyond_ms`.
    fn say(
        &self,
        talk: &mut Conversation,
        beyond_ms: i64,
        trouble: Option<Trouble>,
        ok: &str,
        reply: Option<Vec<u8>>,
    ) -> io::Result<bool> {
        let Some(mut reply) = reply.filter(|_| trouble != Some(Trouble::Maintenance)) else {
            match trouble {
                Some(Trouble::Maintenance) => talk.answer("503 Service Unavailable", CLOSED)?,
                Some(Trouble::LostRequest) => talk.be_silent(beyond_ms),
                Some(Trouble::ResetAfter) => return Ok(false),
                // A file that was taken is answered by a file.
                _ => talk.answer("202 Accepted", b"")?,
            }
            return Ok(trouble != Some(Trouble::LostRequest));
        };
        match trouble {
            Some(Trouble::ResetAfter) => return Ok(false),
            Some(Trouble::LostAnswer | Trouble::LateRequest) => {
                talk.be_silent(beyond_ms);
                return Ok(false);
            }
            Some(Trouble::LateAnswer) => {
                wait(beyond_ms);
                talk.answer(ok, &reply)?;
            }
            Some(Trouble::DoubleAnswer) => {
                talk.answer(ok, &reply)?;
                talk.answer(ok, &reply)?;
            }
            Some(Trouble::WrongSignature) => {
                // Its last digit: in the last line, or before the quote and the brace. A reply without
                // any lines is signed inside, or not at all.
                match ok.strip_suffix(|_: char| true).filter(|rest| rest.contains('\n')) {
                    Some(rest) => talk.answer(&format!("{rest}!"), &reply)?,
                    None => {
                        if let Some(digit) = reply.iter_mut().rev().nth(2) {
                            *digit = if *digit == b'0' { b'1' } else { b'0' };
                        }
                        talk.answer(ok, &reply)?;
                    }
                }
            }
            Some(Trouble::Garbage) => {
                talk.babble()?;
                return Ok(false);
            }
            Some(Trouble::Page5xx) => talk.answer("502 Bad Gateway", PAGE)?,
            Some(Trouble::HalfClosed) => {
                talk.answer_half(ok, &reply)?;
                return Ok(false);
            }
            Some(Trouble::SlowLoris) => talk.drip(ok, &reply)?,
            _ => talk.answer(ok, &reply)?,
        }
        Ok(true)
    }

    /// Brings what one channel has to bring, for ever.
    pub(crate) fn bring(&self, channel: ChannelId, name: &str) {
        loop {
            sleep(LOOK);
            let to = self.bring_to.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(to) = to else { continue };
            for parcel in self.parcels(channel) {
                let brought = self.wrap(&parcel).and_then(|message| match message {
                    Some(bytes) => self.call_back(&to, channel, name, &bytes),
                    // Of what the protocol has no message for, whoever wants to know has to ask.
                    None => Ok(true),
                });
                let kept = match brought {
                    Ok(true) => self.taken(&parcel),
                    // Nobody is there, or it is not durable there yet: it is brought again.
                    Ok(false) => {
                        self.count("brought in vain");
                        break;
                    }
                    Err(error) => Err(error),
                };
                if let Err(error) = kept {
                    eprintln!("issuers: {error}");
                    break;
                }
            }
        }
    }

    /// Brings one message to the asker's door; whether it was acknowledged as its protocol says.
    fn call_back(&self, to: &str, channel: ChannelId, name: &str, message: &[u8]) -> io::Result<bool> {
        let enveloped = self.world().takes_envelopes(channel);
        let (path, lines, body) = match Envelope::read(message) {
            Ok(callback) if enveloped => {
                let line = |(name, value): (&str, &str)| format!("{name}: {value}\r\n");
                let lines: String = callback.lines().map(line).collect();
                let path =
                    callback.first.strip_prefix("POST ").ok_or_else(|| io::Error::other("no callback"))?;
                (path.to_string(), lines, callback.body)
            }
            _ => (format!("/{name}/"), String::new(), message),
        };
        let ask = |body: &[u8]| ask_with(to, "POST", &path, &lines, body);
        let prank = self.pranks.iter().find(|(_, share)| self.dice.roll(1_000_000) < *share);
        let prank = prank.map(|(prank, _)| *prank).filter(|_| enveloped);
        let place = usize::try_from(self.dice.roll(1 << 16)).unwrap_or(0);
        if let Some(spoilt) = prank.and_then(|prank| prank.spoil(body, place)) {
            match ask(&spoilt) {
                Err(error) if error.to_string().contains(" 400 ") => self.count("refused callbacks"),
                Err(_) => {}
                Ok(_) => self.count("believed forgeries"),
            }
        }
        if let Some(prank) = prank {
            self.count(prank.name());
        }
        let Ok(answer) = ask(body) else { return Ok(false) };
        if !self.world().is_acknowledgement(channel, &answer) {
            return Ok(false);
        }
        self.count(if enveloped { "acknowledged callbacks" } else { "brought" });
        if prank == Some(Prank::Twice) {
            let again = ask(body).is_ok_and(|answer| self.world().is_acknowledgement(channel, &answer));
            self.count(if again { "acknowledged again" } else { "not acknowledged again" });
        }
        Ok(true)
    }

    /// What a channel has to bring.
    pub(crate) fn parcels(&self, channel: ChannelId) -> Vec<Parcel> {
        self.world().parcels(channel, now())
    }

    /// The message of a parcel; `None` where the protocol has none.
    pub(crate) fn wrap(&self, parcel: &Parcel) -> io::Result<Option<Vec<u8>>> {
        self.world().wrap(parcel, now()).map_err(io::Error::other)
    }

    /// A parcel need not be brought again.
    pub(crate) fn taken(&self, parcel: &Parcel) -> io::Result<()> {
        self.world().taken(parcel, now()).map_err(io::Error::other)
    }

    /// A file is taken up, and what it asks is done; whether it could be read.
    pub(crate) fn take_file(&self, channel: ChannelId, file: &[u8]) -> io::Result<bool> {
        let mut world = self.world();
        let Ok(visit) = world.visit(channel, file, now()) else {
            self.count("unreadable");
            return Ok(false);
        };
        self.count("taken files");
        world.take(&visit, 0, now()).map_err(io::Error::other)?;
        Ok(true)
    }

    /// What happened, as one JSON object.
    pub(crate) fn report(&self) -> String {
        let oracle = self.world().oracle();
        let totals = |totals: BTreeMap<(&str, scrip::money::Currency), i128>| {
            let total = |((name, currency), minor): ((&str, scrip::money::Currency), i128)| {
                format!("\"{name} {}\":{minor}", currency.alpha())
            };
            totals.into_iter().map(total).collect::<Vec<_>>().join(",")
        };
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts: Vec<String> = counts.iter().map(|(what, times)| format!("\"{what}\":{times}")).collect();
        format!(
            "{{\"debited_minor\":{{{}}},\"paid_minor\":{{{}}},\"twice\":{},\"unbacked\":{},\"unpaid\":{},\"bank\":{},\"counts\":{{{}}}}}\n",
            totals(oracle.debit_totals()),
            totals(oracle.payout_totals()),
            oracle.twice().len(),
            oracle.unbacked().len(),
            oracle.unpaid().len(),
            self.bank.as_ref().map_or_else(|| "null".to_string(), |bank| bank.report()),
            counts.join(",")
        )
    }

    /// The channels with their names.
    pub(crate) fn channels(&self) -> &[(ChannelId, String)] {
        &self.channels
    }
}
