//! A quote: one redeemed value divided, to the last cent.

use super::Terms;
use crate::base::{Advice, Code, Reader, ShortInput, Text, Writer, block};
use crate::money::{Amount, Currency, MoneyError, Rate, split};
use alloc::vec::Vec;

/// Why no quote can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The rate lies outside the product's guard.
    #[error("rate {rate} lies outside {low} to {high}")]
    Guard {
        /// The rate.
        rate: Rate,
        /// The guard's lower end.
        low: Rate,
        /// The guard's upper end.
        high: Rate,
    },
    /// The terms are not usable ([`Terms::problem`] says why).
    #[error("the terms of settlement are not usable")]
    Terms,
    /// An amount out of range.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl QuoteError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::PRICING,
            match self {
                Self::Guard { .. } => 1,
                Self::Terms => 2,
                Self::Money(_) => 3,
            },
        )
    }

    /// All of these are errors of the set-up.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// One redeemed value divided: pay-out + fee + shares = value, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The value redeemed at the issuer.
    pub value: Amount,
    /// The rate.
    pub rate: Rate,
    /// What the seller gets: value × rate, rounded down to the minor unit.
    pub payout: Amount,
    /// The service fee: value × fee rate rounded down, at most what the pay-out leaves.
    pub fee: Amount,
    /// The profit shares, by largest remainder.
    pub shares: Vec<(Text, Amount)>,
}

/// Divides `value`. The rate must lie within the guard (both ends included).
///
/// # Errors
/// [`QuoteError`].
pub fn quote(value: Amount, rate: Rate, guard: (Rate, Rate), terms: &Terms) -> Result<Quote, QuoteError> {
    let (low, high) = guard;
    if rate < low || rate > high {
        return Err(QuoteError::Guard { rate, low, high });
    }
    let payout = rate.of(value)?;
    let margin = value.minus(payout)?;
    let fee = Rate::parse(&terms.fee).map_err(|_| QuoteError::Terms)?.of(value)?;
    let fee = if fee.minor() > margin.minor() { margin } else { fee };
    let weights: Vec<u32> = terms.shares.iter().map(|share| share.weight).collect();
    let parts = split(margin.minus(fee)?, &weights).map_err(|_| QuoteError::Terms)?;
    let mut shares = Vec::with_capacity(parts.len());
    for (share, part) in terms.shares.iter().zip(parts) {
        shares.push((Text::new(&share.party).map_err(|_| QuoteError::Terms)?, part));
    }
    Ok(Quote { value, rate, payout, fee, shares })
}

impl Quote {
    /// Appends the canonical form.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u16(self.value.currency().numeric()).i64(self.value.minor()).u32(self.rate.ppm());
        w.i64(self.payout.minor()).i64(self.fee.minor());
        w.u8(u8::try_from(self.shares.len()).expect("terms hold at most 16 shares"));
        for (party, amount) in &self.shares {
            w.text(party).i64(amount.minor());
        }
    }

    /// Reads what [`Quote::encode`] wrote.
    ///
    /// # Errors
    /// [`ShortInput`].
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        let bad = |r: &Reader<'_>| ShortInput { at: r.position() };
        let currency = Currency::from_numeric(r.u16()?).map_err(|_| bad(r))?;
        let value = Amount::new(r.i64()?, currency);
        let rate = Rate::from_ppm(r.u32()?).map_err(|_| bad(r))?;
        let (payout, fee) = (Amount::new(r.i64()?, currency), Amount::new(r.i64()?, currency));
        let count = r.u8()?;
        let share = |_| Ok((r.text()?, Amount::new(r.i64()?, currency)));
        let shares = (0..count).map(share).collect::<Result<_, _>>()?;
        Ok(Self { value, rate, payout, fee, shares })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn payout_fee_and_shares_add_up_to_the_value(minor in 0..=i64::MAX, ppm in 850_000..=950_000_u32, fee in 0..=200_u32) {
            let terms = Terms { fee: alloc::format!("0.{fee:03}"), ..Terms::default() };
            let rate = Rate::from_ppm(ppm).unwrap();
            let guard = (Rate::from_ppm(850_000).unwrap(), Rate::from_ppm(950_000).unwrap());
            let quote = quote(Amount::new(minor, Currency::CNY), rate, guard, &terms).unwrap();
            let shares: i128 = quote.shares.iter().map(|(_, a)| i128::from(a.minor())).sum();
            prop_assert_eq!(i128::from(quote.payout.minor()) + i128::from(quote.fee.minor()) + shares, i128::from(minor));
            prop_assert!(quote.fee.minor() >= 0 && quote.shares.iter().all(|(_, a)| a.minor() >= 0));
            let mut bytes = Vec::new();
            quote.encode(&mut Writer::new(&mut bytes));
            prop_assert_eq!(Quote::decode(&mut Reader::new(&bytes)), Ok(quote));
        }
    }

    #[test]
    fn a_rate_outside_the_guard_gives_no_quote() {
        let rate = |text| Rate::parse(text).unwrap();
        let of = |text| {
            quote(
                Amount::new(100, Currency::CNY),
                rate(text),
                (rate("0.85"), rate("0.95")),
                &Terms::default(),
            )
        };
        assert!(of("0.85").is_ok() && of("0.95").is_ok());
        assert!(matches!(of("0.849999"), Err(QuoteError::Guard { .. })));
        assert!(matches!(of("0.950001"), Err(QuoteError::Guard { .. })));
    }
}
