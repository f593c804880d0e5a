//! The issuers as servers of their own: `--issuers`.
//!
//! Each issuer and rail is at a path of its name and site; what they bring, they bring to us. Their
//! ledgers are fetched at the end, for the oracle.

use crate::args::Args;
use crate::ask::ask;
use crate::fault::InputError;
use scrip::adapters::batch::BatchTerms;
use scrip::host::transport::{ChannelTerms, Filing, Form, Wire, WireOptions};
use scrip::sim::{Oracle, SimConfig};
use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;

/// What replies of 沃尔玛 have in their lines.
const SIGNED_LINES: [&str; 2] = ["x-wm-timestamp", "x-wm-signature"];

/// How often folders are looked into: these issuers answer within seconds.
const LOOK_MS: u64 = 100;

/// An issuer or rail.
struct Channel {
    name: String,
    sites: usize,
    form: Form,
    callback_path: String,
    files: Option<BatchTerms>,
}

/// Issuers and rails in the order of the channels.
fn channels(world: &SimConfig) -> Vec<Channel> {
    let path = |name: &str| format!("/{name}/");
    let mut issuers: Vec<_> = (world.issuers.iter())
        .map(|one| Channel {
            name: one.profile.name.clone(),
            sites: one.profile.endpoints.len(),
            form: if one.speech.enveloped() { Form::Envelope } else { Form::Body },
            callback_path: one.speech.callback_path().map_or_else(|| path(&one.profile.name), str::to_string),
            files: one.speech.files().cloned(),
        })
        .collect();
    let mut rails: Vec<_> = (world.rails.iter())
        .map(|one| Channel {
            name: one.profile.name.clone(),
            sites: one.profile.endpoints.len(),
            form: Form::Body,
            callback_path: path(&one.profile.name),
            files: None,
        })
        .collect();
    issuers.sort_by(|a, b| a.name.cmp(&b.name));
    rails.sort_by(|a, b| a.name.cmp(&b.name));
    issuers.into_iter().chain(rails).collect()
}

/// The names of issuers and rails.
pub(crate) fn names(world: &SimConfig) -> Vec<String> {
    channels(world).into_iter().map(|channel| channel.name).collect()
}

/// A transport to the servers, which are told where to bring what they have to bring, and to the folders
/// of issuers that go by files.
pub(crate) fn open(urls: &[String], args: &Args, world: &SimConfig) -> Result<Wire, Box<dyn Error>> {
    let dir = args.files.as_deref();
    let doors = args.through.as_deref().unwrap_or(urls);
    let terms = |Channel { name, sites, form, callback_path, files }: Channel| {
        let endpoint = |site: usize| match dir.filter(|_| files.is_some()) {
            Some(dir) => format!("file://{}", dir.join(&name).display()),
            None => format!("{}/{name}/{site}", doors[site.min(doors.len() - 1)]),
        };
        let endpoints = (0..sites).map(endpoint).collect();
        ChannelTerms {
            form,
            reply_lines: SIGNED_LINES.map(String::from).into(),
            callback_path: Some(callback_path),
            files: files.map(|terms| Filing { look_ms: LOOK_MS, ..Filing::new(terms) }),
            ..ChannelTerms::new(endpoints)
        }
    };
    let channels = channels(world).into_iter().map(terms).collect();
    let listen = Some(args.listen.unwrap_or(([127, 0, 0, 1], 0).into()));
    let wire = Wire::open(WireOptions { channels, listen, ..WireOptions::default() })?;
    let Some(at) = wire.listening() else { return Err("nothing listens for callbacks".into()) };
    let door = args.callbacks.clone().unwrap_or_else(|| format!("http://{at}"));
    for url in urls {
        ask(url, "POST", "/callbacks", door.as_bytes()).map_err(|error| wrong(url, &error))?;
    }
    Ok(wire)
}

/// What the issuers' own books say; copies of them are left in `dir`.
pub(crate) fn oracle(url: &str, names: &[String], dir: &Path) -> Result<Oracle, Box<dyn Error>> {
    for name in names {
        let ledger = ask(url, "GET", &format!("/ledgers/{name}"), b"").map_err(|error| wrong(url, &error))?;
        fs::write(dir.join(format!("{name}.ledger")), ledger)?;
    }
    Ok(Oracle::read(dir)?)
}

fn wrong(url: &str, error: &io::Error) -> InputError {
    InputError::new("--issuers", format!("{url}: {error}"))
}
