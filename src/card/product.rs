//! A product (卡种): what its cards look like, what they are worth, and who honours them.

use super::face::{FaceError, FaceRule, write_amount};
use super::identity::{Alias, Card, Identity, identities};
use super::shape::{Problem, Shape};
use super::symbol::SymbolProfile;
use super::token::TokenRule;
use crate::base::{Secret, Text, Writer};
use crate::money::{Amount, Currency, Rate};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

/// What kind of trade honours a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// Shops and shopping cards, 商超卡.
    Supermarket,
    /// Online shops, 电商卡.
    Ecommerce,
    /// Fuel, 加油卡.
    Fuel,
    /// Phone top-up, 话费充值卡.
    Telecom,
    /// Games, 游戏点卡.
    Game,
    /// Prepaid cards of banks and payment networks, 银行预付卡.
    Bank,
}

/// What to do when the issuer confirms another balance than the declared face (面值不符).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMismatch {
    /// Go on with what the issuer confirms.
    Settle,
    /// Let a person decide.
    Review,
    /// Refuse the card before it is debited.
    Decline,
}

/// Every family with its name in files.
pub(super) const FAMILIES: &[(&str, Family)] = &[
    ("supermarket", Family::Supermarket),
    ("ecommerce", Family::Ecommerce),
    ("fuel", Family::Fuel),
    ("telecom", Family::Telecom),
    ("game", Family::Game),
    ("bank", Family::Bank),
];

/// Every answer to a mismatch with its name in files.
pub(super) const MISMATCHES: &[(&str, OnMismatch)] =
    &[("settle", OnMismatch::Settle), ("review", OnMismatch::Review), ("decline", OnMismatch::Decline)];

fn name_of<T: PartialEq>(value: &T, names: &[(&'static str, T)]) -> &'static str {
    names.iter().find(|(_, named)| named == value).map(|(name, _)| *name).expect("every value has a name")
}

impl Family {
    /// The name in files, such as `supermarket`.
    pub fn name(self) -> &'static str {
        name_of(&self, FAMILIES)
    }
}

impl OnMismatch {
    /// The name in files: `settle`, `review` or `decline`.
    pub fn name(self) -> &'static str {
        name_of(&self, MISMATCHES)
    }
}

/// A field of a card as it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `card_number`
    CardNumber,
    /// `card_secret`
    CardSecret,
}

impl Field {
    /// The column's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CardNumber => "card_number",
            Self::CardSecret => "card_secret",
        }
    }
}

/// Why a number or a secret is none of the product's. It never holds a part of either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardError {
    /// Which field.
    pub field: Field,
    /// What is wrong with it.
    pub problem: Problem,
    /// What was expected, such as `16 or 19 digits`.
    pub expected: Box<str>,
}

impl CardError {
    /// The stable code: `card_number_missing`, `card_number_shape`, `card_number_check_digit`,
    /// and the same three of `card_secret`.
    pub const fn reason(&self) -> &'static str {
        match (self.field, self.problem) {
            (Field::CardNumber, Problem::Missing) => "card_number_missing",
            (Field::CardNumber, Problem::CheckDigit(_)) => "card_number_check_digit",
            (Field::CardNumber, _) => "card_number_shape",
            (Field::CardSecret, Problem::Missing) => "card_secret_missing",
            (Field::CardSecret, Problem::CheckDigit(_)) => "card_secret_check_digit",
            (Field::CardSecret, _) => "card_secret_shape",
        }
    }
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, expected) = (self.field.name(), &self.expected);
        match self.problem {
            Problem::Missing => write!(f, "{field}: {expected} expected, found nothing"),
            Problem::Character { at } => {
                write!(f, "{field}: {expected} expected, found another character at place {at}")
            }
            Problem::Length { found: 1 } => write!(f, "{field}: {expected} expected, found 1 character"),
            Problem::Length { found } => write!(f, "{field}: {expected} expected, found {found} characters"),
            Problem::Prefix => write!(f, "{field}: {expected} expected, found another beginning"),
            Problem::CheckDigit(scheme) => write!(f, "{field}: check digit does not fit ({scheme})"),
        }
    }
}

impl core::error::Error for CardError {}

