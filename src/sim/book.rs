//! One issuer: its cards, what was debited, and what it answers.

use super::SimError;
use super::card::{CardStatus, SimCard};
use super::config::{SimIssuer, own_reference};
use super::entry::Entry;
use super::ledger::Ledger;
use crate::adapters::FarEnd;
use crate::base::{Secret, Text, Wall};
use crate::issuer::{Accepted, CardData, CardTag, Decline, Idempotency, Outcome, Reference};
use crate::money::Amount;
use crate::vault::tag;
use std::boxed::Box;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::string::ToString;
use std::vec::Vec;

/// An order to debit a card.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The asker's reference.
    pub reference: Reference,
    /// The site that it came to, by its place in the profile.
    pub site: u32,
    /// The product.
    pub product: &'a Text,
    /// The card.
    pub card: CardData<'a>,
    /// How much.
    pub amount: Amount,
}

struct Card {
    secret: [u8; 16],
    balance: Amount,
    status: CardStatus,
}

struct Debit {
    card: CardTag,
    product: Text,
    amount: Amount,
    own: Text,
    reversed: bool,
    receipted: bool,
}

/// One issuer's cards and debits. Cards go by product and number, or by product and secret
/// where there is no number; secrets must fit byte by byte.
///
/// Repeats are recognised as the issuer's profile says: at the same site, everywhere, or
/// nowhere. A recognised repeat hears what the first one heard, whatever it asks.
pub struct IssuerBook {
    far_end: Box<dyn FarEnd>,
    key: Secret,
    idempotency: Idempotency,
    can_reverse: bool,
    echoes_card: bool,
    /// Whether cards are taken as they come.
    learns: bool,
    cards: HashMap<(Text, [u8; 16]), Card>,
    debits: Vec<Debit>,
    by_reference: HashMap<(Reference, u32), Vec<usize>>,
    by_own: HashMap<Text, usize>,
    declines: HashMap<(Reference, u32), Decline>,
    /// What was refused, for an issuer that thinks better of it.
    refused: HashMap<Reference, (CardTag, Text, Amount)>,
    /// The debits, by own reference, that took less than was asked.
    short: HashSet<Text>,
    ledger: Ledger,
}

impl IssuerBook {
    /// Opens the book of `issuer`: the ledger in `dir` (or one in memory) over `cards` (or
    /// every card that comes).
    ///
    /// # Errors
    /// [`SimError`]: a ledger that cannot be read or written, a key that is none.
    pub fn open(issuer: &SimIssuer, cards: Option<&[SimCard]>, dir: Option<&Path>) -> Result<Self, SimError> {
        let mut book = Self {
            far_end: issuer.far_end()?,
            key: issuer.key.clone(),
            idempotency: issuer.profile.idempotency,
            can_reverse: issuer.profile.can_reverse,
            echoes_card: issuer.profile.echoes_card,
            learns: cards.is_none(),
            cards: HashMap::new(),
            debits: Vec::new(),
            by_reference: HashMap::new(),
            by_own: HashMap::new(),
            declines: HashMap::new(),
            refused: HashMap::new(),
            short: HashSet::new(),
            ledger: Ledger::open(dir, &issuer.profile.name)?,
        };
        let own = |card: &&SimCard| issuer.products.is_empty() || issuer.products.contains(&card.product);
        for card in cards.unwrap_or_default().iter().filter(own) {
            let number = card.number.as_ref().map(Secret::expose);
            let data = CardData { number, secret: card.secret.expose() };
            let (balance, status) = (card.balance, card.status);
            let known = Card { secret: book.secret_tag(&card.product, data), balance, status };
            book.cards.insert((card.product.clone(), book.tag(data).0), known);
        }
        let past: Vec<Entry> = book.ledger.lines().iter().map(|line| line.entry.clone()).collect();
        past.iter().for_each(|entry| book.take(entry));
        Ok(book)
    }

