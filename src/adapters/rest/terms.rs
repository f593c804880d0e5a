//! What was agreed with an issuer, as data.

use super::template::{Name, Template};
use crate::base::{Advice, Code, block};
use crate::codec::form::{Canonical, Digits, Keyed};
use crate::issuer::{Decline, OpKind};
use crate::money::Currency;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// A fault of a profile file. [`super::lint`] gives all of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct TermsError {
    /// Line from 1.
    pub line: usize,
    /// Column from 1.
    pub column: usize,
    /// What was expected.
    pub what: String,
}

impl TermsError {
    /// The stable number, 16,020.
    pub const fn code(&self) -> Code {
        Code::new(block::ADAPTERS, 20)
    }

    /// The file must be corrected.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// How bodies are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Form,
    Json,
}

/// How amounts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// `10000`: cents (分).
    Minor,
    /// `100.00`: units (元) with all decimals.
    Major,
    /// `100`: units; an amount with a fraction cannot be sent.
    Whole,
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Seconds,
    Milliseconds,
    /// `2026-03-01 12:00:00`.
    Datetime,
    /// `20260301120000`.
    Compact,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) clock: Clock,
    pub(super) utc_offset_min: i32,
    /// How far the time of a request may lie from the issuer's; 0 if it does not look.
    pub(super) window_ms: i64,
}

/// How a card is sealed on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealCipher {
    /// AES in ECB with PKCS #7 padding: weak, and what is asked for.
    AesEcb,
    /// AES in GCM: 12 bytes of nonce, the text, 16 bytes of tag.
    AesGcm,
}

#[derive(Clone, Debug)]
pub(super) struct Seal {
    pub(super) cipher: SealCipher,
    pub(super) key: String,
    pub(super) digits: Digits,
}

/// What makes signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Keyed(Keyed),
    /// A pair of keys: in software, or at the host or in an HSM.
    Pair(Scheme),
}

/// What is done with a pair of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaSha256,
    /// In DER.
    Sm2,
    /// r and s one after the other.
    Sm2Raw,
}

/// What is signed.
#[derive(Clone, Debug)]
pub(super) enum Signed {
    /// The fields, brought into an order. `plain`: with the card in the clear although it travels
    /// sealed.
    Fields {
        canonical: Canonical,
        except: Vec<String>,
        before: Template,
        after: Template,
        plain: bool,
    },
    Text(Template),
}

/// Where the signature stands.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Field(String),
    Header(String),
}

#[derive(Clone, Debug)]
pub(super) struct Sign {
    pub(super) algorithm: Algorithm,
    /// The name of the key, of a keyed digest that takes one beside the text.
    pub(super) key: String,
    /// The identity of who signs, of SM2; the usual one without it.
    pub(super) id: Option<String>,
    pub(super) signed: Signed,
    pub(super) digits: Digits,
    pub(super) place: Place,
}

impl Sign {
    /// The templates in it.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        let (one, two) = match &self.signed {
            Signed::Fields { before, after, .. } => (before, Some(after)),
            Signed::Text(text) => (text, None),
        };
        [one].into_iter().chain(two)
    }

    pub(super) fn has(&self, name: &Name) -> bool {
        self.templates().any(|template| template.has(name))
    }
}

/// A field: its name or pointer, and what stands in it.
pub(super) type Field = (String, Template);

#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) get: bool,
    pub(super) path: Template,
    /// Stands for `{root}` in the pointers into its answer.
    pub(super) root: String,
    pub(super) fields: Vec<Field>,
    pub(super) inner: Vec<Field>,
}

/// What a rule makes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Partial,
    Pending,
    Declined(Decline),
    NotFound,
    Duplicate,
    Reversed,
    ReversalUnconfirmed,
    ReversalRefused,
    Unsure,
}

impl Verdict {
    /// The operations that a rule without `ops` is about. What only says that a question was
    /// taken in must never become a word about the debit: for queries `ops` is to be written.
    pub(super) fn usual(self) -> &'static [OpKind] {
        use OpKind::{Balance, PinCheck, Query, Receipt, Redeem, Reverse};
        match self {
            Self::Accepted | Self::Partial | Self::Declined(_) => &[Balance, PinCheck, Redeem],
            Self::Duplicate => &[Redeem],
            Self::Pending => &[Redeem, Query, Receipt],
            Self::NotFound => &[Query, Receipt],
            Self::Reversed | Self::ReversalUnconfirmed | Self::ReversalRefused => &[Reverse],
            Self::Unsure => &[Balance, PinCheck, Redeem, Query, Reverse, Receipt],
        }
    }

    /// The operations of which it can be said at all.
    pub(super) fn sensible(self) -> &'static [OpKind] {
        use OpKind::{Balance, PinCheck, Query, Receipt, Redeem, Reverse};
        match self {
            Self::Declined(decline) if about_us(decline) => self.usual(),
            Self::Accepted | Self::Partial | Self::Declined(_) => {
                &[Balance, PinCheck, Redeem, Query, Receipt]
            }
            Self::NotFound => &[Balance, PinCheck, Query, Receipt],
            Self::Reversed => &[Reverse, Query, Receipt],
            other => other.usual(),
        }
    }
}

