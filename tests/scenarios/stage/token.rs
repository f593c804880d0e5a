//! Rotating tokens, as the issuer's app shows them.

use super::plan::Plan;
use super::{Stage, gift, number};
use ed25519_dalek::{Signer, SigningKey};
use scrip::base::{Secret, Wall};
use scrip::card::token::{Body, TokenKeyId};
use scrip::engine::{Request, TokenSecret};

/// A token changes so often, and is accepted one step later and none earlier.
pub(crate) const STEP: i64 = 30_000;

/// The key with this number.
pub(crate) fn key(id: u32) -> Secret {
    Secret::new(vec![u8::try_from(id).unwrap() + 100; 32])
}

/// Gives `product` rotating tokens with these keys, as a catalogue lists them.
pub(crate) fn rotating(plan: &mut Plan, product: &str, ids: &[u32], keys: &str) {
    let rule = format!(
        "[product.{product}.token]\nalgorithm = \"hmac-sha256\"\nstep_ms = {STEP}\nahead = 0\nkeys = [{keys}]\n"
    );
    plan.catalogue.push_str(&rule);
    for &id in ids {
        plan.tokens.push(TokenSecret { product: product.into(), id: TokenKeyId(id), key: key(id) });
    }
}

/// A stage on which gift cards come with a token.
pub(crate) fn stage() -> Stage {
    Stage::with(|plan| rotating(plan, "gift", &[1], "{ id = 1 }"))
}

/// What the app shows for `card` at `at`.
fn body(id: u32, card: u32, at: Wall) -> Body {
    let step = u64::try_from(at.0 / STEP).unwrap();
    Body { key: TokenKeyId(id), step, nonce: [7; 8], subject: number(card).as_str().into() }
}

pub(crate) fn token_of(id: u32, card: u32, at: Wall) -> String {
    body(id, card, at).with_mac(&key(id)).unwrap().encode()
}

pub(crate) fn token(card: u32, at: Wall) -> String {
    token_of(1, card, at)
}

/// The same, signed with a key of which only the public half is known here.
pub(crate) fn signed(id: u32, secret: &SigningKey, card: u32, at: Wall) -> String {
    let body = body(id, card, at);
    let signature = secret.sign(body.message().unwrap().expose());
    body.with_proof(&signature.to_bytes()).unwrap().encode()
}

/// Request `R-{n}` for card `n` with the token of now.
pub(crate) fn fresh(stage: &Stage, n: u32) -> Request {
    gift(n).token(&token(n, stage.now.wall))
}
