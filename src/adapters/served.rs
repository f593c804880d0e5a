//! What the issuer's side of an adapter reads out of a request, whatever the protocol: for
//! simulated issuers, tests, and issuers that use scrip on their side.

use crate::base::{Secret, Text};
use crate::issuer::{CardData, OpKind, Reference};
use crate::money::Amount;

/// One operation as an issuer or rail reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is asked.
    pub kind: OpKind,
    /// The asker's reference.
    pub reference: Reference,
    /// The product, of questions to an issuer.
    pub product: Option<Text>,
    /// Who is paid, of orders to a rail.
    pub payee: Option<Text>,
    /// The amount asked.
    pub amount: Amount,
    /// 1 for the first sending.
    pub attempt: u32,
    /// The card, opened, where the operation carries one.
    pub card: Option<OpenCard>,
}

/// A card as the issuer's side opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCard {
    /// The canonical number, where the product has one.
    pub number: Option<Secret>,
    /// The canonical secret.
    pub secret: Secret,
}

impl OpenCard {
    /// The same card, borrowed, as adapters see it.
    pub fn data(&self) -> CardData<'_> {
        CardData { number: self.number.as_ref().map(Secret::expose), secret: self.secret.expose() }
    }
}
