//! The lines of a ledger: text that a person can read, with a checksum each.
//!
//! ```text
//! crc32c(8 digits) time-in-ms verb fields...
//! ```
//! The checksum covers everything after it and its space, without the line feed. Cards stand as
//! the tag that the issuer echoes, payees as a digest: neither numbers nor secrets are kept.

use crate::base::{Text, Wall};
use crate::issuer::{CardTag, Decline, OpKind, Reference};
use crate::money::Amount;
use crc::{CRC_32_ISCSI, Crc};
use std::fmt;
use std::string::{String, ToString};

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// One thing that an issuer or rail did or owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A card seen for the first time, where an issuer has no list.
    Learned { card: CardTag, secret: [u8; 16], balance: Amount, product: Text },
    /// A card was debited.
    Debit { reference: Reference, site: u32, card: CardTag, amount: Amount, own: Text, product: Text },
    /// A redeem was declined: a repeat hears the same.
    Decline { reference: Reference, site: u32, decline: Decline },
    /// The debit with this reference of the issuer's own was undone.
    Reversal { own: Text },
    /// A receipt was given for the debit with this reference of the issuer's own.
    Receipt { own: Text },
    /// A payee was paid.
    Payout { reference: Reference, payee: [u8; 16], amount: Amount, own: Text },
    /// A pay-out was refused.
    Refusal { reference: Reference, decline: Decline },
    /// A pay-out came back.
    Return { reference: Reference },
    /// An answer is to be brought by callback or file at `due`.
    Owed { notice: Notice },
    /// A pay-out will come back at `due`, and word of it is to be brought.
    ReturnDue { notice: Notice },
    /// The asker has acknowledged it.
    Acknowledged { notice: Notice },
}

/// Names one answer that is brought rather than fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Notice {
    pub(super) due: Wall,
    pub(super) kind: OpKind,
    pub(super) reference: Reference,
    /// The site that was asked.
    pub(super) site: u32,
}

/// An entry and when it was made, in the world's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) at: Wall,
    pub(super) entry: Entry,
}

impl Line {
    /// The text with its checksum and line feed.
    pub(super) fn write(&self) -> String {
        let body = std::format!("{} {}", self.at.0, self.entry);
        std::format!("{:08x} {body}\n", CRC.checksum(body.as_bytes()))
    }

    /// Reads the text without its line feed; `None` for anything that was not written so.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (sum, body) = text.split_once(' ')?;
        if sum.len() != 8 || u32::from_str_radix(sum, 16).ok()? != CRC.checksum(body.as_bytes()) {
            return None;
        }
        let (at, rest) = body.split_once(' ')?;
        let line = Self { at: Wall(at.parse().ok()?), entry: Entry::read(rest)? };
        Some(line)
    }
}

/// A tag as hexadecimal digits.
struct Digits<'a>(&'a [u8; 16]);

impl fmt::Display for Digits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

struct Plain(Amount);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.minor(), self.0.currency())
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.kind.name(), self.reference, self.site, self.due.0)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Learned { card, secret, balance, product } => {
                let (card, secret, balance) = (Digits(&card.0), Digits(secret), Plain(*balance));
                write!(f, "learned {card} {secret} {balance} {product}")
            }
            Self::Debit { reference, site, card, amount, own, product } => {
                let (card, amount) = (Digits(&card.0), Plain(*amount));
                write!(f, "debit {reference} {site} {card} {amount} {own} {product}")
            }
            Self::Decline { reference, site, decline } => {
                write!(f, "decline {reference} {site} {}", decline.reason())
            }
            Self::Reversal { own } => write!(f, "reversal {own}"),
            Self::Receipt { own } => write!(f, "receipt {own}"),
            Self::Payout { reference, payee, amount, own } => {
                write!(f, "payout {reference} {} {} {own}", Digits(payee), Plain(*amount))
            }
            Self::Refusal { reference, decline } => write!(f, "refusal {reference} {}", decline.reason()),
            Self::Return { reference } => write!(f, "return {reference}"),
            Self::Owed { notice } => write!(f, "owed {notice}"),
            Self::ReturnDue { notice } => write!(f, "return_due {notice}"),
            Self::Acknowledged { notice } => write!(f, "acknowledged {notice}"),
        }
    }
}

