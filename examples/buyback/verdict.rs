//! Whether scrip's books and outcomes agree with what the issuers and the rail really did.

use crate::summary::{Oracle as Figures, Verdict};
use scrip::base::RedemptionId;
use scrip::flow::{Redemption, State};
use scrip::host::Store;
use scrip::ledger::AccountKind;
use scrip::money::Currency;
use scrip::record::Record;
use scrip::sim::Oracle;
use std::collections::BTreeMap;
use std::error::Error;

/// The balance of the books per currency: 0 if they balance.
pub(crate) fn ledger_balance(store: &mut impl Store) -> Result<BTreeMap<&'static str, i128>, Box<dyn Error>> {
    let mut sums = BTreeMap::new();
    store.balances(&mut |_, currency, minor| *sums.entry(currency.alpha()).or_default() += minor)?;
    Ok(sums)
}

/// Asks the issuers' own books, and compares.
pub(crate) fn verdict(store: &mut impl Store, oracle: &Oracle) -> Result<Figures, Box<dyn Error>> {
    let mut debited_minor: BTreeMap<&'static str, i128> = BTreeMap::new();
    let mut debited: BTreeMap<Currency, i128> = BTreeMap::new();
    let (mut cards, mut unexplained) = (0, 0);
    for debit in oracle.debits().filter(|debit| !debit.reversed) {
        cards += 1;
        let minor = i128::from(debit.amount.minor());
        *debited_minor.entry(debit.amount.currency().alpha()).or_default() += minor;
        *debited.entry(debit.amount.currency()).or_default() += minor;
        if !is_explained(store, debit.reference.redemption)? {
            unexplained += 1;
        }
    }
    let mut paid: BTreeMap<Currency, i128> = BTreeMap::new();
    for payout in oracle.payouts().filter(|payout| !payout.returned) {
        *paid.entry(payout.amount.currency()).or_default() += i128::from(payout.amount.minor());
    }
    let twice = oracle.twice().len() + oracle.unbacked().len();
    let agrees = twice == 0 && unexplained == 0 && books_agree(store, &debited, &paid)?;
    Ok(Figures {
        verdict: if agrees { Verdict::Agrees } else { Verdict::Disagrees },
        debited_cards: cards,
        debited_minor,
        debited_twice: u64::try_from(twice).unwrap_or(u64::MAX),
        unexplained,
    })
}

/// A debit is explained if its seller is paid, or it stands in a queue with a reason or an age.
fn is_explained(store: &mut impl Store, id: RedemptionId) -> Result<bool, Box<dyn Error>> {
    let Some(handed) = store.load(id)? else { return Ok(false) };
    let r = Redemption::replay(id, &Record::decode_all(&handed.log)?)?;
    Ok(match r.state {
        State::Retired | State::Cleared | State::Split | State::Paid => r.paid_at.is_some(),
        State::Declined | State::Cancelled | State::Frozen | State::Blocked => false,
        State::Reversed => r.quarantined,
        _ => true,
    })
}

/// What the books say was debited and paid is what the issuers and the rail did, except for
/// what is under way or in suspense.
fn books_agree(
    store: &mut impl Store,
    debited: &BTreeMap<Currency, i128>,
    paid: &BTreeMap<Currency, i128>,
) -> Result<bool, Box<dyn Error>> {
    let mut received: BTreeMap<Currency, i128> = BTreeMap::new();
    let mut spent: BTreeMap<Currency, i128> = BTreeMap::new();
    store.balances(&mut |account, currency, minor| match account.kind() {
        AccountKind::Issuer | AccountKind::Bank => *received.entry(currency).or_default() += minor,
        AccountKind::Float => *spent.entry(currency).or_default() -= minor,
        _ => {}
    })?;
    // A debit or pay-out whose answer never came is real and not yet in the books: it stands in
    // suspense. So the books may hold less than was done, and never more.
    let within = |books: &BTreeMap<Currency, i128>, real: &BTreeMap<Currency, i128>| {
        books.iter().all(|(currency, minor)| *minor <= real.get(currency).copied().unwrap_or(0))
    };
    let balanced = ledger_balance(store)?.values().all(|sum| *sum == 0);
    Ok(balanced && within(&received, debited) && within(&spent, paid))
}
