//! The issuers and rails by channel, and what they do with a message that reached them.

use super::SimError;
use super::book::{IssuerBook, Order};
use super::config::{FileTimes, Pace, RAIL_LATENCY_MS, SimConfig, is_file_name};
use super::entry::{Entry, Notice};
use super::fault::{Fault, Faults, draw, within};
use super::ledger::{Ledger, io_error};
use super::odd::{Odd, Oddity, Who, foreign};
use super::oracle::Oracle;
use super::outage::Outage;
use super::rail::RailBook;
use crate::adapters::served::Asked;
use crate::adapters::{AdapterError, FarEnd, Told};
use crate::base::{Text, Wall};
use crate::engine::ChannelId;
use crate::issuer::{Answer, Decline, OpKind, Outcome, Reference, Timing};
use crate::money::{Amount, Currency};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::string::String;
use std::vec::Vec;

/// How long after a pay-out a silent rail speaks, if it ever does.
const SILENCE_MS: i64 = 2 * 86_400_000;

/// How long after it was made a pay-out comes back.
const RETURN_MS: i64 = 86_400_000;

enum Book {
    Issuer(IssuerBook, Pace),
    Rail(RailBook),
}

struct Channel {
    name: String,
    book: Book,
    timing: Timing,
    batch_max: usize,
    sites: usize,
}

/// All issuers and rails, with their ledgers. Channels are numbered as the engine numbers them:
/// the issuers by name, then the rails by name.
pub struct SimWorld {
    channels: Vec<Channel>,
    faults: Faults,
    outages: u64,
    seed: u64,
    file: FileTimes,
    later_ms: RangeInclusive<i64>,
}

/// What came of a message at its addressee.
pub(super) struct Served {
    /// What is replied at once; a file issuer does not reply.
    pub(super) reply: Option<Vec<u8>>,
    /// When there will be something to bring.
    pub(super) due: Vec<Wall>,
}

impl SimWorld {
    /// Opens every ledger, and makes the folder if need be.
    ///
    /// # Errors
    /// [`SimError`]: a name that cannot be a file's or is given twice, a key that is none, a
    /// folder or ledger that cannot be read or written.
    pub fn open(config: &SimConfig) -> Result<Self, SimError> {
        let dir = config.dir.as_deref();
        if let Some(dir) = dir {
            std::fs::create_dir_all(dir).map_err(|error| io_error(dir, &error))?;
        }
        let mut issuers: Vec<_> = config.issuers.iter().collect();
        issuers.sort_by(|a, b| a.profile.name.cmp(&b.profile.name));
        let mut rails: Vec<_> = config.rails.iter().collect();
        rails.sort_by(|a, b| a.profile.name.cmp(&b.profile.name));
        let names = issuers.iter().map(|issuer| &issuer.profile.name);
        let mut seen: Vec<&String> = Vec::new();
        for name in names.chain(rails.iter().map(|rail| &rail.profile.name)) {
            if !is_file_name(name) || seen.contains(&name) {
                return Err(SimError::Name(name.clone()));
            }
            seen.push(name);
        }
        let mut channels = Vec::new();
        for issuer in issuers {
            let book = IssuerBook::open(issuer, config.cards.as_deref(), dir)?;
            channels.push(Channel {
                name: issuer.profile.name.clone(),
                book: Book::Issuer(book, issuer.pace),
                timing: issuer.profile.timing.clone(),
                batch_max: issuer.profile.batch_max,
                sites: issuer.profile.endpoints.len(),
            });
        }
        for rail in rails {
            let name = rail.profile.name.clone();
            let (book, timing) = (Book::Rail(RailBook::open(rail, dir)?), rail.profile.timing.clone());
            channels.push(Channel { name, book, timing, batch_max: 1, sites: 1 });
        }
        Ok(Self {
            channels,
            faults: config.faults,
            outages: config.outages,
            seed: config.seed,
            file: config.file,
            later_ms: config.later_ms.clone(),
        })
    }

    /// The channel of the issuer or rail with this name.
    pub fn channel(&self, name: &str) -> Option<ChannelId> {
        let place = self.channels.iter().position(|channel| channel.name == name)?;
        Some(ChannelId(u16::try_from(place).ok()?))
    }

