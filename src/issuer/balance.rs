//! What issuers tell of cards that nobody asked about.

use crate::money::Amount;

/// One row of a list of balances (余额文件).
#[derive(Clone, Copy)]
pub struct Balance<'a> {
    /// The product as the catalogue names it.
    pub product: &'a str,
    /// The card's number or, of a product without numbers, its secret.
    pub card: &'a str,
    /// What is on it.
    pub balance: Amount,
}

impl core::fmt::Debug for Balance<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Balance({}, ..)", self.product)
    }
}
