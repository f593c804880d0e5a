//! The exact form in which both ends write their messages, in one pass: the payload as it is signed,
//! and the same inside the envelope, where quotes are escaped. Nearly every message has this form;
//! any other is read the long way.

use super::wire::{Line, Question, Str, VERSION, plain, write_text};
use crate::adapters::hex;
use crate::base::Text;
use crate::issuer::{Leg, Reference};
use alloc::borrow::Cow;
use alloc::vec::Vec;

const OPEN: &str = r#"{"payload":""#;
const BETWEEN: &str = r#"","sig":""#;
const CLOSE: &str = r#""}"#;

/// How long an operation is at most of which the names are short: without a card, and with one.
const PLAIN_LEN: usize = 224;
const CARD_LEN: usize = 448;

/// How many bytes a mark has inside the envelope.
#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn sent_len(mark: &[u8]) -> usize {
    let (mut len, mut at) = (mark.len(), 0);
    while at < mark.len() {
        len += (mark[at] == b'"') as usize;
        at += 1;
    }
    len
}

/// A mark inside the envelope.
#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn sent<const N: usize>(mark: &[u8]) -> [u8; N] {
    let (mut out, mut to, mut at) = ([0; N], 0, 0);
    while at < mark.len() {
        if mark[at] == b'"' {
            out[to] = b'\\';
            to += 1;
        }
        out[to] = mark[at];
        (to, at) = (to + 1, at + 1);
    }
    out
}

/// Hands a mark, without backslashes, to `$to.mark` in both forms.
macro_rules! mark {
    ($to:expr, $mark:literal) => {{
        const MARK: &[u8] = $mark;
        const SENT: [u8; sent_len(MARK)] = sent(MARK);
        $to.mark(MARK, &SENT)
    }};
}

/// A request while it is written.
pub(super) struct Draft {
    payload: Vec<u8>,
    message: Vec<u8>,
}

