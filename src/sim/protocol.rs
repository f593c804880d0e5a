//! The protocols of issuers that do not speak signed JSON: what comes in is read to the same questions,
//! what the book says is put into the same words.

use crate::adapters::AdapterError;
use crate::adapters::rest::{Rest, RestKeys, RestTerms, Server};
use crate::adapters::served::Asked;
use crate::base::{Secret, Wall, digest};
use crate::codec::envelope;
use crate::issuer::{Answer, IssuerProfile, OpKind, Reference};
use crate::vault::tag;
use std::collections::BTreeMap;
use std::string::ToString;
use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

/// What is said of an outcome that the protocol has no words for.
const SPEECHLESS: &[u8] = b"<html><head><title>500 Internal Server Error</title></head></html>";

/// The keys of a simulated channel: derived from its own, for there is nothing to protect.
fn keys(terms: &RestTerms, key: &Secret) -> RestKeys {
    let derived = |name: &str| Secret::new(tag(key, "scrip sim rest key v1", &[name.as_bytes()]).to_vec());
    let keys = RestKeys::new(derived("scrip tag"));
    terms.keys().into_iter().fold(keys, |keys, name| {
        // Tokens go into forms, so keys are made of hexadecimal digits: 32 of them.
        let digits: std::string::String =
            derived(name).expose().iter().take(16).map(|byte| std::format!("{byte:02x}")).collect();
        keys.with(name, Secret::from(digits.as_str()))
    })
}

/// Our end of a channel of these terms.
pub(super) fn adapter(profile: IssuerProfile, terms: &RestTerms, key: &Secret) -> Result<Rest, AdapterError> {
    Rest::new(profile, terms.clone(), keys(terms, key))
}

/// The issuer's end.
pub(super) struct Protocol {
    server: Server,
    /// How often each operation was asked for: these protocols do not say.
    tries: Mutex<BTreeMap<(Reference, OpKind), u32>>,
}

impl Protocol {
    pub(super) fn new(terms: &RestTerms, key: &Secret) -> Result<Self, AdapterError> {
        let server = Server::new(terms.clone(), keys(terms, key))?;
        Ok(Self { server, tries: Mutex::default() })
    }

    /// What an envelope asks.
    pub(super) fn read(&self, bytes: &[u8], at: Wall) -> Result<Asked, AdapterError> {
        let mut asked = self.server.read(bytes, at)?;
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = tries.entry((asked.reference, asked.kind)).or_default();
        *tried += 1;
        asked.attempt = *tried;
        Ok(asked)
    }

    /// The reply, an envelope.
    pub(super) fn answer(&self, asked: &Asked, answer: &Answer, at: Wall) -> Vec<u8> {
        let parts = [asked.reference.to_string().into_bytes(), at.0.to_le_bytes().to_vec()];
        let drawn = digest("scrip sim rest nonce v1", &[&parts[0], &parts[1]]).0;
        let nonce = *drawn.first_chunk().expect("a digest has 32 bytes");
        self.server.answer(asked, &answer.outcome, at, nonce).unwrap_or_else(|_| {
            let mut out = Vec::new();
            envelope::begin("500", &mut out);
            envelope::end(SPEECHLESS, &mut out);
            out
        })
    }
}
