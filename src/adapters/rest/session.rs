//! Sessions with a token (访问令牌): signed in, renewed ahead of the token's end, and signed in anew
//! when the issuer refuses it. The token lies in the channel's durable session, sealed under a key
//! that is made from our own.

use super::answer::holds;
use super::channel::{Channel, Values};
use super::template::Name;
use super::terms::Opened;
use super::wire::{Draft, Fields, Incoming, open};
use crate::base::{Reader, Secret, ShortInput, Text, Wall, Writer};
use crate::codec::form::Digits;
use crate::issuer::{Asked, Cause, Class, Context, EncodeError, Message, OpKind, Outcome};
use crate::vault::{decrypt, encrypt};
use aes_gcm::aes::Aes256;
use alloc::string::ToString;
use alloc::vec::Vec;
use zeroize::Zeroizing;

const KEY: &str = "scrip rest token key v1";
const NONCE: &str = "scrip rest token nonce v1";
/// What is left with a message that is not the first of its kind.
const AGAIN: &str = "again";
/// Tokens are at most so long.
const MOST: usize = 4_096;

/// What outlives a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    /// Whether a sign-in is on its way: only its answer brings a token.
    signing: bool,
    /// The token, sealed; empty if none stands.
    sealed: Vec<u8>,
    /// Since when it stands, and when it ends.
    since: Wall,
    ends: Wall,
}

impl State {
    const VERSION: u8 = 1;

    /// Reads what [`State::write`] wrote; a new one from nothing, or from what cannot be read.
    fn read(bytes: &[u8]) -> Self {
        Self::try_read(&mut Reader::new(bytes)).unwrap_or_default()
    }

    fn try_read(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        if r.u8()? != Self::VERSION {
            return r.fail();
        }
        let (signing, since, ends) = (r.bool()?, r.wall()?, r.wall()?);
        Ok(Self { signing, sealed: r.bytes()?.to_vec(), since, ends })
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let w = &mut Writer::new(&mut out);
        w.u8(Self::VERSION).bool(self.signing).wall(self.since).wall(self.ends).bytes(&self.sealed);
        out
    }
}

impl Channel {
    /// Puts the token among the values, where the profile has one.
    pub(super) fn put_token(&self, context: &Context<'_>, values: &mut Values) -> Result<(), EncodeError> {
        if self.terms.session.is_some() {
            let token = self.token(&State::read(context.session)).ok_or(EncodeError::Field("token"))?;
            let text = core::str::from_utf8(token.expose()).map_err(|_| EncodeError::Field("token"))?;
            values.set(Name::Token, Zeroizing::new(text.to_string()));
        }
        Ok(())
    }

    /// What is left with a message where it matters whether it is the first: one that is refused
    /// for its token is repeated once.
    pub(super) fn again(&self, attempt: u32) -> Option<Text> {
        let repeated = self.terms.session.is_some() && attempt > 1;
        repeated.then(|| Text::new(AGAIN).expect("a short word"))
    }

    /// The message that opens a session, if none stands or it ends soon.
    pub(super) fn sign_in(&self, context: &Context<'_>, out: &mut Message) -> Result<bool, EncodeError> {
        let Some(terms) = &self.terms.session else { return Ok(false) };
        let mut state = State::read(context.session);
        // One that ends sooner than expected is used for half of its time.
        let stands_ms = state.ends.0.saturating_sub(state.since.0);
        let soon = context.now.plus(terms.refresh_ms.min(stands_ms / 2));
        if !state.sealed.is_empty() && soon < state.ends && state.since <= context.now {
            return Ok(false);
        }
        let mut values = Values::default();
        values.set(Name::Timestamp, Zeroizing::new(self.terms.time.write(context.now)));
        values.set(Name::Nonce, Zeroizing::new(Digits::HexLower.write(&context.nonce)));
        let draft = Draft {
            method: "POST",
            target: self.path(&terms.path, &values).ok_or(EncodeError::Field("path"))?,
            encoding: terms.encoding,
            bare: &self.terms.bare,
            sign: self.terms.sign.as_ref().filter(|_| terms.signed),
            fields: self.filled(&terms.fields, &values),
            clear: None,
            headers: self.filled(&terms.headers, &values),
        };
        (out.head, out.body) = draft.write(self, &mut values).ok_or(EncodeError::Field("sign"))?;
        state.signing = true;
        out.session = Some(state.write());
        Ok(true)
    }

