//! The signatures of one end, made with the pair of keys that its set-up gives.

use super::terms::{Algorithm, RestTerms, Scheme, Sign};
use crate::adapters::AdapterError;
use crate::base::Secret;
use crate::codec::form::Signer;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Which end of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Ours,
    Issuers,
}

/// Our private key, and the public one of the other end.
#[derive(Default)]
pub(super) struct PairKeys {
    pub(super) private: Option<Secret>,
    pub(super) public: Option<Vec<u8>>,
}

/// What signs and what verifies, each of its own algorithm.
struct Halves {
    ours: Option<Box<dyn Signer>>,
    theirs: Option<Box<dyn Signer>>,
}

impl Signer for Halves {
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.ours.as_ref()?.sign(text)
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        self.theirs.as_ref().is_some_and(|half| half.verify(text, signature))
    }
}

/// The signer of an end: the one that is given, or made from keys. That each key has its use is
/// checked, and each use its key.
pub(super) fn signer(
    terms: &RestTerms,
    keys: &PairKeys,
    given: Option<Box<dyn Signer>>,
    end: End,
) -> Result<Option<Box<dyn Signer>>, AdapterError> {
    let wrong = |what| Err(AdapterError::Rest { what });
    let callback = terms.callback.as_ref().and_then(|callback| callback.sign.as_ref());
    let (requests, replies) = (one(&[terms.sign.as_ref()])?, one(&[terms.answer.sign.as_ref(), callback])?);
    let (ours, theirs) = if end == End::Ours { (requests, replies) } else { (replies, requests) };
    if let Some(signer) = given {
        if keys.private.is_some() || keys.public.is_some() {
            return wrong("a signer is given, and keys for one too");
        }
        if ours.is_none() && theirs.is_none() {
            return wrong("a signer is given and the profile has no use for it");
        }
        if ours.is_some() && !signer.signs() {
            return wrong("the signer has no private key, and this end signs");
        }
        if theirs.is_some() && !signer.verifies() {
            return wrong("the signer has no public key, and the other end signs");
        }
        return Ok(Some(signer));
    }
    let signing = match (ours, &keys.private) {
        (Some(sign), Some(key)) => Some(sign.signing(key)?),
        (None, None) => None,
        (Some(_), None) => {
            return wrong("this end signs by RSA or SM2: its private key or a signer is needed");
        }
        (None, Some(_)) => return wrong("a private key is given and the profile has no use for it"),
    };
    let verifying = match (theirs, &keys.public) {
        (Some(sign), Some(key)) => Some(sign.verifying(key)?),
        (None, None) => None,
        (Some(_), None) => {
            return wrong("the other end signs by RSA or SM2: its public key or a signer is needed");
        }
        (None, Some(_)) => return wrong("a public key is given and the profile has no use for it"),
    };
    if signing.is_none() && verifying.is_none() {
        return Ok(None);
    }
    Ok(Some(Box::new(Halves { ours: signing, theirs: verifying })))
}

/// How one end signs with its pair of keys, if it does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Half<'a> {
    scheme: Scheme,
    id: Option<&'a str>,
}

/// The signatures of one end are made alike: it has one key.
fn one<'a>(signs: &[Option<&'a Sign>]) -> Result<Option<Half<'a>>, AdapterError> {
    let mut halves = signs.iter().flatten().filter_map(|sign| match sign.algorithm {
        Algorithm::Pair(scheme) => Some(Half { scheme, id: sign.id.as_deref() }),
        Algorithm::Keyed(_) => None,
    });
    let first = halves.next();
    if halves.any(|half| Some(half) != first) {
        let what = "an end has one key: its answers and callbacks have one `algorithm` and one `id`";
        return Err(AdapterError::Rest { what });
    }
    Ok(first)
}

impl Half<'_> {
    fn signing(self, key: &Secret) -> Result<Box<dyn Signer>, AdapterError> {
        match self.scheme {
            Scheme::RsaSha256 => rsa::signing(key),
            Scheme::Sm2 | Scheme::Sm2Raw => sm2::signing(key, self),
        }
    }

    fn verifying(self, key: &[u8]) -> Result<Box<dyn Signer>, AdapterError> {
        match self.scheme {
            Scheme::RsaSha256 => rsa::verifying(key),
            Scheme::Sm2 | Scheme::Sm2Raw => sm2::verifying(key, self),
        }
    }
}

#[cfg(feature = "rsa")]
mod rsa {
    use crate::adapters::AdapterError;
    use crate::base::Secret;
    use crate::codec::form::Signer;
    use crate::codec::pair::RsaSigner;
    use alloc::boxed::Box;

    pub(super) fn signing(key: &Secret) -> Result<Box<dyn Signer>, AdapterError> {
        Ok(Box::new(RsaSigner::signing(key)?))
    }

    pub(super) fn verifying(key: &[u8]) -> Result<Box<dyn Signer>, AdapterError> {
        Ok(Box::new(RsaSigner::verifying(key)?))
    }
}

#[cfg(not(feature = "rsa"))]
mod rsa {
    use crate::adapters::AdapterError;
    use crate::base::Secret;
    use crate::codec::form::Signer;
    use alloc::boxed::Box;

    const MISSING: AdapterError =
        AdapterError::Rest { what: "RSA with keys in software needs the feature `rsa`" };

    pub(super) fn signing(_: &Secret) -> Result<Box<dyn Signer>, AdapterError> {
        Err(MISSING)
    }

    pub(super) fn verifying(_: &[u8]) -> Result<Box<dyn Signer>, AdapterError> {
        Err(MISSING)
    }
}

#[cfg(feature = "sm2")]
mod sm2 {
    use super::Half;
    use crate::adapters::AdapterError;
    use crate::adapters::rest::terms::Scheme;
    use crate::base::Secret;
    use crate::codec::form::Signer;
    use crate::codec::pair::{Sm2Encoding, Sm2Signer, Sm2Terms};
    use alloc::boxed::Box;

    fn terms(half: Half<'_>) -> Sm2Terms {
        let raw = half.scheme == Scheme::Sm2Raw;
        let usual = Sm2Terms::default();
        let id = half.id.map_or(usual.id, Into::into);
        Sm2Terms { id, encoding: if raw { Sm2Encoding::Raw } else { Sm2Encoding::Der } }
    }

    pub(super) fn signing(key: &Secret, half: Half<'_>) -> Result<Box<dyn Signer>, AdapterError> {
        Ok(Box::new(Sm2Signer::signing(key, terms(half))?))
    }

    pub(super) fn verifying(key: &[u8], half: Half<'_>) -> Result<Box<dyn Signer>, AdapterError> {
        Ok(Box::new(Sm2Signer::verifying(key, terms(half))?))
    }
}

#[cfg(not(feature = "sm2"))]
mod sm2 {
    use super::Half;
    use crate::adapters::AdapterError;
    use crate::base::Secret;
    use crate::codec::form::Signer;
    use alloc::boxed::Box;

    const MISSING: AdapterError =
        AdapterError::Rest { what: "SM2 with keys in software needs the feature `sm2`" };

    pub(super) fn signing(_: &Secret, _: Half<'_>) -> Result<Box<dyn Signer>, AdapterError> {
        Err(MISSING)
    }

    pub(super) fn verifying(_: &[u8], _: Half<'_>) -> Result<Box<dyn Signer>, AdapterError> {
        Err(MISSING)
    }
}