/// One product of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub(super) name: Text,
    pub(super) issuer: Text,
    pub(super) family: Family,
    pub(super) scheme: Text,
    /// Sorted, none twice, at least one.
    pub(super) currencies: Vec<Currency>,
    pub(super) face: FaceRule,
    /// One per currency, or none at all.
    pub(super) limits: Vec<Amount>,
    pub(super) rate: Rate,
    pub(super) guard: (Rate, Rate),
    pub(super) number: Option<Shape>,
    pub(super) secret: Option<Shape>,
    pub(super) identity: Identity,
    /// Sorted, none twice.
    pub(super) aliases: Vec<Alias>,
    pub(super) reloadable: bool,
    pub(super) on_mismatch: OnMismatch,
    pub(super) trust: Option<Box<str>>,
    pub(super) symbol: Option<SymbolProfile>,
    pub(super) token: Option<TokenRule>,
}

impl Product {
    /// The name by which a request declares it.
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// The issuer that honours it, by the name of its profile.
    pub fn issuer(&self) -> &Text {
        &self.issuer
    }

    /// Its kind of trade.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The claim scheme: products of one scheme name the same cards, such as an issuer's own
    /// product and the one under which an upstream platform takes it.
    pub fn scheme(&self) -> &Text {
        &self.scheme
    }

    /// The currencies it comes in, by numeric code.
    pub fn currencies(&self) -> &[Currency] {
        &self.currencies
    }

    /// The face values taken.
    pub fn face(&self) -> &FaceRule {
        &self.face
    }

    /// The greatest face of one card in `currency`, if there is a limit.
    pub fn limit(&self, currency: Currency) -> Option<Amount> {
        self.limits.iter().copied().find(|limit| limit.currency() == currency)
    }

    /// The buy-back rate (回收折扣) before any surcharge; within the guard.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// The least and the greatest rate at which a quote may be given.
    pub fn guard(&self) -> (Rate, Rate) {
        self.guard
    }

    /// What the number must look like; none if the product has no number.
    pub fn number(&self) -> Option<&Shape> {
        self.number.as_ref()
    }

    /// What the secret must look like; none if the product has no secret.
    pub fn secret(&self) -> Option<&Shape> {
        self.secret.as_ref()
    }

    /// Which field names the card.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The rules that lead to other numbers of the same card.
    pub fn aliases(&self) -> &[Alias] {
        &self.aliases
    }

    /// Whether a card that was used up can be loaded and come again.
    pub fn reloadable(&self) -> bool {
        self.reloadable
    }

    /// What to do when the issuer's balance differs from the declared face.
    pub fn on_mismatch(&self) -> OnMismatch {
        self.on_mismatch
    }

    /// How far the shapes are to be trusted, for people.
    pub fn trust(&self) -> Option<&str> {
        self.trust.as_deref()
    }

    /// What bar codes say of its cards, if that is known.
    pub fn symbol(&self) -> Option<&SymbolProfile> {
        self.symbol.as_ref()
    }

    /// What its dynamic tokens (动态码) are like, if its cards come with them.
    pub fn token(&self) -> Option<&TokenRule> {
        self.token.as_ref()
    }

    /// Reads a card as it was typed or pasted: normalises the fields and checks them.
    ///
    /// A field that the product does not have may still be given: it is kept, up to 64 letters
    /// and digits, and is no part of the card's identity. An empty text is an absent field.
    ///
    /// # Errors
    /// [`CardError`] for the number or, if that is well, for the secret.
    pub fn read(&self, number: Option<&str>, secret: &str) -> Result<Card, CardError> {
        let number = read_field(Field::CardNumber, self.number.as_ref(), number.unwrap_or_default())?;
        let secret = read_field(Field::CardSecret, self.secret.as_ref(), secret)?;
        Ok(Card { identity: self.identity, number, secret: secret.unwrap_or_default() })
    }

    /// The canonical identity of `card` first, then its aliases, each once. All are claimed
    /// together, under [`Product::scheme`].
    pub fn identities(&self, card: &Card) -> Vec<Secret> {
        identities(card.identity(), &self.aliases)
    }

    /// The identities of `card` but for the first, which [`Card::identity`] tells.
    pub(crate) fn other_identities(&self, card: &Card) -> Vec<Secret> {
        match self.aliases.is_empty() {
            true => Vec::new(),
            false => self.identities(card).split_off(1),
        }
    }

    /// The identities of the card that `text` names: its number or, where the product has none,
    /// its secret. For lists of cards.
    ///
    /// # Errors
    /// [`CardError`] if `text` is no such number or secret.
    pub fn identities_of(&self, text: &str) -> Result<Vec<Secret>, CardError> {
        let (field, shape) = match self.identity {
            Identity::Number => (Field::CardNumber, self.number.as_ref()),
            Identity::Secret => (Field::CardSecret, self.secret.as_ref()),
        };
        let identity = read_field(field, shape, text)?.unwrap_or_default();
        Ok(identities(&identity, &self.aliases))
    }

