//! A request made ready: checked against the catalogue, keyed, its secret sealed.

use super::keeping::place_of;
use super::live::{Idle, Live};
use super::request::{Request, SubmitError, text, text_opt};
use super::setup::Setup;
use super::tokens;
use crate::base::{Key16, Reader, RedemptionId, Secret, Text, Wall, Writer, scrub_stack};
use crate::card::token::Token;
use crate::card::{Card, Field, Identity, Product};
use crate::flow::{Facts, Redemption, SIDE_CARD, SIDE_PERSONAL};
use crate::money::Amount;
use crate::record::Side;
use crate::risk::{Reason, address};
use crate::vault::{Entropy, PepperVersion, VaultError, commitment};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// The keyed digest of a request, after the version of its pepper.
pub(super) type Fingerprint = [u8; 34];

/// A request made ready.
pub(super) struct Prepared {
    /// The redemption that it starts, before its first record. The subjects of its budgets are
    /// known once it is known when it was received.
    pub(super) live: Box<Live>,
    pub(super) received_at: Option<Wall>,
    pub(super) sides: Vec<Side>,
    /// The subject under which the seller's faces of this product are counted.
    pub(super) faces: Key16,
    /// The token that came with it, not checked yet.
    pub(super) token: Option<Secret>,
    pub(super) device: Option<Text>,
}

/// A request as far as it needs no randomness: what it is, and under which keys.
pub(super) struct Read<'a> {
    product: &'a Product,
    card: Card,
    face: Amount,
    keys: Vec<Key16>,
}

pub(super) fn read<'a>(setup: &'a Setup, request: &Request) -> Result<Read<'a>, SubmitError> {
    let product = setup.catalogue.product(&request.product).ok_or_else(|| SubmitError::Invalid {
        field: "product",
        reason: "product_unknown",
        what: "a product of the catalogue is expected".to_string(),
    })?;
    let card = read_card(product, request)?;
    let face = read_face(product, request)?;
    check_token(setup, product, request)?;
    if (request.generation > 0) != product.reloadable() {
        let what = match product.reloadable() {
            true => "the product is reloadable: the loading from 1 is expected",
            false => "the product is not reloadable: no generation is expected",
        };
        let (field, reason) = ("generation", "generation_shape");
        return Err(SubmitError::Invalid { field, reason, what: what.to_string() });
    }
    let others = product.other_identities(&card);
    let versions = setup.keys.pepper_versions();
    let mut keys = Vec::with_capacity(versions.len() * (1 + others.len()));
    for version in versions {
        let key = |identity: &Secret| setup.keys.card_key(version, product.scheme(), identity.expose());
        keys.extend(core::iter::once(card.identity()).chain(&others).filter_map(key));
    }
    Ok(Read { product, card, face, keys })
}

impl Read<'_> {
    /// The keys under which the card is claimed.
    pub(super) fn keys(&self) -> &[Key16] {
        &self.keys
    }
}

fn read_card(product: &Product, request: &Request) -> Result<Card, SubmitError> {
    fn utf8<'a>(field: &'static str, secret: &'a Secret) -> Result<&'a str, SubmitError> {
        core::str::from_utf8(secret.expose()).map_err(|_| SubmitError::Invalid {
            field,
            reason: "not_utf8",
            what: "UTF-8 text is expected".to_string(),
        })
    }
    let shown = shown_number(product, request);
    let number = request.number.as_ref().or(shown.as_ref());
    let number = number.map(|number| utf8("card_number", number)).transpose()?;
    let secret = utf8("card_secret", &request.secret)?;
    product.read(number, secret).map_err(|error| SubmitError::Invalid {
        field: match error.field {
            Field::CardNumber => "card_number",
            Field::CardSecret => "card_secret",
        },
        reason: error.reason(),
        what: error.to_string(),
    })
}

/// The number that a token stands for, where the request has none. That the token is genuine is
/// found out later.
fn shown_number(product: &Product, request: &Request) -> Option<Secret> {
    if request.number.is_some() || product.token().is_none() || product.identity() != Identity::Number {
        return None;
    }
    let text = core::str::from_utf8(request.token.as_ref()?.expose()).ok()?;
    Token::decode(text).ok().map(|token| token.body().subject.clone())
}

