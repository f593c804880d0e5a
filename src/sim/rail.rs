//! One rail: whom it paid, and what came back.

use super::SimError;
use super::config::{SimRail, own_reference};
use super::entry::{Entry, Line};
use super::ledger::Ledger;
use crate::adapters::FarEnd;
use crate::adapters::signed_json::Server;
use crate::base::{Secret, Text, Wall};
use crate::issuer::{Accepted, Decline, Outcome, Reference};
use crate::money::Amount;
use crate::vault::tag;
use std::collections::HashMap;
use std::path::Path;
use std::string::ToString;

enum Payout {
    Paid { amount: Amount, own: Text, returned: bool },
    Refused(Decline),
}

/// One rail's pay-outs. A repeat with the same end-to-end id hears what the first one heard.
pub struct RailBook {
    server: Server,
    key: Secret,
    payouts: HashMap<Reference, Payout>,
    ledger: Ledger,
}

impl RailBook {
    /// Opens the book of `rail`, with its ledger in `dir` or in memory.
    ///
    /// # Errors
    /// [`SimError`]: a ledger that cannot be read or written, a key that is none.
    pub fn open(rail: &SimRail, dir: Option<&Path>) -> Result<Self, SimError> {
        let mut payouts = HashMap::new();
        let ledger = Ledger::open(dir, &rail.profile.name)?;
        for Line { entry, .. } in ledger.lines() {
            take(&mut payouts, entry);
        }
        Ok(Self { server: Server::new(rail.key.clone())?, key: rail.key.clone(), payouts, ledger })
    }

    /// Pays, or answers a repeat as before; `refuse` says no to a payee not yet paid under this
    /// end-to-end id.
    ///
    /// # Errors
    /// [`SimError::Io`] if the ledger cannot be written: then nothing happened.
    pub fn pay(
        &mut self,
        reference: Reference,
        payee: &Text,
        amount: Amount,
        refuse: Option<Decline>,
        at: Wall,
    ) -> Result<Outcome, SimError> {
        if !self.payouts.contains_key(&reference) {
            let wrong = (amount.minor() <= 0).then_some(Decline::FormatInvalid);
            let entry = match wrong.or(refuse) {
                Some(decline) => Entry::Refusal { reference, decline },
                None => {
                    let whole = tag(&self.key, "scrip sim payee v1", &[payee.as_bytes()]);
                    let payee = *whole.first_chunk().expect("a tag has 32 bytes");
                    let own = own_reference(self.ledger.name(), &reference.to_string(), 0, 0);
                    Entry::Payout { reference, payee, amount, own }
                }
            };
            self.write(at, entry)?;
        }
        Ok(self.query(reference))
    }

    /// Brings a pay-out back; does nothing if there is none or it came back before.
    ///
    /// # Errors
    /// [`SimError::Io`] if the ledger cannot be written: then nothing happened.
    pub fn give_back(&mut self, reference: Reference, at: Wall) -> Result<Outcome, SimError> {
        if let Some(Payout::Paid { returned: false, .. }) = self.payouts.get(&reference) {
            self.write(at, Entry::Return { reference })?;
        }
        Ok(self.query(reference))
    }

    /// What became of a pay-out: paid, refused, returned ([`Outcome::Reversed`]) or not known.
    pub fn query(&self, reference: Reference) -> Outcome {
        match self.payouts.get(&reference) {
            None => Outcome::NotFound,
            Some(Payout::Refused(decline)) => Outcome::Declined(*decline),
            Some(Payout::Paid { returned: true, .. }) => Outcome::Reversed,
            Some(Payout::Paid { amount, own, .. }) => Outcome::Accepted(Accepted {
                reference: own.clone(),
                amount: *amount,
                card: None,
                generation: None,
            }),
        }
    }

    pub(super) fn far_end(&self) -> &dyn FarEnd {
        &self.server
    }

    pub(super) fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    pub(super) fn kept(&self) -> &Ledger {
        &self.ledger
    }

    fn write(&mut self, at: Wall, entry: Entry) -> Result<(), SimError> {
        self.ledger.append(at, [entry.clone()].into())?;
        take(&mut self.payouts, &entry);
        Ok(())
    }
}

fn take(payouts: &mut HashMap<Reference, Payout>, entry: &Entry) {
    match entry {
        Entry::Payout { reference, amount, own, .. } => {
            let paid = Payout::Paid { amount: *amount, own: own.clone(), returned: false };
            payouts.insert(*reference, paid);
        }
        Entry::Refusal { reference, decline } => {
            payouts.insert(*reference, Payout::Refused(*decline));
        }
        Entry::Return { reference } => {
            if let Some(Payout::Paid { returned, .. }) = payouts.get_mut(reference) {
                *returned = true;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RedemptionId;
    use crate::issuer::Profiles;
    use crate::money::Currency;

    #[test]
    fn a_pay_out_is_made_once_and_may_come_back_once() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[rail.payout]\nadapter = \"signed_json\"\nendpoints = [\"a\"]";
        let rail = SimRail::new(Profiles::parse(text).unwrap().rails["payout"].clone());
        let mut book = RailBook::open(&rail, Some(dir.path())).unwrap();
        let reference = |n| Reference::payout(RedemptionId([1; 16]), n);
        let payee = Text::new("seller-7").unwrap();
        let amount = Amount::new(9_000, Currency::CNY);
        let mut pay = |n, refuse| book.pay(reference(n), &payee, amount, refuse, Wall(1)).unwrap();
        let paid = pay(1, None);
        assert!(matches!(paid, Outcome::Accepted(_)));
        assert_eq!(pay(1, Some(Decline::PayeeInvalid)), paid, "a repeat hears the same");
        assert_eq!(pay(2, Some(Decline::PayeeInvalid)), Outcome::Declined(Decline::PayeeInvalid));
        assert_eq!(pay(2, None), Outcome::Declined(Decline::PayeeInvalid));
        assert_eq!(book.query(reference(3)), Outcome::NotFound);
        for _ in 0..2 {
            assert_eq!(book.give_back(reference(1), Wall(2)), Ok(Outcome::Reversed));
        }
        assert_eq!(book.kept().lines().len(), 3);
        drop(book);
        let mut book = RailBook::open(&rail, Some(dir.path())).unwrap();
        assert_eq!(book.query(reference(1)), Outcome::Reversed);
        assert_eq!(book.pay(reference(1), &payee, amount, None, Wall(3)), Ok(Outcome::Reversed));
        let ledger = std::fs::read_to_string(dir.path().join("payout.ledger")).unwrap();
        assert!(!ledger.contains("seller-7"), "{ledger}");
    }
}
