//! Files: issuers that take debits by the file and answer by the file (日终文件), as equals of
//! those that answer online. What the files look like are terms, read from TOML ([`BatchTerms`]).
//!
//! A message's head is the name of the file, its body the file. Back come result files, in no
//! order and at no time: each as an [envelope](crate::codec::envelope) whose first line is the
//! file's name, with a line `digest: ...` for what stands in the digest beside it, and the file's
//! bytes behind. [`crate::host::FileDrop`] carries them so.
//!
//! A result file is checked as a whole before any of it counts: name, digest, form of every line,
//! count, sum and hash total. One that fails changes nothing, and [`Batch::check`] tells the line
//! and what was expected. Its rows are matched by our reference; one that is not ours is left
//! out. Each is an answer by file, so that a row is a row however often, in whatever order and
//! under whatever name it comes. A row that does not come is not known until the issuer's age
//! limit hands it to people. A later file that says otherwise is a correction.
//!
//! The number of the last file, and the numbers and digests of the result files that were taken,
//! lie in the channel's durable session: a file of a number that was taken with other content is
//! refused.

mod balances;
mod columns;
mod file;
mod name;
mod server;
mod session;
mod terms;

#[cfg(test)]
mod tests;

pub use crate::issuer::Balance;
pub use balances::Balances;
pub use file::{FileError, FileFault, Totals};
pub use server::{BatchServer, FileMeta, enveloped};
pub(super) use terms::RawTerms;
pub use terms::{BatchTerms, Delivery, TermsError};

use crate::adapters::signed_json::Channel;
use crate::adapters::{AdapterError, calendar, hex};
use crate::base::{Secret, Text, Wall};
use crate::issuer::{
    Accepted, Answer, CardData, CardTag, Cause, Context, DecodeError, EncodeError, Evidence, Issuer,
    IssuerProfile, Leg, Message, OpKind, Operation, Outcome, Recipe, Reference, Verify,
};
use crate::money::{Amount, Currency};
use crate::vault::Tally;
use alloc::string::String;
use alloc::vec::Vec;
use columns::Field;
use core::fmt::{self, Write};
use file::{Incoming, RowOf};
use name::Told;
use session::Session;
use terms::Status;
use zeroize::Zeroize as _;

/// The name under which profiles ask for this adapter.
pub const NAME: &str = "batch";

/// An issuer that takes and answers files.
pub struct Batch {
    profile: IssuerProfile,
    terms: BatchTerms,
    channel: Option<Channel>,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("issuer", &self.profile.name).finish_non_exhaustive()
    }
}

fn channel(terms: &BatchTerms, key: Option<Secret>) -> Result<Option<Channel>, AdapterError> {
    match (key, terms.wants_key()) {
        (Some(key), true) => Channel::new(key).map(Some),
        (None, false) => Ok(None),
        (None, true) => Err(AdapterError::Files { what: "sealed cards and card tags need a key" }),
        (Some(_), false) => Err(AdapterError::Files { what: "a key is for sealed cards and card tags" }),
    }
}

impl Batch {
    /// The adapter for one issuer. `key` is the channel's, 32 bytes, where cards are sealed or
    /// rows echo them.
    ///
    /// # Errors
    /// [`AdapterError::Files`] for a profile that no file issuer has, or a key too few or too
    /// many; [`AdapterError::KeyLength`].
    pub fn new(profile: IssuerProfile, terms: BatchTerms, key: Option<Secret>) -> Result<Self, AdapterError> {
        let wrong = |what| Err(AdapterError::Files { what });
        if profile.verify != Verify::None || profile.evidence != Evidence::File {
            return wrong("a file issuer has verify = \"none\" and evidence = \"file\"");
        }
        if profile.batch_window_ms == 0 || !matches!(profile.recipe, Recipe::File | Recipe::Repeat) {
            return wrong("a file issuer has batch_window_ms above 0 and recipe \"file\" or \"repeat\"");
        }
        if profile.can_reverse && !terms.operations.values().any(|kind| *kind == OpKind::Reverse) {
            return wrong("can_reverse needs a code for reverse among the operations");
        }
        if profile.echoes_card != terms.result.row.has(Field::Tag) {
            return wrong("echoes_card and a column for the card's tag go together");
        }
        let channel = channel(&terms, key)?;
        Ok(Self { profile, terms, channel })
    }

    /// What the files look like.
    pub fn terms(&self) -> &BatchTerms {
        &self.terms
    }

    /// Checks a result file, as [`Issuer::decode`] does, and tells what is wrong with it.
    ///
    /// # Errors
    /// [`FileError`] with the line and what was expected.
    pub fn check(&self, bytes: &[u8]) -> Result<Totals, FileError> {
        self.sound(bytes).map(|(_, _, totals)| totals)
    }

