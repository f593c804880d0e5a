//! REST issuers that a profile file describes, without writing code: recovery platforms
//! (卡券回收平台) that take signed forms or JSON and call back, and open platforms such as 京东 and
//! 沃尔玛. The format of the file is told in `docs/issuers.md`.
//!
//! A message goes as `POST /path` or `GET /path`, named lines and a body ([`crate::codec::envelope`]:
//! the lines in [`Message::head`], the body in [`Message::body`]); a reply comes back as one
//! envelope with its status on the first line, a callback with `POST /path`.
//!
//! What an answer means is a closed list of rules; the first that fits decides. An answer that no
//! rule names, another status than the rule's, a page of HTML and bytes that are no answer leave
//! the outcome Unknown: only a rule declines. A rule says nothing about a debit that was asked for
//! before unless it names `query` or `receipt`: that a question was taken in is no answer to it.
//!
//! Reference, currency and, where it is echoed, the card are compared with what was asked; amounts
//! are read exactly. Signatures are checked over all that is read. RSA with SHA-256 and SM2 are
//! made with the keys that [`RestKeys`] is given (features `rsa` and `sm2`), or by an HSM behind a
//! [`Signer`] of the host's.
//!
//! [`Server`] is the issuer's side, made from the same file.
//!
//! ```
//! use scrip::adapters::rest::{RestTerms, profile};
//! let terms = RestTerms::parse(profile("walmart").expect("it is shipped"))?;
//! assert_eq!(terms.missing_params().collect::<Vec<_>>(), ["consumer_id", "store_id"]);
//! assert_eq!(terms.keys(), ["seal", "sign"]);
//! # Ok::<(), scrip::adapters::rest::TermsError>(())
//! ```

mod answer;
mod channel;
mod check;
mod clock;
mod config;
mod pair;
mod profiles;
mod read;
mod read_session;
mod read_sign;
mod request;
mod server;
mod server_session;
mod session;
mod strange;
pub(in crate::adapters) mod table;
mod template;
mod terms;
mod wire;

pub use channel::RestKeys;
pub(in crate::adapters) use config::configured;
pub use profiles::{PROFILES, profile};
pub use read::lint;
pub use server::Server;
pub use terms::{RestTerms, TermsError};

use crate::adapters::AdapterError;
use crate::codec::form::Signer;
use crate::issuer::{
    Answer, Asked, CardData, CardTag, Context, DecodeError, EncodeError, Issuer, IssuerProfile, Message,
    OpKind, Operation, Recipe, Reference, Verify,
};
use crate::vault::Tally;
use alloc::boxed::Box;
use channel::Channel;
use core::fmt;
use pair::End;

/// The name under which profiles ask for this adapter.
pub const NAME: &str = "rest";

/// The name under which profiles ask for this adapter with the profile of 京东.
pub const JD: &str = "jd";

/// The name under which profiles ask for this adapter with the profile of 沃尔玛.
pub const WALMART: &str = "walmart";

/// The profile that an adapter's name stands for.
fn shipped_by(adapter: &str) -> Option<&str> {
    Some(adapter).filter(|name| matches!(*name, JD | WALMART))
}

/// An issuer that a profile file describes. The channel's session holds the token, sealed, where the
/// profile has one, and is left alone otherwise.
pub struct Rest {
    profile: IssuerProfile,
    channel: Channel,
}

impl Rest {
    /// The adapter for one issuer.
    ///
    /// # Errors
    /// [`AdapterError::KeyLength`] for a tag key that is not 32 bytes; [`AdapterError::Rest`] for
    /// keys or parameters that are missing or have no use, or an issuer's profile that asks for what
    /// the terms do not have: a recipe or a verification without its operation, a batch, an echoed
    /// card that no field tells; [`AdapterError::Pair`] for a key of RSA or SM2 that cannot be read.
    pub fn new(profile: IssuerProfile, terms: RestTerms, keys: RestKeys) -> Result<Self, AdapterError> {
        Self::made(profile, terms, keys, None)
    }

    /// The adapter for an issuer whose signatures are made with pairs of keys that lie elsewhere, such
    /// as in an HSM.
    ///
    /// # Errors
    /// As [`Rest::new`], and [`AdapterError::Rest`] if the terms have no such signature.
    pub fn with_signer(
        profile: IssuerProfile,
        terms: RestTerms,
        keys: RestKeys,
        signer: Box<dyn Signer>,
    ) -> Result<Self, AdapterError> {
        Self::made(profile, terms, keys, Some(signer))
    }

    fn made(
        profile: IssuerProfile,
        terms: RestTerms,
        keys: RestKeys,
        signer: Option<Box<dyn Signer>>,
    ) -> Result<Self, AdapterError> {
        let wrong = |what| Err(AdapterError::Rest { what });
        if profile.batch_window_ms > 0 || profile.batch_max > 1 {
            return wrong("one operation goes in a message: no batch");
        }
        let has = |kind| terms.ops.contains_key(&kind);
        let verify = match profile.verify {
            Verify::Balance => Some(OpKind::Balance),
            Verify::PinCheck => Some(OpKind::PinCheck),
            Verify::None => None,
        };
        if verify.is_some_and(|kind| !has(kind)) {
            return wrong("verify: the terms have no such operation");
        }
        if matches!(profile.recipe, Recipe::Query | Recipe::Repeat) && !has(OpKind::Query) {
            return wrong("recipe: the terms have no operation `query`");
        }
        if profile.can_reverse && !has(OpKind::Reverse) {
            return wrong("can_reverse: the terms have no operation `reverse`");
        }
        if profile.echoes_card && !terms.answer.tells(&template::Name::Number) {
            return wrong("echoes_card: no field of an answer holds the `{number}`");
        }
        Ok(Self { profile, channel: Channel::new(terms, keys, signer, End::Ours)? })
    }
}

impl Issuer for Rest {
    fn profile(&self) -> &IssuerProfile {
        &self.profile
    }

    fn encode(
        &self,
        operations: &[Operation<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        match operations {
            [operation] => self.channel.request(operation, context, out),
            _ => Err(EncodeError::Field("batch")),
        }
    }

    fn decode(
        &self,
        bytes: &[u8],
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        if let Some((reference, answer)) = self.channel.hear(bytes, None, context.now)? {
            answers(reference, answer);
        }
        Ok(())
    }

    fn decode_reply(
        &self,
        bytes: &[u8],
        asked: &Asked,
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        if let Some((reference, answer)) = self.channel.hear(bytes, Some(asked), context.now)? {
            answers(reference, answer);
        }
        Ok(())
    }

    fn sign_in(&self, context: &Context<'_>, out: &mut Message) -> Result<bool, EncodeError> {
        self.channel.sign_in(context, out)
    }

    fn learn(&self, bytes: &[u8], context: &Context<'_>) -> Option<alloc::vec::Vec<u8>> {
        self.channel.learn(bytes, context, self.profile.timing.answer_within_ms)
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        self.channel.card_tag(card.number?)
    }

    fn tally(&self) -> Option<Tally> {
        self.channel.tally()
    }

    fn sealed_before(&self, messages: u64) {
        self.channel.sealed_before(messages);
    }

    fn acknowledge(&self, out: &mut alloc::vec::Vec<u8>) {
        let ack = self.channel.terms.callback.as_ref().map_or("ok", |callback| callback.ack.as_str());
        out.extend_from_slice(ack.as_bytes());
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rest({})", self.profile.name)
    }
}
