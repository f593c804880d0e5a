//! Proves to anyone that the records of a redemption stand in the audit log.
//!
//! `cargo run --example prove -- buyback-out/scrip.db 5f5751ae33d56298f82506c099322717`
//!
//! The root that is printed is the one in `summary.json`.

use scrip::base::RedemptionId;
use scrip::flow::Event;
use scrip::host::{Journal, Sqlite, prove};
use scrip::record::Record;
use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prove: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(db), Some(id)) = (args.next(), args.next()) else {
        return Err("usage: prove DATABASE REDEMPTION_ID".into());
    };
    let id: RedemptionId = id.parse()?;
    let path = std::path::Path::new(&db);
    let proofs = match (path.is_dir(), path.is_file()) {
        (true, _) => prove(&mut Journal::open(path)?, id)?,
        (_, true) => prove(&mut Sqlite::open(path)?, id)?,
        _ => return Err(format!("{db} is not there").into()),
    };
    let mut out = io::stdout().lock();
    for proof in &proofs {
        proof.verify()?;
        // A leaf is the redemption (16 bytes), the record's place (4) and the record.
        let record = Record::decode_all(&proof.record[20..])?;
        let (_, event) = Event::from_record(&record[0])?;
        writeln!(
            out,
            "record {:>6} of {}: {:?}, proven by {} hashes",
            proof.index,
            proof.size,
            event.kind(),
            proof.path.len()
        )?;
    }
    match proofs.first() {
        Some(proof) => Ok(writeln!(out, "root {}", proof.root)?),
        None => Err("there is no such redemption".into()),
    }
}