/// Whether there is a token where there must be one, and whether it looks like one.
fn check_token(setup: &Setup, product: &Product, request: &Request) -> Result<(), SubmitError> {
    let field = "token";
    let token = request.token.as_ref();
    tokens::expected(product.token(), token.is_some()).map_err(|(reason, what)| SubmitError::Invalid {
        field,
        reason,
        what: what.to_string(),
    })?;
    let Some(token) = token else { return Ok(()) };
    let Some(verifier) = setup.tokens.get(product.name()) else {
        let what = "the keys of the product's tokens are not at hand".to_string();
        return Err(SubmitError::Refused { field, reason: "token_keys_missing", what });
    };
    let text = core::str::from_utf8(token.expose()).unwrap_or_default();
    verifier.check_shape(text).map_err(|error| SubmitError::Invalid {
        field,
        reason: error.reason(),
        what: error.to_string(),
    })
}

fn read_face(product: &Product, request: &Request) -> Result<Amount, SubmitError> {
    let missing = || SubmitError::Invalid {
        field: "face_value",
        reason: "face_value_missing",
        what: "a face value is expected".to_string(),
    };
    let face = request.face.ok_or_else(missing)?;
    if face.minor() <= 0 {
        let what = "a face value above 0 is expected".to_string();
        return Err(SubmitError::Invalid { field: "face_value", reason: "face_value_not_positive", what });
    }
    product.check_face(face).map_err(|error| SubmitError::Refused {
        field: "face_value",
        reason: error.reason(),
        what: error.to_string(),
    })?;
    Ok(face)
}

pub(super) fn prepare(
    setup: &Setup,
    entropy: &mut Entropy,
    idle: &mut Idle,
    request: &Request,
) -> Result<Prepared, SubmitError> {
    let read = read(setup, request)?;
    let caller = text("caller", "caller_shape", &request.caller)?;
    let request_id = text("request_id", "request_id_shape", &request.request_id)?;
    let seller = text("seller_id", "seller_id_shape", &request.seller)?;
    let channel = text_opt("channel", "channel_shape", request.channel.as_ref())?;
    let device = text_opt("device_id", "device_id_shape", request.device.as_ref())?;
    let ip = text_opt("ip", "ip_shape", request.ip.as_ref())?;
    let id = request.redemption();
    let salt = Zeroizing::new(entropy.bytes::<32>());
    let salted = read.card.encode_after(&*salt);
    let issuer = setup.issuer_place(read.product.issuer()).expect("the set-up has every product's issuer");
    let facts = Facts {
        caller,
        request_id,
        seller,
        product: read.product.name().clone(),
        issuer: read.product.issuer().clone(),
        channel,
        face: read.face,
        received_at: request.received_at.unwrap_or_default(),
        keys: read.keys,
        generation: request.generation,
        commitment: commitment(&salt, salted.expose().get(salt.len()..).unwrap_or_default()),
        catalogue: setup.catalogue_digest,
        policy: setup.policy_digest,
        profile: setup.profile_digests[issuer],
    };
    let fingerprint = fingerprint(setup, setup.keys.current_pepper(), &facts, &read.card);
    let sides =
        seal_sides(setup, entropy, id, &facts, &salted, (device.as_ref(), ip.as_ref(), request.place))?;
    let hits = hits(setup, &facts, device.as_deref(), ip.as_deref());
    let faces = faces_subject(setup, &facts);
    let places = setup.places(&facts);
    let live =
        Live { card: Some(read.card), fingerprint, hits, ..Live::new(Redemption::new(id, facts), places) };
    let live = idle.place(live);
    Ok(Prepared {
        live,
        received_at: request.received_at,
        sides,
        faces,
        token: request.token.clone(),
        device,
    })
}

/// The keyed digest of the business fields, after the pepper version: not of time, address,
/// place or channel, which a resend may change.
fn fingerprint(setup: &Setup, version: PepperVersion, facts: &Facts, card: &Card) -> Option<Fingerprint> {
    let number = card.number().map(Secret::expose).unwrap_or_default();
    let digest = setup.keys.fingerprint(
        version,
        &[
            facts.caller.as_bytes(),
            facts.request_id.as_bytes(),
            facts.seller.as_bytes(),
            facts.product.as_bytes(),
            number,
            card.secret().expose(),
            &facts.face.minor().to_le_bytes(),
            &facts.face.currency().numeric().to_le_bytes(),
            &facts.generation.to_le_bytes(),
        ],
    )?;
    let mut out = [0; 34];
    let (head, rest) = out.split_at_mut(2);
    head.copy_from_slice(&version.0.to_le_bytes());
    rest.copy_from_slice(&digest.0);
    Some(out)
}

