//! Which protocol a simulated issuer speaks: both its ends.

use crate::adapters::batch::BatchTerms;
use crate::adapters::signed_json::{Server, SignedJson};
use crate::adapters::{AdapterError, FarEnd};
use crate::base::Secret;
use crate::issuer::{Issuer, IssuerProfile};
use std::boxed::Box;
use std::fmt::Debug;

/// Makes both ends of an issuer's channel. The world's books, faults and oracle are the same
/// whatever is spoken.
pub trait Speech: Debug + Send + Sync {
    /// Whether messages are [envelopes](crate::codec::envelope), as [`FarEnd::enveloped`] says.
    fn enveloped(&self) -> bool {
        false
    }

    /// Where callbacks come in, as its adapter wants it; `None` if that is nowhere or anywhere.
    fn callback_path(&self) -> Option<&str> {
        None
    }

    /// What the files look like of an issuer that goes by files.
    fn files(&self) -> Option<&BatchTerms> {
        None
    }

    /// Our end: the adapter with which an engine speaks.
    ///
    /// # Errors
    /// [`AdapterError`] for terms or a key that do not fit.
    fn issuer(&self, profile: IssuerProfile, key: &Secret) -> Result<Box<dyn Issuer>, AdapterError>;

    /// The issuer's end.
    ///
    /// # Errors
    /// [`AdapterError`] for terms or a key that do not fit.
    fn far_end(&self, key: &Secret) -> Result<Box<dyn FarEnd>, AdapterError>;
}

/// What issuers speak who are not told otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct InSignedJson;

impl Speech for InSignedJson {
    fn issuer(&self, profile: IssuerProfile, key: &Secret) -> Result<Box<dyn Issuer>, AdapterError> {
        Ok(Box::new(SignedJson::new(profile, key.clone())?))
    }

    fn far_end(&self, key: &Secret) -> Result<Box<dyn FarEnd>, AdapterError> {
        Ok(Box::new(Server::new(key.clone())?))
    }
}
