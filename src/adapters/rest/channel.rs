//! What both ends of a channel share: the profile, its keys, and what is made with them.

use super::pair::{self, End, PairKeys};
use super::template::{Name, Template};
use super::terms::{Algorithm, Encoding, Field, RestTerms, SealCipher, Section, Sign, Signed};
use super::wire::{Fields, bare_name};
use crate::adapters::AdapterError;
use crate::base::{Secret, digest};
use crate::codec::form::{Order, Signer};
use crate::issuer::CardTag;
use crate::vault::{Count, KeyRing, Tally, decrypt, encrypt, tag};
use aes_gcm::aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes_gcm::aes::{Aes128, Aes256};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use zeroize::Zeroizing;

const CARD: &str = "scrip rest card v1";
const NONCE: &str = "scrip rest nonce v1";
const TALLY: &str = "scrip rest tally v1";

/// The most messages that one key seals in GCM: with nonces drawn at random, NIST SP 800-38D,
/// section 8.3, allows 2^32.
const SEAL_LIMIT: u64 = 1 << 32;

/// The keys of one channel.
pub struct RestKeys {
    tag: Secret,
    named: BTreeMap<String, Secret>,
    pair: PairKeys,
}

impl RestKeys {
    /// `tag` (32 bytes, ours alone) makes the tags by which an echoed card is recognised.
    pub fn new(tag: Secret) -> Self {
        Self { tag, named: BTreeMap::new(), pair: PairKeys::default() }
    }

    /// With the key that the profile calls `name` ([`RestTerms::keys`]): its bytes as they are
    /// used, so that of a key that was agreed as a text they are the text's.
    pub fn with(mut self, name: &str, key: Secret) -> Self {
        self.named.insert(name.into(), key);
        self
    }

    /// With the private key of this end, where it signs by `rsa_sha256`, `sm2` or `sm2_raw`: the text
    /// or the bytes of its file, as [`crate::codec::pair`] tells.
    pub fn signing_with(mut self, private: Secret) -> Self {
        self.pair.private = Some(private);
        self
    }

    /// With the public key of the other end, where that signs so.
    pub fn verifying_with(mut self, public: &[u8]) -> Self {
        self.pair.public = Some(public.to_vec());
        self
    }
}

/// The values of names in one message.
#[derive(Default)]
pub(super) struct Values(Vec<(Name, Zeroizing<String>)>);

impl Values {
    /// Keeps a value; false if there is another one already.
    pub(super) fn put(&mut self, name: Name, text: Zeroizing<String>) -> bool {
        match self.get(&name) {
            Some(found) => found == text.as_str(),
            None => {
                self.0.push((name, text));
                true
            }
        }
    }

    /// Keeps a value in place of another.
    pub(super) fn set(&mut self, name: Name, text: Zeroizing<String>) {
        self.0.retain(|(found, _)| *found != name);
        self.0.push((name, text));
    }

    pub(super) fn get(&self, name: &Name) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, text)| text.as_str())
    }
}

pub(super) struct Channel {
    pub(super) terms: RestTerms,
    keys: RestKeys,
    signer: Option<Box<dyn Signer>>,
    pub(super) end: End,
    sealed: Count,
}

impl Channel {
    pub(super) fn new(
        terms: RestTerms,
        mut keys: RestKeys,
        signer: Option<Box<dyn Signer>>,
        end: End,
    ) -> Result<Self, AdapterError> {
        let wrong = |what| Err(AdapterError::Rest { what });
        if keys.tag.len() != KeyRing::KEY_LEN {
            return Err(AdapterError::KeyLength { len: keys.tag.len() });
        }
        if terms.missing_params().next().is_some() {
            return wrong("every parameter that the profile leaves open needs a value");
        }
        let needed = terms.keys();
        if needed.iter().any(|name| keys.named.get(*name).is_none_or(Secret::is_empty)) {
            return wrong("every key that the profile names is needed");
        }
        if keys.named.keys().any(|name| !needed.contains(&name.as_str())) {
            return wrong("a key is given that the profile does not name");
        }
        // Once it is read, the key's text is not kept.
        let signer = pair::signer(&terms, &core::mem::take(&mut keys.pair), signer, end)?;
        let made = Self { terms, keys, signer, end, sealed: Count::default() };
        if let Some(seal) = &made.terms.seal {
            if !matches!(made.key(&seal.key).len(), 16 | 32) {
                return wrong("a key that seals has 16 or 32 bytes");
            }
        }
        Ok(made)
    }

    fn key(&self, name: &str) -> &[u8] {
        self.keys.named.get(name).map_or(&[], Secret::expose)
    }