    /// The book of the issuer with this name, to look at or to meddle with in a test.
    pub fn issuer(&mut self, name: &str) -> Option<&mut IssuerBook> {
        self.channels.iter_mut().find(|channel| channel.name == name).and_then(|channel| {
            match &mut channel.book {
                Book::Issuer(book, _) => Some(book),
                Book::Rail(_) => None,
            }
        })
    }

    /// What really happened so far.
    pub fn oracle(&self) -> Oracle {
        let mut oracle = Oracle::default();
        for channel in &self.channels {
            oracle.take(&channel.name, channel.ledger().lines());
        }
        oracle
    }

    /// The latest time that any ledger knows.
    pub(super) fn latest(&self) -> Option<Wall> {
        self.channels.iter().filter_map(|channel| channel.ledger().latest()).max()
    }

    /// The reply to a request that asks for nothing of a card: a sign-in, or one whose token has
    /// ended. To be asked before a request is read.
    pub fn session(&self, id: ChannelId, bytes: &[u8], at: Wall) -> Option<Vec<u8>> {
        self.at(id)?.far_end().session(bytes, at)
    }

    pub(super) fn read(&self, id: ChannelId, bytes: &[u8], at: Wall) -> Result<Vec<Asked>, AdapterError> {
        self.at(id).map_or(Ok(Vec::new()), |channel| channel.far_end().read(bytes, at))
    }

    /// Whether messages of this channel are [envelopes](crate::codec::envelope).
    pub(super) fn enveloped(&self, id: ChannelId) -> bool {
        self.at(id).is_some_and(|channel| channel.far_end().enveloped())
    }

    /// Whether this acknowledges a message of the channel.
    pub(super) fn acknowledges(&self, id: ChannelId, bytes: &[u8]) -> bool {
        self.at(id).is_some_and(|channel| channel.far_end().is_acknowledgement(bytes))
    }

    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    /// How its channel behaves in time; `None` for a channel that is not there.
    pub(super) fn timing(&self, id: ChannelId) -> Option<&Timing> {
        self.at(id).map(|channel| &channel.timing)
    }

    /// How many answers of this channel are brought together.
    pub(super) fn at_once(&self, id: ChannelId) -> usize {
        self.at(id).map_or(1, |channel| channel.batch_max.max(1))
    }

    pub(super) fn fault(&self, asked: &Asked) -> Option<Fault> {
        self.faults.fault(self.seed, asked.reference, asked.kind, asked.attempt)
    }

    /// How the site to which this is sent is down. Of an issuer with one site it never is.
    pub(super) fn outage(&self, id: ChannelId, site: u32, asked: &Asked, at: Wall) -> Option<Outage> {
        let channel = self.at(id).filter(|channel| channel.sites > 1)?;
        Outage::at(self.seed, self.outages, &channel.name, site, at, asked.attempt)
    }

    /// A number in `range` that depends on the operation and its attempt only.
    pub(super) fn draw(&self, what: &str, asked: &Asked, range: &RangeInclusive<i64>) -> i64 {
        within(draw(self.seed, what, asked.reference, asked.kind, asked.attempt), range)
    }

    /// From the request's leaving to the answer's arriving, in milliseconds.
    pub(super) fn latency_ms(&self, id: ChannelId, asked: &Asked) -> i64 {
        let range = match self.at(id).map(|channel| &channel.book) {
            Some(Book::Issuer(_, pace)) => pace.latency_ms(),
            _ => RAIL_LATENCY_MS,
        };
        self.draw("latency", asked, &range)
    }

