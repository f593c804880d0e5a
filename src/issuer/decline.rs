//! The closed list of reasons for which an issuer or rail says a definite no.

macro_rules! declines {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $reason:literal;)*) => {
        /// Why an issuer or rail said no. Definite: the asked effect did not and will not happen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Decline {
            $($(#[$doc])* $name,)*
        }

        impl Decline {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable number, as records and the C ABI hold it.
            pub const fn number(self) -> u8 {
                match self { $(Self::$name => $number,)* }
            }

            /// The stable name in snake case, as outcomes show it.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }
        }
    };
}

declines! {
    /// The issuer could not read the number or secret.
    FormatInvalid = 1, "format_invalid";
    /// No such card.
    UnknownCard = 2, "unknown_card";
    /// The number exists, the secret does not fit.
    WrongSecret = 3, "wrong_secret";
    /// Not yet activated at the till.
    NotActivated = 4, "not_activated";
    /// Used or bound already.
    AlreadyUsed = 5, "already_used";
    /// Past its validity.
    Expired = 6, "expired";
    /// Frozen or reported lost at the issuer.
    FrozenByIssuer = 7, "frozen_by_issuer";
    /// Voided by the issuer.
    Void = 8, "void";
    /// The declared face is not the card's.
    FaceMismatch = 9, "face_mismatch";
    /// Less on the card than asked.
    InsufficientBalance = 10, "insufficient_balance";
    /// The issuer asks to be called less often.
    TooFrequent = 11, "too_frequent";
    /// The issuer is closed for maintenance.
    Maintenance = 12, "issuer_maintenance";
    /// Our credentials, clock, address or configuration are refused: not the card's fault.
    AuthConfig = 13, "issuer_refused_us";
    /// A definite no without a more exact reason.
    Refused = 14, "issuer_declined";
    /// The payee's account does not exist or cannot receive.
    PayeeInvalid = 15, "payee_invalid";
    /// The reload count differs from the one declared.
    GenerationMismatch = 16, "generation_mismatch";
}

impl Decline {
    /// The reason with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|decline| decline.number() == number)
    }

    /// The reason with this name.
    pub fn from_reason(reason: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|decline| decline.reason() == reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_distinct() {
        for &decline in Decline::ALL {
            assert_eq!(Decline::from_number(decline.number()), Some(decline));
            assert_eq!(Decline::from_reason(decline.reason()), Some(decline));
        }
    }
}