impl Draft {
    /// For so many operations, with cards or without.
    pub(super) fn new(operations: usize, cards: bool, nonce: &[u8; 16], ts: i64) -> Self {
        let room = operations.saturating_mul(if cards { CARD_LEN } else { PLAIN_LEN }).saturating_add(96);
        let mut message = Vec::with_capacity(room.saturating_add(room / 4).saturating_add(96));
        message.extend_from_slice(OPEN.as_bytes());
        let mut draft = Self { payload: Vec::with_capacity(room), message };
        mark!(draft, br#"{"v":"#);
        draft.number(VERSION.into());
        mark!(draft, br#","nonce":""#);
        draft.digits(nonce);
        mark!(draft, br#"","ts":"#);
        draft.number(ts);
        mark!(draft, br#","ops":["#);
        draft
    }

    /// Adds an operation, with its fields in their order.
    pub(super) fn question(&mut self, question: &Question<'_>) {
        if self.payload.last() == Some(&b'}') {
            self.same(b",");
        }
        // References, names of operations and currencies hold nothing that is escaped.
        mark!(self, br#"{"ref":""#);
        self.reference(question.reference);
        mark!(self, br#"","op":""#);
        self.same(question.kind.name().as_bytes());
        if let Some(product) = question.product {
            mark!(self, br#"","product":""#);
            self.text(product);
        }
        if let Some(payee) = question.payee {
            mark!(self, br#"","payee":""#);
            self.text(payee);
        }
        mark!(self, br#"","amount_minor":"#);
        self.number(question.amount.minor());
        mark!(self, br#","currency":""#);
        self.same(question.amount.currency().alpha().as_bytes());
        mark!(self, br#"","attempt":"#);
        self.number(question.attempt.into());
        if let Some(sealed) = &question.card {
            mark!(self, br#","card":""#);
            self.digits(sealed);
            mark!(self, br#"""#);
        }
        self.same(b"}");
    }

    /// The message, with the signature that `sign` makes of the payload.
    pub(super) fn finish(mut self, sign: impl FnOnce(&[u8]) -> [u8; 32]) -> Vec<u8> {
        self.same(b"]}");
        self.message.extend_from_slice(BETWEEN.as_bytes());
        hex::append(&sign(&self.payload), &mut self.message);
        self.message.extend_from_slice(CLOSE.as_bytes());
        self.message
    }

    #[inline]
    fn mark(&mut self, mark: &[u8], sent: &[u8]) {
        self.payload.extend_from_slice(mark);
        self.message.extend_from_slice(sent);
    }

    /// What is not escaped.
    #[inline]
    fn same(&mut self, bytes: &[u8]) {
        self.mark(bytes, bytes);
    }

    /// As [`Reference`] shows itself.
    fn reference(&mut self, reference: Reference) {
        self.digits(&reference.redemption.0);
        if let Leg::Payout(number) = reference.leg {
            self.same(b"p");
            self.number(number.into());
        }
    }

    fn number(&mut self, number: i64) {
        if number < 0 {
            self.same(b"-");
        }
        let (mut digits, mut rest, mut len) = ([0; 20], number.unsigned_abs(), 0);
        for place in digits.iter_mut().rev() {
            *place = b'0' + (rest % 10) as u8;
            (rest, len) = (rest / 10, len + 1);
            if rest == 0 {
                break;
            }
        }
        self.same(digits.get(digits.len() - len..).unwrap_or_default());
    }

    fn digits(&mut self, bytes: &[u8]) {
        let start = self.payload.len();
        hex::append(bytes, &mut self.payload);
        self.message.extend_from_slice(self.payload.get(start..).unwrap_or_default());
    }

    fn text(&mut self, text: &Text) {
        let bytes = text.as_bytes();
        if plain(bytes).len() == bytes.len() {
            return self.same(bytes);
        }
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        write_text(bytes, &mut once);
        let inside = |quoted: &[u8]| quoted.get(1..quoted.len().saturating_sub(1)).map(<[u8]>::to_vec);
        let once = inside(&once).unwrap_or_default();
        write_text(&once, &mut twice);
        self.mark(&once, &inside(&twice).unwrap_or_default());
    }
}

/// A message of one answer: its payload, what it says, and its signature, not checked yet.
pub(super) struct Answered<'a> {
    pub(super) payload: Vec<u8>,
    pub(super) line: Line<'a>,
    pub(super) sig: [u8; 32],
}

impl<'a> Answered<'a> {
    /// Reads the form in which the issuer's end writes it; `None` for any other, which may be a
    /// message all the same.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let rest = core::str::from_utf8(bytes).ok()?.strip_prefix(OPEN)?;
        let mut from = Sent { rest, payload: Vec::with_capacity(rest.len()) };
        mark!(from, br#"{"v":1,"answers":[{"ref":""#)?;
        let mut line = Line { reference: Cow::Borrowed(from.text()?), ..Line::default() };
        mark!(from, br#","op":""#)?;
        line.op = Cow::Borrowed(from.text()?);
        mark!(from, br#","status":""#)?;
        line.status = Cow::Borrowed(from.text()?);
        if mark!(from, br#","issuer_ref":""#).is_some() {
            line.issuer_ref = Some(Str::from(from.text()?));
        }
        if mark!(from, br#","amount_minor":"#).is_some() {
            line.amount_minor = Some(from.number()?);
        }
        if mark!(from, br#","currency":""#).is_some() {
            line.currency = Some(Str::from(from.text()?));
        }
        if mark!(from, br#","card_tag":""#).is_some() {
            line.card_tag = Some(Str::from(from.text()?));
        }
        if mark!(from, br#","generation":"#).is_some() {
            line.generation = Some(u32::try_from(from.number()?).ok()?);
        }
        if mark!(from, br#","reason":""#).is_some() {
            line.reason = Some(Str::from(from.text()?));
        }
        mark!(from, br#"}]}"#)?;
        let sig = from.rest.strip_prefix(BETWEEN)?.strip_suffix(CLOSE)?;
        let sig = hex::read_array(sig)?;
        Some(Self { payload: from.payload, line, sig })
    }
}

/// What is left of a message, and the payload up to there.
struct Sent<'a> {
    rest: &'a str,
    payload: Vec<u8>,
}

impl<'a> Sent<'a> {
    #[inline]
    fn mark(&mut self, mark: &[u8], sent: &[u8]) -> Option<()> {
        if !self.rest.as_bytes().starts_with(sent) {
            return None;
        }
        self.rest = self.rest.get(sent.len()..)?;
        self.payload.extend_from_slice(mark);
        Some(())
    }

    /// A text in which nothing is escaped, and the quote behind it.
    fn text(&mut self) -> Option<&'a str> {
        let text = self.take(plain(self.rest.as_bytes()).len())?;
        mark!(self, br#"""#)?;
        Some(text)
    }

    /// A whole number that is not negative and far below the end of 64 bits.
    fn number(&mut self) -> Option<i64> {
        let digits = self.rest.bytes().take_while(|byte| byte.is_ascii_digit()).count();
        let text = self.take(digits)?;
        let canonical = digits <= 18 && (digits == 1 || !text.starts_with('0'));
        text.parse().ok().filter(|_| canonical)
    }

    fn take(&mut self, len: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        self.payload.extend_from_slice(taken.as_bytes());
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::signed_json::wire::{Answers, Envelope, Op, Request};
    use crate::base::RedemptionId;
    use crate::issuer::OpKind;
    use crate::money::{Amount, Currency};
    use alloc::string::String;
    use alloc::vec;
    use proptest::prelude::*;

    fn message(payload: &str, sig: &[u8; 32]) -> Vec<u8> {
        let mut bytes = br#"{"payload":"#.to_vec();
        write_text(payload.as_bytes(), &mut bytes);
        bytes.extend_from_slice(br#","sig":""#);
        hex::append(sig, &mut bytes);
        bytes.extend_from_slice(CLOSE.as_bytes());
        bytes
    }

    proptest! {
        #[test]
        fn an_answer_that_is_read_in_one_pass_reads_the_same_the_long_way(
            texts in proptest::collection::vec(proptest::option::of("[ -~é\u{0}]{0,12}"), 5),
            numbers in any::<(Option<i64>, Option<u32>)>(), sig: [u8; 32],
            at in 0..400_usize, byte: u8,
        ) {
            let text = |at: usize| texts[at].clone().map(Str::from);
            let op = texts[0].clone().unwrap_or_default();
            let line = Line {
                reference: "ab".into(), op: op.into(), status: "pending".into(),
                issuer_ref: text(1), currency: text(2), card_tag: text(3), reason: text(4),
                amount_minor: numbers.0, generation: numbers.1, file: false,
            };
            let payload = serde_json::to_string(&Answers { v: VERSION, answers: vec![line] }).unwrap();
            let mut bytes = message(&payload, &sig);
            let simple = texts.iter().flatten().all(|text| !text.contains(['"', '\\', '\0']));
            let small = numbers.0.is_none_or(|minor| (0..=999_999_999_999_999_999).contains(&minor));
            prop_assert_eq!(Answered::read(&bytes).is_some(), simple && small);
            for _ in 0..2 {
                if let Some(read) = Answered::read(&bytes) {
                    let long: Envelope<'_> = serde_json::from_slice(&bytes).unwrap();
                    prop_assert_eq!(long.payload.as_bytes(), &read.payload);
                    prop_assert_eq!(hex::read_array(&long.sig), Some(read.sig));
                    let answers: Answers<'_> = serde_json::from_str(&long.payload).unwrap();
                    let said = |line: &Line<'_>| serde_json::to_string(line).unwrap();
                    prop_assert_eq!((answers.v, answers.answers.len()), (VERSION, 1));
                    prop_assert_eq!(said(&answers.answers[0]), said(&read.line));
                }
                bytes.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
        }

        #[test]
        fn a_request_that_is_written_in_one_pass_reads_the_long_way(
            product in "[ -~é]{1,12}", payee in "[ -~é]{1,12}", minor in 0..i64::MAX, ts: i64,
            card in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        ) {
            let (product, payee) = (Text::new(&product).unwrap(), Text::new(&payee).unwrap());
            let reference = Reference::payout(RedemptionId([7; 16]), 3);
            let question = Question {
                kind: OpKind::Pay, reference, product: Some(&product), payee: Some(&payee),
                amount: Amount::new(minor, Currency::CNY), attempt: 2, card: card.clone(),
            };
            let mut draft = Draft::new(2, true, &[1; 16], ts);
            draft.question(&question);
            draft.question(&Question { product: None, payee: None, card: None, ..question });
            let mut signed = Vec::new();
            let bytes = draft.finish(|payload| {
                signed = payload.to_vec();
                [5; 32]
            });
            let long: Envelope<'_> = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!((long.payload.as_bytes(), &*long.sig), (&signed[..], &*hex::write(&[5; 32])));
            let request: Request<'_> = serde_json::from_str(&long.payload).unwrap();
            prop_assert_eq!((request.v, request.ops.len()), (VERSION, 2));
            let Op { reference: own, op, amount_minor, currency, attempt, .. } = &request.ops[1];
            prop_assert_eq!(Reference::parse(own), Some(reference));
            prop_assert_eq!((&**op, *amount_minor, &**currency, *attempt), ("pay", minor, "CNY", 2));
            let texts = |op: &Op<'_>| [&op.product, &op.payee, &op.card].map(|t| t.as_deref().map(String::from));
            let all = [Some(product.as_str().into()), Some(payee.as_str().into()), card.map(|c| hex::write(&c))];
            prop_assert_eq!(texts(&request.ops[0]), all);
            prop_assert_eq!(texts(&request.ops[1]), [None, None, None]);
        }
    }
}
