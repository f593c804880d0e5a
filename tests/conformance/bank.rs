//! The other end of a bank's line, with MACs and PIN blocks.

use scrip::adapters::bank::{
    Bank, BankCrypto, BankTerms, Dialect, Network, Original, PinFormat, SoftCrypto, X919,
};
use scrip::base::Secret;
use scrip::codec::iso8583::{Frame, Message as Iso, Mti, Spec};
use scrip::issuer::{Decline, Message, OpKind, Reference};
use scrip::money::{Amount, Currency};
use scrip::sim::kit::{CardText, FarEnd, Heard, Said, Says};
use std::collections::BTreeMap;

const COUNTED: &str =
    "verify = \"pin_check\"\nidempotency = \"none\"\nrecipe = \"reverse\"\non_absent = \"decline\"";

/// One way of a bank.
#[derive(Clone)]
pub(crate) struct Way {
    terms: BankTerms,
    recipe: &'static str,
}

impl Way {
    /// What a bank of this kind has no words for.
    pub(crate) fn left_out(&self) -> Vec<&'static str> {
        let queries =
            ["query, which the protocol does not have", "receipt, which the protocol does not have"];
        let mut all = if self.terms.query_code.is_none() { queries.to_vec() } else { Vec::new() };
        if self.recipe == COUNTED {
            all.push("repeats, which the profile says are never sent");
        }
        if self.terms.dialect == Dialect::Iso1987 {
            all.push("repeats that are named as such");
        }
        if !self.terms.mac {
            all.push("changed bytes, for answers are not signed");
        }
        all
    }
}

pub(crate) fn all() -> Vec<Way> {
    let terms = BankTerms {
        terminal: "TERM0001".into(),
        merchant: "MERCHANT0000001".into(),
        acquirer: Some("48021000".into()),
        query_code: Some("380000".into()),
        ..BankTerms::default()
    };
    let unionpay = BankTerms {
        sign_in: Some(Network::Field60),
        original: Original::Field61,
        reference_field: 63,
        advice: true,
        query_code: None,
        ..terms.clone()
    };
    let bare =
        BankTerms { mac: false, pin: false, sign_in: None, dialect: Dialect::Iso1987, ..terms.clone() };
    let free = "verify = \"balance\"\nidempotency = \"site\"\nrecipe = \"query\"";
    vec![
        Way { terms, recipe: COUNTED },
        Way { terms: unionpay, recipe: COUNTED },
        Way { terms: bare, recipe: free },
    ]
}

fn spec() -> Spec {
    Spec::bcd().framed(Frame::UNIONPAY_POS)
}

fn soft() -> SoftCrypto {
    SoftCrypto::new(&Secret::new(vec![0x5A; 16]), Box::new(X919), PinFormat::Iso0).unwrap()
}

pub(crate) fn issuer(way: &Way) -> Bank {
    let profile = crate::profile("bank", way.recipe);
    Bank::new(profile, way.terms.clone(), spec(), Box::new(soft()), crate::key()).unwrap()
}

pub(crate) struct End {
    terms: BankTerms,
    spec: Spec,
    crypto: SoftCrypto,
    keys: Vec<u8>,
}

fn text(message: &Iso<'_>, number: u8) -> String {
    message.field(number).map(|value| value.to_text()).unwrap_or_default()
}

impl End {
    pub(crate) fn new(way: Way) -> Self {
        Self { terms: way.terms, spec: spec(), crypto: soft(), keys: Vec::new() }
    }

    fn kind(&self, asked: &Iso<'_>) -> Option<OpKind> {
        Some(match asked.mti().number() {
            200 if text(asked, 3) == self.terms.balance_code => OpKind::PinCheck,
            200 | 201 => OpKind::Redeem,
            400 | 401 | 420 | 421 => OpKind::Reverse,
            100 => OpKind::Query,
            _ => return None,
        })
    }

    /// By STAN and date, as field 61 names a debit too.
    fn key(&self, asked: &Iso<'_>, kind: OpKind) -> String {
        match (kind, self.terms.original) {
            (OpKind::Redeem, _) => format!("{} {}", text(asked, 11), &text(asked, 7)[..4]),
            (_, Original::Field90) if asked.has(90) => {
                let original = text(asked, 90);
                format!("{} {}", &original[4..10], &original[10..14])
            }
            (_, Original::Field61) if asked.has(61) => {
                let original = text(asked, 61);
                format!("{} {}", &original[6..12], &original[12..16])
            }
            _ => String::new(),
        }
    }

