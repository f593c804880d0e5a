//! What a redemption knows of its request, and what risk found: the bodies of its first records.

use crate::base::{Digest, Key16, Reader, ShortInput, Text, Wall, Writer};
use crate::money::{Amount, Currency};
use crate::risk::Reason;
use alloc::vec::Vec;

/// The request as it is kept for ever: business fields, keyed digests and pinned versions; no
/// card number, no secret, no personal field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Who submitted it: request ids are scoped by caller.
    pub caller: Text,
    /// The caller's id for it.
    pub request_id: Text,
    /// Who sells the card and is paid.
    pub seller: Text,
    /// The product.
    pub product: Text,
    /// The issuer of the product.
    pub issuer: Text,
    /// Through which channel of the caller it came.
    pub channel: Option<Text>,
    /// The face value as declared.
    pub face: Amount,
    /// When the caller received it.
    pub received_at: Wall,
    /// The keys that it claims: every form of the card under every pepper; the first is the
    /// canonical form under the oldest pepper.
    pub keys: Vec<Key16>,
    /// For reloadable cards the reload count from 1; otherwise 0.
    pub generation: u32,
    /// The salted commitment to card number and secret; the salt lies in the erasable side row.
    pub commitment: Digest,
    /// The catalogue in force.
    pub catalogue: Digest,
    /// The policy in force.
    pub policy: Digest,
    /// The issuer's profile in force.
    pub profile: Digest,
}

/// What risk found, with the policy that found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The policy in force.
    pub policy: Digest,
    /// Why, the gravest first.
    pub reasons: Vec<Reason>,
    /// Until when the card is frozen, if it is.
    pub until: Option<Wall>,
    /// How many requests for the card were seen within the reach of the velocity rule.
    pub card_seen: u32,
    /// How many earlier faces the deviation rule had.
    pub faces_seen: u64,
}

/// A dynamic token that was accepted. Its use is claimed in the unit that records it, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUse {
    /// The number of the key it was made with.
    pub key: u32,
    /// Its time step.
    pub step: u64,
    /// When the caller received it: its freshness was judged at this time.
    pub received_at: Wall,
    /// When it becomes too old.
    pub until: Wall,
    /// The keys under which its use is claimed, one per pepper, the oldest first.
    pub claims: Vec<Key16>,
}

fn write_keys(w: &mut Writer<'_>, keys: &[Key16]) {
    w.u16(u16::try_from(keys.len()).expect("cards and tokens have few keys"));
    keys.iter().for_each(|key| {
        w.raw(&key.0);
    });
}

fn read_keys(r: &mut Reader<'_>) -> Result<Vec<Key16>, ShortInput> {
    let count = r.u16()?;
    (0..count).map(|_| r.array().map(Key16)).collect()
}

impl TokenUse {
    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        w.u32(self.key).u64(self.step).wall(self.received_at).wall(self.until);
        write_keys(w, &self.claims);
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        Ok(Self {
            key: r.u32()?,
            step: r.u64()?,
            received_at: r.wall()?,
            until: r.wall()?,
            claims: read_keys(r)?,
        })
    }
}

pub(super) fn write_amount(w: &mut Writer<'_>, amount: Amount) {
    w.u16(amount.currency().numeric()).i64(amount.minor());
}

pub(super) fn read_amount(r: &mut Reader<'_>) -> Result<Amount, ShortInput> {
    let at = r.position();
    let currency = Currency::from_numeric(r.u16()?).map_err(|_| ShortInput { at })?;
    Ok(Amount::new(r.i64()?, currency))
}

impl Facts {
    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        w.text(&self.caller).text(&self.request_id).text(&self.seller).text(&self.product);
        w.text(&self.issuer).text_opt(self.channel.as_ref());
        write_amount(w, self.face);
        w.wall(self.received_at);
        write_keys(w, &self.keys);
        w.u32(self.generation).raw(&self.commitment.0);
        w.raw(&self.catalogue.0).raw(&self.policy.0).raw(&self.profile.0);
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        Ok(Self {
            caller: r.text()?,
            request_id: r.text()?,
            seller: r.text()?,
            product: r.text()?,
            issuer: r.text()?,
            channel: r.text_opt()?,
            face: read_amount(r)?,
            received_at: r.wall()?,
            keys: read_keys(r)?,
            generation: r.u32()?,
            commitment: Digest(r.array()?),
            catalogue: Digest(r.array()?),
            policy: Digest(r.array()?),
            profile: Digest(r.array()?),
        })
    }
}

impl Judgement {
    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        w.raw(&self.policy.0).u8(u8::try_from(self.reasons.len()).expect("there are few reasons"));
        self.reasons.iter().for_each(|reason| {
            w.u8(reason.number());
        });
        w.bool(self.until.is_some()).wall(self.until.unwrap_or_default());
        w.u32(self.card_seen).u64(self.faces_seen);
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, ShortInput> {
        let policy = Digest(r.array()?);
        let count = r.u8()?;
        let mut reasons = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let at = r.position();
            reasons.push(Reason::from_number(r.u8()?).ok_or(ShortInput { at })?);
        }
        let until = (r.bool()?, r.wall()?);
        let until = until.0.then_some(until.1);
        Ok(Self { policy, reasons, until, card_seen: r.u32()?, faces_seen: r.u64()? })
    }
}
