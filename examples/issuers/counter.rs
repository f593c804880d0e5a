//! The counter of an issuer that goes by files: takes files out of one folder, and lays its result
//! files into another.
//!
//! | folder | holds |
//! |---|---|
//! | `out` | what the issuer is to take up |
//! | `result` | what it answers |
//! | `issuer/taken`, `issuer/refused` | what it has taken up, and what it could not read |

use crate::atomic::AtomicFile;
use crate::dice::Dice;
use crate::mishap::Mishap;
use crate::office::{Office, now};
use scrip::adapters::batch::{Balance, BatchServer, BatchTerms, enveloped};
use scrip::base::{Hasher, RedemptionId, Secret, Text};
use scrip::codec::envelope::Envelope;
use scrip::engine::ChannelId;
use scrip::issuer::{Accepted, Answer, CardData, OpKind, Outcome, Reference};
use scrip::money::{Amount, Currency};
use scrip::sim::{CardStatus, Parcel, SimCard};
use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often is looked for files to take up and to lay down.
const LOOK: Duration = Duration::from_millis(50);
/// A late file comes after hurried askers have stopped waiting for it.
const LATE: Duration = Duration::from_millis(12_000);

/// The counter of one issuer.
pub(crate) struct Counter {
    office: Arc<Office>,
    channel: ChannelId,
    terms: BatchTerms,
    server: BatchServer,
    dir: PathBuf,
    mishaps: Vec<(Mishap, u64)>,
    dice: Dice,
    /// Whose row something went wrong with: it does not again.
    met: BTreeSet<Reference>,
    /// Nothing is laid down before.
    closed_until: Option<Instant>,
    /// What will be laid down once more when it has been taken up.
    again: Vec<(String, Vec<u8>)>,
    foreign_made: u8,
}

/// A result file.
struct ResultFile {
    name: String,
    digest: String,
    body: Vec<u8>,
}

impl ResultFile {
    fn of(envelope: &[u8]) -> io::Result<Self> {
        let file = Envelope::read(envelope).map_err(|_| io::Error::other("no file"))?;
        let (name, body) = (file.first.to_string(), file.body.to_vec());
        Ok(Self::new(name, body))
    }

    fn new(name: String, body: Vec<u8>) -> Self {
        Self { digest: Hasher::new().with(&body).finish().to_string(), name, body }
    }
}

impl Counter {
    /// A counter at the folder `dir` for the channel with this name and key.
    pub(crate) fn new(
        office: &Arc<Office>,
        (channel, terms, key): (ChannelId, BatchTerms, &Secret),
        dir: PathBuf,
        mishaps: Vec<(Mishap, u64)>,
        seed: u64,
    ) -> Result<Self, Box<dyn Error>> {
        for folder in ["out", "result", "issuer/taken", "issuer/refused"] {
            fs::create_dir_all(dir.join(folder))?;
        }
        let server = BatchServer::new(terms.clone(), terms.wants_key().then(|| key.clone()))?;
        Ok(Self {
            office: Arc::clone(office),
            channel,
            terms,
            server,
            dir,
            mishaps,
            dice: Dice::new(seed),
            met: BTreeSet::new(),
            closed_until: None,
            again: Vec::new(),
            foreign_made: 0,
        })
    }