    /// What is on a card. Where the issuer has no list, it hears of the card here or at its
    /// first debit, with `declared` as its balance.
    ///
    /// # Errors
    /// [`SimError::Io`] if the ledger cannot be written: then nothing happened.
    pub fn balance(
        &mut self,
        product: &Text,
        card: CardData<'_>,
        declared: Amount,
        at: Wall,
    ) -> Result<Outcome, SimError> {
        Ok(match self.usable(product, card, declared, at)? {
            Ok(balance) => Outcome::Accepted(Accepted {
                reference: Text::new("balance").expect("a word is a text"),
                amount: balance,
                card: self.echoes_card.then(|| self.tag(card)),
                generation: None,
            }),
            Err(decline) => Outcome::Declined(decline),
        })
    }

    /// Debits a card, or answers a repeat as before.
    ///
    /// # Errors
    /// [`SimError::Io`] if the ledger cannot be written: then nothing happened.
    pub fn debit(&mut self, order: &Order<'_>, at: Wall) -> Result<Outcome, SimError> {
        let site = self.site(order.site);
        let repeat = self.find(order.reference, order.site).is_some();
        if repeat && self.idempotency != Idempotency::None {
            return Ok(self.query(order.reference, order.site));
        }
        let usable = self.usable(order.product, order.card, order.amount, at)?;
        let decline = match usable {
            Err(decline) => Some(decline),
            Ok(_) if order.amount.minor() <= 0 => Some(Decline::FormatInvalid),
            Ok(balance) if balance.currency() != order.amount.currency() => Some(Decline::FaceMismatch),
            Ok(balance) if balance.minor() < order.amount.minor() => Some(Decline::InsufficientBalance),
            Ok(_) => None,
        };
        let reference = order.reference;
        let entry = match decline {
            Some(decline) => {
                let refused = (self.tag(order.card), order.product.clone(), order.amount);
                self.refused.insert(reference, refused);
                Entry::Decline { reference, site, decline }
            }
            None => {
                let nth = self.by_reference.get(&(reference, site)).map_or(0, Vec::len);
                let own = own_reference(self.ledger.name(), &reference.to_string(), site, nth);
                let (card, product) = (self.tag(order.card), order.product.clone());
                Entry::Debit { reference, site, card, amount: order.amount, own, product }
            }
        };
        self.write(at, entry)?;
        Ok(decline.map_or_else(|| self.query(reference, order.site), Outcome::Declined))
    }

    /// Debits half of what is ordered, or answers a repeat as before.
    pub(super) fn debit_part(&mut self, order: &Order<'_>, at: Wall) -> Result<Outcome, SimError> {
        if self.find(order.reference, order.site).is_some() {
            return self.debit(order, at);
        }
        let half = Amount::new(order.amount.minor() / 2, order.amount.currency());
        let outcome = self.debit(&Order { amount: half, ..*order }, at)?;
        if let Outcome::Accepted(accepted) = &outcome {
            self.short.insert(accepted.reference.clone());
        }
        Ok(self.query(order.reference, order.site))
    }

    /// What became of a reference, as asked at a site.
    pub fn query(&self, reference: Reference, site: u32) -> Outcome {
        match self.find(reference, site) {
            Some(Known::Debit(place)) => self.standing(place),
            Some(Known::Decline(decline)) => Outcome::Declined(decline),
            None => Outcome::NotFound,
        }
    }

    /// Undoes the debit of a reference. Of a reference that is not known it says so, and keeps
    /// no note of it: the debit may still be on its way.
    ///
    /// # Errors
    /// [`SimError::Io`] if the ledger cannot be written: then nothing happened.
    pub fn reverse(&mut self, reference: Reference, site: u32, at: Wall) -> Result<Outcome, SimError> {
        if let Some(Known::Debit(place)) = self.find(reference, site) {
            let debit = &self.debits[place];
            if self.can_reverse && !debit.reversed {
                let own = debit.own.clone();
                self.write(at, Entry::Reversal { own })?;
            }
        }
        Ok(self.reversal(reference, site))
    }

    /// Whether repeats are recognised at all.
    pub(super) fn recognises(&self) -> bool {
        self.idempotency != Idempotency::None
    }

