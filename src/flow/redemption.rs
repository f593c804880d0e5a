//! One redemption, as its records fold it. Nothing is decided here: replaying the records gives
//! the same redemption, always.

use super::{Event, EventKind, Facts, FlowError, State, TokenUse, next};
use crate::base::{RedemptionId, Text, Wall, planted};
use crate::card::token::STALE;
use crate::issuer::{CardTag, Cause};
use crate::ledger::AccountKind;
use crate::money::Amount;
use crate::pricing::Quote;
use crate::record::Record;
use crate::risk::Reason;
use alloc::vec::Vec;

/// The order to debit the card, as last sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeem {
    /// The site it went to.
    pub endpoint: u32,
    /// How often it was sent.
    pub attempt: u32,
    /// How often it is known not to have left.
    pub not_sent: u32,
    /// How often its writer ended before an answer came.
    pub cut_off: u32,
    /// When it was first sent: its age counts from here.
    pub first_at: Wall,
    /// When it was last sent.
    pub last_at: Wall,
    /// The tag under which the issuer echoes the card.
    pub tag: Option<CardTag>,
}

impl Redeem {
    /// How often it was sent in vain, for all that is known: a sending that the end of its writer
    /// cut off says nothing about the issuer.
    pub(super) fn tried(&self) -> u32 {
        self.attempt.saturating_sub(self.cut_off)
    }
}

/// What the issuer debited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debit {
    /// The issuer's reference.
    pub reference: Text,
    /// How much.
    pub amount: Amount,
    /// The account that stands against it.
    pub against: AccountKind,
}

/// The pay-out, as last ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Who is paid.
    pub payee: Text,
    /// Its number: one more for each new payee; part of the end-to-end id.
    pub number: u16,
    /// How much.
    pub amount: Amount,
    /// How often it was sent under this end-to-end id.
    pub attempt: u32,
    /// When it was first ordered.
    pub first_at: Wall,
    /// When it was last sent.
    pub last_at: Wall,
    /// The rail's reference, once paid.
    pub reference: Option<Text>,
}

/// One redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// Its name.
    pub id: RedemptionId,
    /// Its request.
    pub facts: Facts,
    /// Where it stands.
    pub state: State,
    /// Since when it stands there.
    pub since: Wall,
    /// How many records it has.
    pub records: u32,
    /// Why it stands where it stands, where there is a reason to give.
    pub reason: Option<Text>,
    /// What risk found.
    pub reasons: Vec<Reason>,
    /// Until when the card is frozen, if it is.
    pub until: Option<Wall>,
    /// Whether a person has let it go on.
    pub reviewed: bool,
    /// The token that was used, the latest if it was scanned again.
    pub token: Option<TokenUse>,
    /// Whether the card must be scanned again before it goes on.
    pub wants_token: bool,
    /// The counted check of the secret, as last sent.
    pub check: Option<(u32, u32)>,
    /// What the issuer says is on the card.
    pub verified: Option<Amount>,
    /// How old that word was, in ms, where it came from a snapshot.
    pub verified_age_ms: Option<i64>,
    /// How its value is divided.
    pub quote: Option<Quote>,
    /// The order to debit.
    pub redeem: Option<Redeem>,
    /// What was debited.
    pub debit: Option<Debit>,
    /// The undo: how often it was sent, and when first; 0 times where the debit showed up after it.
    pub undo: Option<(u32, Wall)>,
    /// How often a debit showed up after the end.
    pub late_debits: u32,
    /// Whether an approval came in while the debit was being undone.
    pub late: bool,
    /// Whether an undone debit's card is still kept from others.
    pub quarantined: bool,
    /// The pay-out.
    pub payout: Option<Payout>,
    /// Where the money of an advance stands, while there is one.
    pub advance: Option<AccountKind>,
    /// Whether an advance counts against its limits.
    pub exposed: bool,
    /// When the seller was paid.
    pub paid_at: Option<Wall>,
    /// Whether fee and shares are booked.
    pub split: bool,
    /// The issuer's receipt.
    pub receipt: Option<Text>,
    /// What the issuer's adapter must know again of the debit that it sent.
    pub trace: Option<Text>,
    /// The state it was suspended from.
    pub suspended_from: Option<State>,
}