    /// Lets the addressee do what is asked, and tells its reply. `fault` is the whole
    /// message's; what a file issuer gets wrong in its answers is drawn line by line.
    pub(super) fn serve(
        &mut self,
        id: ChannelId,
        site: u32,
        asked: &[Asked],
        at: Wall,
        odd: Odd,
    ) -> Result<Served, SimError> {
        let oddities: Vec<_> = asked.iter().map(|asked| self.oddity(id, asked, odd)).collect();
        let faults: Vec<_> = asked.iter().map(|asked| self.fault(asked)).collect();
        let waits: Vec<_> = asked.iter().map(|asked| self.draw("pending", asked, &self.later_ms)).collect();
        let file = self.file;
        let Some(channel) = self.channels.get_mut(usize::from(id.0)) else {
            return Ok(Served { reply: None, due: Vec::new() });
        };
        let (mut told, mut owed, mut mute) = (Vec::new(), Vec::new(), false);
        for (((asked, fault), wait), oddity) in asked.iter().zip(faults).zip(waits).zip(oddities) {
            let Asked { kind, reference, .. } = *asked;
            let notice = |due| Notice { due, kind, reference, site };
            let repeat = channel.knows(reference, site);
            let mut outcome = channel.serve_oddly(site, asked, (fault, oddity), at)?;
            outcome = match oddity {
                Some(Oddity::Foreign) => foreign(asked, outcome),
                Some(Oddity::Duplicate) if repeat => Outcome::Duplicate(Text::new("again").expect("short")),
                _ => outcome,
            };
            if oddity == Some(Oddity::Silent) {
                mute = true;
                // Half of them speak at last.
                if kind == OpKind::Pay && asked.attempt == 1 && wait % 2 == 0 {
                    owed.push(Entry::Owed { notice: notice(at.plus(SILENCE_MS + wait)) });
                }
                continue;
            }
            if oddity == Some(Oddity::Forgets) {
                told.push(Told { asked: asked.clone(), answer: Answer { kind, outcome, by_file: false } });
                continue;
            }
            let due = file.due(at);
            match (&channel.book, fault) {
                (Book::Issuer(_, Pace::File), _) if !brought_by_file(kind) => {}
                (Book::Issuer(_, Pace::File), fault) => owed.extend(
                    match fault {
                        Some(Fault::AnswerLost | Fault::Garbage) => [None, None],
                        Some(Fault::AnswerLate) => [Some(due.plus(file.delay_ms)), None],
                        Some(Fault::AnswerDoubled) => [Some(due), Some(due.plus(file.window_ms))],
                        _ => [Some(due), None],
                    }
                    .into_iter()
                    .flatten()
                    .map(|due| Entry::Owed { notice: notice(due) }),
                ),
                (_, Some(Fault::Pending)) => {
                    outcome = Outcome::Pending;
                    owed.push(Entry::Owed { notice: notice(at.plus(wait)) });
                }
                (Book::Rail(_), Some(Fault::PayoutReturned)) if matches!(outcome, Outcome::Accepted(_)) => {
                    let soon = odd.hasty && wait % 2 == 0;
                    let back_ms = if soon { wait / 10 } else { RETURN_MS };
                    owed.push(Entry::ReturnDue { notice: notice(at.plus(back_ms)) });
                }
                _ => {}
            }
            let answer = Answer { kind, outcome, by_file: false };
            let one = Told { asked: asked.clone(), answer };
            if !matches!(channel.book, Book::Issuer(_, Pace::File)) && channel.far_end().owes(&one, at) {
                owed.push(Entry::Owed { notice: notice(at.plus(wait)) });
            }
            told.push(one);
        }
        let due = owed.iter().filter_map(|entry| match entry {
            Entry::Owed { notice } | Entry::ReturnDue { notice } => Some(notice.due),
            _ => None,
        });
        // One time for all that is brought together.
        let due = due.collect::<BTreeSet<Wall>>().into_iter().collect();
        channel.keep(at, owed)?;
        let online = !matches!(channel.book, Book::Issuer(_, Pace::File));
        let reply = (online && !mute).then(|| channel.far_end().reply(&told, at)).flatten();
        Ok(Served { reply, due })
    }

    /// The name of a channel.
    pub(super) fn name_of(&self, id: ChannelId) -> Option<String> {
        self.at(id).map(|channel| channel.name.clone())
    }

    /// What is odd about the answer to this sending.
    pub(super) fn oddity(&self, id: ChannelId, asked: &Asked, odd: Odd) -> Option<Oddity> {
        let who = self.at(id).map_or(Who::Online, Channel::who);
        odd.of(self.seed, who, asked, self.fault(asked))
    }

