//! Postings and the transfers that hold them together.

use super::Account;
use crate::base::{Advice, Code, block};
use crate::money::{Amount, Currency};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// One line in the books: a debit (positive) or credit (negative) of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// The amount; never zero.
    pub amount: Amount,
}

/// Postings that cannot stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The postings of one currency do not add up to zero.
    #[error("postings in {0} do not add up to zero")]
    Unbalanced(Currency),
    /// A sum beyond 64 bits.
    #[error("amount out of range")]
    Overflow,
}

impl LedgerError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::LEDGER,
            match self {
                Self::Unbalanced(_) => 1,
                Self::Overflow => 2,
            },
        )
    }

    /// The books must be looked at before anything else is posted.
    pub const fn advice(&self) -> Advice {
        Advice::Stop
    }
}

/// Postings that belong together and add up to zero in each currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer(Vec<Posting>);

impl From<Vec<Posting>> for Transfer {
    /// Goes on with what transfers left.
    fn from(postings: Vec<Posting>) -> Self {
        Self(postings)
    }
}

impl Transfer {
    /// No postings.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Moves `amount` from one account to another: debits `to`, credits `from`. An amount of
    /// zero moves nothing and leaves no posting.
    ///
    /// # Errors
    /// [`LedgerError::Overflow`] if the amount has no negative.
    pub fn post(&mut self, from: Account, to: Account, amount: Amount) -> Result<(), LedgerError> {
        let negative = amount.minor().checked_neg().ok_or(LedgerError::Overflow)?;
        if negative != 0 {
            self.0.push(Posting { account: to, amount });
            self.0.push(Posting { account: from, amount: Amount::new(negative, amount.currency()) });
        }
        Ok(())
    }

    /// The postings.
    pub fn postings(&self) -> &[Posting] {
        &self.0
    }

    /// The postings, taken out.
    pub fn into_postings(self) -> Vec<Posting> {
        self.0
    }

    /// Takes the postings of `other` too.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }
}

/// Checks that `postings` add up to zero in each currency.
///
/// # Errors
/// [`LedgerError::Unbalanced`] with the first currency that does not.
pub fn trial_balance<'a>(postings: impl IntoIterator<Item = &'a Posting>) -> Result<(), LedgerError> {
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for posting in postings {
        let sum = sums.entry(posting.amount.currency()).or_default();
        *sum = sum.checked_add(i128::from(posting.amount.minor())).ok_or(LedgerError::Overflow)?;
    }
    match sums.into_iter().find(|(_, sum)| *sum != 0) {
        Some((currency, _)) => Err(LedgerError::Unbalanced(currency)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::AccountKind;

    #[test]
    fn a_transfer_always_balances() {
        let mut transfer = Transfer::new();
        let (a, b) = (Account::of(AccountKind::Clearing), Account::of(AccountKind::Transit));
        transfer.post(a.clone(), b.clone(), Amount::new(9_500, Currency::CNY)).unwrap();
        transfer.post(a.clone(), b.clone(), Amount::new(7, Currency::USD)).unwrap();
        transfer.post(a.clone(), b.clone(), Amount::zero(Currency::CNY)).unwrap();
        assert_eq!(transfer.postings().len(), 4);
        assert_eq!(trial_balance(transfer.postings()), Ok(()));
        assert_eq!(trial_balance(&transfer.postings()[1..]), Err(LedgerError::Unbalanced(Currency::CNY)));
        assert_eq!(transfer.post(a, b, Amount::new(i64::MIN, Currency::CNY)), Err(LedgerError::Overflow));
    }
}
