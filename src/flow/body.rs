//! The bodies of records: each step as canonical bytes, after the time at which it was taken.

use super::facts::{read_amount, write_amount};
use super::{Event, EventKind, Exposure, Facts, FlowError, Judgement, Sending, TokenUse};
use crate::base::{Reader, ShortInput, Text, Wall, Writer};
use crate::issuer::{CardTag, Cause};
use crate::money::Amount;
use crate::pricing::Quote;
use crate::record::{Record, Records};

/// The version of the bodies that are written.
const VERSION: u8 = 1;

fn sending(w: &mut Writer<'_>, sending: Sending) {
    w.u32(sending.endpoint).u32(sending.attempt);
}

fn texts(w: &mut Writer<'_>, texts: &[&Text]) {
    texts.iter().for_each(|text| {
        w.text(text);
    });
}

fn order(w: &mut Writer<'_>, payee: &Text, number: u16, amount: Amount) {
    w.text(payee).u16(number);
    write_amount(w, amount);
}

fn amount_of(w: &mut Writer<'_>, reference: &Text, amount: Amount) {
    w.text(reference);
    write_amount(w, amount);
}

impl Event {
    /// Puts the step, taken at `at`, behind the records of the steps before it.
    pub fn record(&self, at: Wall, records: &mut Records) {
        records.write(self.kind().number(), VERSION, |w| {
            w.wall(at);
            self.write(w);
        });
    }