    /// Undoes a debit as an issuer does that finds out later that it was none, or makes one that was
    /// refused: the message that says so, if there is anything to correct.
    pub(super) fn correct(
        &mut self,
        issuer: &str,
        reference: Reference,
        at: Wall,
    ) -> Result<Option<(ChannelId, Vec<u8>)>, SimError> {
        let Some(id) = self.channel(issuer) else { return Ok(None) };
        let Some(channel) = self.channels.get_mut(usize::from(id.0)) else { return Ok(None) };
        let Book::Issuer(book, _) = &mut channel.book else { return Ok(None) };
        let outcome = if book.take_back(reference, at)? {
            Outcome::Declined(Decline::Refused)
        } else if book.make_good(reference, at)? {
            book.query(reference, 0)
        } else {
            return Ok(None);
        };
        let answer = Answer { kind: OpKind::Redeem, outcome, by_file: true };
        let bytes = channel.far_end().news(&[of_old(reference, answer)], at);
        Ok(bytes.map(|bytes| (id, bytes)))
    }

    /// At which times something is still to be brought on which channel.
    pub(super) fn owed(&self) -> BTreeSet<(ChannelId, Wall)> {
        let channels = (0..).map(ChannelId).zip(&self.channels);
        channels
            .flat_map(|(id, channel)| channel.ledger().owed().keys().map(move |notice| (id, notice.due)))
            .collect()
    }

    /// What is to be brought on a channel by `at`.
    pub(super) fn due(&self, id: ChannelId, at: Wall) -> Vec<Notice> {
        let owed = self.at(id).map(|channel| channel.ledger().owed().keys());
        owed.into_iter().flatten().copied().take_while(|notice| notice.due <= at).collect()
    }

    /// Makes the message that brings `notices`, as things stand at `at`; `None` where the
    /// protocol has none, and they have to be asked for.
    pub(super) fn bring(
        &mut self,
        id: ChannelId,
        notices: &[Notice],
        at: Wall,
        odd: Odd,
    ) -> Result<Option<Vec<u8>>, SimError> {
        let seed = self.seed;
        let Some(channel) = self.channels.get_mut(usize::from(id.0)) else { return Ok(None) };
        let mut told = Vec::new();
        for notice in notices {
            let Notice { due, kind, reference, site } = *notice;
            let returns = channel.ledger().owed().get(notice).copied().unwrap_or(false);
            let (outcome, by_file) = match &mut channel.book {
                Book::Issuer(book, pace) => {
                    let outcome = match kind {
                        OpKind::Reverse => book.reversal(reference, site),
                        _ => book.query(reference, site),
                    };
                    (outcome, *pace == Pace::File)
                }
                Book::Rail(book) if returns => (book.give_back(reference, at)?, false),
                Book::Rail(book) => (book.query(reference), false),
            };
            let attempt = u32::try_from(due.0.rem_euclid(1_000_003)).unwrap_or(0);
            let says = draw(seed, "odd file", reference, kind, attempt) % 4_000 < odd.duplicate;
            let outcome = match says && kind == OpKind::Redeem && by_file {
                true => Outcome::Duplicate(Text::new("again").expect("it is short")),
                false => outcome,
            };
            told.push(of_old(reference, Answer { kind, outcome, by_file }));
        }
        Ok(channel.far_end().news(&told, at))
    }

    /// Notes that `notices` need not be brought again.
    pub(super) fn acknowledge(
        &mut self,
        id: ChannelId,
        notices: &[Notice],
        at: Wall,
    ) -> Result<(), SimError> {
        let entries = notices.iter().map(|notice| Entry::Acknowledged { notice: *notice }).collect();
        self.channels.get_mut(usize::from(id.0)).map_or(Ok(()), |channel| channel.keep(at, entries))
    }

    fn at(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.get(usize::from(id.0))
    }
}

/// News of something that was asked long ago: of the question no more is known than its reference.
fn of_old(reference: Reference, answer: Answer) -> Told {
    let amount = match &answer.outcome {
        Outcome::Accepted(accepted) | Outcome::Partial(accepted) => accepted.amount,
        _ => Amount::new(0, Currency::CNY),
    };
    let kind = answer.kind;
    let asked = Asked { kind, reference, product: None, payee: None, amount, attempt: 1, card: None };
    Told { asked, answer }
}

/// What a file issuer takes: it has no inquiries before the debit.
const fn brought_by_file(kind: OpKind) -> bool {
    matches!(kind, OpKind::Redeem | OpKind::Query | OpKind::Reverse | OpKind::Receipt)
}

impl Channel {
    fn ledger(&self) -> &Ledger {
        match &self.book {
            Book::Issuer(book, _) => book.kept(),
            Book::Rail(book) => book.kept(),
        }
    }

