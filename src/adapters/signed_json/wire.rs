//! The JSON texts themselves, strict: no unknown field, no field twice, integers only.

use crate::base::Text;
use crate::money::{Amount, Currency};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Deref;
use serde::{Deserialize, Serialize};

/// The only version there is.
pub(super) const VERSION: u32 = 1;

/// A text that is borrowed where nothing in it is escaped: inside an `Option` a `Cow` by itself
/// would always be copied.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Str<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Str<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl Deref for Str<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) payload: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) sig: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request<'a> {
    pub(super) v: u32,
    #[serde(borrow)]
    pub(super) nonce: Cow<'a, str>,
    pub(super) ts: i64,
    #[serde(borrow)]
    pub(super) ops: Vec<Op<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Op<'a> {
    #[serde(rename = "ref", borrow)]
    pub(super) reference: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) op: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) product: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) payee: Option<Str<'a>>,
    pub(super) amount_minor: i64,
    #[serde(borrow)]
    pub(super) currency: Cow<'a, str>,
    pub(super) attempt: u32,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) card: Option<Str<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers<'a> {
    pub(super) v: u32,
    #[serde(borrow)]
    pub(super) answers: Vec<Line<'a>>,
}

/// One answer. What a status does not need is left out or ignored.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Line<'a> {
    #[serde(rename = "ref", borrow)]
    pub(super) reference: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) op: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) issuer_ref: Option<Str<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) amount_minor: Option<i64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<Str<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) card_tag: Option<Str<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) generation: Option<u32>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Str<'a>>,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub(super) file: bool,
}

/// An amount on the wire: not negative, of a currency of ISO 4217.
pub(super) fn read_amount(minor: i64, currency: &str) -> Option<Amount> {
    let currency: Currency = currency.parse().ok()?;
    (minor >= 0).then_some(Amount::new(minor, currency))
}

pub(super) fn read_text(text: &str) -> Option<Text> {
    Text::new(text).ok()
}

/// The byte at which `bytes` stop being what was expected.
pub(super) fn at_byte(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    before.saturating_add(error.column()).min(bytes.len())
}
