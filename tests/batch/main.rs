//! A file issuer behind the engine, over folders: debits go out in files, answers come in files,
//! and whatever happens to the files, each card is debited once and paid once.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod balances;
mod gb18030;
mod guide;
mod lost_and_found;
mod result_files;
mod town;