    /// Puts [`Event::Received`] with these facts there.
    pub(super) fn received(facts: &Facts, at: Wall, records: &mut Records) {
        records.write(EventKind::Received.number(), VERSION, |w| {
            w.wall(at);
            facts.encode(w);
        });
    }

    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Self::Received(facts) => facts.encode(w),
            Self::Passed(j)
            | Self::Challenged(j)
            | Self::Referred(j)
            | Self::Frozen(j)
            | Self::Blocked(j)
            | Self::OverBudget(j) => {
                j.encode(w);
            }
            Self::TokenUsed(used) => used.encode(w),
            Self::Quoted(quote) | Self::Requoted(quote) => quote.encode(w),
            Self::CheckSent(s) | Self::ReverseSent(s) | Self::PayAgain(s) => sending(w, *s),
            Self::RedeemSent { sending: s, tag } => {
                sending(w, *s);
                w.bool(tag.is_some()).raw(&tag.unwrap_or(CardTag([0; 16])).0);
            }
            Self::Verified { balance, generation } => {
                write_amount(w, *balance);
                w.u32(*generation);
            }
            Self::Remembered { balance, age_ms } => {
                write_amount(w, *balance);
                w.i64(*age_ms);
            }
            Self::RedeemUnknown { cause } | Self::ReverseUnknown { cause } | Self::PayUnknown { cause } => {
                w.u8(cause.number());
            }
            Self::Redeemed { reference, amount, by_file } => {
                amount_of(w, reference, *amount);
                w.bool(*by_file);
            }
            Self::LateDebit { reference, amount } | Self::Confirmed { reference, amount } => {
                amount_of(w, reference, *amount);
            }
            Self::PaySent { payee, number, amount } | Self::AdvanceSent { payee, number, amount } => {
                order(w, payee, *number, *amount);
            }
            Self::ResolvedDebited { by, second, reference, amount } => {
                texts(w, &[by, second]);
                amount_of(w, reference, *amount);
            }
            Self::ExposureOpened(e) | Self::ExposureClosed(e) => {
                texts(w, &[&e.issuer, &e.product, &e.seller]);
                write_amount(w, e.amount);
            }
            _ => self.write_texts(w),
        }
    }

    fn write_texts(&self, w: &mut Writer<'_>) {
        match self {
            Self::TurnedAway { reason: text }
            | Self::Doubted { reason: text }
            | Self::Declined { reason: text }
            | Self::PayFailed { reason: text }
            | Self::PayReturned { reason: text }
            | Self::Held { reason: text }
            | Self::AdvanceFailed { reason: text }
            | Self::AdvanceRejected { reason: text }
            | Self::Suspended { reason: text }
            | Self::Corrected { reason: text }
            | Self::ReviewApproved { by: text }
            | Self::Cancelled { by: text }
            | Self::Unheld { by: text }
            | Self::Recovered { by: text }
            | Self::Paid { reference: text }
            | Self::Advanced { reference: text }
            | Self::Cleared { receipt: text }
            | Self::Traced { trace: text }
            | Self::Noted { what: text } => texts(w, &[text]),
            Self::Rejected { by: a, reason: b }
            | Self::WrittenOff { by: a, second: b }
            | Self::ResolvedAbsent { by: a, second: b }
            | Self::ResolvedUnpaid { by: a, second: b }
            | Self::ResolvedReversed { by: a, second: b } => texts(w, &[a, b]),
            Self::ResolvedPaid { by, second, reference: text }
            | Self::ResolvedCleared { by, second, receipt: text } => texts(w, &[by, second, text]),
            _ => {}
        }
    }

    /// Reads the step and its time back.
    ///
    /// # Errors
    /// [`FlowError::Unknown`] for what a newer scrip wrote, [`FlowError::Malformed`].
    pub fn from_record(record: &Record<'_>) -> Result<(Wall, Self), FlowError> {
        let unknown = FlowError::Unknown { kind: record.kind, version: record.version };
        let kind =
            EventKind::from_number(record.kind).filter(|_| record.version == VERSION).ok_or(unknown)?;
        let mut r = Reader::new(record.body);
        let at = r.wall()?;
        let event = Self::read(kind, &mut r)?;
        if r.is_empty() { Ok((at, event)) } else { Ok(r.fail()?) }
    }

    #[rustfmt::skip]
    #[expect(clippy::too_many_lines, reason = "a flat match over all kinds")]
    fn read(kind: EventKind, r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        use EventKind as K;
        let r = &mut *r;
        Ok(match kind {
            K::Received => Self::Received(Facts::decode(r)?),
            K::Passed => Self::Passed(Judgement::decode(r)?),
            K::Challenged => Self::Challenged(Judgement::decode(r)?),
            K::Referred => Self::Referred(Judgement::decode(r)?),
            K::Frozen => Self::Frozen(Judgement::decode(r)?),
            K::Blocked => Self::Blocked(Judgement::decode(r)?),
            K::TurnedAway => Self::TurnedAway { reason: r.text()? },
            K::TokenUsed => Self::TokenUsed(TokenUse::decode(r)?),
            K::ScanWanted => Self::ScanWanted,
            K::OverBudget => Self::OverBudget(Judgement::decode(r)?),
            K::ChallengePassed => Self::ChallengePassed,
            K::ReviewApproved => Self::ReviewApproved { by: r.text()? },
            K::Rejected => Self::Rejected { by: r.text()?, reason: r.text()? },
            K::Expired => Self::Expired,
            K::Cancelled => Self::Cancelled { by: r.text()? },
            K::CheckSent => Self::CheckSent(read_sending(r)?),
            K::Verified => Self::Verified { balance: read_amount(r)?, generation: r.u32()? },
            K::Remembered => Self::Remembered { balance: read_amount(r)?, age_ms: r.i64()? },
            K::Quoted => Self::Quoted(Quote::decode(r)?),
            K::Doubted => Self::Doubted { reason: r.text()? },
            K::Declined => Self::Declined { reason: r.text()? },
            K::RedeemSent => {
                let sending = read_sending(r)?;
                let (some, tag) = (r.bool()?, CardTag(r.array()?));
                Self::RedeemSent { sending, tag: some.then_some(tag) }
            }
            K::RedeemNotSent => Self::RedeemNotSent,
            K::RedeemUnknown => Self::RedeemUnknown { cause: read_cause(r)? },
            K::RedeemPending => Self::RedeemPending,
            K::RedeemAbsent => Self::RedeemAbsent,
            K::Redeemed => Self::Redeemed { reference: r.text()?, amount: read_amount(r)?, by_file: r.bool()? },
            K::Requoted => Self::Requoted(Quote::decode(r)?),
            K::ReverseSent => Self::ReverseSent(read_sending(r)?),
            K::ReverseUnknown => Self::ReverseUnknown { cause: read_cause(r)? },
            K::ReverseRefused => Self::ReverseRefused,
            K::Reversed => Self::Reversed,
            K::QuarantineOver => Self::QuarantineOver,
            K::LateDebit => Self::LateDebit { reference: r.text()?, amount: read_amount(r)? },
            K::LateKept => Self::LateKept,
            K::PaySent => Self::PaySent { payee: r.text()?, number: r.u16()?, amount: read_amount(r)? },
            K::PayAgain => Self::PayAgain(read_sending(r)?),
            K::PayUnknown => Self::PayUnknown { cause: read_cause(r)? },
            K::Paid => Self::Paid { reference: r.text()? },
            K::PayFailed => Self::PayFailed { reason: r.text()? },
            K::Owed => Self::Owed,
            K::PayReturned => Self::PayReturned { reason: r.text()? },
            K::Held => Self::Held { reason: r.text()? },
            K::Unheld => Self::Unheld { by: r.text()? },
            K::Split => Self::Split,
            K::Cleared => Self::Cleared { receipt: r.text()? },
            K::Retired => Self::Retired,
            K::AdvanceSent => Self::AdvanceSent { payee: r.text()?, number: r.u16()?, amount: read_amount(r)? },
            K::Advanced => Self::Advanced { reference: r.text()? },
            K::AdvanceFailed => Self::AdvanceFailed { reason: r.text()? },
            K::Confirmed => Self::Confirmed { reference: r.text()?, amount: read_amount(r)? },
            K::AdvanceRejected => Self::AdvanceRejected { reason: r.text()? },
            K::Recovered => Self::Recovered { by: r.text()? },
            K::WrittenOff => Self::WrittenOff { by: r.text()?, second: r.text()? },
            K::Suspended => Self::Suspended { reason: r.text()? },
            K::ResolvedDebited => Self::ResolvedDebited {
                by: r.text()?, second: r.text()?, reference: r.text()?, amount: read_amount(r)?,
            },
            K::ResolvedAbsent => Self::ResolvedAbsent { by: r.text()?, second: r.text()? },
            K::ResolvedPaid => Self::ResolvedPaid { by: r.text()?, second: r.text()?, reference: r.text()? },
            K::Corrected => Self::Corrected { reason: r.text()? },
            K::Resumed => Self::Resumed,
            K::Noted => Self::Noted { what: r.text()? },
            K::ResolvedUnpaid => Self::ResolvedUnpaid { by: r.text()?, second: r.text()? },
            K::ResolvedCleared => Self::ResolvedCleared { by: r.text()?, second: r.text()?, receipt: r.text()? },
            K::ResolvedReversed => Self::ResolvedReversed { by: r.text()?, second: r.text()? },
            K::Parked => Self::Parked,
            K::ExposureOpened => Self::ExposureOpened(read_exposure(r)?),
            K::ExposureClosed => Self::ExposureClosed(read_exposure(r)?),
            K::Erased => Self::Erased,
            K::Traced => Self::Traced { trace: r.text()? },
        })
    }
}

fn read_sending(r: &mut Reader<'_>) -> Result<Sending, ShortInput> {
    Ok(Sending { endpoint: r.u32()?, attempt: r.u32()? })
}

fn read_cause(r: &mut Reader<'_>) -> Result<Cause, ShortInput> {
    let at = r.position();
    Cause::from_number(r.u8()?).ok_or(ShortInput { at })
}

fn read_exposure(r: &mut Reader<'_>) -> Result<Exposure, ShortInput> {
    Ok(Exposure { issuer: r.text()?, product: r.text()?, seller: r.text()?, amount: read_amount(r)? })
}