/// Whether a stored fingerprint is that of this request.
pub(super) fn same_request(setup: &Setup, stored: &[u8], live: &Live) -> bool {
    let (Some((version, _)), Some(card)) = (stored.split_first_chunk::<2>(), &live.card) else {
        return false;
    };
    let version = PepperVersion(u16::from_le_bytes(*version));
    let own = fingerprint(setup, version, &live.r.facts, card);
    scrub_stack();
    own.is_some_and(|own| own == stored)
}

type Personal<'a> = (Option<&'a Text>, Option<&'a Text>, Option<(i32, i32)>);

fn seal_sides(
    setup: &Setup,
    entropy: &mut Entropy,
    id: RedemptionId,
    facts: &Facts,
    salted: &Secret,
    (device, ip, place): Personal<'_>,
) -> Result<Vec<Side>, VaultError> {
    let mut seal = |slot, plain: &[u8]| {
        let context = place_of(slot, id, &facts.product).expect("both slots have a purpose");
        let content = setup.keys.seal(&context, plain, entropy.bytes())?;
        Ok(Side { redemption: id, slot, content: Some(content) })
    };
    let mut sides = Vec::with_capacity(2);
    sides.push(seal(SIDE_CARD, salted.expose())?);
    if device.is_some() || ip.is_some() || place.is_some() {
        let lens = [device, ip].map(|text| 2 + text.map_or(0, |text| text.len()));
        // Exactly as long as it will be, so that the buffer never moves and leaves a copy.
        let mut plain = Zeroizing::new(Vec::with_capacity(lens.iter().sum::<usize>() + 9));
        let w = &mut Writer::new(&mut plain);
        w.text_opt(device).text_opt(ip).bool(place.is_some());
        let (latitude, longitude) = place.unwrap_or_default();
        w.raw(&latitude.to_le_bytes()).raw(&longitude.to_le_bytes());
        sides.push(seal(SIDE_PERSONAL, &plain)?);
    }
    Ok(sides)
}

/// The device that is sealed among the personal fields, if they are still kept.
pub(super) fn open_device(setup: &Setup, id: RedemptionId, facts: &Facts, sealed: &[u8]) -> Option<Text> {
    let plain = setup.keys.open(&place_of(SIDE_PERSONAL, id, &facts.product)?, sealed).ok()?;
    Reader::new(plain.expose()).text_opt().ok()?
}

/// Opens the sealed card of a redemption, if its side row still holds it.
///
/// # Errors
/// [`VaultError`].
pub(super) fn open_card(
    setup: &Setup,
    id: RedemptionId,
    facts: &Facts,
    sealed: &[u8],
) -> Result<Option<Card>, VaultError> {
    let Some(context) = place_of(SIDE_CARD, id, &facts.product) else { return Ok(None) };
    let plain = setup.keys.open(&context, sealed)?;
    Ok(plain.expose().get(32..).and_then(|bytes| Card::decode(bytes).ok()))
}

/// What of a request stands on a block list.
pub(super) fn hits(setup: &Setup, facts: &Facts, device: Option<&str>, ip: Option<&str>) -> Vec<Reason> {
    let block = &setup.policy.risk.block;
    let listed = |list: &[alloc::string::String], value: Option<&str>| {
        value.is_some_and(|value| list.iter().any(|entry| entry == value))
    };
    let mut hits = Vec::new();
    if facts.keys.iter().any(|key| setup.blocked_cards.contains(key)) {
        hits.push(Reason::BlockedCard);
    }
    if listed(&block.sellers, Some(&facts.seller)) {
        hits.push(Reason::BlockedSeller);
    }
    if listed(&block.devices, device) {
        hits.push(Reason::BlockedDevice);
    }
    if ip.and_then(address).is_some_and(|ip| setup.blocked_ips.contains(&ip)) {
        hits.push(Reason::BlockedIp);
    }
    hits
}

/// Faces are counted under the oldest pepper, so that a new one does not forget them.
pub(super) fn faces_subject(setup: &Setup, facts: &Facts) -> Key16 {
    let mut value = Vec::with_capacity(64);
    Writer::new(&mut value).text(&facts.seller).text(&facts.product).u16(facts.face.currency().numeric());
    let oldest = setup.keys.pepper_versions().next().expect("a ring holds a pepper");
    setup.keys.subject_key(oldest, "faces", &value).expect("the version is the ring's own")
}
