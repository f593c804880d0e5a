//! Accounts, named by kind and, where one kind has many, by whose they are.

use crate::base::Text;
use alloc::string::{String, ToString};
use core::fmt;

/// A text that names no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an account is KIND or KIND:NAME")]
pub struct AccountError;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, $named:literal;)*) => {
        /// What an account is for. Debits are positive, credits negative.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum AccountKind {
            $($(#[$doc])* $name,)*
        }

        impl AccountKind {
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable number, as frames hold it.
            pub const fn number(self) -> u8 {
                match self { $(Self::$name => $number,)* }
            }

            /// The stable name, as tables show it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            const fn is_named(self) -> bool {
                match self { $(Self::$name => $named,)* }
            }
        }
    };
}

kinds! {
    /// What an issuer has debited and not yet delivered to us.
    Issuer = 1, "issuer", true;
    /// Redeemed value not yet distributed to seller, fee and shares.
    Clearing = 2, "clearing", false;
    /// Pay-outs ordered and not yet confirmed.
    Transit = 3, "transit", false;
    /// The money from which sellers are paid (备付).
    Float = 4, "float", false;
    /// Service fees earned.
    Fee = 5, "fee", false;
    /// A profit share of a party.
    Share = 6, "share", true;
    /// The supervised bank account (监管账户) to which issuers deliver.
    Bank = 7, "bank", false;
    /// Owed to sellers whose pay-out failed or came back.
    Owed = 8, "owed", false;
    /// Paid to sellers before final evidence.
    Advance = 9, "advance", false;
    /// To be recovered from sellers.
    Clawback = 10, "clawback", false;
    /// Written off.
    Loss = 11, "loss", false;
    /// Debits whose redemption had ended, until they are reversed or owed (挂账).
    Suspense = 12, "suspense", false;
}

/// An account.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    kind: AccountKind,
    name: Option<Text>,
}

impl Account {
    /// The only account of a kind.
    ///
    /// # Panics
    /// If accounts of this kind carry a name ([`AccountKind::Issuer`], [`AccountKind::Share`]).
    pub const fn of(kind: AccountKind) -> Self {
        assert!(!kind.is_named(), "this kind of account carries a name");
        Self { kind, name: None }
    }

    /// What an issuer has debited and not yet delivered.
    pub const fn issuer(name: Text) -> Self {
        Self { kind: AccountKind::Issuer, name: Some(name) }
    }

    /// The profit share of a party.
    pub const fn share(party: Text) -> Self {
        Self { kind: AccountKind::Share, name: Some(party) }
    }

    /// The kind.
    pub const fn kind(&self) -> AccountKind {
        self.kind
    }

    /// Whose account it is, where the kind has many.
    pub const fn name(&self) -> Option<&Text> {
        self.name.as_ref()
    }

    /// The account of these parts, as read from a frame.
    ///
    /// # Errors
    /// [`AccountError`] for an unknown number, or a name where none belongs or none where one does.
    pub fn from_parts(number: u8, name: Option<Text>) -> Result<Self, AccountError> {
        let kind =
            AccountKind::ALL.iter().copied().find(|kind| kind.number() == number).ok_or(AccountError)?;
        if kind.is_named() == name.is_some() { Ok(Self { kind, name }) } else { Err(AccountError) }
    }

    /// Reads the text form that tables show.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        let (kind, name) = match text.split_once(':') {
            Some((kind, name)) => (kind, Some(Text::new(name).map_err(|_| AccountError)?)),
            None => (text, None),
        };
        let kind = AccountKind::ALL.iter().find(|k| k.name() == kind).ok_or(AccountError)?;
        Self::from_parts(kind.number(), name)
    }

    /// The text form that tables show: `float`, `issuer:bank`.
    pub fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}:{name}", self.kind.name()),
            None => f.write_str(self.kind.name()),
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_reads_back_from_both_forms() {
        let name = Text::new("bank").unwrap();
        for account in [Account::of(AccountKind::Float), Account::issuer(name.clone()), Account::share(name)]
        {
            assert_eq!(Account::parse(&account.to_text()), Ok(account.clone()));
            assert_eq!(Account::from_parts(account.kind().number(), account.name().cloned()), Ok(account));
        }
        assert_eq!(Account::parse("issuer"), Err(AccountError));
        assert_eq!(Account::parse("float:x"), Err(AccountError));
        assert_eq!(Account::from_parts(0, None), Err(AccountError));
    }
}
