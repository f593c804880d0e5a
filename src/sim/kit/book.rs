//! An honest issuer's books.

use super::far::{Heard, Says};
use crate::issuer::{Decline, OpKind};
use crate::money::Amount;
use std::collections::BTreeMap;
use std::format;
use std::string::String;

/// One debit.
#[derive(Clone, Debug)]
pub(super) struct Debit {
    pub(super) own: String,
    amount: Amount,
    pub(super) undone: bool,
}

/// What was debited, by what tells debits apart.
#[derive(Default)]
pub(super) struct Book {
    pub(super) debits: BTreeMap<String, Debit>,
    /// Whether a repeat is answered as a duplicate, and not with the first answer again.
    pub(super) names_duplicates: bool,
}

impl Book {
    /// Does what is asked of the card with `face` on it, and tells what to say with which own
    /// reference and amount.
    pub(super) fn take(&mut self, heard: &Heard, face: Amount) -> (Says, String, Amount) {
        let asked = heard.amount.unwrap_or(face);
        let plain = |says| (says, "I-0".into(), asked);
        if !heard.card_fits {
            return plain(Says::No(Decline::WrongSecret));
        }
        let next = self.debits.len() + 1;
        let known = self.debits.get_mut(&heard.key);
        match (heard.kind, known) {
            (OpKind::Balance | OpKind::PinCheck, _) => (Says::Yes, "I-0".into(), face),
            (OpKind::Redeem, None) => {
                let debit = Debit { own: format!("I-{next:06}"), amount: asked, undone: false };
                let own = debit.own.clone();
                self.debits.insert(heard.key.clone(), debit);
                (Says::Yes, own, asked)
            }
            (OpKind::Redeem, Some(debit)) if debit.undone => plain(Says::No(Decline::Refused)),
            (OpKind::Redeem, Some(debit)) if self.names_duplicates => {
                (Says::Duplicate, debit.own.clone(), debit.amount)
            }
            (OpKind::Redeem, Some(debit)) => (Says::Yes, debit.own.clone(), debit.amount),
            (OpKind::Reverse, Some(debit)) => {
                debit.undone = true;
                (Says::Yes, debit.own.clone(), debit.amount)
            }
            (_, Some(debit)) if !debit.undone => (Says::Yes, debit.own.clone(), debit.amount),
            _ => plain(Says::NotFound),
        }
    }

    /// How many debits stand.
    pub(super) fn standing(&self) -> usize {
        self.debits.values().filter(|debit| !debit.undone).count()
    }
}
