//! Issuers that speak a REST profile: both ends.

use super::speech::Speech;
use crate::adapters::rest::{Rest, RestKeys, RestTerms, Server};
use crate::adapters::served::Asked;
use crate::adapters::{AdapterError, FarEnd, Told};
use crate::base::{Secret, Wall, digest};
use crate::codec::envelope;
use crate::issuer::{CardData, CardTag, Decline, Issuer, IssuerProfile, OpKind, Outcome, Reference};
use crate::vault::tag;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

/// What is said of an outcome that the protocol has no words for.
const SPEECHLESS: &[u8] = b"<html><head><title>500 Internal Server Error</title></head></html>";

/// The protocol of a REST profile, for [`super::SimIssuer::speaking`].
#[derive(Clone, Debug)]
pub struct InRest(pub RestTerms);

impl InRest {
    /// The keys of a simulated channel: derived from its own, for there is nothing to protect.
    fn keys(&self, key: &Secret) -> RestKeys {
        let derived =
            |name: &str| Secret::new(tag(key, "scrip sim rest key v1", &[name.as_bytes()]).to_vec());
        let keys = RestKeys::new(derived("scrip tag"));
        self.0.keys().into_iter().fold(keys, |keys, name| {
            // Tokens go into forms, so keys are made of hexadecimal digits: 32 of them.
            let digits: String =
                derived(name).expose().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            keys.with(name, Secret::from(digits.as_str()))
        })
    }
}

impl Speech for InRest {
    fn enveloped(&self) -> bool {
        true
    }

    fn callback_path(&self) -> Option<&str> {
        self.0.callback_path()
    }

    fn issuer(&self, profile: IssuerProfile, key: &Secret) -> Result<Box<dyn Issuer>, AdapterError> {
        Ok(Box::new(Rest::new(profile, self.0.clone(), self.keys(key))?))
    }

    fn far_end(&self, key: &Secret) -> Result<Box<dyn FarEnd>, AdapterError> {
        let server = Server::new(self.0.clone(), self.keys(key))?;
        Ok(Box::new(RestEnd { server, tries: Mutex::default() }))
    }
}

/// The issuer's end.
struct RestEnd {
    server: Server,
    /// How often each operation was asked for: these protocols do not say.
    tries: Mutex<BTreeMap<(Reference, OpKind), u32>>,
}

impl FarEnd for RestEnd {
    fn enveloped(&self) -> bool {
        true
    }

    fn session(&self, bytes: &[u8], now: Wall) -> Option<Vec<u8>> {
        self.server.session(bytes, now)
    }

    fn read(&self, bytes: &[u8], now: Wall) -> Result<Vec<Asked>, AdapterError> {
        let mut asked = self.server.read(bytes, now)?;
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = tries.entry((asked.reference, asked.kind)).or_default();
        *tried += 1;
        asked.attempt = *tried;
        Ok([asked].into())
    }

    fn reply(&self, told: &[Told], now: Wall) -> Option<Vec<u8>> {
        let [Told { asked, answer }] = told else { return None };
        let say = |outcome: &Outcome| self.server.answer(asked, outcome, now, nonce(asked, now)).ok();
        // A platform that works cards off one after the other says "later" to every order; one with
        // few words has one no for all.
        let later = || say(&Outcome::Pending).filter(|_| asked.kind == OpKind::Redeem);
        let no = || match answer.outcome {
            Outcome::Declined(_) => Decline::ALL.iter().find_map(|no| say(&Outcome::Declined(*no))),
            _ => None,
        };
        say(&answer.outcome).or_else(later).or_else(no).or_else(|| {
            let mut out = Vec::new();
            envelope::begin("500", &mut out);
            envelope::end(SPEECHLESS, &mut out);
            Some(out)
        })
    }

    fn news(&self, told: &[Told], now: Wall) -> Option<Vec<u8>> {
        // A callback speaks of one debit, and of how that stands.
        let [Told { asked, answer }] = told else { return None };
        let tells =
            matches!(asked.kind, OpKind::Redeem | OpKind::Query) && answer.outcome != Outcome::NotFound;
        let written = tells.then(|| self.server.callback(asked, &answer.outcome, now, nonce(asked, now)))?;
        written.ok()
    }

    fn owes(&self, Told { asked, answer }: &Told, now: Wall) -> bool {
        let said = || self.server.answer(asked, &answer.outcome, now, nonce(asked, now));
        let told = || self.server.callback(asked, &answer.outcome, now, nonce(asked, now));
        asked.kind == OpKind::Redeem && said().is_err() && told().is_ok()
    }

    fn is_acknowledgement(&self, bytes: &[u8]) -> bool {
        bytes == self.server.ack().as_bytes()
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        self.server.card_tag(card)
    }
}

fn nonce(asked: &Asked, now: Wall) -> [u8; 16] {
    let reference = asked.reference.to_string();
    let drawn = digest("scrip sim rest nonce v1", &[reference.as_bytes(), &now.0.to_le_bytes()]).0;
    *drawn.first_chunk().expect("a digest has 32 bytes")
}
