//! Splitting by largest remainder.

use super::Amount;
use crate::base::planted;
use alloc::vec::Vec;

/// Why a split cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// No weights, or weights that are all zero.
    #[error("a split needs a weight above 0")]
    NoWeight,
    /// A negative amount.
    #[error("only amounts of 0 or more are split")]
    Negative,
}

/// Splits `amount` in proportion to `weights`, by largest remainder (Hare); of equal remainders
/// the earlier one gains. The parts always add up to `amount`.
///
/// # Errors
/// [`SplitError`].
///
/// ```
/// use scrip::money::{split, Amount, Currency};
/// let parts = split(Amount::new(100, Currency::CNY), &[1, 1, 1])?;
/// assert_eq!(parts.iter().map(|part| part.minor()).collect::<Vec<_>>(), [34, 33, 33]);
/// # Ok::<(), scrip::money::SplitError>(())
/// ```
#[expect(
    clippy::arithmetic_side_effects,
    reason = "a product is below 2^63 * 2^32, a sum of weights below 2^64, both within 128 bits; parts add \
        up to no more than the whole"
)]
pub fn split(amount: Amount, weights: &[u32]) -> Result<Vec<Amount>, SplitError> {
    let total = u128::try_from(amount.minor()).map_err(|_| SplitError::Negative)?;
    let sum: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    if sum == 0 {
        return Err(SplitError::NoWeight);
    }
    let floor = |weight: u32| {
        let minor = i64::try_from(total * u128::from(weight) / sum).expect("a part is at most the whole");
        Amount::new(minor, amount.currency())
    };
    let mut parts: Vec<Amount> = weights.iter().map(|&weight| floor(weight)).collect();
    let missing = amount.minor() - parts.iter().map(|part| part.minor()).sum::<i64>();
    if missing == 0 || planted!(LostRemainder) {
        return Ok(parts);
    }
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&i| core::cmp::Reverse(total * u128::from(weights[i]) % sum));
    for &i in order.iter().take(usize::try_from(missing).unwrap_or(usize::MAX)) {
        parts[i] = Amount::new(parts[i].minor() + 1, amount.currency());
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_cent_is_lost_or_invented(minor in 0..=i64::MAX, weights in prop::collection::vec(0..=u32::MAX, 1..20)) {
            let amount = Amount::new(minor, Currency::CNY);
            match split(amount, &weights) {
                Ok(parts) => {
                    prop_assert_eq!(parts.iter().map(|p| i128::from(p.minor())).sum::<i128>(), i128::from(minor));
                    let sum: u128 = weights.iter().map(|&w| u128::from(w)).sum();
                    for (part, &weight) in parts.iter().zip(&weights) {
                        let floor = minor as u128 * u128::from(weight) / sum;
                        prop_assert!((part.minor() as u128).abs_diff(floor) <= 1);
                        prop_assert!(weight > 0 || part.minor() == 0);
                    }
                }
                Err(error) => prop_assert_eq!(error, SplitError::NoWeight),
            }
        }
    }
}