    fn fits(&self, asked: &Iso<'_>, card: CardText) -> bool {
        let number = card.number.unwrap();
        let block = self.crypto.pin_block(&self.keys, card.secret.as_bytes(), number.as_bytes(), [0; 8]);
        let told = asked.field(52).and_then(|block| block.to_bytes());
        let pin = !self.terms.pin || told.as_deref() == block.as_ref().map(Secret::expose);
        !asked.has(2) || (text(asked, 2) == number && pin)
    }

    fn code(&self, said: &Said) -> Option<String> {
        let of = |wanted: &[&str]| wanted.iter().map(ToString::to_string).next();
        match said.says {
            Says::Yes => of(&["00"]),
            Says::Partial => self.terms.dialect.response("10").and_then(|_| of(&["10"])),
            Says::No(Decline::WrongSecret) => of(&["55"]),
            Says::No(Decline::Expired) => of(&["54"]),
            Says::No(Decline::AlreadyUsed | Decline::Refused) => of(&["05"]),
            Says::NotFound => of(&["25"]),
            Says::Duplicate if self.terms.dialect == Dialect::UnionpayPos => of(&["94"]),
            Says::Unsure => of(&["96"]),
            Says::Strange(number) => {
                let all = (b'A'..=b'Z').flat_map(|a| (b'0'..=b'9').map(move |b| [a, b]));
                let all = all.map(|code| String::from_utf8(code.to_vec()).unwrap());
                let mut strange = all.filter(|code| self.terms.dialect.response(code).is_none());
                strange.nth(number as usize)
            }
            _ => None,
        }
    }

    fn finish(&self, asked: &Iso<'_>, fields: BTreeMap<u8, String>, mac: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut writer = self.spec.write(Mti::new(asked.mti().number() / 10 * 10 + 10)?, &mut out);
        for (number, text) in &fields {
            writer.text(*number, text).ok()?;
        }
        if mac {
            let last = if *fields.keys().next_back()? > 64 { 128 } else { 64 };
            writer.mac(last, |bytes| self.crypto.mac(&self.keys, bytes).unwrap()).ok()?;
        }
        writer.finish().ok()?;
        Some(out)
    }
}

impl FarEnd for End {
    fn signs(&self) -> bool {
        self.terms.mac
    }

    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>> {
        let asked = self.spec.read(&request.body).ok()?;
        if self.terms.mac {
            let number = if asked.has(128) { 128 } else { 64 };
            let told = asked.field(number)?.to_bytes()?;
            assert_eq!(told, self.crypto.mac(&self.keys, asked.before(number)?)?);
        }
        let kind = self.kind(&asked)?;
        let minor = asked.field(4).and_then(|minor| minor.number());
        let reference = text(&asked, self.terms.reference_field);
        Some(vec![Heard {
            kind,
            reference: Reference::parse(reference.trim_end()),
            key: self.key(&asked, kind),
            amount: minor.map(|minor| Amount::new(i64::try_from(minor).unwrap(), Currency::CNY)),
            card_fits: self.fits(&asked, card),
        }])
    }

    fn write(&mut self, request: &Message, said: &[Said]) -> Option<Vec<u8>> {
        let [said] = said else { return None };
        let asked = self.spec.read(&request.body).ok()?;
        let code = self.code(said)?;
        let mut fields: BTreeMap<u8, String> = asked
            .fields()
            .filter(|(number, _)| matches!(number, 3 | 7 | 11..=13 | 32 | 41 | 42 | 60))
            .map(|(number, value)| (number, value.to_text()))
            .collect();
        let currency = format!("{:03}", said.amount.currency().numeric());
        let minor = if said.says == Says::Partial { said.amount.minor() / 2 } else { said.amount.minor() };
        match said.kind {
            OpKind::Balance | OpKind::PinCheck => {
                fields.insert(54, format!("0002{currency}C{minor:012}"));
            }
            _ => {
                fields.insert(4, format!("{minor:012}"));
            }
        }
        fields.insert(2, said.card.number?.to_string());
        fields.insert(37, format!("{:0>12}", said.own.replace('-', "")));
        fields.insert(39, code);
        fields.insert(49, currency);
        fields.insert(self.terms.reference_field, said.reference.to_string());
        self.finish(&asked, fields, self.terms.mac)
    }

    fn open(&mut self, request: &Message) -> Option<Vec<u8>> {
        let asked = self.spec.read(&request.body).ok()?;
        let key = |byte| Secret::new((byte..byte + 16).collect());
        self.keys = self.crypto.seal(&key(0x11), &key(0x83))?;
        let mut fields: BTreeMap<u8, String> =
            [7, 11, 41, 42].iter().map(|number| (*number, text(&asked, *number))).collect();
        fields.insert(39, "00".into());
        fields.insert(62, self.keys.iter().map(|byte| format!("{byte:02X}")).collect());
        self.finish(&asked, fields, false)
    }
}