    fn far_end(&self) -> &dyn FarEnd {
        match &self.book {
            Book::Issuer(book, _) => book.far_end(),
            Book::Rail(book) => book.far_end(),
        }
    }

    fn keep(&mut self, at: Wall, entries: Vec<Entry>) -> Result<(), SimError> {
        if entries.is_empty() {
            return Ok(());
        }
        match &mut self.book {
            Book::Issuer(book, _) => book.ledger().append(at, entries),
            Book::Rail(book) => book.ledger().append(at, entries),
        }
    }

    /// Whether an issuer has heard of the reference.
    fn knows(&self, reference: Reference, site: u32) -> bool {
        match &self.book {
            Book::Issuer(book, _) => book.recognises() && book.query(reference, site) != Outcome::NotFound,
            Book::Rail(_) => false,
        }
    }

    const fn who(&self) -> Who {
        match &self.book {
            Book::Issuer(_, Pace::File) => Who::ByFile,
            Book::Issuer(..) => Who::Online,
            Book::Rail(_) => Who::Rail,
        }
    }

    /// Does what is asked, or something else.
    fn serve_oddly(
        &mut self,
        site: u32,
        asked: &Asked,
        (fault, oddity): (Option<Fault>, Option<Oddity>),
        at: Wall,
    ) -> Result<Outcome, SimError> {
        let card = asked.card.as_ref().map(|card| card.data());
        match (oddity, &mut self.book, &asked.product, card) {
            (Some(Oddity::Forgets | Oddity::Later), ..) => return Ok(Outcome::Pending),
            (Some(Oddity::RefusesUndo), ..) => return Ok(Outcome::ReversalRefused),
            (Some(Oddity::Partial), Book::Issuer(book, _), Some(product), Some(card)) => {
                let (reference, amount) = (asked.reference, asked.amount);
                return book.debit_part(&Order { reference, site, product, card, amount }, at);
            }
            // It pays every other one of those of which it never speaks.
            (Some(Oddity::Silent), Book::Rail(_), ..) if asked.reference.redemption.0[0] % 2 == 0 => {
                return Ok(Outcome::NotFound);
            }
            _ => {}
        }
        // A repeat may have been approved meanwhile: what somebody has heard of stays.
        let first = !self.knows(asked.reference, site);
        let outcome = self.serve(site, asked, fault, at)?;
        if let (Some(Oddity::Undoes), true, Book::Issuer(book, _)) = (oddity, first, &mut self.book) {
            book.take_back_at(asked.reference, site, at)?;
        }
        Ok(outcome)
    }

    fn serve(
        &mut self,
        site: u32,
        asked: &Asked,
        fault: Option<Fault>,
        at: Wall,
    ) -> Result<Outcome, SimError> {
        let Asked { kind, reference, amount, .. } = *asked;
        let card = asked.card.as_ref().map(|card| card.data());
        match (&mut self.book, kind, &asked.product, card, &asked.payee) {
            (Book::Issuer(_, Pace::File), OpKind::Balance | OpKind::PinCheck, ..) => {
                Ok(Outcome::Declined(Decline::Refused))
            }
            (Book::Issuer(book, _), OpKind::Balance | OpKind::PinCheck, Some(product), Some(card), _) => {
                book.balance(product, card, amount, at)
            }
            (Book::Issuer(book, _), OpKind::Redeem, Some(product), Some(card), _) => {
                book.debit(&Order { reference, site, product, card, amount }, at)
            }
            (Book::Issuer(book, _), OpKind::Query, ..) => Ok(book.query(reference, site)),
            (Book::Issuer(book, _), OpKind::Reverse, ..) => book.reverse(reference, site, at),
            (Book::Issuer(book, _), OpKind::Receipt, ..) => book.receipt(reference, site, at),
            (Book::Rail(book), OpKind::Pay, _, _, Some(payee)) => {
                let refuse = (fault == Some(Fault::PayeeRefused)).then_some(Decline::PayeeInvalid);
                book.pay(reference, payee, amount, refuse, at)
            }
            (Book::Rail(book), OpKind::PayQuery, ..) => Ok(book.query(reference)),
            _ => Ok(Outcome::Declined(Decline::FormatInvalid)),
        }
    }
}