    /// Whether a card of this product may be declared with this face.
    ///
    /// # Errors
    /// [`FaceError`]: the first of currency, value, limit.
    pub fn check_face(&self, face: Amount) -> Result<(), FaceError> {
        if !self.currencies.contains(&face.currency()) {
            return Err(FaceError::Currency(face.currency()));
        }
        if !self.face.takes(face) {
            return Err(FaceError::Value(face));
        }
        match self.limit(face.currency()) {
            Some(limit) if face.minor() > limit.minor() => Err(FaceError::Limit { face, limit }),
            _ => Ok(()),
        }
    }

    /// Writes what the product means, without the note on trust: name, issuer, family, scheme,
    /// currencies, face, limits, rate, guard, shapes, identity, aliases, reloadable, mismatch, and
    /// the symbol and the rule for tokens if there are any.
    ///
    /// Texts stand after their length in 2 bytes, lists after their count in 4, names of families
    /// and mismatches before a 0, amounts as currency (2 bytes) and minor units (8), rates in
    /// millionths (4), lengths as a set of 64 bits, and what is absent is a 0.
    pub(super) fn write(&self, out: &mut Writer<'_>) {
        out.text(&self.name).text(&self.issuer).raw(self.family.name().as_bytes()).u8(0).text(&self.scheme);
        super::write_count(out, self.currencies.len());
        for currency in &self.currencies {
            out.u16(currency.numeric());
        }
        self.face.write(out);
        super::write_count(out, self.limits.len());
        self.limits.iter().for_each(|limit| write_amount(out, *limit));
        out.u32(self.rate.ppm()).u32(self.guard.0.ppm()).u32(self.guard.1.ppm());
        for shape in [&self.number, &self.secret] {
            out.bool(shape.is_some());
            if let Some(shape) = shape {
                shape.write(out);
            }
        }
        out.u8(self.identity.byte());
        super::write_count(out, self.aliases.len());
        self.aliases.iter().for_each(|alias| alias.write(out));
        out.bool(self.reloadable).raw(self.on_mismatch.name().as_bytes()).u8(0);
        // Nothing for none: digests of catalogues without them are what they always were.
        if let Some(symbol) = &self.symbol {
            symbol.write(out);
        }
        if let Some(token) = &self.token {
            token.write(out);
        }
    }
}

