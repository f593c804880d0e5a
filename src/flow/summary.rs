//! How a redemption stands, in brief: what repeats are answered with and tables show.

use super::facts::{read_amount, write_amount};
use super::{Redemption, State};
use crate::base::{Reader, ShortInput, Text, Wall, Writer};
use crate::card::token::{STALE, TokenError};
use crate::money::Amount;
use crate::risk::BudgetKind;
use alloc::vec::Vec;

const VERSION: u8 = 1;
/// With the age of a snapshot at the end; written only where there is one.
const VERSION_AGED: u8 = 2;
/// What a seller is told of a request that a budget has refused.
const NOT_ACCEPTED: &str = "not_accepted";

/// How a redemption stands. It holds no card data and nothing personal beyond the seller's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: Wall,
    /// Why, as a stable code in snake case, where there is a reason to give.
    pub reason: Option<Text>,
    /// Until when the card is frozen, if it is.
    pub until: Option<Wall>,
    /// The caller's id for the request.
    pub request_id: Text,
    /// Who sells.
    pub seller: Text,
    /// The product.
    pub product: Text,
    /// Its issuer.
    pub issuer: Text,
    /// The face value as declared.
    pub face: Amount,
    /// What the issuer has confirmed.
    pub verified: Option<Amount>,
    /// How old that word was when it was used, in ms, where it came from a snapshot (快照): then
    /// `verified` is what the issuer said before, and only [`Summary::debited`] what was paid for.
    pub verified_age_ms: Option<i64>,
    /// What the issuer has debited.
    pub debited: Option<Amount>,
    /// What the seller has been paid.
    pub payout: Option<Amount>,
    /// The service fee, once booked.
    pub fee: Option<Amount>,
}

impl Summary {
    /// How `r` stands.
    pub fn of(r: &Redemption) -> Self {
        let [verified, debited, payout, fee] = amounts(r);
        Self {
            state: r.state,
            since: r.since,
            reason: r.reason.clone(),
            until: r.until,
            request_id: r.facts.request_id.clone(),
            seller: r.facts.seller.clone(),
            product: r.facts.product.clone(),
            issuer: r.facts.issuer.clone(),
            face: r.facts.face,
            verified,
            verified_age_ms: r.verified_age_ms,
            debited,
            payout,
            fee,
        }
    }

    /// The state as a seller's outcome names it: one of `retired`, `declined`, `in_review`,
    /// `frozen`, `blocked`, `already_sold`, `suspended` and, while the machine is at it,
    /// `in_progress`.
    pub fn public_state(&self) -> &'static str {
        let sold = self.reason.as_deref() == Some("already_sold");
        match self.state {
            State::Retired => "retired",
            State::Declined if sold => "already_sold",
            State::Declined | State::Cancelled | State::Reversed => "declined",
            State::InReview | State::Challenged => "in_review",
            State::Frozen => "frozen",
            State::Blocked => "blocked",
            State::Recovered => "declined",
            state if state.waits_for_people() || state == State::WrittenOff => "suspended",
            _ => "in_progress",
        }
    }

    /// Whether the card must be scanned again before it goes on, for its token has gone stale: the
    /// fresh token is brought with `Engine::rescan`.
    pub fn wants_scan(&self) -> bool {
        self.state == State::Challenged && self.reason.as_deref() == Some(STALE)
    }

    /// The reason as a seller may be told it. The exact one is for the dealer's own people: of a
    /// token it would help who tries to make one, of a budget who tries to stay below it.
    pub fn public_reason(&self) -> Option<&str> {
        let exact = self.reason.as_deref()?;
        let budget = BudgetKind::ALL.iter().any(|kind| kind.reason().reason() == exact);
        Some(TokenError::public_reason(exact).unwrap_or(if budget { NOT_ACCEPTED } else { exact }))
    }

    /// Appends the canonical form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let w = &mut Writer::new(out);
        write_standing(
            w,
            version_of(self.verified_age_ms),
            self.state,
            self.since,
            self.reason.as_ref(),
            self.until,
        );
        w.text(&self.request_id).text(&self.seller).text(&self.product).text(&self.issuer);
        write_amounts(w, self.face, [self.verified, self.debited, self.payout, self.fee]);
        write_age(w, self.verified_age_ms);
    }

    /// Appends the canonical form of what [`Summary::of`] makes.
    pub(crate) fn encode_of(r: &Redemption, out: &mut Vec<u8>) {
        let w = &mut Writer::new(out);
        write_standing(w, version_of(r.verified_age_ms), r.state, r.since, r.reason.as_ref(), r.until);
        w.text(&r.facts.request_id).text(&r.facts.seller).text(&r.facts.product).text(&r.facts.issuer);
        write_amounts(w, r.facts.face, amounts(r));
        write_age(w, r.verified_age_ms);
    }

    /// Reads what [`Summary::encode`] wrote.
    ///
    /// # Errors
    /// [`ShortInput`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, ShortInput> {
        let r = &mut Reader::new(bytes);
        let version = r.u8()?;
        if !matches!(version, VERSION | VERSION_AGED) {
            return Err(ShortInput { at: 0 });
        }
        let state = State::from_number(r.u8()?).ok_or(ShortInput { at: 1 })?;
        let (since, reason) = (r.wall()?, r.text_opt()?);
        let until = (r.bool()?, r.wall()?);
        let until = until.0.then_some(until.1);
        let (request_id, seller, product, issuer) = (r.text()?, r.text()?, r.text()?, r.text()?);
        let face = read_amount(r)?;
        let mut amount = || if r.bool()? { read_amount(r).map(Some) } else { Ok(None) };
        let (verified, debited, payout, fee) = (amount()?, amount()?, amount()?, amount()?);
        let verified_age_ms = if version == VERSION_AGED { Some(r.i64()?) } else { None };
        let summary = Self {
            state,
            since,
            reason,
            until,
            request_id,
            seller,
            product,
            issuer,
            face,
            verified,
            verified_age_ms,
            debited,
            payout,
            fee,
        };
        if r.is_empty() { Ok(summary) } else { r.fail() }
    }
}

