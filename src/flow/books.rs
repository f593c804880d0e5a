//! What each step posts. Every step's postings balance; the books are the sum of all steps.

use super::{Event, Redemption, State};
use crate::ledger::AccountKind as K;
use crate::ledger::{Account, LedgerError, Transfer};
use crate::money::Amount;

/// The postings of `event`, taken by `r` as it stands before the step.
pub(super) fn postings(r: &Redemption, event: &Event, books: &mut Transfer) -> Result<(), LedgerError> {
    let issuer = || Account::issuer(r.facts.issuer.clone());
    let paid = || r.payout.as_ref().map_or(Amount::zero(r.facts.face.currency()), |payout| payout.amount);
    let of = Account::of;
    match event {
        Event::Redeemed { amount, .. } | Event::ResolvedDebited { amount, .. } => {
            take_back(r, books)?;
            books.post(of(K::Clearing), issuer(), *amount)?;
        }
        Event::LateDebit { amount, .. } => books.post(of(K::Suspense), issuer(), *amount)?,
        Event::LateKept => {
            if let Some(debit) = &r.debit {
                books.post(of(K::Clearing), of(K::Suspense), debit.amount)?;
            }
        }
        Event::Reversed
        | Event::ResolvedReversed { .. }
        | Event::Declined { .. }
        | Event::ResolvedAbsent { .. } => take_back(r, books)?,
        Event::PaySent { amount, .. } => {
            let source = if r.state == State::Owed { K::Owed } else { K::Clearing };
            books.post(of(K::Transit), of(source), *amount)?;
        }
        Event::Paid { .. } | Event::ResolvedPaid { .. } => {
            books.post(of(K::Float), of(K::Transit), paid())?
        }
        Event::Owed if r.state == State::Returned => books.post(of(K::Owed), of(K::Float), paid())?,
        Event::Owed | Event::ResolvedUnpaid { .. } => books.post(of(K::Owed), of(K::Transit), paid())?,
        // A pay-out that came back and is paid again does not earn the fee again.
        Event::Split if !r.split => split(r, books, false)?,
        Event::Cleared { .. } | Event::ResolvedCleared { .. } if r.receipt.is_none() => {
            if let Some(debit) = &r.debit {
                books.post(issuer(), of(K::Bank), debit.amount)?;
            }
        }
        Event::Corrected { .. } => corrected(r, books)?,
        _ => advance(r, event, paid(), books)?,
    }
    Ok(())
}

/// A debit that was booked before is booked anew, or turns out not to stand.
fn take_back(r: &Redemption, books: &mut Transfer) -> Result<(), LedgerError> {
    match &r.debit {
        Some(debit) => {
            books.post(Account::issuer(r.facts.issuer.clone()), Account::of(debit.against), debit.amount)
        }
        None => Ok(()),
    }
}

fn split(r: &Redemption, books: &mut Transfer, back: bool) -> Result<(), LedgerError> {
    let Some(quote) = r.quote.as_ref() else { return Ok(()) };
    let mut post = |account: Account, amount| {
        let (from, to) = (account, Account::of(K::Clearing));
        if back { books.post(to, from, amount) } else { books.post(from, to, amount) }
    };
    post(Account::of(K::Fee), quote.fee)?;
    quote.shares.iter().try_for_each(|(party, amount)| post(Account::share(party.clone()), *amount))
}

/// A debit that was paid for is taken back: everything it led to is unwound, and the seller
/// owes the pay-out.
fn corrected(r: &Redemption, books: &mut Transfer) -> Result<(), LedgerError> {
    if let Some(debit) = &r.debit {
        let from = match r.receipt {
            Some(_) => Account::of(K::Bank),
            None => Account::issuer(r.facts.issuer.clone()),
        };
        books.post(from, Account::of(K::Clearing), debit.amount)?;
    }
    if r.split {
        split(r, books, true)?;
    }
    match &r.payout {
        Some(payout) => books.post(Account::of(K::Clearing), Account::of(K::Clawback), payout.amount),
        None => Ok(()),
    }
}

fn advance(r: &Redemption, event: &Event, paid: Amount, books: &mut Transfer) -> Result<(), LedgerError> {
    let of = Account::of;
    match event {
        Event::AdvanceSent { amount, .. } => books.post(of(K::Transit), of(K::Advance), *amount),
        Event::Advanced { .. } => {
            books.post(of(K::Float), of(K::Transit), paid)?;
            let void = r.state == State::AdvanceVoid;
            if void { books.post(of(K::Advance), of(K::Clawback), paid) } else { Ok(()) }
        }
        Event::AdvanceFailed { .. } => books.post(of(K::Advance), of(K::Transit), paid),
        Event::AdvanceRejected { .. } if r.state != State::Advancing => {
            books.post(of(K::Advance), of(K::Clawback), paid)
        }
        Event::Confirmed { amount, .. } => {
            books.post(of(K::Clearing), Account::issuer(r.facts.issuer.clone()), *amount)?;
            let stood = r.advance.unwrap_or(K::Advance);
            books.post(of(stood), of(K::Clearing), paid)
        }
        Event::PayReturned { .. } if r.state == State::Advanced => {
            books.post(of(K::Advance), of(K::Float), paid)
        }
        Event::Recovered { .. } => books.post(of(K::Clawback), of(K::Float), paid),
        Event::PayReturned { .. } if r.state == State::ClawbackDue => {
            books.post(of(K::Clawback), of(K::Float), paid)
        }
        Event::WrittenOff { .. } => books.post(of(K::Clawback), of(K::Loss), paid),
        _ => Ok(()),
    }
}
