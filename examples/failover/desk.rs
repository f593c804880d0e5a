//! The issuers and rails, outside of the nodes and of the database: they see every debit and every
//! pay-out, whoever orders it, and their ledgers are read by the oracle.

use crate::line::Parcel;
use scrip::adapters::signed_json::Asked;
use scrip::adapters::signed_json::Server;
use scrip::base::Wall;
use scrip::card::Catalogue;
use scrip::engine::{Bounds, Policy, Setup};
use scrip::issuer::{Answer, Decline, Issuer, OpKind, Outcome, Profiles, Rail};
use scrip::sim::{IssuerBook, Order, RailBook, SimIssuer, SimRail};
use scrip::vault::{KeyId, KeyRing, PepperVersion};
use std::error::Error;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

const CATALOGUE: &str = include_str!("../data/catalogue.toml");
const POLICY: &str = include_str!("../data/policy.toml");
const PROFILES: &str = include_str!("../data/issuers.toml");

enum Book {
    Issuer(Box<IssuerBook>),
    Rail(Box<RailBook>),
}

/// In the order in which engines number their channels: issuers by name, then rails by name.
struct Desk(Vec<(Server, Book)>);

fn issuers() -> Result<(Vec<SimIssuer>, Vec<SimRail>), Box<dyn Error>> {
    let profiles = Profiles::parse(PROFILES)?;
    let issuers = profiles.issuers.into_values().map(|mut profile| {
        // What is on the line arrives here within moments, and is not waited for as in the world.
        profile.timing.absent_after_ms = profile.timing.absent_after_ms.min(2_000);
        SimIssuer::new(profile)
    });
    let issuers = issuers.collect();
    Ok((issuers, profiles.rails.into_values().map(SimRail::new).collect()))
}

/// What both nodes are set up with.
pub(crate) fn setup(in_flight: usize) -> Result<Setup, Box<dyn Error>> {
    let (issuers, rails) = issuers()?;
    let issuers: Result<Vec<Box<dyn Issuer>>, _> =
        issuers.iter().map(|issuer| issuer.adapter().map(|adapter| Box::new(adapter) as _)).collect();
    let rails: Result<Vec<Box<dyn Rail>>, _> =
        rails.iter().map(|rail| rail.adapter().map(|adapter| Box::new(adapter) as _)).collect();
    let secret = |byte| scrip::base::Secret::new(vec![byte; 32]);
    let ring = KeyRing::new(vec![(KeyId(1), secret(1))], vec![(PepperVersion(1), secret(2))])?;
    let setup = Setup::new(Catalogue::parse(CATALOGUE)?, Policy::parse(POLICY)?, issuers?, rails?, ring)?;
    Ok(setup.bounds(Bounds { in_flight, ..Bounds::default() }))
}

/// Opens the desk, with its ledgers in `folder`, and tells its port.
pub(crate) fn open(folder: &Path) -> Result<u16, Box<dyn Error>> {
    let (issuers, rails) = issuers()?;
    let mut books = Vec::new();
    for issuer in issuers {
        let book = IssuerBook::open(&issuer, None, Some(folder))?;
        books.push((Server::new(issuer.key.clone())?, Book::Issuer(Box::new(book))));
    }
    for rail in rails {
        books.push((
            Server::new(rail.key.clone())?,
            Book::Rail(Box::new(RailBook::open(&rail, Some(folder))?)),
        ));
    }
    let desk = Arc::new(Mutex::new(Desk(books)));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for line in listener.incoming().flatten() {
            let desk = desk.clone();
            std::thread::spawn(move || serve(&desk, &line));
        }
    });
    Ok(port)
}

/// A node that is killed leaves requests behind that are served all the same, as on a network.
fn serve(desk: &Mutex<Desk>, line: &TcpStream) {
    let _ = line.set_nodelay(true);
    let (mut incoming, mut out) = (BufReader::new(line), line);
    while let Ok(parcel) = Parcel::read(&mut incoming) {
        let reply = desk.lock().unwrap_or_else(PoisonError::into_inner).answer(&parcel);
        if let Some(bytes) = reply {
            let _ = Parcel { bytes, ..parcel }.write(&mut out);
        }
    }
}

impl Desk {
    fn answer(&mut self, parcel: &Parcel) -> Option<Vec<u8>> {
        let (server, book) = self.0.get_mut(usize::from(parcel.channel))?;
        let mut answers = Vec::new();
        for asked in server.read(&parcel.bytes).ok()? {
            let outcome = book.serve(parcel.site, &asked)?;
            answers.push((asked.reference, Answer { kind: asked.kind, outcome, by_file: false }));
        }
        Some(server.answer(&answers))
    }
}

impl Book {
    /// No answer is given where the ledger cannot be written.
    fn serve(&mut self, site: u32, asked: &Asked) -> Option<Outcome> {
        let Asked { kind, reference, amount, .. } = *asked;
        let (card, at) = (asked.card.as_ref().map(|card| card.data()), Wall(0));
        let outcome = match (self, kind, &asked.product, card, &asked.payee) {
            (Self::Issuer(book), OpKind::Balance | OpKind::PinCheck, Some(product), Some(card), _) => {
                book.balance(product, card, amount, at)
            }
            (Self::Issuer(book), OpKind::Redeem, Some(product), Some(card), _) => {
                book.debit(&Order { reference, site, product, card, amount }, at)
            }
            (Self::Issuer(book), OpKind::Query, ..) => Ok(book.query(reference, site)),
            (Self::Issuer(book), OpKind::Reverse, ..) => book.reverse(reference, site, at),
            (Self::Issuer(book), OpKind::Receipt, ..) => book.receipt(reference, site, at),
            (Self::Rail(book), OpKind::Pay, _, _, Some(payee)) => {
                book.pay(reference, payee, amount, None, at)
            }
            (Self::Rail(book), OpKind::PayQuery, ..) => Ok(book.query(reference)),
            _ => Ok(Outcome::Declined(Decline::FormatInvalid)),
        };
        outcome.ok()
    }
}
