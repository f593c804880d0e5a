//! Numbers as the database keeps them: signed, of 64 bits.

use super::StoreError;
use super::fault::Fault;
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use std::format;
use std::string::ToString;

/// A sum. Kept as an integer if 64 bits hold it, else as decimal text, so that it is exact and
/// readable in both cases. Its column must have no affinity (`ANY`), or the text becomes a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wide(pub(super) i128);

impl ToSql for Wide {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match i64::try_from(self.0) {
            Ok(small) => small.into(),
            Err(_) => self.0.to_string().into(),
        })
    }
}

impl FromSql for Wide {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(small) => Ok(Self(small.into())),
            ValueRef::Text(_) => value.as_str()?.parse().map(Self).map_err(FromSqlError::other),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// An epoch, sequence or place that the database counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count(pub(super) u64);

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number).map(Self).map_err(|_| FromSqlError::OutOfRange(number))
    }
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