    /// What a name stands for.
    pub(super) fn value<'a>(&'a self, name: &Name, values: &'a Values) -> Option<&'a str> {
        match name {
            Name::Param(_) | Name::Key(_) => self.fixed(name),
            _ => values.get(name),
        }
    }

    /// What a name stands for in every message.
    pub(super) fn fixed(&self, name: &Name) -> Option<&str> {
        match name {
            Name::Param(param) => self.terms.params.get(param).map(String::as_str),
            Name::Key(key) => core::str::from_utf8(self.key(key)).ok(),
            _ => None,
        }
    }

    pub(super) fn fill(&self, template: &Template, values: &Values) -> Option<Zeroizing<String>> {
        template.fill(&|name| self.value(name, values))
    }

    /// The fields whose names all stand for something.
    pub(super) fn filled(&self, fields: &[Field], values: &Values) -> Vec<(String, Zeroizing<String>)> {
        let one = |(name, template): &Field| Some((name.clone(), self.fill(template, values)?));
        fields.iter().filter_map(one).collect()
    }

    /// The text that is signed.
    fn signed(&self, sign: &Sign, pairs: &[(&str, &str)], values: &Values) -> Option<Zeroizing<Vec<u8>>> {
        match &sign.signed {
            Signed::Text(text) => {
                let mut text = self.fill(text, values)?;
                Some(Zeroizing::new(core::mem::take(&mut *text).into_bytes()))
            }
            Signed::Fields { canonical, before, after, .. } => {
                let (before, after) = (self.fill(before, values)?, self.fill(after, values)?);
                Some(canonical.text(pairs, before.as_bytes(), after.as_bytes()))
            }
        }
    }

