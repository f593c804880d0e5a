//! Banks over ISO 8583.

mod dialect;

pub use dialect::{Dialect, Reading, Response};