    /// Lays down what is on those of these cards that are good.
    pub(crate) fn list<'a>(&self, cards: impl Iterator<Item = &'a SimCard>) -> Result<(), Box<dyn Error>> {
        let mut rows = Vec::new();
        for card in cards.filter(|card| card.status == CardStatus::Active) {
            let Some(number) = &card.number else { continue };
            let card_number = std::str::from_utf8(number.expose())?;
            rows.push(Balance { product: &card.product, card: card_number, balance: card.balance });
        }
        let file = self.server.write_balances(&self.server.numbered_by_time(now()), &rows)?;
        let name = String::from_utf8_lossy(&file.head).into_owned();
        Ok(self.lay(&ResultFile::new(name, file.body.clone()))?)
    }

    /// Works for ever.
    pub(crate) fn work(mut self) {
        loop {
            sleep(LOOK);
            if let Err(error) = self.take_up().and_then(|()| self.lay_down()) {
                eprintln!("issuers: {}: {error}", self.dir.display());
            }
        }
    }

    fn suffixes(&self) -> Vec<String> {
        let delivery = self.terms.delivery();
        [&delivery.flag_suffix, &delivery.digest_suffix].into_iter().flatten().cloned().collect()
    }

    /// Takes every file beside which lies what belongs there.
    fn take_up(&mut self) -> io::Result<()> {
        let out = self.dir.join("out");
        let suffixes = self.suffixes();
        let mut names: Vec<String> = fs::read_dir(&out)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !suffixes.iter().any(|suffix| name.ends_with(suffix.as_str())))
            .collect();
        names.sort();
        for name in names {
            let beside = |suffix: &String| out.join(format!("{name}{suffix}"));
            if !suffixes.iter().all(|suffix| beside(suffix).exists()) {
                continue;
            }
            let body = fs::read(out.join(&name))?;
            let digest = match &self.terms.delivery().digest_suffix {
                Some(suffix) => Some(fs::read_to_string(beside(suffix))?),
                None => None,
            };
            let file = enveloped(&name, digest.as_deref().map(str::trim), &body);
            let folder = match self.office.take_file(self.channel, &file)? {
                true => "issuer/taken",
                false => "issuer/refused",
            };
            // What was debited is in the books. Whoever is ended here takes the file up again, and
            // knows its debits.
            for suffix in [String::new()].iter().chain(&suffixes) {
                fs::rename(beside(suffix), self.dir.join(folder).join(format!("{name}{suffix}")))?;
            }
        }
        Ok(())
    }

    /// Lays down what is due.
    fn lay_down(&mut self) -> io::Result<()> {
        let result = self.dir.join("result");
        let laid = |(name, _): &(String, Vec<u8>)| result.join(name).exists();
        let (waiting, again): (Vec<_>, Vec<_>) = std::mem::take(&mut self.again).into_iter().partition(laid);
        self.again = waiting;
        for (name, body) in again {
            self.lay(&ResultFile::new(name, body))?;
        }
        if self.closed_until.is_some_and(|until| Instant::now() < until) {
            return Ok(());
        }
        self.closed_until = None;
        for parcel in self.office.parcels(self.channel) {
            let mishap = self.mishap(&parcel);
            if let Some(mishap) = mishap {
                self.office.count(mishap.name());
                self.met.extend(parcel.references());
            }
            if mishap == Some(Mishap::Late) {
                self.closed_until = Some(Instant::now() + LATE);
                return Ok(());
            }
            self.answer(&parcel, mishap)?;
        }
        Ok(())
    }

    fn mishap(&self, parcel: &Parcel) -> Option<Mishap> {
        if parcel.references().any(|reference| self.met.contains(&reference)) {
            return None;
        }
        let mut all = self.mishaps.iter();
        all.find(|(_, share)| self.dice.roll(1_000_000) < *share).map(|(mishap, _)| *mishap)
    }

    fn answer(&mut self, parcel: &Parcel, mishap: Option<Mishap>) -> io::Result<()> {
        let half = parcel.first_half();
        let parcel = if mishap == Some(Mishap::Partial) { &half } else { parcel };
        let Some(file) = self.office.wrap(parcel)? else {
            return Err(io::Error::other("the terms have no words for an answer"));
        };
        let mut file = ResultFile::of(&file)?;
        match mishap {
            Some(Mishap::Never) => return self.office.taken(parcel),
            Some(Mishap::Truncated) => {
                // No more than its rows: their digest is right.
                return self.lay(&ResultFile::new(file.name, Mishap::Truncated.spoil(&file.body)));
            }
            Some(Mishap::WrongDigest) => {
                file.digest = Hasher::new().with(b"another file").finish().to_string();
                return self.lay(&file);
            }
            Some(Mishap::Reordered) => file = ResultFile::new(file.name, Mishap::Reordered.spoil(&file.body)),
            Some(Mishap::Resent) => self.again.push((file.name.clone(), file.body.clone())),
            Some(Mishap::Foreign) => self.lay_foreign()?,
            _ => {}
        }
        self.lay(&file)?;
        match mishap {
            Some(Mishap::Repeated) => Ok(()),
            _ => self.office.taken(parcel),
        }
    }

    /// A file about what others have redeemed, and one that only bears a name.
    fn lay_foreign(&mut self) -> io::Result<()> {
        let answers: Vec<(Reference, Answer)> = (0..3)
            .map(|place| {
                self.foreign_made = self.foreign_made.wrapping_add(1);
                let reference = Reference::debit(RedemptionId([self.foreign_made; 16]));
                let card =
                    self.server.card_tag(CardData { number: Some(b"9000000000000"), secret: b"000000" });
                let accepted = Accepted {
                    reference: Text::new(&format!("F{place}")).expect("it is short"),
                    amount: Amount::new(10_000, Currency::CNY),
                    card,
                    generation: None,
                };
                let outcome = Outcome::Accepted(accepted);
                (reference, Answer { kind: OpKind::Redeem, outcome, by_file: true })
            })
            .collect();
        // Its number is none that the clock still gives.
        let meta = self.server.numbered_by_time(now().plus(-60_000));
        let file = self.server.write(&meta, &answers).map_err(io::Error::other)?;
        let name = String::from_utf8_lossy(&file.head).into_owned();
        self.lay(&ResultFile::new(name, file.body.clone()))?;
        let meta = self.server.numbered_by_time(now().plus(-30_000));
        let file = self.server.write(&meta, &[]).map_err(io::Error::other)?;
        let name = String::from_utf8_lossy(&file.head).into_owned();
        self.lay(&ResultFile::new(name, b"PK\x03\x04 not a table\n".to_vec()))
    }

    /// The file, then its digest, and the flag last; each durable before the next.
    fn lay(&self, file: &ResultFile) -> io::Result<()> {
        let result = self.dir.join("result");
        put(&result, &file.name, &file.body)?;
        let delivery = self.terms.delivery();
        if let Some(suffix) = &delivery.digest_suffix {
            let line = format!("{}  {}\n", file.digest, file.name);
            put(&result, &format!("{}{suffix}", file.name), line.as_bytes())?;
        }
        if let Some(suffix) = &delivery.flag_suffix {
            put(&result, &format!("{}{suffix}", file.name), b"")?;
        }
        self.office.count("files");
        Ok(())
    }
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(dir, name)?;
    file.write_all(bytes)?;
    file.finish()
}