    /// Undoes the debit of a reference, whatever the profile allows to us; whether there was one.
    pub(super) fn take_back(&mut self, reference: Reference, at: Wall) -> Result<bool, SimError> {
        self.take_back_at(reference, 0, at)
    }

    /// The same, of a debit at one site.
    pub(super) fn take_back_at(
        &mut self,
        reference: Reference,
        site: u32,
        at: Wall,
    ) -> Result<bool, SimError> {
        let Some(Known::Debit(place)) = self.find(reference, site) else { return Ok(false) };
        if self.debits[place].reversed {
            return Ok(false);
        }
        let own = self.debits[place].own.clone();
        self.write(at, Entry::Reversal { own })?;
        Ok(true)
    }

    /// Debits after all what was refused, if the card is there and bears it; whether it was done.
    pub(super) fn make_good(&mut self, reference: Reference, at: Wall) -> Result<bool, SimError> {
        let declined = self.find(reference, 0);
        let Some(Known::Decline(decline)) = declined.filter(|_| self.refused.contains_key(&reference)) else {
            return Ok(false);
        };
        let (card, product, amount) = self.refused[&reference].clone();
        let bears = self.cards.get(&(product.clone(), card.0)).map_or(0, |card| card.balance.minor());
        if decline == Decline::WrongSecret || bears < amount.minor() {
            return Ok(false);
        }
        let own = own_reference(self.ledger.name(), &reference.to_string(), 0, 0);
        let site = self.site(0);
        self.write(at, Entry::Debit { reference, site, card, amount, own, product })?;
        Ok(true)
    }

    /// What became of a reversal: done, refused, or about a reference that is not known. After
    /// a decline there is nothing to undo.
    pub fn reversal(&self, reference: Reference, site: u32) -> Outcome {
        match self.find(reference, site) {
            Some(Known::Debit(place)) if !self.debits[place].reversed => Outcome::ReversalRefused,
            Some(_) => Outcome::Reversed,
            None => Outcome::NotFound,
        }
    }

    /// The electronic receipt for the debit of a reference.
    ///
    /// # Errors
    /// [`SimError::Io`] if the ledger cannot be written: then none was given.
    pub fn receipt(&mut self, reference: Reference, site: u32, at: Wall) -> Result<Outcome, SimError> {
        if let Some(Known::Debit(place)) = self.find(reference, site) {
            let debit = &self.debits[place];
            if !debit.reversed && !debit.receipted {
                let own = debit.own.clone();
                self.write(at, Entry::Receipt { own })?;
            }
        }
        Ok(self.query(reference, site))
    }

    pub(super) fn far_end(&self) -> &dyn FarEnd {
        &*self.far_end
    }

    /// The card as its protocol echoes it, or under the channel's key.
    fn tag(&self, card: CardData<'_>) -> CardTag {
        let own = || {
            let whole = tag(&self.key, "scrip sim card v1", &[card.number.unwrap_or(card.secret)]);
            CardTag(*whole.first_chunk().expect("a tag has 32 bytes"))
        };
        self.far_end.card_tag(card).unwrap_or_else(own)
    }

    pub(super) fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    pub(super) fn kept(&self) -> &Ledger {
        &self.ledger
    }

    /// The balance of a card that may be used, or why it may not.
    fn usable(
        &mut self,
        product: &Text,
        card: CardData<'_>,
        declared: Amount,
        at: Wall,
    ) -> Result<Result<Amount, Decline>, SimError> {
        let place = (product.clone(), self.tag(card).0);
        let secret = self.secret_tag(product, card);
        if self.learns && declared.minor() > 0 && !self.cards.contains_key(&place) {
            let (product, card) = (place.0.clone(), CardTag(place.1));
            self.write(at, Entry::Learned { card, secret, balance: declared, product })?;
        }
        let Some(known) = self.cards.get(&place) else { return Ok(Err(Decline::UnknownCard)) };
        if known.secret != secret {
            return Ok(Err(Decline::WrongSecret));
        }
        let spent = (known.balance.minor() <= 0).then_some(Decline::AlreadyUsed);
        Ok(known.status.decline().or(spent).map_or(Ok(known.balance), Err))
    }