    fn sound<'a>(&self, bytes: &'a [u8]) -> Result<(Incoming<'a>, Told, Totals), FileError> {
        let file = Incoming::of(bytes)?;
        let (told, totals) = file::check(&self.terms, &self.terms.result, &file)?;
        Ok((file, told, totals))
    }

    fn value(
        &self,
        operation: &Operation<'_>,
        (nonce, place): (&[u8; 16], usize),
        field: Field,
        out: &mut String,
    ) -> Result<(), EncodeError> {
        let wrong = |name| EncodeError::Field(name);
        let text = |bytes: Option<&[u8]>, name, out: &mut String| {
            let text = core::str::from_utf8(bytes.unwrap_or_default()).map_err(|_| wrong(name))?;
            out.push_str(text);
            Ok(())
        };
        match field {
            Field::Reference => {
                write!(out, "{}", operation.reference).map_err(|_| wrong("reference"))?;
            }
            Field::Operation => {
                let code = self.terms.operations.iter().find(|(_, kind)| **kind == operation.kind);
                out.push_str(code.ok_or(EncodeError::Unsupported(operation.kind.name()))?.0);
            }
            Field::Product => out.push_str(operation.product),
            Field::Number => text(operation.card.and_then(|card| card.number), "number", out)?,
            Field::Secret => text(operation.card.map(|card| card.secret), "secret", out)?,
            Field::Card => {
                let (Some(channel), Some(card)) = (&self.channel, operation.card) else { return Ok(()) };
                let sealed = channel.seal_card(operation.reference, operation.kind, card, (nonce, place));
                out.push_str(&sealed.ok_or(wrong("card"))?);
            }
            Field::Amount => file::put_minor(&self.terms, operation.amount.minor(), out)?,
            Field::Currency => out.push_str(operation.amount.currency().alpha()),
            Field::Attempt => write!(out, "{}", operation.attempt).map_err(|_| wrong("attempt"))?,
            _ => {}
        }
        Ok(())
    }

    /// What can be put into a file.
    fn takes(&self, operation: &Operation<'_>) -> Result<(), EncodeError> {
        match operation.kind {
            OpKind::Redeem if operation.card.is_none() => return Err(EncodeError::Field("card")),
            OpKind::Redeem => {}
            OpKind::Reverse if self.terms.out.row.has(Field::Operation) => {}
            kind => return Err(EncodeError::Unsupported(kind.name())),
        }
        if operation.amount.currency() != self.terms.currency || operation.amount.minor() < 0 {
            return Err(EncodeError::Field("amount"));
        }
        match operation.reference.leg {
            Leg::Debit => Ok(()),
            Leg::Payout(_) => Err(EncodeError::Field("reference")),
        }
    }

    /// Not less than the bytes of the file.
    fn bound(&self, operations: &[Operation<'_>]) -> usize {
        let side = &self.terms.out;
        let around = [&side.header, &side.trailer].into_iter().flatten();
        let around =
            around.map(|columns| self.terms.line_bound(columns).saturating_add(2_048)).sum::<usize>();
        let line = self.terms.line_bound(&side.row).saturating_add(256);
        let of = |operation: &Operation<'_>| {
            let card = operation.card.map_or(0, |card| {
                card.number.map_or(0, <[u8]>::len).saturating_add(card.secret.len()).saturating_mul(4)
            });
            let sealed = if side.row.has(Field::Card) { 192 } else { 0 };
            let product = self.terms.format.charset.most(operation.product.len()).saturating_mul(2);
            line.saturating_add(card).saturating_add(sealed).saturating_add(product)
        };
        operations.iter().map(of).fold(around, usize::saturating_add)
    }
}

/// The date and time of day at the issuer.
fn clock(terms: &BatchTerms, now: Wall) -> (u32, u32) {
    let [year, month, day, hour, minute, second] = calendar::local(now, terms.utc_offset_min);
    let date = year.saturating_mul(10_000) + month * 100 + day;
    let time = hour * 10_000 + minute * 100 + second;
    (u32::try_from(date).unwrap_or(0), u32::try_from(time).unwrap_or(0))
}

/// What a row of a result file says; `None` if it is not about one of our debits.
fn answer(terms: &BatchTerms, row: &RowOf<'_>) -> Option<(Reference, Answer)> {
    let reference = Reference::parse(row.get(Field::Reference)?).filter(|found| found.leg == Leg::Debit)?;
    let code = row.get(Field::Operation);
    let kind = code.map_or(Some(OpKind::Redeem), |code| terms.operations.get(code).copied());
    let outcome = match (kind, row.get(Field::Status).and_then(|code| terms.status.get(code))) {
        (Some(kind), Some(status)) => outcome(terms, *status, kind, reference, row),
        // What is not in the closed set is not known.
        _ => None,
    };
    let outcome = outcome.unwrap_or(Outcome::Unknown(Cause::Unmapped));
    Some((reference, Answer { kind: kind.unwrap_or(OpKind::Redeem), outcome, by_file: true }))
}

