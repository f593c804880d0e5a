//! Transcripts (报文记录): what an issuer really answered, one JSON object per line, to be replayed
//! to the adapter whenever that changes.
//!
//! A line holds what was asked, the reply in hexadecimal digits, the session and time with which it
//! was read, and what came of it. The request is left out, for it holds the card. In the reply the
//! digits of the number but for the last four, and the whole secret, are put to zeros, in their plain
//! form, in hexadecimal digits and packed; `masked` then counts them, and what came of it is told of
//! the masked bytes: of a signed reply nothing is left but that it does not fit. Replies that hold
//! no card replay as they came. The session may hold working keys enciphered under a master key.

use super::hex;
use crate::base::{Advice, Code, Text, Wall, block};
use crate::issuer::{Answer, Asked, CardData, Context, Issuer, OpKind, Outcome, Reference};
use crate::money::Amount;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A line that is none of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transcript, line {line}: {what}")]
pub struct TranscriptError {
    /// Line from 1.
    pub line: usize,
    /// What was expected.
    pub what: String,
}

impl TranscriptError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(block::ADAPTERS, 900)
    }

    /// The transcript must be corrected.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// A line of which the adapter makes something else now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Line from 1.
    pub line: usize,
    /// What was made of it when it was recorded.
    pub recorded: Vec<String>,
    /// What is made of it now.
    pub now: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    v: u32,
    kind: String,
    reference: String,
    amount_minor: i64,
    currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    session: String,
    now_ms: i64,
    reply: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    masked: usize,
    answers: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The line for one reply, without its end. `card` is the one that the question was about, to be
/// masked; adapters see it when they encode.
pub fn record(
    issuer: &dyn Issuer,
    asked: &Asked,
    reply: &[u8],
    context: &Context<'_>,
    card: Option<CardData<'_>>,
) -> String {
    let (reply, masked) = card.map_or((reply.to_vec(), 0), |card| mask(reply, card));
    let line = Line {
        v: 1,
        kind: asked.kind.name().to_string(),
        reference: asked.reference.to_string(),
        amount_minor: asked.amount.minor(),
        currency: asked.amount.currency().to_string(),
        trace: asked.trace.as_ref().map(ToString::to_string),
        session: hex::write(context.session),
        now_ms: context.now.0,
        reply: hex::write(&reply),
        masked,
        answers: told(issuer, asked, &reply, context),
    };
    serde_json::to_string(&line).expect("texts and integers always become JSON")
}

/// Gives every recorded reply to the adapter again, and tells what it makes of them otherwise.
///
/// # Errors
/// [`TranscriptError`] with the line.
pub fn replay(issuer: &dyn Issuer, text: &str) -> Result<Vec<Difference>, TranscriptError> {
    let mut differences = Vec::new();
    for (place, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
        let line = place.saturating_add(1);
        let wrong = |what: &str| TranscriptError { line, what: what.to_string() };
        let read: Line = serde_json::from_str(row).map_err(|error| wrong(&error.to_string()))?;
        if read.v != 1 {
            return Err(wrong("version 1 is expected"));
        }
        let currency = read.currency.parse().map_err(|_| wrong("currency: three letters of ISO 4217"))?;
        let asked = Asked {
            kind: OpKind::from_name(&read.kind).ok_or_else(|| wrong("kind: the name of an operation"))?,
            reference: Reference::parse(&read.reference).ok_or_else(|| wrong("reference: one of ours"))?,
            amount: Amount::new(read.amount_minor, currency),
            trace: read
                .trace
                .map(|trace| Text::new(&trace))
                .transpose()
                .map_err(|_| wrong("trace: a short text"))?,
        };
        let bytes = |digits: &str| hex::read(digits).ok_or_else(|| wrong("lower-case hexadecimal digits"));
        let (session, reply) = (bytes(&read.session)?, bytes(&read.reply)?);
        let context = Context { session: &session, now: Wall(read.now_ms), nonce: [0; 16] };
        let now = told(issuer, &asked, &reply, &context);
        if now != read.answers {
            differences.push(Difference { line, recorded: read.answers, now });
        }
    }
    Ok(differences)
}

fn told(issuer: &dyn Issuer, asked: &Asked, reply: &[u8], context: &Context<'_>) -> Vec<String> {
    let mut told = Vec::new();
    let read = issuer.decode_reply(reply, asked, context, &mut |reference, answer| {
        told.push(format!("{reference} {}", words(&answer)));
    });
    if let Err(error) = read {
        told.push(error.to_string());
    }
    told
}

fn words(answer: &Answer) -> String {
    let what = match &answer.outcome {
        Outcome::NotSent => "not_sent".to_string(),
        Outcome::Accepted(yes) => format!("accepted {} as {}", yes.amount, yes.reference),
        Outcome::Partial(yes) => format!("partial {} as {}", yes.amount, yes.reference),
        Outcome::Pending => "pending".to_string(),
        Outcome::Declined(decline) => format!("declined {}", decline.reason()),
        Outcome::NotFound => "not_found".to_string(),
        Outcome::Duplicate(original) => format!("duplicate of {original}"),
        Outcome::Unknown(cause) => format!("unknown {}", cause.reason()),
        Outcome::Reversed => "reversed".to_string(),
        Outcome::ReversalUnconfirmed => "reversal_unconfirmed".to_string(),
        Outcome::ReversalRefused => "reversal_refused".to_string(),
    };
    format!("{} {what}{}", answer.kind.name(), if answer.by_file { " by file" } else { "" })
}

