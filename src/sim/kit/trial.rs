//! An adapter on trial: its instance, its durable session, and the line to the far end.

use super::book::Book;
use super::far::{CardText, FarEnd, Heard, Said, Says};
use super::{Breach, Checked, Rule};
use crate::base::{RedemptionId, Text, Wall};
use crate::issuer::{
    Answer, Asked, Context, DecodeError, EncodeError, Issuer, IssuerProfile, Message, OpKind, Operation,
    Reference,
};
use crate::money::{Amount, Currency};
use std::boxed::Box;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// What cards are worth here.
pub(super) const FACE: Amount = Amount::new(10_000, Currency::CNY);

/// What is asked of issuers about debits.
pub(super) const KINDS: [OpKind; 6] =
    [OpKind::Balance, OpKind::PinCheck, OpKind::Redeem, OpKind::Query, OpKind::Reverse, OpKind::Receipt];

pub(super) struct Trial<'a> {
    make: &'a dyn Fn() -> Box<dyn Issuer>,
    pub(super) issuer: Box<dyn Issuer>,
    pub(super) far: &'a mut dyn FarEnd,
    pub(super) book: Book,
    pub(super) checked: Checked,
    /// Durable: what a restart leaves.
    session: Vec<u8>,
    now: Wall,
    messages: u8,
    redemptions: u8,
}

/// A question that was encoded.
pub(super) struct Sent {
    pub(super) asked: Asked,
    pub(super) message: Message,
}

/// What was heard: answers, and whether the bytes were read to their end.
pub(super) type Told = (Vec<(Reference, Answer)>, Result<(), DecodeError>);

impl<'a> Trial<'a> {
    pub(super) fn new(
        make: &'a dyn Fn() -> Box<dyn Issuer>,
        far: &'a mut dyn FarEnd,
    ) -> Result<Self, Breach> {
        let mut trial = Self {
            make,
            issuer: make(),
            far,
            book: Book::default(),
            checked: Checked::default(),
            session: Vec::new(),
            now: Wall(1_795_390_215_000),
            messages: 0,
            redemptions: 0,
        };
        trial.far.at(trial.now);
        trial.open()?;
        Ok(trial)
    }

    /// A process that ended and began again: nothing is left but the session.
    pub(super) fn restart_process(&mut self) {
        self.issuer = (self.make)();
        self.now = self.now.plus(60_000);
        self.far.at(self.now);
    }

    pub(super) fn profile(&self) -> &IssuerProfile {
        self.issuer.profile()
    }

    pub(super) fn card(&self) -> CardText {
        self.far.cards()[0]
    }

    /// Another redemption.
    pub(super) fn next(&mut self) -> Reference {
        self.redemptions = self.redemptions.wrapping_add(1);
        let mut id = [0xa7; 16];
        id[3] = self.redemptions;
        Reference::debit(RedemptionId(id))
    }

    pub(super) fn breach(&self, rule: Rule, what: impl Into<String>) -> Breach {
        Breach { rule, what: what.into() }
    }

    /// Counts a check and tells whether it failed.
    pub(super) fn check(
        &mut self,
        rule: Rule,
        holds: bool,
        what: impl FnOnce() -> String,
    ) -> Result<(), Breach> {
        self.checked.checks += 1;
        if holds { Ok(()) } else { Err(self.breach(rule, what())) }
    }

    pub(super) fn leave_out(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.checked.left_out.contains(&what) {
            self.checked.left_out.push(what);
        }
    }

