//! Values as the database keeps them: ids as `uuid`, sums as `numeric`, counts as `bigint`.

use super::StoreError;
use super::fault::Fault;
use bytes::BytesMut;
use std::boxed::Box;
use std::error::Error;
use std::format;
use std::vec::Vec;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

type Foreign = Box<dyn Error + Sync + Send>;

/// Sixteen bytes, sorted by the database as [`Ord`] sorts them here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(pub(super) [u8; 16]);

impl ToSql for Id {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Foreign> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Id {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Foreign> {
        Ok(Self(raw.try_into()?))
    }

    accepts!(UUID);
}

/// A sum, exact beyond 64 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wide(pub(super) i128);

const NEGATIVE: u16 = 0x4000;
/// `numeric` is sent in digits of four decimal places.
const BASE: u128 = 10_000;

/// The binary form of `numeric`: how many digits, the power of the first, sign, places after the
/// point, and the digits, each in two bytes, the highest first.
impl ToSql for Wide {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Foreign> {
        let mut digits = Vec::<u16>::with_capacity(10);
        let mut rest = self.0.unsigned_abs();
        while rest > 0 {
            digits.push(u16::try_from(rest % BASE)?);
            rest /= BASE;
        }
        let count = u16::try_from(digits.len())?;
        let sign = if self.0 < 0 { NEGATIVE } else { 0 };
        for part in [count, count.saturating_sub(1), sign, 0].into_iter().chain(digits.into_iter().rev()) {
            out.extend_from_slice(&part.to_be_bytes());
        }
        Ok(IsNull::No)
    }

    accepts!(NUMERIC);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Wide {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Foreign> {
        let parts: Vec<u16> =
            raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        let [_, weight, sign, _, digits @ ..] = parts.as_slice() else {
            return Err("a number is cut".into());
        };
        let integer = usize::from(*weight).checked_add(1).filter(|count| *count >= digits.len());
        let (Some(integer), 0 | NEGATIVE) = (integer.or(digits.is_empty().then_some(0)), *sign) else {
            return Err("a sum is no whole number".into());
        };
        let mut sum = 0_i128;
        let digits = digits.iter().map(|digit| i128::from(*digit));
        for digit in digits.chain(core::iter::repeat(0)).take(integer.min(11)) {
            let digit = if *sign == NEGATIVE { -digit } else { digit };
            sum =
                sum.checked_mul(10_000).and_then(|sum| sum.checked_add(digit)).ok_or("a sum is too large")?;
        }
        Ok(Self(sum))
    }

    accepts!(NUMERIC);
}

/// An epoch or sequence on its way into the database.
pub(super) fn signed(number: u64) -> Result<i64, Fault> {
    i64::try_from(number)
        .map_err(|_| StoreError::Failed(format!("{number} is more than the database can count")).into())
}

/// An epoch or sequence on its way out of the database.
pub(super) fn unsigned(number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|_| Fault::corrupt(format!("{number} stands where a count should be")))
}

/// A smaller count, or a log's number, on its way out of the database.
pub(super) fn small(number: i64) -> Result<u32, Fault> {
    u32::try_from(number).map_err(|_| Fault::corrupt(format!("{number} stands where a count should be")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(number: i128) -> i128 {
        let mut raw = BytesMut::new();
        Wide(number).to_sql(&Type::NUMERIC, &mut raw).unwrap();
        Wide::from_sql(&Type::NUMERIC, &raw).unwrap().0
    }

    #[test]
    fn a_number_is_sent_as_the_server_sends_it() {
        // SELECT numeric_send(-123450000): 2 digits, of which the first stands for 10,000 squared.
        let raw = [0, 2, 0, 2, 0x40, 0, 0, 0, 0, 1, 0x09, 0x29];
        assert_eq!(Wide::from_sql(&Type::NUMERIC, &raw).unwrap(), Wide(-123_450_000));
        assert!(Wide::from_sql(&Type::NUMERIC, &[0, 1, 0xff, 0xff, 0, 0, 0, 1, 0x13, 0x88]).is_err(), "0.5");
        assert!(Wide::from_sql(&Type::NUMERIC, &[0, 0, 0, 0, 0xc0, 0, 0, 0]).is_err(), "NaN");
    }

    proptest! {
        #[test]
        fn every_sum_comes_back(number: i128, small: i64) {
            for number in [number, i128::from(small), 0, i128::MIN, i128::MAX] {
                prop_assert_eq!(there_and_back(number), number);
            }
        }
    }
}