fn outcome(
    terms: &BatchTerms,
    status: Status,
    kind: OpKind,
    reference: Reference,
    row: &RowOf<'_>,
) -> Option<Outcome> {
    let theirs = || {
        let theirs = row.get(Field::IssuerReference).map(Text::new);
        // Without a reference of their own the file goes by ours.
        theirs.unwrap_or_else(|| Text::new(&alloc::format!("{reference}"))).ok()
    };
    let accepted = || {
        let currency = match row.get(Field::Currency) {
            Some(code) => code.parse::<Currency>().ok()?,
            None => terms.currency,
        };
        let minor = row.get(Field::Amount).filter(|text| !text.is_empty())?;
        let minor = file::read_minor(terms, minor).ok()?;
        let card = match row.get(Field::Tag).filter(|tag| !tag.is_empty()) {
            Some(tag) => Some(CardTag(hex::read_array(tag)?)),
            None => None,
        };
        let amount = Amount::new(minor, currency);
        Some(Accepted { reference: theirs()?, amount, card, generation: None })
    };
    Some(match status {
        Status::Accepted if kind == OpKind::Reverse => Outcome::Reversed,
        Status::Accepted => Outcome::Accepted(accepted()?),
        Status::Partial => Outcome::Partial(accepted()?),
        Status::Pending => Outcome::Pending,
        Status::NotFound => Outcome::NotFound,
        Status::Duplicate => Outcome::Duplicate(theirs()?),
        Status::Reversed => Outcome::Reversed,
        Status::ReversalUnconfirmed => Outcome::ReversalUnconfirmed,
        Status::ReversalRefused => Outcome::ReversalRefused,
        Status::Unsure => Outcome::Unknown(Cause::IssuerUnsure),
        Status::Declined(decline) => Outcome::Declined(decline),
    })
}

impl Issuer for Batch {
    fn profile(&self) -> &IssuerProfile {
        &self.profile
    }

    fn encode(
        &self,
        operations: &[Operation<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        operations.iter().try_for_each(|operation| self.takes(operation))?;
        let mut session = Session::read(context.session);
        let stamp = session.stamp(clock(&self.terms, context.now), self.terms.numbering);
        let name = self.terms.out.name.write(&stamp).ok_or(EncodeError::Field("sequence"))?;
        // Cards may stand in it: it must not move and leave copies.
        out.body.reserve_exact(self.bound(operations));
        let value = |row: usize, field, out: &mut String| match operations.get(row) {
            Some(operation) => self.value(operation, (&context.nonce, row), field, out),
            None => Ok(()),
        };
        let written =
            file::write(&self.terms, &self.terms.out, &stamp, operations.len(), &value, &mut out.body);
        // What failed leaves nothing, least of all half of a card.
        written.inspect_err(|_| out.body.zeroize())?;
        out.head = name.into_bytes();
        out.session = Some(session.write());
        Ok(())
    }

    fn decode(
        &self,
        bytes: &[u8],
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        let error = |error: FileError| DecodeError { at: error.at, what: error.what() };
        let (file, told, _) = self.sound(bytes).map_err(error)?;
        if Session::read(context.session).contradicts(told, &file.digest()) {
            return Err(error(FileError { line: 0, at: 0, fault: FileFault::Resent }));
        }
        file::rows(&self.terms, &self.terms.result, &file, &mut |row| {
            if let Some((reference, answer)) = answer(&self.terms, row) {
                answers(reference, answer);
            }
        });
        Ok(())
    }

    fn learn(&self, bytes: &[u8], context: &Context<'_>) -> Option<Vec<u8>> {
        let (file, told, _) = self.sound(bytes).ok()?;
        let mut session = Session::read(context.session);
        session.take(told, &file.digest()).then(|| session.write())
    }

    fn balances_listed(
        &self,
        bytes: &[u8],
        rows: &mut dyn FnMut(Balance<'_>),
    ) -> Result<Option<Wall>, DecodeError> {
        self.listed(bytes, rows)
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        self.terms.result.row.place_of(Field::Tag)?;
        self.channel.as_ref().map(|channel| channel.card_tag(card))
    }

    fn tally(&self) -> Option<Tally> {
        self.channel.as_ref().map(Channel::tally)
    }

    fn sealed_before(&self, messages: u64) {
        if let Some(channel) = &self.channel {
            channel.sealed_before(messages);
        }
    }
}
