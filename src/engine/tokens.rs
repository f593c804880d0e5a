//! Dynamic tokens of requests: the keys that check them, and what a check finds.
//!
//! The use of a token is a claim in the store, in the unit that records it and bound to its
//! redemption: exact across restarts and nodes, and never given up again, so that no eviction can
//! open a used token. A resumed redemption holds its own claim; another one is refused.

use super::setup::{Setup, SetupError};
use crate::base::{Secret, Text, Wall};
use crate::card::token::{Algorithm, TokenError, TokenKeyId, TokenRule, Verifier};
use crate::card::{Card, Catalogue, Product};
use crate::flow::TokenUse;
use crate::vault::KeyRing;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A key of a product's tokens that its catalogue does not hold.
#[derive(Clone, Debug)]
pub struct TokenSecret {
    /// The product.
    pub product: String,
    /// Under which id the catalogue lists it.
    pub id: TokenKeyId,
    /// The key: shared, or for one-time codes the one from which those of the cards are derived.
    pub key: Secret,
}

/// What checks the tokens of each product, as far as all of its keys are at hand.
pub(super) type Verifiers = BTreeMap<Text, Verifier>;

pub(super) fn verifiers(
    catalogue: &Catalogue,
    ring: &KeyRing,
    secrets: &[TokenSecret],
) -> Result<Verifiers, SetupError> {
    let mut all = Verifiers::new();
    for (product, rule) in catalogue.products().filter_map(|p| p.token().map(|rule| (p, rule))) {
        let own = secrets.iter().filter(|secret| secret.product == product.name().as_str());
        let own: Vec<_> = own.map(|secret| (secret.id, secret.key.clone())).collect();
        match rule.verifier(&own, peppers(ring, product.scheme())) {
            Ok(verifier) => drop(all.insert(product.name().clone(), verifier)),
            // Such cards are refused until the key is brought.
            Err(TokenError::UnknownKey(_)) => {}
            Err(error) => {
                return Err(SetupError::Parts(format!("product `{}`: token: {error}", product.name())));
            }
        }
    }
    Ok(all)
}

/// One per pepper of the ring, the oldest first. Products of one scheme name the same cards, so
/// their tokens are the same too.
fn peppers(ring: &KeyRing, scheme: &str) -> Vec<Secret> {
    let parts = [b"scrip token pepper v1", scheme.as_bytes()];
    let pepper = |version| ring.fingerprint(version, &parts).map(|digest| Secret::new(digest.0.to_vec()));
    ring.pepper_versions().filter_map(pepper).collect()
}

impl Setup {
    /// Brings the keys of tokens that the catalogue lists without holding them. Until then cards
    /// of such products are refused.
    ///
    /// # Errors
    /// [`SetupError::Parts`] if a key is missing, is not listed, stands twice, or is none for the
    /// algorithm.
    pub fn token_keys(mut self, secrets: Vec<TokenSecret>) -> Result<Self, SetupError> {
        for (place, secret) in secrets.iter().enumerate() {
            let wrong = |what: &str| {
                let (product, id) = (&secret.product, secret.id.0);
                SetupError::Parts(format!("product `{product}`: token key {id} {what}"))
            };
            let rule = self.catalogue.product(&secret.product).and_then(Product::token);
            if !rule.is_some_and(|rule| rule.secret_keys().any(|id| id == secret.id)) {
                return Err(wrong("is not listed in the catalogue"));
            }
            let same = |other: &TokenSecret| (&other.product, other.id) == (&secret.product, secret.id);
            if secrets.iter().take(place).any(same) {
                return Err(wrong("stands twice"));
            }
        }
        let tokens = verifiers(&self.catalogue, &self.keys, &secrets)?;
        let left = |p: &&Product| p.token().is_some() && !tokens.contains_key(p.name());
        let left = self.catalogue.products().find(left).map(|product| product.name().clone());
        if let Some(product) = left {
            return Err(SetupError::Parts(format!("product `{product}`: a token key is missing")));
        }
        self.tokens = tokens;
        Ok(self)
    }

    /// Checks a token that came with `card` and was received at `at`.
    pub(super) fn check_token(
        &self,
        product: &Product,
        card: &Card,
        token: &Secret,
        at: Wall,
    ) -> Result<TokenUse, TokenError> {
        let verifier = self.tokens.get(product.name()).ok_or(TokenError::OtherKind)?;
        let text = core::str::from_utf8(token.expose()).map_err(|_| TokenError::Malformed { at: 0 })?;
        let verified = match verifier.profile().algorithm() {
            Algorithm::Totp { .. } => verifier.verify_card_code(card.identity(), text, at)?,
            _ => {
                let verified =
                    verifier.verify(text, at).map_err(|error| self.elsewhere(product, text, at, error))?;
                if !names(product, verified.subject(), card) {
                    return Err(TokenError::OtherCard);
                }
                verified
            }
        };
        Ok(TokenUse {
            key: verified.key().0,
            step: verified.step(),
            received_at: at,
            until: verified.until(),
            claims: verified.claims().to_vec(),
        })
    }

    /// What is not genuine here may be genuine for another product.
    fn elsewhere(&self, product: &Product, text: &str, at: Wall, error: TokenError) -> TokenError {
        use TokenError::{KeyNotYet, KeyRetired, Proof, TooEarly, TooOld, UnknownKey};
        if !matches!(error, Proof | UnknownKey(_)) {
            return error;
        }
        let genuine = |verifier: &Verifier| {
            let found = verifier.verify(text, at);
            let untimely =
                matches!(found, Err(TooOld { .. } | TooEarly { .. } | KeyNotYet(_) | KeyRetired(_)));
            found.is_ok() || untimely
        };
        let mut others = self.tokens.iter().filter(|(name, _)| *name != product.name());
        if others.any(|(_, verifier)| genuine(verifier)) { TokenError::OtherProduct } else { error }
    }
}

/// Whether what a token stands for is this card, in one of its forms.
fn names(product: &Product, subject: &Secret, card: &Card) -> bool {
    let Ok(text) = core::str::from_utf8(subject.expose()) else { return false };
    let own = product.identities(card);
    product.identities_of(text).is_ok_and(|forms| forms.iter().any(|form| own.contains(form)))
}

/// Whether a card of this product may come as it does, with or without a token.
pub(super) fn expected(rule: Option<&TokenRule>, token: bool) -> Result<(), (&'static str, &'static str)> {
    match rule {
        None if token => Err(("token_unexpected", "the product has no tokens: none is expected")),
        Some(rule) if !token && !rule.is_optional() => {
            Err(("token_missing", "the token that is shown with the card is expected"))
        }
        _ => Ok(()),
    }
}
