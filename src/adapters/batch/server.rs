//! The issuer's side: reads files of debits and writes result files.

use super::columns::Field;
use super::file::{self, FileError, FileFault, Incoming, RowOf};
use super::name::Stamp;
use super::terms::{BatchTerms, Status};
use super::{channel, clock};
use crate::adapters::signed_json::{Asked, Channel, OpenCard};
use crate::adapters::{AdapterError, hex};
use crate::base::{Secret, Text, Wall};
use crate::codec::envelope;
use crate::issuer::{
    Accepted, Answer, Balance, CardData, CardTag, EncodeError, Message, OpKind, Outcome, Reference,
};
use crate::money::Amount;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// The issuer's end of a file channel, for simulated issuers and trials.
pub struct BatchServer {
    terms: BatchTerms,
    channel: Option<Channel>,
}

/// When a result file is made, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMeta {
    /// When.
    pub at: Wall,
    /// Its number, from 1.
    pub sequence: u32,
}

impl fmt::Debug for BatchServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchServer(..)")
    }
}

impl BatchServer {
    /// The end with these terms and the channel's key, where there is one.
    ///
    /// # Errors
    /// As [`super::Batch::new`] for the key.
    pub fn new(terms: BatchTerms, key: Option<Secret>) -> Result<Self, AdapterError> {
        let channel = channel(&terms, key)?;
        Ok(Self { terms, channel })
    }

    /// What tells of a file made at this time: its number is the millisecond of the issuer's day, from
    /// 1, for issuers that keep no count. A name with `{sequence:8}` has room for it.
    pub fn numbered_by_time(&self, at: Wall) -> FileMeta {
        let local = at.0.saturating_add(i64::from(self.terms.utc_offset_min).saturating_mul(60_000));
        let of_day = local.rem_euclid(86_400_000).saturating_add(1);
        FileMeta { at, sequence: u32::try_from(of_day).unwrap_or(1) }
    }

