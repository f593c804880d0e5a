//! What the database's errors mean to the caller.

use super::StoreError;
use crate::engine::RecoverError;
use core::error::Error as _;
use std::format;
use std::io;
use std::string::{String, ToString};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// An error on its way out of this folder. The database library's own error type stays inside.
#[derive(Debug)]
pub(super) enum Fault {
    /// The transaction met another one and was rolled back: it may be tried again at once.
    Again(String),
    /// The session is gone, or the server is no longer the one that writes.
    Lost(String),
    /// What the caller is told.
    Store(StoreError),
}

impl Fault {
    /// What is stored makes no sense.
    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        Self::Store(StoreError::Corrupt(what.into()))
    }

    /// What the caller is told if trying again does not help. Nothing happened.
    pub(super) fn given_up(self) -> StoreError {
        match self {
            Self::Again(text) | Self::Lost(text) => StoreError::Busy(text),
            Self::Store(error) => error,
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<RecoverError> for Fault {
    fn from(error: RecoverError) -> Self {
        Self::Store(error.into())
    }
}

/// For an error of a statement. The transaction is then rolled back by the server, unless the
/// session was lost after it was told to commit.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let text = text(&error);
        let Some(code) = error.code() else {
            if text.starts_with("error deserializing") {
                return Self::corrupt(text);
            }
            let io = error.source().is_some_and(|source| source.is::<io::Error>());
            return if io || error.is_closed() {
                Self::Lost(text)
            } else {
                Self::Store(StoreError::Failed(text))
            };
        };
        match code.code() {
            // Serialisation failures, deadlocks, the key that another one wrote at the same time, and
            // a log that is not where it was thought to be (a division by zero).
            "40001" | "40P01" | "23505" | "22012" => Self::Again(text),
            // Broken connections, servers that stop or start, standbys, stalled transactions, plans
            // that another version of the tables has made void, and "it may have been committed".
            "57P01" | "57P02" | "57P03" | "57P05" | "25006" | "25P03" | "40003" | "0A000" => Self::Lost(text),
            "53100" => Self::Store(StoreError::Full(text)),
            // A lock or a statement that took too long.
            "55P03" | "57014" => Self::Store(StoreError::Busy(text)),
            "XX001" | "XX002" | "42P01" | "42703" => Self::Store(StoreError::Corrupt(text)),
            code if code.starts_with("08") => Self::Lost(text),
            code if code.starts_with("53") => Self::Store(StoreError::Busy(text)),
            _ => Self::Store(StoreError::Failed(text)),
        }
    }
}

/// Whether a server that refuses a session with this error may take one later.
pub(super) fn may_pass(error: &Error) -> bool {
    match error.code().map(SqlState::code) {
        None => error.is_closed() || is_io(error),
        Some(code) => {
            code.starts_with("08")
                || code.starts_with("53")
                || matches!(code, "57P01" | "57P02" | "57P03" | "57P04")
        }
    }
}

/// Nobody there, a broken connection, or silence; but not a certificate that is not trusted, which
/// comes as invalid data.
fn is_io(error: &Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| source.kind() != io::ErrorKind::InvalidData)
        || error.to_string().contains("timeout")
}

/// The error with what lies behind it: the library's own text leaves that out.
pub(super) fn text(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(told), _) => format!("{} ({})", told.message(), told.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}
