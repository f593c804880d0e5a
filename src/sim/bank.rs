//! A simulated bank: the other end of [`Bank`](crate::adapters::bank::Bank), with cards, PINs
//! that it counts, debits, reversals and working keys. For tests and trials.

use crate::adapters::bank::{BankCrypto, BankTerms, Network, SoftCrypto};
use crate::base::Secret;
use crate::codec::iso8583::{Message, Mti, Spec};
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// A card at the bank.
#[derive(Clone, Debug)]
struct BankCard {
    pin: Secret,
    balance_minor: u64,
    wrong_pins: u32,
}

/// A debit that the bank has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankDebit {
    /// The card.
    pub number: String,
    /// The asker's STAN.
    pub stan: u64,
    /// The asker's time, `MMDDhhmmss`.
    pub time: String,
    /// Minor units.
    pub minor: u64,
    /// The bank's own reference.
    pub own: String,
    /// Whether it was reversed.
    pub reversed: bool,
}

/// A bank with a few cards, in CNY.
pub struct SimBank {
    spec: Spec,
    terms: BankTerms,
    crypto: SoftCrypto,
    /// The working keys of the last sign-in, as sent; empty before.
    keys: Vec<u8>,
    signed_in: u32,
    cards: BTreeMap<String, BankCard>,
    debits: Vec<BankDebit>,
    codes: Vec<(u16, &'static str)>,
}

/// Wrong PINs before the card is blocked.
const PIN_TRIES: u32 = 3;

impl SimBank {
    /// A bank that speaks by these terms and in this format. `crypto` holds the master key.
    pub fn new(spec: Spec, terms: BankTerms, crypto: SoftCrypto) -> Self {
        let (cards, debits, codes) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { spec, terms, crypto, keys: Vec::new(), signed_in: 0, cards, debits, codes }
    }

    /// Issues a card.
    #[must_use]
    pub fn card(mut self, number: &str, pin: &str, balance_minor: u64) -> Self {
        let card = BankCard { pin: Secret::from(pin), balance_minor, wrong_pins: 0 };
        self.cards.insert(number.to_string(), card);
        self
    }

    /// The next request of this type is answered with this code, and nothing is done.
    pub fn answer_next(&mut self, mti: u16, code: &'static str) {
        self.codes.push((mti, code));
    }

    /// Forgets the working keys, as a bank does at its cut-over.
    pub fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// What was debited, in order.
    pub fn debits(&self) -> &[BankDebit] {
        &self.debits
    }

    /// What is left on a card, in minor units.
    pub fn balance_minor(&self, number: &str) -> Option<u64> {
        self.cards.get(number).map(|card| card.balance_minor)
    }

    /// How often a terminal has signed in.
    pub fn sign_ins(&self) -> u32 {
        self.signed_in
    }

    /// Takes a request and answers it; `None` for what is no request of this protocol.
    pub fn serve(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let spec = self.spec.clone();
        let asked = spec.read(bytes).ok()?;
        let mti = asked.mti().number();
        let answered = asked.mti().answer()?;
        let forced = self.codes.iter().position(|(wanted, _)| *wanted == mti);
        let mut back = Vec::new();
        let code = match forced {
            Some(place) => self.codes.remove(place).1,
            None if mti != 800 && !self.mac_fits(&asked) => "A0",
            None => match mti {
                800 => self.network(&asked, &mut back),
                200 | 201 if is(&asked, 3, &self.terms.balance_code) => self.balance(&asked, &mut back),
                200 | 201 => self.debit(&asked, &mut back),
                400 | 401 | 420 | 421 => self.reverse(&asked),
                100 => self.query(&asked, &mut back),
                _ => "40",
            },
        };
        back.push((39, code.to_string()));
        self.answer(&asked, answered, back)
    }

    fn mac_fits(&self, asked: &Message<'_>) -> bool {
        if !self.terms.mac {
            return true;
        }
        let number = if asked.has(128) { 128 } else { 64 };
        let told = asked.field(number).and_then(|mac| mac.to_bytes());
        let made = asked.before(number).and_then(|bytes| self.crypto.mac(&self.keys, bytes));
        told.is_some() && told.as_deref() == made.as_ref().map(|made| &made[..])
    }