    /// Reads a file of debits. A row that cannot be read is an error: the issuer would send the
    /// whole file back.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(&self, name: &str, digest: Option<&str>, body: &[u8]) -> Result<Vec<Asked>, FileError> {
        let bytes = enveloped(name, digest, body);
        let file = Incoming::of(&bytes)?;
        file::check(&self.terms, &self.terms.out, &file)?;
        let mut asked = Vec::new();
        let mut bad = None;
        file::rows(&self.terms, &self.terms.out, &file, &mut |row| match self.asked(row) {
            Some(one) => asked.push(one),
            None => bad = bad.or(Some(asked.len())),
        });
        match bad {
            Some(row) => {
                let line = row.saturating_add(1 + usize::from(self.terms.out.header.is_some()));
                Err(FileError { line, at: 0, fault: FileFault::Missing("row of a debit") })
            }
            None => Ok(asked),
        }
    }

    fn asked(&self, row: &RowOf<'_>) -> Option<Asked> {
        let reference = Reference::parse(row.get(Field::Reference)?)?;
        let kind = match row.get(Field::Operation) {
            Some(code) => *self.terms.operations.get(code)?,
            None => OpKind::Redeem,
        };
        let product = match row.get(Field::Product) {
            Some(product) => Some(Text::new(product).ok()?),
            None => None,
        };
        let currency = match row.get(Field::Currency) {
            Some(code) => code.parse().ok()?,
            None => self.terms.currency,
        };
        let amount = Amount::new(file::read_minor(&self.terms, row.get(Field::Amount)?).ok()?, currency);
        let attempt = row.get(Field::Attempt).map_or(Some(1), |text| text.parse().ok())?;
        let filled = |field| row.get(field).filter(|text| !text.is_empty());
        let card = match (filled(Field::Card), filled(Field::Number), filled(Field::Secret)) {
            (Some(sealed), ..) => Some(self.channel.as_ref()?.open_card(reference, kind, sealed)?),
            (None, None, None) => None,
            (None, number, secret) => Some(OpenCard {
                number: number.map(Secret::from),
                secret: Secret::from(secret.unwrap_or_default()),
            }),
        };
        Some(Asked { kind, reference, product, payee: None, amount, attempt, card })
    }

    /// Writes a result file: its name in the head, its bytes in the body.
    ///
    /// # Errors
    /// [`EncodeError`] for an answer that the terms have no status for, or that does not fit.
    pub fn write(&self, meta: &FileMeta, answers: &[(Reference, Answer)]) -> Result<Message, EncodeError> {
        let (date, time) = clock(&self.terms, meta.at);
        let stamp = Stamp { date, time, sequence: meta.sequence };
        let name = self.terms.result.name.write(&stamp).ok_or(EncodeError::Field("sequence"))?;
        let mut out = Message::default();
        out.head = name.into_bytes();
        let value = |row: usize, field, out: &mut String| match answers.get(row) {
            Some((reference, answer)) => self.value(*reference, answer, field, out),
            None => Ok(()),
        };
        file::write(&self.terms, &self.terms.result, &stamp, answers.len(), &value, &mut out.body)?;
        Ok(out)
    }

    /// Writes a file of balances: its name in the head, its bytes in the body.
    ///
    /// # Errors
    /// [`EncodeError`] where the terms have no such files, or a value does not fit.
    pub fn write_balances(&self, meta: &FileMeta, rows: &[Balance<'_>]) -> Result<Message, EncodeError> {
        let side = self.terms.balances.as_ref().ok_or(EncodeError::Unsupported("balances"))?;
        let (date, time) = clock(&self.terms, meta.at);
        let stamp = Stamp { date, time, sequence: meta.sequence };
        let name = side.name.write(&stamp).ok_or(EncodeError::Field("sequence"))?;
        let mut out = Message::default();
        out.head = name.into_bytes();
        let value = |row: usize, field, out: &mut String| {
            let Some(row) = rows.get(row) else { return Ok(()) };
            match field {
                Field::Product => out.push_str(row.product),
                Field::Number | Field::Secret => out.push_str(row.card),
                Field::Amount => file::put_minor(&self.terms, row.balance.minor(), out)?,
                Field::Currency => out.push_str(row.balance.currency().alpha()),
                _ => {}
            }
            Ok(())
        };
        file::write(&self.terms, side, &stamp, rows.len(), &value, &mut out.body)?;
        Ok(out)
    }

    fn value(
        &self,
        reference: Reference,
        answer: &Answer,
        field: Field,
        out: &mut String,
    ) -> Result<(), EncodeError> {
        let accepted = match &answer.outcome {
            Outcome::Accepted(accepted) | Outcome::Partial(accepted) => Some(accepted),
            _ => None,
        };
        let wrong = |name| EncodeError::Field(name);
        match (field, accepted) {
            (Field::Reference, _) => write!(out, "{reference}").map_err(|_| wrong("reference"))?,
            (Field::Operation, _) => {
                let code = self.terms.operations.iter().find(|(_, kind)| **kind == answer.kind);
                out.push_str(code.ok_or(EncodeError::Unsupported(answer.kind.name()))?.0);
            }
            (Field::Status, _) => {
                let status = status(&answer.outcome).ok_or(wrong("status"))?;
                let code = self.terms.status.iter().find(|(_, meaning)| **meaning == status);
                out.push_str(code.ok_or(wrong("status"))?.0);
            }
            (Field::Amount, _) => {
                let minor = accepted.map_or(0, |accepted| accepted.amount.minor());
                file::put_minor(&self.terms, minor, out)?;
            }
            (Field::Currency, Some(Accepted { amount, .. })) => out.push_str(amount.currency().alpha()),
            (Field::Currency, None) => out.push_str(self.terms.currency.alpha()),
            (Field::IssuerReference, Some(accepted)) => out.push_str(&accepted.reference),
            (Field::IssuerReference, None) => {
                if let Outcome::Duplicate(theirs) = &answer.outcome {
                    out.push_str(theirs);
                }
            }
            (Field::Tag, Some(Accepted { card: Some(tag), .. })) => out.push_str(&hex::write(&tag.0)),
            _ => {}
        }
        Ok(())
    }

    /// The tag that rows echo for `card`; `None` where they echo none.
    pub fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        self.terms.result.row.place_of(Field::Tag)?;
        self.channel.as_ref().map(|channel| channel.card_tag(card))
    }
}

/// A file as transports hand it to [`super::Batch`]: the name, what stands in the digest beside it,
/// and the bytes.
pub fn enveloped(name: &str, digest: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len().saturating_add(name.len()).saturating_add(128));
    envelope::begin(name, &mut bytes);
    if let Some(digest) = digest {
        envelope::line("digest", digest, &mut bytes);
    }
    envelope::end(body, &mut bytes);
    bytes
}

fn status(outcome: &Outcome) -> Option<Status> {
    Some(match outcome {
        Outcome::Accepted(_) => Status::Accepted,
        Outcome::Partial(_) => Status::Partial,
        Outcome::Pending => Status::Pending,
        Outcome::NotFound => Status::NotFound,
        Outcome::Duplicate(_) => Status::Duplicate,
        Outcome::Reversed => Status::Reversed,
        Outcome::ReversalUnconfirmed => Status::ReversalUnconfirmed,
        Outcome::ReversalRefused => Status::ReversalRefused,
        Outcome::Unknown(_) => Status::Unsure,
        Outcome::Declined(decline) => Status::Declined(*decline),
        Outcome::NotSent => return None,
    })
}
