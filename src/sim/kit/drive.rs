//! A driver for one adapter: a memory store, virtual time, a rail that pays everybody, and the
//! far end with honest books.

use super::book::Book;
use super::far::{FarEnd, Said, Says};
use crate::adapters::plain::PlainRail;
use crate::base::{Mono, Now, Secret, Wall};
use crate::card::Catalogue;
use crate::engine::{Call, ChannelId, Policy, Sent, Setup, SetupError};
use crate::host::{Arrival, Driver, InboundToken, Memory, Transport};
use crate::issuer::{Issuer, Message, OpKind, Profiles, Rail, Reference};
use crate::money::{Amount, Currency};
use crate::vault::{KeyId, KeyRing, PepperVersion};
use std::boxed::Box;
use std::collections::VecDeque;
use std::format;
use std::vec;
use std::vec::Vec;

/// After so long an issuer that tells later calls back.
const CALLED_AFTER_MS: i64 = 1_000;

/// Carries calls to a [`FarEnd`] that answers at once and honestly, as an issuer that has given
/// out the first of its [`cards`](FarEnd::cards) with a face of 100.00. What it tells
/// [later](FarEnd::later) of a debit it tells twice, a second after it was asked.
pub struct FarEndTransport {
    far: Box<dyn FarEnd>,
    book: Book,
    now: Now,
    arrivals: VecDeque<Arrival>,
    /// What is called back, and when.
    callbacks: VecDeque<(Mono, ChannelId, Vec<u8>)>,
    called: u64,
}

impl FarEndTransport {
    /// How many debits stand at the issuer.
    pub fn debits(&self) -> usize {
        self.book.standing()
    }

    fn answer(&mut self, call: &Call) -> Option<Vec<u8>> {
        if matches!(call.kind, OpKind::Pay | OpKind::PayQuery) {
            let words = core::str::from_utf8(&call.bytes).ok()?;
            let words: Vec<&str> = words.split(' ').collect();
            let [reference, kind, _, minor, currency, ..] = words[..] else { return None };
            return Some(format!("{reference} {kind} accepted P-1 {minor} {currency}\n").into_bytes());
        }
        let mut request = Message::default();
        request.head.clone_from(&call.head);
        request.body.extend_from_slice(&call.bytes);
        if call.kind == OpKind::SignIn {
            return self.far.open(&request);
        }
        let card = self.far.cards()[0];
        let face = Amount::new(10_000, Currency::CNY);
        let mut said = Vec::new();
        for heard in self.far.read(&request, card)? {
            let (says, own, amount) = self.book.take(&heard, face);
            let reference = heard.reference.unwrap_or(Reference::debit(call.redemption));
            let said_of = |says| Said { kind: heard.kind, reference, amount, card, own: own.clone(), says };
            let later = heard.kind == OpKind::Redeem && says == Says::Yes && self.far.later();
            if let Some(bytes) = self.far.call_back(&said_of(says)).filter(|_| later) {
                let at = self.now.mono.plus(CALLED_AFTER_MS);
                self.callbacks.extend([(at, call.id.channel, bytes.clone()), (at, call.id.channel, bytes)]);
            }
            said.push(said_of(if later { Says::Pending } else { says }));
        }
        self.far.write(&request, &said)
    }
}

impl core::fmt::Debug for FarEndTransport {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "FarEndTransport({} debits)", self.debits())
    }
}

impl Transport for FarEndTransport {
    fn now(&mut self) -> Now {
        self.now
    }

    fn start(&mut self, call: Call) {
        let arrival = match self.answer(&call) {
            Some(reply) => Arrival::Reply(call.id, reply),
            None => Arrival::Lost(call.id, Sent::MaybeSent),
        };
        self.arrivals.push_back(arrival);
    }

    fn next(&mut self, until: Option<Mono>) -> Option<Arrival> {
        if let Some(arrival) = self.arrivals.pop_front() {
            return Some(arrival);
        }
        let called = self.callbacks.front().map(|(at, ..)| *at);
        let called = called.filter(|at| until.is_none_or(|until| *at <= until));
        if let Some(at) = called.or(until) {
            let step = (at.0 - self.now.mono.0).max(0);
            self.now = Now { mono: self.now.mono.plus(step), wall: self.now.wall.plus(step) };
            self.far.at(self.now.wall);
        }
        let (_, channel, bytes) = self.callbacks.pop_front().filter(|_| called.is_some())?;
        self.called += 1;
        Some(Arrival::Inbound(channel, InboundToken(self.called), bytes))
    }

    fn acknowledge(&mut self, _token: InboundToken, _bytes: &[u8]) {}
}

/// A driver that buys cards of `catalogue` back, all of which are of this one issuer: with a
/// memory store, keys for trials, and a rail `pay` that says yes to everything.
///
/// # Errors
/// [`SetupError`] if the parts do not fit: products of another issuer, a reserved name.
///
/// # Panics
/// If the operating system gives no randomness.
pub fn driver(
    issuer: Box<dyn Issuer>,
    far: Box<dyn FarEnd>,
    catalogue: Catalogue,
) -> Result<Driver<Memory, FarEndTransport>, SetupError> {
    let text = "[rail.pay]\nadapter = \"plain\"\nidempotent = true\nendpoints = [\"-\"]";
    let mut profiles = Profiles::parse(text).expect("a sound profile");
    let rail: Box<dyn Rail> =
        Box::new(PlainRail::new(profiles.rails.remove("pay").expect("it is in the text")));
    let secret = |byte| Secret::new(vec![byte; 32]);
    let ring = KeyRing::new([(KeyId(1), secret(1))].into(), [(PepperVersion(1), secret(2))].into());
    let ring = ring.expect("a key and a pepper of 32 bytes");
    let setup = Setup::new(catalogue, Policy::default(), vec![issuer], vec![rail], ring)?;
    let now = Now { mono: Mono(0), wall: Wall(1_795_390_215_000) };
    let transport = FarEndTransport {
        far,
        book: Book::default(),
        now,
        arrivals: VecDeque::new(),
        callbacks: VecDeque::new(),
        called: 0,
    };
    Ok(Driver::open(setup, Memory::new(), transport).expect("an empty memory store opens"))
}