impl Redemption {
    /// A redemption before its first record.
    pub fn new(id: RedemptionId, facts: Facts) -> Self {
        Self {
            id,
            facts,
            state: State::Received,
            since: Wall(0),
            records: 0,
            reason: None,
            reasons: Vec::new(),
            until: None,
            reviewed: false,
            token: None,
            wants_token: false,
            check: None,
            verified: None,
            verified_age_ms: None,
            quote: None,
            redeem: None,
            debit: None,
            undo: None,
            late_debits: 0,
            late: false,
            quarantined: false,
            payout: None,
            advance: None,
            exposed: false,
            paid_at: None,
            split: false,
            receipt: None,
            trace: None,
            suspended_from: None,
        }
    }

    /// Folds records, from the first, into a redemption.
    ///
    /// # Errors
    /// [`FlowError`] if a record cannot be read or is not allowed after the ones before it.
    pub fn replay(id: RedemptionId, records: &[Record<'_>]) -> Result<Self, FlowError> {
        let first = records.first().ok_or(FlowError::NotNow(State::Received))?;
        let (_, Event::Received(facts)) = Event::from_record(first)? else {
            return Err(FlowError::NotNow(State::Received));
        };
        let mut redemption = Self::new(id, facts);
        for record in records {
            let (at, event) = Event::from_record(record)?;
            if planted!(ReplaySkipsRecord)
                && matches!(event, Event::ReverseUnknown { .. } | Event::PayAgain(_))
            {
                continue;
            }
            redemption.apply(at, &event)?;
        }
        Ok(redemption)
    }

    /// Takes one step.
    ///
    /// # Errors
    /// [`FlowError::NotAllowed`] if the table does not allow it; nothing is changed.
    pub fn apply(&mut self, at: Wall, event: &Event) -> Result<(), FlowError> {
        let from = self.state;
        let to = self.after(event.kind())?;
        self.records += 1;
        self.fold_intake(event);
        self.fold_debit(at, from, event);
        self.fold_payout(at, event);
        if to != from {
            self.state = to;
            self.since = at;
            self.quarantined &= to == State::Reversed;
            self.suspended_from = (to == State::Suspended).then_some(from);
        }
        Ok(())
    }

    /// Takes [`Event::Received`], which says nothing that is not known already.
    pub(super) fn receive(&mut self, at: Wall) -> Result<(), FlowError> {
        self.state = self.after(EventKind::Received)?;
        (self.records, self.since) = (self.records + 1, at);
        Ok(())
    }

    fn after(&self, event: EventKind) -> Result<State, FlowError> {
        next(self.state, event).ok_or(FlowError::NotAllowed { state: self.state, event })
    }

    fn fold_intake(&mut self, event: &Event) {
        match event {
            Event::Passed(j)
            | Event::Challenged(j)
            | Event::Referred(j)
            | Event::Frozen(j)
            | Event::Blocked(j)
            | Event::OverBudget(j) => {
                self.reasons.clone_from(&j.reasons);
                self.until = j.until;
                self.reason = j.reasons.first().and_then(|reason| Text::new(reason.reason()).ok());
            }
            Event::TurnedAway { reason }
            | Event::Doubted { reason }
            | Event::Declined { reason }
            | Event::Rejected { reason, .. }
            | Event::Suspended { reason }
            | Event::Held { reason }
            | Event::PayFailed { reason }
            | Event::PayReturned { reason }
            | Event::AdvanceRejected { reason }
            | Event::Corrected { reason } => self.reason = Some(reason.clone()),
            Event::Expired => self.reason = Text::new("expired").ok(),
            Event::Cancelled { .. } => self.reason = Text::new("cancelled").ok(),
            Event::Reversed | Event::ResolvedReversed { .. } => self.reason = Text::new("reversed").ok(),
            Event::ResolvedAbsent { .. } => self.reason = Text::new("not_debited").ok(),
            Event::ReviewApproved { .. } | Event::ChallengePassed => {
                self.reviewed = true;
                self.reason = None;
            }
            Event::Retired | Event::Unheld { .. } | Event::PaySent { .. } | Event::Redeemed { .. } => {
                self.reason = None;
            }
            Event::ScanWanted => {
                self.wants_token = true;
                self.reason = Text::new(STALE).ok();
            }
            Event::TokenUsed(used) => {
                self.token = Some(used.clone());
                self.wants_token = false;
                self.reason = None;
            }
            Event::CheckSent(sending) => self.check = Some((sending.endpoint, sending.attempt)),
            Event::Verified { balance, .. } => {
                (self.verified, self.verified_age_ms) = (Some(*balance), None);
            }
            Event::Remembered { balance, age_ms } => {
                (self.verified, self.verified_age_ms) = (Some(*balance), Some(*age_ms));
            }
            Event::Quoted(quote) | Event::Requoted(quote) => self.quote = Some(quote.clone()),
            _ => {}
        }
    }

    fn fold_debit(&mut self, at: Wall, from: State, event: &Event) {
        let debit = |reference: &Text, amount: &Amount, against| {
            Some(Debit { reference: reference.clone(), amount: *amount, against })
        };
        match event {
            Event::RedeemSent { sending, tag } => {
                let before = self.redeem.take();
                self.redeem = Some(Redeem {
                    endpoint: sending.endpoint,
                    attempt: sending.attempt,
                    not_sent: before.as_ref().map_or(0, |redeem| redeem.not_sent),
                    cut_off: before.as_ref().map_or(0, |redeem| redeem.cut_off),
                    first_at: before.map_or(at, |redeem| redeem.first_at),
                    last_at: at,
                    tag: *tag,
                });
            }
            Event::RedeemNotSent => {
                if let Some(redeem) = &mut self.redeem {
                    redeem.not_sent += 1;
                }
            }
            Event::RedeemUnknown { cause: Cause::Recovered } => {
                if let Some(redeem) = &mut self.redeem {
                    redeem.cut_off += 1;
                }
            }
            Event::Redeemed { reference, amount, .. }
            | Event::ResolvedDebited { reference, amount, .. }
            | Event::Confirmed { reference, amount } => {
                self.debit = debit(reference, amount, AccountKind::Clearing);
                self.advance = None;
            }
            Event::LateDebit { reference, amount } => {
                self.debit = debit(reference, amount, AccountKind::Suspense);
                self.undo = self.undo.map(|_| (0, at));
                self.late_debits = self.late_debits.saturating_add(1);
            }
            Event::LateKept => {
                if let Some(debit) = &mut self.debit {
                    debit.against = AccountKind::Clearing;
                }
            }
            Event::ReverseSent(sending) => {
                let first = self.undo.filter(|_| from == State::Reversing).map_or(at, |(_, first)| first);
                self.undo = Some((sending.attempt, first));
            }
            Event::Noted { what } if from == State::Reversing && &**what == super::machine::LATE_APPROVAL => {
                self.late = true;
            }
            Event::Reversed | Event::ResolvedReversed { .. } => {
                self.debit = None;
                self.quarantined = true;
            }
            Event::Declined { .. } | Event::ResolvedAbsent { .. } => self.debit = None,
            Event::Traced { trace } => self.trace = Some(trace.clone()),
            Event::QuarantineOver => self.quarantined = false,
            Event::Corrected { .. } => {
                self.debit = None;
                self.split = false;
                self.receipt = None;
                self.advance = Some(AccountKind::Clawback);
            }
            _ => {}
        }
        if matches!(event, Event::LateDebit { .. } | Event::ReverseRefused) {
            self.late = false;
        }
    }

    fn fold_payout(&mut self, at: Wall, event: &Event) {
        match event {
            Event::PaySent { payee, number, amount } | Event::AdvanceSent { payee, number, amount } => {
                self.payout = Some(Payout {
                    payee: payee.clone(),
                    number: *number,
                    amount: *amount,
                    attempt: 1,
                    first_at: at,
                    last_at: at,
                    reference: None,
                });
                if matches!(event, Event::AdvanceSent { .. }) {
                    self.advance = Some(AccountKind::Advance);
                }
            }
            Event::PayAgain(sending) => {
                if let Some(payout) = &mut self.payout {
                    payout.attempt = sending.attempt;
                    payout.last_at = at;
                }
            }
            Event::Paid { reference }
            | Event::ResolvedPaid { reference, .. }
            | Event::Advanced { reference } => {
                if let Some(payout) = &mut self.payout {
                    payout.reference = Some(reference.clone());
                }
                self.paid_at = Some(at);
                if self.state == State::AdvanceVoid {
                    self.advance = Some(AccountKind::Clawback);
                }
            }
            Event::AdvanceRejected { .. } if self.state != State::Advancing => {
                self.advance = Some(AccountKind::Clawback);
            }
            Event::AdvanceFailed { .. } | Event::Recovered { .. } | Event::WrittenOff { .. } => {
                self.advance = None;
            }
            Event::PayReturned { .. } => {
                self.advance = None;
                self.paid_at = None;
            }
            Event::Split => self.split = true,
            Event::Cleared { receipt } | Event::ResolvedCleared { receipt, .. } => {
                self.receipt = Some(receipt.clone());
            }
            Event::ExposureOpened(_) => self.exposed = true,
            Event::ExposureClosed(_) => self.exposed = false,
            _ => {}
        }
    }
}