    /// The signature over fields that are about to be written.
    pub(super) fn signature(
        &self,
        sign: &Sign,
        encoding: Encoding,
        fields: &[(String, Zeroizing<String>)],
        values: &Values,
    ) -> Option<String> {
        let named: Vec<(Cow<'_, str>, &str)> =
            fields.iter().map(|(name, value)| (bare_name(name, encoding), value.as_str())).collect();
        let pairs: Vec<(&str, &str)> =
            named.iter().filter(|(name, _)| !is_excepted(sign, name)).map(|(n, v)| (&**n, *v)).collect();
        let text = self.signed(sign, &pairs, values)?;
        let signature = match sign.algorithm {
            Algorithm::Keyed(digest) => digest.sign(self.key(&sign.key), &text),
            Algorithm::Pair(_) => self.signer.as_ref()?.sign(&text)?,
        };
        Some(sign.digits.write(&signature))
    }

    /// Whether `given` is the other end's signature over fields that were read.
    pub(super) fn verify(&self, sign: &Sign, given: &str, fields: &Fields<'_>, values: &Values) -> bool {
        let mut pairs = Vec::new();
        if let Signed::Fields { canonical, .. } = &sign.signed {
            match &canonical.order {
                Order::Sorted => pairs = fields.pairs(),
                Order::Fixed(names) => {
                    let pair = |name| Some((name, fields.bare_value(name)?));
                    pairs.extend(names.iter().filter_map(|name| pair(name.as_str())));
                }
            }
        }
        pairs.retain(|(name, _)| !is_excepted(sign, name));
        self.verify_pairs(sign, given, &pairs, values)
    }

    pub(super) fn verify_pairs(
        &self,
        sign: &Sign,
        given: &str,
        pairs: &[(&str, &str)],
        values: &Values,
    ) -> bool {
        let Some(text) = self.signed(sign, pairs, values) else { return false };
        let Some(signature) = sign.digits.read(given) else { return false };
        match sign.algorithm {
            Algorithm::Keyed(digest) => digest.verify(self.key(&sign.key), &text, &signature),
            Algorithm::Pair(_) => self.signer.as_ref().is_some_and(|signer| signer.verify(&text, &signature)),
        }
    }

    /// The tag under which a card's number is recognised, if this issuer tells one.
    pub(super) fn card_tag(&self, number: &[u8]) -> Option<CardTag> {
        let callback = self.terms.callback.as_ref();
        let echoes = |section: &Section| section.tells(&Name::Number);
        if !echoes(&self.terms.answer) && !callback.is_some_and(echoes) {
            return None;
        }
        let full = tag(&self.keys.tag, CARD, &[number]);
        full.first_chunk::<16>().copied().map(CardTag)
    }

    /// A card's number or secret, sealed. `message` is the message's own nonce, `name` what is
    /// sealed: together they make a nonce of its own.
    pub(super) fn seal(&self, plain: &[u8], message: &[u8; 16], name: &Name) -> Option<String> {
        let seal = self.terms.seal.as_ref()?;
        let key = self.key(&seal.key);
        let sealed = match (seal.cipher, key.len()) {
            (SealCipher::AesEcb, 16) => ecb_seal(&Aes128::new_from_slice(key).ok()?, plain),
            (SealCipher::AesEcb, _) => ecb_seal(&Aes256::new_from_slice(key).ok()?, plain),
            (SealCipher::AesGcm, len) => {
                if !self.sealed.more(SEAL_LIMIT) {
                    return None;
                }
                let nonce = digest(NONCE, &[message, name.text().as_bytes()]).0;
                let nonce = nonce.first_chunk::<12>().copied()?;
                let mut text = Zeroizing::new(plain.to_vec());
                let tag = match len {
                    16 => encrypt::<Aes128>(key, nonce, &[], &mut text),
                    _ => encrypt::<Aes256>(key, nonce, &[], &mut text),
                };
                [&nonce[..], &text, &tag].concat()
            }
        };
        Some(seal.digits.write(&sealed))
    }

    /// 32 bytes that only who holds our own key can make.
    pub(super) fn own_tag(&self, domain: &str, parts: &[&[u8]]) -> [u8; 32] {
        tag(&self.keys.tag, domain, parts)
    }

    /// What was sealed.
    pub(super) fn open(&self, sealed: &str) -> Option<Secret> {
        let seal = self.terms.seal.as_ref()?;
        let key = self.key(&seal.key);
        let sealed = seal.digits.read(sealed)?;
        match (seal.cipher, key.len()) {
            (SealCipher::AesEcb, 16) => ecb_open(&Aes128::new_from_slice(key).ok()?, sealed),
            (SealCipher::AesEcb, _) => ecb_open(&Aes256::new_from_slice(key).ok()?, sealed),
            (SealCipher::AesGcm, len) => {
                let (nonce, rest) = sealed.split_first_chunk::<12>()?;
                let (text, tag) = rest.split_last_chunk::<16>()?;
                let mut text = Zeroizing::new(text.to_vec());
                let fits = match len {
                    16 => decrypt::<Aes128>(key, *nonce, &[], &mut text, tag),
                    _ => decrypt::<Aes256>(key, *nonce, &[], &mut text, tag),
                };
                fits.then(|| Secret::new(core::mem::take(&mut *text)))
            }
        }
    }

    /// How many messages the key has sealed, where that is limited.
    pub(super) fn tally(&self) -> Option<Tally> {
        let seal = self.terms.seal.as_ref().filter(|seal| seal.cipher == SealCipher::AesGcm)?;
        let key = self.keys.named.get(&seal.key)?;
        let name = tag(key, TALLY, &[]);
        let name = name.first_chunk::<16>().copied()?;
        Some(Tally { key: crate::base::Key16(name), messages: self.sealed.now() })
    }

    pub(super) fn sealed_before(&self, messages: u64) {
        self.sealed.at_least(messages);
    }
}

/// Whether a sorted signature leaves this field out: as agreed, or because it is the signature.
fn is_excepted(sign: &Sign, name: &str) -> bool {
    let Signed::Fields { except, .. } = &sign.signed else { return false };
    let own = match &sign.place {
        super::terms::Place::Field(place) => place.strip_prefix('/').unwrap_or(place) == name,
        super::terms::Place::Header(_) => false,
    };
    own || except.iter().any(|excepted| excepted == name)
}

fn ecb_seal<C: BlockCipherEncrypt>(cipher: &C, plain: &[u8]) -> Vec<u8> {
    let size = C::block_size();
    let pad = size - plain.len() % size;
    // Exactly as long as it will be, so that no copy of the card is left behind.
    let mut text = Vec::with_capacity(plain.len() + pad);
    text.extend_from_slice(plain);
    text.extend(core::iter::repeat_n(u8::try_from(pad).unwrap_or(0), pad));
    for block in text.chunks_exact_mut(size) {
        if let Ok(block) = block.try_into() {
            cipher.encrypt_block(block);
        }
    }
    text
}

fn ecb_open<C: BlockCipherDecrypt>(cipher: &C, sealed: Vec<u8>) -> Option<Secret> {
    let mut text = Zeroizing::new(sealed);
    for block in text.chunks_mut(C::block_size()) {
        cipher.decrypt_block(block.try_into().ok()?);
    }
    let pad = usize::from(*text.last()?);
    let len = text.len().checked_sub(pad)?;
    let padded = text.get(len..)?.iter().all(|&byte| usize::from(byte) == pad);
    if !padded || !(1..=C::block_size()).contains(&pad) {
        return None;
    }
    text.truncate(len);
    Some(Secret::new(core::mem::take(&mut *text)))
}