impl Entry {
    fn read(text: &str) -> Option<Self> {
        let (verb, rest) = text.split_once(' ')?;
        let mut fields = Fields(rest);
        let entry = match verb {
            "learned" => Self::Learned {
                card: CardTag(fields.tag()?),
                secret: fields.tag()?,
                balance: fields.amount()?,
                product: fields.rest()?,
            },
            "debit" => Self::Debit {
                reference: fields.reference()?,
                site: fields.next()?.parse().ok()?,
                card: CardTag(fields.tag()?),
                amount: fields.amount()?,
                own: fields.text()?,
                product: fields.rest()?,
            },
            "decline" => Self::Decline {
                reference: fields.reference()?,
                site: fields.next()?.parse().ok()?,
                decline: Decline::from_reason(fields.next()?)?,
            },
            "reversal" => Self::Reversal { own: fields.text()? },
            "receipt" => Self::Receipt { own: fields.text()? },
            "payout" => Self::Payout {
                reference: fields.reference()?,
                payee: fields.tag()?,
                amount: fields.amount()?,
                own: fields.text()?,
            },
            "refusal" => Self::Refusal {
                reference: fields.reference()?,
                decline: Decline::from_reason(fields.next()?)?,
            },
            "return" => Self::Return { reference: fields.reference()? },
            "owed" => Self::Owed { notice: fields.notice()? },
            "return_due" => Self::ReturnDue { notice: fields.notice()? },
            "acknowledged" => Self::Acknowledged { notice: fields.notice()? },
            _ => return None,
        };
        // What does not write back the same way was written by nobody.
        (entry.to_string() == text).then_some(entry)
    }
}

/// The fields of a line, one after the other.
struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (field, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        (!field.is_empty()).then_some(field)
    }

    fn text(&mut self) -> Option<Text> {
        Text::new(self.next()?).ok()
    }

    /// Everything that is left: a name from outside may hold spaces.
    fn rest(&mut self) -> Option<Text> {
        Text::new(self.0).ok()
    }

    fn reference(&mut self) -> Option<Reference> {
        Reference::parse(self.next()?)
    }

    fn tag(&mut self) -> Option<[u8; 16]> {
        let digits = self.next().filter(|digits| digits.len() == 32)?;
        u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
    }

    fn amount(&mut self) -> Option<Amount> {
        let minor = self.next()?.parse().ok()?;
        Some(Amount::new(minor, self.next()?.parse().ok()?))
    }

    fn notice(&mut self) -> Option<Notice> {
        let kind = OpKind::from_name(self.next()?)?;
        let (reference, site) = (self.reference()?, self.next()?.parse().ok()?);
        Some(Notice { due: Wall(self.next()?.parse().ok()?), kind, reference, site })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RedemptionId;
    use crate::money::Currency;
    use std::vec::Vec;

    fn all() -> Vec<Entry> {
        let text = |text| Text::new(text).unwrap();
        let reference = Reference::debit(RedemptionId([0xa1; 16]));
        let payout = Reference::payout(RedemptionId([0xa1; 16]), 2);
        let (card, amount) = (CardTag([0x0f; 16]), Amount::new(10_000, Currency::CNY));
        let notice = Notice { due: Wall(99), kind: OpKind::Redeem, reference, site: 1 };
        [
            Entry::Learned { card, secret: [7; 16], balance: amount, product: text("jd e-card") },
            Entry::Debit { reference, site: 1, card, amount, own: text("B1"), product: text("卡 a") },
            Entry::Decline { reference, site: 0, decline: Decline::WrongSecret },
            Entry::Reversal { own: text("B1") },
            Entry::Receipt { own: text("B1") },
            Entry::Payout { reference: payout, payee: [3; 16], amount, own: text("P1") },
            Entry::Refusal { reference: payout, decline: Decline::PayeeInvalid },
            Entry::Return { reference: payout },
            Entry::Owed { notice },
            Entry::ReturnDue { notice: Notice { kind: OpKind::Pay, reference: payout, ..notice } },
            Entry::Acknowledged { notice },
        ]
        .into()
    }

    #[test]
    fn lines_read_back() {
        for entry in all() {
            let line = Line { at: Wall(1_772_409_600_000), entry };
            let text = line.write();
            assert_eq!(Line::read(text.trim_end_matches('\n')), Some(line), "{text}");
        }
    }

    #[test]
    fn a_changed_or_cut_line_is_none() {
        for entry in all() {
            let text = Line { at: Wall(5), entry }.write();
            let text = text.trim_end_matches('\n');
            for (at, c) in text.char_indices() {
                assert_eq!(Line::read(&text[..at]), None, "{text} cut at {at}");
                let other = if c == '0' { '1' } else { '0' };
                let changed = std::format!("{}{other}{}", &text[..at], &text[at + c.len_utf8()..]);
                assert_eq!(Line::read(&changed), None, "{changed}");
            }
        }
    }
}
