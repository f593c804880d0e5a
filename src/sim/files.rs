//! Issuers that go by files: both ends.

use super::speech::Speech;
use crate::adapters::batch::{Batch, BatchServer, BatchTerms, FileError, enveloped};
use crate::adapters::served::Asked;
use crate::adapters::{AdapterError, FarEnd, Told};
use crate::base::{Hasher, Secret, Wall};
use crate::codec::envelope::Envelope;
use crate::issuer::{Answer, CardData, CardTag, DecodeError, Issuer, IssuerProfile, Reference};
use std::boxed::Box;
use std::string::ToString;
use std::sync::atomic::{AtomicI64, Ordering};
use std::vec::Vec;

/// The files of an issuer (日终文件), for [`super::SimIssuer::speaking`]. Result files are numbered by
/// the time of day, so a name needs `{sequence:8}`.
#[derive(Clone, Debug)]
pub struct InBatch(pub BatchTerms);

impl InBatch {
    fn key(&self, key: &Secret) -> Option<Secret> {
        self.0.wants_key().then(|| key.clone())
    }
}

impl Speech for InBatch {
    fn enveloped(&self) -> bool {
        true
    }

    fn files(&self) -> Option<&BatchTerms> {
        Some(&self.0)
    }

    fn issuer(&self, profile: IssuerProfile, key: &Secret) -> Result<Box<dyn Issuer>, AdapterError> {
        Ok(Box::new(Batch::new(profile, self.0.clone(), self.key(key))?))
    }

    fn far_end(&self, key: &Secret) -> Result<Box<dyn FarEnd>, AdapterError> {
        let server = BatchServer::new(self.0.clone(), self.key(key))?;
        Ok(Box::new(FileEnd { server, last: AtomicI64::new(i64::MIN) }))
    }
}

/// The issuer's end.
struct FileEnd {
    server: BatchServer,
    /// When the last file was made: no two have one time, and so one number.
    last: AtomicI64,
}

impl FarEnd for FileEnd {
    fn enveloped(&self) -> bool {
        true
    }

    fn read(&self, bytes: &[u8], _now: Wall) -> Result<Vec<Asked>, AdapterError> {
        let file = Envelope::read(bytes).map_err(|_| DecodeError { at: 0, what: "an envelope" })?;
        // Who carries messages and no files brings no digests.
        let own = || Hasher::new().with(file.body).finish().to_string();
        let digest = file.get("digest").map_or_else(own, ToString::to_string);
        let error =
            |error: FileError| DecodeError { at: error.at, what: "a file of debits as it was agreed" };
        Ok(self.server.read(file.first, Some(&digest), file.body).map_err(error)?)
    }

    fn reply(&self, _told: &[Told], _now: Wall) -> Option<Vec<u8>> {
        None
    }

    fn news(&self, told: &[Told], now: Wall) -> Option<Vec<u8>> {
        let after = |last: i64| now.0.max(last.saturating_add(1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        let at = Wall(after(last.ok()?));
        let answers: Vec<(Reference, Answer)> =
            told.iter().map(|told| (told.asked.reference, told.answer.clone())).collect();
        let file = self.server.write(&self.server.numbered_by_time(at), &answers).ok()?;
        let digest = Hasher::new().with(&file.body).finish().to_string();
        Some(enveloped(core::str::from_utf8(&file.head).ok()?, Some(&digest), &file.body))
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        self.server.card_tag(card)
    }
}
