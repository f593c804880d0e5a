//! The transport against what others have made: nginx as a proxy that passes on, ends TLS, asks for our
//! certificate and brings callbacks, tinyproxy as one that makes tunnels, and an issuer of Python's own
//! HTTP server with signatures of its own.
//!
//! `SCRIP_FOREIGN=1 cargo test --test foreign`; needs Debian's `nginx-light`, `tinyproxy-bin` and `python3`.
#![cfg(all(unix, feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod callbacks;
mod desk;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../buyback/job.rs"]
mod job;
mod main_job;
mod nginx;
mod peer;
#[path = "../wire/port.rs"]
mod port;
mod redeemed;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../wire/servers.rs"]
mod servers;
mod tunnel;

use std::process::{Command, Stdio};

/// Whether they are to be asked, for they take minutes; then they have to be there.
fn asked_for(programs: &[&str]) -> bool {
    if std::env::var_os("SCRIP_FOREIGN").is_none() {
        eprintln!("SCRIP_FOREIGN is not set: nothing was compared with {programs:?}");
        return false;
    }
    for program in programs {
        let mut command = Command::new(program);
        command.arg(if *program != "python3" { "-v" } else { "--version" });
        let found = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(found.is_ok_and(|status| status.success()), "{program} is not installed");
    }
    true
}
