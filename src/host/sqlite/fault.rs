//! What the database's errors mean to the caller.

use super::StoreError;
use crate::engine::RecoverError;
use rusqlite::{Error, ErrorCode};
use std::string::{String, ToString};

/// An error on its way out of this folder. The database library's own error type stays inside.
#[derive(Debug)]
pub(super) struct Fault(StoreError);

impl Fault {
    /// What is stored makes no sense.
    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        Self(StoreError::Corrupt(what.into()))
    }

    /// The end of a transaction failed: it may stand or not.
    pub(super) fn uncertain(error: Error) -> Self {
        Self(StoreError::Uncertain(error.to_string()))
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        fault.0
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<RecoverError> for Fault {
    fn from(error: RecoverError) -> Self {
        Self(error.into())
    }
}

/// For an error before the end of a transaction, which is then rolled back.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let stored = matches!(
            error,
            Error::FromSqlConversionFailure(..)
                | Error::IntegralValueOutOfRange(..)
                | Error::InvalidColumnType(..)
        );
        Self(match error.sqlite_error_code() {
            _ if stored => StoreError::Corrupt(text),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(text),
            Some(ErrorCode::DiskFull) => StoreError::Full(text),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(text),
            _ => StoreError::Failed(text),
        })
    }
}
