//! What really happened, read from the ledgers of issuers and rails: scrip's own books are not
//! asked.

use super::SimError;
use super::entry::{Entry, Line};
use super::ledger::{self, io_error};
use crate::base::{RedemptionId, Wall};
use crate::issuer::{CardTag, Reference};
use crate::money::{Amount, Currency};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::string::String;
use std::vec::Vec;

/// One debit at an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OracleDebit {
    /// The issuer.
    pub issuer: String,
    /// The reference it was asked under.
    pub reference: Reference,
    /// The card, as the tag that the issuer echoes for it.
    pub card: CardTag,
    /// How much.
    pub amount: Amount,
    /// Whether it was undone.
    pub reversed: bool,
    /// When, in the world's time.
    pub at: Wall,
}

/// One pay-out by a rail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OraclePayout {
    /// The rail.
    pub rail: String,
    /// The end-to-end id, which names the redemption and the number of its pay-out.
    pub reference: Reference,
    /// How much.
    pub amount: Amount,
    /// Whether it came back.
    pub returned: bool,
    /// When, in the world's time.
    pub at: Wall,
}

/// Something that happened twice and must not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Twice {
    /// One reference stands debited more than once.
    Reference {
        /// The reference.
        reference: Reference,
        /// How often it stands debited.
        times: usize,
    },
    /// One card stands debited under several references.
    Card {
        /// The issuer.
        issuer: String,
        /// The card.
        card: CardTag,
        /// The references.
        references: Vec<Reference>,
    },
    /// One redemption stands paid more than once.
    Payout {
        /// The redemption.
        redemption: RedemptionId,
        /// The end-to-end ids.
        references: Vec<Reference>,
    },
}

/// Who counts what was really debited and paid.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    debits: Vec<OracleDebit>,
    payouts: Vec<OraclePayout>,
}

