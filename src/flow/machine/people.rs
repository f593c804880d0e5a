//! What people decide: reviewers, sellers, and those who end a suspense.

use super::{Turn, code};
use crate::base::Text;
use crate::card::Product;
use crate::card::token::TokenRule;
use crate::flow::{Event, FlowError, State, TokenUse};
use crate::money::Amount;

/// What people found out about a suspended redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The issuer debited the card. Taken once an undo could no longer be on its way to it: until
    /// then it is [`FlowError::UnderWay`].
    Debited {
        /// The issuer's reference.
        reference: Text,
        /// How much.
        amount: Amount,
    },
    /// The issuer did not debit the card. Taken once a debit could no longer be on its way to it,
    /// after the issuer's `absent_after_ms`; until then it is [`FlowError::UnderWay`].
    NotDebited,
    /// The debit was undone.
    Reversed,
    /// The seller was paid.
    Paid {
        /// The rail's reference.
        reference: Text,
    },
    /// The seller was not paid. Taken once a pay-out could no longer be on its way, the rail's
    /// `absent_after_ms` after people were asked; until then it is [`FlowError::UnderWay`].
    NotPaid,
    /// The issuer delivered the money.
    Delivered {
        /// Its receipt.
        receipt: Text,
    },
}

/// A decision by people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// A reviewer lets it go on: the card is verified and quoted again.
    Approve {
        /// Who.
        by: Text,
    },
    /// A reviewer refuses it.
    Reject {
        /// Who.
        by: Text,
        /// Why, for the record.
        reason: Text,
    },
    /// The seller answered the challenge.
    Challenge {
        /// Whether rightly.
        passed: bool,
    },
    /// It is called off; possible before redeeming only.
    Cancel {
        /// Who.
        by: Text,
    },
    /// An owed pay-out goes to this payee.
    Payee {
        /// Who is paid.
        payee: Text,
    },
    /// A held payee may be paid.
    Unhold {
        /// Who says so.
        by: Text,
    },
    /// The seller gave an advance back.
    Recovered {
        /// Who booked it.
        by: Text,
    },
    /// A claw-back is given up. Two people sign.
    WriteOff {
        /// The first.
        by: Text,
        /// The second.
        second: Text,
    },
    /// A suspense is ended on evidence. Two people sign.
    Resolve {
        /// The first.
        by: Text,
        /// The second.
        second: Text,
        /// What they found.
        finding: Finding,
    },
}

impl Turn<'_, '_> {
    pub(super) fn person(&mut self, verdict: Verdict) -> Result<(), FlowError> {
        let not_now = FlowError::NotNow(self.r.state);
        match (verdict, self.r.state) {
            (Verdict::Approve { by }, State::InReview) => self.approved(Event::ReviewApproved { by }),
            (Verdict::Reject { by, reason }, State::InReview | State::Challenged) => {
                self.take(Event::Rejected { by, reason })
            }
            (Verdict::Challenge { passed: true }, State::Challenged) if !self.r.wants_token => {
                self.approved(Event::ChallengePassed)
            }
            (Verdict::Challenge { passed: false }, State::Challenged) => {
                self.take(Event::Rejected { by: code("seller"), reason: code("challenge_failed") })
            }
            (Verdict::Cancel { by }, state)
                if crate::flow::next(state, crate::flow::EventKind::Cancelled).is_some() =>
            {
                self.take(Event::Cancelled { by })
            }
            (Verdict::Payee { payee }, State::Owed) => self.pay_to(payee),
            (Verdict::Unhold { by }, State::Held) => {
                self.take(Event::Unheld { by })?;
                self.pay_to(self.r.facts.seller.clone())
            }
            (Verdict::Recovered { by }, State::ClawbackDue) => {
                self.close_exposure()?;
                self.take(Event::Recovered { by })
            }
            (Verdict::WriteOff { by, second }, State::ClawbackDue) => {
                two(&by, &second)?;
                self.close_exposure()?;
                self.take(Event::WrittenOff { by, second })
            }
            (Verdict::Resolve { by, second, finding }, State::Suspended) => {
                two(&by, &second)?;
                self.resolve(by, second, finding)
            }
            _ => Err(not_now),
        }
    }

    /// It may go on: with the card verified and quoted again, and with a fresh token if the one it
    /// came with has gone stale meanwhile.
    fn approved(&mut self, event: Event) -> Result<(), FlowError> {
        self.take(event)?;
        let rescans = self.s.product.and_then(Product::token).is_some_and(TokenRule::rescans);
        let stale = self.r.token.as_ref().is_some_and(|used| used.until <= self.s.now);
        if rescans && stale { self.take(Event::ScanWanted) } else { self.proceed() }
    }

