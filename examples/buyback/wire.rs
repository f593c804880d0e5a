//! The issuers as servers of their own: `--issuers`.
//!
//! Each issuer and rail is at a path of its name and site; what they bring, they bring to us. Their
//! ledgers are fetched at the end, for the oracle.

use crate::ask::ask;
use crate::fault::InputError;
use scrip::host::transport::{ChannelTerms, Form, Wire, WireOptions};
use scrip::sim::{Oracle, SimConfig};
use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;

/// What replies of 沃尔玛 have in their lines.
const SIGNED_LINES: [&str; 2] = ["x-wm-timestamp", "x-wm-signature"];

/// An issuer or rail.
struct Channel {
    name: String,
    sites: usize,
    form: Form,
}

/// Issuers and rails in the order of the channels.
fn channels(world: &SimConfig) -> Vec<Channel> {
    let mut issuers: Vec<_> = (world.issuers.iter())
        .map(|one| Channel {
            name: one.profile.name.clone(),
            sites: one.profile.endpoints.len(),
            form: if one.speech.enveloped() { Form::Envelope } else { Form::Body },
        })
        .collect();
    let mut rails: Vec<_> = (world.rails.iter())
        .map(|one| Channel {
            name: one.profile.name.clone(),
            sites: one.profile.endpoints.len(),
            form: Form::Body,
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

/// A transport to the servers at `urls`, which are told where to bring what they have to bring.
pub(crate) fn open(urls: &[String], world: &SimConfig) -> Result<Wire, Box<dyn Error>> {
    let terms = |Channel { name, sites, form }: Channel| {
        let endpoint = |site: usize| format!("{}/{name}/{site}", urls[site.min(urls.len() - 1)]);
        let endpoints = (0..sites).map(endpoint).collect();
        ChannelTerms {
            form,
            reply_lines: SIGNED_LINES.map(String::from).into(),
            callback_path: Some(format!("/{name}/")),
            ..ChannelTerms::new(endpoints)
        }
    };
    let channels = channels(world).into_iter().map(terms).collect();
    let listen = Some(([127, 0, 0, 1], 0).into());
    let wire = Wire::open(WireOptions { channels, listen, ..WireOptions::default() })?;
    let Some(at) = wire.listening() else { return Err("nothing listens for callbacks".into()) };
    for url in urls {
        ask(url, "POST", "/callbacks", format!("http://{at}").as_bytes())
            .map_err(|error| wrong(url, &error))?;
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