    /// Secrets are kept as keyed digests: as exact as the secrets, and not seen.
    fn secret_tag(&self, product: &Text, card: CardData<'_>) -> [u8; 16] {
        let parts = [product.as_bytes(), card.number.unwrap_or_default(), card.secret];
        let whole = tag(&self.key, "scrip sim card secret v1", &parts);
        *whole.first_chunk().expect("a tag has 32 bytes")
    }

    /// Where references are told apart by site, the site; otherwise one for all.
    fn site(&self, site: u32) -> u32 {
        if self.idempotency == Idempotency::Site { site } else { 0 }
    }

    fn find(&self, reference: Reference, site: u32) -> Option<Known> {
        let key = (reference, self.site(site));
        let debit = self.by_reference.get(&key).and_then(|places| places.last().copied());
        debit.map(Known::Debit).or_else(|| self.declines.get(&key).copied().map(Known::Decline))
    }

    fn standing(&self, place: usize) -> Outcome {
        let debit = &self.debits[place];
        if debit.reversed {
            return Outcome::Reversed;
        }
        let accepted = Accepted {
            reference: debit.own.clone(),
            amount: debit.amount,
            card: self.echoes_card.then_some(debit.card),
            generation: None,
        };
        if self.short.contains(&debit.own) { Outcome::Partial(accepted) } else { Outcome::Accepted(accepted) }
    }

    fn write(&mut self, at: Wall, entry: Entry) -> Result<(), SimError> {
        self.ledger.append(at, [entry.clone()].into())?;
        self.take(&entry);
        Ok(())
    }

    /// Takes a line of the ledger into account: a new one or one of the past.
    fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Learned { card, secret, balance, product } => {
                let known = Card { secret: *secret, balance: *balance, status: CardStatus::Active };
                self.cards.insert((product.clone(), card.0), known);
            }
            Entry::Debit { reference, site, card, amount, own, product } => {
                let place = self.debits.len();
                let (card, amount) = (*card, *amount);
                let (product, own) = (product.clone(), own.clone());
                self.by_own.insert(own.clone(), place);
                self.by_reference.entry((*reference, *site)).or_default().push(place);
                self.debits.push(Debit { card, product, amount, own, reversed: false, receipted: false });
                self.move_balance(place, -amount.minor());
            }
            Entry::Decline { reference, site, decline } => {
                self.declines.insert((*reference, *site), *decline);
            }
            Entry::Reversal { own } => {
                if let Some(&place) = self.by_own.get(own) {
                    self.debits[place].reversed = true;
                    self.move_balance(place, self.debits[place].amount.minor());
                }
            }
            Entry::Receipt { own } => {
                if let Some(&place) = self.by_own.get(own) {
                    self.debits[place].receipted = true;
                }
            }
            _ => {}
        }
    }

    fn move_balance(&mut self, place: usize, minor: i64) {
        let debit = &self.debits[place];
        // A card that has left the list keeps its debits in the ledger.
        if let Some(card) = self.cards.get_mut(&(debit.product.clone(), debit.card.0)) {
            let now = card.balance.minor().saturating_add(minor);
            card.balance = Amount::new(now, card.balance.currency());
        }
    }
}

/// What an issuer has under a reference.
enum Known {
    Debit(usize),
    Decline(Decline),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RedemptionId;
    use crate::issuer::Profiles;
    use crate::money::Currency;

    const BANK: &str = r#"
[issuer.bank]
adapter = "signed_json"
verify = "pin_check"
evidence = "online"
idempotency = "site"
recipe = "query"
can_reverse = true
echoes_card = true
endpoints = ["a", "b"]
"#;

    fn issuer(idempotency: &str) -> SimIssuer {
        let text = BANK.replace("\"site\"", &std::format!("{idempotency:?}\non_absent = \"decline\""));
        SimIssuer::new(Profiles::parse(&text).unwrap().issuers["bank"].clone())
    }

    fn cny(minor: i64) -> Amount {
        Amount::new(minor, Currency::CNY)
    }

