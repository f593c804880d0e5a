//! The issuer's side of sessions: gives out tokens, and refuses those that have ended.

use super::answer::path_of;
use super::channel::Values;
use super::server::{Request, Server};
use super::template::Name;
use super::terms::{Condition, Encoding, Session};
use super::wire::{Draft, Filled};
use crate::base::Wall;
use crate::codec::envelope;
use crate::codec::form::Digits;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use zeroize::Zeroizing;

const TOKEN: &str = "scrip rest server token v1";

impl Server {
    /// The reply (an envelope) to a request that is none for an operation: a sign-in gets a token,
    /// or a status 403 if it is not as agreed; an operation without a token that stands gets the
    /// profile's first word for that. `None` for everything that [`Server::read`] is to read.
    ///
    /// A token tells its own end, so that nothing is kept of it; it holds for the profile's
    /// `lifetime_ms`.
    pub fn session(&self, bytes: &[u8], now: Wall) -> Option<Vec<u8>> {
        let session = self.0.terms.session.as_ref()?;
        if let Some(signed_in) = self.signs_in(session, bytes) {
            return match signed_in {
                true => self.opened(session, now),
                false => self.page("403", Encoding::Json, Vec::new()),
            };
        }
        let request = Request::read(bytes, self.0.terms.encoding).ok()?;
        let (_, _, values) = self.recognise(&request)?;
        if values.get(&Name::Token).is_some_and(|token| self.stands(token, now)) {
            return None;
        }
        let refusal = session.expired.first();
        let unnamed = Condition { http: ["401".to_string()].into(), when: Vec::new() };
        self.condition(refusal.unwrap_or(&unnamed), self.0.terms.answer.encoding, Vec::new())
    }

    /// Whether a request that comes to where sessions are opened is as agreed; `None` for another.
    fn signs_in(&self, session: &Session, bytes: &[u8]) -> Option<bool> {
        let request = Request::read(bytes, session.encoding).ok()?;
        let target = path_of(&request.incoming.envelope);
        let mut values = Values::default();
        if request.method != "POST" || !self.take_path(&session.path, target, &mut values) {
            return None;
        }
        let fields = self.take_fields(&session.fields, &request.incoming.fields, &mut values);
        Some(fields && (!session.signed || self.is_signed(&request, &mut values)))
    }

    fn opened(&self, session: &Session, now: Wall) -> Option<Vec<u8>> {
        let token = self.token_until(now.plus(session.lifetime_ms));
        let mut fields: Vec<Filled> = [(session.answer.token.clone(), Zeroizing::new(token))].into();
        if let Some(lifetime) = &session.answer.lifetime {
            let seconds = session.lifetime_ms / 1_000;
            fields.push((lifetime.clone(), Zeroizing::new(seconds.to_string())));
        }
        self.condition(&session.answer.condition, session.answer.encoding, fields)
    }

    /// `END.TAG`
    fn token_until(&self, ends: Wall) -> String {
        let tag = self.0.own_tag(TOKEN, &[&ends.0.to_be_bytes()]);
        let tag = tag.first_chunk::<16>().map_or(&tag[..], |half| half);
        format!("{}.{}", ends.0, Digits::HexLower.write(tag))
    }

    fn stands(&self, token: &str, now: Wall) -> bool {
        let ends = token.split_once('.').and_then(|(ends, _)| ends.parse().ok()).map(Wall);
        ends.is_some_and(|ends| {
            now < ends && crate::vault::ct_eq(token.as_bytes(), self.token_until(ends).as_bytes())
        })
    }

    /// An answer that fulfils a condition.
    fn condition(
        &self,
        condition: &Condition,
        encoding: Encoding,
        mut fields: Vec<Filled>,
    ) -> Option<Vec<u8>> {
        for (name, told) in &condition.when {
            fields.push((name.clone(), Zeroizing::new(told.first()?.clone())));
        }
        self.page(condition.http.first()?, encoding, fields)
    }

    fn page(&self, status: &str, encoding: Encoding, fields: Vec<Filled>) -> Option<Vec<u8>> {
        let draft = Draft {
            method: "",
            target: status.to_string(),
            encoding,
            bare: &[],
            sign: self.0.terms.answer.sign.as_ref(),
            fields,
            clear: None,
            headers: Vec::new(),
        };
        let (mut bytes, body) = draft.write(&self.0, &mut Values::default())?;
        envelope::end(&body, &mut bytes);
        Some(bytes)
    }
}