/// What was verified, debited, paid out and kept as the fee, as far as it is known.
fn amounts(r: &Redemption) -> [Option<Amount>; 4] {
    let debited = r.debit.as_ref().map(|debit| debit.amount);
    let payout = r.payout.as_ref().filter(|_| r.paid_at.is_some()).map(|payout| payout.amount);
    let fee = r.quote.as_ref().filter(|_| r.split).map(|quote| quote.fee);
    [r.verified.or(debited), debited, payout, fee]
}

const fn version_of(age_ms: Option<i64>) -> u8 {
    if age_ms.is_some() { VERSION_AGED } else { VERSION }
}

fn write_age(w: &mut Writer<'_>, age_ms: Option<i64>) {
    if let Some(age_ms) = age_ms {
        w.i64(age_ms);
    }
}

fn write_standing(
    w: &mut Writer<'_>,
    version: u8,
    state: State,
    since: Wall,
    reason: Option<&Text>,
    until: Option<Wall>,
) {
    w.u8(version).u8(state.number()).wall(since).text_opt(reason);
    w.bool(until.is_some()).wall(until.unwrap_or_default());
}

fn write_amounts(w: &mut Writer<'_>, face: Amount, amounts: [Option<Amount>; 4]) {
    write_amount(w, face);
    for amount in amounts {
        w.bool(amount.is_some());
        if let Some(amount) = amount {
            write_amount(w, amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    #[test]
    fn a_summary_without_a_snapshot_is_written_as_ever_and_both_forms_read_back() {
        let text = |text| Text::new(text).unwrap();
        let amount = Amount::new(100, Currency::CNY);
        let plain = Summary {
            state: State::Paid,
            since: Wall(3),
            reason: None,
            until: None,
            request_id: text("r"),
            seller: text("s"),
            product: text("p"),
            issuer: text("i"),
            face: amount,
            verified: Some(amount),
            verified_age_ms: None,
            debited: Some(amount),
            payout: None,
            fee: None,
        };
        let aged = Summary { verified_age_ms: Some(86_400_000), ..plain.clone() };
        let written = |summary: &Summary| {
            let mut out = Vec::new();
            summary.encode(&mut out);
            out
        };
        let (old, new) = (written(&plain), written(&aged));
        assert_eq!((old[0], new[0], new.len()), (1, 2, old.len() + 8));
        assert_eq!(old[1..], new[1..old.len()]);
        assert_eq!(Summary::decode(&old), Ok(plain));
        assert_eq!(Summary::decode(&new), Ok(aged));
        assert!(Summary::decode(&new[..new.len() - 1]).is_err());
        assert!(Summary::decode(&[&old[..], &[0; 8]].concat()).is_err(), "an old form ends where it ends");
    }
}