    fn product() -> Text {
        Text::new("bank-prepaid").unwrap()
    }

    fn listed(number: &str, status: CardStatus) -> SimCard {
        let number = (!number.is_empty()).then(|| Secret::from(number));
        SimCard { product: product(), number, secret: "123456".into(), balance: cny(10_000), status }
    }

    fn list() -> Vec<SimCard> {
        let all = ["1000", "1001", "1002", "1003", "1004"];
        let statuses = ["active", "inactive", "used", "expired", "frozen"];
        let cards = all.iter().zip(statuses.map(|name| CardStatus::from_name(name).unwrap()));
        cards.map(|(number, status)| listed(number, status)).chain([listed("", CardStatus::Active)]).collect()
    }

    fn book() -> IssuerBook {
        IssuerBook::open(&issuer("site"), Some(&list()), None).unwrap()
    }

    fn card<'a>(number: &'a str, secret: &'a str) -> CardData<'a> {
        CardData { number: (!number.is_empty()).then_some(number.as_bytes()), secret: secret.as_bytes() }
    }

    fn debit(book: &mut IssuerBook, id: u8, site: u32, card: CardData<'_>, minor: i64) -> Outcome {
        let reference = Reference::debit(RedemptionId([id; 16]));
        let order = Order { reference, site, product: &product(), card, amount: cny(minor) };
        book.debit(&order, Wall(1)).unwrap()
    }

