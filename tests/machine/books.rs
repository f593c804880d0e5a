//! What the books of one redemption must say in each state.

use scrip::flow::{Redemption, State};
use scrip::ledger::{AccountKind as K, Posting};
use std::collections::BTreeMap;

/// The balance of each kind of account, those at zero left out.
pub(crate) type Books = BTreeMap<K, i64>;

pub(crate) fn post(books: &mut Books, postings: &[Posting]) {
    for posting in postings {
        *books.entry(posting.account.kind()).or_default() += posting.amount.minor();
    }
    books.retain(|_, minor| *minor != 0);
}

/// What the books must say of `r`: each state means one picture of the money.
pub(crate) fn expected(r: &Redemption) -> Books {
    let quote = r.quote.as_ref();
    let value = r.debit.as_ref().map_or(0, |debit| debit.amount.minor());
    let payout = r.payout.as_ref().map_or(0, |payout| payout.amount.minor());
    let shares = quote.map_or(0, |quote| quote.shares.iter().map(|(_, share)| share.minor()).sum::<i64>());
    let fee = quote.map_or(0, |quote| quote.fee.minor());
    let state = r.suspended_from.filter(|_| r.state == State::Suspended).unwrap_or(r.state);
    let debited = |more: &[(K, i64)]| {
        let mut lines = vec![(if r.receipt.is_some() { K::Bank } else { K::Issuer }, value)];
        if r.split {
            lines.extend([(K::Fee, -fee), (K::Share, -shares)]);
        }
        lines.extend(more);
        let clearing: i64 = lines.iter().map(|(_, minor)| minor).sum();
        lines.push((K::Clearing, -clearing));
        lines
    };
    let lines = match state {
        State::LateDebit => vec![(K::Issuer, value), (K::Suspense, -value)],
        // A late debit whose undo was refused stands in suspense until it is known what it is.
        State::Redeeming | State::Unknown | State::Pending | State::Absent | State::Reversing => {
            let against = r.debit.as_ref().map_or(K::Suspense, |debit| debit.against);
            vec![(K::Issuer, value), (against, -value)]
        }
        State::Redeemed | State::Held => debited(&[]),
        State::Paying | State::PayoutUnknown | State::PayoutFailed => debited(&[(K::Transit, -payout)]),
        State::Owed => debited(&[(K::Owed, -payout)]),
        State::Paid | State::Split | State::Cleared | State::Retired | State::Returned => {
            debited(&[(K::Float, -payout)])
        }
        State::Advancing | State::AdvanceVoid => vec![(K::Advance, payout), (K::Transit, -payout)],
        State::Advanced => vec![(K::Advance, payout), (K::Float, -payout)],
        State::ClawbackDue => vec![(K::Clawback, payout), (K::Float, -payout)],
        State::WrittenOff => vec![(K::Loss, payout), (K::Float, -payout)],
        // Nothing was debited and nobody has money of ours.
        _ => vec![],
    };
    let mut books = Books::new();
    for (kind, minor) in lines {
        *books.entry(kind).or_default() += minor;
    }
    books.retain(|_, minor| *minor != 0);
    books
}
