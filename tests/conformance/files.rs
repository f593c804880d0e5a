//! The other end of daily files.

use scrip::adapters::batch::{Batch, BatchServer, BatchTerms, FileMeta, enveloped};
use scrip::adapters::served::OpenCard;
use scrip::base::{Secret, Text, Wall};
use scrip::issuer::{Accepted, Answer, Decline, Issuer, Message, OpKind, Outcome};
use scrip::money::{Amount, Currency};
use scrip::sim::kit::{CardText, FarEnd, Heard, Said, Says};

const TERMS: &str = r#"
encoding = "utf-8"
delimiter = "|"
quote = "'"
currency = "CNY"
status = { "00" = "accepted", "10" = "expired", "11" = "already_used", "12" = "wrong_secret", "13" = "unknown_card" }
[out]
name = "OUT_{sequence:6}.txt"
row = [{ field = "reference" }, { field = "number" }, { field = "secret" }, { field = "amount" }]
trailer = [{ field = "count" }, { field = "sum" }]
[result]
name = "RES_{sequence:6}.txt"
row = [{ field = "reference" }, { field = "status" }, { field = "issuer_reference" }, { field = "amount" }]
trailer = [{ field = "count" }, { field = "sum" }]
"#;

const PROFILE: &str = "[issuer.shop]\nadapter = \"batch\"\nverify = \"none\"\nevidence = \"file\"\n\
    idempotency = \"issuer\"\nrecipe = \"file\"\nlate_debit = \"owe\"\nbatch_window_ms = 5\nbatch_max = 50\n\
    endpoints = [\"a\"]\n";

/// Each of them once in a row of a no, and once in a row of a yes.
const STRANGE: [&str; 12] = ["14", "14", "1", "1", "", "", "000", "000", "OK", "OK", "-1", "-1"];

fn terms() -> BatchTerms {
    BatchTerms::parse(TERMS).unwrap()
}

pub(crate) fn issuer() -> Box<dyn Issuer> {
    let profile = scrip::issuer::Profiles::parse(PROFILE).unwrap().issuers["shop"].clone();
    Box::new(Batch::new(profile, terms(), None).unwrap())
}

pub(crate) struct End(BatchServer);

impl End {
    pub(crate) fn new() -> Self {
        Self(BatchServer::new(terms(), None).unwrap())
    }
}

impl FarEnd for End {
    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>> {
        let name = std::str::from_utf8(&request.head).ok()?;
        let fits = |open: &OpenCard| {
            open.secret.expose() == card.data().secret
                && open.number.as_ref().map(Secret::expose) == card.data().number
        };
        let heard = self.0.read(name, None, &request.body).ok()?.into_iter().map(|asked| Heard {
            kind: asked.kind,
            reference: Some(asked.reference),
            key: asked.reference.to_string(),
            amount: Some(asked.amount),
            card_fits: asked.card.as_ref().is_none_or(fits),
        });
        Some(heard.collect())
    }

    fn write(&mut self, request: &Message, said: &[Said]) -> Option<Vec<u8>> {
        // The rows name no currency: there are no words for another one.
        if said.iter().any(|said| said.amount.currency() != Currency::CNY) {
            return None;
        }
        // A status that the terms do not name stands in the place of one that they do.
        let strange = match said {
            [Said { says: Says::Strange(number), .. }] => Some(*STRANGE.get(*number as usize)?),
            _ => None,
        };
        let answers: Option<Vec<_>> = said
            .iter()
            .map(|said| {
                let outcome = match said.says {
                    Says::Strange(number) if number % 2 == 0 => Outcome::Declined(Decline::Expired),
                    Says::Yes | Says::Strange(_) if said.kind == OpKind::Redeem => {
                        Outcome::Accepted(Accepted {
                            reference: Text::new(&said.own).unwrap(),
                            amount: Amount::new(said.amount.minor(), said.amount.currency()),
                            card: None,
                            generation: None,
                        })
                    }
                    Says::No(decline) => Outcome::Declined(decline),
                    _ => return None,
                };
                Some((said.reference, Answer { kind: said.kind, outcome, by_file: true }))
            })
            .collect();
        // A result bears the number of the file that it answers.
        let number = request.head.iter().filter(|byte| byte.is_ascii_digit());
        let sequence = number.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        let meta = FileMeta { at: Wall(1_795_390_215_000), sequence };
        let mut file = self.0.write(&meta, &answers?).ok()?;
        if let Some(strange) = strange {
            let text = std::str::from_utf8(&file.body).ok()?;
            let row = text.replace("|10|", &format!("|{strange}|")).replace("|00|", &format!("|{strange}|"));
            file.body = row.into_bytes();
        }
        Some(enveloped(std::str::from_utf8(&file.head).ok()?, None, &file.body))
    }
}