    fn context(&self) -> Context<'_> {
        Context { session: &self.session, now: self.now, nonce: [self.messages; 16] }
    }

    /// Opens the session, if the adapter wants one.
    fn open(&mut self) -> Result<(), Breach> {
        let mut message = Message::default();
        let wanted = self.issuer.sign_in(&self.context(), &mut message);
        let no = |what: String| Breach { rule: Rule::Ability, what };
        if !wanted.map_err(|error| no(format!("the session cannot be opened: {error}")))? {
            return Ok(());
        }
        self.keep(&message);
        let reply = self.far.open(&message).expect("the far end opens the session");
        let learned = self.issuer.learn(&reply, &self.context());
        self.session = learned.ok_or_else(|| no("the answer to the sign-in opens no session".into()))?;
        let stands = self.issuer.sign_in(&self.context(), &mut Message::default()) == Ok(false);
        self.check(Rule::Ability, stands, || "a session that was opened is opened again".into())
    }

    /// The message leaves: the session that it changed is the durable one.
    pub(super) fn keep(&mut self, message: &Message) {
        self.messages = self.messages.wrapping_add(1);
        if let Some(session) = &message.session {
            self.session.clone_from(session);
        }
    }

    /// Encodes, without a lasting effect on the session.
    pub(super) fn try_encode(
        &self,
        operations: &[Operation<'_>],
        trace: Option<&Text>,
        issuer: &dyn Issuer,
    ) -> (Message, Result<(), EncodeError>) {
        let mut message = Message::default();
        let done = match operations {
            [one] => issuer.encode_traced(one, trace, &self.context(), &mut message),
            _ => issuer.encode(operations, &self.context(), &mut message),
        };
        (message, done)
    }

    /// Another instance of the same adapter.
    pub(super) fn another(&self) -> Box<dyn Issuer> {
        (self.make)()
    }

    /// One question; `None` if the protocol has no such operation.
    pub(super) fn ask(
        &mut self,
        kind: OpKind,
        reference: Reference,
        attempt: u32,
        trace: Option<&Text>,
    ) -> Result<Option<Sent>, Breach> {
        self.ask_about(kind, reference, attempt, trace, self.card())
    }

    pub(super) fn ask_about(
        &mut self,
        kind: OpKind,
        reference: Reference,
        attempt: u32,
        trace: Option<&Text>,
        card: CardText,
    ) -> Result<Option<Sent>, Breach> {
        let product = Text::new(self.far.product()).expect("a short name");
        let operation = operation(kind, reference, &product, card, attempt);
        let (message, done) = self.try_encode(&[operation], trace, &*self.issuer);
        match done {
            Ok(()) => {}
            Err(EncodeError::Unsupported(_)) => return Ok(None),
            Err(error) => {
                let what = format!("{} cannot be encoded: {error}", kind.name());
                return Err(self.breach(Rule::Ability, what));
            }
        }
        let sent = !(message.body.is_empty() && message.head.is_empty());
        self.check(Rule::NothingSent, sent, || format!("{} is a message without bytes", kind.name()))?;
        self.keep(&message);
        let asked = Asked { kind, reference, amount: FACE, trace: message.trace.clone() };
        Ok(Some(Sent { asked, message }))
    }

    /// What the far end reads in it.
    pub(super) fn heard(&mut self, sent: &Sent) -> Result<Heard, Breach> {
        let card = self.card();
        let heard = self.far.read(&sent.message, card).expect("the far end reads what the adapter writes");
        let [heard] = heard.as_slice() else {
            return Err(self.breach(Rule::Answer, "one operation arrives as several, or as none"));
        };
        let (told, asked) = (heard.reference, &sent.asked);
        let kind = heard.kind;
        let same = kind == asked.kind || looks_alike(kind, asked.kind);
        self.check(Rule::Answer, same, || format!("{} arrives as {}", asked.kind.name(), kind.name()))?;
        let same = told.is_none_or(|told| told == asked.reference);
        self.check(Rule::Answer, same, || "another reference arrives".to_string())?;
        let moves = asked.kind != OpKind::Redeem || heard.amount.is_none_or(|amount| amount == FACE);
        self.check(Rule::Answer, moves, || "another amount arrives".to_string())?;
        Ok(heard.clone())
    }

    /// What an honest issuer answers.
    pub(super) fn serve(&mut self, sent: &Sent) -> Result<Vec<u8>, Breach> {
        let heard = self.heard(sent)?;
        let said = self.honest(sent, &heard);
        let what = format!("{:?} to {}", said.says, sent.asked.kind.name());
        let written = self.far.write(&sent.message, &[said]);
        written.ok_or_else(|| self.breach(Rule::Answer, format!("the far end cannot write {what}")))
    }

    /// What an honest issuer says, after it has done what is asked: of a debit that it tells of
    /// later, that it is taken in.
    pub(super) fn honest(&mut self, sent: &Sent, heard: &Heard) -> Said {
        let (says, own, amount) = self.book.take(heard, FACE);
        let taken_in = self.far.later() && sent.asked.kind == OpKind::Redeem && says == Says::Yes;
        let says = if taken_in { Says::Pending } else { says };
        Said { amount, own, ..self.said(sent, says) }
    }

    /// The answer that says this.
    pub(super) fn said(&self, sent: &Sent, says: Says) -> Said {
        let Asked { kind, reference, amount, .. } = sent.asked;
        Said { kind, reference, amount, card: self.card(), own: "I-900001".into(), says }
    }

    /// Hears `reply` to what was asked.
    pub(super) fn hear(&self, reply: &[u8], asked: &Asked) -> Told {
        let mut answers = Vec::new();
        let mut take = |reference, answer| answers.push((reference, answer));
        let read = self.issuer.decode_reply(reply, asked, &self.context(), &mut take);
        (answers, read)
    }

    /// Hears bytes that nobody waits for.
    pub(super) fn overhear(&self, bytes: &[u8]) -> Told {
        self.overheard_by(&*self.issuer, bytes)
    }

    pub(super) fn overheard_by(&self, issuer: &dyn Issuer, bytes: &[u8]) -> Told {
        let mut answers = Vec::new();
        let mut take = |reference, answer| answers.push((reference, answer));
        let read = issuer.decode(bytes, &self.context(), &mut take);
        (answers, read)
    }

    /// What these bytes change in the session.
    pub(super) fn learn(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.issuer.learn(bytes, &self.context())
    }

    /// The session that is durable from now on.
    pub(super) fn adopt(&mut self, session: Vec<u8>) {
        self.session = session;
    }

    /// The answer to what was asked in `reply`, `None` if there is none.
    pub(super) fn answer(&self, reply: &[u8], asked: &Asked) -> Option<Answer> {
        let (answers, _) = self.hear(reply, asked);
        let ours = |(reference, answer): &(Reference, Answer)| {
            *reference == asked.reference && answer.kind == asked.kind
        };
        answers.into_iter().find(ours).map(|(_, answer)| answer)
    }

    pub(super) fn session(&self) -> &[u8] {
        &self.session
    }
}

/// Whether protocols may have one message for both.
fn looks_alike(a: OpKind, b: OpKind) -> bool {
    let pairs = [[OpKind::Query, OpKind::Receipt], [OpKind::Balance, OpKind::PinCheck]];
    pairs.iter().any(|pair| pair.contains(&a) && pair.contains(&b))
}

/// The operation as the engine would ask it.
pub(super) fn operation(
    kind: OpKind,
    reference: Reference,
    product: &Text,
    card: CardText,
    attempt: u32,
) -> Operation<'_> {
    let shown = matches!(kind, OpKind::Balance | OpKind::PinCheck | OpKind::Redeem);
    let card = shown.then(|| card.data());
    Operation { kind, reference, product, card, amount: FACE, attempt }
}