    /// The session that a reply changes: it brings a token, or refuses the one that stands. One
    /// that stands for less than `young_ms` is kept: what is refused may be the one before it.
    pub(super) fn learn(&self, bytes: &[u8], context: &Context<'_>, young_ms: i64) -> Option<Vec<u8>> {
        let terms = self.terms.session.as_ref()?;
        let envelope = open(bytes).ok()?;
        // A callback is anybody's to send.
        if !envelope.first.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let mut state = State::read(context.session);
        if let Some((token, lifetime_ms)) = brought(&terms.answer, bytes).filter(|_| state.signing) {
            let lifetime_ms = lifetime_ms.unwrap_or(terms.lifetime_ms).min(terms.lifetime_ms);
            state = State {
                signing: false,
                sealed: self.sealed_token(&token)?,
                since: context.now,
                ends: context.now.plus(lifetime_ms),
            };
            return Some(state.write());
        }
        let section = &self.terms.answer;
        let incoming = Incoming::read(bytes, section.encoding).ok()?;
        let mut values = Values::default();
        self.taken_apart(section, &incoming, "", &mut values);
        self.trusted(section, &incoming, &mut values, context.now).ok()?;
        let young = (0..young_ms).contains(&context.now.0.saturating_sub(state.since.0));
        if !self.expired(&incoming) || young || state.sealed.is_empty() {
            return None;
        }
        state.sealed.clear();
        Some(state.write())
    }

    /// Whether an answer says that the token is not valid any more.
    pub(super) fn expired(&self, incoming: &Incoming<'_>) -> bool {
        let status = incoming.envelope.first;
        let conditions = self.terms.session.iter().flat_map(|session| &session.expired);
        conditions.into_iter().any(|condition| {
            condition.http.iter().any(|http| http == status) && holds(&condition.when, &incoming.fields, "")
        })
    }

    /// What a refused token says of the question: it was not taken up where that does no harm or
    /// the contract says so, the first time. Otherwise nothing is known, as ever.
    pub(super) fn refused(&self, asked: &Asked) -> Outcome {
        let read = asked.kind.class() == Class::Read;
        let nothing_done = self.terms.session.as_ref().is_some_and(|session| session.nothing_done);
        let first = asked.trace.as_ref().is_none_or(|trace| &**trace != AGAIN);
        match first && (read || nothing_done) && asked.kind != OpKind::SignIn {
            true => Outcome::NotSent,
            false => Outcome::Unknown(Cause::IssuerUnsure),
        }
    }

    /// The token under a key of our own. Its nonce is made from it: equal tokens are sealed alike,
    /// and no two different ones share a nonce.
    fn sealed_token(&self, token: &Secret) -> Option<Vec<u8>> {
        let key = Secret::new(self.own_tag(KEY, &[]).to_vec());
        let nonce = self.own_tag(NONCE, &[token.expose()]);
        let nonce = nonce.first_chunk::<12>().copied()?;
        let mut text = Zeroizing::new(token.expose().to_vec());
        let tag = encrypt::<Aes256>(key.expose(), nonce, KEY.as_bytes(), &mut text);
        Some([&nonce[..], &text, &tag].concat())
    }

    fn token(&self, state: &State) -> Option<Secret> {
        let key = Secret::new(self.own_tag(KEY, &[]).to_vec());
        let (nonce, rest) = state.sealed.split_first_chunk::<12>()?;
        let (text, tag) = rest.split_last_chunk::<16>()?;
        let mut text = Zeroizing::new(text.to_vec());
        let fits = decrypt::<Aes256>(key.expose(), *nonce, KEY.as_bytes(), &mut text, tag);
        fits.then(|| Secret::new(core::mem::take(&mut *text)))
    }
}

/// The token in a reply, and its lifetime where that is told.
fn brought(answer: &Opened, bytes: &[u8]) -> Option<(Secret, Option<i64>)> {
    let envelope = open(bytes).ok()?;
    let at = bytes.len() - envelope.body.len();
    let fields = Fields::read(answer.encoding, envelope.body, at).ok()?;
    let status = answer.condition.http.iter().any(|http| http == envelope.first);
    if !status || !holds(&answer.condition.when, &fields, "") {
        return None;
    }
    let visible =
        |text: &&str| (1..=MOST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let token = Secret::from(fields.value(&answer.token).filter(visible)?);
    let lifetime = answer.lifetime.as_ref().map(|place| {
        let seconds = fields.value(place)?.parse::<u32>().ok()?;
        Some(i64::from(seconds) * 1_000)
    });
    match lifetime {
        Some(None) => None,
        lifetime => Some((token, lifetime.flatten())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_and_a_strange_one_starts_anew() {
        let state = State { signing: true, sealed: [7; 40].to_vec(), since: Wall(5), ends: Wall(9) };
        assert_eq!(State::read(&state.write()), state);
        for bytes in [&b""[..], b"\x02", b"\x01\x01"] {
            assert_eq!(State::read(bytes), State::default());
        }
    }
}