/// The reply without the card, and how often something of it stood there.
fn mask(reply: &[u8], card: CardData<'_>) -> (Vec<u8>, usize) {
    let mut out = reply.to_vec();
    let number = card.number.unwrap_or_default();
    let hidden = number.get(..number.len().saturating_sub(4)).unwrap_or_default();
    let mut count = 0_usize;
    for value in [hidden, card.secret] {
        let digits = hex::write(value).into_bytes();
        let upper = digits.to_ascii_uppercase();
        for (needle, zero) in [(value, b'0'), (&digits, b'0'), (&upper, b'0'), (&packed(value), 0)] {
            count = count.saturating_add(blot(&mut out, needle, zero));
        }
    }
    (out, count)
}

/// Two digits to a byte; empty for what is not all digits.
fn packed(value: &[u8]) -> Vec<u8> {
    if !value.iter().all(u8::is_ascii_digit) {
        return Vec::new();
    }
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some((high & 15) << 4 | low & 15),
        _ => None,
    };
    value.chunks_exact(2).filter_map(pair).collect()
}

fn blot(out: &mut [u8], needle: &[u8], zero: u8) -> usize {
    if needle.len() < 3 {
        return 0;
    }
    let mut count = 0_usize;
    while let Some(at) = out.windows(needle.len()).position(|window| window == needle) {
        let Some(part) = out.get_mut(at..).and_then(|rest| rest.get_mut(..needle.len())) else { break };
        // What is all zeros already would be found for ever.
        if part.iter().all(|byte| *byte == zero) {
            break;
        }
        part.fill(zero);
        count = count.saturating_add(1);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::plain::Plain;
    use crate::base::{RedemptionId, Secret};
    use crate::issuer::Profiles;
    use crate::money::Currency;

    const CONTEXT: Context<'static> = Context { session: b"s", now: Wall(5), nonce: [0; 16] };
    const CARD: CardData<'static> = CardData { number: Some(b"6222021234567894"), secret: b"739164" };

    fn plain() -> Plain {
        let text = "[issuer.a]\nadapter = \"plain\"\nverify = \"balance\"\nevidence = \"online\"\n\
            idempotency = \"issuer\"\nrecipe = \"query\"\nlate_debit = \"owe\"\nendpoints = [\"x\"]";
        let profile = Profiles::parse(text).unwrap().issuers["a"].clone();
        Plain::new(profile, Secret::new([7; 32].to_vec())).unwrap()
    }

    fn asked() -> Asked {
        Asked {
            kind: OpKind::Redeem,
            reference: Reference::debit(RedemptionId([0xab; 16])),
            amount: Amount::new(10_000, Currency::CNY),
            trace: Some(Text::new("t 1").unwrap()),
        }
    }

    fn recorded(words: &str) -> String {
        let reply = format!("{} redeem {words}\n", asked().reference);
        record(&plain(), &asked(), reply.as_bytes(), &CONTEXT, Some(CARD))
    }

    #[test]
    fn what_was_recorded_replays_the_same_and_a_change_is_told_with_its_line() {
        let lines = ["accepted I-1 10000 CNY", "declined expired", "pending", "never heard of"].map(recorded);
        let text = lines.join("\n");
        assert_eq!(replay(&plain(), &text), Ok(Vec::new()));
        let changed = text.replace("declined expired", "declined void");
        let differences = replay(&plain(), &changed).unwrap();
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].line, 2);
        assert!(differences[0].now[0].ends_with("redeem declined expired"), "{differences:?}");
    }

    #[test]
    fn no_number_and_no_secret_is_recorded() {
        for words in [
            "declined 6222021234567894 739164".to_string(),
            format!("declined {} {}", hex::write(b"6222021234567894"), hex::write(b"739164").to_uppercase()),
        ] {
            let line = recorded(&words);
            let reply = line.split("\"reply\":\"").nth(1).unwrap().split('"').next().unwrap();
            let reply = String::from_utf8(hex::read(reply).unwrap()).unwrap();
            for secret in ["622202123456", "739164", "363232323032", "373339313634"] {
                assert!(!reply.contains(secret) && !line.contains(secret), "{reply}");
            }
            assert!(line.contains("\"masked\":2"), "{line}");
        }
        let bcd = record(&plain(), &asked(), b"\x62\x22\x02\x12\x34\x56\x78\x94", &CONTEXT, Some(CARD));
        assert!(bcd.contains("\"reply\":\"0000000000007894\""), "{bcd}");
    }

    #[test]
    fn a_line_that_is_none_is_refused_with_its_place() {
        let good = recorded("pending");
        for (from, to) in [("\"v\":1", "\"v\":2"), ("\"redeem\"", "\"dance\""), ("CNY", "yen"), ("{", "[")] {
            let error = replay(&plain(), &format!("{good}\n\n{}", good.replacen(from, to, 1))).unwrap_err();
            assert_eq!(error.line, 3, "{error}");
        }
    }
}