/// Whether a no speaks of the question instead of the card: then it says nothing about a debit
/// that was asked for before.
pub(super) fn about_us(decline: Decline) -> bool {
    matches!(decline, Decline::AuthConfig | Decline::TooFrequent | Decline::Maintenance)
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) when: Vec<(String, Vec<String>)>,
    pub(super) http: Vec<String>,
    /// Empty for callbacks.
    pub(super) ops: Vec<OpKind>,
    pub(super) verdict: Verdict,
}

/// What comes from the issuer: a reply or a callback.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Of callbacks: where they come in.
    pub(super) path: String,
    pub(super) encoding: Encoding,
    pub(super) unit: Unit,
    pub(super) fields: Vec<Field>,
    pub(super) headers: Vec<Field>,
    pub(super) bare: Vec<String>,
    /// How far its time may lie from ours; 0 if that is not looked at.
    pub(super) window_ms: i64,
    pub(super) assume_amount: bool,
    pub(super) sign: Option<Sign>,
    pub(super) ack: String,
    pub(super) rules: Vec<Rule>,
}

impl Section {
    /// Whether a field or header tells it.
    pub(super) fn tells(&self, name: &Name) -> bool {
        self.fields.iter().chain(&self.headers).any(|(_, template)| template.has(name))
    }
}

/// An answer by its status and some of its fields.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) http: Vec<String>,
    pub(super) when: Vec<(String, Vec<String>)>,
}

/// How a session is opened, and what is known of its token.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) path: Template,
    pub(super) encoding: Encoding,
    pub(super) headers: Vec<Field>,
    pub(super) fields: Vec<Field>,
    /// Whether the request is signed as all others are.
    pub(super) signed: bool,
    /// A token is used so long at the most, and so long where its answer says nothing.
    pub(super) lifetime_ms: i64,
    /// So long before its end another one is asked for.
    pub(super) refresh_ms: i64,
    pub(super) answer: Opened,
    /// What says that the token is not valid any more.
    pub(super) expired: Vec<Condition>,
    /// Whether nothing was done of what is refused so, by the contract.
    pub(super) nothing_done: bool,
}

/// The answer that brings a token.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) encoding: Encoding,
    pub(super) condition: Condition,
    /// Where the token stands.
    pub(super) token: String,
    /// Where its lifetime stands, in seconds.
    pub(super) lifetime: Option<String>,
}

/// What was agreed with an issuer, read from its profile file: see `docs/issuers.md`. Holds no
/// secrets.
#[derive(Clone, Debug)]
pub struct RestTerms {
    pub(super) currency: Currency,
    pub(super) unit: Unit,
    pub(super) encoding: Encoding,
    pub(super) bare: Vec<String>,
    pub(super) time: Time,
    pub(super) seal: Option<Seal>,
    pub(super) params: BTreeMap<String, String>,
    pub(super) headers: Vec<Field>,
    pub(super) sign: Option<Sign>,
    pub(super) ops: BTreeMap<OpKind, Op>,
    pub(super) answer: Section,
    pub(super) callback: Option<Section>,
    pub(super) session: Option<Session>,
}

impl RestTerms {
    /// With a value for each of `params`, which the file must name; `None` if it names one not.
    pub fn with_params<'a>(mut self, params: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        for (name, value) in params {
            *self.params.get_mut(name)? = value.into();
        }
        Some(self)
    }

    /// The names of parameters that the file leaves to the set-up (an empty text) and that have no
    /// value yet.
    pub fn missing_params(&self) -> impl Iterator<Item = &str> {
        self.params.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| name.as_str())
    }

    /// Where callbacks come in; `None` if there are none.
    pub fn callback_path(&self) -> Option<&str> {
        self.callback.as_ref().map(|callback| callback.path.as_str())
    }

    /// The names of the keys that are needed, each once.
    pub fn keys(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let callback = self.callback.as_ref().and_then(|callback| callback.sign.as_ref());
        for sign in [self.sign.as_ref(), self.answer.sign.as_ref(), callback].into_iter().flatten() {
            if matches!(sign.algorithm, Algorithm::Keyed(Keyed::HmacMd5 | Keyed::HmacSha256)) {
                names.push(sign.key.as_str());
            }
            names.extend(sign.templates().flat_map(keys_of));
        }
        let fields = self.ops.values().flat_map(|op| op.fields.iter().chain(&op.inner));
        names.extend(fields.flat_map(|(_, template)| keys_of(template)));
        let opening = self.session.iter().flat_map(|session| &session.fields);
        names.extend(opening.flat_map(|(_, template)| keys_of(template)));
        names.extend(self.seal.as_ref().map(|seal| seal.key.as_str()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The operation as it is asked.
    pub(super) fn op(&self, kind: OpKind) -> Option<&Op> {
        self.ops.get(&self.asked_as(kind))
    }

    /// As what an operation is asked and answered: a receipt as a query where it has no address of
    /// its own.
    pub(super) fn asked_as(&self, kind: OpKind) -> OpKind {
        match kind {
            OpKind::Receipt if !self.ops.contains_key(&kind) => OpKind::Query,
            _ => kind,
        }
    }
}

fn keys_of(template: &Template) -> impl Iterator<Item = &str> {
    template.names().filter_map(|name| match name {
        Name::Key(key) => Some(key.as_str()),
        _ => None,
    })
}