impl Oracle {
    /// Reads every ledger in `dir`. A line being written at this moment is left out.
    ///
    /// # Errors
    /// [`SimError::Io`] and [`SimError::Ledger`].
    pub fn read(dir: &Path) -> Result<Self, SimError> {
        let wrap = |error| io_error(dir, &error);
        let mut names = BTreeSet::new();
        for entry in dir.read_dir().map_err(wrap)? {
            let name = entry.map_err(wrap)?.file_name();
            if let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".ledger")) {
                names.insert(String::from(name));
            }
        }
        let mut oracle = Self::default();
        for name in names {
            oracle.take(&name, &ledger::read(&ledger::path(dir, &name))?);
        }
        Ok(oracle)
    }

    pub(super) fn take(&mut self, name: &str, lines: &[Line]) {
        let mut by_own = HashMap::new();
        let mut by_reference = HashMap::new();
        for Line { at, entry } in lines {
            match entry {
                Entry::Debit { reference, card, amount, own, .. } => {
                    by_own.insert(own, self.debits.len());
                    self.debits.push(OracleDebit {
                        issuer: name.into(),
                        reference: *reference,
                        card: *card,
                        amount: *amount,
                        reversed: false,
                        at: *at,
                    });
                }
                Entry::Reversal { own } => {
                    if let Some(&place) = by_own.get(own) {
                        self.debits[place].reversed = true;
                    }
                }
                Entry::Payout { reference, amount, .. } => {
                    by_reference.insert(reference, self.payouts.len());
                    let (rail, reference) = (name.into(), *reference);
                    let payout = OraclePayout { rail, reference, amount: *amount, returned: false, at: *at };
                    self.payouts.push(payout);
                }
                Entry::Return { reference } => {
                    if let Some(&place) = by_reference.get(reference) {
                        self.payouts[place].returned = true;
                    }
                }
                _ => {}
            }
        }
    }

    /// Every debit, undone ones too, issuer by issuer in the order in which they were made.
    pub fn debits(&self) -> impl ExactSizeIterator<Item = &OracleDebit> {
        self.debits.iter()
    }

    /// Every pay-out, returned ones too, rail by rail in the order in which they were made.
    pub fn payouts(&self) -> impl ExactSizeIterator<Item = &OraclePayout> {
        self.payouts.iter()
    }

    /// How often a reference stands debited, net of reversals, over all issuers.
    pub fn debited(&self, reference: Reference) -> usize {
        self.standing_debits().filter(|debit| debit.reference == reference).count()
    }

    /// What stands debited, by issuer and currency, in minor units.
    pub fn debit_totals(&self) -> BTreeMap<(&str, Currency), i128> {
        total(self.standing_debits().map(|debit| (debit.issuer.as_str(), debit.amount)))
    }

    /// What stands paid, by rail and currency, in minor units.
    pub fn payout_totals(&self) -> BTreeMap<(&str, Currency), i128> {
        total(self.standing_payouts().map(|payout| (payout.rail.as_str(), payout.amount)))
    }

    /// Everything that stands debited or paid twice; empty if all is well. Cards that are
    /// loaded again, or debited in parts on purpose, show here too: ask about other worlds only.
    pub fn twice(&self) -> Vec<Twice> {
        let mut references: BTreeMap<Reference, usize> = BTreeMap::new();
        let mut cards: BTreeMap<(&str, [u8; 16]), BTreeSet<Reference>> = BTreeMap::new();
        for debit in self.standing_debits() {
            *references.entry(debit.reference).or_default() += 1;
            cards.entry((&debit.issuer, debit.card.0)).or_default().insert(debit.reference);
        }
        let mut paid: BTreeMap<RedemptionId, Vec<Reference>> = BTreeMap::new();
        for payout in self.standing_payouts() {
            paid.entry(payout.reference.redemption).or_default().push(payout.reference);
        }
        let references = references.into_iter().filter(|(_, times)| *times > 1);
        let cards = cards.into_iter().filter(|(_, references)| references.len() > 1);
        let paid = paid.into_iter().filter(|(_, references)| references.len() > 1);
        let cards = cards.map(|((issuer, card), references)| Twice::Card {
            issuer: issuer.into(),
            card: CardTag(card),
            references: references.into_iter().collect(),
        });
        references
            .map(|(reference, times)| Twice::Reference { reference, times })
            .chain(cards)
            .chain(paid.map(|(redemption, references)| Twice::Payout { redemption, references }))
            .collect()
    }

    /// Pay-outs that stand although nothing stands debited for their redemption: advances, or
    /// money given away.
    pub fn unbacked(&self) -> Vec<&OraclePayout> {
        let debited: BTreeSet<RedemptionId> =
            self.standing_debits().map(|debit| debit.reference.redemption).collect();
        self.standing_payouts().filter(|payout| !debited.contains(&payout.reference.redemption)).collect()
    }

    /// Debits that stand although nothing stands paid for their redemption: each must be in a
    /// queue with an age and an owner.
    pub fn unpaid(&self) -> Vec<&OracleDebit> {
        let paid: BTreeSet<RedemptionId> =
            self.standing_payouts().map(|payout| payout.reference.redemption).collect();
        self.standing_debits().filter(|debit| !paid.contains(&debit.reference.redemption)).collect()
    }

    fn standing_debits(&self) -> impl Iterator<Item = &OracleDebit> {
        self.debits.iter().filter(|debit| !debit.reversed)
    }

    fn standing_payouts(&self) -> impl Iterator<Item = &OraclePayout> {
        self.payouts.iter().filter(|payout| !payout.returned)
    }
}

fn total<'a>(amounts: impl Iterator<Item = (&'a str, Amount)>) -> BTreeMap<(&'a str, Currency), i128> {
    let mut totals = BTreeMap::new();
    for (name, amount) in amounts {
        *totals.entry((name, amount.currency())).or_insert(0) += i128::from(amount.minor());
    }
    totals
}
