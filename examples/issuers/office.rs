//! Serves requests out of the issuers' books, and brings what is to be brought.

use crate::ask::ask;
use crate::bank::Desk;
use crate::http::{Asked, Conversation};
use crate::trouble::Trouble;
use scrip::base::Wall;
use scrip::codec::envelope::{self, Envelope};
use scrip::engine::ChannelId;
use scrip::sim::{Faults, SimError, SimWorld, Visit};
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
/// A thread that serves one connection needs little.
const STACK: usize = 512 * 1_024;

/// The issuers and the rail behind their doors.
pub(crate) struct Office {
    world: Mutex<SimWorld>,
    channels: Vec<(ChannelId, String)>,
    ledgers: PathBuf,
    level: Faults,
    troubles: Vec<(Trouble, u64)>,
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
    pub(crate) fn new(
        world: SimWorld,
        ledgers: PathBuf,
        level: Faults,
        troubles: Vec<(Trouble, u64)>,
        bank: Option<Arc<Desk>>,
    ) -> Arc<Self> {
        let channels = world.channels();
        let (world, bring_to, counts) = (Mutex::new(world), Mutex::default(), Mutex::default());
        Arc::new(Self { world, channels, ledgers, level, troubles, bank, bring_to, counts })
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

    fn channel(&self, name: &str) -> Option<ChannelId> {
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
        let visit = self.world().visit(channel, wrapped.as_ref().unwrap_or(&asked.body), now());
        let Ok(visit) = visit else {
            self.count("unreadable");
            talk.answer("401 Unauthorized", b"{\"error\":\"signature\"}")?;
            return Ok(true);
        };
        self.count("asked");
        let trouble = Trouble::of(&visit, self.level, &self.troubles);
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
                self.say(talk, &visit, trouble, &status, Some(body))
            }
            Ok(reply) => self.say(talk, &visit, trouble, "200 OK", reply),
            Err(error) => {
                // Whoever cannot write it down has not done it.
                eprintln!("issuers: {error}");
                Ok(false)
            }
        }
    }

    /// Says, or does not say, what was done.
    fn say(
        &self,
        talk: &mut Conversation,
        visit: &Visit,
        trouble: Option<Trouble>,
        ok: &str,
        reply: Option<Vec<u8>>,
    ) -> io::Result<bool> {
        let Some(mut reply) = reply.filter(|_| trouble != Some(Trouble::Maintenance)) else {
            match trouble {
                Some(Trouble::Maintenance) => talk.answer("503 Service Unavailable", CLOSED)?,
                Some(Trouble::LostRequest) => talk.be_silent(visit.beyond_ms),
                Some(Trouble::ResetAfter) => return Ok(false),
                // A file that was taken is answered by a file.
                _ => talk.answer("202 Accepted", b"")?,
            }
            return Ok(trouble != Some(Trouble::LostRequest));
        };
        match trouble {
            Some(Trouble::ResetAfter) => return Ok(false),
            Some(Trouble::LostAnswer | Trouble::LateRequest) => {
                talk.be_silent(visit.beyond_ms);
                return Ok(false);
            }
            Some(Trouble::LateAnswer) => {
                wait(visit.beyond_ms);
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
            if self.world().takes_envelopes(channel) {
                // They call nobody back here: they are asked.
                continue;
            }
            let parcels = self.world().parcels(channel, now());
            for parcel in parcels {
                let wrapped = self.world().wrap(&parcel, now());
                let ask = |bytes: Vec<u8>| ask(&to, "POST", &format!("/{name}/"), &bytes).map(drop);
                // Of what the protocol has no message for, whoever wants to know has to ask.
                let brought = wrapped.map(|bytes| bytes.map_or(Ok(()), ask));
                let kept: Result<(), SimError> = match brought {
                    Ok(Ok(())) => {
                        self.count("brought");
                        self.world().taken(&parcel, now())
                    }
                    // Nobody is there, or it is not durable there yet: it is brought again.
                    Ok(Err(_)) => {
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

    /// What happened, as one JSON object.
    fn report(&self) -> String {
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