    fn balance(book: &mut IssuerBook, card: CardData<'_>) -> Result<i64, Decline> {
        match book.balance(&product(), card, cny(10_000), Wall(1)).unwrap() {
            Outcome::Accepted(accepted) => Ok(accepted.amount.minor()),
            Outcome::Declined(decline) => Err(decline),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn cards_are_declined_for_what_is_wrong_with_them() {
        let mut book = book();
        for (number, secret, expected) in [
            ("1000", "123456", Ok(10_000)),
            ("1000", "123457", Err(Decline::WrongSecret)),
            ("1000", "0123456", Err(Decline::WrongSecret)),
            ("9999", "123456", Err(Decline::UnknownCard)),
            ("1001", "123456", Err(Decline::NotActivated)),
            ("1002", "123456", Err(Decline::AlreadyUsed)),
            ("1003", "123456", Err(Decline::Expired)),
            ("1004", "123456", Err(Decline::FrozenByIssuer)),
            ("", "123456", Ok(10_000)),
            ("", "123457", Err(Decline::UnknownCard)),
        ] {
            assert_eq!(balance(&mut book, card(number, secret)), expected, "{number} {secret}");
        }
        let good = card("1000", "123456");
        let no = |outcome| matches!(outcome, Outcome::Declined(Decline::InsufficientBalance));
        assert!(no(debit(&mut book, 1, 0, good, 10_001)));
        assert_eq!(debit(&mut book, 2, 0, good, 0), Outcome::Declined(Decline::FormatInvalid));
        assert_eq!(balance(&mut book, good), Ok(10_000));
    }

    #[test]
    fn a_repeat_hears_the_same_and_debits_once() {
        let mut book = book();
        let good = card("1000", "123456");
        let first = debit(&mut book, 1, 0, good, 4_000);
        let Outcome::Accepted(accepted) = &first else { panic!("{first:?}") };
        assert_eq!((accepted.amount, accepted.card), (cny(4_000), Some(book.tag(good))));
        assert_eq!(debit(&mut book, 1, 0, good, 4_000), first);
        assert_eq!(debit(&mut book, 1, 0, card("1004", "123456"), 1), first, "whatever it asks");
        assert_eq!(balance(&mut book, good), Ok(6_000));
        let declined = debit(&mut book, 2, 0, card("1003", "123456"), 1);
        assert_eq!(debit(&mut book, 2, 0, good, 1), declined, "a no stays a no");
    }

    #[test]
    fn repeats_are_recognised_where_the_profile_says() {
        for (idempotency, same_site, other_site) in
            [("site", 6_000, 2_000), ("issuer", 6_000, 6_000), ("none", 2_000, -1)]
        {
            let mut book = IssuerBook::open(&issuer(idempotency), Some(&list()), None).unwrap();
            let good = card("1000", "123456");
            debit(&mut book, 1, 0, good, 4_000);
            debit(&mut book, 1, 0, good, 4_000);
            assert_eq!(balance(&mut book, good), Ok(same_site), "{idempotency}");
            let last = debit(&mut book, 1, 1, good, 4_000);
            if other_site >= 0 {
                assert_eq!(balance(&mut book, good), Ok(other_site), "{idempotency}");
            } else {
                assert_eq!(last, Outcome::Declined(Decline::InsufficientBalance));
            }
        }
    }

    #[test]
    fn a_reversal_gives_the_money_back_once() {
        let mut book = book();
        let good = card("1000", "123456");
        let reference = |id| Reference::debit(RedemptionId([id; 16]));
        let accepted = debit(&mut book, 1, 0, good, 10_000);
        assert_eq!(book.query(reference(1), 0), accepted);
        assert_eq!(book.receipt(reference(1), 0, Wall(2)), Ok(accepted));
        assert_eq!(balance(&mut book, good), Err(Decline::AlreadyUsed));
        for _ in 0..2 {
            assert_eq!(book.reverse(reference(1), 0, Wall(3)), Ok(Outcome::Reversed));
            assert_eq!(balance(&mut book, good), Ok(10_000));
        }
        assert_eq!(debit(&mut book, 1, 0, good, 10_000), Outcome::Reversed, "undone stays undone");
        assert_eq!(book.reverse(reference(2), 0, Wall(3)), Ok(Outcome::NotFound));
        assert!(matches!(debit(&mut book, 2, 0, good, 10_000), Outcome::Accepted(_)), "it was on its way");
        book.can_reverse = false;
        assert_eq!(book.reverse(reference(2), 0, Wall(4)), Ok(Outcome::ReversalRefused));
    }

    #[test]
    fn a_book_is_the_same_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let good = card("1000", "123456");
        for cards in [Some(list()), None] {
            let open = || IssuerBook::open(&issuer("site"), cards.as_deref(), Some(dir.path())).unwrap();
            let mut book = open();
            assert!(balance(&mut book, good).is_ok());
            let outcomes = [
                debit(&mut book, 1, 0, good, 4_000),
                debit(&mut book, 2, 0, card("1000", "000000"), 1),
                debit(&mut book, 3, 0, good, 1_000),
            ];
            book.reverse(Reference::debit(RedemptionId([3; 16])), 0, Wall(2)).unwrap();
            drop(book);
            let mut book = open();
            assert_eq!(outcomes[0], debit(&mut book, 1, 0, good, 4_000));
            assert_eq!(outcomes[1], Outcome::Declined(Decline::WrongSecret));
            assert_eq!(outcomes[1], debit(&mut book, 2, 0, good, 1));
            assert_eq!(debit(&mut book, 3, 0, good, 1_000), Outcome::Reversed);
            assert_eq!(balance(&mut book, good), Ok(6_000));
            drop(book);
            let text = std::fs::read_to_string(dir.path().join("bank.ledger")).unwrap();
            assert!(!text.contains("123456"), "no secret: {text}");
            std::fs::remove_file(dir.path().join("bank.ledger")).unwrap();
        }
    }

    #[test]
    fn an_issuer_without_a_list_believes_the_first_that_comes() {
        let mut book = IssuerBook::open(&issuer("site"), None, None).unwrap();
        assert_eq!(balance(&mut book, card("77", "1")), Ok(10_000));
        assert_eq!(balance(&mut book, card("77", "2")), Err(Decline::WrongSecret));
        assert!(matches!(debit(&mut book, 1, 0, card("77", "1"), 10_000), Outcome::Accepted(_)));
        assert_eq!(balance(&mut book, card("77", "1")), Err(Decline::AlreadyUsed));
        assert!(matches!(debit(&mut book, 2, 0, card("", "x"), 500), Outcome::Accepted(_)));
    }
}
