//! What is asked of an issuer or rail, and how dangerous each question is.

use super::Reference;
use crate::base::Text;
use crate::money::Amount;

/// How often an operation may be sent. The kind of operation decides, never a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Harmless: may be retried and hedged.
    Read,
    /// A check that the issuer counts (a PIN): sent once, from a budget per card.
    CountedRead,
    /// Moves value: sent once; afterwards only the recipe for an unknown outcome.
    Effect,
}

/// The kinds of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OpKind {
    /// What is on the card, where asking is not counted.
    Balance,
    /// What is on the card, where the issuer counts wrong secrets.
    PinCheck,
    /// Debit the card.
    Redeem,
    /// What became of a debit, asked by our reference.
    Query,
    /// Undo a debit.
    Reverse,
    /// The issuer's electronic receipt for a debit, for clearing.
    Receipt,
    /// Pay the seller.
    Pay,
    /// What became of a pay-out, asked by its end-to-end id.
    PayQuery,
    /// Opens the channel's session (签到). Ordered by the engine, about no redemption.
    SignIn,
}

impl OpKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Balance,
        Self::PinCheck,
        Self::Redeem,
        Self::Query,
        Self::Reverse,
        Self::Receipt,
        Self::Pay,
        Self::PayQuery,
        Self::SignIn,
    ];

    /// How often it may be sent.
    pub const fn class(self) -> Class {
        match self {
            Self::Balance | Self::Query | Self::Receipt | Self::PayQuery | Self::SignIn => Class::Read,
            Self::PinCheck => Class::CountedRead,
            Self::Redeem | Self::Reverse | Self::Pay => Class::Effect,
        }
    }

    /// The stable number, as records and the C ABI hold it.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The name, as messages and reports show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::PinCheck => "pin_check",
            Self::Redeem => "redeem",
            Self::Query => "query",
            Self::Reverse => "reverse",
            Self::Receipt => "receipt",
            Self::Pay => "pay",
            Self::PayQuery => "pay_query",
            Self::SignIn => "sign_in",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The card as an adapter sees it while it encodes: canonical, in the clear, borrowed.
#[derive(Clone, Copy)]
pub struct CardData<'a> {
    /// The canonical number, where the product has one.
    pub number: Option<&'a [u8]>,
    /// The canonical secret.
    pub secret: &'a [u8],
}

impl core::fmt::Debug for CardData<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("CardData(..)")
    }
}

/// One question to an issuer about one redemption.
#[derive(Clone, Debug)]
pub struct Operation<'a> {
    /// What is asked.
    pub kind: OpKind,
    /// Our reference; repeats carry the same one.
    pub reference: Reference,
    /// The product as the issuer's contract names it.
    pub product: &'a Text,
    /// The card; absent in [`OpKind::Query`] and [`OpKind::Receipt`], which go by reference.
    pub card: Option<CardData<'a>>,
    /// The amount asked (the declared face for a balance).
    pub amount: Amount,
    /// 1 for the first sending of this operation with this reference, then counting up.
    pub attempt: u32,
}

/// One order or question to a pay-out rail.
#[derive(Clone, Debug)]
pub struct Payment<'a> {
    /// [`OpKind::Pay`] or [`OpKind::PayQuery`].
    pub kind: OpKind,
    /// The end-to-end id; repeats carry the same one.
    pub reference: Reference,
    /// Who is paid.
    pub payee: &'a Text,
    /// How much.
    pub amount: Amount,
    /// 1 for the first sending with this end-to-end id, then counting up.
    pub attempt: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_value_is_never_a_read() {
        let effects: alloc::vec::Vec<_> =
            OpKind::ALL.into_iter().filter(|k| k.class() == Class::Effect).collect();
        assert_eq!(effects, [OpKind::Redeem, OpKind::Reverse, OpKind::Pay]);
        for kind in OpKind::ALL {
            assert_eq!(OpKind::from_number(kind.number()), Some(kind));
            assert_eq!(OpKind::from_name(kind.name()), Some(kind));
        }
    }
}