fn read_field(field: Field, shape: Option<&Shape>, text: &str) -> Result<Option<Secret>, CardError> {
    let expected = shape.unwrap_or(const { &Shape::ANY });
    match expected.read(text) {
        Ok(value) => Ok(Some(value)),
        Err(Problem::Missing) if shape.is_none() => Ok(None),
        Err(problem) => Err(CardError { field, problem, expected: expected.to_string().into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::Catalogue;
    use alloc::format;
    use alloc::string::String;
    use proptest::prelude::*;

    fn product(keys: &str) -> Product {
        let text = format!(
            "[product.p]\nissuer = \"x\"\nfamily = \"game\"\ncurrencies = [\"CNY\", \"USD\"]\nrate = \"0.9\"\n{keys}"
        );
        Catalogue::parse(&text).unwrap().product("p").unwrap().clone()
    }

    fn two_forms() -> Product {
        product(
            "face = { values = [\"100\", \"50\", \"100\"] }\nlimit = \"60\"\n\
             number = { kind = \"digits\", lengths = [16, 19] }\n\
             aliases = [{ when_length = 19, drop_last = 3 }, { when_length = 19, drop_first = 3 }]",
        )
    }

    fn secret_only() -> Product {
        product(
            "face = { min = \"1\", max = \"9\" }\nidentity = \"secret\"\n\
             secret = { kind = \"letters-and-digits\", lengths = [16] }",
        )
    }

    #[test]
    fn errors_say_what_was_expected_and_show_nothing() {
        let say = |number: &str| two_forms().read(Some(number), "").unwrap_err().to_string();
        assert_eq!(say(""), "card_number: 16 or 19 digits expected, found nothing");
        assert_eq!(say("1234 5678 9012 345"), "card_number: 16 or 19 digits expected, found 15 characters");
        assert_eq!(say("7"), "card_number: 16 or 19 digits expected, found 1 character");
        assert_eq!(
            say("123456789012345O"),
            "card_number: 16 or 19 digits expected, found another character at place 16"
        );
        let checked = product(
            "face = { min = \"1\", max = \"9\" }\n\
             number = { kind = \"digits\", lengths = [11], prefixes = [\"7\"], check = \"luhn\" }",
        );
        let say = |number: &str| checked.read(Some(number), "").unwrap_err().to_string();
        assert_eq!(say("79927398710"), "card_number: check digit does not fit (Luhn)");
        assert_eq!(
            say("89927398710"),
            "card_number: 11 digits starting with 7 expected, found another beginning"
        );
    }

    #[test]
    fn both_forms_of_a_number_have_a_key_in_common() {
        let product = two_forms();
        let keys = |number: &str| product.identities(&product.read(Some(number), "").unwrap());
        assert_eq!(
            keys("1234567890123456789"),
            ["1234567890123456789", "4567890123456789", "1234567890123456"].map(Secret::from)
        );
        assert_eq!(keys("1234567890123456"), ["1234567890123456"].map(Secret::from));
        assert_eq!(keys("1111111111111111111").len(), 2, "none twice");
    }

    #[test]
    fn a_secret_only_card_keeps_a_number_that_does_not_name_it() {
        let product = secret_only();
        let card = product.read(Some(" 12-"), "abcdefghjklmnp12").unwrap();
        assert_eq!(card.number(), Some(&Secret::from("12")));
        assert_eq!(product.identities(&card), [Secret::from("ABCDEFGHJKLMNP12")]);
        let bare = product.read(None, "ABCDEFGHJKLMNP12").unwrap();
        assert_eq!((bare.number(), product.identities(&bare)), (None, product.identities(&card)));
        assert_eq!(product.read(Some(""), "ABCDEFGHJKLMNP12"), Ok(bare));
        let long = product.read(Some(&"1".repeat(65)), "ABCDEFGHJKLMNP12").unwrap_err();
        assert_eq!(long.reason(), "card_number_shape");
    }

    #[test]
    fn a_face_is_checked_for_currency_then_value_then_limit() {
        let cny = |minor| Amount::new(minor, Currency::CNY);
        let product = two_forms();
        assert_eq!(product.check_face(cny(5_000)), Ok(()));
        assert_eq!(product.check_face(Amount::new(5_000, Currency::USD)), Ok(()));
        let reason = |face| product.check_face(face).unwrap_err().reason();
        let euro = "EUR".parse().unwrap();
        assert_eq!(reason(Amount::new(5_000, euro)), "currency_not_accepted");
        assert_eq!(reason(cny(5_001)), "face_value_not_accepted");
        assert_eq!(reason(cny(10_000)), "limit_exceeded");
        assert_eq!(product.limit(Currency::CNY), Some(cny(6_000)));
        assert_eq!(
            product.face(),
            &FaceRule::Values(
                [Currency::CNY, Currency::USD]
                    .into_iter()
                    .flat_map(|c| [Amount::new(5_000, c), Amount::new(10_000, c)])
                    .collect()
            )
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_error_shows_it(number in ".{0,30}", secret in "[0-9A-Za-zＡ-Ｚ０-９ -]{0,24}") {
            for product in [two_forms(), secret_only()] {
                match product.read(Some(&number), &secret) {
                    Ok(card) => {
                        prop_assert!(!card.identity().is_empty());
                        prop_assert_eq!(&product.identities(&card)[0], card.identity());
                        prop_assert_eq!(Card::decode(card.encode().expose()), Ok(card));
                    }
                    Err(error) => prop_assert!(!error.reason().is_empty()),
                }
            }
        }

        #[test]
        fn no_error_shows_what_was_read(number in "[0-9]{5,15}x?", secret in "[0-9A-Z]{5,15}") {
            for product in [two_forms(), secret_only()] {
                let error = product.read(Some(&number), &secret).unwrap_err();
                let shown = format!("{error} {error:?}");
                prop_assert!(!shown.contains(&number) && !shown.contains(&secret), "{}", shown);
            }
        }

        #[test]
        fn separators_case_and_width_do_not_change_the_card(secret in "[A-Z0-9]{16}", at in 0_usize..16) {
            let product = secret_only();
            let plain = product.read(None, &secret).unwrap();
            let wide: String = secret.bytes().map(|b| char::from_u32(u32::from(b) + 0xfee0).unwrap()).collect();
            let (head, tail) = secret.split_at(at);
            for text in [secret.to_ascii_lowercase(), wide, format!(" {head}-{tail}\n"), format!("{head}　{tail}")] {
                let read = product.read(None, &text);
                prop_assert_eq!(read.as_ref(), Ok(&plain));
            }
        }
    }
}
