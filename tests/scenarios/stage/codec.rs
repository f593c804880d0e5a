//! A protocol for tests: an operation is a line of text, and a reply is the number of a row in
//! a table that the test fills with answers.

use scrip::base::{RedemptionId, digest};
use scrip::issuer::{
    Answer, CardData, CardTag, Context, DecodeError, EncodeError, Issuer, IssuerProfile, Message, OpKind,
    Operation, Payment, Rail, RailProfile, Reference,
};
use std::sync::{Arc, Mutex};

/// The answers that were made up so far. A message is the number of one row.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Vec<Row>>>);

/// What one message says.
type Row = Vec<(Reference, Answer)>;

impl Script {
    /// The bytes of a message that says `answers`.
    pub(crate) fn message(&self, answers: Vec<(Reference, Answer)>) -> Vec<u8> {
        let mut rows = self.0.lock().unwrap();
        rows.push(answers);
        (rows.len() - 1).to_string().into_bytes()
    }

    fn read(&self, bytes: &[u8], answers: &mut dyn FnMut(Reference, Answer)) -> Result<(), DecodeError> {
        let wrong = DecodeError { at: 0, what: "the number of a row" };
        let row: usize = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or(wrong)?;
        let row = self.0.lock().unwrap().get(row).cloned().ok_or(wrong)?;
        row.into_iter().for_each(|(reference, answer)| answers(reference, answer));
        Ok(())
    }
}

/// The tag under which the issuer echoes a card.
pub(crate) fn tag_of(number: Option<&[u8]>, secret: &[u8]) -> CardTag {
    CardTag(digest("test card tag", &[number.unwrap_or_default(), secret]).head16())
}

/// One line of a message: what was asked, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) kind: OpKind,
    pub(crate) reference: Reference,
    pub(crate) minor: i64,
    pub(crate) attempt: u32,
    /// The card's tag, or who is paid.
    pub(crate) whom: String,
}

impl Order {
    /// The tag of the card in the order, if there is one.
    pub(crate) fn tag(&self) -> Option<CardTag> {
        self.whom.parse::<RedemptionId>().ok().map(|id| CardTag(id.0))
    }

    pub(crate) fn read_all(bytes: &[u8]) -> Vec<Self> {
        let read = |line: &str| {
            let mut words = line.split(' ');
            let mut word = || words.next().unwrap();
            Self {
                kind: OpKind::from_name(word()).unwrap(),
                reference: Reference::parse(word()).unwrap(),
                minor: word().parse().unwrap(),
                attempt: word().parse().unwrap(),
                whom: word().to_string(),
            }
        };
        std::str::from_utf8(bytes).unwrap().lines().map(read).collect()
    }
}

pub(crate) struct TestIssuer {
    pub(crate) profile: IssuerProfile,
    pub(crate) script: Script,
}

impl Issuer for TestIssuer {
    fn profile(&self) -> &IssuerProfile {
        &self.profile
    }

    fn encode(
        &self,
        operations: &[Operation<'_>],
        _: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        for o in operations {
            // The tag is written like an id, to be read back by the same rule.
            let tag = |card: CardData<'_>| RedemptionId(tag_of(card.number, card.secret).0).to_string();
            let whom = o.card.map_or("-".into(), tag);
            let (kind, minor) = (o.kind.name(), o.amount.minor());
            out.body.extend_from_slice(
                format!("{kind} {} {minor} {} {whom}\n", o.reference, o.attempt).as_bytes(),
            );
        }
        Ok(())
    }

    fn decode(
        &self,
        bytes: &[u8],
        _: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        self.script.read(bytes, answers)
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        Some(tag_of(card.number, card.secret))
    }
}

pub(crate) struct TestRail {
    pub(crate) profile: RailProfile,
    pub(crate) script: Script,
}

impl Rail for TestRail {
    fn profile(&self) -> &RailProfile {
        &self.profile
    }

    fn encode(
        &self,
        payments: &[Payment<'_>],
        _: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        for p in payments {
            let (kind, minor) = (p.kind.name(), p.amount.minor());
            out.body.extend_from_slice(
                format!("{kind} {} {minor} {} {}\n", p.reference, p.attempt, p.payee).as_bytes(),
            );
        }
        Ok(())
    }

    fn decode(
        &self,
        bytes: &[u8],
        _: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        self.script.read(bytes, answers)
    }
}