    /// The card was scanned again. Nothing follows in the same step, for the store may refuse the
    /// claim on the token's use.
    pub(super) fn scanned(&mut self, used: TokenUse) -> Result<(), FlowError> {
        match self.r.state {
            State::Challenged if self.r.wants_token => {
                self.take(Event::TokenUsed(used))?;
                self.wait(0);
                Ok(())
            }
            state => Err(FlowError::NotNow(state)),
        }
    }

    /// What was found must fit what is open: the debit, its undo, the pay-out or the delivery.
    fn resolve(&mut self, by: Text, second: Text, finding: Finding) -> Result<(), FlowError> {
        let from = self.r.suspended_from;
        let debit_open = matches!(
            from,
            Some(State::Unknown | State::Pending | State::Absent | State::Reversing | State::Reversed)
        );
        let payout_open = from == Some(State::PayoutUnknown);
        if matches!(from, Some(State::Advanced | State::Advancing | State::AdvanceVoid)) {
            return self.resolve_advance(by, second, finding);
        }
        match finding {
            Finding::Debited { reference, amount } if debit_open => {
                if self.r.quote.as_ref().map(|quote| quote.value) != Some(amount) {
                    return Err(FlowError::NotNow(State::Suspended));
                }
                self.arrived(self.undo_under_way())?;
                self.go_on(Event::ResolvedDebited { by, second, reference, amount })
            }
            Finding::NotDebited if debit_open => {
                self.arrived(self.absence_in())?;
                self.take(Event::ResolvedAbsent { by, second })
            }
            Finding::Reversed if debit_open => {
                self.undone_in_suspense(Event::ResolvedReversed { by, second }, true)
            }
            Finding::Paid { reference } if payout_open => {
                self.go_on(Event::ResolvedPaid { by, second, reference })
            }
            Finding::NotPaid if payout_open => {
                self.arrived(self.payout_under_way())?;
                self.take(Event::ResolvedUnpaid { by, second })
            }
            Finding::Delivered { receipt } if from == Some(State::Split) => {
                self.go_on(Event::ResolvedCleared { by, second, receipt })
            }
            _ => Err(FlowError::NotNow(State::Suspended)),
        }
    }

    /// So long a pay-out may still be on its way to the rail, in ms, counted from when people were asked.
    fn payout_under_way(&self) -> i64 {
        let last = self.r.payout.as_ref().map_or(self.r.since, |payout| payout.last_at);
        self.left(last.max(self.r.since), self.s.rail.timing.absent_after_ms)
    }

    /// Whoever looks at the books of an issuer or a rail sees nothing that is still on its way to them.
    fn arrived(&self, left: i64) -> Result<(), FlowError> {
        if left > 0 { Err(FlowError::UnderWay { until: self.s.now.plus(left) }) } else { Ok(()) }
    }

    /// The evidence for an advance, found by people: both names are kept beside the step.
    fn resolve_advance(&mut self, by: Text, second: Text, finding: Finding) -> Result<(), FlowError> {
        match finding {
            Finding::NotDebited => self.arrived(self.absence_in())?,
            Finding::NotPaid => self.arrived(self.payout_under_way())?,
            _ => {}
        }
        self.take(Event::Noted { what: by })?;
        self.take(Event::Noted { what: second })?;
        let (unpaid, void) = (self.advance_suspended(), self.r.suspended_from == Some(State::AdvanceVoid));
        match finding {
            Finding::Paid { reference } if unpaid => {
                self.reopen_advance()?;
                self.advanced(reference)
            }
            Finding::NotPaid if unpaid => {
                self.reopen_advance()?;
                self.advance_failed("not_paid")
            }
            Finding::Debited { reference, amount }
                if !void && self.r.quote.as_ref().map(|quote| quote.value) == Some(amount) =>
            {
                self.confirm_advance(reference, amount)
            }
            Finding::NotDebited if !void => self.advance_rejected("not_debited"),
            _ => Err(FlowError::NotNow(State::Suspended)),
        }
    }

    fn go_on(&mut self, event: Event) -> Result<(), FlowError> {
        self.take(event)?;
        self.proceed()
    }
}

fn two(by: &Text, second: &Text) -> Result<(), FlowError> {
    if by == second { Err(FlowError::TwoPeople) } else { Ok(()) }
}
