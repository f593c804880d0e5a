//! A card that was read, and the canonical numbers that name it.

use super::shape::Lengths;
use crate::base::{Reader, Secret, ShortInput, Writer};
use alloc::string::String;
use alloc::vec::Vec;
use core::iter::repeat_n;

/// Which field names the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The card number (卡号).
    Number,
    /// The card secret (卡密): cards that are bound with the secret alone, such as 京东E卡.
    Secret,
}

impl Identity {
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Number => 1,
            Self::Secret => 2,
        }
    }
}

/// From which end an alias rule drops characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The first characters go.
    First,
    /// The last characters go.
    Last,
}

/// A rule by which a second number names the same card: a canonical identity of `when_length`
/// characters, less `drop` characters at one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alias {
    pub(super) when_length: u8,
    pub(super) end: End,
    pub(super) drop: u8,
}

impl Alias {
    /// The length to which the rule applies.
    pub fn when_length(&self) -> usize {
        usize::from(self.when_length)
    }

    /// The end that loses characters.
    pub fn end(&self) -> End {
        self.end
    }

    /// How many characters go: at least 1, fewer than `when_length`.
    pub fn drops(&self) -> usize {
        usize::from(self.drop)
    }

    /// The length of the other number.
    pub fn leaves(&self) -> usize {
        self.when_length().saturating_sub(self.drops())
    }

    /// The other number, if the rule applies to `identity`.
    pub fn apply(&self, identity: &Secret) -> Option<Secret> {
        let bytes = identity.expose();
        if bytes.len() != self.when_length() {
            return None;
        }
        let part = match self.end {
            End::First => bytes.get(self.drops()..)?,
            End::Last => bytes.get(..self.leaves())?,
        };
        Some(Secret::new(part.to_vec()))
    }

    pub(super) fn write(&self, out: &mut Writer<'_>) {
        out.u8(self.when_length).bool(self.end == End::Last).u8(self.drop);
    }
}

/// A card's number and secret in canonical form: normalised, of the product's shape. Neither
/// shows in `Debug`, and both are zeroised when dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub(super) identity: Identity,
    pub(super) number: Option<Secret>,
    pub(super) secret: Secret,
}

impl Card {
    /// The card number, if one was given.
    pub fn number(&self) -> Option<&Secret> {
        self.number.as_ref()
    }

    /// The card secret or PIN; empty if the product has none and none was given.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The canonical identity: the number, or the secret of a card that is named by it.
    pub fn identity(&self) -> &Secret {
        match (self.identity, &self.number) {
            (Identity::Number, Some(number)) => number,
            _ => &self.secret,
        }
    }

    /// What a person may be shown: of a number of 13 characters or more the last four, as
    /// `************1234`; of a shorter one its length alone; of a card that is named by its
    /// secret nothing, not even a length.
    pub fn masked(&self) -> String {
        let Some(number) = self.number.as_ref().filter(|_| self.identity == Identity::Number) else {
            return String::from("****");
        };
        mask_number(number)
    }

    /// The canonical bytes, for sealing: the identity (1 byte: 1 number, 2 secret), then number
    /// and secret, each after its length in 4 bytes, little-endian; an absent number has length 0.
    pub fn encode(&self) -> Secret {
        self.encode_after(&[])
    }

    /// As [`Card::encode`], after `head`.
    pub(crate) fn encode_after(&self, head: &[u8]) -> Secret {
        let number = self.number.as_ref().map_or(&[][..], Secret::expose);
        // Exactly as long as it will be, so that the buffer never moves and leaves a copy.
        let mut bytes = Vec::with_capacity(head.len() + 1 + 4 + number.len() + 4 + self.secret.len());
        let w = &mut Writer::new(&mut bytes);
        w.raw(head).u8(self.identity.byte()).bytes(number).bytes(self.secret.expose());
        Secret::new(bytes)
    }

    /// Reads what [`Card::encode`] wrote.
    ///
    /// # Errors
    /// [`ShortInput`] with the byte where the input ends early, goes on too long, or is no card.
    pub fn decode(bytes: &[u8]) -> Result<Self, ShortInput> {
        let mut input = Reader::new(bytes);
        let identity = match input.u8()? {
            1 => Identity::Number,
            2 => Identity::Secret,
            _ => return Err(ShortInput { at: 0 }),
        };
        let number = Self::field(&mut input, identity == Identity::Number)?;
        let secret = Self::field(&mut input, identity == Identity::Secret)?;
        if !input.is_empty() {
            return input.fail();
        }
        Ok(Self { identity, number: Some(number).filter(|number| !number.is_empty()), secret })
    }

