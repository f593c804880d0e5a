//! What an issuer knows of a card.

use crate::base::{Secret, Text};
use crate::issuer::Decline;
use crate::money::Amount;

/// The state of a card at its issuer, as `issuer-cards` files name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardStatus {
    /// Can be debited.
    Active,
    /// Not yet activated at the till.
    Inactive,
    /// Used or bound before.
    Used,
    /// Past its validity.
    Expired,
    /// Frozen or reported lost.
    Frozen,
}

impl CardStatus {
    const ALL: [Self; 5] = [Self::Active, Self::Inactive, Self::Used, Self::Expired, Self::Frozen];

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Frozen => "frozen",
        }
    }

    /// The status with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Why a card in this state is declined; `None` if it is not.
    pub const fn decline(self) -> Option<Decline> {
        match self {
            Self::Active => None,
            Self::Inactive => Some(Decline::NotActivated),
            Self::Used => Some(Decline::AlreadyUsed),
            Self::Expired => Some(Decline::Expired),
            Self::Frozen => Some(Decline::FrozenByIssuer),
        }
    }
}

/// One card of an issuer's own list.
///
/// Number and secret are in canonical form (no separators, capitals), as the engine sends them:
/// issuers compare them byte by byte.
#[derive(Clone, Debug)]
pub struct SimCard {
    /// The product.
    pub product: Text,
    /// The canonical number; `None` where the secret alone is the card.
    pub number: Option<Secret>,
    /// The canonical secret.
    pub secret: Secret,
    /// What is on the card.
    pub balance: Amount,
    /// Its state.
    pub status: CardStatus,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for status in CardStatus::ALL {
            assert_eq!(CardStatus::from_name(status.name()), Some(status));
            assert_eq!(status.decline().is_none(), status == CardStatus::Active);
        }
        assert_eq!(CardStatus::from_name("Active"), None);
    }
}