    fn network(&mut self, asked: &Message<'_>, back: &mut Vec<(u8, String)>) -> &'static str {
        let code = match self.terms.sign_in {
            Some(Network::Field60) => text(asked, 60).get(8..).map(ToString::to_string),
            _ => Some(text(asked, 70)),
        };
        if !matches!(code.as_deref(), Some("001" | "003")) {
            return "00";
        }
        self.signed_in += 1;
        let key = |first: u8| Secret::new((0..16).map(|i| first + i * 7 + self.signed_in as u8).collect());
        let Some(keys) = self.crypto.seal(&key(0x11), &key(0x83)) else { return "96" };
        back.push((62, keys.iter().map(|byte| format!("{byte:02X}")).collect()));
        self.keys = keys;
        "00"
    }

    /// The card, if number and PIN fit.
    fn card_of(&mut self, asked: &Message<'_>) -> Result<String, &'static str> {
        let number = text(asked, 2);
        let (keys, pin) = (self.keys.clone(), self.terms.pin);
        let card = self.cards.get_mut(&number).ok_or("14")?;
        if card.wrong_pins >= PIN_TRIES {
            return Err("75");
        }
        let told = asked.field(52).and_then(|block| block.to_bytes());
        let block = self.crypto.pin_block(&keys, card.pin.expose(), number.as_bytes(), [0; 8]);
        if pin && told.as_deref() != block.as_ref().map(Secret::expose) {
            card.wrong_pins += 1;
            return Err("55");
        }
        card.wrong_pins = 0;
        Ok(number)
    }

    fn balance(&mut self, asked: &Message<'_>, back: &mut Vec<(u8, String)>) -> &'static str {
        match self.card_of(asked) {
            Ok(number) => {
                let minor = self.balance_minor(&number).unwrap_or(0);
                back.push((54, format!("0002156C{minor:012}")));
                "00"
            }
            Err(code) => code,
        }
    }

    fn debit(&mut self, asked: &Message<'_>, back: &mut Vec<(u8, String)>) -> &'static str {
        let number = match self.card_of(asked) {
            Ok(number) => number,
            Err(code) => return code,
        };
        let number_of = |field| asked.field(field).and_then(|value| value.number());
        let (Some(minor), Some(stan)) = (number_of(4), number_of(11)) else { return "30" };
        if minor == 0 || number_of(49) != Some(156) {
            return "13";
        }
        let time = text(asked, 7);
        if self.debits.iter().any(|debit| debit.stan == stan && debit.time == time) {
            return "94";
        }
        let Some(card) = self.cards.get_mut(&number).filter(|card| card.balance_minor >= minor) else {
            return "51";
        };
        card.balance_minor -= minor;
        let own = format!("{:012}", 700_000 + self.debits.len());
        back.push((37, own.clone()));
        self.debits.push(BankDebit { number, stan, time, minor, own, reversed: false });
        "00"
    }

    /// The original that field 90 or 61 names.
    fn original(&self, asked: &Message<'_>) -> Option<usize> {
        let (stan, time) = match asked.field(90) {
            Some(value) => {
                let text = value.to_text();
                (text.get(4..10)?.parse::<u64>().ok()?, text.get(10..20)?.to_string())
            }
            None => {
                let text = text(asked, 61);
                (text.get(6..12)?.parse().ok()?, text.get(12..16)?.to_string())
            }
        };
        self.debits.iter().position(|debit| debit.stan == stan && debit.time.starts_with(&time))
    }

    fn reverse(&mut self, asked: &Message<'_>) -> &'static str {
        let Some(place) = self.original(asked) else { return "25" };
        let debit = &mut self.debits[place];
        if !core::mem::replace(&mut debit.reversed, true) {
            if let Some(card) = self.cards.get_mut(&debit.number) {
                card.balance_minor += debit.minor;
            }
        }
        "00"
    }

    fn query(&self, asked: &Message<'_>, back: &mut Vec<(u8, String)>) -> &'static str {
        match self.original(asked).map(|place| &self.debits[place]) {
            Some(debit) if !debit.reversed => {
                back.push((37, debit.own.clone()));
                "00"
            }
            _ => "25",
        }
    }

    /// The answer: what was asked comes back, with what was added, in a frame that finds its way back.
    fn answer(&self, asked: &Message<'_>, mti: Mti, back: Vec<(u8, String)>) -> Option<Vec<u8>> {
        let mut fields: BTreeMap<u8, String> = asked
            .fields()
            .filter(|(number, _)| matches!(number, 3 | 4 | 7 | 11..=13 | 32 | 41 | 42 | 49 | 60 | 70))
            .chain(asked.field(self.terms.reference_field).map(|value| (self.terms.reference_field, value)))
            .map(|(number, value)| (number, value.to_text()))
            .collect();
        fields.extend(back);
        let last = *fields.keys().next_back()?;
        let mut out = Vec::new();
        let tpdu = asked.answer_tpdu().unwrap_or_default();
        let mut writer = self.spec.write(mti, &mut out).framed(tpdu, asked.header());
        for (number, text) in &fields {
            writer.text(*number, text).ok()?;
        }
        if self.terms.mac && mti.number() != 810 {
            let make = |bytes: &[u8]| self.crypto.mac(&self.keys, bytes).unwrap_or_default();
            writer.mac(if last > 64 { 128 } else { 64 }, make).ok()?;
        }
        writer.finish().ok()?;
        Some(out)
    }
}

impl core::fmt::Debug for SimBank {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SimBank({} cards, {} debits)", self.cards.len(), self.debits.len())
    }
}

fn text(asked: &Message<'_>, number: u8) -> String {
    asked.field(number).map(|value| value.to_text()).unwrap_or_default()
}

fn is(asked: &Message<'_>, number: u8, text: &str) -> bool {
    asked.field(number).is_some_and(|value| value.is(text))
}