    fn field(input: &mut Reader<'_>, needed: bool) -> Result<Secret, ShortInput> {
        let at = input.position();
        let bytes = input.bytes()?;
        let canonical = bytes.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if !canonical || bytes.len() > Lengths::MAX || (needed && bytes.is_empty()) {
            return Err(ShortInput { at });
        }
        Ok(Secret::new(bytes.to_vec()))
    }
}

/// The last four of a number of 13 characters or more, of a shorter one its length alone.
pub(super) fn mask_number(number: &Secret) -> String {
    let shown = if number.len() >= 13 { 4 } else { 0 };
    let hidden = number.len().saturating_sub(shown);
    let last = number.expose().iter().skip(hidden).map(|byte| char::from(*byte));
    repeat_n('*', hidden).chain(last).collect()
}

/// `identity`, then every other number that `rules` lead to from it, each once.
pub(super) fn identities(identity: &Secret, rules: &[Alias]) -> Vec<Secret> {
    let mut all = alloc::vec![identity.clone()];
    if rules.is_empty() {
        return all;
    }
    let mut next = 0;
    // Rules are followed in chains, so that two forms of one card always have one in common.
    // Every step is shorter than the one before: this ends.
    while let Some(from) = all.get(next).cloned() {
        for other in rules.iter().filter_map(|rule| rule.apply(&from)) {
            if !all.contains(&other) {
                all.push(other);
            }
        }
        next += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    fn card(identity: Identity, number: &str, secret: &str) -> Card {
        let number = Some(number).filter(|number| !number.is_empty()).map(Secret::from);
        Card { identity, number, secret: secret.into() }
    }

    #[test]
    fn a_mask_shows_four_digits_of_a_long_number_only() {
        assert_eq!(card(Identity::Number, "2326123412341234", "1").masked(), "************1234");
        assert_eq!(card(Identity::Number, "1234567890123", "1").masked(), "*********0123");
        assert_eq!(card(Identity::Number, "123456789012", "1").masked(), "************");
        assert_eq!(card(Identity::Secret, "", "ABCDEFGHJKLMNPQR").masked(), "****");
        let pasted = card(Identity::Secret, "ABCDEFGHJKLMNPQR", "ABCDEFGHJKLMNPQR");
        assert_eq!(pasted.masked(), "****");
        assert!(!format!("{pasted:?}").contains("NPQR"));
    }

    #[test]
    fn alias_rules_are_followed_in_chains() {
        let rules = [
            Alias { when_length: 5, end: End::First, drop: 1 },
            Alias { when_length: 4, end: End::Last, drop: 2 },
            Alias { when_length: 5, end: End::Last, drop: 3 },
        ];
        let all = identities(&"22345".into(), &rules);
        assert_eq!(all, ["22345", "2345", "22", "23"].map(Secret::from));
        assert_eq!(identities(&"22222".into(), &rules).len(), 3, "none twice");
        assert_eq!(identities(&"123".into(), &rules), [Secret::from("123")]);
    }

    #[test]
    fn sealed_bytes_have_a_fixed_form() {
        let encoded = card(Identity::Number, "12", "A").encode();
        assert_eq!(encoded.expose(), b"\x01\x02\0\0\x0012\x01\0\0\0A");
        for (bytes, at) in [
            (&b""[..], 0),
            (b"\x03\0\0\0\0\0\0\0\0", 0),
            (b"\x01\0\0\0\0\x01\0\0\0A", 1),
            (b"\x02\x01\0\0\x001\0\0\0\0", 6),
            (b"\x01\x01\0\0\0a\0\0\0\0", 1),
            (b"\x01\x01\0\0\x001\0\0\0\0x", 10),
        ] {
            assert_eq!(Card::decode(bytes), Err(ShortInput { at }), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn a_card_reads_back_from_its_bytes(number in "[0-9A-Z]{0,64}", secret in "[0-9A-Z]{1,64}") {
            let identity = if number.is_empty() { Identity::Secret } else { Identity::Number };
            let card = card(identity, &number, &secret);
            prop_assert_eq!(Card::decode(card.encode().expose()), Ok(card));
        }

        #[test]
        fn bytes_that_are_a_card_are_its_only_form(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(card) = Card::decode(&bytes) {
                let encoded = card.encode();
                prop_assert_eq!(encoded.expose(), &bytes[..]);
            }
        }
    }
}
